"""The operators of a genetic algorithm against their exact distributions, at 5 standard errors."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize

N = 20_000
KEY = jax.random.key(4)
VALUES = np.array([3.0, 1.0, np.nan, 2.0, 1.5])


def within(share, want, n):
    """Whether shares of n draws are those wanted, at 5 standard errors; exactly where 0 or 1."""
    share, want = np.asarray(share), np.asarray(want)
    return (np.abs(share - want) <= 5 * np.sqrt(want * (1 - want) / n) + 1e-12).all()


def shares(indices, p):
    return np.bincount(indices, minlength=p) / len(indices)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tournament(size):
    """All 5ᵏ line-ups enumerated, and the formula for the j-th best."""
    draws = optimize.tournament_selection(KEY, VALUES, N, size=size)
    order = np.argsort(np.where(np.isnan(VALUES), np.inf, VALUES))
    rank = np.argsort(order)
    want = np.zeros(5)
    for entrants in itertools.product(range(5), repeat=size):
        want[min(entrants, key=lambda i: rank[i])] += 1 / 5**size
    j = np.arange(1, 6)
    np.testing.assert_allclose(want[order], ((6 - j) ** size - (5 - j) ** size) / 5**size)
    assert within(shares(draws, 5), want, N)


def test_roulette():
    fitness = np.array([0.0, 1.0, 3.0, np.nan, 0.5, -2.0])
    want = np.array([0.0, 1.0, 3.0, 0.0, 0.5, 0.0]) / 4.5
    for scale in (1.0, 1e-300, 1e300):
        assert within(shares(optimize.roulette_selection(KEY, scale * fitness, N), 6), want, N)
    nothing = optimize.roulette_selection(KEY, np.array([0.0, np.nan, -1.0]), N)
    assert within(shares(nothing, 3), np.full(3, 1 / 3), N)
    assert optimize.roulette_selection(KEY, fitness, 0).shape == (0,)


@pytest.mark.parametrize("pressure", [1.0, 1.3, 2.0])
def test_rank(pressure):
    """The best has s children of p, the worst 2 − s; NaN is the worst; scales do not matter."""
    draws = optimize.rank_selection(KEY, VALUES, N, pressure=pressure)
    rank = np.array([3, 0, 4, 2, 1])
    want = (pressure - 2 * (pressure - 1) * rank / 4) / 5
    np.testing.assert_allclose([want.sum(), 5 * want.max(), 5 * want.min()],
                               [1.0, pressure, 2 - pressure])  # fmt: skip
    assert within(shares(draws, 5), want, N)
    again = optimize.rank_selection(KEY, np.exp(50 * VALUES), N, pressure=pressure)
    np.testing.assert_array_equal(draws, again)
    assert (optimize.rank_selection(KEY, np.array([7.0]), 3) == 0).all()


def test_elitism():
    x, y = np.arange(10.0).reshape(5, 2), 100 + np.arange(10.0).reshape(5, 2)
    fx, fy = VALUES, np.array([0.5, np.nan, 9.0, 0.1, 4.0])
    for num in range(6):
        population, values = optimize.elitism(x, fx, y, fy, num)
        best = np.argsort(fx)[:num]  # NumPy sorts NaN last too
        kept = np.argsort(fy)[: 5 - num]
        want = {tuple(row) for row in [*x[best], *y[kept]]}
        assert {tuple(row) for row in np.asarray(population)} == want
        np.testing.assert_array_equal(np.sort(values), np.sort([*fx[best], *fy[kept]]))
        if num:
            assert np.nanmin(values) == min(np.nanmin(fx), np.nanmin(fy[kept], initial=np.inf))
    bits = np.array([[True, False], [False, False]])
    kept, _ = optimize.elitism(bits, np.array([0.0, 1.0]), ~bits, np.array([2.0, 3.0]), 1)
    np.testing.assert_array_equal(kept, [[False, True], [True, False]])


def test_one_point_crossover():
    """Every cut is as likely; the children are complementary; any dtype."""
    x, y = np.arange(5), 10 + np.arange(5)
    cross = jax.jit(jax.vmap(optimize.one_point_crossover, in_axes=(0, None, None)))
    u, v = cross(jax.random.split(KEY, N), x, y)
    np.testing.assert_array_equal(u + v, np.broadcast_to(x + y, (N, 5)))
    cut = np.sum(np.asarray(u) < 10, axis=1)
    np.testing.assert_array_equal(np.asarray(u) < 10, np.arange(5)[None, :] < cut[:, None])
    assert within(shares(cut, 6), [0, 0.25, 0.25, 0.25, 0.25, 0], N)
    one, other = optimize.one_point_crossover(KEY, np.array([True]), np.array([False]))
    assert (bool(one[0]), bool(other[0])) == (True, False)


@pytest.mark.parametrize("rate", [0.5, 0.2])
def test_uniform_crossover(rate):
    x, y = np.arange(4.0), 10 + np.arange(4.0)
    cross = jax.jit(jax.vmap(lambda k: optimize.uniform_crossover(k, x, y, rate=rate)))
    u, v = (np.asarray(child) for child in cross(jax.random.split(KEY, N)))
    np.testing.assert_array_equal(u + v, np.broadcast_to(x + y, (N, 4)))
    swapped = u >= 10
    patterns = shares(swapped @ [1, 2, 4, 8], 16)
    ones = np.array([bin(i).count("1") for i in range(16)])
    assert within(patterns, rate**ones * (1 - rate) ** (4 - ones), N)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_blend_crossover(alpha):
    """Uniform on the widened interval: its ends, deciles and independence."""
    x, y = np.array([1.0, 5.0, 2.0]), np.array([3.0, 4.0, 2.0])
    cross = jax.jit(jax.vmap(lambda k: optimize.blend_crossover(k, x, y, alpha=alpha)))
    u, v = (np.asarray(child) for child in cross(jax.random.split(KEY, N)))
    low, width = np.minimum(x, y) - alpha * np.abs(x - y), (1 + 2 * alpha) * np.abs(x - y)
    np.testing.assert_array_equal(u[:, 2], 2.0)
    t = np.concatenate([(u - low)[:, :2] / width[:2], (v - low)[:, :2] / width[:2]], axis=1)
    assert -1e-12 <= t.min() < 1e-3
    assert 1 - 1e-3 < t.max() <= 1 + 1e-12
    for column in t.T:
        assert within(np.histogram(column, bins=10, range=(0, 1))[0] / N, np.full(10, 0.1), N)
    correlations = np.corrcoef(t.T)[np.triu_indices(4, 1)]
    assert (np.abs(correlations) <= 5 / np.sqrt(N)).all()


def test_gaussian_mutation():
    x, sigma = np.array([1.0, -2.0, 3.0, 0.0]), np.array([0.1, 1.0, 10.0, 0.5])
    mutate = jax.jit(jax.vmap(lambda k: optimize.gaussian_mutation(k, x, sigma=sigma)))
    step = (np.asarray(mutate(jax.random.split(KEY, N))) - x) / sigma
    moved = step != 0
    assert within(moved.mean(axis=0), np.full(4, 0.25), N)  # the default, 1/n
    for j in range(4):
        draws = step[moved[:, j], j]
        for power, moment, variance in ((1, 0, 1), (2, 1, 2), (4, 3, 96)):
            assert abs(np.mean(draws**power) - moment) <= 5 * np.sqrt(variance / len(draws))
    assert np.abs(np.corrcoef(step.T)[np.triu_indices(4, 1)]).max() <= 5 / np.sqrt(N)


def test_bit_flip_mutation():
    x = np.array([0, 1, 1])
    mutate = lambda rate, x: jax.vmap(lambda k: optimize.bit_flip_mutation(k, x, rate=rate))
    flips = np.asarray(jax.jit(mutate(0.3, x))(jax.random.split(KEY, N))) != x
    ones = np.array([bin(i).count("1") for i in range(8)])
    assert within(shares(flips @ [1, 2, 4], 8), 0.3**ones * 0.7 ** (3 - ones), N)
    booleans = optimize.bit_flip_mutation(KEY, x.astype(bool), rate=1.0)
    assert booleans.dtype == bool
    np.testing.assert_array_equal(booleans, x == 0)
    small = optimize.bit_flip_mutation(KEY, x.astype(np.uint8), rate=1.0)
    assert small.dtype == np.uint8
    np.testing.assert_array_equal(small, 1 - x)
    # No bit, but no negative number of its own either.
    other = optimize.bit_flip_mutation(KEY, np.array([0, 1, 5]), rate=1.0)
    np.testing.assert_array_equal(other, [1, 0, 0])
    with pytest.raises(TypeError, match="bit_flip_mutation: argument `x` must be an array"):
        optimize.bit_flip_mutation(KEY, "abc")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_draws_in_half_precision(dtype):
    """bfloat16 itself has 128 numbers to draw from, which tie, and no normal one beyond 2.6."""
    n, like = 10 * N, jnp.ones(64, dtype)
    same = optimize.roulette_selection(KEY, like, n)
    ranked = optimize.rank_selection(KEY, jnp.cumsum(like), n, pressure=1.0)
    for draws in (same, ranked):
        assert within(shares(draws, 64), np.full(64, 1 / 64), n)
    noise = optimize.gaussian_mutation(KEY, jnp.zeros(n, dtype), sigma=1.0, rate=1.0)
    assert noise.dtype == dtype
    assert jnp.max(jnp.abs(noise)) > 3.8


def test_counts_are_static():
    values, x = jnp.ones(4), jnp.ones((4, 2))
    for call in (
        lambda num: optimize.tournament_selection(KEY, values, num),
        lambda num: optimize.roulette_selection(KEY, values, num),
        lambda num: optimize.rank_selection(KEY, values, num),
        lambda num: optimize.elitism(x, values, x, values, num),
    ):
        with pytest.raises(TypeError, match="argument `num` must be a Python integer"):
            jax.jit(call)(2)


def test_infinite_fitness_is_all_of_it():
    fitness = jnp.array([jnp.inf, 1.0, jnp.inf])
    counts = np.bincount(optimize.roulette_selection(jax.random.key(0), fitness, 10_000))
    np.testing.assert_allclose(counts[[0, 2]], 5000, atol=300)
    assert counts[1] == 0


def test_settings_of_variation_are_refused_by_name():
    key, x = jax.random.key(0), jnp.ones(3)
    for sigma in (-1.0, jnp.nan):
        with pytest.raises(ValueError, match="argument `sigma` must be at least 0"):
            optimize.gaussian_mutation(key, x, sigma=sigma)
    for rate in (jnp.ones(3), jnp.ones(2)):
        with pytest.raises(ValueError, match="argument `rate` must have rank 0"):
            optimize.uniform_crossover(key, x, x, rate=rate)
