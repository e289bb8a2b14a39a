"""Newton's method in a trust region, the model minimized exactly by the eigenvalues of ∇²f."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._loops import while_loop
from jaxmath.iterate import Solution
from jaxmath.linalg import eigh
from jaxmath.numerics import safe_norm
from jaxmath.optimize._descent import solve
from jaxmath.optimize._solver import donatable, or_one, solver
from jaxmath.optimize._trust_region import (
    Model,
    Proposal,
    TrustRegionState,
    first_state,
    in_region,
    next_state,
)
from jaxmath.typing import Array, PyTree, Scalar

__all__ = ["trust_region_exact", "trust_region_exact_init", "trust_region_exact_step"]

_TRIPS = 50  # of Newton's method on one number, which needs about 5


class Spectrum(NamedTuple):
    """∇²f = V diag(w) Vᵀ, w ascending; a w at the noise of the largest is 0."""

    w: Array
    V: Array


def _no_curvature(x: Array) -> Spectrum:
    return Spectrum(jnp.zeros_like(x), jnp.eye(x.size, dtype=x.dtype))


def _spectrum(gradient: Callable, x: Array) -> Spectrum:
    """That of ∇²f(x), columns by forward mode over the gradient; of 0 where it is not finite."""
    H = jax.jacfwd(gradient)(x)
    w, V = eigh(jnp.where(jnp.all(jnp.isfinite(H)), H, 0.0))
    return Spectrum(jnp.where(jnp.abs(w) > _noise(w) * jnp.max(jnp.abs(w)), w, 0.0), V)


def _noise(v: Array) -> float:
    return v.size * float(jnp.finfo(v.dtype).eps)


def _first_radius(spectrum: Spectrum, g: Array) -> Array:
    """Δ = ‖g‖/‖∇²f‖, how far −g leads where it is steepest; 1 where either is 0."""
    norm = safe_norm(spectrum.w)
    return or_one(jnp.where(norm > 0, safe_norm(g) / or_one(norm), 1.0))


def _shift(c: Array, gaps: Array, least: Array, radius: Array) -> Array:
    """The μ ≥ ``least`` with ‖c/(gaps + μ)‖ = Δ, or ``least`` where the norm there is below Δ.

    1/‖·‖ is concave in μ, so Newton's method on 1/‖·‖ = 1/Δ rises to the root from any lower bound
    of it, such as |cᵢ|/Δ − gapᵢ.
    """

    def correction(mu: Array) -> Array:
        bottom = gaps + mu
        p = jnp.where(c == 0, 0.0, c / or_one(bottom))
        size = safe_norm(p)
        shares = jnp.where(c == 0, 0.0, (p / or_one(size)) ** 2 / or_one(bottom))
        return (size - radius) / radius / or_one(jnp.sum(shares))

    def rising(carry: tuple) -> Array:
        mu, step, trips = carry
        return (step > 2 * float(jnp.finfo(mu.dtype).eps) * mu) & (trips < _TRIPS)

    def advance(carry: tuple) -> tuple:
        mu, step, trips = carry
        return mu + step, correction(mu + step), trips + 1

    start = jnp.maximum(jnp.max(jnp.abs(c) / radius - gaps), least)
    return while_loop(rising, advance, (start, correction(start), jnp.int32(0)))[0]


def model_minimizer(spectrum: Spectrum, g: Array, radius: Array) -> Proposal:
    """argmin gᵀp + ½pᵀHp over ‖p‖ ≤ Δ (Nocedal and Wright, theorem 4.1), hard case included.

    ::

        p = −(H + λI)⁻¹g,   λ ≥ max(0, −w₁),   ‖p‖ = Δ or λ = 0;   μ = λ + w₁
        where g has no part along v₁ and ‖p‖ < Δ at λ = −w₁ > 0: p + τv₁, ‖p + τv₁‖ = Δ
    """
    w, V = spectrum
    c, gaps = numerics.matmul(V.T, g), w - w[0]
    # Neither slope nor curvature: nothing is known of that direction.
    c = jnp.where((w == 0) & (jnp.abs(c) <= _noise(c) * safe_norm(c)), 0.0, c)
    mu = _shift(c, gaps, jnp.maximum(w[0], 0.0), radius)
    bottom = gaps + mu
    q = jnp.where(bottom > 0, -c / or_one(bottom), 0.0)
    size = safe_norm(q)
    left = jnp.sqrt(jnp.maximum(1 - (size / radius) ** 2, 0.0)) * radius
    hard = (w[0] < 0) & (mu == 0) & (left > 0)
    q = q.at[0].add(jnp.where(hard, left, 0.0))
    p = numerics.matmul(V, q)
    promise = -numerics.dot(c, q) - 0.5 * numerics.dot(w * q, q)
    return Proposal(p, promise, jnp.int32(0))


def _propose(gradient: Callable, memory: Spectrum, x: Array, g: Array, radius: Array) -> Proposal:
    del gradient, x
    return model_minimizer(memory, g, radius)


EXACT_MODEL = Model(_no_curvature, _propose, refresh=_spectrum, region=_first_radius)


@donatable
@solver
def trust_region_exact_init(fun: Callable, x0: Array, args: tuple = ()) -> TrustRegionState:
    """The start of Newton's method in a trust region with exact steps.

    ::

        f, ∇f at x₀

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``TrustRegionState``; the Hessian, and the radius that it gives, are left to the first step.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(trust_region_exact_init(lambda x: jnp.sum(x**2), jnp.ones(2)).value)
      2.0

    References:
      J. J. Moré, D. C. Sorensen, "Computing a trust region step", 1983.
    """
    return first_state(fun, x0, args, EXACT_MODEL)


@solver
def trust_region_exact_step(
    fun: Callable, state: TrustRegionState, args: tuple = ()
) -> TrustRegionState:
    """One step of Newton's method in a trust region: the model's minimizer, and the test of it.

    ::

        (∇²f + λI) p = −∇f,   ∇²f + λI ≥ 0,   λ ≥ 0,   ‖p‖ ≤ Δ,   λ (Δ − ‖p‖) = 0
        ρ = (f(x) − f(x + p)) / promised;   ρ > 1e-4: x⁺ = x + p;   Δ = ‖∇f‖/‖∇²f‖_F at x₀

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``TrustRegionState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``TrustRegionState``.

    Numerics:
      As ``trust_region_exact``.

    Example:
      >>> f = lambda x: jnp.sum((x - 0.5) ** 2)
      >>> state = trust_region_exact_step(f, trust_region_exact_init(f, jnp.zeros(1)))
      >>> print([f"{x:.2f}" for x in state.x], state.num_hess)
      ['0.50'] 1

    References:
      J. J. Moré, D. C. Sorensen, "Computing a trust region step", 1983.
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, theorem 4.1.
    """
    return next_state(fun, state, args, EXACT_MODEL)


@partial(solver, data=("scale",))
def trust_region_exact(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function of few variables by Newton's method in a trust region, exactly.

    ::

        p = argmin ∇fᵀp + ½ pᵀ∇²f p over ‖p‖ ≤ Δ:   (∇²f + λI) p = −∇f,   ∇²f + λI ≥ 0,
        λ ≥ 0,   λ (Δ − ‖p‖) = 0

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps, refused ones too; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``; ``num_hess`` counts the Hessians, one at each point left.

    Numerics:
      Error, statuses, radius and the test of a step as in ``trust_region_newton``, but for the
      first radius: ‖∇f‖/‖∇²f‖_F, so that the path depends on no common unit of the variables, nor
      on that of f. The eigenvalues of ∇²f are found once a point, then λ by Newton's method on
      1/‖p(λ)‖ = 1/Δ, which from below needs no safeguard; where ∇f has no part along the lowest
      eigenvector (the hard case) a multiple of that is added, so a saddle is left even from its
      ridge. A Hessian that is not finite counts as 0. Quadratic convergence where ∇²f is definite
      at the minimum. Cost: one evaluation of f and ∇f a step; the Hessian matrix, n products, and
      its eigenvalues, O(n³), at each new point.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = trust_region_exact(rosenbrock, jnp.array([-1.2, 1.0]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['1.000', '1.000'] True

    References:
      J. J. Moré, D. C. Sorensen, "Computing a trust region step", 1983.
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, theorem 4.1, section
      4.3.
    """
    return solve(partial(in_region, model=EXACT_MODEL), fun, x0, args, tol, max_steps, scale)
