import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from jaxmath.iterate import Status
from jaxmath.models import logistic_regression as logistic
from jaxmath.models._linear import unit_columns
from jaxmath.models.linear_regression import LinearParams

rng = np.random.default_rng(0)
N = 24
X = rng.normal(size=(N, 3)) * [1.0, 2.0, 3.0] + 1.0
y = (X @ [1.0, -1.0, 0.3] + rng.logistic(size=N) > 0).astype(int)
FITS = {m: jax.jit(functools.partial(logistic.fit, method=m)) for m in ("newton", "l-bfgs")}


def status(solution):
    return Status(int(solution.status))


@pytest.mark.parametrize("method", FITS)
def test_coefficients_are_those_of_scikit_learn(method):
    for l2 in (0.0, 1e-3, 0.1, 10.0):
        solution = FITS[method](X, y, l2)
        assert status(solution) is Status.CONVERGED
        C = 1 / (N * l2) if l2 else np.inf
        model = LogisticRegression(C=C, tol=1e-12, max_iter=10**4, solver="newton-cg").fit(X, y)
        np.testing.assert_allclose(solution.value.coef, model.coef_[0], 1e-5, 1e-6)
        np.testing.assert_allclose(solution.value.intercept, model.intercept_[0], 1e-5, 1e-6)
        p = jax.vmap(logistic.predict_proba, (None, 0))(solution.value, X)
        np.testing.assert_allclose(p, model.predict_proba(X)[:, 1], 1e-5)


def test_the_gradient_vanishes_and_irls_comes_to_the_same():
    step = jax.jit(logistic.irls_step)
    for l2 in (0.0, 0.05):
        fitted = FITS["newton"](X, y, l2).value
        p = jax.vmap(logistic.predict_proba, (None, 0))(fitted, X)
        np.testing.assert_allclose(X.T @ (p - y) / N + l2 * fitted.coef, 0.0, atol=1e-10)
        np.testing.assert_allclose(np.mean(p), np.mean(y), 1e-12)  # calibrated in the large
        params, errors = LinearParams(jnp.zeros(3), jnp.zeros(())), []
        for _ in range(8):
            params = step(params, X, y, l2)
            errors.append(np.abs(params.coef - fitted.coef).max())
        assert errors[-1] <= 1e-9
        assert errors[3] <= errors[2] ** 1.5  # quadratic, until rounding


@pytest.mark.parametrize("method", ["newton", pytest.param("l-bfgs", marks=pytest.mark.full)])
def test_no_maximum_is_unbounded(method):
    """Apart, touching in one point, and one class alone; and not where one example overlaps."""
    line = np.linspace(-1.0, 1.0, N)[:, None] * np.array([[1.0, 0.5, -2.0]])
    line = line + 0.1 * rng.normal(size=(N, 3)) * np.array([[0.0, 1.0, 1.0]])
    apart = (line[:, 0] > 0).astype(int)
    touching, overlap = line.copy(), apart.copy()
    touching[N // 2 - 1] = touching[N // 2]  # one example of each class at the same place
    overlap[2] = 1
    cases = [
        (line, apart, 0.0, Status.UNBOUNDED),
        (touching, apart, 0.0, Status.UNBOUNDED),
        (line, np.ones(N, int), 0.0, Status.UNBOUNDED),
        (line, np.zeros(N, int), 0.3, Status.UNBOUNDED),
        (line, apart, 1e-3, Status.CONVERGED),
        (touching, apart, 1e-3, Status.CONVERGED),
        (line * 1e-6, overlap, 0.0, Status.CONVERGED),
    ]
    data = [np.array([case[i] for case in cases]) for i in range(3)]
    ended = jax.jit(jax.vmap(FITS[method]))(*data).status
    assert [Status(int(s)) for s in ended] == [case[3] for case in cases]


@pytest.mark.parametrize("method", ["l-bfgs", "gradient-descent"])
def test_no_maximum_in_one_direction_only(method):
    """The classes touch along a line, in which the likelihood is bounded; one more, and it is."""
    X = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [0, 1], [1, 1], [1, 1]], np.float32)
    y, fit = np.array([0, 1, 0, 1, 1, 1, 1]), functools.partial(logistic.fit, method=method)
    assert status(fit(X, y)) is Status.UNBOUNDED
    assert status(fit(X, np.where(np.arange(7) == 6, 0, y))) is Status.CONVERGED


