"""Exact scaling by powers of two: what keeps an algorithm inside the range of its dtype."""

import jax.numpy as jnp
from jax import lax

from jaxmath._draws import widened
from jaxmath.typing import Array

__all__: list[str] = []

_BITS = {"float32": (jnp.int32, 23, 127), "float64": (jnp.int64, 52, 1023)}


def exponent(x: Array) -> Array:
    """The integers e with 2^(e−1) ≤ |x| < 2^e; 0 where x is 0, subnormal or not finite.

    For a complex x it is that of max(|Re x|, |Im x|). Half precision has it from float32, where the
    subnormal numbers of float16, which no backend flushes, are normal.
    """
    x = lax.stop_gradient(widened(x))
    size = jnp.maximum(jnp.abs(x.real), jnp.abs(x.imag)) if jnp.iscomplexobj(x) else jnp.abs(x)
    integer, mantissa_bits, bias = _BITS[size.dtype.name]
    biased = lax.bitcast_convert_type(size, integer) >> mantissa_bits
    e = jnp.where((biased == 0) | (biased == 2 * bias + 1), 0, biased - (bias - 1))
    return e.astype(jnp.int32)


def _power(k: Array, dtype: jnp.dtype) -> Array:
    """2^k to the last bit, for k clipped to the normal exponents; exp2 may round."""
    integer, mantissa_bits, bias = _BITS[jnp.dtype(dtype).name]
    biased = jnp.clip(k, 1 - bias, bias).astype(integer) + bias
    return lax.bitcast_convert_type(biased << mantissa_bits, dtype)


def scale(x: Array, k: Array) -> Array:
    """x·2^k, exact unless it leaves the range; k broadcasts as a scalar or has the shape of x."""
    half = k // 2  # two factors, as 2^k itself may leave the range where x·2^k does not
    wide = widened(x)
    first, second = (_power(h, wide.real.dtype).astype(wide.dtype) for h in (half, k - half))
    return (wide * first * second).astype(x.dtype)


def frexp(x: Array) -> tuple[Array, Array]:
    """(m, e) with x = m·2^e and ½ ≤ |m| < 1, e = ``exponent(x)``; m = x where it means nothing.

    For kernels: the bits of a real x have no derivative, ``scale(x, -exponent(x))`` has.
    """
    e = exponent(x)
    if x.dtype.name not in _BITS:  # complex, or of half precision
        return scale(x, -e), e
    integer, mantissa_bits, bias = _BITS[x.dtype.name]
    bits = lax.bitcast_convert_type(x, integer)
    field = (2 * bias + 1) << mantissa_bits
    bits = jnp.where(e == 0, bits, (bits & ~field) | ((bias - 1) << mantissa_bits))
    return lax.bitcast_convert_type(bits, x.dtype), e


def unit_range(x: Array) -> tuple[Array, Array]:
    """x·2^(−k) with its largest element in [½, 1), and k; the elements of a zero x stay 0."""
    k = jnp.max(jnp.where(x == 0, -4096, exponent(x)))
    k = jnp.where(k == -4096, 0, k)
    return scale(x, -k), k


def quotient(x: Array, y: Array) -> Array:
    """x / y for a scalar y: XLA's CPU computes x·(1/y), and 1/y is flushed to 0 for a large y."""
    k = -exponent(y)
    return scale(x, k) / scale(y, k)
