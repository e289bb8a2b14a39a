"""Lagrange's and the KKT conditions: closed forms, SciPy's solutions, wrong candidates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import KKTMultipliers

# Nocedal and Wright, problem (18.69), or Powell's: with its start, solution and multipliers.
POWELL_START = np.array([-1.8, 1.7, 1.9, -0.8, -0.8])
POWELL = np.array([-1.71714357, 1.59570969, 1.82724575, -0.763643078, -0.763643078])


def powell(x):
    return jnp.exp(jnp.prod(x)) - 0.5 * (x[0] ** 3 + x[1] ** 3 + 1) ** 2


def powell_equality(x):
    return jnp.stack([
        jnp.sum(x * x) - 10, x[1] * x[2] - 5 * x[3] * x[4], x[0] ** 3 + x[1] ** 3 + 1
    ])  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powells_problem(dtype):
    solution = optimize.lagrange_stationary_point(
        powell, POWELL_START.astype(dtype), powell_equality
    )
    assert solution.status == Status.CONVERGED
    assert solution.value.x.dtype == solution.value.multipliers.dtype == dtype
    np.testing.assert_allclose(solution.value.x, POWELL, rtol=2e-4 if dtype == np.float32 else 1e-7)
    assert solution.num_hess == solution.num_steps
    assert solution.num_grad == solution.num_steps + 1
    residual = optimize.kkt_residual(powell, solution.value.x, equality=powell_equality)
    np.testing.assert_allclose(
        residual.multipliers.equality, solution.value.multipliers, atol=1e3 * np.finfo(dtype).eps
    )
    # The gradient of L to √eps is the multipliers' error too.
    assert residual.error <= np.sqrt(np.finfo(dtype).eps)


def test_eigenpairs_are_stationary_points_on_the_sphere():
    """½xᵀAx on ½(‖x‖² − 1) = 0: λ is an eigenvalue, and from many starts every one is found."""
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    A = (Q * [4.0, 1.0, -2.0, -5.0]) @ Q.T
    f = lambda x: 0.5 * jnp.dot(x, jnp.matmul(A, x))
    h = lambda x: 0.5 * (jnp.dot(x, x) - 1)
    run = jax.jit(jax.vmap(lambda x: optimize.lagrange_stationary_point(f, x, h)))
    solution = run(np.random.default_rng(2).normal(size=(40, 4)))
    done = np.asarray(solution.converged)
    assert done.mean() > 0.9
    values = np.unique(np.round(np.asarray(solution.value.multipliers)[done, 0], 6))
    np.testing.assert_allclose(values, [-5, -2, 1, 4], atol=1e-6)
    x = np.asarray(solution.value.x)[done]
    residual = x @ A - np.asarray(solution.value.multipliers)[done] * x
    assert np.abs(residual).max() < 1e-7


def test_a_linear_quadratic_problem_takes_one_step():
    rng = np.random.default_rng(3)
    G, q, C = rng.normal(size=(5, 5)), rng.normal(size=5), rng.normal(size=(2, 5))
    G = G @ G.T + np.eye(5)
    d = rng.normal(size=2)
    f = lambda x, q: 0.5 * jnp.dot(x, jnp.matmul(G, x)) + jnp.dot(q, x)
    h = lambda x, q: jnp.matmul(C, x) - d
    solution = optimize.lagrange_stationary_point(f, jnp.zeros(5), h, (jnp.asarray(q),))
    K = np.block([[G, -C.T], [C, np.zeros((2, 2))]])
    want = np.linalg.solve(K, np.concatenate([-q, d]))
    assert solution.num_steps == 1
    np.testing.assert_allclose(solution.value.x, want[:5], atol=1e-10)
    np.testing.assert_allclose(solution.value.multipliers, want[5:], atol=1e-10)


def test_statuses():
    f = lambda x: jnp.sum(x**2)
    apart = lambda x: jnp.stack([x[0], x[0] - 1.0])
    assert optimize.lagrange_stationary_point(f, jnp.ones(2), apart).status == Status.SINGULAR
    line = lambda x: x[0] - 1.0
    nan = optimize.lagrange_stationary_point(f, jnp.array([jnp.nan, 1.0]), line)
    assert nan.status == Status.INVALID_START
    for equality in (3, None):
        with pytest.raises(TypeError, match="argument `equality` must be callable"):
            optimize.lagrange_stationary_point(f, jnp.ones(2), equality)


def problem_71(x):
    """Hock and Schittkowski: constraints of every kind."""
    return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]


HS71 = {
    "equality": lambda x: jnp.sum(x**2) - 40.0,
    "inequality": lambda x: jnp.prod(x) - 25.0,
    "lower": 1.0,
    "upper": 5.0,
}


def test_problem_71_of_hock_and_schittkowski():
    """x₁ at its bound, the product active: multipliers are SciPy's, found without being told."""
    result = scipy.optimize.minimize(
        lambda x: float(problem_71(x)), [1.0, 5.0, 5.0, 1.0], method="trust-constr",
        jac=lambda x: np.asarray(jax.grad(problem_71)(jnp.asarray(x))),
        bounds=scipy.optimize.Bounds(1.0, 5.0),
        constraints=[
            scipy.optimize.NonlinearConstraint(lambda x: np.sum(x**2), 40.0, 40.0,
                                               jac=lambda x: 2 * x),
            scipy.optimize.NonlinearConstraint(np.prod, 25.0, np.inf,
                                               jac=lambda x: np.prod(x) / x)],
        options={"gtol": 1e-10, "xtol": 1e-13, "maxiter": 3000, "barrier_tol": 1e-12},
    )  # fmt: skip
    np.testing.assert_allclose(result.x, [1, 4.7429994, 3.8211503, 1.3794082], atol=1e-5)
    residual = optimize.kkt_residual(problem_71, result.x, **HS71)
    assert residual.error < 1e-6
    found = residual.multipliers
    # SciPy's sign: L = f + vᵀc.
    np.testing.assert_allclose(found.equality, -result.v[0], atol=1e-4)
    np.testing.assert_allclose(found.inequality, -result.v[1], atol=1e-4)
    np.testing.assert_allclose(found.lower - found.upper, -result.v[2], atol=1e-4)
    assert found.lower[0] > 1.0
    given = optimize.kkt_residual(problem_71, result.x, (), found, **HS71)
    for a, b in zip(jax.tree.leaves(given), jax.tree.leaves(residual), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-15)


