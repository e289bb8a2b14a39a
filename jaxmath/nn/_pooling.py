"""The maximum over windows along one axis, with the gradient to the first."""

from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.nn._geometry import Geometry, Padding, Sizes, per_axis, resolve, shifted
from jaxmath.typing import Array, ArrayLike, _caller, as_array

__all__: list[str] = []


def as_pool(
    x: ArrayLike, window: Sizes, stride: Sizes | None, padding: Padding
) -> tuple[Array, Geometry]:
    """The input and the windows, in none of which there is padding alone."""
    x = as_array("x", x, ndim=(2, 3, 4), min_size=1)
    window = per_axis("window", window, x.ndim - 1)
    stride = window if stride is None else stride
    geometry = resolve(x.shape[:-1], window, stride, padding, name="window")
    if any(max(pair) >= k for pair, k in zip(geometry.pads, window, strict=True)):
        raise ValueError(
            f"{_caller()}: argument `padding` must be smaller than the window, got "
            f"{geometry.pads} for {window}"
        )
    return x, geometry


def counts(geometry: Geometry, sizes: tuple[int, ...], include_pad: bool) -> np.ndarray:
    """By how many each sum is divided, shape (…out, 1)."""
    count = np.ones(())
    for axis, (n, pads) in enumerate(zip(sizes, geometry.pads, strict=True)):
        there = np.pad(np.ones(n), pads, constant_values=include_pad or geometry.wrap)
        starts = geometry.stride[axis] * np.arange(geometry.out[axis])
        seen = [there[i : i + geometry.window[axis]].sum() for i in starts]
        count = np.multiply.outer(count, seen)
    return count[..., None]


def _first_max(x: Array, axis: int, geometry: Geometry) -> tuple[Array, Array]:
    """The maximum over each window along an axis, or its first NaN, and where it stands."""
    value, *others = shifted(x, axis, geometry)
    place = jnp.zeros(value.shape, jnp.int8 if len(others) < 128 else jnp.int32)
    for i, other in enumerate(others, 1):
        better = (other > value) | (jnp.isnan(other) & ~jnp.isnan(value))
        value = jnp.where(better, other, value)
        place = jnp.where(better, jnp.asarray(i, place.dtype), place)
    return value, place


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def max_along(x: Array, axis: int, geometry: Geometry) -> Array:
    """The maximum over each window along an axis."""
    return _first_max(x, axis, geometry)[0]


@max_along.defjvp
def _max_along_jvp(
    axis: int, geometry: Geometry, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    value, place = _first_max(*primals, axis, geometry)
    moved = shifted(*tangents, axis, geometry)
    terms = [jnp.where(place == i, dx, jnp.zeros_like(dx)) for i, dx in enumerate(moved)]
    return value, reduce(jnp.add, terms)
