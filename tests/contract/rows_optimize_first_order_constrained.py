"""Rows of projected gradient, Frank–Wolfe and the linear oracles."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row, Singular
from tests.contract.rows_optimize_projections import simplex_oracle

MADE = NotDifferentiable("the end of a bounded loop")


def nearest(x, q):
    return jnp.sum((x - q) ** 2)


def linear(x, q):
    return jnp.sum(x * q)


def two(rng, dtype):
    return tuple(jnp.asarray(rng.normal(size=4), dtype) for _ in range(2))


def inner(rng, dtype):
    x, q = two(rng, dtype)
    return x / 10, q


def one(*more):
    return lambda rng, dtype: tuple(jnp.asarray(v, dtype) for v in (rng.normal(size=4), *more))


def box(rng, dtype):
    g, low = rng.normal(size=(2, 4))
    return tuple(jnp.asarray(v, dtype) for v in (g, low, low + 0.8))


ONES = np.ones(3)
RANK = Bad((np.ones((2, 3)), 0.0, 1.0), r"`g` must have rank 1, got shape \(2, 3\); for a batch")

ROWS = [
    Row("optimize.projected_gradient", two, lambda x, q: simplex_oracle(q, 1.0), diff=MADE,
        call=lambda x, q: optimize.projected_gradient(
            nearest, x, optimize.project_simplex, (q,)).value,
        bad=(Bad((nearest, ONES, 3, (ONES,)), "`projection` must be callable", TypeError),
             Bad((nearest, (), lambda x: x, (ONES,)), "`x0` must have at least 1 element"),
             Bad((jnp.sum, ONES, lambda x: x[:2]), r"`projection` must have shape \(3,\)"),
             Bad((lambda x: x, ONES, lambda x: x), "`fun` must return a scalar"))),
    Row("optimize.frank_wolfe", inner, lambda x, q: -q / np.linalg.norm(q), diff=MADE,
        call=lambda x, q: optimize.frank_wolfe(
            linear, x, optimize.linear_oracle_ball, (q,)).value,
        bad=(Bad((linear, ONES, 3, (ONES,)), "`linear_oracle` must be callable", TypeError),
             Bad((linear, (), lambda x: x, (ONES,)), "`x0` must have at least 1 element"),
             Bad((jnp.sum, ONES, lambda x: x[:2]), r"`linear_oracle` must have shape \(3,\)"))),
    Row("optimize.linear_oracle_simplex", one(1.5), diff=(0, 1),
        oracle=lambda g, total: total * np.eye(4)[np.argmin(g)],
        bad=(Bad((np.ones((2, 3)),), "`g` must have rank 1"),
             Bad((ONES, ONES), r"`total` must have shape \(\)")),
        singular=(Singular(([1.0, 0.0, 0.0, 2.0], 1.0), [0.0, 1.0, 0.0, 0.0], ([0.0] * 4, 1.0)),)),
    Row("optimize.linear_oracle_box", box, lambda g, low, up: np.where(g > 0, low, up),
        diff=(0, 1, 2),
        bad=(RANK, Bad((ONES, np.ones(2), 1.0), r"`lower` must have shape \(3,\)"),
             Bad((ONES, 0.0, np.ones(2)), r"`upper` must have shape \(3,\)")),
        singular=(Singular(([0.0] * 4, [1.0] * 4, [2.0] * 4), [1.0] * 4,
                           ([0.0] * 4, [1.0] * 4, [0.0] * 4)),)),
    Row("optimize.linear_oracle_ball", one(np.arange(4.0), 1.5), diff=(0, 1, 2),
        oracle=lambda g, c, r: c - r * g / np.linalg.norm(g),
        bad=(RANK, Bad((ONES, np.ones(2), 1.0), r"`center` must have shape \(3,\)"),
             Bad((ONES, 0.0, ONES), r"`radius` must have shape \(\)")),
        singular=(Singular(([0.0] * 4, [1.0] * 4, 2.0), [1.0] * 4,
                           ([0.0] * 4, [1.0] * 4, 0.0)),)),
]  # fmt: skip
