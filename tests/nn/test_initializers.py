"""Moments, tails and bounds of the random starts; agreement with jax where the draws are equal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmath import nn

SHAPE = (3, 3, 100, 160)  # a convolution's kernel: 9 · 100 inputs and 9 · 160 outputs
FAN_IN, FAN_OUT = 900, 1440
VARIANCES = {
    "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT),
    "he_normal": 2 / FAN_IN,
    "he_uniform": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "lecun_uniform": 1 / FAN_IN,
    "normal_init": 1e-4,
    "uniform_init": 0.05**2 / 3,
}
UNIFORM = [name for name in VARIANCES if "uniform" in name]
NORMAL = [name for name in VARIANCES if "uniform" not in name]


def draw(name: str, dtype=jnp.float32) -> np.ndarray:
    w = getattr(nn, name)(jax.random.key(7), SHAPE, dtype)
    assert w.dtype == dtype
    return np.asarray(w.astype(jnp.float32), np.float64).ravel()


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance(name):
    w, variance = draw(name), VARIANCES[name]
    # The sample variance has the standard error σ² √((κ − 1) / n) with the kurtosis κ.
    kurtosis = 9 / 5 if name in UNIFORM else 3
    assert abs(np.mean(w)) < 5 * np.sqrt(variance / w.size)
    assert abs(np.var(w) - variance) < 5 * variance * np.sqrt((kurtosis - 1) / w.size)


@pytest.mark.parametrize("name", VARIANCES)
def test_bfloat16_is_a_rounded_float32(name):
    """jax's own bfloat16 draws have 128 values and a mean of −0.012 standard deviations."""
    rounded = jnp.asarray(draw(name), jnp.bfloat16).astype(jnp.float64)
    np.testing.assert_array_equal(draw(name, jnp.bfloat16), rounded)


@pytest.mark.parametrize("name", NORMAL)
def test_normal_has_the_tails_of_a_gaussian(name):
    # jax's truncated normal has nothing beyond 2.28 standard deviations.
    far = np.abs(draw(name)) > 2.5 * np.sqrt(VARIANCES[name])
    p = 2 * stats.norm.sf(2.5)
    assert abs(np.mean(far) - p) < 5 * np.sqrt(p * (1 - p) / far.size)


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_fills_its_interval(name):
    w, limit = draw(name), np.sqrt(3 * VARIANCES[name])
    assert np.all(np.abs(w) <= limit * (1 + 1e-6))
    # The gap to an end is exponential with mean 2a / n.
    assert limit - w.max() < 20 * limit / w.size * 2
    assert limit + w.min() < 20 * limit / w.size * 2


@pytest.mark.parametrize("name", [name for name in UNIFORM if name != "uniform_init"])
def test_uniform_agrees_with_jax(name):
    key = jax.random.key(3)
    with jax.numpy_dtype_promotion("standard"):
        theirs = getattr(jax.nn.initializers, name)()(key, (2, 2, 1, 4), jnp.float64)
    np.testing.assert_allclose(getattr(nn, name)(key, (2, 2, 1, 4)), theirs, rtol=1e-14)


@pytest.mark.parametrize("name", [*VARIANCES, "zeros_init", "ones_init", "orthogonal_init"])
def test_default_dtype(name):
    assert getattr(nn, name)(jax.random.key(0), (2, 2)).dtype == jnp.result_type(float)


def test_normal_init_takes_a_traced_stddev():
    key = jax.random.key(1)
    scaled = jax.jit(lambda s: nn.normal_init(key, (2, 3), jnp.float32, stddev=s))(2.0)
    assert scaled.dtype == jnp.float32
    np.testing.assert_allclose(scaled, 200 * nn.normal_init(key, (2, 3), jnp.float32), rtol=1e-6)
    with pytest.raises(ValueError, match="argument `stddev` must be at least 0"):
        nn.normal_init(key, (2,), stddev=-1.0)


def test_uniform_init_takes_a_traced_limit():
    key = jax.random.key(1)
    scaled = jax.jit(lambda a: nn.uniform_init(key, (2, 3), jnp.float32, limit=a))(2.0)
    assert scaled.dtype == jnp.float32
    np.testing.assert_allclose(scaled, 40 * nn.uniform_init(key, (2, 3), jnp.float32), rtol=1e-6)
    with pytest.raises(ValueError, match="argument `limit` must be at least 0"):
        nn.uniform_init(key, (2,), limit=-1.0)


def test_zeros_leaves_no_trace_of_the_key():
    for seed in (0, 1):
        assert not np.any(nn.zeros_init(jax.random.key(seed), (3, 4)))
