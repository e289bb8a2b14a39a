"""Rows of ``jaxmath.linalg``: Gram–Schmidt, Householder, Givens, QR, Hessenberg."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxmath import linalg
from tests.contract.row import Bad, HostRow, Row

BATCH = Bad((np.ones((2, 3, 3)),), r"`A` must have rank 2, got shape \(2, 3, 3\); for a batch")
EMPTY = Bad((np.ones((0, 2)),), r"`A` must have at least 1 elements, got shape \(0, 2\)")
TEXT = Bad(("text",), "`A` must be an array", TypeError)
WIDE = Bad((np.ones((2, 3)),), r"`A` must have at least as many rows as columns")
MODE = Bad((np.ones((2, 2)), "full"), "`mode` must be 'reduced' or 'complete', got 'full'")


def matrix(*shape):
    """Random with singular values near 1 … 3, so that the factors are well conditioned."""

    def make(rng, dtype):
        U, _, Vh = np.linalg.svd(rng.normal(size=shape))
        k = min(shape)
        return (jnp.asarray((U[:, :k] * rng.uniform(1, 3, k)) @ Vh[:k], dtype),)

    return make


def numpy_qr(A):
    Q, R = np.linalg.qr(A)
    s = np.sign(np.diagonal(R))
    return Q * s, s[:, None] * R


def invariants(A):
    """What of a complete QR does not depend on the gauge."""
    Q, R = linalg.qr(A, "complete")
    n = A.shape[1]
    return jnp.matmul(Q, R), jnp.matmul(Q[:, n:], Q[:, n:].T), jnp.diagonal(R)


def numpy_invariants(A):
    Q, R = np.linalg.qr(A)
    return A, np.eye(len(A)) - Q @ Q.T, np.abs(np.diagonal(R))


def scipy_pivoted(A):
    Q, R, permutation = scipy.linalg.qr(A, mode="economic", pivoting=True)
    s = np.sign(np.diagonal(R))
    return Q * s, s[:, None] * R, permutation, min(A.shape)


def scipy_hessenberg(A):
    H, Q = scipy.linalg.hessenberg(A, calc_q=True)
    d = np.cumprod([1.0, *np.sign(np.diagonal(H, -1))])
    return Q * d, d[:, None] * H * d


ROWS = [
    Row("linalg.classical_gram_schmidt", matrix(4, 3), numpy_qr, bad=(BATCH, EMPTY, TEXT, WIDE)),
    Row("linalg.modified_gram_schmidt", matrix(4, 3), numpy_qr, bad=(BATCH, EMPTY, TEXT, WIDE)),
    Row("linalg.householder_qr", matrix(3, 4), numpy_qr, bad=(BATCH, EMPTY, TEXT, MODE)),
    Row("linalg.givens_qr", matrix(4, 2), numpy_qr, bad=(BATCH, EMPTY, TEXT, MODE)),
    Row("linalg.qr", matrix(4, 2), numpy_invariants, call=invariants, order=2,
        bad=(BATCH, EMPTY, TEXT, MODE)),
    Row("linalg.qr_pivoted", matrix(3, 4), scipy_pivoted, bad=(BATCH, EMPTY, TEXT)),
    Row("linalg.hessenberg", matrix(4, 4), scipy_hessenberg, tol=128.0,
        note="the form's sensitivity grows as its subdiagonal entries shrink",
        bad=(BATCH, EMPTY, TEXT, Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\)"))),
    HostRow("linalg.PivotedQR", "a record",
            ("tests/linalg/test_reflections.py::test_the_rank_is_revealed",)),
]  # fmt: skip
