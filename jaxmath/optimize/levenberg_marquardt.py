"""Nonlinear least squares by Levenberg–Marquardt in a scaled trust region, after Moré."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath._loops import cond
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import safe_norm
from jaxmath.optimize._least_squares import (
    LinearModel,
    _problem,
    _tolerances,
    column_norms,
    damped_step,
    gradient_measure,
    linear_model,
    to_space,
    trial_status,
)
from jaxmath.optimize._solver import as_point, choose, donatable, or_one, solver
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["levenberg_marquardt", "levenberg_marquardt_init", "levenberg_marquardt_step"]


class LevenbergMarquardtState(NamedTuple):
    """The point with its model, the region, and how the last trial did.

    ``scale`` is D, each column's largest norm so far (0 before it has one); ``actual`` and
    ``predicted`` are the reductions of ‖r‖² by the last trial, relative to ‖r‖², and ``finite``
    tells whether r and J were finite there.
    """

    x: PyTree
    residual: Array
    model: LinearModel
    scale: Array
    radius: Array
    damping: Array
    error: Array
    actual: Array
    predicted: Array
    finite: Array
    num_fun: Array
    num_hess: Array


@donatable
@solver
def levenberg_marquardt_init(
    residual_fn: Callable, x0: PyTree, args: Any = ()
) -> LevenbergMarquardtState:
    """The starting state of Levenberg–Marquardt.

    ::

        Dⱼ = ‖Jⱼ‖,   Δ = 100 max(‖D x₀‖, √eps ‖r‖)  (100 ‖r‖ where x₀ is 0)

    Args:
        residual_fn: r(x, *args), a vector or a pytree of residuals.
        x0: starting point, an array or a pytree of one dtype.
        args: further arguments of ``residual_fn``.

    Returns:
        A ``LevenbergMarquardtState``.

    Numerics:
        One residual and one Jacobian.

    Example:
        >>> state = levenberg_marquardt_init(lambda x: 2.0 * x - 2.0, jnp.zeros(1))
        >>> f"{state.scale[0]:.1f} {state.radius:.1f}"
        '2.0 200.0'

    References:
        J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", 1978,
        algorithm 7.1.
    """
    problem = _problem(residual_fn, x0, args)
    x, r, J = problem.x, problem.residual(problem.x), problem.jacobian(problem.x)
    scale = column_norms(J)
    size, norm = safe_norm(scale * x), or_one(safe_norm(r))
    least = float(jnp.finfo(x.dtype).eps) ** 0.5 * norm
    radius = 100.0 * jnp.where(size > 0, jnp.maximum(size, least), norm)
    infinite, zero, one = jnp.full_like(radius, jnp.inf), jnp.zeros_like(radius), jnp.int32(1)
    finite = jnp.all(jnp.isfinite(r)) & jnp.all(jnp.isfinite(J))
    return LevenbergMarquardtState(
        problem.back(x), r, linear_model(J / or_one(scale)[None, :], r), scale, radius, zero,
        gradient_measure(J, r, x), infinite, infinite, finite, one, one,
    )  # fmt: skip


def _next_region(
    state: LevenbergMarquardtState, damping: Array, size: Array, slope: Array, actual: Array,
    predicted: Array, ratio: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Δ and λ after a trial of length ``size`` (Moré's algorithm 7.1, step e)."""
    radius = jnp.where(state.num_hess == 1, jnp.minimum(state.radius, size), state.radius)
    # The minimizer of the parabola through φ(0), φ'(0) and φ(1), kept within [1/10, 1/2].
    bend = jnp.where(actual >= 0, 0.5, 0.5 * slope / (slope - 0.5 * actual))
    shrink = jnp.where(ratio >= 10.0, 0.1, jnp.maximum(bend, 0.1))
    poor = actual <= 0.25 * predicted
    good = (damping == 0) | (actual >= 0.75 * predicted)
    smaller = shrink * jnp.minimum(radius, 10.0 * size)
    radius = jnp.where(poor, smaller, jnp.where(good, 2.0 * size, radius))
    damping = jnp.where(poor, damping / shrink, jnp.where(good, 0.5 * damping, damping))
    return radius, damping


