"""Rows of ``jaxmath.optimize.convexity``: the oracles go sample by sample, by hand derivatives."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

JUDGED = NotDifferentiable("a judgement on samples")


def samples(rng, dtype):
    X, Y = rng.normal(size=(2, 5, 2))
    return tuple(jnp.asarray(v, dtype) for v in (X, Y, rng.uniform(0.2, 0.8, 5)))


def cubic(x):
    return jnp.sum(x**3) - x[0] * x[1]


def value(x):
    return np.sum(x**3) - x[0] * x[1]


def gradient(x):
    return 3 * x**2 - x[::-1]


def size(x, y):
    return abs(value(x)) + np.sum(np.abs(gradient(x)) * (np.abs(x) + np.abs(y)))


def convex_oracle(X, Y, t):
    worst = [0.0, 0.0, 0.0]
    for x, y, s in zip(X, Y, t, strict=True):
        scale, middle = max(size(x, y), size(y, x)), value((1 - s) * x + s * y)
        gap = middle - (1 - s) * value(x) - s * value(y)
        worst[0] = max(worst[0], gap / max(scale, abs(middle)))
        for p, q in ((x, y), (y, x)):
            worst[1] = max(worst[1], (value(p) + gradient(p) @ (q - p) - value(q)) / scale)
            w = np.linalg.eigvalsh([[6 * p[0], -1], [-1, 6 * p[1]]])
            worst[2] = max(worst[2], -w[0] / np.abs(w).max())
    return False, *worst


def quasiconvex_oracle(X, Y, t):
    worst = 0.0
    for x, y, s in zip(X, Y, t, strict=True):
        middle = value((1 - s) * x + s * y)
        excess = middle - max(value(x), value(y))
        worst = max(worst, excess / max(size(x, y), size(y, x), abs(middle)))
    return worst <= 1e-9, worst


P, T = np.eye(2), np.full(2, 0.5)
BAD = (
    Bad((3, P, P, T), "`fun` must be callable", TypeError),
    Bad((jnp.sum, P, np.eye(3), T), r"`Y` must have shape \(2, 2\)"),
    Bad((jnp.sum, P, P, 0.5), r"`t` must have shape \(2,\)"),
    Bad((lambda x: x, P, P, T), "`fun` must return a scalar"),
)

ROWS = [
    Row("optimize.is_convex", samples, convex_oracle, diff=JUDGED, bad=BAD, tol=64.0,
        call=lambda X, Y, t: optimize.is_convex(cubic, X, Y, t)),
    Row("optimize.is_quasiconvex", samples, quasiconvex_oracle, diff=JUDGED, bad=BAD, tol=64.0,
        call=lambda X, Y, t: optimize.is_quasiconvex(cubic, X, Y, t)),
    HostRow("optimize.ConvexityCheck", "a record",
            ("tests/optimize/test_convexity.py::test_what_is_convex_passes",)),
    HostRow("optimize.QuasiconvexityCheck", "a record",
            ("tests/optimize/test_convexity.py::test_quasiconvexity",)),
]  # fmt: skip
