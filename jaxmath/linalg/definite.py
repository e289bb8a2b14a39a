"""Definite matrices: Cholesky and LDLᴴ, with a way to know when a matrix is not definite."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath._loops import fori_loop, while_loop
from jaxmath.iterate import Status
from jaxmath.linalg._common import _precise_square, _square, adjoint
from jaxmath.linalg._kernels.batched import LARGEST, batched
from jaxmath.linalg._kernels.definite import cholesky_last
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._triangular import lower_solver
from jaxmath.typing import Array, ArrayLike, Scalar, check_number

__all__ = ["LDL", "SafeCholesky", "cholesky", "cholesky_reference", "ldl", "safe_cholesky"]


def _from_lower(A: Array) -> Array:
    """The Hermitian matrix whose lower triangle is that of A."""
    low = jnp.tril(A, -1)
    diagonal = jnp.diagonal(A).real.astype(A.dtype)
    return low + adjoint(low) + jnp.diag(diagonal)


def _finite_or_nan(*factors: Array) -> tuple[Array, ...]:
    """The factors, all NaN where an entry of any of them is not finite."""
    finite = jnp.all(jnp.stack([jnp.isfinite(factor).all() for factor in factors]))
    return tuple(jnp.where(finite, factor, jnp.nan) for factor in factors)


@compiled
def cholesky(A: ArrayLike) -> Array:
    """The lower Cholesky factor of a positive definite matrix.

    ::

        A = LLᴴ,   Lᵢⱼ = 0 for i < j,   Lⱼⱼ > 0

    Args:
      A: Hermitian positive definite matrix, shape (n, n), real or complex. Only its lower triangle
        and the real part of its diagonal are read.

    Returns:
      L of shape (n, n), lower triangular with positive diagonal: unique.

    Raises:
      ValueError: A is empty or not square.

    Numerics:
      ‖A − LLᴴ‖ ≤ 20·n·eps·‖A‖. A matrix that is not numerically definite, or not finite, gives
      NaN in every entry; ``safe_cholesky`` gives a status and a factor of the nearest A + τI.
      Gradient: exact to every order, 0 for the entries above the diagonal, which are not read;
      NaN where the value is. Cost: n³/3 operations.

    Example:
      >>> print(cholesky(jnp.array([[4.0, 2.0], [2.0, 5.0]])))
      [[2. 0.]
       [1. 2.]]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      theorem 10.3.
      I. Murray, "Differentiation of the Cholesky decomposition", 2016, equation (8).
    """
    return _cholesky(_precise_square("A", A))


def _cholesky_one(A: Array) -> Array:
    # Real input needs no copy of its lower triangle above: LAPACK's does not read what is there.
    L = lax.linalg.cholesky(_from_lower(A) if jnp.iscomplexobj(A) else A, symmetrize_input=False)
    # Every entry enters a later pivot or is one: their sum is finite where all of L is.
    return jnp.where(jnp.isfinite(jnp.sum(jnp.diagonal(L).real)), L, jnp.nan)


_cholesky_batched = batched(_cholesky_one, cholesky_last)


@jax.custom_jvp
def _cholesky(A: Array) -> Array:
    return _cholesky_batched(A) if 1 < len(A) <= LARGEST else _cholesky_one(A)


@_cholesky.defjvp
def _cholesky_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """dL = L Φ(L⁻¹ dA L⁻ᴴ), Φ the lower triangle with half the diagonal (Murray, equation 8)."""
    L, dA = _cholesky(*primals), _from_lower(tangents[0])
    solve = lower_solver(L)
    inner = adjoint(solve(adjoint(solve(dA))))
    half = jnp.tril(inner) * (1.0 - 0.5 * jnp.eye(len(L), dtype=L.dtype))
    return L, matmul(L, half)


@compiled
def cholesky_reference(A: ArrayLike) -> Array:
    """The lower Cholesky factor, column by column.

    ::

        c = aⱼ − Σ_{k<j} L̄ⱼₖ lₖ,   Lᵢⱼ = cᵢ / √cⱼ   for i ≥ j

    Args:
      A: Hermitian positive definite matrix, shape (n, n), real or complex. Only its lower triangle
        and the real part of its diagonal are read.

    Returns:
      L of shape (n, n), lower triangular with positive diagonal.

    Raises:
      ValueError: A is empty or not square.

    Numerics:
      |A − LLᴴ| ≤ (n + 1)·eps·|L||L|ᴴ element by element, and so ‖A − LLᴴ‖ ≤ n(n + 1)·eps·‖A‖
      (measured: below 4·n·eps). A pivot cⱼ ≤ 0, or an entry that is not finite, gives NaN in
      every entry. Gradient: through the loop, as ``cholesky``. Cost: n steps of n² multiply-adds.

    Example:
      >>> print(cholesky_reference(jnp.array([[4.0, 2.0], [2.0, 5.0]])))
      [[2. 0.]
       [1. 2.]]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      algorithm 10.2 and theorem 10.3.
    """
    A = _square("A", A)
    rows = jnp.arange(A.shape[0])

    def column(j: Array, L: Array) -> Array:
        c = A[:, j] - matmul(L, jnp.conj(L[j]))
        pivot = c[j].real
        root = jnp.sqrt(jnp.where(pivot > 0, pivot, jnp.nan)).astype(A.dtype)
        below = jnp.where(rows > j, c, 0.0) / root
        return L.at[:, j].set(below.at[j].set(root))

    return _finite_or_nan(fori_loop(0, A.shape[0], column, jnp.zeros_like(A)))[0]


class LDL(NamedTuple):
    """The factors of ``A = L diag(d) Lᴴ``, and how far the pivots may be trusted.

    ::

        A = L diag(d) Lᴴ,   growth = maxᵢ (|L||D||L|ᴴ)ᵢᵢ / maxᵢⱼ |Aᵢⱼ|

    Args:
      L: unit lower triangle, shape (n, n).
      d: real pivots, shape (n,); their signs are those of the eigenvalues of A.
      growth: a real scalar; the backward error is about n·eps·growth·max|A|.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> LDL(L=1.0, d=2.0, growth=1.0).d
      2.0
    """

    L: Any
    d: Any
    growth: Any


@compiled
def ldl(A: ArrayLike) -> LDL:
    """The factorization L D Lᴴ without pivoting, of definite and quasi-definite matrices.

    ::

        A = LDLᴴ,   Lⱼⱼ = 1,   D = diag(d);   dⱼ = aⱼⱼ − Σ_{k<j} |Lⱼₖ|² dₖ

    Args:
      A: Hermitian matrix, shape (n, n), real or complex. Only its lower triangle and the real part
        of its diagonal are read.

    Returns:
      ``LDL`` of L (n, n), the real pivots d (n,) and the growth.

    Raises:
      ValueError: A is empty or not square.

    Numerics:
      ‖A − LDLᴴ‖ ≤ 20·n·eps·growth·‖A‖. Nothing is pivoted: the factorization exists where the
      leading minors are not 0, for any symmetric permutation of a quasi-definite matrix
      [[H, Bᴴ], [B, −G]] with H and G definite, and it is as accurate as ``growth`` is small: n at
      most for a definite matrix, large for an indefinite one with a small leading minor, where
      ``solve`` with pivoting should be used. A pivot of exactly 0 before the last, or an entry
      that is not finite, gives NaN everywhere. Gradient: through the loop, exact where the value
      is finite; none through ``growth``. Cost: n steps of n² multiply-adds.

    Example:
      >>> L, d, growth = ldl(jnp.array([[4.0, 2.0], [2.0, -1.0]]))
      >>> print(L[1, 0], d, f"{growth:.1f}")
      0.5 [ 4. -2.] 1.0

    References:
      R. J. Vanderbei, "Symmetric quasidefinite matrices", 1995, theorem 2.1.
      P. E. Gill, M. A. Saunders, J. R. Shinnerl, "On the stability of Cholesky factorization for
      symmetric quasidefinite systems", 1996.
    """
    A = _square("A", A)
    n = A.shape[0]
    rows = jnp.arange(n)

    def column(j: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        L, d = carry
        c = A[:, j] - matmul(L, jnp.conj(L[j]) * d)
        pivot = c[j].real.astype(A.dtype)
        # Of the last column nothing is below the pivot, so that a last pivot of 0 divides nothing.
        divisor = jnp.where(j == n - 1, 1.0, pivot)
        below = jnp.where(rows > j, c, 0.0) / divisor
        return L.at[:, j].set(below.at[j].set(1.0)), d.at[j].set(pivot)

    L, d = fori_loop(0, n, column, (jnp.zeros_like(A), jnp.zeros(n, A.dtype)))
    L, d = _finite_or_nan(L, d.real)
    size = max_of(jnp.abs(_from_lower(A)))
    grown = max_of(matmul(jnp.abs(L) ** 2, jnp.abs(d) / jnp.where(size == 0, 1.0, size)))
    return LDL(L, d, lax.stop_gradient(jnp.maximum(grown, 1.0)))


class SafeCholesky(NamedTuple):
    """A Cholesky factor of A + jitter·I, the jitter, and whether there is one.

    ::

        LLᴴ = A + jitter·I

    Args:
      L: lower triangle, shape (n, n); NaN where the status is not CONVERGED.
      jitter: a real scalar, 0 where A itself is numerically definite.
      status: int32, CONVERGED, INFEASIBLE (the ladder ended below what A needs) or NON_FINITE.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> SafeCholesky(L=1.0, jitter=0.0, status=0).jitter
      0.0
    """

    L: Any
    jitter: Any
    status: Any


def _power_of_two(x: Array) -> Array:
    """The greatest power of two that is at most x; 1 for x = 0 and where x is not finite."""
    usable = jnp.isfinite(x) & (x > 0)
    _, exponent = jnp.frexp(jnp.where(usable, x, 1.0))
    return jnp.where(usable, jnp.ldexp(jnp.ones_like(x), exponent - 1), 1.0)


@compiled
def safe_cholesky(A: ArrayLike, *, ratio: Scalar = 10.0, max_jitter: Scalar = 1.0) -> SafeCholesky:
    """The Cholesky factor of A, or of A + τI with the smallest τ on a ladder that works.

    ::

        LLᴴ = A + τI,   τ ∈ {0} ∪ {eps·s·ratioᵏ ≤ max_jitter·s : k = 0, 1, …}

    Here s is the greatest power of two that is at most maxᵢ |aᵢᵢ|, and 1 where that is 0.

    Args:
      A: Hermitian matrix, shape (n, n), real or complex. Only its lower triangle and the real part
        of its diagonal are read.
      ratio: step of the ladder, above 1 in the dtype of A.
      max_jitter: its end, relative to s.

    Returns:
      ``SafeCholesky`` of L (n, n), the jitter τ and the status.

    Raises:
      ValueError: A is empty or not square, ratio ≤ 1 (or rounds to 1) or max_jitter < 0.

    Numerics:
      ‖A + τI − LLᴴ‖ ≤ 20·n·eps·‖A + τI‖; every smaller τ on the ladder was tried and failed. Where
      none works the status is INFEASIBLE, where an entry is not finite NON_FINITE; L is NaN then
      and the jitter the last one tried (0 for NON_FINITE). A traced ratio that is not above 1 ends
      the ladder at its first rung. Each lane under vmap has its own.
      Gradient: that of ``cholesky`` at A + τI, τ being constant between the points where the
      rung or the power of two changes. Cost: one Cholesky for each rung tried, and one more.

    Example:
      >>> L, jitter, status = safe_cholesky(jnp.array([[1.0, 1.0], [1.0, 1.0]], jnp.float32))
      >>> print(f"{jitter:.1e}", Status(int(status)).name, f"{L[1, 0]:.3f}")
      1.2e-07 CONVERGED 1.000

    References:
      J. R. Gardner, G. Pleiss, D. Bindel, K. Q. Weinberger, A. G. Wilson, "GPyTorch: blackbox
      matrix-matrix Gaussian process inference with GPU acceleration", 2018 (the practice).
    """
    A = _precise_square("A", A)
    eps = float(jnp.finfo(A.dtype).eps)
    check_number("ratio", ratio, low=1 + eps / 2, open_low=True)  # what is below rounds to 1
    check_number("max_jitter", max_jitter, low=0)
    S, eye = _from_lower(A), jnp.eye(A.shape[0], dtype=A.dtype)
    fixed = lax.stop_gradient(S)
    scale = _power_of_two(jnp.max(jnp.abs(jnp.diagonal(fixed).real)))
    first = scale * eps
    step, last = jnp.asarray(ratio, scale.dtype), jnp.asarray(max_jitter, scale.dtype) * scale
    finite = jnp.isfinite(fixed).all()

    def fails(jitter: Array) -> Array:
        L = cholesky(fixed + jitter.astype(A.dtype) * eye)
        return ~jnp.isfinite(L).all()

    def climb(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        jitter, _ = carry
        jitter = jnp.where(jitter == 0, first, jitter * step)
        return jitter, fails(jitter)

    def can_climb(carry: tuple[Array, Array]) -> Array:
        jitter, failed = carry
        following = jnp.where(jitter == 0, first, jitter * step)
        return failed & finite & (following > jitter) & (following <= last)

    none = jnp.zeros_like(scale)
    jitter, failed = while_loop(can_climb, climb, (none, fails(none)))
    L = cholesky(S + jitter.astype(A.dtype) * eye)
    status = jnp.where(failed, Status.INFEASIBLE, Status.CONVERGED)
    status = jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int32)
    return SafeCholesky(L, jitter, status)
