"""The singular value decomposition: bounds, gauge, derivatives, the Jacobi reference."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath import linalg
from jaxmath.linalg.svd import condition_number, jacobi_svd, svd, svdvals
from tests.linalg.svd_family import EPS, assert_derivatives, stacked

DTYPES = ("float32", "float64")


def _check_factors(A, U, s, Vh, bound, name):
    """Residual, orthogonality and order, in float64."""
    U, s, Vh = (np.asarray(x, np.float64) for x in (U, s, Vh))
    k = len(s)
    norm = np.linalg.norm(A, 2)
    assert np.linalg.norm(U * s @ Vh - A, 2) <= bound * norm, name
    assert np.linalg.norm(U.T @ U - np.eye(k), 2) <= bound, name
    assert np.linalg.norm(Vh @ Vh.T - np.eye(k), 2) <= bound, name
    assert (np.diff(s) <= 0).all(), name
    assert np.max(np.abs(s - np.linalg.svd(A)[1])) <= bound * norm, name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", [svd, jacobi_svd])
def test_accuracy_list(method, dtype):
    names, batch, exact = stacked(dtype)
    n = batch.shape[-1]
    factors = jax.jit(jax.vmap(method))(batch)
    for i, name in enumerate(names):
        _check_factors(exact[i], *(x[i] for x in factors), 20 * n * EPS[dtype], name)
        # The gauge: the leading entry of each column of U is positive.
        U = np.asarray(factors[0][i])
        size = np.abs(U)
        lead = np.argmax(size >= 0.999 * size.max(axis=0), axis=0)
        assert (U[lead, np.arange(n)] > 0).all(), name
    values = jax.jit(jax.vmap(svdvals))(batch)
    scale = np.linalg.norm(exact, 2, axis=(1, 2))[:, None]
    assert (np.abs(values - np.linalg.svd(exact)[1]) <= 20 * n * EPS[dtype] * scale).all()


def test_jacobi_finds_small_values_of_graded_columns():
    """Each value to high relative accuracy, where LAPACK's are right only relative to the first."""
    B = np.random.default_rng(1).normal(size=(6, 4))
    A = B * np.logspace(-24, 0, 4)
    with mpmath.workdps(45):
        exact = [float(s) for s in mpmath.svd_r(mpmath.matrix(A.tolist()), compute_uv=False)]
    s = np.asarray(jacobi_svd(jnp.asarray(A))[1])
    bound = 4 * EPS["float64"] * np.linalg.cond(B) * 4
    np.testing.assert_allclose(s, exact, rtol=bound)
    assert abs(np.linalg.svd(A)[1][-1] / exact[-1] - 1) > 1e3 * bound


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shape", [(1, 1), (5, 2), (2, 5), (1, 3)])
def test_shapes(shape):
    A = np.random.default_rng(2).normal(size=shape)
    for method in (svd, jacobi_svd):
        _check_factors(A, *method(jnp.asarray(A)), 1e-14, shape)
    U, s, Vh = svd(jnp.asarray(A), full_matrices=True)
    assert U.shape == (shape[0],) * 2
    assert Vh.shape == (shape[1],) * 2
    np.testing.assert_allclose(U.T @ U, np.eye(shape[0]), atol=1e-14)
    np.testing.assert_allclose(Vh @ Vh.T, np.eye(shape[1]), atol=1e-14)
    np.testing.assert_allclose((U[:, : len(s)] * s[None, :]) @ Vh[: len(s)], A, atol=1e-14)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_derivatives_of_factors(part, shape):
    """At distinct values the factors are smooth in their gauge: both derivatives are right."""
    A = np.random.default_rng(3).normal(size=shape)
    assert_derivatives(lambda A: svd(A)[part], A)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("side", [0, 2])
def test_full_matrices_by_projectors(side):
    """U₂U₂ᵀ and V₂V₂ᵀ do not depend on the gauge, at repeated singular values either."""
    Q = np.linalg.qr(np.random.default_rng(4).normal(size=(4, 2)))[0]

    def projector(A):
        factor = svd(A, full_matrices=True)[side]
        return factor[:, 2:] @ factor[:, 2:].T if side == 0 else factor[2:].T @ factor[2:]

    assert_derivatives(projector, Q if side == 0 else Q.T)
    assert_derivatives(projector, Q @ np.diag([2.0, 0.5]) if side == 0 else Q.T)


def test_complex_factors_and_derivatives():
    rng = np.random.default_rng(5)
    A, E = (jnp.asarray(rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))) for _ in "AE")
    for B in (A, jnp.conj(A).T):
        U, s, Vh = svd(B)
        np.testing.assert_allclose((U * s[None, :]) @ Vh, B, atol=1e-14)
        np.testing.assert_allclose(jnp.conj(U).T @ U, np.eye(2), atol=1e-14)
        step = E if B is A else jnp.conj(E).T
        path = lambda t, B=B, step=step: svd(B + t * step)
        tangents = jax.jvp(path, (0.0,), (1.0,))[1]
        ahead, behind = path(1e-5), path(-1e-5)
        for a, b, tangent in zip(ahead, behind, tangents, strict=True):
            np.testing.assert_allclose(tangent, (a - b) / 2e-5, atol=1e-8)
    with pytest.raises(TypeError, match="`A` must have a real floating dtype"):
        jacobi_svd(A)


