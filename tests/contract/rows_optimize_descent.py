"""Rows of the line searches and of the descent methods that use them."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

LOOP = NotDifferentiable("a while_loop: forward mode only, reverse mode is refused by jax")


def bowl(x, centre, weights):
    """A convex function with its minimum at the centre; quartic along every axis."""
    t = x - centre
    return jnp.sum(weights * t**2 + t**4)


def start(rng, dtype):
    make = lambda low, high: jnp.asarray(rng.uniform(low, high, 3), dtype)
    return make(-1.0, 1.0), make(0.5, 1.5), make(1.0, 2.0)


def solved(method):
    def call(x0, centre, weights):
        tol = 8 * float(jnp.finfo(x0.dtype).eps)
        return method(bowl, x0, (centre, weights), tol=tol).value

    return call


def row(name):
    method = getattr(optimize, name)
    bad = (
        Bad((bowl, np.zeros(0), (0.0, 1.0)), "`x0` must have at least 1 elements"),
        Bad((lambda x: x, np.zeros(2)), r"`fun` must return a scalar, got shape \(2,\)"),
        Bad((jnp.sum, np.zeros(2, complex)), "`x0` must have a real floating dtype", TypeError),
    )
    return Row(f"optimize.{name}", start, lambda x0, centre, weights: centre, diff=LOOP,
               bad=bad, call=solved(method), tol=64.0)  # fmt: skip


def parabola(x, c):
    return jnp.sum((x - c) ** 2)


def line(rng, dtype):
    """A point, a descent direction whose first trial is too long or too short, the minimum."""
    x, c = (jnp.asarray(rng.normal(size=2), dtype) for _ in range(2))
    return x, (c - x) * 0.25, c


BAD_LINE = (
    Bad((parabola, np.zeros(2), np.ones(3), (0.0,)), "`d` must have the 2 elements of `x`, got 3"),
)

ROWS = [
    *map(row, (
        "bfgs", "dfp", "lbfgs", "gradient_descent", "nonlinear_cg", "trust_region_newton",
        "trust_region_dogleg", "trust_region_exact", "sr1", "damped_newton",
    )),
    # The simplex knows x to the root of the rounding of f.
    Row("optimize.nelder_mead", start, lambda x0, centre, weights: centre, diff=LOOP,
        bad=row("bfgs").bad, tol=2e8, dtypes=("float64",), call=lambda x0, centre, weights:
        optimize.nelder_mead(bowl, x0, (centre, weights), tol=1e-8).value),
    Row("optimize.minimize", start, lambda x0, centre, weights: centre, diff=LOOP, tol=64.0,
        call=solved(optimize.bfgs), dtypes=("float64",), note="as bfgs",
        bad=(Bad((bowl, np.zeros(2), (), "powell"), "`method` must be one of bfgs, l-bfgs"),)),
    # φ(α) = (1 − α/4)²‖x − c‖²: the first trial, 1, is accepted; with c₂ = 0.1 the minimum, 4, is.
    Row("optimize.armijo_backtracking", line, lambda x, d, c: np.float64(1.0), diff=LOOP,
        bad=BAD_LINE,
        call=lambda x, d, c: optimize.armijo_backtracking(parabola, x, d, (c,)).value),
    Row("optimize.strong_wolfe", line, lambda x, d, c: np.float64(4.0), diff=LOOP, bad=BAD_LINE,
        call=lambda x, d, c: optimize.strong_wolfe(parabola, x, d, (c,), c2=0.1).value, tol=256.0),
    Row("optimize.curvature_scale", start,
        lambda x0, centre, weights: 2.0 ** np.round(
            -0.5 * np.log2(2 * weights + 12 * (x0 - centre) ** 2)),
        diff=NotDifferentiable("powers of two"), bad=row("bfgs").bad,
        call=lambda x0, centre, weights: optimize.curvature_scale(bowl, x0, (centre, weights))),
    HostRow("optimize.trajectory", "a driver: init and step of any method under one scan",
            ("tests/optimize/test_trajectory.py::test_the_states_are_those_of_a_loop",)),
    # Trials 1 and 5 lie on either side, and a secant step between them ends at the minimum.
    Row("optimize.hager_zhang", line, lambda x, d, c: np.float64(4.0), diff=LOOP, bad=BAD_LINE,
        tol=256.0, call=lambda x, d, c:
        optimize.hager_zhang(parabola, x, d, (c,), c1=0.45, c2=0.5).value),
    HostRow("optimize.Search", "a record: a line search between two evaluations",
            ("tests/optimize/test_line_search.py::test_conditions_hold",)),
]  # fmt: skip
