"""Sequences drawn from a key that need memory: what to keep, for how long, and what to forget."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxmath._draws import uniform
from jaxmath.datasets.dataset import Dataset
from jaxmath.typing import Array, as_key, check_number

__all__ = ["adding_problem", "copy_memory", "parity", "two_time_scales"]

DType = jax.typing.DTypeLike


def _start(caller: str, key: Array, n: int, dtype: DType) -> tuple[Array, jnp.dtype]:
    """The checks that all share; the key and the dtype."""
    check_number("n", n, low=1, integer=True)
    wanted = jnp.dtype(jnp.result_type(dtype))
    if not jnp.issubdtype(wanted, jnp.floating):
        raise TypeError(f"{caller}: argument `dtype` must be a real floating dtype, got {wanted}")
    return as_key("key", key), wanted


def adding_problem(key: Array, n: int, num_steps: int, *, dtype: DType = float) -> Dataset:
    """The adding problem: the sum of the two values that are marked, one in each half.

    ::

        x_t = (u_t, 1[t ∈ {a, b}]),   u_t ~ U(0, 1),   a ~ U{0, …, ⌊T/2⌋ − 1},
        b ~ U{⌊T/2⌋, …, T − 1},   y = u_a + u_b

    Args:
      key: a random key, used once.
      n: number of sequences.
      num_steps: length T of each, at least 2.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, T, 2) and ``y`` of shape (n,), both floating.

    Numerics:
      The mean squared error of the best constant prediction, 1, is the variance of the sum of two
      uniform numbers, 1/6 ≈ 0.1667: what a network has that remembers nothing. Hochreiter and
      Schmidhuber draw from U(−1, 1), mark the first among the first 10 and vary the length; this is
      the later form.

    Example:
      >>> data = adding_problem(jax.random.key(0), 4, 10)
      >>> marked = jnp.sum(data.x[..., 0] * data.x[..., 1], axis=1)
      >>> f"{jnp.max(jnp.abs(marked - data.y)):.1f}"
      '0.0'

    References:
      S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997, section 5.4.
      M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", 2016, section
      5.2, for the marks, one in each half, and the baseline.
    """
    check_number("num_steps", num_steps, low=2, integer=True)
    return Dataset(*_adding_problem(*_start("adding_problem", key, n, dtype), n, num_steps))


@partial(jax.jit, static_argnums=(1, 2, 3))
def _adding_problem(key: Array, dtype: jnp.dtype, n: int, num_steps: int) -> tuple[Array, Array]:
    value_key, first_key, second_key = jax.random.split(key, 3)
    values = uniform(value_key, (n, num_steps), dtype)
    half = num_steps // 2
    first = jax.random.randint(first_key, (n, 1), 0, half, jnp.int32)
    second = jax.random.randint(second_key, (n, 1), half, num_steps, jnp.int32)
    steps = jnp.arange(num_steps, dtype=jnp.int32)[None]
    marks = ((steps == first) | (steps == second)).astype(dtype)
    return jnp.stack([values, marks], axis=2), jnp.sum(values * marks, axis=1)


def copy_memory(
    key: Array, n: int, delay: int, *, num_symbols: int = 8, length: int = 10
) -> Dataset:
    """The copy task: symbols to repeat in their order after a delay, when a mark asks for them.

    ::

        x = s₁ … s_L  k ⋯ k (delay − 1)  k+1  k ⋯ k (L),   y = k ⋯ k (delay + L)  s₁ … s_L
        s_i ~ U{0, …, k − 1};   k is the blank, k + 1 the mark

    Args:
      key: a random key, used once.
      n: number of sequences.
      delay: from the last symbol to the mark, at least 1.
      num_symbols: k ≥ 1.
      length: L ≥ 1, the number of symbols to repeat.

    Returns:
      ``x`` and ``y``, both int32 of shape (n, delay + 2L), with k + 2 classes.

    Numerics:
      Exact. Blanks until the mark and then symbols at random have the cross-entropy
      L log(k)/(delay + 2L) a step, and the accuracy 1/k on the last L steps.

    Example:
      >>> data = copy_memory(jax.random.key(1), 1, 3, length=2)
      >>> print(data.x, data.y)
      [[4 7 8 8 9 8 8]] [[8 8 8 8 8 4 7]]

    References:
      M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", 2016, section
      5.1.
    """
    check_number("n", n, low=1, integer=True)
    for name, value in (("delay", delay), ("num_symbols", num_symbols), ("length", length)):
        check_number(name, value, low=1, integer=True)
    symbols = jax.random.randint(as_key("key", key), (n, length), 0, num_symbols, jnp.int32)
    blank = lambda steps: jnp.full((n, steps), num_symbols, jnp.int32)
    mark = jnp.full((n, 1), num_symbols + 1, jnp.int32)
    x = jnp.concatenate([symbols, blank(delay - 1), mark, blank(length)], axis=1)
    y = jnp.concatenate([blank(delay + length), symbols], axis=1)
    return Dataset(x, y, class_names=(*map(str, range(num_symbols)), "blank", "mark"))


def parity(key: Array, n: int, num_steps: int, *, dtype: DType = float) -> Dataset:
    """Bits, and after each of them whether the number of ones so far is odd.

    ::

        x_t ~ U{0, 1},   y_t = x₁ ⊕ … ⊕ x_t

    Args:
      key: a random key, used once.
      n: number of sequences.
      num_steps: length T of each, at least 1.
      dtype: a real floating dtype of the bits; ``float`` means jax's default one.

    Returns:
      ``x`` of shape (n, T, 1), floating, and ``y`` of shape (n, T), int32: even (0) or odd (1). The
      last column is the parity of the whole sequence, for a network with one output.

    Numerics:
      Exact. The parity of T bits is independent of any T − 1 of them: a network that misses one
      step is right half of the time.

    Example:
      >>> data = parity(jax.random.key(0), 1, 6)
      >>> print(data.x[0, :, 0], data.y[0])
      [1. 0. 0. 1. 1. 1.] [1 1 1 0 1 0]

    References:
      M. Minsky, S. Papert, "Perceptrons", 1969, theorem 3.1 (no finite order).
      A. Graves, "Adaptive computation time for recurrent neural networks", 2016, section 3.1.
    """
    check_number("num_steps", num_steps, low=1, integer=True)
    key, dtype = _start("parity", key, n, dtype)
    bits = jax.random.randint(key, (n, num_steps), 0, 2, jnp.int32)
    y = jnp.cumsum(bits, axis=1, dtype=jnp.int32) % 2
    return Dataset(bits[..., None].astype(dtype), y, class_names=("even", "odd"))


def two_time_scales(
    key: Array, n: int, num_steps: int, *, period: int = 32, dtype: DType = float
) -> Dataset:
    """Two things to keep of one signal: what came a step ago, and what came as the period began.

    ::

        x_t = u_t ~ U{−1, 1},   y_t = ½ (u_{t−1} + u_{P⌊t/P⌋}),   u_{−1} = 0,   t = 0, …, T − 1

    Args:
      key: a random key, used once.
      n: number of sequences.
      num_steps: length T of each, at least 1.
      period: P, at least 1. No input tells when a period begins: the network must count.
      dtype: a real floating dtype; ``float`` means jax's default one.

    Returns:
      ``x`` and ``y``, both of shape (n, T, 1) and floating.

    Numerics:
      Exact. The mean squared error of the constant 0 is near ½, that of a network that follows only
      one of the two scales near ¼ (nearer for long sequences and periods). A unit that moves once
      in P steps has the slow one for nothing.

    Example:
      >>> x, y = two_time_scales(jax.random.key(0), 1, 5, period=4)
      >>> print(x[0, :, 0], y[0, :, 0])
      [ 1. -1. -1.  1.  1.] [0.5 1.  0.  0.  1. ]

    References:
      J. Koutník, K. Greff, F. Gomez, J. Schmidhuber, "A clockwork RNN", 2014, section 3, whose
      units have such periods; the task is made for them.
    """
    check_number("num_steps", num_steps, low=1, integer=True)
    check_number("period", period, low=1, integer=True)
    key, dtype = _start("two_time_scales", key, n, dtype)
    x = (2 * jax.random.randint(key, (n, num_steps), 0, 2, jnp.int32) - 1).astype(dtype)
    before = jnp.pad(x[:, :-1], ((0, 0), (1, 0)))
    held = jnp.repeat(x[:, ::period], period, axis=1)[:, :num_steps]
    return Dataset(x[..., None], 0.5 * (before + held)[..., None])
