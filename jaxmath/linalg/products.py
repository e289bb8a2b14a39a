"""Products of vectors and matrices, angles and projections."""

import jax
import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._compiled import compiled
from jaxmath.linalg._common import _precise_matrix, _square, adjoint, promoted
from jaxmath.linalg._kernels import product
from jaxmath.linalg._pinv import default_cutoff, pseudo_inverse
from jaxmath.linalg._scaling import unit_range
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = [
    "angle",
    "hadamard",
    "inner",
    "kronecker",
    "matmul",
    "outer",
    "project_onto_subspace",
    "project_onto_vector",
    "trace",
]


@compiled
def inner(x: ArrayLike, y: ArrayLike) -> Array:
    """The inner product of two vectors, conjugate-linear in the first.

    ::

        ⟨x, y⟩ = xᴴ y = Σᵢ x̄ᵢ yᵢ

    Args:
      x: vector, shape (d,), real or complex.
      y: vector, shape (d,).

    Returns:
      A scalar of the common dtype; ⟨x, x⟩ = ‖x‖² is real up to rounding.

    Numerics:
      Full precision on every backend; |error| ≤ d·eps·Σ|xᵢyᵢ|. Smooth. Cost: d multiply-adds.

    Example:
      >>> f"{inner(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])):.1f}"
      '11.0'

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      equation (3.5). The conjugate as in ``numpy.vdot``.
    """
    x = as_array("x", x, ndim=1, kind="inexact", min_size=1)
    y = as_array("y", y, shape=x.shape, kind="inexact")
    return numerics.dot(jnp.conj(x), y)


@compiled
def outer(x: ArrayLike, y: ArrayLike) -> Array:
    """The outer product of two vectors, the rank-one map z ↦ x ⟨y, z⟩.

    ::

        (x yᴴ)ᵢⱼ = xᵢ ȳⱼ

    Args:
      x: vector, shape (m,), real or complex.
      y: vector, shape (n,).

    Returns:
      A matrix of shape (m, n). (``numpy.outer`` does not conjugate; for real vectors both agree.)

    Numerics:
      One rounding an element. Smooth. Cost: m·n multiplications.

    Example:
      >>> print(outer(jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])))
      [[3. 4.]
       [6. 8.]]

    References:
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 1.1.
    """
    x = as_array("x", x, ndim=1, kind="inexact", min_size=1)
    y = as_array("y", y, ndim=1, kind="inexact", min_size=1)
    return x[:, None] * jnp.conj(y)[None, :]


@compiled
def trace(A: ArrayLike) -> Array:
    """The trace of a square matrix: the sum of its diagonal, and of its eigenvalues.

    ::

        tr A = Σᵢ Aᵢᵢ,   ∂(tr A)/∂A = I

    Args:
      A: matrix, shape (n, n), real or complex.

    Returns:
      A scalar of the dtype of ``A``.

    Numerics:
      |error| ≤ n·eps·Σ|Aᵢᵢ|. Smooth. Cost: n additions.

    Example:
      >>> f"{trace(jnp.array([[1.0, 2.0], [3.0, 4.0]])):.1f}"
      '5.0'

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 6.1.
    """
    return jnp.trace(_square("A", A))


