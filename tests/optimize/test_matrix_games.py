"""Zero-sum games: HiGHS, degenerate games, scales, statuses and the derivative of the value."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog

from jaxmath.iterate import Status
from jaxmath.optimize import exploitability, matrix_games, nash_gap, solve_game

M, N, COUNT = 4, 6, 1000
ROCK_PAPER_SCISSORS = np.array([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]])
PENNIES = np.array([[1.0, -1], [-1, 1]])
RNG = np.random.default_rng(0)


def repeated(A):
    """The game with its rows and columns repeated to 4 × 6: the same value, many equilibria."""
    return np.asarray(A)[np.ix_(np.arange(M) % len(A), np.arange(N) % len(A[0]))]


LOW_RANK = RNG.normal(size=(M, 2)) @ RNG.normal(size=(2, N))
PURE = np.array([[4, 3, 2, 1, 1, 2], [6, 5, 5.5, 5, 7, 9], [0, 1, 2, 3, 4, 4], [9, 2, 1, 0, 8, 1]])
DEGENERATE = {  # name: (game, value)
    "rock–paper–scissors": (repeated(ROCK_PAPER_SCISSORS), 0.0),
    "matching pennies": (repeated(PENNIES), 0.0),
    "zero": (np.zeros((M, N)), 0.0),
    "constant": (np.full((M, N), -7.25), -7.25),
    "pure saddle point": (PURE, 5.0),
    "negative": (repeated(PENNIES) - 100.0, -100.0),
    "one nonzero": (np.eye(M, N), 0.0),
    "dominated rows": (repeated([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0], [-9, -9, -9]]), 0.0),
    "low rank": (LOW_RANK, None),
    "integers": (np.round(RNG.normal(size=(M, N))), None),
    "signs": (np.sign(RNG.normal(size=(M, N))), None),
}
SCALES = [1e30, 1e-30, 1e38, 1e-36]


def all_games():
    rng = np.random.default_rng(1)
    games = [rng.normal(size=(COUNT, M, N)), np.stack([game for game, _ in DEGENERATE.values()])]
    games.append(np.array(SCALES)[:, None, None] * rng.uniform(-2, 2, size=(M, N)))
    games.append(1e4 + rng.normal(size=(1, M, N)))
    broken = rng.normal(size=(3, M, N))
    broken[0, 1, 2], broken[1, 0, 0], broken[2, 3, 5] = np.nan, np.inf, -np.inf
    return np.concatenate([*games, broken, PURE[None]])


GAMES = all_games()
FINITE, BROKEN = slice(0, len(GAMES) - 4), slice(len(GAMES) - 4, len(GAMES) - 1)
LIMITS = np.where(np.arange(len(GAMES)) == len(GAMES) - 1, 0, 500).astype(np.int32)
RANDOM, NAMED = slice(0, COUNT), slice(COUNT, COUNT + len(DEGENERATE))


@functools.cache
def solved(dtype):
    """All games of this module in one compiled program; the last one is allowed no pivot."""
    limited = jax.jit(jax.vmap(lambda A, limit: solve_game(A, max_steps=limit)))
    with jax.numpy_dtype_promotion("strict"):
        return jax.device_get(limited(GAMES.astype(dtype), LIMITS))


def best_by_highs(A):
    """max v subject to Aᵀx ≥ v, x a strategy."""
    m, n = A.shape
    upper, total = np.column_stack([-A.T, np.ones(n)]), np.append(np.ones(m), 0.0)[None]
    bounds = [(0, None)] * m + [(None, None)]
    result = linprog(
        np.append(np.zeros(m), -1.0), upper, np.zeros(n), total, [1.0], bounds, method="highs"
    )
    assert result.status == 0
    return -result.fun


@functools.cache
def values_by_highs():
    return np.array([best_by_highs(A) for A in GAMES[RANDOM]])


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("dtype", "tol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_values_of_a_thousand_games_are_those_of_highs(dtype, tol):
    game = solved(dtype)
    assert game.value.dtype == dtype
    assert (game.status[RANDOM] == Status.CONVERGED).all()
    sizes = np.abs(GAMES[RANDOM]).max(axis=(1, 2))
    # HiGHS stops at 1e-7.
    assert (np.abs(game.value[RANDOM] - values_by_highs()) <= max(tol, 1e-6) * sizes).all()
    # The value lies between what both strategies secure, in extended precision.
    A = GAMES[RANDOM].astype(dtype).astype(np.longdouble)
    x, y = game.row[RANDOM].astype(np.longdouble), game.column[RANDOM].astype(np.longdouble)
    high = np.einsum("kij,kj->ki", A, y / y.sum(1, keepdims=True)).max(axis=1)
    low = np.einsum("kij,ki->kj", A, x / x.sum(1, keepdims=True)).min(axis=1)
    assert (high - low <= 50 * np.finfo(dtype).eps * sizes).all()
    assert (np.abs(game.value[RANDOM] - (high + low) / 2) <= tol * sizes).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strategies_and_exploitability_of_every_finite_game(dtype):
    """Degenerate games, scales from 1e-36 to 1e38, a large constant: ≤ 50·eps·max|A|."""
    game, eps = solved(dtype), np.finfo(dtype).eps
    assert (game.status[FINITE] == Status.CONVERGED).all()
    for strategies in (game.row[FINITE], game.column[FINITE]):
        assert (strategies >= 0).all()
        assert (np.abs(strategies.astype(float).sum(axis=1) - 1) <= 4 * eps).all()
    A = GAMES[FINITE].astype(dtype)
    sizes = np.abs(A).max(axis=(1, 2)).astype(float)
    gaps = game.exploitability[FINITE].astype(float)
    assert (np.abs(gaps) <= 50 * eps * sizes).all()
    measured = jax.jit(jax.vmap(exploitability))(A, game.row[FINITE], game.column[FINITE])
    np.testing.assert_array_less(
        np.abs(measured - gaps), 20 * eps * sizes + np.finfo(dtype).tiny * 4
    )


def test_degenerate_games_have_their_values():
    game = solved(np.float64)
    for i, (name, (A, value)) in enumerate(DEGENERATE.items(), COUNT):
        want = best_by_highs(A) if value is None else value
        tol = 1e-7 if value is None else 1e-13 * max(1.0, abs(want))
        assert abs(game.value[i] - want) <= tol, name
    fold = lambda strategy, k: [strategy[j::k].sum() for j in range(k)]
    rock, pennies = COUNT, COUNT + 1
    np.testing.assert_allclose(fold(game.row[rock], 3), 1 / 3, rtol=1e-14)
    np.testing.assert_allclose(fold(game.column[rock], 3), 1 / 3, rtol=1e-14)
    np.testing.assert_allclose(fold(game.row[pennies], 2), 1 / 2, rtol=1e-14)
    pure = COUNT + list(DEGENERATE).index("pure saddle point")
    assert game.row[pure].tolist() == [0, 1, 0, 0]
    assert max(game.column[pure][[1, 3]]) == pytest.approx(1, rel=1e-15)


def test_a_constant_costs_no_accuracy_and_scales_are_exact():
    game = solved(np.float64)
    shifted = COUNT + len(DEGENERATE) + len(SCALES)
    assert abs(game.exploitability[shifted]) <= 50 * np.finfo(float).eps * 4
    first = shifted - len(SCALES)
    for i, scale in enumerate(SCALES, first):
        np.testing.assert_allclose(game.row[i], game.row[first], rtol=1e-12)
        np.testing.assert_allclose(game.value[i] / scale, game.value[first] / 1e30, rtol=1e-12)


def test_lanes_that_are_not_finite_or_stopped():
    game = solved(np.float64)
    assert (game.status[BROKEN] == Status.NON_FINITE).all()
    assert game.converged[FINITE].all()
    for field in (game.value, game.row, game.column, game.exploitability):
        assert np.isnan(field[BROKEN]).all()
    assert (game.status[-1], game.num_steps[-1]) == (Status.MAX_STEPS, 0)
    assert game.row[-1].tolist() == [1 / M] * M
    assert game.exploitability[-1] == pytest.approx(PURE.mean(1).max() - PURE.mean(0).min())


def test_what_rounding_spoils_is_not_called_converged(monkeypatch):
    """The simplex is made to end with a wrong basis, or to find no pivot."""
    right, solve = matrix_games.simplex, solve_game.__wrapped__

    @jax.jit
    @jax.vmap
    def spoiled(A, status, shift):
        def simplex(*args, **settings):
            best = right(*args, **settings)
            return best._replace(x=best.x.at[0].add(shift), status=status)

        monkeypatch.setattr(matrix_games, "simplex", simplex)
        return solve(A)

    ends = np.array([Status.CONVERGED, Status.CONVERGED, Status.UNBOUNDED], np.int32)
    game = spoiled(np.stack([PENNIES] * 3), ends, np.array([0.0, 1e-9, 0.0]))
    stagnated = Status.STAGNATED
    assert game.status.tolist() == [Status.CONVERGED, stagnated, stagnated]
    assert 1e-10 < float(game.exploitability[1]) < 1e-8


def test_one_row_and_one_column():
    row, column = np.array([[3.0, -2.0, 5.0]]), np.array([[1.0], [4.0], [2.0]])
    one_row, one_column = jax.jit(lambda A, B: (solve_game(A), solve_game(B)))(row, column)
    assert (float(one_row.value), one_row.column.tolist()) == (-2.0, [0, 1, 0])
    assert (float(one_column.value), one_column.row.tolist()) == (4.0, [0, 1, 0])
    assert one_row.row.tolist() == one_column.column.tolist() == [1.0]


def test_derivative_of_the_value_is_the_product_of_the_strategies():
    """Closed form of a diagonal game, x yᵀ for games of full support, finite differences."""
    rng = np.random.default_rng(5)
    A = np.stack([np.eye(3) * 3 + rng.uniform(0, 1, (3, 3)), np.diag([1.0, 2, 3]) - 0.3])
    E, h = rng.normal(size=(2, 3, 3)), 1e-5

    def value(A):
        game = solve_game(A)
        return game.value, game

    @jax.jit
    @jax.vmap
    def derivatives(A, E):
        _, slope, game = jax.jvp(value, (A,), (E,), has_aux=True)
        return game, jax.grad(value, has_aux=True)(A)[0], slope

    many = np.stack([np.zeros((3, 3)), np.eye(3)[[0, 1, 1]]])  # games of many equilibria
    lanes = np.concatenate([A, A + h * E, A - h * E, many]), np.concatenate([E, E, E, E])
    game, gradient, slope = derivatives(*lanes)
    values = np.asarray(game.value)[:6]
    assert np.asarray(game.row)[:6].min() > 0.01
    assert np.asarray(game.column)[:6].min() > 0.01
    product = np.einsum("ki,kj->kij", game.row, game.column)
    np.testing.assert_allclose(gradient, product, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(slope, np.sum(product * lanes[1], axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(slope[:2], (values[2:4] - values[4:6]) / (2 * h), rtol=1e-7)
    # A diagonal game d has v = 1/Σ(1/dᵢ) and x = y = v/d; this one is shifted by −0.3.
    d = np.array([1.0, 2, 3])
    inverse = 1 / np.sum(1 / d)
    assert values[1] == pytest.approx(inverse - 0.3, rel=1e-14)
    np.testing.assert_allclose(game.row[1], inverse / d, rtol=1e-13)


def test_nash_gaps_by_hand():
    """The prisoners' dilemma, the battle of the sexes, and a zero-sum game."""
    dilemma = np.array([[-1.0, -3], [0, -2]])
    sexes, other = np.array([[3.0, 0], [0, 2]]), np.array([[2.0, 0], [0, 3]])
    cases = [  # A, B, x, y, gap
        (dilemma, dilemma.T, [0.0, 1], [0.0, 1], 0.0),
        (dilemma, dilemma.T, [1.0, 0], [1.0, 0], 1.0),
        (sexes, other, [0.6, 0.4], [0.4, 0.6], 0.0),
        (sexes, other, [1.0, 0], [0.0, 1], 3.0 - 1.0),
        (PENNIES, -PENNIES, [0.5, 0.5], [0.75, 0.25], 0.5),
    ]
    A, B, x, y, want = (np.stack(v) for v in zip(*cases, strict=True))
    gaps = jax.jit(jax.vmap(nash_gap))(A, B, x, y)
    np.testing.assert_allclose(gaps, want, atol=1e-15)
    # In a zero-sum game the two gains sum to the exploitability.
    x, y = np.array([0.9, 0.1]), np.array([0.3, 0.7])
    payoff = x @ PENNIES @ y
    gains = (PENNIES @ y).max() - payoff + payoff - (x @ PENNIES).min()
    assert float(exploitability(PENNIES, x, y)) == pytest.approx(gains, rel=1e-15)
    assert float(nash_gap(PENNIES, -PENNIES, x, y)) <= gains


def test_refusals():
    with pytest.raises(ValueError, match="`A` must have rank 2"):
        solve_game(jnp.ones(3))
    with pytest.raises(ValueError, match="`A` must have at least 1 elements"):
        solve_game(jnp.ones((0, 3)))
    with pytest.raises(ValueError, match="`max_steps` must be at least 0"):
        solve_game(jnp.eye(2), max_steps=-1)
    for dtype in (jnp.float16, jnp.bfloat16):
        with pytest.raises(TypeError, match="`A` must have single or double precision"):
            solve_game(jnp.eye(2, dtype=dtype))


def test_any_limit_on_pivots():
    A = jnp.array([[2.0, -1.0], [-1.0, 1.0]])
    full = solve_game(A, max_steps=2**31 - 1)
    assert full.status == Status.CONVERGED
    np.testing.assert_allclose(full.value, 0.2, rtol=1e-12)
