"""Bounds on an evidence that is known, divergences by Monte Carlo, tiny and extreme arguments."""

from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
from scipy import stats

from jaxmath import nn

MEAN, LOG_VARIANCE = jnp.array([0.5, -1.0, 2.0]), jnp.array([-2.0, 0.3, 0.9])


def linear_model():
    """p(z) = N(0, I), p(x|z) = N(W z + b, σ² I): x, log p(x|z), log p(x), the posterior of z.

    The columns of W are orthogonal, so that the posterior is diagonal.
    """
    rng = np.random.default_rng(0)
    W = np.linalg.qr(rng.standard_normal((5, 2)))[0] * [1.5, 0.7]
    b, x, variance = rng.standard_normal(5), rng.standard_normal(5), 0.4
    evidence = stats.multivariate_normal(b, W @ W.T + variance * np.eye(5)).logpdf(x)
    precision = np.diag(W.T @ W) / variance + 1
    posterior = W.T @ (x - b) / variance / precision, -np.log(precision)

    def log_likelihood(z):
        return nn.gaussian_log_likelihood(jnp.asarray(W) @ z + b, np.log(variance), x)

    expected = lambda mean, s: log_likelihood(mean) - np.sum(W**2 @ np.exp(s)) / (2 * variance)
    return log_likelihood, evidence, tuple(map(jnp.asarray, posterior)), expected


def mean_and_error(values):
    return values.mean(), values.std() / np.sqrt(values.size)


def test_draws_and_divergence_by_monte_carlo():
    """E z = μ, Var z = e^s, and KL = E_q [log q(z) − log p(z)], within 4 standard errors."""
    n = 20_000

    @jax.jit
    @jax.vmap
    def draw(key):
        z = nn.reparameterize(key, MEAN, LOG_VARIANCE)
        prior = nn.gaussian_log_likelihood(jnp.zeros(3), 0.0, z)
        return z, nn.gaussian_log_likelihood(MEAN, LOG_VARIANCE, z) - prior

    z, log_ratio = draw(jax.random.split(jax.random.key(0), n))
    variance = np.exp(LOG_VARIANCE)
    assert np.all(np.abs(z.mean(0) - MEAN) < 4 * np.sqrt(variance / n))
    assert np.all(np.abs(z.var(0) / variance - 1) < 4 * np.sqrt(2 / n))
    found, error = mean_and_error(log_ratio)
    exact = nn.standard_gaussian_kl(MEAN, LOG_VARIANCE)
    assert error < 0.02 * exact
    assert abs(found - exact) < 4 * error


def test_bounds_in_order():
    """ELBO in closed form < its IWAE bounds, K = 5 and 20 < log p(x), by their means."""
    log_likelihood, evidence, (mean, s), expected = linear_model()
    mean, s = mean + 0.5, s + 0.7
    exact = expected(mean, s) - nn.standard_gaussian_kl(mean, s)

    @jax.jit
    @jax.vmap
    def bounds(key):
        keys = jax.random.split(key, 2)
        terms = nn.elbo_terms(keys[0], log_likelihood, mean, s)
        weights = nn.importance_log_weights(keys[1], log_likelihood, mean, s, 25)
        found = (nn.elbo(terms), nn.iwae_bound(weights[:1]), nn.iwae_bound(weights[:5]))
        return (*found, nn.iwae_bound(weights[5:])), terms.kl

    (one, first, five, twenty), kl = bounds(jax.random.split(jax.random.key(1), 4000))
    np.testing.assert_allclose(kl, nn.standard_gaussian_kl(mean, s), rtol=1e-14)
    for values in (one, first):
        found, error = mean_and_error(values)
        assert abs(found - exact) < 4 * error
    (five, error_5), (twenty, error_20) = mean_and_error(five), mean_and_error(twenty)
    assert exact + 4 * error_5 < five
    assert five + 4 * (error_5 + error_20) < twenty
    assert twenty + 4 * error_20 < evidence
    assert evidence - twenty < 0.1 * (evidence - exact)


def test_exact_posterior_has_equal_weights():
    """wⱼ = p(x) for every draw, and the ELBO is log p(x) in the mean: equality in the bounds."""
    log_likelihood, evidence, posterior, expected = linear_model()
    weights = partial(nn.importance_log_weights, num_samples=7)
    found = weights(jax.random.key(0), log_likelihood, *posterior)
    np.testing.assert_allclose(found, np.full(7, evidence), rtol=1e-12)
    np.testing.assert_allclose(nn.iwae_bound(found), evidence, rtol=1e-12)
    elbo = expected(*posterior) - nn.standard_gaussian_kl(*posterior)
    np.testing.assert_allclose(elbo, evidence, rtol=1e-12)


