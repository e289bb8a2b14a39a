"""Least squares and the pseudo-inverse, with the derivative of Golub and Pereyra."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath.linalg._common import _precise_matrix, adjoint
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._pinv import default_cutoff, pseudo_inverse, solve_by_svd
from jaxmath.linalg.svd import svdvals
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["LstsqResult", "lstsq", "pinv"]


class LstsqResult(NamedTuple):
    """What ``lstsq`` returns.

    ::

        x = A⁺b,   residual = ‖b − A x‖²,   rank = #{i : sᵢ > rcond·s₁}

    Args:
      x: the solution of least norm, shape (n,) or (n, k).
      residual: the squared residual, shape () or (k,).
      rank: int32, the number of singular values that count as positive.
      singular_values: of A, shape (min(m, n),), largest first.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Numerics:
      As in ``lstsq``.

    Example:
      >>> result = lstsq(jnp.eye(2), jnp.ones(2))
      >>> int(result.rank), f"{result.residual:.1f}"
      (2, '0.0')

    References:
      SciPy, ``scipy.linalg.lstsq``.
    """

    x: Array
    residual: Array
    rank: Array
    singular_values: Array


@jax.custom_jvp
def _solve(A: Array, b: Array, rcond: Array) -> tuple[Array, Array]:
    """A⁺b and the singular values, of one decomposition."""
    return solve_by_svd(A, b, rcond)


@_solve.defjvp
def _solve_jvp(primals: tuple[Array, Array, Array], tangents: tuple) -> tuple[tuple, tuple]:
    """dx = A⁺(db − dA x) + A⁺A⁺ᴴ dAᴴ r + (I − A⁺A) dAᴴ A⁺ᴴ x with r = b − A x."""
    (A, b, rcond), (dA, db, _) = primals, tangents
    (x, s), P, dAh = _solve(A, b, rcond), pseudo_inverse(A, rcond), adjoint(dA)
    Ph, ds = adjoint(P), jax.jvp(svdvals, (A,), (dA,))[1]
    free = matmul(dAh, matmul(Ph, x))
    tangent = matmul(P, db - matmul(dA, x) + matmul(Ph, matmul(dAh, b - matmul(A, x))))
    return (x, s), (tangent + (free - matmul(P, matmul(A, free))), ds)


def _cutoff(A: Array, rcond: Scalar | None) -> Array:
    check_number("rcond", 0.0 if rcond is None else rcond, low=0.0)
    chosen = default_cutoff(A)
    return chosen if rcond is None else jax.lax.stop_gradient(jnp.asarray(rcond, chosen.dtype))


@compiled
def pinv(A: ArrayLike, rcond: Scalar | None = None) -> Array:
    """The Moore–Penrose pseudo-inverse.

    ::

        A⁺ = V diag(1/sᵢ where sᵢ > rcond·s₁, else 0) Uᴴ
        dA⁺ = −A⁺ dA A⁺ + A⁺A⁺ᴴ dAᴴ (I − AA⁺) + (I − A⁺A) dAᴴ A⁺ᴴA⁺

    Args:
      A: matrix, shape (m, n), real or complex.
      rcond: singular values at or below rcond·s₁ count as 0; None for max(m, n)·eps.

    Returns:
      Matrix of shape (n, m).

    Raises:
      ValueError: ``A`` is no matrix or is empty, or ``rcond`` is negative.

    Numerics:
      ‖error‖ ≤ a small multiple of n·eps·κ·‖A⁺‖, κ over the singular values that are kept. First
      and higher derivatives are exact at full rank, repeated singular values included. Singular
      set {rank-deficient A}: there A⁺ is discontinuous, the derivative is that along directions
      which keep the rank. The zero matrix gives 0. NaN in A gives NaN. Cost O(mnk).

    Example:
      >>> print([f"{v:.2f}" for v in pinv(jnp.array([[2.0], [0.0]]))[0]])
      ['0.50', '0.00']

    References:
      G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least
      squares problems whose variables separate", 1973, equation (4.12).
    """
    A = _precise_matrix("A", A)
    return pseudo_inverse(A, _cutoff(A, rcond))


@compiled
def lstsq(A: ArrayLike, b: ArrayLike, rcond: Scalar | None = None) -> LstsqResult:
    """The least-squares solution of A x = b, of least norm where it is not unique.

    ::

        x = argmin {‖x‖ : ‖b − A x‖ least} = A⁺ b
        dx = A⁺(db − dA x) + A⁺A⁺ᴴ dAᴴ (b − A x) + (I − A⁺A) dAᴴ A⁺ᴴ x

    Args:
      A: matrix, shape (m, n), real or complex.
      b: right side, shape (m,) or (m, k), of the dtype of ``A``.
      rcond: singular values at or below rcond·s₁ count as 0; None for max(m, n)·eps.

    Returns:
      ``LstsqResult(x, residual, rank, singular_values)``; other than NumPy's the residual has a
      value for every shape and rank.

    Raises:
      TypeError: the dtypes of ``A`` and ``b`` differ.
      ValueError: ``A`` is no matrix or is empty, the rows of ``b`` are not those of ``A``, or
        ``rcond`` is negative.

    Numerics:
      Backward stable: x solves the problem for an A within a small multiple of n·eps·‖A‖. First
      and higher derivatives are exact at full rank, A = I and orthonormal columns included.
      Singular set {rank-deficient A}: x is discontinuous there, the derivative is that along
      directions which keep the rank (``rank`` tells). NaN in A gives NaN in x. Cost O(mnk).

    Example:
      >>> line = lstsq(jnp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), jnp.array([1.0, 3.0, 5.0]))
      >>> print([f"{v:.2f}" for v in line.x], int(line.rank))
      ['1.00', '2.00'] 2

    References:
      G. H. Golub and V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least
      squares problems whose variables separate", 1973, equation (4.12).
    """
    A = _precise_matrix("A", A)
    b = as_array("b", b, ndim=(1, 2), kind="inexact", min_size=1)
    if b.shape[0] != A.shape[0]:
        raise ValueError(f"lstsq: argument `b` must have {A.shape[0]} rows, got shape {b.shape}")
    if b.dtype != A.dtype:
        raise TypeError(f"lstsq: argument `b` must have the dtype {A.dtype} of `A`, got {b.dtype}")
    rcond = _cutoff(A, rcond)
    columns = b[:, None] if b.ndim == 1 else b
    x, s = _solve(A, columns, rcond)
    rest = columns - matmul(A, x)
    residual = jnp.sum((rest * jnp.conj(rest)).real, axis=0)
    rank = jnp.sum(s > rcond * s[0], dtype=jnp.int32)
    if b.ndim == 1:
        x, residual = x[:, 0], residual[0]
    return LstsqResult(x, residual, rank, s)
