import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize as so

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import least_squares, trust_region_reflective
from tests.optimize.residual_problems import NAMES, SIZE, padded, residuals

INF, TOL = np.inf, 1e-10
# Problem, lower, upper, start; each has a bound that is active at the solution.
BOUNDED = (
    ("rosenbrock", (-2.0, -2.0), (0.5, 2.0), (-1.2, 1.0)),
    ("kowalik_osborne", (0.0, 0.0, 0.0, 0.0), (0.25, 0.3, 0.12, 0.12), (0.2, 0.2, 0.1, 0.1)),
    ("decay", (0.0, 0.0, 0.6), (2.2, INF, INF), (1.0, 1.0, 1.0)),
    ("beale", (-INF, 0.6), (2.5, 10.0), (1.0, 0.8)),
    ("powell_singular", (0.1, -20.0, -20.0, -20.0), (100.0, 20.0, 20.0, 20.0), (3, -1, 0.5, 1)),
    ("box_3d", (0.0, 5.0, 0.0), (2.0, 9.5, 20.0), (0.5, 9.0, 10.0)),
    ("bard", (0.1, 1.2, -INF), (INF, INF, 2.2), (1.0, 1.5, 1.0)),
    ("freudenstein_roth", (-10.0, -30.0), (5.0, -0.9), (0.5, -2.0)),
    ("meyer", (0.0, -INF, -INF), (INF, INF, 300.0), (0.02, 4000.0, 250.0)),
)
FREE = (("rosenbrock", (-1.2, 1.0)), ("bard", (1.0, 1.0, 1.0)), ("meyer", (0.02, 4e3, 250.0)))

solve = jax.jit(
    lambda x0, which, scale, lower, upper, ftol, gtol: trust_region_reflective(
        residuals, x0, (which, scale), bounds=(lower, upper), ftol=ftol, xtol=ftol, gtol=gtol
    )
)
value = jax.jit(residuals)
jacobian = jax.jit(jax.jacfwd(residuals))


def fit(name, lower, upper, start, scale=1.0, ftol=TOL, gtol=TOL):
    lower, upper = (np.append(b, np.full(SIZE - len(b), side)) * scale
                    for b, side in ((lower, -1.0), (upper, 1.0)))  # fmt: skip
    x0 = padded(start) * scale
    return jax.tree.map(np.asarray, solve(x0, NAMES.index(name), scale, lower, upper, ftol, gtol))


def scipy(name, lower, upper, start, x_scale=1.0):
    n, which = len(start), NAMES.index(name)
    return so.least_squares(
        lambda x: np.asarray(value(padded(x), which, 1.0)), start, bounds=(lower, upper),
        jac=lambda x: np.asarray(jacobian(padded(x), which, 1.0))[:, :n],
        ftol=TOL, xtol=TOL, gtol=TOL, x_scale=x_scale, max_nfev=2000,
    )  # fmt: skip


def test_active_bounds_against_scipy():
    ours = plain = scaled = 0
    for case in BOUNDED:
        solution, peer, other = fit(*case), scipy(*case), scipy(*case, x_scale="jac")
        n = len(case[-1])
        x = solution.value[:n]
        assert solution.status == Status.CONVERGED, case
        assert np.all((x >= case[1]) & (x <= case[2]))
        assert np.any(peer.active_mask != 0)
        np.testing.assert_array_equal((x == case[2]) * 1 - (x == case[1]), peer.active_mask)
        r = np.asarray(value(solution.value, NAMES.index(case[0]), 1.0))
        assert 0.5 * np.sum(r**2) <= min(peer.cost, other.cost) * (1.0 + 1e-7), case
        np.testing.assert_allclose(x, peer.x, 2e-5, 1e-7, err_msg=case[0])
        ours += solution.num_fun
        plain, scaled = plain + peer.nfev, scaled + other.nfev
    assert ours <= plain
    assert ours <= 1.1 * scaled


