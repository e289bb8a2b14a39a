"""Dropout by its moments, at both ends, and against Flax's."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn

N = 40_000
dropped = jax.jit(nn.dropout)
value_and_grad = jax.jit(
    jax.value_and_grad(lambda x, rate, key: jnp.sum(nn.dropout(key, x, rate)), argnums=(0, 1))
)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_moments_are_those_of_the_equation_and_of_flax(rate):
    """Five standard errors, and the frequency of zeros of Flax's layer beside ours."""
    x = jnp.ones(N)
    y = dropped(jax.random.key(1), x, rate)
    theirs = flax.linen.Dropout(rate, deterministic=False).apply(
        {}, x, rngs={"dropout": jax.random.key(2)}
    )
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - rate)], rtol=1e-15)
    np.testing.assert_allclose(np.unique(theirs), np.unique(y), rtol=1e-15)
    error = np.sqrt(rate * (1 - rate) / N)
    assert abs(np.mean(y == 0) - rate) < 5 * error
    assert abs(np.mean(theirs == 0) - np.mean(y == 0)) < 5 * np.sqrt(2) * error
    assert abs(np.mean(y) - 1) < 5 * error / (1 - rate)
    pairs = (y[::2] == 0) & (y[1::2] == 0)  # independent entries
    assert abs(np.mean(pairs) - rate**2) < 5 * np.sqrt(rate**2 * (1 - rate**2) / (N / 2))


def test_both_ends():
    x = jnp.array([1.0, -2.0, jnp.inf])
    np.testing.assert_array_equal(dropped(jax.random.key(0), x, 0.0), x)
    np.testing.assert_array_equal(dropped(jax.random.key(0), x, 1.0), np.zeros(3))
    for rate, want in ((0.0, 1.0), (1.0, 0.0)):
        _, (by_x, by_rate) = value_and_grad(x, rate, jax.random.key(0))
        np.testing.assert_array_equal(by_x, np.full(3, want))
        assert by_rate == 0


def test_gradient_is_the_mask_and_bad_entries_can_be_dropped():
    x, key = jnp.full(N, jnp.nan).at[0].set(2.0), jax.random.key(3)
    mask = dropped(key, jnp.ones(N), 0.5)
    y = dropped(key, x, 0.5)
    np.testing.assert_array_equal(np.isnan(y[1:]), mask[1:] != 0)
    _, (by_x, _) = value_and_grad(x, 0.5, key)
    np.testing.assert_array_equal(by_x, mask)


def test_all_precisions_drop_the_same():
    masks = [dropped(jax.random.key(4), np.ones(50, dtype), 0.1) != 0
             for dtype in (jnp.bfloat16, jnp.float32, jnp.float64)]  # fmt: skip
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[1], masks[2])
    assert 0 < np.sum(masks[0]) < 50
    half = dropped(jax.random.key(4), np.ones(50, jnp.bfloat16), 0.1)
    assert half.max() == jnp.bfloat16(1 / 0.9)


@pytest.mark.parametrize("rate", [-0.1, 1.5, np.nan])
def test_a_traced_rate_out_of_range_is_nan(rate):
    x = jnp.ones(3)
    assert np.all(np.isnan(dropped(jax.random.key(0), x, rate)))
    with pytest.raises(ValueError, match="dropout: argument `rate`"):
        nn.dropout(jax.random.key(0), x, rate)


def test_an_empty_array_stays_empty():
    assert dropped(jax.random.key(0), jnp.zeros((0, 3)), 0.5).shape == (0, 3)
