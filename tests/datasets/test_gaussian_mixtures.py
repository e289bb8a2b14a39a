"""The centers, and the modes around them: each of the size, place and width that it should have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmath import datasets

KEY, N = jax.random.key(3), 8000
SETS = {
    "ring": (datasets.gaussian_ring, datasets.ring_centers, 8),
    "grid": (datasets.gaussian_grid, datasets.grid_centers, 25),
}


def test_ring_centers():
    turns = np.exp(2j * np.pi * np.arange(8) / 8)
    want = 2 * np.stack([turns.real, turns.imag], axis=1)
    np.testing.assert_allclose(datasets.ring_centers(), want, atol=1e-15)
    np.testing.assert_array_equal(datasets.ring_centers(1, radius=3.0), [[3.0, 0.0]])


def test_grid_centers():
    want = [[x, y] for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)]
    np.testing.assert_array_equal(datasets.grid_centers(), want)
    np.testing.assert_array_equal(datasets.grid_centers(1), [[0.0, 0.0]])


@pytest.mark.parametrize("name", SETS)
def test_modes(name):
    draw, centers, k = SETS[name]
    data = draw(KEY, N)
    datasets.check_dataset(data)
    np.testing.assert_array_equal(data.y, np.arange(N) % k)
    assert data.class_names == tuple(map(str, range(k)))
    noise = (np.asarray(data.x) - np.asarray(centers())[data.y]) / 0.1
    assert stats.kstest(noise.ravel(), stats.norm.cdf).pvalue > 1e-6
    good = np.mean(np.sum(noise**2, axis=1) <= 9)
    share = 1 - np.exp(-4.5)
    assert abs(good - share) < 5 * np.sqrt(share * (1 - share) / N)


def test_dtype_and_refusals():
    data = datasets.gaussian_grid(KEY, 1, dtype=jnp.float32)
    assert (data.x.shape, data.x.dtype, data.y.dtype) == ((1, 2), jnp.float32, jnp.int32)
    with pytest.raises(TypeError, match="gaussian_grid: argument `n` must be an integer"):
        datasets.gaussian_grid(KEY, 4.5)
    with pytest.raises(ValueError, match="gaussian_ring: argument `noise` must be at least 0"):
        datasets.gaussian_ring(KEY, 4, noise=-0.1)
    with pytest.raises(TypeError, match="argument `dtype` must be a real floating dtype"):
        datasets.gaussian_ring(KEY, 4, dtype=int)
