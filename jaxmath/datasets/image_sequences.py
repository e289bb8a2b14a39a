"""Images read as sequences: a row at a time, or a pixel at a time."""

import dataclasses

from jaxmath.datasets.dataset import Dataset

__all__ = ["image_pixels", "image_rows"]


def _shape(caller: str, dataset: Dataset) -> tuple[int, ...]:
    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"{caller}: argument `dataset` must be a Dataset, got {type(dataset).__name__}"
        )
    if not dataset.image_shape:
        raise ValueError(f"{caller}: argument `dataset` has no images: its `image_shape` is ()")
    return dataset.image_shape


def image_rows(dataset: Dataset) -> Dataset:
    """Images as sequences of their rows, from the top to the bottom.

    ::

        x_{i,t} = row t of image i ∈ ℝ^{W·C},   t = 1, …, H

    Args:
      dataset: a data set of images of shape (H, W, C).

    Returns:
      A Dataset with ``x`` of shape (n, H, W·C): 28 steps of 28 for MNIST. The targets stay.

    Raises:
      ValueError: the examples are no images.

    Numerics:
      Exact: a reshape, which copies nothing.

    Example:
      >>> from jaxmath import datasets
      >>> image_rows(datasets.digits()).x.shape
      (1797, 8, 8)

    References:
      Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of
      rectified linear units", 2015, section 4.2, reads pixels; rows are the shorter task.
    """
    height, width, channels = _shape("image_rows", dataset)
    x = dataset.x.reshape(-1, height, width * channels)
    return dataclasses.replace(dataset, x=x, feature_names=(), image_shape=())


def image_pixels(dataset: Dataset) -> Dataset:
    """Images as sequences of their pixels, row after row.

    ::

        x_{i,t} = pixel (⌊t / W⌋, t mod W) of image i ∈ ℝ^C,   t = 0, …, H·W − 1

    Args:
      dataset: a data set of images of shape (H, W, C).

    Returns:
      A Dataset with ``x`` of shape (n, H·W, C): 784 steps of 1 for MNIST. The targets stay.

    Raises:
      ValueError: the examples are no images.

    Numerics:
      Exact: a reshape, which copies nothing.

    Example:
      >>> from jaxmath import datasets
      >>> image_pixels(datasets.digits()).x.shape
      (1797, 64, 1)

    References:
      Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of
      rectified linear units", 2015, section 4.2.
    """
    height, width, channels = _shape("image_pixels", dataset)
    x = dataset.x.reshape(-1, height * width, channels)
    return dataclasses.replace(dataset, x=x, feature_names=(), image_shape=())
