"""Rectifiers: activations that hold small arguments near 0 and hand large ones on.

Element-wise, on arrays of any shape, finite wherever the argument is. Derivatives at a kink are
one-sided by choice, and the choice is the left one throughout, so that ``leaky_relu`` at slope 0 is
``relu`` in value and in gradient. ``jaxmath.nn.derivative`` has the formulas of the derivatives.
"""

import math

import jax
import jax.numpy as jnp

from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "elu",
    "gelu",
    "leaky_relu",
    "prelu",
    "relu",
    "selu",
    "silu",
    "softplus",
]

# The fixed point of the map of (mean, variance) at (0, 1), Klambauer et al., equation (14).
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


def relu(x: ArrayLike) -> Array:
    """The rectifier: the positive part.

    ::

        f(x) = max(x, 0),   f'(x) = 1 for x > 0,   0 for x < 0,   f'(0) := 0

    Args:
      x: array of any shape.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Exact. Singular set {0}: value 0, derivative 0, the left one. NaN stays NaN. Cost: one
      comparison.

    Example:
      >>> f"{relu(-1.0):.1f} {relu(2.0):.1f} {jax.grad(relu)(0.0):.1f}"
      '0.0 2.0 0.0'

    References:
      V. Nair, G. E. Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """
    x = as_array("x", x)
    # Not maximum(x, 0), whose gradient at the tie is ½; and x > 0 would turn NaN into 0.
    return jnp.where(x <= 0, jnp.zeros_like(x), x)


def leaky_relu(x: ArrayLike, *, negative_slope: Scalar = 0.01) -> Array:
    """The rectifier with a small slope where it would be flat.

    ::

        f(x) = x for x > 0,   a x for x ≤ 0;   f'(x) = 1 for x > 0,   a for x < 0,   f'(0) := a

    Args:
      x: array of any shape.
      negative_slope: the slope a below 0, a scalar.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      One rounding. Singular set {0}: value 0, derivative a, the left one (PyTorch's choice; jax
      has 1). Cost: one product.

    Example:
      >>> f"{leaky_relu(-1.0):.2f} {leaky_relu(-1.0, negative_slope=0.2):.2f}"
      '-0.01 -0.20'

    References:
      A. L. Maas, A. Y. Hannun, A. Y. Ng, "Rectifier nonlinearities improve neural network acoustic
      models", 2013.
    """
    x = as_array("x", x)
    check_number("negative_slope", negative_slope)
    return jnp.where(x <= 0, jnp.asarray(negative_slope, x.dtype) * x, x)


def prelu(x: ArrayLike, negative_slope: ArrayLike) -> Array:
    """The rectifier whose slope below 0 is a parameter to be learned.

    ::

        f(x, a) = x for x > 0,   a x for x ≤ 0
        ∂f/∂x = 1 for x > 0,   a for x < 0,   ∂f/∂x(0) := a;   ∂f/∂a = min(x, 0)

    Args:
      x: array of any shape.
      negative_slope: the slope a below 0: a scalar, or one for each channel, shape (C,), where C
        is the last axis of ``x``. The paper starts it at 0.25.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      One rounding. Singular set {0}: value 0, derivative a, the left one, as in ``leaky_relu``.
      Cost: one product.

    Example:
      >>> print(prelu(jnp.array([-1.0, -1.0, 2.0]), jnp.array([0.25, 0.5, 0.5])))
      [-0.25 -0.5   2.  ]

    References:
      K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers: surpassing human-level
      performance on ImageNet classification", 2015, equation (1).
    """
    x = as_array("x", x)
    slope = as_array("negative_slope", negative_slope, ndim=(0, 1)).astype(x.dtype)
    if slope.ndim == 1:
        as_array("negative_slope", slope, shape=x.shape[-1:])
    # Double where: the slope's gradient in the branch not taken is x, and 0 · ∞ is NaN.
    below = jnp.where(x <= 0, x, jnp.zeros_like(x))
    return jnp.where(x <= 0, jnp.broadcast_to(slope, x.shape) * below, x)


def elu(x: ArrayLike, *, alpha: Scalar = 1.0) -> Array:
    """The exponential linear unit: the identity above 0, saturating at −α below.

    ::

        f(x) = x for x > 0,   α (e^x − 1) for x ≤ 0
        f'(x) = 1 for x > 0,   α e^x for x < 0,   f'(0) := α

    Args:
      x: array of any shape.
      alpha: the saturation α, a scalar.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps, near 0 too; −α at −∞. Singular set {0}: value 0, derivative α,
      the left one; at α = 1 it is the derivative, and the second jumps. Cost: one exponential.

    Example:
      >>> f"{elu(-1.0):.5f} {elu(1e4):.0f} {jax.grad(elu)(1e4):.1f}"
      '-0.63212 10000 1.0'

    References:
      D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by
      exponential linear units (ELUs)", 2016.
    """
    x = as_array("x", x)
    check_number("alpha", alpha)
    # Double where: e^x overflows in the branch that is not taken, and 0 · ∞ is NaN.
    below = jnp.where(x > 0, jnp.zeros_like(x), x)
    return jnp.where(x > 0, x, jnp.asarray(alpha, x.dtype) * jnp.expm1(below))


