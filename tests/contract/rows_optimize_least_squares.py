"""Rows of ``jaxmath.optimize.least_squares``."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row


def squares(x, a):
    """Residuals that vanish at x = a, a > 0."""
    return x * x - a * a


def start(rng, dtype):
    a = rng.uniform(1.0, 2.0, size=3)
    return jnp.asarray(a + 0.2, dtype), jnp.asarray(a, dtype)


ROWS = [
    Row("optimize.least_squares", start, lambda x0, a: a, tol=64,
        diff=NotDifferentiable("a while_loop, whose trials have no transpose"), bad=(
            Bad((squares, ()), "`x0` must have at least 1 element"),
            Bad((lambda x: x[:0], np.ones(2)), "`residual_fn` must return at least 1 residual"),
            Bad((lambda x: x > 0.0, np.ones(2)), "`residual_fn` must return real", TypeError),
        ), call=lambda x0, a: optimize.least_squares(
            squares, x0, (a,), ftol=0.0, xtol=0.0, method="lm").value),
]  # fmt: skip
