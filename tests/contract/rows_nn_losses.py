"""Rows of the losses that came after the first ones, and of the divergences."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import special

from tests.contract.row import Bad, Row, Singular
from tests.contract.rows_nn import DTYPES, make_pair

INF = float("inf")


def make_far_pair(rng: np.random.Generator, dtype: Any) -> tuple:
    """Two vectors at least 0.1 apart everywhere, and not near 1 apart."""
    gap = rng.choice([0.1, 0.4, 1.5, 3.0], 5) + 0.2 * rng.random(5)
    target = rng.standard_normal(5)
    return tuple(jnp.asarray(v, dtype) for v in (target + gap * rng.choice([-1.0, 1.0], 5), target))


def make_soft(rng: np.random.Generator, dtype: Any) -> tuple:
    logits, target = 3 * rng.standard_normal(6), rng.dirichlet(np.ones(6))
    return jnp.asarray(logits, dtype), jnp.asarray(target, dtype)


def make_log_probabilities(rng: np.random.Generator, dtype: Any) -> tuple:
    p, q = rng.dirichlet(3 * np.ones(5), 2)
    return jnp.asarray(np.log(p), dtype), jnp.asarray(np.log(q), dtype)


def make_weighted(rng: np.random.Generator, dtype: Any) -> tuple:
    return jnp.asarray(rng.exponential(size=5), dtype), jnp.asarray(rng.uniform(0.5, 1.5, 5), dtype)


def make_binary_score(rng: np.random.Generator, dtype: Any) -> tuple:
    return jnp.asarray(rng.uniform(-0.9, 0.9), dtype), jnp.int32(rng.choice([-1, 1]))


def make_scores(rng: np.random.Generator, dtype: Any) -> tuple:
    return jnp.asarray(rng.permutation(6) / 3 + 0.1, dtype), jnp.int32(rng.integers(6))


def crammer_singer(z: np.ndarray, y: np.ndarray) -> float:
    return max(0.0, max(1 + z[j] - z[int(y)] for j in range(len(z)) if j != y))


def generalized_kl(log_p: np.ndarray, log_q: np.ndarray) -> float:
    return special.kl_div(np.exp(log_p), np.exp(log_q)).sum()


def js(log_p: np.ndarray, log_q: np.ndarray) -> float:
    p, q = np.exp(log_p), np.exp(log_q)
    m = (p + q) / 2  # in bfloat16 p and q do not sum to 1, and SciPy's distance would rescale them
    return (special.kl_div(p, m) + special.kl_div(q, m)).sum() / 2


PAIR = (
    Bad((np.zeros((2, 3)), np.zeros((2, 3))), "argument `prediction` .*jax.vmap"),
    Bad((np.zeros(3), np.zeros(2)), r"argument `target` must have shape \(3,\)"),
)
SET = (
    Bad((1.0, 1.0), "argument `predictions` must have rank 1 or 2"),
    Bad((np.zeros(0), np.zeros(0)), "argument `predictions` must have at least 1"),
    Bad((np.zeros((3, 2)), np.zeros(3)), r"argument `targets` must have shape \(3, 2\)"),
)
LOGS = (
    Bad((np.zeros((2, 3)), np.zeros((2, 3))), "argument `log_p` must have rank 1.*jax.vmap"),
    Bad((np.zeros(3), np.zeros(2)), r"argument `log_q` must have shape \(3,\)"),
)
CLASSES = (
    Bad((np.zeros((2, 3)), 0), "argument `scores` must have rank 1.*jax.vmap"),
    Bad((np.zeros(0), 0), "argument `scores` must have at least 1"),
    Bad((np.zeros(3), 1.0), "argument `label` must have an integer dtype", TypeError),
)
ZEROS = [0.0, 0.0]

ROWS = [
    Row(
        "nn.absolute_error",
        make_far_pair,
        lambda y_hat, y: np.abs(y_hat - y).sum(),
        diff=(0, 1),
        bad=PAIR,
        singular=(Singular(([1.0, 2.0], [1.0, 3.0]), 1.0, ([0.0, -1.0], [0.0, 1.0])),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.huber_loss",
        make_far_pair,
        lambda y_hat, y: special.huber(1.0, y_hat - y).sum(),
        diff=(0, 1),
        bad=PAIR,
        singular=(Singular(([1.0, 2.0], [0.0, 2.0]), 0.5, ([1.0, 0.0], [-1.0, 0.0])),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.mean_absolute_error",
        make_far_pair,
        lambda y_hat, y: np.abs(y_hat - y).mean(),
        diff=(0, 1),
        bad=SET,
        singular=(Singular(([1.0, 2.0], [1.0, 3.0]), 0.5, ([0.0, -0.5], [0.0, 0.5])),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.mean_squared_error",
        make_pair,
        lambda y_hat, y: ((y_hat - y) ** 2).mean(),
        diff=(0, 1),
        bad=SET,
        dtypes=DTYPES,
    ),
    Row(
        "nn.root_mean_squared_error",
        make_pair,
        lambda y_hat, y: np.sqrt(((y_hat - y) ** 2).mean()),
        diff=(0, 1),
        bad=SET,
        singular=(Singular(([1.0, 2.0], [1.0, 2.0]), 0.0, (ZEROS, ZEROS)),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.weighted_mean",
        make_weighted,
        lambda losses, weights: np.average(losses, weights=weights),
        diff=(0, 1),
        bad=(
            Bad((1.0, 1.0), "argument `losses` must have rank 1"),
            Bad((np.zeros(3), np.zeros(2)), r"argument `weights` must have shape \(3,\)"),
        ),
        singular=(Singular(([1.0, INF], ZEROS), 0.0, (ZEROS, ZEROS)),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.hinge_loss",
        make_binary_score,
        lambda z, y: max(0.0, 1 - y * z),
        bad=(
            Bad((np.zeros(2), 1), "argument `score` must have rank 0.*jax.vmap"),
            Bad((0.0, np.ones(2)), "argument `label` must have rank 0"),
        ),
        singular=(Singular((-1.0, -1), 0.0, (0.0,)),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.multiclass_hinge_loss",
        make_scores,
        crammer_singer,
        bad=CLASSES,
        singular=(Singular(([2.0, 1.0, 0.0], 0), 0.0, ([0.0, 0.0, 0.0],)),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.softmax_cross_entropy_with_soft_labels",
        make_soft,
        lambda z, q: -(q @ special.log_softmax(z)),
        diff=(0, 1),
        bad=(
            Bad((np.zeros((2, 3)), np.zeros((2, 3))), "argument `logits` must have rank 1.*vmap"),
            Bad((np.zeros(0), np.zeros(0)), "argument `logits` must have at least 1"),
            Bad((np.zeros(3), 1), r"argument `target` must have shape \(3,\)"),
        ),
        singular=(
            Singular(
                ([-INF, 0.0, 0.0], [0.0, 0.5, 0.5]),
                np.log(2),
                (np.zeros(3), np.log([1.0, 2.0, 2.0])),
            ),
        ),
        dtypes=DTYPES,
    ),
    Row(
        "nn.kl_divergence",
        make_log_probabilities,
        generalized_kl,
        diff=(0, 1),
        bad=LOGS,
        singular=(Singular(([-INF, 0.0], [0.0, 0.0]), 1.0, (ZEROS, [1.0, 0.0])),),
        dtypes=DTYPES,
    ),
    Row(
        "nn.js_divergence",
        make_log_probabilities,
        js,
        diff=(0, 1),
        bad=LOGS,
        singular=(
            Singular(
                ([-INF, 0.0], [0.0, -INF]), np.log(2), ([0.0, np.log(2) / 2], [np.log(2) / 2, 0.0])
            ),
        ),
        dtypes=DTYPES,
    ),
]
