"""The penalty and the barrier: their exact paths on a linear program, problems, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import (
    augmented_lagrangian,
    constrained_problems,
    log_barrier,
    quadratic_penalty,
)

PROBLEMS = {p.name: p for p in constrained_problems()}


@pytest.mark.sampled(7)
@pytest.mark.parametrize("name", ["hs7", "hs14", "hs43", "hs71", "hs76", "hs77", "hs100"])
def test_penalty_reaches_half_the_digits(name):
    p = PROBLEMS[name]
    kinds = {k: getattr(p, k) for k in ("equality", "inequality", "lower", "upper")}
    s = quadratic_penalty(p.objective, jnp.asarray(p.start), **kinds)
    assert s.status == Status.CONVERGED
    assert abs(p.objective(s.value.x) - p.minimum) <= 1e-5 * max(1.0, abs(p.minimum))
    for got, want in zip(s.value.multipliers, p.multipliers, strict=True):
        if want is not None:
            np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", ["hs29", "hs35", "hs43", "hs76", "hs100"])
def test_barrier_from_inside(name):
    p = PROBLEMS[name]
    kinds = {k: getattr(p, k) for k in ("inequality", "lower", "upper")}
    s = log_barrier(p.objective, jnp.asarray(p.start), **kinds)
    assert s.status == Status.CONVERGED
    assert abs(p.objective(s.value.x) - p.minimum) <= 1e-5 * max(1.0, abs(p.minimum))
    assert p.objective(s.value.x) > p.minimum
    assert jnp.all(p.inequality(s.value.x) > 0.0)
    m = s.value.multipliers
    np.testing.assert_allclose(m.inequality, p.multipliers.inequality, atol=1e-4)
    residual = optimize.kkt_residual(p.objective, s.value.x, (), m, **kinds)
    assert residual.error < 1e-4
    assert residual.dual == 0.0


def test_paths_of_a_linear_program():
    """min x₁ + 2x₂, x ≥ 0: the penalty's minimizer is −(1, 2)/ρ, the barrier's μ(1, 1/2)."""
    cost = jnp.array([1.0, 2.0])
    f = lambda x: jnp.sum(cost * x)
    pen = jax.jit(lambda s: optimize.quadratic_penalty_step(f, s, lower=0.0))
    bar = jax.jit(lambda s: optimize.log_barrier_step(f, s, lower=0.0))
    for step, init, path in (
        (pen, optimize.quadratic_penalty_init, -cost),
        (bar, optimize.log_barrier_init, 1.0 / cost),
    ):
        state, errors = init(f, jnp.ones(2), lower=0.0), []
        for _ in range(80):
            before, state = state, step(state)
            assert state.inner.num_fun == before.inner.num_fun + 1
            if state.num_updates > before.num_updates:
                rho = before.outer.penalty
                assert state.outer.penalty == 10.0 * rho
                errors.append(np.abs(rho * before.inner.x - path).max())
        assert len(errors) >= 5
        assert max(errors[1:]) < 0.05  # the first ω, 1, asks for nothing
        np.testing.assert_allclose(state.outer.multipliers, 0.0)


def test_each_lane_ends_in_its_own_way():
    """In one program each: solved, infeasible or outside, unbounded, no start, not a number."""
    fs = (
        lambda x: (x[0] - 2.0) ** 2 + x[1] ** 2,
        lambda x: jnp.sum(x**2),
        lambda x: x[0] - x[1],
        lambda x: jnp.sum(x**2),
        lambda x: jnp.sum(x) * jnp.nan,
    )
    cs = (
        lambda x: 1.0 - x,
        lambda x: jnp.stack([x[0] - 1.0, -x[0]]),
        lambda x: jnp.stack([x[1] + 1.0, x[0] + 1.0]),
        lambda x: x + 1.0,
        lambda x: x + 1.0,
    )
    f = lambda x, kind: jax.lax.switch(kind, fs, x)
    c = lambda x, kind: jax.lax.switch(kind, cs, x)
    starts = jnp.zeros((5, 2)).at[3].set(jnp.inf)
    kind = jnp.arange(5, dtype=jnp.int32)
    ends = {quadratic_penalty: "INFEASIBLE", log_barrier: "INVALID_START"}
    for method, second in ends.items():
        run = jax.jit(jax.vmap(lambda x, k, m=method: m(f, x, (k,), inequality=c)))
        found = run(starts, kind)
        assert [Status(int(s)).name for s in found.status] == [
            "CONVERGED", second, "UNBOUNDED", "INVALID_START", "NON_FINITE",
        ]  # fmt: skip
        np.testing.assert_allclose(found.value.x[0], [1.0, 0.0], atol=1e-4)
        np.testing.assert_allclose(found.value.multipliers.inequality[0], [2.0, 0.0], atol=1e-4)


def test_float32_trees_and_limits():
    f = lambda p, c: (p["a"] - c) ** 2
    start = {"a": jnp.float32(0.5)}
    for method in (quadratic_penalty, log_barrier):
        run = lambda limit, tol, m=method: m(
            f, start, (3.0,), upper=1.0, max_steps=jnp.int32(limit), tol=jnp.float32(tol)
        )
        s = run(400, 5e-3)
        assert s.converged
        assert s.value.x["a"].dtype == jnp.float32
        np.testing.assert_allclose(s.value.x["a"], 1.0, atol=5e-3)
        np.testing.assert_allclose(s.value.multipliers.upper, 4.0, rtol=2e-2)
        none = run(0, 0.0)
        assert (none.status, none.num_fun) == (Status.MAX_STEPS, 1)
        noise = run(400, 0.0)  # no tolerance: the last penalty, and its end
        assert noise.status in (Status.STAGNATED, Status.CONVERGED)
        assert noise.num_fun < 400


@pytest.mark.parametrize("solve", [quadratic_penalty, augmented_lagrangian])
@pytest.mark.parametrize("most", [6 * 10**7, 10**8, 2**31 - 1, 10**10, jnp.int64(10**8)])
def test_a_large_limit_is_no_limit_of_zero_steps(solve, most):
    found = solve(lambda x: (x - 1.0) ** 2, 0.0, lower=2.0, max_steps=most)
    np.testing.assert_allclose(found.value.x, 2.0, atol=1e-2)
    assert int(found.status) == Status.CONVERGED


def test_bounds_that_cross_are_infeasible():
    for method in (quadratic_penalty, log_barrier, optimize.augmented_lagrangian, optimize.lbfgsb):
        run = jax.vmap(lambda low, m=method: m(lambda x: x**2, 0.5, lower=low, upper=1.0).status)
        crossed, fine = run(jnp.array([2.0, 0.0]))
        assert crossed == Status.INFEASIBLE
        assert fine == Status.CONVERGED
