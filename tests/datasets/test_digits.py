"""What is known about the digits, and how the host keeps them."""

import sys

import numpy as np
import pytest

from jaxmath import datasets


def test_facts():
    x, y = datasets.digits()
    assert (x.shape, x.dtype, y.shape, y.dtype) == ((1797, 64), np.float32, (1797,), np.int32)
    assert (x.min(), x.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(16 * x, np.round(16 * x))
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert y[:10].tolist() == list(range(10))
    # A zero is a ring: dark in the middle, and the first image's first row is known.
    np.testing.assert_array_equal(16 * x[0, :8], [0, 0, 5, 13, 9, 1, 0, 0])
    assert x[y == 0].mean(axis=0).reshape(8, 8)[3:5, 3:5].max() < 0.2


def test_nearest_class_mean_is_right_nine_times_in_ten():
    """The labels belong to the images: a check that needs no training."""
    x, y = datasets.digits()
    means = np.array([x[:1000][y[:1000] == k].mean(axis=0) for k in range(10)])
    distances = ((x[1000:, None] - means) ** 2).sum(axis=2)
    assert np.mean(distances.argmin(axis=1) == y[1000:]) > 0.85


def test_cached_and_read_only():
    data = datasets.digits()
    assert datasets.digits() is data
    for array in data:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    # The package's attribute of this name is the function, which hides the module.
    sys.modules["jaxmath.datasets.digits"]._digits.cache_clear()
    with pytest.raises(ImportError, match=r'pip install "jaxmath\[scripts\]"'):
        datasets.digits()
