"""Rows of ``jaxmath.models.polynomial_regression``."""

import itertools

import jax.numpy as jnp
import numpy as np
from numpy.polynomial import Chebyshev, chebyshev

from jaxmath.models import polynomial_regression as polynomial
from tests.contract.row import Bad, HostRow, Row, Singular


def points(rng, dtype):
    x, y = np.linspace(2.0, 5.0, 7) + 0.1 * rng.uniform(size=7), rng.normal(size=7)
    return jnp.asarray(x, dtype), jnp.asarray(y, dtype)


def fitted(x, y):
    series = Chebyshev.fit(x, y, 3)
    return series.coef, series.domain


def series(rng, dtype):
    params = polynomial.PolynomialParams(rng.normal(size=5), np.array([1.0, 4.0]))
    return (polynomial.PolynomialParams(*(jnp.asarray(v, dtype) for v in params)),
            jnp.asarray(rng.uniform(1, 4), dtype))  # fmt: skip


def monomials(x):
    return [np.prod([x[i] for i in chosen]) for power in (1, 2, 3)
            for chosen in itertools.combinations_with_replacement(range(3), power)]  # fmt: skip


TEST = "tests/models/test_polynomial_regression.py"
ONE = polynomial.PolynomialParams(np.ones(3), np.array([0.0, 1.0]))

ROWS = [
    HostRow("models.polynomial_regression.PolynomialParams", "a record: two arrays with names",
            (f"{TEST}::test_a_polynomial_is_found_again_at_every_scale",)),
    Row("models.polynomial_regression.chebyshev_features",
        lambda rng, dtype: (jnp.asarray(rng.uniform(-1, 1), dtype),),
        lambda x: chebyshev.chebvander(x, 5).ravel()[1:],
        call=lambda x: polynomial.chebyshev_features(x, 5),
        bad=(Bad((np.ones(3), 2), "`x` must have rank 0.*jax.vmap"),
             Bad((0.5, 0), "`degree` must be at least 1"),
             Bad((0.5, 2.0), "`degree` must be an integer", TypeError))),
    Row("models.polynomial_regression.polynomial_features",
        lambda rng, dtype: (jnp.asarray(rng.normal(size=3), dtype),),
        lambda x: np.array(monomials(x)), call=lambda x: polynomial.polynomial_features(x, 3),
        singular=(Singular(([0.0, 0.0, 0.0],), [0.0] * 19, ([1.0, 1.0, 1.0],)),),
        bad=(Bad((np.ones((3, 2)), 2), "`x` must have rank 1.*jax.vmap"),
             Bad((np.ones(2), 0), "`degree` must be at least 1"))),
    Row("models.polynomial_regression.fit", points, fitted, diff=(0, 1), tol=512,
        call=lambda x, y: polynomial.fit(x, y, 3).value,
        bad=(Bad((np.ones((3, 2)), np.ones(3), 1), "`x` must have rank 1"),
             Bad((np.ones(3), np.ones(2), 1), r"`y` must have shape \(3,\)"),
             Bad((np.ones(0), np.ones(0), 0), "`x` must have at least 1 elements"),
             Bad((np.ones(3), np.ones(3), 3), "`degree` must be at most n - 1 = 2, got 3"),
             Bad((np.ones(3), np.ones(3), -1), "`degree` must be at least 0"))),
    Row("models.polynomial_regression.predict", series,
        lambda p, x: Chebyshev(p[0], p[1])(x), diff=(0, 1), tol=128,
        bad=(Bad((ONE, np.ones(3)), "`x` must have rank 0.*jax.vmap"),
             Bad((ONE._replace(domain=np.ones(3)), 1.0), r"`params.domain` must have shape"),
             Bad((ONE._replace(coef=np.ones((2, 2))), 1.0), "`params.coef` must have rank 1"))),
]  # fmt: skip
