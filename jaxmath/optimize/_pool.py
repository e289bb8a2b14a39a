"""A pool of lanes that works through a queue of starts, in one loop of one compiled program."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

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
      found: the arrays of the solutions so far, shape (n, …).
    """

    ids: Array
    state: Any
    status: Array
    next: Array
    found: list[Array]


def _merged(made: Method, condition: Array, new: Any, old: Any, rest: Any) -> Any:
    """The new state of a lane under a condition, else the old one, as far as either matters."""
    if made.kept is None:
        return choose(condition, new, old)
    of = lambda state: {name: getattr(state, name) for name in made.kept or ()}
    return rest._replace(**choose(condition, of(new), of(old)))


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
) -> Solution:
    """The solution from each row of ``x0``, by a pool of ``size`` lanes.

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

    def fresh(made: Method, x: Array) -> tuple[Any, Array]:
        state = made.begin(x)
        return state, made.status_fn(state).astype(jnp.int32)

    def begun(made: Method, x: Array, taken: Array, state: Any, status: Array) -> tuple[Any, Array]:
        new, verdict = fresh(made, x)
        state = _merged(made, taken, new, state, rest=state)
        return state, jnp.where(taken, verdict, status)

    def advanced(made: Method, state: Any, status: Array) -> tuple[Any, Array]:
        new = made.advance(state)
        state = _merged(made, status == Status.RUNNING, new, state, rest=new)
        return state, made.status_fn(state).astype(jnp.int32)

    fields: list = []  # of a solution: the place of each among ``found``, or the constant it is

    def finished(made: Method, state: Any, status: Array) -> list[Array]:
        end = made.finish(state, status)
        own = {id(field): field for field in end if isinstance(field, jax.core.Tracer)}
        places = {key: i for i, key in enumerate(own)}
        fields[:] = [(places.get(id(field)), field) for field in end]
        return list(own.values())

    def refilled(pool: Pool) -> Pool:
        free = pool.status != Status.RUNNING
        after = pool.next + jnp.cumsum(free, dtype=jnp.int32)
        ids = jnp.where(free, after - 1, pool.ids)
        starts, taken = x0[jnp.minimum(ids, n - 1)], free & (ids < n)
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
        write = lambda whole, part: whole.at[pool.ids].set(part, mode="drop")
        found = list(map(write, pool.found, over(finished, args, state, status)))
        return pool._replace(state=state, status=status, found=found)

    zeros = lambda n, tree: jax.tree.map(lambda a: jnp.zeros((n, *a.shape[1:]), a.dtype), tree)
    none = jnp.zeros(size, jnp.int32)  # as status: CONVERGED, and so free
    state, status = jax.eval_shape(lambda ids: over(fresh, of_lanes(ids), x0[ids]), none)
    found = jax.eval_shape(partial(over, finished), of_lanes(none), state, status)
    pool = while_loop(
        lambda pool: pool.next < n,  # with none in the queue, ``worked`` ends when all have
        lambda pool: worked(refilled(pool)),
        Pool(none, zeros(size, state), none, jnp.int32(0), zeros(n, found)),
    )
    whole = lambda constant: jnp.full(n, constant, jnp.int32)
    return Solution(*(whole(c) if i is None else pool.found[i] for i, c in fields))
