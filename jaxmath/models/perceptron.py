"""Rosenblatt's perceptron: a neuron that learns from its mistakes."""

import jax.numpy as jnp

from jaxmath._compiled import compiled
from jaxmath._loops import scan
from jaxmath.iterate import Solution, Status, iterate
from jaxmath.models._linear import LinearParams, affine, all_finite, labelled_set
from jaxmath.numerics import matmul, safe_norm
from jaxmath.typing import Array, ArrayLike, Scalar, as_array

__all__ = ["fit", "mistake_bound", "predict", "update"]


def update(params: LinearParams, x: ArrayLike, y: ArrayLike) -> LinearParams:
    """One lesson of the perceptron: after a mistake, the example is added or taken away.

    ::

        s = 2y − 1,   (w, b) ← (w + s x, b + s) if s (wᵀx + b) ≤ 0, else as it was

    Args:
      params: w of shape (d,) and b.
      x: the example, shape (d,).
      y: its label, 0 or 1.

    Returns:
      The parameters after it.

    Numerics:
      wᵀx + b = 0 counts as a mistake, so that w = 0 learns. Cost: 2d multiply-adds.

    Example:
      >>> params = update(LinearParams(jnp.zeros(2), jnp.zeros(())), jnp.array([1.0, 2.0]), 0)
      >>> print(params.coef, params.intercept)
      [-1. -2.] -1.0

    References:
      F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization
      in the brain", 1958.
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (4.55).
    """
    z = affine(params, x)
    x = as_array("x", x).astype(z.dtype)
    sign = 2 * as_array("y", y, ndim=0, kind="integer").astype(z.dtype) - 1
    move = jnp.where(sign * z <= 0, sign, jnp.zeros_like(sign))
    return LinearParams(params.coef + move * x, params.intercept + move)


@compiled
def _fit(X: Array, y: Array, max_steps: Scalar) -> Solution:
    def lesson(state: tuple, example: tuple) -> tuple[tuple, None]:
        params, mistakes = state
        learned = update(params, *example)
        moved = (learned.intercept != params.intercept).astype(jnp.int32)
        return (learned, mistakes + moved), None

    def epoch(state: tuple) -> tuple:
        (params, mistakes), _ = scan(lesson, state[:2], (X, y))
        return params, mistakes, mistakes - state[1]

    legal = all_finite(X) & jnp.all((y >= 0) & (y <= 1))

    def status_fn(state: tuple) -> Array:
        status = jnp.where(state[2] == 0, Status.CONVERGED, Status.RUNNING)
        finite = legal & all_finite(*state[0])
        return jnp.where(finite, status, Status.NON_FINITE)

    zero = LinearParams(jnp.zeros_like(X[0]), jnp.zeros((), X.dtype))
    start = zero, jnp.int32(0), jnp.int32(len(y))
    (params, mistakes, last), status, epochs = iterate(epoch, start, status_fn, max_steps=max_steps)
    error = last.astype(X.dtype) / len(y)
    return Solution(params, status, error, epochs, epochs * len(y), mistakes)


