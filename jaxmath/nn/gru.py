"""Gated recurrent units: both places of the reset gate, and the minimal unit with one gate."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.nn._gates import Initializer, check_sizes, gate_kernels
from jaxmath.nn.initializers import lecun_normal
from jaxmath.nn.orthogonal import orthogonal_init
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["GRU", "MGU", "gru_cell", "gru_init", "mgu_cell", "mgu_init"]


class GRU(NamedTuple):
    """A GRU cell: W of shape (d, 3, h), U (h, 3, h) and b (3, h) of the gates r, z and of n.

    ``recurrent_bias`` c, shape (h,), is a bias of the candidate n on the side of U.
    """

    input_kernel: Array
    recurrent_kernel: Array
    bias: Array
    recurrent_bias: Array


class MGU(NamedTuple):
    """A minimal gated unit: as a ``GRU``, of the gate f and of n, with 2 in the place of 3."""

    input_kernel: Array
    recurrent_kernel: Array
    bias: Array
    recurrent_bias: Array


def _draw(
    key: Array,
    in_size: int,
    hidden_size: int,
    num_kernels: int,
    dtype: jax.typing.DTypeLike,
    kernel_init: Initializer,
    recurrent_init: Initializer,
) -> tuple[Array, ...]:
    check_sizes(in_size, hidden_size)
    both = (in_size, hidden_size)
    K = gate_kernels(key, *both, num_kernels, dtype, kernel_init, recurrent_init)
    biases = jnp.zeros((num_kernels, hidden_size), dtype), jnp.zeros(hidden_size, dtype)
    return K[:in_size], K[in_size:], *biases


def gru_init(
    key: Array,
    in_size: int,
    hidden_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    kernel_init: Initializer = lecun_normal,
    recurrent_init: Initializer = orthogonal_init,
) -> GRU:
    """Random parameters of a GRU cell.

    ::

        W ~ kernel_init,   U ~ recurrent_init for each gate and the candidate;   all biases 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of each W.
      recurrent_init: that of each U.

    Returns:
      Parameters for either place of the reset gate.

    Numerics:
      That of the initializers. The defaults are Flax's, but for the Gaussian, which is not
      truncated here.

    Example:
      >>> params = gru_init(jax.random.key(0), 3, 5)
      >>> params.input_kernel.shape, params.recurrent_kernel.shape
      ((3, 3, 5), (5, 3, 5))

    References:
      K. Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical
      machine translation", 2014, section 2.3.
    """
    key = as_key("key", key)
    sizes = (in_size, hidden_size)
    return GRU(*_draw(key, *sizes, 3, dtype, kernel_init, recurrent_init))


# As in the LSTM: the gates are computed again in the backward pass, from their sums.
@partial(jax.checkpoint, prevent_cse=False)
def _mix_after(r: Array, z: Array, from_x: Array, from_h: Array, h: Array) -> Array:
    keep = jax.nn.sigmoid(z)
    return (1 - keep) * jnp.tanh(from_x + jax.nn.sigmoid(r) * from_h) + keep * h


@partial(jax.checkpoint, prevent_cse=False)
def _reset(r: Array, h: Array) -> Array:
    return jax.nn.sigmoid(r) * h


@partial(jax.checkpoint, prevent_cse=False)
def _mix(z: Array, n: Array, h: Array) -> Array:
    keep = jax.nn.sigmoid(z)
    return (1 - keep) * jnp.tanh(n) + keep * h


def _arguments(
    params: GRU | MGU, num_kernels: int, carry: ArrayLike, x: ArrayLike
) -> tuple[list[Array], Array, Array, Array]:
    """x W + b of each gate and of the candidate, U, c and hₜ₋₁."""
    b = as_array("params.bias", params.bias, shape=(num_kernels, None))
    h = b.shape[1]
    W = as_array("params.input_kernel", params.input_kernel, shape=(None, *b.shape))
    U = as_array("params.recurrent_kernel", params.recurrent_kernel, shape=(h, *b.shape))
    c = as_array("params.recurrent_bias", params.recurrent_bias, shape=(h,))
    x = as_array("x", x, shape=W.shape[:1])
    sums = jnp.dot(x, W.reshape(len(x), -1)) + b.reshape(-1)
    return jnp.split(sums, num_kernels), U, c, as_array("carry", carry, shape=(h,))


def _each(h: Array, U: Array) -> list[Array]:
    """h U of each, by one product."""
    return jnp.split(jnp.dot(h, U.reshape(len(h), -1)), U.shape[1])


def gru_cell(
    params: GRU, carry: ArrayLike, x: ArrayLike, *, reset_after: bool = True
) -> tuple[Array, Array]:
    """One step of a GRU, with the reset gate after the recurrent product or before it.

    ::

        r = σ(xₜ Wʳ + hₜ₋₁ Uʳ + bʳ),   z = σ(xₜ Wᶻ + hₜ₋₁ Uᶻ + bᶻ)
        after:  n = tanh(xₜ Wⁿ + bⁿ + r ⊙ (hₜ₋₁ Uⁿ + c))      cuDNN, PyTorch, Flax
        before: n = tanh(xₜ Wⁿ + bⁿ + (r ⊙ hₜ₋₁) Uⁿ + c)      Cho et al. 2014, equation (8)
        hₜ = (1 − z) ⊙ n + z ⊙ hₜ₋₁,   yₜ = hₜ

    Args:
      params: ``input_kernel`` W (d, 3, h), ``recurrent_kernel`` U (h, 3, h) and ``bias`` b (3, h),
        in the order r, z, n, and ``recurrent_bias`` c (h,).
      carry: hₜ₋₁, shape (h,).
      x: input xₜ, shape (d,).
      reset_after: where the reset gate stands. The two are different functions: trained weights
        belong to one of them. Before the product, c is a second bias beside bⁿ.

    Returns:
      (hₜ, yₜ), the same array.

    Numerics:
      Products in the backend's default precision. Saturated gates give the value's limit and
      derivative 0. z = 1 keeps hₜ₋₁, as in Cho's equation (7); Chung et al. (2014) have z and 1 − z
      exchanged. Cost: 3(d + h)·h multiply-adds.

    Example:
      >>> shapes = ((1, 3, 2), (2, 3, 2), (3, 2), (2,))
      >>> params = GRU(*map(jnp.zeros, shapes))
      >>> carry, y = gru_cell(params, jnp.ones(2), jnp.zeros(1))
      >>> print(y)
      [0.5 0.5]

    References:
      K. Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical
      machine translation", 2014, equations (5) to (8).
      NVIDIA, "cuDNN", ``CUDNN_GRU``, for the gate after the product.
    """
    (r, z, n), U, c, h = _arguments(params, 3, carry, x)
    if reset_after:
        r_h, z_h, n_h = _each(h, U)
        new = _mix_after(r + r_h, z + z_h, n, n_h + c, h)
    else:
        r_h, z_h = _each(h, U[:, :2])
        new = _mix(z + z_h, n + jnp.dot(_reset(r + r_h, h), U[:, 2]) + c, h)
    return new, new


def mgu_init(
    key: Array,
    in_size: int,
    hidden_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    forget_bias: Scalar = 1.0,
    kernel_init: Initializer = lecun_normal,
    recurrent_init: Initializer = orthogonal_init,
) -> MGU:
    """Random parameters of a minimal gated unit.

    ::

        W ~ kernel_init,   U ~ recurrent_init for each;   b_f = forget_bias,   other biases 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      forget_bias: the gate's bias; 1 is the authors' and Flax's.
      kernel_init: initializer ``f(key, shape, dtype)`` of each W.
      recurrent_init: that of each U.

    Returns:
      Parameters with ``input_kernel`` of shape (d, 2, h).

    Numerics:
      That of the initializers.

    Example:
      >>> params = mgu_init(jax.random.key(0), 3, 5)
      >>> params.input_kernel.shape, float(params.bias[0, 0])
      ((3, 2, 5), 1.0)

    References:
      G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou, "Minimal gated unit for recurrent neural
      networks", 2016, section 3.
    """
    key = as_key("key", key)
    check_number("forget_bias", forget_bias)
    sizes = (in_size, hidden_size)
    params = MGU(*_draw(key, *sizes, 2, dtype, kernel_init, recurrent_init))
    return params._replace(bias=params.bias.at[0].set(forget_bias))


def mgu_cell(
    params: MGU, carry: ArrayLike, x: ArrayLike, *, reset_after: bool = False
) -> tuple[Array, Array]:
    """One step of a minimal gated unit, whose single gate forgets and updates.

    ::

        f = σ(xₜ Wᶠ + hₜ₋₁ Uᶠ + bᶠ)
        before: n = tanh(xₜ Wⁿ + bⁿ + (f ⊙ hₜ₋₁) Uⁿ + c),   hₜ = (1 − f) ⊙ hₜ₋₁ + f ⊙ n
        after:  n = tanh(xₜ Wⁿ + bⁿ + f ⊙ (hₜ₋₁ Uⁿ + c)),   hₜ = (1 − f) ⊙ n + f ⊙ hₜ₋₁

    Args:
      params: ``input_kernel`` W (d, 2, h), ``recurrent_kernel`` U (h, 2, h) and ``bias`` b (2, h),
        in the order f, n, and ``recurrent_bias`` c (h,).
      carry: hₜ₋₁, shape (h,).
      x: input xₜ, shape (d,).
      reset_after: False is Zhou's unit, True is Flax's: ``gru_cell`` with r = z = f. In one f = 0
        keeps the state, in the other f = 1.

    Returns:
      (hₜ, yₜ), the same array.

    Numerics:
      As ``gru_cell``. Cost: 2(d + h)·h multiply-adds.

    Example:
      >>> shapes = ((1, 2, 2), (2, 2, 2), (2, 2), (2,))
      >>> params = MGU(*map(jnp.zeros, shapes))
      >>> carry, y = mgu_cell(params, jnp.ones(2), jnp.zeros(1))
      >>> print(y)
      [0.5 0.5]

    References:
      G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou, "Minimal gated unit for recurrent neural
      networks", 2016, equations (6) to (8).
    """
    (f, n), U, c, h = _arguments(params, 2, carry, x)
    if reset_after:
        f_h, n_h = _each(h, U)
        f = f + f_h
        new = _mix_after(f, f, n, n_h + c, h)
    else:
        f = f + jnp.dot(h, U[:, 0])
        new = _mix(-f, n + jnp.dot(_reset(f, h), U[:, 1]) + c, h)
    return new, new
