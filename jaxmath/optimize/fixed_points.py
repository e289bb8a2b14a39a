"""Fixed points x = G(x), by plain iteration or with Anderson's acceleration."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from jaxmath import numerics
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import safe_norm
from jaxmath.optimize._roots import _first, _implicit, _tolerances
from jaxmath.optimize._solver import as_point, choose, donatable, or_one, solver
from jaxmath.optimize._systems import _default_factor, _vectorized
from jaxmath.typing import Array, PyTree, Scalar, check_number, check_precision

__all__ = ["fixed_point", "fixed_point_init", "fixed_point_step"]


class FixedPointState(NamedTuple):
    """The point, its image as a vector, the last differences of residuals and of images (a row
    each, 0 where there is none yet), the steps so far, ‖G(x) − x‖ one step before, and whether
    all was finite (where not, the point is the one before)."""

    x: PyTree
    image: Array
    residual_differences: Array
    image_differences: Array
    num_steps: Array
    before: Array
    finite: Array


def _check_memory(memory: int) -> None:
    check_number("memory", memory, low=0, integer=True)


@donatable
def fixed_point_init(
    fun: Callable, x0: PyTree, args: Any = (), *, memory: int = 5
) -> FixedPointState:
    """The point that the fixed-point iteration starts from.

    ::

        x₀,   G(x₀)

    Args:
      fun: ``fun(x, *args)``, of the structure of x.
      x0: the starting point, a pytree of arrays.
      args: further arguments of ``fun``.
      memory: how many differences are remembered.

    Returns:
      A ``FixedPointState`` with ``x`` and ``image``.

    Numerics:
      One evaluation.

    Example:
      >>> f"{fixed_point_init(jnp.cos, 1.0).image[0]:.4f}"
      '0.5403'

    References:
      H. F. Walker, P. Ni, "Anderson acceleration for fixed-point iterations", SIAM Journal on
      Numerical Analysis 49, 2011.
    """
    _check_memory(memory)
    G, x, back = _vectorized(fun, x0, args, "x0")
    if memory > 0:
        check_precision("x0", x)
    empty, image = jnp.zeros((memory, x.size), x.dtype), G(x)
    before, finite = jnp.asarray(jnp.inf, x.dtype), jnp.all(jnp.isfinite(image))
    return FixedPointState(back(x), image, empty, empty, jnp.int32(0), before, finite)


def _coefficients(differences: Array, residual: Array, image: Array) -> Array:
    """argmin ‖r − Σⱼ γⱼ Δrⱼ‖² + ν²‖γ‖², with ν the rounding noise of a difference, by QR."""
    eps, columns = float(jnp.finfo(residual.dtype).eps), differences.T
    size = safe_norm(image) + safe_norm(differences)
    noise = eps * or_one(size)
    ridge = noise * jnp.eye(len(differences), dtype=residual.dtype)
    Q, R = jnp.linalg.qr(jnp.concatenate([columns, ridge]))
    return solve_triangular(R, numerics.matmul(Q[: len(residual)].T, residual))


def fixed_point_step(fun: Callable, state: FixedPointState, args: Any = ()) -> FixedPointState:
    """One step of Anderson's acceleration; of the plain iteration where memory is 0.

    ::

        r = G(x) − x,   γ = argmin ‖r − Σⱼ γⱼ Δrⱼ‖,   x ← G(x) − Σⱼ γⱼ ΔGⱼ

    Args:
      fun: ``fun(x, *args)``, of the structure of x.
      state: the ``FixedPointState`` of the step before.
      args: further arguments of ``fun``.

    Returns:
      The next ``FixedPointState``; where the new image is not finite, the old point with
      ``finite`` False.

    Numerics:
      One evaluation and the QR factors of an (n + m) × m matrix. The least squares are
      regularized by the rounding noise eps·‖G(x)‖ of a difference, so that dependent differences
      do no harm.

    Example:
      >>> f"{fixed_point_step(jnp.cos, fixed_point_init(jnp.cos, 1.0)).x:.4f}"
      '0.5403'

    References:
      H. F. Walker, P. Ni, "Anderson acceleration for fixed-point iterations", SIAM Journal on
      Numerical Analysis 49, 2011.
    """
    G, x, back = _vectorized(fun, state.x, args, "state")
    residual, memory = state.image - x, len(state.image_differences)
    new = state.image
    if memory > 0:
        gamma = _coefficients(state.residual_differences, residual, state.image)
        new = new - numerics.matmul(gamma, state.image_differences)
    image = G(new)
    finite = jnp.all(jnp.isfinite(new)) & jnp.all(jnp.isfinite(image))
    differences, changes = state.residual_differences, state.image_differences
    if memory > 0:
        slot = state.num_steps % memory
        differences = differences.at[slot].set((image - new) - residual)
        changes = changes.at[slot].set(image - state.image)
    moved = FixedPointState(
        back(new), image, differences, changes, state.num_steps + 1, safe_norm(residual), finite
    )
    return choose(finite, moved, state._replace(finite=finite))


@solver
def fixed_point(
    fun: Callable,
    x0: PyTree,
    args: Any = (),
    *,
    memory: int = 5,
    xtol: Scalar | None = None,
    rtol: Scalar | None = None,
    max_steps: Scalar = 1000,
) -> Solution:
    """A fixed point x = G(x), by iteration with Anderson's acceleration.

    ::

        xₖ₊₁ = G(xₖ) − Σⱼ γⱼ ΔGⱼ,   γ = argmin ‖rₖ − Σⱼ γⱼ Δrⱼ‖,   rₖ = G(xₖ) − xₖ

    Args:
      fun: G, as ``fun(x, *args)``: as many numbers as x has, as a pytree of any structure.
      x0: the starting point, a pytree of arrays of one dtype, n numbers in all.
      args: further arguments of ``fun``, traced.
      memory: the number m of differences that are remembered; 0 is the plain iteration.
      xtol: the absolute part of the residual to reach; None takes 64·√n·eps.
      rtol: the part relative to ‖x‖; None takes 64·√n·eps.
      max_steps: the limit on steps.

    Returns:
      A ``Solution`` with value x, of the structure of ``x0``, and error the residual
      ‖G(x) − x‖₂. Its status is CONVERGED: the residual is at most xtol + rtol·‖x‖; STAGNATED: it
      is at most 4·√n·eps·‖x‖, above the tolerance, and no longer falls; NON_FINITE: G or the new
      point is not finite (the value is the point before); INVALID_START; MAX_STEPS.

    Numerics:
      The plain iteration shrinks the error by the contraction factor q each step, and ‖x − x*‖ ≤
      error/(1 − q). Anderson's is GMRES where G is affine and m ≥ n: exact after n + 1 steps up
      to rounding. Neither is safeguarded. ``num_fun`` = num_steps + 1. The derivative is
      dx = (I − G′)⁻¹∂G, forward and reverse, in ``args`` and what ``fun`` closes over.

    Example:
      >>> solution = fixed_point(jnp.cos, 1.0)
      >>> f"{solution.value:.5f} {bool(solution.converged)}"
      '0.73909 True'

    References:
      H. F. Walker, P. Ni, "Anderson acceleration for fixed-point iterations", SIAM Journal on
      Numerical Analysis 49, 2011.
    """
    _check_memory(memory)
    G, vector, back = _vectorized(fun, x0, args, "x0")
    if memory > 0:
        check_precision("x0", vector)
    factor = _default_factor(vector.size)
    xtol, rtol = _tolerances(xtol, rtol, vector.dtype, factor)
    noise = factor / 16.0 * float(jnp.finfo(vector.dtype).eps)

    def status_fn(state: FixedPointState) -> Array:
        x, _ = as_point("x", state.x)
        size, error = safe_norm(x), safe_norm(state.image - x)
        return _first(
            (~jnp.isfinite(size), Status.INVALID_START),
            (~state.finite, Status.NON_FINITE),
            (error <= xtol + rtol * size, Status.CONVERGED),
            ((error <= noise * size) & (error >= state.before), Status.STAGNATED),
        )

    def run() -> Solution:
        start = fixed_point_init(fun, x0, args, memory=memory)
        step = lambda state: fixed_point_step(fun, state, args)
        state, status, num_steps = iterate(step, start, status_fn, max_steps=max_steps)
        x, _ = as_point("x", state.x)
        error = safe_norm(state.image - x)
        return Solution(x, status, error, num_steps, num_fun=num_steps + 1)

    solution = _implicit(lambda x: G(x) - x, vector, run)
    return solution._replace(value=back(solution.value))
