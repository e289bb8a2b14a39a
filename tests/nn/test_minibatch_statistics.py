"""The batch's spread as a channel: collapse is seen, and its gradient is finite there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn

RNG = np.random.default_rng(0)
with_spread = jax.jit(
    jax.vmap(lambda x: nn.minibatch_stddev(x, axis_name="batch"), axis_name="batch")
)


def test_one_number_for_the_batch_whatever_its_mean():
    X = RNG.normal(size=(6, 2, 2, 3))
    got = with_spread(X)
    assert got.shape == (6, 2, 2, 4)
    np.testing.assert_array_equal(got[..., :3], X)
    np.testing.assert_allclose(got[..., 3], X.std(0).mean(), rtol=1e-7)
    np.testing.assert_allclose(with_spread(X + 7.0)[..., 3], got[..., 3], rtol=1e-12)
    np.testing.assert_allclose(with_spread(5.0 * X)[..., 3], 5 * got[..., 3], rtol=1e-6)


def test_a_collapsed_batch():
    X = jnp.broadcast_to(jnp.asarray(RNG.normal(size=4)), (3, 4))
    np.testing.assert_allclose(with_spread(X)[:, 4], 1e-4, rtol=1e-6)
    gradient = jax.jit(jax.grad(lambda X: jnp.sum(with_spread(X)[:, 4])))(X)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-10)
    np.testing.assert_allclose(with_spread(X[:1])[:, 4], 1e-4, rtol=1e-6)  # a batch of one
    low = with_spread(X.astype(jnp.bfloat16))
    assert low.dtype == jnp.bfloat16
    with pytest.raises(ValueError, match="minibatch_stddev: argument `eps` must be above"):
        nn.minibatch_stddev(jnp.ones(2), axis_name="batch", eps=0.0)
