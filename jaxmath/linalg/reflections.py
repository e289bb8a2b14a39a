"""What else Householder reflections give: QR with column pivoting, and the Hessenberg form."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import fori_loop, scan
from jaxmath.linalg._common import adjoint
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._scaling import quotient
from jaxmath.linalg.orthogonality import (
    _accumulate,
    _length,
    _poison,
    _reflect_columns,
    _reflect_rows,
    _reflection,
    _tangents,
    _upper,
    _with_gauge,
)
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["PivotedQR", "hessenberg", "qr_pivoted"]


class PivotedQR(NamedTuple):
    """The factors of ``A[:, permutation] = Q R``, and the rank that R reveals.

    ::

        A[:, permutation] = QR,   R₀₀ ≥ R₁₁ ≥ … ≥ 0

    Args:
      Q: orthonormal columns, shape (m, k) with k = min(m, n).
      R: upper triangle (trapezoid), shape (k, n), with a diagonal that does not increase.
      permutation: int32, shape (n,): the columns of A in the order of their choice.
      rank: int32, the number of Rᵢᵢ above rtol·R₀₀.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> PivotedQR(Q=1.0, R=2.0, permutation=[0], rank=1).rank
      1
    """

    Q: Any
    R: Any
    permutation: Any
    rank: Any


@jax.custom_jvp
def _pivoted(A: Array) -> tuple[Array, Array, Array]:
    m, n = A.shape
    k, rows, columns = min(m, n), jnp.arange(m), jnp.arange(n, dtype=jnp.int32)

    def eliminate(carry: tuple[Array, Array], j: Array) -> tuple[tuple, tuple]:
        R, order = carry
        place = j.astype(jnp.int32)
        # The norms are computed anew: downdating them, as LAPACK does, loses digits that it then
        # has to watch, and the reflection costs as much.
        norms = jax.vmap(_length, in_axes=1)(jnp.where((rows >= j)[:, None], R, 0.0)).real
        pivot = jnp.argmax(jnp.where(columns >= place, norms, -1.0)).astype(jnp.int32)
        swap = columns.at[place].set(pivot).at[pivot].set(place)
        R, order = R[:, swap], order[swap]
        u, s = _reflection(R[:, j], j)
        return (_reflect_rows(R, u, s, j), order), (u, s)

    (R, order), reflections = scan(eliminate, (A, columns), jnp.arange(k))
    Q = _accumulate(m, k, *reflections)
    # A pivot near the least normal number keeps its sign where the reflection's products underflow.
    Q, R = _poison(A, *_with_gauge(Q, _upper(R[:k])))
    return Q, R, order


@_pivoted.defjvp
def _pivoted_jvp(primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
    (A,), (dA,) = primals, tangents
    Q, R, order = _pivoted(A)
    dQ, dR = _tangents(Q, R, dA[:, order])
    return (Q, R, order), (dQ, dR, np.zeros(order.shape, jax.dtypes.float0))


@compiled
def qr_pivoted(A: ArrayLike, *, rtol: Scalar | None = None) -> PivotedQR:
    """QR with column pivoting: at each step the column with the longest remainder goes next.

    ::

        A[:, permutation] = QR,   R₀₀ ≥ R₁₁ ≥ … ≥ 0,   rank = #{i : Rᵢᵢ > rtol·R₀₀}

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a pivot counts as 0; None for max(m, n)·eps.

    Returns:
      ``PivotedQR`` of Q (m, k), R (k, n) with k = min(m, n), the permutation (n,) and the rank.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      ‖A[:, permutation] − QR‖ ≤ 20·max(m, n)·eps·‖A‖ and ‖QᴴQ − I‖ ≤ 20·max(m, n)·eps for every
      A. Of equally long columns the first is taken. The rank is that of a matrix within
      √(k(n − k + 1))·2ᵏ·rtol of A at worst, and close to the truth in practice; Kahan's matrix
      is the known exception. NaN or ∞ gives NaN factors and rank 0. Plain lax operations: under
      vmap and on every backend. Gradient: as ``qr`` of the permuted columns, the permutation held
      fixed; singular where ties change the permutation, and, as there, where the first k of the
      permuted columns are dependent. Cost: k steps of 4m(k + 2n) operations.

    Example:
      >>> A = jnp.array([[1.0, 3.0, 4.0], [2.0, 1.0, 6.0], [0.0, 0.0, 0.0]])
      >>> Q, R, permutation, rank = qr_pivoted(A)
      >>> print(permutation, rank, [f"{r:.2f}" for r in jnp.diagonal(R)[:2]])
      [2 1 0] 2 ['7.21', '1.94']

    References:
      P. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations",
      1965.
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, algorithm 5.4.1.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    if rtol is None:
        rtol = max(A.shape) * float(jnp.finfo(A.dtype).eps)
    check_number("rtol", rtol, low=0)
    Q, R, permutation = _pivoted(A)
    pivots = lax.stop_gradient(jnp.diagonal(R).real)
    rank = jnp.sum(pivots > rtol * pivots[0], dtype=jnp.int32)
    return PivotedQR(Q, R, permutation, rank)