@compiled
def matmul(A: ArrayLike, B: ArrayLike) -> Array:
    """The matrix product: the composition of two linear maps.

    ::

        (A B)ᵢⱼ = Σₖ Aᵢₖ Bₖⱼ

    Args:
      A: matrix, shape (m, d), real or complex.
      B: matrix, shape (d, n), or a vector of shape (d,).

    Returns:
      The product, shape (m, n) or (m,).

    Numerics:
      Full precision on every backend; |error| ≤ d·eps·|A||B| element-wise. Smooth. Cost: m·d·n
      multiply-adds.

    Example:
      >>> print(matmul(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.array([1.0, 1.0])))
      [3. 7.]

    References:
      N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, 2002,
      equation (3.13).
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    B = as_array("B", B, ndim=(1, 2), kind="inexact", min_size=1)
    B = as_array("B", B, shape=(A.shape[1], *B.shape[1:]), kind="inexact")
    return product.matmul(A, B)


@compiled
def kronecker(A: ArrayLike, B: ArrayLike) -> Array:
    """The Kronecker product, the matrix of X ↦ B X Aᵀ on stacked columns.

    ::

        A ⊗ B = [aᵢⱼ B]ᵢⱼ,   (A ⊗ B) vec X = vec(B X Aᵀ)

    Args:
      A: matrix, shape (m, n), real or complex.
      B: matrix, shape (p, q).

    Returns:
      A matrix of shape (m·p, n·q).

    Numerics:
      One rounding an element. Smooth. Cost: m·n·p·q multiplications.

    Example:
      >>> print(kronecker(jnp.array([[1.0, 2.0]]), jnp.array([[1.0], [10.0]])))
      [[ 1.  2.]
       [10. 20.]]

    References:
      C. F. Van Loan, "The ubiquitous Kronecker product", 2000, section 1.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    B = as_array("B", B, ndim=2, kind="inexact", min_size=1)
    blocks = A[:, None, :, None] * B[None, :, None, :]
    return blocks.reshape(A.shape[0] * B.shape[0], A.shape[1] * B.shape[1])


@compiled
def hadamard(A: ArrayLike, B: ArrayLike) -> Array:
    """The Hadamard product: element by element.

    ::

        (A ∘ B)ᵢⱼ = Aᵢⱼ Bᵢⱼ

    Args:
      A: matrix, shape (m, n), real or complex.
      B: matrix of the same shape.

    Returns:
      A matrix of shape (m, n). Nothing is broadcast.

    Numerics:
      One rounding an element. Smooth. Cost: m·n multiplications.

    Example:
      >>> print(hadamard(jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]])))
      [[3. 8.]]

    References:
      R. A. Horn, C. R. Johnson, "Topics in Matrix Analysis", 1991, chapter 5.
    """
    A = as_array("A", A, ndim=2, kind="inexact", min_size=1)
    return A * as_array("B", B, shape=A.shape, kind="inexact")


def _unit(x: Array) -> Array:
    """x / ‖x‖, and 0 with derivative 0 at 0; no overflow on the way."""
    scaled, _ = unit_range(x)
    norm = safe_norm(scaled)
    return jnp.where(norm == 0, 0.0, scaled / jnp.where(norm == 0, 1.0, norm).astype(x.dtype))


