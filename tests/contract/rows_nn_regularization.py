"""Rows of the penalties on parameters and of the bound on norms."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxmath import nn
from tests.contract.row import Bad, HostRow, Row, Singular

DTYPES = ("float32", "bfloat16", "float64")
TESTS = "tests/nn/test_regularizers.py"
MASK = nn.Dense(kernel=True, bias=False)
ZERO = nn.Dense(np.array([[0.0, -1.0]]), np.array([0.0, 3.0]))
DENSE = nn.Dense(np.ones((2, 2)), np.ones(2))


def make_params(rng: np.random.Generator, dtype: Any) -> tuple:
    """Weights of both signs, at least 0.1 away from 0."""
    draw = lambda *shape: (0.1 + rng.exponential(size=shape)) * rng.choice([-1.0, 1.0], shape)
    return (nn.Dense(jnp.asarray(draw(4, 3), dtype), jnp.asarray(draw(3), dtype)),)


def make_two(rng: np.random.Generator, dtype: Any) -> tuple:
    return (*make_params(rng, dtype), *make_params(rng, dtype))


def make_mixture(rng: np.random.Generator, dtype: Any) -> tuple:
    mixture = (rng.standard_normal(3), rng.standard_normal(3), 0.5 * rng.standard_normal(3))
    return (*make_params(rng, dtype), nn.WeightMixture(*(jnp.asarray(v, dtype) for v in mixture)))


def make_kernel(rng: np.random.Generator, dtype: Any) -> tuple:
    kernel = rng.standard_normal((2, 3, 4)) * np.array([0.1, 0.2, 2.0, 5.0])
    return jnp.asarray(kernel, dtype), jnp.asarray(1.5, dtype)


def mixture_oracle(params: Any, mixture: Any) -> float:
    pi = np.exp(mixture.logits) / np.sum(np.exp(mixture.logits))
    densities = [
        sum(p * stats.norm.pdf(w, m, np.exp(s))
            for p, m, s in zip(pi, mixture.means, mixture.log_stddevs, strict=True))
        for w in params.kernel.ravel()
    ]  # fmt: skip
    return -np.sum(np.log(densities))


def max_norm_oracle(kernel: np.ndarray, bound: float) -> np.ndarray:
    units = [w * min(1, bound / np.linalg.norm(w)) for w in np.moveaxis(kernel, -1, 0)]
    return np.stack(units, -1)


def masked(fn: Any) -> Any:
    return lambda params, *args: fn(params, *args, mask=MASK)


def bad(*rest: Any) -> tuple[Bad, ...]:
    return (
        Bad(({"a": "b"}, *rest), r"argument `params\['a'\]`", TypeError),
        Bad(([1j], *rest), r"argument `params\[0\]`", TypeError),
    )


ROWS = [
    Row("nn.l1", make_params, lambda p: np.sum(np.abs(p.kernel)), call=masked(nn.l1), bad=bad(),
        dtypes=DTYPES, singular=(Singular((ZERO,), 1.0, (nn.Dense([[0.0, -1.0]], [0.0, 0.0]),)),)),
    Row("nn.l2", make_params, lambda p: np.sum(p.kernel**2) / 2, call=masked(nn.l2), bad=bad(),
        dtypes=DTYPES),
    Row("nn.elastic_net", lambda rng, dtype: (*make_params(rng, dtype), jnp.asarray(0.25, dtype)),
        lambda p, _: 0.25 * np.sum(np.abs(p.kernel)) + 0.375 * np.sum(p.kernel**2),
        call=masked(nn.elastic_net), diff=(0, 1), dtypes=DTYPES,
        bad=(*bad(), Bad((DENSE, 1.5), "argument `l1_ratio` must be at least 0.0 and at most 1"))),
    Row("nn.tying_penalty", make_two,
        lambda a, b: (np.sum((a.kernel - b.kernel) ** 2) + np.sum((a.bias - b.bias) ** 2)) / 2,
        diff=(0, 1), dtypes=DTYPES, bad=(
            Bad((DENSE, DENSE._replace(bias=np.ones(3))), r"argument `b.bias` must have shape"),
            Bad((DENSE, [1.0]), "argument `b` must have the structure"),
        )),
    Row("nn.soft_weight_sharing", make_mixture, mixture_oracle, call=masked(nn.soft_weight_sharing),
        diff=(0, 1), dtypes=DTYPES, bad=(
            *bad(nn.WeightMixture(*np.ones((3, 2)))),
            Bad((DENSE, nn.WeightMixture(np.ones(2), np.ones(3), np.ones(2))),
                "argument `mixture.means`"),
        )),
    Row("nn.max_norm", make_kernel, max_norm_oracle, diff=(0, 1), dtypes=DTYPES,
        singular=(Singular((np.zeros((2, 1)), 1.0), np.zeros((2, 1)), (np.ones((2, 1)), 0.0)),),
        bad=(
            Bad((np.ones(3), 1.0), "argument `kernel` must have rank"),
            Bad((np.ones((3, 2)), -1.0), "argument `max_value` must be at least 0"),
        )),
    HostRow("nn.keep_max_norm", "makes an optax transformation",
            ("tests/nn/test_max_norm.py::test_a_chain_keeps_every_unit_in_the_ball",)),
    HostRow("nn.decay_mask", "a tree of Python booleans, from names",
            (f"{TESTS}::test_decay_mask_of_jaxmath_and_of_flax",)),
    HostRow("nn.WeightMixture", "a record: three arrays with names",
            ("tests/nn/test_weight_sharing.py::test_one_component_is_weight_decay",)),
]  # fmt: skip
