"""Losses of regression for one example, and the means that a report or a batch takes of them."""

import math

import jax.numpy as jnp

from jaxmath._draws import wide_dtype, widened
from jaxmath.nn._moments import magnitude
from jaxmath.numerics import safe_divide, safe_norm
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "absolute_error",
    "huber_loss",
    "mean_absolute_error",
    "mean_squared_error",
    "root_mean_squared_error",
    "squared_error",
    "weighted_mean",
]


def _one_example(prediction: ArrayLike, target: ArrayLike) -> Array:
    """ŷ − y in the dtype of the prediction."""
    prediction = as_array("prediction", prediction, ndim=(0, 1))
    return prediction - as_array("target", target, shape=prediction.shape).astype(prediction.dtype)


def _data_set(predictions: ArrayLike, targets: ArrayLike) -> Array:
    """Ŷ − Y in the dtype of the predictions."""
    predictions = as_array("predictions", predictions, ndim=(1, 2), min_size=1)
    targets = as_array("targets", targets, shape=predictions.shape)
    return predictions - targets.astype(predictions.dtype)


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
    return 0.5 * jnp.sum(_one_example(prediction, target) ** 2)


def absolute_error(prediction: ArrayLike, target: ArrayLike) -> Array:
    """The sum of the absolute errors, the loss of a regression onto the median.

    ::

        L(ŷ, y) = Σᵢ |ŷᵢ − yᵢ|,   ∂L/∂ŷᵢ = sign(ŷᵢ − yᵢ),   sign(0) := 0

    Args:
      prediction: the prediction ŷ, shape (d,), or a scalar.
      target: the target y, of the same shape.

    Returns:
      The loss, a scalar of the dtype of ``prediction``.

    Numerics:
      Relative error of about d·eps. Singular set {ŷᵢ = yᵢ}: derivative 0, the subgradient of
      least norm. Cost: d additions.

    Example:
      >>> f"{absolute_error([1.0, 2.0], [1.5, 5.0]):.2f}"
      '3.50'

    References:
      R. Koenker, G. Bassett, "Regression quantiles", 1978, section 3.
    """
    return jnp.sum(magnitude(_one_example(prediction, target)))


def huber_loss(prediction: ArrayLike, target: ArrayLike, *, delta: Scalar = 1.0) -> Array:
    """Squared error for small errors and absolute error for large ones, summed.

    ::

        L(ŷ, y) = Σᵢ h(ŷᵢ − yᵢ),   h(e) = ½ e² for |e| ≤ δ,   δ (|e| − ½ δ) for |e| > δ
        h'(e) = min(max(e, −δ), δ)

    Args:
      prediction: the prediction ŷ, shape (d,), or a scalar.
      target: the target y, of the same shape.
      delta: the size δ > 0 of an error from which on the loss is linear.

    Returns:
      The loss, a scalar of the dtype of ``prediction``. It tends to ``squared_error`` as δ → ∞,
      and L/δ to ``absolute_error`` as δ → 0.

    Numerics:
      Relative error of about d·eps; no square of a large error is taken. Continuously
      differentiable; the second derivative jumps at |e| = δ, and is 1 there. Cost: d products.

    Example:
      >>> f"{huber_loss([0.5, 3.0], [0.0, 0.0]):.3f}"
      '2.625'

    References:
      P. J. Huber, "Robust estimation of a location parameter", 1964.
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, equation (10.23), which is twice this.
    """
    error = _one_example(prediction, target)
    check_number("delta", delta, low=0.0, open_low=True)
    delta = jnp.asarray(delta, error.dtype)
    size = magnitude(error)
    inside = size <= delta
    # Double where: the square of a large error overflows, as δ may, and 0 · ∞ is NaN.
    small = jnp.where(inside, error, jnp.zeros_like(error))
    slope = jnp.where(inside, jnp.zeros_like(delta), delta)
    return jnp.sum(jnp.where(inside, 0.5 * small**2, slope * (size - 0.5 * slope)))


