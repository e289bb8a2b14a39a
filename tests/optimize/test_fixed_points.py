"""The plain fixed-point iteration and Anderson's acceleration: rates, statuses, derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.optimize import fixed_point, fixed_point_init, fixed_point_step

RNG = np.random.default_rng(0)
Q = np.linalg.qr(RNG.normal(size=(6, 6)))[0]
M = (Q * np.array([0.95, 0.9, -0.8, 0.5, 0.3, -0.1])) @ Q.T
C = RNG.normal(size=6)
AFFINE = lambda x, c: jnp.asarray(M) @ x + c
WANT = np.linalg.solve(np.eye(6) - M, C)


def test_anderson_is_gmres_on_an_affine_map():
    """Exact after n + 1 steps with memory n, where the plain iteration needs 700."""
    plain, fast = (fixed_point(AFFINE, jnp.zeros(6), (C,), memory=m, max_steps=2000)
                   for m in (0, 6))  # fmt: skip
    for solution in (plain, fast):
        assert solution.converged
        assert solution.num_fun == solution.num_steps + 1
        np.testing.assert_allclose(solution.value, WANT, atol=1e-11)
        residual = np.linalg.norm(M @ solution.value + C - solution.value)
        assert solution.error == pytest.approx(residual, abs=1e-14)
    assert fast.num_steps <= 9
    assert plain.num_steps > 500


def anderson_in_numpy(G, x, memory, steps):
    """Walker and Ni's algorithm with the constraint Σα = 1 eliminated by lstsq."""
    xs, gs = [x], [G(x)]
    for _ in range(steps):
        m = min(memory, len(xs) - 1)
        r = np.array([g - y for g, y in zip(gs, xs, strict=True)])
        new = gs[-1]
        if m:
            F, D = np.diff(r[-m - 1 :], axis=0).T, np.diff(np.array(gs)[-m - 1 :], axis=0).T
            new = new - D @ np.linalg.lstsq(F, r[-1], rcond=None)[0]
        xs.append(new)
        gs.append(G(new))
    return np.array(xs)


@pytest.mark.parametrize("memory", [0, 2])
def test_iterates_are_those_of_a_loop_in_numpy(memory):
    """The ring of differences forgets the oldest, past its end too."""
    G = lambda x: 0.5 * jnp.cos(jnp.asarray(M) @ x) + jnp.asarray(C)
    want = anderson_in_numpy(lambda x: 0.5 * np.cos(M @ x) + C, np.zeros(6), memory, 7)
    state = fixed_point_init(G, jnp.zeros(6), memory=memory)
    step = jax.jit(lambda s: fixed_point_step(G, s))
    for row in want[1:]:
        state = step(state)
        np.testing.assert_allclose(state.x, row, atol=1e-9)


def test_the_plain_rate_is_the_contraction_factor():
    """|eₖ₊₁/eₖ| → sin(x*) for x = cos x."""
    want, state, errors = 0.7390851332151607, fixed_point_init(jnp.cos, 1.0, memory=0), []
    step = jax.jit(lambda s: fixed_point_step(jnp.cos, s))
    for _ in range(20):
        state = step(state)
        errors.append(abs(float(state.x) - want))
    assert errors[-1] / errors[-2] == pytest.approx(np.sin(want), rel=1e-3)


def case(x, kind):
    """By lane: a contraction, a fixed point at once, divergence, NaN at the start, NaN start, NaN
    on the way, a cycle, a constant map, the identity."""
    cases = [jnp.cos(x), x * x, 2.0 * x + 1.0, x * jnp.nan, x,
             jnp.where(x > 3.0, jnp.nan, 2.0 * x), -x, 0.0 * x + 2.0, x]  # fmt: skip
    return jnp.stack(cases)[kind]


