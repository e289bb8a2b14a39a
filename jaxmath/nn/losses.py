"""Losses of one example, computed from logits so that no probability is rounded on the way.

Each loss is a sum of terms of one sign rather than a difference of large numbers: a confident and
correct prediction keeps the leading digits of its small loss, and of its gradient, in float32 too.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath.nn.rectifiers import softplus
from jaxmath.typing import Array, ArrayLike, as_array

__all__ = ["sigmoid_binary_cross_entropy", "softmax_cross_entropy", "squared_error"]


def _loss_and_gradient(logits: Array, label: Array) -> tuple[Array, Array]:
    chosen = jnp.arange(logits.shape[0], dtype=label.dtype) == label
    top = lax.stop_gradient(jnp.max(logits))
    gap = top - logits[label]
    true, exps = jnp.exp(-gap), jnp.exp(logits - top)
    rest = jnp.sum(jnp.where(chosen, jnp.zeros_like(exps), exps))
    # true − 1 is exactly 0 where the label is on top, and there only `rest` makes the loss.
    loss = gap + jnp.log1p(rest + (true - 1.0))
    # An index is clamped or wrapped into range; a label out of range must not look like another.
    inside = (label >= 0) & (label < logits.shape[0])
    valid = jnp.where(inside, 1.0, jnp.nan).astype(loss.dtype)
    return valid * loss, jnp.where(chosen, -rest, exps) * (valid / (true + rest))


@jax.custom_jvp
def _cross_entropy(logits: Array, label: Array) -> Array:
    return _loss_and_gradient(logits, label)[0]


@_cross_entropy.defjvp
def _cross_entropy_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    # A rule of its own, since p_y − 1 would cancel: here it is −Σ_{j≠y} pⱼ. It is also faster:
    # the transpose of logits[label] would be a scatter.
    loss, gradient = _loss_and_gradient(*primals)
    return loss, jnp.sum(gradient * tangents[0])


def softmax_cross_entropy(logits: ArrayLike, label: ArrayLike) -> Array:
    """The negative log-likelihood of the true class under a softmax.

    ::

        L(z, y) = −log softmax(z)_y = log Σⱼ e^{zⱼ} − z_y
                = m − z_y + log1p(Σ_{j≠y} e^{zⱼ − m} + e^{z_y − m} − 1),   m = maxⱼ zⱼ
        ∂L/∂z = softmax(z) − e_y

    Args:
      logits: unnormalized log-probabilities z, shape (k,), k ≥ 1.
      label: the true class y, an integer scalar in {0, …, k − 1}.

    Returns:
      The loss in nats, a scalar of the dtype of ``logits``.

    Numerics:
      The last form of the equation: relative error of a few eps plus k·eps, for small losses, for
      logits of any finite size, and for the gradient. A label out of range gives NaN in the value
      and the gradient (an array index would be clamped or wrapped). A logit of −∞ (a masked class)
      has gradient 0; at the label itself the loss is ∞, with the limit of the gradient. A logit
      of ∞, or nothing but −∞, gives NaN. Cost: k exponentials.

    Example:
      >>> f"{softmax_cross_entropy(jnp.array([2.0, 0.0, 0.0]), 0):.5f}"
      '0.23954'
      >>> f"{softmax_cross_entropy(jnp.array([2.0, 0.0, 0.0]), 3)}"
      'nan'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations (4.108), (4.109).
    """
    logits = as_array("logits", logits, ndim=1, min_size=1)
    label = as_array("label", label, ndim=0, kind="integer").astype(jnp.result_type(int))
    return _cross_entropy(logits, label)


def sigmoid_binary_cross_entropy(logit: ArrayLike, label: ArrayLike) -> Array:
    """The negative log-likelihood of a binary label under a sigmoid.

    ::

        L(z, y) = −y log σ(z) − (1 − y) log(1 − σ(z)) = y softplus(−z) + (1 − y) softplus(z)
        ∂L/∂z = σ(z) − y,   ∂L/∂y = −z

    Args:
      logit: the log-odds z, a scalar.
      label: the probability y of the positive class, a scalar in [0, 1]; often 0 or 1, and an
        integer is taken too.

    Returns:
      The loss in nats, a scalar of the dtype of ``logit``.

    Numerics:
      Relative error of a few eps for finite logits of any size. A label outside [0, 1] gives NaN
      in the value and the gradient. Cost: two exponentials and two logarithms.

    Example:
      >>> f"{sigmoid_binary_cross_entropy(2.0, 1):.5f} {sigmoid_binary_cross_entropy(2.0, 0):.5f}"
      '0.12693 2.12693'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations (4.90), (4.91).
    """
    logit = as_array("logit", logit, ndim=0)
    label = as_array("label", label, ndim=0).astype(logit.dtype)
    loss = label * softplus(-logit) + (1.0 - label) * softplus(logit)
    valid = (label >= 0) & (label <= 1)
    return loss * jnp.where(valid, 1.0, jnp.nan).astype(loss.dtype)


def squared_error(prediction: ArrayLike, target: ArrayLike) -> Array:
    """Half the squared distance, the loss of a regression (a sum, no mean over the components).

    ::

        L(ŷ, y) = ½ ‖ŷ − y‖²,   ∂L/∂ŷ = ŷ − y

    Args:
      prediction: the prediction ŷ, shape (d,), or a scalar.
      target: the target y, of the same shape.

    Returns:
      The loss, a scalar of the dtype of ``prediction``.

    Numerics:
      Relative error of about d·eps; overflows where ‖ŷ − y‖² does. Cost: d products.

    Example:
      >>> f"{squared_error([1.0, 2.0], [1.0, 5.0]):.2f}"
      '4.50'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (1.2).
    """
    prediction = as_array("prediction", prediction, ndim=(0, 1))
    target = as_array("target", target, shape=prediction.shape).astype(prediction.dtype)
    return 0.5 * jnp.sum((prediction - target) ** 2)
