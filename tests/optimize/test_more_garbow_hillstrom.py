"""The problems of Moré, Garbow and Hillstrom against the printed formulas, norms and minima."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath.optimize import LeastSquaresProblem, _mgh_variable, more_garbow_hillstrom
from tests.optimize import mgh_textbook

PROBLEMS = more_garbow_hillstrom()
every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.name)

# ‖r‖ at the start, at 10 times the start and at 100 times, as MINPACK's tests print it.
PRINTED_NORMS = {
    1: (24.2**0.5, 1795769.0**0.5, 11 * 169000121.0**0.5),
    2: (20.0124960961895, 12432.833948863, 11426454.595762),
    6: (64.5856498144943,),
    7: (50.0, 102.95630140987, 991.261822123701),
    8: (6.45613629515967, 36.1418531596785, 384.114678637399),
    10: (41153.4665543031, 4168216.89130846),
    12: (32.1115837449572,),
    13: (14.6628782986152, 1270.9838708654, 126887.903284750),
    15: (0.0728915102882945, 2.97937007555202, 29.9590617016037),
    16: (2815.43839161816, 555073.354173069, 61211252.2338581),
    17: (0.937564021037838,),
    19: (1.44686540984712,),
    20: (5.47722557505166,),
    27: (16.5302162063499, 9765624.00089211, 0.9765625e17),
    35: (0.196513862833975,),
}
# f and ∇f at the start, as the tests of gonum's optimize/functions print them.
PRINTED_VALUES = {
    3: (1.13526171734838, (-2.00007355588823e4, -2.70596990584991e-1)),
    4: (999998000003.0, (-2e6, -4e-6)),
    5: (14.203125, (0.0, 27.75)),
    9: (3.88810699116688e-6, (7.41428466839991e-3, -7.44126392165149e-4, 0.0)),
    11: (12.11070582556949, (2.0879783574289799, 0.0345792619697154, -39.6766801029386400)),
    14: (19192.0, (-12008.0, -2080.0, -10808.0, -1880.0)),
    18: (0.77907007565597, (-0.149371887533426, -0.183163468182936, -1.483958013575642,
                            1.428277503849742, -0.149371887533426, -1.483958013575642)),
    20: (30.0, (0.0, -60.0, -60.0, -61.034482758620697, -62.068965517241381,
                -63.114928861371936)),
    23: (148032.56535, (1539.0, 3078.00002, 4617.00004, 6156.00006, 7695.00008, 9234.0001,
                        10773.00012, 12312.00014, 13851.00016, 15390.00018)),
    24: (162.65277656596712, (255.5999995289644, 229.4999988513451, 203.9999977683049,
                              178.4999965713605, 152.9999952485322, 127.4999937865809,
                              101.9999921708749, 76.4999903852436, 50.9999884118158,
                              25.4999938418451)),
    26: (0.00707575946622261, (0.03562782195259399, 0.01872017956076182, 0.00380754216611998,
                               -0.00911009023133202, -0.02003271763159338, -0.02896034003466506,
                               -0.03589295744054654, -0.04083056984923782, -0.04377317726073873,
                               -0.04472077967504980)),
}  # fmt: skip
# Values of the paper's lists and of MINPACK's tables, cut off (not rounded) after six digits.
PRINTED_MINIMA = {
    2: ("0", "48.9842"), 6: ("124.362",), 8: ("8.21487e-3", "17.4286"), 9: ("1.12793e-8",),
    10: ("87.9458",), 15: ("3.07505e-4", "1.02734e-3"), 16: ("85822.2",), 17: ("5.46489e-5",),
    19: ("4.01377e-2", "1.78981"), 20: ("2.28767e-3",), 23: ("7.08765e-5",),
    24: ("2.93660e-4",), 26: ("0", "2.79505e-5"), 32: ("10",), 33: ("4.63414",),
    34: ("6.13513",), 35: ("3.51687e-3",),
}  # fmt: skip


@functools.cache
def program(number):
    """x ↦ (r, J, f, ∇f), compiled once a problem."""
    p = PROBLEMS[number - 1]
    forward = jax.jacfwd(p.residual)
    gradient = jax.value_and_grad(p.objective)
    compiled = jax.jit(lambda x: (p.residual(x), forward(x), *gradient(x)))
    return lambda x: [np.asarray(v) for v in compiled(jnp.asarray(x, jnp.float64))]


def slope(residual, x, direction):
    """J(x) v to 20 digits, by one difference in 60-digit arithmetic."""
    h = mpmath.mpf(10) ** -30
    moved = residual([a + h * b for a, b in zip(x, direction, strict=True)])
    return [(a - b) / h for a, b in zip(moved, residual(x), strict=True)]


def numbers(values):
    return [mpmath.mpf(float(v)) for v in values]


def test_record():
    assert [p.number for p in PROBLEMS] == list(range(1, 36))
    assert len({p.name for p in PROBLEMS}) == 35
    assert more_garbow_hillstrom() is PROBLEMS
    for p in PROBLEMS:
        assert isinstance(p, LeastSquaresProblem)
        assert p.objective is p.objective
        assert all(isinstance(v, float) for v in p.start)
        assert p.reference.endswith(f"problem ({p.number})")
        assert p.num_residuals >= p.dimension == len(p.start)
        assert p.minimum == min(value for value, _ in p.minima)
        assert p.minima[0][1] is not None
        for value, point in (*p.minima, *p.saddles):
            assert isinstance(value, float)
            assert point is None or (len(point) == p.dimension
                                     and all(isinstance(v, float) for v in point))  # fmt: skip
        assert (p.starts[0], len(p.starts)) == (p.start, p.num_starts)
    assert [PROBLEMS[1].starts, PROBLEMS[2].starts, PROBLEMS[11].starts] == [
        ((0.5, -2.0), (5.0, -20.0), (50.0, -200.0)), ((0.0, 1.0), (0.0, 10.0)), ((0.0, 10.0, 20.0),)
    ]  # fmt: skip
    assert PROBLEMS[19].starts == ((0.0,) * 6, (10.0,) * 6, (100.0,) * 6)
    assert sum(p.num_starts for p in PROBLEMS) == 83
    with pytest.raises(ValueError, match=r"`x` must have shape \(2,\), got \(3,\)"):
        PROBLEMS[0].residual(jnp.ones(3))


@every_problem
def test_residuals_and_jacobian_are_the_textbooks(problem):
    """At the start and beside it: r to rounding, and J v against a difference in 60 digits."""
    rng = np.random.default_rng(problem.number)
    start = np.array(problem.start)
    for x in (start, start * rng.uniform(0.9, 1.1, start.shape) + rng.uniform(0, 0.05)):
        r, jacobian, f, gradient = program(problem.number)(x)
        direction = rng.uniform(0.5, 1.0, start.shape)
        with mpmath.workdps(60):
            residual = functools.partial(mgh_textbook.residual, problem.number)
            exact = np.array([float(v) for v in residual(numbers(x))])
            along = [float(v) for v in slope(residual, numbers(x), numbers(direction))]
            total = float(mgh_textbook.value(problem.number, numbers(x)))
        assert r.shape == exact.shape == (problem.num_residuals,)
        np.testing.assert_allclose(r, exact, rtol=1e-12, atol=4e-14 * np.abs(exact).max())
        np.testing.assert_allclose(f, total, rtol=1e-12)
        size = np.abs(jacobian) @ direction
        np.testing.assert_allclose(jacobian @ direction, along, rtol=1e-12,
                                   atol=1e-12 * size.max())  # fmt: skip
        np.testing.assert_allclose(gradient, 2.0 * jacobian.T @ r, rtol=1e-12,
                                   atol=1e-13 * (np.abs(jacobian.T) @ np.abs(r)).max())  # fmt: skip


def test_printed_values_at_the_starts():
    for number, norms in PRINTED_NORMS.items():
        start = np.array(PROBLEMS[number - 1].start)
        for scale, norm in zip((1.0, 10.0, 100.0), norms, strict=False):
            f = program(number)(scale * start)[2]
            np.testing.assert_allclose(np.sqrt(f), norm, rtol=5e-14 if scale == 1 else 1e-12)
    for number, (value, slopes) in PRINTED_VALUES.items():
        _, _, f, gradient = program(number)(PROBLEMS[number - 1].start)
        np.testing.assert_allclose(f, value, rtol=2e-13)
        np.testing.assert_allclose(gradient, slopes, rtol=2e-12, atol=1e-15)
    for number, norm in ((32, 5.0), (33, 291.521868819476)):  # n = 5, m = 10
        with mpmath.workdps(20):
            assert abs(mpmath.sqrt(mgh_textbook.value(number, [1.0] * 5)) - norm) < 1e-11


@every_problem
def test_minima(problem):
    """In 60 digits f is the stored value, and its slopes are those of the rounding of x.

    In float64 f and its slopes are within rounding, and nothing curves downwards.
    """
    run, residual = (
        program(problem.number),
        functools.partial(mgh_textbook.residual, problem.number),
    )
    axes = np.eye(problem.dimension)
    for value, x in problem.minima:
        if x is None:
            continue
        hessian, lowest = curvature(run, x)
        with mpmath.workdps(60):
            exact = residual(numbers(x))
            error = mpmath.fdot(exact, exact) - mpmath.mpf(value)
            columns = [slope(residual, numbers(x), numbers(axis)) for axis in axes]
            slopes = [abs(float(2 * mpmath.fdot(column, exact))) for column in columns]
        assert abs(error) <= max(2.3e-16 * value, 1e-28)
        assert np.all(slopes <= 1.2e-16 * np.abs(hessian) @ np.abs(x) + 1e-25)
        assert lowest >= -1e-7
        r, jacobian, f, _ = run(x)
        # An error of eps in x moves r by eps |J| |x|, and one of eps in the terms of r likewise.
        noise = 4e-16 * (np.linalg.norm(np.abs(jacobian) @ np.abs(x)) + np.linalg.norm(r))
        assert abs(f - value) <= 8 * noise * (np.linalg.norm(r) + noise)
        slack = np.linalg.norm(jacobian, axis=0) * (1e-10 * np.linalg.norm(r) + 8 * noise)
        assert np.all(np.abs(jacobian.T @ r) <= slack)


def curvature(run, x):
    """The Hessian by differences, and in units of x its least eigenvalue over its greatest."""
    x = np.array(x)
    units = np.where(x == 0.0, 1.0, np.abs(x))
    rows = [(run(x + 1e-5 * d)[3] - run(x - 1e-5 * d)[3]) / 2e-5 for d in np.diag(units)]
    scaled = np.array(rows) * units
    eigenvalues = np.linalg.eigvalsh((scaled + scaled.T) / 2.0)
    return scaled / np.outer(units, units), eigenvalues[0] / eigenvalues[-1]


def test_printed_minima():
    for number, printed in PRINTED_MINIMA.items():
        stored = [value for value, _ in PROBLEMS[number - 1].minima]
        for digits, value in zip(printed, stored, strict=True):
            mantissa, _, exponent = digits.partition("e")
            unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
            assert float(digits) <= value * (1 + 1e-15) < float(digits) + unit or value == 0.0
    others = (p for p in PROBLEMS if p.number not in PRINTED_MINIMA)
    assert all(value == 0.0 for p in others for value, _ in p.minima)


@pytest.mark.parametrize("number", [2, 8, 17, 20, 35])
def test_newtons_method_in_fifty_digits_stays(number):
    """From each stored minimizer Newton's method moves by less than its last digit."""
    with mpmath.workdps(80):
        for value, stored in PROBLEMS[number - 1].minima:
            if stored is None:
                continue
            x = newton(functools.partial(mgh_textbook.residual, number), numbers(stored))
            assert [float(v) for v in x] == list(stored)
            assert float(mgh_textbook.value(number, x)) == pytest.approx(
                value, rel=3e-16, abs=1e-60
            )