def test_without_bounds_against_scipy():
    ours = theirs = 0
    for name, start in FREE:
        none = np.full(len(start), INF)
        solution, peer = fit(name, -none, none, start), scipy(name, -none, none, start)
        assert solution.status == Status.CONVERGED
        np.testing.assert_allclose(solution.value[: len(start)], peer.x, 1e-6)
        ours, theirs = ours + solution.num_fun, theirs + peer.nfev
    assert ours <= theirs


def test_the_scale_of_the_variables_changes_no_step():
    for case in BOUNDED:
        plain = fit(*case)
        for scale in (2.0**20, 2.0**-20):
            scaled = fit(*case, scale)
            assert abs(scaled.num_steps - plain.num_steps) <= 1, case
            np.testing.assert_allclose(scaled.value / scale, plain.value, 1e-7, 1e-8)


def test_error_is_the_optimality_of_coleman_and_li():
    name, lower, upper, _ = case = BOUNDED[1]
    x = (solution := fit(*case)).value
    r, J = (np.asarray(f(x, NAMES.index(name), 1.0)) for f in (value, jacobian))
    g = J.T @ r
    v = np.where(g < 0, upper - x, x - lower)
    v = np.minimum(v, np.linalg.norm(r) / np.linalg.norm(J, axis=0))
    want = np.max(np.abs(v * g)) / np.sum(r**2)
    np.testing.assert_allclose(solution.error, want, 1e-6)


def test_the_gradient_falls_where_the_residual_stands_still():
    """Large residuals, ‖r‖² = 9e4 and 3e1: below eps of it the slopes at both ends decide."""
    dennis = ("brown_dennis", (-10.0, 0.0, -100.0, -20.0), (100.0, 15.0, 0.0, 0.2),
              (25.0, 5.0, -5.0, -1.0))  # fmt: skip
    roth = next(case for case in BOUNDED if case[0] == "freudenstein_roth")
    for case in (dennis, roth):
        found, noise = fit(*case, ftol=0.0, gtol=1e-12), fit(*case, ftol=0.0, gtol=0.0)
        assert (found.status, noise.status) == (Status.CONVERGED, Status.STAGNATED), case
        assert noise.num_fun <= found.num_fun + 40
        x, lower, upper = (np.array(v) for v in (found.value[: len(case[-1])], *case[1:3]))
        r, J = (np.asarray(f(found.value, NAMES.index(case[0]), 1.0)) for f in (value, jacobian))
        cosine = J[:, : len(x)].T @ r / np.linalg.norm(J[:, : len(x)], axis=0) / np.linalg.norm(r)
        held = np.where(cosine > 0, x == lower, x == upper)
        assert np.max(np.abs(cosine), where=~held, initial=0.0) <= 1e-11, case
    # By default a reduction counts as the square of an error: no end in the middle.
    solution = fit(*dennis, ftol=np.finfo(float).eps ** (4 / 3), gtol=0.0)
    assert solution.status == Status.CONVERGED
    assert solution.error <= 1e-9


@pytest.mark.parametrize("residual", [0.0, 0.3])
def test_bounds_with_no_multiplier_are_reached_exactly(residual):
    """r = A e + 0.3(B e)² + s with e = x − x*, Aᵀs = 0, x* on bounds: C would halve steps."""
    lanes, m, n = 40, 8, 5
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(lanes, m, n)), 0.5 * rng.normal(size=(lanes, m, n))
    s = residual * rng.normal(size=(lanes, m))
    s -= np.einsum("kij,kj->ki", A, np.einsum("kij,kj->ki", np.linalg.pinv(A), s))
    side, solution = rng.integers(-1, 2, (lanes, n)), rng.normal(size=(lanes, n))
    room = rng.uniform(0.5, 3.0, (2, lanes, n))
    lower, upper = solution - room[0] * (side >= 0), solution + room[1] * (side <= 0)
    start = np.clip(solution + 0.5 * rng.normal(size=(lanes, n)), lower, upper)

    def fn(x, A, B, s, target):
        e = x - target
        return A @ e + 0.3 * (B @ e) ** 2 + s

    run = lambda x, data, *bounds: trust_region_reflective(
        fn, x, data, bounds=bounds, ftol=0.0, xtol=0.0, gtol=0.0
    )
    found = jax.jit(jax.vmap(run))(start, (A, B, s, solution), lower, upper)
    x = np.asarray(found.value)
    np.testing.assert_allclose(x, solution, atol=1e-13)
    exact = np.all((x == upper) * 1 - (x == lower) == side, axis=1)
    assert exact.sum() >= lanes - 2  # rounding may leave one 5e-16 off
    assert np.median(found.num_fun) <= 35


