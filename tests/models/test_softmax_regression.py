import functools

import jax
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from jaxmath.iterate import Status
from jaxmath.models import logistic_regression, softmax_regression

X, y = load_iris(return_X_y=True)
FITS = {
    m: jax.jit(functools.partial(softmax_regression.fit, num_classes=3, method=m))
    for m in ("newton", "l-bfgs")
}
probabilities = jax.jit(jax.vmap(softmax_regression.predict_proba, (None, 0)))


def status(solution):
    return Status(int(solution.status))


@pytest.mark.parametrize("method", FITS)
def test_coefficients_are_those_of_scikit_learn(method):
    for l2 in (1e-3, 0.1, 10.0):
        solution = FITS[method](X, y, l2=l2)
        assert status(solution) is Status.CONVERGED
        C = 1 / (len(y) * l2)
        model = LogisticRegression(C=C, tol=1e-12, max_iter=10**4, solver="newton-cg").fit(X, y)
        np.testing.assert_allclose(solution.value.coef, model.coef_, 1e-5, 1e-5)
        np.testing.assert_allclose(solution.value.intercept, model.intercept_, 1e-5, 1e-5)
        np.testing.assert_allclose(np.sum(solution.value.coef, axis=0), 0.0, atol=1e-12)
        p = probabilities(solution.value, X)
        gradient = X.T @ (p - np.eye(3)[y]) / len(y) + l2 * solution.value.coef.T
        units = np.sqrt(X.var(axis=0) + 4 * l2)
        # The error is relative to max(f, 1), and f ≤ log 3, its value at 0.
        assert np.all(np.abs(gradient) <= 2**-26 * np.log(3) * units[:, None])


def test_probabilities_without_a_penalty():
    labels = np.where(np.random.default_rng(0).uniform(size=len(y)) < 0.3, (y + 1) % 3, y)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=10**4, solver="newton-cg")
    want = model.fit(X, labels).predict_proba(X)
    for fit in FITS.values():
        solution = fit(X, labels)
        assert status(solution) is Status.CONVERGED
        np.testing.assert_allclose(probabilities(solution.value, X), want, 1e-5, 1e-7)
    # A column twice: the same probabilities, other coefficients.
    columns = X.copy()
    columns[:, 3] = X[:, 2]
    merged = [FITS["newton"](columns, labels), softmax_regression.fit(X[:, :3], labels, 3)]
    one, other = (
        probabilities(s.value, c) for s, c in zip(merged, (columns, X[:, :3]), strict=True)
    )
    np.testing.assert_allclose(one, other, 1e-6, 1e-8)


@pytest.mark.full
def test_two_classes_are_logistic_regression():
    chosen = y > 0
    pair, labels = X[chosen], y[chosen] - 1
    # ½λ‖W‖² of W = (−w/2, w/2) is ½(λ/2)‖w‖².
    two = softmax_regression.fit(pair, labels, 2, 0.02).value
    one = logistic_regression.fit(pair, labels, 0.01).value
    np.testing.assert_allclose(two.coef[1] - two.coef[0], one.coef, 1e-6)
    np.testing.assert_allclose(two.intercept[1] - two.intercept[0], one.intercept, 1e-6)


def test_status_tells_the_truth():
    fit = FITS["newton"]
    apart = X + 10.0 * np.eye(4)[y]
    assert status(fit(apart, y)) is Status.UNBOUNDED
    assert status(fit(apart, y, l2=0.1)) is Status.CONVERGED
    assert status(fit(X, np.where(y == 2, 1, y), l2=0.1)) is Status.UNBOUNDED  # a class is absent
    lost = X.copy()
    lost[7, 2] = np.nan
    assert status(fit(lost, y, l2=0.1)) is Status.NON_FINITE
    assert status(fit(X, np.where(y == 2, 3, y), l2=0.1)) is Status.NON_FINITE
    units = np.array([1e10, 1.0, 1.0, 1e-10])
    # The penalty is of w in its units, so that without one only the products are the same.
    labels = np.roll(y, 20)
    plain, scaled = fit(X, labels), fit(X * units, labels)
    assert status(scaled) is Status.CONVERGED
    np.testing.assert_allclose(scaled.value.coef * units[None, :], plain.value.coef, 1e-6, 1e-8)
    with pytest.raises(ValueError, match="fit: argument `y` must hold labels from 0 to 1, got 2"):
        softmax_regression.fit(X, y, 2)


def test_predict_takes_the_likeliest():
    params = FITS["newton"](X, y, l2=1e-3).value
    classes = jax.vmap(softmax_regression.predict, (None, 0))(params, X)
    np.testing.assert_array_equal(classes, np.argmax(probabilities(params, X), axis=1))
    assert np.mean(classes == y) > 0.95
