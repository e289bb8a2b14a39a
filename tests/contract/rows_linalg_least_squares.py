"""Rows of ``jaxmath.linalg.least_squares``."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl

from tests.contract.row import Bad, HostRow, Row, Singular


def matrix(rng, dtype):
    return (jnp.asarray(rng.normal(size=(4, 3)), dtype),)


def system(rng, dtype):
    return *matrix(rng, dtype), jnp.asarray(rng.normal(size=4), dtype)


def solution(A, b):
    x, _, rank, s = sl.lstsq(A, b)
    return x, np.sum((b - A @ x) ** 2), np.int32(rank), s


EYE, RANK_ONE, ZERO = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]

ROWS = [
    Row("linalg.lstsq", system, solution, diff=(0, 1), tol=1024, bad=(
        Bad((np.ones(3), np.ones(3)), "`A` must have rank 2"),
        Bad((np.ones((3, 2)), np.ones(2)), "`b` must have 3 rows"),
        Bad((np.ones((2, 3, 2)), np.ones(3)), "for a batch, use jax.vmap"),
        Bad((np.ones((3, 2)), np.ones(3), -1.0), "`rcond` must be at least 0"),
    ), singular=(Singular((RANK_ONE, [1.0, 1.0]), None), Singular((ZERO, [1.0, 1.0]), None))),
    Row("linalg.pinv", matrix, sl.pinv, tol=512, bad=(
        Bad((np.ones(3),), "`A` must have rank 2"),
        Bad((np.ones((0, 3)),), "`A` must have at least 1 elements"),
        Bad((np.ones((2, 3, 2)),), "for a batch, use jax.vmap"),
    ), singular=(Singular((ZERO,), ZERO, (ZERO,)), Singular((RANK_ONE,), RANK_ONE),
                 Singular((EYE,), EYE))),
    HostRow("linalg.LstsqResult", "a record", (
        "tests/linalg/test_least_squares.py::test_against_scipy",)),
]  # fmt: skip
