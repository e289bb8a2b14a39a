"""Data sets by name."""

import numpy as np
import pytest

from jaxmath import datasets
from jaxmath.datasets import named


def test_every_name(tmp_path, monkeypatch):
    monkeypatch.setattr(named, "openml", lambda name: f"openml {name}")
    monkeypatch.setattr(named, "image_folder", lambda name: f"folder {name}")
    assert datasets.load("fashion_mnist") == "openml fashion_mnist"
    assert datasets.load(str(tmp_path)) == f"folder {tmp_path}"
    np.testing.assert_array_equal(datasets.load("wine").x, datasets.wine().x)
    for name, classes in (("two_moons", 2), ("spirals", 2), ("blobs", 3), ("xor", 2)):
        found = datasets.load(name)
        assert found.num_examples == 1000
        assert found.num_classes == classes
    assert datasets.load("noisy_sine").num_classes == 0
    for name, classes in (("gaussian_ring", 8), ("gaussian_grid", 25)):
        assert (datasets.load(name).num_examples, datasets.load(name).num_classes) == (
            10000,
            classes,
        )


def test_an_unknown_name_is_one_clear_line():
    with pytest.raises(ValueError, match=r"^unknown dataset 'mnist5k': did you mean 'mnist_5k'\?$"):
        datasets.load("mnist5k")
    with pytest.raises(ValueError, match=r"'': known are digits, .*gaussian_grid, or a folder$"):
        datasets.load("")
