"""Parts of a batch on several cores: XLA's CPU backend runs a compiled loop on one."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import get_opaque_trace_state

from jaxmath.typing import PyTree

__all__: list[str] = []

T = TypeVar("T")


def cores() -> int:
    """How many this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _surroundings() -> tuple:
    """What a computation depends on beside its arguments: much of it is the thread's own."""
    settings = [getattr(jax.config, name, None) for name in jax.config.values]
    return get_opaque_trace_state(), settings, jax.sharding.get_abstract_mesh()


def _plain(leaf: Any) -> bool:
    """Whether it is an array of numbers where JAX puts one by itself."""
    if isinstance(leaf, jax.core.Tracer) or jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
        return False
    return leaf.devices() == {jax.local_devices()[0]}


def side_by_side(program: Callable[[PyTree], T], rows: PyTree, parts: int) -> T:
    """``program(rows)``, with equal parts of the rows in a thread each.

    ``rows`` is a pytree of arrays with a leading axis, as are the results, one for each row, in
    NumPy arrays. All goes to ``program`` at once, and its results are as they come, in fewer than
    two parts, where something is being traced, and where another thread would compute under other
    settings (``jax.enable_x64``, a mesh). Threads that ask for one program at once compile it once:
    jax sees to that.
    """
    leaves, tree = jax.tree.flatten(rows)
    elsewhere = getattr(jax.config, "jax_default_device", None) is not None
    usual = jax.default_backend() == "cpu" and not elsewhere
    if parts < 2 or not usual or not all(map(_plain, leaves)):
        return program(rows)
    n = len(leaves[0])
    size = -(-n // parts)  # one shape, one program: the last part repeats the last row
    places = [np.minimum(np.arange(size) + i * size, n - 1) for i in range(parts)]
    run = lambda part: program(jax.tree.unflatten(tree, part))
    # Threads of this call's own: f may call back to the host, and that may end here again.
    with ThreadPoolExecutor(parts - 1) as threads:
        if threads.submit(_surroundings).result() != _surroundings():
            return program(rows)
        arrays = jax.device_put([[np.asarray(leaf)[place] for leaf in leaves] for place in places])
        others = threads.map(run, arrays[1:])
        found = [run(arrays[0]), *others]
    return jax.tree.map(lambda *ends: np.concatenate(ends)[:n], *found)
