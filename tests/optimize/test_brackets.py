"""Bisection, regula falsi and Brent's method: roots, rates, counts, statuses, derivatives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import (
    bisect,
    bisect_init,
    bisect_step,
    brentq,
    regula_falsi,
    regula_falsi_init,
    regula_falsi_step,
)

SOLVERS = (bisect, regula_falsi, brentq)
ENDS = np.array([
    [0.0, 2.0], [0.0, 1.0], [0.0, 3.0], [0.0, 1.5707], [-1.0, 3.0], [0.0, 2.0], [0.0, 20.0],
    [0.0, 1.5], [5.0, 0.1], [-10.0, 10.0], [-1.0, 1.0], [3.0, 4.0], [0.0, 1.0], [-1e3, 2e3],
])  # fmt: skip


def values(np, x, tiny):
    """Simple roots, flat ones, a steep one, a root at 0, and values near both ends of the range."""
    return [
        x * x - 2.0, np.cos(x) - x, (x - 1.0) ** 3, np.tan(x) - 1000.0, x * np.exp(-x * x),
        tiny * (x * x * x - 2.0), np.exp(x) - 1e5, x**9 - 0.5, np.log(x), np.arctan(x - 3.0),
        x - 1e-8, np.sin(x), (x - 0.3) ** 5 / tiny, x + 0.01 * x * x * x - 7.0,
    ]  # fmt: skip


def bank(x, which, tiny):
    """One program for all functions: a lane picks its own."""
    return jnp.stack(values(jnp, x, tiny))[which]


@pytest.fixture(scope="module")
def found():
    """Every solver on every function in float64, one program a solver."""
    lanes = np.arange(len(ENDS))

    def solve(solver):
        run = lambda a, b, which: solver(bank, a, b, (which, 1e-200))
        return jax.jit(jax.vmap(run))(ENDS[:, 0], ENDS[:, 1], lanes)

    return {solver.__name__: solve(solver) for solver in SOLVERS}


@pytest.mark.parametrize("solver", SOLVERS)
def test_roots_are_those_of_scipy(found, solver):
    solution = found[solver.__name__]
    assert (solution.status == Status.CONVERGED).all()
    np.testing.assert_array_equal(solution.num_fun, solution.num_steps + 2)
    for which, (a, b) in enumerate(ENDS):
        f = lambda x, which=which: values(np, np.float64(x), 1e-200)[which]
        with np.errstate(all="ignore"):
            want = scipy.optimize.brentq(f, a, b, xtol=1e-300, rtol=9e-16, maxiter=5000)
        eps = 2.0**-52
        allowed = 4 * eps * (1 + abs(want))
        assert solution.error[which] <= allowed
        # The sine and its kin are evaluated a little differently by XLA and NumPy.
        assert abs(solution.value[which] - want) <= 2 * allowed, which


def test_steps_are_few(found):
    """Brent's method at most as many evaluations as twice SciPy's; bisection log₂(width/tol)."""
    for which, (a, b) in enumerate(ENDS):
        f = lambda x, which=which: values(np, np.float64(x), 1e-200)[which]
        with np.errstate(all="ignore"):
            theirs = scipy.optimize.brentq(
                f, a, b, xtol=9e-16, rtol=9e-16, full_output=True, maxiter=999
            )[1]
        assert found["brentq"].num_fun[which] <= 2 * theirs.function_calls, which
    width = np.abs(ENDS[:, 1] - ENDS[:, 0])
    most = np.ceil(np.log2(width / (4 * 2.0**-52 * (1 + np.abs(found["bisect"].value)))))
    assert (found["bisect"].num_steps <= most + 1).all()
    simple = [0, 1, 6, 9, 11, 13]
    assert (found["regula_falsi"].num_steps[np.array(simple)] <= 40).all()


def bisect_in_numpy(f, a, b, tol):
    """The textbook's loop, with its own count of evaluations."""
    fa, fb, count = f(a), f(b), 2
    while True:
        x = a if abs(fa) <= abs(fb) else b
        if fa == 0 or fb == 0 or abs(b - a) <= tol * (1 + abs(x)):
            return x, count
        m = a / 2 + b / 2
        fm, count = f(m), count + 1
        if np.sign(fm) == np.sign(fa):
            a, fa = m, fm
        else:
            b, fb = m, fm


