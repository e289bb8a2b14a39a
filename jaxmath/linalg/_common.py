"""What the modules of this package share: the check of a square matrix, and the adjoint."""

import jax.numpy as jnp

from jaxmath.typing import Array, ArrayLike, Kind, as_array

__all__: list[str] = []


def _square(name: str, A: ArrayLike, kind: Kind = "inexact") -> Array:
    """A square matrix as an array; its name begins with _ so that errors name its caller."""
    A = as_array(name, A, ndim=2, kind=kind, min_size=1)
    return as_array(name, A, shape=(A.shape[0], A.shape[0]), kind=kind)


def adjoint(A: Array) -> Array:
    """Aᴴ."""
    return jnp.conj(A.T)
