"""The symmetric rank-one quasi-Newton method, in a trust region."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath.iterate import Solution
from jaxmath.linalg._eigen import power_of_two
from jaxmath.numerics import safe_norm
from jaxmath.optimize._descent import solve
from jaxmath.optimize._solver import donatable, or_one, solver
from jaxmath.optimize._trust_region import (
    Model,
    Proposal,
    TrustRegionState,
    first_state,
    in_region,
    next_state,
)
from jaxmath.optimize.trust_region import steihaug
from jaxmath.typing import Array, PyTree, Scalar

__all__ = ["sr1", "sr1_init", "sr1_step"]


class Symmetric(NamedTuple):
    """B ≈ ∇²f, and whether it has met a pair (s, y) yet."""

    B: Array
    started: Array


def _identity(x: Array) -> Symmetric:
    return Symmetric(jnp.eye(x.size, dtype=x.dtype), jnp.asarray(False))


def _update(memory: Symmetric, s: Array, y: Array) -> Symmetric:
    """B + rrᵀ/rᵀs with r = y − Bs (equation 6.24), unless rᵀs is small (6.26)."""
    size = or_one(safe_norm(s))
    s, y = s / size, y / size
    # The first B is the multiple of I that fits the first pair, where that is convex.
    scale, unscale = power_of_two(y)
    fit = numerics.dot(y * scale, y * scale) / or_one(numerics.dot(s, y * scale)) * unscale
    first = ~memory.started & (numerics.dot(s, y) > 0) & jnp.isfinite(fit)
    B = jnp.where(first, fit, 1.0) * memory.B
    r = y - numerics.matmul(B, s)
    rs = numerics.dot(r, s)
    fine = jnp.abs(rs) >= float(jnp.finfo(s.dtype).eps) ** 0.5 * safe_norm(r)
    fine = fine & (rs != 0) & jnp.isfinite(rs)
    scale, unscale = power_of_two(r)  # r² may be beyond the range
    r, rs = r * scale, rs * scale
    change = r[:, None] * r[None, :] / jnp.where(fine, rs, 1.0) * unscale
    return Symmetric(B + jnp.where(fine, change, 0.0), memory.started | first | fine)


def _propose(gradient: Callable, memory: Symmetric, x: Array, g: Array, radius: Array) -> Proposal:
    del gradient, x
    p, promise, _ = steihaug(lambda d: numerics.matmul(memory.B, d), g, radius)
    return Proposal(p, promise, jnp.int32(0))


SR1_MODEL = Model(_identity, _propose, update=_update)


@donatable
@solver
def sr1_init(fun: Callable, x0: Array, args: tuple = ()) -> TrustRegionState:
    """The start of SR1: f and ∇f at x₀, B = I.

    ::

        f, ∇f at x₀,   B = I,   Δ = 1

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``TrustRegionState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(sr1_init(lambda x: jnp.sum(x**2), jnp.ones(2)).memory.B)
      [[1. 0.]
       [0. 1.]]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 6.2.
    """
    return first_state(fun, x0, args, SR1_MODEL)


@solver
def sr1_step(fun: Callable, state: TrustRegionState, args: tuple = ()) -> TrustRegionState:
    """One step of SR1: the model's minimizer, the test of it, and what it teaches the model.

    ::

        s ≈ argmin ∇fᵀs + ½ sᵀBs over ‖s‖ ≤ Δ,   y = ∇f(x + s) − ∇f(x)
        B⁺ = B + rrᵀ/rᵀs,   r = y − Bs,   where |rᵀs| ≥ √eps ‖r‖ ‖s‖

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``TrustRegionState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``TrustRegionState``.

    Numerics:
      As ``sr1``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> print(f"{sr1_step(f, sr1_init(f, jnp.array([0.5, 0.0]))).memory.B[0, 0]:.2f}")
      2.00

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 6.2.
    """
    return next_state(fun, state, args, SR1_MODEL)


@partial(solver, data=("scale",))
def sr1(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function by the symmetric rank-one method in a trust region.

    ::

        s ≈ argmin ∇fᵀs + ½ sᵀBs over ‖s‖ ≤ Δ,   B⁺ = B + rrᵀ/rᵀs,   r = y − Bs
        y = ∇f(x + s) − ∇f(x),   ρ = (f(x) − f(x + s)) / promised;   ρ > 1e-4: x⁺ = x + s

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps, refused ones too; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``.

    Numerics:
      Error, statuses, radius and the test of a step as in ``trust_region_newton``, and so is the
      subproblem (conjugate gradients). B need not be definite: it learns negative curvature, from
      refused steps too, but for those that raised f by over 100 promises (a deviation: one of them
      may teach a curvature from which B does not come back). B starts as yᵀy/sᵀy·I. Cost: one
      evaluation of f and ∇f and O(n³) at most a step.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = sr1(rosenbrock, jnp.array([-1.2, 1.0]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['1.000', '1.000'] True

    References:
      A. R. Conn, N. I. M. Gould, P. L. Toint, "Convergence of quasi-Newton matrices generated by
      the symmetric rank one update", 1991.
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 6.2.
    """
    return solve(partial(in_region, model=SR1_MODEL), fun, x0, args, tol, max_steps, scale)