def test_each_violation_has_its_own_residual():
    f = lambda x: jnp.sum((x - jnp.array([2.0, -3.0])) ** 2)
    at = lambda x, multipliers=None, **k: optimize.kkt_residual(f, jnp.array(x), (), multipliers,
                                                                **k)  # fmt: skip
    best = at([1.0, 0.0], lower=0.0, upper=1.0)
    assert best.error < 1e-14
    np.testing.assert_allclose(best.multipliers.lower, [0, 6], atol=1e-14)
    np.testing.assert_allclose(best.multipliers.upper, [2, 0], atol=1e-14)
    inside = at([0.5, 0.5], lower=0.0, upper=1.0)
    assert inside.stationarity > 0.1
    assert inside.primal == 0
    wrong_side = at([0.0, 0.0], lower=0.0, upper=1.0)
    np.testing.assert_allclose(wrong_side.dual, 4 / 6)
    assert wrong_side.stationarity < 1e-14
    outside = at([2.0, -3.0], lower=[0.0, 0.0], upper=[jnp.inf, 1.0])
    np.testing.assert_allclose(outside.primal, 3 / 3)
    slack = at([2.0, -3.0], KKTMultipliers(inequality=[1.0]), inequality=lambda x: x[0] - 1.0)
    np.testing.assert_allclose(slack.complementarity, 1 / 3)
    np.testing.assert_allclose(slack.stationarity, 1.0)
    # Fixed coordinates, the units of a constraint, dependent gradients, no constraint at all.
    fixed = at([1.0, 0.0], lower=[1.0, 0.0], upper=[1.0, 0.0])
    assert fixed.error < 1e-14
    for scale in (1e-8, 1.0, 1e8):
        line = lambda x, s=scale: s * (1.0 - x[0] - x[1])
        tilted = at([3.0, -2.0], inequality=line)
        np.testing.assert_allclose(tilted.dual, 1.0)
        touching = at([3.0, -2.0], equality=line)
        assert touching.error < 1e-14
        np.testing.assert_allclose(touching.multipliers.equality * scale, -2.0)
    twice = at([2.5, -2.5], equality=lambda x: jnp.stack([x[0] + x[1], 2 * (x[0] + x[1])]))
    assert twice.error < 1e-14
    assert at([2.0, -3.0]).error == 0
    assert np.isnan(at([jnp.nan, 0.0], lower=0.0).error)
    tree = optimize.kkt_residual(
        lambda p: jnp.sum((p["a"] - 2.0) ** 2) + p["b"] ** 2,
        {"a": [1.0, 1.0], "b": 0.5},
        equality=lambda p: {"u": p["b"] - 0.5},
        lower={"a": [-1.0, -1.0], "b": -jnp.inf},
        upper={"a": [1.0, 1.0], "b": jnp.inf},
    )
    assert tree.error < 1e-14
    assert tree.multipliers.lower[2] == tree.multipliers.upper[2] == 0
    with pytest.raises(ValueError, match=r"`multipliers.lower` must have shape \(2,\)"):
        at([1.0, 0.0], KKTMultipliers(lower=jnp.ones(3)))


