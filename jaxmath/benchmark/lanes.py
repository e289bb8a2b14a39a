"""Many optimizer runs as the lanes of one compiled program.

A lane is one run: one setting of the hyper-parameters, one seed (which draws the start and the
noise). The lanes of a (problem, optimizer) pair form a grid (settings × seeds) and advance
together, by nested ``vmap``. The optimizers of a problem are one program, since a program's
compilation costs far more than what is in it; a host loop calls it for one optimizer at a time.
No lane sees another: a lane that turns NaN stays NaN alone.
"""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxmath.optimize.problems import Problem
from jaxmath.typing import Array, PyTree, as_key

__all__ = ["Lane", "Program", "advance", "compile_lanes", "start_lane", "start_lanes"]

Hyper = dict[str, Array]


class Lane(NamedTuple):
    """The state of one optimizer run.

    ::

        best = minₜ f(xₜ)

    Args:
      params: xₜ, a pytree.
      opt_state: the optimizer's state.
      value: the objective last evaluated.
      best: the least finite objective so far.
      diverged: True once the objective was not finite.

    Returns:
      A pytree; in a program each array has two leading axes (settings, seeds).

    Numerics:
      NaN never enters ``best``.

    Example:
      >>> Lane._fields
      ('params', 'opt_state', 'value', 'best', 'diverged')

    References:
      The state of ``optax``'s training loop with a record of the best value.
    """

    params: PyTree
    opt_state: PyTree
    value: Array
    best: Array
    diverged: Array


def _seen(lane: Lane, value: Array) -> Lane:
    """The lane after an objective value was seen."""
    value = value.astype(lane.best.dtype)
    return lane._replace(
        value=value,
        best=jnp.where(value < lane.best, value, lane.best),
        diverged=lane.diverged | ~jnp.isfinite(value),
    )


def advance(
    problem: Problem,
    make_optimizer: Callable[..., optax.GradientTransformation],
    hyper: Hyper,
    batches: PyTree,
    lane: Lane,
    num_steps: Array,
) -> Lane:
    """Advance one lane by a number of steps: the solo run that a program maps over its grid.

    ::

        g = ∇f(xₜ) (or the gradient of a batch's estimate),   xₜ₊₁ = xₜ + update(g, xₜ)

    Args:
      problem: the problem.
      make_optimizer: from the hyper-parameters, by name, to an optax transformation.
      hyper: the hyper-parameters, scalars by name.
      batches: the problem's draws, each array with a leading axis of at least ``num_steps``; ()
        for a deterministic problem.
      lane: where the lane stands.
      num_steps: steps to take, int32; it may be traced.

    Returns:
      The lane after the steps.

    Numerics:
      A step evaluates f with its gradient at the point that it leaves, so after n steps the lane
      has seen x₀ … xₙ₋₁. A stochastic problem evaluates batches only: its ``value``, ``best`` and
      ``diverged`` stay as they are. A non-finite objective marks the lane as diverged and leaves
      ``best`` alone. Outside jit every call compiles the loop anew.

    Example:
      >>> import optax
      >>> from jaxmath.optimize import classical_problems
      >>> booth, hyper = classical_problems()[2], {"learning_rate": 0.05}
      >>> lane = start_lane(booth, optax.sgd, hyper, jnp.zeros(2))
      >>> lane = advance(booth, optax.sgd, hyper, (), lane, 100)
      >>> f"{lane.best:.4f}"
      '0.0000'

    References:
      optax, "Getting started": the update rule.
    """
    optimizer = make_optimizer(**hyper)
    batch_objective = problem.batch_objective

    def step(i: Array, lane: Lane) -> Lane:
        if batch_objective is not None:
            batch = jax.tree.map(lambda draws: draws[i], batches)
            gradient = jax.grad(batch_objective)(lane.params, batch)
        else:
            value, gradient = jax.value_and_grad(problem.objective)(lane.params)
            lane = _seen(lane, value)
        updates, opt_state = optimizer.update(gradient, lane.opt_state, lane.params)
        params = optax.apply_updates(lane.params, updates)
        return lane._replace(params=params, opt_state=opt_state)

    return lax.fori_loop(0, num_steps, step, lane)


def start_lane(
    problem: Problem,
    make_optimizer: Callable[..., optax.GradientTransformation],
    hyper: Hyper,
    start: PyTree,
) -> Lane:
    """One lane before its first step.

    ::

        x₀ = start,   best = +∞

    Args:
      problem: the problem.
      make_optimizer: from the hyper-parameters, by name, to an optax transformation.
      hyper: the hyper-parameters, scalars by name.
      start: starting parameters.

    Returns:
      A ``Lane`` that has seen nothing.

    Numerics:
      ``best`` has the dtype of the parameters.

    Example:
      >>> import optax
      >>> from jaxmath.optimize import classical_problems
      >>> lane = start_lane(
      ...     classical_problems()[2], optax.sgd, {"learning_rate": 0.1}, jnp.zeros(2)
      ... )
      >>> f"{lane.best}"
      'inf'

    References:
      optax, "Getting started".
    """
    dtype = jnp.result_type(*jax.tree.leaves(start))
    opt_state = make_optimizer(**hyper).init(start)
    unseen = jnp.full((), jnp.inf, dtype)
    return Lane(start, opt_state, unseen, unseen, jnp.array(False))


