"""Sizes against shapes, and receptive fields against where gradients are not zero."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn


def test_output_size_is_that_of_the_output():
    for n in (5, 6, 9):
        for stride, dilation in ((1, 1), (2, 1), (3, 2)):
            for padding in ("SAME", "VALID", "CAUSAL", "CIRCULAR", 2, ((0, 3),)):
                options = {"stride": stride, "padding": padding, "dilation": dilation}
                shapes = [jax.ShapeDtypeStruct(s, float) for s in ((n, 1), (3, 1, 2))]
                y = jax.eval_shape(partial(nn.convolve, **options), *shapes)
                size = nn.output_size((n,), (3,), **options)
                assert y.shape == (*size, 2)
                if padding in ("SAME", "CAUSAL", "CIRCULAR"):
                    assert size == (-(-n // stride),)
    assert nn.output_size((5, 8), (3, 2), stride=(2, 3), padding="VALID") == (2, 3)
    with pytest.raises(ValueError, match="output_size: argument `window` must be no larger"):
        nn.output_size((3,), (4,), padding="VALID")


def test_receptive_field_is_where_the_gradient_is():
    """A convolution of ones, dilated; a pooling; a strided convolution."""
    field = nn.receptive_field([(3, 1, 2, 2), (2, 2), (3, 2, 1)])
    ones = jnp.ones((3, 1, 1))

    def net(x):
        x = nn.convolve(x, ones, padding=2, dilation=2)
        x = nn.average_pool(x, 2)
        return nn.convolve(x, ones, padding=1, stride=2)[:, 0]

    seen = np.asarray(jax.jit(jax.jacrev(net))(jnp.ones((24, 1)))[..., 0]) != 0
    for i, row in enumerate(seen):
        first = field.start + i * field.stride
        inside = [q for q in range(first, first + field.size) if 0 <= q < 24]
        np.testing.assert_array_equal(np.flatnonzero(row)[[0, -1]], [inside[0], inside[-1]])


def test_receptive_fields_of_known_networks():
    """VGG-16's last pooling sees 212 (Araujo and others, table 1)."""
    block = lambda n: [(3, 1, 1)] * n + [(2, 2)]
    vgg = [layer for n in (2, 2, 3, 3, 3) for layer in block(n)]
    assert nn.receptive_field(vgg) == (212, 32, -90)
    assert nn.receptive_field([]) == (1, 1, 0)
    with pytest.raises(ValueError, match=r"argument `layers` must hold .* as entry 1"):
        nn.receptive_field([(3,), ()])
    with pytest.raises(ValueError, match=r"argument `layers\[0\].stride` must be at least 1"):
        nn.receptive_field([(3, 0)])
