"""The vanilla recurrent cells: Elman's, which hears its own state, and Jordan's, its output."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.nn._gates import Initializer, check_sizes, gate_kernels, joint_product
from jaxmath.nn.activations import identity, tanh
from jaxmath.nn.initializers import lecun_normal
from jaxmath.nn.orthogonal import orthogonal_init
from jaxmath.typing import Array, ArrayLike, as_array, as_key, check_number

__all__ = ["Elman", "Jordan", "elman_cell", "elman_init", "jordan_cell", "jordan_init"]

Activation = Callable[[Array], Array]


class Elman(NamedTuple):
    """An Elman cell: [W_x; W_h], shape (d + h, h), rows of the input first, and b, shape (h,)."""

    kernel: Array
    bias: Array


class Jordan(NamedTuple):
    """A Jordan cell: [W_x; W_y], shape (d + k, h), and b, (h,); of the output V, (h, k), c."""

    kernel: Array
    bias: Array
    output_kernel: Array
    output_bias: Array


def elman_init(
    key: Array,
    in_size: int,
    hidden_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    kernel_init: Initializer = lecun_normal,
    recurrent_init: Initializer = orthogonal_init,
) -> Elman:
    """Random parameters of an Elman cell.

    ::

        W_x ~ kernel_init,   W_h ~ recurrent_init,   b = 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of W_x.
      recurrent_init: that of W_h. An orthogonal one has the spectral radius 1, so that at the start
        gradients neither explode nor vanish but for the activation's slope.

    Returns:
      Parameters with ``kernel`` of shape (d + h, h) and ``bias`` of shape (h,).

    Numerics:
      That of the initializers. The defaults are Flax's, but for the Gaussian, which is not
      truncated here.

    Example:
      >>> elman_init(jax.random.key(0), 3, 5).kernel.shape
      (8, 5)

    References:
      Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of
      rectified linear units", 2015, for W_h = I.
    """
    key = as_key("key", key)
    check_sizes(in_size, hidden_size)
    kernel = gate_kernels(key, in_size, hidden_size, 1, dtype, kernel_init, recurrent_init)
    return Elman(kernel[:, 0], jnp.zeros(hidden_size, dtype))


def elman_cell(
    params: Elman, carry: ArrayLike, x: ArrayLike, *, activation: Activation = tanh
) -> tuple[Array, Array]:
    """One step of an Elman network, the vanilla recurrent cell.

    ::

        hₜ = f(xₜ W_x + hₜ₋₁ W_h + b),   yₜ = hₜ

    Args:
      params: the kernel [W_x; W_h], shape (d + h, h), and the bias b, shape (h,).
      carry: hₜ₋₁, shape (h,).
      x: input xₜ, shape (d,).
      activation: f.

    Returns:
      (hₜ, yₜ), both of shape (h,) and the same array.

    Numerics:
      The product has the backend's default precision. ∂hₜ/∂hₜ₋₁ = W_h diag(f'): over many steps the
      gradient vanishes or explodes with the spectral radius of W_h. Cost: (d + h)·h multiply-adds.

    Example:
      >>> params = Elman(kernel=jnp.array([[1.0], [0.5]]), bias=jnp.zeros(1))
      >>> carry, y = elman_cell(params, jnp.array([2.0]), jnp.array([1.0]))
      >>> f"{y[0]:.4f}"
      '0.9640'

    References:
      J. L. Elman, "Finding structure in time", 1990, figure 2.
    """
    bias = as_array("params.bias", params.bias, ndim=1)
    h = bias.shape[0]
    kernel = as_array("params.kernel", params.kernel, shape=(None, h))
    carry = as_array("carry", carry, shape=(h,))
    x = as_array("x", x, shape=(kernel.shape[0] - h,))
    z = joint_product(x, carry, kernel) + bias
    hidden = jax.checkpoint(activation, prevent_cse=False)(z)
    return hidden, hidden


def jordan_init(
    key: Array,
    in_size: int,
    hidden_size: int,
    out_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    kernel_init: Initializer = lecun_normal,
) -> Jordan:
    """Random parameters of a Jordan cell.

    ::

        [W_x; W_y] ~ kernel_init,   V ~ kernel_init,   b = 0,   c = 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      out_size: number of outputs k, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of both kernels; input and fed-back output
        count as one input of d + k units.

    Returns:
      Parameters with ``kernel`` of shape (d + k, h) and ``output_kernel`` of shape (h, k).

    Numerics:
      That of the initializer.

    Example:
      >>> jordan_init(jax.random.key(0), 3, 5, 2).kernel.shape
      (5, 5)

    References:
      M. I. Jordan, "Serial order: a parallel distributed processing approach", 1986.
    """
    key = as_key("key", key)
    check_sizes(in_size, hidden_size)
    check_number("out_size", out_size, low=1, integer=True)
    hidden_key, output_key = jax.random.split(key)
    return Jordan(
        kernel=kernel_init(hidden_key, (in_size + out_size, hidden_size), dtype),
        bias=jnp.zeros(hidden_size, dtype),
        output_kernel=kernel_init(output_key, (hidden_size, out_size), dtype),
        output_bias=jnp.zeros(out_size, dtype),
    )


def jordan_cell(
    params: Jordan,
    carry: ArrayLike,
    x: ArrayLike,
    *,
    activation: Activation = tanh,
    output_activation: Activation = identity,
) -> tuple[Array, Array]:
    """One step of a Jordan network, in which the output is fed back instead of the hidden state.

    ::

        hₜ = f(xₜ W_x + yₜ₋₁ W_y + b),   yₜ = g(hₜ V + c)

    Args:
      params: [W_x; W_y], shape (d + k, h), b, V and c.
      carry: yₜ₋₁, shape (k,).
      x: input xₜ, shape (d,).
      activation: f.
      output_activation: g; Jordan's own units were logistic.

    Returns:
      (yₜ, yₜ), both of shape (k,) and the same array.

    Numerics:
      Products in the backend's default precision. Cost: (d + 2k)·h multiply-adds.

    Example:
      >>> one = jnp.ones((1, 1))
      >>> params = Jordan(jnp.ones((2, 1)), jnp.zeros(1), 2 * one, jnp.zeros(1))
      >>> carry, y = jordan_cell(params, jnp.zeros(1), jnp.ones(1))
      >>> f"{y[0]:.4f}"
      '1.5232'

    References:
      M. I. Jordan, "Serial order: a parallel distributed processing approach", 1986, figure 3.
    """
    bias = as_array("params.bias", params.bias, ndim=1)
    c = as_array("params.output_bias", params.output_bias, ndim=1)
    h, k = bias.shape[0], c.shape[0]
    kernel = as_array("params.kernel", params.kernel, shape=(None, h))
    V = as_array("params.output_kernel", params.output_kernel, shape=(h, k))
    carry = as_array("carry", carry, shape=(k,))
    x = as_array("x", x, shape=(kernel.shape[0] - k,))
    hidden = activation(jnp.dot(jnp.concatenate([x, carry]), kernel) + bias)
    carry = output_activation(jnp.dot(hidden, V) + c)
    return carry, carry
