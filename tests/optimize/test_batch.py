"""Batches: each lane as if it were alone, and no lane that waits for the slowest."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize._bfgs import by_bfgs
from jaxmath.optimize._pool import counted, run_pool, unpacked

X0 = np.random.default_rng(0).uniform(-2, 2, (7, 2))
A = np.linspace(0.5, 2.0, 7)


def rosenbrock(x, a, weight):
    return jnp.sum(weight * (x[1::2] - x[::2] ** 2) ** 2 + (a - x[::2]) ** 2)


@pytest.fixture(scope="module")
def batch():
    return optimize.minimize_batch(rosenbrock, X0, (A, 100.0), args_axes=(0, None), lanes=3)


def test_each_lane_is_as_if_alone(batch):
    """Minimizers known in closed form; status and counts are those of the solver."""
    np.testing.assert_allclose(batch.value, np.stack([A, A**2], 1), rtol=1e-6)
    for i in range(7):
        alone = optimize.minimize(rosenbrock, X0[i], (A[i], 100.0))
        for field in ("status", "num_steps", "num_fun", "num_grad"):
            assert getattr(batch, field)[i] == getattr(alone, field)
        np.testing.assert_allclose(batch.value[i], alone.value, rtol=1e-9)


def test_pool_size_changes_no_lane(batch):
    whole = optimize.minimize_batch(rosenbrock, X0, (A, 100.0), args_axes=(0, None), lanes=9)
    np.testing.assert_array_equal(whole.num_fun, batch.num_fun)
    np.testing.assert_allclose(whole.value, batch.value, rtol=1e-9)


@pytest.fixture
def three_cores(monkeypatch):
    monkeypatch.setattr("jaxmath.optimize.batch.cores", lambda: 3)


def shared_out(x0, a, weight):
    """Three parts of three starts, two of them the last."""
    args, axes = ({"a": a}, weight), (0, None)
    fun = lambda x, own, weight: rosenbrock(x, own["a"], weight)
    return optimize.minimize_batch(fun, x0, args, args_axes=axes, lanes=2)


def test_cores_change_no_lane(three_cores):
    apart, whole = shared_out(X0, A, 100.0), jax.jit(shared_out)(X0, A, 100.0)
    assert jax.tree.map(jax.typeof, apart) == jax.tree.map(jax.typeof, whole)
    np.testing.assert_allclose(apart.value, whole.value, rtol=1e-9)
    for field in ("status", "num_steps", "num_fun", "num_grad"):
        np.testing.assert_array_equal(getattr(apart, field), getattr(whole, field))


def test_cores_share_one_compilation(three_cores, monkeypatch):
    traces, alone = [], []

    def fun(x):
        traces.append(1)
        return jnp.sum((x - 1) ** 2)

    def same(x):
        alone.append(1)
        return jnp.sum((x - 1) ** 2)

    with monkeypatch.context() as patch:
        patch.setattr("jaxmath.optimize.batch.cores", lambda: 1)
        optimize.minimize_batch(same, X0[:3], lanes=2)

    counts = []
    for rows in (X0, X0 + 1, X0[:6], jnp.asarray(X0[:6], jnp.float32)):
        s = optimize.minimize_batch(fun, rows, lanes=2)
        np.testing.assert_allclose(s.value, np.ones_like(rows), rtol=1e-5)
        counts.append(len(traces))
    # A new shape is another program: parts of three rows, then of two, in double, then in single.
    assert counts[0] == counts[1] == len(alone)
    assert counts == [counts[0], counts[0], 2 * counts[0], 3 * counts[0]]


def test_a_function_without_a_hash_and_shared_arguments_of_any_shape(three_cores):
    class Distance:
        __hash__ = None

        def __call__(self, x, centre):
            return jnp.sum((x - jnp.sum(centre)) ** 2)

    for centre in (2.0, [1.0, 1.0]):
        for fun in (Distance(), Distance().__call__):
            s = optimize.minimize_batch(fun, X0, (centre,), lanes=2)
            np.testing.assert_allclose(s.value, 2.0)


def test_cores_are_left_alone_in_a_trace_and_in_other_settings(three_cores):
    """``fun`` holds a tracer of the caller's, or a thread would compute in another precision."""
    solve = lambda a: (
        optimize.minimize_batch(lambda x: jnp.sum((x - a) ** 2), X0, tol=1e-8, lanes=2).value
    )
    expected = np.broadcast_to(np.full(2, 2.0), (7, 2))
    np.testing.assert_allclose(jax.jit(solve)(2.0), expected)
    np.testing.assert_allclose(jax.vmap(solve)(np.full(1, 2.0))[0], expected)
    np.testing.assert_allclose(jax.jvp(solve, (2.0,), (1.0,))[0], expected)
    seen = []

    def fun(x):
        seen.append(jnp.zeros(()).dtype)
        return jnp.sum((x - 2) ** 2)

    with jax.enable_x64(False):
        optimize.minimize_batch(fun, np.array(X0), lanes=2)
        optimize.minimize_batch(fun, np.array(X0) + 1, lanes=2)
    assert set(seen) == {jnp.dtype("float32")}


