"""Spectral projected gradient against SciPy, closed forms and the KKT conditions; how it ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath import optimize
from jaxmath.iterate import Status

RNG = np.random.default_rng(8)
A, B = RNG.normal(size=(20, 6)), RNG.normal(size=20)


def least_squares(x, b):
    return 0.5 * jnp.sum((jnp.matmul(A.astype(x.dtype), x) - b) ** 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nonnegative_least_squares_in_lanes(dtype):
    b = RNG.normal(size=(10, 20))
    solve = lambda b: optimize.projected_gradient(
        least_squares, jnp.ones(6, dtype), lambda x: jnp.maximum(x, 0.0), (b,)
    )
    with jax.numpy_dtype_promotion("strict"):
        solution = jax.jit(jax.vmap(solve))(b.astype(dtype))
    assert (solution.status == Status.CONVERGED).all()
    assert solution.value.dtype == solution.error.dtype == dtype
    assert (solution.error <= np.sqrt(np.finfo(dtype).eps)).all()
    assert (solution.num_steps < 60).all()
    assert (solution.num_grad == solution.num_steps + 1).all()
    assert (solution.num_fun >= solution.num_grad).all()
    want = np.stack([scipy.optimize.nnls(A, row)[0] for row in b])
    np.testing.assert_allclose(solution.value, want, atol=1e-3 if dtype == np.float32 else 1e-8)
    assert (want == 0).any()
    np.testing.assert_array_equal(np.asarray(solution.value)[want == 0], 0)


def test_simplex_ball_and_box():
    b = jnp.asarray(B)
    solution = optimize.projected_gradient(
        least_squares, jnp.zeros(6), optimize.project_simplex, (b,)
    )
    kkt = optimize.kkt_residual(
        least_squares, solution.value, (b,), equality=lambda x, b: jnp.sum(x) - 1.0, lower=0.0
    )
    assert kkt.error < 1e-7
    # On the sphere of radius r: (AᵀA + μI)x = Aᵀb with ‖x‖ = r.
    radius = 0.1
    at = lambda mu: np.linalg.solve(A.T @ A + mu * np.eye(6), A.T @ B)
    mu = scipy.optimize.brentq(lambda mu: np.linalg.norm(at(mu)) - radius, 0, 1e4, xtol=1e-12)
    ball = lambda x: optimize.project_ball(x, 0.0, radius)
    solution = optimize.projected_gradient(least_squares, jnp.ones(6), ball, (b,), tol=1e-11)
    np.testing.assert_allclose(solution.value, at(mu), atol=1e-10)
    # A valley that meets the wall.
    x0 = np.array([-1.2, 0.7, -1.0, 0.5])
    want = scipy.optimize.minimize(
        scipy.optimize.rosen, x0, jac=scipy.optimize.rosen_der, bounds=[(-2, 0.8)] * 4,
        options={"ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    box = lambda x: optimize.project_box(x, -2.0, 0.8)
    solution = optimize.projected_gradient(optimize.rosenbrock, jnp.asarray(x0), box)
    assert solution.converged
    np.testing.assert_allclose(solution.value, want.x, atol=1e-6)
    assert solution.value[0] == 0.8
    # M = 1: no value is above the one before.
    state = optimize.projected_gradient_init(optimize.rosenbrock, x0, box, memory=1)
    step = jax.jit(lambda s: optimize.projected_gradient_step(optimize.rosenbrock, s, box))
    values = [float(state.value)]
    for _ in range(30):
        state = step(state)
        values.append(float(state.value))
    assert (np.diff(values) <= 1e-15).all()
    assert values[-1] < 0.1 * values[0]


def test_spectral_steps_beat_fixed_ones():
    """Condition 1000: a fixed step of 1/L takes about κ·ln(1/√eps) ≈ 18000."""
    f = lambda x: 0.5 * jnp.sum(jnp.geomspace(1.0, 1000.0, 20) * (x - 0.5) ** 2)
    solution = optimize.projected_gradient(f, jnp.zeros(20), lambda x: jnp.clip(x, -1.0, 0.7))
    assert solution.converged
    assert solution.num_steps < 1000
    rosenbrock = optimize.projected_gradient(
        optimize.extended_rosenbrock, jnp.tile(jnp.array([-1.2, 1.0]), 5), lambda x: x
    )
    assert rosenbrock.converged
    assert rosenbrock.num_steps < 80


def test_counts_are_those_of_the_calls():
    """Each value, and each gradient, runs the function once; the first pair runs it together."""
    calls = []

    def fun(x):
        jax.debug.callback(lambda: calls.append(1))
        return optimize.rosenbrock(x)

    solution = optimize.projected_gradient(fun, jnp.array([-1.2, 1.0]), lambda x: x, max_steps=20)
    jax.block_until_ready(solution)
    jax.effects_barrier()
    assert solution.num_fun > solution.num_grad
    assert len(calls) == solution.num_fun + solution.num_grad - 1


def test_every_way_to_end():
    def fun(x, kind):
        cases = (jnp.sum(x**2), -jnp.sum(x**2), x[0])
        nan = jnp.where(kind == 3, jnp.nan, 0.0)
        return sum(jnp.where(kind == i, case, 0.0) for i, case in enumerate(cases)) + nan

    def project(x):
        empty = jnp.where(x[0] == 100, jnp.nan, 0.0)
        return x + empty

    run = jax.jit(jax.vmap(lambda x, k: optimize.projected_gradient(fun, x, project, (k,))))
    x0 = jnp.array([[1.0, 2.0]] * 4 + [[jnp.nan, 1.0], [100.0, 1.0]])
    solution = run(x0, jnp.array([0, 1, 2, 3, 0, 0]))
    names = [Status(int(s)).name for s in solution.status]
    assert names == [
        "CONVERGED", "UNBOUNDED", "UNBOUNDED", "NON_FINITE", "INVALID_START", "INFEASIBLE"
    ]  # fmt: skip
    np.testing.assert_allclose(solution.value[0], 0, atol=1e-8)
    limited = optimize.projected_gradient(
        optimize.rosenbrock, jnp.zeros(2), lambda x: x, max_steps=2
    )
    assert limited.status == Status.MAX_STEPS
    assert limited.num_steps == 2
    noise = lambda x: 1e6 + jnp.sum((x - 0.3) ** 4)
    stuck = optimize.projected_gradient(noise, jnp.ones(3, jnp.float32), lambda x: x, tol=0.0)
    assert stuck.status == Status.STAGNATED
    assert np.isfinite(stuck.value).all()


def test_pytrees_and_one_program_for_all_data_of_a_set():
    traces, counts = [], []

    def fun(p, scale):
        traces.append(1)
        return scale * (jnp.sum((p["w"] - 2.0) ** 2) + (p["b"] + 1.0) ** 2)

    def project(limit, p):
        return {"w": jnp.minimum(p["w"], limit), "b": jnp.maximum(p["b"], 0.0)}

    start = {"w": [0.0, 0.0], "b": 5.0}
    for limit in (1.0, 1.5):
        bound = jax.tree_util.Partial(project, jnp.asarray(limit))
        solution = optimize.projected_gradient(fun, start, bound, (3.0,))
        np.testing.assert_allclose(solution.value["w"], limit)
        assert solution.value["b"] == 0
        counts.append(len(traces))
    assert counts[0] == counts[1]
    with pytest.raises(ValueError, match="argument `memory` must be at least 1"):
        optimize.projected_gradient(jnp.sum, jnp.ones(2), lambda x: x, memory=0)
    with pytest.raises(ValueError, match="argument `tol` must be at least 0"):
        optimize.projected_gradient(jnp.sum, jnp.ones(2), lambda x: x, tol=-1.0)


def test_an_infinite_start_is_none():
    f, P = lambda x: jnp.sum((x - 2.0) ** 2), lambda x: jnp.clip(x, 0.0, 1.0)
    for start in ([jnp.inf, jnp.inf], [-jnp.inf, jnp.inf], [jnp.nan, 0.0]):
        assert optimize.projected_gradient(f, jnp.array(start), P).status == Status.INVALID_START


def test_a_lane_of_nan_costs_the_others_no_evaluation():
    f = lambda x: jnp.sum(jnp.abs(x - 2.0) ** 3)
    run = jax.vmap(lambda x: optimize.projected_gradient(f, x, lambda x: x, max_steps=5))
    good = jnp.array([[1.0, 7.0]])
    both = run(jnp.concatenate([good, jnp.full((1, 2), jnp.nan)]))
    assert both.num_fun[0] == run(good).num_fun[0]
    assert both.status[1] == Status.INVALID_START
    text = str(jax.make_jaxpr(run)(good))
    assert "while" in text
