"""Quasi-Newton methods: BFGS, and DFP, whose line search is strong Wolfe.

Each solver runs its line search in reverse communication (``line_search``): one evaluation of f and
∇f a trip, which is what ``x_step`` does. ``x_init`` and ``x_step`` take a vector; the solvers take
any pytree.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath.iterate import Solution
from jaxmath.optimize._bfgs import BFGSState, advance, begin, by_bfgs, updated
from jaxmath.optimize._descent import (
    DescentState,
    Rule,
    descent,
    first_state,
    next_state,
    solve,
    vector_evaluator,
)
from jaxmath.optimize._solver import donatable, or_one, solver
from jaxmath.typing import Array, PyTree, Scalar, as_array

__all__ = [
    "bfgs",
    "bfgs_init",
    "bfgs_step",
    "dfp",
    "dfp_init",
    "dfp_step",
]


class Inverse(NamedTuple):
    """H ≈ ∇²f⁻¹, and whether it has met a pair (s, y) yet."""

    H: Array
    started: Array


def _diagonal(D: Array) -> Inverse:
    return Inverse(D[None, :] * jnp.eye(D.size, dtype=D.dtype), jnp.asarray(False))


def secant_pair(s: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """s and y over max|s| (H y = s is homogeneous), sᵀy, and whether that is safely positive."""
    size = or_one(jnp.max(jnp.abs(s)))
    s, y = s / size, y / size
    curvature = numerics.dot(s, y)
    fine = curvature > float(jnp.finfo(s.dtype).eps) * jnp.max(jnp.abs(y))
    return s, y, jnp.where(fine, curvature, 1.0), fine & jnp.isfinite(curvature)


def first_scale(y: Array, Hy: Array, sy: Array) -> Array:
    """γ = sᵀy/yᵀHy; where that leaves the range, sᵀy/(max|y| max|Hy|): with H = I that is within a
    factor n of it."""
    square, inverse = numerics.dot(y, Hy), lambda v: 1 / or_one(jnp.max(jnp.abs(v)))
    inside = (square > 0) & jnp.isfinite(square)
    return jnp.where(inside, sy / jnp.where(inside, square, 1.0), sy * inverse(y) * inverse(Hy))


def _bfgs_formula(H: Array, s: Array, y: Array, sy: Array) -> Array:
    """That of ``bfgs``."""
    return updated(H, s, y, 1 / sy, jnp.int32(1))


def _dfp_formula(H: Array, s: Array, y: Array, sy: Array) -> Array:
    """H − H y yᵀH / yᵀHy + ssᵀ / sᵀy (Nocedal and Wright, equation 6.15)."""
    Hy = numerics.matmul(H, y)
    return H - Hy[:, None] * Hy[None, :] / numerics.dot(y, Hy) + s[:, None] * s[None, :] / sy


def _inverse_rule(formula: Callable, c2: float) -> Rule:
    def update(memory: Inverse, s: Array, y: Array, g: Array, d: Array) -> Inverse:
        del g, d
        s, y, sy, fine = secant_pair(s, y)
        # The first H is the multiple of itself that fits the first pair (equation 6.20).
        first = first_scale(y, numerics.matmul(memory.H, y), sy)
        scale = jnp.where(memory.started, 1.0, first)
        H = jnp.where(fine, formula(scale * memory.H, s, y, sy), memory.H)
        return Inverse(H, memory.started | fine)

    return Rule(_diagonal, update, lambda memory, g: -numerics.matmul(memory.H, g), c2=c2)


BFGS_RULE = _inverse_rule(_bfgs_formula, c2=0.9)  # for ``_continuation``, whose f changes under it
DFP_RULE = _inverse_rule(_dfp_formula, c2=0.1)  # DFP mends a wrong curvature slowly: search well


@donatable
@solver
def bfgs_init(fun: Callable, x0: Array, args: tuple = ()) -> BFGSState:
    """The start of BFGS: f and ∇f at x₀, and a first move along −∇f.

    ::

        s = −∇f(x₀)/‖∇f(x₀)‖

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``BFGSState``: ``x``, ``gradient``, the next ``move``, ``H``, and ``value``, ``error``,
      ``num_steps``, ``num_fun`` and ``status``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> state = bfgs_init(lambda x: jnp.sum(x**2), jnp.array([3.0, 4.0]))
      >>> print([f"{s:.1f}" for s in state.move], state.value)
      ['-0.6', '-0.8'] 25.0

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 6.1.
    """
    return begin(vector_evaluator(fun, args), as_array("x0", x0, ndim=1, min_size=1))


@solver
def bfgs_step(fun: Callable, state: BFGSState, args: tuple = ()) -> BFGSState:
    """One evaluation of BFGS, at the end of its move, and what follows from it.

    ::

        f(x + s) too high:              s ← τs,   τ = gᵀs / 2(f + gᵀs − f(x + s)) in [1/10, 1/2]
        f falls as steeply there:       x ← x + s,   s ← 4s
        else: x ← x + s,   H ← (I − ρsyᵀ) H (I − ρysᵀ) + ρssᵀ,   s ← −H∇f(x)
        y = ∇f(x + s) − ∇f(x),   ρ = 1/sᵀy

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``BFGSState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``BFGSState``.

    Numerics:
      As ``bfgs``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> state = bfgs_step(f, bfgs_init(f, jnp.array([3.0, 4.0])))
      >>> print([f"{x:.2f}" for x in state.x], state.num_steps)
      ['2.40', '3.20'] 1

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 6.1.
    """
    return advance(vector_evaluator(fun, args), state)


@partial(solver, data=("scale",))
def bfgs(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function by the method of Broyden, Fletcher, Goldfarb and Shanno.

    ::

        xₖ₊₁ = xₖ − αₖHₖ∇f(xₖ),   Hₖ₊₁ = (I − ρsyᵀ) Hₖ (I − ρysᵀ) + ρssᵀ
        s = xₖ₊₁ − xₖ,   y = ∇f(xₖ₊₁) − ∇f(xₖ),   ρ = 1/sᵀy,   H₁ = sᵀy/yᵀy·I

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: see Numerics; None takes eps^(2/3), 3.7e-11 in double and 2.4e-5 in single precision.
      max_steps: the limit on steps; None takes 200 n.
      scale: typical sizes of the variables, > 0, a number or a pytree like ``x0``; None for 1. The
        method works on x/scale, as if each variable were measured in that unit; ``curvature_scale``
        gives good ones, above all in single precision. INVALID_START where one is not > 0
        (INFEASIBLE under bounds).

    Returns:
      A ``Solution``: the minimizer, a ``Status``, the error, and the counts of steps and of
      evaluations (``num_fun`` = ``num_grad``, the line search included).

    Numerics:
      error = maxᵢ|gᵢ|·max(|xᵢ|, 1) / max(|f|, 1). CONVERGED where error ≤ tol and the decrease that
      the model promises, gᵀHg (‖g‖² while H knows no pair), is at most tol·max(|f|, 1). A trial
      that lowers f by less than 10⁻⁴|gᵀs| is shortened, by the parabola; one with f or ∇f not
      finite, to a tenth. Within 256 eps of |f| (at most √eps), which rounding may do to a sum of
      many terms, φ′ judges: a trial where it has turned to more than 9/10 of what it was is
      shortened, by the secant of slopes. Where φ′ is still above 9/10 of what it was, the step is
      taken and goes on four times as far. A pair with sᵀy ≤ eps|gᵀs| is left out. After 6 steps in
      a row that lower f by less than eps of it while ∇f does not grow, and where 40 trials do not
      lower it or none is left that can be seen in f, H is begun anew along −∇f, and 6 such steps
      later along −diag(x²)∇f, of a condition ≤ 1/eps: valleys that steps in common units miss are
      found in the variables' own. STAGNATED after 5 more, LINE_SEARCH_FAILED after 40 trials. f
      is UNBOUNDED where it falls below
      −eps^(−3/2)·max(|f(x₀)|, 1). MAX_STEPS; NON_FINITE and INVALID_START at the start. Under vmap
      no lane waits for another's line search. Reverse mode is refused by jax (a ``while_loop``).
      Cost: O(n²) a step.

    Example:
      >>> rosenbrock = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
      >>> s = bfgs(rosenbrock, jnp.array([0.0, 2.0]))
      >>> print([f"{x:.3f}" for x in s.value], bool(s.converged))
      ['1.000', '1.000'] True

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 6.1 and 3.1.
    """
    return solve(by_bfgs, fun, x0, args, tol, max_steps, scale)


