"""Learning in games: proved bounds, known equilibria, ties, statuses; the rows hold the steps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize
from jaxmath.iterate import Status
from jaxmath.optimize import exploitability, solve_game

METHODS = ("fictitious_play", "multiplicative_weights", "regret_matching", "regret_matching_plus")
M, N = 3, 4
ROCK_PAPER_SCISSORS = np.array([[0.0, -1, 1, 9], [1, 0, -1, 9], [-1, 1, 0, 9]])  # and a bad column
PURE = np.array([[3.0, 1, 4, 2], [5, 2, 9, 3], [0, 1, 8, 7]])


def all_games():
    rng = np.random.default_rng(0)
    games = [rng.normal(size=(30, M, N)), rng.uniform(size=(30, M, N)) < 0.5]
    special = [ROCK_PAPER_SCISSORS, PURE, np.full((M, N), 3.0), np.full((M, N), np.nan)]
    return np.concatenate([*games, np.stack(special)]).astype(float)


GAMES = all_games()
RANDOM, ROCK, SADDLE, CONSTANT, NAN = slice(0, 60), 60, 61, 62, 63
SPANS = np.ptp(GAMES[:60], axis=(1, 2))


@functools.cache
def played(method):
    """All games by one method, for as many rounds as each lane is allowed; tolerance 0 or not."""
    solve = getattr(optimize, method)
    run = lambda A, tol, limit: solve(A, tol=tol, max_steps=limit)
    program = jax.jit(jax.vmap(run, (0, None, None)))
    call = lambda tol, limit: jax.device_get(program(GAMES, np.float64(tol), np.int32(limit)))
    return {"100": call(0.0, 100), "2000": call(0.0, 2000), "tol": call(0.05, 5000)}


def bound(method, rounds):
    """The exploitability that the theory allows after the rounds, for payoffs in [0, 1]."""
    roots = (np.sqrt(M) + np.sqrt(N)) / np.sqrt(rounds)
    hedge = np.sqrt(np.log(M * N) / rounds)
    return {"multiplicative_weights": hedge, "regret_matching": roots,
            "regret_matching_plus": 2 * roots, "fictitious_play": 1.5 * roots}[method]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_exploitability_stays_below_the_bound_and_is_what_the_error_says(method):
    measure = jax.jit(jax.vmap(exploitability))
    for rounds in (100, 2000):
        solution = played(method)[str(rounds)]
        x, y = solution.value
        np.testing.assert_allclose(x[RANDOM].sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(y[RANDOM].sum(axis=1), 1, rtol=1e-12)
        assert min(x[RANDOM].min(), y[RANDOM].min()) >= 0
        gaps = np.asarray(measure(GAMES[RANDOM], x[RANDOM], y[RANDOM])) / SPANS
        np.testing.assert_allclose(solution.error[RANDOM], gaps, atol=1e-13)
        assert gaps.max() <= bound(method, rounds)
    # They do converge: 20 times the rounds make the mean error at least 3 times smaller.
    early, late = (np.mean(played(method)[key].error[RANDOM]) for key in ("100", "2000"))
    assert late < early / 3


@pytest.mark.parametrize("method", METHODS)
def test_statuses_counts_and_special_games(method):
    solution = played(method)["tol"]
    assert (solution.status[:NAN] == Status.CONVERGED).all()
    assert (solution.error[:NAN] <= 0.05).all()
    assert solution.num_steps[CONSTANT] == 0
    assert solution.value.row[CONSTANT].tolist() == [1 / M] * M
    assert solution.status[NAN] == Status.NON_FINITE
    for v in (*solution.value, solution.error):
        assert np.isnan(v[NAN]).all()
    long = played(method)["2000"]
    np.testing.assert_allclose(long.value.row[ROCK], 1 / 3, atol=0.05)
    np.testing.assert_allclose(long.value.column[ROCK], [1 / 3] * 3 + [0], atol=0.05)
    assert long.value.row[SADDLE][1] > 0.9
    assert long.value.column[SADDLE][1] > 0.9
    running = long.status == Status.MAX_STEPS
    assert running[:40].any()
    assert (long.num_steps[running] == 2000).all()


def test_regret_bound_of_multiplicative_weights_round_by_round():
    """maxᵢ Σₜ(Ayₜ)ᵢ − Σₜ xₜᵀAyₜ ≤ (ln m)/η + ηt/8, whatever the opponent does."""
    rng, eta = np.random.default_rng(2), 0.3
    step = jax.jit(optimize.multiplicative_weights_step)
    state = optimize.multiplicative_weights_init(jnp.zeros((M, N)))
    payoffs, received = np.zeros(M), 0.0
    for t in range(1, 200):
        # The game of every round is another one, made to hurt the strategy that is played.
        before = np.asarray(state.row_sum)
        A = np.repeat(rng.uniform(size=(M, 1)), N, axis=1)
        x = np.exp(eta * (payoffs - payoffs.max()))
        x /= x.sum()
        A[np.argmax(x)] = 0.0
        state = step(A, state, learning_rate=jnp.asarray(eta))
        np.testing.assert_allclose(np.asarray(state.row_sum) - before, x, atol=1e-11)
        received += x @ A[:, 0]
        payoffs += A[:, 0]
        assert payoffs.max() - received <= np.log(M) / eta + eta * t / 8
    assert payoffs.max() - received > 1.0


def test_regrets_of_regret_matching_grow_like_the_root_of_the_rounds():
    """‖[R]₊‖ ≤ √(mT) for both players, and regret matching⁺ never holds a negative regret."""
    A, rounds = jnp.asarray(np.random.default_rng(3).uniform(size=(M, N))), 300

    @jax.jit
    def regrets(A):
        matching, plus = optimize.regret_matching_step, optimize.regret_matching_plus_step
        scan = lambda step: lambda state, _: (step(A, state), step(A, state)[:2])
        start = optimize.regret_matching_init(A)
        return (jax.lax.scan(scan(matching), start, length=rounds)[1],
                jax.lax.scan(scan(plus), start, length=rounds)[1])  # fmt: skip

    matching, plus = regrets(A)
    t = np.arange(1, rounds + 1)
    for found in (matching, plus):
        for regret, size in zip(found, (M, N), strict=True):
            length = np.linalg.norm(np.maximum(regret, 0), axis=1)
            assert (length <= np.sqrt(size * t)).all()
            assert length.max() > 0.1
    assert min(np.min(regret) for regret in plus) >= 0
    assert min(np.min(regret) for regret in matching) < 0


def test_first_best_reply_is_played_and_scale_changes_nothing():
    A = jnp.zeros((M, N))
    state = optimize.fictitious_play_init(A)
    for _ in range(3):
        state = optimize.fictitious_play_step(A, state)
    assert state.row_sum.tolist() == [3, 0, 0]
    assert state.column_sum.tolist() == [3, 0, 0, 0]
    G = np.round(GAMES[:4] * 4).astype(np.float32)
    program = jax.jit(jax.vmap(lambda A: optimize.fictitious_play(A, tol=0.0, max_steps=200)))
    plain, scaled = program(G), program(G * np.float32(2.0**100))
    np.testing.assert_array_equal(plain.value.row, scaled.value.row)
    assert scaled.error.dtype == jnp.float32
    assert np.isfinite(scaled.error).all()


def test_averages_agree_with_the_linear_program():
    game = jax.device_get(jax.jit(jax.vmap(solve_game))(GAMES[:30]))
    x, y = (v[:30] for v in played("regret_matching_plus")["2000"].value)
    payoffs = np.einsum("ki,kij,kj->k", x, GAMES[:30], y)
    np.testing.assert_allclose(payoffs, game.value, atol=2e-3)


def test_no_rounds_and_refusals():
    none = optimize.regret_matching(PURE, max_steps=0)
    assert none.status == Status.MAX_STEPS
    assert none.value.column.tolist() == [0.25] * N
    with pytest.raises(ValueError, match="`learning_rate` must be at least"):
        optimize.multiplicative_weights(PURE, learning_rate=-1.0)
    with pytest.raises(ValueError, match="fictitious_play: argument `tol` must be at least"):
        optimize.fictitious_play(PURE, tol=-1.0)
    for method in METHODS:
        with pytest.raises(TypeError, match="`A` must have single or double precision"):
            getattr(optimize, method)(jnp.eye(2, dtype=jnp.float16))


def test_the_default_rate_is_the_best_of_the_bound():
    """η = 2√(ln(mn)/T) of the payoffs' range: the same strategies as with that rate given."""
    A = jnp.asarray(np.random.default_rng(5).normal(size=(3, 4)))
    default = optimize.multiplicative_weights(A, tol=0.0, max_steps=50)
    rate = 2.0 * float(np.sqrt(np.log(12) / 50))
    given = optimize.multiplicative_weights(A, learning_rate=rate, tol=0.0, max_steps=50)
    np.testing.assert_allclose(default.value[0], given.value[0], rtol=1e-12)
    twice = optimize.multiplicative_weights(A, learning_rate=2 * rate, tol=0.0, max_steps=50)
    assert np.abs(twice.value[0] - default.value[0]).max() > 1e-3


def test_no_infinite_rate():
    """0·∞ would make every strategy NaN."""
    with pytest.raises(ValueError, match="`learning_rate`"):
        optimize.multiplicative_weights(np.eye(2), learning_rate=float("inf"))
