import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize as so

from jaxmath.iterate import Status
from jaxmath.optimize import gauss_newton, gauss_newton_init, gauss_newton_step
from tests.optimize.residual_problems import NAMES, PROBLEMS, padded, residuals

solve = jax.jit(lambda x0, which, scale: gauss_newton(residuals, x0, (which, scale), max_steps=60))
# Brown–Dennis and Freudenstein–Roth have residuals too large for Gauss–Newton.
TAME = [i for i, name in enumerate(NAMES) if name not in ("brown_dennis", "freudenstein_roth")]


def fit(which, scale=1.0):
    return jax.tree.map(np.asarray, solve(padded(PROBLEMS[which].start) * scale, which, scale))


def test_known_minima_in_few_steps_at_every_scale():
    for i in TAME:
        solution, known = fit(i), PROBLEMS[i]
        assert solution.status == Status.CONVERGED, NAMES[i]
        r = np.asarray(residuals(jnp.asarray(solution.value), i, 1.0))
        np.testing.assert_allclose(np.sum(r**2), known.squares, 4e-6, 1e-20, NAMES[i])
        assert solution.num_steps <= 60
        for scale in (2.0**20, 2.0**-20):
            scaled = fit(i, scale)
            assert scaled.num_steps == solution.num_steps
            np.testing.assert_array_equal(scaled.value / scale, solution.value)


def test_a_large_residual_is_reported():
    stuck = fit(NAMES.index("freudenstein_roth"))
    assert stuck.status in (Status.LINE_SEARCH_FAILED, Status.MAX_STEPS)
    assert stuck.error > 1e-3


def test_error_is_the_relative_offset():
    fn = lambda x: jnp.array([x[0] - 3.0, x[0] ** 2 - 1.0, 9.0])
    one = jax.jit(lambda limit: gauss_newton(fn, jnp.array([2.0]), tol=0.0, max_steps=limit))
    early, late = one(1), one(100)
    x = float(early.value[0])
    r, J = np.array([x - 3.0, x**2 - 1.0, 9.0]), np.array([1.0, 2.0 * x, 0.0])
    np.testing.assert_allclose(early.error, abs(J @ r) / np.linalg.norm(J) / np.linalg.norm(r))
    # Below its noise ‖r‖ cannot fall: stagnation, at the minimizer.
    assert late.status == Status.STAGNATED
    peer = so.minimize_scalar(lambda x: (x - 3.0) ** 2 + (x**2 - 1.0) ** 2, tol=1e-12)
    np.testing.assert_allclose(late.value[0], peer.x, 1e-7)


def test_counts_are_those_of_the_calls():
    calls = []

    def residual_fn(x):
        jax.debug.callback(lambda: calls.append(1))
        return jnp.log(x) - jnp.array([3.0, 0.1])

    solution = gauss_newton(residual_fn, jnp.array([60.0, 30.0]))
    jax.block_until_ready(solution)
    jax.effects_barrier()
    assert solution.converged
    np.testing.assert_allclose(solution.value, np.exp([3.0, 0.1]), 1e-7)
    assert solution.num_fun > solution.num_steps + 1  # log of a negative trial was too long a step
    assert solution.num_hess == solution.num_steps + 1
    assert len(calls) == solution.num_fun + solution.num_hess


def test_lanes_end_each_in_its_own_way():
    def fn(x, hole, data):
        return jnp.log(jnp.where((hole > 0.0) & (x != 2.0), jnp.nan, x)) - data

    lanes = jax.jit(jax.vmap(lambda x, *a: gauss_newton(fn, x, a, max_steps=6)))
    x0 = np.array([[1.0], [np.nan], [-1.0], [2.0], [2.0], [1e-12]], np.float32)
    hole = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0], np.float32)
    data = np.array([0.5, 0.0, 0.0, 0.0, np.log(2.0), 0.0], np.float32)[:, None]
    solution = jax.tree.map(np.asarray, lanes(x0, hole, data))
    wanted = [Status.CONVERGED, Status.INVALID_START, Status.NON_FINITE,
              Status.LINE_SEARCH_FAILED, Status.CONVERGED, Status.MAX_STEPS]  # fmt: skip
    assert list(solution.status) == wanted
    assert solution.value.dtype == jnp.float32
    np.testing.assert_allclose(solution.value[0], np.exp(0.5), 1e-4)
    np.testing.assert_array_equal(solution.value[3], 2.0)
    assert solution.num_steps[4] == 0
    assert np.all(np.isfinite(solution.value[[0, 2, 3, 4, 5]]))


def test_fewer_residuals_than_variables_and_pytrees():
    fn = lambda p: jnp.sum(p["a"] * jnp.array([1.0, 2.0])) + p["b"] - 4.0
    init = jax.jit(lambda x: gauss_newton_init(fn, x))
    state = jax.jit(lambda s: gauss_newton_step(fn, s))(init({"a": np.zeros(2), "b": np.ones(())}))
    # The step of least ‖D p‖ with D = (1, 2, 1): pⱼ = −r/(3 Dⱼ), r = −3.
    np.testing.assert_allclose(state.x["a"], [1.0, 0.5], 1e-12)
    np.testing.assert_allclose(state.x["b"], 2.0, 1e-12)
    assert float(state.error) < 1e-15


def test_refusals():
    with pytest.raises(ValueError, match="`tol` must be at least 0"):
        gauss_newton(lambda x: x, jnp.ones(1), tol=-1.0)
    with pytest.raises(ValueError, match="`residual_fn` must return at least 1 residual"):
        gauss_newton(lambda x: x[:0], jnp.ones(1))
