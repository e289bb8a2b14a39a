"""L-BFGS-B: the Cauchy point by the paper's loop, known active sets, statuses lane by lane."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import bounded_problems
from jaxmath.optimize._box import Box
from jaxmath.optimize._cauchy_point import cauchy_point, subspace_step
from jaxmath.optimize.box_limited_memory import _curvature
from jaxmath.optimize.limited_memory import lbfgs_rule

INF = np.inf
RNG = np.random.default_rng(0)
N = 6


def pairs_and_matrix(num_pairs=6, kept=4):
    """Pairs of a quadratic, the newest kept, and the BFGS matrix of those, by its formula."""
    A = RNG.normal(size=(N, N))
    A = A @ A.T + np.eye(N)
    rule = lbfgs_rule(kept)
    pairs, met = rule.init(jnp.ones(N)), []
    for s in RNG.normal(size=(num_pairs, N)):
        met.append((s, A @ s))
        pairs = rule.update(pairs, s, A @ s, None, None)
    s, y = met[-1]
    B = y @ y / (s @ y) * np.eye(N)
    for s, y in met[-kept:]:
        Bs = B @ s
        B = B - np.outer(Bs, Bs) / (s @ Bs) + np.outer(y, y) / (s @ y)
    return pairs, B


def textbook_cauchy(x, g, B, lower, upper):
    """Algorithm CP with B in full: breakpoint after breakpoint."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.where(g < 0, (x - upper) / g, np.where(g > 0, (x - lower) / g, INF))
    d = np.where(ends > 0, -g, 0.0)
    z, t = np.zeros(N), 0.0
    for end in [*sorted(set(ends[ends > 0])), INF]:
        if not d.any():
            break
        slope, bend = g @ d + z @ B @ d, d @ B @ d
        if slope >= 0:
            break
        if -slope / bend < end - t:
            z = z - slope / bend * d
            break
        z, t = z + (end - t) * d, end
        z = np.where(ends == end, np.where(g > 0, lower, upper) - x, z)
        d = np.where(ends <= end, 0.0, d)
    return x + z


def test_cauchy_point_and_subspace_step_with_the_matrix_in_full():
    pairs, B = pairs_and_matrix()
    curvature = _curvature(pairs)
    np.testing.assert_allclose(jax.vmap(curvature.times)(jnp.eye(N)), B, atol=1e-12)
    cases = 40
    g = 3 * RNG.normal(size=(cases, N))
    lower, upper = -np.abs(RNG.normal(size=(2, cases, N))) * [[[1.0]], [[-1.0]]]
    lower[RNG.random((cases, N)) < 0.3] = -INF
    upper[RNG.random((cases, N)) < 0.3] = INF
    x = np.zeros((cases, N))
    x[::2, 0] = lower[::2, 0] = -1.0  # at a bound
    g[:, 1], lower[::3, 1], upper[::4, 1] = 0.0, 0.0, 0.0  # no slope; fixed
    lower[::2, 2:4], upper[::2, 2:4], g[::2, 2] = -0.5, 0.5, g[::2, 3]  # breakpoints coincide
    g[-1], x[-1] = 1e3, np.where(np.isinf(lower[-1]), -9.0, lower[-1])  # into a corner

    def both(x, g, lower, upper):
        box = Box(lower, upper)
        return *cauchy_point(x, g, curvature, box), subspace_step(x, g, curvature, box)

    points, free, steps = (np.asarray(v) for v in jax.jit(jax.vmap(both))(x, g, lower, upper))
    for i in range(cases):
        want = textbook_cauchy(x[i], g[i], B, lower[i], upper[i])
        np.testing.assert_allclose(points[i], want, atol=1e-12)
        np.testing.assert_array_equal(free[i], (lower[i] < want) & (want < upper[i]))
        F, d = free[i], np.zeros(N)
        d[F] = -np.linalg.solve(B[np.ix_(F, F)], (g[i] + B @ (want - x[i]))[F])
        target = np.clip(want + d, lower[i], upper[i])
        if g[i] @ (target - x[i]) >= 0:  # Morales and Nocedal's test
            room = np.where(d > 0, upper[i] - want, lower[i] - want)[F] / d[F]
            target = want + room.min(initial=1.0) * d
        np.testing.assert_allclose(steps[i], target - x[i], atol=1e-11)


