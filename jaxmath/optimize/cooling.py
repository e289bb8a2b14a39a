"""Cooling schedules of simulated annealing: pure functions from the step to the temperature.

``jax.tree_util.Partial(exponential_cooling, initial=10.0)`` binds what a schedule needs and stays
data, so that a sweep over temperatures is one program.
"""

import math

import jax.numpy as jnp

from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["exponential_cooling", "linear_cooling", "logarithmic_cooling"]


def _step_and_start(step: ArrayLike, initial: Scalar) -> tuple[Array, Array]:
    check_number("initial", initial, low=0.0)
    start = as_array("initial", initial, ndim=0)
    return as_array("step", step, ndim=0, kind="number").astype(start.dtype), start


def exponential_cooling(step: ArrayLike, initial: Scalar = 1.0, rate: Scalar = 0.999) -> Array:
    """Exponential (geometric) cooling.

    ::

        Tₖ = T₀ rᵏ

    Args:
      step: k, the number of steps taken so far, ≥ 0.
      initial: T₀, in the units of the objective.
      rate: r in (0, 1].

    Returns:
      The temperature, a scalar of the dtype of ``initial``.

    Numerics:
      Relative error of about k·eps. The fastest of the three: no proof of the global minimum, and
      the usual choice.

    Example:
      >>> print(f"{exponential_cooling(10, 100.0, 0.9):.4f}")
      34.8678

    References:
      S. Kirkpatrick, C. D. Gelatt, M. P. Vecchi, "Optimization by simulated annealing", 1983,
      page 677 (r = 0.9, at blocks of steps).
    """
    check_number("rate", rate, low=0.0, high=1.0, open_low=True)
    k, start = _step_and_start(step, initial)
    return start * jnp.power(as_array("rate", rate, ndim=0).astype(start.dtype), k)


def linear_cooling(step: ArrayLike, initial: Scalar = 1.0, num_steps: Scalar = 10_000) -> Array:
    """Linear cooling to zero.

    ::

        Tₖ = T₀ max(1 − k/K, 0)

    Args:
      step: k, the number of steps taken so far, ≥ 0.
      initial: T₀, in the units of the objective.
      num_steps: K > 0, when the temperature reaches 0; from there only descents are accepted.

    Returns:
      The temperature, a scalar of the dtype of ``initial``.

    Numerics:
      A kink at k = K.

    Example:
      >>> print(f"{linear_cooling(25, 2.0, 100):.2f} {linear_cooling(200, 2.0, 100):.2f}")
      1.50 0.00

    References:
      E. Aarts, J. Korst, "Simulated Annealing and Boltzmann Machines", 1989, chapter 4.
    """
    check_number("num_steps", num_steps, low=0.0, open_low=True)
    k, start = _step_and_start(step, initial)
    limit = as_array("num_steps", num_steps, ndim=0, kind="number").astype(start.dtype)
    return start * jnp.maximum(1 - k / limit, 0.0)


def logarithmic_cooling(step: ArrayLike, initial: Scalar = 1.0) -> Array:
    """Logarithmic cooling, slow enough for a proof of convergence.

    ::

        Tₖ = T₀ log 2 / log(k + 2)

    Args:
      step: k, the number of steps taken so far, ≥ 0.
      initial: T₀, in the units of the objective.

    Returns:
      The temperature, a scalar of the dtype of ``initial``.

    Numerics:
      On a finite set the chain converges to the global minima in probability where T₀ log 2 is at
      least the depth of the deepest local minimum that is not global. Halving the temperature
      squares the number of steps.

    Example:
      >>> print(f"{logarithmic_cooling(0):.2f} {logarithmic_cooling(2):.2f}")
      1.00 0.50

    References:
      S. Geman, D. Geman, "Stochastic relaxation, Gibbs distributions, and the Bayesian restoration
      of images", 1984, theorem B.
      B. Hajek, "Cooling schedules for optimal annealing", 1988, theorem 1.
    """
    k, start = _step_and_start(step, initial)
    return start * math.log(2.0) / jnp.log(k + 2)
