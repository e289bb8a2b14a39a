"""Descent methods: known minima, exact counts, lanes that do not disturb each other, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import _ends, limited_memory, more_garbow_hillstrom
from jaxmath.optimize import quasi_newton as qn

METHODS = {
    name: getattr(optimize, name)
    for name in ("bfgs", "dfp", "lbfgs", "gradient_descent", "nonlinear_cg")
}
MGH = {p.name: p for p in more_garbow_hillstrom()}


def rosenbrock(x, a=100.0):
    return jnp.sum(a * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("method", ["bfgs", "lbfgs"])
@pytest.mark.parametrize(
    "name", ["helical-valley", "brown-dennis", "kowalik-osborne", "box-three-dimensional"]
)
def test_known_minima_at_the_cost_of_scipy(name, method):
    """Evaluations until f − f* ≤ 1e-8·max(1, |f*|), at most 1.5 times those of SciPy's method.

    The median of starts a rounding apart: the end of a path, and so its count, is chaotic (39 to 63
    evaluations on Kowalik and Osborne's problem).
    """
    problem = MGH[name]
    target = problem.minimum + 1e-8 * max(1.0, abs(problem.minimum))
    starts = jnp.asarray([np.multiply(problem.start, 1 + 1e-13 * k) for k in range(5)])
    solution = jax.vmap(lambda x: METHODS[method](problem.objective, x))(starts)
    assert (jax.vmap(problem.objective)(solution.value) <= target).all()
    assert solution.status[0] == Status.CONVERGED
    assert (solution.status <= Status.STAGNATED).all()  # f's rounding may come first
    seen = []
    both = jax.jit(jax.value_and_grad(problem.objective))

    def counted(x):
        value, gradient = both(x)
        seen.append(float(value))
        return seen[-1], np.asarray(gradient)

    peer = {"bfgs": "BFGS", "lbfgs": "L-BFGS-B"}[method]
    options = {"gtol": 1e-11} | ({"ftol": 0.0} if method == "lbfgs" else {})
    scipy.optimize.minimize(counted, problem.start, jac=True, method=peer, options=options)
    if min(seen) <= target:  # ours to its end, SciPy to the target
        most = 1.5 * (1 + next(i for i, v in enumerate(seen) if v <= target)) + 10
        assert np.median(solution.num_fun) <= most


def test_steps_count_every_evaluation():
    """x_init and x_step from Python: the same minimizer, and the counts are the calls."""
    calls, step = [], jax.jit(lambda s: optimize.bfgs_step(rosenbrock, s))
    state = optimize.bfgs_init(rosenbrock, jnp.array([-1.2, 1.0]))
    while state.error > 1e-9 and len(calls) < 100:
        state = step(state)
        calls.append(1)
    assert state.num_fun == len(calls) + 1
    np.testing.assert_allclose(state.x, 1.0, rtol=1e-6)
    solution = optimize.bfgs(rosenbrock, jnp.array([-1.2, 1.0]), tol=1e-9)
    assert abs(int(solution.num_fun) - int(state.num_fun)) <= 1
    assert solution.num_steps < solution.num_fun == solution.num_grad


def test_formulas():
    """Both satisfy the secant equation; BFGS's inverse is the inverse of its formula for B."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(4, 4))
    H = A @ A.T + np.eye(4)
    s, y = rng.normal(size=(2, 4))
    y = y * np.sign(s @ y)
    B = np.linalg.inv(H)
    Bs = B @ s
    B = B - np.outer(Bs, Bs) / (s @ Bs) + np.outer(y, y) / (s @ y)
    np.testing.assert_allclose(qn._bfgs_formula(H, s, y, s @ y) @ B, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(qn._dfp_formula(H, s, y, s @ y) @ y, s, rtol=1e-10)
    pairs = limited_memory.Pairs(
        *(jnp.asarray(v) for v in ([s, 2 * s + y], [y, y + s], [s @ y, 0.0], 0.5))
    )
    g = rng.normal(size=4)  # the second pair has no curvature: it does not count
    V = np.eye(4) - np.outer(y, s) / (s @ y)
    want = V.T @ (0.5 * np.eye(4)) @ V + np.outer(s, s) / (s @ y)
    np.testing.assert_allclose(limited_memory._two_loops(pairs, g), -want @ g, rtol=1e-12)


def test_conjugate_gradients_end_on_a_quadratic_in_n_steps():
    Q = np.linalg.qr(np.random.default_rng(1).normal(size=(5, 5)))[0]
    A = (Q * [1.0, 3.0, 10.0, 30.0, 100.0]) @ Q.T
    f = lambda x: 0.5 * x @ A @ x
    cg = optimize.nonlinear_cg(f, jnp.ones(5), tol=1e-8)
    steepest = optimize.gradient_descent(f, jnp.ones(5), tol=1e-8)
    assert cg.converged
    assert steepest.converged
    assert cg.num_steps < 0.5 * steepest.num_steps


def test_pytrees_and_arguments():
    f = lambda p, c: jnp.sum((p["a"] - c) ** 2) + (p["b"] - 2.0) ** 4 + (p["b"] - 2.0) ** 2
    start = {"a": jnp.zeros((2, 2)), "b": jnp.asarray(1.0)}
    for method in METHODS.values():
        solution = method(f, start, (3.0,))
        assert solution.value["a"].shape == (2, 2)
        np.testing.assert_allclose(solution.value["a"], 3.0, rtol=1e-6)
        np.testing.assert_allclose(solution.value["b"], 2.0, rtol=1e-6)


def test_one_trace_for_two_calls():
    traces = []

    def f(x, a):
        traces.append(1)
        return rosenbrock(x, a)

    optimize.bfgs(f, jnp.zeros(2), (100.0,))
    seen = len(traces)
    optimize.bfgs(f, jnp.ones(2) * 3.0, (50.0,))
    assert len(traces) == seen


@pytest.mark.sampled(2)
@pytest.mark.parametrize("method", ["bfgs", "lbfgs", "nonlinear_cg"])
def test_each_lane_ends_in_its_own_way(method):
    """A minimum; no lower bound; a NaN and an infinite start; flat; NaN from a point on."""
    kinds = {
        0: lambda x: rosenbrock(x, 10.0),
        1: lambda x: x[0] - x[1],
        2: lambda x: jnp.sum(x) * jnp.nan,
        3: lambda x: jnp.sum(x**2),
        4: lambda x: 3.0 + 0.0 * jnp.sum(x),
        5: lambda x: jnp.sum(x - 2.0 * jnp.log(x)),
    }

    def f(x, kind):
        return jax.lax.switch(kind, list(kinds.values()), x)

    starts = jnp.array(
        [[-1.0, 1.0], [1.0, 2.0], [1.0, 1.0], [jnp.inf, 1.0], [1.0, 1.0], [0.1, 9.0]]
    )
    kind = jnp.arange(6, dtype=jnp.int32)
    found = jax.jit(jax.vmap(lambda x, k: METHODS[method](f, x, (k,))))(starts, kind)
    want = [
        Status.CONVERGED, Status.UNBOUNDED, Status.NON_FINITE, Status.INVALID_START,
        Status.CONVERGED, Status.CONVERGED,
    ]  # fmt: skip
    assert [Status(int(s)) for s in found.status] == want
    np.testing.assert_allclose(found.value[0], 1.0, rtol=1e-5)
    np.testing.assert_allclose(found.value[5], 2.0, rtol=1e-5)
    alone = METHODS[method](f, starts[0], (kind[0],))
    assert alone.num_fun == found.num_fun[0]
    np.testing.assert_allclose(alone.value, found.value[0], rtol=1e-7)


def test_steps_and_tolerances():
    none = optimize.bfgs(rosenbrock, jnp.array([-1.2, 1.0]), max_steps=0)
    assert none.status == Status.MAX_STEPS
    assert none.num_fun == 1
    np.testing.assert_array_equal(none.value, [-1.2, 1.0])
    few = optimize.bfgs(rosenbrock, jnp.array([-1.2, 1.0]), max_steps=3)
    assert (few.status, few.num_steps) == (Status.MAX_STEPS, 3)
    # A tolerance that nothing can reach ends at the noise, not at the limit.
    hard = optimize.bfgs(rosenbrock, jnp.full(10, -1.0, jnp.float32), tol=0.0)
    assert hard.status in (Status.STAGNATED, Status.CONVERGED)
    assert hard.num_fun < 300
    with pytest.raises(ValueError, match="`tol`"):
        optimize.bfgs(rosenbrock, jnp.zeros(2), tol=-1.0)


def test_huge_values_far_away_are_no_minimum():
    """Brown's badly scaled function: |∇f|/|f| is tiny at the start, a million from the minimum."""
    problem = MGH["brown-badly-scaled"]
    for dtype in (jnp.float32, jnp.float64):
        solution = optimize.bfgs(problem.objective, jnp.asarray(problem.start, dtype))
        assert problem.objective(solution.value) < 1e-8
        assert solution.value.dtype == dtype


def test_float32_reaches_what_it_can_hold():
    starts = jax.random.uniform(jax.random.key(0), (64, 10), jnp.float32, -2.0, 2.0)
    found = jax.jit(jax.vmap(lambda x: optimize.bfgs(rosenbrock, x)))(starts)
    ended = np.isin(found.status, [Status.CONVERGED, Status.STAGNATED])
    assert ended.all()
    good = jax.vmap(rosenbrock)(found.value.astype(jnp.float64)) <= 1e-6
    assert good.mean() >= 0.95


def test_one_door():
    f = lambda x: rosenbrock(x, 4.0)
    for method in ("bfgs", "L-BFGS", "CG"):
        solution = optimize.minimize(f, [-1.2, 1.0], method=method)
        assert solution.converged
        np.testing.assert_allclose(solution.value, 1.0, rtol=1e-6)
    exact = optimize.bfgs(f, [-1.2, 1.0])
    np.testing.assert_array_equal(optimize.minimize(f, [-1.2, 1.0]).value, exact.value)


def test_a_flat_valley_is_no_stagnation():
    """Powell's badly scaled function in float32: x moves far while f hardly falls."""
    problem = MGH["powell-badly-scaled"]
    solution = optimize.bfgs(problem.objective, jnp.asarray(problem.start, jnp.float32))
    assert problem.objective(solution.value.astype(jnp.float64)) < 1e-4


def test_the_first_pair_sets_the_scale():
    """∇²f = 100 I: one pair, and H is I/100 in every direction."""
    f = lambda x: 50.0 * jnp.sum(x**2)
    state = optimize.bfgs_init(f, jnp.array([3.0, 4.0, 0.0]))
    while state.num_steps == 0:
        state = optimize.bfgs_step(f, state)
    np.testing.assert_allclose(state.H, np.eye(3) / 100, atol=1e-12)


UNITS = np.array([2.0**-13, 2.0**20])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "cg", "newton", "dogleg", "nelder-mead"])
def test_scale_is_a_change_of_units(method):
    """Rosenbrock's function in units of 2⁻¹³ and 2²⁰: with their scale, the run is the same."""
    other = lambda x: rosenbrock(x / UNITS)
    start = jnp.array([-1.2, 1.0])
    plain = optimize.minimize(rosenbrock, start, method=method)
    scaled = optimize.minimize(other, UNITS * start, method=method, scale=UNITS)
    assert scaled.num_fun == plain.num_fun
    np.testing.assert_allclose(scaled.value / UNITS, plain.value, rtol=1e-12)


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "trust-ncg"])
def test_the_scale_of_the_curvature(method):
    """In float32 the unscaled methods stop 2e-5 above the minimum."""
    problem = MGH["osborne-1"]
    start = jnp.asarray(problem.start, jnp.float32)
    scale = optimize.curvature_scale(problem.objective, start)
    solution = optimize.minimize(problem.objective, start, method=method, tol=0.0, scale=scale)
    gap = problem.objective(np.asarray(solution.value, float)) - problem.minimum
    assert gap < 1e-8


