"""BFGS as a loop of one evaluation of f and ∇f a trip, small enough to compile and run fast.

Its line search needs nothing but the last trial: a move that f refuses is shortened by the parabola
through φ(0), φ′(0) and φ(1); one at whose end f falls almost as steeply as before is taken and made
again, four times as long; else H learns from it and gives the next.

Each array of a loop's state is a kernel of its own for XLA on CPU, at 10 ms to compile and some
fractions of a µs to launch: the numbers of a lane are kept in one array, its counts in another. A
cheap condition is computed anew in each kernel, a quotient once: some conditions are read off one.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from jaxmath import numerics
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._descent import PATIENCE, Method, evaluator, lowest
from jaxmath.optimize.line_search import MAX_TRIALS, NOISE
from jaxmath.typing import Array, Scalar

__all__: list[str] = []

DECREASE, STEEP, FARTHER = 1e-4, 0.9, 4.0  # c₁, c₂, and how much longer a move is that goes on
MORE = 5  # quiet steps from steepest descent before the end, after the ``PATIENCE`` before it


class Numbers(NamedTuple):
    """What a lane knows beside its vectors.

    Args:
      value: f(x); ∞ before the start is evaluated.
      slope: gᵀs, s the next move.
      floor: f below it counts as unbounded.
      least: the least f so far.
      error: ``error_measure`` at x.
      low: the least error since f last fell.
      peak: the error that last counted as growth since then; 0 where none has.
    """

    value: Array
    slope: Array
    floor: Array
    least: Array
    error: Array
    low: Array
    peak: Array


class Counts(NamedTuple):
    """int32 each: steps, evaluations, quiet steps in a row, refused trials of this move, and the
    pairs (s, y) that H has met; −1 where f and ∇f at x itself are wanted next."""

    steps: Array
    evaluations: Array
    quiet: Array
    refused: Array
    pairs: Array


class BFGSState(NamedTuple):
    """Between two evaluations: the point, ∇f there, the next move, H, and what ``Numbers`` and
    ``Counts`` name, each along one axis."""

    x: Array
    gradient: Array
    move: Array
    H: Array
    numbers: Array
    counts: Array

    @property
    def value(self) -> Array:
        """f at ``x``."""
        return self.numbers[..., 0]

    @property
    def error(self) -> Array:
        """maxᵢ |gᵢ|·max(|xᵢ|, 1) / max(|f|, 1)."""
        return self.numbers[..., 4]

    @property
    def num_steps(self) -> Array:
        return self.counts[..., 0]

    @property
    def num_fun(self) -> Array:
        return self.counts[..., 1]

    @property
    def status(self) -> Array:
        """What the state says without a tolerance or a limit."""
        lane = lambda numbers, counts, x: _refined(_verdict(numbers, counts), x)
        return jnp.vectorize(lane, signature="(k),(m),(n)->()")(self.numbers, self.counts, self.x)


def _verdict(numbers: Array, counts: Array) -> Array:
    n, c = Numbers(*numbers), Counts(*counts)
    failed = jnp.where(c.quiet < PATIENCE, Status.LINE_SEARCH_FAILED, Status.STAGNATED)
    status = jnp.where(c.refused >= MAX_TRIALS, failed, Status.RUNNING)
    status = jnp.where(c.quiet >= PATIENCE + MORE, Status.STAGNATED, status)
    status = jnp.where(n.value < n.floor, Status.UNBOUNDED, status)
    nowhere = jnp.isinf(n.value) & (c.evaluations > 0)
    return jnp.where(nowhere, Status.NON_FINITE, status).astype(jnp.int32)


def _refined(status: Array, x: Array) -> Array:
    """INVALID_START, where that is why f at the start is not finite."""
    refused = (status == Status.NON_FINITE) & ~jnp.all(jnp.isfinite(x))
    return jnp.where(refused, Status.INVALID_START, status).astype(jnp.int32)


def opening(x: Array) -> BFGSState:
    """The state before the first evaluation."""
    inf, zero = jnp.inf, jnp.zeros_like(x)
    numbers = jnp.array([inf, 0.0, -inf, inf, inf, inf, 0.0], x.dtype)
    counts = jnp.array([0, 0, 0, 0, -1], jnp.int32)
    return BFGSState(x, zero, zero, jnp.zeros((x.size, x.size), x.dtype), numbers, counts)


def updated(H: Array, s: Array, y: Array, rho: Array, pairs: Array) -> Array:
    """(I − ρsyᵀ) B (I − ρysᵀ) + ρssᵀ with ρ = 1/sᵀy (Nocedal and Wright, equation 6.17).

    B = H, for the first pair that multiple of I which fits it (equation 6.20).
    """
    Hy = numerics.matmul(H, y)
    yHy = numerics.dot(y, Hy)
    scale = 1 / jnp.where(pairs > 0, 1.0, rho * yHy)
    rs, Hy, yHy = rho * s, scale * Hy, scale * yHy
    cross = rs[:, None] * Hy[None, :]
    return scale * H - cross - cross.T + (1 + rho * yHy) * (rs[:, None] * s[None, :])


def advance(evaluate: Callable, state: BFGSState) -> BFGSState:
    """One evaluation, at the end of the move, and what follows from it."""
    x, g = state.x, state.gradient
    was, count = Numbers(*state.numbers), Counts(*state.counts)
    eps = float(jnp.finfo(x.dtype).eps)
    opens = count.pairs < 0
    s = jnp.where(opens, 0.0 * x, state.move)  # NaN where x is not finite, which f may not read
    trial = x + s
    value, gradient = evaluate(trial)
    # The trial: where f changes by rounding alone, slopes judge it. Good ones are ``taken``; where
    # f still falls steeply, the move goes ``on``; if longer ones were refused, and none of that can
    # be seen in f, the search has found ``nothing``.
    slope = numerics.dot(gradient, s)
    sy = slope - was.slope
    finite = jnp.isfinite(value) & jnp.isfinite(slope)
    excess = value - was.value - was.slope
    seen = finite & jnp.isfinite(excess)
    level = jnp.abs(value - was.value) <= NOISE * eps * jnp.abs(was.value)
    lower = value <= was.value + DECREASE * was.slope
    good = (finite & opens) | (seen & jnp.where(level, slope <= -STEEP * was.slope, lower))
    steep = (slope < STEEP * was.slope) & ~opens
    # How much shorter a refused one becomes: by the parabola; by the secant of slopes; a tenth.
    below = jnp.where(seen, jnp.where(level, sy, 2 * excess), -10 * was.slope)
    kind = jnp.where(steep, jnp.where(count.refused == 0, -2.0, jnp.where(level, -3.0, -1.0)), -1.0)
    shorter = jnp.where(good, kind, -was.slope) / jnp.where(good, 1.0, below)
    taken, on, nothing = shorter < 0, shorter == -2, shorter == -3
    # H, and the move that it gives.
    size = jnp.max(jnp.abs(gradient) * jnp.maximum(jnp.abs(trial), 1.0))
    or_one = jnp.where(size > 0, size, 1.0)
    learns = taken & ~on & (sy > -eps * was.slope)
    rho = jnp.where(learns | opens, 1.0, 0.0) / jnp.where(opens, or_one, jnp.where(learns, sy, 1.0))
    H = updated(state.H, s, gradient - g, rho, count.pairs)
    H = jnp.where(opens, rho * jnp.eye(x.size, dtype=x.dtype), jnp.where(rho > 0, H, state.H))
    Hg = numerics.matmul(H, gradient)
    gHg = numerics.dot(gradient, Hg)
    # The first has length 1, as nothing is known of the curvature.
    unit = jnp.sqrt(jnp.where(opens, or_one, 1.0) / jnp.where(opens & (gHg > 0), gHg, 1.0))
    longer = jnp.where(on, FARTHER, jnp.clip(shorter, 0.1, 0.5))
    again = on | ~taken
    # Whether the step is more than rounding (``_descent.quieter``); moves that go on do not count.
    large = jnp.maximum(jnp.abs(value), 1.0)
    error, high = size / large, jnp.maximum(was.low, was.peak)
    fell = taken & ~(was.least - value <= eps * jnp.abs(was.least))
    grew = taken & (size > 2 * high * large)
    quiet = jnp.where(taken & ~on & ~opens, count.quiet + 1, count.quiet)
    quiet = jnp.where(nothing, jnp.where(count.quiet < PATIENCE, PATIENCE, PATIENCE + MORE), quiet)
    quiet = jnp.where(fell | grew, 0, quiet)
    # Rounding in H is relative to the largest of it (ε‖H‖): after some quiet steps, where it gives
    # no descent and where no trial will do, the search begins anew, from steepest descent.
    refused = jnp.where(taken, 0, count.refused + 1)
    lost = taken & ~on & ~opens & (~(gHg > 0) | ((quiet == PATIENCE) & (count.quiet < PATIENCE)))
    lost |= (refused >= MAX_TRIALS) & (count.pairs > 0)
    numbers = Numbers(
        value=jnp.where(taken, value, was.value),
        slope=jnp.where(again, longer * jnp.where(on, slope, was.slope), -unit * gHg),
        floor=jnp.where(taken & jnp.isinf(was.value), lowest(value), was.floor),
        least=jnp.where(taken, jnp.minimum(was.least, value), was.least),
        error=jnp.where(taken, error, was.error),
        low=jnp.where(fell, error, jnp.where(taken, jnp.minimum(was.low, error), was.low)),
        peak=jnp.where(fell, 0.0, jnp.where(grew, error, was.peak)),
    )
    counts = Counts(
        steps=jnp.where(taken & ~opens, count.steps + 1, count.steps),
        evaluations=count.evaluations + 1,
        quiet=quiet,
        refused=jnp.where(lost, 0, refused),
        pairs=jnp.where(
            lost, -1, jnp.where(opens, 0, jnp.where(rho > 0, count.pairs + 1, count.pairs))
        ),
    )
    return BFGSState(
        x=jnp.where(taken, trial, x),
        gradient=jnp.where(taken, gradient, g),
        move=jnp.where(again, longer * s, -unit * Hg),
        H=H,
        numbers=jnp.stack(numbers),
        counts=jnp.stack([jnp.asarray(c, jnp.int32) for c in counts]),
    )


def begin(evaluate: Callable, x: Array) -> BFGSState:
    """The state with f and ∇f at the start, and a first move."""
    return advance(evaluate, opening(x))


def by_bfgs(fun: Callable, back: Callable, args: tuple, tol: Scalar, limit: Scalar) -> Method:
    """BFGS on its problem; its error is ``error_measure``."""
    evaluate = evaluator(fun, back, args)

    def status_fn(state: BFGSState) -> Array:
        n, c = Numbers(*state.numbers), Counts(*state.counts)
        status = _verdict(state.numbers, state.counts)
        ended = (c.pairs >= 0) & (c.steps >= limit) & (status == Status.RUNNING)
        status = jnp.where(ended, Status.MAX_STEPS, status)
        # The gradient alone can be small beside a huge f far from the minimum: what the model
        # still promises must be small beside f too; −∇f, where there is no model, ‖∇f‖².
        promise = jnp.where(c.pairs > 0, -n.slope, n.slope * n.slope)
        small = (n.error <= tol) & (promise <= tol * jnp.maximum(jnp.abs(n.value), 1.0))
        small &= (c.pairs >= 0) & (c.refused == 0)
        return jnp.where(small, Status.CONVERGED, status)

    def finish(s: BFGSState, status: Array) -> Solution:
        count = s.num_fun
        return Solution(s.x, _refined(status, s.x), s.error, s.num_steps, count, count)

    kept = ("x", "numbers", "counts")  # at the opening all else follows from them
    return Method(opening, lambda s: advance(evaluate, s), status_fn, finish, kept)
