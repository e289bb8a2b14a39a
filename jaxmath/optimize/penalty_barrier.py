"""Two classical references for constraints: the quadratic penalty and the logarithmic barrier.

Both minimize f plus a term in the constraints by BFGS, for a growing ρ. They are read more than
used: ``augmented_lagrangian`` reaches the solution at a moderate ρ.
"""

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
from jaxmath.optimize.augmented_lagrangian import penalized, shifted, unsatisfied
from jaxmath.typing import Array, PyTree, Scalar

__all__ = [
    "log_barrier",
    "log_barrier_init",
    "log_barrier_step",
    "quadratic_penalty",
    "quadratic_penalty_init",
    "quadratic_penalty_step",
]


def _begin(zeros: Array) -> Outer:
    """λ = 0 (and stays so), ρ = 1, ω = 1/ρ."""
    one = jnp.ones((), zeros.dtype)
    return Outer(zeros, one, one, jnp.zeros_like(one))


def _sharpen(outer: Outer, estimate: Array, violation: Array) -> Outer:
    """ρ ← 10ρ, ω ← 1/ρ."""
    del estimate, violation
    rho = jnp.minimum(10.0 * outer.penalty, highest(outer.penalty))
    return outer._replace(penalty=rho, tolerance=jnp.maximum(1.0 / rho, least(rho)))


def _barrier(slack: Array, outer: Outer, equal: Array) -> Array:
    """−(1/ρ) Σ log s; NaN outside, which the line search takes as too long a step."""
    del equal
    free = jnp.isinf(slack)
    logs = jnp.where(free, 0.0, jnp.log(jnp.where(free, 1.0, slack)))
    return -jnp.sum(logs) / outer.penalty


def _reciprocal(slack: Array, outer: Outer, equal: Array) -> Array:
    """λ = 1/(ρs) (Nocedal and Wright, equation 19.48)."""
    del equal
    return 1.0 / (outer.penalty * slack)


def _products(slack: Array, multipliers: Array, equal: Array) -> Array:
    """The largest λs."""
    del equal
    free = jnp.isinf(slack)
    return max_of(jnp.where(free, 0.0, multipliers * jnp.where(free, 0.0, slack)), initial=0.0)


# At λ = 0 the augmented Lagrangian is the quadratic penalty.
_PENALTY = Method(penalized, shifted, unsatisfied, _begin, _sharpen)
_BARRIER = Method(_barrier, _reciprocal, _products, _begin, _sharpen, inside=True)


@donatable
@solver
def quadratic_penalty_init(
    fun: Callable,
    x0: Array,
    args: tuple = (),
    *,
    equality: Callable | None = None,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
) -> ContinuationState:
    """The start of the quadratic penalty method.

    ::

        ρ = 1,   ω = 1/ρ

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
      >>> print(quadratic_penalty_init(jnp.sum, jnp.ones(2), lower=3.0).slack)
      [-2. -2.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, framework 17.1.
    """
    sides = (equality, inequality, lower, upper)
    return first(on_vectors(fun, x0, args, _PENALTY, sides), jnp.asarray(x0))


@solver
def quadratic_penalty_step(
    fun: Callable,
    state: ContinuationState,
    args: tuple = (),
    *,
    equality: Callable | None = None,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
) -> ContinuationState:
    """One evaluation of the inner BFGS; where that has ended, ten times the penalty.

    ::

        ‖∇Q‖ > ω:   a trial of BFGS on Q(·; ρ)
        else:       ρ ← 10ρ,   ω ← 1/ρ

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
      As ``quadratic_penalty``.

    Example:
      >>> state = quadratic_penalty_init(jnp.sum, jnp.ones(2), lower=3.0)
      >>> print(quadratic_penalty_step(jnp.sum, state, lower=3.0).inner.num_fun)
      2

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, framework 17.1.
    """
    sides = (equality, inequality, lower, upper)
    return following(on_vectors(fun, state.inner.x, args, _PENALTY, sides), state)


