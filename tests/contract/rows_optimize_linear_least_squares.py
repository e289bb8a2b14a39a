"""Rows of ``jaxmath.optimize.linear_least_squares``."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl

from tests.contract.row import Bad, Row


def system(rng, dtype):
    return jnp.asarray(rng.normal(size=(6, 3)), dtype), jnp.asarray(rng.normal(size=6), dtype)


def weighted(rng, dtype):
    return *system(rng, dtype), jnp.asarray(rng.uniform(0.5, 2.0, size=6), dtype)


def solution(A, b):
    return sl.lstsq(A, b)[0]


BAD = (
    Bad((np.ones(3), np.ones(3)), "`A` must have rank 2"),
    Bad((np.ones((3, 2)), np.ones(2)), "`b` must have 3 rows"),
    Bad((np.ones((2, 3)), np.ones(2)), "`A` must have at least as many rows as columns"),
    Bad((np.ones((2, 3, 2)), np.ones(3)), "for a batch, use jax.vmap"),
    Bad((np.ones((3, 2)), np.ones(3, np.float32)), "`b` must have the dtype float64", TypeError),
)
WEIGHTS = (
    Bad((np.ones((3, 2)), np.ones(3), np.ones(2)), r"`weights` must have shape \(3,\), got \(2,\)"),
    Bad((np.ones((3, 2)), np.ones(2), np.ones(3)), "`b` must have 3 rows"),
)

ROWS = [
    Row("optimize.normal_equations", system, solution, diff=(0, 1), tol=1024, bad=BAD),
    Row("optimize.qr_least_squares", system, solution, diff=(0, 1), tol=256, bad=BAD),
    Row("optimize.weighted_least_squares", weighted,
        lambda A, b, w: solution(np.sqrt(w)[:, None] * A, np.sqrt(w) * b),
        diff=(0, 1, 2), tol=256, bad=WEIGHTS),
]  # fmt: skip