@compiled
def angle(x: ArrayLike, y: ArrayLike) -> Array:
    """The angle between two vectors, accurate when they are nearly parallel too.

    ::

        ∠(x, y) = arccos(⟨x, y⟩ / ‖x‖‖y‖) = 2 atan2(‖x̂ − ŷ‖, ‖x̂ + ŷ‖),   x̂ = x/‖x‖, ŷ = y/‖y‖

    Args:
      x: vector, shape (d,), real.
      y: vector, shape (d,).

    Returns:
      The angle in radians, from 0 to π.

    Numerics:
      By Kahan's formula: absolute error of about d·eps at every angle, where the arc cosine loses
      half the digits near 0 and π. Singular set: parallel and opposite vectors give 0 and π with
      gradient 0 (a kink, the least-norm subgradient); a zero vector gives π/2, since it is
      orthogonal to all, with gradient 0 in it and in the other. Cost: a few passes.

    Example:
      >>> x, y = jnp.array([1.0, 0.0]), jnp.array([1.0, 1e-6])
      >>> f"{angle(x, y):.3e} {angle(x, jnp.array([0.0, 2.0])):.5f}"
      '1.000e-06 1.57080'

    References:
      W. Kahan, "How futile are mindless assessments of roundoff in floating-point computation?",
      2006, section 12.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    y = as_array("y", y, shape=x.shape)
    u, v = _unit(x), _unit(y)
    degenerate = jnp.all(u == 0) | jnp.all(v == 0)
    apart, along = safe_norm(u - v), safe_norm(u + v)
    # Both are 0 for two zero vectors, where atan2 has no derivative.
    apart, along = (jnp.where(degenerate, 1.0, r) for r in (apart, along))
    return 2.0 * jnp.arctan2(apart, along)


@compiled
def project_onto_vector(x: ArrayLike, v: ArrayLike) -> Array:
    """The orthogonal projection of a vector onto the line through another.

    ::

        P x = v ⟨v, x⟩ / ⟨v, v⟩

    Args:
      x: the vector to project, shape (d,), real or complex.
      v: the direction, shape (d,), of any length.

    Returns:
      The nearest point of the line, shape (d,).

    Numerics:
      Error about d·eps·‖x‖, at every length of v. Singular set {v = 0}: the line is {0}, the value
      0 and the gradient 0. Cost: 4·d multiply-adds.

    Example:
      >>> print(project_onto_vector(jnp.array([2.0, 3.0]), jnp.array([5.0, 0.0])))
      [2. 0.]

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 4.2.
    """
    x = as_array("x", x, ndim=1, kind="inexact", min_size=1)
    unit = _unit(as_array("v", v, shape=x.shape, kind="inexact"))
    return unit * numerics.dot(jnp.conj(unit), x)


@compiled
def project_onto_subspace(x: ArrayLike, B: ArrayLike) -> Array:
    """The orthogonal projection of a vector onto the span of a matrix's columns.

    ::

        P x = B B⁺ x = Uᵣ Uᵣᴴ x,   B = U S Vᴴ
        dP = (I − P) dB B⁺ + ((I − P) dB B⁺)ᴴ

    Args:
      x: the vector to project, shape (d,), real or complex.
      B: matrix whose columns span the subspace, shape (d, k); they may be dependent.

    Returns:
      The nearest point of the subspace, shape (d,).

    Numerics:
      Error about d·eps·κ(B)·‖x‖ as a function of B, d·eps·‖x‖ as a projection (it is orthogonal to
      that accuracy whatever B is). Singular values up to max(d, k)·eps·σ₁ count as 0. Singular
      set: P jumps where the rank of B changes; there the derivative is that along the directions
      that keep the rank. B = 0 gives 0. Derivatives of every order at repeated singular values.
      NaN in B gives NaN. Cost: one SVD.

    Example:
      >>> B = jnp.array([[1.0, 1.0], [0.0, 2.0], [0.0, 0.0]])
      >>> print([f"{v:.2f}" for v in project_onto_subspace(jnp.array([1.0, 2.0, 3.0]), B)])
      ['1.00', '2.00', '0.00']

    References:
      G. H. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
      problems whose variables separate", 1973, equation (4.4).
    """
    x = as_array("x", x, ndim=1, kind="inexact", min_size=1)
    B = as_array("B", _precise_matrix("B", B), shape=(x.size, None), kind="inexact")
    return _project(*promoted(B, x))


@jax.custom_jvp
def _project(B: Array, x: Array) -> Array:
    U, s, _ = jnp.linalg.svd(B, full_matrices=False)
    kept = s > default_cutoff(B) * s[0]
    U = jnp.where(kept[None, :], U, jnp.where(jnp.isnan(s[0]), s[0], 0.0))
    return numerics.matmul(U, numerics.matmul(adjoint(U), x))


@_project.defjvp
def _project_jvp(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple:
    (B, x), (dB, dx) = primals, tangents
    inverse, value = pseudo_inverse(B, default_cutoff(B)), _project(B, x)
    # Not _project, whose SVD reverse mode would differentiate: what it transposes is this rule.
    along = lambda v: numerics.matmul(B, numerics.matmul(inverse, v))
    outward = numerics.matmul(dB, numerics.matmul(inverse, x))
    inward = numerics.matmul(adjoint(inverse), numerics.matmul(adjoint(dB), x - value))
    return value, outward - along(outward) + inward + along(dx)
