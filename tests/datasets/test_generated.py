"""The documented distributions: the curve without noise, its measure, the noise around it."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmath import datasets
from jaxmath.datasets import Dataset

KEY, N = jax.random.key(7), 2000
CENTERS = np.array([[0.0, 1.0], [2.0, -1.0], [-3.0, 0.5]])


@functools.cache
def drawn(name: str) -> tuple[Dataset, Dataset]:
    """The set without noise and with noise 0.2, of the same key, in one program."""
    fn = getattr(datasets, name)
    args = (CENTERS,) if name == "blobs" else ()
    pair = jax.jit(jax.vmap(lambda noise: fn(KEY, N, *args, noise=noise)))
    both = jax.tree.map(np.asarray, pair(jnp.array([0.0, 0.2])))
    return tuple(jax.tree.map(lambda leaf, i=i: leaf[i], both) for i in range(2))


def assert_uniform(sample: np.ndarray, low: float, high: float) -> None:
    assert stats.kstest(sample, stats.uniform(low, high - low).cdf).pvalue > 1e-6


def assert_normal(noise: np.ndarray) -> None:
    """Standard deviation 0.2, components and examples uncorrelated."""
    assert stats.kstest(noise.ravel() / 0.2, stats.norm.cdf).pvalue > 1e-6
    columns = noise.reshape(N, -1)
    correlation = np.corrcoef(np.hstack([columns[1:], columns[:-1]]).T)
    assert np.abs(correlation - np.eye(len(correlation))).max() < 5 / np.sqrt(N)


@pytest.mark.parametrize(
    ("name", "k"), [("blobs", 3), ("spirals", 2), ("two_moons", 2)], ids=lambda v: str(v)
)
def test_classes_take_turns(name, k):
    data, _ = drawn(name)
    assert data.class_names == tuple(map(str, range(k)))
    np.testing.assert_array_equal(data.y, np.arange(N) % k)


@pytest.mark.parametrize("name", ["blobs", "spirals", "two_moons", "xor"])
def test_noise(name):
    clean, noisy = drawn(name)
    assert clean.y.dtype == np.int32
    assert_normal(noisy.x - clean.x)


def test_blobs():
    clean, _ = drawn("blobs")
    np.testing.assert_array_equal(clean.x, CENTERS[clean.y])


def test_noisy_sine():
    clean, noisy = drawn("noisy_sine")
    assert (clean.x.shape, clean.y.shape, clean.class_names) == ((N, 1), (N,), ())
    assert_uniform(clean.x[:, 0], 0, 1)
    np.testing.assert_allclose(clean.y, np.sin(2 * np.pi * clean.x[:, 0]), atol=1e-14)
    np.testing.assert_array_equal(clean.x, noisy.x)
    assert_normal(noisy.y - clean.y)


def test_spirals():
    clean, _ = drawn("spirals")
    r = np.hypot(*clean.x.T)
    assert_uniform(r, 0, 1)
    want = 2 * np.pi * (1.5 * r + clean.y / 2)
    turned = np.exp(1j * (np.arctan2(clean.x[:, 1], clean.x[:, 0]) - want))
    np.testing.assert_allclose(turned, np.ones(N), atol=1e-12)


def test_spirals_arms_and_turns():
    data = datasets.spirals(KEY, 6, noise=0.0, num_classes=3, turns=0.0)
    angle = np.arctan2(data.x[:, 1], data.x[:, 0]) % (2 * np.pi)
    np.testing.assert_allclose(angle, 2 * np.pi * np.array([0, 1, 2, 0, 1, 2]) / 3, atol=1e-12)


def test_two_moons():
    clean, _ = drawn("two_moons")
    upper, lower = (clean.x[clean.y == k] for k in (0, 1))
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-14)
    np.testing.assert_allclose(np.hypot(*(lower - [1.0, 0.5]).T), 1, atol=1e-14)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5
    assert_uniform(np.arccos(upper[:, 0]), 0, np.pi)
    assert_uniform(np.arccos(1 - lower[:, 0]), 0, np.pi)


def test_xor():
    clean, _ = drawn("xor")
    np.testing.assert_array_equal(clean.x, np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (N // 4, 1)))
    np.testing.assert_array_equal(clean.y, (clean.x[:, 0] != clean.x[:, 1]).astype(int))


def test_dtype_and_one_example():
    data = datasets.xor(KEY, 1, dtype=jnp.float32)
    assert (data.x.shape, data.x.dtype, data.y.dtype) == ((1, 2), jnp.float32, jnp.int32)
    datasets.check_dataset(data)
    with pytest.raises(TypeError, match="xor: argument `dtype` must be a real floating dtype"):
        datasets.xor(KEY, 4, dtype=int)
    with pytest.raises(ValueError, match="spirals: argument `num_classes` must be at least 1"):
        datasets.spirals(KEY, 4, num_classes=0)
    with pytest.raises(ValueError, match="two_moons: argument `noise` must be at least 0"):
        datasets.two_moons(KEY, 4, noise=-1.0)
