"""The four subspaces, rank, independence and bases: theorems, dimensions, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg, verify
from tests.linalg.gallery_qr import SIZE, gallery, scaled_stack, spectral_norms

DTYPES = (np.float32, np.float64)


def wide(x):
    x = np.asarray(x)
    return x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)


def adjoint(M):
    return np.conj(np.swapaxes(M, -1, -2))


def of_rank(r, m, n, seed=0, kind=float):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: (
        rng.normal(size=shape) + (1j * rng.normal(size=shape) if kind is complex else 0)
    )
    return draw(m, r) @ draw(r, n)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bases_of_every_matrix_at_every_scale(dtype):
    """Orthonormal, in the gauge, and A maps the null space to 0, for each matrix of the gallery."""
    stack = scaled_stack(dtype)
    U, V, rank = (np.asarray(v) for v in jax.jit(jax.vmap(linalg.four_subspaces))(stack))
    assert U.dtype == V.dtype == dtype
    bound = 20 * SIZE * np.finfo(dtype).eps
    for B in (U, V):
        loss = adjoint(wide(B)) @ wide(B) - np.eye(SIZE)
        assert np.linalg.norm(loss, 2, axis=(1, 2)).max() <= bound
        largest = np.take_along_axis(B, np.abs(B).argmax(axis=1)[:, None, :], axis=1)
        assert np.all(largest > 0)
    for A, u, v, r, norm in zip(stack, U, V, rank, spectral_norms(stack), strict=True):
        assert np.linalg.norm(wide(A) @ wide(v)[:, r:]) <= (bound + SIZE**2 * bound / 20) * norm
        assert np.linalg.norm(wide(A).T @ wide(u)[:, r:]) <= (bound + SIZE**2 * bound / 20) * norm
    names = list(gallery()) * 3
    expected = {"identity": SIZE, "rank one": 1, "zero": 0, "repeated": SIZE, "random": SIZE}
    for name, r in zip(names, rank, strict=True):
        assert name not in expected or expected[name] == r, name


@pytest.mark.parametrize("kind", [float, complex])
def test_the_four_subspaces(kind):
    """Strang's theorem: dimensions r, m − r, r, n − r, and the spaces orthogonal in pairs."""
    for m, n in [(4, 3), (3, 4), (3, 3)]:
        stack = np.stack([of_rank(r, m, n, r, kind) for r in range(4)])
        U, V, rank = jax.jit(jax.vmap(linalg.four_subspaces))(stack)
        assert rank.tolist() == [0, 1, 2, 3]
        for A, u, v, r in zip(stack, U, V, range(4), strict=True):
            column, row = u[:, :r] @ adjoint(u[:, :r]), v[:, :r] @ adjoint(v[:, :r])
            np.testing.assert_allclose(column @ A, A, atol=1e-12)
            np.testing.assert_allclose(A @ row, A, atol=1e-12)
            np.testing.assert_allclose(A @ v[:, r:], 0, atol=1e-12)
            np.testing.assert_allclose(adjoint(A) @ u[:, r:], 0, atol=1e-12)


def test_one_space_at_a_time():
    A = of_rank(2, 4, 3, seed=5)
    column, row = linalg.column_space(A), linalg.row_space(A)
    null, left_null = linalg.null_space(A), linalg.left_null_space(A)
    assert [int(s.dimension) for s in (column, left_null, row, null)] == [2, 2, 2, 1]
    np.testing.assert_allclose(column.projector() + left_null.projector(), np.eye(4), atol=1e-14)
    np.testing.assert_allclose(row.projector() + null.projector(), np.eye(3), atol=1e-14)
    np.testing.assert_allclose(column.projector() @ A, A, atol=1e-14)
    np.testing.assert_allclose(A @ null.basis[:, :1], 0, atol=1e-14)
    np.testing.assert_allclose(A.T @ left_null.basis[:, :2], 0, atol=1e-14)
    tolerant = linalg.null_space(np.diag([1.0, 1e-3]), rtol=1e-2)
    assert tolerant.dimension == 1
    np.testing.assert_allclose(tolerant.basis, [[0.0, 1.0], [1.0, 0.0]], atol=1e-14)