@pytest.mark.sampled(10)
@pytest.mark.parametrize("problem", bounded_problems(), ids=lambda p: p.name)
def test_textbook_problems(problem):
    """A KKT point to 1e-8, with the active set exact."""
    lower, upper = np.array(problem.lower), np.array(problem.upper)
    start = jnp.clip(jnp.array(problem.start), lower, upper)
    # Tighter than by default: Powell's f is 1e-10 at its minimum, where its active set is decided.
    found = optimize.lbfgsb(
        problem.objective, start, lower=lower, upper=upper, tol=1e-13, max_steps=5000
    )
    x = np.asarray(found.value)
    assert found.status in (Status.CONVERGED, Status.STAGNATED)  # at the noise of f
    residual = optimize.kkt_residual(problem.objective, x, lower=lower, upper=upper)
    assert residual.error <= 1e-8
    np.testing.assert_array_equal(
        np.where(x == lower, -1, np.where(x == upper, 1, 0)), problem.active
    )
    if problem.name != "hs2":  # whose start leads to its other minimum
        gap = problem.objective(x) - problem.minimum
        assert gap <= 1e-8 * max(1.0, abs(problem.minimum))


def valley(x):
    return jnp.sum(10.0 * (x[1:] - x[:-1] ** 2) ** 2) + jnp.sum((1.0 - x) ** 2)


KINDS = (
    valley,
    lambda x: x @ jnp.array([1.0, -2.0, 0.0], x.dtype),
    lambda x: jnp.sum(x) * jnp.nan,
    lambda x: 3.0 + 0.0 * jnp.sum(x),
    lambda x: jnp.sum(x - 2.0 * jnp.log(x)),
    lambda x: 1e-12 * valley(x),
    lambda x: 1e12 * valley(x),
)
# Objective, start, lower, upper, status, minimizer (None: not looked at).
LANES = (
    (0, (0.1, 0.2, 0.0), (-INF,) * 3, (0.5, INF, INF), Status.CONVERGED, None),
    (1, (0.0, 0.0, 0.0), (-2.0, -3.0, -1.0), (1e3, 1e6, 1.0), Status.CONVERGED, (-2, 1e6, 0)),
    (1, (0.0, 0.0, 0.0), (-2.0, -3.0, -1.0), (1e3, INF, 1.0), Status.UNBOUNDED, None),
    (0, (0.0, 0.0, 0.0), (1.0, -1.0, -1.0), (-1.0, 1.0, 1.0), Status.INFEASIBLE, (0, 0, 0)),
    (0, (0.0, 0.0, 0.0), (INF, -1.0, -1.0), (INF, 1.0, 1.0), Status.INFEASIBLE, (0, 0, 0)),
    (0, (5.0, 0.0, 0.0), (-1.0,) * 3, (1.0,) * 3, Status.INVALID_START, (5, 0, 0)),
    (0, (np.nan, 0.0, 0.0), (-1.0,) * 3, (1.0,) * 3, Status.INVALID_START, None),
    (0, (INF, 0.0, 0.0), (-INF,) * 3, (INF,) * 3, Status.INVALID_START, None),
    (2, (0.0, 0.0, 0.0), (-1.0,) * 3, (1.0,) * 3, Status.NON_FINITE, None),
    (3, (0.0, 0.5, 0.0), (-1.0,) * 3, (1.0,) * 3, Status.CONVERGED, (0, 0.5, 0)),
    (4, (0.1, 9.0, 1.0), (0.0, 3.0, 0.0), (1.5, INF, INF), Status.CONVERGED, (1.5, 3, 2)),
    (0, (0.3, 0.2, 0.1), (0.3, 0.2, 0.1), (0.3, 0.2, 0.1), Status.CONVERGED, (0.3, 0.2, 0.1)),
    (0, (0.0, 0.0, 0.0), (-INF,) * 3, (INF,) * 3, Status.CONVERGED, (1, 1, 1)),
    (5, (0.0, 0.0, 0.0), (-INF,) * 3, (INF,) * 3, Status.CONVERGED, None),
    (6, (0.0, 0.0, 0.0), (-INF,) * 3, (0.9,) * 3, Status.CONVERGED, None),
)


