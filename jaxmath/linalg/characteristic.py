"""What a matrix says of its eigenvalues without computing them: polynomial and discs."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._loops import scan
from jaxmath.linalg._common import _precise_square
from jaxmath.linalg._eigen import absolute
from jaxmath.linalg._kernels.product import matmul
from jaxmath.typing import Array, ArrayLike

__all__ = ["GershgorinDiscs", "characteristic_polynomial", "gershgorin_discs"]


class GershgorinDiscs(NamedTuple):
    """What gershgorin_discs returns: centers and radii, each of shape (n,)."""

    centers: Array
    radii: Array


@compiled
def characteristic_polynomial(A: ArrayLike) -> Array:
    """Coefficients of the characteristic polynomial, by Faddeev and LeVerrier.

    ::

        det(λI − A) = λⁿ + c₁λⁿ⁻¹ + … + cₙ
        M₁ = I,   cₖ = −tr(AMₖ)/k,   Mₖ₊₁ = AMₖ + cₖI

    Args:
        A: matrix, shape (n, n), real or complex.

    Returns:
        The n + 1 coefficients, highest power first, of the dtype of A; c₁ = −tr A and
        cₙ = (−1)ⁿ det A.

    Numerics:
        A reference for small n: |error of cₖ| ≤ 2ⁿ·n²·eps·‖A‖ᵏ, by cancellation, so a coefficient
        far below ‖A‖ᵏ is lost; overflows where ‖A‖ⁿ does. For eigenvalues use ``eigvals``: the
        roots of a polynomial are far worse conditioned. Exact for integer matrices while every
        number fits the significand. A polynomial in A, so differentiable everywhere. Cost: n⁴.

    Example:
        >>> print(characteristic_polynomial(jnp.array([[2.0, 1.0], [1.0, 2.0]])))
        [ 1. -4.  3.]

    References:
        G. Helmberg, P. Wagner, G. Veltkamp, "On Faddeev–Leverrier's method for the computation
        of the characteristic polynomial of a matrix and of eigenvectors", 1993.
    """
    A = _precise_square("A", A)
    eye = jnp.eye(len(A), dtype=A.dtype)

    def step(M: Array, k: Array) -> tuple[Array, Array]:
        AM = matmul(A, M)
        c = -jnp.trace(AM) / k
        return AM + c * eye, c

    _, c = scan(step, eye, jnp.arange(1, len(A) + 1, dtype=A.dtype))
    return jnp.concatenate([jnp.ones(1, A.dtype), c])


@compiled
def gershgorin_discs(A: ArrayLike) -> GershgorinDiscs:
    """Discs of the complex plane whose union holds every eigenvalue.

    ::

        Dᵢ = {z : |z − aᵢᵢ| ≤ rᵢ},   rᵢ = Σ_{j≠i} |aᵢⱼ|

    Args:
        A: matrix, shape (n, n), real or complex.

    Returns:
        A NamedTuple ``(centers, radii)`` of shape (n,) each: the diagonal of A and the sums of its
        rows' other moduli. A union of m discs apart from the rest holds m eigenvalues exactly.

    Numerics:
        Relative error of a radius ≤ n·eps. The radius has derivative 0 where aᵢⱼ = 0. The discs
        of Aᵀ hold the same eigenvalues with the sums of columns. Cost: n² additions.

    Example:
        >>> discs = gershgorin_discs(jnp.array([[4.0, 1.0], [-2.0, 0.0]]))
        >>> print(discs.centers, discs.radii)
        [4. 0.] [1. 2.]

    References:
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, theorem 7.2.1.
    """
    A = _precise_square("A", A)
    off = jnp.where(jnp.eye(len(A), dtype=bool), 0.0, A)
    return GershgorinDiscs(jnp.diagonal(A), jnp.sum(absolute(off), axis=1))
