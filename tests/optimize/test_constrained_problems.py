"""The constrained problems: the book's formulas, and KKT points to the last digit of float64."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize

from jaxmath.optimize import (
    ConstrainedProblem,
    KKTMultipliers,
    constrained_problems,
    kkt_residual,
)
from tests.optimize.hs_textbook import TEXTBOOK

PROBLEMS = {p.name: p for p in constrained_problems()}
every_problem = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda p: p.name)
# The book's table, except where its digits are a closed form's.
PRINTED = {
    "hs6": 0.0, "hs7": -1.732050808, "hs10": -1.0, "hs11": -8.498464223, "hs14": 1.393464981,
    "hs15": 306.5, "hs27": 0.04, "hs29": -22.62741700, "hs32": 1.0, "hs35": 0.1111111111,
    "hs40": -0.25, "hs43": -44.0, "hs52": 5.326647564, "hs65": 0.9535288567,
    "hs71": 17.0140173, "hs76": -4.681818181, "hs77": 0.24150513, "hs80": 0.0539498478,
    "hs100": 680.6300573, "hs113": 24.3062091,
}  # fmt: skip
STEP = mpmath.mpf(10) ** -25


def numbers(values):
    return [mpmath.mpf(float(v)) for v in values]


def gradient(f, x):
    """∇f by central differences in the working precision, 60 digits."""
    slopes = []
    for i in range(len(x)):
        up, down = list(x), list(x)
        up[i] += STEP
        down[i] -= STEP
        slopes.append((f(up) - f(down)) / (2 * STEP))
    return slopes


def active(problem):
    """The constraints that hold with equality, as functions, and their multipliers."""
    n, lam = problem.dimension, problem.multipliers
    _, equality, inequality = TEXTBOOK[problem.name]
    rows = [*zip(equality, lam.equality or (), strict=True)]
    at = numbers(problem.minimizer)
    for c, v in zip(inequality, lam.inequality or (), strict=True):
        if abs(c(at)) < 1e-12:
            rows.append((c, v))
        else:
            assert c(at) > 1e-3
            assert v == 0.0
    for sign, bounds, given in ((1, problem.lower, lam.lower), (-1, problem.upper, lam.upper)):
        for i in range(n if bounds else 0):
            if problem.minimizer[i] == bounds[i]:
                rows.append((lambda x, i=i, b=bounds[i], s=sign: s * (x[i] - b), given[i]))
            else:
                assert given[i] == 0.0
    return [c for c, _ in rows], [v for _, v in rows]


def lagrange(f, rows, n):
    """z ↦ (∇f − Σ λᵢ∇cᵢ, c) for z = (x, λ)."""

    def conditions(z):
        x, lam = z[:n], z[n:]
        total = gradient(f, x)
        for c, v in zip(rows, lam, strict=True):
            total = [a - v * b for a, b in zip(total, gradient(c, x), strict=True)]
        return [*total, *(c(x) for c in rows)]

    return conditions


def jacobian(conditions, z):
    h, columns = mpmath.mpf(10) ** -12, []
    for i in range(len(z)):
        up, down = list(z), list(z)
        up[i] += h
        down[i] -= h
        ends = zip(conditions(up), conditions(down), strict=True)
        columns.append([(a - b) / (2 * h) for a, b in ends])
    return mpmath.matrix(columns).T


def test_constrained_record():
    assert len(PROBLEMS) == 20
    assert constrained_problems() is constrained_problems()
    for p in PROBLEMS.values():
        assert isinstance(p, ConstrainedProblem)
        assert p.reference.endswith(p.name[2:])
        assert len(p.minimizer) == p.dimension
        assert (p.lower is None) == (p.upper is None) == (p.multipliers.lower is None)
        assert (p.lower is None) == (p.multipliers.upper is None)
        assert (p.equality is None) == (p.multipliers.equality is None)
        assert (p.inequality is None) == (p.multipliers.inequality is None)
        for dtype in (jnp.float32, jnp.float64):
            x = jax.ShapeDtypeStruct((p.dimension,), dtype)
            for fn in filter(None, (p.objective, p.equality, p.inequality)):
                with jax.numpy_dtype_promotion("strict"):
                    assert jax.eval_shape(fn, x).dtype == dtype
        assert abs(p.minimum - PRINTED[p.name]) <= 5e-9 * max(1.0, abs(p.minimum))
        with pytest.raises(ValueError, match="`x` must have shape"):
            p.objective(jnp.ones(3 if p.dimension == 2 else 2))


@every_problem
def test_functions_are_the_textbooks(problem):
    """f, h and c at a random point against the printed formulas in 60 digits."""
    x = np.random.default_rng(0).uniform(0.5, 2.0, problem.dimension)
    f, equality, inequality = TEXTBOOK[problem.name]
    wanted = ((problem.objective, [f]), (problem.equality, equality),
              (problem.inequality, inequality))  # fmt: skip
    with mpmath.workdps(60):
        for fn, rows in wanted:
            assert (fn is None) == (not rows)
            if rows:
                exact = [float(row(numbers(x))) for row in rows]
                got = np.ravel(fn(jnp.asarray(x)))
                np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-12)


@every_problem
def test_solution_to_the_last_digit(problem):
    """One Newton step on the KKT conditions in 60 digits moves no number by more than its ulp."""
    f, n = TEXTBOOK[problem.name][0], problem.dimension
    with mpmath.workdps(60):
        rows, lam = active(problem)
        assert all(v >= 0.0 for kind in problem.multipliers[1:] for v in kind or ())
        z = numbers([*problem.minimizer, *lam])
        conditions = lagrange(f, rows, n)
        matrix = jacobian(conditions, z)
        step = mpmath.lu_solve(matrix, -mpmath.matrix(conditions(z)))
        better = [a + b for a, b in zip(z, step, strict=True)]
        np.testing.assert_allclose(numbers_of(z), numbers_of(better), rtol=2.3e-16, atol=1e-24)
        assert abs(f(better[:n]) - problem.minimum) <= 2.3e-16 * abs(problem.minimum) + 1e-24
        H, J = matrix[:n, :n], matrix[n:, :n] if rows else None
    hessian = np.array(H.tolist(), float)
    normal = np.array(J.tolist(), float).reshape(len(rows), n)
    _, sizes, basis = np.linalg.svd(normal)
    assert sizes[-1] > 1e-3  # independent gradients: the multipliers are unique
    tangent = basis[len(rows) :]
    if len(tangent):  # the second-order condition: a strict minimum
        assert np.linalg.eigvalsh(tangent @ hessian @ tangent.T)[0] > 1e-3


def numbers_of(values):
    return [float(v) for v in values]


@pytest.mark.sampled(4)
@every_problem
def test_kkt_residual_is_rounding(problem):
    lam = KKTMultipliers(*(None if v is None else jnp.asarray(v) for v in problem.multipliers))
    residual = kkt_residual(
        problem.objective, jnp.asarray(problem.minimizer), (), lam, equality=problem.equality,
        inequality=problem.inequality, lower=problem.lower, upper=problem.upper,
    )  # fmt: skip
    assert residual.error < 1e-15


@pytest.mark.sampled(2)
@every_problem
def test_no_lower_feasible_point(problem):
    """SciPy's SLSQP, from the start and from points about the minimizer, ends here, or higher."""
    f, *sides = TEXTBOOK[problem.name]
    x, rng = np.array(problem.minimizer), np.random.default_rng(1)
    constraints = [
        {"type": kind, "fun": lambda x, c=c: float(c(numbers(x)))}
        for kind, side in zip(("eq", "ineq"), sides, strict=True)
        for c in side
    ]
    box = list(zip(problem.lower, problem.upper, strict=True)) if problem.lower else None
    starts = [np.array(problem.start), *(x + 0.1 * rng.normal(size=(2, len(x))))]
    ends = [
        minimize(lambda x: float(f(numbers(x))), x0, method="SLSQP", bounds=box,
                 constraints=constraints, options={"ftol": 1e-12, "maxiter": 200})
        for x0 in starts
    ]  # fmt: skip
    violation = lambda x: max(
        (abs(c["fun"](x)) if c["type"] == "eq" else -c["fun"](x) for c in constraints), default=0.0
    )
    found = [r.fun for r in ends if violation(r.x) < 1e-8]
    assert min(found) == pytest.approx(problem.minimum, rel=1e-6, abs=1e-7)


def test_hs15_has_a_second_minimum():
    """Between x₁x₂ = 1 and the parabola on the other side, as the docstring says."""
    problem = PROBLEMS["hs15"]
    x = jnp.array([-0.7921232205055139, -1.2624298519639712])
    f, g = jax.value_and_grad(problem.objective)(x)
    np.testing.assert_allclose(f, 360.3798, atol=5e-5)
    np.testing.assert_allclose(g, 477.1704703270576 * x[::-1], rtol=1e-12)
    assert problem.inequality(x)[1] > 0.0
