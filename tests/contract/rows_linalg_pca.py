"""Rows of ``jaxmath.linalg.pca``."""

import jax.numpy as jnp
import numpy as np

from jaxmath.linalg.pca import pca
from tests.contract.row import Bad, HostRow, Row, Singular


def data(rng, dtype):
    return (jnp.asarray(rng.normal(size=(7, 3)) * [3.0, 2.0, 1.0] + 1.0, dtype),)


def eigen(X):
    """By the eigenvalues of the covariance."""
    w, W = np.linalg.eigh(np.cov(X.T))
    w, W = w[::-1][:2], W[:, ::-1][:, :2]
    W = W * np.sign(W[np.argmax(np.abs(W), axis=0), np.arange(2)])
    return W.T, w, (X - X.mean(0)) @ W, X.mean(0)


SQUARE = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]

ROWS = [
    Row("linalg.pca", data, eigen, tol=1024, call=lambda X: pca(X, 2), bad=(
        Bad((np.ones(3), 1), "`X` must have rank 2"),
        Bad((np.ones((1, 3)), 1), "`X` must have at least 2 rows"),
        Bad((np.ones((3, 2)), 3), "`num_components` must be at least 1 and at most 2"),
        Bad((np.ones((2, 3, 2)), 1), "for a batch, use jax.vmap"),
    ), singular=(Singular((SQUARE,), None),)),
    HostRow("linalg.PCAResult", "a record", (
        "tests/linalg/test_pca.py::test_all_components_reconstruct_the_data",)),
]  # fmt: skip
