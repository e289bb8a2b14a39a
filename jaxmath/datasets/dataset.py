"""The record that every data set comes in, and the check of what it holds."""

import dataclasses
from collections.abc import Iterator

import jax
import numpy as np

from jaxmath.typing import Array, ArrayLike

__all__ = ["Dataset", "check_dataset"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Examples with their targets and the names of what they are.

    ::

        (xᵢ, yᵢ),   i = 1, …, n

    Args:
      x: inputs, shape (n, d): NumPy from a loader (host data, which the caller puts on a device),
        jax from a generator.
      y: targets, int32 of shape (n,) for classes, floating of shape (n, …) for a regression.
      feature_names: d names, or () where features have none.
      class_names: k names, where y ∈ {0, …, k − 1}; () for a regression.
      image_shape: (H, W, C) where a row of ``x`` is an image, else ().

    Returns:
      A frozen dataclass and a pytree: ``x`` and ``y`` are leaves, the names are static. It unpacks
      as the pair ``x, y``.

    Numerics:
      Nothing is computed.

    Example:
      >>> x, y = Dataset(np.zeros((4, 6)), np.zeros(4, np.int32), image_shape=(2, 3, 1))
      >>> x.shape
      (4, 6)
      >>> Dataset(x, y, image_shape=(2, 3, 1)).images.shape
      (4, 2, 3, 1)

    References:
      The order (x, y) is that of scikit-learn's ``return_X_y``.
    """

    x: np.ndarray | Array
    y: np.ndarray | Array
    feature_names: tuple[str, ...] = dataclasses.field(default=(), metadata={"static": True})
    class_names: tuple[str, ...] = dataclasses.field(default=(), metadata={"static": True})
    image_shape: tuple[int, ...] = dataclasses.field(default=(), metadata={"static": True})

    def __iter__(self) -> Iterator[np.ndarray | Array]:
        return iter((self.x, self.y))

    @property
    def num_examples(self) -> int:
        """The number n of examples."""
        return len(self.x)

    @property
    def num_classes(self) -> int:
        """The number k of classes, 0 for a regression."""
        return len(self.class_names)

    @property
    def images(self) -> np.ndarray | Array:
        """The inputs as images, shape (n, H, W, C)."""
        if not self.image_shape:
            raise ValueError("Dataset.images: these examples are no images: `image_shape` is ()")
        return self.x.reshape(-1, *self.image_shape)


def _on_host(caller: str, name: str, x: ArrayLike) -> np.ndarray:
    if isinstance(x, jax.core.Tracer):
        raise TypeError(
            f"{caller}: argument `{name}` is traced: call {caller} outside jit and vmap"
        )
    return np.asarray(x)


def _check_names(dataset: Dataset, x: np.ndarray, y: np.ndarray) -> None:
    names, shape = dataset.feature_names, dataset.image_shape
    if names and (len(names),) != x.shape[1:]:
        raise ValueError(
            f"check_dataset: argument `dataset` has {len(names)} feature names for `x` of shape "
            f"{x.shape}"
        )
    if shape and x.shape[1:] != (int(np.prod(shape)),):
        raise ValueError(
            f"check_dataset: argument `dataset` has images of shape {shape} and `x` of shape "
            f"{x.shape}"
        )
    if not dataset.class_names:
        return
    if not np.issubdtype(y.dtype, np.integer):
        raise TypeError(
            "check_dataset: argument `dataset` has class names, so `y` must have an integer "
            f"dtype, got {y.dtype}"
        )
    wrong = (y < 0) | (y >= dataset.num_classes)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise ValueError(
            f"check_dataset: argument `dataset` has labels outside 0 … {dataset.num_classes - 1}: "
            f"y[{i}] is {y[i]}, and {int(wrong.sum())} of {y.size} in all"
        )


def check_dataset(dataset: Dataset) -> None:
    """Refuse a data set that cannot be trained on: one clear line says where it is wrong.

    ::

        n ≥ 1,   xᵢ and yᵢ finite,   yᵢ ∈ {0, …, k − 1} for classes

    Args:
      dataset: the data set, its arrays not traced.

    Returns:
      None.

    Raises:
      TypeError: it is no Dataset, or its arrays are traced or not numeric, or the labels no
        integers.
      ValueError: no example, different numbers of inputs and targets, NaN or ∞ in the data, a label
        out of range, names or an image shape that do not fit.

    Numerics:
      Exact: comparisons only. Cost: one pass over the data, on the host.

    Example:
      >>> check_dataset(Dataset(np.array([[0.0], [np.nan]]), np.zeros(2)))
      Traceback (most recent call last):
      ...
      ValueError: check_dataset: argument `dataset` is not finite: x[1, 0] is nan, the first of 1

    References:
      scikit-learn, ``sklearn.utils.check_X_y``.
    """
    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"check_dataset: argument `dataset` must be a Dataset, got {type(dataset).__name__}"
        )
    x, y = (_on_host("check_dataset", "dataset", array) for array in dataset)
    if x.ndim < 1 or y.shape[:1] != x.shape[:1] or len(x) == 0:
        raise ValueError(
            "check_dataset: argument `dataset` must have one target for each of n ≥ 1 inputs, got "
            f"`x` of shape {x.shape} and `y` of shape {y.shape}"
        )
    for name, array in (("x", x), ("y", y)):
        # Not np.number: extended dtypes (bfloat16) are numeric for jax only.
        if not jax.numpy.issubdtype(array.dtype, jax.numpy.number):
            raise TypeError(
                f"check_dataset: argument `dataset` must have numbers in `{name}`, got dtype "
                f"{array.dtype}"
            )
        wrong = ~np.isfinite(array)
        if wrong.any():
            first = tuple(np.argwhere(wrong)[0].tolist())
            place = ", ".join(map(str, first))
            raise ValueError(
                f"check_dataset: argument `dataset` is not finite: {name}[{place}] is "
                f"{array[first]}, the first of {int(wrong.sum())}"
            )
    _check_names(dataset, x, y)
