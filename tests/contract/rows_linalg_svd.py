"""Rows of ``jaxmath.linalg.svd``."""

import jax.numpy as jnp
import numpy as np

from tests.contract.row import Bad, NotDifferentiable, Row, Singular


def matrix(*shape):
    return lambda rng, dtype: (jnp.asarray(rng.normal(size=shape), dtype),)


def signed(A):
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    sign = np.sign(U[np.argmax(np.abs(U), axis=0), np.arange(len(s))])
    return U * sign, s, Vh * sign[:, None]


RANK = Bad((np.ones(3),), "`A` must have rank 2")
EMPTY = Bad((np.ones((0, 3)),), "`A` must have at least 1 elements")
BATCH = Bad((np.ones((2, 3, 3)),), "for a batch, use jax.vmap")
COMPLEX = Bad((1j * np.ones((2, 2)),), "`A` must have a real floating dtype", TypeError)
EYE, RANK_ONE, ZERO = [[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]

ROWS = [
    Row("linalg.svd", matrix(4, 3), signed, bad=(RANK, EMPTY, BATCH), tol=512,
        singular=(Singular((EYE,), (EYE, [1.0, 1.0], EYE)), Singular((RANK_ONE,), None))),
    Row("linalg.svdvals", matrix(4, 3), lambda A: np.linalg.svd(A)[1], bad=(RANK, EMPTY, BATCH),
        singular=(Singular((EYE,), [1.0, 1.0], (EYE,)), Singular((ZERO,), [0.0, 0.0]))),
    Row("linalg.jacobi_svd", matrix(4, 3), signed, bad=(RANK, EMPTY, BATCH, COMPLEX), tol=512,
        diff=NotDifferentiable("a while loop has no reverse mode; svd has both")),
    Row("linalg.condition_number", matrix(4, 3), np.linalg.cond, bad=(RANK, EMPTY, BATCH), tol=512,
        singular=(Singular((RANK_ONE,), float("inf"), (ZERO,)), Singular((EYE,), 1.0))),
]  # fmt: skip
