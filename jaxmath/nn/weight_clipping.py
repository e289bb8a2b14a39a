"""Clipped weights, which bound the slope of the first Wasserstein critics."""

import jax
import jax.numpy as jnp
import optax

from jaxmath.nn._kept import keep
from jaxmath.typing import Array, PyTree, Scalar, check_number

__all__ = ["clip_weights", "keep_weights_clipped"]


def _clip(leaf: Array, max_value: Scalar) -> Array:
    if not jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf
    bound = jnp.asarray(max_value, leaf.dtype)
    return jnp.clip(leaf, -bound, bound)


def clip_weights(params: PyTree, max_value: Scalar) -> PyTree:
    """The parameters with every component clipped to an interval.

    ::

        θᵢ ← min(max(θᵢ, −c), c)

    Args:
      params: a pytree of arrays; integers in it are left alone.
      max_value: the bound c, at least 0; the paper's is 0.01.

    Returns:
      The tree, of the same structure, shapes and dtypes.

    Numerics:
      Exact. NaN stays. The derivative is 1 inside, 0 outside and ½ at ±c. Cost: one pass.

    Example:
      >>> print(clip_weights({"bias": jnp.array([-3.0, 0.5])}, 1.0)["bias"])
      [-1.   0.5]

    References:
      M. Arjovsky, S. Chintala, L. Bottou, "Wasserstein generative adversarial networks", 2017,
      algorithm 1.
    """
    check_number("max_value", max_value, low=0.0)
    return jax.tree.map(lambda leaf: _clip(jnp.asarray(leaf), max_value), params)


def keep_weights_clipped(max_value: Scalar) -> optax.GradientTransformation:
    """An optimizer's last link, which keeps every parameter in an interval around 0.

    ::

        u' = clip(θ + u, −c, c) − θ

    Args:
      max_value: the bound c, at least 0.

    Returns:
      An optax transformation without a state, for the end of ``optax.chain``. It clips all
      parameters, biases too, as the paper does; ``optax.masked`` picks others.

    Numerics:
      Exact up to the rounding of θ + u', by which a component may exceed c.

    Example:
      >>> optimizer = optax.chain(optax.sgd(1.0), keep_weights_clipped(0.5))
      >>> w = jnp.zeros(2)
      >>> updates, _ = optimizer.update(jnp.array([-3.0, 0.25]), optimizer.init(w), w)
      >>> print([f"{u:.2f}" for u in updates])
      ['0.50', '-0.25']

    References:
      M. Arjovsky, S. Chintala, L. Bottou, "Wasserstein generative adversarial networks", 2017,
      algorithm 1.
    """
    check_number("max_value", max_value, low=0.0)
    update = keep("keep_weights_clipped", lambda leaf: _clip(leaf, max_value), min_ndim=0)
    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
