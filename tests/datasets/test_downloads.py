"""What is made of OpenML's files, with the download replaced; the line without a network."""

import sys
import urllib.error
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn.datasets

from jaxmath import datasets
from jaxmath.datasets import downloads


@pytest.fixture
def fetch(monkeypatch):
    """Replace scikit-learn's download by a function or an exception."""
    downloads._openml.cache_clear()

    def use(answer):
        def fetch_openml(title, **options):
            if isinstance(answer, Exception):
                raise answer
            return answer(title, **options)

        monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)

    yield use
    downloads._openml.cache_clear()


@pytest.mark.parametrize(
    ("name", "title", "shape", "last"),
    [
        ("mnist", "mnist_784", (28, 28, 1), "9"),
        ("fashion_mnist", "Fashion-MNIST", (28, 28, 1), "Ankle boot"),
        ("cifar_10", "CIFAR_10", (32, 32, 3), "truck"),
    ],
)
def test_pixels_and_names(fetch, name, title, shape, last):
    """Bytes to [0, 1], the colours' planes to (H, W, C), labels in text to int32."""
    H, W, C = shape
    planes = np.random.default_rng(0).integers(0, 256, (4, C, H, W))
    asked = []

    def answer(title, **options):
        asked.append((title, options))
        return SimpleNamespace(data=planes.reshape(4, -1), target=np.array(["3", "0", "9", "1"]))

    fetch(answer)
    data = datasets.openml(name)
    assert datasets.openml(name) is data
    assert asked == [(title, {"version": 1, "as_frame": False})]
    assert (data.x.dtype, data.y.dtype, data.y.tolist()) == (np.float32, np.int32, [3, 0, 9, 1])
    assert (data.image_shape, len(data.class_names), data.class_names[9]) == (shape, 10, last)
    for i, h, w, c in ((0, 0, 0, 0), (1, 5, 7, C - 1), (3, H - 1, 2, 0)):
        assert data.images[i, h, w, c] == np.float32(planes[i, c, h, w]) / np.float32(255)
    datasets.check_dataset(data)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (urllib.error.URLError("Name or service not known"), "Name or service not known"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("md5 checksum does not match\nof the file"), r"md5 checksum does not match\)"),
    ],
)
def test_one_line_without_a_network(fetch, error, reason):
    fetch(error)
    with pytest.raises(ConnectionError, match=rf"^openml: 'mnist' is not .*{reason}") as caught:
        datasets.openml("mnist")
    assert "call it once with a network" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_says_what_to_install(fetch, monkeypatch):
    fetch(ImportError("pandas is missing"))
    with pytest.raises(ImportError, match=r"openml: pandas is needed .*pip install pandas"):
        datasets.openml("mnist")
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="openml: scikit-learn is needed"):
        datasets.openml("mnist")


def test_refuses_an_unknown_name():
    with pytest.raises(ValueError, match="'cifar10'; did you mean 'cifar_10'"):
        datasets.openml("cifar10")
    with pytest.raises(ValueError, match="known are cifar_10, fashion_mnist, mnist"):
        datasets.openml("?")
