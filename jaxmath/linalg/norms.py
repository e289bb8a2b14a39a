"""Norms of vectors and matrices, each with a gradient everywhere."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath.linalg._common import _precise_matrix
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._scaling import exponent, scale
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["matrix_norm", "vector_norm"]


@compiled
def vector_norm(x: ArrayLike, ord: float = 2) -> Array:
    """The p-norm of a vector, with gradient 0 at 0.

    ::

        ‖x‖ₚ = (Σᵢ |xᵢ|ᵖ)^(1/p),   ‖x‖_∞ = maxᵢ |xᵢ|
        ∂‖x‖ₚ/∂xᵢ = sign(xᵢ) (|xᵢ| / ‖x‖ₚ)^(p−1) for x ≠ 0

    Args:
      x: vector, shape (d,), real or complex.
      ord: p, a Python number from 1 to ``inf``.

    Returns:
      A real scalar.

    Raises:
      ValueError: ``ord`` is below 1: that is no norm.

    Numerics:
      Relative error about d·eps, with no overflow on the way. Singular set: x = 0, and for p = 1
      an xᵢ = 0, has the least-norm subgradient 0 (in that component); for p = ∞ a tie shares the
      derivative evenly. For p < 2 and p ∉ {1} the second derivative at xᵢ = 0 does not exist.
      An infinite element gives ∞, NaN gives NaN. Cost: d powers.

    Example:
      >>> x = jnp.array([3.0, -4.0])
      >>> [f"{vector_norm(x, p):.3f}" for p in (1, 2, 3, jnp.inf)]
      ['7.000', '5.000', '4.498', '4.000']

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      section 6.1.
    """
    x = as_array("x", x, ndim=1, kind="inexact", min_size=1)
    p = _order(ord)
    if p == 2:
        return safe_norm(x)
    size = _size(x)
    if p == 1:
        return jnp.sum(size)
    return max_of(size) if p == jnp.inf else _power_norm(size, p)


def _size(x: Array) -> Array:
    """|xᵢ| with derivative 0 at 0, where jnp.abs has 1."""
    return jnp.where(x == 0, 0.0, jnp.abs(jnp.where(x == 0, 1.0, x)))


def _order(ord: float) -> float:
    if isinstance(ord, (bool, str, jax.Array)) or not hasattr(ord, "__float__"):
        raise TypeError(f"vector_norm: argument `ord` must be a Python number, got {ord!r}")
    if not float(ord) >= 1:
        raise ValueError(f"vector_norm: argument `ord` must be at least 1, got {ord}")
    return float(ord)


def _power_norm(size: Array, p: float) -> Array:
    """‖x‖ₚ = m (Σ(|xᵢ|/m)ᵖ)^(1/p): it holds for each constant m, here the largest |xᵢ|."""
    top = lax.stop_gradient(max_of(size))  # NaN where an element is: ∞ where nothing is worse
    k = exponent(top)
    scaled = scale(size, -k)
    largest = scale(top, -k)
    divisor = jnp.where(largest == 0, 1.0, largest)
    total = jnp.sum((scaled / divisor) ** p)
    root = jnp.where(total == 0, 0.0, jnp.where(total == 0, 1.0, total) ** (1 / p))
    return jnp.where(jnp.isinf(top), jnp.inf, scale(root * largest, k))


@compiled
def matrix_norm(A: ArrayLike, ord: str | float = "fro") -> Array:
    """A norm of a matrix, with a gradient at every matrix.

    ::

        ‖A‖_F = √(Σ|aᵢⱼ|²)     ‖A‖_* = Σᵢ σᵢ      ‖A‖₂ = σ₁
        ‖A‖₁ = maxⱼ Σᵢ |aᵢⱼ|    ‖A‖_∞ = maxᵢ Σⱼ |aᵢⱼ|
        ∇‖A‖_F = A / ‖A‖_F      ∇‖A‖_* = Uᵣ Vᵣᴴ    ∇‖A‖₂ = u₁ v₁ᴴ

    Args:
      A: matrix, shape (m, n), real or complex.
      ord: "fro" (Frobenius), "nuc" (nuclear), 2 (spectral), 1 (columns) or ``inf`` (rows).

    Returns:
      A real scalar.

    Raises:
      ValueError: ``ord`` is none of these.

    Numerics:
      Relative error about max(m, n)·eps. Singular set, where a subgradient is returned: A = 0 has
      0 in all norms; "nuc" at a rank-deficient matrix (σᵢ ≤ max(m, n)·eps·σ₁ counts as 0) takes
      Uᵣ Vᵣᴴ of the positive part, the one of least norm; 2 at a repeated σ₁ takes the mean of its
      uᵢ vᵢᴴ; 1 and ∞ share the derivative of a tie evenly. Repeated singular values are no
      singularity of "nuc", nor of 2 below σ₁. First and second derivatives are those. NaN gives
      NaN. Cost: m·n, and one SVD for "nuc" and 2.

    Example:
      >>> A = jnp.array([[3.0, 0.0], [0.0, -4.0]])
      >>> [f"{matrix_norm(A, p):.1f}" for p in ("fro", "nuc", 2, 1, jnp.inf)]
      ['5.0', '7.0', '4.0', '4.0', '4.0']

    References:
      G. A. Watson, "Characterization of the subdifferential of some matrix norms", 1992.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    if isinstance(ord, str):
        if ord in ("fro", "nuc"):
            return safe_norm(A) if ord == "fro" else _nuclear(_precise_matrix("A", A))
    elif not isinstance(ord, (bool, jax.Array)):
        if ord == 2:
            return _spectral(_precise_matrix("A", A))
        if ord in (1, jnp.inf):
            return max_of(jnp.sum(_size(A), axis=0 if ord == 1 else 1))
    raise ValueError(f"matrix_norm: argument `ord` must be 'fro', 'nuc', 2, 1 or inf, got {ord!r}")


