"""Roots, logarithms and quotients whose derivatives are finite on the closed domain."""

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["log1mexp", "safe_divide", "safe_log", "safe_sqrt", "xlog1py", "xlogy"]


def safe_sqrt(x: ArrayLike) -> Array:
    """√x, with derivative 0 at x = 0 instead of ∞.

    ::

        f(x) = √x,   f'(x) = 1 / (2√x) for x > 0,   f'(0) := 0

    Args:
      x: array of any shape, x ≥ 0.

    Returns:
      The element-wise square root, of the shape and dtype of ``x``.

    Numerics:
      Correctly rounded as the backend's ``sqrt``. Singular set {0}: value 0, derivatives of every
      order 0. Negative x gives NaN. Cost: one square root.

    Example:
      >>> f"{safe_sqrt(2.0):.5f} {jax.grad(safe_sqrt)(0.0):.1f}"
      '1.41421 0.0'

    References:
      JAX, "Frequently asked questions: gradients contain NaN where using where" (double where).
    """
    x = as_array("x", x)
    return jnp.where(x == 0, jnp.zeros_like(x), jnp.sqrt(jnp.where(x == 0, 1.0, x)))


def safe_log(x: ArrayLike) -> Array:
    """log x, with derivative 0 at x = 0 instead of ∞.

    ::

        f(x) = log x,   f'(x) = 1/x for x > 0,   f(0) = −∞ with f'(0) := 0

    Args:
      x: array of any shape, x ≥ 0.

    Returns:
      The element-wise natural logarithm, of the shape and dtype of ``x``.

    Numerics:
      As accurate as the backend's ``log``. Singular set {0}: value −∞ (the limit), derivatives
      of every order 0, so that masking the value masks the gradient too. Negative x gives NaN.
      For 0·log 0 = 0 use ``xlogy``. Cost: one logarithm.

    Example:
      >>> f"{safe_log(2.0):.5f} {safe_log(0.0)} {jax.grad(safe_log)(0.0):.1f}"
      '0.69315 -inf 0.0'

    References:
      JAX, "Frequently asked questions: gradients contain NaN where using where" (double where).
    """
    x = as_array("x", x)
    return jnp.where(x == 0, -jnp.inf, jnp.log(jnp.where(x == 0, 1.0, x)))


