"""Nearest orthogonal matrices: the polar factor, Procrustes, Kabsch's superposition."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath.linalg._common import _precise_matrix
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._pinv import default_cutoff, pseudo_inverse
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["Alignment", "kabsch", "orthogonal_procrustes", "polar"]


def _factors(A: Array, proper: bool) -> tuple[Array, Array, Array]:
    """U, s, Vᵀ, where the last of s (and of U) has the sign that makes det(U Vᵀ) = 1."""
    U, s, Vh = jnp.linalg.svd(A, full_matrices=False)
    if proper:
        sign = jnp.where(jnp.linalg.det(matmul(U, Vh)) < 0, -1.0, 1.0).astype(A.dtype)
        U, s = U.at[:, -1].multiply(sign), s.at[-1].multiply(sign)
    return U, s, Vh


def _sylvester(P: Array, R: Array, s: Array, Vh: Array) -> Array:
    """The skew K with K P + P K = R for skew R, P = V S Vᵀ: K̂ᵢⱼ = R̂ᵢⱼ/(sᵢ + sⱼ).

    As a ``custom_linear_solve`` its derivative comes from the equation, not from V; pairs with
    sᵢ + sⱼ = 0 to rounding are left out.
    """
    total = s[:, None] + s[None, :]
    tol = s.shape[0] * jnp.finfo(s.dtype).eps * s[0]
    keep = jnp.abs(total) > tol

    def solve(_: object, rhs: Array) -> Array:
        hat = matmul(Vh, matmul(rhs, Vh.T))
        hat = jnp.where(keep, hat / jnp.where(keep, total, 1.0), 0.0)
        return matmul(Vh.T, matmul(hat, Vh))

    equation = lambda K: matmul(K, P) + matmul(P, K)
    return lax.custom_linear_solve(equation, R, solve, symmetric=True)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _orthogonal(A: Array, proper: bool) -> Array:
    U, _, Vh = _factors(A, proper)
    return matmul(U, Vh)


@_orthogonal.defjvp
def _orthogonal_jvp(proper: bool, primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    """dQ = Q K + (I − QQᵀ) dA P⁻¹ with K P + P K = QᵀdA − dAᵀQ and A = Q P."""
    (A,), (dA,) = primals, tangents
    Q = _orthogonal(A, proper)
    _, s, Vh = _factors(lax.stop_gradient(A), proper)
    P = matmul(Q.T, A)
    turn = matmul(Q.T, dA)
    tangent = matmul(Q, _sylvester((P + P.T) / 2, turn - turn.T, s, Vh))
    if A.shape[0] > A.shape[1]:
        outside = dA - matmul(Q, turn)
        tangent = tangent + matmul(outside, matmul(pseudo_inverse(A, default_cutoff(A)), Q))
    return Q, tangent


@compiled
def polar(A: ArrayLike) -> tuple[Array, Array]:
    """The polar decomposition A = U P with U orthogonal and P symmetric semidefinite.

    ::

        A = W S Vᵀ,   U = W Vᵀ,   P = V S Vᵀ = √(AᵀA);   U is the nearest to A with UᵀU = I

    Args:
      A: matrix, shape (m, n), real. For m < n, U has orthonormal rows.

    Returns:
      ``(U, P)`` of shapes (m, n) and (n, n).

    Raises:
      TypeError: ``A`` is complex.
      ValueError: ``A`` is no matrix or is empty.

    Numerics:
      ‖A − U P‖ and ‖UᵀU − I‖ are a small multiple of n·eps (relative). Derivatives by a Sylvester
      equation in the basis of V, exact at every order and at repeated singular values. Singular
      set {rank-deficient A}: U is not unique; terms with sᵢ + sⱼ = 0 or 1/sᵢ = ∞ are left out of
      its derivative. NaN in A gives NaN. Cost O(mnk).

    Example:
      >>> U, P = polar(jnp.array([[0.0, -3.0], [2.0, 0.0]]))
      >>> print([f"{v:.1f}" for v in jnp.diagonal(P)], f"{U[1, 0]:.1f}")
      ['2.0', '3.0'] 1.0

    References:
      N. J. Higham, "Functions of Matrices", 2008, theorems 8.1 and 8.4.
    """
    A = _precise_matrix("A", A, kind="floating")
    tall = A.shape[0] >= A.shape[1]
    U = _orthogonal(A, False) if tall else _orthogonal(A.T, False).T
    P = matmul(U.T, A)
    return U, (P + P.T) / 2


def _unit(x: Array) -> tuple[Array, Array]:
    """x scaled by a power of two to entries of at most 1, and the exponent."""
    size = lax.stop_gradient(jnp.max(jnp.abs(x)))
    reach = jnp.finfo(x.dtype).maxexp - 8
    exponent = jnp.clip(jnp.frexp(jnp.where(jnp.isfinite(size), size, 1.0))[1], -reach, reach)
    return x * jnp.ldexp(jnp.ones_like(size), -exponent), exponent


@compiled
def orthogonal_procrustes(A: ArrayLike, B: ArrayLike) -> tuple[Array, Array]:
    """The orthogonal matrix that best maps A onto B.

    ::

        R = argmin {‖A R − B‖_F : RᵀR = I} = U Vᵀ  for AᵀB = U S Vᵀ,   scale = Σ sᵢ = tr(RᵀAᵀB)

    Args:
      A: matrix, shape (m, n), real.
      B: matrix, shape (m, n), real.

    Returns:
      ``(R, scale)``: the matrix of shape (n, n), a reflection where that fits best, and the sum of
      the singular values of AᵀB.

    Raises:
      TypeError: an argument is complex.
      ValueError: ``A`` is no matrix or is empty, or ``B`` has another shape.

    Numerics:
      Orthogonal to a small multiple of n·eps; A and B are scaled, so that AᵀB neither overflows
      nor underflows. Derivatives as in ``polar``. Singular set {AᵀB singular}: R is not unique,
      terms with sᵢ + sⱼ = 0 are left out of its derivative. Cost O(mn² + n³).

    Example:
      >>> R, scale = orthogonal_procrustes(jnp.eye(2), jnp.array([[0.0, 1.0], [-1.0, 0.0]]))
      >>> f"{R[0, 1]:.1f} {R[1, 0]:.1f} {scale:.1f}"
      '1.0 -1.0 2.0'

    References:
      P. H. Schönemann, "A generalized solution of the orthogonal Procrustes problem", 1966.
    """
    A = _precise_matrix("A", A, kind="floating")
    B = as_array("B", B, shape=A.shape)
    (A, log_a), (B, log_b) = _unit(A), _unit(B)
    M = matmul(A.T, B)
    R = _orthogonal(M, False)
    total = jnp.sum(R * M)
    return R, jnp.ldexp(jnp.ldexp(total, log_a), log_b)


class Alignment(NamedTuple):
    """What ``kabsch`` returns: qᵢ ≈ R pᵢ + t.

    ::

        rmsd = √(Σᵢ ‖R pᵢ + t − qᵢ‖² / n)

    Args:
      rotation: R, shape (d, d), with determinant 1.
      translation: t, shape (d,).
      rmsd: the root-mean-square distance after the superposition.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Numerics:
      As in ``kabsch``.

    Example:
      >>> P = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
      >>> f"{kabsch(P, P + 1.0).rmsd:.1f}"
      '0.0'

    References:
      W. Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976.
    """

    rotation: Array
    translation: Array
    rmsd: Array


@compiled
def kabsch(P: ArrayLike, Q: ArrayLike) -> Alignment:
    """The rotation and translation that best superpose the points P on the points Q.

    ::

        (R, t) = argmin {Σᵢ ‖R pᵢ + t − qᵢ‖² : RᵀR = I, det R = 1}
        H = Σᵢ (qᵢ − q̄)(pᵢ − p̄)ᵀ = U S Vᵀ,   R = U diag(1, …, 1, det(U Vᵀ)) Vᵀ,   t = q̄ − R p̄

    Args:
      P: points, shape (n, d), real.
      Q: their partners, shape (n, d).

    Returns:
      ``Alignment(rotation, translation, rmsd)``.

    Raises:
      TypeError: an argument is complex.
      ValueError: ``P`` is no matrix or is empty, or ``Q`` has another shape.

    Numerics:
      R is orthogonal to a small multiple of d·eps. Derivatives by a Sylvester equation with the
      signed singular values σ (the last one times det U Vᵀ), exact at every order where
      σᵢ + σⱼ > 0 for i ≠ j: repeated singular values and planar sets are regular. Singular set
      {σ_{d−1} + σ_d = 0}: collinear points, or a mirror image whose two least values coincide; R
      is not unique and those terms are left out of its derivative. The rmsd has gradient 0 where
      it is exactly 0. NaN gives NaN. Cost O(nd² + d³).

    Example:
      >>> P = jnp.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
      >>> fit = kabsch(P, jnp.array([[5.0, 5.0], [5.0, 6.0], [3.0, 5.0]]))
      >>> print([f"{v:.2f}" for v in fit.rotation[:, 0]], f"{fit.translation[0]:.2f}")
      ['0.00', '1.00'] 5.00

    References:
      W. Kabsch, "A solution for the best rotation to relate two sets of vectors", 1976.
      S. Umeyama, "Least-squares estimation of transformation parameters between two point
      patterns", 1991, lemma.
    """
    P = _precise_matrix("P", P, kind="floating")
    Q = as_array("Q", Q, shape=P.shape)
    center_p, center_q = jnp.mean(P, axis=0), jnp.mean(Q, axis=0)
    p, q = P - center_p[None, :], Q - center_q[None, :]
    R = _orthogonal(matmul(_unit(q)[0].T, _unit(p)[0]), True)
    error = matmul(p, R.T) - q
    root = jnp.sqrt(jnp.asarray(P.shape[0], P.dtype))
    return Alignment(R, center_q - matmul(R, center_p), safe_norm(error) / root)
