"""The loop of every trust-region method: a model, its step within the radius, the test of it."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath._loops import cond
from jaxmath.iterate import Solution, Status
from jaxmath.numerics import safe_norm
from jaxmath.optimize._descent import Method, evaluator
from jaxmath.optimize._ends import (
    PATIENCE,
    Quiet,
    default_tolerance,
    error_measure,
    lowest,
    own_units,
    quiet_at,
    quieter,
)
from jaxmath.optimize._solver import choose, or_one
from jaxmath.optimize.line_search import LEVEL
from jaxmath.typing import Array, PyTree, Scalar, as_array, check_precision

__all__: list[str] = []

_FAR = 100.0  # promises that f may rise by for a trial to teach the model

Gradient = Callable[[Array], Array]


class Proposal(NamedTuple):
    """A step p within the radius, and −m(p) = −gᵀp − ½pᵀBp, what the model promises there."""

    p: Array
    promise: Array
    num_products: Array


class Model(NamedTuple):
    """What makes a method of trust regions: how its memory becomes a step.

    Args:
      init: from x to the memory.
      propose: from (∇f, memory, x, g, Δ) to a ``Proposal``.
      update: from (memory, s, y) of a trial, refused or not, s = p, y = ∇f(x + p) − ∇f(x), to the
        memory; None where a trial teaches nothing.
      refresh: from (∇f, x) to the memory, by a Hessian at each new x; None where there is none.
      region: from (memory, g) at the start, refreshed, to the first Δ; None for 1.
      escape: from (∇f, x, g, Δ, a ``Proposal`` that may be the last) to that, or to one along
        negative curvature; None where ``propose`` sees all there is.
    """

    init: Callable[[Array], PyTree]
    propose: Callable[[Gradient, PyTree, Array, Array, Array], Proposal]
    update: Callable[[PyTree, Array, Array], PyTree] | None = None
    refresh: Callable[[Gradient, Array], PyTree] | None = None
    region: Callable[[PyTree, Array], Array] | None = None
    escape: Callable[[Gradient, Array, Array, Array, Proposal], Proposal] | None = None


class TrustRegionState(NamedTuple):
    """The point, f and ∇f there, the memory, the radius Δ, what the last model promised; the model
    is one of z = x/units, and ‖z‖ what Δ bounds."""

    x: Array
    value: Array
    gradient: Array
    memory: PyTree
    stale: Array
    radius: Array
    units: Array
    promise: Array
    error: Array
    floor: Array
    quiet: Quiet
    num_steps: Array
    num_fun: Array
    num_hess: Array
    num_hvp: Array
    status: Array

    @property
    def patience(self) -> Array:
        """The quiet steps to the end: as many again in units of x, where a slope is to be seen."""
        sloping = self.error > float(jnp.finfo(self.error.dtype).eps)
        return jnp.where(sloping, 2 * PATIENCE, PATIENCE)


def to_the_boundary(z: Array, d: Array, radius: Array) -> Array:
    """τ ≥ 0 with ‖z + τd‖ = Δ; everything over Δ and ‖d‖, so that no square leaves the range."""
    size = or_one(safe_norm(d))
    z, d = z / radius, d / size
    b, c = numerics.dot(z, d), 1 - numerics.dot(z, z)
    root = jnp.sqrt(jnp.maximum(b * b + c, 0.0))
    return radius / size * jnp.where(b > 0, c / jnp.where(b > 0, b + root, 1.0), root - b)


def begin(evaluate: Callable, x: Array, model: Model) -> TrustRegionState:
    if model.refresh is not None:  # from a Hessian, which is factored
        check_precision("x0", x)
    value, gradient = evaluate(x)
    finite = jnp.isfinite(value) & jnp.all(jnp.isfinite(gradient))
    status = jnp.where(finite, Status.RUNNING, Status.NON_FINITE)
    status = jnp.where(jnp.all(jnp.isfinite(x)), status, Status.INVALID_START)
    error, one, zero = error_measure(x, value, gradient), jnp.ones_like(value), jnp.int32(0)
    return TrustRegionState(
        x, value, gradient, model.init(x), jnp.asarray(True), one, jnp.ones_like(x),
        jnp.inf * one, error, lowest(value), quiet_at(value, error), zero, jnp.int32(1), zero, zero,
        status.astype(jnp.int32),
    )  # fmt: skip


def _refreshed(gradient: Gradient, state: TrustRegionState, model: Model) -> TrustRegionState:
    """The state with the Hessian of its point, evaluated once a point."""
    if model.refresh is None:
        return state
    refresh, z = model.refresh, state.x / state.units
    memory = cond(state.stale, lambda: refresh(gradient, z), lambda: state.memory)
    state = state._replace(memory=memory, num_hess=state.num_hess + state.stale.astype(jnp.int32))
    if model.region is None:
        return state
    first = model.region(memory, state.units * state.gradient)
    return state._replace(radius=jnp.where(state.num_steps == 0, first, state.radius))


def _ratio(state: TrustRegionState, p: Array, promise: Array, value: Array, g: Array) -> Array:
    """ρ = (f(x) − f(x + p)) / promised; −∞ where the trial is not finite or nothing is promised."""
    eps = float(jnp.finfo(p.dtype).eps)
    # Where f, a sum of many terms, cannot tell the difference, the slopes at both ends can.
    flat = jnp.abs(state.value - value) <= min(LEVEL * eps, eps**0.5) * jnp.abs(state.value)
    drop = jnp.where(flat, -0.5 * numerics.dot(state.gradient + g, p), state.value - value)
    fine = jnp.isfinite(value) & jnp.all(jnp.isfinite(g)) & (promise > 0)
    return jnp.where(fine, drop / jnp.where(fine, promise, 1.0), -jnp.inf)


def _proposed(gradient: Gradient, state: TrustRegionState, model: Model, tol: Scalar) -> Proposal:
    """The model's step, in z; where it promises so little that it may be the last, no saddle's."""
    z, g, radius = state.x / state.units, state.units * state.gradient, state.radius
    step = model.propose(gradient, state.memory, z, g, radius)
    if model.escape is None:
        return step
    escape, least = model.escape, jnp.maximum(tol, float(jnp.finfo(z.dtype).eps))
    last = step.promise <= least * jnp.maximum(jnp.abs(state.value), 1.0)
    return cond(last, lambda p: escape(gradient, z, g, radius, p), lambda p: p, step)


def advance(
    evaluate: Callable, state: TrustRegionState, model: Model, tol: Scalar
) -> TrustRegionState:
    """One trial and the test of it (Nocedal and Wright, algorithm 4.1)."""
    units = state.units
    gradient_fn = lambda z: units * evaluate(units * z)[1]
    state = _refreshed(gradient_fn, state, model)
    x, radius, eps = state.x, state.radius, float(jnp.finfo(state.x.dtype).eps)
    step, promise, count = _proposed(gradient_fn, state, model, tol)
    p = units * step
    value, gradient = evaluate(x + p)
    ratio = _ratio(state, p, promise, value, gradient)
    accepted = ratio > 1e-4
    length = safe_norm(step)
    bounded = length > 0.99 * radius
    memory = state.memory
    if model.update is not None:
        # A trial so far off the model teaches the curvature of another place.
        near = ratio > -_FAR
        y = units * (gradient - state.gradient)
        memory = choose(near, model.update(memory, step, y), memory)
    still = jnp.all(jnp.abs(p) <= eps * jnp.abs(x))
    # A promise that is not positive: ∇f underflows in a square, or the curvature is not finite.
    still = (still | ~(promise > 0)) & ~accepted
    late = state.quiet.steps >= state.patience - PATIENCE
    status = jnp.where(still & late, Status.STAGNATED, state.status)
    status = jnp.where(jnp.isnan(promise), Status.NON_FINITE, status)
    status = jnp.where(value < state.floor, Status.UNBOUNDED, status)
    error = error_measure(x + p, value, gradient)
    moved = state._replace(
        x=x + p, value=value, gradient=gradient, error=error,
        quiet=quieter(state.quiet, value, error),
    )  # fmt: skip
    state = choose(accepted, moved, state)
    radius = jnp.where((ratio > 0.75) & bounded, 2.0, 1.0) * radius
    radius = jnp.where(ratio >= 0.25, radius, 0.25 * length)
    # Before the end, once more in units of x: in common ones a step along a valley may be too short
    # to be seen beside the one that its walls allow.
    quiet = state.quiet._replace(steps=jnp.where(still & ~late, PATIENCE, state.quiet.steps))
    turn = ~late & (quiet.steps == PATIENCE) & (state.patience > PATIENCE)
    units = jnp.where(turn, jnp.sqrt(own_units(state.x)), units)
    return state._replace(
        memory=choose(turn, model.init(x), memory), stale=accepted | turn,
        radius=jnp.where(turn, 1.0, radius), units=units, quiet=quiet,
        # A model that the radius cuts short would promise more.
        promise=jnp.where(bounded, jnp.inf, promise), num_steps=state.num_steps + 1,
        num_fun=state.num_fun + 1, num_hvp=state.num_hvp + count, status=status.astype(jnp.int32),
    )  # fmt: skip


def first_state(fun: Callable, x0: Array, args: tuple, model: Model) -> TrustRegionState:
    """``x_init`` of a method: on vectors."""
    x = as_array("x0", x0, ndim=1, min_size=1)
    return begin(evaluator(fun, lambda x: x, args), x, model)


def next_state(
    fun: Callable, state: TrustRegionState, args: tuple, model: Model
) -> TrustRegionState:
    """``x_step`` of a method: on vectors."""
    tol = default_tolerance(None, state.x.dtype)
    return advance(evaluator(fun, lambda x: x, args), state, model, tol)


def in_region(
    fun: Callable, back: Callable, args: tuple, tol: Scalar, limit: Scalar, *, model: Model
) -> Method:
    """A method of trust regions on its problem; its error is ``error_measure``."""
    evaluate = evaluator(fun, back, args)

    def status_fn(state: TrustRegionState) -> Array:
        status = jnp.where(state.num_steps >= limit, Status.MAX_STEPS, Status.RUNNING)
        status = jnp.where(state.quiet.steps >= state.patience, Status.STAGNATED, status)
        status = jnp.where(state.status != Status.RUNNING, state.status, status)
        lost = (status == Status.NON_FINITE) | (status == Status.INVALID_START)
        level = tol * jnp.maximum(jnp.abs(state.value), 1.0)
        # At the start no model has promised anything yet: only a gradient of 0 is an end there.
        sure = (state.promise <= level) | ((state.error == 0) & (state.num_steps == 0))
        return jnp.where((state.error <= tol) & sure & ~lost, Status.CONVERGED, status)

    def finish(s: TrustRegionState, status: Array) -> Solution:
        counts = s.num_steps, s.num_fun, s.num_fun, s.num_hess, s.num_hvp
        return Solution(s.x, status, s.error, *counts)

    return Method(
        lambda x: begin(evaluate, x, model),
        lambda s: advance(evaluate, s, model, tol),
        status_fn,
        finish,
    )
