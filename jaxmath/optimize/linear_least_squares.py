"""Linear least squares in three textbook ways; ``jaxmath.linalg.lstsq`` is the entry point."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath.linalg import cholesky, pinv, qr
from jaxmath.numerics import einsum, safe_norm
from jaxmath.typing import Array, ArrayLike, as_array, check_precision

__all__ = ["normal_equations", "qr_least_squares", "weighted_least_squares"]


def _system(name: str, A: ArrayLike, b: ArrayLike, *, tall: bool = True) -> tuple[Array, Array]:
    """A and the right sides as columns, or an error that names the argument."""
    A = as_array("A", A, ndim=2, min_size=1)
    check_precision("A", A)
    b = as_array("b", b, ndim=(1, 2), min_size=1)
    if tall and A.shape[0] < A.shape[1]:
        raise ValueError(
            f"{name}: argument `A` must have at least as many rows as columns, got shape "
            f"{A.shape}; linalg.lstsq gives the solution of least norm"
        )
    if b.shape[0] != A.shape[0]:
        raise ValueError(f"{name}: argument `b` must have {A.shape[0]} rows, got shape {b.shape}")
    if b.dtype != A.dtype:
        raise TypeError(f"{name}: argument `b` must have the dtype {A.dtype}, got {b.dtype}")
    return A, b[:, None] if b.ndim == 1 else b


def _triangular_solve(R: Array, B: Array, *, transpose: bool = False) -> Array:
    return jax.scipy.linalg.solve_triangular(R, B, trans=1 if transpose else 0)


def _powers(sizes: Array) -> Array:
    """The powers of two within a factor of two of positive sizes; 1 for others, and constants."""
    sizes = lax.stop_gradient(sizes)
    fine = (sizes > 0) & jnp.isfinite(sizes)
    return jnp.ldexp(jnp.ones_like(sizes), jnp.frexp(jnp.where(fine, sizes, 1.0))[1] - 1)


def _units(A: Array) -> Array:
    """A power of two for each column, near its length: no square overflows."""
    return _powers(jax.vmap(safe_norm, in_axes=1)(A))


@compiled
def normal_equations(A: ArrayLike, b: ArrayLike) -> Array:
    """Linear least squares by the normal equations and Cholesky: cheap, with error κ²·eps.

    ::

        AᵀA x = Aᵀb,   AᵀA = LLᵀ;   ‖x̂ − x‖/‖x‖ ≲ c·κ(A)²·eps

    Args:
      A: real matrix, shape (m, n), m ≥ n.
      b: right side, shape (m,) or (m, k), of the dtype of ``A``.

    Returns:
      x, shape (n,) or (n, k); NaN where κ(A)² is beyond the dtype.

    Raises:
      TypeError: the dtypes of ``A`` and ``b`` differ, or are not real.
      ValueError: a wrong shape, or m < n.

    Numerics:
      Forming AᵀA squares the condition: half of the digits that ``qr_least_squares`` keeps are
      lost. Where a pivot of Cholesky is below 4(m + n)·eps of its diagonal entry, or not positive,
      its digits are rounding only, and x is NaN (singular set: dependent columns). This test does
      not depend on the columns' scale. Derivatives of every order at full column rank are those of
      ``linalg.lstsq``. Cost: mn² + n³/3.

    Example:
      >>> A = jnp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
      >>> print([f"{v:.2f}" for v in normal_equations(A, jnp.array([1.0, 3.0, 5.0]))])
      ['1.00', '2.00']

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, algorithm 5.3.1.
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      section 20.4.
    """
    matrix, columns = _system("normal_equations", A, b)
    units = _units(matrix)
    matrix = matrix / units[None, :]
    gram = einsum("ij,ik->jk", matrix, matrix)
    upper = cholesky(gram).T
    noise = 4 * sum(matrix.shape) * float(jnp.finfo(matrix.dtype).eps)
    resolved = jnp.all(jnp.diagonal(upper) ** 2 > noise * jnp.diagonal(gram))
    right = einsum("ij,ik->jk", matrix, columns)
    x = _triangular_solve(upper, _triangular_solve(upper, right, transpose=True)) / units[:, None]
    return jnp.where(resolved, x, jnp.nan).reshape(-1, *jnp.shape(b)[1:])


@compiled
def qr_least_squares(A: ArrayLike, b: ArrayLike) -> Array:
    """Linear least squares by Householder QR: backward stable, no normal equations.

    ::

        A = QR,   ‖b − A x‖² = ‖Qᵀb − R x‖² + ‖(I − QQᵀ) b‖²,   R x = Qᵀb

    Args:
      A: real matrix, shape (m, n), m ≥ n.
      b: right side, shape (m,) or (m, k), of the dtype of ``A``.

    Returns:
      x, shape (n,) or (n, k); NaN where the columns of A are dependent to rounding.

    Raises:
      TypeError: the dtypes of ``A`` and ``b`` differ, or are not real.
      ValueError: a wrong shape, or m < n.

    Numerics:
      x solves the problem for an A within a small multiple of m·n·eps·‖A‖, so its error is
      κ·eps, with κ²·eps·‖residual‖ in addition. Where |rⱼⱼ| is below 4(m + n)·eps of the length
      of column j, x is NaN (singular set: dependent columns); ``linalg.lstsq`` gives the solution
      of least norm there. Derivatives at full column rank are those of ``linalg.lstsq``. Cost:
      that of ``linalg.qr``.

    Example:
      >>> A = jnp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
      >>> print([f"{v:.2f}" for v in qr_least_squares(A, jnp.array([1.0, 3.0, 5.0]))])
      ['1.00', '2.00']

    References:
      G. H. Golub, "Numerical methods for solving linear least squares problems", 1965.
    """
    matrix, columns = _system("qr_least_squares", A, b)
    Q, R = qr(matrix)
    noise = 4 * sum(matrix.shape) * float(jnp.finfo(matrix.dtype).eps)
    lengths = jax.vmap(safe_norm, in_axes=1)(R)
    resolved = jnp.all(jnp.abs(jnp.diagonal(R)) > noise * lengths)
    x = _triangular_solve(R, einsum("ij,ik->jk", Q, columns))
    return jnp.where(resolved, x, jnp.nan).reshape(-1, *jnp.shape(b)[1:])


def _gram(A: Array, w: Array) -> Array:
    return einsum("ij,i,ik->jk", A, w, A)


def _gram_tangent(A: Array, w: Array, dA: Array, dw: Array) -> Array:
    half = einsum("ij,i,ik->jk", dA, w, A)
    return half + half.T + _gram(A, dw)


@jax.custom_jvp
def _inverse_gram(A: Array, w: Array) -> Array:
    """K = (AᵀWA)⁺ without squaring the condition."""
    P = pinv(jnp.sqrt(w)[:, None] * A)
    return einsum("ij,kj->ik", P, P)


@_inverse_gram.defjvp
def _inverse_gram_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """dK = −K dG K + K² dG N + N dG K² with G = AᵀWA, N = I − KG."""
    (A, w), K = primals, _inverse_gram(*primals)
    dG = _gram_tangent(A, w, *tangents)
    N = jnp.eye(len(K), dtype=K.dtype) - einsum("ij,jk->ik", K, _gram(A, w))
    side = einsum("ij,jk,kl,lp->ip", N, dG, K, K)
    return K, side + side.T - einsum("ij,jk,kl->il", K, dG, K)


def _unit(A: Array, w: Array) -> Array:
    """A power of two near the largest √wᵢ|aᵢⱼ|, in which no row of weight 0 overflows."""
    weighty = _powers(max_of(jnp.sqrt(w)[:, None] * jnp.abs(A)))
    return jnp.maximum(weighty, float(jnp.finfo(A.dtype).tiny) * _powers(max_of(jnp.abs(A))))


@jax.custom_jvp
def _weighted(A: Array, b: Array, w: Array) -> Array:
    root = jnp.sqrt(w)[:, None]
    return einsum("ij,jk->ik", pinv(root * A), root * b)


@_weighted.defjvp
def _weighted_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """dx = K (AᵀW(db − dA x) + (dAᵀW + Aᵀ dW) r) + N dG K x: smooth in w at 0, unlike √w.

    In units of A and w, x(cA, b, uw) = x(A, b, w)/c: G and K square A's scale.
    """
    (A, b, w), (dA, db, dw) = primals, tangents
    solution, u = _weighted(A, b, w), _powers(max_of(w))
    c = _unit(A, w / u)
    A, dA, w, dw, x = A / c, dA / c, w / u, dw / u, c * solution
    K = _inverse_gram(A, w)
    r = b - einsum("ij,jk->ik", A, x)
    right = einsum("ij,i,ik->jk", A, w, db - einsum("ij,jk->ik", dA, x))
    right += einsum("ij,i,ik->jk", dA, w, r) + einsum("ij,i,ik->jk", A, dw, r)
    free = einsum("ij,jk,kl->il", _gram_tangent(A, w, dA, dw), K, x)
    kept = einsum("ij,jk->ik", K, einsum("ij,jk->ik", _gram(A, w), free))
    return solution, (einsum("ij,jk->ik", K, right) + free - kept) / c


@compiled
def weighted_least_squares(A: ArrayLike, b: ArrayLike, weights: ArrayLike) -> Array:
    """Linear least squares with a weight for each row.

    ::

        x = argmin {‖x‖ : Σᵢ wᵢ (bᵢ − aᵢᵀx)² least} = (√W A)⁺ √W b

    Args:
      A: real matrix, shape (m, n).
      b: right side, shape (m,) or (m, k), of the dtype of ``A``.
      weights: w ≥ 0, shape (m,), such as 1/σᵢ² for errors of standard deviation σᵢ.

    Returns:
      x, shape (n,) or (n, k); NaN where a weight is negative, infinite or NaN.

    Raises:
      TypeError: the dtypes of ``A`` and ``b`` differ, or are not real.
      ValueError: a wrong shape.

    Numerics:
      The rows are scaled by √w and solved by SVD, as ``linalg.lstsq`` does. A weight 0 drops its
      row, a row with a NaN too (its derivatives are then 0). The derivatives, in the weights too,
      are exact at every w ≥ 0, w = 0 included, where √w has none; where √W A loses rank, x is
      discontinuous and they are those along directions that keep the rank. Weights that differ by
      more than 1/eps cost digits of the lighter rows. Cost: O(mn²); the derivatives hold n × n.

    Example:
      >>> A, b = jnp.ones((3, 1)), jnp.array([1.0, 3.0, 100.0])
      >>> f"{weighted_least_squares(A, b, jnp.array([1.0, 3.0, 0.0]))[0]:.2f}"
      '2.50'

    References:
      Å. Björck, "Numerical Methods for Least Squares Problems", 1996, section 4.4.
    """
    matrix, columns = _system("weighted_least_squares", A, b, tall=False)
    w = as_array("weights", weights, shape=(len(matrix),)).astype(matrix.dtype)
    clean = jnp.all(jnp.isfinite(matrix), axis=1) & jnp.all(jnp.isfinite(columns), axis=1)
    dropped = ((w == 0) & ~clean)[:, None]
    matrix, columns = (jnp.where(dropped, 0.0, v) for v in (matrix, columns))
    x = _weighted(matrix, columns, jnp.where(w >= 0, w, jnp.nan))
    return x.reshape(-1, *jnp.shape(b)[1:])