@solver
def levenberg_marquardt_step(
    residual_fn: Callable, state: LevenbergMarquardtState, args: Any = ()
) -> LevenbergMarquardtState:
    """One trial step of Levenberg–Marquardt, accepted or not.

    ::

        (JᵀJ + λD²) p = −Jᵀr,   ‖D p‖ ≈ Δ or λ = 0
        ρ = (‖r(x)‖² − ‖r(x + p)‖²)/(‖r‖² − ‖r + J p‖² + λ‖D p‖²);   x ← x + p where ρ ≥ 10⁻⁴

    Args:
        residual_fn: r(x, *args).
        state: the ``LevenbergMarquardtState`` of the step before.
        args: further arguments of ``residual_fn``.

    Returns:
        The next state. A trial point where r or J is not finite is rejected.

    Numerics:
        One residual, and one Jacobian with its SVD where the trial reduces ‖r‖ (under vmap the
        machine computes it for every lane; the count is that of the lane's need).

    Example:
        >>> residual_fn = lambda x: 2.0 * x - 2.0
        >>> state = levenberg_marquardt_init(residual_fn, jnp.zeros(1))
        >>> f"{levenberg_marquardt_step(residual_fn, state).x[0]:.3f}"
        '1.000'

    References:
        J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", 1978,
        algorithm 7.1.
    """
    problem = _problem(residual_fn, state.x, args)
    x, norm = problem.x, or_one(safe_norm(state.residual))
    q, damping = damped_step(state.model, state.radius, state.damping)
    size = safe_norm(q)
    trial = x + to_space(state.model, q) / or_one(state.scale)
    r = problem.residual(trial)
    bent, held = (safe_norm(state.model.s * q) / norm) ** 2, (jnp.sqrt(damping) * size / norm) ** 2
    predicted, slope = bent + 2.0 * held, bent + held

    def evaluate(_: None) -> tuple:
        J = problem.jacobian(trial)
        scale = jnp.maximum(state.scale, column_norms(J))
        model = linear_model(J / or_one(scale)[None, :], r)
        return jnp.all(jnp.isfinite(J)), (trial, r, model, scale, gradient_measure(J, r, trial))

    kept = (x, state.residual, state.model, state.scale, state.error)
    ratio = safe_norm(r) / norm
    promising = 1.0 - ratio**2 >= 1e-4 * predicted
    finite, moved = cond(promising, evaluate, lambda _: (jnp.isfinite(ratio), kept), None)
    accepted = promising & finite
    point, kept_r, model, scale, error = choose(accepted, moved, kept)
    ratio = jnp.where(finite, ratio, jnp.inf)
    actual = jnp.where(ratio < 10.0, 1.0 - ratio**2, -1.0)
    radius, damping = _next_region(state, damping, size, slope, actual, predicted, ratio)
    return LevenbergMarquardtState(
        problem.back(point), kept_r, model, scale, radius, damping, error, actual, predicted,
        finite, state.num_fun + 1, state.num_hess + promising.astype(jnp.int32),
    )  # fmt: skip


@solver
def levenberg_marquardt(
    residual_fn: Callable,
    x0: PyTree,
    args: Any = (),
    *,
    ftol: Scalar | None = None,
    xtol: Scalar | None = None,
    gtol: Scalar | None = None,
    max_steps: int = 1000,
) -> Solution:
    """Nonlinear least squares by Levenberg–Marquardt, at the quality of MINPACK.

    ::

        min ½‖r(x)‖²:   p = argmin ‖r + J p‖ subject to ‖D p‖ ≤ Δ,   (JᵀJ + λD²) p = −Jᵀr
        Dⱼ = the largest ‖Jⱼ‖ so far

    Args:
        residual_fn: r(x, *args), a vector or a pytree of m residuals; m < n is allowed.
        x0: starting point of n numbers, an array or a pytree of one dtype.
        args: further arguments of ``residual_fn``, a tuple.
        ftol: the actual and the predicted relative reduction of ‖r‖² that count as none.
        xtol: the radius relative to ‖D x‖ that counts as none.
        gtol: the cosine between r and a column of J that counts as 0. None takes eps^⅔, each.
        max_steps: the limit on trial steps.

    Returns:
        A ``Solution`` whose error is maxⱼ |Jⱼᵀr|/(‖Jⱼ‖‖r‖), or 0 where ‖r‖ is at the noise
        eps·‖(‖Jⱼ‖xⱼ)ⱼ‖. CONVERGED: the error is at most ``gtol``, or both reductions are at most
        ``ftol`` with actual ≤ 2·predicted, or Δ ≤ ``xtol``·‖D x‖ (the three tests of MINPACK; a
        zero-residual problem usually ends by the last, with an error of order 1). STAGNATED: the
        last two hold with eps only, or after a trial that was no lower where error² > ``ftol``.
        NON_FINITE: r or J is not
        finite at ``x0``, or at every trial down to the least radius; INVALID_START: ``x0`` is not
        finite; MAX_STEPS. ``num_fun`` counts residuals, ``num_hess`` Jacobians.

    Numerics:
        λ comes from Moré's Newton iteration on 1/‖D p(λ)‖ = 1/Δ rather than Nielsen's update: Δ
        has the units of the variables, so the path depends on the scale of no variable, and full
        Gauss–Newton steps are taken as soon as they fit. The damped step is that of the augmented
        problem [J; √λ D], by the SVD of the triangular factor of J D⁻¹: the condition is not
        squared, one decomposition serves every λ, and where J loses rank the step is the one of
        least ‖D p‖. J by forward mode, reverse where m < n. Not differentiable in reverse mode.
        Cost a step: one r; one J and O(mn² + n³) after an accepted one.

    Example:
        >>> residual_fn = lambda x: jnp.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
        >>> solution = levenberg_marquardt(residual_fn, jnp.array([-1.2, 1.0]))
        >>> print([f"{v:.4f}" for v in solution.value], bool(solution.converged))
        ['1.0000', '1.0000'] True

    References:
        J. J. Moré, "The Levenberg-Marquardt algorithm: implementation and theory", 1978.
        J. J. Moré, B. S. Garbow, K. E. Hillstrom, "User guide for MINPACK-1", 1980, LMDER.
    """
    check_number("max_steps", max_steps, low=0, integer=True)
    start, back = as_point("x0", x0)
    tols = _tolerances(ftol, xtol, gtol, start.dtype)
    state, status, num_steps = iterate(
        lambda state: levenberg_marquardt_step(residual_fn, state, args),
        levenberg_marquardt_init(residual_fn, back(start), args),
        lambda state: trial_status(state, state.radius, tols),
        max_steps=max_steps,
    )
    status = jnp.where(jnp.all(jnp.isfinite(start)), status, Status.INVALID_START)
    return Solution(
        state.x, status, state.error, num_steps, num_fun=state.num_fun, num_hess=state.num_hess
    )
