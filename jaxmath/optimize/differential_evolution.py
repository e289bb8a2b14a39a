"""Differential evolution: a population in a box that learns its steps from its own differences."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._draws import uniform
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._solver import donatable, solver
from jaxmath.optimize._swarm import (
    between,
    box_status,
    collapsed,
    corners,
    evaluator,
    evolve,
    latin_hypercube,
    spread,
    spread_status,
    tolerances,
)
from jaxmath.typing import Array, PyTree, Scalar, as_key, check_number

__all__ = [
    "differential_evolution",
    "differential_evolution_init",
    "differential_evolution_step",
]

Range = Scalar | tuple[Scalar, Scalar]
_STRATEGIES = ("best1bin", "rand1bin")


class DifferentialEvolutionState(NamedTuple):
    """The population (p, n) with its values (NaN as +∞), the box, and what it has cost."""

    population: Array
    values: Array
    lower: Array
    upper: Array
    num_fun: Array
    status: Array


def _distinct(key: Array, size: int, count: int) -> Array:
    """For each i, ``count`` distinct indices other than i; each ordered choice is as likely.

    The j-th is drawn from the size − j that are left: its rank among these, past those taken.
    """
    taken = jnp.arange(size, dtype=jnp.int32)[:, None]
    left = size - 1 - jnp.arange(count, dtype=jnp.int32)[None, :]
    ranks = jax.random.randint(key, (size, count), 0, left, jnp.int32)
    picked = []
    for j in range(count):
        index = ranks[:, j]
        for t in range(j + 1):
            index = jnp.where(index >= taken[:, t], index + 1, index)
        picked.append(index)
        taken = jnp.sort(jnp.concatenate([taken, index[:, None]], axis=1), axis=1)
    return jnp.stack(picked, axis=1)


def _ends(mutation: Range) -> tuple:
    return mutation if isinstance(mutation, tuple) else (mutation, mutation)


def _factor(key: Array, mutation: Range, dtype: jnp.dtype) -> Array:
    """F: the number itself, or one draw between two (dither)."""
    low, high = (jnp.asarray(end).astype(dtype) for end in _ends(mutation))
    return low + (high - low) * uniform(key, (), dtype)


def _crossed(keys: Array, x: Array, mutant: Array, recombination: Scalar) -> Array:
    """Binomial crossover: each entry is the mutant's with probability CR, one surely."""
    size, n = x.shape
    draw = jax.random.uniform(keys[0], (size, n), x.dtype)
    sure = jax.random.randint(keys[1], (size, 1), 0, n, jnp.int32)
    rate = jnp.asarray(recombination).astype(x.dtype)
    return jnp.where((draw < rate) | (jnp.arange(n, dtype=jnp.int32)[None, :] == sure), mutant, x)


def _advance(
    key: Array,
    evaluate: Callable,
    state: DifferentialEvolutionState,
    strategy: str,
    mutation: Range,
    recombination: Scalar,
) -> DifferentialEvolutionState:
    x, values = state.population, state.values
    keys = jax.random.split(key, 5)
    r = _distinct(keys[0], x.shape[0], 2 + (strategy == "rand1bin"))
    base = x[jnp.argmin(values)][None, :] if strategy == "best1bin" else x[r[:, 2]]
    mutant = base + _factor(keys[1], mutation, x.dtype) * (x[r[:, 0]] - x[r[:, 1]])
    trial = _crossed(keys[2:4], x, mutant, recombination)
    fresh = between(uniform(keys[4], x.shape, x.dtype), state.lower, state.upper)
    inside = (trial >= state.lower[None, :]) & (trial <= state.upper[None, :])
    trial = jnp.where(inside, trial, fresh)
    trial_values = evaluate(trial)
    better = trial_values <= values
    return state._replace(
        population=jnp.where(better[:, None], trial, x),
        values=jnp.where(better, trial_values, values),
        num_fun=state.num_fun + x.shape[0],
    )


