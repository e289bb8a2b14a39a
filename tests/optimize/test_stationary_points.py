"""Stationary points: every one of a function, its kind, and what stops Newton's method."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import StationaryKind

STARTS = np.random.default_rng(0).uniform(-5, 5, (64, 2))
find_all = jax.jit(jax.vmap(lambda x: optimize.find_stationary_point(optimize.himmelblau, x)))
classify_all = jax.jit(
    jax.vmap(lambda x: optimize.classify_stationary_point(optimize.himmelblau, x))
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_nine_of_himmelblau(dtype):
    """Four minima, four saddles, one maximum: roots of two cubics, found by a scan in x."""
    solution = find_all(STARTS.astype(dtype))
    assert solution.value.dtype == solution.error.dtype == dtype
    assert (solution.status == Status.CONVERGED).all()
    assert (solution.error <= np.sqrt(np.finfo(dtype).eps)).all()
    assert (solution.num_grad >= solution.num_steps + 1).all()
    assert (solution.num_hess == solution.num_steps).all()
    found = np.unique(np.round(np.asarray(solution.value, float), 3) + 0.0, axis=0)
    want = _by_roots()
    assert len(want) == 9
    np.testing.assert_allclose(found, want, atol=2e-3)
    record = classify_all(solution.value)
    kinds = dict(zip(map(tuple, np.round(np.asarray(solution.value), 1)), record.kind, strict=True))
    counts = np.bincount([int(k) for k in kinds.values()], minlength=6)
    assert counts.tolist() == [4, 1, 4, 0, 0, 0]
    for x, kind, w in zip(solution.value, record.kind, record.eigenvalues, strict=True):
        H = _hessian(*np.asarray(x, float))
        np.testing.assert_allclose(w, np.linalg.eigvalsh(H), rtol=1e-4)
        assert (kind == StationaryKind.MINIMUM) == (np.linalg.eigvalsh(H)[0] > 0)
    assert (classify_all(STARTS.astype(dtype)).kind == StationaryKind.NOT_STATIONARY).all()


def _hessian(x, y):
    return [[12 * x**2 + 4 * y - 42, 4 * (x + y)], [4 * (x + y), 4 * x + 12 * y**2 - 26]]


def _by_roots():
    """∂f/∂x = 0 solved for y at each x of a grid; ∂f/∂y changes sign at a stationary point."""
    points = set()
    grid = np.linspace(-6, 6, 4001)
    branches = []
    for x in grid:
        roots = np.roots([2.0, 4 * x, 4 * x**3 - 42 * x - 14])
        branches.append(np.sort(roots.real) if np.isreal(roots).all() else [np.nan, np.nan])
    branches = np.array(branches)
    other = 2 * grid[:, None] ** 2 + 4 * branches**3 + 4 * grid[:, None] * branches
    other = other - 26 * branches - 22
    for j in range(2):
        for i in np.flatnonzero(other[:-1, j] * other[1:, j] <= 0):
            z = np.array([grid[i], branches[i, j]])
            for _ in range(20):
                z = z - np.linalg.solve(_hessian(*z), _gradient(*z))
            points.add(tuple(np.round(z, 3) + 0.0))
    return np.array(sorted(points))


def _gradient(x, y):
    return [4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7), 2 * (x**2 + y - 11) + 4 * y * (
        x + y**2 - 7)]  # fmt: skip


def test_convergence_is_quadratic_and_linear_where_singular():
    f = lambda x: jnp.sum(jnp.cosh(x) + 0.1 * x**3)
    state = optimize.find_stationary_point_init(f, jnp.array([1.0]))
    step = jax.jit(lambda s: optimize.find_stationary_point_step(f, s))
    sizes = []
    for _ in range(5):
        sizes.append(abs(float(state.x[0])))
        state = step(state)
    rates = [np.log(b) / np.log(a) for a, b in itertools.pairwise(sizes[1:])]
    assert max(rates) > 1.8
    quartic = optimize.find_stationary_point(lambda x: jnp.sum(x**4), [2.0])
    # x ← ⅔x from 2 until 4x³ ≤ √eps.
    want = np.ceil(np.log(2 / (np.sqrt(np.finfo(float).eps) / 4) ** (1 / 3)) / np.log(1.5))
    assert quartic.num_steps == want
    assert quartic.num_grad == want + 1


def test_kinds_that_rounding_could_hide():
    def classify(f, x, *args):
        return StationaryKind(int(optimize.classify_stationary_point(f, x, args).kind)).name

    monkey = lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2
    assert classify(monkey, jnp.zeros(2)) == "DEGENERATE"
    trough = lambda x: x[0] ** 2 + 0.0 * x[1]
    assert classify(trough, jnp.zeros(2)) == "DEGENERATE"
    assert classify(lambda x: x[0] ** 2 - x[1] ** 2 + 0.0 * x[2], jnp.zeros(3)) == "SADDLE"
    # Powers next to their degenerate point, where f″ is a clear positive number.
    powers = lambda x, p: jnp.sum(x**p)
    for p in (3.0, 4.0, 6.0):
        x = optimize.find_stationary_point(powers, [1.0], (p,)).value
        assert p * (p - 1) * x[0] ** (p - 2) > 1e-9
        assert classify(powers, x, p) == "DEGENERATE"
    # Scales and ill-conditioning are no degeneracy.
    bowl = lambda x, scale: scale * (x[0] ** 2 + 1e-6 * x[1] ** 2)
    for scale in (1e-12, 1.0, 1e12):
        assert classify(bowl, jnp.zeros(2), scale) == "MINIMUM"
        assert classify(bowl, jnp.zeros(2), -scale) == "MAXIMUM"
    assert classify(optimize.rosenbrock, jnp.ones(2, jnp.float32)) == "MINIMUM"
    assert classify(lambda x: jnp.sum(jnp.sqrt(x)), jnp.array([-1.0])) == "UNKNOWN"
    assert classify(lambda x: jnp.sum(x), jnp.ones(2)) == "NOT_STATIONARY"
    assert classify(trough, jnp.array([jnp.nan, 0.0])) == "UNKNOWN"


def test_every_status_in_one_batch():
    """Lanes: none of one disturbs another."""

    def fun(x, kind):
        cases = (x[0] ** 2 + 1, x[0] ** 3 + x[0], x[0])
        nan = jnp.where(kind == 3, jnp.nan, 0.0) * x[0]
        return sum(jnp.where(kind == i, case, 0.0) for i, case in enumerate(cases)) + nan

    run = jax.jit(jax.vmap(lambda x, k: optimize.find_stationary_point(fun, x, (k,), max_steps=60)))
    x0 = jnp.array([[3.0], [2.0], [1.0], [1.0], [jnp.nan], [jnp.inf]])
    solution = run(x0, jnp.array([0, 1, 2, 3, 0, 0]))
    names = [Status(int(s)).name for s in solution.status]
    # The second: ‖∇f‖ = 3x² + 1 has a minimum that is not 0.
    assert names == [
        "CONVERGED", "SINGULAR", "SINGULAR", "NON_FINITE", "INVALID_START", "INVALID_START"
    ]  # fmt: skip
    assert solution.num_steps[0] == 1
    assert solution.num_grad[0] == 2
    assert (solution.num_steps[3:] == 0).all()
    np.testing.assert_allclose(solution.value[0], 0, atol=1e-12)


def test_limits_pytrees_and_one_program():
    calls = []

    def fun(p, scale):
        calls.append(1)
        return scale * jnp.sum((p["a"] - 1.0) ** 2) + jnp.prod(p["b"])

    start = {"a": [2.0, 3.0], "b": [1.0, 1.0]}
    solution = optimize.find_stationary_point(fun, start, (1.0,))
    np.testing.assert_allclose(solution.value["a"], 1.0)
    np.testing.assert_allclose(solution.value["b"], 0.0, atol=1e-12)
    traced = len(calls)
    assert optimize.find_stationary_point(fun, start, (2.0,)).converged
    assert len(calls) == traced
    stopped = optimize.find_stationary_point(optimize.rosenbrock, jnp.zeros(2), max_steps=1)
    assert stopped.status == Status.MAX_STEPS
    noisy = optimize.find_stationary_point(optimize.rosenbrock, jnp.array([0.9, 0.7]), tol=0.0)
    assert noisy.status in (Status.CONVERGED, Status.STAGNATED)
    np.testing.assert_allclose(noisy.value, 1.0, atol=1e-10)
    # Asked for 0, lanes end at the rounding of the gradient instead of running on.
    exact = lambda x: optimize.find_stationary_point(optimize.himmelblau, x, tol=0.0)
    ends = jax.jit(jax.vmap(exact))(STARTS.astype(np.float32))
    names, counts = np.unique(ends.status, return_counts=True)
    assert names.tolist() == [Status.CONVERGED, Status.STAGNATED], (names, counts)
    assert (ends.error < 1e-3).all()
    assert (ends.num_steps < 30).all()
    with pytest.raises(ValueError, match="argument `tol` must be at least 0"):
        optimize.find_stationary_point(optimize.rosenbrock, jnp.zeros(2), tol=-1.0)
    with pytest.raises(ValueError, match="argument `rtol` must be at least 0"):
        optimize.classify_stationary_point(optimize.rosenbrock, jnp.zeros(2), rtol=-1.0)
    with pytest.raises(ValueError, match="argument `fun` must return a scalar"):
        optimize.find_stationary_point(lambda x: x, jnp.zeros(2))
