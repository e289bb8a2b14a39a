"""Rows of ``jaxmath.linalg.elimination``, ``.echelon`` and ``.determinants``."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxmath import linalg
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, Singular

BATCH = np.ones((2, 3, 3))
SQUARE = (
    Bad((BATCH,), "`A` must have rank 2, got shape .*jax.vmap"),
    Bad((np.ones((2, 3)),), r"`A` must have shape \(2, 2\), got \(2, 3\)"),
    Bad((np.ones((0, 0)),), "`A` must have at least 1 elements"),
)
ANY = (SQUARE[0], Bad((np.ones((0, 3)),), "`A` must have at least 1 elements"))


def triangle_bad(name):
    return (
        Bad((np.ones((2, 3)), np.ones(2)), rf"`{name}` must have shape \(2, 2\), got \(2, 3\)"),
        Bad((np.eye(2), np.ones(3)), r"`b` must have shape \(2,\), got \(3,\)"),
        Bad((np.eye(2), BATCH), "`b` must have rank 1 or 2, got shape .*jax.vmap"),
    )


def general(m, n):
    """Pivots stand apart, so that the perturbations of a difference change none."""

    def make(rng, dtype):
        A = rng.normal(size=(m, n)) + 4 * np.eye(m, n)[rng.permutation(m)]
        return (jnp.asarray(A, dtype),)

    return make


def system(rng, dtype):
    (A,) = general(4, 4)(rng, dtype)
    return A, jnp.asarray(rng.normal(size=4), dtype)


def triangular(rng, dtype):
    A, b = system(rng, dtype)
    return A + 3 * jnp.eye(4, dtype=dtype), b


def elimination_oracle(A):
    """The row echelon form by loops."""
    A, rank = A.copy(), 0
    for j in range(A.shape[1]):
        if rank == A.shape[0]:
            break
        best = rank + np.argmax(np.abs(A[rank:, j]))
        A[[rank, best]] = A[[best, rank]]
        for i in range(rank + 1, A.shape[0]):
            A[i] -= A[i, j] / A[rank, j] * A[rank]
            A[i, j] = 0
        rank += 1
    return A, np.int32(rank), np.arange(A.shape[1]) < rank


def reduced_oracle(A):
    m = A.shape[0]
    R = np.linalg.solve(A[:, :m], A)
    R[:, :m] = np.eye(m)
    return R, np.int32(m), np.arange(A.shape[1]) < m


def permutations(rng, dtype):
    return (jnp.asarray(rng.permutation(5)),)


def gradient_at(A):
    """The adjugate's transpose: signed minors."""
    n = len(A)
    minor = lambda i, j: np.linalg.det(np.delete(np.delete(A, i, 0), j, 1))
    return np.array([[(-1) ** (i + j) * minor(i, j) for j in range(n)] for i in range(n)])


RANK_2 = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 7.0], [0.0, 0.0, 1.0]])
RANK_1 = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 0.0]])
NILPOTENT = np.eye(3, k=1)
ADJUGATES = (
    Singular((RANK_2.tolist(),), None, (gradient_at(RANK_2).tolist(),)),
    Singular((RANK_1.tolist(),), None, None),
    Singular((NILPOTENT.tolist(),), 0.0, ([[0.0] * 3, [0.0] * 3, [1.0, 0.0, 0.0]],)),
    Singular((np.zeros((3, 3)).tolist(),), 0.0, (np.zeros((3, 3)).tolist(),)),
)

ROWS = [
    HostRow("linalg.RowEchelon", "the record that an echelon form returns",
            ("tests/linalg/test_elimination.py::test_echelon_forms_of_rank_deficient_matrices",)),
    Row("linalg.row_echelon", general(3, 5), elimination_oracle, tol=256.0,
        call=lambda A: tuple(linalg.row_echelon(A)), bad=ANY,
        singular=(Singular(([[1.0, 2.0], [2.0, 4.0]],),
                           ([[2.0, 4.0], [0.0, 0.0]], 1, np.array([True, False]))),)),
    Row("linalg.reduced_row_echelon", general(3, 5), reduced_oracle, tol=256.0,
        call=lambda A: tuple(linalg.reduced_row_echelon(A)), bad=ANY,
        singular=(Singular(([[1.0, 2.0], [2.0, 4.0]],),
                           ([[1.0, 2.0], [0.0, 0.0]], 1, np.array([True, False]))),)),
    Row("linalg.permutation_matrix", permutations, lambda p: np.eye(p.size)[p],
        diff=NotDifferentiable("its argument is integers"), dtypes=("float64",),
        bad=(Bad((np.ones(2),), "`permutation` must have an integer dtype", TypeError),
             Bad((np.ones((2, 2), int),), "`permutation` must have rank 1"))),
    Row("linalg.forward_substitution", triangular,
        lambda L, b: scipy.linalg.solve_triangular(L, b, lower=True), diff=(0, 1),
        bad=triangle_bad("L")),
    Row("linalg.back_substitution", triangular, scipy.linalg.solve_triangular, diff=(0, 1),
        bad=triangle_bad("U")),
    Row("linalg.gaussian_elimination", system, np.linalg.solve, diff=(0, 1), tol=128.0,
        bad=triangle_bad("A")),
    Row("linalg.lu", general(4, 3), scipy.linalg.lu, bad=ANY),
    Row("linalg.lu_reference", general(3, 4), scipy.linalg.lu, bad=ANY),
    Row("linalg.det", general(3, 3), np.linalg.det, bad=SQUARE, singular=ADJUGATES),
    Row("linalg.slogdet", general(3, 3), lambda A: tuple(np.linalg.slogdet(A)), bad=SQUARE,
        singular=(Singular(([[1.0, 2.0], [2.0, 4.0]],), (0.0, -np.inf),
                           ([[0.0, 0.0], [0.0, 0.0]],)),)),
    Row("linalg.cofactor_determinant", general(3, 3), np.linalg.det,
        bad=(*SQUARE, Bad((np.eye(9),), "`A` must be at most 8 × 8")), singular=ADJUGATES),
    Row("linalg.cramer", system, np.linalg.solve, diff=(0, 1), tol=128.0,
        bad=(Bad((np.eye(9), np.ones(9)), "`A` must be at most 8 × 8"),
             Bad((np.eye(2), np.ones((2, 1))), r"`b` must have shape \(2,\)"))),
]  # fmt: skip
