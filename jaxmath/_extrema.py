"""The largest and the smallest element, and NaN where one is NaN, whatever the size.

On CPU, XLA hands float reductions of 4096 elements and more, those of all lanes of a ``vmap`` taken
together, to YNNPACK, whose maximum forgets a NaN that a number follows (jax 0.10 to 0.12). A status
or an error that counts on ``jnp.max`` then takes a failure for success.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.typing import Array

__all__: list[str] = []

Axes = int | tuple[int, ...] | None


def _ordered(x: Array) -> Array:
    """Integers in the order of the numbers, with NaN above them all."""
    bits = lax.bitcast_convert_type(jnp.where(jnp.isnan(x), jnp.nan, x), f"int{8 * x.itemsize}")
    return _flipped(bits)


def _flipped(bits: Array) -> Array:
    """The magnitude's bits inverted where the sign is set: its own inverse."""
    return bits ^ ((bits >> (8 * bits.itemsize - 1)) & jnp.iinfo(bits.dtype).max)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _max(x: Array, axis: Axes) -> Array:
    # Integers are reduced as fast as numbers, in one pass; a second one for NaN would double it.
    return lax.bitcast_convert_type(_flipped(jnp.max(_ordered(x), axis=axis)), x.dtype)


@_max.defjvp
def _max_jvp(axis: Axes, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """The mean of the tangents where the maximum is attained, as ``jnp.max`` has it."""
    (x,), (dx,) = primals, tangents
    value = _max(x, axis)
    top = value if axis is None else jnp.expand_dims(value, axis)
    attained = (x == top).astype(x.dtype)
    share = attained / jnp.sum(attained, axis=axis, keepdims=axis is not None)
    return value, jnp.sum(jnp.where(jnp.isnan(top), jnp.nan, share) * dx, axis=axis)


def max_of(x: Array, axis: Axes = None, initial: float | None = None) -> Array:
    """``jnp.max`` of real numbers; NaN, with derivative NaN, where an element is NaN."""
    if x.size == 0 or not jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.max(x, axis=axis, initial=initial)
    value = _max(x, axis)
    return value if initial is None else jnp.maximum(value, initial)


def min_of(x: Array, axis: Axes = None) -> Array:
    """``jnp.min`` of real numbers; NaN, with derivative NaN, where an element is NaN."""
    return -max_of(-x, axis)