def selu(x: ArrayLike) -> Array:
    """The scaled exponential linear unit, which drives activations to mean 0 and variance 1.

    ::

        f(x) = λ x for x > 0,   λ α (e^x − 1) for x ≤ 0;   λ ≈ 1.0507,   α ≈ 1.6733
        f'(x) = λ for x > 0,   λ α e^x for x < 0,   f'(0) := λ α

    Args:
      x: array of any shape.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps, near 0 too; −λα at −∞. λ and α solve E f(z) = 0 and E f(z)² = 1
      for z ~ N(0, 1), so kernels start from ``lecun_normal``. Singular set {0}: value 0, derivative
      λα, the left one. Cost: one exponential.

    Example:
      >>> f"{selu(1.0):.5f} {selu(-1.0):.5f}"
      '1.05070 -1.11133'

    References:
      G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks",
      2017, equations (2) and (14).
    """
    x = as_array("x", x)
    return jnp.asarray(_SELU_SCALE, x.dtype) * elu(x, alpha=_SELU_ALPHA)


def gelu(x: ArrayLike, *, approximate: bool = True) -> Array:
    """The Gaussian error linear unit, by default in its tanh form.

    ::

        f(x) = x Φ(x) = ½ x erfc(−x/√2)
        approximately ½ x (1 + tanh u) = x σ(2u),   u = √(2/π) (x + 0.044715 x³)

    Args:
      x: array of any shape.
      approximate: True for the tanh form, False for the error function.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      As x σ(2u) the tanh form keeps its relative accuracy in the left tail, where 1 + tanh u
      cancels; |x| is held at 32 inside the gate, which is 0 or 1 there, so that x³ cannot overflow.
      The forms differ by less than 5e-4. Infinite x gives NaN in the gradient, and −∞ in the value
      too (0 · ∞). Cost: one exponential.

    Example:
      >>> f"{gelu(1.0):.5f} {gelu(1.0, approximate=False):.5f}"
      '0.84119 0.84134'

    References:
      D. Hendrycks, K. Gimpel, "Gaussian error linear units (GELUs)", 2016, section 2.
    """
    x = as_array("x", x)
    if not approximate:
        return 0.5 * x * jax.scipy.special.erfc(-math.sqrt(0.5) * x)
    held = jnp.clip(x, -32.0, 32.0)
    return x * jax.nn.sigmoid(math.sqrt(8.0 / math.pi) * (held + 0.044715 * held**3))


def silu(x: ArrayLike) -> Array:
    """The sigmoid-weighted linear unit, also called swish.

    ::

        f(x) = x σ(x),   f'(x) = σ(x) + x σ(x) (1 − σ(x))

    Args:
      x: array of any shape.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps where σ(x) is a normal number of the dtype. Infinite x gives NaN
      in the gradient, and −∞ in the value too (0 · ∞). Cost: one exponential.

    Example:
      >>> f"{silu(1.0):.5f} {silu(-50.0):.3e}"
      '0.73106 -9.644e-21'

    References:
      S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network function
      approximation in reinforcement learning", 2018.
    """
    x = as_array("x", x)
    return x * jax.nn.sigmoid(x)


def softplus(x: ArrayLike) -> Array:
    """A smooth rectifier, the integral of the sigmoid.

    ::

        f(x) = log(1 + e^x) = max(x, 0) + log1p(e^{−|x|}),   f'(x) = σ(x)

    Args:
      x: array of any shape.

    Returns:
      The value, of the shape and dtype of ``x``.

    Numerics:
      Relative error of a few eps in both tails, in the value and the derivative; 0 and ∞ at −∞
      and ∞. Cost: an exponential and a logarithm.

    Example:
      >>> f"{softplus(0.0):.5f} {softplus(1e4):.0f} {softplus(-50.0):.3e}"
      '0.69315 10000 1.929e-22'

    References:
      C. Dugas, Y. Bengio, F. Bélisle, C. Nadeau, R. Garcia, "Incorporating second-order functional
      knowledge for better option pricing", 2001.
    """
    x = as_array("x", x)
    return jnp.logaddexp(x, jnp.zeros_like(x))
