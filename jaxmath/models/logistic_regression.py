"""Logistic regression with two classes: maximum likelihood, with an L2 penalty or without."""

import jax
import jax.numpy as jnp

from jaxmath import nn
from jaxmath._compiled import compiled
from jaxmath._loops import cond, fori_loop
from jaxmath.iterate import Solution
from jaxmath.models._linear import (
    ITERATIVE,
    LinearParams,
    affine,
    check_method,
    decided,
    labelled_set,
    no_wrong_side,
    penalty,
    tolerance,
    unit_columns,
)
from jaxmath.numerics import dot, matmul
from jaxmath.optimize import minimize, weighted_least_squares
from jaxmath.typing import Array, ArrayLike, Scalar, as_array

__all__ = ["fit", "irls_step", "predict", "predict_proba"]


def _objective(params: LinearParams, X: Array, y: Array, l2: Array) -> Array:
    """The mean log-loss and ½Σⱼ l2ⱼwⱼ²."""
    logits = matmul(X, params.coef) + params.intercept
    losses = jax.vmap(nn.sigmoid_binary_cross_entropy)(logits, y)
    return jnp.mean(losses) + 0.5 * jnp.sum(l2 * params.coef**2)


def irls_step(params: LinearParams, X: ArrayLike, y: ArrayLike, l2: Scalar = 0.0) -> LinearParams:
    """One step of iteratively reweighted least squares: a full step of Newton's method.

    ::

        zᵢ = wᵀxᵢ + b,   pᵢ = σ(zᵢ),   sᵢ = pᵢ(1 − pᵢ)
        (w, b)⁺ = argmin Σᵢ sᵢ (zᵢ + (yᵢ − pᵢ)/sᵢ − wᵀxᵢ − b)²/n + λ‖w‖²

    Args:
      params: w of shape (d,) and b.
      X: the examples, one a row, shape (n, d).
      y: their labels, integers 0 or 1, shape (n,).
      l2: the penalty λ ≥ 0, a scalar.

    Returns:
      The next parameters; the step of least norm where sᵢ(xᵢ, 1) are dependent.

    Raises:
      ValueError: a wrong shape, no data, a label that is neither 0 nor 1, or λ < 0.

    Numerics:
      By ``optimize.weighted_least_squares``, which does not square the condition; (yᵢ − pᵢ)/sᵢ is
      1/pᵢ or −1/(1 − pᵢ), without cancellation. Quadratic convergence near the minimum, and no
      safeguard far from it: the method may diverge from a bad start, ``fit`` does not. Derivatives
      are those of weighted least squares. Cost: O((n + d)d²).

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0], [3.0]]), jnp.array([0, 1, 0, 1])
      >>> params = irls_step(LinearParams(jnp.zeros(1), jnp.zeros(())), X, y)
      >>> f"{params.coef[0]:.2f} {params.intercept:.2f}"
      '0.80 -1.20'

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, equations (4.26) to (4.28).
    """
    X, y = labelled_set("irls_step", X, y)
    weight = penalty("l2", l2, X)
    coef = as_array("params.coef", params.coef, shape=X.shape[1:]).astype(X.dtype)
    intercept = as_array("params.intercept", params.intercept, ndim=0).astype(X.dtype)
    z, d = matmul(X, coef) + intercept, X.shape[1]
    right, wrong = nn.sigmoid(z), nn.sigmoid(-z)
    residual = jnp.where(y == 1, 1 / right, -1 / wrong)
    rows = jnp.concatenate([jnp.ones_like(X[:, :1]), X], axis=1)
    pulls = jnp.concatenate([jnp.zeros((d, 1), X.dtype), jnp.eye(d, dtype=X.dtype)], axis=1)
    step = weighted_least_squares(
        jnp.concatenate([rows, pulls]),
        jnp.concatenate([residual, -coef]),
        jnp.concatenate([right * wrong / len(y), jnp.full(d, weight)]),
    )
    return LinearParams(coef + step[1:], intercept + step[0])


def _recedes(params: LinearParams, X: Array, y: Array) -> Array:
    """Whether a hyperplane puts no example on the wrong side, and not all upon itself.

    Then the likelihood grows for ever along its normal. It is the point itself where the classes
    are apart; where they touch, it is Newton's step, which does not become small there. The third
    one, as the first ones also go what the method left of the way where the likelihood is bounded.
    """
    signs = 2 * y.astype(X.dtype) - 1
    before = fori_loop(0, 2, lambda _, now: irls_step(now, X, y), params)
    step = jax.tree.map(jnp.subtract, irls_step(before, X, y), before)
    sides = lambda v: signs * (matmul(X, v.coef) + v.intercept)
    return no_wrong_side(sides(params)) | no_wrong_side(sides(step))


