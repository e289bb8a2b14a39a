"""The Wasserstein distance on the line, exact: what it costs to move one sample onto another."""

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath.typing import Array, ArrayLike, as_array, check_number

__all__ = ["wasserstein_distance"]


def _quantiles(name: str, values: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array]:
    """The values in order, and the sum of the weights up to each, which is of the order of 1."""
    values = as_array(name, values, ndim=1, min_size=1)
    if weights is None:
        weights = jnp.ones_like(values)
    weights = as_array(f"{name}_weights", weights, shape=values.shape).astype(values.dtype)
    weights = jnp.where(weights < 0, jnp.nan, weights)
    order = jnp.argsort(values)
    sums = jnp.cumsum(weights[order])
    total = lax.stop_gradient(sums[-1])
    # 4 · 2⁻ᵉ, a power of two, by which whole weights stay exact.
    return values[order], sums * (4.0 * jnp.frexp(total)[0] / total)


def _mean_power(distance: Array, share: Array, p: float) -> Array:
    """(Σ share · distance^p)^(1/p), with gradient 0 at 0 and no overflow on the way."""
    if p == 1:
        return jnp.sum(share * distance)
    largest = lax.stop_gradient(jnp.max(jnp.where(share > 0, distance, 0.0)))
    unit = distance / jnp.where(largest == 0, 1.0, largest)
    # A value without weight may lie so far out that 0 · ∞ would come of it.
    unit = jnp.where((share == 0) & (unit**p == jnp.inf), 0.0, unit)
    total = jnp.sum(share * unit**p)
    nothing = total == 0
    return jnp.where(nothing, 0.0, largest * jnp.where(nothing, 1.0, total) ** (1.0 / p))


@compiled
def wasserstein_distance(
    u: ArrayLike,
    v: ArrayLike,
    *,
    u_weights: ArrayLike | None = None,
    v_weights: ArrayLike | None = None,
    p: float = 1.0,
) -> Array:
    """The p-Wasserstein distance between two samples of numbers.

    ::

        W_p = (∫₀¹ |F⁻¹(t) − G⁻¹(t)|^p dt)^{1/p},   F⁻¹(t) = min {x : F(x) ≥ t}
        W₁ = ∫ |F(x) − G(x)| dx

    Args:
      u: values of one sample, shape (n,).
      v: values of the other, shape (m,).
      u_weights: weights ≥ 0 of the values, shape (n,), not all 0; they are divided by their sum.
        None for equal ones.
      v_weights: weights of the other values, shape (m,).
      p: the exponent, a number of at least 1.

    Returns:
      W_p, a scalar ≥ 0 of the dtype of ``u``.

    Numerics:
      The quantile functions are steps; between those of F and G that coincide nothing is left where
      the weights are equal or whole (and sum to at most 2²⁴ in float32). Other weights are rounded,
      by up to (n + m)·eps of their sum: what so lies at the distance D of the wrong value adds
      ((n + m)·eps)^{1/p}·D at most, which is rounding for p = 1 and may be seen above. A negative
      weight, and weights that sum to 0, give NaN. Differentiable in values and weights where the
      order is strict. Singular set: where values of both samples coincide, or the distance is 0,
      those terms have derivative 0; ties within a sample take one of their orders, and where a step
      of F and a step of G coincide (as with equal weights) a derivative in the weights is that of
      less weight below in u. Cost: three sorts.

    Example:
      >>> f"{wasserstein_distance([0.0, 1.0, 3.0], [5.0, 6.0, 8.0]):.1f}"
      '5.0'
      >>> f"{wasserstein_distance([0.0], [3.0, 4.0], p=2):.4f}"
      '3.5355'

    References:
      C. Villani, "Topics in Optimal Transportation", 2003, theorem 2.18 and remarks 2.19;
      SciPy, ``scipy.stats.wasserstein_distance``, for p = 1.
    """
    check_number("p", p, low=1.0)
    u, F = _quantiles("u", u, u_weights)
    v, G = _quantiles("v", v, v_weights)
    v, G = v.astype(u.dtype), G.astype(u.dtype)
    # A_i/A = B_j/B is told by A_i B = B_j A, which is exact where the sums are: a quotient off by
    # eps would leave a step of this width, and its p-th root is not small.
    steps = jnp.concatenate([F * G[-1], G * F[-1]])
    order = jnp.argsort(steps)
    steps = steps[order]
    share = jnp.diff(steps, prepend=0.0) / steps[-1]
    of_u = (order < u.shape[0]).astype(order.dtype)
    at_u = jnp.cumsum(of_u) - of_u  # the steps of F before
    at_v = jnp.arange(order.size) - at_u
    gap = u[jnp.minimum(at_u, u.shape[0] - 1)] - v[jnp.minimum(at_v, v.shape[0] - 1)]
    # Not jnp.abs, whose derivative at 0 is 1.
    return _mean_power(gap * jnp.sign(gap), share, float(p))
