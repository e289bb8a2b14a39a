"""Rows of ``jaxmath.models.linear_regression``."""

import jax.numpy as jnp
import numpy as np

from jaxmath.models import linear_regression as lr
from tests.contract.row import Bad, HostRow, Row


def data(rng, dtype):
    X, y = 1.0 + rng.normal(size=(7, 2)), rng.normal(size=7)
    return jnp.asarray(X, dtype), jnp.asarray(y, dtype)


def bordered(X, y, alpha=0.0):
    """The normal equations of w and b together, b without a penalty."""
    n, d = X.shape
    A = np.concatenate([X, np.ones((n, 1))], axis=1)
    solution = np.linalg.solve(A.T @ A + np.diag([alpha] * d + [0.0]), A.T @ y)
    return solution[:d], solution[d]


def params(rng, dtype):
    w, b, x = rng.normal(size=3), rng.normal(), rng.normal(size=3)
    return lr.LinearParams(jnp.asarray(w, dtype), jnp.asarray(b, dtype)), jnp.asarray(x, dtype)


BAD = (
    Bad((np.ones(3), np.ones(3)), "`X` must have rank 2"),
    Bad((np.ones((3, 2)), np.ones(2)), r"`y` must have shape \(3,\)"),
    Bad((np.ones((2, 3, 2)), np.ones(2)), "`X` .*for a batch, use jax.vmap"),
    Bad((np.ones((0, 2)), np.ones(0)), "`X` must have at least 1 elements"),
)
BAD_EXAMPLE = (
    Bad((lr.LinearParams(np.ones(2), 0.0), np.ones(3)), r"`x` must have shape \(2,\)"),
    Bad((lr.LinearParams(np.ones(2), 0.0), np.ones((3, 2))), "`x` .*jax.vmap"),
    Bad((lr.LinearParams(np.ones(2), np.ones(2)), np.ones(2)), "`params.intercept`"),
)
TEST = "tests/models/test_linear_regression.py"

ROWS = [
    HostRow("models.linear_regression.LinearParams", "a record: two arrays with names",
            (f"{TEST}::test_coefficients_are_those_of_scikit_learn",)),
    Row("models.linear_regression.fit", data, bordered, diff=(0, 1), tol=512, bad=BAD,
        call=lambda X, y: lr.fit(X, y).value),
    Row("models.linear_regression.predict", params, lambda p, x: p[1] + sum(p[0] * x),
        diff=(0, 1), bad=BAD_EXAMPLE),
    Row("models.linear_regression.ridge",
        lambda rng, dtype: (*data(rng, dtype), jnp.asarray(rng.uniform(0.1, 2.0), dtype)),
        bordered, diff=(0, 1, 2), tol=512,
        bad=(*(Bad((*b.args, 1.0), b.match) for b in BAD),
             Bad((np.ones((3, 2)), np.ones(3), -1.0), "`alpha` must be at least 0"),
             Bad((np.ones((3, 2)), np.ones(3), np.ones(2)), "`alpha` must have rank 0")),
        call=lambda X, y, alpha: lr.ridge(X, y, alpha).value),
]  # fmt: skip
