"""Elimination: backward errors over the gallery, echelon forms, agreement with SciPy."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxmath.linalg.echelon import reduced_row_echelon, row_echelon
from jaxmath.linalg.elimination import (
    back_substitution,
    forward_substitution,
    gaussian_elimination,
    lu,
    lu_reference,
    permutation_matrix,
)
from tests.linalg.system_matrices import N, gallery, growth, norm

DTYPES = (np.float32, np.float64)


def stacked(dtype):
    matrices = gallery(dtype)
    return list(matrices), jnp.asarray(np.stack(list(matrices.values())))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("factorize", [lu, lu_reference])
def test_lu_over_the_gallery(factorize, dtype):
    """A = P L U to 20·n·eps·ρ·‖A‖, the factors of their shape, and those of SciPy."""
    names, stack = stacked(dtype)
    factors = jax.jit(jax.vmap(factorize))(stack)
    eps = float(np.finfo(dtype).eps)
    for name, A, *PLU in zip(names, np.asarray(stack), *factors, strict=True):
        P, L, U = (np.asarray(M, np.float64) for M in PLU)
        bound = 20 * N * eps * growth(A) * norm(A)
        assert norm(P @ L @ U - A.astype(np.float64)) <= bound, name
        assert np.array_equal(P @ P.T, np.eye(N)), name
        assert np.array_equal(np.tril(L), L), name
        assert np.array_equal(np.triu(U), U), name
        assert np.all(np.diagonal(L) == 1), name
        assert np.max(np.abs(L)) <= 1, name
        if factorize is lu:
            for got, want in zip(PLU, scipy.linalg.lu(A), strict=True):
                # The same algorithm in another order of summation, where no pivot is in doubt.
                if name in ("random", "frank", "wilkinson", "growth", "grcar", "companion"):
                    np.testing.assert_allclose(got, want, atol=64 * eps * max(norm(A), 1))


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 5), (1, 4), (4, 1)])
def test_lu_of_rectangular_matrices(shape):
    A = np.random.default_rng(0).normal(size=shape)
    for factorize in (lu, lu_reference):
        for got, want in zip(factorize(A), scipy.linalg.lu(A), strict=True):
            np.testing.assert_allclose(got, want, atol=1e-14)


def test_complex_factors_and_systems():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    b = rng.normal(size=(4, 2)) + 1j * rng.normal(size=(4, 2))
    for factorize in (lu, lu_reference):
        P, L, U = factorize(A)
        np.testing.assert_allclose(P @ L @ U, A, atol=1e-14)
    want = np.linalg.solve(A, b)
    np.testing.assert_allclose(gaussian_elimination(A, b), want, atol=1e-13)
    np.testing.assert_allclose(forward_substitution(A, b), np.linalg.solve(np.tril(A), b))
    np.testing.assert_allclose(back_substitution(A, b), np.linalg.solve(np.triu(A), b))
    form = reduced_row_echelon(np.concatenate([A, b], axis=1))
    np.testing.assert_allclose(form.matrix[:, 4:], want, atol=1e-13)
    with jax.numpy_dtype_promotion("strict"):
        single = jnp.asarray(A, jnp.complex64)
        assert gaussian_elimination(single, single).dtype == jnp.complex64
        assert row_echelon(single).matrix.dtype == jnp.complex64


@pytest.mark.parametrize("dtypes", [(np.complex128, np.float64), (np.float64, np.float32)])
@pytest.mark.parametrize("matrix_first", [True, False])
def test_a_matrix_and_a_right_hand_side_of_two_dtypes(dtypes, matrix_first):
    """Both are taken to the common dtype: no imaginary part is dropped, no digit is lost."""
    rng = np.random.default_rng(7)
    of_A, of_b = dtypes if matrix_first else dtypes[::-1]
    A, b = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)), rng.normal(size=4) * (1 + 1j)
    A, b = ((v if d == np.complex128 else v.real).astype(d) for v, d in ((A, of_A), (b, of_b)))
    with jax.numpy_dtype_promotion("strict"):
        for T, f in (
            (np.tril(A), forward_substitution),
            (np.triu(A), back_substitution),
            (A, gaussian_elimination),
        ):
            x = f(T, b)
            assert x.dtype == dtypes[0]
            np.testing.assert_allclose(x, np.linalg.solve(T, b), rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_elimination_over_the_gallery(dtype):
    """‖A x − b‖ ≤ 20·n·eps·ρ·‖A‖·‖x‖ wherever x can be held."""
    names, stack = stacked(dtype)
    b = jnp.asarray(np.random.default_rng(2).normal(size=N), dtype)
    solutions = jax.jit(jax.vmap(gaussian_elimination, (0, None)))(stack, b)
    for name, A, x in zip(names, np.asarray(stack, np.float64), solutions, strict=True):
        x = np.asarray(x, np.float64)
        if name in ("nilpotent", "zero"):  # a pivot of exactly 0
            assert not np.isfinite(x).all()
        elif np.isfinite(x).all():
            error = np.linalg.norm(A @ x - np.asarray(b))
            bound = 20 * N * float(np.finfo(dtype).eps) * growth(A) * norm(A) * np.linalg.norm(x)
            assert error <= bound, name
        else:
            assert name in ("diagonal", "tiny"), name


@pytest.mark.parametrize("dtype", DTYPES)
def test_substitution_is_backward_stable_row_by_row(dtype):
    """(L + E) x = b with |E| ≤ n·eps·|L| element-wise (Higham, theorem 8.5), however graded."""
    rng = np.random.default_rng(3)
    L = np.tril(rng.normal(size=(30, 30)) * np.geomspace(1, 1e-12, 30)[:, None]).astype(dtype)
    b = rng.normal(size=(30, 3)).astype(dtype)
    with np.errstate(all="ignore"):
        for T, solve in ((L, forward_substitution), (L.T, back_substitution)):
            x = np.asarray(jax.jit(solve)(T, b), np.longdouble)
            wide = T.astype(np.longdouble)
            bound = 30 * np.finfo(dtype).eps * (np.abs(wide) @ np.abs(x))
            assert np.all(np.abs(wide @ x - b) <= bound)


def test_substitution_reads_its_triangle_alone():
    rng = np.random.default_rng(4)
    T, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    junk = np.where(np.tri(4, dtype=bool), T, np.nan)
    np.testing.assert_array_equal(forward_substitution(junk, b), forward_substitution(T, b))
    np.testing.assert_array_equal(back_substitution(junk.T, b), back_substitution(T.T, b))
    unit = np.where(np.eye(4, dtype=bool), np.nan, junk)
    want = scipy.linalg.solve_triangular(T, b, lower=True, unit_diagonal=True)
    np.testing.assert_allclose(forward_substitution(unit, b, unit_diagonal=True), want)
    np.testing.assert_allclose(
        back_substitution(unit.T, b, unit_diagonal=True),
        scipy.linalg.solve_triangular(T.T, b, unit_diagonal=True),
    )
    assert not jnp.isfinite(forward_substitution(np.diag([1.0, 0.0]), np.ones(2))[1])
    huge = jnp.asarray([[2e38]], jnp.float32)  # 1/2e38 is subnormal
    np.testing.assert_allclose(forward_substitution(huge, huge), 1.0)
    np.testing.assert_allclose(gaussian_elimination(huge, jnp.stack([huge[0] / 2] * 2, 1)), 0.5)


def exact_reduced(A):
    """The reduced row echelon form of an integer matrix in rational numbers."""
    rows = [[Fraction(int(v)) for v in row] for row in A]
    rank, pivots = 0, []
    for j in range(len(rows[0])):
        best = next((i for i in range(rank, len(rows)) if rows[i][j]), None)
        if best is None:
            continue
        rows[rank], rows[best] = rows[best], rows[rank]
        rows[rank] = [v / rows[rank][j] for v in rows[rank]]
        for i in range(len(rows)):
            if i != rank:
                rows[i] = [v - rows[i][j] * w for v, w in zip(rows[i], rows[rank], strict=True)]
        rank += 1
        pivots.append(j)
    return np.array(rows, float), rank, pivots


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 5), (1, 3), (3, 1)])
def test_echelon_forms_of_rank_deficient_matrices(shape):
    """Against rational arithmetic, over integer matrices of every rank."""
    rng = np.random.default_rng(5)
    low = [rng.integers(-2, 3, (shape[0], r)) @ rng.integers(-2, 3, (r, shape[1]))
           for r in range(1 + min(shape)) for _ in range(8)]  # fmt: skip
    stack = jnp.asarray(np.stack(low), jnp.float64)
    reduce = jax.jit(jax.vmap(reduced_row_echelon))
    reduced = reduce(stack)
    forms = jax.jit(jax.vmap(row_echelon))(stack)
    # The same row space: the reduced form of a form is that of the matrix.
    again = reduce(forms.matrix).matrix
    for i, A in enumerate(low):
        want, rank, pivots = exact_reduced(A)
        np.testing.assert_allclose(reduced.matrix[i], want, atol=1e-12)
        for found in (reduced, forms):
            assert found.rank[i] == rank
            assert list(np.flatnonzero(found.pivots[i])) == pivots
        form = np.asarray(forms.matrix[i])
        assert not form[rank:].any()
        for k, j in enumerate(pivots):
            assert form[k, j] != 0
            assert not form[k, :j].any()
            assert not form[k + 1 :, j].any()
        np.testing.assert_allclose(again[i], want, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_echelon_rank_at_every_scale(dtype):
    """A power of two changes nothing; the numerical rank is that of the singular values."""
    names, stack = stacked(dtype)
    compiled = jax.jit(jax.vmap(row_echelon))
    forms = compiled(stack)
    shifted = compiled(stack[names.index("random")][None] * jnp.asarray(2.0**-90, dtype))
    i = names.index("random")
    np.testing.assert_array_equal(shifted.matrix[0] * 2.0**90, forms.matrix[i])
    for name in ("random", "rank n-1", "rank n-2", "zero", "nilpotent", "tiny", "huge", "frank"):
        i = names.index(name)
        want = np.linalg.matrix_rank(np.asarray(stack[i], np.float64), rtol=1e-6)
        assert forms.rank[i] == want, name
        assert jnp.isfinite(forms.matrix[i]).all()


def test_echelon_tolerance_and_bad_values():
    A = jnp.asarray([[1.0, 1.0], [1.0, 1.0 + 1e-10]])
    assert row_echelon(A).rank == 2
    assert row_echelon(A, rtol=1e-8).rank == 1
    with pytest.raises(ValueError, match="row_echelon: argument `rtol` must be at least 0"):
        row_echelon(A, rtol=-1.0)
    stack = jnp.stack([A, A.at[0, 0].set(jnp.nan), A.at[0, 0].set(jnp.inf)])
    forms = jax.vmap(reduced_row_echelon)(stack)
    assert list(forms.rank) == [2, -1, -1]
    np.testing.assert_allclose(forms.matrix[0], np.eye(2), atol=1e-5)
    assert jnp.isnan(forms.matrix[1:]).all()
    assert not forms.pivots[1:].any()


def test_permutations():
    p = np.array([2, 0, 3, 1])
    P = permutation_matrix(p, dtype=jnp.float32)
    A = np.random.default_rng(6).normal(size=(4, 2)).astype(np.float32)
    assert P.dtype == jnp.float32
    np.testing.assert_array_equal(P @ A, A[p])
    np.testing.assert_array_equal(P.T @ P, np.eye(4))
    q = np.array([1, 2, 0, 3])
    np.testing.assert_array_equal(P @ permutation_matrix(q), permutation_matrix(q[p]))
    # A dtype that cannot count the rows; and an index that is out of range in any.
    many = permutation_matrix(jnp.arange(300, dtype=jnp.uint8))
    np.testing.assert_array_equal(many, np.eye(256)[np.arange(300) % 256] @ np.eye(256, 300))
    assert not permutation_matrix(jnp.array([2**32, -1])).any()
