"""Random numbers in any precision.

jax draws bfloat16 from 128 values, normal ones with mean −0.012 and none beyond 2.6. What is drawn
in float32 and rounded afterwards has neither fault.
"""

import jax
import jax.numpy as jnp

from jaxmath.typing import Array

__all__: list[str] = []


def normal(key: Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike) -> Array:
    """ε ~ N(0, 1)."""
    return jax.random.normal(key, shape, jnp.promote_types(dtype, jnp.float32)).astype(dtype)


def uniform(
    key: Array,
    shape: tuple[int, ...],
    dtype: jax.typing.DTypeLike,
    low: float = 0.0,
    high: float = 1.0,
) -> Array:
    """u ~ U(low, high); in half precision ``high`` may be drawn."""
    wide = jnp.promote_types(dtype, jnp.float32)
    return jax.random.uniform(key, shape, wide, low, high).astype(dtype)
