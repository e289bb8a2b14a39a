"""Images of another size, and random changes of them, as the recipes of image networks want."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.datasets import Dataset
from jaxmath.typing import Array

__all__: list[str] = []

AUGMENTATIONS = ("none", "shift", "flip")


def resized(dataset: Dataset, size: int) -> Dataset:
    """Square images of this size, by linear interpolation, with antialiasing where they shrink."""
    if not dataset.image_shape:
        raise ValueError("--image-size is for images, and these examples are none")
    height, width, channels = dataset.image_shape
    if height == width == size:
        return dataset
    one = lambda x: jax.image.resize(x.reshape(height, width, channels), (size, size, channels),
                                     "linear").reshape(-1)  # fmt: skip
    x = np.asarray(jax.jit(lambda x: jax.lax.map(one, x, batch_size=256))(np.asarray(dataset.x)))
    return dataclasses.replace(dataset, x=x, feature_names=(), image_shape=(size, size, channels))


def augmentation(kind: str, size: int) -> Callable[[Array, Array], Array]:
    """``change(key, image)``: a shift by at most 7 % of the size, for photographs a mirror too.

    What comes in at the edge is the image's darkest value: standardized images have no 0 for black.
    """
    if kind == "none":
        return lambda key, x: x
    far = max(round(0.07 * size), 1)

    def change(key: Array, x: Array) -> Array:
        shift_key, flip_key = jax.random.split(key)
        dark = jnp.min(x)
        x = nn.random_shift(shift_key, x - dark, far) + dark
        return nn.random_flip(flip_key, x) if kind == "flip" else x

    return change
