"""Limits on steps, and numbers that give arrays their shapes."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, Scalar, check_number

__all__: list[str] = []

MOST = 2**31 - 1


def as_limit(max_steps: Scalar | None, default: Any = None) -> Array:
    """``max_steps``, or the default, as an int32; what is more than it holds is its largest."""
    limit = default if max_steps is None else max_steps
    check_number("max_steps", limit, low=0, integer=True)
    if not isinstance(limit, jax.Array):
        return jnp.int32(min(int(limit), MOST))
    info = jnp.iinfo(limit.dtype)
    return jnp.clip(limit, max(info.min, -1), min(info.max, MOST)).astype(jnp.int32)


def _check_count(name: str, value: int, *, low: int = 0, high: int | None = None) -> None:
    """Refuse what is no number of rows or steps: it gives arrays their shapes, so no tracer either.

    Its name begins with _ so that errors name its caller.
    """
    if isinstance(value, jax.Array):
        raise TypeError(f"argument `{name}` must be a Python integer, got {value}")
    check_number(name, value, low=low, high=high, integer=True)