def test_curvatures_that_are_none():
    """Zero, infinite and negative ones; in the structure and the dtype of the point."""
    f = lambda t: t["a"] ** 2 * 8 - jnp.sum(t["b"] ** 2) / 128 + t["c"] + jnp.abs(t["d"]) ** 1.5
    point = {
        "a": jnp.float32(1),
        "b": jnp.ones(2, jnp.float32),
        "c": jnp.float32(3),
        "d": jnp.float32(0),
    }
    scale = optimize.curvature_scale(f, point)
    assert all(leaf.dtype == jnp.float32 for leaf in scale.values())
    assert [float(scale[k]) for k in "acd"] == [0.25, 1.0, 1.0]
    np.testing.assert_array_equal(scale["b"], 8.0)


def test_a_saddle_is_no_stagnation():
    """L-BFGS in float32 passes a saddle of Wood's function, where f stands still (f ≈ 7.877)."""
    wood = MGH["wood"]
    solution = optimize.lbfgs(wood.objective, jnp.asarray(wood.start, jnp.float32))
    assert wood.objective(np.asarray(solution.value, float)) < 1e-6


def test_what_counts_as_quiet():
    """Steps that lower f by its last digit, or errors that go up and down; not one that doubles."""
    ulp = np.spacing(1.0)
    quiet = _ends.quiet_at(jnp.array(1.0), jnp.array(1.0))
    after = _ends.quieter(quiet, jnp.array(1.0 - ulp / 2), jnp.array(1.0))
    assert after.steps == 1
    assert _ends.quieter(after, jnp.array(1.0 - 2 * ulp), jnp.array(1.0)).steps == 0
    up = after
    for error, steps in [(0.5, 2), (1.5, 0), (0.5, 1), (1.5, 2), (2.9, 3), (3.5, 0), (7.5, 0)]:
        up = _ends.quieter(up, jnp.array(1.0), jnp.array(error))
        assert up.steps == steps


