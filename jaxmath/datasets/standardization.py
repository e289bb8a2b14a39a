"""Zero mean and unit variance, with the statistics of the training part only."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmath.datasets.dataset import _on_host
from jaxmath.typing import Array, ArrayLike, as_array, check_number

__all__ = ["Standardization", "fit_standardization", "standardize", "unstandardize"]


class Standardization(NamedTuple):
    """The affine map that standardizes: what a model must keep beside its parameters.

    ::

        z = (x − μ) / s

    Args:
      mean: μ, of the shape of one example's trailing axes, or a scalar.
      scale: s > 0, of the same shape.

    Returns:
      A NamedTuple, hence a pytree.

    Numerics:
      Nothing is computed.

    Example:
      >>> Standardization(mean=np.zeros(3), scale=np.ones(3)).mean.shape
      (3,)

    References:
      scikit-learn, ``sklearn.preprocessing.StandardScaler``.
    """

    mean: np.ndarray | Array
    scale: np.ndarray | Array


def _array(name: str, x: ArrayLike) -> np.ndarray | Array:
    """Floating host data stay on the host, in their dtype with x64 off too.

    So do wide integers, in double precision: a time in seconds has more digits than float32.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu":
        return as_array(name, x)
    if x.dtype.kind == "f":
        return x
    return x.astype(np.float64) if x.dtype.itemsize > 2 else as_array(name, x)


def fit_standardization(X: ArrayLike, *, num_axes: int = 1) -> Standardization:
    """The mean and the standard deviation of a sample: fit it on the training part alone.

    ::

        μ = (1/n) Σᵢ xᵢ,   s = √((1/n) Σᵢ (xᵢ − μ)²),   s := 1 for a constant feature

    Args:
      X: the sample, shape (n, …), not traced.
      num_axes: how many leading axes the mean runs over: 1 for each feature by itself, X.ndim for
        one pair of numbers, 3 for each channel of images of shape (n, H, W, C).

    Returns:
      Mean and scale in NumPy, of the shape that is left and the dtype of ``X``.

    Raises:
      TypeError: ``X`` is traced or not numeric.
      ValueError: an empty sample, or ``num_axes`` not in 1 … X.ndim.

    Numerics:
      Two passes in float64, rounded to the dtype once. A feature whose values are all equal is told
      by max = min, for its mean may be off by a rounding; so is one whose s rounds to 0. NaN gives
      NaN. Integers of 32 bits and more in NumPy become float64.

    Example:
      >>> fit_standardization(np.array([[0.0, 7.0], [4.0, 7.0]]))
      Standardization(mean=array([2., 7.]), scale=array([2., 1.]))

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, section 7.10.2 (why the test part must not be seen).
    """
    X = _array("X", X)
    if X.size == 0:
        raise ValueError(
            f"fit_standardization: argument `X` must have at least 1 example, got shape {X.shape}"
        )
    wide = _on_host("fit_standardization", "X", X).astype(np.float64)
    check_number("num_axes", num_axes, low=1, high=wide.ndim, integer=True)
    axes = tuple(range(num_axes))
    mean = wide.mean(axes, keepdims=True)
    rest = wide - mean
    unit = np.abs(rest).max(axes, keepdims=True)  # its squares may leave the range
    unit = np.where((unit > 0) & np.isfinite(unit), unit, 1.0)
    deviation = np.sqrt(np.mean((rest / unit) ** 2, axes, keepdims=True)) * unit
    with np.errstate(over="ignore", under="ignore"):
        mean, scale = (v.reshape(wide.shape[num_axes:]).astype(X.dtype) for v in (mean, deviation))
    constant = (wide.max(axes) == wide.min(axes)) | (scale == 0)
    return Standardization(mean, np.where(constant, np.ones_like(scale), scale))


def _affine(standardization: Standardization, x: ArrayLike, name: str) -> tuple[Any, Any, Any]:
    """x with μ and s broadcast to it."""
    array = _array(name, x)
    mean, scale = standardization
    shape = np.shape(mean)
    if array.shape[array.ndim - len(shape) :] != shape or array.ndim < len(shape):
        wanted = ", ".join(map(str, ("…", *shape)))
        raise ValueError(
            f"{'un' * (name == 'z')}standardize: argument `{name}` must have shape ({wanted}), "
            f"got {array.shape}"
        )
    lead = (1,) * (array.ndim - len(shape))

    def fit(v: Any) -> Any:
        # Beside an array on the host statistics are there too, or the result would leave it.
        on_host = isinstance(array, np.ndarray) and not isinstance(v, jax.core.Tracer)
        v = np.asarray(v) if on_host or not isinstance(v, jax.Array) else v
        return v.reshape(lead + shape).astype(array.dtype)

    return array, fit(mean), fit(scale)


def standardize(standardization: Standardization, x: ArrayLike) -> np.ndarray | Array:
    """Examples with the fitted mean taken off and the fitted scale divided out.

    ::

        z = (x − μ) / s

    Args:
      standardization: μ and s, as ``fit_standardization`` gives them.
      x: one example or many: μ's shape with any leading axes.

    Returns:
      z, of the shape and dtype of ``x``; a floating NumPy array stays one, on the host; one of
      integers of 32 bits and more becomes one of float64.

    Raises:
      TypeError: ``x`` is not numeric.
      ValueError: ``x`` does not end in μ's shape.

    Numerics:
      Two roundings, after those of μ and s to the dtype of ``x``.

    Example:
      >>> print(standardize(Standardization(np.array([1.0]), np.array([2.0])), np.array([4.0])))
      [1.5]

    References:
      scikit-learn, ``StandardScaler.transform``.
    """
    x, mean, scale = _affine(standardization, x, "x")
    return (x - mean) / scale


def unstandardize(standardization: Standardization, z: ArrayLike) -> np.ndarray | Array:
    """Standardized values back in their units: the prediction of a regression, say.

    ::

        x = μ + s z

    Args:
      standardization: μ and s, as ``fit_standardization`` gives them.
      z: standardized values: μ's shape with any leading axes.

    Returns:
      x, of the shape and dtype of ``z``; a floating NumPy array stays one, on the host.

    Raises:
      TypeError: ``z`` is not numeric.
      ValueError: ``z`` does not end in μ's shape.

    Numerics:
      Two roundings; the round trip has an error of a few eps of |μ| + |x|.

    Example:
      >>> print(unstandardize(Standardization(np.array([1.0]), np.array([2.0])), np.array([1.5])))
      [4.]

    References:
      scikit-learn, ``StandardScaler.inverse_transform``.
    """
    z, mean, scale = _affine(standardization, z, "z")
    return mean + scale * z