def newton(residual, x, steps=2):
    """Newton's method for ∇Σ r² = 0, with differences of 2 Jᵀ r."""
    n = len(x)
    axes = [[mpmath.mpf(int(i == j)) for j in range(n)] for i in range(n)]

    def gradient(x):
        r = residual(x)
        return [mpmath.fdot(slope(residual, x, axis), r) for axis in axes]

    h = mpmath.mpf(10) ** -15
    for _ in range(steps):
        g = gradient(x)
        moved = [gradient([a + h * b for a, b in zip(x, axis, strict=True)]) for axis in axes]
        hessian = mpmath.matrix([[(a - b) / h for a, b in zip(row, g, strict=True)]
                                 for row in moved])  # fmt: skip
        x = [a - b for a, b in zip(x, mpmath.lu_solve(hessian.T, mpmath.matrix(g)), strict=True)]
    return x


def test_minima_at_infinity():
    """f tends to the stored value, as 1/s or faster, along the way that leads there."""
    ways = {
        8: lambda s: (mpmath.mpf(12.61) / 15, -s, -s),
        15: lambda s: (0.02209593573016863 * s, -14.07588340060331, -s, -0.6238013410486994 * s),
        19: lambda s: (0.9170384188033986, 1, 1, 1, 0.1327547810947387, 1, 1, 1, s, s, s),
    }
    for p in PROBLEMS:
        distant = [value for value, x in p.minima if x is None]
        assert len(distant) == (p.number in ways)
        if distant:
            with mpmath.workdps(60):
                f = mgh_textbook.value(p.number, ways[p.number](mpmath.mpf(10) ** 20))
                assert abs(f - distant[0]) < 1e-15 * distant[0]


