"""The loop of every descent method with a line search: one evaluation of f and ∇f a trip.

The search runs in reverse communication, so that under vmap a lane that has its step goes on while
another still searches: nobody waits but for the last.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath import numerics
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._solver import as_point, choose, objective, or_one
from jaxmath.optimize.line_search import MAX_TRIALS, Search
from jaxmath.optimize.wolfe import strong_wolfe_init, strong_wolfe_step
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_number

__all__: list[str] = []

PATIENCE = 5  # steps that lower f by rounding alone before the end


class Rule(NamedTuple):
    """What makes a method of descent: how its memory becomes a direction.

    Args:
      init: from x to the memory.
      update: from (memory, s, y, g, d) of an accepted step, s = x⁺ − x, y = g⁺ − g, to the memory.
      direction: from (memory, g) to d.
      unit: whether the first trial is α = 1, not a step like the last.
      c2: the share of the slope that the line search may leave.
    """

    init: Callable[[Array], PyTree]
    update: Callable[[PyTree, Array, Array, Array, Array], PyTree]
    direction: Callable[[PyTree, Array], Array]
    unit: bool = True
    c2: float = 0.9


class DescentState(NamedTuple):
    """Between two evaluations: the point, the direction, the memory, and the search along it."""

    x: Array
    value: Array
    gradient: Array
    direction: Array
    memory: PyTree
    search: Search
    error: Array
    floor: Array
    quiet: Array
    fresh: Array
    forced: Array
    num_steps: Array
    num_fun: Array
    status: Array


def error_measure(x: Array, value: Array, gradient: Array) -> Array:
    """maxᵢ |gᵢ|·max(|xᵢ|, 1) / max(|f|, 1) (Dennis and Schnabel, equation 7.2.5)."""
    size = jnp.max(jnp.abs(gradient) * jnp.maximum(jnp.abs(x), 1.0))
    return size / jnp.maximum(jnp.abs(value), 1.0)


def default_tolerance(tol: Scalar | None, dtype: Any) -> Array:
    """``tol``, or eps^(2/3): 3.7e-11 in double precision, 2.4e-5 in single."""
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    return jnp.asarray(float(jnp.finfo(dtype).eps) ** (2 / 3) if tol is None else tol, dtype)


def lowest(value: Array) -> Array:
    """−eps^(−3/2)·max(|f(x₀)|, 1), below which f counts as unbounded."""
    return -(float(jnp.finfo(value.dtype).eps) ** -1.5) * jnp.maximum(jnp.abs(value), 1.0)


def quieter(quiet: Array, before: Array, after: Array) -> Array:
    """The number of steps in a row that lowered f by no more than its rounding."""
    eps = float(jnp.finfo(before.dtype).eps)
    return jnp.where(before - after > eps * jnp.abs(before), 0, quiet + 1)


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


def begin(evaluate: Callable, x: Array, rule: Rule) -> DescentState:
    value, gradient = evaluate(x)
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    status = jnp.where(finite, Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(jnp.all(jnp.isfinite(x)), status, Status.INVALID_START)
    error = error_measure(x, value, gradient)
    slope = -numerics.dot(gradient, gradient)
    return DescentState(
        x, value, gradient, -gradient, rule.init(x),
        _new_search(_first_step(gradient), x, value, -gradient, slope),
        error, lowest(value), jnp.int32(0), jnp.asarray(True), jnp.asarray(False),
        jnp.int32(0), jnp.int32(1), status.astype(jnp.int32),
    )  # fmt: skip


def redirected(state: DescentState, rule: Rule, last: Array) -> DescentState:
    """The next direction and a search along it; steepest descent where the rule gives no descent.

    ``last`` is α φ′(0) of the step before, which the next one repeats to first order.
    """
    g = state.gradient
    d = rule.direction(state.memory, g)
    slope = numerics.dot(g, d)
    limit = float(jnp.finfo(g.dtype).eps) * numerics.safe_norm(g) * numerics.safe_norm(d)
    lost = state.fresh | ~(slope < -limit) | ~jnp.all(jnp.isfinite(d))
    d = jnp.where(lost, -g, d)
    slope = jnp.where(lost, -numerics.dot(g, g), slope)
    memory = choose(lost, rule.init(state.x), state.memory)
    like_last = last / jnp.where(slope < 0, slope, -1.0)
    step = jnp.ones_like(slope) if rule.unit else jnp.where(like_last > 0, like_last, 1.0)
    step = jnp.where(lost, _first_step(g), step)
    search = _new_search(step, state.x, state.value, d, slope)
    return state._replace(direction=d, memory=memory, search=search, fresh=lost)


def _moved(state: DescentState, trial: tuple, rule: Rule) -> DescentState:
    """The state after its search has ended with a step: the new point, the memory, a new search."""
    x, value, gradient = trial
    s, y = x - state.x, gradient - state.gradient
    memory = rule.update(state.memory, s, y, gradient, state.direction)
    error = error_measure(x, value, gradient)
    last = state.search.step * state.search.start[1]
    state = state._replace(
        x=x, value=value, gradient=gradient, memory=memory, error=error,
        quiet=quieter(state.quiet, state.value, value),
        fresh=jnp.asarray(False), forced=jnp.asarray(False), num_steps=state.num_steps + 1,
    )  # fmt: skip
    return redirected(state, rule, last)


def _failed(state: DescentState, search: Search, rule: Rule) -> DescentState:
    """After a search without a step: its best point; or steepest descent; or the end."""
    progress = search.low[0] > 0
    forced = state._replace(
        search=search._replace(step=search.low[0], status=jnp.int32(Status.RUNNING)),
        forced=jnp.asarray(True),
    )
    restart = redirected(state._replace(fresh=jnp.asarray(True)), rule, jnp.ones_like(state.value))
    return choose(progress, forced, restart)


def advance(evaluate: Callable, state: DescentState, rule: Rule) -> DescentState:
    """One evaluation, at the trial of the line search, and what follows from it."""
    x = state.x + state.search.step * state.direction
    value, gradient = evaluate(x)
    slope = numerics.dot(gradient, state.direction)
    search = strong_wolfe_step(state.search, value, slope, c2=rule.c2)
    done = (search.status == Status.CONVERGED) | state.forced
    failed = ~done & (search.status == Status.LINE_SEARCH_FAILED)
    state = state._replace(num_fun=state.num_fun + 1)
    # Nothing left to try: steepest descent has failed too, or there is no number between.
    hopeless = failed & state.fresh & ~(search.low[0] > 0)
    spent = search.trials >= MAX_TRIALS
    verdict = jnp.where(spent, Status.LINE_SEARCH_FAILED, Status.STAGNATED)
    unbounded = value < state.floor
    choice = jnp.where(done, 1, jnp.where(failed, 2, 0)).astype(jnp.int32)
    state = lax.switch(
        choice,
        [
            lambda s: s._replace(search=search),
            lambda s: _moved(s, (x, value, gradient), rule),
            lambda s: _failed(s, search, rule),
        ],
        state,
    )
    status = jnp.where(hopeless, verdict, state.status)
    status = jnp.where(unbounded, Status.UNBOUNDED, status)
    return state._replace(status=status.astype(jnp.int32))


def _vector_evaluator(fun: Callable, args: tuple) -> Callable:
    return evaluator(fun, lambda x: x, args)


def first_state(fun: Callable, x0: Array, args: tuple, rule: Rule) -> DescentState:
    """``x_init`` of a method: on vectors."""
    return begin(_vector_evaluator(fun, args), as_array("x0", x0, ndim=1, min_size=1), rule)


def next_state(fun: Callable, state: DescentState, args: tuple, rule: Rule) -> DescentState:
    """``x_step`` of a method: on vectors."""
    return advance(_vector_evaluator(fun, args), state, rule)


def descend(
    fun: Callable, x0: PyTree, args: tuple, rule: Rule, tol: Scalar | None, max_steps: Scalar | None
) -> Solution:
    """The solver: from a start to a ``Solution`` whose error is ``error_measure``."""
    x, back = as_point("x0", x0)
    tol = default_tolerance(tol, x.dtype)
    limit = 200 * x.size if max_steps is None else max_steps
    check_number("max_steps", limit, low=0, integer=True)
    evaluate = evaluator(fun, back, args)

    def status_fn(state: DescentState) -> Array:
        status = jnp.where(state.num_steps >= limit, Status.MAX_STEPS, Status.RUNNING)
        status = jnp.where(state.quiet >= PATIENCE, Status.STAGNATED, status)
        status = jnp.where(state.status != Status.RUNNING, state.status, status)
        lost = (status == Status.NON_FINITE) | (status == Status.INVALID_START)
        # The gradient alone can be small beside a huge f far from the minimum: what the model
        # still promises, gᵀd, must be small beside f too.
        promise = -state.search.start[1] <= tol * jnp.maximum(jnp.abs(state.value), 1.0)
        return jnp.where((state.error <= tol) & promise & ~lost, Status.CONVERGED, status)

    state, status, _ = iterate(
        lambda s: advance(evaluate, s, rule),
        begin(evaluate, x, rule),
        status_fn,
        max_steps=jnp.asarray(limit, jnp.int32) * MAX_TRIALS,
    )
    return Solution(
        back(state.x), status, state.error, state.num_steps, state.num_fun, state.num_fun
    )
