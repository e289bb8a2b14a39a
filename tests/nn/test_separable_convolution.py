"""Kernels that factor against the whole kernel, and against Flax's grouped layers."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

from jaxmath import nn


def test_depthwise_separable_is_a_full_convolution_of_low_rank():
    draw = np.random.default_rng(0).standard_normal
    x, D, P = draw((6, 5, 3)), draw((3, 2, 1, 6)), draw((6, 4))
    W = np.einsum("abcj,cjo->abco", D.reshape(3, 2, 3, 2), P.reshape(3, 2, 4))
    options = {"stride": 2, "padding": "VALID", "dilation": (1, 2)}
    got = nn.depthwise_separable_convolve(x, D, P, **options)
    np.testing.assert_allclose(got, nn.convolve(x, W, **options), rtol=1e-12)


def test_spatially_separable_filters():
    """SciPy's correlation along one axis after the other; the volume against the outer product."""
    draw = np.random.default_rng(0).standard_normal
    x, u, v, w = draw((6, 5, 2)), draw(3), draw(5), draw(2)
    want = scipy.ndimage.correlate1d(x, u, axis=0, mode="wrap")
    want = scipy.ndimage.correlate1d(want, v, axis=1, mode="wrap")
    got = jax.jit(lambda x: nn.spatially_separable_convolve(x, (u, v), padding="CIRCULAR"))(x)
    np.testing.assert_allclose(got, want, atol=1e-13)
    volume = draw((3, 5, 4, 1))
    kernel = np.einsum("a,b,c->abc", u, v, w)[..., None, None]
    padding = (1, (2, 0), (0, 3))
    got = nn.spatially_separable_convolve(volume, (u, v, w), padding=padding)
    want = nn.convolve(volume, kernel, padding=padding)
    np.testing.assert_allclose(got, want, atol=1e-12)
    assert jnp.asarray(got).shape == (3, 3, 6, 1)
