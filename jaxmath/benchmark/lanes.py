"""Many optimizer runs as the lanes of one compiled program.

A lane is one run: one setting of the hyper-parameters, one seed (which draws the start and the
noise). The lanes of a (problem, optimizer) pair form a grid (settings × seeds) and advance
together, by nested ``vmap``, in one program that a host loop calls a few dozen times. No lane
sees another: a lane that turns NaN stays NaN alone.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
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
      step: t, int32.
      value: the objective last evaluated.
      best: the least finite objective so far.
      diverged: True once the objective was not finite.

    Returns:
      A pytree; in a program each array has two leading axes (settings, seeds).

    Numerics:
      NaN never enters ``best``.

    Example:
      >>> Lane._fields
      ('params', 'opt_state', 'step', 'value', 'best', 'diverged')

    References:
      The state of ``optax``'s training loop with a record of the best value.
    """

    params: PyTree
    opt_state: PyTree
    step: Array
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
    key: Array,
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
      key: the lane's noise key; step t draws from ``fold_in(key, t)``.
      lane: where the lane stands.
      num_steps: steps to take, int32; it may be traced.

    Returns:
      The lane after the steps.

    Numerics:
      A step evaluates f with its gradient at the point that it leaves, so after n steps the lane
      has seen x₀ … xₙ₋₁. A stochastic problem evaluates batches on the way and f once, at the
      point where the call ends. A non-finite objective marks the lane as diverged and leaves
      ``best`` alone.

    Example:
      >>> import optax
      >>> from jaxmath.optimize import classical_problems
      >>> booth, hyper = classical_problems()[2], {"learning_rate": 0.05}
      >>> lane = start_lane(booth, optax.sgd, hyper, jnp.zeros(2))
      >>> lane = advance(booth, optax.sgd, hyper, jax.random.key(0), lane, 100)
      >>> f"{lane.best:.4f} {lane.step}"
      '0.0000 100'

    References:
      optax, "Getting started": the update rule.
    """
    optimizer = make_optimizer(**hyper)
    batch_objective = problem.batch_objective

    def step(_: Array, lane: Lane) -> Lane:
        if batch_objective is not None:
            noise = jax.random.fold_in(key, lane.step)
            gradient = jax.grad(batch_objective)(lane.params, noise)
        else:
            value, gradient = jax.value_and_grad(problem.objective)(lane.params)
            lane = _seen(lane, value)
        updates, opt_state = optimizer.update(gradient, lane.opt_state, lane.params)
        params = optax.apply_updates(lane.params, updates)
        return lane._replace(params=params, opt_state=opt_state, step=lane.step + 1)

    lane = lax.fori_loop(0, num_steps, step, lane)
    return _seen(lane, problem.objective(lane.params)) if batch_objective else lane


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
      A ``Lane`` at step 0.

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
    return Lane(start, opt_state, jnp.int32(0), unseen, unseen, jnp.array(False))


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
    """The compiled program of one (problem, optimizer) pair.

    ::

        lanes ← advance(lanes, num_steps)

    Args:
      compiled: the executable.
      lanes: the lanes before their first step.
      arguments: hyper-parameters and noise keys.
      trace_seconds: time to trace and lower, s.
      compile_seconds: time to compile, s.

    Returns:
      A record; ``advance(lanes, n)`` runs the program for n steps.

    Numerics:
      The number of steps is an argument of the program, so that chunks of any length share one
      compilation; the lanes are donated.

    Example:
      >>> Program.__dataclass_fields__["compile_seconds"].type
      <class 'float'>

    References:
      JAX, "Ahead-of-time lowering and compilation".
    """

    compiled: Callable
    lanes: Lane
    arguments: tuple
    trace_seconds: float
    compile_seconds: float

    def advance(self, lanes: Lane, num_steps: int) -> Lane:
        """All lanes ``num_steps`` further."""
        return self.compiled(*self.arguments, lanes, jnp.int32(num_steps))


def compile_lanes(
    problem: Problem,
    make_optimizer: Callable[..., optax.GradientTransformation],
    hyper: Hyper,
    starts: PyTree,
    keys: Array,
) -> Program:
    """Trace and compile the program that advances every lane of one pair.

    ::

        lanes = settings × seeds

    Args:
      problem: the problem.
      make_optimizer: from the hyper-parameters, by name, to an optax transformation.
      hyper: each hyper-parameter's settings, arrays of shape (settings,).
      starts: starting points with a leading axis of seeds.
      keys: noise keys, shape (seeds,).

    Returns:
      A ``Program``.

    Numerics:
      Compiled ahead of time, so that the first run's time holds no compilation.

    Example:
      >>> import optax
      >>> from jaxmath.optimize import classical_problems
      >>> booth = classical_problems()[2]
      >>> starts, noise = start_lanes(booth, jax.random.key(0), 2)
      >>> hyper = {"learning_rate": jnp.array([0.01, 0.05])}
      >>> program = compile_lanes(booth, optax.sgd, hyper, starts, noise)
      >>> lanes = program.advance(program.lanes, 100)
      >>> lanes.best.shape, f"{lanes.best[1].max():.4f}"
      ((2, 2), '0.0000')

    References:
      JAX, "Automatic vectorization".
    """
    one = functools.partial(advance, problem, make_optimizer)
    over_seeds = jax.vmap(one, in_axes=(None, 0, 0, None))
    over_grid = jax.vmap(over_seeds, in_axes=(0, None, 0, None))

    begin = functools.partial(start_lane, problem, make_optimizer)
    # Not compiled as a whole: it is little more than zeros, whose programs all pairs share.
    lanes = jax.vmap(jax.vmap(begin, in_axes=(None, 0)), in_axes=(0, None))(hyper, starts)
    arguments = (hyper, keys)
    began = time.perf_counter()
    lowered = jax.jit(over_grid, donate_argnums=2).lower(*arguments, lanes, jnp.int32(0))
    traced = time.perf_counter()
    compiled = lowered.compile()
    return Program(compiled, lanes, arguments, traced - began, time.perf_counter() - traced)
