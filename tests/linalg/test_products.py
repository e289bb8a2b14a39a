"""Products, norms, angles and projections: range, accuracy, identities, gradients."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath import verify
from jaxmath.linalg.norms import matrix_norm, vector_norm
from jaxmath.linalg.products import (
    angle,
    hadamard,
    inner,
    kronecker,
    matmul,
    outer,
    project_onto_subspace,
    project_onto_vector,
    trace,
)
from tests.linalg.system_matrices import N, gallery

DTYPES = (np.float32, np.float64)
RNG = np.random.default_rng(0)


def cplx(*shape):
    return jnp.asarray(RNG.normal(size=shape) + 1j * RNG.normal(size=shape))


def test_identities_of_products():
    """⟨x, y⟩ is conjugate-linear in x, (x yᴴ) z = x ⟨y, z⟩, (A ⊗ B) vec X = vec(B X Aᵀ), traces."""
    x, y, z = cplx(3), cplx(4), cplx(4)
    np.testing.assert_allclose(matmul(outer(x, y), z), x * inner(y, z), rtol=1e-13)
    np.testing.assert_allclose(inner(2j * y, z), -2j * inner(y, z), rtol=1e-13)
    assert abs(inner(x, x).imag) <= 1e-15 * inner(x, x).real
    A, B, X = cplx(2, 3), cplx(4, 5), cplx(5, 3)
    stacked = lambda M: M.T.reshape(-1)
    np.testing.assert_allclose(
        matmul(kronecker(A, B), stacked(X)), stacked(B @ X @ A.T), rtol=1e-12
    )
    C = cplx(3, 2)
    np.testing.assert_allclose(trace(matmul(A, C)), trace(matmul(C, A)), rtol=1e-12)
    np.testing.assert_allclose(trace(matmul(A, C)), jnp.sum(hadamard(A, C.T)), rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_angle_at_every_size(dtype):
    """Absolute error of d·eps from 0 to π, where arccos loses half the digits; at every length."""
    eps, d = float(np.finfo(dtype).eps), 3
    compiled = jax.jit(jax.vmap(angle))
    thetas = np.concatenate([np.geomspace(1e-12, 1, 20), np.pi - np.geomspace(1e-12, 1, 20)])
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))[0]
    lengths = np.geomspace(1e-30, 1e30, thetas.size)
    x = np.tile(rotation[0], (thetas.size, 1)) * lengths[::-1, None]
    y = np.cos(thetas)[:, None] * rotation[0] + np.sin(thetas)[:, None] * rotation[1]
    x, y = x.astype(dtype), (y * lengths[:, None]).astype(dtype)
    for u, v, got in zip(x, y, compiled(jnp.asarray(x), jnp.asarray(y)), strict=True):
        with mpmath.workdps(60):
            u, v = mpmath.matrix(u.tolist()), mpmath.matrix(v.tolist())
            cosine = mpmath.fdot(u, v) / mpmath.norm(u) / mpmath.norm(v)
            assert abs(mpmath.mpf(float(got)) - mpmath.acos(cosine)) <= d * eps * 2


def test_angle_of_nearly_parallel_vectors_has_the_right_gradient():
    x = jnp.array([1.0, 0.0])
    for theta in (1e-6, 1e-3, np.pi - 1e-6):
        y = jnp.array([np.cos(theta), np.sin(theta)])
        gradient = jax.grad(angle)(x, y)
        np.testing.assert_allclose(gradient, [0.0, -1.0], atol=1e-9)
    assert jnp.isnan(angle(x, jnp.array([jnp.nan, 1.0])))


@pytest.mark.parametrize("dtype", DTYPES)
def test_norms_over_the_gallery(dtype):
    """Against NumPy in double precision, at every scale that the dtype holds."""
    matrices = gallery(dtype)
    stack = jnp.asarray(np.stack(list(matrices.values())))
    eps = float(np.finfo(dtype).eps)
    for ord in ("fro", "nuc", 2, 1, np.inf):
        values = jax.jit(jax.vmap(lambda A, ord=ord: matrix_norm(A, ord)))(stack)
        for (name, A), value in zip(matrices.items(), values, strict=True):
            want = np.linalg.norm(A.astype(np.float64), ord)
            assert abs(float(value) - want) <= 20 * N * eps * want, (name, ord)


@pytest.mark.parametrize("dtype", DTYPES)
def test_vector_norms_over_the_range(dtype):
    x = np.random.default_rng(2).normal(size=7)
    for scale in (1e-37, 1e-30, 1.0, 1e30, 4e37):
        for p in (1, 1.5, 2, 3, 10, 300, np.inf):
            v = (x * scale).astype(dtype)
            with mpmath.workdps(40):
                wide = [abs(mpmath.mpf(float(t))) for t in v]
                want = (
                    max(wide)
                    if p == np.inf
                    else mpmath.fsum(t**p for t in wide) ** (1 / mpmath.mpf(p))
                )
                got = mpmath.mpf(float(vector_norm(jnp.asarray(v), p)))
                assert abs(got / want - 1) <= 4 * 7 * float(np.finfo(dtype).eps), (scale, p)
    for p in (1, 1.5, 2, np.inf):
        assert jnp.isnan(vector_norm(jnp.array([jnp.nan, 1.0]), p))


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
def test_vector_norms_of_what_is_not_finite(p):
    """∞ for an infinite element, NaN where one is NaN too, also in a long vector."""
    for size in (3, 10_000):
        x = jnp.ones(size).at[1].set(-jnp.inf)
        assert vector_norm(x, p) == jnp.inf
        assert vector_norm(x.astype(complex), p) == jnp.inf
        assert jnp.isnan(vector_norm(x.at[0].set(jnp.nan), p))


@pytest.mark.full
def test_gradients_at_repeated_singular_values():
    """Nuclear norm at 2I, spectral norm at diag(4, 1, 1), to the second order; complex ones too."""
    E, D = 2 * jnp.eye(3), jnp.diag(jnp.array([4.0, 1.0, 1.0]))
    C = cplx(3, 2)
    for A, ord in ((E, "nuc"), (D, "nuc"), (D, 2), (E, "fro"), (C, "nuc"), (C, 2)):
        report = verify.check_gradients(lambda A, p=ord: matrix_norm(A, p), (A,), order=2)
        assert report, str(report)
    # At a repeated σ₁ the gradient is a subgradient: ‖G‖_* = 1 and ⟨G, A⟩ = ‖A‖₂.
    G = jax.grad(lambda A: matrix_norm(A, 2))(E)
    np.testing.assert_allclose(matrix_norm(G, "nuc"), 1.0, rtol=1e-14)
    np.testing.assert_allclose(jnp.sum(G * E), 2.0, rtol=1e-14)


def test_duality_of_norms():
    """|⟨x, y⟩| ≤ ‖x‖ₚ‖y‖_q with equality at the gradient: ∇‖x‖ₚ has q-norm 1."""
    x = jnp.asarray(RNG.normal(size=6))
    for p in (1, 1.5, 2, 4, jnp.inf):
        q = jnp.inf if p == 1 else 1 if p == jnp.inf else p / (p - 1)
        g = jax.grad(vector_norm)(x, p)
        np.testing.assert_allclose(vector_norm(g, q), 1.0, rtol=1e-13)
        np.testing.assert_allclose(inner(g, x), vector_norm(x, p), rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_projections(dtype):
    """Idempotent, orthogonal, independent of the basis; dependent columns and every scale."""
    eps = float(np.finfo(dtype).eps)
    rng = np.random.default_rng(3)
    compiled = jax.jit(project_onto_subspace)
    x = jnp.asarray(rng.normal(size=6), dtype)
    low = rng.normal(size=(6, 2)) @ rng.normal(size=(2, 3))
    hilbert = 1.0 / (np.arange(6)[:, None] + np.arange(3)[None, :] + 1)
    for B in (rng.normal(size=(6, 3)), low, hilbert, low * 1e30, low * 1e-30):
        B = jnp.asarray(B, dtype)
        p = compiled(x, B)
        assert vector_norm(compiled(p, B) - p) <= 20 * 6 * eps * vector_norm(x)
        normal = matmul(B.T / matrix_norm(B), x - p)
        assert vector_norm(normal) <= 20 * 6 * eps * vector_norm(x)
    v = jnp.asarray(rng.normal(size=6), dtype)
    for scale in (1e-30, 1.0, 1e30):
        line = project_onto_vector(x, v * scale)
        np.testing.assert_allclose(line, compiled(x, v[:, None]), atol=20 * 6 * eps)
    assert jnp.isnan(compiled(x, jnp.full((6, 3), jnp.nan, dtype))).all()


def test_derivatives_of_a_projection_at_repeated_singular_values():
    """Both modes and all four orders of two; the rule is no function of a tangent's SVD."""
    x, B = jnp.asarray([1.0, 2.0, 3.0]), jnp.eye(3)[:, :2]
    report = verify.check_gradients(project_onto_subspace, (x, B), order=2)
    assert report, str(report)


def test_derivative_of_a_projection_along_directions_that_keep_the_rank():
    """B = b cᵀ of rank 1 in 4 × 2; complex bases of full rank to the second order."""
    x, b, c = (jnp.asarray(RNG.normal(size=n)) for n in (4, 4, 2))
    report = verify.check_gradients(lambda b, c: project_onto_subspace(x, outer(b, c)), (b, c))
    assert report, str(report)
    f = lambda B: project_onto_subspace(x + 0j, B)
    assert verify.check_gradients(f, (cplx(4, 2),), order=2)
