"""Checks on samples that a function is convex or quasiconvex.

Each returns the worst violation of each condition, relative to the numbers compared: a sample can
refute convexity, and cannot prove it. Concavity is the convexity of −f.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.numerics import dot, safe_divide
from jaxmath.optimize._solver import objective, solver
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number, check_precision

__all__ = ["ConvexityCheck", "QuasiconvexityCheck", "is_convex", "is_quasiconvex"]


def _samples(X: ArrayLike, Y: ArrayLike, t: ArrayLike) -> tuple[Array, Array, Array]:
    X = as_array("X", X, ndim=2, min_size=1)
    Y = as_array("Y", Y, shape=X.shape)
    t = as_array("t", t, shape=X.shape[:1])
    return X, Y, jnp.where((t >= 0) & (t <= 1), t, jnp.nan)


def _bowl(mu: Array) -> Callable[[Array], Array]:
    """(μ/2)‖x‖²; 0 for μ = 0, where ‖x‖² overflows too."""
    return lambda x: mu / 2.0 * jnp.where(mu == 0, 0.0, dot(x, x))


def _tolerance(rtol: Scalar | None, dtype: Any) -> Array:
    """Twenty or more roundings (200 in float32): eps^⅔."""
    check_number("rtol", 0.0 if rtol is None else rtol, low=0.0)
    return jnp.asarray(float(jnp.finfo(dtype).eps) ** (2 / 3) if rtol is None else rtol, dtype)


def _between(X: Array, Y: Array, t: Array) -> Array:
    return (1.0 - t)[:, None] * X + t[:, None] * Y


def _size(value: Array, gradient: Array, X: Array, Y: Array) -> Array:
    """|f(x)| + Σᵢ |∂ᵢf(x)| (|xᵢ| + |yᵢ|): what rounding in f, x and y is relative to."""
    spread = jnp.sum(jnp.abs(gradient) * (jnp.abs(X) + jnp.abs(Y)), axis=1)
    return jnp.abs(value) + spread


def _largest(middle: Array, *sizes: Array) -> Array:
    """The larger size of the ends, and of the middle where it is finite."""
    return jnp.maximum(jnp.maximum(*sizes), jnp.where(jnp.isinf(middle), 0.0, jnp.abs(middle)))


def _worst(excess: Array, size: Array, counts: Array) -> Array:
    """The largest relative excess among the samples that count, 0 where there is none."""
    relative = safe_divide(jnp.maximum(excess, 0.0), jnp.where(counts, size, 1.0))
    relative = jnp.where(jnp.isposinf(excess), jnp.inf, relative)
    return max_of(jnp.where(counts, relative, 0.0))


class ConvexityCheck(NamedTuple):
    """How far a function is from convex on the samples.

    ::

        f((1−t)x + t y) ≤ (1−t) f(x) + t f(y),   f(y) ≥ f(x) + ∇f(x)ᵀ(y − x),   ∇²f(x) ⪰ 0

    Args:
      holds: boolean, whether no violation exceeds the tolerance.
      jensen: the worst relative violation of the first.
      first_order: the worst relative violation of the second.
      second_order: the worst −λ_min/max|λ| of a Hessian; (μ − λ_min)/(max|λ| + |μ|) with a modulus.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> ConvexityCheck(True, 0.0, 0.0, 0.0).holds
      True
    """

    holds: Any
    jensen: Any
    first_order: Any
    second_order: Any


@solver
def is_convex(
    fun: Callable[..., Array],
    X: ArrayLike,
    Y: ArrayLike,
    t: ArrayLike,
    args: tuple = (),
    *,
    modulus: Scalar = 0.0,
    rtol: Scalar | None = None,
) -> ConvexityCheck:
    """Check on samples that a function is convex, by Jensen's inequality, tangents and curvature.

    ::

        f((1−tᵢ)xᵢ + tᵢyᵢ) ≤ (1−tᵢ) f(xᵢ) + tᵢ f(yᵢ)   for i = 1, …, n
        f(y) ≥ f(x) + ∇f(x)ᵀ(y − x),   λ_min(∇²f(x)) ≥ 0   for all (x, y) = (xᵢ, yᵢ), (yᵢ, xᵢ)

    Args:
      fun: f(x, *args), from a vector of shape (d,) to a real scalar; ∞ outside its domain.
      X: points as rows, shape (n, d).
      Y: points as rows, shape (n, d).
      t: numbers in [0, 1], shape (n,); others give NaN.
      args: further arguments of ``fun``.
      modulus: μ of strong convexity; what is checked is f(x) − (μ/2)‖x‖².
      rtol: relative violation that passes as rounding; None for eps^⅔.

    Returns:
      ``ConvexityCheck`` with the worst violations: of the first two relative to
      |f(x)| + Σⱼ |∂ⱼf(x)|(|xⱼ| + |yⱼ|) at either point and to |f| between
      them, of the third to max|λ|; to these of f and of (μ/2)‖x‖² together with a modulus.

    Raises:
      TypeError: ``fun`` is not callable.
      ValueError: the shapes differ, or rtol is negative.

    Numerics:
      A violation above eps^⅔ (2·10⁻⁵ in float32, 4·10⁻¹¹ in float64) is no rounding unless f
      itself cancels: (x − 1)⁸ multiplied out is not convex as computed. Where f is not smooth jax's
      derivative counts, a subgradient for max and |·|; a kink has curvature 0. A point with f = ∞
      is outside the domain, an ∞ between two points of the domain violates by ∞. NaN does not hold.
      No gradient of use. Cost: 2n Hessians of f and their eigenvalues.

    Example:
      >>> X, Y, t = jnp.array([[0.0], [1.0]]), jnp.array([[2.0], [4.0]]), jnp.array([0.5, 0.2])
      >>> print(is_convex(lambda x: jnp.sum(x**2), X, Y, t).holds)
      True
      >>> check = is_convex(lambda x: jnp.sum(jnp.sin(x)), X, Y, t)
      >>> print(check.holds, f"{check.second_order:.2f}")
      False 1.00

    References:
      S. Boyd, L. Vandenberghe, "Convex Optimization", 2004, equations (3.1), (3.2) and section
      3.1.4.
    """
    X, Y, t = _samples(X, Y, t)
    check_precision("X", X)
    mu = jnp.asarray(modulus).astype(X.dtype)
    parts = objective(fun, args), _bowl(mu)
    here, there = jnp.concatenate([X, Y]), jnp.concatenate([Y, X])
    (value, gradient), (less, slope) = (jax.vmap(jax.value_and_grad(f))(here) for f in parts)
    H = jax.vmap(jax.hessian(parts[0]))(here)
    inside = ~jnp.isposinf(value)
    # Rounding is relative to both parts: their difference may be nothing else.
    size = _size(value, gradient, here, there) + _size(less, slope, here, there)
    value, gradient = value - less, gradient - slope
    (fx, fy), other = jnp.split(value, 2), jnp.roll(value, X.shape[0])
    both = inside & jnp.roll(inside, X.shape[0])
    middle, least = (jax.vmap(f)(_between(X, Y, t)) for f in parts)
    gap = middle - least - ((1.0 - t) * fx + t * fy)
    between = jnp.abs(middle) + jnp.abs(least)
    jensen = _worst(gap, _largest(between, *jnp.split(size, 2)), both[: X.shape[0]])
    tangent = value + jnp.sum(gradient * (there - here), axis=1)
    first_order = _worst(tangent - other, jnp.maximum(size, jnp.roll(size, X.shape[0])), both)
    w = jnp.linalg.eigvalsh(jnp.where(inside[:, None, None], H, 0.0))
    second_order = _worst(mu - w[:, 0], jnp.max(jnp.abs(w), axis=1) + jnp.abs(mu), inside)
    violations = jnp.stack([jensen, first_order, second_order])
    return ConvexityCheck(jnp.all(violations <= _tolerance(rtol, X.dtype)), *violations)


class QuasiconvexityCheck(NamedTuple):
    """How far a function is from quasiconvex on the samples.

    ::

        f((1−t)x + t y) ≤ max(f(x), f(y))

    Args:
      holds: boolean, whether the violation does not exceed the tolerance.
      violation: the worst relative violation.

    Returns:
      A NamedTuple, hence a pytree: it passes through jit and vmap.

    Example:
      >>> QuasiconvexityCheck(True, 0.0).holds
      True
    """

    holds: Any
    violation: Any


@solver
def is_quasiconvex(
    fun: Callable[..., Array],
    X: ArrayLike,
    Y: ArrayLike,
    t: ArrayLike,
    args: tuple = (),
    *,
    rtol: Scalar | None = None,
) -> QuasiconvexityCheck:
    """Check on samples that a function is quasiconvex: that its sublevel sets are convex.

    ::

        f((1−tᵢ)xᵢ + tᵢyᵢ) ≤ max(f(xᵢ), f(yᵢ))   for i = 1, …, n

    Args:
      fun: f(x, *args), from a vector of shape (d,) to a real scalar; ∞ outside its domain.
      X: points as rows, shape (n, d).
      Y: points as rows, shape (n, d).
      t: numbers in [0, 1], shape (n,); others give NaN.
      args: further arguments of ``fun``.
      rtol: relative violation that passes as rounding; None for eps^⅔.

    Returns:
      ``QuasiconvexityCheck`` with the worst violation, relative as Jensen's in ``is_convex``.

    Raises:
      TypeError: ``fun`` is not callable.
      ValueError: the shapes differ, or rtol is negative.

    Numerics:
      As in ``is_convex``. Cost: 2n gradients and n values of f.

    Example:
      >>> X, Y, t = jnp.array([[-1.0]]), jnp.array([[4.0]]), jnp.array([0.5])
      >>> root = lambda x: jnp.sqrt(jnp.abs(x[0]))
      >>> print(is_quasiconvex(root, X, Y, t).holds, is_convex(root, X, Y, t).holds)
      True False

    References:
      S. Boyd, L. Vandenberghe, "Convex Optimization", 2004, equation (3.19).
    """
    X, Y, t = _samples(X, Y, t)
    f = objective(fun, args)
    (fx, gx), (fy, gy) = (jax.vmap(jax.value_and_grad(f))(points) for points in (X, Y))
    middle = jax.vmap(f)(_between(X, Y, t))
    size = _largest(middle, _size(fx, gx, X, Y), _size(fy, gy, Y, X))
    violation = _worst(middle - jnp.maximum(fx, fy), size, ~(jnp.isposinf(fx) | jnp.isposinf(fy)))
    return QuasiconvexityCheck(violation <= _tolerance(rtol, X.dtype), violation)
