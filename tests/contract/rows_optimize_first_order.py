"""Rows of the first-order optimizers: the updates of three recorded gradients.

The oracles are float64 loops over one element at a time, written from the equations that the
docstrings give; ``tests/optimize/test_first_order.py`` uses them for the papers' forms too. In the
rows b2 is 0.9: in float32 1 − 0.999² has a relative error of 10⁻⁵, in optax as here.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmath.optimize import adam_family, adaptive, momentum
from tests.contract.row import Bad, Row, Singular

STEPS, SIZE = 3, 2
Scalars = Iterator[float]


def over_elements(rule: Callable) -> Callable:
    """An oracle on (steps, n) gradients from one on a sequence of scalars."""

    def oracle(gradients: np.ndarray, *hyper: float, **options: Any) -> np.ndarray:
        columns = [list(rule(column, *hyper, **options)) for column in np.transpose(gradients)]
        return np.transpose(columns)

    return oracle


@over_elements
def sgd_oracle(gs: np.ndarray, lr: float) -> Scalars:
    for g in gs:
        yield -lr * g


@over_elements
def heavy_ball_oracle(gs: np.ndarray, lr: float, mu: float) -> Scalars:
    # Polyak's form, on positions: x⁺ = x − α g + μ (x − x⁻).
    before = x = 0.0
    for g in gs:
        before, x = x, x - lr * g + mu * (x - before)
        yield x - before


@over_elements
def nesterov_oracle(gs: np.ndarray, lr: float, mu: float) -> Scalars:
    # Sutskever et al. (3), (4): the gradients are taken at φ + μ w, whose moves are the updates.
    phi = w = 0.0
    for g in gs:
        look = phi + mu * w
        w = mu * w - lr * g
        phi = phi + w
        yield phi + mu * w - look


@over_elements
def adagrad_oracle(
    gs: np.ndarray, lr: float, start: float, eps: float, paper: bool = False
) -> Scalars:
    for t, g in enumerate(gs, 1):
        total = start + math.fsum(x * x for x in gs[:t])
        yield -lr * g / (eps + math.sqrt(total) if paper else math.sqrt(total + eps))


@over_elements
def adadelta_oracle(gs: np.ndarray, lr: float, rho: float, eps: float) -> Scalars:
    mean_g = mean_x = 0.0
    for g in gs:
        mean_g = rho * mean_g + (1 - rho) * g**2
        delta = math.sqrt(mean_x + eps) / math.sqrt(mean_g + eps) * g
        mean_x = rho * mean_x + (1 - rho) * delta**2
        yield -lr * delta


def _weighted(values: list[float], decay: float) -> float:
    """Σᵢ (1 − ρ) ρ^(t−i) xᵢ, the running average without its recursion."""
    t = len(values)
    return math.fsum((1 - decay) * decay ** (t - i) * x for i, x in enumerate(values, 1))


@over_elements
def rmsprop_oracle(
    gs: np.ndarray,
    lr: float,
    decay: float,
    eps: float,
    start: float,
    centered: bool = False,
    bias_correction: bool = False,
) -> Scalars:
    for t, g in enumerate(gs, 1):
        weight = 1 - decay**t if bias_correction else 1.0
        past = list(gs[:t])
        mean = _weighted(past, decay) / weight if centered else 0.0
        # Σ w (x − m)² + (1 − Σ w) m²: the same as Σ w x² − m² where the weights do not sum to 1.
        spread = _weighted([(x - mean) ** 2 for x in past], decay) / weight
        rest = 1 - (1 - decay**t) / weight
        v = spread + rest * mean**2 + decay**t * start / weight
        yield -lr * g / math.sqrt(v + eps)


def _adam_moments(gs: list[float], b1: float, b2: float) -> tuple[float, float]:
    return _weighted(gs, b1), _weighted([g**2 for g in gs], b2)


@over_elements
def adam_oracle(
    gs: np.ndarray, lr: float, b1: float, b2: float, eps: float, eps_root: float
) -> Scalars:
    for t in range(1, len(gs) + 1):
        m, v = _adam_moments(list(gs[:t]), b1, b2)
        yield -lr * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t) + eps_root) + eps)


@over_elements
def amsgrad_oracle(
    gs: np.ndarray, lr: float, b1: float, b2: float, eps: float, paper: bool = False
) -> Scalars:
    largest = 0.0
    for t in range(1, len(gs) + 1):
        m, v = _adam_moments(list(gs[:t]), b1, b2)
        largest = max(largest, v if paper else v / (1 - b2**t))
        yield -lr * (m if paper else m / (1 - b1**t)) / (math.sqrt(largest) + eps)


@over_elements
def adamax_oracle(gs: np.ndarray, lr: float, b1: float, b2: float, eps: float) -> Scalars:
    for t in range(1, len(gs) + 1):
        m = _weighted(list(gs[:t]), b1)
        u = max(b2 ** (t - i) * (abs(g) + eps) for i, g in enumerate(gs[:t], 1))
        yield -lr / (1 - b1**t) * m / u


@over_elements
def nadam_oracle(gs: np.ndarray, lr: float, b1: float, b2: float, eps: float) -> Scalars:
    for t, g in enumerate(gs, 1):
        m, v = _adam_moments(list(gs[:t]), b1, b2)
        m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        yield -lr * m_hat / (math.sqrt(v / (1 - b2**t)) + eps)


def adamw_oracle(
    gs: np.ndarray, theta: np.ndarray, lr: float, b1: float, b2: float, eps: float, decay: float
) -> np.ndarray:
    adam = adam_oracle(gs, 1.0, b1, b2, eps, 0.0)
    updates = []
    for step in adam:
        updates.append(lr * (step - decay * theta))
        theta = theta + updates[-1]
    return np.stack(updates)


def lion_oracle(
    gs: np.ndarray, theta: np.ndarray, lr: float, b1: float, b2: float, decay: float
) -> np.ndarray:
    updates = []
    for t, g in enumerate(gs):
        m = np.array([_weighted(list(column), b2) for column in gs[:t].T])
        updates.append(-lr * (np.sign(b1 * m + (1 - b1) * g) + decay * theta))
        theta = theta + updates[-1]
    return np.stack(updates)


def updates_of(optimizer: Any, gradients: Any, theta: Any) -> Any:
    """The updates that the optimizer makes of recorded gradients, one a row."""
    state, updates = optimizer.init(theta), []
    for gradient in gradients:
        update, state = optimizer.update(gradient, state, theta)
        theta = theta + update
        updates.append(update)
    return jnp.stack(updates)


def _row(
    name: str,
    factory: Callable,
    oracle: Callable,
    hyper: dict[str, float],
    *,
    bad: tuple[Bad, ...] = (),
    params: bool = False,
    note: str = "",
    **options: Any,
) -> Row:
    def make(rng: np.random.Generator, dtype: Any) -> tuple:
        gradients = jnp.asarray(rng.uniform(0.5, 2.0, (STEPS, SIZE)), dtype)
        signs = jnp.asarray(rng.choice([-1.0, 1.0], (STEPS, SIZE)), dtype)
        theta = (jnp.asarray(rng.normal(size=SIZE), dtype),) if params else ()
        return (gradients * signs, *theta, *(jnp.asarray(v, dtype) for v in hyper.values()))

    def call(gradients: Any, *rest: Any) -> Any:
        theta = rest[0] if params else jnp.zeros_like(gradients[0])
        optimizer = factory(**dict(zip(hyper, rest[params:], strict=True)), **options)
        return updates_of(optimizer, gradients, theta)

    still = ([[0.0] * SIZE] * STEPS, *(([0.0] * SIZE,) if params else ()), *hyper.values())
    return Row(
        name=f"optimize.{name}",
        make=make,
        call=call,
        oracle=oracle,
        diff=tuple(range(1 + params + len(hyper))),
        singular=(Singular(still, np.zeros((STEPS, SIZE))),),
        bad=(Bad((-0.1,), "`learning_rate` must be at least 0"), *bad),
        note=note,
    )


_ADAM = {"learning_rate": 0.1, "b1": 0.8, "b2": 0.9, "eps": 1e-3}
_BAD_B1 = (Bad((0.1, 1.0), "`b1` must be at least 0.0 and below 1"),)
_BAD_MOMENTUM = (Bad((0.1, 1.0), "`momentum` must be at least 0.0 and below 1"),)

ROWS = [
    _row("sgd", momentum.sgd, sgd_oracle, {"learning_rate": 0.1}),
    _row(
        "heavy_ball",
        momentum.heavy_ball,
        heavy_ball_oracle,
        {"learning_rate": 0.1, "momentum": 0.9},
        bad=_BAD_MOMENTUM,
    ),
    _row(
        "nesterov",
        momentum.nesterov,
        nesterov_oracle,
        {"learning_rate": 0.1, "momentum": 0.9},
        bad=_BAD_MOMENTUM,
    ),
    _row(
        "lion",
        momentum.lion,
        lion_oracle,
        {"learning_rate": 0.1, "b1": 0.3, "b2": 0.6, "weight_decay": 0.1},
        bad=_BAD_B1,
        params=True,
    ),
    _row(
        "adagrad",
        adaptive.adagrad,
        adagrad_oracle,
        {"learning_rate": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-3},
        bad=(Bad((0.1, -1.0), "`initial_accumulator_value` must be at least 0"),),
    ),
    _row(
        "adadelta",
        adaptive.adadelta,
        adadelta_oracle,
        {"learning_rate": 0.5, "rho": 0.9, "eps": 0.05},
        bad=(Bad((None,), "`learning_rate` must be a number", TypeError),),
    ),
    _row(
        "rmsprop",
        adaptive.rmsprop,
        lambda *args: rmsprop_oracle(*args, centered=True),
        {"learning_rate": 0.1, "decay": 0.9, "eps": 1e-3, "initial_scale": 0.1},
        bad=(Bad((0.1, 1.0), "`decay` must be at least 0.0 and below 1"),),
        note="the centred form; the plain one is in tests/optimize/test_first_order.py",
        centered=True,
    ),
    _row("adam", adam_family.adam, adam_oracle, {**_ADAM, "eps_root": 1e-3}, bad=_BAD_B1),
    _row(
        "adamw",
        adam_family.adamw,
        adamw_oracle,
        {**_ADAM, "weight_decay": 0.1},
        bad=_BAD_B1,
        params=True,
    ),
    _row("amsgrad", adam_family.amsgrad, amsgrad_oracle, _ADAM, bad=_BAD_B1),
    _row("adamax", adam_family.adamax, adamax_oracle, _ADAM, bad=_BAD_B1),
    _row("nadam", adam_family.nadam, nadam_oracle, _ADAM, bad=_BAD_B1),
]
