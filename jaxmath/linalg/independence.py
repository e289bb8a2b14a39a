"""Rank, independence, and the change from one basis to another."""

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath.linalg._common import _precise_matrix
from jaxmath.linalg.spaces import _count, _tolerance
from jaxmath.typing import Array, ArrayLike, Scalar, as_array

__all__ = ["change_of_basis", "linearly_independent", "nullity", "rank"]


@compiled
def rank(A: ArrayLike, *, rtol: Scalar | None = None) -> Array:
    """The rank of a matrix: the number of its singular values that count.

    ::

        rank A = #{i : σᵢ > rtol·σ₀}

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      int32, the rank.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      The rank of every matrix near enough to A: singular values are exact to about n·eps·σ₀. The
      zero matrix has rank 0; NaN or ∞ gives 0. Piecewise constant: no gradient. Cost: the
      singular values alone.

    Example:
      >>> print(rank(jnp.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])))
      1

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 5.4.1.
    """
    A = _precise_matrix("A", A)
    return _count(jnp.linalg.svd(A, compute_uv=False, full_matrices=False), _tolerance(A, rtol))


@compiled
def nullity(A: ArrayLike, *, rtol: Scalar | None = None) -> Array:
    """The dimension of the null space.

    ::

        nullity A = dim ker A = n − rank A

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      int32, the nullity.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      As ``rank``; NaN or ∞ gives n. Piecewise constant: no gradient. Cost: the singular values
      alone.

    Example:
      >>> print(nullity(jnp.array([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]])))
      2

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.5.
    """
    A = _precise_matrix("A", A)
    return A.shape[1] - rank(A, rtol=rtol)


@compiled
def linearly_independent(A: ArrayLike, *, rtol: Scalar | None = None) -> Array:
    """Whether the columns of a matrix are linearly independent.

    ::

        Ax = 0 ⟹ x = 0,   that is rank A = n

    Args:
      A: the vectors as columns, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      A boolean scalar.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      As ``rank``: columns of very different lengths can look dependent, so scale them first where
      their lengths mean nothing. NaN or ∞ gives False. Piecewise constant: no gradient. Cost: the
      singular values alone.

    Example:
      >>> print(linearly_independent(jnp.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]])))
      True

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.4.
    """
    A = _precise_matrix("A", A)
    return rank(A, rtol=rtol) == A.shape[1]


@compiled
def change_of_basis(source: ArrayLike, target: ArrayLike) -> Array:
    """The matrix that turns coordinates in one basis into coordinates in another.

    ::

        [x]_C = P [x]_B,   P = C⁻¹B;   a linear map with matrix T in B has P T P⁻¹ in C

    Args:
      source: the basis B as columns, shape (n, n), real or complex.
      target: the basis C as columns, shape (n, n).

    Returns:
      P of shape (n, n).

    Raises:
      ValueError: a basis is empty or not square, or the shapes differ.

    Numerics:
      ‖CP − B‖ ≤ 20·n·eps·growth·‖C‖·‖P‖, by LU with partial pivoting. Gradient: exact to every
      order. Singular set: columns of C that are exactly dependent, where the entries are infinite
      or NaN. Cost: 8n³/3 operations.

    Example:
      >>> B, C = jnp.eye(2), jnp.array([[2.0, 0.0], [0.0, 4.0]])
      >>> print(change_of_basis(B, C))
      [[0.5  0.  ]
       [0.   0.25]]

    References:
      S. Axler, "Linear Algebra Done Right", 4th edition, 2024, result 3.84.
    """
    source = as_array("source", source, ndim=2, kind="inexact", min_size=1)
    n = source.shape[0]
    source = as_array("source", source, shape=(n, n), kind="inexact")
    target = as_array("target", _precise_matrix("target", target), shape=(n, n), kind="inexact")
    return jnp.linalg.solve(target, source)