@pytest.mark.parametrize("method", ["bfgs", "trust-ncg"])
def test_a_large_pool_and_leaves_of_several_shapes(method):
    """More lanes than have a table of ranks, in a program and out of it, field by field."""
    fun = lambda x: (
        jnp.sum((x["a"] - 1.0) ** 2) + (x["b"] - 2.0) ** 2 + jnp.sum((x["c"] - x["b"]) ** 2)
    )
    n = 700
    rng = np.random.default_rng(0)
    x0 = {"a": rng.normal(size=(n, 2, 3)), "b": rng.normal(size=n), "c": rng.normal(size=(n, 1))}
    solve = lambda x0, lanes: optimize.minimize_batch(fun, x0, method=method, lanes=lanes)
    whole, few, traced = solve(x0, 300), solve(x0, 5), jax.jit(partial(solve, lanes=300))(x0)
    for other in (few, traced):
        jax.tree.map(partial(np.testing.assert_allclose, atol=1e-8), whole.value, other.value)
        np.testing.assert_array_equal(whole.status, other.status)
        np.testing.assert_allclose(whole.error, other.error, atol=1e-10)
        np.testing.assert_array_equal(other.num_fun, other.num_grad)
        # A product more or less is rounding, as a pool of another size is another program.
        for count in ("num_steps", "num_fun", "num_hess", "num_hvp"):
            np.testing.assert_allclose(getattr(whole, count), getattr(other, count), atol=4)
    assert jax.tree.map(np.shape, whole.value) == jax.tree.map(np.shape, x0)
    for name, minimizer in {"a": 1.0, "b": 2.0, "c": 2.0}.items():
        np.testing.assert_allclose(whole.value[name], minimizer, rtol=1e-5)
    assert whole.status.dtype == whole.num_hess.dtype == jnp.int32


def test_no_lane_waits_for_the_slowest():
    """Trips of the pool are near the sum of the evaluations over its lanes, not n·max."""
    n, size = 64, 8
    weight = np.ones(n)
    weight[5::10] = 1e5  # narrow valleys: many times the evaluations of the others
    method = lambda w: counted(
        by_bfgs(partial(rosenbrock, a=1.0, weight=w), lambda x: x, (), 1e-9, 1000)
    )
    x0 = jnp.asarray(np.random.default_rng(1).uniform(-1, 1, (n, 2)))
    solution = unpacked(jax.jit(lambda x, w: run_pool(method, x, (w,), (0,), size))(x0, weight))
    trips = solution.num_hess.max()
    assert np.all(solution.status == Status.CONVERGED)
    used = solution.num_fun
    assert used.max() > 4 * np.median(used)
    # A quarter of the pool may be free, and the end is the slowest's alone.
    assert trips <= used.sum() / (0.75 * size) + used.max()
    slots = np.asarray(used).reshape(-1, size)
    assert trips < 0.8 * slots.max(1).sum()  # batches that each wait for their slowest


def test_statuses_are_each_lanes_own():
    """NaN, unbounded and good lanes side by side, through a pool of two."""

    fun = lambda x, a, b, c: a * jnp.sum((x - 1) ** 2) + b * jnp.sum(x) + c
    starts, (a, b, c) = np.zeros((5, 2)), np.zeros((3, 5))
    a[0], b[1], c[2], starts[4, 0] = 1.0, 1.0, np.nan, np.inf
    s = optimize.minimize_batch(fun, starts, (a, b, c), args_axes=0, lanes=2)
    expected = ["CONVERGED", "UNBOUNDED", "NON_FINITE", "CONVERGED", "INVALID_START"]
    assert [Status(int(v)).name for v in s.status] == expected
    np.testing.assert_allclose(s.value[0], 1.0)


