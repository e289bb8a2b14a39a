"""Minimizers of a linear function over simple convex sets, as the Frank–Wolfe method asks for.

Each is a vertex, or a point of the boundary, in closed form: cheaper than a projection.
"""

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath.numerics import safe_divide, safe_norm
from jaxmath.optimize._solver import as_like, or_one
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["linear_oracle_ball", "linear_oracle_box", "linear_oracle_simplex"]


def _vector_and_scalar(g: ArrayLike, name: str, value: ArrayLike) -> tuple[Array, Array]:
    g = as_array("g", g, ndim=1, min_size=1)
    return g, as_array(name, value, shape=()).astype(g.dtype)


@compiled
def linear_oracle_simplex(g: ArrayLike, total: ArrayLike = 1.0) -> Array:
    """The vertex of a simplex where a linear function is least.

    ::

        argmin {gᵀz : z ≥ 0, Σᵢ zᵢ = s} = s eₖ,   k = argminᵢ gᵢ

    Args:
      g: the linear function, shape (n,).
      total: s, a scalar.

    Returns:
      A vector of the shape and dtype of ``g``, with one entry that is not 0.

    Raises:
      ValueError: ``g`` is no vector, or ``total`` is no scalar.

    Numerics:
      Exact; the first of several least entries. The derivative in g is 0. s < 0 (an empty set) and
      NaN give NaN. Cost: n comparisons.

    Example:
      >>> print(linear_oracle_simplex(jnp.array([3.0, 1.0, 2.0])))
      [0. 1. 0.]

    References:
      M. Jaggi, "Revisiting Frank–Wolfe: projection-free sparse convex optimization", 2013, table 1.
    """
    g, total = _vector_and_scalar(g, "total", total)
    vertex = jnp.where(jnp.arange(g.shape[0]) == jnp.argmin(g), total, 0.0)
    return jnp.where((total >= 0) & ~jnp.any(jnp.isnan(g)), vertex, jnp.nan)


@compiled
def linear_oracle_box(g: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Array:
    """The corner of a box where a linear function is least.

    ::

        argmin {gᵀz : l ≤ z ≤ u},   zᵢ = lᵢ where gᵢ ≥ 0, uᵢ where gᵢ < 0

    Args:
      g: the linear function, shape (n,).
      lower: l, a scalar or shape (n,).
      upper: u, a scalar or shape (n,).

    Returns:
      A vector of the shape and dtype of ``g``.

    Raises:
      ValueError: ``g`` is no vector, or a bound has another shape.

    Numerics:
      Exact. The derivative in g is 0. An infinite bound where it counts gives an infinite entry:
      the function is not bounded below. Where gᵢ = 0 any zᵢ will do: uᵢ where lᵢ = −∞, and 0 where
      uᵢ = ∞ too. Some lᵢ > uᵢ (an empty set) and NaN give NaN. Cost: 5n comparisons.

    Example:
      >>> print(linear_oracle_box(jnp.array([3.0, -1.0]), 0.0, 2.0))
      [0. 2.]

    References:
      M. Jaggi, "Revisiting Frank–Wolfe: projection-free sparse convex optimization", 2013,
      section 4.
    """
    g = as_array("g", g, ndim=1, min_size=1)
    lower, upper = as_like("lower", lower, g), as_like("upper", upper, g)
    valid = jnp.all(lower <= upper) & ~jnp.any(jnp.isnan(g))
    nearest = jnp.where(lower > -jnp.inf, lower, jnp.where(upper < jnp.inf, upper, 0.0))
    corner = jnp.where(g > 0, lower, jnp.where(g < 0, upper, nearest))
    return jnp.where(valid, corner, jnp.nan)


@compiled
def linear_oracle_ball(g: ArrayLike, center: ArrayLike = 0.0, radius: ArrayLike = 1.0) -> Array:
    """The point of a Euclidean ball where a linear function is least.

    ::

        argmin {gᵀz : ‖z − c‖ ≤ r} = c − r g/‖g‖

    Args:
      g: the linear function, shape (n,).
      center: c, a scalar or shape (n,).
      radius: r, a scalar.

    Returns:
      A vector of the shape and dtype of ``g``.

    Raises:
      ValueError: ``g`` is no vector, or the center or the radius has another shape.

    Numerics:
      Relative error of a few eps, without overflow on the way. g = 0 gives c, with derivative 0.
      A negative radius (an empty set) and NaN give NaN. Cost: 4n.

    Example:
      >>> print([f"{v:.1f}" for v in linear_oracle_ball(jnp.array([3.0, -4.0]))])
      ['-0.6', '0.8']

    References:
      M. Jaggi, "Revisiting Frank–Wolfe: projection-free sparse convex optimization", 2013,
      section 4.
    """
    g, radius = _vector_and_scalar(g, "radius", radius)
    # Over the largest first: the norm may be beyond the range, and its reciprocal below it.
    largest = or_one(lax.stop_gradient(jnp.max(jnp.abs(g))))
    part = jnp.where(largest > float(jnp.finfo(g.dtype).max) / 4, 0.25, 1.0).astype(g.dtype)
    unit = (part * g) / (part * largest)
    point = as_like("center", center, g) - radius * safe_divide(unit, safe_norm(unit))
    return jnp.where(radius >= 0, point, jnp.nan)