def _begin(
    key: Array, evaluate: Callable, lower: Array, upper: Array, size: int
) -> DifferentialEvolutionState:
    population = latin_hypercube(key, size, lower, upper)
    count = jnp.int32(size)
    return DifferentialEvolutionState(
        population, evaluate(population), lower, upper, count, box_status(lower, upper)
    )


def _population_size(population_size: int | None, n: int) -> int:
    size = 15 * n if population_size is None else population_size
    check_number("population_size", size, low=4, integer=True)
    return size


def _check_settings(strategy: str, mutation: Range, recombination: Scalar) -> None:
    if strategy not in _STRATEGIES:
        raise ValueError(f"argument `strategy` must be one of {_STRATEGIES}, got {strategy!r}")
    ends = _ends(mutation)
    if len(ends) != 2 or any(np.ndim(end) != 0 for end in ends):
        raise ValueError(f"argument `mutation` must be a number or a pair of them, got {mutation}")
    for end in ends:
        check_number("mutation", end, low=0.0, high=2.0)
    check_number("recombination", recombination, low=0.0, high=1.0)


@donatable
def differential_evolution_init(
    key: Array,
    fun: Callable,
    lower: Array,
    upper: Array,
    args: tuple = (),
    *,
    population_size: int | None = None,
) -> DifferentialEvolutionState:
    """The first population of differential evolution: a Latin hypercube in the box.

    ::

        xᵢⱼ = lⱼ + (πⱼ(i) + uᵢⱼ)/p · (uⱼ − lⱼ),   πⱼ a permutation of 0 … p − 1

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)``, a real scalar.
      lower: l, the lower bounds, shape (n,).
      upper: u, the upper bounds, shape (n,).
      args: further arguments of ``fun``.
      population_size: p ≥ 4; None takes 15 n.

    Returns:
      A ``DifferentialEvolutionState``.

    Numerics:
      Its status is INFEASIBLE where some lⱼ > uⱼ, INVALID_START where a bound is not finite. NaN
      values are held as +∞. Cost: p values.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> box = jnp.array([-1.0, -2.0]), jnp.array([1.0, 2.0])
      >>> state = differential_evolution_init(jax.random.key(0), f, *box)
      >>> print(state.population.shape, state.num_fun)
      (30, 2) 30

    References:
      R. Storn, K. Price, "Differential evolution – a simple and efficient heuristic for global
      optimization over continuous spaces", 1997, section 2.
    """
    low, high, back = corners(lower, upper)
    size = _population_size(population_size, low.size)
    return _begin(as_key("key", key), evaluator(fun, back, args), low, high, size)


def differential_evolution_step(
    key: Array,
    fun: Callable,
    state: DifferentialEvolutionState,
    args: tuple = (),
    *,
    strategy: str = "best1bin",
    mutation: Range = (0.5, 1.0),
    recombination: Scalar = 0.7,
) -> DifferentialEvolutionState:
    """One generation of differential evolution.

    ::

        vᵢ = b + F (x_{r₁} − x_{r₂}),   b = the best, or x_{r₃};   i, r₁, r₂, r₃ distinct
        tᵢⱼ = vᵢⱼ with probability CR, and for one j surely; else xᵢⱼ
        xᵢ ← tᵢ where f(tᵢ) ≤ f(xᵢ)

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)`` of a vector x, a real scalar.
      state: the ``DifferentialEvolutionState`` so far.
      args: further arguments of ``fun``.
      strategy: "best1bin" or "rand1bin": what b is.
      mutation: F, or the two ends between which each generation draws it.
      recombination: CR, the probability of an entry from vᵢ.

    Returns:
      The next ``DifferentialEvolutionState``.

    Numerics:
      As ``differential_evolution``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> first, second = jax.random.split(jax.random.key(0))
      >>> state = differential_evolution_init(first, f, jnp.array([-1.0]), jnp.array([1.0]))
      >>> after = differential_evolution_step(second, f, state)
      >>> print(bool((after.values <= state.values).all()), after.num_fun)
      True 30

    References:
      R. Storn, K. Price, "Differential evolution – a simple and efficient heuristic for global
      optimization over continuous spaces", 1997, equations 2 to 5.
    """
    _check_settings(strategy, mutation, recombination)
    evaluate = evaluator(fun, lambda x: x, args)
    return _advance(as_key("key", key), evaluate, state, strategy, mutation, recombination)