def test_pytrees_and_single_precision():
    fun = lambda x: jnp.sum((x["a"] - 2) ** 2) + (x["b"] + 1) ** 2
    x0 = {"a": jnp.ones((4, 3), jnp.float32), "b": jnp.arange(4, dtype=jnp.float32)}
    s = optimize.minimize_batch(fun, x0, method="L-BFGS", max_steps=50)
    assert s.value["a"].shape == (4, 3)
    assert s.value["a"].dtype == jnp.float32
    np.testing.assert_allclose(s.value["a"], 2.0, rtol=1e-5)
    np.testing.assert_allclose(s.value["b"], -1.0, rtol=1e-5)


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "newton", "trust-exact", "nelder-mead"])
def test_no_steps(method):
    s = optimize.minimize_batch(rosenbrock, X0, (1.0, 100.0), method, max_steps=0)
    assert np.all(s.status == Status.MAX_STEPS)
    assert not np.any(s.num_steps)
    np.testing.assert_array_equal(s.value, X0)


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "trust-ncg"])
def test_an_end_at_the_start(method):
    """At the minimum, at no point, and where f is none: beside a start from elsewhere."""
    fun = lambda x: jnp.where(x[1] > 5.0, jnp.nan, jnp.sum((x - 1.0) ** 2))
    starts = np.array([[1.0, 1.0], [np.nan, 1.0], [1.0, 6.0], [3.0, 0.0], [1.0, 1.0]])
    s = optimize.minimize_batch(fun, starts, method=method, lanes=2)
    assert [Status(int(v)).name for v in s.status] == [
        "CONVERGED", "INVALID_START", "NON_FINITE", "CONVERGED", "CONVERGED",
    ]  # fmt: skip
    assert s.num_fun.tolist()[:3] == [1, 1, 1]
    assert s.num_steps.tolist()[:3] == [0, 0, 0]
    assert s.num_fun[4] == 1


def bumpy(x, centre):
    """Minima at every 2π/6 of each axis; the lowest, −n, at the centre."""
    t = x - centre
    return jnp.sum(t**2 - jnp.cos(6 * t))


def test_multistart_finds_the_lowest_minimum():
    box = np.full(2, -5.0), np.full(2, 5.0)
    solve = lambda key, c: optimize.multistart(key, bumpy, *box, (c,), num_starts=60)
    found = jax.vmap(solve)(jax.random.split(jax.random.key(0), 2), jnp.array([0.0, 1.5]))
    np.testing.assert_allclose(found.value, -2.0, atol=1e-12)
    np.testing.assert_allclose(found.best.value, [[0.0, 0.0], [1.5, 1.5]], atol=1e-6)
    np.testing.assert_array_equal(found.values.min(1), found.value)
    assert np.all(found.values > -2 - 1e-12)
    assert np.sum(found.values > -1.9) > 30  # most starts end in another minimum


def test_multistart_keeps_from_nan():
    """f is NaN on half of the box: a start there does not hide the others."""
    f = lambda x: jnp.where(x[0] > 0, jnp.sum((x - 1) ** 2), jnp.nan)
    solve = lambda low, high: optimize.multistart(
        jax.random.key(1), f, jnp.array([low, -1.0]), jnp.array([high, 1.0]), num_starts=8
    )
    found = solve(-1.0, 1.0)
    assert found.value < 1e-12
    assert np.any(found.solutions.status == Status.NON_FINITE)
    assert np.isnan(solve(-2.0, -1.0).value)
    assert np.all(solve(0.0, np.inf).solutions.status == Status.INVALID_START)
    assert np.all(solve(1.0, 0.0).solutions.status == Status.INFEASIBLE)


def test_a_symbolic_number_of_starts():
    solve = lambda x: (
        optimize.minimize_batch(lambda x: jnp.sum((x - 1) ** 2 * jnp.arange(1.0, 4.0)), x).value
    )
    (n,) = jax.export.symbolic_shape("n")
    program = jax.export.export(jax.jit(solve))(jax.ShapeDtypeStruct((n, 3), jnp.float64))
    for size in (1, 130):
        x = jnp.asarray(np.random.default_rng(0).normal(size=(size, 3)))
        np.testing.assert_allclose(program.call(x), 1.0, atol=1e-8)
