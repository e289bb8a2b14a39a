"""BFGS trial by trial: what a refused, a steep and a good one lead to, and how it ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize._bfgs import (
    FARTHER,
    LEVEL,
    MORE,
    BFGSState,
    Counts,
    Numbers,
    advance,
    by_bfgs,
    opening,
)
from jaxmath.optimize._ends import PATIENCE
from jaxmath.optimize.line_search import MAX_TRIALS


def states(f, x0, n):
    step = jax.jit(lambda s: optimize.bfgs_step(f, s))
    found = [optimize.bfgs_init(f, jnp.asarray(x0, float))]
    for _ in range(n):
        found.append(step(found[-1]))
    return found


def test_a_refused_trial_is_shortened_by_the_parabola():
    """f = 4x² from 1/2: −4 along the move of length 1, and as high at its end: half of it."""
    first, second = states(lambda x: 4.0 * jnp.sum(x**2), [0.5], 1)
    assert first.move == -1.0
    assert (second.x, second.move, second.num_steps, second.num_fun) == (0.5, -0.5, 0, 2)


@pytest.mark.parametrize("value", [jnp.inf, jnp.nan])
def test_a_trial_that_is_not_finite_is_ten_times_too_long(value):
    f = lambda x: jnp.where(x[0] < 0.0, value, x[0] ** 2)
    assert states(f, [0.5], 1)[1].move == -0.1


def test_a_move_goes_on_while_f_falls_as_steeply():
    """From a million, where the first move has length 1."""
    path = states(lambda x: jnp.sum(x**2), [1e6], 3)
    assert [float(s.move[0]) for s in path] == [-(FARTHER**k) for k in range(4)]
    solution = optimize.bfgs(lambda x: jnp.sum(x**2), [1e6])
    assert solution.converged
    assert solution.num_fun < 20


def test_after_a_shorter_one_it_does_not_go_on():
    """Else a long and a short move would take turns for ever."""
    f = lambda x: jnp.where(x[0] < 0.0, jnp.inf, 1.0 + x[0])
    refused, taken = states(f, [0.5], 2)[1:]
    assert refused.move == -0.1
    assert taken.x == 0.4
    assert taken.num_steps == 1
    np.testing.assert_allclose(taken.H, states(f, [0.5], 0)[0].H)  # no pair: φ′ is what it was
    assert taken.move == -1.0


def test_a_gradient_that_lies_ends_the_search():
    """f rises along −g until nothing of it can be seen: once more from there, and the end."""
    f = jax.custom_jvp(lambda x: jnp.sum(x))
    f.defjvp(lambda primals, tangents: (jnp.sum(primals[0]), -jnp.sum(tangents[0])))
    solution = optimize.bfgs(f, jnp.ones(2))
    assert solution.status == Status.STAGNATED
    assert solution.num_fun < 80
    # From f = 0 at x = 0 each trial is seen.
    solution = optimize.bfgs(f, jnp.zeros(2))
    assert solution.status == Status.LINE_SEARCH_FAILED
    assert solution.num_fun == 41


def test_the_state_tells_what_the_solver_does():
    """By lanes too: a minimum's, a start that is none, a value that is none, one without end."""
    f = lambda x: jnp.where(x[0] > 5.0, jnp.nan, jnp.where(x[0] < -5.0, 1e30 * x[0], x[0] ** 2))
    start = jnp.array([[0.0], [jnp.nan], [6.0], [-6.0]])
    state = jax.vmap(lambda x: optimize.bfgs_init(f, x))(start)
    wanted = [Status.RUNNING, Status.INVALID_START, Status.NON_FINITE, Status.RUNNING]
    np.testing.assert_array_equal(state.status, wanted)
    state = jax.vmap(lambda s: optimize.bfgs_step(f, s))(state)
    for _ in range(60):
        state = jax.vmap(lambda s: optimize.bfgs_step(f, s))(state)
    assert state.status[3] == Status.UNBOUNDED
    solution = jax.vmap(lambda x: optimize.bfgs(f, x))(start)
    assert [Status(int(s)).name for s in solution.status] == [
        "CONVERGED", "INVALID_START", "NON_FINITE", "UNBOUNDED",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [jnp.nan, jnp.inf])
def test_a_start_is_refused_though_f_does_not_read_it(value):
    f, start = lambda x: x[0] ** 2, jnp.array([1.0, value])
    assert optimize.bfgs(f, start).status == Status.INVALID_START
    assert optimize.minimize_batch(f, start[None]).status[0] == Status.INVALID_START
    assert optimize.bfgs_init(f, start).status == Status.INVALID_START


def test_small_beside_a_huge_value_is_not_converged_while_a_search_goes_on():
    """A refused trial shortens the move, and with it what the model promises: that is no sign."""
    f = lambda x: 1e12 + jnp.where(x[0] < 0.999999, 1e12, 1e3 * (x[0] - 0.5) ** 2)
    for state in states(f, [1.0], 5):
        assert state.num_steps == 0
    solution = optimize.bfgs(f, [1.0], max_steps=1)
    assert solution.num_fun > 5


