"""e^d − 1 − d ≥ 0, of which divergences are sums, with its digits near d = 0."""

import functools
import math

import jax.numpy as jnp

from jaxmath.typing import Array

__all__: list[str] = []

NEAR = 0.5
_SERIES = tuple(1.0 / math.factorial(i) for i in range(16, 1, -1))  # 0.5¹⁵ / 17! < 1e-19


def near_excess(d: Array) -> Array:
    """e^d − 1 − d for |d| ≤ NEAR, by its series."""
    return d**2 * functools.reduce(lambda total, c: total * d + c, _SERIES, jnp.zeros_like(d))


def excess(d: Array) -> Array:
    """e^d − 1 − d."""
    near = jnp.abs(d) <= NEAR
    close = near_excess(jnp.where(near, d, jnp.zeros_like(d)))
    return jnp.where(near, close, jnp.expm1(d) - d)
