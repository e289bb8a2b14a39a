import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from jaxmath.iterate import Status
from jaxmath.models import linear_regression as lr
from jaxmath.models import logistic_regression, polynomial_regression

METHODS = ("svd", "qr", "normal-equations", "gradient-descent")
rng = np.random.default_rng(0)
X, y = 3.0 + rng.normal(size=(20, 4)), rng.normal(size=20)
# One program a method for all tests.
FITS = {m: jax.jit(functools.partial(lr.fit, method=m)) for m in METHODS}


def status(solution):
    return Status(int(solution.status))


def close(params, model, tol=1e-9):
    np.testing.assert_allclose(params.coef, model.coef_, tol, tol)
    np.testing.assert_allclose(params.intercept, model.intercept_, tol, tol)


@pytest.mark.parametrize("fit", [
    lambda X, y: lr.ridge(X, y, 0.1), functools.partial(lr.fit, method="qr"), lr.fit,
    lambda X, y: logistic_regression.fit(X, (y > 0).astype(jnp.int32)),
    lambda X, y: polynomial_regression.fit(X[:, 0], y, 2),
], ids=["ridge", "qr", "svd", "logistic", "polynomial"])  # fmt: skip
def test_memory_is_that_of_some_copies_of_the_data(fit):
    """A square of 4,000 would be 128 MB."""
    X, y = np.ones((4000, 2)), np.ones(4000)
    memory = jax.jit(fit).lower(X, y).compile().memory_analysis()
    assert memory.temp_size_in_bytes <= 2e6 + 40 * X.nbytes


def test_coefficients_are_those_of_scikit_learn():
    for method, fit in FITS.items():
        solution = fit(X, y)
        assert status(solution) is Status.CONVERGED
        assert solution.error <= 1.5e-8
        tol = 1e-6 if method == "gradient-descent" else 1e-12
        close(solution.value, LinearRegression().fit(X, y), tol)
    for alpha in (0.0, 1e-3, 1.0, 1e4):
        solution = lr.ridge(X, y, alpha)
        assert status(solution) is Status.CONVERGED
        close(solution.value, Ridge(alpha=alpha, tol=1e-12).fit(X, y), 1e-11)


def test_dependent_and_constant_columns():
    columns = X.copy()
    columns[:, 1], columns[:, 2] = 0.1, X[:, 3]
    model = LinearRegression().fit(columns, y)
    for method in ("svd", "gradient-descent"):
        solution = FITS[method](columns, y)
        assert status(solution) is Status.CONVERGED
        assert solution.value.coef[1] == 0.0
        close(solution.value, model, 1e-6)
    for method in ("qr", "normal-equations"):
        assert status(FITS[method](columns, y)) is Status.SINGULAR
    ridge = lr.ridge(columns, y, 1.0)
    assert status(ridge) is Status.CONVERGED
    close(ridge.value, Ridge(alpha=1.0, tol=1e-12).fit(columns, y), 1e-11)


def test_units_of_the_columns_do_not_matter():
    units, want = np.array([1e10, 1.0, 1e-10, 1.0]), lr.ridge(X, y, 0.0).value
    for method in ("qr", "normal-equations", "gradient-descent"):
        got = FITS[method](X * units, y * 1e10)
        assert status(got) is Status.CONVERGED
        np.testing.assert_allclose(got.value.coef * units / 1e10, want.coef, 1e-6)
    # Least norm depends on units; the status says where that cost an answer.
    assert status(FITS["svd"](X * units, y)) is Status.SINGULAR
    model = Ridge(alpha=1e-12, tol=1e-12).fit(X * units, y)
    got = lr.ridge(X * units, y, 1e-12).value
    np.testing.assert_allclose(got.coef * units, model.coef_ * units, 1e-7)


@pytest.mark.parametrize(("of_x", "of_y"), [(1e20, 1.0), (1e-20, 1.0), (1.0, 1e19), (1.0, 1e-20)])
def test_squares_beyond_the_range(of_x, of_y):
    """Float32, where ‖x‖² or ‖y‖² is 0 or ∞: no error of 0 is made of that."""
    x, t = np.float32(X) * np.float32(of_x), np.float32(y) * np.float32(of_y)
    want = lr.fit(X, y).value.coef * (of_y / of_x)
    for method in ("svd", "qr", "gradient-descent"):
        got = lr.fit(x, t, method=method)
        assert status(got) is Status.CONVERGED
        assert 0.0 < got.error < 1e-3
        np.testing.assert_allclose(got.value.coef, want, rtol=0, atol=1e-2 * np.abs(want).max())


