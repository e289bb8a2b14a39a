"""Rows of the batches of minimizations."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, HostRow, Row, key
from tests.contract.rows_optimize_descent import LOOP, bowl


def starts(rng, dtype):
    make = lambda *shape: jnp.asarray(rng.uniform(0.5, 1.5, shape), dtype)
    return make(5, 2), make(5, 2), make(2)


def box(rng, dtype):
    return key(rng), *(jnp.asarray(rng.uniform(0.5, 1.5, 2), dtype) for _ in range(2))


def minimizers(x0, centres, weights):
    tol = 8 * float(jnp.finfo(x0.dtype).eps)
    args, axes = (centres, weights), (0, None)
    return optimize.minimize_batch(bowl, x0, args, args_axes=axes, tol=tol, lanes=2).value


def best(key, centre, weights):
    tol = 8 * float(jnp.finfo(centre.dtype).eps)
    low, args = centre - 2, (centre, weights)
    return optimize.multistart(key, bowl, low, low + 3, args, num_starts=3, tol=tol).best.value


PAIR = np.zeros((3, 2))

ROWS = [
    Row("optimize.minimize_batch", starts, lambda x0, centres, weights: centres, diff=LOOP,
        call=minimizers, tol=64.0, bad=(
            Bad((jnp.sum, np.zeros((0, 2))), "`x0` must have a leading axis, one row a start"),
            Bad((jnp.sum, {"a": PAIR, "b": PAIR[:2]}), "`x0` must have a leading axis of length 3"),
            Bad((jnp.sum, PAIR, (), "l-bfgs-b"), "`method` must be one of bfgs, l-bfgs"),
            Bad((lambda x: x, PAIR), r"`fun` must return a scalar, got shape \(2,\)"),
            Bad((bowl, PAIR, (jnp.sin,)), "`args` must hold arrays", TypeError),
        )),
    Row("optimize.multistart", box, lambda key, centre, weights: centre, diff=LOOP, call=best,
        tol=64.0, dtypes=("float64",), note="as minimize_batch", bad=(
            Bad((0, jnp.sum, np.zeros(2), np.ones(2)), "`key` must be a random key", TypeError),
            Bad((jax.random.key(0), jnp.sum, np.zeros(2), np.ones(3)),
                r"`upper` must have shape \(2,\)"),
        )),
    HostRow("optimize.Multistart", "a record: the best solution and all of them",
            ("tests/optimize/test_batch.py::test_multistart_finds_the_lowest_minimum",)),
]  # fmt: skip
