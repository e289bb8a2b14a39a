"""Nelder and Mead's simplex method: SciPy's simplices one by one, ties, statuses, lanes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath.iterate import Status
from jaxmath.optimize import minimize, nelder_mead
from jaxmath.optimize.nelder_mead import nelder_mead_init, nelder_mead_step


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_simplices_are_those_of_scipy(adaptive):
    """Every kind of move, shrinking among them: the same simplex after each, to rounding."""
    # A pit in a plain: vertices on the plain tie, and shrink towards the one in the pit.
    start = np.array([-1.2, 0.0, 1.3])
    f = lambda x: jnp.minimum(1e3 * rosenbrock(x - start + 0.9996), 1.0)
    step = jax.jit(lambda s: nelder_mead_step(f, s, adaptive=adaptive))
    state, mine, counts = nelder_mead_init(f, jnp.asarray(start)), [], []
    for _ in range(200):
        before, state = state, step(state)
        if state.num_steps > before.num_steps:
            mine.append(np.asarray(state.simplex))
            counts.append(int(state.num_fun))
    g = jax.jit(f)
    options = {"adaptive": adaptive, "xatol": 0.0, "fatol": 0.0}
    for k in range(1, 60, 3):  # SciPy counts the first simplex as an iteration too
        peer = scipy.optimize.minimize(
            lambda x: float(g(x)), start, method="Nelder-Mead", options=options | {"maxiter": k}
        )
        np.testing.assert_allclose(mine[k - 1], peer.final_simplex[0], rtol=1e-9, atol=1e-12)
        assert counts[k - 1] == peer.nfev
    kinds = set(np.diff(counts))
    assert {1, 2, 5} <= kinds  # reflection; expansion or contraction; shrinking of three vertices


def test_minimum_and_pytree():
    f = lambda p, c: rosenbrock(p["a"]) + (p["b"] - c) ** 4
    start = {"a": jnp.array([-1.2, 1.0]), "b": jnp.asarray(0.0)}
    solution = minimize(f, start, (2.0,), method="Nelder-Mead")
    assert solution.converged
    np.testing.assert_allclose(solution.value["a"], 1.0, atol=1e-5)
    np.testing.assert_allclose(solution.value["b"], 2.0, atol=1e-2)
    assert solution.num_grad == 0
    assert solution.num_fun > solution.num_steps


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_each_lane_ends_in_its_own_way(dtype):
    kinds = [
        lambda x: (x[0] - 1.0) ** 2 + 3.0 * (x[1] + x[0]) ** 2,
        lambda x: x[0] - x[1],
        lambda x: jnp.sum(x) * jnp.nan,
        lambda x: jnp.sum(x**2),
        lambda x: 3.0 + 0.0 * jnp.sum(x),
        lambda x: jnp.sum(x - 2.0 * jnp.log(x)),
        lambda x: jnp.where(x[0] > 1.0, jnp.nan, x[0] ** 2 + x[1] ** 2),
    ]
    f = lambda x, kind: jax.lax.switch(kind, kinds, x)
    starts = jnp.array([[-1.0, 1], [1, 2], [1, 1], [jnp.inf, 1], [1, 1], [0.1, 9], [1, 1]], dtype)
    kind = jnp.arange(7, dtype=jnp.int32)
    found = jax.jit(jax.vmap(lambda x, k: nelder_mead(f, x, (k,))))(starts, kind)
    want = [
        Status.CONVERGED, Status.UNBOUNDED, Status.NON_FINITE, Status.INVALID_START,
        Status.CONVERGED, Status.CONVERGED, Status.CONVERGED,
    ]  # fmt: skip
    assert [Status(int(s)) for s in found.status] == want
    close = 1e-3 if dtype == jnp.float32 else 1e-6
    np.testing.assert_allclose(found.value[0], [1.0, -1.0], atol=close)
    np.testing.assert_allclose(found.value[5], 2.0, atol=10 * close)
    np.testing.assert_allclose(found.value[6], 0.0, atol=close)
    np.testing.assert_array_equal(found.value[4], starts[4])
    assert found.value.dtype == dtype


def test_limits_and_noise():
    start = jnp.array([-1.2, 1.0])
    none = nelder_mead(rosenbrock, start, max_steps=0)
    assert (none.status, none.num_fun) == (Status.MAX_STEPS, 1)
    few = nelder_mead(rosenbrock, start, max_steps=7)
    assert (few.status, few.num_steps) == (Status.MAX_STEPS, 7)
    # Zero can be reached by a function that is flat to rounding only when the vertices agree.
    hard = nelder_mead(lambda x: 5.0 + jnp.sum((x - 1.0) ** 2), start, tol=0.0)
    assert hard.status in (Status.STAGNATED, Status.CONVERGED)
    np.testing.assert_allclose(hard.value, 1.0, atol=1e-6)
    line = nelder_mead(lambda x: jnp.sum((x - 3.0) ** 2), jnp.array([0.0]))
    assert line.converged
    np.testing.assert_allclose(line.value, 3.0, atol=1e-6)


@pytest.mark.parametrize("start", [0.0, 1e-10, 1e-4, 4e-3])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_first_simplex_is_larger_than_the_tolerance(start, dtype):
    solution = nelder_mead(lambda x: jnp.sum((x - 1.0) ** 2), np.full(1, start, dtype))
    np.testing.assert_allclose(solution.value, 1.0, atol=20 * np.finfo(dtype).eps ** (1 / 2))
