"""Rows of ``jaxmath.linalg.solve`` and ``.systems``."""

import jax.numpy as jnp
import numpy as np

from jaxmath import linalg
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

BAD = (
    Bad((np.ones((2, 3, 3)), np.ones(3)), "`A` must have rank 2, got shape .*jax.vmap"),
    Bad((np.ones((2, 3)), np.ones(2)), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
    Bad((np.eye(2), np.ones(3)), r"`b` must have shape \(2,\), got \(3,\)"),
    Bad((np.eye(2), np.ones((2, 2, 2))), "`b` must have rank 1 or 2, got shape .*jax.vmap"),
    Bad((np.ones((0, 0)), np.ones(0)), "`A` must have at least 1 elements"),
)


def matrix(rng, dtype):
    return (jnp.asarray(rng.normal(size=(4, 4)) + 3 * np.eye(4), dtype),)


def system(rng, dtype):
    return *matrix(rng, dtype), jnp.asarray(rng.normal(size=(4, 2)), dtype)


def info_oracle(A, b):
    return np.linalg.solve(A, b), np.int32(0)


def wide(rng, dtype):
    return jnp.asarray(rng.normal(size=(2, 4)), dtype), jnp.asarray(rng.normal(size=2), dtype)


def classify_oracle(A, b):
    """The kind, the least-norm solution, and the projector onto the null space."""
    inverse = np.linalg.pinv(A)
    return np.int32(2), inverse @ b, np.eye(4) - inverse @ A, np.int32(2), np.int32(2)


def classify(A, b):
    found = linalg.classify_system(A, b)
    projector = linalg.matmul(found.null_basis, found.null_basis.T)
    return found.kind, found.x, projector, found.rank, found.nullity


ROWS = [
    HostRow("linalg.SolveInfo", "the record that solve_info returns",
            ("tests/linalg/test_solve.py::test_info_lane_by_lane",)),
    HostRow("linalg.SystemClass", "the record that classify_system returns",
            ("tests/linalg/test_solve.py::test_classification",)),
    HostRow("linalg.SystemKind", "the names of the kinds of systems",
            ("tests/linalg/test_solve.py::test_classification",)),
    Row("linalg.solve", system, np.linalg.solve, diff=(0, 1), tol=128.0, bad=BAD),
    Row("linalg.inv", matrix, np.linalg.inv, order=2, tol=128.0,
        bad=(Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
             Bad((np.ones((2, 3, 3)),), "`A` must have rank 2, got shape .*jax.vmap"),
             Bad((np.ones((0, 0)),), "`A` must have at least 1 elements"))),
    Row("linalg.solve_info", system, info_oracle, tol=128.0, bad=BAD, diff=(0, 1),
        # x alone is differentiated; the other fields are constants, and in the module's tests.
        call=lambda A, b: tuple(linalg.solve_info(A, b, refine=True))[:2]),
    Row("linalg.classify_system", wide, classify_oracle, tol=128.0, call=classify,
        diff=NotDifferentiable("the kind and the rank are discrete"),
        bad=(Bad((np.ones((2, 3)), np.ones(3)), r"`b` must have shape \(2,\), got \(3,\)"),
             Bad((np.ones((2, 3, 3)), np.ones(3)), "`A` must have rank 2, got shape .*jax.vmap"),
             Bad((np.ones((0, 2)), np.ones(0)), "`A` must have at least 1 elements"))),
]  # fmt: skip
