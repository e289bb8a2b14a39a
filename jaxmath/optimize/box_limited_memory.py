"""L-BFGS-B: limited memory BFGS within bounds."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxmath._loops import fori_loop
from jaxmath.iterate import Solution
from jaxmath.numerics import dot, matmul
from jaxmath.optimize._box import Box, as_box
from jaxmath.optimize._cauchy_point import Curvature, subspace_step
from jaxmath.optimize._descent import (
    DescentState,
    Rule,
    as_scale,
    descent,
    first_state,
    next_state,
    solve,
)
from jaxmath.optimize._solver import as_point, donatable, solver
from jaxmath.optimize.limited_memory import Pairs, lbfgs_rule
from jaxmath.optimize.line_search import NOISE
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_precision

__all__ = ["lbfgsb", "lbfgsb_init", "lbfgsb_step"]


def _curvature(pairs: Pairs) -> Curvature:
    """B of the pairs, unrolled: B⁺ = B + yyᵀ/sᵀy − (Bs)(Bs)ᵀ/sᵀBs (Nocedal and Wright, 7.2)."""
    m, eps = len(pairs.S), float(jnp.finfo(pairs.S.dtype).eps)
    E = jnp.concatenate([jnp.ones_like(pairs.curvature), -jnp.ones_like(pairs.curvature)])
    theta = 1 / pairs.scale[0]  # all are alike

    def add(i: Array, W: Array) -> Array:
        s, y, sy = pairs.S[i], pairs.Y[i], pairs.curvature[i]
        Ws = matmul(W, s)
        Bs = theta * s + matmul(E * Ws, W)
        sBs = dot(s, Bs)
        fine = (sy > 0) & (sBs > eps * (theta + dot(Ws, Ws)))
        row = lambda v, square: jnp.where(fine, v / jnp.sqrt(jnp.where(fine, square, 1.0)), 0.0)
        return W.at[i].set(row(y, sy)).at[m + i].set(row(Bs, sBs))

    W = jnp.concatenate([jnp.zeros_like(pairs.S)] * 2)
    return Curvature(theta, fori_loop(0, m, add, W), E)


def _rule(memory: int, box: Box) -> Rule:
    def direction(pairs: Pairs, g: Array, x: Array) -> Array:
        return subspace_step(x, g, _curvature(pairs), box)

    return lbfgs_rule(memory)._replace(direction=direction, region=box, level=NOISE)


@donatable
@solver
def lbfgsb_init(
    fun: Callable,
    x0: Array,
    args: tuple = (),
    *,
    lower: Any = None,
    upper: Any = None,
    memory: int = 10,
) -> DescentState:
    """The start of L-BFGS-B: f and ∇f at x₀, no pairs, and a search along the projected −∇f.

    ::

        d = P(x₀ − τ∇f(x₀)) − x₀,   P the projection onto l ≤ x ≤ u
        τ = 1 where all bounds are finite, else max(1, eps^¾·‖x₀‖_∞)/‖∇f(x₀)‖ without what the
        bounds hold

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,), within the bounds.
      args: further arguments of ``fun``.
      lower: l, a scalar or shape (n,); None for −∞.
      upper: u, a scalar or shape (n,); None for ∞.
      memory: the number of pairs kept.

    Returns:
      A ``DescentState``.

    Numerics:
      Its status is INFEASIBLE where l ≤ u has no finite point; INVALID_START where ``x0`` is not
      finite or outside the bounds; NON_FINITE where f or ∇f there is not finite.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> print(lbfgsb_init(f, jnp.array([3.0, 4.0]), lower=3.0).direction)
      [ 0. -1.]

    References:
      R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, "A limited memory algorithm for bound constrained
      optimization", 1995, section 6.
    """
    x = as_array("x0", x0, ndim=1, min_size=1)
    check_precision("x0", x)
    return first_state(fun, x, args, _rule(memory, as_box(lower, upper, x, ("x0", x))))


@solver
def lbfgsb_step(
    fun: Callable, state: DescentState, args: tuple = (), *, lower: Any = None, upper: Any = None
) -> DescentState:
    """One evaluation of L-BFGS-B, and the step where the line search accepts it.

    ::

        x⁺ = x + αd,   keep (s, y) and forget the oldest pair,
        xᶜ = the first minimizer of m(P(x⁺ − t g)), t ≥ 0,   m(x) = gᵀ(x − x⁺) + ½(x − x⁺)ᵀB(x − x⁺)
        d⁺ = P(xᶜ + argmin of m(xᶜ + p) over the p of variables strictly between bounds) − x⁺

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``DescentState`` so far.
      args: further arguments of ``fun``.
      lower: l, as in the start.
      upper: u, as in the start.

    Returns:
      The next ``DescentState``.

    Numerics:
      As ``lbfgsb``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> state = lbfgsb_init(f, jnp.array([3.0, 4.0]), lower=3.0)
      >>> print(lbfgsb_step(f, state, lower=3.0).x)
      [3. 3.]

    References:
      R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, "A limited memory algorithm for bound constrained
      optimization", 1995, sections 4, 5.1.
      J. L. Morales, J. Nocedal, "Remark on Algorithm 778: L-BFGS-B", 2011.
    """
    box = as_box(lower, upper, state.x, ("state.x", state.x))
    return next_state(fun, state, args, _rule(len(state.memory.S), box))


def _scaled(box: Box, unit: Array) -> tuple[Box, Callable[[Array], Array]]:
    """The box of z = x/unit, and the way back: on a bound exactly, and never outside."""
    inner = Box(box.lower / unit, box.upper / unit)

    def restore(z: Array) -> Array:
        x = unit * z
        exact = jnp.clip(x, box.lower, box.upper)
        exact = jnp.where(z == inner.lower, box.lower, exact)
        exact = jnp.where(z == inner.upper, box.upper, exact)
        # The derivative is that of unit·z, on a bound too.
        return lax.stop_gradient(exact) + (x - lax.stop_gradient(x))

    return inner, restore


@partial(solver, data=("lower", "upper", "scale"))
def lbfgsb(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    lower: Any = None,
    upper: Any = None,
    memory: int = 10,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function within bounds by BFGS with limited memory.

    ::

        minimize f(x) subject to l ≤ x ≤ u;   at a solution gᵢ ≥ 0 where xᵢ = lᵢ, gᵢ ≤ 0 where
        xᵢ = uᵢ, and gᵢ = 0 between them

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype, within the bounds.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      lower: l, a number for all variables or a pytree like ``x0``; None for −∞.
      upper: u, alike; None for ∞. Equal bounds hold a variable fixed.
      memory: the number of pairs kept.
      tol: see Numerics; None takes eps^(2/3), 3.7e-11 in double and 2.4e-5 in single precision.
      max_steps: the limit on steps; None takes 200 n.
      scale: as in ``bfgs``; the bounds are those of x, not of x/scale.

    Returns:
      A ``Solution``: the minimizer, a ``Status``, the error, and the counts of steps and of
      evaluations (``num_fun`` = ``num_grad``, the line search included).

    Numerics:
      error = maxᵢ|gᵢ|·min(max(|xᵢ|, 1), δᵢ) / max(|f|, 1), δᵢ the distance to the bound that −gᵢ
      leads to: what the bounds let f lose to first order. CONVERGED, STAGNATED, UNBOUNDED,
      MAX_STEPS, LINE_SEARCH_FAILED and NON_FINITE as in ``bfgs``. INFEASIBLE where l ≤ u has no
      finite point, INVALID_START where ``x0`` is not finite or outside the bounds: both return
      ``x0``. Every point at which f is evaluated is within the bounds, and a variable that meets
      its bound has its value exactly. The Cauchy point is found by one sort and sums in place of
      the paper's loop, which under vmap would wait for the longest. B is kept unrolled, as 2·memory
      vectors. Reverse mode is refused by jax. Cost a step: O(memory²·n + memory³ + n log n).

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = lbfgsb(rosenbrock, jnp.array([-1.2, 1.0]), upper=jnp.array([0.5, jnp.inf]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['0.500', '0.250'] True

    References:
      R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, "A limited memory algorithm for bound constrained
      optimization", 1995.
      J. L. Morales, J. Nocedal, "Remark on Algorithm 778: L-BFGS-B", 2011.
    """
    x, back = as_point("x0", x0)
    check_precision("x0", x)
    unit = as_scale(scale, x, x0)
    box, restore = _scaled(as_box(lower, upper, x, ("x0", x0)), unit)
    solution = solve(
        partial(descent, rule=_rule(memory, box)), lambda z, *rest: fun(back(restore(z)), *rest),
        x / unit, args, tol, max_steps,
    )  # fmt: skip
    # A start that is refused comes back as it was, outside the bounds too.
    end = jnp.where(solution.num_steps > 0, restore(solution.value), x)
    return solution._replace(value=back(end))