def test_a_first_trial_like_the_last_step():
    """Gradient descent: α φ′(0) is that of the step before (Nocedal and Wright, page 59)."""
    f = lambda x: jnp.sum(jnp.array([1.0, 10.0]) * x**2)
    state = optimize.gradient_descent_init(f, jnp.array([1.0, 1.0]))
    step = jax.jit(lambda s: optimize.gradient_descent_step(f, s))
    while state.num_steps < 3:
        before, state = state, step(state)
    last = before.search.step * before.search.start[1]
    np.testing.assert_allclose(state.search.step * state.search.start[1], last, rtol=1e-12)


def test_a_kink_is_reached():
    """|x − ⅓| has no Wolfe point; the best one of the search is taken."""
    solution = optimize.bfgs(lambda x: jnp.abs(x[0] - 1 / 3), jnp.zeros(1))
    assert solution.status == Status.STAGNATED
    np.testing.assert_allclose(solution.value, 1 / 3, rtol=1e-12)


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs", "dfp", "trust-ncg", "sr1"])
def test_gradients_whose_squares_leave_the_range(method):
    bowl = lambda x: jnp.sum((x - jnp.array([1.0, 2.0], x.dtype)) ** 2)
    for dtype, size in ((jnp.float32, 1e30), (jnp.float64, 1e200)):
        start = jnp.array([3.0, 3.0], dtype)
        solution = optimize.minimize(lambda x, s=size: s * bowl(x), start, method=method)
        assert solution.status == Status.CONVERGED
        np.testing.assert_allclose(solution.value, [1.0, 2.0], rtol=1e-6)


