"""A pool of lanes that works through a queue of starts, in one loop of one compiled program."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._compiled import compiled
from jaxmath._loops import while_loop
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._descent import Method
from jaxmath.optimize._solver import choose
from jaxmath.typing import Array

__all__: list[str] = []


class Pool(NamedTuple):
    """The lanes between two visits to the queue.

    Args:
      ids: whose start each lane has; at least n where none is left.
      state: the method's, a lane each.
      status: RUNNING, or how the lane has ended.
      next: the first start that still waits.
      found: the solutions so far, as in ``Packed``.
    """

    ids: Array
    state: Any
    status: Array
    next: Array
    found: dict[str, Array]


@partial(jax.tree_util.register_dataclass, data_fields=("found",), meta_fields=("tree", "places"))
@dataclass(frozen=True)
class Packed:
    """Solutions, a row each: what is of one dtype lies in one array, for one kernel to write.

    Args:
      found: the arrays by the names of their dtypes, shape (n, k).
      tree: that of a ``Solution``.
      places: for each of its leaves the dtype, the first column and the shape of a row; or the
        integer that it is in each row.
    """

    found: dict[str, Any]
    tree: Any
    places: tuple[int | tuple[str, int, tuple[int, ...]], ...]


def _unpacked(packed: Packed, full: Callable) -> Solution:
    n = next(iter(packed.found.values())).shape[0]

    def leaf(place: Any) -> Any:
        if isinstance(place, int):
            return full(n, place, np.int32)
        name, first, shape = place
        return packed.found[name][:, first : first + math.prod(shape)].reshape(n, *shape)

    return jax.tree.unflatten(packed.tree, map(leaf, packed.places))


@compiled
def _unpacked_there(packed: Packed) -> Solution:
    return _unpacked(packed, jnp.full)


def unpacked(packed: Packed) -> Solution:
    """The solutions: in a program, or on the host where the arrays are NumPy's."""
    if all(isinstance(array, np.ndarray) for array in packed.found.values()):
        return jax.device_put(_unpacked(packed, np.full))
    return _unpacked_there(packed)


def _merged(fields: tuple | None, condition: Array, new: Any, old: Any, rest: Any) -> Any:
    """The new state of a lane under a condition, else the old one, as far as either matters."""
    if fields is None:
        return choose(condition, new, old)
    of = lambda state: {name: getattr(state, name) for name in fields}
    return rest._replace(**choose(condition, of(new), of(old)))


def _blank(shape: tuple, dtype: Any) -> Array:
    """What will be written over: a constant, which needs no kernel if it is not uniform."""
    if not all(isinstance(n, int) for n in shape) or math.prod(shape) > 2**14:
        return jnp.zeros(shape, dtype)
    blank = np.zeros(shape, dtype)
    blank.flat[:1] = 1
    return jnp.asarray(blank)


def _rank(free: Array) -> Array:
    """How many are free up to each lane: their cumulative sum, which is four kernels on a CPU."""
    size = free.shape[0]
    if not isinstance(size, int) or size > 256:
        return jnp.cumsum(free, dtype=jnp.int32)
    return jnp.asarray(np.tri(size, dtype=np.int32)) @ free.astype(jnp.int32)


class Counted(NamedTuple):
    """A lane's state, and how often the lane was advanced: ended or not, for one start or more."""

    state: Any
    trips: Array


def counted(made: Method) -> Method:
    """The method, with the trips of its lane as ``num_hess``: what a pool costs."""

    return Method(
        lambda x: Counted(made.begin(x), jnp.int32(0)),
        lambda s: Counted(made.advance(s.state), s.trips + 1),
        lambda s: made.status_fn(s.state),
        lambda s, status: made.finish(s.state, status)._replace(num_hess=s.trips),
        ("state",),
    )


