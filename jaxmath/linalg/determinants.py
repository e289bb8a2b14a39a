"""Determinants: by LU with gradients at singular matrices, and by cofactors."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import cond
from jaxmath.linalg._common import _precise_square, _square
from jaxmath.linalg._kernels.batched import LARGEST, batched
from jaxmath.linalg._kernels.elimination import adjugate_last, det_last
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg._scaling import exponent, quotient, scale, unit_range
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["cofactor_determinant", "cramer", "det", "slogdet"]

_MAX_COFACTORS = 8
_FACTORS = 64  # numbers in [½, √2) whose product is in the range of every dtype


def _product(x: Array) -> tuple[Array, Array]:
    """(μ, e) with Π xᵢ = μ·2^e and 1 ≤ |μ| < 2 or so, 64 factors at a time.

    Nothing over- or underflows on the way. The exponent of a product that is 0 or not finite means
    nothing.
    """
    e = exponent(x)
    x, total = scale(x, -e), jnp.sum(e, dtype=e.dtype)
    if len(x) > _FACTORS:
        x = jnp.pad(x, (0, -len(x) % _FACTORS), constant_values=1)
        mantissa, e = _product(jnp.prod(x.reshape(-1, _FACTORS), axis=1))
        return mantissa, total + e
    product = jnp.prod(x)
    e = exponent(product)
    return scale(product, 1 - e), total + e - 1


def _pivots(A: Array) -> tuple[Array, Array, Array, Array]:
    """The packed LU factors, their row exchanges, and det A = μ·2^e."""
    packed, swaps, _ = lax.linalg.lu(A)
    mantissa, e = _product(jnp.diagonal(packed))
    odd = jnp.sum(swaps != jnp.arange(swaps.size, dtype=swaps.dtype)) % 2 == 1
    return packed, swaps, jnp.where(odd, -mantissa, mantissa), e


@compiled
def det(A: ArrayLike) -> Array:
    """The determinant of a square matrix, with its gradient at singular matrices too.

    ::

        det A = ± Π uᵢᵢ,   P A = L U
        d det A = tr(adj(A) dA),   adj(A)ᵢⱼ = (−1)^(i+j) det A₍ⱼᵢ₎,   adj(A) = det(A) A⁻¹

    Args:
      A: matrix, shape (n, n), real or complex.

    Returns:
      A scalar of the dtype of ``A``.

    Numerics:
      The determinant of a matrix within 20·n·eps·ρ·‖A‖ of A, ρ the growth of the elimination. The
      pivots' exponents are added apart, so that it overflows or underflows only where the result
      does (but for a pivot near the largest number, as in ``solve``). No singular set: the gradient
      is the adjugate at every matrix, of rank n − 1 (a matrix of rank 1) and below (0). Above n = 3
      it comes by Jacobi's formula from LU where no pivot is 0, else from the SVD, as
      det(U Vᴴ)·V adj(S) Uᴴ; a batch computes the SVD where one of its matrices needs it (above
      n = 8, always). The second derivative is exact at every matrix; the third exists where the
      singular values are distinct. NaN gives NaN.
      Cost: one LU; the gradient one more and an inverse, or an SVD.

    Example:
      >>> A = jnp.array([[2.0, 4.0], [1.0, 2.0]])
      >>> f"{det(A):.1f}", [f"{g:.2f}" for g in jax.grad(det)(A).ravel()]
      ('0.0', ['2.00', '-1.00', '-4.00', '2.00'])

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      section 14.6. G. W. Stewart, "On the adjugate matrix", 1998.
    """
    return _det(_precise_square("A", A))


def _det_one(A: Array) -> Array:
    _, _, mantissa, e = _pivots(A)
    return scale(mantissa, e)


_det_batched = batched(_det_one, det_last)


@jax.custom_jvp
def _det(A: Array) -> Array:
    return _det_batched(A) if 1 < len(A) <= LARGEST else _det_one(A)


@_det.defjvp
def _det_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (A,), (dA,) = primals, tangents
    return _det(A), jnp.sum(_adjugate(A).T * dA)


def _adjugate(A: Array) -> Array:
    """adj(A), to a backward error of about n·eps·‖A‖ at every matrix."""
    if len(A) == 1:
        return jnp.ones_like(A)
    if len(A) == 2:
        return jnp.stack([jnp.stack([A[1, 1], -A[0, 1]]), jnp.stack([-A[1, 0], A[0, 0]])])
    if len(A) == 3:  # its columns are the cross products of the rows
        rows, k = unit_range(A)
        minors = jnp.stack([jnp.cross(rows[i - 2], rows[i - 1]) for i in range(3)], axis=1)
        return scale(minors, 2 * k)
    return _adjugate_by_factors(A)


def _adjugate_one(A: Array) -> Array:
    """det(LU)·(LU)⁻¹, from the SVD where a pivot of 0 divides or several tiny ones overflow."""
    packed, swaps, mantissa, e = _pivots(A)
    zero = jnp.diagonal(packed) == 0
    identity = jnp.eye(A.shape[0], dtype=A.dtype)
    packed = jnp.where(zero[:, None], identity, packed)
    inverse = jax.scipy.linalg.lu_solve((packed, swaps), identity)
    k = exponent(inverse)
    jacobi = scale(scale(inverse, -k) * mantissa, k + e)
    safe = ~jnp.any(zero) & jnp.all(jnp.isfinite(inverse))
    return cond(safe, lambda jacobi, A: jacobi, lambda _, A: _adjugate_by_svd(A), jacobi, A)


def _adjugate_last(A: Array) -> Array:
    """The same for a batch, the batch last: the SVD only where a lane needs it."""
    jacobi, safe = adjugate_last(A)

    def mended(jacobi: Array, A: Array) -> Array:
        return jnp.where(safe, jacobi, jax.vmap(_adjugate_by_svd, -1, -1)(A))

    return cond(jnp.all(safe), lambda jacobi, A: jacobi, mended, jacobi, A)


_adjugate_batched = batched(_adjugate_one, _adjugate_last)


@jax.custom_jvp
def _adjugate_by_factors(A: Array) -> Array:
    return _adjugate_batched(A) if len(A) <= LARGEST else _adjugate_one(A)


def _svd(A: Array) -> tuple[Array, Array, Array, Array]:
    """U, s, Vᴴ and the phase det(U Vᴴ) of A = U S Vᴴ."""
    U, s, Vh = jnp.linalg.svd(A)
    _, _, mantissa, e = _pivots(matmul(U, Vh))
    phase = scale(mantissa, e)
    return U, s, Vh, phase / jnp.abs(phase).astype(phase.dtype)


def _products_without(s: Array, num_left_out: int) -> Array:
    """Π sₖ over k ≠ i, or over k ∉ {i, j} with 0 for i = j, as a vector or matrix."""
    zero = s == 0
    filled = jnp.where(zero, 1.0, s)
    e = exponent(filled)
    mantissas, (total, total_e) = scale(filled, -e), _product(filled)
    num_zeros, is_zero = jnp.sum(zero, dtype=e.dtype), zero.astype(e.dtype)
    if num_left_out == 1:
        products = scale(total / mantissas, total_e - e)
        return jnp.where(num_zeros == is_zero, products, 0.0)
    kept_e = total_e - e[:, None] - e[None, :]
    products = scale(total / (mantissas[:, None] * mantissas[None, :]), kept_e)
    products = jnp.where(num_zeros == is_zero[:, None] + is_zero[None, :], products, 0.0)
    return jnp.where(jnp.eye(s.size, dtype=bool), 0.0, products)


def _adjugate_by_svd(A: Array) -> Array:
    U, s, Vh, phase = _svd(A)
    V = jnp.conj(Vh.T) * (phase * _products_without(s, 1).astype(A.dtype))[None, :]
    return matmul(V, jnp.conj(U.T))


@_adjugate_by_factors.defjvp
def _adjugate_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """With E = Uᴴ dA V: d adj(S)ᵢᵢ = Σₖ Eₖₖ Π_{l≠i,k} sₗ,   d adj(S)ᵢⱼ = −Eᵢⱼ Π_{l≠i,j} sₗ."""
    (A,), (dA,) = primals, tangents
    U, s, Vh, phase = _svd(A)
    E = matmul(matmul(jnp.conj(U.T), dA), jnp.conj(Vh.T))
    C = phase * _products_without(s, 2).astype(A.dtype)
    turned = jnp.diag(matmul(C, jnp.diagonal(E))) - C * E
    dadj = matmul(matmul(jnp.conj(Vh.T), turned), jnp.conj(U.T))
    return _adjugate_by_factors(A), dadj


@compiled
def slogdet(A: ArrayLike) -> tuple[Array, Array]:
    """The sign and the logarithm of the size of a determinant.

    ::

        det A = sign·exp(log|det A|)
        d log|det A| = Re tr(A⁻¹ dA),   d sign = i·sign·Im tr(A⁻¹ dA)

    Args:
      A: matrix, shape (n, n), real or complex.

    Returns:
      ``(sign, logabsdet)``: ±1 or 0 (for a complex A, a number of modulus 1 or 0), and a real
      scalar.

    Numerics:
      As ``det``; the exponents of the pivots are added as integers, so that the logarithms of large
      and small pivots do not cancel, and log|det| near 0 is accurate. Singular set {det A = 0 to
      rounding, a pivot of 0}: value (0, −∞), gradient 0 so that masking the value masks the
      gradient too. NaN gives NaN. Cost: one LU; the gradient one more and an inverse.

    Example:
      >>> sign, logabsdet = slogdet(jnp.array([[0.0, 2.0], [3.0, 0.0]]))
      >>> f"{sign:.0f} {logabsdet:.5f}"
      '-1 1.79176'

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      section 14.6.
    """
    return _slogdet(_precise_square("A", A))


@jax.custom_jvp
def _slogdet(A: Array) -> tuple[Array, Array]:
    _, _, mantissa, e = _pivots(A)
    size = jnp.abs(mantissa)
    # A mantissa within [1/√2, √2), so that log|det| = 0 is reached from both sides without loss.
    high = size > 1.4142135623730951
    size, e = jnp.where(high, size / 2.0, size), e + high.astype(e.dtype)
    zero = size == 0
    sign = jnp.where(zero, 0.0, mantissa / jnp.where(zero, 1.0, jnp.abs(mantissa)).astype(A.dtype))
    log_size = jnp.log(jnp.where(zero, 1.0, size)) + e.astype(size.dtype) * 0.6931471805599453
    return sign, jnp.where(zero, -jnp.inf, log_size)


@_slogdet.defjvp
def _slogdet_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple:
    (A,), (dA,) = primals, tangents
    sign, logabsdet = _slogdet(A)
    singular = lax.stop_gradient(sign) == 0
    inverse = jnp.linalg.inv(jnp.where(singular, jnp.eye(A.shape[0], dtype=A.dtype), A))
    rate = jnp.sum(jnp.where(singular, 0.0, inverse).T * dA)
    turn = sign * 1j * rate.imag.astype(A.dtype) if jnp.iscomplexobj(A) else jnp.zeros_like(sign)
    return (sign, logabsdet), (turn, rate.real)


@compiled
def cofactor_determinant(A: ArrayLike) -> Array:
    """The determinant by cofactor expansion: a reference, and exact for integers.

    ::

        det A = Σⱼ (−1)ʲ a₀ⱼ det A₍₀ⱼ₎,   A₍₀ⱼ₎ without row 0 and column j

    Args:
      A: matrix, shape (n, n) with n ≤ 8, real or complex.

    Returns:
      A scalar of the dtype of ``A``.

    Raises:
      ValueError: n is above 8, where 2ⁿ minors are too many.

    Numerics:
      A polynomial, with no division: the derivative is the adjugate at every matrix, singular ones
      too. |error| ≤ n·eps·per|A| (the permanent), which may exceed n·eps·|det A| by far; scales
      whose products leave the range overflow. Each minor is computed once: n·2^(n−1)
      multiplications.

    Example:
      >>> f"{cofactor_determinant(jnp.array([[1.0, 2.0], [3.0, 4.0]])):.1f}"
      '-2.0'

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 5.2.
    """
    A = _few(_square("A", A))
    n = A.shape[0]
    minors: dict[tuple[int, ...], Array] = {(): jnp.ones((), A.dtype)}

    def minor(columns: tuple[int, ...]) -> Array:
        """The determinant of the last len(columns) rows in these columns."""
        if columns not in minors:
            row = n - len(columns)
            terms = [A[row, j] * minor(tuple(c for c in columns if c != j)) for j in columns]
            minors[columns] = jnp.asarray(sum(terms[::2]) - sum(terms[1::2]))
        return minors[columns]

    return minor(tuple(range(n)))


def _few(A: Array) -> Array:
    if A.shape[0] > _MAX_COFACTORS:
        raise ValueError(
            f"cofactor expansion: argument `A` must be at most {_MAX_COFACTORS} × "
            f"{_MAX_COFACTORS}, got shape {A.shape}"
        )
    return A


@compiled
def cramer(A: ArrayLike, b: ArrayLike) -> Array:
    """Solve a small linear system by Cramer's rule: a reference.

    ::

        xᵢ = det A₍ᵢ←b₎ / det A,   A₍ᵢ←b₎ with b as column i

    Args:
      A: matrix, shape (n, n) with n ≤ 8, real or complex.
      b: right-hand side, shape (n,).

    Returns:
      x, shape (n,).

    Raises:
      ValueError: n is above 8.

    Numerics:
      Forward stable for n = 2 only: in general the error is about n·eps·per|A|/|det A|·‖x‖, and
      the residual may be κ times that of elimination; determinants that leave the range ruin it.
      Singular set: det A = 0 gives ±∞ or NaN. Cost: n·2ⁿ⁻¹·(n + 1) multiplications.

    Example:
      >>> print(cramer(jnp.array([[2.0, 0.0], [1.0, 4.0]]), jnp.array([2.0, 9.0])))
      [1. 2.]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      section 1.10.1.
    """
    A = _few(_square("A", A))
    b = as_array("b", b, shape=(A.shape[0],), kind="inexact")
    replaced = lambda i: jnp.where((jnp.arange(b.size) == i)[None, :], b[:, None], A)
    numerators = jax.vmap(lambda i: cofactor_determinant(replaced(i)))(jnp.arange(b.size))
    return quotient(numerators, cofactor_determinant(A))
