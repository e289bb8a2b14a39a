"""The maximum over windows, with the gradient to the first."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmath.nn._geometry import Geometry, Padding, Sizes, met, per_axis, resolve
from jaxmath.nn._patches import patches
from jaxmath.nn._stored import stored
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


def _first_max(padded: Array, geometry: Geometry) -> tuple[Array, Array]:
    """The maximum over each window, or its first NaN, and the number of its place."""
    value, *others = met(padded, geometry)
    place = jnp.zeros(value.shape, jnp.int8 if len(others) < 128 else jnp.int32)
    for i, other in enumerate(others, 1):
        better = ~((other <= value) | jnp.isnan(value))
        value = jnp.where(better, other, value)
        place = jnp.where(better, jnp.asarray(i, place.dtype), place)
    return value, place


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def first_max(padded: Array, geometry: Geometry) -> Array:
    """The maximum over each window, with the derivative of the first."""
    return _first_max(padded, geometry)[0]


@first_max.defjvp
def _first_max_jvp(
    geometry: Geometry, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    value, place = _first_max(*primals, geometry)
    # Else XLA makes its comparisons again for the slope of each input.
    place = stored(place, *primals)
    seen = patches(*tangents, geometry).reshape(*geometry.out, -1, place.shape[-1])
    order = lax.broadcasted_iota(place.dtype, seen.shape, seen.ndim - 2)
    here = jnp.expand_dims(place, -2) == order
    return value, jnp.sum(jnp.where(here, seen, jnp.zeros_like(seen)), axis=-2)
