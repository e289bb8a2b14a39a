"""Cross-entropies of one example, computed from logits: no probability is rounded on the way.

Each loss is a sum of terms of one sign rather than a difference of large numbers: a confident and
correct prediction keeps the leading digits of its small loss, and of its gradient, in float32 too.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from jaxmath._draws import widened
from jaxmath.nn.rectifiers import softplus
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "sigmoid_binary_cross_entropy",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_soft_labels",
]


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


def _soft_loss_and_slopes(logits: Array, target: Array) -> tuple[Array, Array, Array]:
    """Σⱼ qⱼ (log Σᵢ e^{zᵢ} − zⱼ), its derivatives in z, and those in q."""
    top = lax.stop_gradient(jnp.max(logits))
    gap, exps = top - logits, jnp.exp(logits - top)
    # Σ e^{z − m} without one of the maxima, so that a small loss is not rounded off beside 1.
    at_top = (exps == 1.0).astype(exps.dtype)
    rest = jnp.sum(exps - at_top) + (jnp.sum(at_top) - 1.0)
    total = 1.0 + rest
    surprise = gap + jnp.log1p(rest)
    loss = jnp.sum(jnp.where(target == 0, jnp.zeros_like(gap), target * surprise))
    # Q pⱼ − qⱼ = pⱼ (Q − qⱼ) − qⱼ (1 − pⱼ), where nothing cancels for a target of one class.
    others = rest + (1.0 - exps)
    by_logits = (exps * (jnp.sum(target) - target) - target * others) / total
    valid = jnp.where(jnp.all(target >= 0), 1.0, jnp.nan).astype(loss.dtype)
    possible = jnp.where(jnp.isposinf(gap), jnp.zeros_like(gap), surprise)
    return valid * loss, valid * by_logits, valid * possible


@jax.custom_jvp
def _soft_cross_entropy(logits: Array, target: Array) -> Array:
    return _soft_loss_and_slopes(logits, target)[0]


@_soft_cross_entropy.defjvp
def _soft_cross_entropy_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
) -> tuple[Array, Array]:
    loss, by_logits, by_target = _soft_loss_and_slopes(*primals)
    return loss, jnp.sum(by_logits * tangents[0]) + jnp.sum(by_target * tangents[1])


def _unless_ignored(
    loss_fn: Callable[[Array, Array], Array], scores: Array, label: Array, ignore_label: int | None
) -> Array:
    """The loss, or 0 where the label is the one to ignore, with gradient 0 for any scores."""
    if ignore_label is None:
        return loss_fn(scores, label)
    check_number("ignore_label", ignore_label, integer=True)
    ignored = label == jnp.asarray(ignore_label, label.dtype)
    # Double where: the gradient of an ignored example's loss may be NaN, and 0 · NaN is NaN.
    zero = jnp.zeros_like
    loss = loss_fn(jnp.where(ignored, zero(scores), scores), jnp.where(ignored, zero(label), label))
    return jnp.where(ignored, zero(loss), loss)


def _smoothed_cross_entropy(logits: Array, label: Array, epsilon: Array) -> Array:
    k = logits.shape[0]
    chosen = jnp.arange(k, dtype=label.dtype) == label
    inside = (label >= 0) & (label < k)
    target = (1.0 - epsilon) * chosen.astype(logits.dtype) + epsilon / k
    return _soft_cross_entropy(logits, jnp.where(inside, target, jnp.nan))


def _binary_cross_entropy(logit: Array, label: Array, epsilon: Array) -> Array:
    valid = (label >= 0) & (label <= 1)
    label = (1.0 - epsilon) * label + 0.5 * epsilon
    # The side that the label rules out has no part in the loss at an infinite logit: 0 · ∞ is 0.
    up = jnp.where((label == 0) & jnp.isneginf(logit), 0.0, logit)
    down = jnp.where((label == 1) & jnp.isposinf(logit), 0.0, logit)
    loss = label * softplus(-up) + (1.0 - label) * softplus(down)
    return loss * jnp.where(valid, 1.0, jnp.nan).astype(loss.dtype)


def sigmoid_binary_cross_entropy(
    logit: ArrayLike,
    label: ArrayLike,
    *,
    label_smoothing: Scalar = 0.0,
    ignore_label: int | None = None,
) -> Array:
    """The negative log-likelihood of a binary label under a sigmoid.

    ::

        L(z, y) = −y log σ(z) − (1 − y) log(1 − σ(z)) = y softplus(−z) + (1 − y) softplus(z)
        ∂L/∂z = σ(z) − y,   ∂L/∂y = −z
        smoothed by ε: y ← (1 − ε) y + ε/2

    Args:
      logit: the log-odds z, a scalar.
      label: the probability y of the positive class, a scalar in [0, 1]; often 0 or 1, and an
        integer is taken too.
      label_smoothing: ε in [0, 1], which draws the label towards ½.
      ignore_label: the label of an example that does not count, often −1: its loss is 0 and its
        gradient too, whatever the logit. ``weighted_mean`` leaves it out of a mean.

    Returns:
      The loss in nats, a scalar of the dtype of ``logit``.

    Numerics:
      Relative error of a few eps for finite logits of any size. A logit of ±∞ gives 0 where it
      agrees with a label of 0 or 1, and ∞ elsewhere; its gradient is the limit. A label outside
      [0, 1] gives NaN in the value and the gradient. Cost: two exponentials and two logarithms.

    Example:
      >>> f"{sigmoid_binary_cross_entropy(2.0, 1):.5f} {sigmoid_binary_cross_entropy(2.0, 0):.5f}"
      '0.12693 2.12693'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations (4.90), (4.91).
    """
    logit = as_array("logit", logit, ndim=0)
    label = as_array("label", label, ndim=0).astype(logit.dtype)
    check_number("label_smoothing", label_smoothing, low=0.0, high=1.0)
    epsilon = jnp.asarray(label_smoothing, logit.dtype)
    loss_fn = functools.partial(_binary_cross_entropy, epsilon=epsilon)
    return _unless_ignored(loss_fn, logit, label, ignore_label)


def softmax_cross_entropy(
    logits: ArrayLike,
    label: ArrayLike,
    *,
    label_smoothing: Scalar = 0.0,
    ignore_label: int | None = None,
) -> Array:
    """The negative log-likelihood of the true class under a softmax.

    ::

        L(z, y) = −log softmax(z)_y = log Σⱼ e^{zⱼ} − z_y
                = m − z_y + log1p(Σ_{j≠y} e^{zⱼ − m} + e^{z_y − m} − 1),   m = maxⱼ zⱼ
        ∂L/∂z = softmax(z) − e_y
        smoothed by ε: Σⱼ qⱼ (log Σᵢ e^{zᵢ} − zⱼ),   qⱼ = (1 − ε) [j = y] + ε/k

    Args:
      logits: unnormalized log-probabilities z, shape (k,), k ≥ 1.
      label: the true class y, an integer scalar in {0, …, k − 1}.
      label_smoothing: ε in [0, 1], the share of the target that is spread over all classes.
      ignore_label: the label of an example that does not count (padding, no answer): its loss is 0
        and its gradient too, whatever the logits. ``weighted_mean`` leaves it out of a mean.

    Returns:
      The loss in nats, a scalar of the dtype of ``logits``.

    Numerics:
      A sum of terms ≥ 0: relative error of a few eps plus k·eps, for small losses, for
      logits of any finite size, and for the gradient. A label out of range gives NaN in the value
      and the gradient (an array index would be clamped or wrapped). A logit of −∞ (a masked class)
      has gradient 0; at the label itself the loss is ∞, with the limit of the gradient, and so it
      is wherever ε > 0, which asks for every class. A logit of ∞, or nothing but −∞, gives NaN.
      Half precisions are summed in float32. Cost: k exponentials.

    Example:
      >>> f"{softmax_cross_entropy(jnp.array([2.0, 0.0, 0.0]), 0):.5f}"
      '0.23954'
      >>> f"{softmax_cross_entropy(jnp.array([2.0, 0.0, 0.0]), 3)}"
      'nan'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations (4.108), (4.109).
      C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception
      architecture for computer vision", 2016, section 7, for the smoothing.
    """
    logits = as_array("logits", logits, ndim=1, min_size=1)
    label = as_array("label", label, ndim=0, kind="integer").astype(jnp.result_type(int))
    check_number("label_smoothing", label_smoothing, low=0.0, high=1.0)
    loss_fn: Callable[[Array, Array], Array] = _cross_entropy
    scores = widened(logits)
    if not (isinstance(label_smoothing, (int, float)) and label_smoothing == 0):
        epsilon = jnp.asarray(label_smoothing, scores.dtype)
        loss_fn = functools.partial(_smoothed_cross_entropy, epsilon=epsilon)
    return _unless_ignored(loss_fn, scores, label, ignore_label).astype(logits.dtype)


def softmax_cross_entropy_with_soft_labels(logits: ArrayLike, target: ArrayLike) -> Array:
    """The cross-entropy from a distribution over the classes to a softmax.

    ::

        L(z, q) = −Σⱼ qⱼ log softmax(z)ⱼ = Σⱼ qⱼ (log Σᵢ e^{zᵢ} − zⱼ)
        ∂L/∂z = (Σⱼ qⱼ) softmax(z) − q,   ∂L/∂q = −log softmax(z)

    Args:
      logits: unnormalized log-probabilities z, shape (k,), k ≥ 1.
      target: the distribution q, shape (k,): one-hot, smoothed, mixed up, or a teacher's. It need
        not sum to 1: the loss is linear in it, and 0 at 0.

    Returns:
      The loss in nats, a scalar of the dtype of ``logits``. (In optax this is
      ``softmax_cross_entropy``.)

    Numerics:
      A sum of terms ≥ 0: relative error of a few eps plus k·eps, for logits of any finite size;
      so is that of the gradient where q is one-hot. A class with logit −∞ counts for nothing where
      its target is 0, and its ∂L/∂q is 0 by convention instead of ∞; with a positive target the
      loss is ∞ and ∂L/∂z the limit. A negative target gives NaN. Half precisions are summed in
      float32. Cost: k exponentials.

    Example:
      >>> f"{softmax_cross_entropy_with_soft_labels([2.0, 0.0], [0.9, 0.1]):.5f}"
      '0.32693'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (4.108).
    """
    logits = as_array("logits", logits, ndim=1, min_size=1)
    target = as_array("target", target, shape=logits.shape).astype(logits.dtype)
    return _soft_cross_entropy(widened(logits), widened(target)).astype(logits.dtype)
