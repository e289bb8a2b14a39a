"""The secant method, Newton's and Halley's, and the door to them: roots, orders, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import (
    halley,
    halley_init,
    halley_step,
    newton,
    newton_init,
    newton_step,
    root_scalar,
    secant,
    secant_init,
    secant_step,
)

EPS = 2.0**-52
STARTS = np.array([1.0, 0.5, 2.0, 1.5699, 0.3, 1.5, 12.0, 0.9, 0.5, 2.5, 0.4, 3.5, 0.9, 6.0])
FLAT = (2, 12)


def values(np, x, tiny):
    """Simple roots, flat ones, a steep one, a root at 0, and values near both ends of the range."""
    return [
        x * x - 2.0, np.cos(x) - x, (x - 1.0) ** 3, np.tan(x) - 1000.0, x * np.exp(-x * x),
        tiny * (x**3 - 2.0), np.exp(x) - 1e5, x**9 - 0.5, np.log(x), np.arctan(x - 3.0),
        x - 1e-8, np.sin(x), (x - 0.3) ** 5 / tiny, x + 0.01 * x**3 - 7.0,
    ]  # fmt: skip


def bank(x, which, tiny):
    """One program for all functions: a lane picks its own."""
    return jnp.stack(values(jnp, x, tiny))[which]


def wanted(which):
    """The root by SciPy, bracketed around the start."""
    ends = [(0, 2), (0, 1), (0, 3), (0, 1.5707), (-1, 2), (0, 2), (0, 20), (0, 1.5), (0.1, 5),
            (-9, 9), (-1, 1), (3, 4), (0, 1), (0, 20)][which]  # fmt: skip
    f = lambda x: values(np, np.float64(x), 1e-200)[which]
    with np.errstate(all="ignore"):
        return scipy.optimize.brentq(f, *ends, xtol=1e-300, rtol=9e-16, maxiter=5000)


def from_one(solver, x, args, **settings):
    """The secant method's second point is 1.0001 times the first."""
    if solver is secant:
        return secant(bank, x, x * 1.0001, args, **settings)
    return solver(bank, x, args, **settings)


@pytest.mark.parametrize("solver", [secant, newton, halley])
def test_roots_are_those_of_scipy(solver):
    """Fourteen functions in one program; an m-fold root to m times its correction."""
    run = lambda x, which: from_one(solver, x, (which, 1e-200), max_steps=400)
    solution = jax.jit(jax.vmap(run))(STARTS, np.arange(14))
    assert (solution.status == Status.CONVERGED).all()
    for which in range(14):
        want = wanted(which)
        allowed = 8 * EPS * (1 + abs(want)) * (10 if which in FLAT else 1)
        # tan x − 1000 has a noise of eps·1000, over a slope of 10⁶; so it is no worse.
        assert abs(solution.value[which] - want) <= allowed, which
    at_root = jnp.stack([bank(x, k, 1e-200) for k, x in enumerate(solution.value)])
    np.testing.assert_allclose(solution.error, jnp.abs(at_root), rtol=1e-3, atol=1e-9)
    extra = 2 if solver is secant else 1
    np.testing.assert_array_equal(solution.num_fun, solution.num_steps + extra)
    simple = np.setdiff1d(np.arange(14), FLAT)
    assert (solution.num_steps[simple] <= 20).all()
    assert (np.asarray(solution.num_grad) == (0 if solver is secant else solution.num_fun)).all()
    assert (np.asarray(solution.num_hess) == (solution.num_fun if solver is halley else 0)).all()


def errors_of(init, step, get, root):
    """|e| step by step, as long as it is above the noise."""
    state, errors = init, [abs(float(get(init)) - root)]
    while errors[-1] > 1e-13 and len(errors) < 30:
        state = step(state)
        errors.append(abs(float(get(state)) - root))
    return np.array([e for e in errors if e > 1e-13])


def test_orders_of_convergence():
    """e₊ = C·e^p with the theory's constant: φ for the secant, 2 for Newton, 3 for Halley."""
    f, root = lambda x: x**3 - 2.0, 2.0 ** (1 / 3)
    bend = 1 / root  # f″/2f′
    phi = (1 + 5**0.5) / 2

    step = jax.jit(lambda s: secant_step(f, s))
    errors = errors_of(secant_init(f, 2.0, 1.6), step, lambda s: s.root.x, root)
    order = np.log(errors[-1] / errors[-2]) / np.log(errors[-2] / errors[-3])
    assert order == pytest.approx(phi, abs=0.1)
    assert errors[-1] / (errors[-2] * errors[-3]) == pytest.approx(bend, rel=0.02)

    step = jax.jit(lambda s: newton_step(f, s))
    errors = errors_of(newton_init(f, 3.0), step, lambda s: s.x, root)
    order = np.log(errors[-1] / errors[-2]) / np.log(errors[-2] / errors[-3])
    assert order == pytest.approx(2.0, abs=0.1)
    assert errors[-1] / errors[-2] ** 2 == pytest.approx(bend, rel=0.02)

    step = jax.jit(lambda s: halley_step(f, s))
    errors = errors_of(halley_init(f, 4.0), step, lambda s: s.x, root)
    order = np.log(errors[-1] / errors[-2]) / np.log(errors[-2] / errors[-3])
    assert order == pytest.approx(3.0, abs=0.15)
    assert errors[-1] / errors[-2] ** 3 == pytest.approx(bend**2 - 1 / (3 * root**2), rel=0.05)


