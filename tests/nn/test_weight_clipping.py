"""Clipping, as a function and as an optimizer's last link."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn


def test_what_is_clipped():
    params = {"w": jnp.array([[-2.0, 0.1], [jnp.nan, 9.0]]), "n": jnp.int32(7), "none": None}
    got = nn.clip_weights(params, 0.5)
    np.testing.assert_array_equal(got["w"], [[-0.5, 0.1], [np.nan, 0.5]])
    assert got["n"] == 7
    assert got["none"] is None
    np.testing.assert_array_equal(nn.clip_weights(params, 0.0)["w"][0], 0)
    half = nn.clip_weights(jnp.full(2, 3.0, jnp.bfloat16), 0.01)
    assert half.dtype == jnp.bfloat16


def test_a_chain_keeps_every_weight_clipped():
    """A linear critic's ascent on the mean difference ends at a corner of the cube."""
    gap = jnp.array([3.0, -0.5, 1e-3])
    optimizer = optax.chain(optax.sgd(0.01), nn.keep_weights_clipped(0.02))

    def step(carry, _):
        w, state = carry
        updates, state = optimizer.update(jax.grad(lambda w: -gap @ w)(w), state, w)
        w = optax.apply_updates(w, updates)
        return (w, state), w

    w = jnp.zeros(3)
    _, path = jax.jit(lambda w: jax.lax.scan(step, (w, optimizer.init(w)), length=50))(w)
    assert np.all(np.abs(path) <= 0.02 * (1 + 1e-14))
    np.testing.assert_allclose(path[-1], [0.02, -0.02, 50e-5], rtol=1e-12)
    with pytest.raises(ValueError, match="keep_weights_clipped: argument `params`"):
        optimizer.update(w, optimizer.init(w))
    with pytest.raises(ValueError, match="keep_weights_clipped: argument `max_value`"):
        nn.keep_weights_clipped(-1.0)