@pytest.mark.parametrize("dtype", [pytest.param("float64", marks=pytest.mark.full), "float32"])
def test_each_lane_ends_in_its_own_way(dtype):
    kind = jnp.array([lane[0] for lane in LANES], jnp.int32)
    x0, lower, upper = (jnp.array([lane[i] for lane in LANES], dtype) for i in (1, 2, 3))
    f = lambda x, kind: jax.lax.switch(kind, KINDS, x)
    solve = lambda x, k, low, up: optimize.lbfgsb(f, x, (k,), lower=low, upper=up)
    found = jax.jit(jax.vmap(solve))(x0, kind, lower, upper)
    x = np.asarray(found.value)
    assert x.dtype == dtype
    for i, (_, start, _, _, status, minimizer) in enumerate(LANES):
        ended = Status(int(found.status[i]))
        assert ended == status or (dtype == "float32" and ended == Status.STAGNATED), LANES[i]
        if minimizer is not None:
            near = 1e-5 if dtype == "float64" else 2e-2
            np.testing.assert_allclose(x[i], np.array(minimizer, dtype), rtol=near, atol=near)
        if status in (Status.INFEASIBLE, Status.INVALID_START):
            np.testing.assert_array_equal(x[i], np.array(start, dtype))
            assert found.num_steps[i] == 0
        else:
            assert np.all((lower[i] <= x[i]) & (x[i] <= upper[i]))
    # What a bound holds is there exactly, and a linear objective is solved exactly.
    np.testing.assert_array_equal(x[1], np.array([-2.0, 1e6, 0.0], dtype))
    assert x[0, 0] == np.array(0.5, dtype)
    np.testing.assert_array_equal(x[10, :2], np.array([1.5, 3.0], dtype))
    np.testing.assert_array_equal(x[14, :1], np.array([0.9], dtype))
    assert np.max(found.num_fun) < 200


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_far_from_0_a_first_step_is_still_one(dtype):
    """One search ends above the floor, where x + 1 is x: the next has to leave that point too.

    The last ends beside 0 in x₁, at −1e16 in x₀: nothing but a new first step leads on.
    """
    kinds = (
        lambda x: jnp.sum(x),
        lambda x: -jnp.sqrt(1.0 + jnp.sum(x**2)),
        lambda x: x[0] + x[1] ** 2,
    )
    f = lambda x, kind: jax.lax.switch(kind, kinds, x)
    x0, upper = jnp.array([1.0, 2.0], dtype), jnp.array([INF, 5.0], dtype)
    solve = lambda kind, up: optimize.lbfgsb(f, x0, (kind,), upper=up).status
    status = jax.jit(jax.vmap(solve))(jnp.array([0, 0, 1, 2]), upper[jnp.array([0, 1, 0, 0])])
    np.testing.assert_array_equal(status, Status.UNBOUNDED)


