"""Derivatives of the element-wise activations as formulas, for backpropagation by hand."""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxmath.nn import activations, rectifiers
from jaxmath.typing import Array, ArrayLike, Scalar, as_array

__all__ = ["derivative"]


def _identity(x: ArrayLike) -> Array:
    return jnp.ones_like(as_array("x", x))


def _step(x: ArrayLike) -> Array:
    return jnp.zeros_like(as_array("x", x))


def _sigmoid(x: ArrayLike) -> Array:
    x = as_array("x", x)
    return jax.nn.sigmoid(x) * jax.nn.sigmoid(-x)  # σ (1 − σ) cancels where σ is near 1


def _tanh(x: ArrayLike) -> Array:
    return 4.0 * _sigmoid(2.0 * as_array("x", x))  # tanh x = 2 σ(2x) − 1


def _relu(x: ArrayLike) -> Array:
    return _leaky_relu(x, negative_slope=0.0)


def _leaky_relu(x: ArrayLike, *, negative_slope: Scalar = 0.01) -> Array:
    return _prelu(x, jnp.asarray(negative_slope))


def _prelu(x: ArrayLike, negative_slope: ArrayLike) -> Array:
    x = as_array("x", x)
    slope = jnp.asarray(negative_slope).astype(x.dtype)
    return jnp.where(x <= 0, jnp.broadcast_to(slope, x.shape), jnp.ones_like(x))


def _elu(x: ArrayLike, *, alpha: Scalar = 1.0) -> Array:
    x = as_array("x", x)
    below = jnp.where(x > 0, jnp.zeros_like(x), x)
    return jnp.where(x > 0, jnp.ones_like(x), jnp.asarray(alpha, x.dtype) * jnp.exp(below))


def _selu(x: ArrayLike) -> Array:
    return rectifiers._SELU_SCALE * _elu(x, alpha=rectifiers._SELU_ALPHA)


def _gelu(x: ArrayLike, *, approximate: bool = True) -> Array:
    x = as_array("x", x)
    if not approximate:  # Φ(x) + x φ(x)
        density = jnp.exp(-0.5 * x**2) * math.sqrt(0.5 / math.pi)
        return 0.5 * jax.scipy.special.erfc(-math.sqrt(0.5) * x) + x * density
    # With v = 2u of nn.gelu: σ(v) + x σ'(v) v'.
    x = jnp.clip(x, -32.0, 32.0)
    scale = math.sqrt(8.0 / math.pi)
    v, slope = scale * (x + 0.044715 * x**3), scale * (1.0 + 3 * 0.044715 * x**2)
    return jax.nn.sigmoid(v) + x * _sigmoid(v) * slope


def _silu(x: ArrayLike) -> Array:
    x = as_array("x", x)
    return jax.nn.sigmoid(x) * (1.0 + x * jax.nn.sigmoid(-x))


_DERIVATIVES: dict[Callable[..., Array], Callable[..., Array]] = {
    activations.identity: _identity,
    activations.sigmoid: _sigmoid,
    activations.step: _step,
    activations.tanh: _tanh,
    rectifiers.elu: _elu,
    rectifiers.gelu: _gelu,
    rectifiers.leaky_relu: _leaky_relu,
    rectifiers.prelu: _prelu,
    rectifiers.relu: _relu,
    rectifiers.selu: _selu,
    rectifiers.silu: _silu,
    rectifiers.softplus: activations.sigmoid,
}


def derivative(activation: Callable[..., Array]) -> Callable[..., Array]:
    """The derivative of an element-wise activation, as a function of the same arguments.

    ::

        derivative(f) = f',   f as in its docstring, f' at a kink included

    Args:
      activation: an element-wise activation of ``jaxmath.nn``, or a ``functools.partial`` that
        sets its keywords (a slope, α).

    Returns:
      The function f'(x), of the shape and dtype of ``x``, with the keywords of ``activation``;
      for ``prelu`` it is ∂f/∂x. The same function object at each call, unless of a partial.

    Raises:
      ValueError: ``activation`` is none of them. The derivative of softmax is a matrix.

    Numerics:
      Equal to ``jax.grad`` at every finite x, to an absolute error of a few eps. Written as
      σ(x) σ(−x), the derivatives of ``sigmoid``, ``tanh`` and ``silu`` keep their relative accuracy
      where units saturate and 1 − σ(x) would cancel, so that vanishing gradients can be measured.
      Cost: at most two exponentials.

    Example:
      >>> from jaxmath import nn
      >>> f"{derivative(nn.tanh)(0.0):.1f} {derivative(nn.relu)(-2.0):.1f}"
      '1.0 0.0'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 5.3.1.
    """
    if isinstance(activation, functools.partial) and not activation.args:
        return functools.partial(derivative(activation.func), **activation.keywords)
    try:
        return _DERIVATIVES[activation]
    except (KeyError, TypeError):
        known = ", ".join(sorted(fn.__name__ for fn in _DERIVATIVES))
        got = getattr(activation, "__name__", repr(activation))
        raise ValueError(
            f"derivative: argument `activation` must be an element-wise activation of jaxmath.nn "
            f"({known}) or a functools.partial of one, got {got}"
        ) from None
