"""Random numbers and running means in any precision.

jax draws bfloat16 from 128 values, normal ones with mean −0.012 and none beyond 2.6. What is drawn
in float32 and rounded afterwards has neither fault. A mean that moves by less than half a unit in
its last place stands still.
"""

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, PyTree

__all__: list[str] = []


def wide_dtype(dtype: jax.typing.DTypeLike) -> jnp.dtype:
    """float32 for the half precisions, otherwise the dtype itself."""
    return jnp.dtype(jnp.float32 if jnp.dtype(dtype).itemsize < 4 else dtype)


def normal(key: Array, shape: tuple[int, ...], dtype: jax.typing.DTypeLike) -> Array:
    """ε ~ N(0, 1)."""
    return jax.random.normal(key, shape, wide_dtype(dtype)).astype(dtype)


def uniform(
    key: Array,
    shape: tuple[int, ...],
    dtype: jax.typing.DTypeLike,
    low: float = 0.0,
    high: float = 1.0,
) -> Array:
    """u ~ U(low, high); in half precision ``high`` may be drawn."""
    return jax.random.uniform(key, shape, wide_dtype(dtype), low, high).astype(dtype)


def widened(tree: PyTree) -> PyTree:
    """The tree with its half precisions as float32."""
    wide = lambda a: a.astype(wide_dtype(a.dtype)) if jnp.issubdtype(a.dtype, jnp.floating) else a
    return jax.tree.map(wide, tree)
