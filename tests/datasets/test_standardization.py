"""Statistics of the training part, and the affine map there and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from jaxmath import datasets
from jaxmath.datasets import Standardization, fit_standardization, standardize, unstandardize


def test_fits():
    x = datasets.wine().x.astype(np.float64)
    fitted, peer = fit_standardization(x), StandardScaler().fit(x)
    np.testing.assert_allclose(fitted.mean, peer.mean_, rtol=1e-13)
    np.testing.assert_allclose(fitted.scale, peer.scale_, rtol=1e-13)
    z = standardize(fitted, x)
    np.testing.assert_allclose(z.mean(axis=0), np.zeros(13), atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), np.ones(13), rtol=1e-12)
    np.testing.assert_allclose(unstandardize(fitted, z), x, rtol=1e-13)
    assert isinstance(fitted, Standardization)


def test_a_constant_feature_becomes_zero():
    """The mean of n times 0.1 is off by a rounding, and dividing by that would make a number."""
    x = np.stack([np.full(7, 0.1), np.arange(7.0)], axis=1)
    fitted = fit_standardization(x)
    assert fitted.scale[0] == 1.0
    np.testing.assert_allclose(standardize(fitted, x)[:, 0], np.zeros(7), atol=1e-15)
    one = fit_standardization(x[:1])
    np.testing.assert_array_equal(standardize(one, x[:1]), np.zeros((1, 2)))


def test_axes():
    x = np.random.default_rng(0).standard_normal((5, 4, 3, 2))
    channels = fit_standardization(x, num_axes=3)
    np.testing.assert_allclose(channels.mean, x.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(channels.scale, x.std(axis=(0, 1, 2)))
    shared = fit_standardization(x, num_axes=4)
    np.testing.assert_allclose(shared, (x.mean(), x.std()))
    assert standardize(shared, x).std() == pytest.approx(1.0)
    assert standardize(channels, x).shape == x.shape


def test_float32_is_accumulated_in_float64():
    x = (1e4 + np.random.default_rng(0).standard_normal((20_000, 3))).astype(np.float32)
    fitted = fit_standardization(x)
    assert fitted.scale.dtype == np.float32
    np.testing.assert_allclose(fitted.scale, x.astype(np.float64).std(axis=0), rtol=1e-6)


@pytest.mark.parametrize("enabled", [True, False])
def test_host_data_stay_on_the_host(enabled):
    x = np.arange(6.0).reshape(3, 2)
    with jax.enable_x64(enabled):
        fitted = fit_standardization(x)
        z = standardize(fitted, x)
        assert isinstance(z, np.ndarray)
        assert (fitted.mean.dtype, z.dtype) == (np.float64, np.float64)
        assert isinstance(unstandardize(fitted, z), np.ndarray)
        assert standardize(fitted, x.astype(np.float32)).dtype == np.float32
        on_device = jax.jit(standardize)(fitted, jnp.asarray(x, jnp.float32))
    assert on_device.dtype == jnp.float32
    np.testing.assert_allclose(on_device, z, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("enabled", [True, False])
def test_statistics_on_the_device_leave_host_data_on_the_host(enabled):
    with jax.enable_x64(enabled):
        fitted = Standardization(jnp.array([1.0], jnp.float32), jnp.array([3.0], jnp.float32))
        z = standardize(fitted, np.array([[5.0]]))
        back = unstandardize(fitted, z)
        held = np.array([5.0], np.float32)
        traced = jax.jit(lambda fitted: standardize(fitted, held))(fitted)
    assert isinstance(z, np.ndarray)
    assert isinstance(back, np.ndarray)
    np.testing.assert_array_equal(z, [[4 / 3]])
    np.testing.assert_array_equal(back, [[5.0]])
    np.testing.assert_allclose(traced, [4 / 3], rtol=1e-6)


def test_refuses():
    with pytest.raises(ValueError, match="fit_standardization: argument `X` must have at least 1"):
        fit_standardization(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="argument `num_axes` must be at least 1 and at most 2"):
        fit_standardization(np.zeros((4, 3)), num_axes=3)
    with pytest.raises(TypeError, match="fit_standardization: argument `X` must be an array"):
        fit_standardization(object())
    with pytest.raises(TypeError, match="fit_standardization: argument `X` is traced"):
        jax.jit(fit_standardization)(np.zeros((4, 3)))
    assert np.isnan(fit_standardization(np.array([[np.nan], [1.0]])).mean).all()


def test_wide_integers_keep_their_digits():
    """Times in seconds: float32 has steps of 128 there."""
    times = 1_700_000_000 + np.arange(40)[:, None] % 2
    with jax.enable_x64(False):
        fitted = datasets.fit_standardization(times)
        z = datasets.standardize(fitted, times)
    np.testing.assert_array_equal(fitted.scale, [0.5])
    np.testing.assert_array_equal(np.unique(z), [-1.0, 1.0])
    np.testing.assert_array_equal(datasets.unstandardize(fitted, z), times)


@pytest.mark.parametrize("X", [
    np.array([0] * 9 + [6e-8], np.float16), np.array([1e-45] + [0] * 99, np.float32),
    np.array([1e200, -1e200]), np.array([1e-200, -1e-200]),
])  # fmt: skip
def test_a_scale_is_finite_and_positive(X):
    scale = datasets.fit_standardization(X[:, None]).scale
    assert np.isfinite(scale).all()
    assert (scale > 0).all()
    if X.dtype == np.float64:
        np.testing.assert_allclose(scale, np.abs(X[0]))
