"""The (μ, λ) evolution strategy: each individual carries the length of its own mutations.

``evolution_strategy_init`` and ``evolution_strategy_step`` take a vector; the solver takes any
pytree.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxmath._draws import normal
from jaxmath.iterate import Solution
from jaxmath.optimize._evolve import Method, evolve, first_state, next_state
from jaxmath.optimize._population import Evaluate, Progress, first, ranked, record
from jaxmath.optimize._solver import donatable, solver
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["evolution_strategy", "evolution_strategy_init", "evolution_strategy_step"]


class EvolutionState(NamedTuple):
    """The μ parents, shape (μ, n), the length σ of each one's mutations, the search's record."""

    parents: Array
    sigma: Array
    progress: Progress


def _advance(evaluate: Evaluate, state: EvolutionState, draws: tuple) -> EvolutionState:
    """One generation from the draws."""
    which, length, place = draws
    mu, n = state.parents.shape
    sigma = state.sigma[which] * jnp.exp(length / math.sqrt(2 * n))
    X = state.parents[which] + sigma[:, None] * place
    values = evaluate(X)
    best = ranked(values)[:mu]
    parents, sigma = X[best], sigma[best]
    spread = jnp.broadcast_to(jnp.max(sigma), (n,))
    progress = record(state.progress, X, values, jnp.mean(parents, axis=0), spread)
    return EvolutionState(parents, sigma, progress)


def _method(mu: int) -> Method:
    def _begin(evaluate: Evaluate, x: Array, sigma: Array, size: int) -> EvolutionState:
        check_number("num_parents", mu, low=1, high=size, integer=True)
        parents, sigmas = jnp.broadcast_to(x, (mu, x.size)), jnp.broadcast_to(sigma, (mu,))
        return EvolutionState(parents, sigmas, first(evaluate, x, sigma, size))

    def _draw(key: Array, size: int, x: Array) -> tuple[Array, Array, Array]:
        """A parent for each of the λ children, the draw of its σ, those of its coordinates."""
        check_number("population_size", size, low=mu)
        which, length, place = jax.random.split(key, 3)
        return (
            jax.random.randint(which, (size,), 0, mu),
            normal(length, (size,), x.dtype),
            normal(place, (size, x.size), x.dtype),
        )

    return Method(_begin, _advance, _draw)


@donatable
def evolution_strategy_init(
    fun: Callable,
    x0: Array,
    sigma: Scalar,
    args: tuple = (),
    *,
    num_parents: int = 5,
    population_size: int = 35,
) -> EvolutionState:
    """The start of a (μ, λ) evolution strategy: μ times the same parent.

    ::

        xᵢ = x₀,   σᵢ = σ   for i = 1, …, μ

    Args:
      fun: the objective, ``fun(x, *args)``, a scalar.
      x0: the start, shape (n,).
      sigma: the standard deviation of the first mutations.
      args: further arguments of ``fun``.
      num_parents: μ.
      population_size: λ, as ``evolution_strategy_step`` will have it.

    Returns:
      An ``EvolutionState``.

    Numerics:
      As ``cma_es_init``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> print(evolution_strategy_init(f, jnp.ones(2), 0.5, num_parents=3).sigma)
      [0.5 0.5 0.5]

    References:
      H.-G. Beyer, H.-P. Schwefel, "Evolution strategies: a comprehensive introduction", 2002.
    """
    return first_state(_method(num_parents), fun, x0, sigma, args, population_size)


def evolution_strategy_step(
    key: Array,
    fun: Callable,
    state: EvolutionState,
    args: tuple = (),
    *,
    population_size: int = 35,
) -> EvolutionState:
    """One generation: λ children of random parents, of which the μ best are the next parents.

    ::

        σₗ = σ_p exp(τ N(0, 1)),   xₗ = x_p + σₗ N(0, I),   p uniform in 1, …, μ,   l = 1, …, λ
        τ = 1/√(2n);   the parents die: the best of the children alone go on

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a scalar.
      state: the ``EvolutionState`` so far.
      args: further arguments of ``fun``.
      population_size: λ, at least the number of parents.

    Returns:
      The next ``EvolutionState``.

    Numerics:
      As ``evolution_strategy``.

    Example:
      >>> f = lambda x: jnp.sum(x**2)
      >>> step = jax.jit(lambda key, state: evolution_strategy_step(key, f, state))
      >>> state = step(jax.random.key(0), evolution_strategy_init(f, jnp.ones(2), 0.5))
      >>> print(state.parents.shape, state.progress.num_fun)
      (5, 2) 36

    References:
      H.-G. Beyer, H.-P. Schwefel, "Evolution strategies: a comprehensive introduction", 2002.
    """
    method = _method(len(state.parents))
    return next_state(method, key, fun, state, args, population_size)


@solver
def evolution_strategy(
    key: Array,
    fun: Callable,
    x0: PyTree,
    sigma: Scalar,
    args: tuple = (),
    *,
    num_parents: int = 5,
    population_size: int = 35,
    tol: Scalar | None = None,
    tol_x: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Minimize a function by its ranks alone, by a (μ, λ)-ES whose step lengths evolve too.

    ::

        σₗ = σ_p exp(N(0, 1)/√(2n)),   xₗ = x_p + σₗ N(0, I),   l = 1, …, λ;   the best μ go on

    Args:
      key: a random key.
      fun: the objective, ``fun(x, *args)``, a real scalar; smooth or not.
      x0: the start, a pytree of floating arrays of one dtype.
      sigma: the standard deviation of the first mutations, in every coordinate.
      args: further arguments of ``fun``; arrays that may change without a new compilation.
      num_parents: μ, at most λ; about λ/7.
      population_size: λ.
      tol: as in ``cma_es``.
      tol_x: as in ``cma_es``.
      max_steps: the limit on generations; None takes 100 + 150(n + 3)²/√λ.

    Returns:
      A ``Solution``, as ``cma_es``.

    Numerics:
      Error, tolerances, statuses and invariances as in ``cma_es``, rotations included; it learns
      one length for all directions, so that an ill-conditioned function takes evaluations in
      proportion to its condition. Where all children are parents (μ = λ) nothing is selected. Not
      differentiable. Cost: λ evaluations and O(λn) a generation.

    Example:
      >>> f = lambda x: jnp.sum((x - 1.0) ** 2)
      >>> s = evolution_strategy(jax.random.key(0), f, jnp.zeros(2), 0.5)
      >>> print([f"{x:.2f}" for x in s.value], bool(s.converged))
      ['1.00', '1.00'] True

    References:
      H.-G. Beyer, H.-P. Schwefel, "Evolution strategies: a comprehensive introduction", 2002.
    """
    method = _method(num_parents)
    return evolve(method, key, fun, x0, sigma, args, population_size, tol, tol_x, max_steps)
