"""The augmented Lagrangian: the twenty problems with multipliers, its merit function, statuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import augmented_lagrangian, constrained_problems, quadratic_penalty
from jaxmath.optimize._continuation import Outer
from jaxmath.optimize.augmented_lagrangian import penalized, shifted

# Coordinates that a problem's mirror images change the sign of.
MIRRORED = {"hs29", "hs40", "hs80"}


def sides(problem):
    return {k: getattr(problem, k) for k in ("equality", "inequality", "lower", "upper")}


def resolution(problem, x):
    """What one ulp of x does to the error at the first penalty: ρ‖∇cᵢ‖²·ulp(x)·|x|/|f|, ρ = 10."""
    size = np.abs(x).max()
    rows = [
        np.atleast_2d(jax.jacobian(fn)(x.astype(float)))
        for fn in (problem.equality, problem.inequality)
        if fn is not None
    ]
    steepest = max((np.sum(J**2, axis=1).max() for J in rows), default=0.0)
    unit = float(np.spacing(size)) * max(size, 1.0) / max(abs(problem.minimum), 1.0)
    return 10.0 * steepest * unit


@pytest.mark.sampled(14)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("problem", constrained_problems(), ids=lambda p: p.name)
def test_textbook_problems_with_their_multipliers(problem, dtype):
    """From the standard start: f and λ to 1e-6 of max(1, size), and in float32 to 5e-3.

    CONVERGED, unless an ulp of x moves the error by more than the tolerance, as it does in hs113 in
    float32: there a method may find no x that meets it, and has to end at that noise.
    """
    tol = {"float64": 1e-6, "float32": 5e-3}[dtype]
    s = augmented_lagrangian(problem.objective, jnp.asarray(problem.start, dtype), **sides(problem))
    assert s.value.x.dtype == dtype
    if s.status != Status.CONVERGED:
        assert s.status == Status.STAGNATED
        noise = resolution(problem, np.asarray(s.value.x))
        assert float(jnp.finfo(dtype).eps) ** 0.5 < s.error < noise
    x = np.asarray(s.value.x, np.float64)
    assert abs(problem.objective(x) - problem.minimum) <= tol * max(1.0, abs(problem.minimum))
    sign = np.abs if problem.name in MIRRORED else np.asarray
    for got, want in zip(s.value.multipliers, problem.multipliers, strict=True):
        if want is not None:
            largest = max(1.0, np.abs(want).max())
            np.testing.assert_allclose(sign(got), sign(want), rtol=0, atol=tol * largest)
    assert s.num_fun == s.num_grad
    assert s.num_fun < 250


def test_merit_function():
    """L_A is Rockafellar's formula, ∇L_A(x; λ) = ∇L(x, λ⁺), and its derivative in λ is −min."""
    rng = np.random.default_rng(0)
    s, lam = rng.normal(size=(2, 6))
    lam[2:] = np.abs(lam[2:])
    s[2:4] = [-0.3, 5.0]  # one violated, one far from active
    equal, rho = np.arange(6) < 2, 3.0
    outer = Outer(lam, rho, 0.0, 0.0)
    psi = [
        -v * a + 0.5 * rho * a**2 if e or a <= v / rho else -(v**2) / (2 * rho)
        for a, v, e in zip(s, lam, equal, strict=True)
    ]  # Nocedal and Wright, equations 17.36 and 17.65
    np.testing.assert_allclose(penalized(s, outer, equal), sum(psi), rtol=1e-13)
    slope = jax.grad(penalized)(jnp.asarray(s), outer, equal)
    np.testing.assert_allclose(slope, -shifted(s, outer, equal), rtol=1e-12)
    in_lam = jax.grad(lambda v: penalized(s, outer._replace(multipliers=v), equal))(lam)
    np.testing.assert_allclose(in_lam, -np.where(equal, s, np.minimum(s, lam / rho)), rtol=1e-12)
    free = penalized(np.array([np.inf]), Outer(np.zeros(1), rho, 0.0, 0.0), np.array([False]))
    assert free == 0.0


