import jax
import jax.numpy as jnp
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import PolynomialFeatures

from jaxmath.iterate import Status
from jaxmath.models import linear_regression
from jaxmath.models import polynomial_regression as polynomial

rng = np.random.default_rng(0)
predict = jax.jit(jax.vmap(polynomial.predict, (None, 0)))


def status(solution):
    return Status(int(solution.status))


def test_features_are_those_of_scikit_learn_and_so_is_the_fit():
    X, y = rng.normal(size=(30, 3)), rng.normal(size=30)
    want = PolynomialFeatures(2, include_bias=False).fit_transform(X)
    got = jax.vmap(lambda x: polynomial.polynomial_features(x, 2))(X)
    np.testing.assert_allclose(got, want, 1e-14)
    model = LinearRegression().fit(want, y)
    params = linear_regression.fit(got, y).value
    np.testing.assert_allclose(params.coef, model.coef_, 1e-9, 1e-10)


def test_a_polynomial_is_found_again_at_every_scale():
    """Degree 12 on an interval far from 0: by powers nothing would be left of it."""
    t = np.linspace(-1.0, 1.0, 40)
    coef = rng.normal(size=13)
    want = np.polynomial.chebyshev.chebval(t, coef)
    for middle, radius in ((0.0, 1.0), (1e6, 1.0), (0.0, 1e-10), (3e10, 1e10)):
        solution = polynomial.fit(middle + radius * t, want, 12)
        assert status(solution) is Status.CONVERGED
        tol = 1e-12 + 1e-15 * abs(middle) / radius * 1e2
        np.testing.assert_allclose(solution.value.coef, coef, 0, tol)
        np.testing.assert_allclose(solution.value.domain, middle + radius * np.array([-1, 1]))
        values = predict(solution.value, middle + radius * t)
        np.testing.assert_allclose(values, want, 0, 10 * tol)
    powers = np.linalg.cond(np.vander(1e6 + t, 13))
    chebyshev = jax.vmap(lambda t: polynomial.chebyshev_features(t, 12))(t)
    assert np.linalg.cond(chebyshev) < 10 < 1e15 < powers


def test_degrees_at_the_ends():
    x, y = np.array([0.0, 1.0, 3.0, 4.0]), np.array([2.0, -1.0, 5.0, 0.0])
    np.testing.assert_allclose(polynomial.fit(x, y, 0).value.coef, [1.5])
    through = polynomial.fit(x, y, 3)
    assert status(through) is Status.CONVERGED
    np.testing.assert_allclose(predict(through.value, x), y, atol=1e-13)
    one = polynomial.fit(x[:1], y[:1], 0)
    assert status(one) is Status.CONVERGED
    np.testing.assert_allclose(predict(one.value, x[:1]), y[:1])


def test_too_few_different_points_and_nan():
    x, y = np.array([0.0, 1.0, 1.0, 0.0]), np.array([2.0, -1.0, 5.0, 0.0])
    assert status(polynomial.fit(x, y, 2)) is Status.SINGULAR
    line = polynomial.fit(x, y, 1)
    assert status(line) is Status.CONVERGED
    np.testing.assert_allclose(predict(line.value, x), [1.0, 2.0, 2.0, 1.0])
    assert status(polynomial.fit(np.zeros(4), y, 1)) is Status.SINGULAR
    x[2] = np.nan
    assert status(polynomial.fit(x, y, 1)) is Status.NON_FINITE
    y[2] = np.inf
    assert status(polynomial.fit(np.arange(4.0), y, 0)) is Status.NON_FINITE


def test_points_as_far_apart_as_the_range_goes():
    """The length of the interval overflows, and the polynomial does not."""
    x, y = jnp.array([-2e38, 0.0, 2e38], jnp.float32), jnp.array([1.0, 0.0, 3.0], jnp.float32)
    found = polynomial.fit(x, y, 2)
    got = jax.vmap(lambda x: polynomial.predict(found.value, x))(x)
    np.testing.assert_allclose(got, y, atol=1e-5)
