"""Rows of ``jaxmath.linalg.symmetric``."""

import jax.numpy as jnp
import numpy as np
from scipy import linalg as scipy_linalg

from jaxmath import linalg
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, Singular


def separated(rng, dtype):
    """A symmetric matrix with eigenvalues −1, 1, 2, 4."""
    Q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    return (jnp.asarray((Q * [1.0, -1.0, 4.0, 2.0]) @ Q.T, dtype),)


def pair(rng, dtype):
    C = rng.normal(size=(4, 4))
    return *separated(rng, dtype), jnp.asarray(np.eye(4) + 0.1 * C @ C.T, dtype)


def form(rng, dtype):
    return jnp.asarray(rng.normal(size=(4, 4)), dtype), jnp.asarray(rng.normal(size=4), dtype)


def in_gauge(w, V):
    for column in V.T:
        lead = next(v for v in column if abs(v) >= 0.9 * np.abs(column).max())
        column *= np.sign(lead)
    return w, V


BAD = (
    Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
    Bad((np.ones((2, 3, 3)),), r"`A` must have rank 2, got shape \(2, 3, 3\); for a batch"),
    Bad((np.zeros((0, 0)),), "`A` must have at least 1 elements"),
    Bad(("text",), "`A` must be an array", TypeError),
)
TWICE = [[2.0, 0.0], [0.0, 2.0]]
EYE = [[1.0, 0.0], [0.0, 1.0]]

ROWS = [
    Row("linalg.eigh", separated, lambda A: in_gauge(*np.linalg.eigh(A)), bad=BAD,
        singular=(Singular((TWICE,), ([2.0, 2.0], EYE), (EYE,)),)),
    Row("linalg.eigvalsh", separated, np.linalg.eigvalsh, bad=BAD, order=2,
        singular=(Singular((TWICE,), [2.0, 2.0], (EYE,)),)),
    Row("linalg.jacobi_eigh", separated, lambda A: in_gauge(*np.linalg.eigh(A)), bad=BAD,
        call=lambda A: linalg.jacobi_eigh(A).value,
        singular=(Singular((TWICE,), ([2.0, 2.0], EYE), (EYE,)),)),
    Row("linalg.generalized_eigh", pair, lambda A, B: in_gauge(*scipy_linalg.eigh(A, B)),
        call=lambda A, B: linalg.generalized_eigh(A, B)[:2], diff=(0, 1),
        bad=(Bad((np.eye(2), np.eye(3)), r"`B` must have shape \(2, 2\), got \(3, 3\)"),
             Bad((np.ones((2, 3)), np.eye(2)), r"`A` must have shape \(2, 2\)"))),
    Row("linalg.is_positive_definite", separated, lambda A: np.linalg.eigvalsh(A)[0] > 0,
        diff=NotDifferentiable("a verdict is no number"), bad=BAD),
    Row("linalg.quadratic_form", form, lambda A, x: x @ A @ x, diff=(0, 1), order=2,
        bad=(Bad((np.eye(2), np.ones(3)), r"`x` must have shape \(2,\), got \(3,\)"),
             Bad((np.ones((2, 3)), np.ones(3)), r"`A` must have shape \(2, 2\)"))),
    HostRow("linalg.Eigh", "a record",
            ("tests/linalg/test_symmetric.py::test_accuracy_list",)),
    HostRow("linalg.GeneralizedEigh", "a record",
            ("tests/linalg/test_symmetric.py::test_generalized_reports_lane_by_lane",)),
]  # fmt: skip