@solver
def differential_evolution(
    key: Array,
    fun: Callable,
    lower: PyTree,
    upper: PyTree,
    args: tuple = (),
    *,
    strategy: str = "best1bin",
    mutation: Range = (0.5, 1.0),
    recombination: Scalar = 0.7,
    population_size: int | None = None,
    tol: Scalar | None = None,
    atol: Scalar = 0.0,
    max_steps: Scalar = 1000,
) -> Solution:
    """Minimize over a box by differential evolution, without derivatives.

    ::

        vᵢ = b + F (x_{r₁} − x_{r₂}),   tᵢ = a crossing of xᵢ and vᵢ,   xᵢ ← tᵢ if f(tᵢ) ≤ f(xᵢ)
        until std(f(x₁) … f(x_p)) ≤ atol + tol·|mean|

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)``, a real scalar; no derivative is taken.
      lower: l, the lower bounds, a pytree of floating arrays of one dtype.
      upper: u, the upper bounds, as ``lower``.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      strategy: b is the best of the population ("best1bin") or another member ("rand1bin").
      mutation: F, or the two ends between which each generation draws it (dither).
      recombination: CR, the probability of an entry from vᵢ.
      population_size: p ≥ 4; None takes 15 n.
      tol: the relative spread of the values to reach; None takes eps^(2/3).
      atol: the absolute spread to reach.
      max_steps: the limit on generations.

    Returns:
      A ``Solution`` with the best point, in the box, and with error std(f) over the population.

    Numerics:
      CONVERGED where the spread meets the tolerance, a constant objective too: the population has
      agreed, which is no proof of a global minimum. STAGNATED where no coordinate is wider than the
      rounding of its bounds, as happens at a minimum whose value is 0. MAX_STEPS; INFEASIBLE where
      some l > u; INVALID_START where a bound is not finite; NON_FINITE where no member has a finite
      value; UNBOUNDED where one is −∞. NaN ranks last. Entries outside the box are drawn anew in
      it. SciPy's names and defaults, but for: generations change at once (its
      updating="deferred"), no polish, and hence a ``tol`` of eps^(2/3), not 0.01. Reverse mode is
      refused by jax. Cost: p values a generation.

    Example:
      >>> f = lambda x: (x["a"] - 1.0) ** 2 + 5.0 * (1.0 - jnp.cos(4.0 * (x["a"] - 1.0))) + 2.0
      >>> s = differential_evolution(jax.random.key(0), f, {"a": -9.0}, {"a": 9.0})
      >>> print(f"{s.value['a']:.3f}", bool(s.converged))
      1.000 True

    References:
      R. Storn, K. Price, "Differential evolution – a simple and efficient heuristic for global
      optimization over continuous spaces", 1997.
    """
    _check_settings(strategy, mutation, recombination)
    low, high, back = corners(lower, upper)
    size = _population_size(population_size, low.size)
    scale = jnp.maximum(jnp.abs(low), jnp.abs(high))
    evaluate = evaluator(fun, back, args)
    first, rest = jax.random.split(as_key("key", key))
    start = _begin(first, evaluate, low, high, size)
    tol, atol = tolerances(tol, atol, start.values.dtype)

    def status_fn(state: DifferentialEvolutionState) -> Array:
        status = spread_status(state.values, collapsed(state.population, scale), tol, atol)
        return jnp.where(state.status == Status.RUNNING, status, state.status)

    state, status, num_steps = evolve(
        rest,
        lambda key, s: _advance(key, evaluate, s, strategy, mutation, recombination),
        start,
        status_fn,
        max_steps,
    )
    best = back(state.population[jnp.argmin(state.values)])
    return Solution(best, status, spread(state.values)[0], num_steps, state.num_fun)