def test_tiny_divergences_keep_their_digits():
    @jax.jit
    @jax.vmap
    def kl(m, s):
        return jax.value_and_grad(nn.standard_gaussian_kl, 1)(m[None], s[None])

    mpmath.mp.dps = 40
    sizes = np.float32([0.0, 1e-30, 1e-12, 1e-6, 1e-3, 0.1, 0.4999, 0.5001, 3.0, 20.0])
    for m, s in ((np.zeros_like(sizes), sizes), (np.zeros_like(sizes), -sizes), (sizes, sizes)):
        value, slope = kl(m, s)
        exact = [(mpmath.mpf(float(a)) ** 2 + mpmath.expm1(float(b)) - float(b)) / 2
                 for a, b in zip(m, s, strict=True)]  # fmt: skip
        np.testing.assert_allclose(value, np.array(exact, float), rtol=2e-6, atol=1e-37)
        np.testing.assert_allclose(slope[:, 0], np.expm1(s) / 2, rtol=2e-6)
        assert np.all(value >= 0)
    value, slope = kl(np.zeros(1, np.float32), np.full(1, -np.inf, np.float32))
    assert value == np.inf
    assert slope == -0.5


def test_reparameterized_gradient():
    """∂z/∂μ = 1, ∂z/∂s = ½ (z − μ); no variance is the mean itself."""
    key, s = jax.random.key(2), LOG_VARIANCE.at[1].set(-jnp.inf)
    z = nn.reparameterize(key, MEAN, s)
    by_mean, by_s = jax.grad(lambda m, s: nn.reparameterize(key, m, s).sum(), (0, 1))(MEAN, s)
    assert z[1] == MEAN[1]
    np.testing.assert_array_equal(by_mean, np.ones(3))
    np.testing.assert_allclose(by_s, (z - MEAN) / 2, rtol=1e-14)


def test_likelihoods_at_the_ends_of_the_range():
    both = jax.value_and_grad(nn.gaussian_log_likelihood, (0, 1))
    value, (by_mean, by_s) = both(jnp.float32(0.0), jnp.float32(-100.0), jnp.float32(1e-21))
    want = stats.norm.logpdf(1e-21, 0, np.exp(-50))
    np.testing.assert_allclose(value, want, rtol=1e-6)
    np.testing.assert_allclose(by_mean, 1e-21 * np.exp(100), rtol=1e-5)
    np.testing.assert_allclose(by_s, (1e-42 * np.exp(100) - 1) / 2, rtol=1e-5)
    none = lambda *x: nn.gaussian_log_likelihood(jnp.zeros(len(x)), -jnp.inf, jnp.array(x))
    assert (none(0.0), none(1.0), none(0.0, 0.0)) == (np.inf, -np.inf, np.inf)
    assert np.isnan(none(0.0, 1.0))
    assert np.isnan(nn.bernoulli_log_likelihood(0.0, 1.5))
    shared = nn.gaussian_log_likelihood(MEAN, 0.3, jnp.ones(3))
    each = nn.gaussian_log_likelihood(MEAN, jnp.full(3, 0.3), jnp.ones(3))
    np.testing.assert_array_equal(shared, each)
    # 4,096 pixels in bfloat16: summed in float32, rounded once.
    low = nn.bernoulli_log_likelihood(jnp.zeros(4096, jnp.bfloat16), jnp.ones(4096))
    np.testing.assert_allclose(float(low), -4096 * np.log(2), rtol=4e-3)


def test_no_dimension_is_no_information():
    empty = jnp.zeros(0)
    assert nn.standard_gaussian_kl(empty, empty) == 0
    assert nn.reparameterize(jax.random.key(0), empty, empty).shape == (0,)


def test_importance_weights_of_many_dimensions_in_half_precision():
    """Σ ε² of 100 000 dimensions is beyond float16, its difference from Σ z² is not."""
    nothing = lambda z: jnp.zeros((), z.dtype)
    mean = jnp.zeros(100_000, jnp.float16)
    weights = nn.importance_log_weights(jax.random.key(0), nothing, mean, mean, 2)
    assert weights.dtype == jnp.float16
    np.testing.assert_array_equal(weights, 0.0)
    shifted = nn.importance_log_weights(jax.random.key(0), nothing, mean + 1, mean, 2)
    np.testing.assert_allclose(shifted, -50_000, atol=5 * 100_000**0.5)
