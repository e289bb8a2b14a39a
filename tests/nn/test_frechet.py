"""The Fréchet distance: exact samples of known moments, ranks that lack, float32, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn, probability, verify

RNG = np.random.default_rng(0)


def with_moments(n: int, mean: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """A sample of exactly this mean and the covariance F Fᵀ."""
    Z = RNG.standard_normal((n, factor.shape[1]))
    Q = np.linalg.qr(Z - Z.mean(0))[0]
    return mean + np.sqrt(n - 1) * Q @ factor.T


def test_commuting_covariances():
    """For Σ = V S V ᵀ, Ω = V T Vᵀ: ‖μ − ν‖² + Σ (√sᵢ − √tᵢ)², zeros among them."""
    V = np.linalg.qr(RNG.standard_normal((4, 4)))[0]
    s, t, shift = np.array([4.0, 1.0, 0.0, 0.0]), np.array([1.0, 9.0, 2.0, 0.0]), np.arange(4.0)
    X = with_moments(9, np.zeros(4), V * np.sqrt(s))
    Y = with_moments(12, shift, V * np.sqrt(t))
    want = np.sum(shift**2) + np.sum((np.sqrt(s) - np.sqrt(t)) ** 2)
    np.testing.assert_allclose(nn.frechet_distance(X, Y), want, rtol=1e-12)


@pytest.mark.parametrize("n", [3, 40])
def test_few_examples_and_float32(n):
    """tr (ΣΩ)^½ is the sum of the singular values of A Bᵀ, whatever the ranks."""
    X, Y = RNG.standard_normal((n, 8)) * 10.0 ** -np.arange(8), RNG.standard_normal((5, 8))
    A, B = ((S - S.mean(0)) / np.sqrt(len(S) - 1) for S in (X, Y))
    inner = np.linalg.svd(A @ B.T, compute_uv=False).sum()
    want = np.sum((X.mean(0) - Y.mean(0)) ** 2) + np.sum(A**2) + np.sum(B**2) - 2 * inner
    np.testing.assert_allclose(nn.frechet_distance(X, Y), want, rtol=1e-12)
    low = nn.frechet_distance(jnp.float32(X), jnp.float32(Y))
    assert low.dtype == jnp.float32
    np.testing.assert_allclose(low, want, rtol=2e-6)


def test_equal_samples_and_their_gradient():
    """0, not a root of eps, with float32 and covariances without rank; the gradient is 0 too."""
    X = jnp.float32(RNG.standard_normal((5, 8)))
    value, gradient = jax.value_and_grad(nn.frechet_distance)(X, X + 0.0)
    assert 0 <= value < 1e-10
    np.testing.assert_allclose(gradient, np.zeros((5, 8)), atol=1e-5)


def test_symmetric_and_turned():
    X, Y = RNG.standard_normal((6, 3)), RNG.standard_normal((9, 3)) + 1
    V = np.linalg.qr(RNG.standard_normal((3, 3)))[0]
    value = nn.frechet_distance(X, Y)
    np.testing.assert_allclose(nn.frechet_distance(Y, X), value, rtol=1e-12)
    np.testing.assert_allclose(nn.frechet_distance(X @ V + 7, Y @ V + 7), value, rtol=1e-12)


def test_derivatives_with_few_examples():
    X, Y = RNG.standard_normal((3, 5)), RNG.standard_normal((4, 5))
    report = verify.check_gradients(nn.frechet_distance, (X, Y), argnums=(0, 1))
    assert not report.failures, report


def test_nan_and_second_derivatives():
    X = RNG.standard_normal((4, 2))
    broken = X.copy()
    broken[1, 1] = np.nan
    assert np.isnan(nn.frechet_distance(X, broken))
    assert np.isnan(nn.frechet_distance(broken, X))
    with pytest.raises(NotImplementedError, match="frechet_distance: it has a first derivative"):
        jax.hessian(lambda s: nn.frechet_distance(s * X, X))(2.0)


def test_the_square_of_the_gaussians_wasserstein_distance():
    """Another algorithm, from covariances and their roots; once at the least rank that is full."""
    for n, m, d in ((9, 7, 3), (5, 6, 4)):
        rng = np.random.default_rng(n)
        X, Y = rng.normal(size=(n, d)), 1 + rng.normal(size=(m, d)) @ np.diag(np.arange(1.0, d + 1))
        moments = [a for S in (X, Y) for a in (S.mean(0), np.cov(S.T))]
        w = probability.gaussian_wasserstein(*moments)
        np.testing.assert_allclose(nn.frechet_distance(X, Y), w**2, rtol=1e-6)