def start_lanes(problem: Problem, key: Array, num_seeds: int) -> tuple[PyTree, Array]:
    """Starting points and noise keys of the seeds, the same for every optimizer.

    ::

        (k'ₛ, k"ₛ) = split(key)ₛ,   x₀ = start(k'ₛ),   noise key k"ₛ

    Args:
      problem: the problem.
      key: a random key.
      num_seeds: the number of seeds.

    Returns:
      The starts (each array with a leading axis of seeds) and the noise keys, shape (seeds,).

    Numerics:
      A seed's start does not depend on how many seeds there are (jax's counter-based keys). Run
      without compiling it as a whole, so that problems of one dimension share their programs.

    Example:
      >>> from jaxmath.optimize import classical_problems
      >>> starts, noise = start_lanes(classical_problems()[1], jax.random.key(0), 3)
      >>> starts.shape, noise.shape
      ((3, 2), (3,))

    References:
      Common random numbers: A. M. Law, "Simulation Modeling and Analysis", 2015, section 11.2.
    """
    pairs = jax.random.split(as_key("key", key), (num_seeds, 2))
    return jax.vmap(problem.start)(pairs[:, 0]), pairs[:, 1]


@dataclass(frozen=True)
class Program:
    """The compiled program of a group: one problem, several optimizers.

    ::

        lanesₖ ← advance(lanesₖ, num_steps) for the optimizer k that is asked for

    Args:
      compiled: the executable.
      lanes: for each optimizer its lanes before their first step.
      hyper: the hyper-parameters' settings.
      trace_seconds: for each optimizer the time to trace it, s.
      compile_seconds: time to lower and compile the whole group, s.

    Returns:
      A record; ``advance(lanes, k, n)`` runs optimizer k for n steps.

    Numerics:
      The numbers of steps are arguments of the program, so that chunks of any length share one
      compilation, and one optimizer can run while the others stand still. The lanes are donated.

    Example:
      >>> Program.__dataclass_fields__["compile_seconds"].type
      <class 'float'>

    References:
      JAX, "Ahead-of-time lowering and compilation".
    """

    compiled: Callable
    lanes: tuple[Lane, ...]
    hyper: Hyper
    trace_seconds: tuple[float, ...]
    compile_seconds: float

    def advance(
        self, lanes: tuple[Lane, ...], which: int, num_steps: int, batches: PyTree = ()
    ) -> tuple[Lane, ...]:
        """The lanes of one optimizer ``num_steps`` further; ``batches`` as compiled for."""
        counts = np.zeros(len(lanes), np.int32)
        counts[which] = num_steps
        return self.compiled(self.hyper, batches, lanes, counts)


def compile_lanes(
    problem: Problem,
    make_optimizers: Sequence[Callable[..., optax.GradientTransformation]],
    hyper: Hyper,
    starts: PyTree,
    batches: PyTree = (),
) -> Program:
    """Trace and compile the program that advances every lane of a group.

    ::

        lanes of an optimizer = settings × seeds

    Args:
      problem: the problem.
      make_optimizers: functions from the hyper-parameters, by name, to an optax transformation.
      hyper: each hyper-parameter's settings, arrays of shape (settings,).
      starts: starting points with a leading axis of seeds.
      batches: draws for one call, each array with leading axes (seeds, steps); () for a
        deterministic problem.

    Returns:
      A ``Program``.

    Numerics:
      Compiled ahead of time, so that the first run's time holds no compilation, and at every call,
      as the time it takes is a result. Thirteen optimizers in one program compile in about a third
      of the time of thirteen programs.

    Example:
      >>> import optax
      >>> from jaxmath.optimize import classical_problems
      >>> booth = classical_problems()[2]
      >>> starts, _ = start_lanes(booth, jax.random.key(0), 2)
      >>> hyper = {"learning_rate": jnp.array([0.01, 0.05])}
      >>> program = compile_lanes(booth, [optax.sgd, optax.adam], hyper, starts)
      >>> sgd, adam = program.advance(program.lanes, 0, 100)
      >>> sgd.best.shape, f"{sgd.best[1].max():.4f}", f"{adam.best.max()}"
      ((2, 2), '0.0000', 'inf')

    References:
      JAX, "Automatic vectorization".
    """
    over_grids, lanes = [], []
    for make in make_optimizers:
        one = functools.partial(advance, problem, make)
        over_seeds = jax.vmap(one, in_axes=(None, 0, 0, None))
        over_grids.append(jax.vmap(over_seeds, in_axes=(0, None, 0, None)))
        # Not compiled: it is little more than zeros, whose programs all groups share.
        begin = functools.partial(start_lane, problem, make)
        lanes.append(jax.vmap(jax.vmap(begin, in_axes=(None, 0)), in_axes=(0, None))(hyper, starts))
    seconds = []

    def group(
        hyper: Hyper, batches: PyTree, lanes: tuple[Lane, ...], counts: Array
    ) -> tuple[Lane, ...]:
        moved = []
        for k, over_grid in enumerate(over_grids):
            began = time.perf_counter()
            moved.append(over_grid(hyper, batches, lanes[k], counts[k]))
            seconds.append(time.perf_counter() - began)
        return tuple(moved)

    counts = np.zeros(len(lanes), np.int32)
    began = time.perf_counter()
    lowered = jax.jit(group, donate_argnums=2).lower(hyper, batches, tuple(lanes), counts)
    # On CPU a stochastic problem's time goes into matrix products that a library computes: LLVM's
    # highest level nearly doubles the compilation there and does not shorten the run.
    options: dict[str, str | bool] = {}
    if problem.batch_objective is not None and jax.default_backend() == "cpu":
        options["xla_backend_optimization_level"] = "1"
    compiled = lowered.compile(options)
    shared = time.perf_counter() - began - sum(seconds)
    return Program(compiled, tuple(lanes), hyper, tuple(seconds), shared)