@donatable
@solver
def dfp_init(fun: Callable, x0: Array, args: tuple = ()) -> DescentState:
    """The start of DFP: as ``bfgs_init``.

    ::

        d = −∇f(x₀),   α = 1/‖d‖

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.

    Returns:
      A ``DescentState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(dfp_init(lambda x: jnp.sum(x**2), jnp.array([3.0, 4.0])).direction)
      [-6. -8.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, section 6.1.
    """
    return first_state(fun, x0, args, DFP_RULE)


@solver
def dfp_step(fun: Callable, state: DescentState, args: tuple = ()) -> DescentState:
    """One evaluation of DFP, and the step where the line search accepts it.

    ::

        x⁺ = x + αd,   H⁺ = H − H y yᵀH / yᵀHy + ssᵀ / sᵀy,   d⁺ = −H⁺∇f(x⁺)

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``DescentState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``DescentState``.

    Numerics:
      As ``dfp``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> print(dfp_step(f, dfp_init(f, jnp.array([3.0, 4.0]))).num_fun)
      2

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, equation 6.15.
    """
    return next_state(fun, state, args, DFP_RULE)


@partial(solver, data=("scale",))
def dfp(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function by the method of Davidon, Fletcher and Powell.

    ::

        xₖ₊₁ = xₖ − αₖHₖ∇f(xₖ),   Hₖ₊₁ = Hₖ − Hₖy yᵀHₖ / yᵀHₖy + ssᵀ / sᵀy

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      tol: as in ``bfgs``.
      max_steps: the limit on steps; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``.

    Numerics:
      As ``bfgs``, with a line search to |φ′(α)| ≤ |φ′(0)|/10, as DFP corrects a wrong curvature
      slowly: on ill-conditioned valleys it takes several times the evaluations of BFGS.

    Example:
      >>> s = dfp(lambda x: (x[0] - 1.0) ** 2 + 10.0 * x[1] ** 2, jnp.array([0.0, 1.0]))
      >>> print([f"{abs(x):.3f}" for x in s.value], bool(s.converged))
      ['1.000', '0.000'] True

    References:
      R. Fletcher, M. J. D. Powell, "A rapidly convergent descent method for minimization", 1963.
    """
    return solve(partial(descent, rule=DFP_RULE), fun, x0, args, tol, max_steps, scale)
