"""Nonlinear least squares by Gauss–Newton, damped by backtracking."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath._loops import cond, while_loop
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import safe_norm
from jaxmath.optimize._least_squares import (
    Problem,
    _problem,
    _tolerance,
    column_norms,
    damped,
    linear_model,
    to_space,
)
from jaxmath.optimize._solver import as_point, donatable, or_one, solver
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["gauss_newton", "gauss_newton_init", "gauss_newton_step"]


class GaussNewtonState(NamedTuple):
    """The point, the direction from it as a vector, and its measures.

    ``offset`` is ‖J p‖/‖r‖, ``error`` is ‖J p‖/max(‖r‖, √eps·‖D x‖), ``improved`` tells whether the
    last step made ‖r‖ smaller or, where that is rounding, the error.
    """

    x: PyTree
    residual: Array
    direction: Array
    offset: Array
    error: Array
    improved: Array
    num_fun: Array
    num_hess: Array


def _aim(problem: Problem, x: Array, r: Array) -> tuple[Array, Array, Array]:
    """p = −J⁺r with its offset and error."""
    J = problem.jacobian(x)
    lengths = column_norms(J)
    scale = or_one(lengths)
    model = linear_model(J / scale[None, :], r)
    q = damped(model, jnp.zeros((), x.dtype))
    reach, norm, length = safe_norm(model.s * q), safe_norm(r), safe_norm(lengths * x)
    eps = float(jnp.finfo(x.dtype).eps)
    error = reach / or_one(jnp.maximum(norm, eps**0.5 * length))
    error = jnp.where(norm <= eps * length, 0.0, error)
    bad = ~jnp.all(jnp.isfinite(J))
    return to_space(model, q) / scale, reach / or_one(norm), jnp.where(bad, jnp.nan, error)


def _rounding(r: Array) -> float:
    """The relative change of ‖r‖² that rounding alone may make."""
    return 4 * r.size * float(jnp.finfo(r.dtype).eps)


@donatable
@solver
def gauss_newton_init(residual_fn: Callable, x0: PyTree, args: Any = ()) -> GaussNewtonState:
    """The starting state of Gauss–Newton, with its first direction.

    ::

        p = −J⁺ r

    Args:
        residual_fn: r(x, *args), a vector or a pytree of residuals.
        x0: starting point, an array or a pytree of one dtype.
        args: further arguments of ``residual_fn``.

    Returns:
        A ``GaussNewtonState``.

    Numerics:
        One residual and one Jacobian.

    Example:
        >>> print(gauss_newton_init(lambda x: 2.0 * x - 2.0, jnp.zeros(1)).direction)
        [1.]

    References:
        J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, equation (10.23).
    """
    problem = _problem(residual_fn, x0, args)
    r, one = problem.residual(problem.x), jnp.int32(1)
    aim = _aim(problem, problem.x, r)
    return GaussNewtonState(problem.back(problem.x), r, *aim, jnp.asarray(True), one, one)


@solver
def gauss_newton_step(
    residual_fn: Callable, state: GaussNewtonState, args: Any = ()
) -> GaussNewtonState:
    """One step of Gauss–Newton: a line search along −J⁺r, then the next direction.

    ::

        x ← x + t p,   t = 1, ½, ¼ … until ‖r(x + t p)‖² ≤ ‖r‖² − 2·10⁻⁴ t ‖J p‖²
        where ‖J p‖² ≤ 4m·eps·‖r‖², which is rounding: t = 1 if ‖r‖² does not grow by more

    Args:
        residual_fn: r(x, *args).
        state: the ``GaussNewtonState`` of the step before.
        args: further arguments of ``residual_fn``.

    Returns:
        The next state; the same point where no t with t·‖J p‖² > eps·‖r‖² is good enough. A
        trial where r is not finite is too long a step.

    Numerics:
        One residual a trial, one Jacobian after a successful search.

    Example:
        >>> residual_fn = lambda x: 2.0 * x - 2.0
        >>> print(gauss_newton_step(residual_fn, gauss_newton_init(residual_fn, jnp.zeros(1))).x)
        [1.]

    References:
        J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 3.1 and
        equation (10.23).
    """
    problem = _problem(residual_fn, state.x, args)
    x, p, norm = problem.x, state.direction, or_one(safe_norm(state.residual))
    fall, eps = state.offset**2, float(jnp.finfo(problem.x.dtype).eps)
    noise = _rounding(state.residual)
    late = fall <= noise

    def good(t: Array, r: Array) -> Array:
        return (safe_norm(r) / norm) ** 2 <= jnp.where(late, 1.0 + noise, 1.0 - 2e-4 * t * fall)

    def searching(carry: tuple) -> Array:
        t, r, _ = carry
        return ~good(t, r) & (t * fall > eps) & ~late

    def halve(carry: tuple) -> tuple:
        t, _, count = carry
        return 0.5 * t, problem.residual(x + 0.5 * t * p), count + 1

    first = (jnp.ones_like(norm), problem.residual(x + p), state.num_fun + 1)
    t, r, num_fun = while_loop(searching, halve, first)
    found = good(t, r)
    x, r = jnp.where(found, x + t * p, x), jnp.where(found, r, state.residual)
    same = (p, state.offset, state.error)
    p, offset, error = cond(found, lambda: _aim(problem, x, r), lambda: same)
    num_hess = state.num_hess + found.astype(jnp.int32)
    found &= ~late | ~(error >= state.error)
    return GaussNewtonState(problem.back(x), r, p, offset, error, found, num_fun, num_hess)


@solver
def gauss_newton(
    residual_fn: Callable,
    x0: PyTree,
    args: Any = (),
    *,
    tol: Scalar | None = None,
    max_steps: int = 200,
) -> Solution:
    """Nonlinear least squares by Gauss–Newton with backtracking.

    ::

        min ½‖r(x)‖²:   p = −J⁺r = argmin ‖r + J p‖,   x ← x + t p

    Args:
        residual_fn: r(x, *args), a vector or a pytree of m residuals; m < n is allowed.
        x0: starting point of n numbers, an array or a pytree of one dtype.
        args: further arguments of ``residual_fn``, a tuple.
        tol: the error to reach; None takes 4√eps, where ‖J p‖² = 16·eps·‖r‖² is left to gain.
        max_steps: the limit on steps, each with its line search.

    Returns:
        A ``Solution`` whose error is ‖J p‖/max(‖r‖, √eps·‖D x‖), Dⱼ = ‖Jⱼ‖: the part of the
        residual that the linear model would still remove (the relative offset of Bates and
        Watts), or 0 where ‖r‖ ≤ eps·‖D x‖, its noise. CONVERGED: it is at most ``tol``.
        LINE_SEARCH_FAILED: no step along p reduced ‖r‖. STAGNATED: ‖J p‖² ≤ 4m·eps·‖r‖², and the
        last step made the error no smaller. NON_FINITE: r or J is not finite at the value.
        INVALID_START: ``x0`` is not finite. MAX_STEPS. ``num_fun`` counts residuals, line
        searches included, ``num_hess`` Jacobians.

    Numerics:
        The step comes from QR and SVD of J with columns of length 1 (no normal equations), the
        shortest such step where J loses rank, so the path depends on the scale of no variable.
        Quadratic convergence where the residual at the solution is 0, linear with ratio
        ~‖r‖·curvature else, and none where that exceeds 1 or J loses rank far from the solution:
        ``levenberg_marquardt`` is the safe choice. Not differentiable in reverse mode. Cost a
        step: one J, O(mn² + n³), and one r a trial.

    Example:
        >>> residual_fn = lambda x: jnp.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])
        >>> solution = gauss_newton(residual_fn, jnp.array([-1.2, 1.0]))
        >>> print([f"{v:.4f}" for v in solution.value], bool(solution.converged))
        ['1.0000', '1.0000'] True

    References:
        D. M. Bates, D. G. Watts, "A relative offset orthogonality convergence criterion for
        nonlinear least squares", 1981.
        J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 10.3.
    """
    check_number("max_steps", max_steps, low=0, integer=True)
    start, back = as_point("x0", x0)
    tol = _tolerance("tol", tol, start.dtype, 0.5, 4.0)
    state, status, num_steps = iterate(
        lambda state: gauss_newton_step(residual_fn, state, args),
        gauss_newton_init(residual_fn, back(start), args),
        lambda state: _status(state, tol),
        max_steps=max_steps,
    )
    status = jnp.where(jnp.all(jnp.isfinite(start)), status, Status.INVALID_START)
    return Solution(
        state.x, status, state.error, num_steps, num_fun=state.num_fun, num_hess=state.num_hess
    )


def _status(state: GaussNewtonState, tol: Array) -> Array:
    failed = jnp.where(
        state.offset**2 <= _rounding(state.residual), Status.STAGNATED, Status.LINE_SEARCH_FAILED
    )
    status = jnp.where(state.improved, Status.RUNNING, failed)
    status = jnp.where(state.error <= tol, Status.CONVERGED, status)
    return jnp.where(jnp.isfinite(state.error), status, Status.NON_FINITE)