@pytest.mark.parametrize("memory", [0, 5])
def test_statuses_lane_by_lane(memory):
    starts = jnp.array([1.0, 1.0, 1.0, 1.0, jnp.nan, 1.0, 1.0, 1.0, 7.0])
    run = lambda x, kind: fixed_point(case, x, (kind,), memory=memory, max_steps=100)
    solution = jax.jit(jax.vmap(run))(starts, np.arange(9))
    status = solution.status.tolist()
    assert [status[i] for i in (0, 1, 3, 4, 5, 7, 8)] == [
        0,
        0,
        Status.NON_FINITE,
        Status.INVALID_START,
        Status.NON_FINITE,
        0,
        0,
    ] or memory
    # Anderson's secant finds the fixed points of the repelling maps and of the cycle.
    expected = [Status.MAX_STEPS] * 2 if memory == 0 else [Status.CONVERGED] * 2
    assert [status[2], status[6]] == expected
    assert solution.num_fun.tolist() == (solution.num_steps + 1).tolist()
    assert solution.value[0] == pytest.approx(0.7390851332151607, abs=1e-13)
    assert solution.value[7] == 2
    assert solution.num_steps[np.array([1, 3, 4, 8])].tolist() == [0] * 4
    assert np.isfinite(solution.value[np.array([0, 1, 3, 5, 6, 7, 8])]).all()
    if memory == 0:
        assert solution.value[5] == 2  # the last point before the NaN


def test_dependent_differences_do_no_harm():
    """A map of rank one fills the memory with multiples of one difference."""
    u = np.arange(1.0, 6.0) / 10
    G = lambda x: jnp.asarray(u) * jnp.tanh(jnp.dot(jnp.asarray(u), x)) + jnp.asarray(u)
    solution = fixed_point(G, jnp.zeros(5), memory=5)
    assert solution.converged
    np.testing.assert_allclose(G(solution.value), solution.value, atol=1e-13)
    strict = fixed_point(G, jnp.zeros(5), memory=5, xtol=0.0, rtol=0.0)
    assert strict.status in (Status.STAGNATED, Status.CONVERGED)
    np.testing.assert_allclose(G(strict.value), strict.value, atol=1e-15)


def test_float32_and_pytrees():
    run = jax.jit(lambda x, c: fixed_point(AFFINE32, x, (c,), memory=6))
    AFFINE32 = lambda x, c: {"x": jnp.asarray(M, jnp.float32) @ x["x"] + c}
    with jax.numpy_dtype_promotion("strict"):
        solution = run({"x": jnp.zeros(6, jnp.float32)}, jnp.asarray(C, jnp.float32))
    assert solution.value["x"].dtype == solution.error.dtype == jnp.float32
    assert solution.converged
    np.testing.assert_allclose(solution.value["x"], WANT, atol=2e-4 * np.abs(WANT).max())


def test_derivative_and_one_trace():
    """dx = (I − M)⁻¹ dc, in both modes."""
    traces = []

    def G(x, c):
        traces.append(1)
        return AFFINE(x, c)

    fixed_point(G, jnp.zeros(6), (C,))
    seen = len(traces)
    np.testing.assert_allclose(fixed_point(G, jnp.ones(6), (2 * C,)).value, 2 * WANT, atol=1e-11)
    assert len(traces) == seen
    at = lambda c: fixed_point(AFFINE, jnp.zeros(6), (c,)).value
    back, forth = jax.jit(lambda c: (jax.jacrev(at)(c), jax.jacfwd(at)(c)))(jnp.asarray(C))
    np.testing.assert_allclose(back, np.linalg.inv(np.eye(6) - M), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(forth, back, rtol=1e-11, atol=1e-12)


def test_a_start_that_is_zero_inside_jit():
    """XLA knows the start; the norm of it was NaN once."""
    at = lambda c: fixed_point(AFFINE, jnp.zeros_like(c), (c,), memory=6)
    solution = jax.jit(at)(jnp.asarray(C))
    assert solution.converged
    np.testing.assert_allclose(solution.value, WANT, atol=1e-11)


def test_refusals():
    with pytest.raises(ValueError, match="`memory` must be at least 0"):
        fixed_point(jnp.cos, 1.0, memory=-1)
    with pytest.raises(ValueError, match="`fun` must return as many numbers"):
        fixed_point(lambda x: jnp.stack([x, x]), 1.0)
