"""Constrained minimization by the augmented Lagrangian of Powell, Hestenes and Rockafellar."""

from collections.abc import Callable
from functools import partial

import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.iterate import Solution
from jaxmath.optimize._continuation import (
    ContinuationState,
    Method,
    Outer,
    first,
    following,
    highest,
    least,
    minimize_constrained,
    on_vectors,
)
from jaxmath.optimize._solver import donatable, solver
from jaxmath.typing import Array, PyTree, Scalar

__all__ = ["augmented_lagrangian", "augmented_lagrangian_init", "augmented_lagrangian_step"]


def shifted(slack: Array, outer: Outer, equal: Array) -> Array:
    """λ⁺ = λ − ρh and max(0, λ − ρc) (Nocedal and Wright, equations 17.39 and 17.63)."""
    moved = outer.multipliers - outer.penalty * slack
    return jnp.where(equal, moved, jnp.maximum(moved, 0.0))


def penalized(slack: Array, outer: Outer, equal: Array) -> Array:
    """Σ (λ⁺² − λ²)/2ρ: −λs + ρs²/2 where the constraint counts, −λ²/2ρ where it does not."""
    after = shifted(slack, outer, equal)
    held = equal | ~(after <= 0)  # NaN counts: where c is unknown, so is L_A
    s = jnp.where(held, slack, 0.0)  # may be infinite where it does not count
    off = -(outer.multipliers**2) / (2.0 * outer.penalty)
    # (λ⁺ − λ)(λ⁺ + λ) without the difference of near numbers.
    return jnp.sum(jnp.where(held, -0.5 * s * (after + outer.multipliers), off))


def unsatisfied(slack: Array, multipliers: Array, equal: Array) -> Array:
    """The largest |h|, c⁻ and, where a multiplier is not 0, |c|: 0 at a KKT point."""
    held = equal | (multipliers != 0)
    size = jnp.where(held, jnp.abs(slack), jnp.maximum(-slack, 0.0))
    return max_of(size, initial=0.0)


def _first(zeros: Array) -> Outer:
    """ρ = 10, ω = 1/ρ, η = 1/ρ^0.1."""
    of = lambda value: jnp.asarray(value, zeros.dtype)
    return Outer(zeros, of(10.0), of(0.1), of(10.0**-0.1))


def _update(outer: Outer, estimate: Array, violation: Array) -> Outer:
    """The lines of algorithm 17.4 after the inner minimization."""
    good = violation <= outer.feasibility
    rho = outer.penalty
    # At the largest penalty only the multipliers are left to change.
    good = good | ((rho >= highest(rho)) & jnp.isfinite(violation))
    larger = jnp.minimum(100.0 * rho, highest(rho))
    omega = jnp.where(good, outer.tolerance / rho, 1.0 / larger)
    eta = jnp.where(good, outer.feasibility / rho**0.9, larger**-0.1)
    return Outer(
        jnp.where(good, estimate, outer.multipliers),
        jnp.where(good, rho, larger),
        jnp.maximum(omega, least(rho)),
        jnp.maximum(eta, least(rho)),
    )


_METHOD = Method(penalized, shifted, unsatisfied, _first, _update)


@donatable
@solver
def augmented_lagrangian_init(
    fun: Callable,
    x0: Array,
    args: tuple = (),
    *,
    equality: Callable | None = None,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
) -> ContinuationState:
    """The start of the augmented Lagrangian method: no multipliers, and BFGS about to begin.

    ::

        λ = 0,   ρ = 10,   ω = 1/ρ,   η = 1/ρ^0.1

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun`` and the constraints.
      equality: h(x, *args), None for no such constraint.
      inequality: c(x, *args) with c ≥ 0, None for no such constraint.
      lower: l, a scalar or a vector; None for −∞.
      upper: u, a scalar or a vector; None for ∞.

    Returns:
      A ``ContinuationState``.

    Numerics:
      One evaluation of f, its gradient and the constraints.

    Example:
      >>> state = augmented_lagrangian_init(jnp.sum, jnp.ones(2), equality=lambda x: x @ x - 8.0)
      >>> print(state.slack, state.outer.penalty)
      [-6.] 10.0

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 17.4.
    """
    sides = (equality, inequality, lower, upper)
    return first(on_vectors(fun, x0, args, _METHOD, sides), jnp.asarray(x0))


