"""Random numbers and running means in any precision.

jax draws bfloat16 from 128 values, normal ones with mean −0.012 and none beyond 2.6. What is drawn
in float32 and rounded afterwards has neither fault. A mean that moves by less than half a unit in
its last place stands still.
"""

import math

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


def words(key: Array, shape: tuple[int, ...]) -> Array:
    """What ``jax.random.bits`` gives for uint32, of a Threefry key in one kernel.

    On a CPU, jax loops over its rounds, and each wakes another thread: 18 µs, not 8, for 1,408.
    """
    ordered = getattr(jax.config, "jax_threefry_partitionable", True) and math.prod(shape) < 2**32
    if jax.random.key_impl(key) != "threefry2x32" or not ordered:
        return jax.random.bits(key, shape, jnp.uint32)
    first, second = jnp.unstack(jax.random.key_data(key))
    places = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)
    a, b = threefry((first, second), (jnp.zeros_like(places), places))
    return a ^ b


def threefry(key: tuple[Array, Array], block: tuple[Array, Array]) -> tuple[Array, Array]:
    """Threefry-2×32 in 20 rounds (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
    1, 2, 3", 2011): a bijection of 64 bits, those of a block, for each key."""
    keys = (*key, key[0] ^ key[1] ^ jnp.uint32(0x1BD11BDA))
    a, b = block[0] + keys[0], block[1] + keys[1]
    for i in range(5):
        for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[i % 2]:
            a = a + b
            b = ((b << turn) | (b >> (32 - turn))) ^ a
        a, b = a + keys[(i + 1) % 3], b + keys[(i + 2) % 3] + jnp.uint32(i + 1)
    return a, b
