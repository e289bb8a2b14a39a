"""What the modules of this package share: the checks of a matrix, and the adjoint."""

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, ArrayLike, Kind, as_array, check_precision

__all__: list[str] = []


def _square(name: str, A: ArrayLike, kind: Kind = "inexact") -> Array:
    """A square matrix as an array; its name begins with _ so that errors name its caller."""
    A = as_array(name, A, ndim=2, kind=kind, min_size=1)
    return as_array(name, A, shape=(A.shape[0], A.shape[0]), kind=kind)


def _precise_matrix(name: str, A: ArrayLike, kind: Kind = "inexact") -> Array:
    """A matrix that has a factorization: of single or double precision."""
    A = as_array(name, A, ndim=2, kind=kind, min_size=1)
    check_precision(name, A)
    return A


def _precise_square(name: str, A: ArrayLike, kind: Kind = "inexact") -> Array:
    """A square matrix that has a factorization."""
    A = _square(name, A, kind)
    check_precision(name, A)
    return A


def _check_flag(name: str, value: bool) -> None:
    """Refuse what is no bool: "no" would count as True."""
    if not isinstance(value, bool):
        raise TypeError(f"argument `{name}` must be True or False, got {type(value).__name__}")


def promoted(*arrays: Array) -> tuple[Array, ...]:
    """The arrays in their common dtype; strict dtype promotion knows no common one by itself."""
    with jax.numpy_dtype_promotion("standard"):
        dtype = jnp.result_type(*(x.dtype for x in arrays))
    return tuple(x.astype(dtype) for x in arrays)


def adjoint(A: Array) -> Array:
    """Aᴴ."""
    return jnp.conj(A.T)