def between(**known):
    """A state at x = 1 with f = g = 1, whose next move is −1 with all else in order."""
    numbers = Numbers(least=1.0, slope=-1.0, floor=-1e9, size=1.0, mark=1.0)
    counts = Counts(9, 20, 0, 0, 5)
    numbers = numbers._replace(**{k: v for k, v in known.items() if k in Numbers._fields})
    counts = counts._replace(**{k: v for k, v in known.items() if k in Counts._fields})
    vectors = jnp.array([[1.0], [1.0], [-1.0]])
    return BFGSState(vectors, jnp.eye(1), jnp.array(numbers, float), jnp.array(counts, jnp.int32))


def after(value, gradient, **known):
    """The counts once f and ∇f at the end of the move are known."""
    evaluate = lambda x: (jnp.asarray(value, float), jnp.full(1, gradient))
    return Counts(*map(int, advance(evaluate, between(**known)).counts))


def test_after_forty_trials_h_is_begun_anew_and_without_one_it_ends():
    assert after(2.0, 1.0).pairs == 5
    last = after(2.0, 1.0, refused=MAX_TRIALS - 1)
    assert (last.pairs, last.refused) == (-1, 0)
    last = after(2.0, 1.0, refused=MAX_TRIALS - 1, pairs=0)
    assert (last.pairs, last.refused) == (0, MAX_TRIALS)


def test_anew_is_from_the_point_itself():
    """After the last trial f at x is wanted, and there H is a multiple of I, for a step of 1."""
    f = lambda x: 1.0 + 0.5 * jnp.sum(x**2)
    state = between(refused=MAX_TRIALS - 1)
    state = advance(lambda x: (jnp.asarray(3.0), jnp.ones(1)), state)
    assert (state.move, state.x, state.counts[4]) == (0.0, 1.0, -1)
    state = advance(jax.value_and_grad(f), state._replace(numbers=state.numbers.at[0].set(1.5)))
    assert (state.move, state.x, state.H, state.counts[4]) == (-1.0, 1.0, 1.0, 0)


def test_what_is_no_descent_is_begun_anew():
    """H = −1 at a good trial: no move, then f at x itself, then a step of length 1."""
    state = between()._replace(H=-jnp.eye(1))
    state = advance(lambda x: (jnp.asarray(0.5), jnp.ones(1)), state)  # φ′ as before: no pair
    assert (state.move, state.counts[4]) == (-4.0, 5)  # it goes on
    state = between(refused=1)._replace(H=-jnp.eye(1))
    state = advance(lambda x: (jnp.asarray(0.5), jnp.ones(1)), state)
    assert (state.move, state.numbers[1], state.counts[4]) == (0.0, 0.0, -1)
    state = advance(lambda x: (jnp.asarray(0.5), jnp.ones(1)), state)
    assert (state.move, state.numbers[1], state.counts[4]) == (-1.0, -1.0, 0)


def test_what_counts_as_quiet():
    assert after(0.5, 0.1, quiet=3).quiet == 0
    assert after(1.0, 0.1, quiet=3).quiet == 4
    assert after(1.0, -0.8, quiet=3, size=0.3, mark=0.3).quiet == 0  # the gradient has grown
    assert after(1.0, -0.8, quiet=3, size=0.3, mark=-0.5).quiet == 4
    assert after(1.0, 1.0, quiet=3).quiet == 3  # it goes on
    assert after(1.0, 1.0, quiet=3, refused=2).quiet == PATIENCE + 1  # nothing to be seen
    assert after(1.0, 1.0, quiet=PATIENCE + 1, refused=2).quiet == PATIENCE + MORE + 1
    assert after(1.0, 1.0, quiet=PATIENCE + MORE + 1, refused=2).quiet == PATIENCE + 2 * MORE


def test_after_some_quiet_steps_h_is_begun_anew():
    assert after(1.0, 0.1, quiet=PATIENCE - 1).pairs == 6
    forgotten = after(1.0, 0.1, quiet=PATIENCE)
    assert (forgotten.quiet, forgotten.pairs) == (PATIENCE + 1, 0)
    assert after(1.0, 0.1, quiet=PATIENCE + 1).pairs == 6
    # Not beside a saddle, where the gradient grows: H has learnt the way out.
    assert after(1.0, -0.8, quiet=PATIENCE, size=0.3, mark=0.3).pairs == 6
    # Nor where f falls at last.
    assert after(0.5, 0.1, quiet=PATIENCE).pairs == 6
    # At once where a search found nothing.
    assert after(1.0, 1.0, quiet=3, refused=2).pairs == 0


