import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet

from jaxmath.iterate import Status
from jaxmath.models import lasso, linear_regression

X, y = load_diabetes(return_X_y=True)


def status(solution):
    return Status(int(solution.status))


def objective(params, X, y, alpha, l1_ratio):
    w, b = np.asarray(params.coef), float(params.intercept)
    penalty = l1_ratio * np.abs(w).sum() + (1 - l1_ratio) / 2 * w @ w
    return np.sum((y - X @ w - b) ** 2) / (2 * len(y)) + alpha * penalty


def scikit_learn(X, y, alpha, l1_ratio):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-12, max_iter=10**6).fit(X, y)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("alpha", [1e-3, 0.1, 1.0])
def test_coefficients_are_those_of_scikit_learn(alpha, l1_ratio):
    solution = lasso.elastic_net(X, y, alpha, l1_ratio)
    assert status(solution) is Status.CONVERGED
    model = scikit_learn(X, y, alpha, l1_ratio)
    scale = np.abs(model.coef_).max()
    np.testing.assert_allclose(solution.value.coef, model.coef_, 0, 1e-5 * scale)
    np.testing.assert_allclose(solution.value.intercept, model.intercept_, 1e-9)
    np.testing.assert_array_equal(solution.value.coef == 0, model.coef_ == 0)


def test_the_gap_bounds_the_distance_to_the_minimum():
    for alpha, l1_ratio in ((0.1, 1.0), (0.1, 0.5), (0.01, 0.0)):
        best = lasso.elastic_net(X, y, alpha, l1_ratio).value
        state = lasso.elastic_net_init(X, y, alpha, l1_ratio)
        gaps = []
        for _ in range(4):
            params = best._replace(coef=state.coef, intercept=y.mean() - X.mean(0) @ state.coef)
            excess = objective(params, X, y, alpha, l1_ratio)
            excess -= objective(best, X, y, alpha, l1_ratio)
            assert -1e-9 <= excess <= state.gap + 1e-9
            gaps.append(float(state.gap))
            state = lasso.elastic_net_step(X, y, state, alpha, l1_ratio)
        assert gaps[-1] < 0.1 * gaps[0]


def test_limits():
    C, t = X - X.mean(0), y - y.mean()
    largest = np.abs(C.T @ t).max() / len(y)
    zero = lasso.lasso(X, y, 1.0001 * largest)
    assert status(zero) is Status.CONVERGED
    assert zero.num_steps == 0
    np.testing.assert_array_equal(zero.value.coef, 0.0)
    assert np.count_nonzero(lasso.lasso(X, y, 0.98 * largest).value.coef) == 1
    ridge = linear_regression.ridge(X, y, 0.01 * len(y)).value
    np.testing.assert_allclose(lasso.elastic_net(X, y, 0.01, 0.0).value.coef, ridge.coef, 1e-5)
    # Orthonormal columns: one sweep, one soft threshold.
    Q = np.linalg.qr(np.concatenate([np.ones((50, 1)), X[:50, :3]], axis=1))[0][:, 1:]
    got = lasso.lasso(Q, y[:50], 0.3)
    want = lasso.soft_threshold(Q.T @ y[:50], 0.3 * 50)
    assert got.num_steps == 1
    np.testing.assert_allclose(got.value.coef, want, 1e-10)


def test_units_dependent_and_constant_columns():
    columns = np.concatenate([X[:, :3], X[:, :1], np.full((len(X), 1), 0.1)], axis=1)
    solution = lasso.lasso(columns, y, 0.1)
    assert status(solution) is Status.CONVERGED
    assert solution.value.coef[4] == 0.0
    alone = lasso.lasso(X[:, :3], y, 0.1).value.coef
    np.testing.assert_allclose(solution.value.coef[0] + solution.value.coef[3], alone[0], 1e-6)
    # X·u, y·v and α·uv: the coefficients are those times v/u.
    for u, v in ((1e10, 1.0), (1e-10, 1e-10), (1.0, 1e10)):
        scaled = lasso.lasso(X[:, :3] * u, y * v, 0.1 * u * v)
        assert status(scaled) is Status.CONVERGED
        np.testing.assert_allclose(scaled.value.coef, alone * (v / u), 1e-6)
    wide = lasso.lasso(X[:4], y[:4], 0.5)
    assert status(wide) is Status.CONVERGED
    flat = lasso.lasso(X[:4], np.full(4, 0.1), 0.5)
    assert status(flat) is Status.CONVERGED
    np.testing.assert_array_equal(flat.value.coef, 0.0)


def test_status_tells_the_truth():
    assert status(lasso.lasso(X, y, 1e-3, max_steps=3)) is Status.MAX_STEPS
    assert status(lasso.lasso(X, y, 0.1, tol=0.0)) in (Status.STAGNATED, Status.CONVERGED)
    lost = X.copy()
    lost[3, 3] = np.nan
    assert status(lasso.lasso(lost, y, 0.1)) is Status.NON_FINITE
    # As columns of this shape lose a NaN in XLA's maximum, so do not the direct methods.
    assert status(linear_regression.fit(lost, y)) is Status.NON_FINITE
    assert status(linear_regression.ridge(lost, y, 1.0)) is Status.NON_FINITE
    assert status(lasso.lasso(X, y, jnp.float64(-1.0))) is Status.NON_FINITE
    assert status(lasso.elastic_net(X, y, 0.1, jnp.float64(1.5))) is Status.NON_FINITE
    single = lasso.lasso(X.astype(np.float32), y, 0.1)
    assert status(single) is Status.CONVERGED
    assert single.value.coef.dtype == jnp.float32
    alphas = jnp.array([0.01, 0.1, 1.0])
    path = jax.vmap(lambda alpha: lasso.lasso(X, y, alpha))(alphas)
    assert np.all(path.converged)
    assert np.all(np.diff(np.count_nonzero(path.value.coef, axis=1)) <= 0)
