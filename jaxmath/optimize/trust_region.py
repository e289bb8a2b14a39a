"""Newton's method in a trust region, the model minimized by conjugate gradients (Steihaug)."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath import numerics
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.numerics import safe_norm
from jaxmath.optimize._descent import (
    PATIENCE,
    default_tolerance,
    error_measure,
    evaluator,
    lowest,
    quieter,
)
from jaxmath.optimize._solver import as_point, or_one, solver
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_number

__all__ = ["trust_region_newton", "trust_region_newton_init", "trust_region_newton_step"]


class TrustRegionState(NamedTuple):
    """The point, f and ∇f there, the radius Δ, and what the last model promised."""

    x: Array
    value: Array
    gradient: Array
    radius: Array
    promise: Array
    error: Array
    floor: Array
    quiet: Array
    num_steps: Array
    num_fun: Array
    num_hvp: Array
    status: Array


class _Conjugate(NamedTuple):
    """z, the residual r = g + Bz, the direction d, and −m(z), what the model promises at z."""

    z: Array
    r: Array
    d: Array
    promise: Array
    done: Array
    num_products: Array


def _to_the_boundary(z: Array, d: Array, radius: Array) -> Array:
    """τ ≥ 0 with ‖z + τd‖ = Δ; everything over Δ and ‖d‖, so that no square leaves the range."""
    size = or_one(safe_norm(d))
    z, d = z / radius, d / size
    b, c = numerics.dot(z, d), 1 - numerics.dot(z, z)
    root = jnp.sqrt(jnp.maximum(b * b + c, 0.0))
    return radius / size * jnp.where(b > 0, c / jnp.where(b > 0, b + root, 1.0), root - b)


def _steihaug(product: Callable, g: Array, radius: Array) -> _Conjugate:
    """The step of Nocedal and Wright, algorithm 7.2, as z of the last state.

    ::

        m(z + td) = m(z) − t‖r‖² + ½t² dᵀBd,   as rᵀd = −‖r‖²
    """
    norm = safe_norm(g)
    enough = jnp.minimum(0.5, jnp.sqrt(norm)) * norm

    def advance(s: _Conjugate) -> _Conjugate:
        Bd = product(s.d)
        curvature, square = numerics.dot(s.d, Bd), numerics.dot(s.r, s.r)
        convex = curvature > 0
        alpha = square / jnp.where(convex, curvature, 1.0)
        outside = ~convex | ~(safe_norm(s.z + alpha * s.d) < radius)
        t = jnp.where(outside, _to_the_boundary(s.z, s.d, radius), alpha)
        r = s.r + t * Bd
        beta = numerics.dot(r, r) / jnp.where(square > 0, square, 1.0)
        promise = s.promise + t * (square - 0.5 * t * curvature)
        done = outside | (safe_norm(r) <= enough)
        return _Conjugate(s.z + t * s.d, r, beta * s.d - r, promise, done, s.num_products + 1)

    zero = jnp.zeros_like(norm)
    start = _Conjugate(jnp.zeros_like(g), g, -g, zero, norm == 0, jnp.int32(0))
    return lax.while_loop(lambda s: ~s.done & (s.num_products < 2 * g.size), advance, start)


def _begin(evaluate: Callable, x: Array) -> TrustRegionState:
    value, gradient = evaluate(x)
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    status = jnp.where(finite, Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(jnp.all(jnp.isfinite(x)), status, Status.INVALID_START)
    error, one = error_measure(x, value, gradient), jnp.ones_like(value)
    return TrustRegionState(
        x, value, gradient, one, jnp.inf * one, error, lowest(value), jnp.int32(0),
        jnp.int32(0), jnp.int32(1), jnp.int32(0), status.astype(jnp.int32),
    )  # fmt: skip


def _advance(evaluate: Callable, state: TrustRegionState) -> TrustRegionState:
    x, g, eps = state.x, state.gradient, float(jnp.finfo(state.x.dtype).eps)
    _, product = jax.linearize(lambda x: evaluate(x)[1], x)
    p, _, _, promise, _, count = _steihaug(product, g, state.radius)
    trial, gradient = evaluate(x + p)
    finite = jnp.isfinite(trial) & jnp.all(jnp.isfinite(gradient))
    # Where f cannot tell the difference, the slopes at both ends can.
    flat = jnp.abs(state.value - trial) <= 8 * eps * jnp.abs(state.value)
    drop = jnp.where(flat, -0.5 * numerics.dot(g + gradient, p), state.value - trial)
    ratio = jnp.where(finite, drop / jnp.where(promise > 0, promise, 1.0), -jnp.inf)
    length = safe_norm(p)
    radius = jnp.where((ratio > 0.75) & (length > 0.99 * state.radius), 2.0, 1.0) * state.radius
    radius = jnp.where(ratio >= 0.25, radius, 0.25 * length)
    accepted = (ratio > 1e-4) & (promise > 0)
    unbounded = trial < state.floor
    still = jnp.all(jnp.abs(p) <= eps * jnp.abs(x))
    new_x, value, gradient = (
        jnp.where(accepted, a, b) for a, b in ((x + p, x), (trial, state.value), (gradient, g))
    )
    error = error_measure(new_x, value, gradient)
    quiet = jnp.where(accepted, quieter(state.quiet, state.value, trial), state.quiet)
    status = jnp.where(still & ~accepted, Status.STAGNATED, state.status)
    status = jnp.where(unbounded, Status.UNBOUNDED, status)
    return TrustRegionState(
        new_x, value, gradient, radius, promise, error, state.floor, quiet,
        state.num_steps + 1, state.num_fun + 1, state.num_hvp + count, status.astype(jnp.int32),
    )  # fmt: skip


def trust_region_newton_init(fun: Callable, x0: Array, args: tuple = ()) -> TrustRegionState:
    """The start of Newton's method in a trust region.

    ::

        f, ∇f at x₀,   Δ = 1

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``TrustRegionState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(trust_region_newton_init(lambda x: jnp.sum(x**2), jnp.ones(2)).radius)
      1.0

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 4.1.
    """
    x = as_array("x0", x0, ndim=1, min_size=1)
    return _begin(evaluator(fun, lambda x: x, args), x)


def trust_region_newton_step(
    fun: Callable, state: TrustRegionState, args: tuple = ()
) -> TrustRegionState:
    """One step of Newton's method in a trust region: the model's minimizer, and the test of it.

    ::

        p ≈ argmin ∇fᵀp + ½ pᵀ∇²f p over ‖p‖ ≤ Δ,   ρ = (f(x) − f(x + p)) / promised
        ρ > 1e-4: x⁺ = x + p;   ρ < ¼: Δ⁺ = ‖p‖/4;   ρ > ¾ at the boundary: Δ⁺ = 2Δ

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``TrustRegionState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``TrustRegionState``.

    Numerics:
      As ``trust_region_newton``.

    Example:
      >>> f = lambda x: jnp.sum((x - 0.5) ** 2)
      >>> state = trust_region_newton_step(f, trust_region_newton_init(f, jnp.zeros(2)))
      >>> print([f"{x:.2f}" for x in state.x])
      ['0.50', '0.50']

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 4.1, 7.2.
    """
    return _advance(evaluator(fun, lambda x: x, args), state)


@solver
def trust_region_newton(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Minimize a smooth function by Newton's method in a trust region, without a Hessian matrix.

    ::

        pₖ ≈ argmin ∇fᵀp + ½ pᵀ∇²f p over ‖p‖ ≤ Δₖ   by conjugate gradients, to
        ‖∇f + ∇²f p‖ ≤ min(½, √‖∇f‖) ‖∇f‖, negative curvature or the boundary

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps, refused ones too; None takes 200 n.

    Returns:
      A ``Solution``, as ``bfgs``; ``num_hvp`` counts the products with the Hessian.

    Numerics:
      Error, tolerance and statuses as in ``bfgs``; CONVERGED asks that the last model promised at
      most tol·max(|f|, 1) too. STAGNATED also where a refused step no longer moves x. Where f and
      its trial agree to rounding the decrease is judged by the slopes at both ends. Superlinear
      where ∇²f is definite at the minimum; follows negative curvature away from saddles. Cost: one
      evaluation of f and ∇f, one linearization of ∇f (about another evaluation, not counted), and
      up to 2n Hessian products a step.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = trust_region_newton(rosenbrock, jnp.array([-1.2, 1.0]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['1.000', '1.000'] True

    References:
      T. Steihaug, "The conjugate gradient method and trust regions in large scale optimization",
      1983.
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 4.1, 7.2.
    """
    x, back = as_point("x0", x0)
    tol = default_tolerance(tol, x.dtype)
    limit = 200 * x.size if max_steps is None else max_steps
    check_number("max_steps", limit, low=0, integer=True)
    evaluate = evaluator(fun, back, args)

    def status_fn(state: TrustRegionState) -> Array:
        status = jnp.where(state.quiet >= PATIENCE, Status.STAGNATED, state.status)
        lost = (status == Status.NON_FINITE) | (status == Status.INVALID_START)
        level = tol * jnp.maximum(jnp.abs(state.value), 1.0)
        # At the start no model has promised anything yet: only a gradient of 0 is an end there.
        sure = (state.promise <= level) | (state.error == 0)
        return jnp.where((state.error <= tol) & sure & ~lost, Status.CONVERGED, status)

    state, status, _ = iterate(
        lambda s: _advance(evaluate, s), _begin(evaluate, x), status_fn, max_steps=limit
    )
    return Solution(
        back(state.x), status, state.error, state.num_steps, state.num_fun, state.num_fun,
        num_hvp=state.num_hvp,
    )  # fmt: skip