def mean_absolute_error(predictions: ArrayLike, targets: ArrayLike) -> Array:
    """The mean absolute error (MAE) over a data set.

    ::

        MAE = 1/(n d) Σᵢⱼ |ŷᵢⱼ − yᵢⱼ|

    Args:
      predictions: all predictions Ŷ, shape (n,) or (n, d), n ≥ 1.
      targets: all targets Y, of the same shape.

    Returns:
      The mean, a scalar of the dtype of ``predictions``.

    Numerics:
      Relative error of about n·d·eps. Derivative 0 where a prediction is exact. Cost: n·d
      additions.

    Example:
      >>> f"{mean_absolute_error([1.0, 2.0], [1.5, 5.0]):.2f}"
      '1.75'

    References:
      C. J. Willmott, K. Matsuura, "Advantages of the mean absolute error (MAE) over the root mean
      square error (RMSE) in assessing average model performance", 2005.
    """
    return jnp.mean(magnitude(_data_set(predictions, targets)))


def mean_squared_error(predictions: ArrayLike, targets: ArrayLike) -> Array:
    """The mean squared error (MSE) over a data set, without the factor ½.

    ::

        MSE = 1/(n d) Σᵢⱼ (ŷᵢⱼ − yᵢⱼ)²

    Args:
      predictions: all predictions Ŷ, shape (n,) or (n, d), n ≥ 1.
      targets: all targets Y, of the same shape.

    Returns:
      The mean, a scalar of the dtype of ``predictions``; ``squared_error`` is d/2 times that of
      one example.

    Numerics:
      Relative error of about n·d·eps; overflows where the sum of squares does. Cost: n·d products.

    Example:
      >>> f"{mean_squared_error([1.0, 2.0], [1.5, 5.0]):.3f}"
      '4.625'

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, section 7.2.
    """
    return jnp.mean(_data_set(predictions, targets) ** 2)


def root_mean_squared_error(predictions: ArrayLike, targets: ArrayLike) -> Array:
    """The root of the mean squared error (RMSE) over a data set, in the unit of the targets.

    ::

        RMSE = √(1/(n d) Σᵢⱼ (ŷᵢⱼ − yᵢⱼ)²) = ‖Ŷ − Y‖ / √(n d)

    Args:
      predictions: all predictions Ŷ, shape (n,) or (n, d), n ≥ 1.
      targets: all targets Y, of the same shape.

    Returns:
      The root, a scalar of the dtype of ``predictions``.

    Numerics:
      Relative error of about n·d·eps, without overflow of the squares. Half precisions are summed
      in float32. Singular set {Ŷ = Y}: value and derivative 0. Cost: n·d products.

    Example:
      >>> f"{root_mean_squared_error([1.0, 2.0], [1.0, 5.0]):.4f}"
      '2.1213'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (1.3).
    """
    error = _data_set(predictions, targets)
    return (safe_norm(widened(error)) / math.sqrt(error.size)).astype(error.dtype)


def weighted_mean(losses: ArrayLike, weights: ArrayLike) -> Array:
    """The mean of a batch's losses, each example with its weight.

    ::

        L̄ = Σᵢ wᵢ Lᵢ / Σᵢ wᵢ,   0 where Σᵢ wᵢ = 0

    Args:
      losses: the loss of each example, shape (n,).
      weights: the weight wᵢ ≥ 0 of each example, shape (n,); a mask of bool is taken too, as in
        ``weighted_mean(losses, labels != ignore_label)``.

    Returns:
      The mean, a scalar of the dtype of ``losses``.

    Numerics:
      Relative error of about n·eps for losses of one sign. An example of weight 0 counts for
      nothing, its loss of ∞ or NaN included (its gradient may still be NaN: 0 · NaN, so let the
      loss itself ignore it). Where no example counts, or n = 0: value and gradient 0. Cost: n
      products.

    Example:
      >>> f"{weighted_mean([1.0, 2.0, 30.0], [True, True, False]):.2f}"
      '1.50'

    References:
      scikit-learn, the parameter ``sample_weight`` of its metrics.
    """
    losses = as_array("losses", losses, ndim=1)
    wide = wide_dtype(losses.dtype)
    weights = as_array("weights", weights, shape=losses.shape).astype(wide)
    dropped = (weights == 0) & ~jnp.isfinite(losses)
    counted = jnp.where(dropped, jnp.zeros_like(losses), losses).astype(wide)
    return safe_divide(jnp.sum(weights * counted), jnp.sum(weights)).astype(losses.dtype)