@solver
def augmented_lagrangian_step(
    fun: Callable,
    state: ContinuationState,
    args: tuple = (),
    *,
    equality: Callable | None = None,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
) -> ContinuationState:
    """One evaluation of the inner BFGS; where that has ended, new multipliers or a new penalty.

    ::

        ‖∇L_A‖ > ω:            a trial of BFGS on L_A(·; λ, ρ)
        else, violation ≤ η:   λ ← λ − ρh, max(0, λ − ρc);   ω ← ω/ρ,   η ← η/ρ^0.9
        else:                  ρ ← 100ρ;   ω ← 1/ρ,   η ← 1/ρ^0.1

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``ContinuationState`` so far.
      args: further arguments of ``fun`` and the constraints.
      equality: h(x, *args), None for no such constraint.
      inequality: c(x, *args) with c ≥ 0, None for no such constraint.
      lower: l, a scalar or a vector; None for −∞.
      upper: u, a scalar or a vector; None for ∞.

    Returns:
      The next ``ContinuationState``.

    Numerics:
      As ``augmented_lagrangian``.

    Example:
      >>> kwargs = dict(equality=lambda x: x @ x - 8.0)
      >>> state = augmented_lagrangian_init(jnp.sum, jnp.ones(2), **kwargs)
      >>> print(augmented_lagrangian_step(jnp.sum, state, **kwargs).inner.num_fun)
      2

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 17.4.
    """
    sides = (equality, inequality, lower, upper)
    return following(on_vectors(fun, state.inner.x, args, _METHOD, sides), state)


@partial(solver, data=("lower", "upper"))
def augmented_lagrangian(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    equality: Callable | None = None,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Minimize under constraints by a sequence of augmented Lagrangians, each by BFGS.

    ::

        minimize f(x) subject to h(x) = 0, c(x) ≥ 0, l ≤ x ≤ u
        L_A(x; λ, ρ) = f − λ_Eᵀh + (ρ/2)‖h‖² + (1/2ρ) Σᵢ (max(0, λᵢ − ρcᵢ)² − λᵢ²)
        λ_E ← λ_E − ρh,   λᵢ ← max(0, λᵢ − ρcᵢ)

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype; it need not be feasible.
      args: further arguments of ``fun`` and the constraints; arrays that may change without a new
        compilation.
      equality: h(x, *args), a scalar, a vector or any pytree; None for no such constraint.
      inequality: c(x, *args) with c ≥ 0 as in SciPy, alike.
      lower: l, a scalar or of the structure of ``x0``; None for −∞. Kept as c ≥ 0 is: points on
        the way, and the start, may lie outside.
      upper: u, alike; None for ∞.
      tol: see Numerics; None takes √eps, 1.5e-8 in double and 3.5e-4 in single precision.
      max_steps: the limit on the steps of BFGS, all together; None takes 200 (n + constraints).

    Returns:
      A ``Solution`` with value ``ConstrainedPoint (x, multipliers)``, multipliers as
      ``kkt_residual`` takes them. ``num_steps`` are those of BFGS; ``num_fun`` = ``num_grad``
      count f with the constraints, line searches included.

    Numerics:
      error = max(maxᵢ|∂L/∂xᵢ|·max(|xᵢ|, 1)/max(|L_A|, 1), v/max(1, ‖x‖)) with L at the returned
      multipliers and v the largest |h|, c⁻ and, where λ ≠ 0, |c|: in the constraints' own units.
      CONVERGED where error ≤ tol. INFEASIBLE where at the largest penalty, 10/√eps, the violation
      no longer halves, is above eps^¼ and stationary to eps^¼ of itself, or where a lower bound is
      above an upper one. STAGNATED where it is below, or where f outweighs the largest penalty
      (|∇f| some 1e8 times the constraints' and more); constraints far larger than f may end there
      too: give both units in which they are of order 1. UNBOUNDED where L_A falls
      without bound at a feasible point or at the largest penalty; before that the method returns
      to where it was and raises the penalty. MAX_STEPS; NON_FINITE and INVALID_START at the start.
      One ulp of x moves the error by about ρ‖∇c‖²·ulp·max(|x|, 1)/max(|f|, 1); in single precision
      that can exceed the tolerance, and the end is STAGNATED at that noise.
      A local minimum, not the least. Where the constraints' gradients depend on each other
      the multipliers are not unique. Reverse mode is refused by jax. Cost: O(n²) a step.

    Example:
      >>> circle = lambda x: 2.0 - jnp.sum(x**2)
      >>> s = augmented_lagrangian(jnp.sum, jnp.array([2.0, 0.0]), inequality=circle)
      >>> print([f"{v:.3f}" for v in s.value.x], f"{s.value.multipliers.inequality[0]:.3f}")
      ['-1.000', '-1.000'] 0.500

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 17.4.
      A. R. Conn, N. I. M. Gould, P. L. Toint, "LANCELOT", 1992, section 3.4.
    """
    sides = (equality, inequality, lower, upper)
    return minimize_constrained(fun, x0, args, _METHOD, sides, tol, 0.5, max_steps)
