"""Variation in a genetic algorithm: crossover of two genomes, mutation of one.

A genome is a vector: of reals, of bits (booleans or integers 0 and 1), or, for one-point and
uniform crossover, of any numbers.
"""

import jax
import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._draws import normal, uniform
from jaxmath.optimize._solver import as_like, as_numbers
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = [
    "bit_flip_mutation",
    "blend_crossover",
    "gaussian_mutation",
    "one_point_crossover",
    "uniform_crossover",
]


def _genome(name: str, x: ArrayLike) -> Array:
    return as_numbers(name, x, ndim=1, min_size=1)


def _parents(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    x, y = _genome("x", x), _genome("y", y)
    if y.shape != x.shape or y.dtype != x.dtype:
        raise ValueError(
            f"argument `y` must be like `x`, {x.dtype} of shape {x.shape}, "
            f"got {y.dtype} of shape {y.shape}"
        )
    return x, y


def _rate(rate: Scalar | None, n: int) -> Scalar:
    """The probability for each entry; None is one of the n on average."""
    check_number("rate", 0.0 if rate is None else rate, low=0.0, high=1.0)
    return 1.0 / n if rate is None else as_array("rate", rate, ndim=0)


@compiled
def one_point_crossover(key: Array, x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Two children that have exchanged what lies behind one random cut.

    ::

        u = (x₁ … x_c, y_{c+1} … y_n),   v = (y₁ … y_c, x_{c+1} … x_n),   c uniform in 1 … n − 1

    Args:
      key: random key.
      x: a parent, shape (n,), of numbers or booleans.
      y: the other parent, as ``x``.

    Returns:
      Both children.

    Numerics:
      Exact: nothing but entries of the parents. With n = 1 the children are the parents.

    Example:
      >>> u, v = one_point_crossover(jax.random.key(0), jnp.zeros(5, int), jnp.ones(5, int))
      >>> print(u, v)
      [0 0 1 1 1] [1 1 0 0 0]

    References:
      J. H. Holland, "Adaptation in Natural and Artificial Systems", 1975, chapter 6.
      D. E. Goldberg, "Genetic Algorithms in Search, Optimization, and Machine Learning", 1989,
      page 12.
    """
    x, y = _parents(x, y)
    n = x.size
    cut = jax.random.randint(as_key("key", key), (), 1, max(n, 2), jnp.int32)
    first = jnp.arange(n, dtype=jnp.int32) < cut
    return jnp.where(first, x, y), jnp.where(first, y, x)


@compiled
def uniform_crossover(
    key: Array, x: ArrayLike, y: ArrayLike, *, rate: Scalar = 0.5
) -> tuple[Array, Array]:
    """Two children that have exchanged each entry with a given probability.

    ::

        (uᵢ, vᵢ) = (yᵢ, xᵢ) with probability ρ, else (xᵢ, yᵢ), each i on its own

    Args:
      key: random key.
      x: a parent, shape (n,), of numbers or booleans.
      y: the other parent, as ``x``.
      rate: ρ in [0, 1].

    Returns:
      Both children.

    Numerics:
      Exact: nothing but entries of the parents.

    Example:
      >>> u, v = uniform_crossover(jax.random.key(0), jnp.zeros(5, int), jnp.ones(5, int))
      >>> print(u + v)
      [1 1 1 1 1]

    References:
      G. Syswerda, "Uniform crossover in genetic algorithms", 1989, pages 2-9.
    """
    x, y = _parents(x, y)
    swap = jax.random.bernoulli(as_key("key", key), _rate(rate, x.size), x.shape)
    return jnp.where(swap, y, x), jnp.where(swap, x, y)


@compiled
def blend_crossover(
    key: Array, x: ArrayLike, y: ArrayLike, *, alpha: Scalar = 0.5
) -> tuple[Array, Array]:
    """Two children drawn from the box of their parents, widened on all sides (BLX-α).

    ::

        uᵢ, vᵢ uniform in [min(xᵢ, yᵢ) − α dᵢ, max(xᵢ, yᵢ) + α dᵢ],   dᵢ = |xᵢ − yᵢ|

    Args:
      key: random key.
      x: a parent, shape (n,), floating.
      y: the other parent, as ``x``.
      alpha: α ≥ 0; 0 is flat crossover; (√3 − 1)/2 = 0.366 keeps the variance of the population.

    Returns:
      Both children, independent of each other.

    Numerics:
      Where xᵢ = yᵢ so are the children. The derivative is that of a fixed draw.

    Example:
      >>> u, v = blend_crossover(jax.random.key(0), jnp.zeros(2), jnp.array([1.0, 0.0]))
      >>> print(bool(-0.5 <= u[0] <= 1.5), u[1])
      True 0.0

    References:
      L. J. Eshelman, J. D. Schaffer, "Real-coded genetic algorithms and interval-schemata", 1993,
      section 4.
    """
    x, y = _parents(as_array("x", x), as_array("y", y))
    check_number("alpha", alpha, low=0.0)
    a = jnp.asarray(alpha).astype(x.dtype)
    t = (1 + 2 * a) * uniform(as_key("key", key), (2, *x.shape), x.dtype) - a
    low, width = jnp.minimum(x, y), jnp.abs(x - y)
    return low + t[0] * width, low + t[1] * width


@compiled
def gaussian_mutation(
    key: Array, x: ArrayLike, *, sigma: ArrayLike = 0.1, rate: Scalar | None = None
) -> Array:
    """A genome with Gaussian noise in some of its entries.

    ::

        x′ᵢ = xᵢ + σᵢ ξᵢ with probability ρ, else xᵢ;   ξᵢ ~ N(0, 1)

    Args:
      key: random key.
      x: the genome, shape (n,), floating.
      sigma: σ ≥ 0, a scalar or shape (n,), in the units of x.
      rate: ρ in [0, 1]; None takes 1/n, one entry on average.

    Returns:
      The mutant.

    Numerics:
      The derivative is that of a fixed draw.

    Example:
      >>> print(gaussian_mutation(jax.random.key(0), jnp.ones(3), rate=0.0))
      [1. 1. 1.]

    References:
      T. Bäck, "Evolutionary Algorithms in Theory and Practice", 1996, section 2.1.2.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    if isinstance(sigma, int | float):
        check_number("sigma", sigma, low=0.0)
    chosen, noise = jax.random.split(as_key("key", key))
    mutated = jax.random.bernoulli(chosen, _rate(rate, x.size), x.shape)
    step = as_like("sigma", sigma, x) * normal(noise, x.shape, x.dtype)
    return jnp.where(mutated, x + step, x)


@compiled
def bit_flip_mutation(key: Array, x: ArrayLike, *, rate: Scalar | None = None) -> Array:
    """A genome with some of its bits flipped.

    ::

        x′ᵢ = 1 − xᵢ with probability ρ, else xᵢ

    Args:
      key: random key.
      x: the genome, shape (n,), booleans or integers 0 and 1.
      rate: ρ in [0, 1]; None takes 1/n, one bit on average.

    Returns:
      The mutant, of the dtype of ``x``.

    Numerics:
      Exact. An integer other than 0 and 1 is flipped to 0.

    Example:
      >>> print(bit_flip_mutation(jax.random.key(0), jnp.array([0, 1, 1]), rate=1.0))
      [1 0 0]

    References:
      D. E. Goldberg, "Genetic Algorithms in Search, Optimization, and Machine Learning", 1989,
      page 14.
    """
    x = _genome("x", x)
    if x.dtype != bool:
        x = as_array("x", x, kind="integer")
    flipped = jax.random.bernoulli(as_key("key", key), _rate(rate, x.size), x.shape)
    return jnp.where(flipped, jnp.logical_not(x).astype(x.dtype), x)
