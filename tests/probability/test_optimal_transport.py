"""The transportation problem: linear programming, the dual certificate, the line, bad masses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from jaxmath.iterate import Status
from jaxmath.probability import optimal_transport, wasserstein_distance

RNG = np.random.default_rng(0)
solve = jax.jit(optimal_transport)


def linear_program(a, b, cost):
    n, m = cost.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    constraints, masses = np.concatenate([rows, columns]), np.concatenate([a, b])
    return optimize.linprog(cost.ravel(), A_eq=constraints, b_eq=masses).fun


def assert_optimal(a, b, cost, result):
    """Feasible, dual feasible, and no slack where mass moves."""
    assert result.status == Status.CONVERGED
    plan = np.asarray(result.plan)
    assert plan.min() >= 0
    np.testing.assert_allclose(plan.sum(1), a, atol=1e-13)
    np.testing.assert_allclose(plan.sum(0), b, atol=1e-13)
    slack = cost - np.asarray(result.row_potential)[:, None] - np.asarray(result.column_potential)
    scale = 1e-13 * np.abs(cost).max()
    assert slack.min() >= -scale
    assert np.abs(slack[plan > 0]).max() <= scale
    dual = a @ result.row_potential + b @ result.column_potential
    np.testing.assert_allclose(result.cost, dual, rtol=1e-12, atol=scale)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (6, 6), (12, 9)])
def test_against_linear_programming(shape):
    n, m = shape
    for case in range(4):
        a, b = RNG.dirichlet(np.ones(n)), RNG.dirichlet(np.ones(m))
        cost = RNG.normal(size=shape)
        if case == 1:  # ties everywhere
            cost, a, b = np.round(cost), np.ones(n) / n, np.ones(m) / m
        if case == 2:  # empty bins
            a[1:] *= RNG.random(n - 1) < 0.6
            a /= a.sum()
        result = solve(a, b, cost)
        assert_optimal(a, b, cost, result)
        np.testing.assert_allclose(result.cost, linear_program(a, b, cost), rtol=1e-9, atol=1e-12)


def test_the_line():
    """With C = |x − y| it is the distance of the samples; with equal masses, an assignment."""
    u, v = RNG.normal(size=12), RNG.normal(size=9)
    a, b = RNG.dirichlet(np.ones(12)), RNG.dirichlet(np.ones(9))
    want = wasserstein_distance(u, v, u_weights=a, v_weights=b)
    np.testing.assert_allclose(solve(a, b, np.abs(u[:, None] - v)).cost, want, rtol=1e-12)
    cost = RNG.random((6, 6))
    matched = optimize.linear_sum_assignment(cost)
    got = solve(np.ones(6), np.ones(6), cost)
    np.testing.assert_allclose(got.cost, cost[matched].sum(), rtol=1e-12)
    assert set(np.unique(got.plan)) == {0.0, 1.0}


def test_gradients_are_plan_and_potentials():
    a, b, cost = RNG.dirichlet(np.ones(6)), RNG.dirichlet(np.ones(6)), RNG.random((6, 6))
    value = lambda a, b, cost: optimal_transport(a, b, cost).cost
    by_a, by_b, by_cost = jax.jit(jax.grad(value, (0, 1, 2)))(a, b, cost)
    np.testing.assert_array_equal(by_cost, solve(a, b, cost).plan)
    h = 1e-6
    change = np.zeros(6)
    change[:2] = h, -h  # the sums must stay equal
    central = (linear_program(a + change, b, cost) - linear_program(a - change, b, cost)) / (2 * h)
    np.testing.assert_allclose(by_a[0] - by_a[1], central, rtol=1e-6, atol=1e-8)
    central = (linear_program(a, b + change, cost) - linear_program(a, b - change, cost)) / (2 * h)
    np.testing.assert_allclose(by_b[0] - by_b[1], central, rtol=1e-6, atol=1e-8)


def test_bad_masses_and_costs():
    ones, cost = np.ones(6) / 6, RNG.random((6, 6))
    assert solve(ones, 2 * ones, cost).status == Status.INFEASIBLE
    assert solve(np.array([-1.0, 2.0, 0, 0, 0, 0]), ones, cost).status == Status.INFEASIBLE
    assert solve(ones, ones, cost * np.nan).status == Status.NON_FINITE
    nothing = solve(0 * ones, 0 * ones, cost)
    assert nothing.status == Status.CONVERGED
    assert nothing.cost == 0
    single = solve(*(x.astype(np.float32) for x in (ones, ones, cost)))
    assert single.status == Status.CONVERGED
    assert single.cost.dtype == jnp.float32
