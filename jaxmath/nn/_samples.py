"""What measures between two samples share: their checks, and sums over pairs of rows in blocks."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, ArrayLike, PyTree, as_array

__all__: list[str] = []


def sample(caller: str, name: str, X: ArrayLike, *, rows: int = 1, d: int | None = None) -> Array:
    """X of shape (n, d) with at least so many rows, and one feature or more."""
    X = as_array(name, X, ndim=2)
    if X.shape[0] < rows:
        raise ValueError(
            f"{caller}: argument `{name}` must have at least {rows} rows, got shape {X.shape}"
        )
    if d is not None and X.shape[1] != d:
        raise ValueError(
            f"{caller}: argument `{name}` must have {d} features, as the other sample, got shape "
            f"{X.shape}"
        )
    return as_array(name, X, min_size=1)


def pair(
    caller: str, names: tuple[str, str], X: ArrayLike, Y: ArrayLike, *, rows: int = 1
) -> tuple[Array, Array, jnp.dtype]:
    """Two samples of the same features in the dtype of sums, and the dtype of the result."""
    X = sample(caller, names[0], X, rows=rows)
    Y = sample(caller, names[1], Y, rows=rows, d=X.shape[1])
    wide = wide_dtype(X.dtype)
    return X.astype(wide), Y.astype(wide), X.dtype


def by_rows(row: Callable[..., PyTree], xs: Any, block: int) -> PyTree:
    """``row`` of every row, a block at a time, in reverse mode too."""
    n = jax.tree.leaves(xs)[0].shape[0]
    if n <= block:
        return jax.vmap(row)(xs)
    num = -(-n // block)
    size = -(-n // num)  # nearly equal blocks: the last row fills the last one up
    index = jnp.minimum(jnp.arange(num * size), n - 1).reshape(num, size)
    found = jax.lax.map(jax.checkpoint(jax.vmap(row)), jax.tree.map(lambda a: a[index], xs))
    return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:])[:n], found)


def share(flags: Array, dtype: jax.typing.DTypeLike) -> Array:
    """The share of the rows with a flag: of two counts, rounded once.

    Both are counted, as XLA takes division by a number that it knows for a product with its
    reciprocal: 41 · (1/41) is 0.99999994 in float32.
    """
    with_flag, without = (jnp.sum(f, axis=0, dtype=jnp.int32) for f in (flags, ~flags))
    wide = wide_dtype(dtype)
    return (with_flag.astype(wide) / (with_flag + without).astype(wide)).astype(dtype)


def finite_or_nan(*arrays: Array) -> Array:
    """0 where all numbers are finite, else NaN: what makes a sample with a NaN show."""
    fine = [jnp.all(jnp.isfinite(a)) for a in arrays]
    return jnp.where(jnp.all(jnp.stack(fine)), 0.0, jnp.nan).astype(arrays[0].dtype)
