"""Has a linear system one solution, none, or infinitely many, and which?"""

import enum
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from jaxmath import numerics
from jaxmath._compiled import compiled
from jaxmath.linalg._common import _precise_matrix
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._scaling import scale, unit_range
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["SystemClass", "SystemKind", "classify_system"]


class SystemKind(enum.IntEnum):
    """How many solutions a linear system has; UNKNOWN where a NaN or ∞ came in."""

    UNKNOWN = -1
    NONE = 0
    UNIQUE = 1
    INFINITE = 2


class SystemClass(NamedTuple):
    """The general solution x + null_basis c of a linear system, for every c.

    Args:
      kind: int32, a ``SystemKind``.
      x: the solution of least norm, shape (n,); where there is none, the least-squares solution of
        least norm.
      null_basis: shape (n, n): its first ``nullity`` columns are an orthonormal basis of the null
        space, the others are 0.
      rank: int32, the rank of A; −1 where a NaN or ∞ came in.
      nullity: int32, n − rank; −1 where a NaN or ∞ came in.
      residual: ‖b − A x‖ / (σ₁‖x‖ + ‖b‖), the relative backward error of x.
    """

    kind: Array
    x: Array
    null_basis: Array
    rank: Array
    nullity: Array
    residual: Array


@compiled
def classify_system(A: ArrayLike, b: ArrayLike, *, rtol: Scalar | None = None) -> SystemClass:
    """Tell whether a linear system has one solution, none or infinitely many, and give them.

    ::

        none:      b ∉ range A
        unique:    b ∈ range A and rank A = n
        infinite:  b ∈ range A and rank A < n:  x = A⁺ b + N c,   A N = 0

    Args:
      A: matrix, shape (m, n), real or complex.
      b: right-hand side, shape (m,).
      rtol: singular values up to rtol·σ₁ count as 0, and so does a residual up to
        rtol·(σ₁‖x‖ + ‖b‖); None stands for 10·max(m, n)·eps.

    Returns:
      ``SystemClass(kind, x, null_basis, rank, nullity, residual)``.

    Numerics:
      By the SVD of the scaled matrix: the rank is that of a matrix within rtol·‖A‖ of A, and a
      system is called consistent where one within rtol of it is; a small perturbation may change
      the kind, as the mathematics has it. The columns of the null basis are unique up to an
      orthogonal factor, each with its largest component positive. Discrete, hence with derivative
      0: differentiate ``solve`` or ``lstsq``. A NaN or ∞ gives UNKNOWN, with NaN in x. Cost: one
      SVD with full V.

    Example:
      >>> found = classify_system(jnp.array([[1.0, 1.0]]), jnp.array([2.0]))
      >>> print(SystemKind(int(found.kind)).name, found.nullity, [f"{v:.2f}" for v in found.x])
      INFINITE 1 ['1.00', '1.00']

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.3.
    """
    A = _precise_matrix("A", A)
    b = as_array("b", b, shape=(A.shape[0],), kind="inexact")
    (m, n), eps = A.shape, float(jnp.finfo(A.dtype).eps)
    rtol = 10 * max(m, n) * eps if rtol is None else rtol
    check_number("rtol", rtol, low=0)
    finite = jnp.all(jnp.isfinite(A)) & jnp.all(jnp.isfinite(b))
    # The SVD of a matrix that is not finite need not end; zeros stand in for it.
    A, b = (lax.stop_gradient(jnp.where(finite, v, 0.0)) for v in (A, b))
    (A, a_exponent), (b, b_exponent) = unit_range(A), unit_range(b)
    x, null_basis, rank, residual = _general_solution(A, b, jnp.asarray(rtol, A.real.dtype))
    kind = jnp.where(rank == n, SystemKind.UNIQUE, SystemKind.INFINITE)
    kind = jnp.where(residual <= rtol, kind, SystemKind.NONE)
    poison = lambda v: jnp.where(finite, v, jnp.nan)
    return SystemClass(
        kind=jnp.where(finite, kind, SystemKind.UNKNOWN).astype(jnp.int32),
        x=poison(scale(x, b_exponent - a_exponent)),
        null_basis=poison(null_basis),
        rank=jnp.where(finite, rank, -1),
        nullity=jnp.where(finite, n - rank, -1),
        residual=poison(residual),
    )


def _general_solution(A: Array, b: Array, rtol: Array) -> tuple[Array, Array, Array, Array]:
    m, n = A.shape
    U, s, Vh = jnp.linalg.svd(A, full_matrices=m < n)  # U serves the solution alone
    kept = s > rtol * s[0]
    rank = jnp.sum(kept).astype(jnp.int32)
    coefficients = matmul(jnp.conj(U.T), b)[: s.size]
    divisor = jnp.where(kept, s, 1.0).astype(A.dtype)
    coefficients = jnp.where(kept, coefficients / divisor, 0.0)
    V = jnp.conj(Vh.T)
    x = matmul(V[:, : s.size], coefficients)
    norm = lambda v: numerics.safe_norm(jnp.abs(v))
    size = s[0] * norm(x) + norm(b)
    residual = norm(b - matmul(A, x)) / jnp.where(size == 0, 1.0, size)
    reversed_V = V[:, ::-1]
    largest = jnp.take_along_axis(reversed_V, jnp.argmax(jnp.abs(reversed_V), axis=0)[None, :], 0)
    gauged = reversed_V * (jnp.conj(largest) / jnp.abs(largest).astype(A.dtype))
    return (
        x,
        jnp.where((jnp.arange(n, dtype=rank.dtype) < n - rank)[None, :], gauged, 0.0),
        rank,
        residual,
    )
