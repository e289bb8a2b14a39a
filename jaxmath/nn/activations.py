"""Activations that saturate, the identity, the step, and softmax.

Element-wise on arrays of any shape and finite wherever the argument is, but for ``softmax`` and
``log_softmax``, which map one vector and are those of ``jaxmath.numerics``. The rectifiers have
a module of their own, and ``jaxmath.nn.derivative`` has the formulas of the derivatives.
"""

import jax
import jax.numpy as jnp

from jaxmath.numerics import log_softmax, softmax
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["identity", "log_softmax", "sigmoid", "softmax", "step", "tanh"]


def identity(x: ArrayLike) -> Array:
    """The identity, the output activation of a regression.

    ::

        f(x) = x,   f'(x) = 1

    Args:
      x: array of any shape.

    Returns:
      ``x`` as an array.

    Numerics:
      Exact and free.

    Example:
      >>> f"{identity(-2.5):.1f}"
      '-2.5'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 5.1.
    """
    return as_array("x", x)


def step(x: ArrayLike) -> Array:
    """The unit step of Heaviside, the activation of the McCulloch–Pitts neuron and the perceptron.

    ::

        H(x) = 0 for x < 0,   1 for x ≥ 0;   H'(x) := 0

    Args:
      x: array of any shape.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Exact. Singular set {0}: value 1, since a neuron fires when its threshold is reached
      (``numpy.heaviside`` leaves the choice to its second argument), derivative 0: no gradient
      passes through a step. NaN stays NaN. Cost: one comparison.

    Example:
      >>> print(step(jnp.array([-0.5, 0.0, 2.0])))
      [0. 1. 1.]

    References:
      W. S. McCulloch, W. Pitts, "A logical calculus of the ideas immanent in nervous activity",
      1943.
    """
    x = as_array("x", x)
    jumped = jnp.where(x >= 0, jnp.ones_like(x), jnp.zeros_like(x))
    return jnp.where(jnp.isnan(x), x, jumped)


def sigmoid(x: ArrayLike) -> Array:
    """The logistic function, from the line onto (0, 1).

    ::

        σ(x) = 1 / (1 + e^{−x}),   σ'(x) = σ(x) (1 − σ(x))

    Args:
      x: array of any shape.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps where σ(x) is a normal number of the dtype; 0 and 1 at −∞ and ∞.
      The derivative has an absolute error of eps: it is 0 once σ(x) rounds to 1. Cost: one
      exponential.

    Example:
      >>> f"{sigmoid(0.0):.2f} {sigmoid(-50.0):.3e}"
      '0.50 1.929e-22'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (4.59).
    """
    return jax.nn.sigmoid(as_array("x", x))


def tanh(x: ArrayLike) -> Array:
    """The hyperbolic tangent, from the line onto (−1, 1).

    ::

        f(x) = (e^x − e^{−x}) / (e^x + e^{−x}),   f'(x) = 1 − f(x)²

    Args:
      x: array of any shape.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps; ±1 at ±∞. The derivative has an absolute error of eps.
      Cost: one hyperbolic tangent.

    Example:
      >>> f"{tanh(1.0):.5f}"
      '0.76159'

    References:
      Y. LeCun, L. Bottou, G. B. Orr, K.-R. Müller, "Efficient BackProp", 1998, section 4.4.
    """
    return jnp.tanh(as_array("x", x))
