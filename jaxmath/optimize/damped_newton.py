"""Newton's method with a line search, where the Hessian need not be definite."""

from collections.abc import Callable
from functools import partial

from jaxmath.iterate import Solution
from jaxmath.optimize._curvature import Curvature, hessian_curvature, identity, times_inverse
from jaxmath.optimize._descent import DescentState, Rule, descent, first_state, next_state, solve
from jaxmath.optimize._solver import donatable, solver
from jaxmath.typing import Array, PyTree, Scalar

__all__ = ["damped_newton", "damped_newton_init", "damped_newton_step"]


def _keep(memory: Curvature, s: Array, y: Array, g: Array, d: Array) -> Curvature:
    del s, y, g, d
    return memory


NEWTON_RULE = Rule(identity, _keep, lambda c, g: -times_inverse(c, g), refresh=hessian_curvature)


@donatable
@solver
def damped_newton_init(fun: Callable, x0: Array, args: tuple = ()) -> DescentState:
    """The start of the damped Newton method: f, ∇f and ∇²f at x₀, and a search along Newton's step.

    ::

        d = −M⁻¹∇f(x₀),   α = 1

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``DescentState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> state = damped_newton_init(lambda x: jnp.sum(x**2), jnp.array([3.0, 4.0]))
      >>> print([f"{d:.2f}" for d in state.direction])
      ['-3.00', '-4.00']

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 3.2.
    """
    return first_state(fun, x0, args, NEWTON_RULE)


@solver
def damped_newton_step(fun: Callable, state: DescentState, args: tuple = ()) -> DescentState:
    """One evaluation of the damped Newton method, and the step where the line search accepts it.

    ::

        x⁺ = x + αd,   d⁺ = −M⁻¹∇f(x⁺),   M = S⁻¹V|Λ|VᵀS⁻¹ of ∇²f(x⁺) = S⁻¹VΛVᵀS⁻¹

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``DescentState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``DescentState``.

    Numerics:
      As ``damped_newton``.

    Example:
      >>> f = lambda x: jnp.sum((x - 1.0) ** 2)
      >>> state = damped_newton_step(f, damped_newton_init(f, jnp.array([3.0, 4.0])))
      >>> print([f"{x:.2f}" for x in state.x], state.num_steps)
      ['1.00', '1.00'] 1

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 3.2.
    """
    return next_state(fun, state, args, NEWTON_RULE)


@partial(solver, data=("scale",))
def damped_newton(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function by Newton's method with a strong Wolfe line search.

    ::

        xₖ₊₁ = xₖ − αₖ Mₖ⁻¹ ∇f(xₖ),   M = S⁻¹ V |Λ| Vᵀ S⁻¹ of ∇²f = S⁻¹ V Λ Vᵀ S⁻¹
        S = diag(|∂²f/∂xᵢ²|^(−1/2))

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``; ``num_hess`` counts the Hessians, one at each point.

    Numerics:
      Error, tolerance and statuses as in ``bfgs``; the promise is Newton's decrement gᵀM⁻¹g at the
      point itself; late steps as in ``lbfgs``. Eigenvalues below n·eps of the largest count as
      that. A Hessian that is not finite counts as I. Quadratic convergence where ∇²f is definite at
      the minimum; a saddle is left unless ∇f has no part along its descent. Changing the units of x
      changes the result by rounding alone. Cost: the Hessian matrix, n products, and its
      eigenvalues, O(n³), a step.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = damped_newton(rosenbrock, jnp.array([-1.2, 1.0]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['1.000', '1.000'] True

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 3.4.
      Y. Dauphin et al., "Identifying and attacking the saddle point problem in high-dimensional
      non-convex optimization", 2014, equation 4.
    """
    return solve(partial(descent, rule=NEWTON_RULE), fun, x0, args, tol, max_steps, scale)
