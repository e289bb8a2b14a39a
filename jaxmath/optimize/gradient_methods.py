"""Gradient descent and nonlinear conjugate gradients, with a strong Wolfe line search."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath.iterate import Solution
from jaxmath.optimize._descent import DescentState, Rule, descent, first_state, next_state, solve
from jaxmath.optimize._solver import donatable, solver
from jaxmath.typing import Array, PyTree, Scalar

__all__ = [
    "gradient_descent",
    "gradient_descent_init",
    "gradient_descent_step",
    "nonlinear_cg",
    "nonlinear_cg_init",
    "nonlinear_cg_step",
]

DESCENT_RULE = Rule(lambda x: (), lambda memory, *_: memory, lambda _, g: -g, unit=False)


class Conjugate(NamedTuple):
    """The direction before, and β."""

    direction: Array
    beta: Array


def _polak_ribiere(memory: Conjugate, s: Array, y: Array, g: Array, d: Array) -> Conjugate:
    """β = max(yᵀg⁺/gᵀg, 0) (Nocedal and Wright, equation 5.45)."""
    del memory, s
    before = g - y
    square = numerics.dot(before, before)
    beta = numerics.dot(y, g) / jnp.where(square > 0, square, 1.0)
    return Conjugate(d, jnp.maximum(beta, 0.0))


CG_RULE = Rule(
    lambda x: Conjugate(jnp.zeros_like(x), jnp.zeros((), x.dtype)),
    _polak_ribiere,
    lambda memory, g: -g + memory.beta * memory.direction,
    unit=False,
    c2=0.4,
)


@donatable
@solver
def gradient_descent_init(fun: Callable, x0: Array, args: tuple = ()) -> DescentState:
    """The start of gradient descent: f and ∇f at x₀, and a search along −∇f.

    ::

        d = −∇f(x₀),   α = 1/‖d‖

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``DescentState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(gradient_descent_init(lambda x: jnp.sum(x**2), jnp.array([3.0, 4.0])).direction)
      [-6. -8.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 3.3.
    """
    return first_state(fun, x0, args, DESCENT_RULE)


@solver
def gradient_descent_step(fun: Callable, state: DescentState, args: tuple = ()) -> DescentState:
    """One evaluation of gradient descent, and the step where the line search accepts it.

    ::

        x⁺ = x − α∇f(x)

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``DescentState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``DescentState``.

    Numerics:
      As ``gradient_descent``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> state = gradient_descent_step(f, gradient_descent_init(f, jnp.array([3.0, 4.0])))
      >>> print([f"{x:.2f}" for x in state.x])
      ['2.40', '3.20']

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 3.3.
    """
    return next_state(fun, state, args, DESCENT_RULE)


@partial(solver, data=("scale",))
def gradient_descent(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function by steepest descent with a line search.

    ::

        xₖ₊₁ = xₖ − αₖ∇f(xₖ),   first trial αₖ = αₖ₋₁‖∇f(xₖ₋₁)‖²/‖∇f(xₖ)‖²
        f(xₖ₊₁) − f* ≲ ((κ − 1)/(κ + 1))² (f(xₖ) − f*),   κ the condition of ∇²f

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``.

    Numerics:
      Error and statuses as in ``bfgs``, and a late step in the units of x as in ``lbfgs``. Linear
      convergence, slow where κ is large: MAX_STEPS is the common end there. Cost: O(n) a step,
      beside the evaluations.

    Example:
      >>> s = gradient_descent(lambda x: x[0] ** 2 + 4.0 * (x[1] - 1.0) ** 2, jnp.array([3.0, 0.0]))
      >>> print([f"{abs(x):.3f}" for x in s.value], bool(s.converged))
      ['0.000', '1.000'] True

    References:
      A. Cauchy, "Méthode générale pour la résolution des systèmes d'équations simultanées", 1847.
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, theorem 3.4.
    """
    return solve(partial(descent, rule=DESCENT_RULE), fun, x0, args, tol, max_steps, scale)


@donatable
@solver
def nonlinear_cg_init(fun: Callable, x0: Array, args: tuple = ()) -> DescentState:
    """The start of nonlinear conjugate gradients: as ``gradient_descent_init``.

    ::

        d = −∇f(x₀),   α = 1/‖d‖

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``DescentState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(nonlinear_cg_init(lambda x: jnp.sum(x**2), jnp.array([3.0, 4.0])).direction)
      [-6. -8.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 5.4.
    """
    return first_state(fun, x0, args, CG_RULE)


@solver
def nonlinear_cg_step(fun: Callable, state: DescentState, args: tuple = ()) -> DescentState:
    """One evaluation of conjugate gradients, and the step where the line search accepts it.

    ::

        x⁺ = x + αd,   d⁺ = −∇f(x⁺) + βd,   β = max(yᵀ∇f(x⁺)/‖∇f(x)‖², 0)

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``DescentState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``DescentState``.

    Numerics:
      As ``nonlinear_cg``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> print(nonlinear_cg_step(f, nonlinear_cg_init(f, jnp.array([3.0, 4.0]))).num_fun)
      2

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, equation 5.45.
    """
    return next_state(fun, state, args, CG_RULE)


@partial(solver, data=("scale",))
def nonlinear_cg(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function by nonlinear conjugate gradients (Polak and Ribière, PR+).

    ::

        xₖ₊₁ = xₖ + αₖdₖ,   dₖ₊₁ = −gₖ₊₁ + βdₖ,   β = max((gₖ₊₁ − gₖ)ᵀgₖ₊₁/‖gₖ‖², 0)

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``.

    Numerics:
      Error and statuses as in ``bfgs``; a direction that does not descend is replaced by −g, and
      late ones as in ``lbfgs``. The line search goes to |φ′(α)| ≤ 0.4|φ′(0)|. Cost: O(n) a step and
      no matrix.

    Example:
      >>> s = nonlinear_cg(lambda x: x[0] ** 2 + 9.0 * (x[1] - 1.0) ** 2, jnp.array([3.0, 0.0]))
      >>> print([f"{abs(x):.3f}" for x in s.value], bool(s.converged))
      ['0.000', '1.000'] True

    References:
      E. Polak, G. Ribière, "Note sur la convergence de méthodes de directions conjuguées", 1969.
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 5.2.
    """
    return solve(partial(descent, rule=CG_RULE), fun, x0, args, tol, max_steps, scale)
