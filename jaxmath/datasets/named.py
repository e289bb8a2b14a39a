"""Data sets by name, as a command line gives them."""

import difflib
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from jaxmath.datasets import bundled, gaussian_mixtures, generated
from jaxmath.datasets.dataset import Dataset
from jaxmath.datasets.downloads import openml
from jaxmath.datasets.folders import image_folder

__all__ = ["load"]

_BUNDLED: dict[str, Callable[[], Dataset]] = {
    name: getattr(bundled, name)
    for name in ("digits", "mnist_5k", "iris", "wine", "breast_cancer", "diabetes")
}
_ONLINE = ("mnist", "fashion_mnist", "cifar_10")
_CENTERS = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
_GENERATED: dict[str, Callable[[jax.Array], Dataset]] = {
    "two_moons": lambda key: generated.two_moons(key, 1000),
    "spirals": lambda key: generated.spirals(key, 1000),
    "blobs": lambda key: generated.blobs(key, 1000, _CENTERS),
    "xor": lambda key: generated.xor(key, 1000),
    "noisy_sine": lambda key: generated.noisy_sine(key, 1000),
    "gaussian_ring": lambda key: gaussian_mixtures.gaussian_ring(key, 10_000),
    "gaussian_grid": lambda key: gaussian_mixtures.gaussian_grid(key, 10_000),
}


def load(name: str) -> Dataset:
    """The data set of this name.

    Args:
      name: ``digits``, ``mnist_5k``, ``iris``, ``wine``, ``breast_cancer`` or ``diabetes``, which
        come with packages; ``mnist``, ``fashion_mnist`` or ``cifar_10``, downloaded on first use;
        ``two_moons``, ``spirals``, ``blobs``, ``xor`` or ``noisy_sine``, 1,000 examples generated
        from the key 0, ``gaussian_ring`` or ``gaussian_grid``, 10,000 of them; or the path of a
        folder with a subfolder of images for each class.

    Returns:
      A Dataset.

    Raises:
      ValueError: nothing has this name; the nearest that has one is proposed.

    Example:
      >>> load("iris").x.shape
      (150, 4)
      >>> load("digit")
      Traceback (most recent call last):
      ...
      ValueError: unknown dataset 'digit': did you mean 'digits'?
    """
    if name in _BUNDLED:
        return _BUNDLED[name]()
    if name in _ONLINE:
        return openml(name)
    if name in _GENERATED:
        return _GENERATED[name](jax.random.key(0))
    if name and Path(name).is_dir():
        return image_folder(name)
    known = [*_BUNDLED, *_ONLINE, *_GENERATED]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}, or a folder"
    raise ValueError(f"unknown dataset '{name}': {hint}")
