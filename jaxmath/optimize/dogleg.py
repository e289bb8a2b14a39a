"""Newton's method in a trust region along Powell's dogleg."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath.iterate import Solution
from jaxmath.numerics import safe_norm
from jaxmath.optimize._curvature import Curvature, hessian_curvature, identity, times, times_inverse
from jaxmath.optimize._descent import solve
from jaxmath.optimize._solver import donatable, or_one, solver
from jaxmath.optimize._trust_region import (
    Model,
    Proposal,
    TrustRegionState,
    first_state,
    in_region,
    next_state,
    to_the_boundary,
)
from jaxmath.typing import Array, PyTree, Scalar

__all__ = ["trust_region_dogleg", "trust_region_dogleg_init", "trust_region_dogleg_step"]


def _dogleg(c: Curvature, g: Array, radius: Array) -> Array:
    """Where the path 0 → Cauchy's point → −M⁻¹g leaves the region, or its end (equation 4.16)."""
    norm = safe_norm(g)
    unit = g / or_one(norm)
    newton = -times_inverse(c, g)
    cauchy = -norm / or_one(numerics.dot(unit, times(c, unit))) * unit
    # A Cauchy point outside is replaced by 0, from where the boundary lies along it.
    far = ~(safe_norm(cauchy) < radius)
    corner = jnp.where(far, 0.0, cauchy)
    leg = jnp.where(far, -unit, newton - corner)
    path = corner + to_the_boundary(corner, leg, radius) * leg
    return jnp.where(safe_norm(newton) <= radius, newton, path)


def _propose(gradient: Callable, c: Curvature, x: Array, g: Array, radius: Array) -> Proposal:
    del gradient, x
    p = _dogleg(c, g, radius)
    promise = -numerics.dot(g, p) - 0.5 * numerics.dot(p, numerics.matmul(c.H, p))
    return Proposal(p, promise, jnp.int32(0))


DOGLEG_MODEL = Model(identity, _propose, refresh=hessian_curvature)


@donatable
@solver
def trust_region_dogleg_init(fun: Callable, x0: Array, args: tuple = ()) -> TrustRegionState:
    """The start of the dogleg method.

    ::

        f, ∇f at x₀,   Δ = 1

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``TrustRegionState``; the Hessian is left to the first step.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(trust_region_dogleg_init(lambda x: jnp.sum(x**2), jnp.ones(2)).radius)
      1.0

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 4.1.
    """
    return first_state(fun, x0, args, DOGLEG_MODEL)


@solver
def trust_region_dogleg_step(
    fun: Callable, state: TrustRegionState, args: tuple = ()
) -> TrustRegionState:
    """One step of the dogleg method: the path's end within the radius, and the test of it.

    ::

        p(τ) = τpᶜ for τ ≤ 1,   pᶜ + (τ − 1)(pᴺ − pᶜ) for 1 ≤ τ ≤ 2;   ‖p‖ = Δ, or p = pᴺ
        pᶜ = −(gᵀg / gᵀMg) g,   pᴺ = −M⁻¹g

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``TrustRegionState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``TrustRegionState``.

    Numerics:
      As ``trust_region_dogleg``.

    Example:
      >>> f = lambda x: jnp.sum((x - 0.5) ** 2)
      >>> state = trust_region_dogleg_step(f, trust_region_dogleg_init(f, jnp.zeros(2)))
      >>> print([f"{x:.2f}" for x in state.x], state.num_hess)
      ['0.50', '0.50'] 1

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, equation 4.16.
    """
    return next_state(fun, state, args, DOGLEG_MODEL)


@partial(solver, data=("scale",))
def trust_region_dogleg(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function by Newton's method in a trust region, along Powell's dogleg.

    ::

        p ≈ argmin ∇fᵀp + ½ pᵀ∇²f p over ‖p‖ ≤ Δ,   on the path 0 → pᶜ → pᴺ
        ρ = (f(x) − f(x + p)) / promised;   ρ > 1e-4: x⁺ = x + p

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps, refused ones too; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``; ``num_hess`` counts the Hessians, one at each point left.

    Numerics:
      Error, statuses, radius and the test of a step as in ``trust_region_newton``. The path is that
      of M, ∇²f with its eigenvalues' absolute values (after scaling by its diagonal), the promise
      that of ∇²f itself: so it is defined where ∇²f is indefinite, and leaves a saddle unless ∇f
      has no part along its descent. Quadratic convergence where ∇²f is definite at the minimum.
      Cost: one evaluation of f and ∇f a step; the Hessian matrix, n products, and its eigenvalues,
      O(n³), at each new point.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = trust_region_dogleg(rosenbrock, jnp.array([-1.2, 1.0]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['1.000', '1.000'] True

    References:
      M. J. D. Powell, "A new algorithm for unconstrained optimization", 1970.
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 4.1.
    """
    return solve(partial(in_region, model=DOGLEG_MODEL), fun, x0, args, tol, max_steps, scale)
