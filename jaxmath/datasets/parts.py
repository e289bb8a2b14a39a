"""A data set as a run of training takes it: in parts, and standardized."""

from typing import NamedTuple

import jax
import numpy as np

from jaxmath.datasets.dataset import Dataset
from jaxmath.datasets.splits import split
from jaxmath.datasets.standardization import Standardization, fit_standardization, standardize
from jaxmath.typing import Array, check_number

__all__ = ["Parts", "standardized_parts"]

_Pair = tuple[np.ndarray | Array, np.ndarray | Array]


class Parts(NamedTuple):
    """The parts of a data set, standardized with the statistics of the training part.

    Args:
      training: inputs in float32 and targets.
      validation: the same, None for none.
      test: the same.
      raw_test: the test part as it was.
      standardization: what was fitted.

    Example:
      >>> Parts._fields[:3]
      ('training', 'validation', 'test')
    """

    training: _Pair
    validation: _Pair | None
    test: _Pair
    raw_test: Dataset
    standardization: Standardization


def standardized_parts(
    key: Array, dataset: Dataset, *, test: float = 0.2, validation: float = 0.1
) -> Parts:
    """Split and standardize: images by one mean and scale, other features each by its own.

    Args:
      key: a random key, used once. What it makes the test part does not depend on ``validation``.
      dataset: the data set.
      test: share of the whole.
      validation: share of what is left, 0 for none.

    Returns:
      Parts, all of NumPy, with the classes' shares kept.

    Raises:
      ValueError: a share outside [0, 1), or a part that would be empty.

    Example:
      >>> from jaxmath import datasets
      >>> parts = standardized_parts(jax.random.key(0), datasets.iris())
      >>> len(parts.training[0]), len(parts.validation[0]), len(parts.test[0])
      (108, 12, 30)
    """
    check_number("test", test, low=0.0, high=1.0, open_low=True, open_high=True)
    check_number("validation", validation, low=0.0, high=1.0, open_high=True)
    rest, held_out = split(key, dataset, (1.0 - test, test))
    held: Dataset | None = None
    if validation:
        rest, held = split(jax.random.fold_in(key, 1), rest, (1.0 - validation, validation))
    axes = rest.x.ndim if rest.image_shape else 1
    fitted = fit_standardization(rest.x, num_axes=axes)
    # Of bytes, say, standardize makes an array of jax.
    scaled = lambda part: (np.asarray(standardize(fitted, part.x), np.float32), part.y)
    validated = None if held is None else scaled(held)
    return Parts(scaled(rest), validated, scaled(held_out), held_out, fitted)