@pytest.mark.parametrize("kind", [float, complex])
def test_derivatives_along_directions_that_keep_the_rank(kind):
    """The projectors of a matrix of rank 2, moved as B(t) C(t): against finite differences."""
    rng = np.random.default_rng(6)
    B, C = of_rank(2, 3, 2, 7, kind), of_rank(2, 2, 3, 8, kind)

    def projectors(B, C):
        left, right, rank = linalg.four_subspaces(jnp.matmul(B, C), rtol=1e-6)
        return [linalg.Subspace(basis, rank).projector() for basis in (left, right)]

    # The column space is B's alone, the row space C's: by the other one both derivatives are 0, of
    # which differences have only the noise.
    by_left = verify.check_gradients(lambda B: projectors(B, C)[0], (jnp.asarray(B),))
    by_right = verify.check_gradients(lambda C: projectors(B, C)[1], (jnp.asarray(C),))
    assert by_left, str(by_left)
    assert by_right, str(by_right)
    zero, tangents = np.zeros_like, (rng.normal(size=B.shape), rng.normal(size=C.shape))
    moved = lambda dB, dC: jax.jvp(projectors, (B, C), (dB.astype(kind), dC.astype(kind)))[1]
    np.testing.assert_allclose(moved(zero(B), tangents[1])[0], 0, atol=1e-12)
    np.testing.assert_allclose(moved(tangents[0], zero(C))[1], 0, atol=1e-12)
    # By hand: dP = (I − P) dA A⁺ + its adjoint.
    A, pinv = B @ C, np.linalg.pinv(B @ C, rcond=1e-10)
    dA = rng.normal(size=B.shape).astype(kind) @ C
    _, (dP, _) = jax.jvp(lambda B: projectors(B, C), (B,), (dA @ np.linalg.pinv(C),))
    half = (np.eye(3) - A @ pinv) @ dA @ pinv
    np.testing.assert_allclose(dP, half + adjoint(half), atol=1e-12)


@pytest.mark.full
def test_second_derivative_at_repeated_singular_values():
    """P = A(AᵀA)⁻¹Aᵀ at A = I₃ₓ₂, differentiated twice: the basis is not unique, P is smooth."""
    A = jnp.eye(3, 2)
    rng = np.random.default_rng(9)
    weights = rng.normal(size=(3, 3))
    ours = lambda A: jnp.sum(weights * linalg.column_space(A).projector())
    direct = lambda A: jnp.sum(weights * (A @ jnp.linalg.inv(A.T @ A) @ A.T))
    both = lambda f: jax.jit(lambda A: (jax.grad(f)(A), jax.hessian(f)(A)))(A)
    (gradient, hessian), (want, want_hessian) = both(ours), both(direct)
    np.testing.assert_allclose(gradient, want, atol=1e-13)
    np.testing.assert_allclose(hessian, want_hessian, atol=1e-12)


def test_not_finite_in_its_lane_alone():
    A = np.stack([np.eye(3)] * 3)
    A[1, 0, 0], A[2, 0, 1] = np.nan, np.inf
    left, right, rank = jax.vmap(linalg.four_subspaces)(A)
    assert rank.tolist() == [3, 0, 0]
    assert np.isfinite(left[0]).all()
    assert np.isnan(left[1:]).all()
    assert np.isnan(right[1:]).all()
    assert jax.vmap(linalg.rank)(A).tolist() == [3, 0, 0]
    assert jax.vmap(linalg.nullity)(A).tolist() == [0, 3, 3]
    assert jax.vmap(linalg.linearly_independent)(A).tolist() == [True, False, False]


def test_rank_and_nullity():
    """rank + nullity = n; rank A = rank Aᵀ; adding a dependent vector ends independence."""
    for m, n in [(4, 3), (3, 4), (1, 1)]:
        for r in range(min(m, n) + 1):
            A = of_rank(r, m, n, r)
            assert linalg.rank(A) == linalg.rank(A.T) == r
            assert linalg.rank(A) + linalg.nullity(A) == n
            assert linalg.linearly_independent(A) == (r == n)
    assert linalg.rank(np.diag([1.0, 1e-3]), rtol=1e-2) == 1
    assert linalg.rank(jnp.asarray(1e-30 * np.eye(3), jnp.float32)) == 3
    with pytest.raises(ValueError, match="`rtol` must be at least 0"):
        linalg.rank(np.eye(2), rtol=-1.0)


def test_change_of_basis_keeps_the_vector_and_the_map():
    rng = np.random.default_rng(10)
    B, C, T = rng.normal(size=(3, 3, 3)) + 1j * rng.normal(size=(3, 3, 3))
    P = np.asarray(linalg.change_of_basis(B, C))
    x = rng.normal(size=3)
    np.testing.assert_allclose(C @ (P @ x), B @ x, atol=1e-13)
    # The same map in both bases: B T B⁻¹ = C (P T P⁻¹) C⁻¹.
    same = C @ P @ T @ np.linalg.inv(P) @ np.linalg.inv(C)
    np.testing.assert_allclose(same, B @ T @ np.linalg.inv(B), atol=1e-11)
    np.testing.assert_allclose(linalg.change_of_basis(C, B) @ P, np.eye(3), atol=1e-13)
    assert not np.isfinite(linalg.change_of_basis(np.eye(2), np.zeros((2, 2)))).all()
