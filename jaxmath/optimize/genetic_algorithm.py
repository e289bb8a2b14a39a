"""The genetic algorithm: selection, crossover, mutation and elitism, a generation at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._limits import _check_count
from jaxmath.iterate import Solution, Status
from jaxmath.optimize._solver import as_numbers, check_callable, donatable, solver
from jaxmath.optimize._swarm import evaluator, evolve, spread
from jaxmath.optimize.selection import elitism, tournament_selection
from jaxmath.optimize.variation import (
    bit_flip_mutation,
    blend_crossover,
    gaussian_mutation,
    one_point_crossover,
)
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["genetic_algorithm", "genetic_algorithm_init", "genetic_algorithm_step"]


class GeneticState(NamedTuple):
    """The population (p, n) with its values (NaN as +∞), and the best since the start."""

    population: Array
    values: Array
    best: Array
    best_value: Array
    num_idle: Array
    num_fun: Array
    status: Array


class Operators(NamedTuple):
    """What makes a generation, as ``genetic_algorithm`` takes it."""

    selection: Callable
    crossover: Callable
    mutation: Callable
    crossover_rate: Scalar
    num_elites: int


def _like(name: str, genomes: Any, parent: Array, num: int) -> tuple:
    """What an operator returned, if that is ``num`` genomes like the parent."""
    kinds = [(jnp.shape(g), jnp.result_type(g)) for g in jax.tree.leaves(genomes)]
    if not isinstance(genomes, (tuple, list)) or kinds != num * [(parent.shape, parent.dtype)]:
        raise ValueError(
            f"argument `{name}` must return {num} of shape {parent.shape} and dtype "
            f"{parent.dtype}, got {type(genomes).__name__} of {kinds}"
        )
    return tuple(genomes)


def _operators(
    population: Array,
    selection: Callable,
    crossover: Callable | None,
    mutation: Callable | None,
    crossover_rate: Scalar,
    num_elites: int,
) -> Operators:
    check_number("crossover_rate", crossover_rate, low=0.0, high=1.0)
    _check_count("num_elites", num_elites, high=len(population))
    real = jnp.issubdtype(population.dtype, jnp.floating)
    if crossover is None:
        crossover = blend_crossover if real else one_point_crossover
    if mutation is None:
        mutation = gaussian_mutation if real else bit_flip_mutation
    operators = {"selection": selection, "crossover": crossover, "mutation": mutation}
    for name, operator in operators.items():
        check_callable(name, operator)
    return Operators(selection, crossover, mutation, crossover_rate, num_elites)


def _begin(evaluate: Callable, population: ArrayLike) -> GeneticState:
    x = as_numbers("population", population)
    if x.ndim != 2 or min(x.shape) < 1 or x.shape[0] < 2:
        raise ValueError(
            f"argument `population` must have shape (p, n) with p ≥ 2 and n ≥ 1, got {x.shape}"
        )
    finite = jnp.all(jnp.isfinite(x))
    status = jnp.where(finite, Status.RUNNING, Status.INVALID_START).astype(jnp.int32)
    values, zero = evaluate(x), jnp.int32(0)
    best = jnp.argmin(values)
    return GeneticState(x, values, x[best], values[best], zero, jnp.int32(x.shape[0]), status)


def _offspring(key: Array, state: GeneticState, ops: Operators) -> Array:
    """p children: parents in pairs, crossed or copied, then mutated."""
    x = state.population
    p, pairs = x.shape[0], -(-x.shape[0] // 2)
    choose, mate, cross, mutate = jax.random.split(key, 4)
    chosen = ops.selection(choose, state.values, 2 * pairs)
    chosen = as_array("selection", chosen, shape=(2 * pairs,), kind="integer")
    parents = x[chosen].reshape(pairs, 2, -1)
    mate_one = lambda key, a, b: _like("crossover", ops.crossover(key, a, b), a, 2)
    mixed = jax.vmap(mate_one)(jax.random.split(cross, pairs), parents[:, 0], parents[:, 1])
    crossed = jax.random.bernoulli(mate, ops.crossover_rate, (pairs, 1, 1))
    children = jnp.where(crossed, jnp.stack(mixed, axis=1), parents).reshape(2 * pairs, -1)[:p]
    mutate_one = lambda key, u: _like("mutation", [ops.mutation(key, u)], u, 1)[0]
    return jax.vmap(mutate_one)(jax.random.split(mutate, p), children)


def _advance(key: Array, evaluate: Callable, state: GeneticState, ops: Operators) -> GeneticState:
    children = _offspring(key, state, ops)
    population, values = elitism(
        state.population, state.values, children, evaluate(children), ops.num_elites
    )
    leader = jnp.argmin(values)
    better = values[leader] < state.best_value
    return GeneticState(
        population, values,
        jnp.where(better, population[leader], state.best),
        jnp.where(better, values[leader], state.best_value),
        jnp.where(better, 0, state.num_idle + 1),
        state.num_fun + children.shape[0], state.status,
    )  # fmt: skip


@donatable
def genetic_algorithm_init(fun: Callable, population: ArrayLike, args: tuple = ()) -> GeneticState:
    """The first population, with its values.

    ::

        fᵢ = f(xᵢ),   i = 1 … p

    Args:
      fun: the objective, ``fun(x, *args)`` of a genome x, a real scalar.
      population: the first genomes, shape (p, n), of any dtype.
      args: further arguments of ``fun``.

    Returns:
      A ``GeneticState``.

    Numerics:
      Nothing is random yet. Its status is INVALID_START where a genome is not finite. NaN values
      are held as +∞. Cost: p values.

    Example:
      >>> f, genomes = lambda x: jnp.sum(x**2), jnp.array([[1.0, 2.0], [0.0, 1.0]])
      >>> state = genetic_algorithm_init(f, genomes)
      >>> print(state.values, state.num_fun)
      [5. 1.] 2

    References:
      J. H. Holland, "Adaptation in Natural and Artificial Systems", 1975, chapter 6.
    """
    return _begin(evaluator(fun, lambda x: x, args), population)


def genetic_algorithm_step(
    key: Array,
    fun: Callable,
    state: GeneticState,
    args: tuple = (),
    *,
    selection: Callable = tournament_selection,
    crossover: Callable | None = None,
    mutation: Callable | None = None,
    crossover_rate: Scalar = 0.9,
    num_elites: int = 1,
) -> GeneticState:
    """One generation: p children of selected parents, and the elite of the parents.

    ::

        (a, b) = two selected;   (u, v) = crossover(a, b) with probability ρ, else (a, b)
        children = mutation(u), mutation(v);   next = elitism(population, children)

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)`` of a genome x, a real scalar.
      state: the ``GeneticState`` so far.
      args: further arguments of ``fun``.
      selection: as in ``genetic_algorithm``, and so are the others.
      crossover: from (key, a, b) to two children.
      mutation: from (key, u) to a mutant.
      crossover_rate: ρ in [0, 1].
      num_elites: how many parents stay.

    Returns:
      The next ``GeneticState``.

    Numerics:
      As ``genetic_algorithm``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> state = genetic_algorithm_init(f, jnp.array([[1.0, 2.0], [0.0, 1.0]]))
      >>> state = genetic_algorithm_step(jax.random.key(0), f, state)
      >>> print(bool(state.values.min() <= 1.0), state.num_fun)
      True 4

    References:
      D. E. Goldberg, "Genetic Algorithms in Search, Optimization, and Machine Learning", 1989,
      chapter 3.
    """
    ops = _operators(state.population, selection, crossover, mutation, crossover_rate, num_elites)
    return _advance(as_key("key", key), evaluator(fun, lambda x: x, args), state, ops)


@solver
def genetic_algorithm(
    key: Array,
    fun: Callable,
    population: ArrayLike,
    args: tuple = (),
    *,
    selection: Callable = tournament_selection,
    crossover: Callable | None = None,
    mutation: Callable | None = None,
    crossover_rate: Scalar = 0.9,
    num_elites: int = 1,
    patience: Scalar = 50,
    max_steps: Scalar = 1000,
) -> Solution:
    """Minimize over genomes, real or discrete, by a genetic algorithm.

    ::

        population ← elitism(population, mutation(crossover(selection(population))))
        x* = the best of all generations

    Args:
      key: random key.
      fun: the objective, ``fun(x, *args)`` of a genome x, a real scalar, which is minimized; a
        fitness to be maximized is −fun.
      population: the first genomes, shape (p, n), p ≥ 2: reals, or bits as booleans or as
        integers 0 and 1; of any dtype with operators that take it.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      selection: from (key, values, num) to the indices of num parents; less is better. With
        roulette: ``lambda key, f, num: roulette_selection(key, jnp.exp(-f), num)``.
      crossover: from (key, a, b) to two children; None takes ``blend_crossover`` for reals,
        ``one_point_crossover`` for bits.
      mutation: from (key, u) to a mutant; None takes ``gaussian_mutation`` for reals,
        ``bit_flip_mutation`` for bits.
      crossover_rate: the probability that a pair is crossed, not copied.
      num_elites: how many of the best parents replace the worst children, 0 to p.
      patience: how many generations in a row may bring nothing better.
      max_steps: the limit on generations.

    Returns:
      A ``Solution`` with the best genome of all generations, and with the last population's
      std(f) as its error.

    Raises:
      TypeError: an operator is no function, or ``num_elites`` is no Python integer.
      ValueError: an operator returns something else than is said above.

    Numerics:
      CONVERGED after ``patience`` generations without a better genome, a constant objective too; no
      proof of a global minimum. MAX_STEPS before that. INVALID_START where a genome is not finite,
      or has integers other than 0 and 1 without a ``mutation``; NON_FINITE where no member has a
      finite value; UNBOUNDED where one is −∞. NaN ranks last. With num_elites ≥ 1 the best of the
      population never gets worse. A box or a permutation is kept by operators of one's own.
      Mutation of a fixed size limits the accuracy to about σ. Cost: p values a generation.

    Example:
      >>> ones = lambda x: -jnp.sum(x).astype(float)
      >>> s = genetic_algorithm(jax.random.key(0), ones, jnp.zeros((20, 8), bool))
      >>> print(s.value.astype(int))
      [1 1 1 1 1 1 1 1]

    References:
      J. H. Holland, "Adaptation in Natural and Artificial Systems", 1975, chapter 6.
      D. E. Goldberg, "Genetic Algorithms in Search, Optimization, and Machine Learning", 1989,
      chapter 3.
    """
    check_number("patience", patience, low=1, integer=True)
    evaluate = evaluator(fun, lambda x: x, args)
    start = _begin(evaluate, population)
    if mutation is None and jnp.issubdtype(start.population.dtype, jnp.integer):
        bits = jnp.all((start.population == 0) | (start.population == 1))
        start = start._replace(status=jnp.where(bits, start.status, Status.INVALID_START))
    ops = _operators(start.population, selection, crossover, mutation, crossover_rate, num_elites)

    def status_fn(state: GeneticState) -> Array:
        status = jnp.where(state.num_idle >= patience, Status.CONVERGED, Status.RUNNING)
        status = jnp.where(state.best_value == jnp.inf, Status.NON_FINITE, status)
        status = jnp.where(state.best_value == -jnp.inf, Status.UNBOUNDED, status)
        return jnp.where(state.status == Status.RUNNING, status, state.status)

    state, status, num_steps = evolve(
        as_key("key", key), lambda key, s: _advance(key, evaluate, s, ops), start, status_fn,
        max_steps,
    )  # fmt: skip
    return Solution(state.best, status, spread(state.values)[0], num_steps, state.num_fun)
