"""The linear recurrence hₜ = aₜ hₜ₋₁ + bₜ, step by step and by an associative scan."""

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._loops import platform_dependent, scan
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = [
    "linear_recurrence",
    "linear_recurrence_associative",
    "linear_recurrence_sequential",
]


def _arguments(a: ArrayLike, b: ArrayLike, initial: ArrayLike) -> tuple[Array, Array, Array]:
    b = as_array("b", b, ndim=2, kind="inexact")
    a = as_array("a", a, shape=b.shape, kind="inexact")
    initial = as_array("initial", initial, shape=b.shape[1:], kind="inexact")
    dtype = jnp.result_type(a, b, initial)
    return a.astype(dtype), b.astype(dtype), initial.astype(dtype)


def _sequential(a: Array, b: Array, initial: Array) -> Array:
    def step(h: Array, factors: tuple[Array, Array]) -> tuple[Array, Array]:
        h = factors[0] * h + factors[1]
        return h, h

    return scan(step, initial, (a, b))[1]


def _associative(a: Array, b: Array, initial: Array) -> Array:
    def then(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return second[0] * first[0], second[0] * first[1] + second[1]

    if not b.shape[0]:
        return b
    b = b.at[0].add(a[0] * initial)
    return lax.associative_scan(then, (a, b))[1]


@compiled
def linear_recurrence(a: ArrayLike, b: ArrayLike, initial: ArrayLike) -> Array:
    """A diagonal linear recurrence, by whichever scan is the faster one on the platform.

    ::

        hₜ = aₜ ⊙ hₜ₋₁ + bₜ,   t = 1, …, T

    Args:
      a: factors, shape (T, d), real or complex.
      b: inputs, shape (T, d).
      initial: h₀, shape (d,).

    Returns:
      h₁, …, h_T, shape (T, d).

    Numerics:
      ``linear_recurrence_sequential`` on CPU, which was the faster one at length 16,384 in value
      and gradient, for 1 to 256 channels; ``linear_recurrence_associative`` elsewhere.

    Example:
      >>> print(linear_recurrence(jnp.full((4, 1), 0.5), jnp.ones((4, 1)), jnp.zeros(1)).T)
      [[1.    1.5   1.75  1.875]]

    References:
      E. Martin, C. Cundy, "Parallelizing linear recurrent neural nets over sequence length", 2018,
      section 2.
    """
    a, b, initial = _arguments(a, b, initial)
    return platform_dependent(a, b, initial, cpu=_sequential, default=_associative)


def linear_recurrence_associative(a: ArrayLike, b: ArrayLike, initial: ArrayLike) -> Array:
    """A diagonal linear recurrence by a scan over pairs, in about 2 log₂ T rounds.

    ::

        (a, b) ∘ (a', b') = (a' a, a' b + b');   (Aₜ, hₜ) = (a₁, b₁) ∘ … ∘ (aₜ, bₜ)

    Args:
      a: factors, shape (T, d), real or complex.
      b: inputs, shape (T, d).
      initial: h₀, shape (d,); it joins b₁.

    Returns:
      h₁, …, h_T, shape (T, d).

    Numerics:
      Error about log T·eps relative to the recurrence of absolute values. Products of many factors
      may underflow, harmlessly, or overflow where |a| > 1: ∞ · 0 is NaN then. Cost: about 3T d
      operations, T/log T times as parallel.

    Example:
      >>> a, b = jnp.full((3, 1), 2.0), jnp.ones((3, 1))
      >>> print(linear_recurrence_associative(a, b, jnp.zeros(1)).T)
      [[1. 3. 7.]]

    References:
      G. E. Blelloch, "Prefix sums and their applications", 1990, section 1.4.1.
    """
    return _associative(*_arguments(a, b, initial))


@compiled
def linear_recurrence_sequential(a: ArrayLike, b: ArrayLike, initial: ArrayLike) -> Array:
    """A diagonal linear recurrence, step by step: the reference.

    ::

        hₜ = aₜ ⊙ hₜ₋₁ + bₜ

    Args:
      a: factors, shape (T, d), real or complex.
      b: inputs, shape (T, d).
      initial: h₀, shape (d,).

    Returns:
      h₁, …, h_T, shape (T, d).

    Numerics:
      Each step rounds twice. Cost: 2T d operations in T rounds.

    Example:
      >>> a, b = jnp.full((3, 1), 2.0), jnp.ones((3, 1))
      >>> print(linear_recurrence_sequential(a, b, jnp.zeros(1)).T)
      [[1. 3. 7.]]

    References:
      E. Martin, C. Cundy, "Parallelizing linear recurrent neural nets over sequence length", 2018,
      equation (1).
    """
    return _sequential(*_arguments(a, b, initial))
