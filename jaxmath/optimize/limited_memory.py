"""L-BFGS: BFGS from the last pairs alone, for many variables."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._loops import scan
from jaxmath.iterate import Solution
from jaxmath.optimize._descent import DescentState, Rule, descent, first_state, next_state, solve
from jaxmath.optimize._solver import choose, donatable, solver
from jaxmath.optimize.line_search import LEVEL
from jaxmath.optimize.quasi_newton import first_scale, secant_pair
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["lbfgs", "lbfgs_init", "lbfgs_step"]


class Pairs(NamedTuple):
    """Pairs (s, y) over ‖s‖, the newest last; their sᵀy, 0 where there is none; and the diagonal of
    the H before them, γD with γ = sᵀy/yᵀDy, D = I or diag(x²)."""

    S: Array
    Y: Array
    curvature: Array
    scale: Array


def _two_loops(memory: Pairs, g: Array) -> Array:
    """−H g by the recursion of Nocedal and Wright, algorithm 7.4; α = 0 where there is no pair."""
    used = memory.curvature > 0
    rho = jnp.where(used, 1 / jnp.where(used, memory.curvature, 1.0), 0.0)

    def backward(q: Array, pair: tuple) -> tuple[Array, Array]:
        s, y, r = pair
        alpha = r * numerics.dot(s, q)
        return q - alpha * y, alpha

    def forward(q: Array, pair: tuple) -> tuple[Array, None]:
        s, y, r, alpha = pair
        return q + (alpha - r * numerics.dot(y, q)) * s, None

    q, alphas = scan(backward, g, (memory.S, memory.Y, rho), reverse=True)
    q, _ = scan(forward, memory.scale * q, (memory.S, memory.Y, rho, alphas))
    return -q


def lbfgs_rule(memory: int) -> Rule:
    check_number("memory", memory, low=1, integer=True)

    def init(D: Array) -> Pairs:
        zeros = jnp.zeros((memory, D.size), D.dtype)
        return Pairs(zeros, zeros, zeros[:, 0], D)

    def update(pairs: Pairs, s: Array, y: Array, g: Array, d: Array) -> Pairs:
        del g, d
        s, y, sy, fine = secant_pair(s, y)
        push = lambda rows, row: jnp.concatenate([rows[1:], row[None]])
        scale = pairs.scale * first_scale(y, pairs.scale * y, sy)
        new = Pairs(push(pairs.S, s), push(pairs.Y, y), push(pairs.curvature, sy), scale)
        return choose(fine, new, pairs)

    return Rule(init, update, _two_loops, level=LEVEL)


@donatable
@solver
def lbfgs_init(fun: Callable, x0: Array, args: tuple = (), *, memory: int = 10) -> DescentState:
    """The start of L-BFGS: f and ∇f at x₀, no pairs, and a search along −∇f.

    ::

        d = −∇f(x₀),   α = 1/‖d‖

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      args: further arguments of ``fun``.
      memory: the number of pairs kept.

    Returns:
      A ``DescentState``.

    Numerics:
      Its status is INVALID_START or NON_FINITE where ``x0``, or f or ∇f there, is not finite.

    Example:
      >>> print(lbfgs_init(lambda x: jnp.sum(x**2), jnp.array([3.0, 4.0])).direction)
      [-6. -8.]

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithm 7.5.
    """
    return first_state(fun, x0, args, lbfgs_rule(memory))


@solver
def lbfgs_step(fun: Callable, state: DescentState, args: tuple = ()) -> DescentState:
    """One evaluation of L-BFGS, and the step where the line search accepts it.

    ::

        x⁺ = x + αd,   keep (s, y) and forget the oldest pair,   d⁺ = −H⁺∇f(x⁺) by two loops

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``DescentState`` so far.
      args: further arguments of ``fun``.

    Returns:
      The next ``DescentState``.

    Numerics:
      As ``lbfgs``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> print(lbfgs_step(f, lbfgs_init(f, jnp.array([3.0, 4.0]), memory=3)).memory.S.shape)
      (3, 2)

    References:
      J. Nocedal, S. J. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 7.4, 7.5.
    """
    return next_state(fun, state, args, lbfgs_rule(len(state.memory.S)))


@partial(solver, data=("scale",))
def lbfgs(
    fun: Callable,
    x0: PyTree,
    args: tuple = (),
    *,
    memory: int = 10,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
    scale: PyTree | None = None,
) -> Solution:
    """Minimize a smooth function of many variables by BFGS with limited memory.

    ::

        xₖ₊₁ = xₖ − αₖHₖ∇f(xₖ),   Hₖ from the last pairs (s, y) and γ I, γ = sᵀy/yᵀy

    Args:
      fun: the objective, ``fun(x, *args)``, a real scalar.
      x0: the start, a pytree of floating arrays of one dtype.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      memory: the number of pairs kept.
      tol: as in ``bfgs``.
      max_steps: the limit on steps; None takes 200 n.
      scale: as in ``bfgs``.

    Returns:
      A ``Solution``, as ``bfgs``.

    Numerics:
      As ``bfgs``, H begun anew after 5 quiet steps, and in the units of x after 3 more; the search
      is ``strong_wolfe_step``, where rounding may change f by 256 eps of it (at most √eps). Cost:
      4·memory·n multiply-adds a step, beside the evaluations.

    Example:
      >>> s = lbfgs(lambda x: jnp.sum((x - 1.0) ** 4 + x**2), jnp.zeros(3))
      >>> print([f"{x:.4f}" for x in s.value], bool(s.converged))
      ['0.4102', '0.4102', '0.4102'] True

    References:
      D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", 1989.
    """
    return solve(partial(descent, rule=lbfgs_rule(memory)), fun, x0, args, tol, max_steps, scale)
