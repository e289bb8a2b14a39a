"""Gated recurrent units: both places of the reset gate, and the minimal unit with one gate."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.nn._gates import Initializer, check_sizes, gate_kernels, gate_sums
from jaxmath.nn.initializers import lecun_normal
from jaxmath.nn.orthogonal import orthogonal_init
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["GRU", "MGU", "gru_cell", "gru_init", "mgu_cell", "mgu_init"]


class GRU(NamedTuple):
    """A GRU cell: the gates' [W_x; W_h], shape (d + h, 2, h), and b, (2, h), in the order r, z.

    Of the candidate: W_x (d, h) ``input_kernel``, W_h (h, h) ``recurrent_kernel``, b (h,) and the
    bias c (h,) on the side of W_h.
    """

    kernel: Array
    bias: Array
    input_kernel: Array
    recurrent_kernel: Array
    candidate_bias: Array
    recurrent_bias: Array


class MGU(NamedTuple):
    """A minimal gated unit: a ``GRU`` of one gate, ``kernel`` (d + h, 1, h), ``bias`` (1, h)."""

    kernel: Array
    bias: Array
    input_kernel: Array
    recurrent_kernel: Array
    candidate_bias: Array
    recurrent_bias: Array


def _draw(
    key: Array,
    in_size: int,
    hidden_size: int,
    num_gates: int,
    dtype: jax.typing.DTypeLike,
    kernel_init: Initializer,
    recurrent_init: Initializer,
) -> tuple[Array, ...]:
    """Kernels and biases of the gates and of the candidate."""
    check_sizes(in_size, hidden_size)
    both = (in_size, hidden_size)
    K = gate_kernels(key, *both, num_gates + 1, dtype, kernel_init, recurrent_init)
    zeros = jnp.zeros(hidden_size, dtype)
    bias = jnp.zeros((num_gates, hidden_size), dtype)
    return K[:, :-1], bias, K[:in_size, -1], K[in_size:, -1], zeros, zeros


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

        W_x ~ kernel_init,   W_h ~ recurrent_init for each gate and the candidate;   all biases 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of each W_x.
      recurrent_init: that of each W_h.

    Returns:
      Parameters for either place of the reset gate.

    Numerics:
      That of the initializers. The defaults are Flax's, but for the Gaussian, which is not
      truncated here.

    Example:
      >>> params = gru_init(jax.random.key(0), 3, 5)
      >>> params.kernel.shape, params.recurrent_kernel.shape
      ((8, 2, 5), (5, 5))

    References:
      K. Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical
      machine translation", 2014, section 2.3.
    """
    key = as_key("key", key)
    sizes = (in_size, hidden_size)
    return GRU(*_draw(key, *sizes, 2, dtype, kernel_init, recurrent_init))


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
    params: GRU | MGU, num_gates: int, carry: ArrayLike, x: ArrayLike
) -> tuple[Array, tuple[Array, ...], Array, Array]:
    """The gates' sums, the candidate's parameters, hₜ₋₁ and xₜ."""
    bias = as_array("params.bias", params.bias, shape=(num_gates, None))
    h = bias.shape[1]
    W_x = as_array("params.input_kernel", params.input_kernel, shape=(None, h))
    W_h = as_array("params.recurrent_kernel", params.recurrent_kernel, shape=(h, h))
    b = as_array("params.candidate_bias", params.candidate_bias, shape=(h,))
    c = as_array("params.recurrent_bias", params.recurrent_bias, shape=(h,))
    hidden = as_array("carry", carry, shape=(h,))
    x = as_array("x", x, shape=W_x.shape[:1])
    sums = gate_sums(params.kernel, bias, x, hidden)
    return sums, (W_x, W_h, b, c), hidden, x


