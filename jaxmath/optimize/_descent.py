"""The loop of every descent method with a line search: one evaluation of f and ∇f a trip.

The search runs in reverse communication, so that under vmap a lane that has its step goes on while
another still searches: nobody waits but for the last.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._limits import MOST, as_limit
from jaxmath._loops import cond
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._box import Box, along, as_bound, contains, distance, feasible, strides
from jaxmath.optimize._ends import (
    MORE,
    PATIENCE,
    Quiet,
    default_tolerance,
    error_measure,
    lowest,
    own_units,
    quiet_at,
    quieter,
)
from jaxmath.optimize._settled import settled
from jaxmath.optimize._solver import as_point, choose, objective, or_one
from jaxmath.optimize.line_search import MAX_TRIALS, NOISE, Search
from jaxmath.optimize.wolfe import strong_wolfe_init, tried
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_precision

__all__: list[str] = []


class Method(NamedTuple):
    """A method on its problem, as functions of one vector: what ``iterate`` takes, and the end.

    Args:
      begin: from x₀ to a state.
      advance: from a state to the next; one evaluation.
      status_fn: from a state to its ``Status``.
      finish: from a state and its status to a ``Solution`` with a vector.
      kept: the fields of a state that status and solution are made of: the others are what they
        like once a lane has ended. None for all.
      opened: the fields that ``begin`` sets: the others are what they like, and the state is
        RUNNING. None for ``kept``, and any status.
    """

    begin: Callable[[Array], Any]
    advance: Callable[[Any], Any]
    status_fn: Callable[[Any], Array]
    finish: Callable[[Any, Array], Solution]
    kept: tuple[str, ...] | None = None
    opened: tuple[str, ...] | None = None


SEARCHING, FORCED, OPENING = range(3)  # see DescentState


class Rule(NamedTuple):
    """What makes a method of descent: how its memory becomes a direction.

    Args:
      init: from D, which stands for ∇²f⁻¹ as diag(D), to the memory.
      update: from (memory, s, y, g, d) of an accepted step, s = x⁺ − x, y = g⁺ − g, to the memory.
      direction: from (memory, g) to d; within a region, from (memory, g, x).
      unit: whether the first trial is α = 1, not a step like the last.
      c2: the share of the slope that the line search may leave.
      region: the box that no trial leaves; then x + d is in it too.
      refresh: from (∇f, x) to the memory, by a Hessian at each new x; None where there is none.
      level: in units of eps|f|, what rounding may do to f.
    """

    init: Callable[[Array], PyTree]
    update: Callable[[PyTree, Array, Array, Array, Array], PyTree]
    direction: Callable[..., Array]
    unit: bool = True
    c2: float = 0.9
    region: Box | None = None
    refresh: Callable[[Callable, Array], PyTree] | None = None
    level: float = NOISE


class DescentState(NamedTuple):
    """Between two evaluations: the point, the direction, the memory, and the search along it.

    The next evaluation is, by ``phase``, a trial of the search; the best trial of one that has
    failed, to be accepted; or f at x itself, of which nothing is known yet.
    """

    x: Array
    value: Array
    gradient: Array
    direction: Array
    memory: PyTree
    search: Search
    error: Array
    floor: Array
    quiet: Quiet
    fresh: Array
    phase: Array
    num_steps: Array
    num_fun: Array
    status: Array

    @property
    def patience(self) -> int:
        """The quiet steps to the end."""
        return PATIENCE + 2 * MORE


def evaluator(fun: Callable, back: Callable, args: tuple) -> Callable[[Array], tuple[Array, Array]]:
    """f and ∇f at a vector."""
    return jax.value_and_grad(lambda x: objective(fun, args)(back(x)))


def _first_step(gradient: Array) -> Array:
    """1/‖g‖: a first move of length 1, as nothing is known of the curvature."""
    return 1 / or_one(numerics.safe_norm(gradient))


def _new_search(step: Array, x: Array, value: Array, d: Array, slope: Array) -> Search:
    """A search whose shortest step still moves a coordinate of x."""
    moves = jnp.where(d == 0, jnp.inf, jnp.abs(x) / jnp.where(d == 0, 1.0, jnp.abs(d)))
    least = float(jnp.finfo(x.dtype).eps) * jnp.min(moves)
    return strong_wolfe_init(step, value, slope, least=least)


def _steepest(x: Array, gradient: Array, D: Array, region: Box | None) -> tuple[Array, Array]:
    """−Dg, or what the box leaves of −g, and a first step along it, of length 1 in units of √D.

    Where all bounds are finite, they are the scale of the first move; else its length is 1, or what
    far from 0 is still seen in x.
    """
    if region is None:
        size = or_one(numerics.safe_norm(jnp.sqrt(D) * gradient))
        # gᵀg beyond the range: a direction of length 1.
        huge = size > float(jnp.finfo(x.dtype).max) ** 0.5 / 4
        return -D * (gradient / jnp.where(huge, size, 1.0)), jnp.where(huge, 1.0, 1 / size)
    free = jnp.where(distance(x, gradient, region) > 0, gradient, 0.0)
    boxed = jnp.all(jnp.isfinite(region.upper - region.lower))
    seen = float(jnp.finfo(x.dtype).eps) ** 0.75 * jnp.max(jnp.where(free == 0, 0.0, jnp.abs(x)))
    step = jnp.where(boxed, 1.0, jnp.maximum(seen, 1.0) * _first_step(free))
    return along(x, step, -gradient, region) - x, jnp.ones_like(step)


def _within_reach(before: Search, search: Search, most: Array) -> Search:
    """The search kept to steps ≤ ``most``: there, a sufficient decrease is enough."""
    there = (before.step >= most) & jnp.isinf(search.high[0]) & (search.low[0] == before.step)
    status = jnp.where(there, Status.CONVERGED, search.status).astype(jnp.int32)
    step = jnp.where(there, before.step, jnp.minimum(search.step, most))
    return search._replace(step=step, status=status)


def opening(x: Array, rule: Rule) -> DescentState:
    """The state before the first evaluation."""
    if rule.refresh is not None:  # from a Hessian, which is factored
        check_precision("x0", x)
    zero, inf = jnp.zeros((), x.dtype), jnp.full((), jnp.inf, x.dtype)
    return DescentState(
        x, inf, jnp.zeros_like(x), jnp.zeros_like(x), rule.init(jnp.ones_like(x)),
        strong_wolfe_init(zero, zero, zero), inf, -inf, quiet_at(inf, inf),
        jnp.asarray(True), jnp.int32(OPENING), jnp.int32(0), jnp.int32(0),
        jnp.int32(Status.RUNNING),
    )  # fmt: skip


def begin(evaluate: Callable, x: Array, rule: Rule) -> DescentState:
    """The state with f and ∇f at the start, and a direction from it."""
    return advance(evaluate, opening(x, rule), rule)


def _admitted(x: Array, value: Array, gradient: Array, region: Box | None) -> Array:
    """RUNNING, or what forbids a start."""
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    status = jnp.where(finite, Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(jnp.all(jnp.isfinite(x)), status, Status.INVALID_START)
    if region is None:
        return status
    status = jnp.where(contains(region, x), status, Status.INVALID_START)
    return jnp.where(feasible(region), status, Status.INFEASIBLE)


def _refreshed(evaluate: Callable, state: DescentState, rule: Rule) -> DescentState:
    """The state with the memory that its point alone gives, where the rule has one."""
    if rule.refresh is None:
        return state
    memory = rule.refresh(lambda x: evaluate(x)[1], state.x)
    return state._replace(memory=memory, fresh=jnp.asarray(False))


def redirected(state: DescentState, rule: Rule, last: Array, endless: Array) -> DescentState:
    """The next direction and a search along it; steepest descent where the rule gives no descent.

    So too after some quiet steps: rounding in a memory is relative to the largest of it (ε‖H‖), so
    that an H may give no step, or one too short to be seen in x, where the slope asks for a long
    one, and then does not learn better. Where it stays so, once more in units of x: in common ones
    a step along a valley may be too short to be seen beside the one that its walls allow.

    ``last`` is α φ′(0) of the step before, which the next one repeats to first order; so it does
    where the search before was ``endless``: f fell as far as its trials went.
    """
    g = state.gradient
    d = rule.direction(state.memory, g, *(() if rule.region is None else (state.x,)))
    slope = numerics.dot(g, d)
    steepness = jnp.max(jnp.abs(jnp.where(d == 0, 0.0, g)))
    limit = float(jnp.finfo(g.dtype).eps) * steepness * jnp.max(jnp.abs(d))
    late = state.quiet.steps >= PATIENCE + MORE
    lost = state.fresh | (state.quiet.steps == PATIENCE) | (state.quiet.steps == PATIENCE + MORE)
    lost |= ~(slope < -limit) | ~jnp.all(jnp.isfinite(d)) | ~jnp.isfinite(slope)
    D = jnp.where(late & (rule.region is None), own_units(state.x), 1.0)
    steepest, first = _steepest(state.x, g, D, rule.region)
    d = jnp.where(lost, steepest, d)
    slope = jnp.where(lost, numerics.dot(g, steepest), slope)
    memory = choose(lost, rule.init(D), state.memory)
    like_last = last / jnp.where(slope < 0, slope, -1.0)
    again = endless if rule.unit else jnp.asarray(True)
    step = jnp.where(again & (like_last > 0), like_last, 1.0)
    step = jnp.where(lost, first, step)
    search = _new_search(step, state.x, state.value, d, slope)
    return state._replace(direction=d, memory=memory, search=search, fresh=lost)


def _moved(evaluate: Callable, state: DescentState, trial: tuple, rule: Rule) -> DescentState:
    """The state after its search has ended with a step: the new point and the memory."""
    x, value, gradient = trial
    opens = state.phase == OPENING
    s, y = x - state.x, gradient - state.gradient
    error = error_measure(x, value, gradient, rule.region)
    state = state._replace(
        x=x, value=value, gradient=gradient, error=error,
        memory=rule.update(state.memory, s, y, gradient, state.direction),
        floor=jnp.where(opens, lowest(value), state.floor),
        quiet=choose(opens, quiet_at(value, error), quieter(state.quiet, value, error)),
        fresh=opens & state.fresh, phase=jnp.int32(SEARCHING),
        num_steps=state.num_steps + jnp.where(opens, 0, 1),
        status=jnp.where(opens, _admitted(x, value, gradient, rule.region), state.status),
    )  # fmt: skip
    return _refreshed(evaluate, state, rule)


def advance(evaluate: Callable, state: DescentState, rule: Rule) -> DescentState:
    """One evaluation, at the trial of the line search, and what follows from it."""
    opens = state.phase == OPENING
    x = state.x + state.search.step * state.direction
    if rule.region is not None:
        x = along(state.x, state.search.step, state.direction, rule.region)
    x = jnp.where(opens, state.x, x)
    value, gradient = evaluate(x)
    slope = numerics.dot(gradient, state.direction)
    search = tried(state.search, value, slope, 1e-4, rule.c2, rule.level)
    if rule.region is not None:
        most = jnp.min(strides(state.x, state.direction, rule.region))
        search = _within_reach(state.search, search, most)
    x, value, gradient, search = settled(state.num_fun, (x, value, gradient, search))
    done = (search.status == Status.CONVERGED) | (state.phase != SEARCHING)
    failed = ~done & (search.status == Status.LINE_SEARCH_FAILED)
    # Nothing left to try: steepest descent has failed too, or there is no number between.
    fruitless = failed & state.fresh & ~(search.low[0] > 0)
    hopeless = fruitless & (state.quiet.steps >= PATIENCE + MORE)
    quiet = state.quiet._replace(
        steps=jnp.where(fruitless & ~hopeless, PATIENCE + MORE, state.quiet.steps)
    )
    spent = search.trials >= MAX_TRIALS
    verdict = jnp.where(spent, Status.LINE_SEARCH_FAILED, Status.STAGNATED)
    status = jnp.where(hopeless, verdict, state.status)
    unbounded = (value < state.floor) & ~opens
    status = jnp.where(unbounded, Status.UNBOUNDED, status).astype(jnp.int32)
    # Without a step: first the best point of the search, if there is one; then steepest descent.
    forced = failed & (search.low[0] > 0)
    best = search._replace(step=search.low[0], status=jnp.int32(Status.RUNNING))
    last = jnp.where(done, state.search.step * state.search.start[1], 1.0)
    searching = state._replace(
        search=choose(forced, best, search), fresh=state.fresh | (failed & ~forced), status=status,
        quiet=quiet,
        phase=jnp.where(forced, FORCED, state.phase).astype(jnp.int32), num_fun=state.num_fun + 1,
    )  # fmt: skip
    trial = x, value, gradient
    state = cond(done, lambda s: _moved(evaluate, s, trial, rule), lambda s: s, searching)
    turn = done | (failed & ~forced)
    endless = (searching.phase == FORCED) & jnp.isinf(search.high[0])
    return cond(turn, lambda s: redirected(s, rule, last, endless), lambda s: s, state)


def vector_evaluator(fun: Callable, args: tuple) -> Callable:
    return evaluator(fun, lambda x: x, args)


def first_state(fun: Callable, x0: Array, args: tuple, rule: Rule) -> DescentState:
    """``x_init`` of a method: on vectors."""
    return begin(vector_evaluator(fun, args), as_array("x0", x0, ndim=1, min_size=1), rule)


def next_state(fun: Callable, state: DescentState, args: tuple, rule: Rule) -> DescentState:
    """``x_step`` of a method: on vectors."""
    return advance(vector_evaluator(fun, args), state, rule)


def descent(
    fun: Callable, back: Callable, args: tuple, tol: Scalar, limit: Scalar, *, rule: Rule
) -> Method:
    """A method of descent on its problem; its error is ``error_measure``."""
    evaluate = evaluator(fun, back, args)

    def status_fn(state: DescentState) -> Array:
        status = jnp.where(state.num_steps >= limit, Status.MAX_STEPS, Status.RUNNING)
        status = jnp.where(state.quiet.steps >= state.patience, Status.STAGNATED, status)
        status = jnp.where(state.status != Status.RUNNING, state.status, status)
        lost = (status == Status.NON_FINITE) | (status == Status.INVALID_START)
        lost |= status == Status.INFEASIBLE
        # The gradient alone can be small beside a huge f far from the minimum: what the model
        # still promises, gᵀd, must be small beside f too.
        promise = -state.search.start[1] <= tol * jnp.maximum(jnp.abs(state.value), 1.0)
        status = jnp.where((state.error <= tol) & promise & ~lost, Status.CONVERGED, status)
        return jnp.where(state.phase == OPENING, Status.RUNNING, status)

    def finish(s: DescentState, status: Array) -> Solution:
        num_hess = jnp.int32(0) if rule.refresh is None else s.num_steps + 1
        return Solution(s.x, status, s.error, s.num_steps, s.num_fun, s.num_fun, num_hess)

    return Method(
        lambda x: opening(x, rule), lambda s: advance(evaluate, s, rule), status_fn, finish
    )


def solve(
    method: Callable[..., Method],
    fun: Callable,
    x0: PyTree,
    args: tuple,
    tol: Scalar | None,
    max_steps: Scalar | None,
    scale: PyTree | None = None,
) -> Solution:
    """From a start, a pytree, to a ``Solution``: ``method(fun, back, args, tol, limit)``, run.

    The method sees z = x/scale.
    """
    x, back = as_point("x0", x0)
    limit, unit = as_limit(max_steps, 200 * x.size), as_scale(scale, x, x0)
    made = method(fun, lambda z: back(unit * z), args, default_tolerance(tol, x.dtype), limit)
    state, status, _ = iterate(made.advance, made.begin(x / unit), made.status_fn, max_steps=MOST)
    solution = made.finish(state, status)
    return solution._replace(value=back(unit * solution.value))


def as_scale(scale: PyTree | None, x: Array, x0: PyTree) -> Array:
    """The typical sizes of the variables, 1 where there are none; NaN where one is not > 0."""
    sizes = as_bound("scale", scale, 1.0, x, ("x0", x0))
    return jnp.where(sizes > 0, sizes, jnp.nan)