def brent_in_numpy(f, a, b, tol):
    """Brent's procedure ``zero`` (1973, section 4.6) in his letters, with a count."""
    fa, fb, count = f(a), f(b), 2
    c, fc, d, e = a, fa, b - a, b - a
    while True:
        if abs(fc) < abs(fb):
            a, b, c = b, c, b
            fa, fb, fc = fb, fc, fb
        t, m = tol * (1 + abs(b)) / 2, (c - b) / 2
        if abs(m) <= t or fb == 0:
            return b, count
        if abs(e) < t or abs(fa) <= abs(fb):
            d = e = m
        else:
            s = fb / fa
            if a == c:
                p, q = 2 * m * s, 1 - s
            else:
                q, r = fa / fc, fb / fc
                p = s * (2 * m * q * (q - r) - (b - a) * (r - 1))
                q = (q - 1) * (r - 1) * (s - 1)
            p, q = (p, -q) if p > 0 else (-p, q)
            s, e = e, d
            if 2 * p < 3 * m * q - abs(t * q) and p < abs(s * q / 2):
                d = p / q
            else:
                d = e = m
        a, fa = b, fb
        b = b + (d if abs(d) > t else np.copysign(t, m))
        fb, count = f(b), count + 1
        if (fb > 0) == (fc > 0):
            c, fc, d, e = a, fa, b - a, b - a


def in_numpy(which):
    """A function as NumPy evaluates it: XLA fuses x·x − 2 into one rounding, or does not."""

    def f(x):
        with np.errstate(all="ignore"):
            return np.float64(values(np, np.float64(x), 1e-200)[int(which)])

    return f


@pytest.mark.parametrize(("solver", "loop"), [(bisect, bisect_in_numpy), (brentq, brent_in_numpy)])
def test_counts_and_roots_are_those_of_a_loop_in_numpy(solver, loop):
    """Step by step the same, where both call one f."""

    def on_host(x, which):
        call = lambda x, which: in_numpy(which)(x)
        like = jax.ShapeDtypeStruct((), x.dtype)
        return jax.pure_callback(call, like, x, which, vmap_method="sequential")

    run = jax.vmap(lambda a, b, which: solver(on_host, a, b, (which,)))
    solution = run(ENDS[:, 0], ENDS[:, 1], np.arange(len(ENDS)))
    for which in range(len(ENDS)):
        x, count = loop(in_numpy(which), *ENDS[which], 4 * 2.0**-52)
        assert int(solution.num_fun[which]) == count, which
        assert abs(solution.value[which] - x) <= 4 * 2.0**-52 * (1 + abs(x)), which


def test_counts_are_calls_at_run_time():
    """A function on the host, which jax cannot differentiate, counts for itself."""
    calls = []

    def host(x):
        calls.append(float(x))
        return np.asarray(x * x * x - 2.0)

    f = lambda x: jax.pure_callback(host, jax.ShapeDtypeStruct((), x.dtype), x)
    for solver in SOLVERS:
        calls.clear()
        solution = solver(f, 0.0, 2.0)
        assert len(calls) == int(solution.num_fun)
        assert solution.value == pytest.approx(2 ** (1 / 3), rel=1e-15)