def test_a_refusal_from_within_jit_names_the_function():
    with pytest.raises(ValueError, match=r"^fit: argument `tol` must be"):
        logistic.fit(X, y, tol=-1.0)


def test_units_whose_squares_leave_the_range():
    plain = logistic.fit(np.float32(X), y)
    for unit in (1e20, 1e-20):
        scaled = logistic.fit(np.float32(X) * np.float32(unit), y)
        assert scaled.status == plain.status == Status.CONVERGED
        np.testing.assert_allclose(scaled.value.coef * unit, plain.value.coef, 1e-3)


def test_units_dependent_columns_and_few_examples():
    fit, units = FITS["newton"], np.array([1e10, 1.0, 1e-10])
    plain, scaled = fit(X, y, 0.0), fit(X * units, y, 0.0)
    assert status(scaled) is Status.CONVERGED
    np.testing.assert_allclose(scaled.value.coef * units, plain.value.coef, 1e-9)
    twice = np.stack([X[:, 0], X[:, 0], np.full(N, 0.1)], axis=1)
    # No method may move it, whatever it makes of a Hessian without full rank.
    assert np.isinf(unit_columns(jnp.asarray(twice), jnp.zeros(()))[1][2])
    for method in FITS:
        solution = FITS[method](twice, y, 0.0)
        assert status(solution) is Status.CONVERGED
        assert solution.value.coef[2] == 0.0
        p = jax.vmap(logistic.predict_proba, (None, 0))(solution.value, twice)
        np.testing.assert_allclose(X[:, 0] @ (p - y), 0.0, atol=1e-8)
    wide = logistic.fit(X[:2], np.array([0, 1]), 0.1)
    assert status(wide) is Status.CONVERGED
    # By symmetry the boundary halves the segment, at a right angle.
    middle = jax.vmap(logistic.predict_proba, (None, 0))(wide.value, X[:2].mean(0)[None])
    np.testing.assert_allclose(middle, 0.5, 1e-9)
    assert abs(np.corrcoef(wide.value.coef, X[1] - X[0])[0, 1] - 1) < 1e-12


def test_status_and_refusals():
    fit = FITS["newton"]
    lost = X.copy()
    lost[3, 1] = np.nan
    assert status(fit(lost, y, 0.1)) is Status.NON_FINITE
    assert status(fit(X, np.where(y == 1, 2, 0), 0.1)) is Status.NON_FINITE
    assert status(fit(X, y, -1.0)) is Status.NON_FINITE
    with pytest.raises(ValueError, match="fit: argument `y` must hold labels from 0 to 1, got 2"):
        logistic.fit(X, 2 * y)
    with pytest.raises(ValueError, match="fit: argument `method` must be one of newton"):
        logistic.fit(X, y, method="irls")


def test_labels_that_a_jitted_function_closes_over():
    """They are known, and their check is no part of the program."""
    X, y, wrong = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([0, 1, 0]), jnp.array([0, 1, 2])
    params = LinearParams(jnp.zeros(1), jnp.zeros(()))
    step = jax.jit(lambda params: logistic.irls_step(params, X, y, 0.1))
    np.testing.assert_allclose(
        step(params).coef, logistic.irls_step(params, X, y, 0.1).coef, rtol=1e-12
    )
    with pytest.raises(ValueError, match="labels from 0 to 1, got 2"):
        jax.jit(lambda params: logistic.irls_step(params, X, wrong))(params)