def _divided(x: Array, y: Array) -> Array:
    """x / y, for a scalar y too, where XLA's CPU computes x·(1/y): a large y has 1/y flushed to 0.

    Both are brought down by a power of two; an x that underflows has a quotient that does.
    """
    as_written = y.ndim > 0 or x.ndim == 0
    if as_written or x.dtype != y.dtype or y.dtype not in (jnp.float32, jnp.float64):
        return x / y
    maxexp = jnp.finfo(y.dtype).maxexp
    factor = jnp.where(jnp.abs(y) > 2.0 ** (maxexp // 2), 2.0 ** -(maxexp // 4), 1.0)
    factor = factor.astype(y.dtype)
    return x * factor / (y * factor)


@jax.custom_jvp
def _quotient(x: Array, y: Array) -> Array:
    return _divided(x, y)


@_quotient.defjvp
def _quotient_jvp(primals: tuple[Array, Array], tangents: tuple) -> tuple[Array, Array]:
    """dq = (dx − q dy)/y: y² may leave the range where q and dq are in it."""
    (x, y), (dx, dy) = primals, tangents
    q = _quotient(x, y)
    return q, _divided(dx - q * dy, y)


def safe_divide(x: ArrayLike, y: ArrayLike) -> Array:
    """x / y, and 0 where y = 0.

    ::

        f(x, y) = x / y for y ≠ 0,   f(x, 0) := 0

    Args:
      x: numerator, array of any shape.
      y: denominator, of the same shape or a scalar.

    Returns:
      The quotient, of the common shape and dtype.

    Numerics:
      One rounding; two for a scalar y beside an array, where XLA's CPU multiplies by 1/y. Singular
      set {y = 0}: value 0 and both derivatives 0. The first derivatives do not overflow on the way.
      Cost: one division.

    Example:
      >>> f"{safe_divide(1.0, 4.0):.2f} {safe_divide(1.0, 0.0):.1f}"
      '0.25 0.0'

    References:
      The convention of TensorFlow's ``divide_no_nan``.
    """
    x, y = as_array("x", x, kind="inexact"), as_array("y", y, kind="inexact")
    quotient = _quotient(x, jnp.where(y == 0, jnp.ones_like(y), y))
    return jnp.where(y == 0, jnp.zeros_like(quotient), quotient)


def xlogy(x: ArrayLike, y: ArrayLike) -> Array:
    """x log y, and 0 where x = 0.

    ::

        f(x, y) = x log y,   f(0, y) := 0;   ∂f/∂x = log y,   ∂f/∂y = x / y

    Args:
      x: factor, array of any shape.
      y: argument of the logarithm, of the same shape or a scalar, y ≥ 0.

    Returns:
      The product, of the common shape and dtype.

    Numerics:
      As accurate as the backend's ``log``. At x = 0 and 0 < y < ∞ both derivatives are the true
      ones (log y and 0). Singular set {x = 0 and y ∉ (0, ∞)}: value 0, both derivatives 0
      (a subnormal y counts as 0, as compiled logarithms take it). NaN in either argument gives
      NaN. Cost: one logarithm.

    Example:
      >>> f"{xlogy(2.0, 3.0):.5f} {xlogy(0.0, 0.0):.1f}"
      '2.19722 0.0'

    References:
      SciPy, ``scipy.special.xlogy``.
    """
    x, y = as_array("x", x), as_array("y", y)
    normal = (y >= jnp.finfo(y.dtype).tiny) & jnp.isfinite(y)
    outside = (x == 0) & ~normal & ~jnp.isnan(y)
    return x * jnp.log(jnp.where(outside, jnp.ones_like(y), y))


def xlog1py(x: ArrayLike, y: ArrayLike) -> Array:
    """x log(1 + y), and 0 where x = 0, accurate for small y.

    ::

        f(x, y) = x log(1 + y),   f(0, y) := 0;   ∂f/∂x = log(1 + y),   ∂f/∂y = x / (1 + y)

    Args:
      x: factor, array of any shape.
      y: argument, of the same shape or a scalar, y ≥ −1.

    Returns:
      The product, of the common shape and dtype.

    Numerics:
      As accurate as the backend's ``log1p``. At x = 0 and −1 < y < ∞ both derivatives are the
      true ones. Singular set {x = 0 and y ∉ (−1, ∞)}: value 0, both derivatives 0. NaN in either
      argument gives NaN. Cost: one logarithm.

    Example:
      >>> f"{xlog1py(2.0, 1e-3):.7f} {xlog1py(0.0, -1.0):.1f}"
      '0.0019990 0.0'

    References:
      SciPy, ``scipy.special.xlog1py``.
    """
    x, y = as_array("x", x), as_array("y", y)
    outside = (x == 0) & ~((y > -1) & jnp.isfinite(y)) & ~jnp.isnan(y)
    return x * jnp.log1p(jnp.where(outside, jnp.zeros_like(y), y))


def log1mexp(x: ArrayLike) -> Array:
    """log(1 − e^x) for x ≤ 0, accurate at both ends.

    ::

        f(x) = log(−expm1(x)) for −log 2 < x < 0,   log1p(−e^x) for x ≤ −log 2
        f'(x) = −1 / (e^{−x} − 1),   f(0) = −∞ with f'(0) := 0

    Args:
      x: array of any shape, x ≤ 0: the logarithm of a probability.

    Returns:
      The logarithm of the complementary probability, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps on the whole domain. Singular set {0}: value −∞, derivative 0.
      Positive x gives NaN. Cost: two exponentials and two logarithms.

    Example:
      >>> f"{log1mexp(-1e-3):.5f} {log1mexp(-50.0):.3e}"
      '-6.90826 -1.929e-22'

    References:
      M. Mächler, "Accurately computing log(1 − exp(−|a|))", 2012, equation (7).
    """
    x = as_array("x", x)
    near = x > -0.6931471805599453
    close = jnp.where(near & (x != 0), x, -0.5)
    far = jnp.where(near, -1.0, x)
    value = jnp.where(near, jnp.log(-jnp.expm1(close)), jnp.log1p(-jnp.exp(far)))
    return jnp.where(x == 0, -jnp.inf, value)
