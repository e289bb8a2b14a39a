"""Elimination: triangular systems, LU, and solving a system the textbook's way."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import fori_loop
from jaxmath.linalg._common import _check_flag, _precise_matrix, _square, promoted
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._scaling import quotient
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = [
    "back_substitution",
    "forward_substitution",
    "gaussian_elimination",
    "lu",
    "lu_reference",
    "permutation_matrix",
]


def _system(name: str, A: ArrayLike, b: ArrayLike) -> tuple[Array, ...]:
    """The matrix and the right-hand side, in one dtype."""
    A = _square(name, A)
    b = as_array("b", b, ndim=(1, 2), kind="inexact", min_size=1)
    return promoted(A, as_array("b", b, shape=(len(A), *b.shape[1:]), kind="inexact"))


def _swap(i: Array, j: Array, size: int) -> Array:
    """The permutation of ``size`` rows that exchanges i and j."""
    rows = jnp.arange(size, dtype=i.dtype)
    return jnp.where(rows == i, j, jnp.where(rows == j, i, rows))


def _best_row(column: Array, first: Array) -> Array:
    """The row of the largest element of a column, from row ``first`` on."""
    size = jnp.where(jnp.arange(column.size, dtype=first.dtype) >= first, jnp.abs(column), -1.0)
    return jnp.argmax(size).astype(first.dtype)


@compiled
def permutation_matrix(permutation: ArrayLike, *, dtype: jax.typing.DTypeLike = float) -> Array:
    """The matrix that permutes rows as a list of indices does.

    ::

        P = [e_{p(0)} … e_{p(n−1)}]ᵀ,   (P A)ᵢ = A_{p(i)},   P⁻¹ = Pᵀ

    Args:
      permutation: integers p of shape (n,), each of 0 … n − 1 once.
      dtype: of the matrix.

    Returns:
      A matrix of shape (n, n), with ``P @ A`` equal to ``A[permutation]``.

    Numerics:
      Exact. An index that is out of range gives a row of 0; a repeated one gives a matrix that is
      no permutation. Cost: n².

    Example:
      >>> print(permutation_matrix(jnp.array([2, 0, 1])))
      [[0. 0. 1.]
       [1. 0. 0.]
       [0. 1. 0.]]

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 1.2.8.
    """
    p = as_array("permutation", permutation, ndim=1, kind="integer", min_size=1)
    if p.dtype.itemsize < 4:  # int8 does not count its own rows
        p = p.astype(jnp.int32)
    return (p[:, None] == jnp.arange(p.size, dtype=p.dtype)[None, :]).astype(dtype)


@compiled
def forward_substitution(L: ArrayLike, b: ArrayLike, *, unit_diagonal: bool = False) -> Array:
    """Solve a lower triangular system from the first row down.

    ::

        L x = b:   xᵢ = (bᵢ − Σ_{j<i} Lᵢⱼ xⱼ) / Lᵢᵢ,   i = 0 … n − 1

    Args:
      L: matrix, shape (n, n), real or complex; only its lower triangle is read.
      b: right-hand side, shape (n,) or (n, k).
      unit_diagonal: take the diagonal as 1 without reading it.

    Returns:
      x, of the shape of ``b``, in the common dtype.

    Numerics:
      Backward stable row by row: (L + E) x = b with |E| ≤ n·eps·|L|. Singular set: a zero on the
      diagonal gives components that are ±∞ or NaN from there on. Cost: n²·k multiply-adds, in n
      steps.

    Example:
      >>> print(forward_substitution(jnp.array([[2.0, 0.0], [1.0, 4.0]]), jnp.array([2.0, 9.0])))
      [1. 2.]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      theorem 8.5.
    """
    L, b = _system("L", L, b)
    return _substitute(jnp.tril(L), b, unit_diagonal, forward=True)


@compiled
def back_substitution(U: ArrayLike, b: ArrayLike, *, unit_diagonal: bool = False) -> Array:
    """Solve an upper triangular system from the last row up.

    ::

        U x = b:   xᵢ = (bᵢ − Σ_{j>i} Uᵢⱼ xⱼ) / Uᵢᵢ,   i = n − 1 … 0

    Args:
      U: matrix, shape (n, n), real or complex; only its upper triangle is read.
      b: right-hand side, shape (n,) or (n, k).
      unit_diagonal: take the diagonal as 1 without reading it.

    Returns:
      x, of the shape of ``b``, in the common dtype.

    Numerics:
      As ``forward_substitution``.

    Example:
      >>> print(back_substitution(jnp.array([[2.0, 1.0], [0.0, 4.0]]), jnp.array([4.0, 8.0])))
      [1. 2.]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      theorem 8.5.
    """
    U, b = _system("U", U, b)
    return _substitute(jnp.triu(U), b, unit_diagonal, forward=False)


def _substitute(T: Array, b: Array, unit_diagonal: bool, forward: bool) -> Array:
    _check_flag("unit_diagonal", unit_diagonal)
    n = T.shape[0]

    def row(step: Array, x: Array) -> Array:
        i = step if forward else n - 1 - step
        # The components not yet known are still 0, so the whole row can be multiplied.
        others = jnp.where(jnp.arange(n, dtype=i.dtype) == i, 0.0, T[i])
        rest = b[i] - matmul(others, x)
        return x.at[i].set(rest if unit_diagonal else quotient(rest, T[i, i]))

    return fori_loop(0, n, row, jnp.zeros_like(b))


@compiled
def gaussian_elimination(A: ArrayLike, b: ArrayLike) -> Array:
    """Solve a linear system by elimination with partial pivoting: the reference of ``solve``.

    ::

        [A | b] → [U | c],   U upper triangular;   then U x = c by back substitution

    Args:
      A: matrix, shape (n, n), real or complex.
      b: right-hand side, shape (n,) or (n, k).

    Returns:
      x, of the shape of ``b``, in the common dtype.

    Numerics:
      Residual ‖A x − b‖ ≤ 20·n·eps·ρ·‖A‖·‖x‖, ρ the growth max|uᵢⱼ| / max|aᵢⱼ| (in practice
      small, at worst 2^(n−1)). Singular set: an exactly zero pivot gives components that are ±∞ or
      NaN. Cost: n³/3 multiply-adds in exact arithmetic's count, n³ here, in n steps.

    Example:
      >>> print(gaussian_elimination(jnp.array([[0.0, 2.0], [4.0, 0.0]]), jnp.array([2.0, 8.0])))
      [2. 1.]

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 3.4.
    """
    A, b = _system("A", A, b)
    n = A.shape[0]
    columns = b[:, None] if b.ndim == 1 else b
    augmented, _ = _eliminate_columns(jnp.concatenate([A, columns], axis=1), n)
    return _substitute(jnp.triu(augmented[:, :n]), augmented[:, n:], False, False).reshape(b.shape)


def _eliminate_columns(A: Array, num_columns: int) -> tuple[Array, Array]:
    """Eliminate below the diagonal in the first columns; the multipliers stay in the zeros' place.

    Returns the packed factors and the order of the rows.
    """
    m = A.shape[0]
    rows, columns = jnp.arange(m), jnp.arange(A.shape[1])

    def eliminate(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        A, order = carry
        swap = _swap(k, _best_row(lax.stop_gradient(A[:, k]), k), m)
        A, order = A[swap], order[swap]
        # Where the whole column is 0 there is nothing to eliminate.
        pivot = jnp.where(A[k, k] == 0, 1.0, A[k, k])
        multipliers = jnp.where(rows > k, quotient(A[:, k], pivot), 0.0)
        update = multipliers[:, None] * jnp.where(columns > k, A[k], 0.0)[None, :]
        A = A - update
        return A.at[:, k].set(jnp.where(rows > k, multipliers, A[:, k])), order

    return fori_loop(0, min(m, num_columns), eliminate, (A, rows))


@compiled
def lu_reference(A: ArrayLike) -> tuple[Array, Array, Array]:
    """The LU factorization with partial pivoting in plain steps: the reference of ``lu``.

    ::

        A = P L U:   lᵢₖ = aᵢₖ⁽ᵏ⁾ / aₖₖ⁽ᵏ⁾,   aᵢⱼ⁽ᵏ⁺¹⁾ = aᵢⱼ⁽ᵏ⁾ − lᵢₖ aₖⱼ⁽ᵏ⁾

    Args:
      A: matrix, shape (m, n), real or complex.

    Returns:
      ``(P, L, U)`` of shapes (m, m), (m, r) and (r, n) with r = min(m, n), as in ``lu``.

    Numerics:
      As ``lu``. For complex A the pivot is the largest in modulus, where LAPACK takes the largest
      |Re| + |Im|. Cost: m·n·r multiply-adds, in r steps.

    Example:
      >>> P, L, U = lu_reference(jnp.array([[1.0, 2.0], [2.0, 8.0]]))
      >>> print(U)
      [[ 2.  8.]
       [ 0. -2.]]

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, algorithm 3.4.1.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    return _factors(*_eliminate_columns(A, A.shape[1]))


