"""Coverage of exact, collapsed and broken samples; shares at and beyond their bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import datasets, nn


def test_exact_sampler():
    """1 − e^(−9/2) of it is good, and every mode is covered."""
    n = 10_000
    data = datasets.gaussian_grid(jax.random.key(0), n)
    found = nn.mode_coverage(data.x, datasets.grid_centers(), 0.1)
    share = 1 - np.exp(-4.5)
    assert abs(found.good - share) < 5 * np.sqrt(share * (1 - share) / n)
    assert found.covered == 25
    np.testing.assert_allclose(found.counts, np.full(25, 400 * share), atol=5 * np.sqrt(400 * 0.02))
    assert np.sum(found.counts) == round(float(found.good) * n)


def test_collapse_and_the_least_count():
    centers = datasets.ring_centers()
    samples = jnp.concatenate([jnp.repeat(centers[2:3], 20, 0), jnp.repeat(centers[5:6], 19, 0)])
    found = nn.mode_coverage(samples, centers, 0.1)
    assert (found.good, found.covered) == (1.0, 1)
    np.testing.assert_array_equal(found.counts, [0, 0, 20, 0, 0, 19, 0, 0])
    assert nn.mode_coverage(samples, centers, 0.1, least=19).covered == 2


def test_border_and_what_is_not_finite():
    """Three deviations are still good; NaN and infinity are not, and count for no mode."""
    samples = jnp.array([[3.0, 0.0], [3.1, 0.0], [np.nan, 0.0], [np.inf, 0.0]])
    found = nn.mode_coverage(samples, jnp.zeros((1, 2)), 1.0, least=1)
    assert (found.good, found.covered, found.counts[0]) == (0.25, 1, 1)
    assert nn.mode_coverage(samples, jnp.zeros((1, 2)), 1.0, num_deviations=4.0).good == 0.5


def test_shares_are_rounded_once():
    """3 of 15 is 0.2 and in bounds, and 41 of 41 are all."""
    classes = np.concatenate([np.zeros(3, int), 1 + np.arange(12) % 9])
    found = nn.class_balance(jnp.eye(10, dtype=jnp.float32)[classes], low=0.0)
    assert (found.shares[0], found.num_outside) == (np.float32(0.2), 0)
    found = nn.mode_coverage(jnp.zeros((41, 2), jnp.float32), jnp.zeros((1, 2)), 1.0)
    assert (found.good, found.good.dtype) == (1.0, jnp.float32)


def test_class_balance_bounds():
    """Shares 0.04, 0.2 are in bounds, 0.03 and 0.21 are not."""
    counts = [4, 20, 3, 21, 10, 10, 10, 10, 10, 2]
    logits = 5 * jnp.eye(10)[np.repeat(np.arange(10), counts)]
    found = nn.class_balance(logits)
    np.testing.assert_allclose(found.shares, np.array(counts) / 100, rtol=1e-12)
    assert found.num_outside == 3
    np.testing.assert_allclose(found.confidence, 1 / (1 + 9 * np.exp(-5)), rtol=1e-12)
    assert nn.class_balance(logits, low=0.02, high=0.21).num_outside == 0


def test_class_balance_extremes():
    one = nn.class_balance(jnp.zeros((4, 3)))
    np.testing.assert_array_equal(one.shares, [1, 0, 0])
    np.testing.assert_allclose(one.confidence, 1 / 3)
    assert nn.class_balance(jnp.full((1, 1), 1e30)).confidence == 1
    broken = nn.class_balance(jnp.zeros((5000, 3)).at[7, 1].set(jnp.nan))
    assert np.all(np.isnan(broken.shares))
    assert np.isnan(broken.confidence)
    assert broken.num_outside == 3
    with pytest.raises(ValueError, match=r"class_balance: argument `high` must be at least 0\.04"):
        nn.class_balance(jnp.zeros((4, 3)), high=0.01)
