"""Rows of ``jaxmath.optimize.saddle_points``: a strongly convex–concave quadratic."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row

P, Q = np.diag([1.0, 2.0, 1.5]), np.diag([2.0, 1.0])


def fun(x, y, data):
    """½xᵀPx + xᵀAy − ½yᵀQy + aᵀx + bᵀy."""
    A, a, b = data
    p, q = jnp.asarray(P, x.dtype), jnp.asarray(Q, x.dtype)
    return x @ (p @ x) * 0.5 + x @ (A @ y) - y @ (q @ y) * 0.5 + a @ x + b @ y


def data(rng, dtype):
    A, a, b = rng.uniform(-1, 1, size=(3, 2)), rng.normal(size=3), rng.normal(size=2)
    x0, y0 = rng.normal(size=3), rng.normal(size=2)
    return tuple(jnp.asarray(v, dtype) for v in (x0, y0, A, a, b))


def saddle(x0, y0, A, a, b):
    """Px + Ay + a = 0, Aᵀx − Qy + b = 0."""
    z = np.linalg.solve(np.block([[P, A], [A.T, -Q]]), -np.concatenate([a, b]))
    return z[:3], z[3:]


def called(name):
    method = getattr(optimize, name)
    return lambda x0, y0, *data: tuple(method(fun, x0, y0, (data,), learning_rate=0.2).value)


NONE = NotDifferentiable("a loop of data-dependent length; differentiate F(z) = 0 instead")
BAD = (
    Bad((lambda x, y: x * y, np.ones(2), np.ones(2)), "`fun` must return a scalar, got shape"),
    Bad((lambda x, y: 0.0, np.ones(2, np.float32), np.ones(2)), "`y0` must have the dtype of `x0`",
        TypeError),
)  # fmt: skip

ROWS = [
    Row(f"optimize.{name}", data, saddle, diff=NONE, bad=BAD, tol=1000.0, call=called(name))
    for name in ("extragradient", "gradient_descent_ascent", "optimistic_gradient")
]
