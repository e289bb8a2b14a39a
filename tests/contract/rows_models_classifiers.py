"""Rows of ``jaxmath.models.logistic_regression`` and ``softmax_regression``."""

import jax.numpy as jnp
import numpy as np
from scipy import special

from jaxmath.models import logistic_regression, softmax_regression
from jaxmath.models.linear_regression import LinearParams
from tests.contract.row import Bad, NotDifferentiable, Row
from tests.contract.rows_models_linear_regression import BAD_EXAMPLE, params
from tests.contract.rows_models_perceptron import LABELS

LOOP = NotDifferentiable("a minimization is a while_loop")
STEP = NotDifferentiable("a class: the derivative is 0 wherever there is one")


def labelled(rng, dtype, k=2):
    X, y = 1.0 + rng.normal(size=(8, 2)), np.arange(8) % k
    return jnp.asarray(X, dtype), jnp.asarray(y), jnp.asarray(rng.uniform(0.1, 0.5), dtype)


def one_hot(y, k):
    return np.eye(k)[np.asarray(y)]


def by_newton(X, y, l2, k):
    """Newton's method on all k(d + 1) numbers, from the equations, to the fixed point."""
    n, d = X.shape
    A, T = np.concatenate([X, np.ones((n, 1))], axis=1), one_hot(y, k)
    held = l2 * np.tile(np.append(np.ones(d), 0.0), k)
    theta = np.zeros(k * (d + 1))
    for _ in range(50):
        P = special.softmax(A @ theta.reshape(k, -1).T, axis=1)
        g = ((P - T).T @ A / n).ravel() + held * theta
        H = sum(
            np.kron(np.diag(p) - np.outer(p, p), np.outer(a, a)) for p, a in zip(P, A, strict=True)
        )
        theta = theta - np.linalg.lstsq(H / n + np.diag(held), g, rcond=1e-12)[0]
    W = theta.reshape(k, -1)
    return W[:, :d], W[:, d]


def logistic(X, y, l2):
    """Two classes with the penalty shared: w = W₁ − W₀, and ‖W‖² = ½‖w‖²."""
    W, b = by_newton(X, y, 2 * l2, 2)
    return W[1] - W[0], b[1] - b[0]


def reweighted(p, X, y, l2):
    n, d = X.shape
    A, theta = np.concatenate([X, np.ones((n, 1))], axis=1), np.append(p[0], p[1])
    q = special.expit(A @ theta)
    held = l2 * np.append(np.ones(d), 0.0)
    H = A.T @ (A * (q * (1 - q))[:, None]) / n + np.diag(held)
    after = theta - np.linalg.solve(H, A.T @ (q - y) / n + held * theta)
    return after[:d], after[d]


def start(rng, dtype):
    w, b = 0.5 * rng.normal(size=2), 0.5 * rng.normal()
    return LinearParams(jnp.asarray(w, dtype), jnp.asarray(b, dtype)), *labelled(rng, dtype)


def class_params(rng, dtype):
    W, b, x = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
    return LinearParams(jnp.asarray(W, dtype), jnp.asarray(b, dtype)), jnp.asarray(x, dtype)


NEGATIVE = Bad((np.ones((2, 2)), np.array([0, 1]), -1.0), "`l2` must be at least 0")
BAD_CLASSES = (
    *(Bad((*b.args, 2), b.match, b.error) for b in LABELS),
    Bad((np.ones((2, 2)), np.array([0, 1]), 1), "`num_classes` must be at least 2"),
    Bad((np.ones((2, 2)), np.array([0, 1]), 2.0), "`num_classes` must be an integer", TypeError),
    Bad((np.ones((2, 2)), np.array([0, 1]), 2, -1.0), "`l2` must be at least 0"),
)
BAD_SCORES = (
    Bad((LinearParams(np.ones((3, 2)), np.ones(3)), np.ones(3)), r"`x` must have shape \(2,\)"),
    Bad((LinearParams(np.ones((3, 2)), np.ones(3)), np.ones((3, 2))), "`x` .*jax.vmap"),
    Bad((LinearParams(np.ones(2), 1.0), np.ones(2)), "`params.coef` must have rank 2"),
)

ROWS = [
    Row("models.logistic_regression.fit", labelled, logistic, diff=LOOP, tol=1024,
        bad=(*LABELS, NEGATIVE),
        call=lambda X, y, l2: logistic_regression.fit(X, y, l2, tol=0.0).value),
    Row("models.logistic_regression.irls_step", start, reweighted, diff=(0, 1, 3), tol=512,
        bad=tuple(Bad((LinearParams(np.ones(2), 0.0), *b.args), b.match, b.error)
                  for b in (*LABELS, NEGATIVE))),
    Row("models.logistic_regression.predict_proba", params,
        lambda p, x: special.expit(p[0] @ x + p[1]), diff=(0, 1), bad=BAD_EXAMPLE),
    Row("models.logistic_regression.predict", params, lambda p, x: np.int32(p[0] @ x + p[1] > 0),
        diff=STEP, bad=BAD_EXAMPLE),
    Row("models.softmax_regression.fit", lambda rng, dtype: labelled(rng, dtype, 3),
        lambda X, y, l2: by_newton(X, y, l2, 3), diff=LOOP, tol=2048, bad=BAD_CLASSES,
        call=lambda X, y, l2: softmax_regression.fit(X, y, 3, l2, tol=0.0).value),
    Row("models.softmax_regression.predict_proba", class_params,
        lambda p, x: special.softmax(p[0] @ x + p[1]), diff=(0, 1), bad=BAD_SCORES),
    Row("models.softmax_regression.predict", class_params,
        lambda p, x: np.int32(np.argmax(p[0] @ x + p[1])), diff=STEP, bad=BAD_SCORES),
]  # fmt: skip