def test_rates():
    """Bisection halves; Illinois has order 3^(1/3) an evaluation, Brent's more than a chord's."""
    f = lambda x: jnp.exp(x) - 2.0
    state, widths = bisect_init(f, 0.0, 1.0), [1.0]
    step = jax.jit(lambda s: bisect_step(f, s))
    for _ in range(20):
        state = step(state)
        widths.append(float(abs(state.b - state.a)))
    np.testing.assert_array_equal(np.divide(widths[1:], widths[:-1]), 0.5)
    state, errors = regula_falsi_init(f, -1.0, 4.0), []
    step = jax.jit(lambda s: regula_falsi_step(f, s, xtol=0.0, rtol=0.0))
    for _ in range(15):
        state = step(state)
        errors.append(float(abs(state.b - np.log(2))))
    # After three evaluations the error is cubed, up to a constant.
    good = [k for k in range(3, 15) if 1e-13 < errors[k] < errors[k - 3] < 1e-2]
    orders = [np.log(errors[k]) / np.log(errors[k - 3]) for k in good]
    assert good
    assert 2.2 < np.median(orders) < 4.0


def status_case(x, kind):
    """By lane: no sign change, NaN at an end, NaN inside, a zero at an end, −∞ inside, fine."""
    nan_inside = jnp.where((x > 0.4) & (x < 0.6), jnp.nan, x - 0.45)
    cases = [x * x + 1.0, jnp.where(x == 0.0, jnp.nan, x - 0.5), nan_inside, x * (x + 2.0),
             jnp.where(x == 0.5, -jnp.inf, x - 0.6), x - 0.45, x - 0.45, x - 1.0,
             jnp.arctan(5.0 * x - 1.1)]  # fmt: skip
    return jnp.stack(cases)[kind]


STATUSES = [Status.NO_BRACKET, Status.NON_FINITE, Status.NON_FINITE, Status.CONVERGED,
            Status.NON_FINITE, Status.CONVERGED, Status.INVALID_START, Status.CONVERGED,
            Status.MAX_STEPS]  # fmt: skip


def test_statuses_lane_by_lane():
    starts = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0, jnp.nan, 0.0, -1.0])
    ends = jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    limits = jnp.array([99, 99, 99, 99, 99, 99, 99, 99, 2])
    for solver in SOLVERS:
        run = lambda a, b, k, m, solver=solver: solver(status_case, a, b, (k,), max_steps=m)
        solution = jax.jit(jax.vmap(run))(starts, ends, np.arange(9), limits)
        status = solution.status.tolist()
        if solver is not bisect:  # the chord of a line does not meet x = 0.5
            assert status[4] == Status.CONVERGED
            status[4] = Status.NON_FINITE
        assert status == STATUSES, solver.__name__
        np.testing.assert_array_equal(solution.num_fun, solution.num_steps + 2)
        assert np.isfinite(solution.value[np.array([0, 2, 3, 4, 5, 7, 8])]).all()
        assert solution.value[3] == 0
        assert solution.value[7] == 1
        assert solution.num_fun[0] == solution.num_fun[3] == solution.num_fun[7] == 2
        assert solution.error[3] == solution.error[7] == 0
        assert abs(solution.value[5] - 0.45) < 1e-15
        assert solution.num_fun[8] == 4
        assert solution.error[8] > 0.01


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_ends_of_the_range(solver):
    """Huge ends do not overflow; tolerances of 0 end at neighbouring numbers; tiny roots."""
    big = 1.7e308
    run = lambda a, b, c, solver=solver: solver(
        lambda x, c: jnp.arctan(x - c), a, b, (c,), xtol=0.0, rtol=0.0, max_steps=4000
    )
    solution = jax.jit(jax.vmap(run))(
        jnp.array([-big, big, 0.9 * big, 0.0, -1.0]),
        jnp.array([big, -big, -big, 1.0, 1.0]),
        jnp.array([1.0, 1e300, -3.0, 1 / 3, 1e-200]),
    )
    assert np.isin(solution.status, [Status.CONVERGED, Status.STAGNATED]).all()
    np.testing.assert_allclose(solution.value, [1.0, 1e300, -3.0, 1 / 3, 1e-200], rtol=1e-15)
    found = solution.error / np.abs(solution.value) <= 2.0**-51
    assert found.all()


