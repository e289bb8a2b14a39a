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

__all__ = ["PairResult", "Plan", "run_benchmark", "run_group", "run_path"]

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

    @property
    def records(self) -> np.ndarray:
        """The steps at which the lanes are looked at, from 0 to ``num_steps``."""
        count = min(self.num_records, self.num_steps)
        return np.unique(np.linspace(0, self.num_steps, count + 1).round().astype(int))

    @functools.cached_property
    def lanes(self) -> tuple[PyTree, jax.Array]:
        """Starts and noise keys, the same for every optimizer."""
        # Whole vectors of seeds: the lanes of a loop's remainder would be rounded otherwise than
        # its body (contraction to fused multiply-adds differs), and a lane's bits would depend on
        # how many others there are. What is added are further seeds, whose results are dropped.
        exact = self.problem.batch_objective is None
        width = -(-self.num_seeds // VECTOR) * VECTOR if exact else self.num_seeds
        return start_lanes(self.problem, jax.random.key(self.seed), width)

    # Draws and full objectives of a stochastic problem are programs of the problem, not of each
    # pair: random bits and a pass over the data would double what every pair compiles.

    @functools.cached_property
    def draw(self) -> Callable[[int], PyTree]:
        """From a step to the draws of the seeds and steps that follow; () where f is seen."""
        problem, keys = self.problem, self.lanes[1]
        if problem.draw is None:
            return lambda first: ()
        steps = jnp.arange(int(np.diff(self.records).max()))
        one = lambda key, step: problem.draw(jax.random.fold_in(key, step))
        over_steps = jax.vmap(one, in_axes=(None, 0))
        program = jax.jit(jax.vmap(over_steps, in_axes=(0, None)))
        return lambda first: program(keys, steps + first)

    @functools.cached_property
    def evaluate(self) -> Callable[[PyTree], jax.Array]:
        """The objective at the parameters of all lanes."""
        return jax.jit(jax.vmap(jax.vmap(self.problem.objective)))


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
      trace_seconds: time to trace, s.
      compile_seconds: the pair's share of the time to lower and compile its group, s.
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


def run_group(
    plan: Plan,
    optimizers: Sequence[Optimizer],
    *,
    on_pair: Callable[[str, str], None] | None = None,
    on_steps: Callable[[int], None] | None = None,
) -> Iterator[PairResult]:
    """Run several optimizers on one problem: one compiled program, one optimizer after another.

    ::

        lanes of an optimizer = learning rates × seeds

    Args:
      plan: the problem with its lanes and steps.
      optimizers: names and factories.
      on_pair: called with the problem's and the optimizer's name before each pair.
      on_steps: called with the number of steps done since the last call; for progress bars.

    Returns:
      An iterator of ``PairResult``, one an optimizer.

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
      >>> group = run_group(plan, [resolve_optimizer("sgd"), resolve_optimizer("adam")])
      >>> [(r.optimizer, r.gaps.shape) for r in group]
      [('sgd', (51, 2, 2)), ('adam', (51, 2, 2))]

    References:
      JAX, "Ahead-of-time lowering and compilation".
    """
    problem, stochastic = plan.problem, plan.problem.batch_objective is not None
    hyper = {"learning_rate": jnp.asarray(plan.learning_rates, jnp.result_type(float))}
    if on_pair is not None:
        on_pair(problem.name, "compiling")
    makers = [optimizer.make for optimizer in optimizers]
    program = compile_lanes(problem, makers, hyper, plan.lanes[0], plan.draw(0))

    def look(lanes: Lane) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Objective, least objective and divergence of the lanes that were asked for."""
        value = plan.evaluate(lanes.params) if stochastic else lanes.value
        best, lost = (value, ~jnp.isfinite(value)) if stochastic else (lanes.best, lanes.diverged)
        seen = [np.asarray(array)[:, : plan.num_seeds] for array in (value, best, lost)]
        return seen[0].astype(np.float64), seen[1].astype(np.float64), seen[2]

    lanes, steps = program.lanes, plan.records
    for k, optimizer in enumerate(optimizers):
        if on_pair is not None:
            on_pair(problem.name, optimizer.name)
        if not stochastic:
            # A step evaluates the point that it leaves: one step more in all sees the last point.
            lanes = program.advance(lanes, k, 1)
        at_start, _, lost = look(lanes[k])
        if not np.isfinite(at_start).all():
            seed = int(np.argwhere(~np.isfinite(at_start))[0][1])
            raise ValueError(
                f"the objective of problem '{problem.name}' is {at_start[0, seed]} at the start "
                f"of seed {seed}"
            )
        best, seconds = [at_start], []
        for first, chunk in zip(steps, np.diff(steps), strict=False):
            began = time.perf_counter()
            lanes = program.advance(lanes, k, int(chunk), plan.draw(int(first)))
            value, least, now_lost = look(lanes[k])
            seconds.append(time.perf_counter() - began)
            best.append(np.fmin(best[-1], np.where(np.isfinite(least), least, np.inf)))
            lost = lost | now_lost
            if on_steps is not None:
                on_steps(int(chunk))
        yield PairResult(
            problem=problem,
            optimizer=optimizer.name,
            learning_rates=np.asarray(plan.learning_rates),
            steps=steps,
            gaps=np.maximum(np.stack(best) - problem.minimum, 0.0),
            final=value - problem.minimum,
            non_finite=lost,
            trace_seconds=program.trace_seconds[k],
            compile_seconds=program.compile_seconds / len(optimizers),
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
    """Run every optimizer on every problem, one group after another.

    Args:
      plans: one plan a problem.
      optimizers: the optimizers.
      on_pair: called with the problem's and the optimizer's name before each pair.
      on_steps: called with the number of steps done since the last call.

    Returns:
      An iterator of ``PairResult``: what is finished is yours when you stop, by Ctrl-C too.

    Numerics:
      As ``run_group``.

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
        yield from run_group(plan, optimizers, on_pair=on_pair, on_steps=on_steps)


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
      ValueError: the problem is stochastic, or its parameters are no vector.

    Numerics:
      The lane of ``run_group`` by itself, up to rounding. Every call compiles a program.

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
    start = jax.tree.map(lambda leaf: leaf[seed_index], plan.lanes[0])
    if problem.batch_objective is not None:
        raise ValueError(f"run_path: problem '{problem.name}' is stochastic")
    if not isinstance(start, jax.Array) or start.ndim != 1:
        raise ValueError(f"run_path: problem '{problem.name}' has no vector of parameters")
    hyper = {"learning_rate": jnp.asarray(learning_rate, jnp.result_type(float))}

    @jax.jit
    def visit(hyper: dict, start: jax.Array) -> jax.Array:
        def one(lane: Lane, _: None) -> tuple[Lane, jax.Array]:
            lane = advance(problem, optimizer.make, hyper, (), lane, jnp.int32(1))
            return lane, lane.params

        lane = start_lane(problem, optimizer.make, hyper, start)
        return jax.lax.scan(one, lane, length=plan.num_steps)[1]

    points = np.asarray(visit(hyper, start))
    return np.concatenate([np.asarray(start)[None], points])
