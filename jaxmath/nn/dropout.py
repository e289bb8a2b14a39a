"""Dropout: noise of training only; evaluation does not call it."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import wide_dtype
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, as_key, check_number

__all__ = ["dropout"]


def dropout(key: Array, x: ArrayLike, rate: Scalar) -> Array:
    """Each entry dropped with the given probability, the others scaled up to keep the mean.

    ::

        yᵢ = mᵢ xᵢ/(1 − p),   mᵢ ~ Bernoulli(1 − p);   E yᵢ = xᵢ,   Var yᵢ = xᵢ² p/(1 − p)

    Args:
      key: a random key, used once: one for each example and layer.
      x: array of any shape.
      rate: the probability p of being dropped, in [0, 1].

    Returns:
      An array of the shape and dtype of ``x``.

    Numerics:
      The mask is drawn in float32 whatever the dtype of ``x``, so that all precisions drop the same
      entries; a rate is exact to 2⁻²³. p = 0 returns x and p = 1 zeros, in value and in derivative.
      A dropped entry is 0, and its derivative too, whatever it was (NaN, ∞). A traced rate outside
      [0, 1] gives NaN. The derivative in the rate is 0: the mean does not depend on it. Cost: one
      random number an entry.

    Example:
      >>> y = dropout(jax.random.key(0), jnp.ones(1000), 0.2)
      >>> print(jnp.unique(y), f"{y.mean():.1f}")
      [0.   1.25] 1.0

    References:
      N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple
      way to prevent neural networks from overfitting", 2014, sections 4 and 10 (the scaling).
    """
    key, x = as_key("key", key), as_array("x", x)
    check_number("rate", rate, low=0.0, high=1.0)
    keep = 1 - lax.stop_gradient(as_array("rate", rate, ndim=0))
    valid = (keep >= 0) & (keep <= 1)
    kept = jax.random.bernoulli(key, keep.astype(jnp.float32), x.shape) & valid
    divisor = jnp.where(valid, jnp.where(keep == 0, 1.0, keep), jnp.nan)
    wide = wide_dtype(x.dtype)
    scaled = (x.astype(wide) / divisor.astype(wide)).astype(x.dtype)
    return jnp.where(kept, scaled, jnp.where(valid, 0.0, jnp.nan).astype(x.dtype))
