"""Newton's method in a trust region, the model minimized by conjugate gradients (Steihaug)."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._loops import like, while_loop
from jaxmath.iterate import Solution
from jaxmath.linalg._eigen import power_of_two
from jaxmath.numerics import safe_norm
from jaxmath.optimize._descent import solve
from jaxmath.optimize._solver import choose, donatable, or_one, solver
from jaxmath.optimize._trust_region import (
    Model,
    Proposal,
    TrustRegionState,
    first_state,
    in_region,
    next_state,
    to_the_boundary,
)
from jaxmath.typing import Array, PyTree, Scalar

__all__ = ["trust_region_newton", "trust_region_newton_init", "trust_region_newton_step"]


class _Conjugate(NamedTuple):
    """z, the residual r = g + Bz, the direction d, and −m(z), what the model promises at z."""

    z: Array
    r: Array
    d: Array
    promise: Array
    done: Array
    num_products: Array


def steihaug(product: Callable, g: Array, radius: Array) -> Proposal:
    """The step of Nocedal and Wright, algorithm 7.2.

    ::

        m(z + td) = m(z) − t‖r‖² + ½t² dᵀBd,   as rᵀd = −‖r‖²
    """
    share = jnp.minimum(0.5, jnp.sqrt(safe_norm(g)))
    # The model, scaled by a power of two so that no square leaves the range.
    scale, unscale = power_of_two(g)
    g = g * scale
    norm = safe_norm(g)
    enough = share * norm

    def advance(s: _Conjugate) -> _Conjugate:
        Bd = product(s.d) * scale
        curvature, square = numerics.dot(s.d, Bd), numerics.dot(s.r, s.r)
        convex = curvature > 0
        alpha = square / jnp.where(convex, curvature, 1.0)
        outside = ~convex | ~(safe_norm(s.z + alpha * s.d) < radius)
        t = jnp.where(outside, to_the_boundary(s.z, s.d, radius), alpha)
        r = s.r + t * Bd
        beta = numerics.dot(r, r) / jnp.where(square > 0, square, 1.0)
        promise = s.promise + t * (square - 0.5 * t * curvature)
        done = outside | (safe_norm(r) <= enough)
        return _Conjugate(s.z + t * s.d, r, beta * s.d - r, promise, done, s.num_products + 1)

    zero = jnp.zeros_like(norm)
    start = _Conjugate(jnp.zeros_like(g), g, -g, zero, norm == 0, jnp.int32(0))
    end = while_loop(lambda s: ~s.done & (s.num_products < 2 * g.size), advance, start)
    return Proposal(end.z, end.promise * unscale, end.num_products)


class _Probe(NamedTuple):
    """Conjugate directions from u: r = u − Bz, d with ‖d‖ = 1, dᵀBd, the largest ‖Bd‖ so far."""

    r: Array
    d: Array
    curvature: Array
    size: Array
    done: Array
    num_products: Array


def _past_a_saddle(
    gradient: Callable, x: Array, g: Array, radius: Array, step: Proposal
) -> Proposal:
    """Δd downhill, to the boundary, where dᵀBd < 0 for a d that is found; else the step.

    The directions of ``steihaug`` come from g, and know nothing of what is orthogonal to g, Bg, B²g
    …: where f and the start are symmetric, of the way out of a saddle. These come from a vector
    without symmetries. While all dᵀBd > 0, r = Π(1 − B/θᵢ)u with θᵢ > 0 keeps the part of u along
    an eigenvector of negative curvature, and that is some 1/√n: a smaller r shows B definite.
    """
    _, product = jax.linearize(gradient, x)
    n, eps = g.size, float(jnp.finfo(g.dtype).eps)
    u = like(jnp.cos(jnp.arange(1, n + 1, dtype=g.dtype)), x)

    def advance(s: _Probe) -> _Probe:
        Bd = product(s.d)
        curvature, size = numerics.dot(s.d, Bd), jnp.maximum(s.size, safe_norm(Bd))
        convex = curvature > n * eps * size
        bottom = jnp.where(convex, curvature, 1.0)
        r = s.r - numerics.dot(s.r, s.d) / bottom * Bd
        d = r - numerics.dot(r, Bd) / bottom * s.d
        d = jnp.where(convex, d / or_one(safe_norm(d)), s.d)
        done = ~convex | (safe_norm(r) <= 0.01 / n**0.5)
        return _Probe(r, d, curvature, size, done, s.num_products + 1)

    zero, unit = jnp.zeros_like(radius), u / safe_norm(u)
    start = _Probe(unit, unit, zero, zero, jnp.asarray(False), jnp.int32(0))
    end = while_loop(lambda s: ~s.done & (s.num_products < n), advance, start)
    p = radius * jnp.where(numerics.dot(g, end.d) > 0, -end.d, end.d)
    promise = -numerics.dot(g, p) - 0.5 * radius * radius * end.curvature
    out = Proposal(p, promise, step.num_products + end.num_products)
    found = end.curvature < -n * eps * end.size
    return choose(found, out, step._replace(num_products=out.num_products))


def _propose(gradient: Callable, memory: tuple, x: Array, g: Array, radius: Array) -> Proposal:
    _, product = jax.linearize(gradient, x)
    return steihaug(product, g, radius)


NEWTON_MODEL = Model(lambda x: (), _propose, escape=_past_a_saddle)


@donatable
@solver
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
    return first_state(fun, x0, args, NEWTON_MODEL)


@solver
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
    return next_state(fun, state, args, NEWTON_MODEL)


@partial(solver, data=("scale",))
def trust_region_newton(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
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
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``; ``num_hvp`` counts the products with the Hessian.

    Numerics:
      Error, tolerance and statuses as in ``bfgs``; CONVERGED asks that the last model promised at
      most tol·max(|f|, 1) too. STAGNATED also where a refused step no longer moves x. Before that,
      where the error is above eps, the region is once more one of z = x/|x|. Where f and its trial
      agree to 256 eps (at most √eps) the slopes at both ends judge the decrease. Superlinear
      where ∇²f is definite at the minimum. Follows negative curvature away from saddles: before a
      step that may be the last it is looked for from a vector without symmetries, as conjugate
      gradients from ∇f never leave what ∇f, ∇²f∇f … span. A start where ∇f = 0 is an end. Cost: one
      evaluation of f and ∇f, one linearization of ∇f (about another evaluation, not counted), and
      up to 2n Hessian products a step, n more before an end.

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
    return solve(partial(in_region, model=NEWTON_MODEL), fun, x0, args, tol, max_steps, scale)
