"""A bound on the norm of each unit's incoming weights, kept by projection."""

import jax
import jax.numpy as jnp
import optax

from jaxmath._draws import wide_dtype
from jaxmath.nn._kept import keep
from jaxmath.optimize import project_ball
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["keep_max_norm", "max_norm"]


def max_norm(kernel: ArrayLike, max_value: Scalar) -> Array:
    """The nearest kernel whose units all have incoming weights of a bounded norm.

    ::

        wⱼ ← wⱼ min(1, c/‖wⱼ‖),   wⱼ: all weights into unit j, kernel[…, j]

    Args:
      kernel: weights, shape (in, out), or (H, W, in, out) for a convolution: the last axis counts
        the units.
      max_value: the bound c, at least 0.

    Returns:
      An array of the shape and dtype of ``kernel``.

    Numerics:
      That of ``optimize.project_ball``, unit by unit: no overflow, a weight of 0 stays 0, the
      derivative on the sphere is that from outside, NaN in a unit stays in it. Half precisions are
      projected in float32 and may exceed c by their rounding. Cost: three passes.

    Example:
      >>> W = max_norm(jnp.array([[3.0, 0.1], [4.0, 0.0]]), 1.0)
      >>> print([f"{w:.1f}" for w in W.ravel()])
      ['0.6', '0.1', '0.8', '0.0']

    References:
      N. Srebro, A. Shraibman, "Rank, trace-norm and max-norm", 2005, for the name; N. Srivastava,
      G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple way to prevent
      neural networks from overfitting", 2014, section 5.1.
    """
    kernel = as_array("kernel", kernel, ndim=(2, 3, 4, 5), min_size=1)
    check_number("max_value", max_value, low=0.0)
    units = kernel.reshape(-1, kernel.shape[-1]).astype(wide_dtype(kernel.dtype))
    project = jax.vmap(project_ball, in_axes=(1, None, None), out_axes=1)
    bound = jnp.asarray(max_value, units.dtype)
    projected = project(units, jnp.zeros((), units.dtype), bound)
    return projected.reshape(kernel.shape).astype(kernel.dtype)


def keep_max_norm(max_value: Scalar) -> optax.GradientTransformation:
    """An optimizer's last link, which keeps the incoming weights of every unit in a ball.

    ::

        u' = P(θ + u) − θ,   P = ``max_norm``, so that θ + u' lies in the set

    Args:
      max_value: the bound c, at least 0.

    Returns:
      An optax transformation without a state, for the end of ``optax.chain``. It projects every
      leaf of rank 2 or more and leaves vectors (biases, scales) alone; ``optax.masked`` picks
      others, and keeps out an embedding, whose rows are no incoming weights.

    Numerics:
      As ``max_norm``; the sum θ + u' rounds once more.

    Example:
      >>> optimizer = optax.chain(optax.sgd(1.0), keep_max_norm(1.0))
      >>> W = jnp.zeros((2, 1))
      >>> updates, _ = optimizer.update(jnp.full((2, 1), -3.0), optimizer.init(W), W)
      >>> print([f"{u:.4f}" for u in updates[:, 0]])
      ['0.7071', '0.7071']

    References:
      N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple
      way to prevent neural networks from overfitting", 2014, section 5.1.
    """
    check_number("max_value", max_value, low=0.0)

    update = keep("keep_max_norm", lambda leaf: max_norm(leaf, max_value), min_ndim=2)
    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
