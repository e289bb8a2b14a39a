"""What layers and losses share: the dtype of sums, |x|, moments, the affine map of a norm."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__: list[str] = []


def magnitude(x: Array) -> Array:
    """|x| with derivative 0 at 0, where that of ``jnp.abs`` is 1."""
    return x * jnp.sign(x)


def unit_map(caller: str, size: int, dtype: jax.typing.DTypeLike) -> tuple[Array, Array]:
    """Scale 1 and bias 0, the identity."""
    check_number("size", size, low=1, integer=True)
    if not jnp.issubdtype(jnp.result_type(dtype), jnp.floating):
        raise TypeError(f"{caller}: argument `dtype` must be a real floating dtype, got {dtype}")
    return jnp.ones(size, dtype), jnp.zeros(size, dtype)


def as_features(
    scale: ArrayLike, bias: ArrayLike | None, x: ArrayLike, ndim: int | tuple[int, ...], eps: Scalar
) -> tuple[Array, Array | None, Array, jnp.dtype]:
    """Scale, bias and x (channels last) in the dtype of statistics, and the dtype of the output."""
    check_number("eps", eps, low=0.0, open_low=True)
    scale = as_array("params.scale", scale, ndim=1, min_size=1)
    arrays = [scale]
    if bias is not None:
        bias = as_array("params.bias", bias, shape=scale.shape)
        arrays.append(bias)
    x = as_array("x", x, ndim=ndim)
    x = as_array("x", x, shape=(*x.shape[:-1], *scale.shape), min_size=1)
    dtype = jnp.result_type(x, *arrays)
    wide = wide_dtype(dtype)
    bias = None if bias is None else bias.astype(wide)
    return scale.astype(wide), bias, x.astype(wide), dtype


def moments(x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and variance in two passes, with the reduced axes kept at size 1."""
    mean = jnp.mean(x, axes, keepdims=True)
    return mean, jnp.mean(jnp.square(x - mean), axes, keepdims=True)


def standardize(x: Array, mean: Array, var: Array, eps: Scalar) -> Array:
    """(x − mean) / √(var + eps)."""
    return (x - mean) * lax.rsqrt(var + jnp.asarray(eps, x.dtype))


def affine(x: Array, scale: Array, bias: Array | None) -> Array:
    """scale · x + bias along the last axis."""
    last = (1,) * (x.ndim - 1) + scale.shape
    x = x * scale.reshape(last)
    return x if bias is None else x + bias.reshape(last)
