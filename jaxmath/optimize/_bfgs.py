"""BFGS as a loop of one evaluation of f and ∇f a trip, small enough to compile and run fast.

Its line search needs nothing but the last trial: a move that f refuses is shortened by the parabola
through φ(0), φ′(0) and φ(1); one at whose end f falls almost as steeply as before is taken and made
again, four times as long; else H learns from it and gives the next.

Each array of a loop's state is a kernel of its own for XLA on CPU, at 10 ms to compile and some
fractions of a µs to launch: the vectors of a lane are kept in one array, its numbers in another,
its counts in a third. A cheap condition is computed anew in each kernel, a quotient once: some
conditions are read off one (``shorter``, ``rho``, ``unit``).
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath import numerics
from jaxmath._limits import MOST
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._descent import Method, evaluator
from jaxmath.optimize._ends import PATIENCE, lowest, own_units
from jaxmath.optimize.line_search import LEVEL, MAX_TRIALS
from jaxmath.typing import Array, Scalar

__all__: list[str] = []

DECREASE, STEEP, FARTHER = 1e-4, 0.9, 4.0  # c₁, c₂, and how much longer a move is that goes on
MORE = 6  # quiet steps from steepest descent after ``PATIENCE``, and once more in units of x


class Numbers(NamedTuple):
    """What a lane knows beside its vectors.

    Args:
      least: the least f so far: f(x), or less by no more than rounding.
      slope: gᵀs, s the next move.
      floor: f below it counts as unbounded.
      size: maxᵢ |gᵢ|·max(|xᵢ|, 1); over max(|f|, 1) it is ``error_measure``.
      mark: the least size since f last fell; < 0: −mark is the size that last counted as growth.
    """

    least: Array
    slope: Array
    floor: Array
    size: Array
    mark: Array


class Counts(NamedTuple):
    """int32 each: steps, evaluations, quiet steps in a row, refused trials of this move, and the
    pairs (s, y) that H has met; −1 where it is to be begun anew at the end of this move."""

    steps: Array
    evaluations: Array
    quiet: Array
    refused: Array
    pairs: Array


class BFGSState(NamedTuple):
    """Between two evaluations: the point, ∇f there and the next move as rows; H; and what
    ``Numbers`` and ``Counts`` name, each along one axis."""

    vectors: Array
    H: Array
    numbers: Array
    counts: Array

    @property
    def x(self) -> Array:
        return self.vectors[..., 0, :]

    @property
    def gradient(self) -> Array:
        """∇f at ``x``."""
        return self.vectors[..., 1, :]

    @property
    def move(self) -> Array:
        """f is wanted next at ``x + move``."""
        return self.vectors[..., 2, :]

    @property
    def value(self) -> Array:
        """f at ``x``, or less by no more than rounding: the least so far."""
        return self.numbers[..., 0]

    @property
    def error(self) -> Array:
        """maxᵢ |gᵢ|·max(|xᵢ|, 1) / max(|f|, 1); ∞ where that is no number."""
        error = self.numbers[..., 3] / jnp.maximum(jnp.abs(self.value), 1.0)
        return jnp.where(jnp.isfinite(error), error, jnp.inf)

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


def _verdict(numbers: Array, counts: Array, limit: Scalar = MOST) -> Array:
    n, c = Numbers(*jnp.unstack(numbers)), Counts(*jnp.unstack(counts))
    failed = jnp.where(c.quiet < PATIENCE, Status.LINE_SEARCH_FAILED, Status.STAGNATED)
    ended = (c.steps >= limit) & (c.evaluations > 0)
    status = jnp.where(ended, Status.MAX_STEPS, Status.RUNNING)
    status = jnp.where(c.refused >= MAX_TRIALS, failed, status)
    status = jnp.where(c.quiet >= PATIENCE + 2 * MORE, Status.STAGNATED, status)
    status = jnp.where(n.least < n.floor, Status.UNBOUNDED, status)
    nowhere = (c.refused > 0) & (c.evaluations == 1)
    return jnp.where(nowhere, Status.NON_FINITE, status).astype(jnp.int32)


def _refined(status: Array, x: Array) -> Array:
    """INVALID_START, where that is why f at the start is not finite."""
    refused = (status == Status.NON_FINITE) & ~jnp.all(jnp.isfinite(x))
    return jnp.where(refused, Status.INVALID_START, status).astype(jnp.int32)


def opening(x: Array) -> BFGSState:
    """The state before the first evaluation."""
    counts = jnp.array([0, 0, 0, 0, -1], jnp.int32)
    zeros = lambda *shape: jnp.zeros(shape, x.dtype)
    # 0·x: NaN where x is not finite, which f may not read.
    vectors = jnp.array([1.0, 0.0, 0.0], x.dtype)[:, None] * x[None, :]
    return BFGSState(vectors, zeros(x.size, x.size), zeros(5), counts)


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
    x, g, s = jnp.unstack(state.vectors)
    was, count = Numbers(*jnp.unstack(state.numbers)), Counts(*jnp.unstack(state.counts))
    eps = float(jnp.finfo(x.dtype).eps)
    opens = count.evaluations == 0
    trial = x + s
    value, gradient = evaluate(trial)
    # The trial: where f changes by rounding alone, slopes judge it. Good ones are ``taken``; where
    # f still falls steeply, the move goes ``on``; if longer ones were refused, and none of that can
    # be seen in f, the search has found ``nothing``.
    slope = numerics.dot(gradient, s)
    finite = jnp.isfinite(value) & jnp.isfinite(slope)
    excess = value - was.least - was.slope
    seen = finite & jnp.isfinite(excess)
    band = min(LEVEL * eps, eps**0.5)
    level = jnp.abs(value - was.least) <= band * jnp.abs(was.least)
    lower = value <= was.least + DECREASE * was.slope
    good = seen & jnp.where(level, slope <= -STEEP * was.slope, lower)
    good = jnp.where(opens, finite, good)
    # How much shorter a refused one becomes: by the parabola, or the secant of slopes, between a
    # tenth and a half; a tenth if nothing is seen; 0 after the last.
    below = jnp.where(level, slope - was.slope, 2 * excess)
    below = jnp.clip(below, -2 * was.slope, -10 * was.slope)
    below = jnp.where(seen, below, -10 * was.slope)
    above = jnp.where(count.refused + 1 >= MAX_TRIALS, 0.0, -was.slope)
    kind = jnp.where(count.refused == 0, -1.0, jnp.where(level, -3.0, -2.0))
    kind = jnp.where(slope < STEEP * was.slope, kind, -2.0)
    shorter = jnp.where(good, kind, above) / jnp.where(good, 1.0, below)
    taken, on, ends, nothing = shorter < 0, shorter == -1, shorter <= -2, shorter == -3
    # Whether the step is more than rounding (``_ends.quieter``); moves that go on do not count.
    # After some quiet steps, and where a search finds nothing, the next ``stage`` begins.
    size = jnp.max(jnp.abs(gradient) * jnp.maximum(jnp.abs(trial), 1.0))
    grew = taken & (size > 2 * jnp.abs(was.mark))
    fell = taken & (opens | (was.least - value > eps * jnp.abs(was.least)))
    stage = jnp.where(count.quiet > PATIENCE + MORE, PATIENCE + 2 * MORE, PATIENCE + MORE + 1)
    stage = jnp.where(count.quiet > PATIENCE, stage, PATIENCE + 1)
    quiet = jnp.where(ends, count.quiet + 1, count.quiet)
    quiet = jnp.where(fell | grew, 0, jnp.where(nothing, stage, quiet))
    tired = (quiet == PATIENCE + 1) | (quiet == PATIENCE + MORE + 1)
    # H: it learns where ρ > 0, and is begun anew, −ρD, where ρ < 0: at each stage, and where it
    # gave no descent, as rounding in it is relative to the largest of it (ε‖H‖). D = I, and in the
    # end diag(x²), of a condition ≤ 1/ε: each variable has its own size for a unit.
    anew = ends & ((count.pairs < 0) | tired | nothing)
    learns = ends & ~anew & (slope > (1 - eps) * was.slope)
    below = jnp.where(anew, jnp.where(size > 0, size, 1.0), was.slope - slope)
    rho = jnp.where(anew | learns, -1.0, 0.0) / jnp.where(anew | learns, below, 1.0)
    H = updated(state.H, s, gradient - g, rho, count.pairs)
    sizes = jnp.maximum(jnp.abs(trial), eps**0.5 * jnp.max(jnp.abs(trial)))
    D = jnp.where(quiet > PATIENCE + MORE, own_units(sizes), 1.0)
    # A constant costs no kernel, but space in the program.
    identity = (np if x.size <= 64 else jnp).eye(x.size, dtype=x.dtype)
    H = jnp.where(rho > 0, H, jnp.where(rho < 0, -rho * D[None, :] * identity, state.H))
    # The move that H gives: none where it is no descent. Where H is begun anew, nothing is known of
    # the curvature, and the move has length 1 in units of √D.
    Hg = numerics.matmul(H, gradient)
    gHg = numerics.dot(gradient, Hg)
    descends = (gHg > 0) & (gHg < jnp.inf)
    unit = jnp.where(descends & (rho < 0), -rho * gHg, 1.0)
    unit = jnp.sqrt(jnp.where(descends, 1.0, 0.0) / unit)
    longer = jnp.where(on, FARTHER, shorter)
    # No trial will do, or there is no descent: f at x itself comes next, and then H anew.
    spent = (shorter == 0) & (count.pairs != 0)
    lost = spent | (ends & (rho >= 0) & ~(unit > 0))
    numbers = Numbers(
        least=jnp.where(opens | (taken & (value < was.least)), value, was.least),
        slope=jnp.where(
            ends, jnp.where(unit > 0, -unit * gHg, 0.0), longer * jnp.where(on, slope, was.slope)
        ),
        floor=jnp.where(opens, lowest(value), was.floor),
        size=jnp.where(taken | opens, size, was.size),
        mark=jnp.where(
            fell, size, jnp.where(grew, -size, jnp.where(taken & (size < was.mark), size, was.mark))
        ),
    )
    counts = Counts(
        steps=jnp.where(taken & ~opens, count.steps + 1, count.steps),
        evaluations=count.evaluations + 1,
        quiet=quiet,
        refused=jnp.where(taken | spent, 0, count.refused + 1),
        pairs=jnp.where(
            lost, -1, jnp.where(rho < 0, 0, jnp.where(rho > 0, count.pairs + 1, count.pairs))
        ),
    )
    move = jnp.where(ends, jnp.where(unit > 0, -unit * Hg, 0.0), longer * s)
    vectors = [jnp.where(taken, trial, x), jnp.where(taken, gradient, g), move]
    whole = [jnp.asarray(c, jnp.int32) for c in counts]
    return BFGSState(jnp.stack(vectors), H, jnp.stack(numbers), jnp.stack(whole))


def begin(evaluate: Callable, x: Array) -> BFGSState:
    """The state with f and ∇f at the start, and a first move."""
    return advance(evaluate, opening(x))


def by_bfgs(fun: Callable, back: Callable, args: tuple, tol: Scalar, limit: Scalar) -> Method:
    """BFGS on its problem; its error is ``error_measure``."""
    evaluate = evaluator(fun, back, args)

    def status_fn(state: BFGSState) -> Array:
        n, c = Numbers(*jnp.unstack(state.numbers)), Counts(*jnp.unstack(state.counts))
        status = _verdict(state.numbers, state.counts, limit)
        # The gradient alone can be small beside a huge f far from the minimum: what the model
        # still promises must be small beside f too; −∇f, where there is no model, ‖∇f‖².
        promise = jnp.where(c.pairs > 0, -n.slope, n.slope * n.slope)
        small = jnp.maximum(n.size, promise) <= tol * jnp.maximum(jnp.abs(n.least), 1.0)
        small &= (c.pairs >= 0) & (c.refused == 0)
        return jnp.where(small, Status.CONVERGED, status)

    def finish(s: BFGSState, status: Array) -> Solution:
        count = s.num_fun
        return Solution(s.x, _refined(status, s.x), s.error, s.num_steps, count, count)

    kept = ("vectors", "numbers", "counts")
    return Method(
        opening, lambda s: advance(evaluate, s), status_fn, finish, kept, ("vectors", "counts")
    )
