"""Selection in a genetic algorithm: who has children, and who stays.

``values`` are those of an objective, the less the better; NaN ranks last.
"""

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._draws import wide_dtype, widened
from jaxmath._limits import _check_count
from jaxmath.optimize._solver import nan_last
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["elitism", "rank_selection", "roulette_selection", "tournament_selection"]


def _drawn(key: Array, log_weights: Array, num: int) -> Array:
    """Indices with the given probabilities."""
    _check_count("num", num)
    return jax.random.categorical(key, log_weights, shape=(num,)).astype(jnp.int32)


@compiled
def tournament_selection(key: Array, values: ArrayLike, num: int, *, size: int = 2) -> Array:
    """The winners of tournaments between members drawn at random.

    ::

        P(the j-th best of p wins) = ((p − j + 1)ᵏ − (p − j)ᵏ)/pᵏ,   j = 1 … p,   k = size

    Args:
      key: random key.
      values: the objective of each member, shape (p,); the least wins.
      num: how many tournaments; a Python integer.
      size: k ≥ 1, how many members meet in each; drawn with replacement.

    Returns:
      The winners' indices, int32, shape (num,).

    Numerics:
      Only the order of the values matters. Of equal values, and of NaN, the first drawn wins.

    Example:
      >>> values = jnp.array([3.0, 1.0, 2.0])
      >>> print(tournament_selection(jax.random.key(0), values, 4, size=50))
      [1 1 1 1]

    References:
      D. E. Goldberg, K. Deb, "A comparative analysis of selection schemes used in genetic
      algorithms", 1991, section 2.3.
    """
    values = nan_last(as_array("values", values, ndim=1, min_size=1))
    _check_count("num", num)
    check_number("size", size, low=1, integer=True)
    entrants = jax.random.randint(as_key("key", key), (num, size), 0, values.size, jnp.int32)
    winner = jnp.argmin(values[entrants], axis=1)
    return jnp.take_along_axis(entrants, winner[:, None], axis=1)[:, 0]


@compiled
def roulette_selection(key: Array, fitness: ArrayLike, num: int) -> Array:
    """Members drawn in proportion to their fitness.

    ::

        P(i) = Fᵢ / Σⱼ Fⱼ

    Args:
      key: random key.
      fitness: F ≥ 0, shape (p,); here more is better, as exp(−f) of an objective f.
      num: how many draws, independent, with replacement; a Python integer.

    Returns:
      Indices, int32, shape (num,).

    Numerics:
      Negative and NaN fitness counts as 0; where all is 0 each member is as likely, and beside
      infinite fitness all other is 0. Unlike the other two it depends on the scale of F.

    Example:
      >>> print(roulette_selection(jax.random.key(0), jnp.array([0.0, 0.0, 5.0]), 4))
      [2 2 2 2]

    References:
      J. H. Holland, "Adaptation in Natural and Artificial Systems", 1975, chapter 6.
      D. E. Goldberg, "Genetic Algorithms in Search, Optimization, and Machine Learning", 1989,
      page 11.
    """
    fitness = as_array("fitness", fitness, ndim=1, min_size=1)
    weights = jnp.where(fitness > 0, widened(fitness), 0.0)
    weights = jnp.where(jnp.any(weights > 0), weights, 1.0)
    infinite = jnp.isinf(weights)
    weights = jnp.where(jnp.any(infinite), infinite.astype(weights.dtype), weights)
    return _drawn(as_key("key", key), jnp.log(weights), num)


@compiled
def rank_selection(key: Array, values: ArrayLike, num: int, *, pressure: Scalar = 1.5) -> Array:
    """Members drawn with a probability that falls linearly with their rank.

    ::

        P(the j-th best of p) = (s − 2(s − 1)(j − 1)/(p − 1))/p,   j = 1 … p

    Args:
      key: random key.
      values: the objective of each member, shape (p,); the least ranks first.
      num: how many draws, independent, with replacement; a Python integer.
      pressure: s in [1, 2], the expected number of children of the best in p draws; 2 − s is that
        of the worst.

    Returns:
      Indices, int32, shape (num,).

    Numerics:
      Only the order of the values matters. Equal values rank by their index, NaN last.

    Example:
      >>> values = jnp.array([3.0, 1.0, 2.0, 4.0])
      >>> draws = rank_selection(jax.random.key(0), values, 10_000, pressure=2.0)
      >>> print([f"{(draws == i).mean():.1f}" for i in range(4)])
      ['0.2', '0.5', '0.3', '0.0']

    References:
      J. E. Baker, "Adaptive selection methods for genetic algorithms", 1985, pages 101-111.
    """
    values = nan_last(as_array("values", values, ndim=1, min_size=1))
    check_number("pressure", pressure, low=1.0, high=2.0)
    dtype = wide_dtype(values.dtype)
    p, s = values.size, jnp.asarray(pressure).astype(dtype)
    rank = jnp.argsort(jnp.argsort(values)).astype(dtype)
    weights = jnp.maximum(s - 2 * (s - 1) * rank / max(p - 1, 1), 0.0)
    return _drawn(as_key("key", key), jnp.log(weights), num)


@compiled
def elitism(
    population: ArrayLike,
    values: ArrayLike,
    children: ArrayLike,
    child_values: ArrayLike,
    num: int,
) -> tuple[Array, Array]:
    """The children, the worst of them replaced by the best of their parents.

    ::

        next = (children without the ``num`` worst) ∪ (the ``num`` best of the population)

    Args:
      population: the parents, shape (p, n).
      values: their objective, shape (p,); less is better.
      children: as many children, shape (p, n).
      child_values: their objective, shape (p,).
      num: how many parents stay, 0 ≤ num ≤ p; a Python integer.

    Returns:
      The next population and its values.

    Numerics:
      With num ≥ 1 the least value never rises. NaN ranks last on both sides. Not random.

    Example:
      >>> old, new = jnp.array([[1.0], [2.0]]), jnp.array([[3.0], [4.0]])
      >>> population, values = elitism(old, old[:, 0], new, new[:, 0], 1)
      >>> print(population[:, 0], values)
      [3. 1.] [3. 1.]

    References:
      K. A. De Jong, "An analysis of the behavior of a class of genetic adaptive systems", 1975,
      page 101.
    """
    values = as_array("values", values, ndim=1, min_size=1)
    child_values = as_array("child_values", child_values, shape=values.shape)
    population, children = jnp.asarray(population), jnp.asarray(children)
    if population.shape[:1] != values.shape:
        raise ValueError(
            f"argument `population` must have the {values.size} rows of `values`, "
            f"got shape {population.shape}"
        )
    if children.shape != population.shape or children.dtype != population.dtype:
        raise ValueError(
            f"argument `children` must be like `population`, {population.dtype} of shape "
            f"{population.shape}, got {children.dtype} of shape {children.shape}"
        )
    _check_count("num", num, high=values.size)
    best = jnp.argsort(nan_last(values))[:num]
    worst = jnp.argsort(nan_last(child_values))[values.size - num :]
    return (
        children.at[worst].set(population[best]),
        child_values.at[worst].set(values[best].astype(child_values.dtype)),
    )
