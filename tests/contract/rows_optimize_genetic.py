"""Rows of the genetic algorithm and its operators, with the same draws in the oracles."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row, key

CHOICE = NotDifferentiable("a random choice of members")
KEY = jax.random.key(0)
BAD_KEY = "argument `key` must be a random key"


def kind(size):
    """The floating dtype of a size in bytes: the draws are of the arguments' dtype."""
    return jnp.float32 if size == 4 else jnp.float64


def size_of(dtype):
    return jnp.asarray(jnp.dtype(dtype).itemsize)


def members(rng, dtype):
    return key(rng), jnp.asarray(rng.uniform(0.5, 4.0, 6), dtype), size_of(dtype)


def pair(rng, dtype):
    x, y = (jnp.asarray(rng.normal(size=5), dtype) for _ in range(2))
    return key(rng), x, y, size_of(dtype)


def genome(rng, dtype):
    return key(rng), jnp.asarray(rng.normal(size=5), dtype), size_of(dtype)


def without_size(fn, **settings):
    return lambda *args: fn(*args[:-1], **settings)


def tournament(key, values, size):
    entrants = np.asarray(jax.random.randint(key, (9, 3), 0, 6, jnp.int32))
    return np.array([min(row, key=lambda i: values[i]) for row in entrants])


def gumbel(key, weights, size):
    noise = np.asarray(jax.random.gumbel(key, (9, 6), kind(size)), np.float64)
    return np.argmax(np.log(weights) + noise, axis=1)


def by_rank(key, values, size):
    rank = np.array([np.sum(values < v) for v in values])
    return gumbel(key, 1.5 - 2 * 0.5 * rank / 5, size)


def one_point(key, x, y, size):
    cut = int(jax.random.randint(key, (), 1, 5, jnp.int32))
    return np.concatenate([x[:cut], y[cut:]]), np.concatenate([y[:cut], x[cut:]])


def uniform(key, x, y, size):
    swap = np.asarray(jax.random.bernoulli(key, 0.5, (5,)))
    return np.where(swap, y, x), np.where(swap, x, y)


def blend(key, x, y, size):
    t = np.asarray(jax.random.uniform(key, (2, 5), kind(size)), np.float64)
    low, high = np.minimum(x, y) - 0.5 * abs(x - y), np.maximum(x, y) + 0.5 * abs(x - y)
    return tuple((1 - t) * low + t * high)


def mutated(key, x, size):
    chosen, noise = jax.random.split(key)
    step = 0.1 * np.asarray(jax.random.normal(noise, (5,), kind(size)), np.float64)
    return np.where(np.asarray(jax.random.bernoulli(chosen, 0.5, (5,))), x + step, x)


def generations(rng, dtype):
    x, y = (jnp.asarray(rng.normal(size=(4, 2)), dtype) for _ in range(2))
    return x, jnp.sum(x**2, axis=1), y, jnp.sum(y**2, axis=1)


def elite(x, fx, y, fy):
    y, fy = y.copy(), fy.copy()
    for worst, best in zip(np.argsort(fy)[2:], np.argsort(fx)[:2], strict=True):
        y[worst], fy[worst] = x[best], fx[best]
    return y, fy


def grown(key, x, centre):
    """The best value of ten generations is no more than the first; the bits say how it went."""
    s = optimize.genetic_algorithm(
        key, lambda x, c: jnp.sum((x - c) ** 2), x, (centre,), max_steps=10
    )
    least = jnp.min(jnp.sum((x - centre[None, :]) ** 2, axis=1))
    return s.num_fun, jnp.sum((s.value - centre) ** 2) <= least, 0.0 * s.error


BAD_PAIR = (
    Bad((0, np.zeros(2), np.zeros(2)), BAD_KEY, TypeError),
    Bad((KEY, np.zeros(2), np.zeros(3)), "`y` must be like `x`"),
    Bad((KEY, np.zeros((2, 2)), np.zeros((2, 2))), "`x` must have rank 1"),
)
BAD_GENOME = (
    Bad((0, np.zeros(2, int)), BAD_KEY, TypeError),
    Bad((KEY, np.zeros(0, int)), "`x` must have at least 1 elements"),
)
BAD_VALUES = (
    Bad((0, np.zeros(2), 3), BAD_KEY, TypeError),
    Bad((KEY, np.zeros(0), 3), "must have at least 1 elements"),
    Bad((KEY, np.zeros(2), -1), "`num` must be at least 0"),
)

ROWS = [
    Row("optimize.tournament_selection", members, tournament, diff=CHOICE, bad=BAD_VALUES,
        call=lambda key, v, size: optimize.tournament_selection(key, v, 9, size=3)),
    Row("optimize.roulette_selection", members, gumbel, diff=CHOICE, bad=BAD_VALUES,
        call=lambda key, v, size: optimize.roulette_selection(key, v, 9)),
    Row("optimize.rank_selection", members, by_rank, diff=CHOICE, bad=BAD_VALUES,
        call=lambda key, v, size: optimize.rank_selection(key, v, 9)),
    Row("optimize.elitism", generations, elite, diff=(0, 1, 2, 3),
        call=lambda *args: optimize.elitism(*args, 2),
        bad=(Bad((np.zeros((3, 1)), np.zeros(2), np.zeros((2, 1)), np.zeros(2), 1),
                 "`population` must have the 2 rows of `values`"),
             Bad((np.zeros((2, 1)), np.zeros(2), np.zeros((2, 2)), np.zeros(2), 1),
                 "`children` must be like `population`"))),
    Row("optimize.one_point_crossover", pair, one_point, diff=(1, 2), bad=BAD_PAIR,
        call=without_size(optimize.one_point_crossover)),
    Row("optimize.uniform_crossover", pair, uniform, diff=(1, 2), bad=BAD_PAIR,
        call=without_size(optimize.uniform_crossover)),
    Row("optimize.blend_crossover", pair, blend, diff=(1, 2), bad=BAD_PAIR,
        call=without_size(optimize.blend_crossover)),
    Row("optimize.gaussian_mutation", genome, mutated, diff=(1,), bad=BAD_GENOME,
        call=without_size(optimize.gaussian_mutation, rate=0.5)),
    Row("optimize.bit_flip_mutation",
        lambda rng, dtype: (key(rng), jnp.asarray(rng.integers(0, 2, 7), jnp.int32)),
        lambda key, x: np.where(np.asarray(jax.random.bernoulli(key, 1 / 7, (7,))), 1 - x, x),
        diff=CHOICE,
        bad=(*BAD_GENOME, Bad((KEY, np.zeros(3)), "`x` must have an integer", TypeError))),
    Row("optimize.genetic_algorithm",
        lambda rng, dtype: (key(rng), *(jnp.asarray(rng.normal(size=s), dtype)
                                        for s in ((6, 2), (2,)))),
        lambda key, x, centre: (np.int32(66), np.bool_(True), 0.0), diff=CHOICE, call=grown,
        bad=(Bad((0, jnp.sum, np.zeros((4, 2))), BAD_KEY, TypeError),
             Bad((KEY, jnp.sum, np.zeros(4)), "`population` must have shape")),
        note="ten generations; one of them by hand is in the tests"),
]  # fmt: skip
