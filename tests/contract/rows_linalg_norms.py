"""Rows of ``jaxmath.linalg.norms``."""

import jax.numpy as jnp
import numpy as np

from jaxmath import linalg
from tests.contract.row import Bad, Row, Singular

ORDERS = ("fro", "nuc", 2, 1, np.inf)
POWERS = (1, 2, 3.5, np.inf)


def normal(*shape):
    return lambda rng, dtype: (jnp.asarray(rng.normal(size=shape), dtype),)


ROWS = [
    Row("linalg.matrix_norm", normal(4, 3),
        lambda A: np.stack([np.linalg.norm(A, p) for p in ORDERS]),
        call=lambda A: jnp.stack([linalg.matrix_norm(A, p) for p in ORDERS]), order=2,
        bad=(Bad((np.ones((2, 2)), "spectral"), "`ord` must be 'fro', 'nuc', 2, 1 or inf"),
             Bad((np.ones((2, 2)), 3), "`ord` must be 'fro'"),
             Bad((np.ones((2, 2, 2)),), "`A` must have rank 2.*jax.vmap"),
             Bad((np.ones((0, 2)),), "`A` must have at least 1 elements")),
        singular=(
            Singular(([[0.0, 0.0], [0.0, 0.0]],), [0.0] * 5, ([[0.0, 0.0], [0.0, 0.0]],)),
            # I/√2 of "fro", I of "nuc", I/2 of each of the others.
            Singular(([[1.0, 0.0], [0.0, 1.0]],), [np.sqrt(2), 2.0, 1.0, 1.0, 1.0],
                     (np.eye(2) * (np.sqrt(0.5) + 2.5),)),
            # Rank one: "nuc" takes u vᵀ alone.
            Singular(([[2.0, 0.0], [0.0, 0.0]],), [2.0] * 5, ([[5.0, 0.0], [0.0, 0.0]],)),
        )),
    Row("linalg.vector_norm", normal(5),
        lambda x: np.stack([np.linalg.norm(x, p) for p in POWERS]),
        call=lambda x: jnp.stack([linalg.vector_norm(x, p) for p in POWERS]), order=2,
        bad=(Bad((np.ones(2), 0.5), "`ord` must be at least 1, got 0.5"),
             Bad((np.ones(2), "fro"), "`ord` must be a Python number", TypeError),
             Bad((np.ones((2, 3)),), r"`x` must have rank 1, got shape \(2, 3\); for a batch"),
             Bad((np.ones(0),), "`x` must have at least 1 elements")),
        singular=(
            Singular(([0.0, 0.0],), [0.0] * 4, ([0.0, 0.0],)),
            Singular(([0.0, 3.0],), [3.0] * 4, ([0.0, 4.0],)),
        )),
]  # fmt: skip