def test_derivatives_of_complex_factors_under_strict_promotion():
    rng = np.random.default_rng(7)
    A, E = (jnp.asarray(rng.normal(size=(4, 2)) * (1 + 1j), jnp.complex64) for _ in range(2))
    for full in (False, True):
        plain = jax.jvp(lambda A, full=full: svd(A, full), (A,), (E,))[1]
        with jax.numpy_dtype_promotion("strict"):
            strict = jax.jvp(lambda A, full=full: svd(A, full), (A,), (E,))[1]
        for a, b in zip(plain, strict, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_jacobi_at_clustered_values(dtype):
    """log₂ n + 4 sweeps are enough there too: equal values far apart would take up to 20."""
    n, rng = 40, np.random.default_rng(8)
    U, V = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    half = np.arange(n) < n // 2
    A = np.stack([U * s @ V for s in (1.0 + half, 1.0 * half, 1.0 + np.arange(n) % 5)])
    sweeps = int(np.ceil(np.log2(n))) + 4
    factors = jax.jit(jax.vmap(lambda A: jacobi_svd(A, max_sweeps=sweeps)))(A.astype(dtype))
    for one in zip(A.astype(dtype), *factors, strict=True):
        _check_factors(*one, 20 * n * EPS[dtype], "clustered")


def test_repeated_values_keep_what_has_a_finite_coefficient():
    """d(U Vᵀ) at I is the skew part of dA; d(U f(s) Vᵀ) is not: that is what spectral_fn is for."""
    E = jnp.asarray(np.random.default_rng(6).normal(size=(3, 3)))
    orthogonal = lambda A: svd(A)[0] @ svd(A)[2]
    tangent = jax.jvp(orthogonal, (jnp.eye(3),), (E,))[1]
    np.testing.assert_allclose(tangent, (E - E.T) / 2, atol=1e-14)
    gradients = jax.jit(jax.jacobian(svd))(jnp.zeros((3, 2)))
    assert all(jnp.isfinite(g).all() for g in gradients)


def test_bad_values_lane_by_lane():
    """NaN or ∞ in a matrix spoils its own lane only."""
    batch = jnp.stack([jnp.eye(3), jnp.eye(3).at[0, 1].set(jnp.nan), 2 * jnp.eye(3)])
    for method in (svd, jacobi_svd):
        _, s, _ = jax.jit(jax.vmap(method))(batch)
        assert jnp.array_equal(s[0], jnp.ones(3))
        assert jnp.isnan(s[1]).all()
        assert jnp.array_equal(s[2], 2 * jnp.ones(3))
    assert jnp.isnan(jacobi_svd(jnp.eye(2).at[0, 0].set(jnp.inf))[1]).all()
    assert jnp.isnan(jacobi_svd(jnp.ones((3, 3)) + jnp.eye(3), max_sweeps=1)[0]).all()


@pytest.mark.parametrize("flag", ["no", 1, None, jnp.array(True)])
def test_a_flag_is_true_or_false(flag):
    A, b = jnp.eye(2), jnp.ones(2)
    for call, name in (
        (lambda: svd(A, flag), "full_matrices"),
        (lambda: linalg.solve_info(A, b, refine=flag), "refine"),
        (lambda: linalg.forward_substitution(A, b, unit_diagonal=flag), "unit_diagonal"),
    ):
        with pytest.raises(TypeError, match=f"`{name}` must be True or False"):
            call()


def test_jacobi_refuses_reverse_mode():
    with pytest.raises(ValueError, match="Reverse-mode differentiation does not work"):
        jax.grad(lambda A: jacobi_svd(A)[1][0])(jnp.eye(2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_condition_number(dtype):
    names, batch, exact = stacked(dtype)
    found = np.asarray(jax.jit(jax.vmap(condition_number))(batch), np.float64)
    for name, kappa, A in zip(names, found, exact, strict=True):
        want = np.inf if not A.any() else np.linalg.cond(A)
        bound = 20 * 8 * EPS[dtype] * want
        if bound < 0.5:
            assert abs(kappa - want) <= bound * want, name
        else:
            assert kappa >= 1 / (20 * 8 * EPS[dtype]) / 2, name
    assert condition_number(jnp.asarray(1e38, dtype) * jnp.eye(2, dtype=dtype)) == 1


@pytest.mark.parametrize(
    "fn",
    [
        svdvals,
        linalg.rank,
        linalg.nullity,
        condition_number,
        lambda A: linalg.matrix_norm(A, 2),
        lambda A: linalg.matrix_norm(A, "nuc"),
        lambda A: linalg.spectral_sum(jnp.square, A, of="singular_values"),
    ],
)
def test_values_alone_take_no_square_of_the_larger_side(fn):
    """The values of a tall matrix need memory of its own size, not a square of its rows' number."""
    A = jax.ShapeDtypeStruct((4000, 8), jnp.float32)
    memory = jax.jit(fn).lower(A).compile().memory_analysis()
    assert memory.temp_size_in_bytes <= 2e6 + 40 * 4 * A.size
