"""The host loop: compile each (problem, optimizer) pair, run its lanes, record what they saw."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.benchmark.lanes import Lane, advance, compile_lanes, start_lane, start_lanes
from jaxmath.benchmark.names import Optimizer
from jaxmath.optimize.problems import Problem
from jaxmath.typing import PyTree

__all__ = ["PairResult", "Plan", "run_benchmark", "run_pair", "run_path"]

VECTOR = 16  # float32 numbers in the widest vector of today's processors


@dataclass(frozen=True)
class Plan:
    """How one problem is run: its lanes and its steps.

    Args:
      problem: the problem.
      learning_rates: the settings, positive numbers.
      num_seeds: starts (and noise streams), at least 1.
      num_steps: optimizer steps, at least 1.
      num_records: how often the objective is recorded, at most once a step.
      seed: of the random key from which all starts and noise are drawn.

    Returns:
      A frozen record; a mistake in it raises at once.

    Raises:
      ValueError: a count is not positive, or there is no positive learning rate.

    Example:
      >>> from jaxmath.optimize import classical_problems
      >>> Plan(classical_problems()[1], (1e-3, 1e-2), num_seeds=4, num_steps=0)
      Traceback (most recent call last):
      ...
      ValueError: Plan: argument `num_steps` must be at least 1, got 0

    References:
      J. J. Moré, S. M. Wild, "Benchmarking derivative-free optimization algorithms", 2009.
    """

    problem: Problem
    learning_rates: tuple[float, ...]
    num_seeds: int = 16
    num_steps: int = 1000
    num_records: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("num_seeds", "num_steps", "num_records"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"Plan: argument `{name}` must be at least 1, got {value}")
        rates = self.learning_rates
        if not rates or not all(np.isfinite(r) and r > 0 for r in rates):
            raise ValueError(f"Plan: argument `learning_rates` must be positive, got {rates}")

    @functools.cached_property
    def lanes(self) -> tuple[PyTree, jax.Array]:
        """Starts and noise keys, the same for every optimizer."""
        # Whole vectors of seeds: the lanes of a loop's remainder would be rounded otherwise than
        # its body (contraction to fused multiply-adds differs), and a lane's bits would depend on
        # how many others there are. What is added are further seeds, whose results are dropped.
        exact = self.problem.batch_objective is None
        width = -(-self.num_seeds // VECTOR) * VECTOR if exact else self.num_seeds
        return start_lanes(self.problem, jax.random.key(self.seed), width)


@dataclass(frozen=True)
class PairResult:
    """What the lanes of one (problem, optimizer) pair saw.

    ::

        gap = min over the steps so far of f(x) − f*

    Args:
      problem: the problem's record.
      optimizer: the optimizer's name.
      learning_rates: settings, shape (settings,).
      steps: the steps at which gaps were recorded, shape (records,), beginning with 0.
      gaps: best gap so far, shape (records, settings, seeds); +∞ until a finite value is seen.
      final: gap where each lane stopped, shape (settings, seeds); NaN or ∞ where it diverged.
      non_finite: lanes that met a non-finite objective, bool (settings, seeds).
      trace_seconds: time to trace and lower, s.
      compile_seconds: time to compile, s.
      first_seconds: time of the first call that records (after the call that sees the starts), s.
      run_seconds: time of all calls, s.
      steady_seconds: median call's time a step, times the steps, s.

    Returns:
      A frozen record of NumPy arrays on the host.

    Numerics:
      Gaps are differences in float64 of objectives computed in the problem's dtype.

    Example:
      >>> PairResult.__dataclass_fields__["steady_seconds"].type
      <class 'float'>

    References:
      N. Hansen et al., "COCO: a platform for comparing continuous optimizers in a black-box
      setting", 2021: best-so-far gaps at fixed budgets.
    """

    problem: Problem
    optimizer: str
    learning_rates: np.ndarray
    steps: np.ndarray
    gaps: np.ndarray
    final: np.ndarray
    non_finite: np.ndarray
    trace_seconds: float
    compile_seconds: float
    first_seconds: float
    run_seconds: float
    steady_seconds: float


def run_pair(
    plan: Plan,
    optimizer: Optimizer,
    *,
    on_steps: Callable[[int], None] | None = None,
) -> PairResult:
    """Run every lane of one (problem, optimizer) pair.

    ::

        lanes = learning rates × seeds, in one compiled program called ``num_records`` times

    Args:
      plan: the problem with its lanes and steps.
      optimizer: name and factory.
      on_steps: called with the number of steps done since the last call; for progress bars.

    Returns:
      A ``PairResult``.

    Raises:
      ValueError: the objective is not finite at a start, which no optimizer can mend.

    Numerics:
      On CPU a lane of an element-wise problem is the same bit for bit whatever other lanes there
      are; where the objective holds a matrix product, the library that multiplies may round
      otherwise for another number of lanes, about 1e-7 a step.

    Example:
      >>> from jaxmath.optimize import classical_problems
      >>> from jaxmath.benchmark import resolve_optimizer
      >>> plan = Plan(classical_problems()[2], (0.01, 0.05), num_seeds=2, num_steps=100)
      >>> result = run_pair(plan, resolve_optimizer("sgd"))
      >>> result.gaps.shape, f"{result.gaps[-1].min():.4f}"
      ((51, 2, 2), '0.0000')

    References:
      JAX, "Ahead-of-time lowering and compilation".
    """
    problem = plan.problem
    kept, (starts, noise) = plan.num_seeds, plan.lanes
    hyper = {"learning_rate": jnp.asarray(plan.learning_rates, jnp.result_type(float))}
    program = compile_lanes(problem, optimizer.make, hyper, starts, noise)

    # A deterministic step evaluates the point that it leaves: one step more sees the last one.
    lanes = program.advance(program.lanes, int(problem.batch_objective is None))
    at_start = np.asarray(lanes.value, np.float64)[:, :kept]
    if not np.isfinite(at_start).all():
        seed = int(np.argwhere(~np.isfinite(at_start))[0][1])
        raise ValueError(
            f"run_pair: the objective of problem '{problem.name}' is "
            f"{at_start[0, seed]} at the start of seed {seed}"
        )
    records = min(plan.num_records, plan.num_steps)
    steps = np.unique(np.linspace(0, plan.num_steps, records + 1).round().astype(int))
    best, seconds = [np.asarray(lanes.best, np.float64)[:, :kept]], []
    for chunk in np.diff(steps):
        began = time.perf_counter()
        lanes = program.advance(lanes, int(chunk))
        best.append(np.asarray(lanes.best, np.float64)[:, :kept])
        seconds.append(time.perf_counter() - began)
        if on_steps is not None:
            on_steps(int(chunk))
    return PairResult(
        problem=problem,
        optimizer=optimizer.name,
        learning_rates=np.asarray(plan.learning_rates),
        steps=steps,
        gaps=np.maximum(np.stack(best) - problem.minimum, 0.0),
        final=np.asarray(lanes.value, np.float64)[:, :kept] - problem.minimum,
        non_finite=np.asarray(lanes.diverged)[:, :kept],
        trace_seconds=program.trace_seconds,
        compile_seconds=program.compile_seconds,
        first_seconds=seconds[0],
        run_seconds=sum(seconds),
        steady_seconds=float(np.median(np.array(seconds) / np.diff(steps))) * plan.num_steps,
    )


def run_benchmark(
    plans: Sequence[Plan],
    optimizers: Sequence[Optimizer],
    *,
    on_pair: Callable[[str, str], None] | None = None,
    on_steps: Callable[[int], None] | None = None,
) -> Iterator[PairResult]:
    """Run every optimizer on every problem, one pair after another.

    Args:
      plans: one plan a problem.
      optimizers: the optimizers.
      on_pair: called with the problem's and the optimizer's name before each pair.
      on_steps: called with the number of steps done since the last call.

    Returns:
      An iterator of ``PairResult``: what is finished is yours when you stop, by Ctrl-C too.

    Numerics:
      As ``run_pair``.

    Example:
      >>> from jaxmath.optimize import classical_problems
      >>> from jaxmath.benchmark import resolve_optimizer
      >>> plan = Plan(classical_problems()[2], (0.05,), num_seeds=2, num_steps=10)
      >>> [r.optimizer for r in run_benchmark([plan], [resolve_optimizer("adam")])]
      ['adam']

    References:
      N. Hansen et al., "COCO: a platform for comparing continuous optimizers in a black-box
      setting", 2021.
    """
    for plan in plans:
        for optimizer in optimizers:
            if on_pair is not None:
                on_pair(plan.problem.name, optimizer.name)
            yield run_pair(plan, optimizer, on_steps=on_steps)


def run_path(
    plan: Plan, optimizer: Optimizer, learning_rate: float, *, seed_index: int = 0
) -> np.ndarray:
    """The points that one lane visits: what a plot over the contours of a 2-d problem shows.

    ::

        x₀, x₁, …, x_T

    Args:
      plan: the problem with its steps.
      optimizer: name and factory.
      learning_rate: the lane's setting.
      seed_index: the lane's seed.

    Returns:
      The points, shape (steps + 1, d).

    Raises:
      ValueError: the parameters are no vector.

    Numerics:
      The lane of ``run_pair`` by itself, up to rounding.

    Example:
      >>> from jaxmath.optimize import classical_problems
      >>> from jaxmath.benchmark import resolve_optimizer
      >>> plan = Plan(classical_problems()[2], (0.05,), num_seeds=1, num_steps=100)
      >>> path = run_path(plan, resolve_optimizer("sgd"), 0.05)
      >>> path.shape, [f"{v:.3f}" for v in path[-1]]
      ((101, 2), ['1.000', '3.000'])

    References:
      JAX, ``jax.lax.scan``.
    """
    problem = plan.problem
    starts, noise = plan.lanes
    start = jax.tree.map(lambda leaf: leaf[seed_index], starts)
    if jnp.ndim(start) != 1:
        raise ValueError(f"run_path: problem '{problem.name}' has no vector of parameters")
    hyper = {"learning_rate": jnp.asarray(learning_rate, jnp.result_type(float))}

    @jax.jit
    def visit(hyper: dict, start: jax.Array) -> jax.Array:
        def one(lane: Lane, _: None) -> tuple[Lane, jax.Array]:
            lane = advance(problem, optimizer.make, hyper, noise[seed_index], lane, jnp.int32(1))
            return lane, lane.params

        lane = start_lane(problem, optimizer.make, hyper, start)
        return jax.lax.scan(one, lane, length=plan.num_steps)[1]

    points = np.asarray(visit(hyper, start))
    return np.concatenate([np.asarray(start)[None], points])
