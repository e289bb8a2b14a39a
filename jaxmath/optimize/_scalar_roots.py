"""What the root finders from a starting point share: the state, its status, the driver."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._roots import (
    _first,
    _implicit,
    _numbers,
    _scalar_function,
    _tolerances,
)
from jaxmath.optimize._solver import choose
from jaxmath.typing import Array, ArrayLike, Scalar

__all__: list[str] = []


class RootState(NamedTuple):
    """The point, f there, the linear correction −f/slope, the step to take, |f| one step before,
    and whether all was finite (where not, the point is the one before)."""

    x: Array
    fx: Array
    correction: Array
    step: Array
    before: Array
    finite: Array


class SecantState(NamedTuple):
    """A ``RootState`` and the point before it."""

    root: RootState
    previous: Array
    fprevious: Array


def _root(state: Any) -> RootState:
    return state.root if isinstance(state, SecantState) else state


def _status(whole: Any, xtol: Array, rtol: Array) -> Array:
    state = _root(whole)
    size, move = jnp.abs(state.x), jnp.abs(state.correction)
    noise = float(jnp.finfo(size.dtype).eps) ** 0.5 * size + xtol
    rose = jnp.abs(state.fx) >= state.before
    # A secant between two neighbours may be level: then the last move tells.
    last = jnp.abs(state.x - whole.previous) if isinstance(whole, SecantState) else move
    level = ~jnp.isfinite(move) & (last <= noise) & rose
    return _first(
        (~jnp.isfinite(state.x), Status.INVALID_START),
        (~state.finite, Status.NON_FINITE),
        (state.fx == 0.0, Status.CONVERGED),
        (level, Status.STAGNATED),
        (~jnp.isfinite(move), Status.SINGULAR),
        (move <= xtol + rtol * size, Status.CONVERGED),
        ((move <= noise) & rose, Status.STAGNATED),
    )


def _find(
    fun: Callable,
    start: Any,
    args: Any,
    xtol: Scalar | None,
    rtol: Scalar | None,
    max_steps: Scalar,
    step: Callable[[Any], Any],
) -> Solution:
    """The driver of all three; ``num_fun`` counts what the steps and a start at one point cost."""
    x0 = _root(start).x
    tolerances = _tolerances(xtol, rtol, x0.dtype)

    def run() -> Solution:
        status_fn = lambda state: _status(state, *tolerances)
        state, status, num_steps = iterate(step, start, status_fn, max_steps=max_steps)
        last = _root(state)
        return Solution(last.x, status, jnp.abs(last.fx), num_steps, num_fun=num_steps + 1)

    return _implicit(_scalar_function(fun, args, x0.dtype), x0, run)


def _newton_at(f: Callable, x: Array, before: Array) -> RootState:
    fx, slope = jax.jvp(f, (x,), (jnp.ones_like(x),))
    finite = jnp.isfinite(x) & jnp.isfinite(fx) & (jnp.isfinite(slope) | (fx == 0.0))
    return RootState(x, fx, -fx / slope, -fx / slope, before, finite)


def _halley_at(f: Callable, x: Array, before: Array) -> RootState:
    one = jnp.ones_like(x)
    along = lambda x: jax.jvp(f, (x,), (one,))
    (fx, slope), (_, curvature) = jax.jvp(along, (x,), (one,))
    finite = jnp.isfinite(x) & jnp.isfinite(fx) & (jnp.isfinite(slope) | (fx == 0.0))
    correction = -fx / slope
    divisor = 1.0 + 0.5 * correction * (curvature / slope)
    # Where the divisor is not positive Halley's step turns back or explodes: Newton's instead.
    step = jnp.where(divisor > 0.0, correction / divisor, correction)
    return RootState(x, fx, correction, step, before, finite)


def _advance(at: Callable, fun: Callable, state: RootState, args: Any) -> RootState:
    """The state at x + step, or the old point marked as not finite."""
    f = _scalar_function(fun, args, state.x.dtype)
    new = at(f, state.x + state.step, jnp.abs(state.fx))
    return choose(new.finite, new, state._replace(finite=new.finite))


def _begin(at: Callable, fun: Callable, x0: ArrayLike, args: Any) -> RootState:
    (x,) = _numbers(x0=x0)
    return at(_scalar_function(fun, args, x.dtype), x, jnp.full_like(x, jnp.inf))


def _secant_at(
    f: Callable, x: Array, previous: Array, fprevious: Array, before: Array
) -> SecantState:
    fx = f(x)
    step = -(x - previous) * (fx / (fx - fprevious))
    finite = jnp.isfinite(x) & jnp.isfinite(fx)
    return SecantState(RootState(x, fx, step, step, before, finite), previous, fprevious)
