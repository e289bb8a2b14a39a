"""Minimization over a convex set that one can project onto: spectral projected gradient."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from jaxmath._extrema import max_of
from jaxmath._loops import while_loop
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import dot, safe_divide
from jaxmath.optimize._solver import as_point, donatable, objective, solver, vector_map
from jaxmath.typing import Array, ArrayLike, PyTree, check_number

__all__ = ["projected_gradient", "projected_gradient_init", "projected_gradient_step"]

_ARMIJO = 1e-4


class ProjectedGradientState(NamedTuple):
    """Where the method stands.

    ::

        error = ‖P(x − g) − x‖_∞

    ``history`` holds the last values of f, ``step`` is α, and ``status`` is RUNNING, or how the
    method ended other than by converging.
    """

    x: Array
    value: Array
    gradient: Array
    history: Array
    step: Array
    error: Array
    status: Array
    num_fun: Array
    num_grad: Array


def _measure(project: Callable, x: Array, g: Array) -> Array:
    return max_of(jnp.abs(project(x - g) - x))


@donatable
@solver
def projected_gradient_init(
    fun: Callable,
    x0: ArrayLike,
    projection: Callable,
    args: tuple = (),
    *,
    memory: int = 10,
) -> ProjectedGradientState:
    """The starting state of the spectral projected gradient method.

    ::

        x = P(x₀),   α = 1/‖P(x − ∇f(x)) − x‖_∞

    Args:
      fun: f(x, *args), from a vector to a real scalar, differentiable.
      x0: starting point, shape (n,); it is projected first.
      projection: P, from a vector to the nearest point of the set.
      args: further arguments of ``fun``.
      memory: M, how many values the line search looks back on; 1 is monotone.

    Returns:
      A ``ProjectedGradientState``.

    Numerics:
      One value, one gradient, two projections. The status is INVALID_START where x₀ is not finite,
      INFEASIBLE where P(x₀) is not, NON_FINITE where f or its gradient is not.

    Example:
      >>> f, P = lambda x: jnp.sum((x - 2.0) ** 2), lambda x: jnp.clip(x, 0.0, 1.0)
      >>> print(projected_gradient_init(f, jnp.array([-1.0, 0.5]), P).x)
      [0.  0.5]

    References:
      E. G. Birgin, J. M. Martínez, M. Raydan, "Nonmonotone spectral projected gradient methods on
      convex sets", 2000, section 2.
    """
    check_number("memory", memory, low=1, integer=True)
    start, _ = as_point("x0", x0)
    project = vector_map("projection", projection)
    x = project(start)
    value, gradient = jax.value_and_grad(objective(fun, args))(x)
    error = _measure(project, x, gradient)
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    status = jnp.where(finite, Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(jnp.all(jnp.isfinite(x)), status, Status.INFEASIBLE)
    status = jnp.where(jnp.all(jnp.isfinite(start)), status, Status.INVALID_START)
    history = jnp.full((memory,), value)
    step = jnp.where(error > 0, safe_divide(jnp.ones_like(error), error), 1.0)
    one = jnp.int32(1)
    return ProjectedGradientState(
        x, value, gradient, history, step, error, status.astype(jnp.int32), one, one
    )


def _search(f: Callable, point: Callable, start: Array, slope: Array, ceiling: Array) -> tuple:
    """t, f there and the number of values: backtracking by quadratic interpolation."""
    eps = float(jnp.finfo(start.dtype).eps)
    slack = 4.0 * eps * jnp.abs(ceiling)

    def enough(t: Array, value: Array) -> Array:
        return value <= ceiling + _ARMIJO * t * slope + slack

    def shorten(trial: tuple) -> tuple:
        t, value, count = trial
        bend = value - start - t * slope
        best = safe_divide(-0.5 * t * t * slope, bend)
        # 0.1 itself, as in the paper: with 0.1 t, steps get short and four times as many.
        t = jnp.where((best >= 0.1) & (best <= 0.9 * t), best, 0.5 * t)
        return t, f(point(t)), count + 1

    one = jnp.ones((), start.dtype)
    live = jnp.isfinite(ceiling + slope)  # a lane that has ended is stepped too
    t, value, count = while_loop(
        lambda trial: live & ~enough(*trial[:2]) & (trial[0] > eps**2),
        shorten,
        (one, f(point(one)), jnp.int32(1)),
    )
    return t, value, count, enough(t, value)


@solver
def projected_gradient_step(
    fun: Callable, state: ProjectedGradientState, projection: Callable, args: tuple = ()
) -> ProjectedGradientState:
    """One step of the spectral projected gradient method.

    ::

        d = P(x − αg) − x,   x ← x + t d,   f(x + t d) ≤ max(last M values) + 10⁻⁴ t gᵀd
        α = sᵀs/sᵀy,   s = x⁺ − x,   y = g⁺ − g

    Args:
      fun: f(x, *args), from a vector to a real scalar, differentiable.
      state: the ``ProjectedGradientState`` of the step before.
      projection: P, from a vector to the nearest point of the set.
      args: further arguments of ``fun``.

    Returns:
      The next ``ProjectedGradientState``; where no t > eps² will do, x stays and the status tells.

    Numerics:
      Where sᵀy ≤ 0, α grows tenfold (the paper takes a fixed largest α). The search passes an
      increase of 4·eps·|f|, which is rounding. A value for each t, one gradient, two projections.

    Example:
      >>> f, P = lambda x: jnp.sum((x - 2.0) ** 2), lambda x: jnp.clip(x, 0.0, 1.0)
      >>> state = projected_gradient_init(f, jnp.array([-1.0, 0.5]), P)
      >>> print(projected_gradient_step(f, state, P).x)
      [1. 1.]

    References:
      E. G. Birgin, J. M. Martínez, M. Raydan, "Nonmonotone spectral projected gradient methods on
      convex sets", 2000, algorithm 2.2.
    """
    f, project, limits = (
        objective(fun, args),
        vector_map("projection", projection),
        jnp.finfo(state.x.dtype),
    )
    x, g = state.x, state.gradient
    target = project(x - state.step * g)
    d = target - x
    slope, ceiling = dot(g, d), jnp.max(state.history)
    # The whole step is the projection itself, which keeps bounds exactly.
    point = lambda t: jnp.where(t == 1, target, x + t * d)
    t, value, count, found = _search(f, point, state.value, slope, ceiling)
    moved = jnp.where(found, point(t), x)
    gradient = jax.grad(f)(moved)
    s, y = moved - x, gradient - g
    curvature = dot(s, y)
    step = jnp.where(curvature > 0, safe_divide(dot(s, s), curvature), 10.0 * state.step)
    small = -slope <= 16.0 * float(limits.eps) * jnp.abs(ceiling)
    still = jnp.where(found, jnp.all(moved == x), small)
    reason = jnp.where(still, Status.STAGNATED, Status.RUNNING)
    reason = jnp.where(found | still, reason, Status.LINE_SEARCH_FAILED)
    reason = jnp.where(jnp.all(jnp.isfinite(gradient)), reason, Status.NON_FINITE)
    # A little before the end of the range, where the gradient may overflow first.
    endless = found & (value < -0.01 * float(limits.max))
    reason = jnp.where(endless, Status.UNBOUNDED, reason)
    value = jnp.where(found, value, state.value)
    return ProjectedGradientState(
        moved,
        value,
        gradient,
        jnp.concatenate([state.history[1:], value[None]]),
        jnp.clip(step, float(limits.tiny), float(limits.max)),
        _measure(project, moved, gradient),
        reason.astype(jnp.int32),
        state.num_fun + count,
        state.num_grad + 1,
    )


@solver
def projected_gradient(
    fun: Callable,
    x0: PyTree,
    projection: Callable,
    args: tuple = (),
    *,
    tol: float | None = None,
    max_steps: int = 1000,
    memory: int = 10,
) -> Solution:
    """Minimum over a convex set that one can project onto, by spectral projected gradient.

    ::

        minimize f(x) over x ∈ C;   xₖ₊₁ = xₖ + tₖ (P(xₖ − αₖ∇f(xₖ)) − xₖ)
        x is stationary  ⟺  P(x − ∇f(x)) = x

    Args:
      fun: f(x, *args), from the point to a real scalar, differentiable.
      x0: starting point, a vector or any pytree of one real dtype; it is projected first.
      projection: P, from a point to the nearest of C, such as ``project_simplex``; data in it may
        be bound by ``jax.tree_util.Partial``, which keeps one program for all of its values.
      args: further arguments of ``fun``.
      tol: ‖P(x − ∇f(x)) − x‖_∞ to reach, not relative to f or x; None takes √eps.
      max_steps: the limit on steps.
      memory: M, how many values the line search looks back on; 1 is monotone.

    Returns:
      A ``Solution`` with the last point, in C, and with error ‖P(x − ∇f(x)) − x‖_∞. Its status is
      CONVERGED; STAGNATED, where neither x nor f changes beyond rounding; LINE_SEARCH_FAILED;
      UNBOUNDED, f below −max/100; MAX_STEPS; INFEASIBLE, P(x₀) is not finite (an empty set);
      NON_FINITE; INVALID_START.

    Numerics:
      The Barzilai–Borwein step makes it many times faster than a fixed one at the same cost: each
      step takes one gradient, two projections, and mostly one value. The limit is a minimum where
      f is convex, a stationary point elsewhere.

    Example:
      >>> f = lambda x: jnp.sum((x - jnp.array([1.0, 0.8, -1.0])) ** 2)
      >>> P = lambda x: x / jnp.maximum(1.0, jnp.linalg.norm(x))
      >>> solution = projected_gradient(f, jnp.zeros(3), P)
      >>> print([f"{v:.4f}" for v in solution.value], bool(solution.converged))
      ['0.6155', '0.4924', '-0.6155'] True

    References:
      E. G. Birgin, J. M. Martínez, M. Raydan, "Nonmonotone spectral projected gradient methods on
      convex sets", 2000, algorithm 2.2.
      J. Barzilai, J. M. Borwein, "Two-point step size gradient methods", 1988, equation (5).
    """
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    x, back = as_point("x0", x0)
    vector_map("projection", projection)
    f, P = (lambda x, *args: fun(back(x), *args)), lambda x: ravel_pytree(projection(back(x)))[0]
    limit = jnp.asarray(float(jnp.finfo(x.dtype).eps) ** 0.5 if tol is None else tol)
    limit = limit.astype(x.dtype)
    state = projected_gradient_init(f, x, P, args, memory=memory)

    def ended(state: ProjectedGradientState) -> Array:
        # Far out, x − g rounds to x, and the error to 0.
        lost = (state.x - state.gradient == state.x) & (jnp.abs(state.gradient) > limit)
        done = (state.error <= limit) & jnp.isfinite(state.value) & ~jnp.any(lost)
        done &= state.status != Status.INVALID_START
        return jnp.where(done, Status.CONVERGED, state.status)

    step = lambda state: projected_gradient_step(f, state, P, args)
    state, status, num_steps = iterate(step, state, ended, max_steps=max_steps)
    return Solution(back(state.x), status, state.error, num_steps, state.num_fun, state.num_grad)
