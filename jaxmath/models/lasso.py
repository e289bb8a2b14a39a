"""The lasso and the elastic net by coordinate descent, with the duality gap as certificate."""

from typing import NamedTuple

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._extrema import max_of
from jaxmath._loops import fori_loop
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.models._linear import LinearParams, centred, data_set, penalty
from jaxmath.models.linear_regression import predict
from jaxmath.numerics import dot, matmul, safe_divide
from jaxmath.typing import Array, ArrayLike, Scalar, as_array, check_number

__all__ = [
    "elastic_net",
    "elastic_net_init",
    "elastic_net_step",
    "lasso",
    "predict",
    "soft_threshold",
]


class ElasticNetState(NamedTuple):
    """Where coordinate descent stands, on centred data.

    ::

        r = y_c − X_c w,   f(w) − f* ≤ gap

    ``change`` is the largest move of the last sweep, maxⱼ ‖xⱼ‖|Δwⱼ| over maxⱼ ‖xⱼ‖|wⱼ|.
    """

    coef: Array
    residual: Array
    gap: Array
    change: Array


class _Problem(NamedTuple):
    """½‖y − Xw‖²/n + l1‖w‖₁ + ½l2‖w‖², with the columns of X as rows of XT."""

    XT: Array
    y: Array
    l1: Array
    l2: Array


def soft_threshold(x: ArrayLike, threshold: ArrayLike) -> Array:
    """Shrinkage towards 0: the proximal map of t|·|.

    ::

        S(x, t) = sign(x) max(|x| − t, 0) = argmin_z ½(z − x)² + t|z|

    Args:
      x: array of any shape.
      threshold: t ≥ 0, of the same shape or a scalar.

    Returns:
      The element-wise S(x, t), of the dtype of ``x``.

    Numerics:
      One rounding. Singular set {|x| = t}: value 0, derivatives 0. A negative or NaN t gives NaN.
      Cost: a few operations an element.

    Example:
      >>> print(soft_threshold(jnp.array([3.0, -0.5, -2.0]), 1.0))
      [ 2.  0. -1.]

    References:
      D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994,
      section 2.
    """
    x = as_array("x", x)
    t = as_array("threshold", threshold)
    if t.shape not in ((), x.shape):
        t = as_array("threshold", t, shape=x.shape)
    t = jnp.broadcast_to(t.astype(x.dtype), x.shape)
    shrunk = jnp.where(x > t, x - t, jnp.where(x < -t, x + t, jnp.zeros_like(x)))
    return jnp.where((t >= 0) & ~jnp.isnan(x), shrunk, jnp.nan)


def _problem(X: Array, y: Array, alpha: Array, l1_ratio: Array) -> tuple[_Problem, Array, Array]:
    """The problem without its intercept, and the two means."""
    (Xc, x_mean), (yc, y_mean) = centred(X), centred(y)
    share = jnp.where(l1_ratio <= 1, l1_ratio, jnp.nan)
    return _Problem(Xc.T, yc, alpha * share, alpha * (1 - share)), x_mean, y_mean


def _gap(p: _Problem, w: Array, r: Array) -> Array:
    """The lesser of two duality gaps, each a sum of terms ≥ 0, so that nothing cancels.

    At the dual point r/n, for l2 > 0, by Fenchel and Young with u = Xᵀr/n and e = (|u| − l1)₊:
    Σⱼ (l1 + eⱼ)|wⱼ| − uⱼwⱼ + (l2|wⱼ| − eⱼ)²/(2l2). With ½l2‖w‖² as rows of data √(n l2) I, hence
    v = u − l2 w and ‖r̃‖² = ‖r‖² + n l2‖w‖², at s r̃/n such that |sv| ≤ l1:
    (1 − s)²‖r̃‖²/(2n) + Σⱼ l1|wⱼ| − svⱼwⱼ.
    """
    n, size = len(p.y), jnp.abs(w)
    u = matmul(p.XT, r) / n
    excess = jnp.maximum(jnp.abs(u) - p.l1, 0.0)
    first = jnp.maximum((p.l1 + excess) * size - u * w, 0.0)
    twice = jnp.where(p.l2 > 0, 2 * p.l2, 1.0)
    by_conjugate = jnp.sum(first + (p.l2 * size - excess) ** 2 / twice)
    v = u - p.l2 * w
    most = jnp.max(jnp.abs(v))
    s = jnp.where(most <= p.l1, 1.0, p.l1 / jnp.where(most > 0, most, 1.0))
    square = dot(r, r) / n + p.l2 * dot(w, w)
    rest = jnp.sum(jnp.maximum(p.l1 * size - s * v * w, 0.0))
    by_scaling = 0.5 * (1 - s) ** 2 * square + rest
    return jnp.minimum(jnp.where(p.l2 > 0, by_conjugate, by_scaling), by_scaling)


def _start(p: _Problem) -> ElasticNetState:
    w = jnp.zeros_like(p.XT[:, 0])
    return ElasticNetState(w, p.y, _gap(p, w, p.y), jnp.asarray(jnp.inf, w.dtype))


