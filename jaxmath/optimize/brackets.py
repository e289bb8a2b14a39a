"""Roots between two points of opposite sign: bisection and regula falsi."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath.iterate import Solution
from jaxmath.optimize._brackets import BracketState, _bracket, _find, _half, _least_step
from jaxmath.optimize._roots import _scalar_function, _tolerances
from jaxmath.optimize._solver import choose, donatable, solver
from jaxmath.typing import Array, ArrayLike, Scalar

__all__ = [
    "bisect",
    "bisect_init",
    "bisect_step",
    "regula_falsi",
    "regula_falsi_init",
    "regula_falsi_step",
]


class RegulaFalsiState(NamedTuple):
    """A bracket whose ``b`` is the newest point, and the weight of f(a) in the chord."""

    a: Array
    b: Array
    fa: Array
    fb: Array
    newest: Array
    weight: Array


@donatable
def bisect_init(fun: Callable, a: ArrayLike, b: ArrayLike, args: Any = ()) -> BracketState:
    """The bracket that bisection starts from.

    ::

        [a, b],   f(a),   f(b)

    Args:
      fun: ``fun(x, *args)``, one real number.
      a: one end.
      b: the other end.
      args: further arguments of ``fun``.

    Returns:
      A ``BracketState (a, b, fa, fb, newest)``.

    Numerics:
      Two evaluations; nothing is said about the signs here.

    Example:
      >>> state = bisect_init(lambda x: x * x - 2.0, 0.0, 2.0)
      >>> f"{state.fa:.1f} {state.fb:.1f}"
      '-2.0 2.0'

    References:
      R. L. Burden, J. D. Faires, "Numerical Analysis", 9th edition, 2011, algorithm 2.1.
    """
    return _bracket(fun, a, b, args)


def bisect_step(fun: Callable, state: BracketState, args: Any = ()) -> BracketState:
    """One bisection.

    ::

        m = a/2 + b/2;   [a, b] ← [m, b] where f(m) f(a) > 0, else [a, m]

    Args:
      fun: ``fun(x, *args)``, one real number.
      state: the ``BracketState`` of the step before.
      args: further arguments of ``fun``.

    Returns:
      The next ``BracketState``; where f(m) is not finite, the ends stay.

    Numerics:
      One evaluation. Signs are compared, not multiplied, and halves are added, so that neither
      underflows or overflows.

    Example:
      >>> f = lambda x: x * x - 2.0
      >>> state = bisect_step(f, bisect_init(f, 0.0, 2.0))
      >>> f"{state.a:.1f} {state.b:.1f}"
      '1.0 2.0'

    References:
      R. L. Burden, J. D. Faires, "Numerical Analysis", 9th edition, 2011, algorithm 2.1.
    """
    a, b, fa, fb, _ = state
    middle = 0.5 * a + 0.5 * b
    fm = _scalar_function(fun, args, a.dtype)(middle)
    upper = BracketState(middle, b, fm, fb, fm)
    lower = BracketState(a, middle, fa, fm, fm)
    new = choose(jnp.sign(fm) == jnp.sign(fa), upper, lower)
    return choose(jnp.isfinite(fm), new, state._replace(newest=fm))


@solver
def bisect(
    fun: Callable,
    a: ArrayLike,
    b: ArrayLike,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 1100,
) -> Solution:
    """A root between two points of opposite sign, by bisection.

    ::

        f(a) f(b) < 0,   |bₖ − aₖ| = |b − a|/2ᵏ

    Args:
      fun: ``fun(x, *args)``, one real number, continuous in x.
      a: one end; a > b is allowed.
      b: the other end.
      args: further arguments of ``fun``, traced: new values are no new program.
      xtol: the absolute part of the width to reach; None takes 4·eps, which is also what a root
        smaller than that is worth: 0 asks for relative accuracy alone.
      rtol: the part relative to the root; None takes 4·eps.
      max_steps: the limit on steps; the default is enough for every bracket with the default xtol
        (with xtol = 0, a root of 1e-100 in a bracket of 1e300 takes 1,400).

    Returns:
      A ``Solution`` whose value is the end of the last bracket with the smaller |f| and whose
      error is the bracket's width, 0 where f = 0 exactly. Its status is CONVERGED: the width is
      at most xtol + rtol·|x|, or f = 0; STAGNATED: the ends are neighbours and the width is
      larger; NO_BRACKET: f(a) and f(b) have one sign; NON_FINITE: f is not finite at an end or
      on the way (value and error are then those of the bracket before); INVALID_START: an end
      is not finite; MAX_STEPS.

    Numerics:
      The sign of f is all that is used, so its scale does not matter; a pole with a change of
      sign looks like a root. ``num_fun`` = num_steps + 2. The derivative is that of the implicit
      function theorem, dx = −∂f/f′(x), forward and reverse, in ``args`` and what ``fun`` closes
      over; it does not exist at a multiple root, means nothing without convergence, and is missing
      where jax cannot differentiate ``fun`` forward (a host callback).

    Example:
      >>> solution = bisect(lambda x, c: x * x - c, 0.0, 2.0, (2.0,))
      >>> f"{solution.value:.5f} {bool(solution.converged)}"
      '1.41421 True'

    References:
      R. L. Burden, J. D. Faires, "Numerical Analysis", 9th edition, 2011, algorithm 2.1.
    """
    start = bisect_init(fun, a, b, args)
    tolerances = _tolerances(xtol, rtol, start.a.dtype)
    return _find(fun, start, args, tolerances, max_steps, lambda s: bisect_step(fun, s, args))


@donatable
def regula_falsi_init(
    fun: Callable, a: ArrayLike, b: ArrayLike, args: Any = ()
) -> RegulaFalsiState:
    """The bracket that regula falsi starts from.

    ::

        [a, b],   f(a),   f(b),   w = 1

    Args:
      fun: ``fun(x, *args)``, one real number.
      a: one end.
      b: the other end.
      args: further arguments of ``fun``.

    Returns:
      A ``RegulaFalsiState (a, b, fa, fb, newest, weight)``.

    Numerics:
      Two evaluations.

    Example:
      >>> f"{regula_falsi_init(lambda x: x * x - 2.0, 0.0, 2.0).weight:.1f}"
      '1.0'

    References:
      M. Dowell, P. Jarratt, "A modified regula falsi method for computing the root of an
      equation", BIT 11, 1971.
    """
    start = _bracket(fun, a, b, args)
    return RegulaFalsiState(*start, jnp.ones_like(start.a))


def regula_falsi_step(
    fun: Callable,
    state: RegulaFalsiState,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
) -> RegulaFalsiState:
    """One chord of the Illinois algorithm.

    ::

        x = b − f(b) (b − a)/(f(b) − w f(a))
        f(x) f(b) < 0:  (a, b, w) ← (b, x, 1),   else  (a, b, w) ← (a, x, w/2)

    Args:
      fun: ``fun(x, *args)``, one real number.
      state: the ``RegulaFalsiState`` of the step before.
      args: further arguments of ``fun``.
      xtol: as in ``regula_falsi``.
      rtol: as in ``regula_falsi``; x keeps half of the tolerance from both ends.

    Returns:
      The next ``RegulaFalsiState``; where f(x) is not finite, the ends stay.

    Numerics:
      One evaluation. The quotient of the values is formed, so that neither huge ends nor tiny
      values leave the range.

    Example:
      >>> f = lambda x: x * x - 2.0
      >>> f"{regula_falsi_step(f, regula_falsi_init(f, 0.0, 2.0)).b:.4f}"
      '1.0000'

    References:
      M. Dowell, P. Jarratt, "A modified regula falsi method for computing the root of an
      equation", BIT 11, 1971.
    """
    a, b, fa, fb, _, weight = state
    half = _half(a, b)
    least = 0.5 * _least_step(b, *_tolerances(xtol, rtol, b.dtype)) / jnp.abs(half)
    least = jnp.minimum(least, 0.5)
    share = jnp.clip(1.0 / (1.0 - weight * (fa / fb)), least, 1.0 - least)
    # An end kept until its weight vanishes: half of the way, as 0·∞ tells nothing.
    shift = jnp.where(weight > float(jnp.finfo(b.dtype).tiny), share, 0.5) * half
    x = (b + shift) + shift
    x = jnp.where((x == a) | (x == b), 0.5 * a + 0.5 * b, x)  # the shift was rounded away
    fx = _scalar_function(fun, args, b.dtype)(x)
    crossed = RegulaFalsiState(b, x, fb, fx, fx, jnp.ones_like(weight))
    retained = RegulaFalsiState(a, x, fa, fx, fx, 0.5 * weight)
    new = choose(jnp.sign(fx) == jnp.sign(fb), retained, crossed)
    return choose(jnp.isfinite(fx), new, state._replace(newest=fx))


@solver
def regula_falsi(
    fun: Callable,
    a: ArrayLike,
    b: ArrayLike,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 1100,
) -> Solution:
    """A root between two points of opposite sign, by regula falsi with the Illinois modification.

    ::

        x = b − f(b) (b − a)/(f(b) − w f(a)),   w halved as long as the end a is retained

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
      Order 3^(1/3) ≈ 1.442 an evaluation at a simple root, linear at a multiple one. The plain
      method retains one end for ever where f is convex, and its bracket never shrinks; the
      Illinois weight makes both ends move. ``num_fun`` = num_steps + 2. The derivative is that
      of ``bisect``.

    Example:
      >>> solution = regula_falsi(lambda x, c: x * x - c, 0.0, 2.0, (2.0,))
      >>> f"{solution.value:.5f} {bool(solution.converged)}"
      '1.41421 True'

    References:
      M. Dowell, P. Jarratt, "A modified regula falsi method for computing the root of an
      equation", BIT 11, 1971.
    """
    start = regula_falsi_init(fun, a, b, args)
    tolerances = _tolerances(xtol, rtol, start.a.dtype)
    step = lambda s: regula_falsi_step(fun, s, args, xtol=tolerances[0], rtol=tolerances[1])
    return _find(fun, start, args, tolerances, max_steps, step)
