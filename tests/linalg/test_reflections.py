"""Column-pivoted QR and the Hessenberg form: accuracy, rank, gauge, lanes, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from jaxmath import linalg, verify
from tests.linalg.gallery_qr import SIZE, gallery, scaled_stack, spectral_norms
from tests.linalg.test_orthogonality import DTYPES, adjoint, losses, wide


@pytest.mark.parametrize("dtype", DTYPES)
def test_pivoted_qr_of_every_matrix_at_every_scale(dtype):
    stack = scaled_stack(dtype)
    Q, R, permutation, rank = jax.jit(jax.vmap(linalg.qr_pivoted))(stack)
    assert Q.dtype == R.dtype == dtype
    assert permutation.dtype == rank.dtype == np.int32
    assert np.all(np.sort(permutation, axis=1) == np.arange(SIZE))
    permuted = np.take_along_axis(stack, np.asarray(permutation)[:, None, :], axis=2)
    residual, loss = losses(permuted, Q, R)
    eps = float(np.finfo(dtype).eps)
    assert residual.max() <= 20 * SIZE * eps, np.argmax(residual)
    assert loss.max() <= 20 * SIZE * eps, np.argmax(loss)
    pivots = np.diagonal(wide(R), axis1=1, axis2=2)
    assert np.all(pivots >= 0)
    assert np.all(np.diff(pivots, axis=1) <= 20 * SIZE * eps * pivots[:, :1])
    # No remaining column is longer than the pivot: Rⱼⱼ² ≥ Σ_{i=j}^{k} Rᵢₖ².
    for j in range(SIZE):
        lengths = np.linalg.norm(wide(R)[:, j:, j:], axis=1)
        assert np.all(lengths <= pivots[:, j, None] + 20 * SIZE * eps * pivots[:, :1])


def test_the_rank_is_revealed():
    """The rank by singular values, for every matrix of the gallery but those on the edge."""
    names, stack = list(gallery()), np.stack(list(gallery().values()))
    compiled = jax.jit(jax.vmap(linalg.qr_pivoted))
    for scale in (1.0, 1e-200, 1e200):
        rank = compiled(stack * scale).rank
        for name, found, A in zip(names, rank, stack, strict=True):
            assert found == np.linalg.matrix_rank(A), name
    rng = np.random.default_rng(1)
    for r in range(1, 4):
        A = rng.normal(size=(5, r)) @ rng.normal(size=(r, 4))
        assert linalg.qr_pivoted(A).rank == r
        assert linalg.qr_pivoted(jnp.asarray(A.T, jnp.float32)).rank == r
    assert linalg.qr_pivoted(np.diag([1.0, 1e-3]), rtol=1e-2).rank == 1


def test_pivoting_agrees_with_scipy():
    rng = np.random.default_rng(2)
    for shape in [(5, 3), (3, 5), (1, 1), (1, 3), (3, 1)]:
        A = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        Q, R, permutation, _ = linalg.qr_pivoted(A)
        q, r, p = scipy.linalg.qr(A, mode="economic", pivoting=True)
        s = np.diagonal(r) / np.abs(np.diagonal(r))
        np.testing.assert_array_equal(permutation, p)
        np.testing.assert_allclose(Q, q * s, atol=1e-13)
        np.testing.assert_allclose(R, np.conj(s)[:, None] * r, atol=1e-13)


def test_of_equal_columns_the_first_is_taken():
    assert linalg.qr_pivoted(np.eye(3)).permutation.tolist() == [0, 1, 2]
    result = linalg.qr_pivoted(np.zeros((3, 2)))
    assert result.permutation.tolist() == [0, 1]
    assert result.rank == 0
    np.testing.assert_array_equal(result.Q, np.eye(3, 2))


def test_not_finite_gives_nan_in_its_lane_alone():
    A = np.random.default_rng(3).normal(size=(3, 4, 4))
    A[1, 2, 1], A[2, 0, 0] = np.nan, np.inf
    result = jax.vmap(linalg.qr_pivoted)(A)
    Q, H = jax.vmap(linalg.hessenberg)(A)
    for M in (result.Q, result.R, Q, H):
        assert np.isfinite(M[0]).all()
        assert np.isnan(M[1:]).all()
    assert result.rank.tolist() == [4, 0, 0]
    assert np.all(np.sort(result.permutation, axis=1) == np.arange(4))


@pytest.mark.parametrize("dtype", [*DTYPES, np.complex64])
def test_hessenberg_of_every_matrix_at_every_scale(dtype):
    stack = scaled_stack(dtype)
    if dtype == np.complex64:
        stack = stack + 1j * stack.transpose(0, 2, 1)
    Q, H = (np.asarray(M) for M in jax.jit(jax.vmap(linalg.hessenberg))(stack))
    assert Q.dtype == H.dtype == dtype
    norms = spectral_norms(stack)
    residual = wide(stack) - wide(Q) @ wide(H) @ adjoint(wide(Q))
    bound = 20 * SIZE * np.finfo(dtype).eps
    assert np.all(np.linalg.norm(residual, 2, axis=(1, 2)) <= bound * norms)
    assert losses(stack, Q, H)[1].max() <= bound
    assert np.all(np.tril(H, -2) == 0)
    below = np.diagonal(H, -1, axis1=1, axis2=2)
    assert np.all(below.imag == 0)
    # XLA flushes subnormal numbers, a sign among them.
    assert np.all(below.real > -np.finfo(dtype).tiny)
    assert np.all(Q[:, 0] == np.eye(SIZE)[0])


def test_hessenberg_keeps_the_eigenvalues():
    rng = np.random.default_rng(5)
    A = rng.normal(size=(6, 6)) + 1j * rng.normal(size=(6, 6))
    _, H = linalg.hessenberg(A)
    found, exact = (np.sort_complex(np.linalg.eigvals(M)) for M in (np.asarray(H), A))
    np.testing.assert_allclose(found, exact, atol=1e-13)
    Q, H = linalg.hessenberg(np.array([[2.0]]))
    assert (Q, H) == (1.0, 2.0)


@pytest.mark.full
def test_complex_derivatives():
    rng = np.random.default_rng(6)
    A = jnp.asarray(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
    for f in (linalg.hessenberg, lambda A: linalg.qr_pivoted(A)[:2]):
        report = verify.check_gradients(f, (A,))
        assert report, str(report)


def test_hessenberg_has_its_derivatives_where_a_pivot_is_zero():
    """A complex pivot of 0 has no phase, yet H₁₀ = ‖(0, 1)‖ = 1: Q and H are smooth there."""
    A = jnp.array([[1, 2, 3], [0, 1, 2], [1, 1, 1]], complex)
    report = verify.check_gradients(linalg.hessenberg, (A,))
    assert report, str(report)
    E = jnp.zeros((3, 3), complex).at[1, 0].set(1j)
    first = jax.jit(lambda A: jax.jvp(linalg.hessenberg, (A,), (E,))[1])
    second = jax.jvp(first, (A,), (E,))[1]
    h = 1e-5
    for d, above, below in zip(second, first(A + h * E), first(A - h * E), strict=True):
        np.testing.assert_allclose(d, (above - below) / (2 * h), atol=1e-8)


def test_hessenberg_has_a_finite_gradient_where_it_is_not_unique():
    for A in (np.eye(3), np.zeros((3, 3)), np.diag([1.0, 2.0, 3.0]) + np.eye(3, k=-1)):
        gradient = jax.grad(lambda A: jnp.sum(linalg.hessenberg(A)[1] ** 2))(jnp.asarray(A))
        assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient, 2 * A, atol=1e-14)  # ‖H‖² = ‖A‖²


@pytest.mark.parametrize("fn", [linalg.qr_pivoted, linalg.classify_system, linalg.row_space])
def test_a_tall_matrix_takes_no_square_of_its_rows_number(fn):
    """Only what is returned is formed, be it of one factor or of the values alone."""
    A = jax.ShapeDtypeStruct((4000, 8), jnp.float32)
    data = (A, jax.ShapeDtypeStruct((4000,), jnp.float32))[: 1 + (fn is linalg.classify_system)]
    memory = jax.jit(fn).lower(*data).compile().memory_analysis()
    assert memory.temp_size_in_bytes <= 2e6 + 40 * 4 * A.size


@pytest.mark.parametrize("shape", [(400, 3), (3, 400)])
def test_the_derivative_of_a_space_takes_no_square_of_the_other_side(shape):
    fn = linalg.row_space if shape[0] > shape[1] else linalg.column_space
    A = jax.ShapeDtypeStruct(shape, jnp.float32)
    moved = jax.jit(lambda A, E: jax.jvp(lambda A: fn(A).projector(), (A,), (E,))[1])
    memory = moved.lower(A, A).compile().memory_analysis()
    assert memory.temp_size_in_bytes <= 400 * 400 * 2
