"""The bounded problems: feasible, stationary with multipliers of the right sign, and lowest."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxmath.optimize import BoundedProblem, bounded_problems
from tests.optimize import mgh_textbook

PROBLEMS = {p.name: p for p in bounded_problems()}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda p: p.name)
ACTIVE = {
    "hs2": (0, -1),
    "hs3": (0, -1),
    "hs4": (-1, -1),
    "hs45": (1,) * 5,
    "bounded-powell-badly-scaled": (0, 1),
    "bounded-brown-badly-scaled": (0, -1),
    "bounded-beale": (0, -1),
    "bounded-helical-valley": (1, 0, 0),
    "bounded-box-three-dimensional": (0, 1, 0),
    "bounded-wood": (1, 0, 0, 0),
    "bounded-brown-dennis": (-1, 0, 0, 1),
    "bounded-biggs-exp6": (0, 1, 0, 0, 0, 1),
    "bounded-watson": (-1, 1, 1, 0, -1, 0, 1, 0, 0),
    "bounded-penalty-1": (0, -1, 0, 0, 0, -1, 0, 0, 0, -1),
}
# As Hock and Schittkowski print them, and Gay's table (in Neumaier's list of bounded problems).
PRINTED = {
    "hs1": 0.0, "hs2": 0.0504261879, "hs3": 0.0, "hs4": 2.6666666667, "hs5": -1.913222955,
    "hs25": 0.0, "hs38": 0.0, "hs45": 1.0, "hs110": -45.77846971,
    "bounded-powell-badly-scaled": 0.15125900e-9, "bounded-brown-badly-scaled": 784.0,
    "bounded-beale": 0.0, "bounded-helical-valley": 0.99042212, "bounded-gaussian": 0.112793e-7,
    "bounded-box-three-dimensional": 0.30998153e-5, "bounded-wood": 1.5567008,
    "bounded-brown-dennis": 88860.479, "bounded-biggs-exp6": 0.53209865e-3,
    "bounded-watson": 0.37401397e-1, "bounded-penalty-1": 7.5625699,
}  # fmt: skip


def hs5(x):
    return mpmath.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1


def hs110(x):
    logs = sum(mpmath.log(v - 2) ** 2 + mpmath.log(10 - v) ** 2 for v in x)
    return logs - mpmath.fprod(x) ** (mpmath.mpf(1) / 5)


TEXTBOOK = {
    "hs1": functools.partial(mgh_textbook.value, 1),
    "hs2": functools.partial(mgh_textbook.value, 1),
    "hs3": lambda x: x[1] + mpmath.mpf("1e-5") * (x[1] - x[0]) ** 2,
    "hs4": lambda x: (x[0] + 1) ** 3 / 3 + x[1],
    "hs5": hs5,
    "hs25": functools.partial(mgh_textbook.value, 11),
    "hs38": lambda x: (
        100 * (x[1] - x[0] ** 2) ** 2
        + (1 - x[0]) ** 2
        + 90 * (x[3] - x[2] ** 2) ** 2
        + (1 - x[2]) ** 2
        + mpmath.mpf("10.1") * ((x[1] - 1) ** 2 + (x[3] - 1) ** 2)
        + mpmath.mpf("19.8") * (x[1] - 1) * (x[3] - 1)
    ),
    "hs45": lambda x: 2 - mpmath.fprod(x) / 120,
    "hs110": hs110,
    "bounded-box-three-dimensional": lambda x: sum(
        r**2 for r in mgh_textbook.residual(12, x)[:3]
    ),
    **{
        f"bounded-{name}": functools.partial(mgh_textbook.value, number)
        for name, number in (
            ("powell-badly-scaled", 3), ("brown-badly-scaled", 4), ("beale", 5),
            ("helical-valley", 7), ("gaussian", 9), ("wood", 14), ("brown-dennis", 16),
            ("biggs-exp6", 18), ("watson", 20), ("penalty-1", 23),
        )
    },
}  # fmt: skip


@functools.cache
def program(name):
    compiled = jax.jit(jax.value_and_grad(PROBLEMS[name].objective))

    def run(x):
        f, g = compiled(jnp.asarray(x, jnp.float64))
        return float(f), np.asarray(g)

    return run


def numbers(values):
    return [mpmath.mpf(float(v)) for v in values]


def partial(f, x, i):
    """∂f/∂xᵢ to 20 digits, by a central difference in the working precision."""
    h = mpmath.mpf(10) ** -25
    up, down = list(x), list(x)
    up[i] += h
    down[i] -= h
    return (f(up) - f(down)) / (2 * h)


def test_bounded_record():
    assert len(PROBLEMS) == 20
    assert bounded_problems() is bounded_problems()
    for p in PROBLEMS.values():
        assert isinstance(p, BoundedProblem)
        assert p.reference
        sizes = {len(v) for v in (p.start, p.lower, p.upper, p.minimizer, p.active)}
        assert sizes == {p.dimension}
        assert all(low < high for low, high in zip(p.lower, p.upper, strict=True))
        assert p.active == ACTIVE.get(p.name, (0,) * p.dimension)
        for dtype in (jnp.float32, jnp.float64):
            x = jax.ShapeDtypeStruct((p.dimension,), dtype)
            with jax.numpy_dtype_promotion("strict"):
                f = jax.eval_shape(p.objective, x)
            assert (f.shape, f.dtype) == ((), dtype)
        assert abs(p.minimum - PRINTED[p.name]) <= 3e-6 * abs(p.minimum)
    outside = [
        p.name
        for p in PROBLEMS.values()
        if np.any((np.array(p.start) < p.lower) | (p.start > np.array(p.upper)))
    ]
    assert outside == ["hs2", "hs45", "bounded-box-three-dimensional"]
    with pytest.raises(ValueError, match=r"`x` must have shape \(2,\), got \(3,\)"):
        PROBLEMS["hs1"].objective(jnp.ones(3))


@every_problem
def test_objective_is_the_textbooks(problem):
    """Value and gradient in the box against the printed formula in 60 digits."""
    rng = np.random.default_rng(0)
    low, high = np.maximum(problem.lower, -5.0), np.minimum(problem.upper, 12.0)
    x = rng.uniform(low + 0.1 * (high - low), high - 0.1 * (high - low))
    f, gradient = program(problem.name)(x)
    with mpmath.workdps(60):
        exact = float(TEXTBOOK[problem.name](numbers(x)))
        slopes = [float(partial(TEXTBOOK[problem.name], numbers(x), i)) for i in range(len(x))]
    np.testing.assert_allclose(f, exact, rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-10, atol=1e-11 * np.abs(slopes).max())


@every_problem
def test_minimizer_is_stationary_on_the_box(problem):
    """In 60 digits: f is the minimum; free slopes vanish; at a bound they push outwards."""
    f, x = TEXTBOOK[problem.name], problem.minimizer
    assert np.all((np.array(problem.lower) <= x) & (x <= np.array(problem.upper)))
    with mpmath.workdps(60):
        point = numbers(x)
        assert abs(f(point) - mpmath.mpf(problem.minimum)) <= max(
            1e-14 * abs(problem.minimum), 1e-25
        )
        slopes = np.array([float(partial(f, point, i)) for i in range(len(x))])
        hessian = reduced_hessian(f, point, problem.active)
    free = np.array(problem.active) == 0
    # Rounding x moves the slopes by as much as the Hessian says.
    rounding = np.abs(hessian) @ np.maximum(np.abs(x), 1e-300)[free] * 2.3e-16
    assert np.all(np.abs(slopes[free]) <= rounding + 1e-16 * np.abs(problem.minimum))
    outwards = slopes[~free] * np.array(problem.active)[~free]
    assert np.all(outwards <= 0.0)
    if problem.name == "bounded-beale":
        assert np.abs(outwards).max() < 1e-15
    else:
        assert np.all(outwards < -1e-10)
    if free.any():
        assert np.linalg.eigvalsh(hessian)[0] > 0.0


def reduced_hessian(f, x, active):
    """The Hessian over the free variables, by differences of differences."""
    free = [i for i, a in enumerate(active) if a == 0]
    h = mpmath.mpf(10) ** -12
    rows = []
    for i in free:
        moved = list(x)
        moved[i] += h
        rows.append([(partial(f, moved, j) - partial(f, x, j)) / h for j in free])
    hessian = np.array([[float(v) for v in row] for row in rows]).reshape(len(free), len(free))
    return (hessian + hessian.T) / 2.0


@every_problem
def test_no_lower_point(problem):
    """SciPy's L-BFGS-B from the start and a point of the box ends no lower."""
    run, rng = program(problem.name), np.random.default_rng(1)
    low, high = np.maximum(problem.lower, -5.0), np.minimum(problem.upper, 12.0)
    starts = (np.clip(problem.start, problem.lower, problem.upper), rng.uniform(low, high))
    box = list(zip(problem.lower, problem.upper, strict=True))
    ends = [minimize(run, x, jac=True, bounds=box, method="L-BFGS-B").fun for x in starts]
    assert min(ends) >= problem.minimum - 1e-13 * abs(problem.minimum)
    nearby = np.clip(np.array(problem.minimizer) * (1 + 1e-3 * rng.normal(size=(20, 1))),
                     problem.lower, problem.upper)  # fmt: skip
    assert min(run(x)[0] for x in nearby) >= problem.minimum - 1e-13 * abs(problem.minimum)


def test_hs2():
    """x₁ = 2a cos(arccos(1/b)/3), a² = 598/1200, b = 400a³, as in the book; one more minimum."""
    a = np.sqrt(598 / 1200)
    angle = np.arccos(1 / (400 * a**3)) / 3
    assert PROBLEMS["hs2"].minimizer[0] == pytest.approx(2 * a * np.cos(angle), rel=1e-15)
    f, gradient = program("hs2")((2 * a * np.cos(angle + 2 * np.pi / 3), 1.5))
    assert f == pytest.approx(4.9412, abs=5e-5)
    assert abs(gradient[0]) < 1e-11
    assert gradient[1] > 0.0


def test_hs110_leaves_its_domain():
    assert np.isnan(program("hs110")((10.5,) + (9.0,) * 9)[0])