def test_a_large_variable_puts_no_other_on_its_bound():
    """4 eps ‖D x‖ is half of x₂'s interval here, and nothing beside its own residual."""
    fn = lambda x: jnp.array([x[0] - 1e6, x[1] - 0.4, 1.0])
    upper = jnp.array([jnp.inf, 1.0], jnp.float32)
    solution = trust_region_reflective(fn, jnp.array([2e5, 0.9], jnp.float32), xtol=0.0,
                                       bounds=(0.0, upper))  # fmt: skip
    np.testing.assert_allclose(solution.value, [1e6, 0.4], 1e-6, 0.01)


def test_a_step_computes_no_nan_beside_no_bound():
    """A variable without effect on a residual, and without a bound: 0·∞ is not asked for."""
    fn, bounds = (lambda x: x - jnp.array([1.0, 2.0])), (0.0, jnp.array([jnp.inf, 1.0]))
    with jax.debug_nans(True):
        state = optimize.trust_region_reflective_init(fn, jnp.full(2, 0.5), bounds=bounds)
        state = optimize.trust_region_reflective_step(fn, state, bounds=bounds)
    assert 0.5 < state.x[1] <= 1.0


def test_lanes_fixed_variables_infeasible_and_outside():
    fn = lambda x, data: jnp.append(x - data, 0.1 * jnp.log(x[0]))
    lanes = jax.jit(
        jax.vmap(lambda x, data, low, high: least_squares(fn, x, (data,), bounds=(low, high)))
    )
    x0 = np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [5.0, 1.0], [np.nan, 1.0], [0.0, 1.0],
                   [-1.0, 1.0]], np.float32)  # fmt: skip
    low, high = np.zeros((7, 2), np.float32), np.full((7, 2), 2.0, np.float32)
    low[1], high[1] = [0.0, 1.0], [2.0, 1.0]  # the second variable is held at 1
    low[2] = 3.0
    low[6] = -np.inf
    data = np.tile(np.float32([0.5, 4.0]), (7, 1))
    solution = jax.tree.map(np.asarray, lanes(x0, data, low, high))
    wanted = [Status.CONVERGED, Status.CONVERGED, Status.INFEASIBLE, Status.INVALID_START,
              Status.INVALID_START, Status.CONVERGED, Status.NON_FINITE]  # fmt: skip
    assert list(solution.status) == wanted
    assert solution.value.dtype == jnp.float32
    # The least (x − ½)² + 0.01 log²x.
    best = so.minimize_scalar(lambda x: (x - 0.5) ** 2 + 0.01 * np.log(x) ** 2, (0.4, 0.6)).x
    np.testing.assert_allclose(solution.value[[0, 5]], np.tile([best, 2.0], (2, 1)), 2e-3)
    np.testing.assert_allclose(solution.value[1], [best, 1.0], 2e-3)
    assert solution.value[1, 1] == 1.0
    assert list(solution.num_steps[[2, 3, 4]]) == [0, 0, 0]
    np.testing.assert_array_equal(solution.value[[2, 3]], x0[[2, 3]])


def test_counts_are_those_of_the_calls():
    calls = []

    def residual_fn(x):
        jax.debug.callback(lambda: calls.append(1))
        return jnp.stack([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])

    bounds = (-2.0, np.array([0.5, 2.0]))
    solution = trust_region_reflective(residual_fn, jnp.array([-1.2, 1.0]), bounds=bounds)
    jax.block_until_ready(solution)
    jax.effects_barrier()
    assert solution.num_fun == solution.num_steps + 1
    assert len(calls) == solution.num_fun + solution.num_hess