@pytest.mark.parametrize("method", ["bfgs", "lbfgs", "dfp"])
def test_a_search_without_end_goes_on(method):
    """One search of 40 trials comes to −4e23, and the floor is at 3e23·|f(x₀)|."""
    solution = METHODS[method](lambda x: x[0] - 0.0 * x[1], jnp.array([2.0, 1.0]))
    assert solution.status == Status.UNBOUNDED


def test_a_scale_that_is_not_positive():
    for scale in (0.0, -2.0, jnp.array([1.0, jnp.nan])):
        solution = optimize.minimize(
            lambda x: jnp.sum(x**2), jnp.ones(2), method="bfgs", scale=scale
        )
        assert solution.status == Status.INVALID_START


@pytest.mark.parametrize("method", ["bfgs", "trust-ncg", "trust-exact", "nelder-mead", "l-bfgs-b"])
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32")])
def test_f_may_compute_in_another_dtype(method, dtypes):
    """The point's dtype is the solution's, and f's value is rounded to it."""
    point, data = dtypes
    f = lambda x: jnp.sum((x.astype(data) - jnp.array([1.0, 2.0], data)) ** 2)
    solution = optimize.minimize(f, jnp.zeros(2, point), method=method)
    assert solution.value.dtype == point
    np.testing.assert_allclose(solution.value, [1.0, 2.0], atol=1e-4)


@pytest.mark.parametrize("method", ["bfgs", "l-bfgs-b"])
def test_a_scale_of_another_shape_is_refused(method):
    with pytest.raises(ValueError, match="`scale` must have shape"):
        optimize.minimize(jnp.sum, jnp.ones((2, 3)), method=method, scale=jnp.ones((3, 2)))


@pytest.mark.parametrize(("name", "least"), [("penalty-1", 20), ("penalty-2", 2)])
def test_a_memory_that_rounding_has_spoiled_is_given_up(name, least):
    """In single precision H had no positive eigenvalue along a valley, and BFGS ended 4e-8 high.

    Of 24 starts 1e-4 apart, as one alone is chance: 7 and 0 of them were solved, and 24 and 9 are.
    """
    problem = MGH[name]
    near = 1 + 1e-4 * np.random.default_rng(0).normal(size=(24, len(problem.start)))
    starts = jnp.asarray(np.asarray(problem.start) * near, "float32")
    x = jax.vmap(lambda x: optimize.bfgs(problem.objective, x, tol=0.0).value)(starts)
    gaps = jax.vmap(problem.objective)(x.astype("float64")) - problem.minimum
    assert jnp.sum(gaps <= 1e-8) >= least


@pytest.mark.parametrize("name", ["lbfgs", "trust_region_newton"])
def test_in_units_of_x_float32_finds_a_badly_scaled_minimum(name):
    """Powell's, at (1.1e-5, 9.1): in common units no step along the valley is seen in f."""
    problem = next(p for p in optimize.more_garbow_hillstrom() if p.name == "powell-badly-scaled")
    start = jnp.asarray(problem.start, jnp.float32)
    x = getattr(optimize, name)(problem.objective, start, tol=0.0, max_steps=5000).value
    assert problem.objective(x.astype(float)) < 1e-8
