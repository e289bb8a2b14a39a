"""The spaces of a matrix: orthonormal bases of static shape, and the rank that divides them."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._compiled import compiled
from jaxmath.linalg._common import _precise_matrix, adjoint
from jaxmath.linalg._kernels.product import matmul
from jaxmath.linalg.orthogonality import _phase, _poison
from jaxmath.typing import Array, ArrayLike, Scalar, check_number

__all__ = [
    "FourSubspaces",
    "Subspace",
    "column_space",
    "four_subspaces",
    "left_null_space",
    "null_space",
    "row_space",
]


class FourSubspaces(NamedTuple):
    """Two full orthonormal bases and the rank r, which between them hold the four subspaces.

    ::

        ran A  = span U[:, :r],   ker Aᴴ = span U[:, r:],
        ran Aᴴ = span V[:, :r],   ker A  = span V[:, r:]

    Args:
      left: U, an orthonormal basis of the space that A maps into, shape (m, m).
      right: V, an orthonormal basis of the space that A maps from, shape (n, n).
      rank: int32, r: the dimensions are r, m − r, r and n − r.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> FourSubspaces(left=1.0, right=2.0, rank=1).rank
      1
    """

    left: Any
    right: Any
    rank: Any


class Subspace(NamedTuple):
    """A subspace: a full orthonormal basis of which the first columns, ``dimension`` many, span it.

    ::

        S = span basis[:, :dimension],   P = B diag(1, …, 1, 0, …, 0) Bᴴ the projector onto S

    Args:
      basis: an orthonormal basis of the whole space, shape (d, d).
      dimension: int32, the dimension of the subspace.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> space = Subspace(basis=jnp.eye(2), dimension=jnp.int32(1))
      >>> print(space.projector())
      [[1. 0.]
       [0. 0.]]
    """

    basis: Any
    dimension: Any

    def projector(self) -> Array:
        """The orthogonal projector onto the subspace, which does not depend on the basis."""
        inside = jnp.arange(self.basis.shape[0], dtype=jnp.int32) < self.dimension
        return matmul(jnp.where(inside[None, :], self.basis, 0.0), adjoint(self.basis))


def _tolerance(A: Array, rtol: Scalar | None) -> Array:
    real = jnp.finfo(A.dtype).dtype
    if rtol is None:
        return jnp.asarray(max(A.shape) * float(jnp.finfo(A.dtype).eps), real)
    check_number("rtol", rtol, low=0)
    return jnp.asarray(rtol, real)


def _count(s: Array, rtol: Array) -> Array:
    """How many singular values count, 0 where they are NaN."""
    return jnp.sum(s > rtol * s[0], dtype=jnp.int32)


def _positive_largest(B: Array) -> Array:
    """The columns times a phase that makes the largest component (the first such) positive."""
    largest = jnp.take_along_axis(B, jnp.argmax(jnp.abs(B), axis=0)[None, :], axis=0)
    return B * jnp.conj(_phase(largest))


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _bases(A: Array, rtol: Array, full: bool) -> tuple[Array, Array, Array]:
    """U, V and the rank; not full, the larger of U and V has min(m, n) columns alone."""
    U, s, Vh = jnp.linalg.svd(A, full_matrices=full)
    U, V = _poison(A, _positive_largest(U), _positive_largest(adjoint(Vh)))
    return U, V, _count(s, rtol)


def _turned(U: Array, U1: Array, W: Array, r: Array) -> Array:
    """The motion of U in which span U₁ leaves along W, and what is orthogonal to it gives way."""
    out = jnp.where(r < U.shape[0], W - matmul(U1, matmul(adjoint(U1), W)), 0.0)
    pad = U.shape[1] - out.shape[1]
    return jnp.pad(out, ((0, 0), (0, pad))) - matmul(U1, matmul(adjoint(out), U))


@_bases.defjvp
def _bases_jvp(full: bool, primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
    """dU₁ = (I − U₁U₁ᴴ) dA V₁ B⁻¹ and dV₁ = (I − V₁V₁ᴴ) dAᴴ U₁ B⁻ᴴ for B = U₁ᴴAV₁.

    Range and null space move into each other, and neither turns within itself. B stands for the
    singular values because it turns with the bases: so that what is invariant has the right second
    derivative too. The rank being traced, U₁ and V₁ have zeros for the other columns.
    """
    (A, rtol), (dA, _) = primals, tangents
    U, V, r = _bases(A, rtol, full)
    k = min(A.shape)
    counts = jnp.arange(k, dtype=jnp.int32) < r
    U1, V1 = (jnp.where(counts[None, :], basis[:, :k], 0.0) for basis in (U, V))
    B = matmul(matmul(adjoint(U1), A), V1)
    B = B + jnp.diag(jnp.where(counts, 0.0, 1.0).astype(A.dtype))
    left = adjoint(jnp.linalg.solve(adjoint(B), adjoint(matmul(dA, V1))))
    right = adjoint(jnp.linalg.solve(B, matmul(adjoint(U1), dA)))
    dr = np.zeros((), jax.dtypes.float0)
    return (U, V, r), (_turned(U, U1, left, r), _turned(V, V1, right, r), dr)


@compiled
def four_subspaces(A: ArrayLike, *, rtol: Scalar | None = None) -> FourSubspaces:
    """Orthonormal bases of column space, left null space, row space and null space.

    ::

        A = UΣVᴴ,   r = #{i : σᵢ > rtol·σ₀}
        ran A  = span U[:, :r],   ker Aᴴ = span U[:, r:],
        ran Aᴴ = span V[:, :r],   ker A  = span V[:, r:]

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      ``FourSubspaces`` of U (m, m), V (n, n) and the rank.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      Gauge: the largest component of each basis vector is positive; vectors of equal singular
      values, the null spaces among them, are any orthonormal ones. ‖UᴴU − I‖ ≤ 20·max(m, n)·eps,
      and ‖A V[:, r:]‖ ≤ (20·max(m, n)·eps + rtol)·‖A‖. The zero matrix has rank 0. NaN or ∞ gives
      NaN bases and rank 0. Gradient: exact to every order for what depends on the four subspaces
      alone (their projectors), along directions that keep the rank; the derivative of a bare basis
      vector has no part within its own subspace. Cost: one SVD with full factors.

    Example:
      >>> left, right, rank = four_subspaces(jnp.array([[1.0, 2.0], [2.0, 4.0]]))
      >>> print(rank, [f"{v:.3f}" for v in right[:, 1]])
      1 ['0.894', '-0.447']

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, sections 3.5 and 7.2.
      G. H. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
      problems whose variables separate", 1973, lemma 4.1.
    """
    return _four_subspaces(A, rtol)


def _four_subspaces(A: ArrayLike, rtol: Scalar | None, sides: str = "both") -> FourSubspaces:
    """The four subspaces; of the side that is not asked for, min(m, n) vectors at least."""
    A = _precise_matrix("A", A)
    (m, n), tolerance = A.shape, _tolerance(A, rtol)
    full = {"both": m != n, "left": m > n, "right": m < n}[sides]
    return FourSubspaces(*_bases(A, tolerance, full))


@compiled
def column_space(A: ArrayLike, *, rtol: Scalar | None = None) -> Subspace:
    """The column space of A: all b for which Ax = b has a solution.

    ::

        ran A = {Ax} = span basis[:, :r],   r = rank A

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      ``Subspace`` of a basis (m, m) of the whole space and the dimension r.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      As ``four_subspaces``, gradient included. Cost: one SVD with a full factor on this side.

    Example:
      >>> basis, dimension = column_space(jnp.array([[3.0, 6.0], [4.0, 8.0]]))
      >>> print(dimension, [f"{v:.2f}" for v in basis[:, 0]])
      1 ['0.60', '0.80']

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.1.
    """
    left, _, r = _four_subspaces(A, rtol, "left")
    return Subspace(left, r)


@compiled
def row_space(A: ArrayLike, *, rtol: Scalar | None = None) -> Subspace:
    """The row space of A: the orthogonal complement of its null space.

    ::

        ran Aᴴ = {Aᴴy} = span basis[:, :r],   r = rank A

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      ``Subspace`` of a basis (n, n) of the whole space and the dimension r.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      As ``four_subspaces``, gradient included. Cost: one SVD with a full factor on this side.

    Example:
      >>> basis, dimension = row_space(jnp.array([[3.0, 4.0], [6.0, 8.0]]))
      >>> print(dimension, [f"{v:.2f}" for v in basis[:, 0]])
      1 ['0.60', '0.80']

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.5.
    """
    _, right, r = _four_subspaces(A, rtol, "right")
    return Subspace(right, r)


@compiled
def null_space(A: ArrayLike, *, rtol: Scalar | None = None) -> Subspace:
    """The null space of A: all x for which Ax = 0.

    ::

        ker A = {x : Ax = 0} = span basis[:, :n − r],   r = rank A

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      ``Subspace`` of a basis (n, n) of the whole space, the null vectors first, and the dimension
      n − r.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      As ``four_subspaces``, gradient included; where A is not finite the basis is NaN and the
      dimension n. Cost: one SVD with a full factor on this side.

    Example:
      >>> basis, dimension = null_space(jnp.array([[3.0, -4.0], [6.0, -8.0]]))
      >>> print(dimension, [f"{v:.2f}" for v in basis[:, 0]])
      1 ['0.80', '0.60']

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.2.
    """
    _, right, r = _four_subspaces(A, rtol, "right")
    return Subspace(jnp.roll(right, -r, axis=1), right.shape[0] - r)


@compiled
def left_null_space(A: ArrayLike, *, rtol: Scalar | None = None) -> Subspace:
    """The null space of Aᴴ: all y orthogonal to every column of A.

    ::

        ker Aᴴ = {y : Aᴴy = 0} = span basis[:, :m − r],   r = rank A

    Args:
      A: matrix, shape (m, n), real or complex.
      rtol: relative size at which a singular value counts as 0; None for max(m, n)·eps.

    Returns:
      ``Subspace`` of a basis (m, m) of the whole space, the null vectors first, and the dimension
      m − r.

    Raises:
      ValueError: A is empty or no matrix, or rtol is negative.

    Numerics:
      As ``four_subspaces``, gradient included; where A is not finite the basis is NaN and the
      dimension m. Cost: one SVD with a full factor on this side.

    Example:
      >>> basis, dimension = left_null_space(jnp.array([[3.0, 6.0], [-4.0, -8.0]]))
      >>> print(dimension, [f"{v:.2f}" for v in basis[:, 0]])
      1 ['0.80', '0.60']

    References:
      G. Strang, "Introduction to Linear Algebra", 5th edition, 2016, section 3.5.
    """
    left, _, r = _four_subspaces(A, rtol, "left")
    return Subspace(jnp.roll(left, -r, axis=1), left.shape[0] - r)
