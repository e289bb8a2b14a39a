"""A pool of lanes that works through a queue of starts, in one loop of one compiled program."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._loops import while_loop
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._descent import Method
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


class Pool(NamedTuple):
    """The lanes between two visits to the queue.

    Args:
      ids: whose start each lane has; n where none.
      state: the method's, a lane each.
      status: RUNNING, or how the lane has ended.
      next: the first start that still waits.
      found: the solutions so far, shape (n, …).
      trips: how often the lanes were advanced.
    """

    ids: Array
    state: Any
    status: Array
    next: Array
    found: tuple[PyTree, Array, Array]
    trips: Array


def _pick(condition: Array, new: Any, old: Any) -> Any:
    wide = lambda leaf: condition.reshape(-1, *(1,) * (leaf.ndim - 1))
    return jax.tree.map(lambda n, o: jnp.where(wide(n), n, o), new, old)


def run_pool(
    method: Callable[..., Method], x0: Array, args: tuple, axes: tuple, size: int
) -> tuple[Solution, Array]:
    """The solution from each row of ``x0``, and the trips of the pool of ``size`` lanes.

    ``method(*args)`` is the method on its problem; args[i] has a leading axis where axes[i] is 0.
    """
    n = x0.shape[0]

    def over(fn: Callable, args: tuple, *rest: Any) -> Any:
        """``fn(method, *rest)`` in each lane."""
        run = lambda args, *rest: fn(method(*args), *rest)
        return jax.vmap(run, in_axes=(axes, *(0 for _ in rest)))(args, *rest)

    def of_lanes(ids: Array) -> tuple:
        rows = jnp.minimum(ids, n - 1)
        take = lambda arg, axis: arg if axis is None else jax.tree.map(lambda a: a[rows], arg)
        return tuple(map(take, args, axes))

    def judged(made: Method, state: Any) -> tuple[Any, Array]:
        return state, made.status_fn(state).astype(jnp.int32)

    def begun(ids: Array) -> tuple[Any, Array]:
        x = x0[jnp.minimum(ids, n - 1)]
        return over(lambda made, x: judged(made, made.begin(x)), of_lanes(ids), x)

    def finished(args: tuple, state: Any, status: Array) -> tuple[PyTree, Array, Array]:
        """The values, the errors, and the status and all counts in one array."""
        end = over(lambda made, *end: made.finish(*end), args, state, status)
        counts = [jnp.asarray(c, jnp.int32) for c in (end.status, *end[3:])]
        return end.value, end.error, jnp.stack(counts, axis=1)

    def refilled(pool: Pool) -> Pool:
        free = pool.status != Status.RUNNING
        place = jnp.minimum(pool.next + jnp.cumsum(free, dtype=jnp.int32), n + 1)
        ids = jnp.where(free, place - 1, pool.ids)
        state, status = _pick(free & (ids < n), begun(ids), (pool.state, pool.status))
        waiting = jnp.minimum(place[-1], n)
        return pool._replace(ids=ids, state=state, status=status, next=waiting)

    def worked(pool: Pool) -> Pool:
        """Trips until an eighth of the lanes is free; with nothing in the queue, until all are."""
        args, keep = of_lanes(pool.ids), jnp.where(pool.next < n, 7 * size // 8, 0)

        def trip(carry: tuple) -> tuple:
            state, status, trips = carry
            new = over(lambda made, s: made.advance(s), args, state)
            state = _pick(status == Status.RUNNING, new, state)
            return state, over(lambda made, s: judged(made, s)[1], args, state), trips + 1

        state, status, trips = while_loop(
            lambda carry: jnp.sum(carry[1] == Status.RUNNING) > keep,
            trip,
            (pool.state, pool.status, pool.trips),
        )
        solution = finished(args, state, status)
        rows = jnp.where(status == Status.RUNNING, n, pool.ids)
        write = lambda whole, part: whole.at[rows].set(part, mode="drop")
        found = jax.tree.map(write, pool.found, solution)
        return pool._replace(state=state, status=status, found=found, trips=trips)

    ids, ended = jnp.full(size, n, jnp.int32), jnp.full(size, Status.STAGNATED, jnp.int32)
    fresh = jax.eval_shape(begun, ids)
    solution = jax.eval_shape(finished, of_lanes(ids), *fresh)
    empty = lambda n, like: jax.tree.map(lambda a: jnp.zeros((n, *a.shape[1:]), a.dtype), like)
    pool = Pool(ids, empty(size, fresh[0]), ended, jnp.int32(0), empty(n, solution), jnp.int32(0))
    pool = while_loop(
        lambda pool: pool.next < n,  # with none in the queue, ``worked`` ends when all have
        lambda pool: worked(refilled(pool)),
        pool,
    )
    value, error, (status, *counts) = *pool.found[:2], pool.found[2].T
    return Solution(value, status, error, *counts), pool.trips