def test_saddles():
    """Two points that the paper lists are stationary, and f falls from them."""
    assert [p.number for p in PROBLEMS if p.saddles] == [18, 27]
    ((value, x),) = PROBLEMS[17].saddles
    run = program(18)
    _, _, f, gradient = run(x)
    assert f == pytest.approx(value, rel=1e-13)
    assert f"{value:.5e}" == "5.65565e-03"
    assert np.abs(gradient).max() < 1e-14
    away = np.array([1e-3, 0, 0, 0, -1e-3, 0])
    assert run(x + away)[2] < value - 9e-9
    ((value, x),) = PROBLEMS[26].saddles
    run = program(27)
    _, _, f, gradient = run(x)
    assert f == value == 1.0
    assert np.abs(gradient).max() == 0.0
    assert run(np.array(x) + 0.5 * np.array([1.0] * 9 + [-10.0]))[2] < 1.0 - 1e-2


@pytest.mark.full
def test_float32():
    """float32 and bfloat16 stay; in float32, residuals at the starts are right."""
    for p in PROBLEMS:
        for dtype in (jnp.float32, jnp.bfloat16):
            x = jax.ShapeDtypeStruct((p.dimension,), dtype)
            with jax.numpy_dtype_promotion("strict"):
                r, f = jax.eval_shape(lambda x, p=p: (p.residual(x), p.objective(x)), x)
            assert (r.dtype, r.shape, f.dtype, f.shape) == (dtype, (p.num_residuals,), dtype, ())
    starts = [np.float32(p.start) for p in PROBLEMS]
    every = jax.jit(lambda xs: [p.residual(x) for p, x in zip(PROBLEMS, xs, strict=True)])
    for p, x, r in zip(PROBLEMS, starts, every(starts), strict=True):
        exact, jacobian, _, _ = program(p.number)(np.float64(x))
        size = np.abs(exact).max() + (np.abs(jacobian) @ np.abs(np.float64(x))).max()
        assert np.abs(r - exact).max() <= 8 * np.finfo(np.float32).eps * size, p.name


