"""Rows of ``jaxmath.optimize.box_limited_memory``."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row
from tests.contract.rows_optimize_descent import bowl, start

LOW, HIGH = -1.0, np.array([0.9, np.inf, 1.1])


def solved(x0, centre, weights):
    tol = 8 * float(jnp.finfo(x0.dtype).eps)
    x0 = jnp.minimum(x0, jnp.asarray(HIGH, x0.dtype))
    return optimize.lbfgsb(bowl, x0, (centre, weights), lower=LOW, upper=HIGH, tol=tol).value


ROWS = [
    # The variables do not interact: on a box, each is at its centre or at the bound before it.
    Row("optimize.lbfgsb", start, lambda x0, centre, weights: np.clip(centre, LOW, HIGH),
        diff=NotDifferentiable("a while_loop: forward mode only, reverse mode is refused by jax"),
        bad=(
            Bad((bowl, np.zeros(0), (0.0, 1.0)), "`x0` must have at least 1 elements"),
            Bad((lambda x: x, np.zeros(2)), r"`fun` must return a scalar, got shape \(2,\)"),
            Bad((jnp.sum, np.zeros(2, complex)), "`x0` must have a real floating dtype", TypeError),
        ), call=solved, tol=64.0),
]  # fmt: skip