def test_units_of_violated_and_slack_constraints():
    """A constraint times 1 or 10⁸: the same primal residual and complementarity."""
    f = lambda x: jnp.sum((x - 2.0) ** 2)
    parts = []
    for s in (1.0, 1e8):
        away = lambda x, s=s: s * jnp.stack([1.0 - x[0] - x[1], 5.0 - x[0]])
        found = optimize.kkt_residual(f, jnp.array([2.0, 1.5]), inequality=away)
        parts.append((found.primal, found.complementarity, found.stationarity, found.dual))
    np.testing.assert_allclose(parts[0], parts[1], rtol=1e-6, atol=1e-12)
    assert parts[0][0] > 0.5


def test_refusals():
    f, x = lambda x: jnp.sum(x**2), jnp.ones((2, 3))
    for kind in ("equality", "inequality"):
        for wrong in (3.0, 0.0):
            with pytest.raises(TypeError, match=f"`{kind}` must be callable"):
                optimize.kkt_residual(f, x, **{kind: wrong})
    with pytest.raises(ValueError, match=r"kkt_residual: argument `multipliers.lower` must have"):
        optimize.kkt_residual(f, x, multipliers=KKTMultipliers(lower=jnp.ones(5)))
    for kind in ("lower", "upper"):
        for wrong in (jnp.ones((3, 2)), jnp.ones(6), jnp.ones((1, 1)), {"a": x}):
            with pytest.raises(ValueError, match=f"`{kind}` must have shape .* like `x`"):
                optimize.kkt_residual(f, x, **{kind: wrong})
    tree = lambda x: jnp.sum(x["a"] ** 2)
    with pytest.raises(ValueError, match=r"`lower` must have shape .* like `x`"):
        optimize.kkt_residual(tree, {"a": x}, lower={"b": x})
    assert optimize.kkt_residual(tree, {"a": x}, lower={"a": x}, upper=2.0).error < 1e-12
    assert optimize.kkt_residual(f, x, lower=x.tolist(), upper=2.0).error < 1e-12
    assert optimize.kkt_residual(f, x[0], lower=(1.0, 1.0, 1.0), upper=2.0).error < 1e-12


def test_bounds_are_data():
    traces = []

    def f(x):
        traces.append(1)
        return jnp.sum(x**2)

    for low in (0.0, 1.0, 2.0):
        optimize.kkt_residual(f, jnp.ones(2) * 3.0, lower=low)
    assert len(traces) == 1
