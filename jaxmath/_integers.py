"""Integers beyond the range of jax's, which without x64 has 32 bits and wraps NumPy's silently."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__: list[str] = []


def wraps(x: Any) -> bool:
    """Whether x holds integers of NumPy that jax would take for others."""
    if not isinstance(x, (np.ndarray, np.generic)) or not np.issubdtype(x.dtype, np.integer):
        return False
    info = jnp.iinfo(jax.dtypes.canonicalize_dtype(x.dtype))
    if info.bits >= 8 * x.dtype.itemsize:
        return False
    return x.size > 0 and not info.min <= int(x.min()) <= int(x.max()) <= info.max


def clipped(x: Any) -> Any:
    """x with the integers that would wrap at the ends of jax's range."""
    if not wraps(x):
        return x
    info = jnp.iinfo(jax.dtypes.canonicalize_dtype(x.dtype))
    return np.clip(x, info.min, info.max)


def as_jax(x: Any) -> jax.Array:
    """x as a jax array: of floating numbers, rounded once, where its integers do not fit."""
    floating = jnp.result_type(float)
    if wraps(x):
        return jnp.asarray(np.asarray(x).astype(floating))
    try:
        return jnp.asarray(x)
    except OverflowError:  # of Python
        return jnp.asarray(np.asarray(x).astype(floating))
