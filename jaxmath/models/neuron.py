"""The neuron of McCulloch and Pitts, and the gates of logic that are made of it."""

import jax.numpy as jnp

from jaxmath.numerics import dot
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = [
    "and_gate",
    "mcculloch_pitts",
    "nand_gate",
    "nor_gate",
    "not_gate",
    "or_gate",
    "xor_gate",
]


def mcculloch_pitts(x: ArrayLike, weights: ArrayLike, threshold: ArrayLike) -> Array:
    """The neuron of McCulloch and Pitts: it fires where its weighted inputs reach a threshold.

    ::

        y = 1 if Σᵢ wᵢxᵢ ≥ θ, else 0

    Args:
      x: the inputs, 0 or 1, shape (n,).
      weights: w, shape (n,): positive excites, negative inhibits.
      threshold: θ, a scalar.

    Returns:
      0 or 1, a scalar of the dtype of ``x``; NaN where a number is NaN.

    Numerics:
      Exact for small integers. The derivative is 0 everywhere. The neuron of 1943 has equal weights
      and absolute inhibition; a weight of −n is that. Cost: n multiply-adds.

    Example:
      >>> print(mcculloch_pitts(jnp.array([1.0, 1.0, 0.0]), jnp.array([1.0, 1.0, -3.0]), 2.0))
      1.0

    References:
      W. S. McCulloch, W. Pitts, "A logical calculus of the ideas immanent in nervous activity",
      1943.
    """
    x = as_array("x", x, ndim=1, min_size=1)
    weights = as_array("weights", weights, shape=x.shape).astype(x.dtype)
    threshold = as_array("threshold", threshold, ndim=0).astype(x.dtype)
    excess = dot(weights, x) - threshold
    return jnp.where(jnp.isnan(excess), jnp.nan, (excess >= 0).astype(x.dtype))


def _equal_weights(x: ArrayLike, weight: float, threshold: float) -> Array:
    """A neuron with one weight for all inputs and a threshold that may count them."""
    x = as_array("x", x, ndim=1, min_size=1)
    return mcculloch_pitts(x, jnp.full_like(x, weight), threshold)


def and_gate(x: ArrayLike) -> Array:
    """Whether all inputs are 1, as one neuron.

    ::

        y = 1 if Σᵢ xᵢ ≥ n, else 0

    Args:
      x: the inputs, 0 or 1, shape (n,).

    Returns:
      0 or 1, a scalar of the dtype of ``x``.

    Numerics:
      As ``mcculloch_pitts``.

    Example:
      >>> print(and_gate(jnp.array([1.0, 1.0])), and_gate(jnp.array([1.0, 0.0])))
      1.0 0.0

    References:
      W. S. McCulloch, W. Pitts, "A logical calculus of the ideas immanent in nervous activity",
      1943, figure 1.
    """
    return _equal_weights(x, 1.0, float(jnp.size(x)))


def or_gate(x: ArrayLike) -> Array:
    """Whether an input is 1, as one neuron.

    ::

        y = 1 if Σᵢ xᵢ ≥ 1, else 0

    Args:
      x: the inputs, 0 or 1, shape (n,).

    Returns:
      0 or 1, a scalar of the dtype of ``x``.

    Numerics:
      As ``mcculloch_pitts``.

    Example:
      >>> print(or_gate(jnp.array([1.0, 0.0])), or_gate(jnp.array([0.0, 0.0])))
      1.0 0.0

    References:
      W. S. McCulloch, W. Pitts, "A logical calculus of the ideas immanent in nervous activity",
      1943, figure 1.
    """
    return _equal_weights(x, 1.0, 1.0)


def nand_gate(x: ArrayLike) -> Array:
    """Whether an input is 0, as one neuron; all other gates can be made of it.

    ::

        y = 1 if −Σᵢ xᵢ ≥ 1 − n, else 0

    Args:
      x: the inputs, 0 or 1, shape (n,).

    Returns:
      0 or 1, a scalar of the dtype of ``x``.

    Numerics:
      As ``mcculloch_pitts``.

    Example:
      >>> print(nand_gate(jnp.array([1.0, 1.0])), nand_gate(jnp.array([1.0, 0.0])))
      0.0 1.0

    References:
      H. M. Sheffer, "A set of five independent postulates for Boolean algebras", 1913.
    """
    return _equal_weights(x, -1.0, 1.0 - float(jnp.size(x)))


def nor_gate(x: ArrayLike) -> Array:
    """Whether no input is 1, as one neuron.

    ::

        y = 1 if −Σᵢ xᵢ ≥ 0, else 0

    Args:
      x: the inputs, 0 or 1, shape (n,).

    Returns:
      0 or 1, a scalar of the dtype of ``x``.

    Numerics:
      As ``mcculloch_pitts``.

    Example:
      >>> print(nor_gate(jnp.array([0.0, 0.0])), nor_gate(jnp.array([1.0, 0.0])))
      1.0 0.0

    References:
      H. M. Sheffer, "A set of five independent postulates for Boolean algebras", 1913.
    """
    return _equal_weights(x, -1.0, 0.0)


def not_gate(x: ArrayLike) -> Array:
    """The other value, as one neuron with one input.

    ::

        y = 1 if −x ≥ 0, else 0

    Args:
      x: the input, 0 or 1, a scalar.

    Returns:
      0 or 1, a scalar of the dtype of ``x``.

    Numerics:
      As ``mcculloch_pitts``.

    Example:
      >>> print(not_gate(0.0), not_gate(1.0))
      1.0 0.0

    References:
      W. S. McCulloch, W. Pitts, "A logical calculus of the ideas immanent in nervous activity",
      1943, figure 1.
    """
    return _equal_weights(as_array("x", x, ndim=0)[None], -1.0, 0.0)


def xor_gate(x: ArrayLike) -> Array:
    """Whether just one of two inputs is 1: two layers of neurons, as one neuron cannot.

    ::

        y = AND(OR(x), NAND(x))
        one neuron:   0 < θ,   w₁ ≥ θ,   w₂ ≥ θ   ⇒   w₁ + w₂ ≥ 2θ > θ, so (1, 1) fires too

    Args:
      x: the inputs, 0 or 1, shape (2,).

    Returns:
      0 or 1, a scalar of the dtype of ``x``.

    Numerics:
      As ``mcculloch_pitts``.

    Example:
      >>> print([int(xor_gate(jnp.array([a, b]))) for a in (0, 1) for b in (0, 1)])
      [0, 1, 1, 0]

    References:
      M. Minsky, S. Papert, "Perceptrons", 1969, section 2.1.
    """
    x = as_array("x", x, shape=(2,))
    return and_gate(jnp.stack([or_gate(x), nand_gate(x)]))
