"""The limit on a solver's steps."""

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, Scalar, check_number

__all__: list[str] = []

MOST = 2**31 - 1


def as_limit(max_steps: Scalar) -> Array:
    """``max_steps`` as an int32, or 2³¹ − 1 where it is more: no loop gets so far."""
    check_number("max_steps", max_steps, low=0, integer=True)
    if not isinstance(max_steps, jax.Array):
        return jnp.int32(min(int(max_steps), MOST))
    low, high = jnp.iinfo(jnp.int32).min, min(MOST, jnp.iinfo(max_steps.dtype).max)
    return jnp.clip(max_steps, max(low, jnp.iinfo(max_steps.dtype).min), high).astype(jnp.int32)