@pytest.mark.parametrize("solver", [regula_falsi, brentq])
def test_float32(solver):
    ends = jnp.asarray(ENDS, jnp.float32)
    tiny = jnp.float32(1e-30)
    run = lambda a, b, which: solver(bank, a, b, (which, tiny))
    with jax.numpy_dtype_promotion("strict"):
        solution = jax.jit(jax.vmap(run))(ends[:, 0], ends[:, 1], np.arange(len(ENDS)))
    assert solution.value.dtype == solution.error.dtype == jnp.float32
    assert (solution.status == Status.CONVERGED).all()
    for which, (a, b) in enumerate(ENDS):
        f = lambda x, which=which: values(np, np.float64(x), 1e-30)[which]
        with np.errstate(all="ignore"):
            want = scipy.optimize.brentq(f, a, b, maxiter=999)
        # In float32 tan x − 1000 and its kin have noise of their own.
        assert abs(solution.value[which] - want) <= 2e-6 * (1 + abs(want)), which


def test_one_trace_and_the_implicit_derivative():
    """dx = −∂f/f′, in both modes; a second call with other data traces nothing."""
    traces = []

    def f(x, c):
        traces.append(1)
        return x**3 - c

    first = brentq(f, 0.0, 3.0, (8.0,))
    seen = len(traces)
    assert brentq(f, 0.5, 2.5, (1.0,)).value == pytest.approx(1.0, abs=1e-14)
    assert len(traces) == seen
    assert first.value == pytest.approx(2.0, abs=1e-14)
    for solver in SOLVERS:
        root = lambda c, solver=solver: solver(lambda x: x**3 - c, 0.0, 3.0).value
        slope, tangent = jax.jit(lambda c, r=root: (jax.grad(r)(c), jax.jacfwd(r)(c)))(8.0)
        assert slope == pytest.approx(1 / 12, rel=1e-13)
        assert tangent == pytest.approx(1 / 12, rel=1e-13)


def test_refusals():
    with pytest.raises(TypeError, match="`fun` must be callable"):
        bisect(3.0, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"`a` must have shape \(\)"):
        brentq(jnp.sin, [1.0, 2.0], 1.0)
    with pytest.raises(ValueError, match="`xtol` must be at least"):
        regula_falsi(jnp.sin, 3.0, 4.0, xtol=-1.0)
    with pytest.raises(ValueError, match="`fun` must return a scalar"):
        bisect(lambda x: jnp.ones(2) * x, 0.0, 1.0)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_no_tolerance_ends_at_neighbours(dtype):
    """x² = c to the last bit for 200 values of c: no method evaluates one point for ever."""
    c = jnp.linspace(1.1, 3.9, 200, dtype=dtype)
    f = lambda x, c: x * x - c
    for method, most in ((optimize.regula_falsi, 60), (optimize.brentq, 20)):
        solve = functools.partial(method, f, xtol=0.0, rtol=0.0)
        run = jax.vmap(lambda c, solve=solve: solve(0.0 * c, 2.0 + 0.0 * c, (c,)))
        found = run(c)
        assert np.isin(found.status, [Status.STAGNATED, Status.CONVERGED]).all()
        assert (found.num_fun <= most).all(), found.num_fun.max()
        np.testing.assert_allclose(found.value, jnp.sqrt(c), rtol=4 * float(jnp.finfo(dtype).eps))


def test_regula_falsi_where_values_are_orders_apart():
    """One end is kept for so long that its weight would vanish beside a quotient of ∞."""
    cases = ((lambda x: x**9, -1.0, 1.7), (lambda x: jnp.exp(x) - 1e-20, -80.0, 80.0))
    for dtype in (jnp.float32, jnp.float64):
        for fn, a, b in cases:
            solution = regula_falsi(fn, jnp.asarray(a, dtype), jnp.asarray(b, dtype))
            assert solution.status == Status.CONVERGED
