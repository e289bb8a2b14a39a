"""Penalties on the slope of a critic in its input: of WGAN-GP, R1 and R2.

``critic_fn(x)`` is the score of one example as a function of its input alone; it closes over the
parameters, in which the penalty is then differentiated. With a batch's statistics in the critic the
score of one example is no such function: use a normalization within each example.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmath._draws import wide_dtype
from jaxmath.numerics import safe_norm
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["gradient_penalty", "zero_centered_penalty"]

Critic = Callable[[Array], Array]


def _slope(caller: str, critic_fn: Critic, x: Array) -> Array:
    """∇ₓ D in the dtype of sums."""
    if not callable(critic_fn):
        raise TypeError(
            f"{caller}: argument `critic_fn` must be a function, got {type(critic_fn).__name__}"
        )

    def score(x: Array) -> Array:
        value = critic_fn(x)
        if jnp.shape(value) != ():
            raise ValueError(
                f"{caller}: argument `critic_fn` must return a scalar, got shape {jnp.shape(value)}"
            )
        return value

    return jax.grad(score)(x).astype(wide_dtype(x.dtype))


def gradient_penalty(
    critic_fn: Critic, x_real: ArrayLike, x_fake: ArrayLike, epsilon: Scalar
) -> Array:
    """The penalty of WGAN-GP for one pair: how far the slope between the two is from 1.

    ::

        (‖∇ₓ D(x̂)‖ − 1)²,   x̂ = ε x_real + (1 − ε) x_fake

    Args:
      critic_fn: D, from the input to a scalar.
      x_real: a real example, of any shape.
      x_fake: a generated example, of the same shape.
      epsilon: ε in [0, 1], a draw of ``jax.random.uniform`` for each pair.

    Returns:
      The penalty, a scalar of the dtype of ``x_real``; the paper weighs its mean with λ = 10.

    Numerics:
      Half precisions sum in float32. Singular set {∇ₓ D = 0}: value 1, derivatives 0, the least
      subgradient. Differentiating it costs a derivative of second order: about twice a gradient in
      x, reverse over reverse.

    Example:
      >>> steep = lambda x: 3.0 * x[0]
      >>> f"{gradient_penalty(steep, jnp.array([1.0, 0.0]), jnp.zeros(2), 0.5):.1f}"
      '4.0'

    References:
      I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin, A. Courville, "Improved training of
      Wasserstein GANs", 2017, equation (3) and algorithm 1.
    """
    x_real = as_array("x_real", x_real)
    x_fake = as_array("x_fake", x_fake, shape=x_real.shape).astype(x_real.dtype)
    check_number("epsilon", epsilon, low=0.0, high=1.0)
    epsilon = as_array("epsilon", epsilon, ndim=0).astype(x_real.dtype)
    slope = _slope("gradient_penalty", critic_fn, epsilon * x_real + (1.0 - epsilon) * x_fake)
    return jnp.square(safe_norm(slope) - 1.0).astype(x_real.dtype)


def zero_centered_penalty(critic_fn: Critic, x: ArrayLike) -> Array:
    """Half the squared slope: R1 at a real example, R2 at a generated one.

    ::

        ½ ‖∇ₓ D(x)‖²

    Args:
      critic_fn: D, from the input to a scalar (the logit, not its probability).
      x: the example, of any shape. For R2 hold it with ``lax.stop_gradient``.

    Returns:
      The penalty, a scalar of the dtype of ``x``; R1 is γ times its mean.

    Numerics:
      Half precisions sum in float32. Smooth where D is. Differentiating it costs a derivative of
      second order, as in ``gradient_penalty``.

    Example:
      >>> f"{zero_centered_penalty(lambda x: 3.0 * x[0], jnp.array([1.0, 0.0])):.1f}"
      '4.5'

    References:
      L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually converge?",
      2018, equations (9), (10).
    """
    x = as_array("x", x)
    slope = _slope("zero_centered_penalty", critic_fn, x)
    return (0.5 * jnp.sum(jnp.square(slope))).astype(x.dtype)
