"""Roots between two points of opposite sign: Brent's method."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath.iterate import Solution
from jaxmath.optimize._brackets import _bracket, _find, _half, _least_step
from jaxmath.optimize._roots import _scalar_function, _tolerances
from jaxmath.optimize._solver import choose, donatable, solver
from jaxmath.typing import Array, ArrayLike, Scalar

__all__ = ["brentq", "brentq_init", "brentq_step"]


class BrentState(NamedTuple):
    """A bracket whose ``b`` is the better end, the point c before b, the last step and the one
    before it."""

    a: Array
    b: Array
    fa: Array
    fb: Array
    newest: Array
    c: Array
    fc: Array
    step: Array
    step_before: Array


def _better_last(state: BrentState) -> BrentState:
    """b is the end with the smaller |f|; after an exchange c is the other end."""
    a, b, fa, fb, *_ = state
    exchanged = state._replace(a=b, b=a, fa=fb, fb=fa, c=b, fc=fb)
    return choose(jnp.abs(fa) < jnp.abs(fb), exchanged, state)


@donatable
def brentq_init(fun: Callable, a: ArrayLike, b: ArrayLike, args: Any = ()) -> BrentState:
    """The bracket that Brent's method starts from.

    ::

        |f(b)| ≤ |f(a)|,   c = a

    Args:
      fun: ``fun(x, *args)``, one real number.
      a: one end.
      b: the other end.
      args: further arguments of ``fun``.

    Returns:
      A ``BrentState (a, b, fa, fb, newest, c, fc, step, step_before)``; b is the better end.

    Numerics:
      Two evaluations.

    Example:
      >>> f"{brentq_init(lambda x: x * x - 2.0, 1.0, 3.0).b:.1f}"
      '1.0'

    References:
      R. P. Brent, "Algorithms for Minimization without Derivatives", 1973, section 4.2.
    """
    start = _bracket(fun, a, b, args)
    width = start.b - start.a
    return _better_last(BrentState(*start, start.a, start.fa, width, width))


def _interpolation(state: BrentState, middle: Array) -> tuple[Array, Array]:
    """p/q, the step from b of the inverse parabola through three points, or of the chord."""
    a, b, fa, fb, _, c, fc, *_ = state
    s, r, t = fb / fc, fb / fa, fc / fa
    p_parabola = s * (2.0 * middle * t * (t - r) - (b - c) * (r - 1.0))
    q_parabola = (t - 1.0) * (r - 1.0) * (s - 1.0)
    p = jnp.where(a == c, 2.0 * middle * s, p_parabola)
    q = jnp.where(a == c, 1.0 - s, q_parabola)
    return jnp.abs(p), jnp.where(p > 0.0, -q, q)


def brentq_step(
    fun: Callable,
    state: BrentState,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
) -> BrentState:
    """One step of Brent's method: interpolate where that is safe, else bisect.

    ::

        m = (a − b)/2,   b ← b + p/q  where |p/q| < ¾|m| and |p/q| < ½|step before|,  else b + m

    Args:
      fun: ``fun(x, *args)``, one real number.
      state: the ``BrentState`` of the step before.
      args: further arguments of ``fun``.
      xtol: as in ``brentq``.
      rtol: as in ``brentq``; b moves by at least half of the tolerance.

    Returns:
      The next ``BrentState``; where f is not finite at the new point, the ends stay.

    Numerics:
      One evaluation. Overflow on the way, at huge ends, leads to a bisection.

    Example:
      >>> f = lambda x: x * x - 2.0
      >>> f"{brentq_step(f, brentq_init(f, 1.0, 2.0)).b:.4f}"
      '1.3333'

    References:
      R. P. Brent, "Algorithms for Minimization without Derivatives", 1973, section 4.2.
    """
    a, b, fa, fb, _, _, fc, last, before = state
    middle, least = _half(a, b), _least_step(b, *_tolerances(xtol, rtol, b.dtype))
    p, q = _interpolation(state, middle)
    safe = (2.0 * p < 3.0 * middle * q - jnp.abs(least * q)) & (p < jnp.abs(0.5 * before * q))
    safe &= (jnp.abs(before) >= least) & (jnp.abs(fc) > jnp.abs(fb))
    step, last = jnp.where(safe, p / q, middle), jnp.where(safe, last, middle)
    least = jnp.minimum(least, jnp.abs(middle))
    x = b + jnp.where(jnp.abs(step) > least, step, jnp.sign(middle) * least)
    fx = _scalar_function(fun, args, b.dtype)(x)
    kept = BrentState(a, x, fa, fx, fx, b, fb, step, last)
    moved = BrentState(b, x, fb, fx, fx, b, fb, x - b, x - b)
    new = _better_last(choose(jnp.sign(fx) == jnp.sign(fa), moved, kept))
    return choose(jnp.isfinite(fx), new, state._replace(newest=fx))


@solver
def brentq(
    fun: Callable,
    a: ArrayLike,
    b: ArrayLike,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 1100,
) -> Solution:
    """A root between two points of opposite sign, by Brent's method.

    ::

        x = Σᵢ xᵢ ∏ⱼ≠ᵢ fⱼ/(fⱼ − fᵢ)  over (a, b, c), inverse quadratic, or (a + b)/2

    Args:
      fun: ``fun(x, *args)``, one real number, continuous in x.
      a: one end; a > b is allowed.
      b: the other end.
      args: further arguments of ``fun``, traced.
      xtol: the absolute part of the width to reach; None takes 4·eps.
      rtol: the part relative to the root; None takes 4·eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` as ``bisect`` has it.

    Numerics:
      Superlinear at a simple root (order about 1.8 while the parabola is used), and never more
      than about log₂(|b − a|/tol)² evaluations. ``num_fun`` = num_steps + 2. The derivative is
      that of ``bisect``.

    Example:
      >>> solution = brentq(lambda x, c: x * x - c, 0.0, 2.0, (2.0,))
      >>> f"{solution.value:.5f} {bool(solution.converged)}"
      '1.41421 True'

    References:
      R. P. Brent, "Algorithms for Minimization without Derivatives", 1973, section 4.2.
    """
    start = brentq_init(fun, a, b, args)
    tolerances = _tolerances(xtol, rtol, start.a.dtype)
    step = lambda s: brentq_step(fun, s, args, xtol=tolerances[0], rtol=tolerances[1])
    return _find(fun, start, args, tolerances, max_steps, step)
