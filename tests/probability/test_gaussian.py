"""Divergences of Gaussians: sampling, closed identities, nearly equal arguments."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath.probability import diagonal_gaussian_kl, diagonal_gaussian_log_density, gaussian_kl

RNG = np.random.default_rng(0)
M, A, N, B = RNG.normal(size=(4, 3))
diagonal = jax.jit(diagonal_gaussian_kl)
full = jax.jit(gaussian_kl)


def test_against_sampling():
    """KL = E_p log p/q, within 4 standard errors of 20,000 samples."""
    X = M + np.exp(A / 2) * RNG.normal(size=(20_000, 3))
    density = jax.jit(jax.vmap(diagonal_gaussian_log_density, (0, None, None)))
    ratio = np.asarray(density(X, M, A) - density(X, N, B))
    error = ratio.std() / np.sqrt(len(X))
    assert abs(ratio.mean() - diagonal(M, A, N, B)) < 4 * error
    L = np.tril(RNG.normal(size=(3, 3))) + 2 * np.eye(3)
    P, Q = L @ L.T, np.diag(np.exp(B)) + 0.3
    X = M + RNG.normal(size=(20_000, 3)) @ L.T
    quadratic = lambda X, C: np.einsum("ni,ij,nj->n", X, np.linalg.inv(C), X)
    ratio = 0.5 * (quadratic(X - N, Q) - quadratic(X - M, P))
    ratio += 0.5 * (np.linalg.slogdet(Q)[1] - np.linalg.slogdet(P)[1])
    assert abs(ratio.mean() - full(M, P, N, Q)) < 4 * ratio.std() / np.sqrt(len(X))


def test_the_density_integrates_to_one():
    x = np.linspace(-30, 30, 4001)
    density = jax.vmap(lambda x: jnp.exp(diagonal_gaussian_log_density(x, 0.5, 0.7)))
    np.testing.assert_allclose(np.asarray(density(x)).sum() * (x[1] - x[0]), 1.0, rtol=1e-12)


def test_full_and_diagonal_agree_and_add_up():
    want = diagonal(M, A, N, B)
    np.testing.assert_allclose(full(M, np.diag(np.exp(A)), N, np.diag(np.exp(B))), want, rtol=1e-13)
    each = jax.vmap(diagonal_gaussian_kl)(M, A, N, B)
    assert np.all(each >= 0)
    np.testing.assert_allclose(each.sum(), want, rtol=1e-14)


def test_a_change_of_coordinates_changes_nothing():
    T, c = RNG.normal(size=(3, 3)), RNG.normal(size=3)
    P, Q = np.eye(3) + 0.5, np.diag([1.0, 2.0, 3.0])
    moved = full(T @ M + c, T @ P @ T.T, T @ N + c, T @ Q @ T.T)
    np.testing.assert_allclose(moved, full(M, P, N, Q), rtol=1e-11)


def test_nearly_equal_gaussians():
    """½ Σ φ(d) against fifty digits; for covariances ¼ ‖Q⁻¹ dP‖² to leading order."""
    for t in (1e-1, 1e-5, 1e-9):
        with mpmath.workdps(50):
            d = [mpmath.mpf(float(x)) - mpmath.mpf(float(y)) for x, y in zip(A + t, A, strict=True)]
            want = float(sum(mpmath.expm1(x) - x for x in d) / 2)
        np.testing.assert_allclose(diagonal(M, A + t, M, A), want, rtol=1e-13)
    E = RNG.normal(size=(3, 3))
    E = E + E.T
    P = np.diag([1.0, 2.0, 3.0])
    for t in (1e-6, 1e-9):
        want = t**2 * np.trace(np.linalg.solve(P, E) @ np.linalg.solve(P, E)) / 4
        np.testing.assert_allclose(full(M, P + t * E, M, P), want, rtol=10 * t + 1e-15 / t)
    single = np.float32([0.1, 0.2])
    assert 0 <= diagonal(single, single, single, single + np.float32(1e-6)) < 1e-11


def test_the_gradient_at_the_standard_normal():
    """KL(N(μ, σ²)‖N(0, 1)): ∂/∂μ = μ, ∂/∂ log σ² = ½ (σ² − 1)."""
    zero = jnp.zeros(3)
    by_mean, by_log_var = jax.jit(jax.grad(diagonal_gaussian_kl, (0, 1)))(M, A, zero, zero)
    np.testing.assert_allclose(by_mean, M, rtol=1e-14)
    np.testing.assert_allclose(by_log_var, np.expm1(A) / 2, rtol=1e-13)


def test_singular_covariances_are_refused_with_nan():
    flat = np.diag([1.0, 1.0, 0.0])
    assert np.isnan(full(M, flat, N, np.eye(3)))
    assert np.isnan(full(M, np.eye(3), N, flat))
    near = np.diag([1.0, 1.0, 1e-300])
    np.testing.assert_allclose(full(M, near, M, np.eye(3)), (300 * np.log(10) - 1) / 2, rtol=1e-14)


def test_diagonal_ones_of_any_scale():
    """Where a factor leaves float32's range, or an end of it is met, the sum does not."""
    density, kl = diagonal_gaussian_log_density, diagonal_gaussian_kl
    f = lambda *values: tuple(jnp.asarray([v], jnp.float32) for v in values)
    np.testing.assert_allclose(density(*f(0, 0, -200)), 100 - 0.5 * np.log(2 * np.pi), rtol=1e-6)
    np.testing.assert_allclose(density(*f(1, 0, 300)), -150 - 0.5 * np.log(2 * np.pi), rtol=1e-6)
    assert density(*f(1, 0, -300)) == -np.inf
    np.testing.assert_allclose(density(*f(0, 0, -800)), 400 - 0.5 * np.log(2 * np.pi), rtol=1e-6)
    assert kl(*f(0, -100, 0, -100)) == kl(*f(0, -800, 0, -800)) == 0
    for mean, log_var in ((1e-20, -90), (1e20, 90)):
        want = 0.5 * mean**2 * np.exp(-float(log_var))
        np.testing.assert_allclose(kl(*f(mean, log_var, 0, log_var)), want, rtol=1e-5)
        slope = jax.grad(lambda m, s=log_var: kl(m, *f(s, 0, s)))(f(mean)[0])
        np.testing.assert_allclose(slope, [mean * np.exp(-float(log_var))], rtol=1e-5)


def test_density_of_no_variance():
    """log σ² = −∞: the limits −∞ beside the mean and ∞ on it, and NaN for a NaN."""
    density = lambda x: diagonal_gaussian_log_density(x, jnp.ones(2), jnp.array([-jnp.inf, 0.0]))
    for dtype in (jnp.float32, jnp.float64):
        values = [density(jnp.array([x, 0.0], dtype)) for x in (1.5, 1.0, np.nan)]
        np.testing.assert_array_equal(values, [-np.inf, np.inf, np.nan])


def test_full_covariances_of_half_precision_are_refused():
    mean, cov = jnp.zeros(2, jnp.bfloat16), jnp.eye(2, dtype=jnp.bfloat16)
    with pytest.raises(TypeError, match=r"^gaussian_kl: argument `mean_p` must have single or"):
        gaussian_kl(mean, cov, mean, cov)
