"""The leaves of a parameter tree that a mask keeps."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, PyTree, as_array

__all__: list[str] = []


def _flags(params: PyTree, mask: PyTree | None) -> list[bool]:
    spread = lambda keep, subtree: jax.tree.map(lambda _: keep, subtree)
    try:
        flags = jax.tree.leaves(jax.tree.map(spread, True if mask is None else mask, params))
    except ValueError as error:
        raise ValueError(
            f"argument `mask` must be a tree of booleans that is a prefix of `params`: {error}"
        ) from None
    for flag in flags:
        if not isinstance(flag, (bool, np.bool_)):
            raise TypeError(f"argument `mask` must hold booleans, got {type(flag).__name__}")
    return flags


def kept_leaves(params: PyTree, mask: PyTree | None) -> tuple[list[Array], jnp.dtype]:
    """The leaves that count, in a dtype to sum in, and the common dtype of all leaves."""
    leaves = [
        as_array("params" + jax.tree_util.keystr(path), leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    ]
    dtype = jnp.result_type(*leaves) if leaves else jnp.dtype(jnp.result_type(float))
    kept = zip(leaves, _flags(params, mask), strict=True)
    return [leaf.astype(wide_dtype(dtype)) for leaf, keep in kept if keep], dtype


def total(terms: list[Array], dtype: jnp.dtype) -> Array:
    """The sum of scalars, rounded to the dtype once."""
    return sum(terms, start=jnp.zeros((), wide_dtype(dtype))).astype(dtype)
