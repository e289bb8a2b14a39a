"""Averages over a whole data set, each example counted once."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import Mesh

from jaxmath.train._checks import as_count, check_function, check_mesh
from jaxmath.train._data import Placed, as_pair, check_batch_size, check_data, place, take
from jaxmath.train._returned import eval_result
from jaxmath.typing import Array, PyTree

__all__ = ["evaluate"]


def added(total: Array, part: Array) -> Array:
    """Kahan's sum: (total, what rounding has added to it) with the part in it, of shape (2,).

    A million parts of 0.1 come to 100958.3 in float32 when they are only added up. One array for
    both is one kernel in a compiled loop, as the plain sum is.
    """
    part = part - total[1]
    new = total[0] + part
    return jnp.stack((new, jnp.where(jnp.isfinite(new), (new - total[0]) - part, 0.0)))


def averages(
    caller: str, eval_fn: Callable, state: PyTree, data: Placed, batch_size: int, mesh: Mesh | None
) -> dict[str, Array]:
    """The weighted mean of each measure; the last batch is filled up and masked."""
    rows = jnp.arange(batch_size, dtype=jnp.int32)
    capacity = data.weight.shape[0]
    last = 1 + jnp.max(jnp.where(data.weight > 0, jnp.arange(capacity, dtype=jnp.int32), -1))
    num_batches = jnp.minimum((last + batch_size - 1) // batch_size, data.limit)

    def sums_of(i: Array) -> tuple[dict[str, Array], Array]:
        """Of batch i, and how many examples it has."""
        place = i * batch_size + rows
        index = jnp.minimum(place, capacity - 1)
        weight = jnp.where(place < capacity, data.weight[index], 0.0)
        values = eval_result(caller, eval_fn(state, take(data, index, weight, mesh)), batch_size)
        add = lambda v: jnp.sum(jnp.where(weight > 0, weight.astype(v.dtype) * v, 0.0))
        return jax.tree.map(add, values), jnp.sum(weight > 0, dtype=jnp.int32)

    def body(i: Array, carry: tuple) -> tuple:
        totals, count = carry
        sums, more = sums_of(i)
        return {name: added(totals[name], part) for name, part in sums.items()}, count + more

    sums_of = jax.jit(sums_of)
    sums, count = jax.eval_shape(sums_of, jnp.int32(0))
    zeros = {name: jnp.zeros(2, s.dtype) for name, s in sums.items()}
    totals, count = lax.fori_loop(0, num_batches, body, (zeros, jnp.zeros((), count.dtype)))
    return {name: total[0] / count.astype(total.dtype) for name, total in totals.items()}


@functools.lru_cache(maxsize=32)
def _program(eval_fn: Callable, batch_size: int, mesh: Mesh | None) -> Callable:
    return jax.jit(lambda state, data: averages("evaluate", eval_fn, state, data, batch_size, mesh))


def evaluate(
    eval_fn: Callable,
    state: PyTree,
    data: Any,
    *,
    batch_size: int = 256,
    mesh: Mesh | None = None,
) -> dict[str, float]:
    """The mean of every measure over the data, in one device call.

    Args:
      eval_fn: ``eval_fn(state, batch) -> {name: values}``, values of shape (n,), as
        ``supervised_eval`` makes it; the same function object is compiled once.
      state: the state to evaluate.
      data: ``(x, y)``, or a ``Dataset``.
      batch_size: examples at a time, at most (a smaller data set is one batch).
      mesh: devices to spread each batch over, from ``data_mesh``.

    Returns:
      The means as Python floats. The last batch is filled up and masked: every example counts
      once.

    Raises:
      ValueError: the data are empty, of unequal lengths, or not finite; a measure has not one
        value for each example.

    Example:
      >>> mean = evaluate(lambda state, batch: {"loss": state * batch.x}, jnp.array(2.0),
      ...                 (jnp.arange(5.0), jnp.zeros(5)), batch_size=2)
      >>> f"{mean['loss']:.1f}"
      '4.0'
    """
    check_function("evaluate", "eval_fn", eval_fn)
    check_mesh("evaluate", mesh)
    batch_size = as_count("evaluate", "batch_size", batch_size)
    data = as_pair(data)
    n = check_data("evaluate", "data", data)
    if mesh is None:
        batch_size = min(batch_size, n)
    check_batch_size("evaluate", batch_size, max(n, batch_size), mesh)
    program = _program(eval_fn, batch_size, mesh)
    return {name: float(mean) for name, mean in program(state, place(data, mesh)).items()}
