"""Linear systems with one square matrix: solutions, the inverse, and what can be trusted."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath.iterate import Status
from jaxmath.linalg._common import _check_flag, _precise_square, promoted
from jaxmath.linalg._kernels.batched import LARGEST, batched
from jaxmath.linalg._kernels.elimination import inv_last, solve_last
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._scaling import scale, unit_range
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["SolveInfo", "inv", "solve", "solve_info"]


class SolveInfo(NamedTuple):
    """The solution of a linear system, and what can be said about it.

    Args:
      x: the solution, of the shape of b.
      status: int32, a ``Status``: CONVERGED; SINGULAR where rcond < eps, so that no digit of x is
        sure; NON_FINITE where A or b holds NaN or ∞, or x leaves the range of its dtype.
      rcond: the reciprocal condition number 1 / (‖A‖₁‖A⁻¹‖₁), from 1 (an orthogonal direction) to 0
        (singular); relative errors of A and b reach x magnified by up to 1/rcond.
      residual: the relative backward error ‖b − A x‖_∞ / (‖A‖_∞‖x‖_∞ + ‖b‖_∞): x solves a system
        whose A and b differ from the given ones by that fraction. The worst of several columns.
    """

    x: Array
    status: Array
    rcond: Array
    residual: Array


def _system(A: ArrayLike, b: ArrayLike) -> tuple[Array, ...]:
    A = _precise_square("A", A)
    b = as_array("b", b, ndim=(1, 2), kind="inexact", min_size=1)
    return promoted(A, as_array("b", b, shape=(A.shape[0], *b.shape[1:]), kind="inexact"))


@compiled
def solve(A: ArrayLike, b: ArrayLike) -> Array:
    """Solve a linear system.

    ::

        A x = b,   dx = A⁻¹ (db − dA x)

    Args:
      A: matrix, shape (n, n), real or complex.
      b: right-hand side, shape (n,) or (n, k).

    Returns:
      x, of the shape of ``b``, in the common dtype.

    Numerics:
      Elimination with partial pivoting: residual ‖A x − b‖ ≤ 20·n·eps·ρ·‖A‖·‖x‖ with ρ the growth
      of the elements (in practice small, at worst 2^(n−1)). Singular set: an exactly zero pivot
      gives at least one component that is ±∞ or NaN, and a gradient that is not finite; a matrix
      that is singular only up to rounding gives a huge x. ``solve_info`` tells. NaN in A gives NaN
      in x, not in each of its components. Under vmap, n from 2 to 8 with k ≤ 8 is a kernel over the
      batch, and so is its gradient, which solves with Aᵀ. A pivot above a quarter of the largest
      number (8.5e37 in float32) is beyond LAPACK, which CPUs use for one matrix and for n > 8:
      there x is wrong without a sign of it.
      Cost: 2n³/3 + 2n²k flops.

    Example:
      >>> print(solve(jnp.array([[2.0, 0.0], [1.0, 4.0]]), jnp.array([2.0, 9.0])))
      [1. 2.]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      theorem 9.4.
    """
    A, b = _system(A, b)
    small = len(A) > 1 and max(*A.shape, *b.shape[1:]) <= LARGEST
    return _solve(A, b) if small else jnp.linalg.solve(A, b)


def _solve_last(A: Array, b: Array) -> Array:
    return solve_last(A, b) if b.ndim == 3 else solve_last(A, b[:, None])[:, 0]


_solve_batched = batched(jnp.linalg.solve, _solve_last)


def _solve(A: Array, b: Array) -> Array:
    return lax.custom_linear_solve(
        lambda x: matmul(A, x),
        b,
        solve=lambda _, y: _solve_batched(A, y),
        transpose_solve=lambda _, y: _solve_batched(A.T, y),
    )


_inv_batched = batched(jnp.linalg.inv, inv_last)


@jax.custom_jvp
def _inv(A: Array) -> Array:
    return _inv_batched(A)


@_inv.defjvp
def _inv_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    X = _inv(*primals)
    return X, -matmul(X, matmul(tangents[0], X))


@compiled
def inv(A: ArrayLike) -> Array:
    """The inverse of a matrix. To solve A x = b, ``solve`` is cheaper and more accurate.

    ::

        A A⁻¹ = I,   d(A⁻¹) = −A⁻¹ dA A⁻¹

    Args:
      A: matrix, shape (n, n), real or complex.

    Returns:
      A⁻¹, shape (n, n).

    Numerics:
      ‖A X − I‖ ≤ 20·n·eps·ρ·‖A‖·‖X‖, ρ as in ``solve``. Singular set: an exactly zero pivot gives
      elements that are ±∞ or NaN, as NaN in A gives some that are NaN. Under vmap, n from 2 to 8 is
      a kernel over the batch, and so is its gradient. Pivots near the largest number: as in
      ``solve``. Cost: 2n³ flops.

    Example:
      >>> print(inv(jnp.array([[2.0, 0.0], [0.0, 4.0]])))
      [[0.5  0.  ]
       [0.   0.25]]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      section 14.3.
    """
    A = _precise_square("A", A)
    return _inv(A) if 1 < len(A) <= LARGEST else jnp.linalg.inv(A)


@compiled
def solve_info(A: ArrayLike, b: ArrayLike, *, refine: bool = False) -> SolveInfo:
    """Solve a linear system and tell how far the solution can be trusted.

    ::

        x₀ = A⁻¹ b;   refined:  r = b − A x₀,   x₁ = x₀ + A⁻¹ r

    Args:
      A: matrix, shape (n, n), real or complex.
      b: right-hand side, shape (n,) or (n, k).
      refine: take one step of iterative refinement, and keep x₁ where its residual is the smaller.

    Returns:
      ``SolveInfo(x, status, rcond, residual)``, lane by lane under vmap.

    Numerics:
      x as in ``solve``. The residual is computed in the dtype of A, so refinement repairs the
      growth of the elimination (a residual of n·eps for moderate ρ), not the condition of A.
      ``rcond`` is that of the computed inverse, good to a factor of 2 while above n·eps; a zero
      pivot gives 0. Only x is differentiated, as the exact solution; the other fields have
      derivative 0. Singular set {rcond < eps}: status SINGULAR, x as computed (for a zero pivot not
      finite, and then the residual is NaN). NaN or ∞ in A or b, or an x that overflows (with a
      residual of NaN): status NON_FINITE. Cost: 3 LU at most, an inverse.

    Example:
      >>> info = solve_info(jnp.array([[2.0, 0.0], [0.0, 4.0]]), jnp.array([2.0, 8.0]))
      >>> print(info.x, Status(int(info.status)).name, f"{info.rcond:.2f}")
      [1. 2.] CONVERGED 0.50

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      theorem 7.1 (the backward error) and chapter 12 (refinement).
    """
    A, b = _system(A, b)
    _check_flag("refine", refine)
    x = jnp.linalg.solve(A, b)
    held, right = lax.stop_gradient(A), lax.stop_gradient(b)
    r, residual = _residual(held, lax.stop_gradient(x), right)
    if refine:
        step = jnp.linalg.solve(held, r)
        _, refined = _residual(held, lax.stop_gradient(x) + step, right)
        better = refined < residual
        x = jnp.where(better if b.ndim == 1 else better[None, :], x + step, x)
        residual = jnp.where(better, refined, residual)
    rcond = _reciprocal_condition(held)
    finite = jnp.all(jnp.isfinite(held)) & jnp.all(jnp.isfinite(right))
    singular = ~(rcond >= jnp.finfo(rcond.dtype).eps)
    held_x = jnp.all(jnp.isfinite(lax.stop_gradient(x)))
    status = jnp.where(held_x, Status.CONVERGED, Status.NON_FINITE)
    status = jnp.where(singular, Status.SINGULAR, status)
    status = jnp.where(finite, status, Status.NON_FINITE).astype(jnp.int32)
    return SolveInfo(x, status, jnp.where(finite, rcond, jnp.nan), max_of(residual))


def _residual(A: Array, x: Array, b: Array) -> tuple[Array, Array]:
    """b − A x, and its size relative to ‖A‖‖x‖ + ‖b‖ column by column, free of overflow."""
    scaled_A, a_exponent = unit_range(A)
    scaled_x, x_exponent = unit_range(x)
    scaled_b = scale(b, -a_exponent - x_exponent)
    r = scaled_b - matmul(scaled_A, scaled_x)
    size = max_of(jnp.sum(jnp.abs(scaled_A), axis=1)) * max_of(jnp.abs(scaled_x), axis=0)
    size = size + max_of(jnp.abs(scaled_b), axis=0)
    error = max_of(jnp.abs(r), axis=0) / jnp.where(size == 0, 1.0, size)
    return scale(r, a_exponent + x_exponent), error


def _reciprocal_condition(A: Array) -> Array:
    """1 / (‖A‖₁‖A⁻¹‖₁); 0 where the inverse is not finite."""
    scaled, _ = unit_range(A)
    inverse = jnp.linalg.inv(scaled)
    norms = [max_of(jnp.sum(jnp.abs(M), axis=0)) for M in (scaled, inverse)]
    finite = jnp.isfinite(norms[1]) & (norms[1] > 0)
    return jnp.where(finite, 1.0 / norms[0] / jnp.where(finite, norms[1], 1.0), 0.0)