def fit(X: ArrayLike, y: ArrayLike, *, max_steps: Scalar = 1000) -> Solution:
    """Rosenblatt's perceptron: over the examples in turn, until a whole pass has no mistake.

    ::

        (w, b) ← (w + s x, b + s) at each mistake s (wᵀx + b) ≤ 0,   s = 2y − 1,   from (0, 0)
        number of mistakes ≤ (R/γ)², where a (w*, b*) separates the classes by the margin γ

    Args:
      X: the examples, one a row, shape (n, d).
      y: their labels, integers 0 or 1, shape (n,).
      max_steps: the limit on passes.

    Returns:
      A ``Solution`` with ``LinearParams``: ``num_steps`` counts passes, ``num_fun`` examples,
      ``num_grad`` mistakes, and the error is the share of mistakes in the last pass. Its status is
      CONVERGED, every example is on its side; MAX_STEPS, as for classes that no hyperplane
      separates; NON_FINITE, where the data are not finite, or a label from within jit is neither 0
      nor 1.

    Raises:
      ValueError: a wrong shape, no data, or a label that is neither 0 nor 1.

    Numerics:
      The bound is that of ``mistake_bound``. Where the classes cannot be separated, w stays bounded
      and does not settle (the cycling theorem). All examples times a constant, the 1 beside b too,
      make the same mistakes; of columns of very different units the largest decides. No gradient:
      the result is piecewise constant in the choice of examples to add. Cost: nd a pass, one
      example after another.

    Example:
      >>> X = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
      >>> Status(int(fit(X, jnp.array([0, 0, 0, 1])).status)).name
      'CONVERGED'
      >>> Status(int(fit(X, jnp.array([0, 1, 1, 0])).status)).name
      'MAX_STEPS'

    References:
      F. Rosenblatt, "Principles of Neurodynamics", 1962, chapter 5.
      A. B. J. Novikoff, "On convergence proofs on perceptrons", 1962.
    """
    return _fit(*labelled_set("fit", X, y), max_steps)


def predict(params: LinearParams, x: ArrayLike) -> Array:
    """The class that a perceptron gives one example.

    ::

        ŷ = 1 if wᵀx + b ≥ 0, else 0

    Args:
      params: w of shape (d,) and b, as ``fit`` gives them.
      x: the example, shape (d,).

    Returns:
      0 or 1, an int32 scalar; 0 where wᵀx + b is NaN.

    Numerics:
      A sum within its rounding of 0 may fall on either side. Cost: d multiply-adds.

    Example:
      >>> print(predict(LinearParams(jnp.array([1.0, 1.0]), -1.5), jnp.array([1.0, 1.0])))
      1

    References:
      C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equation (4.52).
    """
    return (affine(params, x) >= 0).astype(jnp.int32)


def mistake_bound(params: LinearParams, X: ArrayLike, y: ArrayLike) -> Array:
    """The most mistakes that the perceptron can make, by a hyperplane that separates the classes.

    ::

        (R/γ)²,   R² = maxᵢ ‖xᵢ‖² + 1,   γ = minᵢ sᵢ (wᵀxᵢ + b) / √(‖w‖² + b²),   s = 2y − 1

    Args:
      params: the hyperplane, w of shape (d,) and b.
      X: the examples, one a row, shape (n, d).
      y: their labels, integers 0 or 1, shape (n,).

    Returns:
      The bound, a scalar; ∞ where the hyperplane does not separate the classes.

    Raises:
      ValueError: a wrong shape, no data, or a label that is neither 0 nor 1.

    Numerics:
      The bound holds for every order of the examples, repeated as often as one likes, and for each
      hyperplane that separates; the one of the largest margin makes it least. Where γ ≤ 0: value ∞,
      derivative 0. At ties of the extremes the derivative is shared among them. Cost: 2nd
      multiply-adds.

    Example:
      >>> params = LinearParams(jnp.array([1.0]), jnp.array(0.0))
      >>> f"{mistake_bound(params, jnp.array([[-1.0], [1.0]]), jnp.array([0, 1])):.1f}"
      '2.0'

    References:
      A. B. J. Novikoff, "On convergence proofs on perceptrons", 1962.
    """
    X, y = labelled_set("mistake_bound", X, y)
    with_one = jnp.concatenate([X, jnp.ones_like(X[:, :1])], axis=1)
    params = LinearParams(
        as_array("params.coef", params.coef, shape=X.shape[1:]).astype(X.dtype),
        as_array("params.intercept", params.intercept, ndim=0).astype(X.dtype),
    )
    normal = jnp.concatenate([params.coef, params.intercept[None]])
    signs = 2 * y.astype(X.dtype) - 1
    sides = signs * matmul(with_one, normal)
    radius = jnp.max(jnp.sqrt(jnp.sum(with_one**2, axis=1)))
    separates = jnp.all(sides > 0)
    ratio = radius * safe_norm(normal) / jnp.where(separates, jnp.min(sides), 1.0)
    return jnp.where(separates, ratio**2, jnp.inf)
