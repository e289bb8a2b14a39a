"""Zeros, nearly equal distributions, bounds, gradients through logits; SciPy and mpmath."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
from scipy import special
from scipy.spatial import distance

from jaxmath import nn

INF = np.inf
kl = jax.jit(jax.value_and_grad(nn.kl_divergence, argnums=(0, 1)))
js = jax.jit(jax.value_and_grad(nn.js_divergence, argnums=(0, 1)))
batched_kl, batched_js = (jax.jit(jax.vmap(f)) for f in (nn.kl_divergence, nn.js_divergence))


def log(p):
    with np.errstate(divide="ignore"):
        return jnp.asarray(np.log(np.asarray(p, float)))


def draw(n, k=6, concentration=1.0):
    return np.random.default_rng(0).dirichlet(np.full(k, concentration), (2, n))


@pytest.mark.parametrize("concentration", [0.1, 1.0, 100.0])
def test_agree_with_scipy_and_optax(concentration):
    p, q = draw(20, concentration=concentration)
    log_p, log_q = log(p), log(q)
    found = batched_kl(log_p, log_q)
    np.testing.assert_allclose(found, special.rel_entr(p, q).sum(1), rtol=1e-12, atol=1e-15)
    theirs = optax.losses.kl_divergence_with_log_targets(log_q, log_p)
    np.testing.assert_allclose(found, theirs, rtol=1e-12, atol=1e-15)
    found = batched_js(log_p, log_q)
    np.testing.assert_allclose(found, distance.jensenshannon(p, q, axis=1) ** 2, rtol=1e-12)


def test_kl_zeros():
    """0 log 0 = 0; ∞ where q is 0 and p is not; and the true derivatives at p = 0."""
    p, q = np.array([0.0, 0.4, 0.6, 0.0]), np.array([0.3, 0.2, 0.5, 0.0])
    value, (by_p, by_q) = kl(log(p), log(q))
    np.testing.assert_allclose(value, special.rel_entr(p, q).sum(), rtol=1e-14)
    np.testing.assert_allclose(by_p, special.xlogy(p, p) - special.xlogy(p, q), rtol=1e-13)
    np.testing.assert_allclose(by_q, q - p, rtol=1e-13)
    value, gradients = kl(log(q), log(p))
    assert value == INF
    assert np.all(np.isfinite(gradients))
    assert np.isnan(kl(log(p), log(q).at[1].set(jnp.nan))[0])


def test_js_zeros_and_bounds():
    p, q = np.array([0.0, 0.4, 0.6, 0.0]), np.array([0.3, 0.7, 0.0, 0.0])
    value, (by_p, by_q) = js(log(p), log(q))
    np.testing.assert_allclose(value, distance.jensenshannon(p, q) ** 2, rtol=1e-14)
    m = (p + q) / 2
    np.testing.assert_allclose(by_p, (special.rel_entr(p, m)) / 2, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(by_q, (special.rel_entr(q, m)) / 2, rtol=1e-13, atol=1e-16)
    value, gradients = js(log([1.0, 0.0, 0.0, 0.0]), log([0.0, 0.0, 1.0, 0.0]))
    np.testing.assert_allclose(value, np.log(2), rtol=1e-15)
    assert np.all(np.isfinite(gradients))
    np.testing.assert_array_equal(js(log(p), log(q))[0], js(log(q), log(p))[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nearly_equal_distributions_keep_their_digits(dtype):
    """Σ p (log p − log q) would be rounding noise, of either sign, from 1e-4 on in float32."""
    rtol = 32 * float(jnp.finfo(dtype).eps)
    for size in (0.3, 1e-2, 1e-4, 1e-6):
        log_p = jnp.array(np.log([0.2, 0.3, 0.1, 0.4]), dtype)
        log_q = log_p + jnp.array([size, -size, size / 4, size / 3], dtype)
        with mpmath.workdps(50):
            a, b = ([mpmath.mpf(float(v)) for v in w] for w in (log_p, log_q))
            pairs = list(zip(a, b, strict=True))
            exp, mean = mpmath.exp, lambda s, t: (mpmath.exp(s) + mpmath.exp(t)) / 2
            want_kl = sum(exp(s) * (s - t) - exp(s) + exp(t) for s, t in pairs)
            want_js = (
                sum(
                    exp(s) * (s - mpmath.log(mean(s, t))) + exp(t) * (t - mpmath.log(mean(s, t)))
                    for s, t in pairs
                )
                / 2
            )
            slope = [float(exp(t) - exp(s)) for s, t in pairs]
        np.testing.assert_allclose(kl(log_p, log_q)[0], float(want_kl), rtol=rtol)
        np.testing.assert_allclose(kl(log_p, log_q)[1][1], slope, rtol=rtol)
        np.testing.assert_allclose(js(log_p, log_q)[0], float(want_js), rtol=rtol)
    assert kl(log_p, log_p)[0] == js(log_p, log_p)[0] == 0.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_log_probabilities(dtype):
    for gap in (200.0, 1e4, 1e30):
        log_p = jnp.array([0.0, -gap, -INF, -INF], dtype)
        log_q = jnp.array([-gap, 0.0, -INF, -INF], dtype)
        value, gradients = kl(log_p, log_q)
        np.testing.assert_allclose(value, gap, rtol=1e-6)
        np.testing.assert_allclose(
            gradients, [[gap, 0, 0, 0], [-1, 1, 0, 0]], rtol=1e-6, atol=1e-60
        )
        value, gradients = js(log_p, log_q)
        np.testing.assert_allclose(value, np.log(2), rtol=1e-6)
        assert np.all(np.isfinite(gradients))


def test_gradient_through_logits_is_the_difference_of_probabilities():
    """∇_z KL(p‖softmax z) = softmax(z) − p, for a student that learns from a teacher."""
    z, t = jnp.array([0.3, -1.2, 2.0, -jnp.inf]), jnp.array([1.0, 0.0, -0.5, -jnp.inf])

    def loss(z):
        return nn.kl_divergence(nn.log_softmax(t), nn.log_softmax(z))

    value, gradient = jax.jit(jax.value_and_grad(loss))(z)
    p, q = special.softmax(t), special.softmax(z)
    np.testing.assert_allclose(gradient, q - p, rtol=1e-12, atol=1e-15)
    soft = nn.softmax_cross_entropy_with_soft_labels(z, p)
    np.testing.assert_allclose(value, soft - special.entr(p).sum(), rtol=1e-12)


def test_hessian_at_equality_is_the_fisher_information():
    """KL ≈ ½ Σ p d² and JS ≈ ⅛ Σ p d² for log q = log p + d."""
    p = np.array([0.2, 0.3, 0.5])
    for fn, factor in ((nn.kl_divergence, 1), (nn.js_divergence, 1 / 4)):
        hessian = jax.jit(jax.hessian(fn, argnums=1))(log(p), log(p))
        np.testing.assert_allclose(hessian, factor * np.diag(p), rtol=1e-12)