def _factors(packed: Array, order: Array) -> tuple[Array, Array, Array]:
    m, n = packed.shape
    r = min(m, n)
    L = jnp.tril(packed[:, :r], -1) + jnp.eye(m, r, dtype=packed.dtype)
    P = permutation_matrix(order, dtype=packed.dtype).T
    return P, L, jnp.triu(packed[:r])


@compiled
def lu(A: ArrayLike) -> tuple[Array, Array, Array]:
    """The LU factorization with partial pivoting.

    ::

        A = P L U,   P a permutation, L unit lower triangular with |Lᵢⱼ| ≤ 1, U upper triangular

    Args:
      A: matrix, shape (m, n), real or complex.

    Returns:
      ``(P, L, U)`` of shapes (m, m), (m, r) and (r, n) with r = min(m, n), as SciPy's ``lu``.

    Numerics:
      ‖A − P L U‖ ≤ 20·n·eps·ρ·‖A‖ with ρ the growth max|uᵢⱼ| / max|aᵢⱼ|. It exists for every A;
      a singular one has a 0 on the diagonal of U. The derivative exists while the first r pivots
      are not 0 and no tie is broken; at a zero pivot it is not finite. (For complex A, |Lᵢⱼ| ≤ √2.)
      NaN gives NaN. Cost: m·n·r − … ≈ 2n³/3 flops for a square matrix.

    Example:
      >>> P, L, U = lu(jnp.array([[1.0, 2.0], [2.0, 8.0]]))
      >>> print(P @ L @ U)
      [[1. 2.]
       [2. 8.]]

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 3.4.
    """
    A = _precise_matrix("A", A)
    packed, _, order = lax.linalg.lu(A)
    return _factors(packed, order)
