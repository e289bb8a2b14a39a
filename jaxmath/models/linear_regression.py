"""Linear regression: least squares in several ways, and ridge regression in closed form.

The intercept is never penalized, so it goes by centring: b = ȳ − wᵀx̄, and w is that of the data
less their means.
"""

import jax.numpy as jnp
from jax import lax

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath.iterate import Solution, Status
from jaxmath.linalg import lstsq
from jaxmath.models._linear import (
    LinearParams,
    affine,
    all_finite,
    centred,
    check_method,
    column_lengths,
    data_set,
    penalty,
    tolerance,
)
from jaxmath.numerics import dot, matmul
from jaxmath.optimize import (
    minimize,
    normal_equations,
    qr_least_squares,
    weighted_least_squares,
)
from jaxmath.typing import Array, ArrayLike, Scalar

__all__ = ["LinearParams", "fit", "predict", "ridge"]

_DIRECT = {
    "svd": lambda X, y: lstsq(X, y).x,
    "qr": qr_least_squares,
    "normal-equations": normal_equations,
}
_METHODS = (*_DIRECT, "gradient-descent")


def _lengths(X: Array, alpha: Scalar = 0.0) -> Array:
    """√(‖xⱼ‖² + α), the root of the curvature in each coefficient; 1 where it is 0."""
    lengths = column_lengths(lax.stop_gradient(X), lax.stop_gradient(alpha))
    return jnp.where(lengths == 0, 1.0, lengths)


def _errors(X: Array, y: Array, w: Array, alpha: Scalar) -> Array:
    """|gⱼ|·max(|zⱼ|, 1) for g the gradient of ½‖y − Xw‖² + ½α‖w‖² in units of z."""
    X, y, w = (lax.stop_gradient(v) for v in (X, y, w))
    size, lengths = _lengths(y[:, None])[0], _lengths(X, alpha)
    residual = (y - matmul(X, w)) / size
    shrinkage = lax.stop_gradient(alpha) * (w / size) / lengths
    gradient = matmul(residual, X / lengths[None, :]) - shrinkage
    return jnp.abs(gradient) * jnp.maximum(jnp.abs(w) * lengths / size, 1.0)


def _direct(X: Array, y: Array, w: Array, tol: Scalar, alpha: Scalar = 0.0) -> Solution:
    """A closed form as a ``Solution`` of the centred problem, judged by its error."""
    errors = _errors(X, y, w, alpha)
    status = jnp.where(jnp.all(errors <= tol), Status.CONVERGED, Status.SINGULAR)
    status = jnp.where(all_finite(X, y, jnp.asarray(alpha)), status, Status.NON_FINITE)
    return Solution(w, status.astype(jnp.int32), max_of(errors), jnp.int32(1))


def _half_square(z: Array, X: Array, y: Array) -> Array:
    r = y - matmul(X, z)
    return 0.5 * dot(r, r)


def _iterative(X: Array, y: Array, method: str, tol: Scalar, max_steps: Scalar | None) -> Solution:
    """Minimization in units in which every column and y have length 1."""
    size, lengths = _lengths(y[:, None])[0], _lengths(X)
    data = X / lengths[None, :], y / size
    start = jnp.zeros_like(X[0])
    solution = minimize(_half_square, start, data, method, tol=tol, max_steps=max_steps)
    return solution._replace(value=solution.value * (size / lengths))


def _with_intercept(solution: Solution, x_mean: Array, y_mean: Array) -> Solution:
    w = solution.value
    return solution._replace(value=LinearParams(w, y_mean - dot(x_mean, w)))


