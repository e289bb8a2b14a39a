"""Constraints by a sequence of unconstrained minimizations: one evaluation of f, ∇f and s a trip.

The augmented Lagrangian, the quadratic penalty and the log barrier minimize a merit function φ of
x for fixed multipliers and penalty, then change those, and begin again where they are. The inner
minimization is BFGS on the flat descent loop, so that under vmap no lane waits for another's.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._limits import MOST, as_limit
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.optimize._constraints import Constraints, constraints
from jaxmath.optimize._descent import OPENING, DescentState, advance, opening
from jaxmath.optimize._ends import PATIENCE
from jaxmath.optimize._solver import as_point, choose, objective
from jaxmath.optimize.kkt import ConstrainedPoint
from jaxmath.optimize.line_search import MAX_TRIALS
from jaxmath.optimize.quasi_newton import BFGS_RULE
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_number

__all__: list[str] = []


class Outer(NamedTuple):
    """What is fixed while x moves: λ, ρ, and how exact the inner minimization should be.

    Args:
      multipliers: λ, in the order of the slack s.
      penalty: ρ; the barrier's parameter is 1/ρ.
      tolerance: ω, the error of φ's gradient at which the inner minimization ends.
      feasibility: η, the violation at which the multipliers are taken over.
    """

    multipliers: Array
    penalty: Array
    tolerance: Array
    feasibility: Array


class Method(NamedTuple):
    """What makes a method of continuation.

    Args:
      merit: from (s, outer, equal) to φ − f.
      estimate: from (s, outer, equal) to the multipliers that the minimizer of φ stands for.
      violation: from (s, estimate, equal) to the distance from h = 0, c ≥ 0 and λc = 0.
      first: from a vector like s to the first ``Outer``.
      update: from (outer, estimate, violation) to the next ``Outer``.
      inside: whether the start must satisfy s > 0.
    """

    merit: Callable[[Array, Outer, Array], Array]
    estimate: Callable[[Array, Outer, Array], Array]
    violation: Callable[[Array, Array, Array], Array]
    first: Callable[[Array], Outer]
    update: Callable[[Outer, Array, Array], Outer]
    inside: bool = False


class ContinuationState(NamedTuple):
    """Between two evaluations: the inner minimization of φ, and what φ is made of.

    Args:
      inner: the descent on φ; ``inner.x`` is the point.
      slack: s = (h, c, x − l, u − x) there.
      outer: multipliers, penalty and tolerances.
      last: the violation where the one before ended.
      num_updates: int32, inner minimizations that have ended.
      status: int32, RUNNING until nothing more can be done.
    """

    inner: DescentState
    slack: Array
    outer: Outer
    last: Array
    num_updates: Array
    status: Array


class Problem(NamedTuple):
    """f on vectors, its constraints, and the method that joins them."""

    fun: Callable[[Array], Array]
    constraints: Constraints
    method: Method

    def evaluate(self, x: Array, outer: Outer) -> tuple[Array, Array, Array]:
        """φ, ∇φ and s."""

        def merit(x: Array) -> tuple[Array, Array]:
            s = self.constraints.slack(x)
            return self.fun(x) + self.method.merit(s, outer, self.constraints.equal()), s

        (value, slack), gradient = jax.value_and_grad(merit, has_aux=True)(x)
        return value, gradient, slack

    def estimate(self, state: ContinuationState) -> Array:
        """The multipliers that the point stands for: ∇φ(x) = ∇L(x, λ)."""
        return self.method.estimate(state.slack, state.outer, self.constraints.equal())

    def violation(self, state: ContinuationState) -> Array:
        """How far the constraints and their complementarity are from holding, over max(1, ‖x‖)."""
        size = self.method.violation(state.slack, self.estimate(state), self.constraints.equal())
        return size / length(state.inner.x)

    def error(self, state: ContinuationState) -> Array:
        """The larger of the errors of stationarity and of the constraints."""
        return jnp.maximum(state.inner.error, self.violation(state))


def length(x: Array) -> Array:
    return jnp.maximum(jnp.max(jnp.abs(x)), 1.0)


def highest(x: Array) -> float:
    """10/√eps, the largest penalty: 6.7e8 in double and 2.9e4 in single precision."""
    return 10.0 * float(jnp.finfo(x.dtype).eps) ** -0.5


def least(x: Array) -> float:
    """eps^(2/3), the least tolerance that is asked of an inner minimization."""
    return float(jnp.finfo(x.dtype).eps) ** (2 / 3)


def problem(
    fun: Callable, x: Array, back: Callable, args: tuple, method: Method, sides: tuple
) -> Problem:
    f = objective(fun, args)
    return Problem(lambda x: f(back(x)), constraints(x, back, args, *sides), method)


def start(p: Problem, x: Array) -> ContinuationState:
    """The state before the first evaluation."""
    outer, slack = p.method.first(jnp.zeros(p.constraints.size, x.dtype)), p.constraints.slack(x)
    admitted = jnp.all(slack > 0) if p.method.inside else True
    status = jnp.where(admitted, Status.RUNNING, Status.INVALID_START)
    status = jnp.where(p.constraints.consistent, status, Status.INFEASIBLE)
    inf = jnp.full((), jnp.inf, x.dtype)
    return ContinuationState(
        opening(x, BFGS_RULE), slack, outer, inf, jnp.int32(0), status.astype(jnp.int32)
    )


def first(p: Problem, x: Array) -> ContinuationState:
    """The state at the start, with its one evaluation."""
    return following(p, start(p, x))


def _ended(state: ContinuationState) -> Array:
    """Whether the inner minimization has done what it can or what it should."""
    inner = state.inner
    done = inner.error <= state.outer.tolerance
    done = done | (inner.quiet.steps >= PATIENCE) | (inner.status != Status.RUNNING)
    return done & (inner.phase != OPENING)


def _updated(p: Problem, state: ContinuationState) -> ContinuationState:
    """New multipliers or a new penalty, and an inner minimization to begin at the same point.

    What BFGS knows of the curvature is kept, unless φ had no lower bound.
    """
    inner, outer, violation = state.inner, state.outer, p.violation(state)
    # φ may have no lower bound where f has one on the feasible set: a larger penalty gives it one.
    lost = inner.status == Status.UNBOUNDED
    judged = jnp.where(lost, jnp.inf, violation)
    after = p.method.update(outer, p.estimate(state), judged)
    kept = [jnp.all(a == b) for a, b in zip(after, outer, strict=True)]
    stuck = (judged > outer.feasibility) | (outer.tolerance <= least(inner.x))
    stays = judged >= 0.5 * state.last
    spent = jnp.all(jnp.stack(kept)) | ((after.penalty == outer.penalty) & stays & stuck)
    infeasible = p.constraints.infeasibility(state.slack) / length(inner.x)
    rough = float(jnp.finfo(inner.x.dtype).eps) ** 0.25
    verdict = jnp.where(stays & (infeasible > rough), Status.INFEASIBLE, Status.STAGNATED)
    status = jnp.where(spent, verdict, state.status)
    unbounded = lost & ((infeasible <= rough) | (after.penalty == outer.penalty))
    status = jnp.where(unbounded, Status.UNBOUNDED, status).astype(jnp.int32)
    inner = inner._replace(phase=jnp.int32(OPENING), fresh=lost, status=jnp.int32(Status.RUNNING))
    return ContinuationState(inner, state.slack, after, judged, state.num_updates + 1, status)


def following(p: Problem, state: ContinuationState) -> ContinuationState:
    """One evaluation: a trial of the inner line search, or the point again with a new φ."""
    state = choose(_ended(state), _updated(p, state), state)
    inner, opens = state.inner, state.inner.phase == OPENING
    x = jnp.where(opens, inner.x, inner.x + inner.search.step * inner.direction)
    value, gradient, slack = p.evaluate(x, state.outer)
    moved = advance(lambda _: (value, gradient), inner, BFGS_RULE)
    known = opens | (moved.num_steps > inner.num_steps)
    refused = (moved.num_fun == 1) & (state.status == Status.RUNNING)
    return state._replace(
        inner=moved, slack=jnp.where(known, slack, state.slack),
        status=jnp.where(refused, moved.status, state.status),
    )  # fmt: skip


def on_vectors(fun: Callable, x: Array, args: tuple, method: Method, sides: tuple) -> Problem:
    """The problem of ``x_init`` and ``x_step``, whose points are vectors."""
    return problem(fun, as_array("x0", x, ndim=1, min_size=1), lambda x: x, args, method, sides)


def minimize_constrained(
    fun: Callable,
    x0: PyTree,
    args: tuple,
    method: Method,
    sides: tuple,
    tol: Scalar | None,
    power: float,
    max_steps: Scalar | None,
) -> Solution:
    """The solver: from a start to a ``Solution`` whose value is a ``ConstrainedPoint``."""
    x, back = as_point("x0", x0)
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    tol = jnp.asarray(float(jnp.finfo(x.dtype).eps) ** power if tol is None else tol, x.dtype)
    p = problem(fun, x, back, args, method, sides)
    limit = as_limit(max_steps, 200 * (x.size + p.constraints.size))

    def status_fn(state: ContinuationState) -> Array:
        over = (state.inner.num_steps >= limit) & (state.inner.num_fun > 0)
        status = jnp.where(over, Status.MAX_STEPS, Status.RUNNING)
        status = jnp.where(state.status != Status.RUNNING, state.status, status)
        bad = (status == Status.NON_FINITE) | (status == Status.INVALID_START)
        bad = bad | (status == Status.INFEASIBLE) | (status == Status.UNBOUNDED)
        return jnp.where((p.error(state) <= tol) & ~bad, Status.CONVERGED, status)

    state, status, _ = iterate(
        lambda s: following(p, s),
        start(p, x),
        status_fn,
        max_steps=jnp.minimum(limit, (MOST - 1) // MAX_TRIALS) * MAX_TRIALS + 1,
    )
    # Where f outweighs the largest penalty, a point is left that is no least violation.
    doubtful = (status == Status.INFEASIBLE) & p.constraints.consistent
    lost = doubtful & ~p.constraints.least_violated(state.inner.x)
    status = jnp.where(lost, Status.STAGNATED, status).astype(jnp.int32)
    point = ConstrainedPoint(back(state.inner.x), p.constraints.split(p.estimate(state)))
    inner = state.inner
    return Solution(point, status, p.error(state), inner.num_steps, inner.num_fun, inner.num_fun)
