"""The large image sets, which are downloaded once and then read from the disk."""

import difflib
import functools
import warnings
from typing import Any, NamedTuple

import numpy as np

from jaxmath.datasets.bundled import _DIGITS, _host_dataset, _needed
from jaxmath.datasets.dataset import Dataset

__all__ = ["openml"]


class _Source(NamedTuple):
    title: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]


_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")  # fmt: skip
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer",
            "dog", "frog", "horse", "ship", "truck")  # fmt: skip
_SOURCES = {
    "cifar_10": _Source("CIFAR_10", (32, 32, 3), _OBJECTS),
    "fashion_mnist": _Source("Fashion-MNIST", (28, 28, 1), _CLOTHES),
    "mnist": _Source("mnist_784", (28, 28, 1), _DIGITS),
}


def openml(name: str) -> Dataset:
    """MNIST, Fashion-MNIST or CIFAR-10 in full, downloaded from openml.org on first use.

    ::

        xᵢ ∈ {0, 1/255, …, 1}^{H·W·C},   yᵢ ∈ {0, …, 9}

    Args:
      name: "mnist", "fashion_mnist" (70,000 images of 28×28×1 each) or "cifar_10" (60,000 of
        32×32×3).

    Returns:
      ``x`` of shape (n, H·W·C), float32, each image in the order (H, W, C), and ``y`` of shape
      (n,), int32, in OpenML's order (the first 60,000 of MNIST and Fashion-MNIST are their training
      part). Cached in memory, the download on the disk (scikit-learn's data home); the arrays are
      read-only.

    Raises:
      ImportError: scikit-learn is not installed, or pandas, which it reads these files with.
      ValueError: an unknown name.
      ConnectionError: there is no copy on the disk and openml.org cannot be reached, or sends
        something else.

    Numerics:
      The bytes divided by 255. CIFAR-10's rows hold the colours one after another, and are put into
      the order (H, W, C). Memory: 0.2 GB (CIFAR-10: 0.7 GB). Licences: MNIST CC BY-SA 3.0,
      Fashion-MNIST MIT, CIFAR-10 states none.

    Example:
      >>> openml("mnits")
      Traceback (most recent call last):
      ...
      ValueError: openml: argument `name` is unknown, got 'mnits'; did you mean 'mnist'?

    References:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
      recognition", 1998.
      H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
      learning algorithms", 2017.
      A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009, chapter 3.
    """
    if name not in _SOURCES:
        near = difflib.get_close_matches(str(name), _SOURCES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_SOURCES)}"
        raise ValueError(f"openml: argument `name` is unknown, got {name!r}; {hint}")
    return _openml(name)


def _fetch(name: str) -> Any:
    source = _needed("sklearn.datasets", "scikit-learn", "openml")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one for each try
            # Numbers, the labels too: as categories scikit-learn 1.9 cannot read them by pandas 3.
            numbers = {"dtype": np.float32}
            return source.fetch_openml(
                _SOURCES[name].title, version=1, as_frame=False, read_csv_kwargs=numbers
            )
    except ImportError as error:
        raise ImportError(
            f"openml: pandas is needed to read {name!r}: pip install pandas"
        ) from error
    except (OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConnectionError(
            f"openml: {name!r} is not on this disk and could not be fetched from openml.org "
            f"({reason}): call it once with a network, or use mnist_5k() or digits(), which need "
            "none"
        ) from error


@functools.cache
def _openml(name: str) -> Dataset:
    bunch, (_, shape, classes) = _fetch(name), _SOURCES[name]
    H, W, C = shape
    pixels = np.asarray(bunch.data, np.float32).reshape(-1, C, H, W).transpose(0, 2, 3, 1)
    x = pixels.reshape(len(pixels), -1) / np.float32(255)
    return _host_dataset(x, np.asarray(bunch.target).astype(np.int32), (), classes, shape)
