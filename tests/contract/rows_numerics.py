"""Rows of ``jaxmath.numerics``."""

import jax.numpy as jnp
import numpy as np
from scipy import special

from jaxmath import numerics
from tests.contract.row import Bad, Row, Singular

INF = float("inf")


def normal(*shape):
    return lambda rng, dtype: (jnp.asarray(rng.normal(size=shape), dtype),)


def positive(*shape):
    return lambda rng, dtype: (jnp.asarray(rng.uniform(0.1, 3.0, shape), dtype),)


def pair(low, high, *shape):
    def make(rng, dtype):
        return tuple(jnp.asarray(rng.uniform(low, high, shape), dtype) for _ in range(2))

    return make


def matrices(rng, dtype):
    return jnp.asarray(rng.normal(size=(3, 4)), dtype), jnp.asarray(rng.normal(size=(4, 2)), dtype)


TEXT = Bad(("text",), "`x` must be an array", TypeError)
BATCH = Bad((np.ones((2, 3)),), r"`x` must have rank 1, got shape \(2, 3\); for a batch")

ROWS = [
    Row("numerics.safe_sqrt", positive(5), np.sqrt, bad=(TEXT,),
        singular=(Singular(([0.0, 4.0],), [0.0, 2.0], ([0.0, 0.25],)),)),
    Row("numerics.safe_log", positive(5), np.log, bad=(TEXT,),
        singular=(Singular(([0.0, 4.0],), [-INF, np.log(4.0)], ([0.0, 0.25],)),)),
    Row("numerics.safe_divide", pair(0.5, 2.0, 4), np.divide, diff=(0, 1),
        bad=(Bad(("text", 1.0), "`x` must be an array", TypeError),),
        singular=(Singular(([1.0, 6.0], [0.0, 2.0]), [0.0, 3.0], ([0.0, 0.5], [0.0, -1.5])),)),
    Row("numerics.safe_norm", normal(3, 4), np.linalg.norm, bad=(TEXT,), order=2,
        singular=(Singular(([[0.0, 0.0], [0.0, 0.0]],), 0.0, ([[0.0, 0.0], [0.0, 0.0]],)),)),
    Row("numerics.xlogy", pair(0.2, 2.0, 4), special.xlogy, diff=(0, 1),
        bad=(Bad(("text", 1.0), "`x` must be an array", TypeError),),
        singular=(
            Singular(([0.0, 0.0], [0.0, INF]), [0.0, 0.0], ([0.0, 0.0], [0.0, 0.0])),
            # At x = 0 and y > 0 nothing is singular: the derivative in x is log y.
            Singular(([0.0, 0.0], [2.0, 3.0]), [0.0, 0.0], (np.log([2.0, 3.0]), [0.0, 0.0])),
        )),
    Row("numerics.xlog1py", pair(-0.5, 2.0, 4), special.xlog1py, diff=(0, 1),
        bad=(Bad(("text", 1.0), "`x` must be an array", TypeError),),
        singular=(
            Singular(([0.0, 0.0], [-1.0, INF]), [0.0, 0.0], ([0.0, 0.0], [0.0, 0.0])),
            Singular(([0.0, 0.0], [1.0, 2.0]), [0.0, 0.0], (np.log([2.0, 3.0]), [0.0, 0.0])),
        )),
    Row("numerics.log1mexp", lambda rng, dtype: (-jnp.asarray(rng.uniform(0.05, 5, 6), dtype),),
        lambda x: np.log1p(-np.exp(x)), bad=(TEXT,),
        singular=(Singular(([0.0, -1.0],), [-INF, np.log1p(-np.exp(-1.0))],
                           ([0.0, -1.0 / np.expm1(1.0)],)),)),
    Row("numerics.logsumexp", normal(6), special.logsumexp, bad=(BATCH,), order=2,
        singular=(Singular(([-INF, -INF],), -INF, ([0.0, 0.0],)),
                  Singular(([-INF, 0.0],), 0.0, ([0.0, 1.0],)))),
    Row("numerics.softmax", normal(6), special.softmax, bad=(BATCH,), order=2,
        singular=(Singular(([-INF, -INF],), [0.0, 0.0], ([0.0, 0.0],)),
                  Singular(([-INF, 3.0],), [0.0, 1.0], ([0.0, 0.0],)))),
    Row("numerics.log_softmax", normal(6), special.log_softmax, bad=(BATCH,), order=2,
        singular=(Singular(([-INF, -INF],), [-INF, -INF], ([0.0, 0.0],)),
                  Singular(([-INF, 3.0],), [-INF, 0.0], ([0.0, 0.0],)))),
    Row("numerics.dot", pair(-1.0, 1.0, 7), np.dot, diff=(0, 1),
        bad=(Bad((np.ones(3), np.ones(2)), r"`y` must have shape \(3,\), got \(2,\)"),
             Bad((np.ones((2, 3)), np.ones(3)), "`x` must have rank 1"))),
    Row("numerics.matmul", matrices, np.matmul, diff=(0, 1),
        bad=(Bad((np.ones((2, 3)), np.ones((2, 3))), "`B` must have 3 rows"),
             Bad((np.ones((2, 2, 2)), np.ones(2)), "`A` must have rank 1 or 2"))),
    Row("numerics.einsum", matrices, np.matmul, diff=(0, 1),
        call=lambda A, B: numerics.einsum("ij,jk->ik", A, B),
        bad=(Bad((3, np.ones(2)), "`subscripts` must be a string", TypeError),
             Bad(("i", "text"), r"`operands\[0\]` must be an array", TypeError))),
]  # fmt: skip
