"""What recurrent cells share: the stacked kernel [W_x; W_h] of several gates, and its product."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, ArrayLike, as_array, check_number

__all__: list[str] = []

Initializer = Callable[..., Array]


def check_sizes(in_size: int, hidden_size: int) -> None:
    """Both at least 1."""
    check_number("in_size", in_size, low=1, integer=True)
    check_number("hidden_size", hidden_size, low=1, integer=True)


def gate_kernels(
    key: Array,
    in_size: int,
    hidden_size: int,
    num_gates: int,
    dtype: jax.typing.DTypeLike,
    kernel_init: Initializer,
    recurrent_init: Initializer,
) -> Array:
    """[W_x; W_h], shape (d + h, gates, h): each gate's two kernels are drawn by themselves."""

    def one(key: Array) -> Array:
        input_key, recurrent_key = jax.random.split(key)
        W_x = kernel_init(input_key, (in_size, hidden_size), dtype)
        W_h = recurrent_init(recurrent_key, (hidden_size, hidden_size), dtype)
        return jnp.concatenate([W_x, W_h])

    return jax.vmap(one, out_axes=1)(jax.random.split(key, num_gates))


# Kept for the backward pass are x and h, not one after the other.
@partial(jax.checkpoint, prevent_cse=False)
def joint_product(x: Array, h: Array, kernel: Array) -> Array:
    return jnp.dot(jnp.concatenate([x, h]), kernel)


def gate_sums(kernel: ArrayLike, bias: ArrayLike, x: ArrayLike, hidden: Array) -> Array:
    """x W_x + h W_h + b of all gates by one product, shape (gates, h).

    ``hidden`` is a cell's own state, checked by it.
    """
    h = hidden.shape[0]
    kernel = as_array("params.kernel", kernel, ndim=3)
    bias = as_array("params.bias", bias, shape=kernel.shape[1:])
    x = as_array("x", x, shape=(kernel.shape[0] - h,))
    flat = joint_product(x, hidden, kernel.reshape(kernel.shape[0], -1))
    return flat.reshape(bias.shape) + bias
