"""What a model says of every example of a data set."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.train._checks import as_count, check_compute_dtype
from jaxmath.train._data import check_rows, place, take
from jaxmath.train.state import TrainState
from jaxmath.train.step import output_dtype, to_dtype
from jaxmath.typing import Array, PyTree

__all__ = ["predict"]


@functools.lru_cache(maxsize=32)
def _program(apply_fn: Callable, batch_size: int, compute_dtype: Any, ensemble: bool) -> Callable:
    def of_state(state: TrainState, data: Any) -> PyTree:
        params = to_dtype(state.params, compute_dtype)
        one = lambda x: apply_fn(params, state.model_state, x)
        capacity = data.weight.shape[0]
        starts = jnp.arange(0, capacity, batch_size, dtype=jnp.int32)
        rows = jnp.arange(batch_size, dtype=jnp.int32)

        def batch(start: Array) -> PyTree:
            index = jnp.minimum(start + rows, capacity - 1)
            x = take(data, index, data.weight, None).x
            y = jax.vmap(one)(to_dtype(x, compute_dtype))
            return to_dtype(y, output_dtype(state.params, compute_dtype))

        batches = jax.lax.map(batch, starts)
        return jax.tree.map(lambda a: a.reshape(a.shape[0] * batch_size, *a.shape[2:]), batches)

    if not ensemble:
        return jax.jit(of_state)
    return jax.jit(lambda states, data: jax.lax.map(lambda s: of_state(s, data), states))


def predict(
    apply_fn: Callable,
    state: TrainState,
    x: PyTree,
    *,
    batch_size: int = 256,
    compute_dtype: Any = None,
    ensemble: bool = False,
) -> PyTree:
    """The model's output for every example, in one device call.

    Args:
      apply_fn: ``apply_fn(params, model_state, x) -> y`` for one example, as ``supervised_eval``
        takes it; the same function object is compiled once, for data of like length too.
      state: the state whose parameters and model state are applied.
      x: inputs, an array or a pytree of arrays with one row an example.
      batch_size: examples at a time, at most (a smaller data set is one batch).
      compute_dtype: as in ``supervised_step``; the outputs are then float32, or float64 where the
        parameters are.
      ensemble: the state has a leading axis of lanes, which are applied one after another.

    Returns:
      The outputs as NumPy arrays with one row an example, behind the lanes' axis of an ensemble.
      The last batch is filled up, and what fills it is cut off.

    Raises:
      ValueError: the inputs are none, of unequal lengths, or not finite.

    Example:
      >>> from jaxmath import train
      >>> import optax
      >>> _, apply_fn = train.adapt(lambda params, x: params * x)
      >>> state = train.init_state(jax.random.key(0), jnp.array(2.0), optimizer=optax.sgd(0.1))
      >>> print(predict(apply_fn, state, jnp.arange(5.0), batch_size=2))
      [0. 2. 4. 6. 8.]
    """
    batch_size = as_count("predict", "batch_size", batch_size)
    check_compute_dtype("predict", compute_dtype)
    n = check_rows("predict", "x", {"x": x})
    program = _program(apply_fn, min(batch_size, n), compute_dtype, ensemble)
    y = jax.device_get(program(state, place((x, ()), None)))
    rows = (slice(None), slice(n)) if ensemble else (slice(n),)
    return jax.tree.map(lambda a: np.array(a[rows]), y)