def test_fewer_examples_than_columns():
    wide, few = X[:3], y[:3]
    solution = lr.fit(wide, few)
    assert status(solution) is Status.CONVERGED
    close(solution.value, LinearRegression().fit(wide, few), 1e-10)
    one = lr.fit(X[:1], y[:1])
    assert status(one) is Status.CONVERGED
    np.testing.assert_array_equal(one.value.coef, 0.0)
    np.testing.assert_array_equal(one.value.intercept, y[0])
    with pytest.raises(ValueError, match="fit: argument `X` must have at least as many rows"):
        lr.fit(wide, few, method="qr")


def test_data_that_are_not_finite():
    lost = X.copy()
    lost[2, 1] = np.nan
    for fit in FITS.values():
        assert status(fit(lost, y)) is Status.NON_FINITE
        assert status(fit(X, np.where(y > 0, np.inf, y))) is Status.NON_FINITE
    assert status(lr.ridge(lost, y, 1.0)) is Status.NON_FINITE
    assert status(lr.ridge(X, y, jnp.float64(-1.0))) is Status.NON_FINITE


def test_derivative_of_ridge_in_its_penalty():
    C = X - X.mean(0)
    derivative = jax.jit(jax.jacfwd(lambda alpha: lr.ridge(X, y, alpha).value.coef))
    for alpha in (0.0, 0.7):
        inverse = np.linalg.inv(C.T @ C + alpha * np.eye(4))
        np.testing.assert_allclose(derivative(alpha), -inverse @ inverse @ C.T @ y, 1e-9)


@pytest.mark.full
def test_derivatives_of_the_direct_methods_are_exact():
    def explicit(X, y):
        C = X - X.mean(0)[None]
        w = jnp.linalg.solve(C.T @ C, C.T @ (y - y.mean()))
        return jnp.sum(jnp.sin(w)) + jnp.cos(y.mean() - X.mean(0) @ w)

    def ours(method, X, y):
        params = lr.fit(X, y, method=method).value
        return jnp.sum(jnp.sin(params.coef)) + jnp.cos(params.intercept)

    want = jax.jit(jax.grad(explicit, (0, 1)))(X, y)
    for method in ("svd", "qr", "normal-equations"):
        got = jax.jit(jax.grad(functools.partial(ours, method), (0, 1)))(X, y)
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, 1e-9, 1e-11)


def test_refusals():
    with pytest.raises(ValueError, match="fit: argument `method` must be one of svd"):
        lr.fit(X, y, method="magic")
    with pytest.raises(ValueError, match="argument `tol`"):
        lr.fit(X, y, tol=-1.0)
    with pytest.raises(TypeError, match="argument `X` must be float32 or float64, got bfloat16"):
        lr.fit(jnp.asarray(X, jnp.bfloat16), y)
    assert lr.fit(X.astype(int), y.astype(int)).value.coef.dtype == jnp.float64
    assert lr.fit(X.astype(np.float32), y).value.coef.dtype == jnp.float32


@pytest.mark.parametrize("case", ["constant targets", "targets of 0", "constant column"])
def test_what_is_constant_may_be_varied(case):
    """Ridge is smooth there too; differences of the closed form are the witness."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    if case == "constant column":
        X[:, 1] = 3.0
    else:
        y[:] = 1.0 if case == "constant targets" else 0.0
    coef = lambda X, y: lr.ridge(X, y, 1.0).value.coef

    def reference(X, y):
        Xc, yc = X - X.mean(0), y - y.mean()
        return np.linalg.solve(Xc.T @ Xc + np.eye(2), Xc.T @ yc)

    dX, dy = rng.normal(size=(8, 2)), rng.normal(size=8)
    slope = jax.jvp(coef, (X, y), (dX, dy))[1]
    h = 1e-6
    want = (reference(X + h * dX, y + h * dy) - reference(X - h * dX, y - h * dy)) / (2 * h)
    np.testing.assert_allclose(slope, want, atol=1e-8)
    if case != "constant column":  # least squares are linear in y
        for method in ("svd", "qr"):
            fit = lambda y, method=method: lr.fit(X, y, method=method).value.coef
            want = fit(y + dy) - fit(y)
            np.testing.assert_allclose(jax.jvp(fit, (y,), (dy,))[1], want, atol=1e-12)
