"""Rows and pixels of an image come in its own order."""

import numpy as np
import pytest

from jaxmath import datasets
from jaxmath.datasets import Dataset


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_and_pixels_by_hand(channels):
    size = 2 * 3 * channels
    data = Dataset(np.arange(2.0 * size).reshape(2, size), np.arange(2), ("p",) * size, ("a", "b"),
                   image_shape=(2, 3, channels))  # fmt: skip
    rows, pixels = datasets.image_rows(data), datasets.image_pixels(data)
    for i, t in np.ndindex(2, 2):
        np.testing.assert_array_equal(rows.x[i, t], data.images[i, t].ravel())
    for i, t in np.ndindex(2, 6):
        np.testing.assert_array_equal(pixels.x[i, t], data.images[i, t // 3, t % 3])
    for part in (rows, pixels):
        assert (part.image_shape, part.feature_names, part.class_names) == ((), (), ("a", "b"))
        assert part.y is data.y
        datasets.check_dataset(part)


def test_mnist():
    data = datasets.mnist_5k()
    assert datasets.image_rows(data).x.shape == (5000, 28, 28)
    assert datasets.image_pixels(data).x.shape == (5000, 784, 1)
    assert np.shares_memory(datasets.image_rows(data).x, data.x)


@pytest.mark.parametrize("name", ["image_rows", "image_pixels"])
def test_refuses(name):
    fn = getattr(datasets, name)
    with pytest.raises(ValueError, match=f"^{name}: argument `dataset` has no images"):
        fn(datasets.iris())
    with pytest.raises(TypeError, match=f"^{name}: argument `dataset` must be a Dataset"):
        fn(np.zeros((2, 4)))
