"""The check that most of this package begins with."""

from jaxmath.typing import Array, ArrayLike, as_array


def _square(name: str, A: ArrayLike) -> Array:
    """A square matrix as an array; its name begins with _ so that errors name its caller."""
    A = as_array(name, A, ndim=2, kind="inexact", min_size=1)
    return as_array(name, A, shape=(A.shape[0], A.shape[0]), kind="inexact")