@pytest.mark.parametrize(("bounds", "target"), [((None, 1.0), -2.0), ((-1.0, None), 2.0)])
def test_no_bound_is_none(bounds, target):
    found = trust_region_reflective(lambda x: x - target, jnp.full(1, 0.5), bounds=bounds)
    np.testing.assert_allclose(found.value, target, rtol=1e-7)


@pytest.mark.full
def test_methods_of_the_door_agree():
    fn = lambda p: jnp.stack([p["x"] ** 2 - 2.0, p["x"] - 1.5])
    values = [least_squares(fn, {"x": jnp.float64(1.0)}, method=method, gtol=1e-12).value["x"]
              for method in ("trf", "lm", "gauss-newton")]  # fmt: skip
    peer = so.least_squares(lambda x: [x[0] ** 2 - 2.0, x[0] - 1.5], 1.0, gtol=1e-14).x[0]
    np.testing.assert_allclose(values, peer, 1e-6)


def test_refusals():
    fn, x = lambda x: x, jnp.ones(2)
    with pytest.raises(ValueError, match="`method` must be one of trf, lm, gauss-newton"):
        least_squares(fn, x, method="dogbox")
    with pytest.raises(ValueError, match="`bounds` must be infinite with method 'lm'"):
        least_squares(fn, x, bounds=(0.0, jnp.inf), method="lm")
    with pytest.raises(ValueError, match="`bounds` must have shape"):
        trust_region_reflective(fn, x, bounds=(jnp.zeros(3), jnp.inf))
    with pytest.raises(ValueError, match="`bounds` must be a pair"):
        least_squares(fn, x, bounds=0.0)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_the_unit_of_the_residuals_changes_nothing(dtype):
    f = lambda x, s: s * jnp.stack([x[0] ** 2 - 2.0, x[1] - 1.0, x[0] * x[1] - 3.0])
    units = [1e-25, 1e-10, 1.0, 1e10, 1e25] if dtype == jnp.float32 else [1e-200, 1.0, 1e150]
    run = jax.vmap(lambda s: optimize.trust_region_reflective(f, jnp.ones(2, dtype), (s,)))
    found = jax.jit(run)(jnp.asarray(units, dtype))
    assert (found.status == Status.CONVERGED).all()
    np.testing.assert_allclose(found.value, found.value[:1] + 0 * found.value, rtol=1e-3)
    assert np.ptp(found.num_steps) <= 2


@pytest.mark.full
def test_an_infinite_jacobian_is_not_finite_and_points_stay_inside():
    for method in ("trf", "lm", "gauss-newton"):
        found = optimize.least_squares(lambda x: jnp.sqrt(x - 2.0) + 5.0, [2.0], method=method)
        assert found.status == Status.NON_FINITE, method
    seen = optimize.trust_region_reflective_init(
        lambda x: jnp.log(x - 1.0), jnp.ones(1), bounds=(1.0, 1.0 + 1e-9)
    )
    assert 1.0 < seen.x[0] < 1.0 + 1e-9
    assert jnp.isfinite(seen.residual).all()
    for bounds in ((jnp.inf, -jnp.inf), jnp.inf):
        with pytest.raises(ValueError, match="`bounds` must be infinite"):
            optimize.least_squares(lambda x: x, [1.0], bounds=bounds, method="lm")


def test_the_edge_of_where_r_is_finite_is_no_solution():
    """The region shrinks there until a step is short: NON_FINITE, not CONVERGED."""
    edge = lambda x: jnp.array([jnp.where(x[0] < 0.5, jnp.nan, x[0]), x[1] - 1.0])
    root = lambda x: jnp.sqrt(x - 0.5) + 1.0
    for fn, start in ((edge, [3.0, 3.0]), (root, [3.0])):
        assert trust_region_reflective(fn, jnp.array(start)).status == Status.NON_FINITE
    # What was not finite on the way only is forgotten.
    way = lambda x: jnp.where(jnp.abs(x) > 4.0, jnp.nan, jnp.arctan(x) - 0.1 + x**3 / 50.0)
    starts = jnp.linspace(-3.9, 3.9, 20)[:, None]
    solution = jax.vmap(lambda x: trust_region_reflective(way, x))(starts)
    assert (solution.status == Status.CONVERGED).all()
