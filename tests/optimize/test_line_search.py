"""Line searches on the functions of Moré and Thuente, and where a search must fail."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.iterate import Status, iterate
from jaxmath.optimize import line_search as ls
from jaxmath.optimize import wolfe

# Moré and Thuente, 1994, section 5: (5.1), (5.2), (5.3), and Yanai's (5.4) with two parameter sets.
TABLE = {
    "concave then flat": lambda a: -a / (a**2 + 2.0),
    "quintic": lambda a: (a + 0.004) ** 5 - 2.0 * (a + 0.004) ** 4,
    "wiggles": lambda a: wiggles(a, 0.01, 39.0),
    "yanai, sharp": lambda a: yanai(a, 0.001, 0.001),
    "yanai, skew": lambda a: yanai(a, 0.01, 0.001),
}


def wiggles(a, b, count):
    inner = jnp.where(
        a <= 1 - b, 1 - a, jnp.where(a >= 1 + b, a - 1, (a - 1) ** 2 / (2 * b) + b / 2)
    )
    return inner + 2 * (1 - b) / (count * jnp.pi) * jnp.sin(count * jnp.pi / 2 * a)


def yanai(a, b1, b2):
    gamma = lambda b: jnp.sqrt(1 + b * b) - b
    left = gamma(b1) * jnp.sqrt((1 - a) ** 2 + b2**2)
    return left + gamma(b2) * jnp.sqrt(a**2 + b1**2)


def run(phi, first, advance=wolfe.strong_wolfe_step, init=wolfe.strong_wolfe_init, **options):
    """The search from each first trial, in one vmapped program."""
    both = jax.value_and_grad(phi)

    @jax.jit
    @jax.vmap
    def search(step):
        begin = init(step, *both(jnp.zeros_like(step)))
        return iterate(
            lambda s: advance(s, *both(s.step), **options), begin, lambda s: s.status, max_steps=60
        )[0]

    return search(first)


@pytest.mark.parametrize("name", TABLE)
def test_conditions_hold(name):
    """The strong Wolfe conditions, c₂ = 0.1, from first trials 1e-3 to 1e3, in few evaluations."""
    phi = TABLE[name]
    first = jnp.asarray([1e-3, 1e-1, 1e1, 1e3])
    found = run(phi, first, c2=0.1)
    assert (found.status == Status.CONVERGED).all()
    value, slope = (np.asarray(v) for v in jax.vmap(jax.value_and_grad(phi))(found.step))
    value0, slope0 = map(float, jax.value_and_grad(phi)(0.0))
    assert (value <= value0 + 1e-4 * found.step * slope0).all()
    assert (np.abs(slope) <= 0.1 * abs(slope0)).all()
    assert (found.trials <= 20).all(), found.trials


def test_armijo_conditions_and_shrinking():
    phi = TABLE["quintic"]
    found = run(
        phi, jnp.asarray([0.5, 10.0, 1e4]), ls.armijo_backtracking_step, ls.armijo_backtracking_init
    )
    value0, slope0 = map(float, jax.value_and_grad(phi)(0.0))
    assert (found.status == Status.CONVERGED).all()
    assert (jax.vmap(phi)(found.step) <= value0 + 1e-4 * found.step * slope0).all()


@pytest.mark.parametrize("offset", [1.0, 1e6])
def test_ends_in_the_noise_of_float32(offset):
    """φ = offset + 1e-9 (1 − α)² is flat to float32; only the slope tells."""
    f32 = lambda v: jnp.asarray(v, jnp.float32)
    phi = lambda a: (f32(offset) + 0 * a, 2e-9 * (a - 1))
    search = wolfe.strong_wolfe_init(f32(0.1), *phi(f32(0.0)))
    while search.status == Status.RUNNING:
        search = wolfe.strong_wolfe_step(search, *phi(search.step), c2=0.1)
    assert Status(int(search.status)) == Status.CONVERGED
    assert abs(float(search.step) - 1) <= 0.1
    assert search.trials <= 8


def test_failures_end_with_their_status():
    nothing = wolfe.strong_wolfe_init(1.0, 0.0, 1.0)  # no descent
    assert nothing.status == Status.LINE_SEARCH_FAILED
    assert wolfe.strong_wolfe_init(1.0, jnp.nan, -1.0).status == Status.LINE_SEARCH_FAILED
    falls = run(lambda a: -a, jnp.asarray([1.0]), c2=0.1)  # no lower bound
    assert falls.status[0] == Status.LINE_SEARCH_FAILED
    assert falls.trials[0] == ls.MAX_TRIALS
    # A gradient of the wrong sign: no step lowers φ, and the interval shrinks to nothing.
    search = wolfe.strong_wolfe_init(1.0, 1.0, -1.0, least=1e-12)
    while search.status == Status.RUNNING:
        search = wolfe.strong_wolfe_step(search, 1.0 + search.step, jnp.asarray(1.0))
    assert search.status == Status.LINE_SEARCH_FAILED
    assert search.trials < ls.MAX_TRIALS


def test_values_that_are_not_finite_are_too_long_a_step():
    phi = lambda a: jnp.log(2.0 - a) + 1 / (2.0 - a) - 2 * a
    found = run(phi, jnp.asarray([1.0, 50.0]), c2=0.5)  # NaN from 2 on
    assert (found.status == Status.CONVERGED).all()
    assert (found.step < 2).all()


@pytest.mark.parametrize("beyond", [jnp.nan, jnp.inf, -jnp.inf])
def test_backtracking_leaves_what_is_not_finite(beyond):
    """From the trial 4 to a tenth of it, as the parabola through an infinite value asks."""
    cut = lambda x: jnp.where(x > 1, beyond, -x)
    found = ls.armijo_backtracking(cut, 0.0, 1.0, step=4.0)
    assert found.converged
    np.testing.assert_allclose(found.value, 0.4)


def test_counts_of_the_solver():
    calls = []
    fun = lambda x: jnp.sum((x - 3.0) ** 2)

    def counted(x):
        jax.debug.callback(lambda _: calls.append(1), x)
        return fun(x)

    solution = wolfe.strong_wolfe(counted, jnp.zeros(2), jnp.ones(2), c2=0.1)
    jax.effects_barrier()
    assert len(calls) == solution.num_fun == solution.num_grad
    failed = wolfe.strong_wolfe(fun, jnp.zeros(2), -jnp.ones(2))
    assert failed.status == Status.LINE_SEARCH_FAILED
    assert jnp.isnan(failed.value)
    assert wolfe.strong_wolfe(lambda x: x[0] * jnp.nan, jnp.zeros(2), jnp.ones(2)).status == (
        Status.NON_FINITE
    )
    with pytest.raises(ValueError, match="`c2`"):
        wolfe.strong_wolfe(fun, jnp.zeros(2), jnp.ones(2), c2=1.5)


def test_constants_may_be_arrays():
    fun, x, d = lambda x: jnp.sum((x - 3.0) ** 2), jnp.zeros(2), jnp.ones(2)
    expected = wolfe.strong_wolfe(fun, x, d, c1=1e-3, c2=0.1)
    for c2 in (0.1, jnp.asarray(0.1)):
        found = wolfe.strong_wolfe(fun, x, d, c1=jnp.asarray(1e-3), c2=c2)
        assert (found.value, found.num_fun) == (expected.value, expected.num_fun)


def test_a_trial_above_low_is_the_other_end():
    """It decreases enough and still falls, but low is lower: a minimum lies between them."""
    search = wolfe.strong_wolfe_init(1.0, 0.0, -1.0)
    search = wolfe.strong_wolfe_step(search, -1.0, jnp.asarray(-0.95))
    assert (search.low[0], search.high[0]) == (1.0, jnp.inf)
    at = float(search.step)
    search = wolfe.strong_wolfe_step(search, -0.9, jnp.asarray(-0.95))
    assert (search.low[0], search.high[0]) == (1.0, at)
    assert 1.0 < search.step < at


@pytest.mark.parametrize("step", [ls.armijo_backtracking_step, wolfe.strong_wolfe_step])
def test_rounding_above_the_start_is_no_increase(step):
    """φ one unit in the last place above φ(0), where the decrease asked for is below rounding."""
    one = jnp.float32(1.0)
    search = ls.begin(one, one, jnp.float32(-1e-9), 0.0)
    above = jnp.nextafter(one, jnp.float32(2.0))
    assert step(search, above, jnp.float32(-1e-10)).status == Status.CONVERGED
    assert step(search, one * 1.001, jnp.float32(-1e-10)).status == Status.RUNNING
