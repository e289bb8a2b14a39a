"""Softmax regression: logistic regression with any number of classes."""

import jax
import jax.numpy as jnp

from jaxmath import nn, numerics
from jaxmath._compiled import compiled
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
from jaxmath.numerics import matmul
from jaxmath.optimize import minimize
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = ["fit", "predict", "predict_proba"]

_FEW = 256  # numbers, above which a Hessian costs more than the steps that it saves


def _logits(params: LinearParams, X: Array) -> Array:
    return matmul(X, params.coef.T) + params.intercept[None, :]


def _objective(params: LinearParams, X: Array, y: Array, l2: Array) -> Array:
    """The mean cross-entropy and ½Σⱼ l2ⱼ‖W₋ⱼ‖²."""
    losses = jax.vmap(nn.softmax_cross_entropy)(_logits(params, X), y)
    return jnp.mean(losses) + 0.5 * jnp.sum(l2 * jnp.sum(params.coef**2, axis=0))


def _unbounded(params: LinearParams, X: Array, y: Array, l2: Array) -> Array:
    """A class without examples; or no penalty, and every example on its side."""
    own = y.astype(jnp.result_type(int))[:, None] == jnp.arange(len(params.intercept))[None, :]
    logits = _logits(params, X)
    best_other = jnp.max(jnp.where(own, -jnp.inf, logits), axis=1)
    apart = no_wrong_side(jnp.sum(jnp.where(own, logits, 0.0), axis=1) - best_other)
    return ~jnp.all(jnp.any(own, axis=0)) | ((l2 == 0) & apart)


@compiled
def _fit(
    X: Array,
    y: Array,
    l2: Array,
    num_classes: int,
    method: str,
    tol: Scalar | None,
    max_steps: Scalar | None,
) -> Solution:
    columns, units, mean = unit_columns(X, l2)
    k, d = num_classes, X.shape[1]
    start = LinearParams(jnp.zeros((k, d), X.dtype), jnp.zeros(k, X.dtype))
    data = columns, y, jnp.where(l2 > 0, l2 / units**2, 0.0 * l2)
    limit = tolerance(tol, X)
    solution = minimize(_objective, start, data, method, tol=limit, max_steps=max_steps)
    unbounded = _unbounded(solution.value, columns, y, l2)
    coef = solution.value.coef / units[None, :]
    intercept = solution.value.intercept - matmul(coef, mean)
    return solution._replace(
        value=LinearParams(coef - jnp.mean(coef, axis=0)[None, :], intercept - jnp.mean(intercept)),
        status=decided(solution.status, unbounded),
    )


