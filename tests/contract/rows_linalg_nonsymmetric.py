"""Rows of ``jaxmath.linalg.nonsymmetric`` and ``jaxmath.linalg.characteristic``."""

import jax.numpy as jnp
import numpy as np

from jaxmath import linalg
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, Singular


def mixed(rng, dtype):
    """A matrix with the eigenvalues −2, 1, 3 ± 2i."""
    S = np.eye(4) + 0.2 * rng.normal(size=(4, 4))
    D = np.array([[-2.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 3, 2], [0, 0, -2, 3]])
    return (jnp.asarray(S @ D @ np.linalg.inv(S), dtype),)


def eig(A):
    w, V = np.linalg.eig(A)
    order = np.lexsort((w.imag, np.round(w.real, 3)))
    w, V = w[order], V[:, order]
    for column in V.T:
        lead = next(v for v in column if abs(v) >= 0.9 * np.abs(column).max())
        column *= abs(lead) / lead
    return w, V


def parts(values):
    return tuple((z.real, z.imag) for z in values)


def invariants(T, Z):
    """The projector onto the subspace of the two leftmost eigenvalues, and the eigenvalues."""
    P = linalg.matmul(Z[:, :2], jnp.conj(Z[:, :2].T))
    return P.real, *parts((jnp.diagonal(T),))


def invariants_oracle(A):
    w, V = eig(A)
    Q = np.linalg.qr(V[:, :2])[0]
    return (Q @ Q.conj().T).real, *parts((w,))


def diagonalize_oracle(A):
    w, V = eig(A)
    return *parts((V, np.diag(w))), np.linalg.cond(V)


def diagonalize_parts(A):
    P, D, condition, _ = linalg.diagonalize(A)
    return *parts((P, D)), condition


def qr_invariants(A):
    T, Z, _ = linalg.qr_algorithm(A).value
    B = linalg.matmul(Z, linalg.matmul(T, jnp.conj(Z.T)))
    return B.real, jnp.sort(jnp.diagonal(T).real)


BAD = (
    Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
    Bad((np.ones((2, 3, 3)),), r"`A` must have rank 2, got shape \(2, 3, 3\); for a batch"),
    Bad((np.zeros((0, 0)),), "`A` must have at least 1 elements"),
    Bad(("text",), "`A` must be an array", TypeError),
)
EYE = [[1.0, 0.0], [0.0, 1.0]]
TWICE = [[2.0, 0.0], [0.0, 2.0]]

ROWS = [
    Row("linalg.characteristic_polynomial", mixed, np.poly, bad=BAD, tol=128.0, order=2),
    Row("linalg.diagonalize", mixed, diagonalize_oracle, call=diagonalize_parts, bad=BAD,
        tol=128.0),
    Row("linalg.eig", mixed, lambda A: parts(eig(A)), call=lambda A: parts(linalg.eig(A)),
        bad=BAD, tol=128.0,
        singular=(Singular((TWICE,), (([2.0, 2.0], [0.0, 0.0]), (EYE, [[0.0] * 2] * 2)),
                           (EYE,)),)),
    Row("linalg.eigvals", mixed, lambda A: parts(eig(A)[:1]),
        call=lambda A: parts((linalg.eigvals(A),)), bad=BAD, tol=128.0,
        singular=(Singular((TWICE,), (([2.0, 2.0], [0.0, 0.0]),), (EYE,)),)),
    Row("linalg.gershgorin_discs", mixed,
        lambda A: (np.diag(A), np.abs(A).sum(axis=1) - np.abs(np.diag(A))), bad=BAD,
        singular=(Singular((TWICE,), ([2.0, 2.0], [0.0, 0.0]), (EYE,)),)),
    Row("linalg.qr_algorithm", mixed,
        lambda A: (A, np.sort(np.linalg.eigvals(A).real)), call=qr_invariants, tol=128.0,
        diff=NotDifferentiable("its history has no derivative: schur and eigvals do"), bad=BAD),
    Row("linalg.schur", mixed, invariants_oracle,
        call=lambda A: invariants(*linalg.schur(A)), bad=BAD, tol=128.0,
        singular=(Singular((TWICE,), (EYE, [2.0, 2.0], [0.0, 0.0]), (EYE,)),)),
    HostRow("linalg.Schur", "a record",
            ("tests/linalg/test_nonsymmetric.py::test_accuracy_list",)),
    HostRow("linalg.Eig", "a record",
            ("tests/linalg/test_nonsymmetric.py::test_accuracy_list",)),
    HostRow("linalg.Diagonalization", "a record",
            ("tests/linalg/test_nonsymmetric.py::test_diagonalize_tells_defective_matrices",)),
    HostRow("linalg.GershgorinDiscs", "a record",
            ("tests/linalg/test_nonsymmetric.py::test_every_eigenvalue_lies_in_a_disc",)),
]  # fmt: skip
