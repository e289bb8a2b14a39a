"""Rows of ``jaxmath.models.neuron`` and ``jaxmath.models.perceptron``."""

import jax.numpy as jnp
import numpy as np

from jaxmath.models import perceptron
from jaxmath.models.linear_regression import LinearParams
from tests.contract.row import Bad, NotDifferentiable, Row
from tests.contract.rows_models_linear_regression import BAD_EXAMPLE, params

STEP = NotDifferentiable("a step: the derivative is 0 wherever there is one")


def bits(rng, dtype, n=3):
    return (jnp.asarray(rng.integers(0, 2, n), dtype),)


def gate(name, oracle, n=3):
    bad = (Bad((np.ones((2, 2)),), "argument `x` must have .*jax.vmap"),
           Bad((1j * np.ones(2),), "argument `x`", TypeError))  # fmt: skip
    return Row(f"models.neuron.{name}", lambda rng, dtype: bits(rng, dtype, n),
               lambda x: float(oracle(x)), diff=STEP, bad=bad)  # fmt: skip


def labelled(rng, dtype):
    """Three examples on each side of a random hyperplane, at least 0.2 off it."""
    w, X = rng.normal(size=2), rng.normal(size=(6, 2))
    w /= np.linalg.norm(w)
    y = np.array([0, 1, 0, 1, 1, 0])
    X += np.outer((2 * y - 1) * (0.2 + rng.exponential(size=6)) - X @ w, w)
    return jnp.asarray(w, dtype), jnp.asarray(X, dtype), jnp.asarray(y)


def loop(X, y):
    w, b = np.zeros(X.shape[1]), 0.0
    for _ in range(1000):
        mistakes = 0
        for x, label in zip(X, y, strict=True):
            s = 1 if label else -1
            if s * (w @ x + b) <= 0:
                w, b, mistakes = w + s * x, b + s, mistakes + 1
        if not mistakes:
            return w, b
    raise AssertionError


def bound(p, X, y):
    normal, points = np.append(p[0], p[1]), np.concatenate([X, np.ones((len(X), 1))], axis=1)
    margin = np.min((2 * y - 1) * (points @ normal)) / np.linalg.norm(normal)
    return np.max(np.linalg.norm(points, axis=1)) ** 2 / margin**2 if margin > 0 else np.inf


def one_example(rng, dtype):
    return *params(rng, dtype), jnp.int32(rng.integers(2))


def lesson(p, x, y):
    s = 2 * int(y) - 1
    return (p[0] + s * x, p[1] + s) if s * (p[0] @ x + p[1]) <= 0 else p


def separated(rng, dtype):
    w, X, y = labelled(rng, dtype)
    return LinearParams(w, jnp.zeros((), dtype)), X, y


LABELS = (
    Bad((np.ones((3, 2)), np.array([0, 1, 2])), "`y` must hold labels from 0 to 1, got 2"),
    Bad((np.ones((3, 2)), np.array([0, 1, -1])), "`y` must hold labels from 0 to 1, got -1"),
    Bad((np.ones((3, 2)), np.ones(3)), "`y` must have an integer dtype", TypeError),
    Bad((np.ones((3, 2)), np.ones(2, int)), r"`y` must have shape \(3,\)"),
    Bad((np.ones((0, 2)), np.ones(0, int)), "`X` must have at least 1 elements"),
)
HYPERPLANE = LinearParams(np.ones(2), 0.0)

ROWS = [
    gate("and_gate", np.all),
    gate("nand_gate", lambda x: not np.all(x)),
    gate("nor_gate", lambda x: not np.any(x)),
    gate("or_gate", np.any),
    gate("xor_gate", lambda x: x[0] != x[1], n=2),
    Row("models.neuron.not_gate", lambda rng, dtype: (jnp.asarray(rng.integers(2), dtype),),
        lambda x: 1 - x, diff=STEP, bad=(Bad((np.ones(2),), "`x` must have rank 0"),)),
    Row("models.neuron.mcculloch_pitts",
        lambda rng, dtype: (*bits(rng, dtype, 4), jnp.asarray(rng.integers(-3, 3, 4), dtype),
                            jnp.asarray(1.0, dtype)),
        lambda x, w, threshold: float(sum(w[i] for i in range(4) if x[i]) >= threshold), diff=STEP,
        bad=(Bad((np.ones(2), np.ones(3), 1.0), r"`weights` must have shape \(2,\)"),
             Bad((np.ones(2), np.ones(2), np.ones(2)), "`threshold` must have rank 0"),
             Bad((np.ones(0), np.ones(0), 1.0), "`x` must have at least 1"))),
    Row("models.perceptron.update", one_example, lesson, diff=(0, 1), tol=8,
        bad=(*(Bad((*b.args, 1), b.match) for b in BAD_EXAMPLE),
             Bad((HYPERPLANE, np.ones(2), 1.0), "`y` must have an integer dtype", TypeError))),
    Row("models.perceptron.fit", lambda rng, dtype: labelled(rng, dtype)[1:], loop,
        diff=NotDifferentiable("a while_loop over mistakes"), bad=LABELS,
        call=lambda X, y: perceptron.fit(X, y).value),
    Row("models.perceptron.predict", params, lambda p, x: np.int32(p[0] @ x + p[1] >= 0), diff=STEP,
        bad=BAD_EXAMPLE),
    Row("models.perceptron.mistake_bound", separated, bound, diff=(0, 1), tol=64,
        bad=(*(Bad((HYPERPLANE, *b.args), b.match, b.error) for b in LABELS),
             Bad((LinearParams(np.ones(3), 0.0), np.ones((3, 2)), np.zeros(3, int)),
                 r"`params.coef` must have shape \(2,\)"))),
]  # fmt: skip
