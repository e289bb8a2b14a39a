"""Euclidean projections onto simple convex sets: the nearest point of the set.

What holds for each, with P the projection onto C and x ∉ interior(C)::

    P(x) = argmin {‖z − x‖ : z ∈ C},   ⟨x − P(x), z − P(x)⟩ ≤ 0 for all z ∈ C

P is differentiable but for a kink on the boundary of C; there the derivative is that from outside,
one of the two one-sided derivatives. An empty set gives NaN.
"""

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath.linalg.least_squares import lstsq
from jaxmath.linalg.spectral import spectral_fn
from jaxmath.numerics import dot, matmul, safe_divide, safe_norm
from jaxmath.optimize._solver import as_like, or_one
from jaxmath.typing import Array, ArrayLike, as_array, check_precision

__all__ = [
    "project_affine",
    "project_ball",
    "project_box",
    "project_half_space",
    "project_psd",
    "project_simplex",
]


def _unless_empty(nonempty: Array, value: Array) -> Array:
    """The value, or NaN."""
    return value * jnp.where(nonempty, 1.0, jnp.nan).astype(value.dtype)


def _scalar(name: str, value: ArrayLike, x: Array) -> Array:
    return as_array(name, value, shape=()).astype(x.dtype)


@compiled
def project_box(x: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Array:
    """The nearest point of a box.

    ::

        P(x)ᵢ = min(max(xᵢ, lᵢ), uᵢ),   C = {z : l ≤ z ≤ u}

    Args:
      x: vector, shape (n,).
      lower: l, a scalar or shape (n,); −∞ where there is no bound.
      upper: u, a scalar or shape (n,); ∞ where there is no bound.

    Returns:
      A vector of the shape and dtype of ``x``.

    Raises:
      ValueError: ``x`` is no vector, or a bound has another shape.

    Numerics:
      Exact, infinite entries included. On a bound the derivative is 0 in xᵢ and 1 in the bound
      (in l where l = u). An empty box (some lᵢ > uᵢ) and a NaN bound give NaN throughout; a NaN
      entry stays. Cost: 2n comparisons.

    Example:
      >>> print(project_box(jnp.array([-1.0, 0.5, 3.0]), 0.0, jnp.array([1.0, 1.0, jnp.inf])))
      [0.  0.5 3. ]

    References:
      S. Boyd, L. Vandenberghe, "Convex Optimization", 2004, section 8.1.1.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    lower, upper = as_like("lower", lower, x), as_like("upper", upper, x)
    value = jnp.where(x <= lower, lower, jnp.where(x >= upper, upper, x))
    return _unless_empty(jnp.all(lower <= upper), value)


@compiled
def project_ball(x: ArrayLike, center: ArrayLike, radius: ArrayLike) -> Array:
    """The nearest point of a Euclidean ball.

    ::

        P(x) = c + r (x − c)/max(‖x − c‖, r),   C = {z : ‖z − c‖ ≤ r}

    Args:
      x: vector, shape (n,).
      center: c, a scalar or shape (n,).
      radius: r, a scalar; ∞ for the whole space.

    Returns:
      A vector of the shape and dtype of ``x``.

    Raises:
      ValueError: ``x`` is no vector, or the center or the radius has another shape.

    Numerics:
      Error of a few eps·(‖c‖ + r), without overflow on the way; inside, x itself. On the sphere
      the derivative is that from outside, I − uuᵀ with u = (x − c)/r; for r = 0 it is 0 in x. A
      negative or NaN radius gives NaN; x must be finite. Cost: 4n.

    Example:
      >>> print([f"{v:.2f}" for v in project_ball(jnp.array([3.0, 4.0]), 0.0, 1.0)])
      ['0.60', '0.80']

    References:
      N. Parikh, S. Boyd, "Proximal Algorithms", 2014, section 6.5.1.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    center, radius = as_like("center", center, x), _scalar("radius", radius, x)
    # Near the largest number a quarter of both: their difference may be beyond it.
    large = jnp.maximum(jnp.max(jnp.abs(x)), jnp.max(jnp.abs(center)))
    unit = jnp.where(large > float(jnp.finfo(x.dtype).max) / 4, 0.25, 1.0).astype(x.dtype)
    offset = unit * x - unit * center
    outside = safe_norm(offset) >= unit * radius
    # Over the largest first: the norm may be beyond the range.
    size = or_one(lax.stop_gradient(jnp.max(jnp.abs(offset))))
    distance = safe_norm(offset / size)
    length = jnp.where(outside & (distance > 0), distance, 1.0)
    nearest = center + jnp.where(outside, radius, 0.0) * (offset / size / length)
    valid = (radius >= 0) & ~jnp.any(jnp.isnan(center))
    return _unless_empty(valid, jnp.where(outside, nearest, x))


@compiled
def project_half_space(x: ArrayLike, a: ArrayLike, b: ArrayLike) -> Array:
    """The nearest point of a half-space.

    ::

        P(x) = x − max(aᵀx − b, 0) a/‖a‖²,   C = {z : aᵀz ≤ b}

    Args:
      x: vector, shape (n,).
      a: the outer normal, shape (n,).
      b: the offset, a scalar; ∞ for the whole space.

    Returns:
      A vector of the shape and dtype of ``x``.

    Raises:
      ValueError: ``x`` is no vector, ``a`` has another shape, or ``b`` is no scalar.

    Numerics:
      Error of n·eps·(‖x‖ + |b|/‖a‖), for normals of every size. On the plane the derivative is
      that from outside, I − aaᵀ/‖a‖². a = 0 is the whole space where b ≥ 0, and empty where b < 0:
      NaN, as for b = −∞. Cost: 6n.

    Example:
      >>> print(project_half_space(jnp.array([2.0, 1.0]), jnp.array([2.0, 0.0]), 2.0))
      [1. 1.]

    References:
      N. Parikh, S. Boyd, "Proximal Algorithms", 2014, section 6.2.3.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    a, b = as_like("a", as_array("a", a, shape=x.shape), x), _scalar("b", b, x)
    size = safe_norm(a)
    bounded = (size > 0) & (b < jnp.inf)
    normal = safe_divide(a, size)
    excess = dot(normal, x) - safe_divide(jnp.where(bounded, b, 0.0), size)
    step = jnp.where(bounded & ~(excess < 0), excess, 0.0)
    return _unless_empty((b > -jnp.inf) & ((size != 0) | (b >= 0)), x - step * normal)


@compiled
def project_affine(x: ArrayLike, A: ArrayLike, b: ArrayLike) -> Array:
    """The nearest solution of a linear system.

    ::

        P(x) = x − A⁺(A x − b),   C = {z : A z = b}

    Args:
      x: vector, shape (n,).
      A: matrix, shape (m, n), of any rank and the dtype of ``x``.
      b: right side, shape (m,), of the dtype of ``x``.

    Returns:
      A vector of the shape and dtype of ``x``.

    Raises:
      TypeError: the dtypes differ.
      ValueError: the shapes do not fit.

    Numerics:
      Error of about n·eps·s₁/s·(‖x‖ + ‖b‖/s), s the least of the singular values above
      max(m, n)·eps·s₁, which count as positive. Where the system has no solution, C is the set of
      its least-squares solutions, never empty. The derivative in x is I − A⁺A; in A and b it is
      exact at full rank, and along directions that keep the rank elsewhere. Cost
      O(mn·min(m, n)).

    Example:
      >>> plane = jnp.array([[1.0, 1.0]])
      >>> nearest = project_affine(jnp.array([2.0, 2.0]), plane, jnp.array([2.0]))
      >>> print([f"{v:.2f}" for v in nearest])
      ['1.00', '1.00']

    References:
      N. Parikh, S. Boyd, "Proximal Algorithms", 2014, section 6.2.2.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    A = as_array("A", A, shape=(None, x.shape[0]), min_size=1)
    check_precision("A", A)
    b = as_array("b", b, shape=A.shape[:1])
    for name, array in (("A", A), ("b", b)):
        if array.dtype != x.dtype:
            raise TypeError(
                f"argument `{name}` must have the dtype {x.dtype} of `x`, got {array.dtype}"
            )
    return x - lstsq(A, matmul(A, x) - b).x


@compiled
def project_simplex(x: ArrayLike, total: ArrayLike = 1.0) -> Array:
    """The nearest point of a simplex: nonnegative entries of a given sum.

    ::

        P(x) = max(x − τ, 0),   τ = (Σᵢ≤ₖ x₍ᵢ₎ − s)/k,   C = {z ≥ 0 : Σᵢ zᵢ = s}
        x₍₁₎ ≥ … ≥ x₍ₙ₎,   k = max {j : x₍ⱼ₎ > (Σᵢ≤ⱼ x₍ᵢ₎ − s)/j}

    Args:
      x: vector, shape (n,).
      total: s, a scalar; 1 for probability vectors.

    Returns:
      A vector of the shape and dtype of ``x``, nonnegative, whose sum is s to n·eps·s.

    Raises:
      ValueError: ``x`` is no vector, or ``total`` is no scalar.

    Numerics:
      Entries are taken relative to the largest, and those more than s below it as s below it,
      which changes nothing and keeps every sum within n·s: the error is a few eps·max|xᵢ| + n·eps·s
      whatever the others are. Equal entries stay equal. The derivative is that of the face,
      dPᵢ = dxᵢ − (mean of dx over the face) + ds/k; an entry exactly at τ counts as outside the
      face. s = 0 gives 0 with derivative 0. s < 0, s = ∞, NaN and x = ∞ give NaN; an entry −∞ is 0.
      Cost: one sort.

    Example:
      >>> print([f"{v:.2f}" for v in project_simplex(jnp.array([0.5, 1.0, -1.0]))])
      ['0.25', '0.75', '0.00']

    References:
      M. Held, P. Wolfe, H. P. Crowder, "Validation of subgradient optimization", 1974, page 69.
      J. Duchi, S. Shalev-Shwartz, Y. Singer, T. Chandra, "Efficient projections onto the l1-ball
      for learning in high dimensions", 2008, figure 1.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    total = _scalar("total", total, x)
    below = x - lax.stop_gradient(max_of(x))
    below = jnp.where(below <= -total, -total, below)
    fixed, amount = lax.stop_gradient((below, total))
    ordered = jnp.sort(fixed)[::-1]
    counts = jnp.arange(1, x.shape[0] + 1).astype(x.dtype)
    thresholds = (jnp.cumsum(ordered) - amount) / counts
    k = jnp.maximum(jnp.sum(ordered > thresholds), 1)
    face = fixed > thresholds[k - 1]
    size = jnp.sum(face, dtype=x.dtype)
    threshold = safe_divide(jnp.sum(jnp.where(face, below, 0.0)) - total, size)
    value = jnp.where(face & (below > threshold), below - threshold, 0.0)
    valid = (total >= 0) & (total < jnp.inf) & ~jnp.any(jnp.isnan(below))
    return _unless_empty(valid, value)


def _positive_part(x: Array) -> Array:
    return jnp.where(x <= 0, jnp.zeros_like(x), x)  # NaN stays


@compiled
def project_psd(A: ArrayLike) -> Array:
    """The nearest positive semidefinite matrix, in the Frobenius norm.

    ::

        P(A) = V max(Λ, 0) Vᵀ for (A + Aᵀ)/2 = V Λ Vᵀ,   C = {Z = Zᵀ : vᵀZv ≥ 0 for all v}
        DP(A)[E] = V (F ∘ VᵀEV) Vᵀ,   Fᵢⱼ = (max(λᵢ, 0) − max(λⱼ, 0))/(λᵢ − λⱼ)

    Args:
      A: matrix, shape (n, n); its symmetric part counts.

    Returns:
      A symmetric matrix of the shape and dtype of ``A``.

    Raises:
      TypeError: ``A`` is complex.
      ValueError: ``A`` is no square matrix.

    Numerics:
      Error of a few n·eps·‖A‖: the least eigenvalue may be that much below 0. Derivatives of both
      modes are right at repeated eigenvalues (F = 1 or 0 there), as in ``spectral_fn``. The kink is
      the singular matrices, where λ = 0 counts as not positive. NaN gives NaN. Cost O(n³).

    Example:
      >>> print(project_psd(jnp.diag(jnp.array([2.0, -1.0]))))
      [[2. 0.]
       [0. 0.]]

    References:
      N. J. Higham, "Computing a nearest symmetric positive semidefinite matrix", 1988, theorem 2.1.
    """
    A = as_array("A", A, ndim=2, min_size=1)
    check_precision("A", A)
    return spectral_fn(_positive_part, as_array("A", A, shape=(A.shape[0], A.shape[0])))