@compiled
def hessenberg(A: ArrayLike) -> tuple[Array, Array]:
    """The Hessenberg form: a unitary similarity that leaves one diagonal below the main one.

    ::

        A = QHQᴴ,   Hᵢⱼ = 0 for i > j + 1,   Hⱼ₊₁ⱼ ≥ 0,   Q e₁ = e₁

    Args:
      A: square matrix, shape (n, n), real or complex.

    Returns:
      Q of shape (n, n), unitary, and H of shape (n, n).

    Raises:
      ValueError: A is empty or not square.

    Numerics:
      Gauge: the subdiagonal of H is real and ≥ 0 and the first column of Q is e₁, so that Q and H
      are unique where the subdiagonal is positive (the implicit Q theorem). ‖A − QHQᴴ‖ ≤
      20·n·eps·‖A‖ and ‖QᴴQ − I‖ ≤ 20·n·eps. NaN or ∞ gives NaN. Plain lax operations: under vmap
      and on every backend. Gradient: exact to every order where the subdiagonal is positive;
      singular set: a zero subdiagonal entry, where Q and H are not unique and the gradient is
      finite without being a derivative. Cost: about 8n³ operations.

    Example:
      >>> Q, H = hessenberg(jnp.array([[1.0, 2.0, 3.0], [3.0, 5.0, 6.0], [4.0, 8.0, 9.0]]))
      >>> print([f"{h:.2f}" for h in H[1]])
      ['5.00', '14.28', '-1.04']

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, algorithm 7.4.2 and
      theorem 7.4.2.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    return _hessenberg(as_array("A", A, shape=(len(A), len(A)), kind="inexact"))


@jax.custom_jvp
def _hessenberg(A: Array) -> tuple[Array, Array]:
    n = A.shape[0]

    def eliminate(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        Q, H = carry
        u, s = _reflection(H[:, k], k + 1)
        H = _reflect_columns(_reflect_rows(H, u, s, k + 1), u, s, k + 1)
        return _reflect_columns(Q, u, s, k + 1), H

    Q, H = fori_loop(0, n - 1, eliminate, (jnp.eye(n, dtype=A.dtype), A))
    H = jnp.triu(H, -1)
    if jnp.iscomplexobj(H):
        H = jnp.where(jnp.eye(n, k=-1, dtype=bool), H.real.astype(H.dtype), H)
    Q, H = _poison(A, Q, H)
    return Q, H


@_hessenberg.defjvp
def _hessenberg_jvp(primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
    """dQ = QX and dH = M + HX − XH with M = QᴴdAQ: X is skew-Hermitian, and Xe₁ = 0.

    Not through the reflections, whose phase at a pivot of 0 has no derivative where Q and H have
    one. As dH stays Hessenberg with a real subdiagonal, column j gives the next of X, from the
    diagonal down: hⱼ₊₁ⱼ Xeⱼ₊₁ = (M + HX)eⱼ − Σ_{i≤j} hᵢⱼ Xeᵢ, of whose row j + 1 the imaginary
    part. A subdiagonal entry of 0 gives 0.
    """
    (A,), (dA,) = primals, tangents
    Q, H = _hessenberg(A)
    M, rows = matmul(adjoint(Q), matmul(dA, Q)), jnp.arange(len(A))

    def column(X: Array, j: Array) -> tuple[Array, None]:
        rest = M[:, j] + matmul(H, X[:, j]) - matmul(X, jnp.where(rows <= j, H[:, j], 0.0))
        turn = rest - rest.real.astype(rest.dtype)
        rest = jnp.where(rows > j + 1, rest, jnp.where(rows == j + 1, turn, 0.0))
        live = H[j + 1, j] != 0
        x = quotient(rest, jnp.where(live, H[j + 1, j], 1.0))
        x = jnp.where(live, x, 0.0)
        below = jnp.where(rows > j + 1, x, 0.0)
        return X.at[:, j + 1].add(x).at[j + 1].add(-jnp.conj(below)), None

    X, _ = scan(column, jnp.zeros_like(H), jnp.arange(len(A) - 1))
    dH = jnp.triu(M + matmul(H, X) - matmul(X, H), -1)
    if jnp.iscomplexobj(dH):
        dH = jnp.where(jnp.eye(len(A), k=-1, dtype=bool), dH.real.astype(dH.dtype), dH)
    return (Q, H), (matmul(Q, X), dH)