@partial(solver, data=("lower", "upper"))
def quadratic_penalty(
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
    """Minimize under constraints by a growing penalty on the squares of their violations.

    ::

        Q(x; ρ) = f(x) + (ρ/2) (‖h(x)‖² + ‖c(x)⁻‖²),   x(ρ) → x* as ρ → ∞
        λ_E ≈ −ρh,   λ_I ≈ ρc⁻

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype; it need not be feasible.
      args: further arguments of ``fun`` and the constraints.
      equality: h(x, *args), a scalar, a vector or any pytree; None for no such constraint.
      inequality: c(x, *args) with c ≥ 0 as in SciPy, alike.
      lower: l, a scalar or of the structure of ``x0``; None for −∞.
      upper: u, alike; None for ∞.
      tol: on the error of ``augmented_lagrangian``; None takes eps^(1/3), 6e-6 in double and
        5e-3 in single precision.
      max_steps: the limit on the steps of BFGS, all together; None takes 200 (n + constraints).

    Returns:
      A ``Solution`` as ``augmented_lagrangian`` gives it.

    Numerics:
      The violation is about λ/ρ, and the condition of ∇²Q grows with ρ: half the digits is what
      there is to have, which is why the augmented Lagrangian exists. x(ρ) is infeasible on the way.
      Statuses as in ``augmented_lagrangian``.

    Example:
      >>> circle = lambda x: 2.0 - jnp.sum(x**2)
      >>> s = quadratic_penalty(jnp.sum, jnp.array([2.0, 0.0]), inequality=circle)
      >>> print([f"{v:.2f}" for v in s.value.x], f"{s.value.multipliers.inequality[0]:.2f}")
      ['-1.00', '-1.00'] 0.50

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, framework 17.1.
      R. Courant, "Variational methods for the solution of problems of equilibrium", 1943.
    """
    sides = (equality, inequality, lower, upper)
    return minimize_constrained(fun, x0, args, _PENALTY, sides, tol, 1 / 3, max_steps)


@donatable
@solver
def log_barrier_init(
    fun: Callable,
    x0: Array,
    args: tuple = (),
    *,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
) -> ContinuationState:
    """The start of the logarithmic barrier method.

    ::

        μ = 1/ρ = 1,   ω = μ;   c(x₀) > 0,   l < x₀ < u

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,), strictly feasible.
      args: further arguments of ``fun`` and the constraints.
      inequality: c(x, *args) with c ≥ 0, None for no such constraint.
      lower: l, a scalar or a vector; None for −∞.
      upper: u, a scalar or a vector; None for ∞.

    Returns:
      A ``ContinuationState``; its status is INVALID_START where ``x0`` is not strictly feasible,
      INFEASIBLE where a lower bound is above an upper one.

    Numerics:
      One evaluation of f, its gradient and the constraints.

    Example:
      >>> print(log_barrier_init(jnp.sum, jnp.ones(2), lower=0.0).slack)
      [1. 1.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 19.6.
    """
    sides = (None, inequality, lower, upper)
    return first(on_vectors(fun, x0, args, _BARRIER, sides), jnp.asarray(x0))


@solver
def log_barrier_step(
    fun: Callable,
    state: ContinuationState,
    args: tuple = (),
    *,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
) -> ContinuationState:
    """One evaluation of the inner BFGS; where that has ended, a tenth of the barrier.

    ::

        ‖∇P‖ > ω:   a trial of BFGS on P(·; μ)
        else:       μ ← μ/10,   ω ← μ

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``ContinuationState`` so far.
      args: further arguments of ``fun`` and the constraints.
      inequality: c(x, *args) with c ≥ 0, None for no such constraint.
      lower: l, a scalar or a vector; None for −∞.
      upper: u, a scalar or a vector; None for ∞.

    Returns:
      The next ``ContinuationState``.

    Numerics:
      As ``log_barrier``.

    Example:
      >>> state = log_barrier_init(jnp.sum, jnp.ones(2), lower=0.0)
      >>> print(log_barrier_step(jnp.sum, state, lower=0.0).inner.num_fun)
      2

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 19.6.
    """
    sides = (None, inequality, lower, upper)
    return following(on_vectors(fun, state.inner.x, args, _BARRIER, sides), state)


@partial(solver, data=("lower", "upper"))
def log_barrier(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    inequality: Callable | None = None,
    lower: PyTree | None = None,
    upper: PyTree | None = None,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Minimize under inequalities from inside, by a barrier that shrinks.

    ::

        P(x; μ) = f(x) − μ Σᵢ log cᵢ(x),   x(μ) → x* as μ → 0,   λᵢ ≈ μ/cᵢ

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype, strictly feasible.
      args: further arguments of ``fun`` and the constraints.
      inequality: c(x, *args) with c ≥ 0, a scalar, a vector or any pytree; None for none.
      lower: l, a scalar or of the structure of ``x0``; None for −∞. Counts as c = x − l.
      upper: u, alike; None for ∞.
      tol: on the error; None takes eps^(1/3), 6e-6 in double and 5e-3 in single precision.
      max_steps: the limit on the steps of BFGS, all together; None takes 200 (n + constraints).

    Returns:
      A ``Solution`` as ``augmented_lagrangian`` gives it; every point on the way is strictly
      feasible, and the multipliers are positive.

    Numerics:
      error = max(maxᵢ|∂L/∂xᵢ|·max(|xᵢ|, 1)/max(|P|, 1), μ/max(1, ‖x‖)), μ being every λᵢcᵢ. f at
      the minimizer of P is within mμ of the minimum of a convex problem with m constraints. A trial
      outside the feasible set is too long a step. INVALID_START where the start is not strictly
      feasible, INFEASIBLE where a lower bound is above an upper one; UNBOUNDED where P falls
      without bound; other statuses as in ``augmented_lagrangian``.

    Example:
      >>> circle = lambda x: 2.0 - jnp.sum(x**2)
      >>> s = log_barrier(jnp.sum, jnp.array([0.5, 0.0]), inequality=circle)
      >>> print([f"{v:.2f}" for v in s.value.x], f"{s.value.multipliers.inequality[0]:.2f}")
      ['-1.00', '-1.00'] 0.50

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 19.6.
      A. V. Fiacco, G. P. McCormick, "Nonlinear Programming", 1968.
    """
    sides = (None, inequality, lower, upper)
    return minimize_constrained(fun, x0, args, _BARRIER, sides, tol, 1 / 3, max_steps)
