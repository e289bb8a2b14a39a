"""From a cell to a sequence: one scan, two directions, several layers.

A cell is ``cell(params, carry, x) -> (carry, y)`` for one step; its keywords are bound by
``functools.partial``.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._loops import scan
from jaxmath.nn.clockwork import Clockwork
from jaxmath.nn.elman import Elman, Jordan
from jaxmath.nn.gru import GRU, MGU
from jaxmath.nn.lstm import LSTM, PeepholeLSTM
from jaxmath.typing import Array, ArrayLike, PyTree, as_array

__all__ = ["Bidirectional", "initial_carry", "run_bidirectional", "run_cell", "stacked_cell"]

Cell = Callable[[Any, Any, Array], tuple[Any, Any]]


class Bidirectional(NamedTuple):
    """Parameters, or carries, of the two directions."""

    forward: PyTree
    backward: PyTree


def initial_carry(params: PyTree) -> PyTree:
    """The carry of a cell before the first step: all zeros.

    ::

        h₀ = 0;   (c₀, h₀) = 0 for the LSTMs,   y₀ = 0 for Jordan's,   (t, h₀) = 0 for the clockwork

    Args:
      params: parameters of one of the cells of ``jaxmath.nn``, a tuple of them (layers), or a
        ``Bidirectional`` pair.

    Returns:
      The carry, of the parameters' dtype; a tuple or a pair of carries for a tuple or a pair.

    Raises:
      TypeError: the parameters are of no known cell.

    Numerics:
      Exact.

    Example:
      >>> from jaxmath import nn
      >>> c, h = initial_carry(nn.LSTM(jnp.ones((5, 4, 2)), jnp.ones((4, 2))))
      >>> print(c, h)
      [0. 0.] [0. 0.]

    References:
      The carries are those of the cells.
    """
    if isinstance(params, Bidirectional):
        return Bidirectional(*map(initial_carry, params))
    if type(params) is tuple:
        return tuple(map(initial_carry, params))
    if isinstance(params, Jordan):
        return jnp.zeros_like(params.output_bias)
    if not isinstance(params, (Clockwork, Elman, GRU, LSTM, MGU, PeepholeLSTM)):
        raise TypeError(
            "initial_carry: argument `params` must be a cell's parameters, got "
            f"{type(params).__name__}"
        )
    h = jnp.zeros(params.bias.shape[-1:], params.bias.dtype)
    if isinstance(params, (LSTM, PeepholeLSTM)):
        return h, h
    return (jnp.zeros((), jnp.int32), h) if isinstance(params, Clockwork) else h


def as_length(caller: str, length: ArrayLike | None, steps: int) -> Array | None:
    """The length as an array; a known one must lie within the sequence."""
    if length is None:
        return None
    length = as_array("length", length, ndim=0, kind="integer")
    if not isinstance(length, jax.core.Tracer) and not 0 <= int(length) <= steps:
        raise ValueError(
            f"{caller}: argument `length` must be from 0 to {steps}, the steps of the sequence, "
            f"got {int(length)}"
        )
    return length.astype(jnp.result_type(int))  # the dtype of the steps, which int8 cannot count


def _check_cell(caller: str, cell: Cell) -> None:
    if not callable(cell):
        raise TypeError(f"{caller}: argument `cell` must be a function, got {type(cell).__name__}")


def _promoted(cell: Cell, params: PyTree, carry: PyTree, x: Array) -> PyTree:
    """The carry in the dtypes in which a cell gives it back, for inputs wider than parameters."""
    real = [a for a in jax.tree.leaves(carry) if jnp.issubdtype(a.dtype, jnp.floating)]
    if all(leaf.dtype == x.dtype for leaf in real):
        return carry
    one = jax.ShapeDtypeStruct(x.shape[1:], x.dtype)
    for _ in range(2):  # what one output widens may widen another
        new = jax.eval_shape(cell, params, carry, one)[0]
        carry = jax.tree.map(lambda a, b: a.astype(b.dtype), carry, new)
    return carry


@compiled
def _run(
    cell: Cell, params: PyTree, carry: PyTree, x: Array, length: Array | None, reverse: bool
) -> tuple[PyTree, PyTree]:
    """``run_cell``, its arguments checked: outside jit one program a cell, known by identity."""
    carry = _promoted(cell, params, carry, x)

    def step(carry: PyTree, x: Array) -> tuple[PyTree, PyTree]:
        return cell(params, carry, x)

    if length is None:
        return scan(step, carry, x, reverse=reverse)
    keep = jnp.arange(x.shape[0]) < length
    x = jnp.where(keep[:, None], x, jnp.zeros_like(x))  # 0 times the slope at a NaN is NaN

    def masked(carry: PyTree, inputs: tuple[Array, Array]) -> tuple[PyTree, PyTree]:
        x, keep = inputs
        new, y = step(carry, x)
        select = lambda a, b: jnp.where(keep, a, b)
        return jax.tree.map(select, new, carry), jax.tree.map(
            lambda leaf: select(leaf, jnp.zeros_like(leaf)), y
        )

    return scan(masked, carry, (x, keep), reverse=reverse)


def run_cell(
    cell: Cell,
    params: PyTree,
    carry: PyTree,
    x: ArrayLike,
    *,
    length: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[PyTree, PyTree]:
    """A cell along a sequence.

    ::

        (sₜ, yₜ) = cell(θ, sₜ₋₁, xₜ) for t = 1, …, n;   sₜ = sₜ₋₁ and yₜ = 0 for n < t ≤ T

    Args:
      cell: ``cell(params, carry, x) -> (carry, y)``.
      params: the cell's parameters θ.
      carry: s₀, ``initial_carry(params)`` for zeros.
      x: the sequence, shape (T, d).
      length: n, an integer from 0 to T, where the sequence is shorter than its array; None for T.
      reverse: from n down to 1: ``y[t]`` then belongs to ``x[t]`` and what follows it.

    Returns:
      (the last carry, all outputs with a leading axis T).

    Raises:
      ValueError: a known length lies beyond the sequence; a traced one counts as T (or 0).

    Numerics:
      The input's product stays within the scan with the state's: taken out of it, it was slower on
      CPU. What lies beyond the length, NaN among it, counts for nothing, in value and derivative.
      The state has the common dtype of ``carry``, ``params`` and ``x``. T = 0 gives s₀ and no
      outputs. Outside jit the program is kept for the function object ``cell``, with what that
      closes over. Cost: T steps, one after another.

    Example:
      >>> total = lambda params, carry, x: (carry + x, carry + x)
      >>> carry, y = run_cell(total, (), jnp.zeros(1), jnp.ones((4, 1)), length=3)
      >>> print(carry, y[:, 0])
      [3.] [1. 2. 3. 0.]

    References:
      I. Goodfellow, Y. Bengio, A. Courville, "Deep Learning", 2016, equation (10.4).
    """
    _check_cell("run_cell", cell)
    x = as_array("x", x, ndim=2)
    carry = jax.tree.map(jnp.asarray, carry)
    return _run(cell, params, carry, x, as_length("run_cell", length, x.shape[0]), reverse)


def run_bidirectional(
    cell: Cell,
    params: Bidirectional,
    carry: Bidirectional,
    x: ArrayLike,
    *,
    length: ArrayLike | None = None,
) -> tuple[Bidirectional, Array]:
    """A cell along a sequence in both directions, outputs side by side.

    ::

        yₜ = (→yₜ, ←yₜ):   →y reads x₁, …, xₜ,   ←y reads xₙ, …, xₜ

    Args:
      cell: ``cell(params, carry, x) -> (carry, y)`` with y a vector.
      params: the parameters of the two directions.
      carry: their first carries, ``initial_carry(params)`` for zeros.
      x: the sequence, shape (T, d).
      length: n, as in ``run_cell``: the backward direction begins at the last valid step.

    Returns:
      (the last carries of both directions, outputs of shape (T, 2h)).

    Numerics:
      Two calls of ``run_cell``.

    Example:
      >>> total = lambda params, carry, x: (carry + x, carry + x)
      >>> none, zero = Bidirectional((), ()), Bidirectional(jnp.zeros(1), jnp.zeros(1))
      >>> print(run_bidirectional(total, none, zero, jnp.ones((3, 1)))[1].T)
      [[1. 2. 3.]
       [3. 2. 1.]]

    References:
      M. Schuster, K. K. Paliwal, "Bidirectional recurrent neural networks", 1997, section II.B.
    """
    _check_cell("run_bidirectional", cell)
    x = as_array("x", x, ndim=2)
    length = as_length("run_bidirectional", length, x.shape[0])
    forward, y = run_cell(cell, params[0], carry[0], x, length=length)
    backward, z = run_cell(cell, params[1], carry[1], x, length=length, reverse=True)
    return Bidirectional(forward, backward), jnp.concatenate([y, z], axis=-1)


@dataclasses.dataclass(frozen=True)
class _Stack:
    """A record, so that two stacks of one cell are equal and share the programs that run them."""

    cell: Cell

    def __call__(self, params: tuple, carry: tuple, x: Array) -> tuple[tuple, Array]:
        new = []
        for layer, state in zip(params, carry, strict=True):
            state, x = self.cell(layer, state, x)
            new.append(state)
        return tuple(new), x


def stacked_cell(cell: Cell) -> Cell:
    """Several layers of a cell as one cell.

    ::

        (sˡₜ, yˡₜ) = cell(θˡ, sˡₜ₋₁, yˡ⁻¹ₜ),   y⁰ₜ = xₜ,   yₜ = yᴸₜ

    Args:
      cell: ``cell(params, carry, x) -> (carry, y)``.

    Returns:
      A cell whose params and carry are tuples with an entry for each layer, first to last.

    Numerics:
      Nothing but the layers' steps. The same values as layer after layer, each along the sequence.

    Example:
      >>> total = lambda params, carry, x: (carry + x, carry + x)
      >>> carry = (jnp.zeros(1), jnp.zeros(1))
      >>> print(run_cell(stacked_cell(total), ((), ()), carry, jnp.ones((4, 1)))[1].T)
      [[ 1.  3.  6. 10.]]

    References:
      A. Graves, A. Mohamed, G. E. Hinton, "Speech recognition with deep recurrent neural networks",
      2013, equation (9).
    """
    _check_cell("stacked_cell", cell)
    return _Stack(cell)
