"""How often a classifier is right, and about which classes: statistics of a sample of n examples.

Labels are integers in {0, …, k − 1}. The prediction comes first, as in the losses.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath.nn._samples import share
from jaxmath.numerics import safe_divide
from jaxmath.typing import Array, ArrayLike, as_array, check_number

__all__ = ["ClassScores", "accuracy", "class_scores", "confusion_matrix", "top_k_accuracy"]


def _sample(name: str, scores: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    scores = as_array(name, scores, ndim=2, min_size=1)
    labels = as_array("labels", labels, shape=scores.shape[:1], kind="integer")
    return scores, labels.astype(jnp.result_type(int))


def _top_k(scores: ArrayLike, labels: ArrayLike, k: int) -> Array:
    scores, labels = _sample("scores", scores, labels)
    check_number("k", k, low=1, integer=True)
    classes = jnp.arange(scores.shape[1], dtype=labels.dtype)[None]
    y = labels[:, None]
    own = jnp.sum(jnp.where(classes == y, scores, jnp.zeros_like(scores)), axis=1, keepdims=True)
    rank = jnp.sum((scores > own) | ((scores == own) & (classes < y)), axis=1)
    known = jnp.any(classes == y, axis=1) & ~jnp.any(jnp.isnan(scores), axis=1)
    return jnp.where(jnp.all(known), share(rank < k, scores.dtype), jnp.nan)


def accuracy(scores: ArrayLike, labels: ArrayLike) -> Array:
    """The share of examples whose own class has the highest score.

    ::

        (1/n) Σᵢ [argmaxⱼ sᵢⱼ = yᵢ]

    Args:
      scores: logits or probabilities, shape (n, k), n and k ≥ 1.
      labels: the true classes, integers of shape (n,).

    Returns:
      A scalar in [0, 1] of the dtype of ``scores``; its standard error is √(a (1 − a)/n).

    Numerics:
      Of equal scores the first class is the prediction, as in ``argmax``. A NaN score or a label
      out of range gives NaN. Piecewise constant: derivative 0. Cost: n·k comparisons.

    Example:
      >>> f"{accuracy(jnp.array([[2.0, 1.0], [0.0, 3.0]]), jnp.array([0, 0])):.2f}"
      '0.50'

    References:
      scikit-learn, ``sklearn.metrics.accuracy_score``.
    """
    return _top_k(scores, labels, 1)


def top_k_accuracy(scores: ArrayLike, labels: ArrayLike, *, k: int = 5) -> Array:
    """The share of examples whose own class is among the k highest scores.

    ::

        (1/n) Σᵢ [rᵢ < k],   rᵢ = #{j : sᵢⱼ > sᵢ_yᵢ} + #{j < yᵢ : sᵢⱼ = sᵢ_yᵢ}

    Args:
      scores: logits or probabilities, shape (n, number of classes).
      labels: the true classes, integers of shape (n,).
      k: how many guesses a classifier has, at least 1; static.

    Returns:
      A scalar in [0, 1] of the dtype of ``scores``.

    Numerics:
      Ties go to the class that comes first. A NaN score or a label out of range gives NaN.
      Piecewise constant: derivative 0. Cost: n comparisons a class, no sort.

    Example:
      >>> f"{top_k_accuracy(jnp.array([[3.0, 2.0, 1.0]] * 2), jnp.array([1, 2]), k=2):.2f}"
      '0.50'

    References:
      O. Russakovsky et al., "ImageNet large scale visual recognition challenge", 2015, section 4.1.
    """
    return _top_k(scores, labels, k)


def confusion_matrix(predictions: ArrayLike, labels: ArrayLike, *, num_classes: int) -> Array:
    """How many examples of each class were taken for each class.

    ::

        C_{tp} = #{i : yᵢ = t, ŷᵢ = p}

    Args:
      predictions: the predicted classes ŷ, integers of shape (n,).
      labels: the true classes y, integers of shape (n,).
      num_classes: number k of classes; static.

    Returns:
      Counts, int32 of shape (k, k): a row for each true class, a column for each predicted one. The
      matrices of two samples add up to that of both.

    Numerics:
      Exact. A pair with a class outside {0, …, k − 1} counts nowhere: padding may be marked by −1,
      and a sum below n tells. Cost: n additions.

    Example:
      >>> print(confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 0, 1]), num_classes=2))
      [[1 1]
       [0 1]]

    References:
      scikit-learn, ``sklearn.metrics.confusion_matrix`` (with the arguments the other way round).
    """
    predictions = as_array("predictions", predictions, ndim=1, kind="integer")
    labels = as_array("labels", labels, shape=predictions.shape, kind="integer")
    check_number("num_classes", num_classes, low=1, integer=True)
    # All that is out of range goes to one place past the end, which the scatter drops; a negative
    # index would wrap.
    place = [v.astype(jnp.result_type(int)) for v in (labels, predictions)]
    place = [jnp.where((v >= 0) & (v < num_classes), v, num_classes) for v in place]
    counts = jnp.zeros((num_classes, num_classes), jnp.int32)
    return counts.at[tuple(place)].add(1, mode="drop")


class ClassScores(NamedTuple):
    """What a confusion matrix says about each class.

    ::

        P = TP/(TP + FP),   R = TP/(TP + FN),   F₁ = 2PR/(P + R)

    Args:
      precision: P, shape (k,): the share of the predictions of a class that are right.
      recall: R, shape (k,): the share of a class's examples that are found.
      f1: F₁, shape (k,): their harmonic mean.
      support: the number of examples of each class, shape (k,).

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> ClassScores(*jnp.ones((4, 3))).f1.shape
      (3,)

    References:
      C. J. van Rijsbergen, "Information Retrieval", 2nd edition, 1979, chapter 7.
    """

    precision: Array
    recall: Array
    f1: Array
    support: Array


def class_scores(confusion: ArrayLike) -> ClassScores:
    """Precision, recall and F₁ of each class, from a confusion matrix.

    ::

        P_c = C_cc / Σ_t C_tc,   R_c = C_cc / Σ_p C_cp,   F_c = 2 C_cc / (Σ_t C_tc + Σ_p C_cp)
        0/0 := 0

    Args:
      confusion: counts or weights, shape (k, k), true classes in rows, as ``confusion_matrix``
        gives them.

    Returns:
      Precision, recall, F₁ and support, each of shape (k,); their means are the macro averages.

    Numerics:
      0/0 is 0, with derivative 0: the precision of a class that is never predicted, the recall of
      one that does not occur, F₁ where both hold. Otherwise a few eps. Counts are exact up to 2²⁴
      in float32. Cost: k² additions.

    Example:
      >>> scores = class_scores(jnp.array([[3, 1], [0, 0]]))
      >>> print(scores.precision, scores.recall, scores.support)
      [1. 0.] [0.75 0.  ] [4. 0.]

    References:
      scikit-learn, ``precision_recall_fscore_support`` with ``zero_division=0``.
    """
    C = as_array("confusion", confusion, ndim=2, min_size=1)
    C = as_array("confusion", C, shape=C.shape[:1] * 2)
    hits, predicted, support = jnp.diagonal(C), jnp.sum(C, axis=0), jnp.sum(C, axis=1)
    return ClassScores(
        precision=safe_divide(hits, predicted),
        recall=safe_divide(hits, support),
        f1=safe_divide(2.0 * hits, predicted + support),
        support=support,
    )
