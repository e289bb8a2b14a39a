"""What the linear models share: their parameters, the data they are fitted to, their logits."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import numerics
from jaxmath.iterate import Status
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__: list[str] = []

# What ``optimize.minimize`` offers to the smooth losses.
ITERATIVE = ("newton", "l-bfgs", "bfgs", "cg", "gradient-descent")


class LinearParams(NamedTuple):
    """The parameters of a linear model.

    ::

        z = wᵀx + b,   or z = W x + b with a row of W for each class

    Args:
      coef: w, shape (d,), or W, shape (k, d).
      intercept: b, a scalar, or of shape (k,).

    Returns:
      A NamedTuple, hence a pytree: it passes through jit, grad and vmap.

    Numerics:
      Nothing is computed.

    Example:
      >>> LinearParams(coef=jnp.ones(3), intercept=jnp.zeros(())).coef.shape
      (3,)

    References:
      The names and the layout are those of scikit-learn's ``coef_`` and ``intercept_``.
    """

    coef: Array
    intercept: Array


def _examples(X: ArrayLike) -> Array:
    """The examples; half precision, for which there are no decompositions, is refused."""
    X = as_array("X", X, ndim=2, min_size=1)
    if X.dtype.itemsize < 4:
        raise TypeError(f"argument `X` must be float32 or float64, got {X.dtype}")
    return X


def data_set(X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Examples with real targets, both of the dtype of X."""
    X = _examples(X)
    return X, as_array("y", y, shape=X.shape[:1]).astype(X.dtype)


def labelled_set(
    caller: str, X: ArrayLike, y: ArrayLike, num_classes: int = 2
) -> tuple[Array, Array]:
    """Examples with labels in {0, …, k − 1}; an error where known values lie outside."""
    X = _examples(X)
    y = as_array("y", y, shape=X.shape[:1], kind="integer")
    if not isinstance(y, jax.core.Tracer):
        known = np.asarray(y)  # under jit, a reduction of what it closes over is traced
        low, high = known.min(), known.max()
        if low < 0 or high >= num_classes:
            raise ValueError(
                f"{caller}: argument `y` must hold labels from 0 to {num_classes - 1}, "
                f"got {low if low < 0 else high}"
            )
    return X, y


def penalty(name: str, value: Scalar, X: Array) -> Array:
    """The weight of a penalty as a scalar of X's dtype; NaN where a traced one is negative."""
    check_number(name, value, low=0.0)
    weight = as_array(name, value, ndim=0).astype(X.dtype)
    return jnp.where(weight >= 0, weight, jnp.nan)


def tolerance(tol: Scalar | None, X: Array) -> Scalar:
    """The error to reach: √eps, as a line search sees no f beyond it."""
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    return float(jnp.finfo(X.dtype).eps) ** 0.5 if tol is None else tol


def check_method(caller: str, method: str, known: tuple[str, ...]) -> None:
    if method not in known:
        raise ValueError(
            f"{caller}: argument `method` must be one of {', '.join(known)}, got {method!r}"
        )


def centred(X: Array) -> tuple[Array, Array]:
    """X less its mean over the examples, and the mean; what is constant to rounding becomes 0.

    The mean in two passes has an error of an eps or two however many examples there are.
    """
    first = jnp.mean(X, axis=0)
    rest = X - jnp.broadcast_to(first, X.shape)
    second = jnp.mean(rest, axis=0)
    rest = rest - jnp.broadcast_to(second, X.shape)
    noise = 4 * float(jnp.finfo(X.dtype).eps) * jnp.max(jnp.abs(X), axis=0)
    # Not by the largest: a maximum along columns on CPU may lose a NaN (jax 0.10, 442 × 10).
    constant = jnp.all(jnp.abs(rest) <= jnp.broadcast_to(noise, X.shape), axis=0)
    # Its value alone: what is constant may be varied.
    noise = jnp.where(jnp.broadcast_to(constant, X.shape), rest, 0.0)
    return rest - jax.lax.stop_gradient(noise), first + second


def all_finite(*arrays: Array) -> Array:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(a)) for a in arrays]))


def affine(params: LinearParams, x: ArrayLike) -> Array:
    """wᵀx + b, or Wx + b, for one example."""
    coef = as_array("params.coef", params.coef, ndim=(1, 2))
    intercept = as_array("params.intercept", params.intercept, shape=coef.shape[:-1])
    x = as_array("x", x, shape=coef.shape[-1:]).astype(coef.dtype)
    return numerics.matmul(coef, x) + intercept


def decided(status: Array, unbounded: Array) -> Array:
    """The status of a fit by iteration; UNBOUNDED where its objective has no minimum."""
    lost = (status == Status.NON_FINITE) | (status == Status.INVALID_START)
    return jnp.where(unbounded & ~lost, Status.UNBOUNDED, status).astype(jnp.int32)


def no_wrong_side(margins: Array) -> Array:
    """Whether no margin is negative, to √eps of the largest, and that one is not small."""
    most = jnp.max(jnp.abs(margins))
    least = -(float(jnp.finfo(margins.dtype).eps) ** 0.5) * most
    return (most > 0.1) & jnp.all(margins >= least)


def unit_columns(X: Array, l2: Array) -> tuple[Array, Array, Array]:
    """X_c C⁻¹, the diagonal of C, and the mean of X, with cⱼ² = varⱼ + 4 l2, ∞ where that is 0.

    In v = Cw the curvature of a mean log-loss at 0, varⱼ/4 + l2, is ¼ for each coefficient, as it
    is for the intercept: the units of the columns are gone from every method. What is constant has
    the coefficient v/∞ = 0.
    """
    centre, mean = centred(X)
    root = column_lengths(centre / len(X) ** 0.5, 4 * l2)
    root = jnp.where(root == 0, jnp.inf, root)
    return centre / root[None, :], root, mean


def column_lengths(X: Array, more: Scalar = 0.0) -> Array:
    """√(‖xⱼ‖² + more) of each column, in the whole range of the dtype."""
    row = jnp.broadcast_to(jnp.sqrt(jnp.asarray(more, X.dtype)), X.shape[1:])
    return jax.vmap(numerics.safe_norm, in_axes=1)(jnp.concatenate([X, row[None]]))