def test_in_the_end_h_is_begun_anew_in_the_units_of_x():
    """Along −diag(x²)∇f, a move of length 1 in those units."""
    evaluate = lambda x: (jnp.asarray(1.0), jnp.array([3.0, -4e6]))
    state = opening(jnp.array([2.0, 1e-6]))
    counts = Counts(*state.counts)._replace(
        evaluations=jnp.int32(9), quiet=jnp.int32(PATIENCE + MORE), pairs=jnp.int32(5)
    )
    numbers = jnp.array([1.0, -1e-9, -1e9, 1e7, 1e7])
    late = state._replace(counts=jnp.stack(counts), numbers=numbers)
    move = advance(evaluate, late).move
    np.testing.assert_allclose(move / jnp.array([2.0, 1e-6]), [-6 / 52**0.5, 4 / 52**0.5])
    # No unit is below √ε of the largest, or H could not hold both.
    far = late._replace(vectors=late.vectors.at[0, 1].set(1e-30))
    move = advance(evaluate, far).move
    unit = 2.0 * float(jnp.finfo(float).eps) ** 0.5
    direction = jnp.array([6.0, -4e6 * unit])
    np.testing.assert_allclose(
        move / jnp.array([2.0, unit]), -direction / jnp.linalg.norm(direction)
    )


@pytest.mark.parametrize("name", ["beale", "freudenstein-roth", "kowalik-osborne"])
def test_far_away_float32_is_not_lost_in_a_valley(name):
    """From a hundred times the start a step along the valley is less than x can show."""
    problem = next(p for p in optimize.more_garbow_hillstrom() if p.name == name)
    start = 100 * jnp.asarray(problem.start, jnp.float32)
    x = optimize.bfgs(problem.objective, start, tol=0.0, max_steps=5000).value
    assert problem.objective(x.astype(float)) - problem.minimum < 1e-8


def test_the_mark_is_the_least_size_or_less_what_has_grown():
    def mark(value, gradient, **known):
        evaluate = lambda x: (jnp.asarray(value), jnp.full(1, gradient))
        return float(Numbers(*advance(evaluate, between(**known)).numbers).mark)

    assert mark(0.5, 0.25, mark=0.125) == 0.25  # f fell
    assert mark(1.0, 0.25, mark=0.5) == 0.25
    assert mark(1.0, 0.25, mark=0.25) == 0.25
    assert mark(1.0, 0.75, mark=0.25) == -0.75
    assert mark(1.0, 0.25, mark=-0.5) == -0.5
    assert mark(1.0, -0.875, mark=-0.25) == -0.875
    assert mark(2.0, 0.25, mark=0.5) == 0.5  # refused


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_half_precision(dtype):
    """There 256 eps are more than f itself: the band ends at √eps."""
    fun = lambda x: 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    solution = optimize.bfgs(fun, jnp.array([-1.2, 1.0], dtype))
    assert fun(solution.value.astype(float)) < 0.02
    solution = optimize.bfgs(lambda x: jnp.sum(jnp.cosh(x - 2.0)), jnp.array([-1.2, 1.0], dtype))
    assert solution.converged
    np.testing.assert_allclose(solution.value.astype(float), 2.0, atol=0.02)


def test_where_f_is_rounding_slopes_judge():
    """A value higher by less than rounding is no harm, and is not the least."""
    evaluate = lambda x: (1.0 + jnp.asarray(LEVEL * 1e-16), jnp.full(1, 0.1))
    state = advance(evaluate, between())
    assert (state.x, state.value, state.num_steps) == (0.0, 1.0, 10)
    evaluate = lambda x: (1.0 + jnp.asarray(LEVEL * 4e-16), jnp.full(1, 0.1))
    assert advance(evaluate, between()).x == 1.0


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ({}, "RUNNING"),
        ({"size": 1e-9}, "RUNNING"),
        ({"size": 1e-9, "slope": -1e-9}, "CONVERGED"),
        ({"size": 1e-9, "slope": -1e-9, "refused": 1}, "RUNNING"),
        ({"size": 1e-9, "slope": -1e-9, "pairs": -1}, "RUNNING"),
        ({"size": 1e-9, "slope": -1e-5, "pairs": 0}, "CONVERGED"),
        ({"size": 1e-9, "slope": -1e-3, "pairs": 0}, "RUNNING"),
        ({"steps": 10}, "MAX_STEPS"),
        ({"steps": 10, "size": 1e-9, "slope": -1e-9}, "CONVERGED"),
        ({"least": -2e9, "size": 1e9}, "UNBOUNDED"),
        ({"refused": MAX_TRIALS, "pairs": 0}, "LINE_SEARCH_FAILED"),
        ({"refused": MAX_TRIALS, "pairs": 0, "quiet": PATIENCE}, "STAGNATED"),
        ({"quiet": PATIENCE + MORE}, "RUNNING"),
        ({"quiet": PATIENCE + 2 * MORE}, "STAGNATED"),
        ({"refused": 1, "evaluations": 1}, "NON_FINITE"),
        ({"steps": 10, "evaluations": 0, "pairs": -1}, "RUNNING"),
    ],
)
def test_the_status_of_a_state(known, status):
    made = by_bfgs(jnp.sum, lambda x: x, (), 1e-8, 10)
    assert Status(int(made.status_fn(between(**known)))).name == status
