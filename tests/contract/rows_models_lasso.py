"""Rows of ``jaxmath.models.lasso``."""

import itertools

import jax.numpy as jnp
import numpy as np

from jaxmath.models import lasso
from tests.contract.row import Bad, NotDifferentiable, Row, Singular
from tests.contract.rows_models_linear_regression import BAD, BAD_EXAMPLE, data, params

LOOP = NotDifferentiable("coordinate descent is a while_loop")


def penalized(rng, dtype):
    alpha, l1_ratio = rng.uniform(0.05, 0.5), rng.uniform(0.2, 0.9)
    return *data(rng, dtype), jnp.asarray(alpha, dtype), jnp.asarray(l1_ratio, dtype)


def by_signs(X, y, alpha, l1_ratio=1.0):
    """The best of the stationary points of all patterns of signs."""
    n, d = X.shape
    C, t = X - X.mean(0), y - y.mean()
    l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
    best = np.zeros(d)
    f = lambda w: np.sum((t - C @ w) ** 2) / (2 * n) + l1 * np.abs(w).sum() + l2 / 2 * w @ w
    for pattern in itertools.product((-1, 0, 1), repeat=d):
        signs = np.array(pattern)
        on, w = signs != 0, np.zeros(d)
        A = C[:, on].T @ C[:, on] / n + l2 * np.eye(on.sum())
        w[on] = np.linalg.solve(A, C[:, on].T @ t / n - l1 * signs[on])
        if np.all(w * signs >= 0) and f(w) < f(best):
            best = w
    return best, y.mean() - X.mean(0) @ best


def thresholded(rng, dtype):
    return jnp.asarray([-3.0, -0.4, 0.3, 2.0], dtype), jnp.asarray(rng.uniform(0.5, 1.5), dtype)


RATIO = Bad((np.ones((3, 2)), np.ones(3), 1.0, 1.5), "`l1_ratio` must be at least 0.0 and at most")
PENALIZED = (
    *(Bad((*b.args, 1.0), b.match) for b in BAD),
    Bad((np.ones((3, 2)), np.ones(3), -1.0), "`alpha` must be at least 0"),
)

ROWS = [
    Row("models.lasso.elastic_net", penalized, by_signs, diff=LOOP, tol=256,
        bad=(*PENALIZED, RATIO),
        call=lambda *args: lasso.elastic_net(*args, tol=0.0, max_steps=300).value),
    Row("models.lasso.lasso", lambda rng, dtype: penalized(rng, dtype)[:3], by_signs,
        diff=LOOP, tol=256, bad=PENALIZED,
        call=lambda *args: lasso.lasso(*args, tol=0.0, max_steps=300).value),
    Row("models.lasso.predict", params, lambda p, x: p[1] + sum(p[0] * x), diff=(0, 1),
        bad=BAD_EXAMPLE),
    Row("models.lasso.soft_threshold", thresholded,
        lambda x, t: np.sign(x) * np.maximum(np.abs(x) - t, 0), diff=(0, 1), tol=4,
        singular=(Singular(([1.0, -1.0], 1.0), [0.0, 0.0], ([0.0, 0.0], 0.0)),
                  Singular(([0.0, 3.0], 0.0), [0.0, 3.0], ([0.0, 1.0], -1.0))),
        bad=(Bad((np.ones(2), np.ones(3)), r"`threshold` must have shape \(2,\)"),
             Bad((1j, 1.0), "`x` must have a real", TypeError))),
]  # fmt: skip
