"""Tying and soft sharing: limits, responsibilities by hand, and weights that gather."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from jaxmath import nn

share = jax.jit(jax.value_and_grad(nn.soft_weight_sharing, argnums=(0, 1)))


def test_tying():
    a = [nn.Dense(jnp.array([[1.0]]), jnp.array([2.0])), jnp.array(3.0)]
    b = jax.tree.map(lambda x: x + 0.5, a)
    value, (by_a, by_b) = jax.jit(jax.value_and_grad(nn.tying_penalty, argnums=(0, 1)))(a, b)
    assert value == 3 * 0.125
    assert all(g == -0.5 for g in jax.tree.leaves(by_a))
    assert all(g == 0.5 for g in jax.tree.leaves(by_b))
    assert nn.tying_penalty({}, {}) == 0
    small = jax.jit(nn.tying_penalty)(
        np.full(600, 256, jnp.bfloat16), np.full(600, 257, np.float32)
    )
    np.testing.assert_allclose(small, 300)


def test_one_component_is_weight_decay():
    """A single Gaussian about 0: ‖w‖²/(2σ²) and a constant."""
    w = jnp.array([0.5, -2.0, 0.0])
    mixture = nn.WeightMixture(jnp.array([7.0]), jnp.zeros(1), jnp.log(jnp.array([0.5])))
    value, (by_w, by_mixture) = share(w, mixture)
    np.testing.assert_allclose(value, -np.sum(stats.norm.logpdf(w, 0, 0.5)), rtol=1e-14)
    np.testing.assert_allclose(by_w, w / 0.25, rtol=1e-14)
    np.testing.assert_allclose(by_mixture.logits, 0, atol=1e-14)
    np.testing.assert_allclose(by_mixture.log_stddevs, np.sum(1 - (w / 0.5) ** 2), rtol=1e-14)


def test_gradients_are_those_of_the_responsibilities():
    """Bishop (5.141) to (5.147)."""
    rng = np.random.default_rng(0)
    w, logits, means, log_stddevs = (
        rng.standard_normal(shape) for shape in ((2, 3), (4,), (4,), (4,))
    )
    mixture = nn.WeightMixture(*map(jnp.asarray, (logits, means, log_stddevs)))
    _, (by_w, by_mixture) = share([jnp.asarray(w)], mixture)
    pi, sigma, flat = special.softmax(logits), np.exp(log_stddevs), w.reshape(-1, 1)
    joint = pi * stats.norm.pdf(flat, means, sigma)
    r = joint / joint.sum(1, keepdims=True)
    pull = r * (flat - means) / sigma**2
    np.testing.assert_allclose(by_w[0].ravel(), pull.sum(1), rtol=1e-12)
    np.testing.assert_allclose(by_mixture.means, -pull.sum(0), rtol=1e-12)
    want = np.sum(r * (1 - ((flat - means) / sigma) ** 2), 0)
    np.testing.assert_allclose(by_mixture.log_stddevs, want, rtol=1e-12)
    np.testing.assert_allclose(by_mixture.logits, np.sum(pi - r, 0), rtol=1e-11)


def test_far_weights_and_narrow_components_stay_finite():
    mixture = nn.WeightMixture(jnp.zeros(2), jnp.array([0.0, 1.0]), jnp.array([-9.0, -9.0]))
    value, (by_w, by_mixture) = share(jnp.array([1e3, -1e3, 0.5]), mixture)
    assert np.isfinite(value)
    np.testing.assert_allclose(
        by_w, np.array([999.0, -1000.0, 0.0]) * np.exp(18), rtol=1e-6, atol=1e-8
    )
    assert all(np.all(np.isfinite(g)) for g in by_mixture)


def test_weights_gather_at_the_means():
    """Descent on the penalty alone ends at the means of the components (they are far apart)."""
    mixture = nn.WeightMixture(jnp.zeros(2), jnp.array([-1.0, 1.0]), jnp.log(0.1) * jnp.ones(2))
    step = lambda w, _: (w - 0.005 * jax.grad(nn.soft_weight_sharing)(w, mixture), None)
    w = jax.jit(lambda w: jax.lax.scan(step, w, length=200)[0])(jnp.array([-1.3, -0.6, 0.7, 1.1]))
    np.testing.assert_allclose(w, [-1, -1, 1, 1], atol=1e-12)


def test_dtypes_and_empty():
    mixture = nn.WeightMixture(*np.zeros((3, 2), np.float32))
    assert jax.jit(nn.soft_weight_sharing)({}, mixture) == 0
    half = jax.eval_shape(nn.soft_weight_sharing, jnp.ones(3, jnp.bfloat16), mixture)
    assert half.dtype == jnp.float32
    with pytest.raises(ValueError, match=r"argument `mixture.logits` must have at least 1"):
        nn.soft_weight_sharing(jnp.ones(3), nn.WeightMixture(*np.zeros((3, 0))))
