"""Stationary points under equality constraints: Newton's method on Lagrange's conditions."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath.iterate import Solution
from jaxmath.linalg.least_squares import lstsq
from jaxmath.numerics import matmul
from jaxmath.optimize._solver import (
    as_point,
    check_callable,
    constraint,
    donatable,
    gradient_of,
    objective,
    solver,
)
from jaxmath.optimize._stationary_newton import (
    StationaryState,
    newton_step,
    run_newton,
    start_newton,
)
from jaxmath.typing import Array, ArrayLike, PyTree, check_precision

__all__ = [
    "LagrangePoint",
    "lagrange_stationary_point",
    "lagrange_stationary_point_init",
    "lagrange_stationary_point_step",
]


class LagrangePoint(NamedTuple):
    """A point and the multipliers of its equality constraints.

    ::

        ∇f(x) = Σᵢ λᵢ ∇hᵢ(x),   h(x) = 0

    Args:
      x: the point.
      multipliers: λ, shape (m,), with L = f − λᵀh.

    Returns:
      A NamedTuple, hence a pytree.

    Example:
      >>> LagrangePoint(jnp.ones(2), jnp.zeros(1)).multipliers.shape
      (1,)
    """

    x: PyTree
    multipliers: Array


def _lagrangian(fun: Callable, equality: Callable, args: tuple, n: int) -> Callable:
    h = constraint("equality", equality, args)
    return lambda z: objective(fun, args)(z[:n]) - jnp.sum(z[n:] * h(z[:n]))


@donatable
@solver
def lagrange_stationary_point_init(
    fun: Callable, x0: ArrayLike, equality: Callable, args: tuple = ()
) -> StationaryState:
    """The starting state of Newton's method on Lagrange's conditions.

    ::

        λ₀ = argmin ‖∇f(x₀) − J(x₀)ᵀλ‖,   g = (∇f − Jᵀλ, −h)

    Args:
      fun: f(x, *args), from a vector to a real scalar, twice differentiable.
      x0: starting point, shape (n,).
      equality: h(x, *args), the constraints h = 0, of shape (m,) or any pytree.
      args: further arguments of both.

    Returns:
      A ``StationaryState`` whose ``x`` is (x, λ), shape (n + m,), and ``gradient`` that of L there.

    Numerics:
      One gradient of f, one Jacobian of h and one least-squares problem.

    Example:
      >>> line = lambda x: x[0] + x[1] - 1.0
      >>> print(lagrange_stationary_point_init(lambda x: jnp.sum(x**2), jnp.zeros(2), line).x)
      [0. 0. 0.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, equation (18.21).
    """
    x, _ = as_point("x0", x0)
    check_precision("x0", x)
    h = constraint("equality", equality, args)
    g, J = gradient_of(fun, args)(x), jax.jacrev(h)(x)
    if J.shape[0] == 0:
        raise ValueError("argument `equality` must return at least 1 constraint, got none")
    multipliers = lstsq(J.T, g).x
    gradient = jnp.concatenate([g - matmul(J.T, multipliers), -h(x)])
    return start_newton(jnp.concatenate([x, multipliers]), gradient)


@solver
def lagrange_stationary_point_step(
    fun: Callable, state: StationaryState, equality: Callable, args: tuple = ()
) -> StationaryState:
    """One safeguarded Newton step on Lagrange's conditions.

    ::

        [∇²L  −Jᵀ] [p ]     [∇f − Jᵀλ]
        [−J    0 ] [pλ] = − [−h      ],   (x, λ) ← (x, λ) + t (p, pλ)

    Args:
      fun: f(x, *args), from a vector to a real scalar, twice differentiable.
      state: the ``StationaryState`` of the step before.
      equality: h(x, *args), the constraints h = 0.
      args: further arguments of both.

    Returns:
      The next ``StationaryState``.

    Numerics:
      t is halved until ½‖∇L‖² decreases enough, as in ``find_stationary_point_step``, of which
      this is the case of the function L(x, λ).

    Example:
      >>> f, line = lambda x: jnp.sum(x**2), lambda x: x[0] + x[1] - 1.0
      >>> state = lagrange_stationary_point_init(f, jnp.zeros(2), line)
      >>> print([f"{v:.2f}" for v in lagrange_stationary_point_step(f, state, line).x])
      ['0.50', '0.50', '1.00']

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, equation (18.6).
    """
    m = jax.eval_shape(constraint("equality", equality, args), state.x).shape[0]
    return newton_step(jax.grad(_lagrangian(fun, equality, args, state.x.shape[0] - m)), state)


@solver
def lagrange_stationary_point(
    fun: Callable,
    x0: PyTree,
    equality: Callable,
    args: tuple = (),
    *,
    tol: float | None = None,
    max_steps: int = 100,
) -> Solution:
    """A stationary point under equality constraints, by Newton's method on Lagrange's conditions.

    ::

        ∇f(x) − J(x)ᵀλ = 0,   h(x) = 0;      L(x, λ) = f(x) − λᵀh(x)

    Args:
      fun: f(x, *args), from the point to a real scalar, twice differentiable.
      x0: starting point, a vector or any pytree of one real dtype; it need not be feasible.
      equality: h(x, *args), the constraints h = 0: a scalar, a vector or any pytree.
      args: further arguments of both.
      tol: ‖∇L‖_∞ = max(‖∇f − Jᵀλ‖_∞, ‖h‖_∞) to reach, in the units of f; None takes √eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` with value ``LagrangePoint (x, multipliers)``, with error ‖∇L‖_∞, and with a
      status as ``find_stationary_point`` has it: SINGULAR where ½‖∇L‖² has a minimum that is not
      0, as for constraints that contradict each other.

    Numerics:
      Quadratic where J has full rank and ∇²L is regular on the null space of J. The point may be
      minimum, maximum or saddle on the constraints. ``num_grad`` and ``num_hess`` count gradients
      and Hessians of L, each with one evaluation of h's derivatives. Cost: about 9(n + m)³ a step.

    Example:
      >>> circle = lambda x: jnp.sum(x**2) - 2.0
      >>> solution = lagrange_stationary_point(jnp.sum, jnp.array([-2.0, -1.0]), circle)
      >>> print([f"{v:.2f}" for v in solution.value.x], f"{solution.value.multipliers[0]:.2f}")
      ['-1.00', '-1.00'] -0.50

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 18.1.
    """
    x, back = as_point("x0", x0)
    check_precision("x0", x)
    check_callable("equality", equality)
    f, h = (lambda x, *args: fun(back(x), *args)), (lambda x, *args: equality(back(x), *args))
    state = lagrange_stationary_point_init(f, x, h, args)
    gradient_fn = jax.grad(_lagrangian(f, h, args, x.shape[0]))
    solution = run_newton(gradient_fn, state, tol, max_steps)
    z = solution.value
    return solution._replace(value=LagrangePoint(back(z[: x.shape[0]]), z[x.shape[0] :]))
