"""Nonlinear least squares within bounds by the trust-region reflective method."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath._loops import cond
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import dot, safe_norm
from jaxmath.optimize._box import Box, contains, feasible, pair_box
from jaxmath.optimize._least_squares import (
    LinearModel,
    _problem,
    _tolerance,
    _tolerances,
    column_norms,
    damped_step,
    to_space,
    trial_status,
)
from jaxmath.optimize._reflection import (
    arrived,
    best_step,
    into,
    linear_part,
    optimality,
    quadratic_model,
    transposed,
)
from jaxmath.optimize._solver import as_point, choose, donatable, or_one, solver
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = [
    "trust_region_reflective",
    "trust_region_reflective_init",
    "trust_region_reflective_step",
]


_PATIENCE = 5  # trials that change neither ‖r‖ nor the error, before the end


class TrustRegionReflectiveState(NamedTuple):
    """The point, within the bounds, with its model, the region, and the last trial.

    ``residual`` and ``jacobian`` are over ``unit`` = ‖r(x₀)‖, and ``scale`` is D; ``actual`` and
    ``predicted`` are reductions of ‖r‖² relative to ‖r‖², ``moved`` is ‖D p‖ of the last trial,
    ``finite`` tells whether r and J were finite there, and the region not cut since they were not;
    ``quiet`` counts the trials since ‖r‖ fell by more than rounding, or the error below nine tenths
    of ``least``, its least since then.
    """

    x: PyTree
    residual: Array
    jacobian: Array
    model: LinearModel
    scale: Array
    unit: Array
    radius: Array
    damping: Array
    error: Array
    actual: Array
    predicted: Array
    moved: Array
    finite: Array
    least: Array
    quiet: Array
    num_fun: Array
    num_hess: Array


@donatable
@solver
def trust_region_reflective_init(
    residual_fn: Callable, x0: PyTree, args: Any = (), *, bounds: Any = (-jnp.inf, jnp.inf)
) -> TrustRegionReflectiveState:
    """The starting state of the trust-region reflective method.

    ::

        Dⱼ = ‖Jⱼ‖,   vⱼ = Dⱼ·(distance to the bound that −gⱼ leads to), ‖r‖ without one,
        Δ = ‖D x₀/√v‖, at least 100 √eps ‖r‖

    Args:
        residual_fn: r(x, *args), a vector or a pytree of residuals.
        x0: starting point, an array or a pytree of one dtype.
        args: further arguments of ``residual_fn``.
        bounds: lower and upper bounds, each a number or shaped like ``x0``.

    Returns:
        A ``TrustRegionReflectiveState``; x is ``x0`` moved strictly inside the bounds.

    Numerics:
        One residual and one Jacobian.

    Example:
        >>> state = trust_region_reflective_init(lambda x: x - 2.0, jnp.zeros(1), bounds=(0.0, 1.0))
        >>> bool(state.x[0] > 0.0), f"{state.x[0]:.3f}"
        (True, '0.000')

    References:
        M. A. Branch, T. F. Coleman, Y. Li, "A subspace, interior, and conjugate gradient method
        for large-scale bound-constrained minimization problems", 1999, section 2.
    """
    problem = _problem(residual_fn, x0, args)
    box = pair_box(bounds, problem.x, ("x0", x0))
    x = into(problem.x, box)
    r = problem.residual(x)
    unit = or_one(safe_norm(r))
    r, J = r / unit, jnp.where(box.lower < box.upper, problem.jacobian(x) / unit, 0.0)
    scale = column_norms(J)
    quadratic = quadratic_model(x, r, J, scale, box)
    radius = safe_norm(scale * x / or_one(quadratic.d * or_one(scale)))
    least = 100.0 * float(jnp.finfo(x.dtype).eps) ** 0.5  # as ‖r‖ is 1
    radius = jnp.where(radius > 0, jnp.maximum(radius, least), 1.0)
    infinite, one = jnp.full_like(radius, jnp.inf), jnp.int32(1)
    finite = jnp.all(jnp.isfinite(r)) & jnp.all(jnp.isfinite(J))
    return TrustRegionReflectiveState(
        problem.back(x), r, J, linear_part(quadratic, r), scale, unit, radius,
        jnp.zeros_like(radius), optimality(x, r, J, box), infinite, infinite, infinite,
        finite, infinite, jnp.int32(0), one, one,
    )  # fmt: skip


@solver
def trust_region_reflective_step(
    residual_fn: Callable,
    state: TrustRegionReflectiveState,
    args: Any = (),
    *,
    bounds: Any = (-jnp.inf, jnp.inf),
) -> TrustRegionReflectiveState:
    """One trial step of the trust-region reflective method, accepted or not.

    ::

        q = argmin ½‖[J d; √C] q + [r; 0]‖² subject to ‖q‖ ≤ Δ,   d = √v/D,   p = d q
        x ← x + the best of: θ·p to the bound, p reflected there, θ·(−d²g) to the bound;
        xⱼ ← its bound where that is nine tenths of the way there along −gⱼ, or all but rounding

    Args:
        residual_fn: r(x, *args).
        state: the ``TrustRegionReflectiveState`` of the step before.
        args: further arguments of ``residual_fn``.
        bounds: lower and upper bounds, as in the start.

    Returns:
        The next state. A trial point where r or J is not finite is rejected.

    Numerics:
        One residual, and one Jacobian with its SVD where the trial reduces ‖r‖, or leaves it as
        it was to rounding: there −½(g(x) + g(x + p))ᵀp is the reduction.

    Example:
        >>> residual_fn, bounds = lambda x: x - 2.0, (0.0, 1.0)
        >>> state = trust_region_reflective_init(residual_fn, jnp.full(1, 0.5), bounds=bounds)
        >>> state = trust_region_reflective_step(residual_fn, state, bounds=bounds)
        >>> bool(0.5 < state.x[0] < 1.0)
        True

    References:
        M. A. Branch, T. F. Coleman, Y. Li, "A subspace, interior, and conjugate gradient method
        for large-scale bound-constrained minimization problems", 1999, section 2.
    """
    problem = _problem(residual_fn, state.x, args)
    x, box = problem.x, pair_box(bounds, problem.x, ("state.x", state.x))
    norm, unit, free = or_one(safe_norm(state.residual)), state.unit, box.lower < box.upper
    quadratic = quadratic_model(x, state.residual, state.jacobian, state.scale, box)
    q, damping = damped_step(state.model, state.radius, state.damping)
    theta = jnp.maximum(0.995, 1.0 - state.error)
    q, fall = best_step(x, to_space(state.model, q), quadratic, box, state.radius, theta)
    g = transposed(state.jacobian, state.residual)
    trial = arrived(x, g, x + quadratic.d * q, state.residual, state.jacobian, box)
    r = problem.residual(trial) / unit

    def evaluate(_: None) -> tuple:
        J = jnp.where(free, problem.jacobian(trial) / unit, 0.0)
        scale = jnp.maximum(state.scale, column_norms(J))
        model = linear_part(quadratic_model(trial, r, J, scale, box), r)
        fall = -dot((g + transposed(J, r)) / norm, trial - x) / norm
        new = (trial, r, J, model, scale, optimality(trial, r, J, box))
        return jnp.all(jnp.isfinite(J)), fall, new

    kept = (x, state.residual, state.jacobian, state.model, state.scale, state.error)
    ratio, eps = safe_norm(r) / norm, float(jnp.finfo(x.dtype).eps)
    # Where ‖r‖ cannot tell the difference, the slopes at both ends can.
    flat = jnp.abs(ratio - 1.0) <= 4.0 * eps
    promising = (ratio < 1.0) | flat
    nothing = lambda _: (jnp.isfinite(ratio), jnp.zeros_like(norm), kept)
    finite, slopes, moved = cond(promising, evaluate, nothing, None)
    actual = jnp.where(finite & (ratio < 10.0), 1.0 - ratio**2, -1.0)
    actual = jnp.where(finite & flat, slopes, actual)
    point, kept_r, J, model, scale, error = choose(actual > 0.0, moved, kept)
    predicted, size = 2.0 * fall / norm**2, safe_norm(q)
    # A region that r not finite has cut stays suspect until a step does not need its bound.
    finite = finite & (state.finite | (size < 0.85 * state.radius))
    longer = jnp.where((actual > 0.75 * predicted) & (size > 0.85 * state.radius), 2.0, 1.0)
    radius = jnp.where(actual >= 0.25 * predicted, longer * state.radius, 0.25 * size)
    length = safe_norm(state.scale * (trial - x))
    damping = damping * state.radius / or_one(radius)
    fell = jnp.maximum(jnp.abs(actual), predicted) > eps
    quiet = jnp.where(fell | (error < 0.9 * state.least), 0, state.quiet + 1)
    least = jnp.where(fell, error, jnp.minimum(error, state.least))
    return TrustRegionReflectiveState(
        problem.back(point), kept_r, J, model, scale, unit, radius, damping, error, actual,
        predicted, length, finite, least, quiet, state.num_fun + 1,
        state.num_hess + promising.astype(jnp.int32),
    )  # fmt: skip


def _status(state: TrustRegionReflectiveState, tols: tuple[Array, Array, Array]) -> Array:
    status = trial_status(state, state.moved, tols, patient=True)
    quiet = (status == Status.RUNNING) & (state.quiet >= _PATIENCE)
    return jnp.where(quiet, Status.STAGNATED, status)


@partial(solver, data=("bounds",))
def trust_region_reflective(
    residual_fn: Callable,
    x0: PyTree,
    args: Any = (),
    *,
    bounds: Any = (-jnp.inf, jnp.inf),
    ftol: Scalar | None = None,
    xtol: Scalar | None = None,
    gtol: Scalar | None = None,
    max_steps: int = 1000,
) -> Solution:
    """Nonlinear least squares within bounds, by the trust-region reflective method.

    ::

        min ½‖r(x)‖² subject to l ≤ x ≤ u;   at a solution v ∘ Jᵀr = 0, where vⱼ is the distance
        to the bound that −gⱼ leads to

    Args:
        residual_fn: r(x, *args), a vector or a pytree of m residuals; m < n is allowed.
        x0: starting point of n numbers, an array or a pytree of one dtype.
        args: further arguments of ``residual_fn``, a tuple.
        bounds: lower and upper bounds, each a number or shaped like ``x0``; ±∞ is no bound, and
            equal bounds hold a variable fixed.
        ftol: the actual and the predicted relative reduction of ‖r‖² that count as none; None
            takes eps^(4/3), as a reduction is the square of an error.
        xtol: the length ‖D p‖ of a trial step relative to ‖D x‖ that counts as none; None takes
            eps^⅔.
        gtol: the error that counts as 0; None takes eps^⅔.
        max_steps: the limit on trial steps.

    Returns:
        A ``Solution`` whose error is ‖v∘g‖_∞/‖r‖², v the distance to the bound that −gⱼ leads to
        but at most ‖r‖/‖Jⱼ‖: the first-order optimality of Coleman and Li, without units, and
        the cosine of ``levenberg_marquardt`` where no bound is near; 0 where ‖r‖ is at its noise.
        CONVERGED: the error is at most ``gtol``, or both reductions are at most ``ftol`` with
        actual ≤ 2·predicted, or ‖D p‖ ≤ ``xtol``·‖D x‖. STAGNATED: the last holds with eps only,
        or one of both after a trial that was no lower where error² > ``ftol``, or 5 trials changed
        neither ‖r‖² nor the error by more than rounding. NON_FINITE, MAX_STEPS as in
        ``levenberg_marquardt``.
        INFEASIBLE: a lower bound is above its upper one. INVALID_START: ``x0`` is not finite or
        outside the bounds. The last two return ``x0`` after no step. ``num_fun`` counts residuals,
        ``num_hess`` Jacobians.

    Numerics:
        Every point at which r is evaluated lies within the bounds, strictly but for a variable that
        went nine tenths of the way to the bound that −g leads to, or whose distance to one is
        rounding in each residual: it is put on that bound, and stays while −g leads out of it, so
        that bounds are reached exactly (SciPy's points only approach them), those too whose
        multiplier is 0. A start closer to a bound than √eps of the interval (of max(1, |bound|)
        where there is one bound) is moved inside by that. D is the largest norm of each column so
        far, so the path depends on the scale of no variable (SciPy's ``x_scale="jac"``, not its
        default 1). The step is that of [J d; √C] by QR and SVD: the condition is not squared. Not
        differentiable in reverse mode. Cost a step: one r; one J and O(mn² + n³) after an accepted
        one.

    Example:
        >>> residual_fn = lambda x: jnp.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
        >>> solution = trust_region_reflective(
        ...     residual_fn, jnp.array([-1.2, 1.0]), bounds=(-2.0, jnp.array([0.5, 2.0])))
        >>> print([f"{v:.4f}" for v in solution.value], bool(solution.converged))
        ['0.5000', '0.2500'] True

    References:
        M. A. Branch, T. F. Coleman, Y. Li, "A subspace, interior, and conjugate gradient method
        for large-scale bound-constrained minimization problems", 1999.
        T. F. Coleman, Y. Li, "An interior trust region approach for nonlinear minimization
        subject to bounds", 1996.
        M. Heinkenschloss, M. Ulbrich, S. Ulbrich, "Superlinear and quadratic convergence of
        affine-scaling interior-point Newton methods for problems with simple bounds without
        strict complementarity assumption", 1999 (bounds whose multiplier is 0).
    """
    check_number("max_steps", max_steps, low=0, integer=True)
    start, back = as_point("x0", x0)
    box = pair_box(bounds, start, ("x0", x0))
    tols = _tolerances(ftol, xtol, gtol, start.dtype)
    # A reduction is the square of an error.
    tols = (_tolerance("ftol", ftol, start.dtype, 4 / 3), *tols[1:])
    valid = contains(box, start)
    refused = jnp.where(feasible(box), Status.INVALID_START, Status.INFEASIBLE)
    safe = Box(*(jnp.where(valid, bound, side) for bound, side in
                 zip(box, (-jnp.inf, jnp.inf), strict=True)))  # fmt: skip
    within = tuple(map(back, safe))
    state, status, num_steps = iterate(
        lambda state: trust_region_reflective_step(residual_fn, state, args, bounds=within),
        trust_region_reflective_init(residual_fn, back(start), args, bounds=within),
        lambda state: jnp.where(valid, _status(state, tols), refused),
        max_steps=max_steps,
    )
    return Solution(
        state.x, status, state.error, num_steps, num_fun=state.num_fun, num_hess=state.num_hess
    )
