"""Echelon forms: the rank, the pivots and the free columns of a matrix."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import fori_loop
from jaxmath.linalg._scaling import scale, unit_range
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["RowEchelon", "reduced_row_echelon", "row_echelon"]


class RowEchelon(NamedTuple):
    """An echelon form and what it shows about the matrix.

    Args:
      matrix: the form, shape (m, n); its rows from ``rank`` on are 0.
      rank: int32, the number of pivots; −1 where the matrix was not finite.
      pivots: bool, shape (n,): the columns that hold a pivot.
    """

    matrix: Array
    rank: Array
    pivots: Array


@compiled
def row_echelon(A: ArrayLike, *, rtol: Scalar | None = None) -> RowEchelon:
    """The row echelon form by Gaussian elimination with partial pivoting.

    ::

        R = M A,   M invertible;   each row's first non-zero stands right of the row's above

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: a column whose candidates are all at most rtol·‖A‖_∞ in size has no pivot, and they are
        set to 0; None stands for max(m, n)·eps.

    Returns:
      ``RowEchelon(matrix, rank, pivots)``.

    Numerics:
      Backward stable up to the growth of the elements; scaling A by a power of two changes
      nothing. The rank is numerical: rows smaller than rtol·‖A‖_∞ count as 0, and for a safe rank
      use the singular values. The derivative is that of the elimination with its pivots held:
      right off the singular set, which is where the rank or the order of the pivots changes (there,
      finite and one-sided). NaN or ∞ in A gives a matrix of NaN and rank −1. Cost: m·n·rank
      multiply-adds, in n steps.

    Example:
      >>> form = row_echelon(jnp.array([[1.0, 2.0], [2.0, 4.0]]))
      >>> print(form.matrix, form.rank, form.pivots)
      [[2. 4.]
       [0. 0.]] 1 [ True False]

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.2.
      The tolerance is that of MATLAB's ``rref``.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    form, shift = _echelon(A, rtol, reduced=False)
    return form._replace(matrix=scale(form.matrix, shift))


@compiled
def reduced_row_echelon(A: ArrayLike, *, rtol: Scalar | None = None) -> RowEchelon:
    """The reduced row echelon form by Gauss–Jordan elimination with partial pivoting.

    ::

        R = M A,   M invertible;   pivots are 1 and alone in their columns; R is unique

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: a column whose candidates are all at most rtol·‖A‖_∞ in size has no pivot, and they are
        set to 0; None stands for max(m, n)·eps.

    Returns:
      ``RowEchelon(matrix, rank, pivots)``.

    Numerics:
      Gauss–Jordan is forward stable for well-conditioned pivot columns: error about n·eps·κ. As
      for the tolerance, the derivative and NaN see ``row_echelon``. Cost: m·n·rank multiply-adds,
      in n steps.

    Example:
      >>> form = reduced_row_echelon(jnp.array([[1.0, 2.0, 3.0], [2.0, 4.0, 8.0]]))
      >>> print(form.matrix, form.rank)
      [[1. 2. 0.]
       [0. 0. 1.]] 2

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      section 14.4. The tolerance is that of MATLAB's ``rref``.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    return _echelon(A, rtol, reduced=True)[0]


def _echelon(A: Array, rtol: Scalar | None, reduced: bool) -> tuple[RowEchelon, Array]:
    """The form of A·2^(−shift), whose largest element lies in [½, 1), and the shift."""
    (m, n), real = A.shape, A.real.dtype
    rtol = max(m, n) * float(jnp.finfo(real).eps) if rtol is None else rtol
    check_number("rtol", rtol, low=0)
    finite = jnp.all(jnp.isfinite(A))
    A, shift = unit_range(A)
    tolerance = jnp.asarray(rtol, real) * jnp.max(jnp.sum(jnp.abs(lax.stop_gradient(A)), axis=1))
    rows = jnp.arange(m, dtype=jnp.int32)

    def eliminate(j: Array, carry: tuple) -> tuple:
        A, rank, pivots = carry
        size = jnp.where(rows >= rank, jnp.abs(lax.stop_gradient(A[:, j])), -1.0)
        best = jnp.argmax(size).astype(rank.dtype)
        found = (rank < m) & (size[best] > tolerance)
        swap = jnp.where(rows == rank, best, jnp.where(rows == best, rank, rows))
        A = jnp.where(found, A[swap], A)
        top = jnp.minimum(rank, m - 1)
        pivot = jnp.where(found, A[top, j], 1.0)
        below = rows > rank
        if reduced:
            A = jnp.where((found & (rows == rank))[:, None], (A[top] / pivot)[None, :], A)
            factors = jnp.where(rows != rank, A[:, j], 0.0)
            cleared = A - factors[:, None] * A[top][None, :]
            cleared = cleared.at[:, j].set((rows == rank).astype(A.dtype))
        else:
            factors = jnp.where(below, A[:, j] / pivot, 0.0)
            cleared = A - factors[:, None] * A[top][None, :]
            cleared = cleared.at[:, j].set(jnp.where(below, 0.0, A[:, j]))
        dropped = A.at[:, j].set(jnp.where(below | (rows == rank), 0.0, A[:, j]))
        A = jnp.where(found, cleared, dropped)
        return A, rank + found.astype(jnp.int32), pivots.at[j].set(found)

    start = (A, jnp.int32(0), jnp.zeros(n, bool))
    A, rank, pivots = fori_loop(0, n, eliminate, start)
    A = jnp.where(finite, A, jnp.nan)
    return RowEchelon(A, jnp.where(finite, rank, -1), pivots & finite), shift
