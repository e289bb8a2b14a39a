"""Rows of ``jaxmath.linalg.procrustes``."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg as sl

from tests.contract.row import Bad, HostRow, Row, Singular


def matrix(rng, dtype):
    return (jnp.asarray(rng.normal(size=(4, 3)), dtype),)


def pair(rng, dtype):
    A = rng.normal(size=(6, 3))
    B = A @ np.linalg.qr(rng.normal(size=(3, 3)))[0] + 0.3 * rng.normal(size=(6, 3))
    return jnp.asarray(A, dtype), jnp.asarray(B, dtype)


def superpose(P, Q):
    """Umeyama's lemma in NumPy."""
    p, q = P - P.mean(0), Q - Q.mean(0)
    U, _, Vh = np.linalg.svd(q.T @ p)
    D = np.diag([1.0] * (P.shape[1] - 1) + [np.linalg.det(U) * np.linalg.det(Vh)])
    R = U @ D @ Vh
    rmsd = np.sqrt(np.mean(np.sum((p @ R.T - q) ** 2, axis=1)))
    return R, Q.mean(0) - R @ P.mean(0), rmsd


PAIR = (
    Bad((np.ones(3), np.ones(3)), "must have rank 2"),
    Bad((np.ones((3, 2)), np.ones((2, 2))), r"must have shape \(3, 2\)"),
    Bad((np.ones((2, 3, 2)), np.ones((2, 3, 2))), "for a batch, use jax.vmap"),
    Bad((1j * np.ones((3, 2)), np.ones((3, 2))), "must have a real floating dtype", TypeError),
)
LINE = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]

ROWS = [
    Row("linalg.polar", matrix, sl.polar, tol=512, bad=(
        Bad((np.ones(3),), "`A` must have rank 2"),
        Bad((np.ones((0, 3)),), "`A` must have at least 1 elements"),
        Bad((np.ones((2, 3, 2)),), "for a batch, use jax.vmap"),
        Bad((1j * np.ones((2, 2)),), "`A` must have a real floating dtype", TypeError),
    ), singular=(Singular(([[1.0, 0.0], [0.0, 0.0]],), None),
                 Singular(([[0.0, 0.0], [0.0, 0.0]],), None))),
    Row("linalg.orthogonal_procrustes", pair, sl.orthogonal_procrustes, diff=(0, 1), tol=512,
        bad=PAIR, singular=(Singular((LINE, LINE), None),)),
    Row("linalg.kabsch", pair, superpose, diff=(0, 1), tol=1024, bad=PAIR,
        singular=(Singular((LINE, LINE), None),)),
    HostRow("linalg.Alignment", "a record", (
        "tests/linalg/test_procrustes.py::test_kabsch_recovers_a_motion",)),
]  # fmt: skip
