"""Gram–Schmidt: QR by taking out of each column what lies along those before it.

Two references that differ in the order of the subtractions alone, and in how fast they lose
orthogonality. Gauge and derivative are those of ``qr``.
"""

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._loops import fori_loop
from jaxmath.linalg._common import adjoint
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg.orthogonality import _length, _qr, _unit
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["classical_gram_schmidt", "modified_gram_schmidt"]


def _tall(name: str, A: ArrayLike) -> Array:
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    if A.shape[0] < A.shape[1]:
        raise ValueError(
            f"{name}: argument `A` must have at least as many rows as columns, got shape {A.shape}"
        )
    return A


def _classical(A: Array) -> tuple[Array, Array]:
    def orthogonalize(j: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        Q, R = carry
        r = matmul(adjoint(Q), A[:, j])  # the columns of Q from j on are still 0
        v = A[:, j] - matmul(Q, r)
        return Q.at[:, j].set(_unit(v)), R.at[:, j].set(r.at[j].set(_length(v)))

    n = A.shape[1]
    return fori_loop(0, n, orthogonalize, (jnp.zeros_like(A), jnp.zeros((n, n), A.dtype)))


@compiled
def classical_gram_schmidt(A: ArrayLike) -> tuple[Array, Array]:
    """QR by the classical Gram–Schmidt process: each column against all before it at once.

    ::

        rᵢⱼ = qᵢᴴaⱼ,   v = aⱼ − Σ_{i<j} rᵢⱼ qᵢ,   rⱼⱼ = ‖v‖,   qⱼ = v / rⱼⱼ

    Args:
      A: matrix, shape (m, n) with m ≥ n, real or complex.

    Returns:
      Q of shape (m, n) and upper triangular R of shape (n, n) with diagonal ≥ 0.

    Raises:
      ValueError: A is wide, empty or no matrix.

    Numerics:
      ‖A − QR‖ ≤ c·eps·‖A‖, but ‖QᴴQ − I‖ ≤ c·κ²·eps with κ = ‖A‖‖A⁺‖, and only for κ²·eps < 1: a
      reference to read, not to use. A column that depends on those before it exactly gives a zero
      column of Q; NaN or ∞ gives NaN. Gradient: as ``qr``. Cost: 2mn² multiply-adds.

    Example:
      >>> Q, R = classical_gram_schmidt(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
      >>> print([f"{r:.2f}" for r in R.ravel()])
      ['5.00', '2.20', '0.00', '0.40']

    References:
      L. Giraud, J. Langou, M. Rozložník, J. van den Eshof, "Rounding error analysis of the
      classical Gram-Schmidt orthogonalization process", 2005.
    """
    return _qr(_classical, _tall("classical_gram_schmidt", A))


def _modified(A: Array) -> tuple[Array, Array]:
    columns = jnp.arange(A.shape[1])

    def orthogonalize(j: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        Q, R, V = carry
        q = _unit(V[:, j])
        r = jnp.where(columns > j, matmul(jnp.conj(q), V), 0.0)
        V = V - q[:, None] * r[None, :]
        return Q.at[:, j].set(q), R.at[j].set(r.at[j].set(_length(V[:, j]))), V

    n = A.shape[1]
    start = (jnp.zeros_like(A), jnp.zeros((n, n), A.dtype), A)
    return fori_loop(0, n, orthogonalize, start)[:2]


@compiled
def modified_gram_schmidt(A: ArrayLike) -> tuple[Array, Array]:
    """QR by the modified Gram–Schmidt process: each new q is taken out of all later columns.

    ::

        rⱼⱼ = ‖vⱼ‖,   qⱼ = vⱼ / rⱼⱼ;   rⱼₖ = qⱼᴴvₖ,   vₖ ← vₖ − rⱼₖ qⱼ   for k > j

    Args:
      A: matrix, shape (m, n) with m ≥ n, real or complex.

    Returns:
      Q of shape (m, n) and upper triangular R of shape (n, n) with diagonal ≥ 0.

    Raises:
      ValueError: A is wide, empty or no matrix.

    Numerics:
      ‖A − QR‖ ≤ c·eps·‖A‖ and ‖QᴴQ − I‖ ≤ c·κ·eps for κ·eps < 1, with κ = ‖A‖‖A⁺‖. A column that
      depends on those before it exactly gives a zero column of Q; NaN or ∞ gives NaN. Gradient:
      as ``qr``. Cost: 2mn² multiply-adds.

    Example:
      >>> Q, R = modified_gram_schmidt(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
      >>> print([f"{q:.2f}" for q in Q.ravel()])
      ['0.60', '-0.80', '0.80', '0.60']

    References:
      Å. Björck, "Solving linear least squares problems by Gram-Schmidt orthogonalization", 1967.
    """
    return _qr(_modified, _tall("modified_gram_schmidt", A))