def test_ratios_at_a_multiple_root():
    """1 − 1/m a step for Newton, (m − 1)/(m + 1) for Halley."""
    f = lambda x: (x - 1.0) ** 3
    for init, step, ratio in ((newton_init, newton_step, 2 / 3), (halley_init, halley_step, 0.5)):
        state = init(f, 3.0)
        for _ in range(4):
            new = step(f, state)
            assert (new.x - 1) / (state.x - 1) == pytest.approx(ratio, rel=1e-14)
            state = new


def test_counts_are_calls_and_equal_loops_in_numpy():
    """A loop in NumPy with the same rule to stop takes as many evaluations."""
    calls = []

    def f(x):
        calls.append(1)
        return x * x - 2.0

    state = secant_init(f, 1.0, 2.0)
    secant_step(f, state)
    assert len(calls) == 3
    x, count = 5.0, 1
    while abs((x * x - 2) / (2 * x)) > 4 * EPS * (1 + abs(x)):
        x, count = x - (x * x - 2) / (2 * x), count + 1
    solution = newton(f, 5.0)
    assert abs(int(solution.num_fun) - count) <= 1
    assert abs(solution.value - x) <= 2 * EPS


def status_case(x, kind):
    """By lane: a flat start, NaN start, no real root, none at all, NaN on the way, a cycle, a root,
    a double root hit at once, an infinite slope at the root."""
    cases = [
        x * x + 1.0,
        x,
        jnp.sqrt(x) + 0.5,
        jnp.exp(-x),
        jnp.where(x > 0.2, jnp.log(x), jnp.nan),
        x**3 - 2.0 * x + 2.0,
        x - 1.0,
        (x - 1.0) ** 2,
        jnp.sign(x) * jnp.sqrt(jnp.abs(x)),
        jnp.where(x == 1.0, jnp.nan, x),
    ]
    return jnp.stack(cases)[kind]


