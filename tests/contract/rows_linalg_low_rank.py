"""Rows of ``jaxmath.linalg.low_rank``."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.linalg.low_rank import low_rank_approximation, randomized_svd
from tests.contract.row import Bad, NotDifferentiable, Row, Singular, key


def matrix(rng, dtype):
    return (jnp.asarray(rng.normal(size=(4, 3)), dtype),)


def sampled(rng, dtype):
    A = rng.normal(size=(8, 3)) @ rng.normal(size=(3, 6))  # of rank 3: the sample is exact
    return key(rng), jnp.asarray(A, dtype)


def leading(_, A):
    U, s, Vh = (x[..., :3] if i < 2 else x[:3] for i, x in enumerate(np.linalg.svd(A)))
    sign = np.sign(U[np.argmax(np.abs(U), axis=0), np.arange(3)])
    return U * sign, s, Vh * sign[:, None]


def truncated(A):
    U, s, Vh = np.linalg.svd(A, full_matrices=False)
    return U[:, :2] * s[:2] @ Vh[:2]


KEY = jax.random.key(0)

ROWS = [
    Row("linalg.low_rank_approximation", matrix, truncated, tol=512,
        call=lambda A: low_rank_approximation(A, min(2, A.shape[1] - 1)), bad=(
            Bad((np.ones(3), 1), "`A` must have rank 2"),
            Bad((np.ones((3, 2)), 3), "`rank` must be at least 1 and at most 2"),
            Bad((np.ones((3, 2)), 1.0), "`rank` must be an integer", TypeError),
            Bad((np.ones((2, 3, 2)), 1), "for a batch, use jax.vmap"),
        ), singular=(Singular(([[1.0, 0.0], [0.0, 1.0]],), None),)),
    Row("linalg.randomized_svd", sampled, leading, tol=1024,
        call=lambda key, A: randomized_svd(key, A, 3),
        diff=NotDifferentiable("the sample makes it a function of more than A; it raises"), bad=(
            Bad((0, np.ones((3, 2)), 1), "`key` must be a random key", TypeError),
            Bad((KEY, np.ones((3, 2)), 3), "`rank` must be at least 1 and at most 2"),
            Bad((KEY, np.ones((2, 3, 2)), 1), "for a batch, use jax.vmap"),
        )),
]  # fmt: skip