def test_each_lane_ends_in_its_own_way():
    """One program: solved, infeasible, unbounded, starts that are no start, flat, and a detour."""
    kinds = (
        (lambda x: (x[0] - 2.0) ** 2 + x[1] ** 2, lambda x: 1.0 - x),
        (lambda x: jnp.sum(x**2), lambda x: jnp.stack([x[0] - 1.0, -x[0]])),
        (lambda x: x[0] - x[1], lambda x: jnp.stack([x[1], -x[0]])),
        (lambda x: jnp.sum(x**2), lambda x: x),
        (lambda x: jnp.sum(x) * jnp.nan, lambda x: x),
        (lambda x: 3.0 + 0.0 * x[0], lambda x: x),
        (lambda x: -(x[0] ** 3) + x[1] ** 2, lambda x: 1.0 - x),
        (lambda x: jnp.sum(x - 2.0 * jnp.log(x)), lambda x: 1.5 - x),
    )
    fs, cs = zip(*kinds, strict=True)
    f = lambda x, kind: jax.lax.switch(kind, fs, x)
    c = lambda x, kind: jax.lax.switch(kind, cs, x)
    starts = jnp.ones((8, 2)).at[3].set(jnp.inf).at[6].set(jnp.array([3.0, 1.0]))
    starts = starts.at[7].set(jnp.array([0.1, 9.0]))
    run = jax.jit(jax.vmap(lambda x, k: augmented_lagrangian(f, x, (k,), inequality=c)))
    found = run(starts, jnp.arange(8, dtype=jnp.int32))
    assert [Status(int(s)).name for s in found.status] == [
        "CONVERGED", "INFEASIBLE", "UNBOUNDED", "INVALID_START", "NON_FINITE", "CONVERGED",
        "CONVERGED", "CONVERGED",
    ]  # fmt: skip
    x, lam = found.value.x, found.value.multipliers.inequality
    np.testing.assert_allclose(x[0], [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(lam[0], [2.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(x[1, 0], 0.5, atol=1e-3)  # the least infeasible point
    np.testing.assert_allclose(lam[6], [3.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(x[7], 1.5, atol=1e-6)


def test_steps_from_python():
    """x_init and x_step: one evaluation a step, and hs7's solution with its multiplier."""
    problem = constrained_problems()[1]
    f, h = problem.objective, problem.equality
    init = jax.jit(lambda x: optimize.augmented_lagrangian_init(f, x, equality=h))
    step = jax.jit(lambda s: optimize.augmented_lagrangian_step(f, s, equality=h))
    state, penalties = init(jnp.asarray(problem.start)), []
    for k in range(60):
        state = step(state)
        assert state.inner.num_fun == k + 2
        penalties.append(float(state.outer.penalty))
    assert state.inner.num_steps < state.inner.num_fun
    assert state.num_updates >= 3
    assert penalties == sorted(penalties)
    np.testing.assert_allclose(state.inner.x, problem.minimizer, atol=1e-9)
    np.testing.assert_allclose(state.outer.multipliers, problem.multipliers.equality, atol=1e-9)
    np.testing.assert_allclose(state.slack, h(state.inner.x), atol=1e-12)


def nearest(p, q):
    return jnp.sum((p["a"] - q) ** 2) + (p["b"] - 2.0) ** 2


def test_pytrees_bounds_and_arguments():
    """Bounds by coordinate, some infinite, one fixed; a constraint that returns a tree."""
    start = {"a": jnp.zeros(2), "b": jnp.asarray(0.0)}
    low = {"a": jnp.array([-jnp.inf, 4.0]), "b": jnp.asarray(1.0)}
    up = {"a": jnp.array([2.0, jnp.inf]), "b": jnp.asarray(1.0)}
    traces = []

    def equality(p, q):
        traces.append(1)
        return {"sum": p["a"][0] + p["b"] - q}

    s = augmented_lagrangian(nearest, start, (3.0,), equality=equality, lower=low, upper=up)
    assert s.converged
    np.testing.assert_allclose(s.value.x["a"], [2.0, 4.0], atol=1e-6)
    np.testing.assert_allclose(s.value.x["b"], 1.0, atol=1e-6)
    m = s.value.multipliers
    np.testing.assert_allclose(m.lower[:2], [0.0, 2.0], atol=1e-5)
    assert m.inequality.shape == (0,)
    residual = optimize.kkt_residual(
        nearest, s.value.x, (3.0,), m, equality=equality, lower=low, upper=up
    )
    assert residual.error < 1e-6
    seen = len(traces)
    again = augmented_lagrangian(nearest, start, (2.5,), equality=equality, lower=low, upper=up)
    assert len(traces) == seen
    np.testing.assert_allclose(again.value.x["a"], [1.5, 4.0], atol=1e-6)
    crossed = low | {"b": jnp.asarray(2.0)}
    bad = augmented_lagrangian(nearest, start, (3.0,), equality=equality, lower=crossed, upper=up)
    assert bad.status == Status.INFEASIBLE
    assert len(traces) == seen


def test_steps_and_tolerances():
    f = lambda x: (x[0] - 3.0) ** 2
    run = lambda tol, limit: augmented_lagrangian(
        f, [0.0], upper=1.0, tol=jnp.asarray(tol), max_steps=jnp.asarray(limit, jnp.int32)
    )
    none = run(1e-8, 0)
    assert (none.status, none.num_fun, none.num_steps) == (Status.MAX_STEPS, 1, 0)
    exact = run(0.0, 1000)
    assert exact.status in (Status.STAGNATED, Status.CONVERGED)
    assert exact.num_fun < 200
    np.testing.assert_allclose(exact.value.x, 1.0, rtol=1e-10)
    np.testing.assert_allclose(exact.value.multipliers.upper, 4.0, rtol=1e-9)
    with pytest.raises(ValueError, match="`tol`"):
        augmented_lagrangian(f, [0.0], upper=1.0, tol=-1.0)


@pytest.mark.full
def test_no_constraint_at_all():
    free = augmented_lagrangian(lambda x: (x[0] - 3.0) ** 2, [0.0])
    assert free.converged
    np.testing.assert_allclose(free.value.x, 3.0, rtol=1e-7)


def test_scales():
    """Huge and tiny objectives and points: the status is true and the point near."""

    def f(x, a, c):
        return a * jnp.sum((x - 2.0 * c) ** 2)

    line = lambda x, a, c: jnp.sum(x) - 2.0 * c
    run = jax.jit(
        jax.vmap(lambda a, c: augmented_lagrangian(f, jnp.zeros(2), (a, c), equality=line))
    )
    found = run(jnp.array([1.0, 1e6, 1e-4, 1.0]), jnp.array([1.0, 1.0, 1.0, 1e5]))
    assert np.all(found.status == Status.CONVERGED)
    np.testing.assert_allclose(
        np.asarray(found.value.x)[[0, 1, 3]].T, np.array([[1.0, 1.0, 1e5]] * 2), rtol=1e-5
    )


def test_an_unbounded_lagrangian_is_left_for_a_larger_penalty():
    """min −x⁴ with x = 1: far out it is below every penalty, near 1 a large one holds it."""
    found = optimize.augmented_lagrangian(
        lambda x: -jnp.sum(x**4), jnp.array([0.9]), equality=lambda x: x - 1.0
    )
    assert found.status == Status.CONVERGED
    np.testing.assert_allclose(found.value.x, 1.0, atol=1e-7)
    np.testing.assert_allclose(found.value.multipliers.equality, -4.0, rtol=1e-6)


@pytest.mark.parametrize("solver", [augmented_lagrangian, quadratic_penalty])
def test_a_large_objective_is_not_called_infeasible(solver):
    """f outweighs the largest penalty: what is left violates the constraint, and not least."""
    f = lambda x, size: size * jnp.sum((x - 2) ** 2)
    line = lambda x, size: 2 - x[0] - x[1]
    for size in (1e9, 1e100):
        s = solver(f, jnp.zeros(2), (size,), inequality=line)
        assert s.status == Status.STAGNATED
    apart = lambda x, size: jnp.stack([x[0] - 1, -x[0] - 1])
    for size in (1e-3, 1.0, 1e3):
        s = solver(f, jnp.zeros(2), (size,), inequality=apart)
        assert s.status == Status.INFEASIBLE


@pytest.mark.parametrize("solver", [augmented_lagrangian, quadratic_penalty])
def test_a_constraint_that_is_nan_is_not_satisfied(solver):
    """f alone would lead to −5, outside the logarithm's domain; λ = f′(1) = 12e3 at x = 1."""
    steep = lambda x: 1e3 * (x[0] + 5.0) ** 2
    s = solver(steep, jnp.array([1.2]), inequality=lambda x: jnp.log(x[0]))
    np.testing.assert_allclose(s.value.x, [1.0], rtol=1e-4)
    np.testing.assert_allclose(s.value.multipliers.inequality, [12e3], rtol=1e-4)
    s = solver(steep, jnp.array([-1.2]), inequality=lambda x: jnp.log(x[0]))
    assert (s.status, s.num_steps) == (Status.NON_FINITE, 0)