def _sweep(p: _Problem, state: ElasticNetState) -> ElasticNetState:
    n, squares = len(p.y), jnp.sum(p.XT**2, axis=1) / len(p.y)
    curvature = squares + p.l2

    def update(j: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        w, r = carry
        x, old = p.XT[j], w[j]
        new = safe_divide(soft_threshold(dot(x, r) / n + squares[j] * old, p.l1), curvature[j])
        return w.at[j].set(new), r - (new - old) * x

    w, _ = fori_loop(0, len(p.XT), update, (state.coef, state.residual))
    r = p.y - matmul(w, p.XT)  # anew, so that its rounding does not add up over the sweeps
    lengths = jnp.sqrt(squares)
    change = max_of(lengths * jnp.abs(w - state.coef))
    return ElasticNetState(w, r, _gap(p, w, r), safe_divide(change, max_of(lengths * jnp.abs(w))))


def elastic_net_init(
    X: ArrayLike, y: ArrayLike, alpha: Scalar, l1_ratio: Scalar = 0.5
) -> ElasticNetState:
    """The start of coordinate descent for the elastic net: w = 0.

    ::

        w = 0,   r = y − ȳ

    Args:
      X: the examples, one a row, shape (n, d).
      y: their targets, shape (n,).
      alpha: as in ``elastic_net``.
      l1_ratio: as in ``elastic_net``.

    Returns:
      An ``ElasticNetState``: w, r, the duality gap, and the last change, ∞ here.

    Numerics:
      As ``elastic_net``.

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0])
      >>> print(elastic_net_init(X, y, 0.1).residual)
      [-2.  0.  2.]

    References:
      J. Friedman, T. Hastie, R. Tibshirani, "Regularization paths for generalized linear models
      via coordinate descent", 2010, section 2.
    """
    return _first(*_checked(X, y, alpha, l1_ratio))


def elastic_net_step(
    X: ArrayLike, y: ArrayLike, state: ElasticNetState, alpha: Scalar, l1_ratio: Scalar = 0.5
) -> ElasticNetState:
    """One sweep of coordinate descent for the elastic net: each coefficient in turn.

    ::

        wⱼ ← S(xⱼᵀr/n + aⱼwⱼ, αρ) / (aⱼ + α(1 − ρ)),   aⱼ = ‖xⱼ‖²/n,   r = y_c − X_c w

    Args:
      X: the examples, one a row, shape (n, d).
      y: their targets, shape (n,).
      state: the ``ElasticNetState`` so far.
      alpha: as in ``elastic_net``.
      l1_ratio: as in ``elastic_net``.

    Returns:
      The next ``ElasticNetState``.

    Numerics:
      As ``elastic_net``; the data are centred anew at each call.

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0])
      >>> state = elastic_net_step(X, y, elastic_net_init(X, y, 0.5, 1.0), 0.5, 1.0)
      >>> f"{state.coef[0]:.2f}"
      '1.25'

    References:
      J. Friedman, T. Hastie, R. Tibshirani, "Regularization paths for generalized linear models
      via coordinate descent", 2010, equation (5).
    """
    return _next(*_checked(X, y, alpha, l1_ratio), state)


def _checked(
    X: ArrayLike, y: ArrayLike, alpha: Scalar, l1_ratio: Scalar
) -> tuple[Array, Array, Array, Array]:
    X, y = data_set(X, y)
    check_number("l1_ratio", l1_ratio, low=0.0, high=1.0)
    return X, y, penalty("alpha", alpha, X), penalty("l1_ratio", l1_ratio, X)


@compiled
def _first(X: Array, y: Array, alpha: Array, l1_ratio: Array) -> ElasticNetState:
    return _start(_problem(X, y, alpha, l1_ratio)[0])


@compiled
def _next(
    X: Array, y: Array, alpha: Array, l1_ratio: Array, state: ElasticNetState
) -> ElasticNetState:
    return _sweep(_problem(X, y, alpha, l1_ratio)[0], state)


@compiled
def _solve(
    X: Array, y: Array, alpha: Array, l1_ratio: Array, tol: Scalar | None, max_steps: Scalar
) -> Solution:
    p, x_mean, y_mean = _problem(X, y, alpha, l1_ratio)
    scale = dot(p.y, p.y) / len(p.y)
    eps = float(jnp.finfo(p.y.dtype).eps)
    limit = (eps ** (5 / 6) if tol is None else tol) * scale

    def status_fn(state: ElasticNetState) -> Array:
        status = jnp.where(state.change <= 2 * eps, Status.STAGNATED, Status.RUNNING)
        status = jnp.where(state.gap <= limit, Status.CONVERGED, status)
        return jnp.where(jnp.isfinite(state.gap), status, Status.NON_FINITE)

    state, status, num_steps = iterate(
        lambda state: _sweep(p, state), _start(p), status_fn, max_steps=max_steps
    )
    params = LinearParams(state.coef, y_mean - dot(x_mean, state.coef))
    error = safe_divide(state.gap, scale)
    return Solution(params, status, error, num_steps, num_grad=num_steps + 1)


def elastic_net(
    X: ArrayLike,
    y: ArrayLike,
    alpha: Scalar,
    l1_ratio: Scalar = 0.5,
    *,
    tol: Scalar | None = None,
    max_steps: Scalar = 10000,
) -> Solution:
    """Least squares with an L1 and an L2 penalty, but for the intercept, by coordinate descent.

    ::

        f(w, b) = ‖y − Xw − b‖²/(2n) + αρ‖w‖₁ + ½α(1 − ρ)‖w‖²,   b = ȳ − wᵀx̄
        wⱼ ← S(xⱼᵀr/n + aⱼwⱼ, αρ) / (aⱼ + α(1 − ρ)),   aⱼ = ‖xⱼ‖²/n,   r = y_c − X_c w

    Args:
      X: the examples, one a row, shape (n, d).
      y: their targets, shape (n,).
      alpha: the penalty α ≥ 0, a scalar; traced, so that a new value is no new program.
      l1_ratio: the share ρ of the L1 penalty, from 0 (ridge) to 1 (lasso); traced.
      tol: the error to reach; None takes eps^(5/6).
      max_steps: the limit on sweeps.

    Returns:
      A ``Solution`` with ``LinearParams``; ``num_steps`` counts sweeps, and the error is the
      duality gap, a proven bound of f − f*, over ‖y_c‖²/n (0 where y is constant). Its status is
      CONVERGED; STAGNATED, where a sweep moves nothing but the last digits; MAX_STEPS; NON_FINITE,
      where the data, α or ρ are not finite, or outside their range from within jit.

    Raises:
      ValueError: a wrong shape, no data, α < 0, or ρ outside [0, 1].

    Numerics:
      The objective is scikit-learn's; its ``tol`` bounds the same error. The gap is a sum of terms
      ≥ 0 without cancellation, so that it can reach eps. At α = 0 it certifies nothing (STAGNATED
      or MAX_STEPS): use ``linear_regression.fit``. Where columns are dependent and ρ = 1, w is one
      of many minimizers. A constant column has the coefficient 0. Squares of the data must lie in
      the dtype's range (in float32 entries from 1e-18 to 1e18). Reverse mode is refused (a
      ``while_loop``). Cost: 5nd multiply-adds a sweep, d of its steps one after another.

    Example:
      >>> X, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([1.0, 3.0, 5.0])
      >>> solution = elastic_net(X, y, 1.0, 0.5)
      >>> f"{solution.value.coef[0]:.4f} {solution.value.intercept:.4f}", bool(solution.converged)
      ('0.7143 2.2857', True)

    References:
      H. Zou, T. Hastie, "Regularization and variable selection via the elastic net", 2005,
      equation (3).
      J. Friedman, T. Hastie, R. Tibshirani, "Regularization paths for generalized linear models
      via coordinate descent", 2010, equation (5).
      S.-J. Kim, K. Koh, M. Lustig, S. Boyd, D. Gorinevsky, "An interior-point method for
      large-scale l1-regularized least squares", 2007, equation (14) (the gap).
    """
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    return _solve(*_checked(X, y, alpha, l1_ratio), tol, max_steps)


def lasso(
    X: ArrayLike,
    y: ArrayLike,
    alpha: Scalar,
    *,
    tol: Scalar | None = None,
    max_steps: Scalar = 10000,
) -> Solution:
    """Least squares with an L1 penalty, but for the intercept: many coefficients become 0.

    ::

        f(w, b) = ‖y − Xw − b‖²/(2n) + α‖w‖₁
        at the minimum   xⱼᵀr/n = α sign(wⱼ) where wⱼ ≠ 0,   |xⱼᵀr/n| ≤ α where wⱼ = 0

    Args:
      X: the examples, one a row, shape (n, d).
      y: their targets, shape (n,).
      alpha: the penalty α ≥ 0, a scalar; traced, so that a new value is no new program.
      tol: as in ``elastic_net``.
      max_steps: the limit on sweeps.

    Returns:
      A ``Solution``, as ``elastic_net`` with ``l1_ratio=1``.

    Raises:
      ValueError: a wrong shape, no data, or α < 0.

    Numerics:
      As ``elastic_net``. For α ≥ maxⱼ |xⱼᵀy_c|/n all coefficients are exactly 0.

    Example:
      >>> X, y = jnp.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0]]), jnp.array([1.0, 3.0, 5.0])
      >>> print([f"{w:.2f}" for w in lasso(X, y, 0.5).value.coef])
      ['1.25', '0.00']

    References:
      R. Tibshirani, "Regression shrinkage and selection via the lasso", 1996, equation (1).
    """
    check_number("tol", 0.0 if tol is None else tol, low=0.0)
    return _solve(*_checked(X, y, alpha, 1.0), tol, max_steps)
