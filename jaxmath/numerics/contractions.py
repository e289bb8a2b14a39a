"""Contractions at the full precision of the dtype."""

import jax.numpy as jnp
from jax import lax

from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["dot", "einsum", "matmul"]


def dot(x: ArrayLike, y: ArrayLike) -> Array:
    """The inner product Σᵢ xᵢ yᵢ at the full precision of the dtype (nothing is conjugated).

    ::

        x·y = Σᵢ xᵢ yᵢ

    Args:
      x: vector, shape (n,).
      y: vector, shape (n,).

    Returns:
      A scalar of the common dtype; 0 for n = 0.

    Numerics:
      ``Precision.HIGHEST``: on hardware that would round float32 inputs (TF32, bfloat16 passes)
      they are not rounded. |error| ≤ n·eps·Σ|xᵢyᵢ|. Cost: n multiply-adds.

    Example:
      >>> f"{dot([1.0, 2.0], [3.0, 4.0]):.1f}"
      '11.0'

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      equation (3.5).
    """
    x = as_array("x", x, ndim=1, kind="inexact")
    y = as_array("y", y, shape=x.shape, kind="inexact")
    return jnp.dot(x, y, precision=lax.Precision.HIGHEST)


def matmul(A: ArrayLike, B: ArrayLike) -> Array:
    """The matrix product A B at the full precision of the dtype.

    ::

        (A B)ᵢⱼ = Σₖ Aᵢₖ Bₖⱼ

    Args:
      A: matrix, shape (m, d), or a vector of shape (d,).
      B: matrix, shape (d, n), or a vector of shape (d,).

    Returns:
      The product, shape (m, n), without the axis that a vector lacks.

    Numerics:
      ``Precision.HIGHEST``, as in ``dot``; |error| ≤ d·eps·|A||B| element-wise. Cost: m·d·n
      multiply-adds.

    Example:
      >>> print(matmul(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([1.0, 1.0])))
      [3. 7.]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      equation (3.13).
    """
    A = as_array("A", A, ndim=(1, 2), kind="inexact")
    B = as_array("B", B, ndim=(1, 2), kind="inexact")
    if A.shape[-1] != B.shape[0]:
        raise ValueError(
            f"matmul: argument `B` must have {A.shape[-1]} rows to follow A of shape {A.shape}, "
            f"got shape {B.shape}"
        )
    return jnp.matmul(A, B, precision=lax.Precision.HIGHEST)


def einsum(subscripts: str, *operands: ArrayLike) -> Array:
    """Einstein summation at the full precision of the dtype.

    ::

        einsum("ij,jk->ik", A, B) = A B

    Args:
      subscripts: the contraction, as in ``numpy.einsum``.
      operands: one array for each term of the subscripts.

    Returns:
      The contraction, of the common dtype.

    Numerics:
      ``Precision.HIGHEST``, as in ``dot``; the order of contraction is the cheapest that
      opt_einsum finds.

    Example:
      >>> f"{einsum('i,ij,j->', jnp.ones(2), jnp.eye(2), jnp.ones(2)):.1f}"
      '2.0'

    References:
      D. G. A. Smith, J. Gray, "opt_einsum: a Python package for optimizing contraction order",
      2018.
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            f"einsum: argument `subscripts` must be a string, got {type(subscripts).__name__}"
        )
    arrays = [as_array(f"operands[{i}]", a, kind="inexact") for i, a in enumerate(operands)]
    return jnp.einsum(subscripts, *arrays, precision=lax.Precision.HIGHEST)
