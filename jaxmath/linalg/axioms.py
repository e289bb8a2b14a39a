"""Checks on samples that a map is linear, a metric a metric, an inner product an inner product.

Each returns the worst violation of each axiom, relative to the numbers compared: a sample can
refute an axiom, and cannot prove it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.numerics import safe_divide
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "InnerProductCheck",
    "LinearMapCheck",
    "MetricCheck",
    "is_inner_product",
    "is_linear_map",
    "is_metric",
]


def _samples(**arrays: ArrayLike) -> list[Array]:
    """The samples by name, each of the shape of the first."""
    (name, first), *others = arrays.items()
    first = as_array(name, first, ndim=2, min_size=1)
    return [first, *(as_array(key, other, shape=first.shape) for key, other in others)]


def _callable(name: str, fn: Callable) -> Callable:
    if not callable(fn):
        raise TypeError(f"argument `{name}` must be callable, got {type(fn).__name__}")
    return fn


def _on_samples(name: str, fn: Callable, dtype: Any) -> Callable[..., Array]:
    """fn at each row; truth values and counts as numbers, as 1 − 2 is no count."""
    of_rows = jax.vmap(_callable(name, fn))

    def values(*samples: Array) -> Array:
        found = of_rows(*samples)
        return found if jnp.issubdtype(found.dtype, jnp.inexact) else found.astype(dtype)

    return values


def _tolerance(X: Array, rtol: Scalar | None) -> Scalar:
    if rtol is None:
        return float(jnp.finfo(X.dtype).eps) ** 0.5
    check_number("rtol", rtol, low=0)
    return rtol


def _worst(difference: Array, *terms: Array) -> Array:
    """max |difference| over the samples, relative to the largest of the terms of each sample."""
    flat = [max_of(jnp.abs(v).reshape(v.shape[0], -1), axis=1) for v in (difference, *terms)]
    return max_of(safe_divide(flat[0], max_of(jnp.stack(flat[1:]), axis=0)))


def _within(rtol: Scalar, *violations: Array) -> Array:
    """Whether all are at most rtol; NaN is not."""
    return jnp.all(jnp.stack(violations) <= jnp.asarray(rtol, violations[0].dtype))


class LinearMapCheck(NamedTuple):
    """How far a map is from linear on the samples.

    ::

        f(x + y) = f(x) + f(y),   f(a x) = a f(x)

    Args:
      holds: boolean, whether no violation exceeds the tolerance.
      additivity: the worst relative violation of the first.
      homogeneity: the worst relative violation of the second.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> LinearMapCheck(holds=True, additivity=0.0, homogeneity=0.0).holds
      True
    """

    holds: Any
    additivity: Any
    homogeneity: Any


def is_linear_map(
    map_fn: Callable[[Array], Array],
    X: ArrayLike,
    Y: ArrayLike,
    a: ArrayLike,
    *,
    rtol: Scalar | None = None,
) -> LinearMapCheck:
    """Check on samples that a map is linear.

    ::

        f(xᵢ + yᵢ) = f(xᵢ) + f(yᵢ),   f(aᵢxᵢ) = aᵢf(xᵢ)   for i = 1, …, n

    Args:
      map_fn: the map, from a vector of shape (d,) to an array.
      X: samples as rows, shape (n, d).
      Y: samples as rows, shape (n, d).
      a: scalars, shape (n,).
      rtol: relative violation that passes as rounding; None for √eps.

    Returns:
      ``LinearMapCheck`` with the worst violations, each the largest |left − right| of a sample
      over its largest term.

    Raises:
      TypeError: map_fn is not callable.
      ValueError: the shapes differ, or rtol is negative.

    Numerics:
      A map that cancels (‖f(x)‖ far below ‖f‖·‖x‖) shows its rounding as a violation. NaN in a
      value is a violation of NaN, which does not hold. No gradient of use. Cost: 4n calls.

    Example:
      >>> X, Y, a = jnp.eye(2), jnp.ones((2, 2)), jnp.array([2.0, -1.0])
      >>> print(is_linear_map(lambda x: 3.0 * x, X, Y, a).holds)
      True
      >>> check = is_linear_map(lambda x: x + 1.0, X, Y, a)
      >>> print(check.holds, f"{check.additivity:.2f}")
      False 0.33

    References:
      S. Axler, "Linear Algebra Done Right", 4th edition, 2024, definition 3.1.
    """
    X, Y = _samples(X=X, Y=Y)
    f = _on_samples("map_fn", map_fn, X.dtype)
    a = as_array("a", a, shape=(X.shape[0],))
    of_x, of_y, of_sum, of_scaled = f(X), f(Y), f(X + Y), f(a[:, None] * X)
    scaled = jax.vmap(lambda s, y: s * y)(a, of_x)
    additivity = _worst(of_sum - of_x - of_y, of_sum, of_x, of_y)
    homogeneity = _worst(of_scaled - scaled, of_scaled, scaled)
    holds = _within(_tolerance(X, rtol), additivity, homogeneity)
    return LinearMapCheck(holds, additivity, homogeneity)


class MetricCheck(NamedTuple):
    """How far a function of two points is from a metric on the samples.

    ::

        d(x, x) = 0,   d(x, y) > 0 for x ≠ y,   d(x, y) = d(y, x),   d(x, z) ≤ d(x, y) + d(y, z)

    Args:
      holds: boolean, whether no violation exceeds the tolerance.
      identity: the worst |d(x, x)|, relative to the distances in its sample.
      positivity: the share of the pairs of distinct points whose distance is not positive.
      symmetry: the worst relative |d(x, y) − d(y, x)|.
      triangle: the worst excess over the triangle inequality, relative to the longest side.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> MetricCheck(True, 0.0, 0.0, 0.0, 0.0).holds
      True
    """

    holds: Any
    identity: Any
    positivity: Any
    symmetry: Any
    triangle: Any


def is_metric(
    metric_fn: Callable[[Array, Array], Array],
    X: ArrayLike,
    Y: ArrayLike,
    Z: ArrayLike,
    *,
    rtol: Scalar | None = None,
) -> MetricCheck:
    """Check on samples that a function of two points is a metric.

    ::

        d(x, x) = 0,   d(x, y) > 0 for x ≠ y,   d(x, y) = d(y, x),   d(x, z) ≤ d(x, y) + d(y, z)

    Args:
      metric_fn: the function, from two vectors of shape (d,) to a scalar (a truth value or a
        count too).
      X: points as rows, shape (n, d); each with its yᵢ and zᵢ makes a triangle.
      Y: points as rows, shape (n, d).
      Z: points as rows, shape (n, d).
      rtol: relative violation that passes as rounding; None for √eps.

    Returns:
      ``MetricCheck`` with the worst violations over the n triangles and all orders of corners.

    Raises:
      TypeError: metric_fn is not callable.
      ValueError: the shapes differ, or rtol is negative.

    Numerics:
      NaN in a value is a violation of NaN, which does not hold. No gradient of use. Cost: 9n
      calls.

    Example:
      >>> X, Y, Z = jnp.array([[0.0]]), jnp.array([[1.0]]), jnp.array([[2.0]])
      >>> print(is_metric(lambda x, y: jnp.sum(jnp.abs(x - y)), X, Y, Z).holds)
      True
      >>> check = is_metric(lambda x, y: jnp.sum((x - y) ** 2), X, Y, Z)
      >>> print(check.holds, f"{check.triangle:.2f}")
      False 0.50

    References:
      W. Rudin, "Principles of Mathematical Analysis", 3rd edition, 1976, definition 2.15.
    """
    X, Y, Z = corners = _samples(X=X, Y=Y, Z=Z)
    d = _on_samples("metric_fn", metric_fn, X.dtype)
    pairs = [(X, Y), (Y, Z), (Z, X)]
    there = jnp.stack([d(p, q) for p, q in pairs])
    back = jnp.stack([d(q, p) for p, q in pairs])
    own = jnp.stack([d(p, p) for p in corners])
    distinct = jnp.stack([jnp.any(p != q, axis=1) for p, q in pairs])
    longest = max_of(jnp.abs(there), axis=0)
    # The other two sides of each side of the triangle.
    detour = jnp.roll(there, 1, axis=0) + jnp.roll(there, 2, axis=0)
    wrong = jnp.where(jnp.isnan(there), jnp.nan, jnp.where(distinct & ~(there > 0), 1.0, 0.0))
    count = jnp.maximum(jnp.sum(distinct, dtype=there.dtype), 1.0)
    identity = _worst(own.T, own.T, there.T)
    positivity = jnp.sum(wrong).astype(there.dtype) / count
    symmetry = _worst((there - back).T, there.T, back.T)
    triangle = max_of(safe_divide(max_of(jnp.maximum(there - detour, 0.0), axis=0), longest))
    holds = _within(_tolerance(X, rtol), identity, positivity, symmetry, triangle)
    return MetricCheck(holds & (positivity == 0), identity, positivity, symmetry, triangle)


class InnerProductCheck(NamedTuple):
    """How far a function of two vectors is from a real inner product on the samples.

    ::

        ⟨x, y⟩ = ⟨y, x⟩,   ⟨a x + y, z⟩ = a⟨x, z⟩ + ⟨y, z⟩,   ⟨x, x⟩ > 0 for x ≠ 0

    Args:
      holds: boolean, whether no violation exceeds the tolerance.
      symmetry: the worst violation of the first, relative to √(⟨x, x⟩⟨y, y⟩).
      linearity: the worst violation of the second, relative to its terms.
      positivity: the share of the vectors x ≠ 0 for which ⟨x, x⟩ is not positive.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> InnerProductCheck(True, 0.0, 0.0, 0.0).holds
      True
    """

    holds: Any
    symmetry: Any
    linearity: Any
    positivity: Any


def is_inner_product(
    inner_fn: Callable[[Array, Array], Array],
    X: ArrayLike,
    Y: ArrayLike,
    Z: ArrayLike,
    a: ArrayLike,
    *,
    rtol: Scalar | None = None,
) -> InnerProductCheck:
    """Check on samples that a function of two vectors is a real inner product.

    ::

        ⟨x, y⟩ = ⟨y, x⟩,   ⟨a x + y, z⟩ = a⟨x, z⟩ + ⟨y, z⟩,   ⟨x, x⟩ > 0 for x ≠ 0

    Args:
      inner_fn: the function, from two vectors of shape (d,) to a real scalar.
      X: samples as rows, shape (n, d).
      Y: samples as rows, shape (n, d).
      Z: samples as rows, shape (n, d).
      a: scalars, shape (n,).
      rtol: relative violation that passes as rounding; None for √eps.

    Returns:
      ``InnerProductCheck`` with the worst violations over the n samples.

    Raises:
      TypeError: inner_fn is not callable, or a sample is complex.
      ValueError: the shapes differ, or rtol is negative.

    Numerics:
      Violations are relative to the lengths that the function itself gives the vectors, so that
      nearly orthogonal ones do not show their rounding. NaN in a value is a violation of NaN,
      which does not hold. No gradient of use. Cost: 8n calls.

    Example:
      >>> X, Y, Z = jnp.eye(2), jnp.ones((2, 2)), jnp.array([[1.0, 2.0], [3.0, 4.0]])
      >>> a = jnp.array([2.0, -1.0])
      >>> print(is_inner_product(jnp.dot, X, Y, Z, a).holds)
      True
      >>> minkowski = lambda x, y: x[0] * y[0] - x[1] * y[1]
      >>> print(is_inner_product(minkowski, X, Y, Z, a).positivity > 0)
      True

    References:
      S. Axler, "Linear Algebra Done Right", 4th edition, 2024, definition 6.2.
    """
    X, Y, Z = vectors = _samples(X=X, Y=Y, Z=Z)
    inner = _on_samples("inner_fn", inner_fn, X.dtype)
    a = as_array("a", a, shape=(X.shape[0],))
    xy, yx, xz, yz = inner(X, Y), inner(Y, X), inner(X, Z), inner(Y, Z)
    whole = inner(a[:, None] * X + Y, Z)
    squares = jnp.stack([inner(v, v) for v in vectors])
    lengths = jnp.sqrt(jnp.abs(squares))
    nonzero = jnp.stack([jnp.any(v != 0, axis=1) for v in vectors])
    wrong = jnp.where(jnp.isnan(squares), jnp.nan, jnp.where(nonzero & ~(squares > 0), 1.0, 0.0))
    count = jnp.maximum(jnp.sum(nonzero, dtype=squares.dtype), 1.0)
    symmetry = _worst(xy - yx, xy, yx, lengths[0] * lengths[1])
    room = (jnp.abs(a) * lengths[0] + lengths[1]) * lengths[2]
    linearity = _worst(whole - a * xz - yz, whole, a * xz, yz, room)
    positivity = jnp.sum(wrong).astype(squares.dtype) / count
    holds = _within(_tolerance(X, rtol), symmetry, linearity, positivity)
    return InnerProductCheck(holds & (positivity == 0), symmetry, linearity, positivity)
