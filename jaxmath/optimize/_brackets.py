"""What the bracketing root finders share: the bracket, its measure, the driver."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._roots import _first, _implicit, _numbers, _scalar_function
from jaxmath.typing import Array, ArrayLike, Scalar

__all__: list[str] = []


class BracketState(NamedTuple):
    """The ends, the function there, and its newest value (not finite where it broke off)."""

    a: Array
    b: Array
    fa: Array
    fb: Array
    newest: Array


def _bracket(fun: Callable, a: ArrayLike, b: ArrayLike, args: Any) -> BracketState:
    a, b = _numbers(a=a, b=b)
    f = _scalar_function(fun, args, a.dtype)
    fb = f(b)
    return BracketState(a, b, f(a), fb, fb)


def _half(a: Array, b: Array) -> Array:
    """(a − b)/2 without overflow."""
    return 0.5 * a - 0.5 * b


def _least_step(b: Array, xtol: Array, rtol: Array) -> Array:
    """Half of the width to reach at b, or its rounding noise."""
    noise = float(jnp.finfo(b.dtype).eps) * jnp.abs(b)
    return jnp.maximum(0.5 * (xtol + rtol * jnp.abs(b)), noise)


def _measure(state: Any) -> tuple[Array, Array]:
    """The end with the smaller |f|, and the width of the bracket (0 where f is 0)."""
    best = ~(jnp.abs(state.fa) > jnp.abs(state.fb)) & jnp.isfinite(state.fa)
    x = jnp.where(best, state.a, state.b)
    zero = (state.fa == 0.0) | (state.fb == 0.0)
    return x, jnp.where(zero, 0.0, jnp.abs(state.b - state.a))


def _status(state: Any, xtol: Array, rtol: Array) -> Array:
    a, b, fa, fb = state[:4]
    x, width = _measure(state)
    middle = 0.5 * a + 0.5 * b
    inside = (jnp.minimum(a, b) < middle) & (middle < jnp.maximum(a, b))
    finite = jnp.isfinite(fa) & jnp.isfinite(fb) & jnp.isfinite(state.newest)
    return _first(
        (~(jnp.isfinite(a) & jnp.isfinite(b)), Status.INVALID_START),
        (~finite, Status.NON_FINITE),
        ((fa == 0.0) | (fb == 0.0), Status.CONVERGED),
        (jnp.sign(fa) == jnp.sign(fb), Status.NO_BRACKET),
        (width <= xtol + rtol * jnp.abs(x), Status.CONVERGED),
        (~inside, Status.STAGNATED),
    )


def _find(
    fun: Callable,
    start: Any,
    args: Any,
    tolerances: tuple[Array, Array],
    max_steps: Scalar,
    step: Callable[[Any], Any],
) -> Solution:
    """The driver of all three: steps until the bracket is small, and the derivative of the root."""

    def run() -> Solution:
        status_fn = lambda state: _status(state, *tolerances)
        state, status, num_steps = iterate(step, start, status_fn, max_steps=max_steps)
        x, width = _measure(state)
        return Solution(x, status, width, num_steps, num_fun=num_steps + 2)

    return _implicit(_scalar_function(fun, args, start.a.dtype), start.a, run)
