"""Rows of ``jaxmath.linalg.products``."""

import jax.numpy as jnp
import numpy as np

from tests.contract.row import Bad, Row, Singular


def normal(*shapes):
    def make(rng, dtype):
        return tuple(jnp.asarray(rng.normal(size=shape), dtype) for shape in shapes)

    return make


def projection(x, B):
    return B @ np.linalg.lstsq(B, x, rcond=None)[0]


def arc_cosine(x, y):
    return np.arccos(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


BATCH = np.ones((2, 3, 3))
EMPTY = np.ones((0, 2))
OTHER = Bad((np.ones(3), np.ones(2)), r"`y` must have shape \(3,\), got \(2,\)")
RANK = Bad((np.ones((2, 3)), np.ones(3)), r"`x` must have rank 1, got shape \(2, 3\); for a batch")
NONE = Bad((np.ones(0), np.ones(0)), "`x` must have at least 1 elements")

ROWS = [
    Row("linalg.inner", normal((5,), (5,)), np.vdot, diff=(0, 1), bad=(OTHER, RANK, NONE)),
    Row("linalg.outer", normal((3,), (2,)), np.outer, diff=(0, 1), bad=(RANK, NONE)),
    Row("linalg.trace", normal((4, 4)), np.trace,
        bad=(Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
             Bad((BATCH,), "`A` must have rank 2.*jax.vmap"), Bad((EMPTY,), "`A` must have at"))),
    Row("linalg.matmul", normal((3, 4), (4, 2)), np.matmul, diff=(0, 1),
        bad=(Bad((np.ones((2, 3)), np.ones((2, 3))), r"`B` must have shape \(3, 3\), got \(2, 3"),
             Bad((BATCH, np.ones(3)), "`A` must have rank 2.*jax.vmap"),
             Bad((EMPTY, np.ones(2)), "`A` must have at least 1"))),
    Row("linalg.kronecker", normal((3, 2), (2, 4)), np.kron, diff=(0, 1),
        bad=(Bad((BATCH, np.ones((1, 1))), "`A` must have rank 2"),
             Bad((np.ones((1, 1)), EMPTY), "`B` must have at least 1"))),
    Row("linalg.hadamard", normal((3, 2), (3, 2)), np.multiply, diff=(0, 1),
        bad=(Bad((np.ones((2, 3)), np.ones((3, 2))), r"`B` must have shape \(2, 3\)"),
             Bad((BATCH, BATCH), "`A` must have rank 2"))),
    Row("linalg.angle", normal((4,), (4,)), arc_cosine, diff=(0, 1),
        bad=(OTHER, RANK, NONE,
             Bad((np.ones(2) + 1j, np.ones(2)), "`x` must have a real floating", TypeError)),
        singular=(
            Singular(([1.0, 2.0], [2.0, 4.0]), 0.0, ([0.0, 0.0], [0.0, 0.0])),
            Singular(([1.0, 2.0], [-2.0, -4.0]), np.pi, ([0.0, 0.0], [0.0, 0.0])),
            Singular(([0.0, 0.0], [1.0, 2.0]), np.pi / 2, ([0.0, 0.0], [0.0, 0.0])),
            Singular(([0.0, 0.0], [0.0, 0.0]), np.pi / 2, ([0.0, 0.0], [0.0, 0.0])),
        )),
    Row("linalg.project_onto_vector", normal((4,), (4,)), lambda x, v: v * (v @ x) / (v @ v),
        diff=(0, 1), order=2,
        bad=(RANK, NONE, Bad((np.ones(3), np.ones(2)), r"`v` must have shape \(3,\)")),
        singular=(Singular(([1.0, 2.0], [0.0, 0.0]), [0.0, 0.0], ([0.0, 0.0], [0.0, 0.0])),)),
    Row("linalg.project_onto_subspace", normal((5,), (5, 2)), projection, diff=(0, 1), order=2,
        bad=(RANK, Bad((np.ones(3), np.ones((2, 2))), r"`B` must have shape \(3, any\)"),
             Bad((np.ones(3), np.ones((3, 0))), "`B` must have at least 1")),
        singular=(
            Singular(([1.0, 2.0], [[0.0, 0.0], [0.0, 0.0]]), [0.0, 0.0],
                     ([0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]])),
            # Dependent columns (1, 0): P = diag(1, 0), and dP x for x = (1, 2) turns the line.
            Singular(([1.0, 2.0], [[1.0, 1.0], [0.0, 0.0]]), [1.0, 0.0],
                     ([1.0, 0.0], [[0.0, 0.0], [1.5, 1.5]])),
        )),
]  # fmt: skip