def test_steps_stay_within_the_bounds_and_count():
    """x_init and x_step from Python: the counts are the calls; the error is what its line says."""
    calls = []

    def f(x):
        jax.debug.callback(lambda x: calls.append(np.asarray(x)), x)
        return valley(x) + jnp.sum(jnp.log(x + 1.0))

    bounds = {"lower": np.array([-0.9, 0.0, -0.5]), "upper": 0.4}
    step = jax.jit(lambda s: optimize.lbfgsb_step(f, s, **bounds))
    state = optimize.lbfgsb_init(f, jnp.array([-0.9, 0.4, 0.3]), memory=3, **bounds)
    while state.error > 1e-9 and len(calls) < 60:
        state = step(state)
    jax.effects_barrier()
    assert state.memory.S.shape == (3, 3)
    assert state.num_fun == len(calls)
    assert all(np.all((bounds["lower"] <= x) & (x <= 0.4)) for x in calls)
    x, g = np.asarray(state.x), np.asarray(state.gradient)
    reach = np.where(g > 0, x - bounds["lower"], 0.4 - x)
    want = np.max(np.abs(g) * np.minimum(reach, np.maximum(np.abs(x), 1)))
    np.testing.assert_allclose(state.error, want / max(1.0, abs(state.value)), rtol=1e-10)
    found = optimize.lbfgsb(f, jnp.array([-0.9, 0.4, 0.3]), memory=3, tol=1e-9, **bounds)
    assert found.num_fun == state.num_fun
    np.testing.assert_allclose(found.value, state.x, rtol=1e-12)
    none = optimize.lbfgsb(f, jnp.array([-0.9, 0.4, 0.3]), max_steps=0, **bounds)
    assert (none.status, none.num_fun) == (Status.MAX_STEPS, 1)


def test_scale_is_a_change_of_variables_and_bounds_stay_exact():
    """x/scale: the same counts as on variables of size 1, every point within the bounds of x."""
    seen = []

    def f(x, unit):
        jax.debug.callback(lambda x: seen.append(np.asarray(x)), x)
        return valley(x / unit)

    unit = np.array([3e-7, 7.0, 1.3e9])
    lower, upper = np.array([-0.9, 0.1, -0.5]), np.array([0.3, 0.4, INF])
    run = lambda unit, scale: optimize.minimize(
        f, np.array([-0.9, 0.4, 0.3]) * unit, (unit,), "L-BFGS-B", lower=lower * unit,
        upper=upper * unit, scale=scale,
    )  # fmt: skip
    plain = run(np.ones(3), None)
    seen.clear()
    scaled = run(unit, unit)
    jax.effects_barrier()
    assert plain.converged
    assert abs(scaled.num_fun - plain.num_fun) <= 1
    assert len(seen) == scaled.num_fun
    np.testing.assert_allclose(scaled.value / unit, plain.value, rtol=1e-6)
    for x in (np.asarray(scaled.value), *seen):
        assert np.all((lower * unit <= x) & (x <= upper * unit))
    active = lambda x, unit: (x == lower * unit) * -1 + (x == upper * unit)
    np.testing.assert_array_equal(active(scaled.value, unit), active(plain.value, np.ones(3)))
    assert np.any(active(plain.value, np.ones(3)))


def test_one_door_and_pytrees():
    f = lambda p: jnp.sum((p["a"] - 3.0) ** 2) + (p["b"] - 2.0) ** 2
    start = {"a": jnp.zeros((2, 2)), "b": jnp.asarray(1.0)}
    upper = {"a": jnp.array([[1.0, 5.0], [5.0, 5.0]]), "b": jnp.asarray(1.5)}
    found = optimize.minimize(f, start, upper=upper)
    np.testing.assert_allclose(found.value["a"], [[1.0, 3.0], [3.0, 3.0]], rtol=1e-9)
    assert (found.value["a"][0, 0], found.value["b"]) == (1.0, 1.5)
    with pytest.raises(ValueError, match="`method` must be l-bfgs-b where there are bounds"):
        optimize.minimize(f, start, method="bfgs", lower=0.0)
    with pytest.raises(ValueError, match=r"`method` must be one of .*, got 3"):
        optimize.minimize(f, start, method=3)
    with pytest.raises(ValueError, match="`upper` must have shape"):
        optimize.lbfgsb(f, start, upper=jnp.ones(4))
    with pytest.raises(ValueError, match="`memory`"):
        optimize.lbfgsb(f, start, memory=0)
