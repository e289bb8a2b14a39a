"""Layers as pairs of functions: ``init`` makes the parameters, ``apply`` maps one example."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.nn._product import product
from jaxmath.nn.initializers import lecun_normal, zeros_init
from jaxmath.typing import Array, ArrayLike, as_array, as_key, check_number

__all__ = ["Dense", "dense_apply", "dense_init"]

Initializer = Callable[..., Array]


class Dense(NamedTuple):
    """The parameters of a dense layer.

    ::

        y = x W + b

    Args:
      kernel: W, shape (d_in, d_out).
      bias: b, shape (d_out,).

    Returns:
      A NamedTuple, hence a pytree: gradients and optimizer states have its structure.

    Numerics:
      Nothing is computed.

    Example:
      >>> Dense(kernel=jnp.ones((2, 3)), bias=jnp.zeros(3)).kernel.shape
      (2, 3)

    References:
      The names and the layout are those of Flax's ``Dense``.
    """

    kernel: Array
    bias: Array


def dense_init(
    key: Array,
    in_size: int,
    out_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    kernel_init: Initializer = lecun_normal,
    bias_init: Initializer = zeros_init,
) -> Dense:
    """Random parameters of a dense layer.

    ::

        W ~ kernel_init,   b ~ bias_init;   by default Wᵢⱼ ~ N(0, 1/d_in) and b = 0

    Args:
      key: a random key, used once.
      in_size: number of inputs d_in, at least 1.
      out_size: number of outputs d_out, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of the kernel.
      bias_init: initializer ``f(key, shape, dtype)`` of the bias.

    Returns:
      Parameters with ``kernel`` of shape (d_in, d_out) and ``bias`` of shape (d_out,).

    Numerics:
      That of the initializers. The defaults are Flax's, but for the Gaussian, which is not
      truncated here.

    Example:
      >>> params = dense_init(jax.random.key(0), 100, 400)
      >>> f"{params.kernel.std():.2f} {params.bias.sum():.1f}"
      '0.10 0.0'

    References:
      Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.6.
    """
    key = as_key("key", key)
    check_number("in_size", in_size, low=1, integer=True)
    check_number("out_size", out_size, low=1, integer=True)
    kernel_key, bias_key = jax.random.split(key)
    return Dense(
        kernel=kernel_init(kernel_key, (in_size, out_size), dtype),
        bias=bias_init(bias_key, (out_size,), dtype),
    )


def dense_apply(params: Dense, x: ArrayLike) -> Array:
    """The affine map of a dense layer, for one example.

    ::

        yⱼ = Σᵢ xᵢ Wᵢⱼ + bⱼ

    Args:
      params: kernel W of shape (d_in, d_out) and bias b of shape (d_out,).
      x: input, shape (d_in,).

    Returns:
      The output, shape (d_out,), of the common dtype of ``params`` and ``x``.

    Numerics:
      The product has the backend's default precision: on recent GPUs and on TPUs float32 inputs
      may be rounded to TF32 or bfloat16 (``jax.default_matmul_precision`` changes it). Cost:
      d_in·d_out multiply-adds.

    Example:
      >>> params = Dense(kernel=jnp.array([[1.0, 2.0], [3.0, 4.0]]), bias=jnp.array([0.5, 0.0]))
      >>> print(dense_apply(params, jnp.array([1.0, 1.0])))
      [4.5 6. ]

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (5.2).
    """
    kernel = as_array("params.kernel", params.kernel, ndim=2)
    bias = as_array("params.bias", params.bias, shape=kernel.shape[1:])
    x = as_array("x", x, shape=kernel.shape[:1])
    dtype = jnp.result_type(x, kernel)
    return product(x.astype(dtype), kernel.astype(dtype)) + bias
