"""Roots of one equation from a starting point: the secant method, Newton's and Halley's."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxmath.iterate import Solution
from jaxmath.optimize._roots import _numbers, _scalar_function
from jaxmath.optimize._scalar_roots import (
    RootState,
    SecantState,
    _advance,
    _begin,
    _find,
    _halley_at,
    _newton_at,
    _secant_at,
)
from jaxmath.optimize._solver import choose, donatable, solver
from jaxmath.typing import ArrayLike, Scalar

__all__ = [
    "halley",
    "halley_init",
    "halley_step",
    "newton",
    "newton_init",
    "newton_step",
    "secant",
    "secant_init",
    "secant_step",
]


@donatable
def secant_init(fun: Callable, x0: ArrayLike, x1: ArrayLike, args: Any = ()) -> SecantState:
    """The two points that the secant method starts from.

    ::

        x₀,   x₁,   f(x₀),   f(x₁)

    Args:
      fun: ``fun(x, *args)``, one real number.
      x0: the first point.
      x1: the second point.
      args: further arguments of ``fun``.

    Returns:
      A ``SecantState (root, previous, fprevious)``; ``root.step`` leads to the next point.

    Numerics:
      Two evaluations.

    Example:
      >>> f"{secant_init(lambda x: x * x - 2.0, 1.0, 2.0).root.step:.4f}"
      '-0.6667'

    References:
      J. M. Ortega, W. C. Rheinboldt, "Iterative Solution of Nonlinear Equations in Several
      Variables", 1970, section 7.2.
    """
    x0, x1 = _numbers(x0=x0, x1=x1)
    f = _scalar_function(fun, args, x0.dtype)
    f0 = f(x0)
    state = _secant_at(f, x1, x0, f0, jnp.full_like(x0, jnp.inf))
    valid = jnp.isfinite(x0)
    root = state.root._replace(
        x=jnp.where(valid, x1, x0), finite=state.root.finite & jnp.isfinite(f0)
    )
    return state._replace(root=root)


def secant_step(fun: Callable, state: SecantState, args: Any = ()) -> SecantState:
    """One step of the secant method.

    ::

        xₖ₊₁ = xₖ − f(xₖ) (xₖ − xₖ₋₁)/(f(xₖ) − f(xₖ₋₁))

    Args:
      fun: ``fun(x, *args)``, one real number.
      state: the ``SecantState`` of the step before.
      args: further arguments of ``fun``.

    Returns:
      The next ``SecantState``; where the new point is not finite, the old one with
      ``root.finite`` False.

    Numerics:
      One evaluation.

    Example:
      >>> f = lambda x: x * x - 2.0
      >>> f"{secant_step(f, secant_init(f, 1.0, 2.0)).root.x:.4f}"
      '1.3333'

    References:
      J. M. Ortega, W. C. Rheinboldt, "Iterative Solution of Nonlinear Equations in Several
      Variables", 1970, section 7.2.
    """
    x, fx, _, step, _, _ = state.root
    f = _scalar_function(fun, args, x.dtype)
    new = _secant_at(f, x + step, x, fx, jnp.abs(fx))
    old = state._replace(root=state.root._replace(finite=new.root.finite))
    return choose(new.root.finite, new, old)


@solver
def secant(
    fun: Callable,
    x0: ArrayLike,
    x1: ArrayLike,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 200,
) -> Solution:
    """A root near two points, by the secant method.

    ::

        xₖ₊₁ = xₖ − f(xₖ) (xₖ − xₖ₋₁)/(f(xₖ) − f(xₖ₋₁)),   |eₖ₊₁| ~ |eₖ|^φ,   φ = (1 + √5)/2

    Args:
      fun: ``fun(x, *args)``, one real number, smooth in x.
      x0: the first point.
      x1: the second point, another than ``x0``.
      args: further arguments of ``fun``, traced.
      xtol: the absolute part of the correction to reach; None takes 4·eps.
      rtol: the part relative to the root; None takes 4·eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` as ``newton`` has it; SINGULAR: the two last values, or points, are equal.

    Numerics:
      Order φ ≈ 1.618 an evaluation at a simple root. ``num_fun`` = num_steps + 2. The derivative
      is that of ``newton``.

    Example:
      >>> solution = secant(lambda x, c: x * x - c, 1.0, 2.0, (2.0,))
      >>> f"{solution.value:.5f} {bool(solution.converged)}"
      '1.41421 True'

    References:
      J. M. Ortega, W. C. Rheinboldt, "Iterative Solution of Nonlinear Equations in Several
      Variables", 1970, section 7.2.
    """
    start = secant_init(fun, x0, x1, args)
    step = lambda state: secant_step(fun, state, args)
    solution = _find(fun, start, args, xtol, rtol, max_steps, step)
    return solution._replace(num_fun=solution.num_fun + 1)


@donatable
def newton_init(fun: Callable, x0: ArrayLike, args: Any = ()) -> RootState:
    """The point that Newton's method starts from, with its first step.

    ::

        x₀,   f(x₀),   −f(x₀)/f′(x₀)

    Args:
      fun: ``fun(x, *args)``, one real number.
      x0: the starting point.
      args: further arguments of ``fun``.

    Returns:
      A ``RootState (x, fx, correction, step, before, finite)``.

    Numerics:
      One evaluation with its derivative.

    Example:
      >>> f"{newton_init(lambda x: x * x - 2.0, 1.0).step:.1f}"
      '0.5'

    References:
      P. Deuflhard, "Newton Methods for Nonlinear Problems", 2004, section 1.1.
    """
    return _begin(_newton_at, fun, x0, args)


def newton_step(fun: Callable, state: RootState, args: Any = ()) -> RootState:
    """One step of Newton's method.

    ::

        xₖ₊₁ = xₖ − f(xₖ)/f′(xₖ)

    Args:
      fun: ``fun(x, *args)``, one real number.
      state: the ``RootState`` of the step before.
      args: further arguments of ``fun``.

    Returns:
      The next ``RootState``; where the new point is not finite, the old one with ``finite``
      False.

    Numerics:
      One evaluation with its derivative.

    Example:
      >>> f = lambda x: x * x - 2.0
      >>> f"{newton_step(f, newton_init(f, 1.0)).x:.1f}"
      '1.5'

    References:
      P. Deuflhard, "Newton Methods for Nonlinear Problems", 2004, section 1.1.
    """
    return _advance(_newton_at, fun, state, args)


@solver
def newton(
    fun: Callable,
    x0: ArrayLike,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 200,
) -> Solution:
    """A root near a point, by Newton's method.

    ::

        xₖ₊₁ = xₖ − f(xₖ)/f′(xₖ),   |eₖ₊₁| ~ |f″/2f′| |eₖ|²

    Args:
      fun: ``fun(x, *args)``, one real number, differentiable in x; f′ is jax's.
      x0: the starting point.
      args: further arguments of ``fun``, traced: new values are no new program.
      xtol: the absolute part of the correction to reach; None takes 4·eps, which is also what a
        root smaller than that is worth: 0 asks for relative accuracy alone.
      rtol: the part relative to the root; None takes 4·eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` whose error is the residual |f(x)|. Its status is CONVERGED: the correction
      |f/f′| at the value is at most xtol + rtol·|x|, or f = 0 exactly; STAGNATED: the correction
      is at most √eps·|x| + xtol and |f| no longer falls, for f is noise; SINGULAR: f′ = 0 away
      from a root; NON_FINITE: f, f′ or the new point is not finite (the value is the last good
      point, ``x0`` if there is none); INVALID_START: the start is not finite; MAX_STEPS.

    Numerics:
      Order 2 at a simple root; linear with ratio 1 − 1/m at an m-fold one, whose error is then m
      times the correction. There is no safeguard: it may cycle or diverge. ``num_fun`` =
      ``num_grad`` = num_steps + 1. The derivative is that of the implicit function theorem,
      dx = −∂f/f′(x), forward and reverse, in ``args`` and what ``fun`` closes over; it
      does not exist at a multiple root (NaN, ∞ or noise) and means nothing without convergence.

    Example:
      >>> solution = newton(lambda x, c: x * x - c, 1.0, (2.0,))
      >>> f"{solution.value:.5f} {bool(solution.converged)}"
      '1.41421 True'

    References:
      P. Deuflhard, "Newton Methods for Nonlinear Problems", 2004, section 1.1.
    """
    start, step = newton_init(fun, x0, args), lambda state: newton_step(fun, state, args)
    solution = _find(fun, start, args, xtol, rtol, max_steps, step)
    return solution._replace(num_grad=solution.num_fun)


@donatable
def halley_init(fun: Callable, x0: ArrayLike, args: Any = ()) -> RootState:
    """The point that Halley's method starts from, with its first step.

    ::

        x₀,   δ = −f/f′,   step = δ/(1 + δ f″/2f′)

    Args:
      fun: ``fun(x, *args)``, one real number.
      x0: the starting point.
      args: further arguments of ``fun``.

    Returns:
      A ``RootState (x, fx, correction, step, before, finite)``.

    Numerics:
      One evaluation with both derivatives.

    Example:
      >>> f"{halley_init(lambda x: x * x - 2.0, 1.0).step:.1f}"
      '0.4'

    References:
      W. Gander, "On Halley's iteration method", American Mathematical Monthly 92, 1985.
    """
    return _begin(_halley_at, fun, x0, args)


def halley_step(fun: Callable, state: RootState, args: Any = ()) -> RootState:
    """One step of Halley's method.

    ::

        xₖ₊₁ = xₖ − 2 f f′/(2 f′² − f f″)

    Args:
      fun: ``fun(x, *args)``, one real number.
      state: the ``RootState`` of the step before.
      args: further arguments of ``fun``.

    Returns:
      The next ``RootState``; where the new point is not finite, the old one with ``finite``
      False.

    Numerics:
      One evaluation with both derivatives. Where 2f′² ≤ f f″ the step is Newton's.

    Example:
      >>> f = lambda x: x * x - 2.0
      >>> f"{halley_step(f, halley_init(f, 1.0)).x:.1f}"
      '1.4'

    References:
      W. Gander, "On Halley's iteration method", American Mathematical Monthly 92, 1985.
    """
    return _advance(_halley_at, fun, state, args)


@solver
def halley(
    fun: Callable,
    x0: ArrayLike,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 200,
) -> Solution:
    """A root near a point, by Halley's method.

    ::

        xₖ₊₁ = xₖ − 2 f f′/(2 f′² − f f″),   |eₖ₊₁| ~ |(f″/2f′)² − f‴/6f′| |eₖ|³

    Args:
      fun: ``fun(x, *args)``, one real number, twice differentiable in x.
      x0: the starting point.
      args: further arguments of ``fun``, traced.
      xtol: the absolute part of the correction to reach; None takes 4·eps.
      rtol: the part relative to the root; None takes 4·eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` as ``newton`` has it; the correction compared is Newton's, |f/f′|, as
      Halley's step is small where f′ is, too.

    Numerics:
      Order 3 at a simple root, ratio (m − 1)/(m + 1) at an m-fold one. Where 2f′² ≤ f f″ the step
      is Newton's. ``num_fun`` = ``num_grad`` = ``num_hess`` = num_steps + 1. The derivative is
      that of ``newton``.

    Example:
      >>> solution = halley(lambda x, c: x * x - c, 1.0, (2.0,))
      >>> f"{solution.value:.5f} {bool(solution.converged)}"
      '1.41421 True'

    References:
      W. Gander, "On Halley's iteration method", American Mathematical Monthly 92, 1985.
    """
    start, step = halley_init(fun, x0, args), lambda state: halley_step(fun, state, args)
    solution = _find(fun, start, args, xtol, rtol, max_steps, step)
    return solution._replace(num_grad=solution.num_fun, num_hess=solution.num_fun)