def test_statuses_lane_by_lane():
    starts = jnp.array([0.0, jnp.nan, 1.0, 1.0, 3.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    run = lambda x, kind: newton(status_case, x, (kind,), max_steps=60)
    solution = jax.jit(jax.vmap(run))(starts, np.arange(10))
    assert solution.status.tolist() == [
        Status.SINGULAR, Status.INVALID_START, Status.NON_FINITE, Status.MAX_STEPS,
        Status.NON_FINITE, Status.MAX_STEPS, 0, 0, 0, Status.NON_FINITE]  # fmt: skip
    assert solution.num_steps[np.array([0, 1, 6, 7, 8, 9])].tolist() == [0] * 6
    assert solution.num_fun.tolist() == (solution.num_steps + 1).tolist()
    assert solution.value[0] == 0
    assert solution.error[0] == 1
    assert np.isfinite(solution.value[np.array([0, 2, 3, 4, 5, 6, 7, 8, 9])]).all()
    assert solution.num_steps[2] == 1  # the start is the last good point
    assert solution.value[2] == 1
    assert solution.value[4] == 3

    two = jax.jit(jax.vmap(lambda a, b, kind: secant(status_case, a, b, (kind,), max_steps=60)))
    solution = two(
        jnp.array([-1.0, 1.0, jnp.nan, 1.0, 0.5, 1.0]),
        jnp.array([1.0, 1.0, 1.0, 2.0, 1.0, 0.0]),
        jnp.array([0, 1, 1, 2, 6, 9]),
    )
    assert solution.status.tolist() == [
        Status.SINGULAR, Status.SINGULAR, Status.INVALID_START, Status.NON_FINITE, 0,
        Status.NON_FINITE]  # fmt: skip
    assert solution.num_fun.tolist() == (solution.num_steps + 2).tolist()


def test_stagnation_at_the_noise_of_f():
    """(x − 1)(x − 1.001)(x − 1.002) expanded: f is noise within about 1e-10 of the root."""
    coefficients = np.poly([1.0, 1.001, 1.002])
    f = lambda x: jnp.polyval(jnp.asarray(coefficients), x)
    run = jax.jit(jax.vmap(lambda x: newton(f, x)))
    solution = run(np.linspace(0.99, 0.9999, 20))
    assert np.isin(solution.status, [Status.CONVERGED, Status.STAGNATED]).all()
    assert (solution.status == Status.STAGNATED).any()
    np.testing.assert_allclose(solution.value, 1.0, atol=1e-8)


def test_halley_near_an_extremum_does_not_claim_a_root():
    """Halley's step is tiny where f′ is; the correction is not."""
    solution = halley(lambda x: x * x - 1.0, 1e-20)
    assert solution.status == Status.CONVERGED
    assert abs(abs(solution.value) - 1) <= EPS
    assert solution.num_steps > 10


@pytest.mark.parametrize("solver", [secant, halley])
def test_float32(solver):
    run = lambda x, which: from_one(solver, x, (which, jnp.float32(1e-30)))
    with jax.numpy_dtype_promotion("strict"):
        solution = jax.jit(jax.vmap(run))(jnp.asarray(STARTS, jnp.float32), np.arange(14))
    assert solution.value.dtype == solution.error.dtype == jnp.float32
    assert np.isin(solution.status, [Status.CONVERGED, Status.STAGNATED, Status.SINGULAR]).all()
    assert (solution.status == Status.CONVERGED).sum() >= 11
    for which in range(14):
        want = wanted(which)
        if solution.status[which] == Status.CONVERGED:
            assert abs(solution.value[which] - want) <= 1e-5 * (1 + abs(want)), which


def test_derivative_and_one_trace():
    """dx = −∂f/f′ in both modes, its second derivative too; other data trace nothing."""
    traces = []

    def f(x, c):
        traces.append(1)
        return x**3 - c

    assert newton(f, 1.0, (8.0,)).value == pytest.approx(2.0, abs=1e-14)
    seen = len(traces)
    assert newton(f, 3.0, (27.0,)).value == pytest.approx(3.0, abs=1e-14)
    assert len(traces) == seen
    x = lambda c: newton(f, 1.0, (c,)).value
    both = jax.jit(lambda c: (jax.grad(x)(c), jax.jacfwd(x)(c), jax.hessian(x)(c)))(8.0)
    np.testing.assert_allclose(both, [1 / 12, 1 / 12, -2 / 9 * 8 ** (-5 / 3)], rtol=1e-12)


def test_the_door_picks_the_method():
    """The same solution as the method itself, by name and by what is given."""
    f = lambda x, c: x * x - c
    for method in ("bisect", "brentq", "regula_falsi", "newton", "halley", "secant"):
        solution = root_scalar(f, (2.0,), method, (0.0, 2.0), 1.0, 2.0)
        assert solution.converged
        assert abs(solution.value - 2**0.5) <= 2e-15
    givens = {"bracket": (0.0, 2.0)}, {"x0": 1.0}, {"x0": 1.0, "x1": 2.0}
    counts = [root_scalar(f, (2.0,), **given).num_grad for given in givens]
    assert counts[0] == counts[2] == 0 < counts[1]
    assert root_scalar(f, (2.0,), bracket=[3.0, 4.0]).status == Status.NO_BRACKET
    assert root_scalar(f, (2.0,), x0=9.0, max_steps=1).status == Status.MAX_STEPS
    with pytest.raises(ValueError, match="`bracket` must be given"):
        root_scalar(f, (2.0,), "brentq", x0=1.0)
    with pytest.raises(ValueError, match="`method` must be one of"):
        root_scalar(f, (2.0,), "ridder", x0=1.0)
    with pytest.raises(ValueError, match=r"`method` must be one of .*, got 3"):
        root_scalar(f, (2.0,), 3, x0=1.0)
    with pytest.raises(ValueError, match="`x0` must be given"):
        root_scalar(f, (2.0,))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_secant_without_tolerance_stagnates_at_the_root(dtype):
    c = jnp.linspace(1.1, 3.9, 100, dtype=dtype)
    run = jax.vmap(lambda c: optimize.secant(
        lambda x, c: x * x - c, 1.0 + 0 * c, 2.0 + 0 * c, (c,), xtol=0.0, rtol=0.0
    ))  # fmt: skip
    found = run(c)
    assert np.isin(found.status, [Status.STAGNATED, Status.CONVERGED]).all()
    level = optimize.secant(lambda x: x * x - 2.0, -1.0, 1.0)
    assert level.status == Status.SINGULAR


def test_halley_falls_back_on_newton_where_its_divisor_is_negative():
    f = lambda x: x**3 - 2.0 * x + 2.0
    steps = [
        step(f, init(f, 0.9)).x
        for init, step in (
            (optimize.halley_init, optimize.halley_step),
            (optimize.newton_init, optimize.newton_step),
        )
    ]
    assert steps[0] == steps[1]