@compiled
def fit(
    X: ArrayLike,
    y: ArrayLike,
    *,
    method: str = "svd",
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Linear regression by least squares, with an intercept.

    ::

        (w, b) = argmin ‖y − Xw − b‖²,   b = ȳ − wᵀx̄
        w = argmin ‖y_c − X_c w‖²,   X_c = X − 1x̄ᵀ,   y_c = y − ȳ

    Args:
      X: the examples, one a row, shape (n, d).
      y: their targets, shape (n,).
      method: "svd" (``linalg.lstsq``), "qr" or "normal-equations" (as in ``optimize``; these two
        need n ≥ d), or "gradient-descent" (``optimize.gradient_descent``).
      tol: the error to reach; None takes √eps.
      max_steps: the limit on the steps of gradient descent; None takes 200 d.

    Returns:
      A ``Solution`` with ``LinearParams`` and, in units in which each column of X_c and y_c have
      length 1, with the error maxⱼ |∂ⱼf|·max(|wⱼ|, 1), f = ½‖y_c − X_c w‖². Its status is
      CONVERGED; SINGULAR, where a direct method finds columns that are dependent to rounding (with
      NaN, by "qr" and "normal-equations") or misses the tolerance; NON_FINITE, where the data are
      not finite; and of gradient descent MAX_STEPS and the others of ``optimize.bfgs``.

    Raises:
      ValueError: a wrong shape, no data, n < d or an unknown name of a method.

    Numerics:
      "svd" takes the w of least norm where columns are dependent (n ≤ d, constant or repeated
      columns), as scikit-learn does. Singular values below max(n, d)·eps·s₁ count as 0: columns
      whose units differ by 1/eps want "qr", which does not depend on units. The errors are κ·eps,
      and κ²·eps by "normal-equations", κ the condition of X_c. Gradient descent needs about
      κ²·log(1/tol) steps, κ after each column is divided by its length. Derivatives of the direct
      methods are those of ``linalg.lstsq``, exact at full rank; reverse mode through gradient
      descent is refused (a ``while_loop``). Cost: O(nd²); O(nd) a step of gradient descent.

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0])
      >>> params = fit(X, y).value
      >>> f"{params.coef[0]:.2f} {params.intercept:.2f}"
      '2.00 1.00'

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, section 3.2.
      G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th edition, 2013, section 5.3.
    """
    X, y = data_set(X, y)
    check_method("fit", method, _METHODS)
    limit = tolerance(tol, X)
    if method in ("qr", "normal-equations") and X.shape[0] < X.shape[1]:
        raise ValueError(
            f"fit: argument `X` must have at least as many rows as columns for the method "
            f"{method}, got shape {X.shape}; the method svd gives the solution of least norm"
        )
    (Xc, x_mean), (yc, y_mean) = centred(X), centred(y)
    if method in _DIRECT:
        solution = _direct(Xc, yc, _DIRECT[method](Xc, yc), limit)
    else:
        solution = _iterative(Xc, yc, method, limit, max_steps)
    return _with_intercept(solution, x_mean, y_mean)


@compiled
def _ridge(X: Array, y: Array, alpha: Array) -> Solution:
    (Xc, x_mean), (yc, y_mean) = centred(X), centred(y)
    n, d = X.shape
    lengths = _lengths(Xc, alpha)
    rows = jnp.concatenate([Xc / lengths[None, :], jnp.diag(1 / lengths)])
    right = jnp.concatenate([yc, jnp.zeros(d, X.dtype)])
    weights = jnp.concatenate([jnp.ones(n, X.dtype), jnp.full(d, alpha)])
    w = weighted_least_squares(rows, right, weights) / lengths
    return _with_intercept(_direct(Xc, yc, w, tolerance(None, X), alpha), x_mean, y_mean)


def ridge(X: ArrayLike, y: ArrayLike, alpha: Scalar) -> Solution:
    """Ridge regression in closed form: least squares with an L2 penalty, but for the intercept.

    ::

        (w, b) = argmin ‖y − Xw − b‖² + α‖w‖²
        w = (X_cᵀX_c + αI)⁻¹ X_cᵀy_c,   b = ȳ − wᵀx̄

    Args:
      X: the examples, one a row, shape (n, d).
      y: their targets, shape (n,).
      alpha: the penalty α ≥ 0, a scalar; traced, so that a new value is no new program.

    Returns:
      A ``Solution`` with ``LinearParams``, and with the error of ``fit`` for
      f = ½‖y_c − X_c w‖² + ½α‖w‖², where √(‖xⱼ‖² + α) stands for the length of column j. Its status
      is CONVERGED; SINGULAR, where the error is above √eps; NON_FINITE, where the data or α are
      not finite, or α < 0 came from within jit.

    Raises:
      ValueError: a wrong shape, no data, or α < 0.

    Numerics:
      The objective is scikit-learn's, with the sum of squares (``lasso.elastic_net``, with their
      mean, is the same for ``l1_ratio=0`` and α/n). Solved as weighted least squares of the rows
      X_c and √α I after each column is divided by √(‖xⱼ‖² + α): the error is κ·eps, κ the condition
      of that, and does not depend on units. All derivatives are exact, in α too, also at
      α = 0 where X_c has full rank. Cost: O((n + d)d²).

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0])
      >>> params = ridge(X, y, 2.0).value
      >>> f"{params.coef[0]:.2f} {params.intercept:.2f}"
      '1.00 2.00'

    References:
      A. E. Hoerl, R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal problems",
      1970, equation (2.1).
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, section 3.4.1.
    """
    X, y = data_set(X, y)
    return _ridge(X, y, penalty("alpha", alpha, X))


def predict(params: LinearParams, x: ArrayLike) -> Array:
    """The prediction of a linear regression for one example.

    ::

        ŷ = wᵀx + b

    Args:
      params: w of shape (d,) and b, as a fit gives them.
      x: the example, shape (d,).

    Returns:
      ŷ, a scalar of the dtype of ``params``.

    Numerics:
      |error| ≤ (d + 1)·eps·(Σ|wⱼxⱼ| + |b|). Cost: d multiply-adds.

    Example:
      >>> f"{predict(LinearParams(jnp.array([2.0, 1.0]), 0.5), jnp.array([1.0, 3.0])):.1f}"
      '5.5'

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, equation (3.1).
    """
    return affine(params, x)
