"""Hinge losses of one example: nothing is lost once the true class leads by a margin of 1."""

import jax.numpy as jnp

from jaxmath._extrema import max_of
from jaxmath.nn.rectifiers import relu
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["hinge_loss", "multiclass_hinge_loss"]


def hinge_loss(score: ArrayLike, label: ArrayLike) -> Array:
    """The hinge loss of a binary classifier, the loss of the support vector machine.

    ::

        L(z, y) = max(0, 1 − y z);   ∂L/∂z = −y for y z < 1,   0 for y z > 1,   at y z = 1 := 0

    Args:
      score: the output z, a scalar; its sign is the class.
      label: the class y, −1 or 1.

    Returns:
      The loss, a scalar of the dtype of ``score``.

    Numerics:
      One rounding. Singular set {y z = 1}: value 0, derivative 0. A label that is not ±1 gives NaN
      (0 for the negative class, too: 2 y − 1 converts it). Cost: one product.

    Example:
      >>> f"{hinge_loss(0.3, 1):.1f} {hinge_loss(0.3, -1):.1f} {hinge_loss(2.0, 1):.1f}"
      '0.7 1.3 0.0'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (7.44).
    """
    score = as_array("score", score, ndim=0)
    label = as_array("label", label, ndim=0).astype(score.dtype)
    loss = relu(1.0 - label * score)
    return loss * jnp.where(jnp.abs(label) == 1, 1.0, jnp.nan).astype(loss.dtype)


def multiclass_hinge_loss(scores: ArrayLike, label: ArrayLike) -> Array:
    """The hinge loss of Crammer and Singer: the true class must lead by a margin of 1.

    ::

        L(z, y) = max(0, 1 + max_{j≠y} zⱼ − z_y)
        ∂L/∂z = e_r − e_y where L > 0,   r = argmax_{j≠y} zⱼ;   0 where L = 0

    Args:
      scores: the outputs z, one for each class, shape (k,), k ≥ 1.
      label: the true class y, an integer scalar in {0, …, k − 1}.

    Returns:
      The loss, a scalar of the dtype of ``scores``; 0 for k = 1.

    Numerics:
      Two roundings. Singular set: where the lead is exactly 1, value and gradient are 0; equal
      rivals share the gradient, which is a subgradient. A label out of range gives NaN. A score of
      −∞ (a masked class) is no rival. Cost: k comparisons.

    Example:
      >>> f"{multiclass_hinge_loss([2.0, 1.5, 0.0], 0):.1f}"
      '0.5'

    References:
      K. Crammer, Y. Singer, "On the algorithmic implementation of multiclass kernel-based vector
      machines", 2001, section 3.
    """
    scores = as_array("scores", scores, ndim=1, min_size=1)
    label = as_array("label", label, ndim=0, kind="integer").astype(jnp.result_type(int))
    k = scores.shape[0]
    chosen = jnp.arange(k, dtype=label.dtype) == label
    # In the scores, since the gradient of the maximum would pass a NaN on to the rival only.
    scores = scores * jnp.where((label >= 0) & (label < k), 1.0, jnp.nan).astype(scores.dtype)
    rival = max_of(jnp.where(chosen, -jnp.inf, scores))
    true = jnp.sum(jnp.where(chosen, scores, jnp.zeros_like(scores)))
    return relu(1.0 + (rival - true))