def gru_cell(
    params: GRU, carry: ArrayLike, x: ArrayLike, *, reset_after: bool = True
) -> tuple[Array, Array]:
    """One step of a GRU, with the reset gate after the recurrent product or before it.

    ::

        (zʳ, zᶻ) = xₜ W_x + hₜ₋₁ W_h + b,   r = σ(zʳ),   z = σ(zᶻ)
        after:  n = tanh(xₜ W + b_n + r ⊙ (hₜ₋₁ U + c))       cuDNN, PyTorch, Flax
        before: n = tanh(xₜ W + b_n + (r ⊙ hₜ₋₁) U + c)       Cho et al. 2014, equation (8)
        hₜ = (1 − z) ⊙ n + z ⊙ hₜ₋₁,   yₜ = hₜ

    Args:
      params: of the gates r, z: [W_x; W_h], shape (d + h, 2, h), and b; of the candidate:
        ``input_kernel`` W, ``recurrent_kernel`` U, ``candidate_bias`` b_n and ``recurrent_bias`` c.
      carry: hₜ₋₁, shape (h,).
      x: input xₜ, shape (d,).
      reset_after: where the reset gate stands. The two are different functions: trained weights
        belong to one of them. Before the product, c is a second bias beside b_n.

    Returns:
      (hₜ, yₜ), the same array.

    Numerics:
      Products in the backend's default precision. Saturated gates give the value's limit and
      derivative 0. z = 1 keeps hₜ₋₁, as in Cho's equation (7); Chung et al. (2014) have z and 1 − z
      exchanged. Cost: 3(d + h)·h multiply-adds.

    Example:
      >>> shapes = ((3, 2, 2), (2, 2), (1, 2), (2, 2), (2,), (2,))
      >>> params = GRU(*map(jnp.zeros, shapes))
      >>> carry, y = gru_cell(params, jnp.ones(2), jnp.zeros(1))
      >>> print(y)
      [0.5 0.5]

    References:
      K. Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical
      machine translation", 2014, equations (5) to (8).
      NVIDIA, "cuDNN", ``CUDNN_GRU``, for the gate after the product.
    """
    (r, z), (W, U, b, c), h, x = _arguments(params, 2, carry, x)
    from_x = jnp.dot(x, W) + b
    if reset_after:
        new = _mix_after(r, z, from_x, jnp.dot(h, U) + c, h)
    else:
        new = _mix(z, from_x + jnp.dot(_reset(r, h), U) + c, h)
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

        W_x ~ kernel_init,   W_h ~ recurrent_init;   b_f = forget_bias,   other biases 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      forget_bias: the gate's bias; 1 is the authors' and Flax's.
      kernel_init: initializer ``f(key, shape, dtype)`` of each W_x.
      recurrent_init: that of each W_h.

    Returns:
      Parameters with ``kernel`` of shape (d + h, 1, h).

    Numerics:
      That of the initializers.

    Example:
      >>> params = mgu_init(jax.random.key(0), 3, 5)
      >>> params.kernel.shape, float(params.bias[0, 0])
      ((8, 1, 5), 1.0)

    References:
      G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou, "Minimal gated unit for recurrent neural
      networks", 2016, section 3.
    """
    key = as_key("key", key)
    check_number("forget_bias", forget_bias)
    sizes = (in_size, hidden_size)
    params = MGU(*_draw(key, *sizes, 1, dtype, kernel_init, recurrent_init))
    return params._replace(bias=jnp.full((1, hidden_size), forget_bias, dtype))


def mgu_cell(
    params: MGU, carry: ArrayLike, x: ArrayLike, *, reset_after: bool = False
) -> tuple[Array, Array]:
    """One step of a minimal gated unit, whose single gate forgets and updates.

    ::

        f = σ(xₜ W_x + hₜ₋₁ W_h + b)
        before: n = tanh(xₜ W + b_n + (f ⊙ hₜ₋₁) U + c),   hₜ = (1 − f) ⊙ hₜ₋₁ + f ⊙ n
        after:  n = tanh(xₜ W + b_n + f ⊙ (hₜ₋₁ U + c)),   hₜ = (1 − f) ⊙ n + f ⊙ hₜ₋₁

    Args:
      params: of the gate: [W_x; W_h], shape (d + h, 1, h), and b; of the candidate:
        ``input_kernel`` W, ``recurrent_kernel`` U, ``candidate_bias`` b_n and ``recurrent_bias`` c.
      carry: hₜ₋₁, shape (h,).
      x: input xₜ, shape (d,).
      reset_after: False is Zhou's unit, True is Flax's: ``gru_cell`` with r = z = f. In one f = 0
        keeps the state, in the other f = 1.

    Returns:
      (hₜ, yₜ), the same array.

    Numerics:
      As ``gru_cell``. Cost: 2(d + h)·h multiply-adds.

    Example:
      >>> shapes = ((3, 1, 2), (1, 2), (1, 2), (2, 2), (2,), (2,))
      >>> params = MGU(*map(jnp.zeros, shapes))
      >>> carry, y = mgu_cell(params, jnp.ones(2), jnp.zeros(1))
      >>> print(y)
      [0.5 0.5]

    References:
      G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou, "Minimal gated unit for recurrent neural
      networks", 2016, equations (6) to (8).
    """
    (f,), (W, U, b, c), h, x = _arguments(params, 1, carry, x)
    from_x = jnp.dot(x, W) + b
    if reset_after:
        new = _mix_after(f, f, from_x, jnp.dot(h, U) + c, h)
    else:
        new = _mix(-f, from_x + jnp.dot(_reset(f, h), U) + c, h)
    return new, new
