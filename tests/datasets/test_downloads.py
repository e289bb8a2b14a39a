"""What is made of OpenML's files, with the download replaced; the line without a network."""

import gzip
import hashlib
import io
import json
import sys
import urllib.error
import urllib.request
import urllib.response
from email.message import Message
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
    assert [(t, o["version"], o["as_frame"]) for t, o in asked] == [(title, 1, False)]
    assert (data.x.dtype, data.y.dtype, data.y.tolist()) == (np.float32, np.int32, [3, 0, 9, 1])
    assert (data.image_shape, len(data.class_names), data.class_names[9]) == (shape, 10, last)
    for i, h, w, c in ((0, 0, 0, 0), (1, 5, 7, C - 1), (3, H - 1, 2, 0)):
        assert data.images[i, h, w, c] == np.float32(planes[i, c, h, w]) / np.float32(255)
    datasets.check_dataset(data)


class OpenML(urllib.request.HTTPSHandler):
    """What openml.org answers about MNIST, with a few images of its own."""

    def __init__(self, pixels, labels):
        super().__init__()
        rows = [",".join(map(str, (*row, y))) for row, y in zip(pixels, labels, strict=True)]
        names = [f"pixel{i + 1}" for i in range(pixels.shape[1])]
        head = [f"@ATTRIBUTE {name} REAL" for name in names]
        arff = ["@RELATION mnist_784", *head, "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
        self.file = "\n".join([*arff, *rows, ""]).encode()
        common = dict.fromkeys(("is_target", "is_ignore", "is_row_identifier"), "false")
        common["number_of_missing_values"] = "0"
        features = [{"name": name, "data_type": "numeric", **common} for name in names]
        features += [{**common, "name": "class", "data_type": "nominal", "is_target": "true"}]
        features = [{**f, "index": str(i)} for i, f in enumerate(features)]
        about = {
            "id": "554", "name": "mnist_784", "version": "1", "format": "ARFF", "status": "active",
            "md5_checksum": hashlib.md5(self.file).hexdigest(), "file_id": "52667",
            "url": "https://www.openml.org/data/v1/download/52667/mnist_784.arff",
            "default_target_attribute": "class", "licence": "Public", "description": "digits",
        }  # fmt: skip
        listed = {"did": 554, "name": "mnist_784", "version": 1, "status": "active"}
        quality = {"name": "NumberOfInstances", "value": str(float(len(labels)))}
        self.answers = {
            "data/list": {"data": {"dataset": [listed]}},
            "data/features": {"data_features": {"feature": features}},
            "data/qualities": {"data_qualities": {"quality": [quality]}},
            "data/554": {"data_set_description": about},
        }
        self.asked = []

    def https_open(self, request):
        path = request.full_url.partition("openml.org/")[2]
        self.asked.append(path)
        body = next(
            (json.dumps(a).encode() for key, a in self.answers.items() if key in path), self.file
        )
        headers = Message()
        headers["Content-Encoding"] = "gzip"
        packed = io.BytesIO(gzip.compress(body))
        response = urllib.response.addinfourl(packed, headers, request.full_url, 200)
        response.msg = "OK"
        return response


def test_the_file_itself_through_scikit_learn(monkeypatch, tmp_path):
    """Fetched, read (labels in digits are no categories of text to pandas 3), and then cached."""
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (30, 784)), rng.integers(0, 10, 30)
    site = OpenML(pixels, labels)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    monkeypatch.setattr(urllib.request, "_opener", urllib.request.build_opener(site))
    for _ in range(2):
        downloads._openml.cache_clear()
        data = datasets.openml("mnist")
        np.testing.assert_array_equal(data.x, np.float32(pixels) / np.float32(255))
        np.testing.assert_array_equal(data.y, labels)
    assert sum("download" in path for path in site.asked) == 1
    downloads._openml.cache_clear()


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
