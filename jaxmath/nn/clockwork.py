"""The clockwork RNN: modules of hidden units, each with a clock of its own."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.nn._gates import Initializer, check_sizes, gate_kernels
from jaxmath.nn.initializers import lecun_normal
from jaxmath.typing import Array, ArrayLike, as_array, as_key, check_number

__all__ = ["Clockwork", "clockwork_cell", "clockwork_init"]

Carry = tuple[Array, Array]


class Clockwork(NamedTuple):
    """A clockwork cell: [W_x; W_h], shape (d + h, h), fast modules first, and b, shape (h,)."""

    kernel: Array
    bias: Array


def clockwork_init(
    key: Array,
    in_size: int,
    hidden_size: int,
    *,
    dtype: jax.typing.DTypeLike = float,
    kernel_init: Initializer = lecun_normal,
    recurrent_init: Initializer = lecun_normal,
) -> Clockwork:
    """Random parameters of a clockwork cell.

    ::

        W_x ~ kernel_init,   W_h ~ recurrent_init,   b = 0

    Args:
      key: a random key, used once.
      in_size: length d of an input, at least 1.
      hidden_size: number of hidden units h, at least 1; a multiple of the number of periods.
      dtype: a real floating dtype; ``float`` means jax's default one.
      kernel_init: initializer ``f(key, shape, dtype)`` of W_x.
      recurrent_init: that of W_h, whose blocks below the diagonal the cell does not use.

    Returns:
      Parameters with ``kernel`` of shape (d + h, h) and ``bias`` of shape (h,).

    Numerics:
      That of the initializers. The fast modules' columns have more live rows than the slow ones'.

    Example:
      >>> clockwork_init(jax.random.key(0), 3, 8).kernel.shape
      (11, 8)

    References:
      J. Koutník, K. Greff, F. Gomez, J. Schmidhuber, "A clockwork RNN", 2014, section 3.
    """
    key = as_key("key", key)
    check_sizes(in_size, hidden_size)
    kernel = gate_kernels(key, in_size, hidden_size, 1, dtype, kernel_init, recurrent_init)
    return Clockwork(kernel[:, 0], jnp.zeros(hidden_size, dtype))


def check_periods(periods: tuple[int, ...], h: int, caller: str = "clockwork_cell") -> None:
    if not isinstance(periods, tuple) or not periods:
        raise TypeError(
            f"{caller}: argument `periods` must be a tuple of integers, got {periods!r}"
        )
    for i, period in enumerate(periods):
        check_number(f"periods[{i}]", period, low=1, integer=True)
    if sorted(set(periods)) != list(periods):
        raise ValueError(f"{caller}: argument `periods` must be in ascending order, got {periods}")
    if h % len(periods):
        raise ValueError(
            f"{caller}: argument `periods` must divide the {h} hidden units into equal "
            f"modules, got {len(periods)} periods"
        )


def clockwork_cell(
    params: Clockwork,
    carry: Carry,
    x: ArrayLike,
    *,
    periods: tuple[int, ...] = (1, 2, 4, 8),
) -> tuple[Carry, Array]:
    """One step of a clockwork RNN: a module moves when its period divides the time, else it waits.

    ::

        hᵢ(t) = tanh(xₜ W_x + Σ_{j: Tⱼ ≥ Tᵢ} hⱼ(t−1) W_h[j, i] + bᵢ)   where Tᵢ divides t
        hᵢ(t) = hᵢ(t−1)                                                otherwise

    Args:
      params: [W_x; W_h], shape (d + h, h), and b, shape (h,). Module i of g has the units from
        i·h/g on; only slower modules (and itself) speak to it, so that W_h is block-triangular:
        the blocks from faster to slower ones count as 0, whatever they hold.
      carry: (t, hₜ₋₁): the time, an int32 scalar from 0, and the state, shape (h,).
      x: input xₜ, shape (d,).
      periods: T₁ < … < T_g, ascending; g divides h.

    Returns:
      ((t + 1, hₜ), hₜ); the time starts anew after the least common multiple of the periods.

    Numerics:
      At t = 0 all modules move. Gradients of unused blocks are exactly 0. All units are computed at
      every step (the saving of the paper's hardware is not taken). Cost: (d + h)·h multiply-adds.

    Example:
      >>> params = Clockwork(jnp.ones((3, 2)), jnp.zeros(2))
      >>> carry = (jnp.int32(1), jnp.array([0.0, 0.5]))
      >>> (t, h), y = clockwork_cell(params, carry, jnp.zeros(1), periods=(1, 2))
      >>> print(int(t), y.round(4))
      0 [0.4621 0.5   ]

    References:
      J. Koutník, K. Greff, F. Gomez, J. Schmidhuber, "A clockwork RNN", 2014, equations (1) to (3).
    """
    bias = as_array("params.bias", params.bias, ndim=1)
    h = bias.shape[0]
    check_periods(periods, h)
    kernel = as_array("params.kernel", params.kernel, shape=(None, h))
    time = as_array("carry[0]", carry[0], ndim=0, kind="integer")
    hidden = as_array("carry[1]", carry[1], shape=(h,))
    x = as_array("x", x, shape=(kernel.shape[0] - h,))
    module = np.repeat(np.arange(len(periods)), h // len(periods))
    used = np.concatenate([np.ones((x.shape[0], h), bool), module[:, None] >= module])
    z = jnp.dot(jnp.concatenate([x, hidden]), jnp.where(used, kernel, jnp.zeros_like(kernel)))
    moves = time % np.array(periods, time.dtype) == 0
    hidden = jnp.where(moves[module], jnp.tanh(z + bias), hidden)
    time = (time + 1) % np.array(math.lcm(*periods), time.dtype)
    return (time, hidden), hidden