def test_finite_far_from_the_minimum():
    """At 10 and 100 times the start; exp(4000) alone is beyond float64 when squared."""
    for p in PROBLEMS:
        for scale in (1.0, 10.0, 100.0):
            finite = all(np.isfinite(v).all() for v in program(p.number)(scale * np.array(p.start)))
            assert finite or (p.name, scale) == ("jennrich-sampson", 100.0)


def test_helical_valley_angle():
    """θ is continuous but on its cut, and −0 is 0."""
    residual = jax.jit(PROBLEMS[6].residual)
    theta = lambda a, b: -float(residual(jnp.array([a, b, 0.0]))[0]) / 100.0
    upper = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.25), (-1.0, 0.0, 0.5), (-1.0, -0.0, 0.5))
    cut = ((0.0, -1.0, -0.25), (-1e-9, -1.0, 0.75), (1e-9, -1.0, -0.25))
    for a, b, expected in (*upper, *cut):
        assert theta(a, b) == pytest.approx(expected, abs=1e-9)


def test_gulf_has_a_derivative_where_the_power_vanishes():
    y = 25.0 + (-50.0 * np.log(0.5)) ** (2.0 / 3.0)
    _, jacobian, _, gradient = program(11)([5.0, y, 1.5])
    assert np.isfinite(jacobian).all()
    assert np.isfinite(gradient).all()


