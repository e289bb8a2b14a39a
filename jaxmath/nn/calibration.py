"""Whether a classifier's probabilities are what they say: statistics of a sample of n examples."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._draws import wide_dtype
from jaxmath._extrema import max_of
from jaxmath.nn._moments import magnitude
from jaxmath.nn._samples import share
from jaxmath.nn.metrics import _sample
from jaxmath.numerics import safe_divide
from jaxmath.typing import Array, ArrayLike, check_number

__all__ = ["Reliability", "brier_score", "expected_calibration_error", "reliability"]


class Reliability(NamedTuple):
    """The reliability diagram: accuracy against confidence, bin by bin.

    ::

        conf_m = mean of maxⱼ pᵢⱼ,   acc_m = share that is right,   w_m = n_m/n,   i in bin m

    Args:
      confidence: mean confidence of each bin, shape (M,); 0 in an empty one.
      accuracy: share of right predictions, shape (M,); 0 in an empty bin.
      weight: share of the examples that are in the bin, shape (M,); 0 tells an empty one.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> Reliability(*jnp.zeros((3, 15))).weight.shape
      (15,)

    References:
      C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", 2017,
      section 2.
    """

    confidence: Array
    accuracy: Array
    weight: Array


def brier_score(probabilities: ArrayLike, labels: ArrayLike) -> Array:
    """The mean squared distance of the predicted distributions from the true classes.

    ::

        B = (1/n) Σᵢ Σⱼ (pᵢⱼ − [yᵢ = j])²

    Args:
      probabilities: a distribution a row, shape (n, k).
      labels: the true classes, integers of shape (n,).

    Returns:
      A scalar in [0, 2] of the dtype of ``probabilities``. A strictly proper score: in expectation
      the true distribution alone is best.

    Numerics:
      Brier's own form, over all classes: for k = 2 twice the binary one. A label out of range gives
      NaN. That the rows are distributions is not checked. Cost: n·k products.

    Example:
      >>> f"{brier_score([[0.8, 0.2], [0.5, 0.5]], jnp.array([0, 1])):.2f}"
      '0.29'

    References:
      G. W. Brier, "Verification of forecasts expressed in terms of probability", 1950,
      equation (2).
    """
    p, labels = _sample("probabilities", probabilities, labels)
    wide = wide_dtype(p.dtype)
    own = jnp.arange(p.shape[1], dtype=labels.dtype)[None] == labels[:, None]
    target = jnp.where(jnp.any(own, axis=1, keepdims=True), own.astype(wide), jnp.nan)
    return jnp.mean(jnp.sum((p.astype(wide) - target) ** 2, axis=1)).astype(p.dtype)


def _bins(probabilities: ArrayLike, labels: ArrayLike, num_bins: int) -> Reliability:
    p, labels = _sample("probabilities", probabilities, labels)
    check_number("num_bins", num_bins, low=1, integer=True)
    wide = wide_dtype(p.dtype)
    known = (labels >= 0) & (labels < p.shape[1])
    right = (jnp.argmax(p, axis=1) == labels).astype(wide)
    confidence = max_of(p, axis=1).astype(wide)
    place = jnp.clip(jnp.ceil(confidence * num_bins).astype(jnp.int32) - 1, 0, num_bins - 1)
    inside = place[:, None] == jnp.arange(num_bins, dtype=jnp.int32)[None]
    values = jnp.stack([confidence, jnp.where(known, right, jnp.nan)], axis=1)
    sums = jnp.zeros((num_bins, 2), wide).at[place].add(values)
    counts = jnp.sum(inside, axis=0, dtype=jnp.int32).astype(wide)
    means = (
        safe_divide(sums[:, 0], counts),
        safe_divide(sums[:, 1], counts),
        share(inside, wide),
    )
    return Reliability(*(v.astype(p.dtype) for v in means))


def reliability(probabilities: ArrayLike, labels: ArrayLike, *, num_bins: int = 15) -> Reliability:
    """Accuracy and mean confidence in equal bins of confidence: on the diagonal if calibrated.

    ::

        cᵢ = maxⱼ pᵢⱼ,   bin m = {i : (m − 1)/M < cᵢ ≤ m/M},   m = 1, …, M
        conf_m = (1/n_m) Σ cᵢ,   acc_m = (1/n_m) Σ [argmaxⱼ pᵢⱼ = yᵢ]   over the bin

    Args:
      probabilities: a distribution a row, shape (n, k).
      labels: the true classes, integers of shape (n,).
      num_bins: number M of bins; static.

    Returns:
      Confidence, accuracy and weight of each bin.

    Numerics:
      Of equal probabilities the first class is the prediction. A confidence of 0 is in the first
      bin, one above 1 in the last. A label out of range makes its bin's accuracy NaN, a NaN
      probability its confidence. Derivative: that of the mean confidence, with the bins held.
      Cost: n·k comparisons and a scatter.

    Example:
      >>> bins = reliability([[0.9, 0.1], [0.7, 0.3]], jnp.array([0, 1]), num_bins=2)
      >>> print(bins.confidence, bins.accuracy, bins.weight)
      [0.  0.8] [0.  0.5] [0. 1.]

    References:
      C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", 2017,
      section 2.
    """
    return _bins(probabilities, labels, num_bins)


def expected_calibration_error(
    probabilities: ArrayLike, labels: ArrayLike, *, num_bins: int = 15
) -> Array:
    """The mean gap between confidence and accuracy, over bins of confidence.

    ::

        ECE = Σ_m (n_m/n) |acc_m − conf_m|

    Args:
      probabilities: a distribution a row, shape (n, k).
      labels: the true classes, integers of shape (n,).
      num_bins: number M of bins; static.

    Returns:
      A scalar in [0, 1] of the dtype of ``probabilities``.

    Numerics:
      Bins as in ``reliability``; the result depends on M and is biased upward by about √(M/n) for
      a calibrated classifier. NaN for a label out of range or a NaN probability. Where a bin's gap
      is 0 its derivative is 0. Cost: as ``reliability``.

    Example:
      >>> p = jnp.array([[0.9, 0.1], [0.7, 0.3]])
      >>> f"{expected_calibration_error(p, jnp.array([0, 1]), num_bins=10):.2f}"
      '0.40'

    References:
      C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", 2017,
      equation (3).
    """
    bins = _bins(probabilities, labels, num_bins)
    return jnp.sum(bins.weight * magnitude(bins.accuracy - bins.confidence))
