"""Rows of ``jaxmath.linalg``: the four subspaces, rank, bases, and axioms on samples."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxmath import linalg
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

BATCH = Bad((np.ones((2, 3, 3)),), r"`A` must have rank 2, got shape \(2, 3, 3\); for a batch")
EMPTY = Bad((np.ones((0, 2)),), r"`A` must have at least 1 elements, got shape \(0, 2\)")
BAD = (BATCH, EMPTY, Bad(("text",), "`A` must be an array", TypeError))
COUNTED = NotDifferentiable("an integer")
JUDGED = NotDifferentiable("a verdict on samples; its violations are compared, not optimized")


def matrix(*shape):
    """Of full rank, with singular values near 1 … 3."""

    def make(rng, dtype):
        U, _, Vh = np.linalg.svd(rng.normal(size=shape))
        k = min(shape)
        return (jnp.asarray((U[:, :k] * rng.uniform(1, 3, k)) @ Vh[:k], dtype),)

    return make


def deficient(rng, dtype):
    """Of rank 2 to rounding, 4 by 3."""
    return (jnp.asarray(rng.normal(size=(4, 2)) @ rng.normal(size=(2, 3)), dtype),)


def bases(rng, dtype):
    return matrix(3, 3)(rng, dtype) + matrix(3, 3)(rng, dtype)


def projectors(A):
    left, right, rank = linalg.four_subspaces(A)
    of = lambda basis: linalg.Subspace(basis, rank).projector()
    return of(left), of(right), rank


def numpy_projectors(A):
    pinv = np.linalg.pinv(A)
    return A @ pinv, pinv @ A, np.linalg.matrix_rank(A)


def projector(space_fn):
    def call(A):
        space = space_fn(A)
        return space.projector(), space.dimension

    return call


def null_projector(A):
    N = scipy.linalg.null_space(A)
    return N @ N.T, N.shape[1]


def range_projector(A):
    Q = scipy.linalg.orth(A)
    return Q @ Q.T, Q.shape[1]


def samples(rng, dtype):
    return (*(jnp.asarray(rng.normal(size=(5, 3)), dtype) for _ in range(3)),
            jnp.asarray(rng.normal(size=5), dtype))  # fmt: skip


# Far from linear, a metric, an inner product: so that the violations are no rounding.
def square(x):
    return x * x


def gap(x, y):
    return jnp.sum((x - y) ** 2)


def skewed(x, y):
    return jnp.sum(x * y) + 0.5 * x[0] ** 2 * y[1]


def loops_linear(X, Y, Z, a):
    worst = [0.0, 0.0]
    for x, y, s in zip(X, Y, a, strict=True):
        terms = (x + y) ** 2, x**2, y**2
        worst[0] = max(worst[0], np.abs(terms[0] - terms[1] - terms[2]).max() / np.max(terms))
        terms = (s * x) ** 2, s * x**2
        worst[1] = max(worst[1], np.abs(terms[0] - terms[1]).max() / np.abs(terms).max())
    return False, *worst


def loops_metric(X, Y, Z):
    d, worst = lambda x, y: np.sum((x - y) ** 2), 0.0
    for x, y, z in zip(X, Y, Z, strict=True):
        a, b, c = sorted((d(x, y), d(y, z), d(z, x)))
        worst = max(worst, (c - a - b) / c)
    return worst <= 1e-9, 0.0, 0.0, 0.0, max(worst, 0.0)


def loops_inner(X, Y, Z, a):
    f, worst = lambda x, y: np.sum(x * y) + 0.5 * x[0] ** 2 * y[1], [0.0, 0.0]
    length = lambda x: np.sqrt(np.abs(f(x, x)))
    squares = [f(v, v) for V in (X, Y, Z) for v in V]
    for x, y, z, s in zip(X, Y, Z, a, strict=True):
        terms = abs(f(x, y)), abs(f(y, x)), length(x) * length(y)
        worst[0] = max(worst[0], abs(f(x, y) - f(y, x)) / max(terms))
        terms = f(s * x + y, z), -s * f(x, z), -f(y, z)
        room = (abs(s) * length(x) + length(y)) * length(z)
        worst[1] = max(worst[1], abs(sum(terms)) / max(*np.abs(terms), room))
    return False, *worst, np.mean([v <= 0 for v in squares])


ROWS = [
    Row("linalg.four_subspaces", matrix(4, 2), numpy_projectors,
        call=projectors, bad=BAD),
    Row("linalg.column_space", matrix(4, 2), range_projector,
        call=projector(linalg.column_space), bad=BAD),
    Row("linalg.row_space", matrix(2, 4), lambda A: range_projector(A.T),
        call=projector(linalg.row_space), bad=BAD),
    Row("linalg.null_space", matrix(2, 4), null_projector,
        call=projector(linalg.null_space), bad=BAD),
    Row("linalg.left_null_space", matrix(4, 2), lambda A: null_projector(A.T),
        call=projector(linalg.left_null_space), bad=BAD),
    Row("linalg.rank", deficient, lambda A: 2, diff=COUNTED, bad=BAD),
    Row("linalg.nullity", deficient, lambda A: 1, diff=COUNTED, bad=BAD),
    Row("linalg.linearly_independent", deficient, lambda A: False, diff=COUNTED, bad=BAD),
    Row("linalg.change_of_basis", bases, lambda B, C: np.linalg.solve(C, B), diff=(0, 1),
        bad=(Bad((np.eye(2), np.eye(3)), r"`target` must have shape \(2, 2\), got \(3, 3\)"),
             Bad((np.ones((2, 3)), np.eye(2)), r"`source` must have shape \(2, 2\)"))),
    Row("linalg.is_linear_map", samples, loops_linear, diff=JUDGED,
        call=lambda X, Y, Z, a: linalg.is_linear_map(square, X, Y, a),
        bad=(Bad((3, np.eye(2), np.eye(2), np.ones(2)), "`map_fn` must be callable", TypeError),
             Bad((square, np.eye(2), np.eye(3), np.ones(2)), r"`Y` must have shape \(2, 2\)"))),
    Row("linalg.is_metric", lambda rng, dtype: samples(rng, dtype)[:3], loops_metric, diff=JUDGED,
        call=lambda X, Y, Z: linalg.is_metric(gap, X, Y, Z),
        bad=(Bad((3, np.eye(2), np.eye(2), np.eye(2)), "`metric_fn` must be callable", TypeError),
             Bad((gap, np.eye(2), np.eye(2), np.eye(3)), r"`Z` must have shape \(2, 2\)"))),
    Row("linalg.is_inner_product", samples, loops_inner, diff=JUDGED,
        call=lambda X, Y, Z, a: linalg.is_inner_product(skewed, X, Y, Z, a),
        bad=(Bad((3, *[np.eye(2)] * 3, np.ones(2)), "`inner_fn` must be callable", TypeError),
             Bad((skewed, *[np.eye(2)] * 3, np.ones(3)), r"`a` must have shape \(2,\)"))),
    HostRow("linalg.FourSubspaces", "a record",
            ("tests/linalg/test_spaces.py::test_the_four_subspaces",)),
    HostRow("linalg.Subspace", "a record",
            ("tests/linalg/test_spaces.py::test_one_space_at_a_time",)),
    HostRow("linalg.LinearMapCheck", "a record",
            ("tests/linalg/test_axioms.py::test_linear_maps",)),
    HostRow("linalg.MetricCheck", "a record", ("tests/linalg/test_axioms.py::test_metrics",)),
    HostRow("linalg.InnerProductCheck", "a record",
            ("tests/linalg/test_axioms.py::test_inner_products",)),
]  # fmt: skip