def test_accurate_near_the_minimum():
    """Where the printed form would be rounding noise in float32, ours keeps its digits."""
    for number, x in ((3, [1.1e-5, 9.1]), (26, [1e-4] * 10)):
        point = np.float32(x)
        r = np.asarray(PROBLEMS[number - 1].residual(jnp.asarray(point)))
        with mpmath.workdps(40):
            exact = [float(v) for v in mgh_textbook.residual(number, numbers(point))]
        np.testing.assert_allclose(r, exact, rtol=5e-6, atol=1e-9)


def test_the_two_discrete_equations_are_one():
    """The integral equation's matrix is the inverse of the second difference."""
    x = np.linspace(-0.3, 0.2, 10)
    second = 2.0 * np.eye(10) - np.eye(10, k=1) - np.eye(10, k=-1)
    np.testing.assert_allclose(second @ program(29)(x)[0], program(28)(x)[0], atol=1e-15)


def test_other_dimensions_have_their_printed_minima():
    """The printed minima of Watson, the penalties and Chebyquad at other n: Gauss–Newton ends."""
    from scipy.optimize import least_squares

    cases = (
        (_mgh_variable.watson, [0.0] * 9, "1.39976e-06"),
        (_mgh_variable.watson, [0.0] * 12, "4.72238e-10"),
        (_mgh_variable.penalty_1, [1.0, 2.0, 3.0, 4.0], "2.24998e-05"),
        (_mgh_variable.penalty_2, [0.5] * 4, "9.37629e-06"),
        (_mgh_variable.chebyquad, list(np.arange(1, 11) / 11), "6.50395e-03"),
    )
    for function, start, printed in cases:
        residual, jacobian = jax.jit(function), jax.jit(jax.jacfwd(function))
        end = least_squares(lambda x, r=residual: np.asarray(r(x)), start,
                            lambda x, j=jacobian: np.asarray(j(x)), method="lm",
                            xtol=1e-14, ftol=1e-14, gtol=1e-14)  # fmt: skip
        assert f"{2.0 * end.cost:.5e}" == printed
    nine = np.array([0.044205346135782767, 0.19949067230988096, 0.23561910847106,
                     0.416046907892598, 0.5])  # fmt: skip
    nine = np.concatenate([nine, 1.0 - nine[-2::-1]])
    assert np.abs(_mgh_variable.chebyquad(jnp.asarray(nine))).max() < 1e-15


def test_vmap_is_a_loop():
    xs = np.random.default_rng(0).normal(size=(3, 10))
    for number in (21, 27, 29, 31):
        lanes = np.asarray(jax.vmap(PROBLEMS[number - 1].residual)(jnp.asarray(xs)))
        np.testing.assert_allclose(
            lanes, [program(number)(x)[0] for x in xs], rtol=1e-13, atol=1e-13
        )