def _thin_svd(A: Array) -> tuple[Array, Array, Array]:
    U, s, Vh = jnp.linalg.svd(A, full_matrices=False)
    return U, s, Vh


def _negligible(s: Array, shape: tuple[int, ...]) -> Array:
    return max(shape) * jnp.finfo(s.dtype).eps * s[0]


def _real_dot(G: Array, dA: Array) -> Array:
    return jnp.sum((jnp.conj(G) * dA).real)


def _off_range(dA: Array, U: Array, Vh: Array, inverse: Array, Uc: Array, Vhc: Array) -> Array:
    """(I − UUᴴ) dA V S⁻¹ Vᴴ + U S⁻¹ Uᴴ dA (I − VVᴴ), with S⁻¹ 0 outside the chosen values."""
    right = matmul(dA, jnp.conj(Vhc.T) * inverse[None, :])
    right = right - matmul(U, matmul(jnp.conj(U.T), right))
    left = matmul(inverse[:, None] * jnp.conj(Uc.T), dA)
    left = left - matmul(matmul(left, jnp.conj(Vh.T)), Vh)
    return matmul(right, Vhc) + matmul(Uc, left)


@jax.custom_jvp
def _nuclear(A: Array) -> Array:
    return jnp.sum(jnp.linalg.svd(A, compute_uv=False, full_matrices=False))


@_nuclear.defjvp
def _nuclear_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    value, gradient = _nuclear_parts(*primals)
    return value, _real_dot(gradient, *tangents)


@jax.custom_jvp
def _nuclear_parts(A: Array) -> tuple[Array, Array]:
    """Σσᵢ and Uᵣ Vᵣᴴ."""
    U, s, Vh = _thin_svd(A)
    kept = s > _negligible(s, A.shape)
    return jnp.sum(s), matmul(jnp.where(kept[None, :], U, 0.0), Vh)


@_nuclear_parts.defjvp
def _nuclear_parts_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    """d(UVᴴ) by a Sylvester equation in the basis of singular vectors: σᵢ + σⱼ > 0 suffices."""
    (A,), (dA,) = primals, tangents
    U, s, Vh = _thin_svd(A)
    kept = s > _negligible(s, A.shape)
    U, Vh = jnp.where(kept[None, :], U, 0.0), jnp.where(kept[:, None], Vh, 0.0)
    s = jnp.where(kept, s, 1.0)
    E = matmul(matmul(jnp.conj(U.T), dA), jnp.conj(Vh.T))
    K = (E - jnp.conj(E.T)) / (s[:, None] + s[None, :]).astype(E.dtype)
    inverse = jnp.where(kept, 1.0 / s, 0.0).astype(E.dtype)
    gradient, value = matmul(U, Vh), jnp.sum(jnp.where(kept, s, 0.0))
    turned = matmul(matmul(U, K), Vh)
    tangent = turned + _off_range(dA, U, Vh, inverse, U, Vh)
    return (value, gradient), (_real_dot(gradient, dA), tangent)


@jax.custom_jvp
def _spectral(A: Array) -> Array:
    return jnp.linalg.svd(A, compute_uv=False, full_matrices=False)[0]


@_spectral.defjvp
def _spectral_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    value, gradient = _spectral_parts(*primals)
    return value, _real_dot(gradient, *tangents)


def _leading(s: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Which singular values equal the largest up to rounding, and 1/their number; none at 0."""
    leading = (s >= s[0] - _negligible(s, shape)) & (s[0] > 0)
    return leading, 1.0 / jnp.maximum(jnp.sum(leading, dtype=s.dtype), 1)


@jax.custom_jvp
def _spectral_parts(A: Array) -> tuple[Array, Array]:
    """σ₁ and u₁ v₁ᴴ, the mean over a repeated σ₁."""
    U, s, Vh = _thin_svd(A)
    leading, weight = _leading(s, A.shape)
    weight = weight.astype(A.dtype)
    return s[0], matmul(jnp.where(leading[None, :], U, 0.0), Vh) * weight


@_spectral_parts.defjvp
def _spectral_parts_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    """d(u₁v₁ᴴ) from the gaps to σ₁ alone, so that the other singular values may repeat."""
    (A,), (dA,) = primals, tangents
    U, s, Vh = _thin_svd(A)
    leading, weight = _leading(s, A.shape)
    weight = weight.astype(A.dtype)
    top = jnp.where(s[0] > 0, s[0], 1.0)
    E = matmul(matmul(jnp.conj(U.T), dA), jnp.conj(Vh.T)) / top.astype(A.dtype)
    Eh, t = jnp.conj(E.T), jnp.where(leading, 0.0, s / top).astype(A.dtype)
    gap = (1.0 - t) * (1.0 + t)
    below = (E + t[:, None] * Eh) / gap[:, None]
    above = (E + t[None, :] * Eh) / gap[None, :]
    row, column = leading[:, None], leading[None, :]
    turn = jnp.where(row, jnp.where(column, (E - Eh) / 2, above), jnp.where(column, below, 0.0))
    inverse = jnp.where(leading, 1.0 / top, 0.0).astype(A.dtype)
    Uc, Vhc = jnp.where(column, U, 0.0), jnp.where(row, Vh, 0.0)
    gradient = matmul(Uc, Vh) * weight
    tangent = matmul(matmul(U, turn), Vh)
    tangent = (tangent + _off_range(dA, U, Vh, inverse, Uc, Vhc)) * weight
    return (s[0], gradient), (_real_dot(gradient, dA), tangent)