def run_pool(
    method: Callable[..., Method], x0: Array, args: tuple, axes: tuple, size: int
) -> Packed:
    """The solution from each row of ``x0``, by a pool of ``size`` lanes.

    ``method(*args)`` is the method on its problem; args[i] has a leading axis where axes[i] is 0.
    """
    n = x0.shape[0]

    def over(fn: Callable, args: tuple, *rest: Any) -> Any:
        """``fn(method, *rest)`` in each lane."""
        run = lambda args, *rest: fn(method(*args), *rest)
        return jax.vmap(run, in_axes=(axes, *(0 for _ in rest)))(args, *rest)

    def row(ids: Array, array: Array) -> Array:
        return array.at[ids].get(mode="clip", wrap_negative_indices=False)

    def of_lanes(ids: Array) -> tuple:
        take = lambda arg, axis: arg if axis is None else jax.tree.map(partial(row, ids), arg)
        return tuple(map(take, args, axes))

    def begun(made: Method, x: Array, taken: Array, state: Any, status: Array) -> tuple[Any, Array]:
        fields = made.opened or made.kept
        state = _merged(fields, taken, made.begin(x), state, rest=state)
        verdict = made.status_fn(state) if made.opened is None else Status.RUNNING
        return state, jnp.where(taken, verdict, status).astype(jnp.int32)

    def advanced(made: Method, state: Any, status: Array) -> tuple[Any, Array]:
        new = made.advance(state)
        state = _merged(made.kept, status == Status.RUNNING, new, state, rest=new)
        return state, made.status_fn(state).astype(jnp.int32)

    layout: list = []  # the tree and the places of a solution, once one is traced

    def finished(made: Method, state: Any, status: Array) -> dict[str, Array]:
        leaves, tree = jax.tree.flatten(made.finish(state, status))
        rows: dict[str, list[Array]] = {}
        known: dict[int, Any] = {}
        for leaf in leaves:
            if not isinstance(leaf, jax.core.Tracer):
                known[id(leaf)] = int(leaf)
            elif id(leaf) not in known:
                row = rows.setdefault(leaf.dtype.name, [])
                known[id(leaf)] = leaf.dtype.name, sum(part.size for part in row), leaf.shape
                row.append(leaf.ravel())
        layout[:] = tree, tuple(known[id(leaf)] for leaf in leaves)
        return {name: jnp.concatenate(row) for name, row in rows.items()}

    def refilled(pool: Pool) -> Pool:
        free = pool.status != Status.RUNNING
        after = pool.next + _rank(free)
        ids = jnp.where(free, after - 1, pool.ids)
        starts, taken = row(ids, x0), free & (ids < n)
        state, status = over(begun, of_lanes(ids), starts, taken, pool.state, pool.status)
        return pool._replace(ids=ids, state=state, status=status, next=after[-1])

    def worked(pool: Pool) -> Pool:
        """Trips until an eighth of the lanes is free; with nothing in the queue, until all are."""
        args = of_lanes(pool.ids)

        def busy(carry: tuple) -> Array:
            running = jnp.sum(carry[1] == Status.RUNNING, dtype=jnp.int32)
            return running > jnp.where(pool.next < n, 7 * size // 8, 0)

        trip = lambda carry: over(advanced, args, *carry)
        state, status = while_loop(busy, trip, (pool.state, pool.status))
        # What a lane writes that is still at work, it writes again.
        at = lambda whole: whole.at[pool.ids]
        write = lambda whole, part: at(whole).set(part, mode="drop", wrap_negative_indices=False)
        found = jax.tree.map(write, pool.found, over(finished, args, state, status))
        return pool._replace(state=state, status=status, found=found)

    blank = lambda n, tree: jax.tree.map(lambda a: _blank((n, *a.shape[1:]), a.dtype), tree)
    none = _blank((size,), np.int32)  # as status: not RUNNING, and so free
    start = lambda made, x: made.begin(x)
    state = jax.eval_shape(lambda ids: over(start, of_lanes(ids), x0[ids]), none)
    found = jax.eval_shape(partial(over, finished), of_lanes(none), state, none)
    pool = while_loop(
        lambda pool: pool.next < n,  # with none in the queue, ``worked`` ends when all have
        lambda pool: worked(refilled(pool)),
        Pool(none, blank(size, state), none, jnp.int32(0), blank(n, found)),
    )
    return Packed(pool.found, *layout)
