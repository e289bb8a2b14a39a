"""Roots of systems of equations: Newton's and Broyden's method with backtracking."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._loops import cond
from jaxmath.iterate import Solution, Status
from jaxmath.numerics import safe_norm
from jaxmath.optimize._solver import choose, donatable, solver
from jaxmath.optimize._systems import (
    MAX_HALVINGS,
    MAX_HALVINGS_STALE,
    SystemState,
    _backtrack,
    _find,
    _solve_regular,
    _vectorized,
)
from jaxmath.typing import Array, PyTree, Scalar, check_precision

__all__ = [
    "broyden",
    "broyden_init",
    "broyden_step",
    "newton_system",
    "newton_system_init",
    "newton_system_step",
]


def _newton_state(
    F: Callable, x: Array, residual: Array, outcome: Array, num_fun: Array, num_jacobians: Array
) -> SystemState:
    J = jax.jacfwd(F)(x)
    direction, regular = _solve_regular(J, -residual[:, None])
    finite = jnp.all(jnp.isfinite(J))
    none = jnp.zeros((0, 0), x.dtype)
    return SystemState(
        x, residual, direction[:, 0], none, regular, finite, jnp.asarray(True), outcome, num_fun,
        num_jacobians,
    )  # fmt: skip


@donatable
@solver
def newton_system_init(fun: Callable, x0: PyTree, args: Any = ()) -> SystemState:
    """The point that Newton's method for systems starts from, with its first direction.

    ::

        x₀,   F(x₀),   J(x₀) d = −F(x₀)

    Args:
      fun: ``fun(x, *args)``, as many numbers as x has, as a pytree of any structure.
      x0: the starting point, a pytree of arrays.
      args: further arguments of ``fun``.

    Returns:
      A ``SystemState`` with ``x``, ``residual``, ``direction`` and counts.

    Numerics:
      One evaluation and one Jacobian by forward mode.

    Example:
      >>> F = lambda x: jnp.array([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0])
      >>> print(newton_system_init(F, jnp.array([0.0, 4.0])).direction)
      [ 0.5 -1.5]

    References:
      P. Deuflhard, "Newton Methods for Nonlinear Problems", 2004, section 1.1.
    """
    F, x, back = _vectorized(fun, x0, args, "x0")
    check_precision("x0", x)
    one = jnp.int32(1)
    state = _newton_state(F, x, F(x), jnp.int32(Status.RUNNING), one, one)
    return state._replace(x=back(x))


@solver
def newton_system_step(fun: Callable, state: SystemState, args: Any = ()) -> SystemState:
    """One damped Newton step.

    ::

        J d = −F,   x ← x + λd,   the first λ of 1, ½, ¼, …  with ‖F(x + λd)‖ ≤ (1 − 10⁻⁴λ)‖F(x)‖

    Args:
      fun: ``fun(x, *args)``, as many numbers as x has.
      state: the ``SystemState`` of the step before.
      args: further arguments of ``fun``.

    Returns:
      The next ``SystemState``; where no λ does, x stays and ``outcome`` says so.

    Numerics:
      One Jacobian and 1 to 31 evaluations; a point where F is not finite counts as no decrease.

    Example:
      >>> F = lambda x: jnp.array([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0])
      >>> print(newton_system_step(F, newton_system_init(F, jnp.array([0.0, 1.0]))).x)
      [2. 1.]

    References:
      J. E. Dennis, R. B. Schnabel, "Numerical Methods for Unconstrained Optimization and
      Nonlinear Equations", 1983, section 6.5.
    """
    F, x, back = _vectorized(fun, state.x, args, "state")
    trial, outcome, cost = _backtrack(F, x, state.direction, state.residual)
    found = outcome == Status.RUNNING
    x, residual = choose(found, (trial.x, trial.residual), (x, state.residual))
    new = _newton_state(F, x, residual, outcome, state.num_fun + cost, state.num_jacobians + 1)
    return new._replace(x=back(x))


@solver
def newton_system(
    fun: Callable,
    x0: PyTree,
    args: Any = (),
    *,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 100,
) -> Solution:
    """A root of a system of equations, by Newton's method damped by backtracking.

    ::

        J(xₖ) dₖ = −F(xₖ),   xₖ₊₁ = xₖ + λₖdₖ,   ½‖F(xₖ₊₁)‖² < ½‖F(xₖ)‖²

    Args:
      fun: ``fun(x, *args)``, as many numbers as x has, as a pytree of any structure.
      x0: the starting point, a pytree of arrays of one dtype, n numbers in all.
      args: further arguments of ``fun``, traced: new values are no new program.
      xtol: the absolute part of the correction to reach; None takes 64·√n·eps.
      rtol: the part relative to ‖x‖; None takes 64·√n·eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` with value the root, of the structure of ``x0``, and error ‖F(x)‖₂. Its
      status is CONVERGED: the correction ‖J⁻¹F‖ at the value is at most xtol + rtol·‖x‖, or F = 0;
      STAGNATED: it is at most √eps·‖x‖ + xtol and ‖F‖ no longer falls, for F is noise; SINGULAR:
      J is, to n·eps once its rows and columns are scaled; LINE_SEARCH_FAILED: no λ of 2⁻³⁰ or
      more lowers ‖F‖ (near a minimum of it that is no root); NON_FINITE: F or J is not finite;
      INVALID_START; MAX_STEPS. The value is the last point at which F was finite.

    Numerics:
      Order 2 at a regular root. The correction does not depend on how equations are scaled, and
      a step that leaves the domain of F is shortened. ``num_fun`` counts the backtracking,
      ``num_hess`` = num_steps + 1 the Jacobians. The derivative is dx = −J⁻¹∂F (implicit function
      theorem), forward and reverse, in ``args`` and what ``fun`` closes over. Cost: n forward
      derivatives and 2n³/3 operations a step.

    Example:
      >>> F = lambda x, c: jnp.array([x[0] + x[1] - 3.0, x[0] * x[1] - c])
      >>> print(newton_system(F, [0.0, 1.0], (2.0,)).value.round(4))
      [2. 1.]

    References:
      J. E. Dennis, R. B. Schnabel, "Numerical Methods for Unconstrained Optimization and
      Nonlinear Equations", 1983, section 6.5.
    """
    init = lambda: newton_system_init(fun, x0, args)
    step = lambda state: newton_system_step(fun, state, args)
    return _find(fun, x0, args, xtol, rtol, max_steps, init, step)


def _differences(F: Callable, x: Array, residual: Array) -> Array:
    """The Jacobian by forward differences, hⱼ = √eps·|xⱼ| (√eps at 0)."""
    root = float(jnp.finfo(x.dtype).eps) ** 0.5
    h = root * jnp.where(x == 0.0, 1.0, jnp.abs(x))
    h = (x + h) - x
    values = jax.vmap(lambda shift: F(x + shift))(jnp.diag(h))
    return ((values - residual[None, :]) / h[:, None]).T


def _renewed(F: Callable, state: SystemState, x: Array, jacobian: str) -> SystemState:
    """The state with the inverse of a fresh Jacobian at x."""
    exact = jacobian == "exact"
    J = jax.jacfwd(F)(x) if exact else _differences(F, x, state.residual)
    inverse, regular = _solve_regular(J, jnp.eye(x.size, dtype=x.dtype))
    return state._replace(
        direction=-numerics.matmul(inverse, state.residual),
        inverse=inverse,
        regular=regular,
        finite=jnp.all(jnp.isfinite(J)),
        fresh=jnp.asarray(True),
        outcome=jnp.int32(Status.RUNNING),
        num_fun=state.num_fun + (0 if exact else x.size),
        num_jacobians=state.num_jacobians + (1 if exact else 0),
    )


def _check_jacobian(jacobian: str) -> None:
    if jacobian not in ("exact", "finite"):
        raise ValueError(f'argument `jacobian` must be "exact" or "finite", got {jacobian!r}')


@donatable
@solver
def broyden_init(
    fun: Callable, x0: PyTree, args: Any = (), *, jacobian: str = "exact"
) -> SystemState:
    """The point that Broyden's method starts from, with the inverse of its Jacobian.

    ::

        x₀,   F(x₀),   H₀ = J(x₀)⁻¹

    Args:
      fun: ``fun(x, *args)``, as many numbers as x has, as a pytree of any structure.
      x0: the starting point, a pytree of arrays.
      args: further arguments of ``fun``.
      jacobian: "exact" by forward mode, or "finite" by forward differences.

    Returns:
      A ``SystemState`` with ``x``, ``residual``, ``direction``, ``inverse`` and counts.

    Numerics:
      One evaluation and one Jacobian, or n + 1 evaluations.

    Example:
      >>> F = lambda x: jnp.array([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0])
      >>> print(broyden_init(F, jnp.array([0.0, 4.0])).direction)
      [ 0.5 -1.5]

    References:
      C. G. Broyden, "A class of methods for solving nonlinear simultaneous equations",
      Mathematics of Computation 19, 1965.
    """
    _check_jacobian(jacobian)
    F, x, back = _vectorized(fun, x0, args, "x0")
    check_precision("x0", x)
    yes, zero, residual = jnp.asarray(True), jnp.int32(0), F(x)
    empty = jnp.zeros((x.size, x.size), x.dtype)
    state = SystemState(back(x), residual, residual, empty, yes, yes, yes, zero, jnp.int32(1), zero)
    return _renewed(F, state, x, jacobian)


def _good_update(H: Array, s: Array, y: Array) -> Array:
    """H + (s − Hy)sᵀH/(sᵀHy), Sherman–Morrison; H itself where that is singular to rounding."""
    norm = safe_norm(s)
    divisor = jnp.where(norm > 0.0, norm, 1.0)
    u, w = s / divisor, numerics.matmul(H, y) / divisor
    curvature = numerics.dot(u, w)
    noise = len(s) * float(jnp.finfo(s.dtype).eps) * safe_norm(w)
    regular = jnp.abs(curvature) > noise
    change = jnp.outer(u - w, numerics.matmul(u, H)) / jnp.where(regular, curvature, 1.0)
    return jnp.where(regular, H + change, H)


@solver
def broyden_step(
    fun: Callable, state: SystemState, args: Any = (), *, jacobian: str = "exact"
) -> SystemState:
    """One step of the good Broyden method.

    ::

        x⁺ = x − λHF,   s = x⁺ − x,   y = F⁺ − F,   H⁺ = H + (s − Hy) sᵀH/(sᵀHy)

    Args:
      fun: ``fun(x, *args)``, as many numbers as x has.
      state: the ``SystemState`` of the step before.
      args: further arguments of ``fun``.
      jacobian: how a restart computes it, as in ``broyden_init``.

    Returns:
      The next ``SystemState``. Where no λ does, down to 2⁻⁵, x stays and H is the inverse of a
      fresh Jacobian; where H was fresh already, down to 2⁻³⁰, ``outcome`` says so.

    Numerics:
      One evaluation, 3n² operations; a restart costs a Jacobian. Under vmap every lane computes
      the Jacobian at every step, though only restarts count.

    Example:
      >>> F = lambda x: jnp.array([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0])
      >>> print(broyden_step(F, broyden_init(F, jnp.array([0.0, 1.0]))).x)
      [2. 1.]

    References:
      C. G. Broyden, "A class of methods for solving nonlinear simultaneous equations",
      Mathematics of Computation 19, 1965.
    """
    _check_jacobian(jacobian)
    F, x, back = _vectorized(fun, state.x, args, "state")
    halvings = jnp.where(state.fresh, jnp.int32(MAX_HALVINGS), jnp.int32(MAX_HALVINGS_STALE))
    trial, outcome, cost = _backtrack(F, x, state.direction, state.residual, halvings)
    state = state._replace(outcome=outcome, num_fun=state.num_fun + cost)
    H = _good_update(state.inverse, trial.x - x, trial.residual - state.residual)
    moved = state._replace(
        x=back(trial.x),
        residual=trial.residual,
        direction=-numerics.matmul(H, trial.residual),
        inverse=H,
        fresh=jnp.asarray(False),
    )
    found = outcome == Status.RUNNING
    restart = lambda now: _renewed(F, now, x, jacobian)
    stayed = cond(~found & ~state.fresh, restart, lambda now: now, state)
    return choose(found, moved, stayed)


@solver
def broyden(
    fun: Callable,
    x0: PyTree,
    args: Any = (),
    *,
    jacobian: str = "exact",
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 200,
) -> Solution:
    """A root of a system of equations, by the good Broyden method with backtracking.

    ::

        xₖ₊₁ = xₖ − λₖHₖF(xₖ),   Hₖ₊₁ = Hₖ + (sₖ − Hₖyₖ) sₖᵀHₖ/(sₖᵀHₖyₖ)

    Args:
      fun: ``fun(x, *args)``, as many numbers as x has, as a pytree of any structure.
      x0: the starting point, a pytree of arrays of one dtype, n numbers in all.
      args: further arguments of ``fun``, traced.
      jacobian: the first one, and that of a restart: "exact" by forward mode, or "finite" by
        forward differences.
      xtol: the absolute part of the correction to reach; None takes 64·√n·eps.
      rtol: the part relative to ‖x‖; None takes 64·√n·eps.
      max_steps: the limit on steps, restarts included.

    Returns:
      A ``Solution`` as ``newton_system`` has it, where the correction is HF with Broyden's H.

    Numerics:
      Superlinear at a regular root. When the search along −HF fails, H is renewed from a Jacobian
      and the step taken anew; LINE_SEARCH_FAILED is a failure with a fresh one. ``num_hess``
      counts exact Jacobians, ``num_fun`` the backtracking and the differences. The derivative is
      that of ``newton_system``. Cost: one evaluation and 3n² operations a step.

    Example:
      >>> F = lambda x, c: jnp.array([x[0] + x[1] - 3.0, x[0] * x[1] - c])
      >>> print(broyden(F, [0.5, 1.0], (2.0,)).value.round(4))
      [2. 1.]

    References:
      C. G. Broyden, "A class of methods for solving nonlinear simultaneous equations",
      Mathematics of Computation 19, 1965.
    """
    init = lambda: broyden_init(fun, x0, args, jacobian=jacobian)
    step = lambda state: broyden_step(fun, state, args, jacobian=jacobian)
    return _find(fun, x0, args, xtol, rtol, max_steps, init, step)
