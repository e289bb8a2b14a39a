"""Hager and Zhang's line search: its conditions, its interval, the noise of float32, failures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.optimize import line_search as ls
from jaxmath.optimize.hager_zhang import hager_zhang, hager_zhang_init, hager_zhang_step
from tests.optimize.test_line_search import TABLE, run


def search(phi, first, **options):
    return run(phi, jnp.asarray(first), hager_zhang_step, hager_zhang_init, **options)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", TABLE)
def test_conditions_hold(name):
    """Wolfe or approximate Wolfe, σ = 0.2, from first trials 1e-3 to 1e3, in few evaluations."""
    phi = TABLE[name]
    found = search(phi, [1e-3, 1e-1, 1e1, 1e3], c1=0.1, c2=0.2)
    assert (found.status == Status.CONVERGED).all()
    value, slope = (np.asarray(v) for v in jax.vmap(jax.value_and_grad(phi))(found.step))
    value0, slope0 = map(float, jax.value_and_grad(phi)(0.0))
    wolfe = value <= value0 + 0.1 * found.step * slope0
    approximate = (value <= value0 + 1e-6 * abs(value0)) & (slope <= -0.8 * slope0)
    assert (wolfe | approximate).all()
    assert (slope >= 0.2 * slope0).all()
    assert (found.trials <= 25).all(), found.trials


def test_the_interval_keeps_its_promise():
    """After each trial: φ(a) ≤ φ(0) + ε, φ′(a) < 0, b beyond a; and every kind of step is taken."""
    seen = set()
    hills = lambda a: 0.1 * a - jnp.sin(a)  # high, but falling, at 6
    for phi in [hills, TABLE["wiggles"], TABLE["quintic"]]:
        both = jax.jit(jax.value_and_grad(phi))
        step = jax.jit(lambda s, v, d: hager_zhang_step(s, v, d, c1=1e-4, c2=2e-4))
        for first in (1e-3, 6.0, 1e3):
            state = hager_zhang_init(first, *both(0.0))
            value0 = float(state.start[0])
            while state.status == Status.RUNNING:
                seen.add(int(state.phase))
                state = step(state, *both(state.step))
                a, b = np.asarray(state.low), np.asarray(state.high)
                assert a[1] <= value0 + 1e-6 * abs(value0)
                assert a[2] < 0
                assert a[0] < b[0]
                assert b[2] >= 0 or b[1] > value0 or state.status != Status.RUNNING
    assert seen == {0, 1, 2, 3, 4}


def test_a_quadratic_ends_at_the_first_secant():
    """From within the bracket: α = 10, then the minimum itself."""
    found = search(lambda a: (a - 3.0) ** 2, [10.0], c1=0.1, c2=0.11)
    assert found.trials[0] == 2
    np.testing.assert_allclose(found.step, 3.0, rtol=1e-12)


@pytest.mark.parametrize("offset", [1.0, 1e6])
def test_ends_in_the_noise_of_float32(offset):
    """φ = offset + 1e-9 (1 − α)² is flat to float32; only the slope tells."""
    f32 = lambda v: jnp.asarray(v, jnp.float32)
    phi = lambda a: (f32(offset) + 0 * a, 2e-9 * (a - 1))
    state = hager_zhang_init(f32(0.1), *phi(f32(0.0)))
    while state.status == Status.RUNNING:
        state = hager_zhang_step(state, *phi(state.step), c2=0.2)
    assert Status(int(state.status)) == Status.CONVERGED
    assert abs(float(state.step) - 1) <= 0.8
    assert state.trials <= 8
    assert state.step.dtype == jnp.float32


def test_failures_end_with_their_status():
    assert hager_zhang_init(1.0, 0.0, 1.0).status == Status.LINE_SEARCH_FAILED
    falls = search(lambda a: -a, [1.0])  # no lower bound
    assert falls.status[0] == Status.LINE_SEARCH_FAILED
    assert falls.trials[0] == ls.MAX_TRIALS
    # A gradient of the wrong sign: φ rises although φ′ < 0, and the interval shrinks to nothing.
    state = hager_zhang_init(1.0, 1.0, -1.0, least=1e-6)
    while state.status == Status.RUNNING:
        state = hager_zhang_step(state, 1.0 + state.step, jnp.asarray(-1.0))
    assert state.status == Status.LINE_SEARCH_FAILED
    assert state.trials < ls.MAX_TRIALS
    broken = lambda a: jnp.log(2.0 - a) + 1 / (2.0 - a) - 2 * a  # NaN from 2 on
    found = search(broken, [1.0, 50.0], c2=0.5)
    assert (found.status == Status.CONVERGED).all()
    assert (found.step < 2).all()


def test_counts_of_the_solver():
    fun = lambda x: jnp.sum((x - 3.0) ** 2)
    solution = hager_zhang(fun, jnp.zeros(2), jnp.ones(2), c1=0.45, c2=0.5)
    assert solution.num_fun == solution.num_grad == solution.num_steps + 1
    np.testing.assert_allclose(solution.value, 3.0, rtol=1e-12)
    assert jnp.isnan(hager_zhang(fun, jnp.zeros(2), -jnp.ones(2)).value)
    with pytest.raises(ValueError, match="`c2`"):
        hager_zhang(fun, jnp.zeros(2), jnp.ones(2), c2=0.05)


def test_constants_may_be_arrays():
    fun, x, d = lambda x: jnp.sum((x - 3.0) ** 2), jnp.zeros(2), jnp.ones(2)
    expected = hager_zhang(fun, x, d, c1=0.45, c2=0.5)
    for c2 in (0.5, jnp.asarray(0.5)):
        found = hager_zhang(fun, x, d, c1=jnp.asarray(0.45), c2=c2)
        assert (found.value, found.num_fun) == (expected.value, expected.num_fun)


def test_a_rise_within_the_noise_is_accepted():
    """The approximate Wolfe conditions: φ may rise by 1e-6 |φ(0)| where its slope is small."""
    search = hager_zhang_init(1.0, 1e6, -1e-3)
    assert hager_zhang_step(search, jnp.array(1e6 + 0.5), 0.0).status == Status.CONVERGED
    assert hager_zhang_step(search, jnp.array(1e6 + 1.5), 0.0).status == Status.RUNNING
