"""Long short-term memory, without and with peepholes."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.nn._gates import Initializer, check_sizes, gate_kernels, gate_sums
from jaxmath.nn.initializers import lecun_normal
from jaxmath.nn.orthogonal import orthogonal_init
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = [
    "LSTM",
    "PeepholeLSTM",
    "lstm_cell",
    "lstm_init",
    "peephole_lstm_cell",
    "peephole_lstm_init",
]

Carry = tuple[Array, Array]


class LSTM(NamedTuple):
    """An LSTM cell: [W_x; W_h], shape (d + h, 4, h), and b, shape (4, h); gates i, f, g, o."""

    kernel: Array
    bias: Array


class PeepholeLSTM(NamedTuple):
    """An LSTM whose gates i, f and o also see the memory, by weights p of shape (3, h)."""

    kernel: Array
    bias: Array
    peephole: Array


def lstm_init(
    key: Array,
    in_size: int,
    hidden_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    forget_bias: Scalar = 1.0,
    kernel_init: Initializer = lecun_normal,
    recurrent_init: Initializer = orthogonal_init,
) -> LSTM:
    """Random parameters of an LSTM cell, whose forget gate is open at the start.

    ::

        W_x ~ kernel_init,   W_h ~ recurrent_init for each gate;   b_f = forget_bias,   b = 0 else

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      forget_bias: the bias of the forget gate; 1 remembers from the start. Flax and PyTorch have 0.
      kernel_init: initializer ``f(key, shape, dtype)`` of each gate's W_x.
      recurrent_init: that of each gate's W_h.

    Returns:
      Parameters with ``kernel`` of shape (d + h, 4, h) and ``bias`` of shape (4, h).

    Numerics:
      That of the initializers.

    Example:
      >>> params = lstm_init(jax.random.key(0), 3, 5)
      >>> params.kernel.shape, float(params.bias[1, 0])
      ((8, 4, 5), 1.0)

    References:
      R. Jozefowicz, W. Zaremba, I. Sutskever, "An empirical exploration of recurrent network
      architectures", 2015, section 3 (the bias of 1).
    """
    key = as_key("key", key)
    check_sizes(in_size, hidden_size)
    check_number("forget_bias", forget_bias)
    kernel = gate_kernels(key, in_size, hidden_size, 4, dtype, kernel_init, recurrent_init)
    bias = jnp.zeros((4, hidden_size), dtype).at[1].set(forget_bias)
    return LSTM(kernel, bias)


# Of a step only the sums z and the memory are kept for the backward pass: the gates are computed
# again, which costs less than to write them.
@partial(jax.checkpoint, prevent_cse=False)
def _memory(z: Array, c: Array) -> Carry:
    i, f, o = jax.nn.sigmoid(z[0]), jax.nn.sigmoid(z[1]), jax.nn.sigmoid(z[3])
    c = f * c + i * jnp.tanh(z[2])
    return c, o * jnp.tanh(c)


@partial(jax.checkpoint, prevent_cse=False)
def _memory_with_peepholes(z: Array, peephole: Array, c: Array) -> Carry:
    i, f = jax.nn.sigmoid(z[0] + peephole[0] * c), jax.nn.sigmoid(z[1] + peephole[1] * c)
    c = f * c + i * jnp.tanh(z[2])
    return c, jax.nn.sigmoid(z[3] + peephole[2] * c) * jnp.tanh(c)


def _sums(params: LSTM | PeepholeLSTM, carry: Carry, x: ArrayLike) -> tuple[Array, Array]:
    """The sums of all gates, shape (4, h), and cₜ₋₁."""
    bias = as_array("params.bias", params.bias, shape=(4, None))
    c = as_array("carry[0]", carry[0], shape=bias.shape[1:])
    hidden = as_array("carry[1]", carry[1], shape=bias.shape[1:])
    return gate_sums(params.kernel, bias, x, hidden), c


def lstm_cell(params: LSTM, carry: Carry, x: ArrayLike) -> tuple[Carry, Array]:
    """One step of an LSTM: a memory that gates write, keep and read.

    ::

        (zⁱ, zᶠ, zᵍ, zᵒ) = xₜ W_x + hₜ₋₁ W_h + b
        cₜ = σ(zᶠ) ⊙ cₜ₋₁ + σ(zⁱ) ⊙ tanh(zᵍ),   hₜ = σ(zᵒ) ⊙ tanh(cₜ),   yₜ = hₜ

    Args:
      params: [W_x; W_h], shape (d + h, 4, h), and b, shape (4, h), gates in the order i, f, g, o.
      carry: (cₜ₋₁, hₜ₋₁), both of shape (h,): the memory first, as in Flax.
      x: input xₜ, shape (d,).

    Returns:
      ((cₜ, hₜ), hₜ).

    Numerics:
      The product has the backend's default precision. Saturated gates give the value's limit and
      derivative 0, no NaN. The derivative recomputes the gates from z. Cost: 4(d + h)·h
      multiply-adds.

    Example:
      >>> params = LSTM(jnp.zeros((3, 4, 2)), jnp.zeros((4, 2)))
      >>> (c, h), y = lstm_cell(params, (jnp.ones(2), jnp.zeros(2)), jnp.zeros(1))
      >>> print(c, f"{y[0]:.4f}")
      [0.5 0.5] 0.2311

    References:
      S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997.
      F. A. Gers, J. Schmidhuber, F. Cummins, "Learning to forget: continual prediction with LSTM",
      2000, equations (1) to (6), the forget gate.
    """
    z, c = _sums(params, carry, x)
    carry = _memory(z, c)
    return carry, carry[1]


def peephole_lstm_init(
    key: Array,
    in_size: int,
    hidden_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    forget_bias: Scalar = 1.0,
    kernel_init: Initializer = lecun_normal,
    recurrent_init: Initializer = orthogonal_init,
) -> PeepholeLSTM:
    """Random parameters of an LSTM cell with peepholes, which are closed at the start.

    ::

        W_x ~ kernel_init,   W_h ~ recurrent_init;   b_f = forget_bias,   p = 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1.
      dtype: a real floating dtype; ``float`` means jax's default one.
      forget_bias: the bias of the forget gate.
      kernel_init: initializer ``f(key, shape, dtype)`` of each gate's W_x.
      recurrent_init: that of each gate's W_h.

    Returns:
      The parameters of ``lstm_init`` and ``peephole`` of shape (3, h).

    Numerics:
      That of the initializers.

    Example:
      >>> peephole_lstm_init(jax.random.key(0), 3, 5).peephole.shape
      (3, 5)

    References:
      F. A. Gers, N. N. Schraudolph, J. Schmidhuber, "Learning precise timing with LSTM recurrent
      networks", 2002, section 3.
    """
    key = as_key("key", key)
    check_sizes(in_size, hidden_size)
    options = {"kernel_init": kernel_init, "recurrent_init": recurrent_init}
    params = lstm_init(key, in_size, hidden_size, dtype=dtype, forget_bias=forget_bias, **options)
    return PeepholeLSTM(*params, peephole=jnp.zeros((3, hidden_size), dtype))


def peephole_lstm_cell(params: PeepholeLSTM, carry: Carry, x: ArrayLike) -> tuple[Carry, Array]:
    """One step of an LSTM whose gates see the memory: the input and forget gates the old one.

    ::

        (zⁱ, zᶠ, zᵍ, zᵒ) = xₜ W_x + hₜ₋₁ W_h + b
        cₜ = σ(zᶠ + pᶠ ⊙ cₜ₋₁) ⊙ cₜ₋₁ + σ(zⁱ + pⁱ ⊙ cₜ₋₁) ⊙ tanh(zᵍ)
        hₜ = σ(zᵒ + pᵒ ⊙ cₜ) ⊙ tanh(cₜ)

    Args:
      params: as for ``lstm_cell``, and ``peephole`` (pⁱ, pᶠ, pᵒ), shape (3, h).
      carry: (cₜ₋₁, hₜ₋₁), both of shape (h,).
      x: input xₜ, shape (d,).

    Returns:
      ((cₜ, hₜ), hₜ).

    Numerics:
      As ``lstm_cell``, which it equals at p = 0.

    Example:
      >>> params = PeepholeLSTM(jnp.zeros((2, 4, 1)), jnp.zeros((4, 1)), jnp.full((3, 1), 9.0))
      >>> (c, h), y = peephole_lstm_cell(params, (jnp.ones(1), jnp.zeros(1)), jnp.zeros(1))
      >>> f"{c[0]:.4f} {y[0]:.4f}"
      '0.9999 0.7614'

    References:
      F. A. Gers, N. N. Schraudolph, J. Schmidhuber, "Learning precise timing with LSTM recurrent
      networks", 2002, equations (2) to (6).
    """
    z, c = _sums(params, carry, x)
    peephole = as_array("params.peephole", params.peephole, shape=(3, *c.shape))
    carry = _memory_with_peepholes(z, peephole, c)
    return carry, carry[1]
