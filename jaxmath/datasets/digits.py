"""Handwritten digits, 8×8: real images small enough to come with scikit-learn."""

import functools
from typing import NamedTuple

import numpy as np

__all__ = ["Dataset", "digits"]


class Dataset(NamedTuple):
    """Examples with their targets, in NumPy: host data, which the caller puts on a device.

    ::

        (xᵢ, yᵢ),   i = 1, …, n

    Args:
      x: inputs, shape (n, …).
      y: targets, shape (n,) for classes, (n, …) for a regression.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> Dataset(x=np.zeros((4, 2)), y=np.zeros(4)).x.shape
      (4, 2)

    References:
      The order (x, y) is that of scikit-learn's ``return_X_y``.
    """

    x: np.ndarray
    y: np.ndarray


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
      order, which is not shuffled and in which one writer's digits stand together.

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
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'digits: scikit-learn is needed for this data set: pip install "jaxmath[scripts]"'
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    data = Dataset(x=(pixels / 16.0).astype(np.float32), y=labels.astype(np.int32))
    for array in data:
        array.flags.writeable = False
    return data
