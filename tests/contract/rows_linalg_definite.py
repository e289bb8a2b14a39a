"""Rows of ``jaxmath.linalg``: Cholesky, LDLᴴ, and rank-one changes of a factor."""

import jax.numpy as jnp
import numpy as np

from jaxmath import linalg
from tests.contract.row import Bad, HostRow, Row

BATCH = Bad((np.ones((2, 3, 3)),), r"`A` must have rank 2, got shape \(2, 3, 3\); for a batch")
EMPTY = Bad((np.ones((0, 0)),), r"`A` must have at least 1 elements, got shape \(0, 0\)")
WIDE = Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\), got \(2, 3\)")
TEXT = Bad(("text",), "`A` must be an array", TypeError)
SQUARE = (BATCH, EMPTY, WIDE, TEXT)


def definite(rng, dtype):
    """Positive definite in its lower triangle; what stands above it must not matter."""
    B = rng.normal(size=(3, 3))
    return (jnp.asarray(np.tril(B @ B.T + np.eye(3)) + np.triu(rng.normal(size=(3, 3)), 1), dtype),)


def quasi_definite(rng, dtype):
    B = rng.normal(size=(2, 2))
    H, G = B @ B.T + np.eye(2), np.eye(2)
    return (jnp.asarray(np.block([[H, B.T], [B, -G]]), dtype),)


def factor_and_vector(rng, dtype):
    L = np.tril(rng.normal(size=(3, 3)), -1) + np.diag(rng.uniform(1, 2, 3))
    return jnp.asarray(L, dtype), jnp.asarray(0.3 * rng.normal(size=3), dtype)


def whole(A):
    return np.tril(A) + np.tril(A, -1).T


def numpy_ldl(A):
    """From the leading minors: dⱼ = det A[:j+1, :j+1] / det A[:j, :j], L from columns of A."""
    n = len(A)
    minors = [1.0, *(np.linalg.det(A[: j + 1, : j + 1]) for j in range(n))]
    d = np.array(minors[1:]) / np.array(minors[:-1])
    L = np.eye(n)
    for j in range(n):
        schur = A[j + 1 :, j] - A[j + 1 :, :j] @ np.linalg.solve(A[:j, :j], A[:j, j])
        L[j + 1 :, j] = schur / d[j]
    return L, d


ROWS = [
    Row("linalg.cholesky", definite, lambda A: np.linalg.cholesky(whole(A)), bad=SQUARE, order=2),
    Row("linalg.cholesky_reference", definite, lambda A: np.linalg.cholesky(whole(A)), bad=SQUARE),
    Row("linalg.ldl", quasi_definite, numpy_ldl, call=lambda A: linalg.ldl(A)[:2], bad=SQUARE,
        tol=64.0),
    Row("linalg.safe_cholesky", definite, lambda A: (np.linalg.cholesky(whole(A)), 0.0, 0),
        bad=SQUARE),
    Row("linalg.cholesky_update", factor_and_vector,
        lambda L, x: np.linalg.cholesky(L @ L.T + np.outer(x, x)), diff=(0, 1),
        bad=(Bad((np.ones((2, 3)), np.ones(2)), r"`L` must have shape \(2, 2\)"),
             Bad((np.eye(2), np.ones(3)), r"`x` must have shape \(2,\), got \(3,\)"))),
    Row("linalg.cholesky_downdate", factor_and_vector,
        lambda L, x: (np.linalg.cholesky(L @ L.T - np.outer(x, x)), 0), diff=(0, 1),
        bad=(Bad((np.ones((2, 3)), np.ones(2)), r"`L` must have shape \(2, 2\)"),
             Bad((np.eye(2), np.ones(3)), r"`x` must have shape \(2,\), got \(3,\)"))),
    HostRow("linalg.LDL", "a record",
            ("tests/linalg/test_definite.py::test_ldl_of_quasi_definite_matrices",)),
    HostRow("linalg.SafeCholesky", "a record",
            ("tests/linalg/test_definite.py::test_the_jitter_is_the_first_that_works",)),
    HostRow("linalg.CholeskyDowndate", "a record",
            ("tests/linalg/test_cholesky_updates.py::test_a_downdate_too_far_is_reported",)),
]  # fmt: skip