@compiled
def _fit(
    X: Array, y: Array, l2: Array, method: str, tol: Scalar | None, max_steps: Scalar | None
) -> Solution:
    columns, units, mean = unit_columns(X, l2)
    start = LinearParams(jnp.zeros_like(units), jnp.zeros((), X.dtype))
    data = columns, y, jnp.where(l2 > 0, l2 / units**2, 0.0 * l2)
    limit = tolerance(tol, X)
    solution = minimize(_objective, start, data, method, tol=limit, max_steps=max_steps)
    found = solution.value
    # Of one class alone the intercept, which no penalty holds, grows for ever.
    unbounded = jnp.all(y == y[0]) | cond(
        l2 == 0, lambda: _recedes(found, columns, y), lambda: jnp.asarray(False)
    )
    coef = found.coef / units
    return solution._replace(
        value=LinearParams(coef, found.intercept - dot(mean, coef)),
        status=decided(solution.status, unbounded),
    )


def fit(
    X: ArrayLike,
    y: ArrayLike,
    l2: Scalar = 0.0,
    *,
    method: str = "newton",
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Logistic regression: the hyperplane of greatest likelihood, with an L2 penalty or without.

    ::

        f(w, b) = −(1/n) Σᵢ log σ(sᵢ(wᵀxᵢ + b)) + ½λ‖w‖²,   s = 2y − 1
        ∇²f = (1/n) Σᵢ pᵢ(1 − pᵢ) (xᵢ, 1)(xᵢ, 1)ᵀ + λ diag(1, …, 1, 0)

    Args:
      X: the examples, one a row, shape (n, d).
      y: their labels, integers 0 or 1, shape (n,).
      l2: the penalty λ ≥ 0, a scalar, not on the intercept; traced. scikit-learn's C is 1/(nλ).
      method: "newton" (``optimize.damped_newton``: IRLS with a line search), "l-bfgs", "bfgs", "cg"
        or "gradient-descent".
      tol: the error to reach; None takes √eps.
      max_steps: the limit on steps; None takes 200 (d + 1).

    Returns:
      A ``Solution`` with ``LinearParams``, whose error, counts and statuses are those of
      ``optimize.minimize`` in the variables of Numerics; UNBOUNDED, where the likelihood has no
      maximum: λ = 0 and a hyperplane with no example on its wrong side, or one class alone (for
      every λ). Then the parameters are only where the method stopped. NON_FINITE, where the data
      are not finite, λ is negative or a label from within jit is neither 0 nor 1.

    Raises:
      ValueError: a wrong shape, no data, a label that is neither 0 nor 1, λ < 0, or an unknown
        ``method``.

    Numerics:
      The method works on (xⱼ − x̄ⱼ)/√(varⱼ + 4λ), so that no result depends on the units of columns.
      UNBOUNDED is seen at the last point v, or in the third Newton step v from there, which does
      not become small in this case: max |z| > 0.1 and s z ≥ −√eps·max |z| for the log-odds z by v.
      Where columns are dependent and λ = 0 the probabilities are unique, the coefficients are not.
      Reverse mode is refused (a ``while_loop``). Cost of "newton": O(nd² + d³) a step, some 10
      steps; with λ = 0 three times ``irls_step`` at the end.

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0], [3.0]]), jnp.array([0, 1, 0, 1])
      >>> solution = fit(X, y, 0.1)
      >>> f"{solution.value.coef[0]:.3f} {solution.value.intercept:.3f}", bool(solution.converged)
      ('0.637 -0.955', True)

    References:
      T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition,
      2009, section 4.4.1.
      A. Albert, J. A. Anderson, "On the existence of maximum likelihood estimates in logistic
      regression models", 1984, theorems 1 to 3.
    """
    check_method("fit", method, ITERATIVE)
    X, y = labelled_set("fit", X, y)
    return _fit(X, y, penalty("l2", l2, X), method, tol, max_steps)


def predict_proba(params: LinearParams, x: ArrayLike) -> Array:
    """The probability that one example is of class 1.

    ::

        p = σ(wᵀx + b) = 1/(1 + e^{−wᵀx − b})

    Args:
      params: w of shape (d,) and b, as ``fit`` gives them.
      x: the example, shape (d,).

    Returns:
      p, a scalar of the dtype of ``params``.

    Numerics:
      That of ``nn.sigmoid``; for the logarithm of p use ``nn.sigmoid_binary_cross_entropy``. Cost:
      d multiply-adds and an exponential.

    Example:
      >>> f"{predict_proba(LinearParams(jnp.array([1.0]), 0.5), jnp.array([1.5])):.4f}"
      '0.8808'

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (4.87).
    """
    return nn.sigmoid(affine(params, x))


def predict(params: LinearParams, x: ArrayLike) -> Array:
    """The likelier class of one example.

    ::

        ŷ = 1 if wᵀx + b > 0, else 0

    Args:
      params: w of shape (d,) and b, as ``fit`` gives them.
      x: the example, shape (d,).

    Returns:
      0 or 1, an int32 scalar; 0 where wᵀx + b is NaN.

    Numerics:
      A sum within its rounding of 0 may fall on either side. Cost: d multiply-adds.

    Example:
      >>> print(predict(LinearParams(jnp.array([1.0]), 0.5), jnp.array([1.5])))
      1

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.2.
    """
    return (affine(params, x) > 0).astype(jnp.int32)
