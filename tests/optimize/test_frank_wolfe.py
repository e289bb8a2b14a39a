"""Frank–Wolfe: its oracles, its certificate at every step, its rate, how it ends."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status

RNG = np.random.default_rng(9)
N = 6
M = RNG.normal(size=(15, N))
TARGET = RNG.normal(size=15)
LIPSCHITZ = np.linalg.norm(M, 2) ** 2


def fun(x):
    return 0.5 * jnp.sum((jnp.matmul(M.astype(x.dtype), x) - TARGET.astype(x.dtype)) ** 2)


SETS = {
    "simplex": (optimize.linear_oracle_simplex, optimize.project_simplex, np.sqrt(2)),
    "box": (
        lambda g: optimize.linear_oracle_box(g, -0.1, 0.2),
        lambda x: optimize.project_box(x, -0.1, 0.2),
        0.3 * np.sqrt(N),
    ),
    "ball": (
        lambda g: optimize.linear_oracle_ball(g, 0.0, 0.4),
        lambda x: optimize.project_ball(x, 0.0, 0.4),
        0.8,
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_oracles_are_least_over_members(name):
    oracle, project, _ = SETS[name]
    g = RNG.normal(size=(20, N))
    s = jax.vmap(oracle)(g)
    np.testing.assert_allclose(jax.vmap(project)(s), s, atol=1e-14)
    z = jax.vmap(project)(RNG.normal(size=(500, N)))
    assert (np.sum(g * s, axis=1)[:, None] <= g @ np.asarray(z).T + 1e-14).all()
    assert np.isnan(oracle(jnp.full(N, jnp.nan))).all()


def test_a_slope_of_0_asks_for_no_infinite_entry():
    """f does not depend on what the box leaves free, and is least where its own bound is."""
    inf = jnp.inf
    lower, upper = jnp.array([-inf, -inf, -3.0, -inf]), jnp.array([2.0, inf, inf, inf])
    oracle = lambda g: optimize.linear_oracle_box(g, lower, upper)
    np.testing.assert_array_equal(oracle(jnp.zeros(4)), [2.0, 0.0, -3.0, 0.0])
    np.testing.assert_array_equal(oracle(-jnp.ones(4)), [2.0, inf, inf, inf])
    np.testing.assert_array_equal(oracle(jnp.ones(4)), [-inf, -inf, -3.0, -inf])
    box = lambda g: optimize.linear_oracle_box(g, lower[1:3], jnp.array([inf, 1.0]))
    found = optimize.frank_wolfe(lambda x: x[1] ** 3, jnp.array([5.0, 0.5]), box)
    assert found.converged
    np.testing.assert_allclose(found.value[1], -3.0)


@functools.cache
def least(name):
    project = SETS[name][1]
    return fun(optimize.projected_gradient(fun, jnp.zeros(N), project, tol=1e-10).value)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("rule", ["backtracking", "open_loop"])
def test_certificate_and_rate(name, rule):
    """f(x) − f* ≤ gap at every step; the least gap is at most 27/4·L·diam²/(k + 2)."""
    oracle, project, diameter = SETS[name]
    best = least(name)
    state = optimize.frank_wolfe_init(fun, oracle(jnp.ones(N)), oracle)
    step = jax.jit(lambda s: optimize.frank_wolfe_step(fun, s, oracle, step_rule=rule))
    gaps, values = [], []
    for _ in range(60):
        gaps.append(float(state.gap))
        values.append(float(fun(state.x) - best))
        np.testing.assert_allclose(project(state.x), state.x, atol=1e-14)
        state = step(state)
    assert (np.array(values) <= np.array(gaps) + 1e-13).all()
    k = np.arange(len(gaps))
    bound = 6.75 * LIPSCHITZ * diameter**2 / (k + 2)
    assert (np.minimum.accumulate(gaps)[1:] <= bound[1:]).all()
    assert gaps[0] > 10 * min(gaps)
    if rule == "backtracking":
        assert (np.diff(values) <= 1e-13).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lanes(dtype):
    """The minimum inside converges linearly, in both dtypes alike."""
    centers = np.concatenate([0.2 * RNG.normal(size=(6, 4)), np.full((1, 4), 9.0)]).astype(dtype)
    f = lambda x, c: jnp.sum((x - c) ** 2 * jnp.arange(1, 5).astype(x.dtype))
    run = lambda c: optimize.frank_wolfe(
        f, jnp.zeros(4, dtype), optimize.linear_oracle_ball, (c,), tol=1e-4
    )
    with jax.numpy_dtype_promotion("strict"):
        solution = jax.jit(jax.vmap(run))(centers)
    assert (solution.status == Status.CONVERGED).all()
    assert solution.error.dtype == dtype
    assert (solution.error <= 1e-4).all()
    assert (solution.num_steps <= 400).all()
    assert (solution.num_grad > solution.num_steps).all()
    inside = np.linalg.norm(centers, axis=1) < 1
    assert 3 <= inside.sum() < 7
    # μ‖x − c‖² ≤ f(x) − f* ≤ gap.
    np.testing.assert_allclose(solution.value[inside], centers[inside], atol=1e-2)
    np.testing.assert_allclose(np.linalg.norm(solution.value[-1]), 1.0, rtol=1e-5)


def test_how_it_ends_and_what_it_counts():
    calls = []

    def counted(x):
        jax.debug.callback(lambda: calls.append(1))
        return fun(x)

    simplex, x0 = optimize.linear_oracle_simplex, jnp.zeros(N).at[0].set(1.0)
    limited = jax.block_until_ready(optimize.frank_wolfe(counted, x0, simplex, max_steps=30))
    jax.effects_barrier()
    assert limited.status == Status.MAX_STEPS
    assert limited.num_steps == 30
    assert len(calls) == limited.num_grad > 31
    run = jax.jit(jax.vmap(lambda x: optimize.frank_wolfe(
        lambda x: jnp.sum(x**2), x, simplex, max_steps=3)))  # fmt: skip
    solution = run(jnp.stack([jnp.full(N, 1 / N), jnp.full(N, jnp.nan), jnp.zeros(N)]))
    assert [Status(int(s)).name for s in solution.status] == [
        "CONVERGED", "INVALID_START", "CONVERGED"
    ]  # fmt: skip
    outside = optimize.frank_wolfe(lambda x: jnp.sum((x - 1.0) ** 2), jnp.full(N, 0.9), simplex)
    assert outside.status == Status.INVALID_START  # the gap is −0.02: not in the simplex
    open_box = lambda g: optimize.linear_oracle_box(g, 0.0, jnp.inf)
    assert optimize.frank_wolfe(lambda x: -jnp.sum(x), x0, open_box).status == Status.NON_FINITE
    vertex = optimize.frank_wolfe(lambda x: x[2], x0, simplex, tol=0.0)
    assert vertex.converged
    assert vertex.error == 0
    exact = optimize.frank_wolfe(lambda x: jnp.sum((x - 0.01) ** 2), jnp.zeros(N, jnp.float32),
                                 optimize.linear_oracle_ball, tol=0.0)  # fmt: skip
    assert exact.status in (Status.STAGNATED, Status.CONVERGED)
    with pytest.raises(ValueError, match="argument `step_rule` must be 'backtracking' or"):
        optimize.frank_wolfe(fun, x0, simplex, step_rule="exact")


def test_pytrees():
    f = lambda p: jnp.sum((p["a"] - 0.5) ** 2) + (p["b"] - 3.0) ** 2
    corner = lambda g: jax.tree.map(lambda leaf: jnp.where(leaf > 0, 0.0, 1.0), g)
    solution = optimize.frank_wolfe(f, {"a": [1.0, 0.0], "b": 0.0}, corner, tol=1e-3)
    assert solution.converged
    np.testing.assert_allclose(solution.value["a"], 0.5, atol=0.05)
    np.testing.assert_allclose(solution.value["b"], 1.0, atol=1e-3)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_ended_lanes_do_not_hold_the_others(dtype):
    """A lane at its gap of 0, a NaN start, one outside, a box whose squares underflow."""
    f = lambda x, width: jnp.sum((x / width - 0.3) ** 2)
    run = jax.jit(jax.vmap(lambda x, width: optimize.frank_wolfe(
        f, x, lambda g: jnp.where(g > 0, 0.0, 1.0).astype(g.dtype) * width, (width,), max_steps=40
    )))  # fmt: skip
    tiny = {jnp.float32: 1e-25, jnp.float64: 1e-200}[dtype]
    starts = jnp.array([[0.9, 0.1], [0.3, 0.3], [jnp.nan, 0.0], [9.0, 9.0], [0.0, tiny]], dtype)
    widths = jnp.array([1.0, 1.0, 1.0, 1.0, tiny], dtype)
    found = run(starts, widths)
    assert found.num_steps[0] > 0
    assert found.status[2] == Status.INVALID_START
    assert (found.status != Status.RUNNING).all()
    alone = optimize.frank_wolfe(
        lambda x: f(x, 1.0), starts[0], lambda g: jnp.where(g > 0, 0.0, 1.0).astype(dtype),
        max_steps=40,
    )  # fmt: skip
    np.testing.assert_allclose(found.value[0], alone.value, rtol=1e-5)


def test_a_lane_at_its_minimum_costs_no_evaluations():
    """Its gap is 0, and no curvature would do for it: the search must not begin."""
    calls = []

    def f(x):
        jax.debug.callback(lambda _: calls.append(1), x)
        return jnp.sum((x - 0.3) ** 2)

    corner = lambda g: jnp.where(g > 0, 0.0, 1.0)
    starts = jnp.array([[0.9, 0.1], [0.3, 0.3]])
    jax.vmap(lambda x: optimize.frank_wolfe(f, x, corner, max_steps=5))(starts)
    jax.effects_barrier()
    assert len(calls) < 100
