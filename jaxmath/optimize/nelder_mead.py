"""The simplex method of Nelder and Mead: no derivatives, one value of f a trip."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._descent import Method, solve
from jaxmath.optimize._ends import lowest
from jaxmath.optimize._solver import donatable, nan_last, objective, solver
from jaxmath.typing import Array, PyTree, Scalar, as_array

__all__ = ["nelder_mead", "nelder_mead_init", "nelder_mead_step"]

# What the next value is for: a vertex of the first or of a shrunk simplex, or a point on the line
# from the worst vertex through the centroid of the others.
_FILL, _REFLECT, _EXPAND, _OUTSIDE, _INSIDE = range(5)


class NelderMeadState(NamedTuple):
    """Between two values: the simplex, best vertex first, and the point whose value comes next."""

    x: Array
    value: Array
    simplex: Array
    values: Array
    trial: Array
    reflected: Array
    phase: Array
    vertex: Array
    error: Array
    floor: Array
    num_steps: Array
    num_fun: Array
    status: Array


def _line(n: int, adaptive: bool) -> tuple[tuple[float, ...], float]:
    """How far along the line each phase goes, centroid 0 and worst vertex −1; and the shrinkage."""
    if adaptive and n > 2:
        return (0.0, 1.0, 1 + 2 / n, 0.75 - 0.5 / n, 0.5 / n - 0.75), 1 - 1 / n
    return (0.0, 1.0, 2.0, 0.5, -0.5), 0.5


def _on_line(simplex: Array, t: Array) -> Array:
    centroid = jnp.mean(simplex[:-1], axis=0)
    return centroid + t * (centroid - simplex[-1])


def _begin(evaluate: Callable, x: Array) -> NelderMeadState:
    value = evaluate(x)
    # Shorter first edges would be within the tolerance already.
    least = max(0.00025, 10 * float(jnp.finfo(x.dtype).eps) ** (2 / 3))
    steps = jnp.where(jnp.abs(x) < 20 * least, least, 0.05 * x)
    simplex = jnp.concatenate([x[None], x[None] + jnp.diag(steps)])
    status = jnp.where(jnp.isfinite(value), Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(jnp.all(jnp.isfinite(x)), status, Status.INVALID_START)
    nothing, zero = jnp.full_like(value, jnp.inf), jnp.int32(0)
    return NelderMeadState(
        x, value, simplex, jnp.full_like(simplex[:, 0], value), simplex[1], nothing,
        jnp.int32(_FILL), jnp.int32(1), nothing, lowest(value), zero, jnp.int32(1),
        status.astype(jnp.int32),
    )  # fmt: skip


def _spread(simplex: Array, values: Array) -> Array:
    """How far the simplex reaches in x and in f, each over what it is at the best vertex."""
    best = jnp.maximum(jnp.abs(simplex[:1]), 1.0)
    in_x = max_of(jnp.abs(simplex - simplex[:1]) / best)
    return jnp.maximum(in_x, (values[-1] - values[0]) / jnp.maximum(jnp.abs(values[0]), 1.0))


def _advance(evaluate: Callable, s: NelderMeadState, adaptive: bool) -> NelderMeadState:
    """One value, and what follows from it."""
    n = s.x.size
    line, sigma = _line(n, adaptive)
    value = nan_last(evaluate(s.trial))
    filling, reflecting, expanding = (s.phase == p for p in (_FILL, _REFLECT, _EXPAND))
    best, second, worst = s.values[0], s.values[-2], s.values[-1]
    enough = jnp.where(
        s.phase == _OUTSIDE, value <= s.reflected, (s.phase == _INSIDE) & (value < worst)
    )
    accepted = (reflecting & (best <= value) & (value < second)) | expanding | enough
    contracting = (s.phase == _OUTSIDE) | (s.phase == _INSIDE)
    shrinking = contracting & ~enough
    # An expansion that is no better than the reflection gives it back.
    back = expanding & ~(value < s.reflected)
    vertex = jnp.where(back, _on_line(s.simplex, jnp.ones_like(value)), s.trial)
    row = jnp.where(filling, s.vertex, n)
    replace = (jnp.arange(n + 1, dtype=jnp.int32) == row) & (filling | accepted)
    values = jnp.where(replace, jnp.where(back, s.reflected, value), s.values)
    simplex = jnp.where(replace[:, None], vertex[None], s.simplex)
    simplex = jnp.where(shrinking, simplex[:1] + sigma * (simplex - simplex[:1]), simplex)
    ended = accepted | (filling & (s.vertex == n))
    # Stable: among equals the older ranks first (Lagarias et al., section 2).
    order = jnp.where(ended, jnp.argsort(values, stable=True), jnp.arange(n + 1))
    simplex, values = simplex[order], values[order]
    phase = jnp.where(value < best, _EXPAND, jnp.where(value < worst, _OUTSIDE, _INSIDE))
    phase = jnp.where(filling | shrinking, _FILL, phase)
    phase = jnp.where(ended, _REFLECT, phase)
    index = jnp.where(shrinking, 1, jnp.minimum(s.vertex + 1, n))
    t = jnp.asarray(line, s.x.dtype)[phase]
    trial = jnp.where(phase == _FILL, simplex[index], _on_line(simplex, t))
    still = jnp.all(
        jnp.abs(simplex - simplex[:1]) <= float(jnp.finfo(s.x.dtype).eps) * jnp.abs(simplex[:1])
    )
    status = jnp.where(ended & still, Status.STAGNATED, s.status)
    status = jnp.where(values[0] < s.floor, Status.UNBOUNDED, status)
    return NelderMeadState(
        simplex[0], values[0], simplex, values, trial, jnp.where(reflecting, value, s.reflected),
        phase.astype(jnp.int32), index.astype(jnp.int32),
        jnp.where(ended, _spread(simplex, values), s.error), s.floor,
        s.num_steps + ended.astype(jnp.int32), s.num_fun + 1, status.astype(jnp.int32),
    )  # fmt: skip


def by_simplex(
    fun: Callable,
    back: Callable,
    args: tuple,
    tol: Scalar,
    limit: Scalar,
    *,
    adaptive: bool = False,
) -> Method:
    """The simplex method on its problem."""
    evaluate = lambda v: objective(fun, args)(back(v))

    def status_fn(s: NelderMeadState) -> Array:
        status = jnp.where(s.num_steps >= limit, Status.MAX_STEPS, Status.RUNNING)
        status = jnp.where((s.error <= tol) & jnp.isfinite(s.error), Status.CONVERGED, status)
        early = (s.status != Status.RUNNING) & ((s.status != Status.STAGNATED) | (s.error > tol))
        return jnp.where(early, s.status, status)

    return Method(
        lambda x: _begin(evaluate, x),
        lambda s: _advance(evaluate, s, adaptive),
        status_fn,
        lambda s, status: Solution(s.x, status, s.error, s.num_steps, s.num_fun),
    )


@donatable
def nelder_mead_init(fun: Callable, x0: Array, args: tuple = ()) -> NelderMeadState:
    """The start of the simplex method: f at x₀, and n vertices beside it, their values to come.

    ::

        xᵢ = x₀ + 0.05·x₀ᵢ eᵢ,   or x₀ + δ eᵢ where |x₀ᵢ| < 20 δ;   δ = max(0.00025, 10 eps^⅔)

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``NelderMeadState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f there, is not finite.

    Example:
      >>> state = nelder_mead_init(lambda x: jnp.sum(x**2), jnp.array([1.0, 0.0]))
      >>> print([f"{a:.2f} {b:.5f}" for a, b in state.simplex])
      ['1.00 0.00000', '1.05 0.00000', '1.00 0.00025']

    References:
      SciPy, ``scipy.optimize.minimize(method="Nelder-Mead")``, for the first simplex.
    """
    x = as_array("x0", x0, ndim=1, min_size=1)
    return _begin(objective(fun, args), x)


def nelder_mead_step(
    fun: Callable, state: NelderMeadState, args: tuple = (), *, adaptive: bool = False
) -> NelderMeadState:
    """One value of the simplex method, and what follows from it.

    ::

        x(t) = c + t(c − xₙ),   c the mean of all vertices but the worst, xₙ;   fᵣ = f(x(1))
        f₀ ≤ fᵣ < fₙ₋₁: take x(1)         fᵣ < f₀: take the better of x(1) and x(χ)
        fₙ₋₁ ≤ fᵣ < fₙ: take x(γ) if f(x(γ)) ≤ fᵣ     fᵣ ≥ fₙ: take x(−γ) if f(x(−γ)) < fₙ
        none of these: xᵢ ← x₀ + σ(xᵢ − x₀)

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``NelderMeadState`` so far.
      args: further arguments of ``fun``.
      adaptive: as in ``nelder_mead``.

    Returns:
      The next ``NelderMeadState``; ``num_steps`` counts the simplices, ``num_fun`` the values.

    Numerics:
      As ``nelder_mead``.

    Example:
      >>> f = lambda x: jnp.sum((x - 1.0) ** 2)
      >>> state = nelder_mead_init(f, jnp.array([2.0]))
      >>> for _ in range(3): state = nelder_mead_step(f, state)
      >>> print(f"{state.x[0]:.2f}", state.num_steps)
      1.80 2

    References:
      J. C. Lagarias et al., "Convergence properties of the Nelder–Mead simplex method in low
      dimensions", 1998, section 2.
    """
    return _advance(objective(fun, args), state, adaptive)


@partial(solver, data=("scale",))
def nelder_mead(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    adaptive: bool = False,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a function without its derivatives, by the simplex method of Nelder and Mead.

    ::

        n + 1 vertices, f₀ ≤ … ≤ fₙ; the worst is replaced by a point on the line from it through
        the centroid c of the others, x(t) = c + t(c − xₙ), t ∈ {1, χ, γ, −γ}; else all move to x₀

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      adaptive: χ = 1 + 2/n, γ = ¾ − 1/2n, σ = 1 − 1/n for n > 2; not χ = 2, γ = σ = ½.
      tol: see Numerics; None takes eps^(2/3), 3.7e-11 in double and 2.4e-5 in single precision.
      max_steps: the limit on simplices; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``: the best vertex, a ``Status``, the error, and the counts of simplices and of
      values.

    Numerics:
      error = max(maxᵢⱼ |xᵢⱼ − x₀ⱼ|/max(|x₀ⱼ|, 1), (fₙ − f₀)/max(|f₀|, 1)). CONVERGED where it is at
      most tol: the simplex is small, which is no proof of a minimum (McKinnon's function). A flat
      objective ends so too. STAGNATED where the vertices agree to rounding first. UNBOUNDED where f
      falls below −eps^(−3/2)·max(|f(x₀)|, 1). NON_FINITE and INVALID_START at the start; later a
      NaN ranks as ∞. Equal values rank by age. One value a trip, so that under vmap no lane waits
      for another's shrinking. Cost: O(n²) a value.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = nelder_mead(rosenbrock, jnp.array([-1.2, 1.0]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['1.000', '1.000'] True

    References:
      J. A. Nelder, R. Mead, "A simplex method for function minimization", 1965.
      J. C. Lagarias et al., "Convergence properties of the Nelder–Mead simplex method in low
      dimensions", 1998.
      F. Gao, L. Han, "Implementing the Nelder-Mead simplex algorithm with adaptive parameters",
      2012, equation 4.1.
    """
    return solve(partial(by_simplex, adaptive=adaptive), fun, x0, args, tol, max_steps, scale)