def fit(
    X: ArrayLike,
    y: ArrayLike,
    num_classes: int,
    l2: Scalar = 0.0,
    *,
    method: str | None = None,
    tol: Scalar | None = None,
    max_steps: Scalar | None = None,
) -> Solution:
    """Softmax regression: greatest likelihood for k classes, with an L2 penalty or without.

    ::

        f(W, b) = −(1/n) Σᵢ log softmax(W xᵢ + b)_{yᵢ} + ½λ‖W‖²_F
        gauge:   Σ_c W_c = 0,   Σ_c b_c = 0

    Args:
      X: the examples, one a row, shape (n, d).
      y: their labels, integers from 0 to k − 1, shape (n,).
      num_classes: the number of classes k, at least 2; static.
      l2: the penalty λ ≥ 0, a scalar, not on the intercepts; traced. scikit-learn's C is 1/(nλ).
      method: "newton" (``optimize.damped_newton``), "l-bfgs", "bfgs", "cg" or "gradient-descent";
        None takes "newton" up to k(d + 1) = 256, and "l-bfgs" beyond.
      tol: the error to reach; None takes √eps.
      max_steps: the limit on steps; None takes 200 k(d + 1).

    Returns:
      A ``Solution`` with ``LinearParams``, W of shape (k, d) and b of shape (k,), whose error,
      counts and statuses are those of ``optimize.minimize`` in the variables of Numerics;
      UNBOUNDED, where the likelihood has no maximum: a class has no example (for every λ), or λ = 0
      and the last W separates all classes. Then the parameters are only where the method stopped.
      NON_FINITE, where the data are not finite, λ is negative or a label from within jit is out of
      range.

    Raises:
      TypeError: labels or ``num_classes`` are no integers.
      ValueError: a wrong shape, no data, a label out of range, λ < 0, or an unknown ``method``.

    Numerics:
      A vector added to all rows of W, or a number to all of b, changes no probability; the gauge is
      the one of least norm, and with λ > 0 the minimum has it. With λ > 0 the minimizer is unique;
      with λ = 0 the probabilities are, where the columns are dependent too. The method works on
      (xⱼ − x̄ⱼ)/√(varⱼ + 4λ), so that no result depends on the units of columns. UNBOUNDED is seen
      where max |m| > 0.1 and m ≥ −√eps·max |m| for the margins m of the examples. Where λ = 0 and
      only some classes can be separated, or classes touch, f has no minimum either; then CONVERGED
      or STAGNATED means that it is near its infimum, at large W. Reverse mode is refused (a
      ``while_loop``). Cost: O(nkd) a step of "l-bfgs"; O(nk²d² + k³d³) of "newton", some 10 steps.

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0], [3.0], [4.0]]), jnp.array([0, 1, 0, 2, 2])
      >>> solution = fit(X, y, 3, 0.1)
      >>> print([f"{w:.2f}" for w in solution.value.coef[:, 0]], bool(solution.converged))
      ['-0.60', '-0.51', '1.12'] True

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.
    """
    check_number("num_classes", num_classes, low=2, integer=True)
    X, y = labelled_set("fit", X, y, num_classes)
    if method is None:
        small = num_classes * (X.shape[1] + 1) <= _FEW
        method = "newton" if small else "l-bfgs"
    check_method("fit", method, ITERATIVE)
    return _fit(X, y, penalty("l2", l2, X), int(num_classes), method, tol, max_steps)


def _class_scores(params: LinearParams, x: ArrayLike) -> Array:
    as_array("params.coef", params.coef, ndim=2)
    return affine(params, x)


def predict_proba(params: LinearParams, x: ArrayLike) -> Array:
    """The probabilities of the classes of one example.

    ::

        p = softmax(W x + b)

    Args:
      params: W of shape (k, d) and b of shape (k,), as ``fit`` gives them.
      x: the example, shape (d,).

    Returns:
      p, shape (k,), of the dtype of ``params``; its sum is 1.

    Numerics:
      That of ``numerics.softmax``; for the logarithm use ``nn.softmax_cross_entropy``. Cost: kd
      multiply-adds and k exponentials.

    Example:
      >>> params = LinearParams(jnp.array([[1.0], [0.0], [-1.0]]), jnp.zeros(3))
      >>> print([f"{p:.3f}" for p in predict_proba(params, jnp.array([1.0]))])
      ['0.665', '0.245', '0.090']

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (4.104).
    """
    return numerics.softmax(_class_scores(params, x))


def predict(params: LinearParams, x: ArrayLike) -> Array:
    """The likeliest class of one example.

    ::

        ŷ = argmax_c (W x + b)_c

    Args:
      params: W of shape (k, d) and b of shape (k,), as ``fit`` gives them.
      x: the example, shape (d,).

    Returns:
      The class, an int32 scalar; of a tie the first.

    Numerics:
      Classes within rounding of each other may change places. Cost: kd multiply-adds.

    Example:
      >>> params = LinearParams(jnp.array([[1.0], [0.0], [-1.0]]), jnp.zeros(3))
      >>> print(predict(params, jnp.array([-2.0])))
      2

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.
    """
    return jnp.argmax(_class_scores(params, x)).astype(jnp.int32)
