"""From an algorithm for one matrix and a kernel for a batch, one function that vmap maps to it."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_batching import custom_vmap

from jaxmath.linalg._scaling import exponent, scale
from jaxmath.typing import Array

__all__: list[str] = []

LARGEST = 8  # static unrolling pays up to here


def batched(single: Callable, kernel: Callable) -> Callable:
    """``single(*arrays)`` for one example, and ``kernel`` on arrays with the batch last under vmap.

    An argument that is not mapped reaches the kernel with a last axis of length 1, to be broadcast.
    Nested vmaps are merged into one last axis. Neither function is differentiated: wrap the result
    in a ``custom_jvp``.
    """

    @custom_vmap
    def on_last(*args: Array) -> Any:
        return kernel(*args)

    @on_last.def_vmap
    def _merge(axis_size: int, in_batched: list[bool], *args: Array) -> tuple[Any, Any]:
        width = max(a.shape[-1] for a in args)

        def merge(a: Array, is_batched: bool) -> Array:
            a = a if is_batched else a[None]
            if a.shape[0] == 1 and a.shape[-1] == 1:
                return a[0]
            a = jnp.broadcast_to(a, (axis_size, *a.shape[1:-1], width))
            return jnp.moveaxis(a, 0, -2).reshape(*a.shape[1:-1], axis_size * width)

        def split(x: Array) -> Array:
            if x.shape[-1] == 1:
                return jnp.broadcast_to(x, (axis_size, *x.shape))
            return jnp.moveaxis(x.reshape(*x.shape[:-1], axis_size, width), -2, 0)

        out = jax.tree.map(split, on_last(*map(merge, args, in_batched)))
        return out, jax.tree.map(lambda _: True, out)

    @custom_vmap
    def on_one(*args: Array) -> Any:
        return single(*args)

    @on_one.def_vmap
    def _last(axis_size: int, in_batched: list[bool], *args: Array) -> tuple[Any, Any]:
        del axis_size
        last = [
            jnp.moveaxis(a, 0, -1) if is_batched else a[..., None]
            for a, is_batched in zip(args, in_batched, strict=True)
        ]
        out = jax.tree.map(lambda x: jnp.moveaxis(x, -1, 0), on_last(*last))
        return out, jax.tree.map(lambda _: True, out)

    return on_one


def scale_lanes(flag: Array, A: Array) -> tuple[Array, Array, Array]:
    """A·2^(−k), the largest element of each lane in [½, 1); k and finite of shape (1, 1, batch).

    Lanes that are not finite are 0 with k = 0. The maximum is written out, as ``column_sum`` is.
    """
    size = settle(flag, reduce(jnp.maximum, (jnp.abs(a) for row in A for a in row)))[None, None]
    finite, k = jnp.isfinite(size), exponent(size)
    return scale(jnp.where(finite, A, 0.0), -k), k, finite


def identities(n: int, A: Array) -> Array:
    """A batch of n × n identities, laid out over devices as the batch A is."""
    eye = jnp.eye(n, dtype=A.dtype)[..., None]
    return jnp.where(jnp.isnan(A[:1, :1]), eye, eye)


def leading_signs(V: Array, share: float) -> Array:
    """For each column of V, (n, …), the sign of the first entry within a share of the largest."""
    size = jnp.abs(V)
    leads = size >= share * reduce(jnp.maximum, size)[None]
    sign = jnp.ones_like(V[0])
    for v, lead in zip(V[::-1], leads[::-1], strict=True):
        sign = jnp.where(lead, jnp.where(v < 0, -1.0, 1.0).astype(V.dtype), sign)
    return sign


def unknown_true(x: Array) -> Array:
    """A scalar that is True for every x, the empty one too; the compiler does not find out."""
    return jnp.max(exponent(x), initial=0) > -(2**20)


def settle(flag: Array, x: Any) -> Any:
    """The arrays x, computed once; ``flag`` is an ``unknown_true``.

    XLA on CPU drops ``lax.optimization_barrier`` and fuses the producers of x into each of its
    consumers: slow, exponentially so in a chain, and not even consistent, as the copies may round
    differently, which costs a reflection of a small column its orthogonality. The operands of a
    conditional are always stored.
    """
    return lax.cond(flag, lambda x: x, lambda x: jax.tree.map(lambda y: y + 1, x), x)
