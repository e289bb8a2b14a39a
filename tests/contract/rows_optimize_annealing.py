"""Rows of simulated annealing, its acceptance rule and its cooling schedules."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row, Singular, key

LOOP = NotDifferentiable("a while_loop over random choices")


def schedule_args(*ranges):
    def make(rng, dtype):
        step = jnp.asarray(rng.integers(1, 20), jnp.int32)
        return step, *(jnp.asarray(rng.uniform(*r), dtype) for r in ranges)

    return make


BAD_SCHEDULE = (Bad((np.zeros(2), 1.0), "argument `step` must have rank 0"),)


def move(rng, dtype):
    """A key, a rise and a temperature; and the dtype's size, for the oracle's own draw."""
    delta, temperature = (jnp.asarray(rng.uniform(0.1, 2.0), dtype) for _ in range(2))
    return key(rng), delta, temperature, jnp.asarray(jnp.dtype(dtype).itemsize)


def accepted(key, delta, temperature, size):
    u = np.float64(jax.random.uniform(key, (), jnp.float32 if size == 4 else jnp.float64))
    return delta <= 0 or u < np.exp(-delta / temperature)


def annealed(key, x0, size):
    """Five steps on |x|², as the best and the last point."""
    del size
    f = lambda x: jnp.sum(x**2)
    state = optimize.simulated_annealing_init(f, x0)
    for k in jax.random.split(key, 5):
        state = optimize.simulated_annealing_step(k, f, state)
    return state.best, state.x, state.temperature


def chain(key, x0, size):
    """The same five, in a loop with the same draws."""
    dtype = jnp.float32 if size == 4 else jnp.float64
    x, best = x0, x0
    for k, use in enumerate(jax.random.split(key, 5)):
        move, coin = jax.random.split(use)
        y = x + np.float64(jax.random.normal(move, x0.shape, dtype))
        temperature = 0.999**k
        if np.sum(y**2) < np.sum(best**2):
            best = y
        rise = np.sum(y**2) - np.sum(x**2)
        if rise <= 0 or np.float64(jax.random.uniform(coin, (), dtype)) < np.exp(
            -rise / temperature
        ):
            x = y
    return best, x, np.float64(temperature)


def start(rng, dtype):
    x0 = jnp.asarray(rng.uniform(1.0, 2.0, 2), dtype)
    return key(rng), x0, jnp.asarray(jnp.dtype(dtype).itemsize)


def waves(x, centre):
    """Many minima; the global one, of value 0, at the centre."""
    t = x - centre
    return jnp.sum(t**2 + 2.0 * jnp.sin(4.0 * t) ** 2)


def far(rng, dtype):
    centre = rng.uniform(-1.0, 1.0, 1)
    return key(rng), *(jnp.asarray(v, dtype) for v in (centre + 1.5, centre))


ROWS = [
    Row("optimize.exponential_cooling", schedule_args((1.0, 9.0), (0.5, 0.99)),
        lambda k, T, r: T * r ** float(k), diff=(1, 2), bad=BAD_SCHEDULE, tol=64.0),
    Row("optimize.linear_cooling", schedule_args((1.0, 9.0), (20.0, 30.0)),
        lambda k, T, K: T * (1 - k / K), diff=(1, 2), bad=BAD_SCHEDULE,
        singular=(Singular((3, 1.0, 3.0), 0.0),)),
    Row("optimize.logarithmic_cooling", schedule_args((1.0, 9.0)),
        lambda k, T: T / np.log2(k + 2.0), diff=(1,), bad=BAD_SCHEDULE),
    Row("optimize.metropolis_accept", move, accepted,
        diff=NotDifferentiable("a random choice"),
        call=lambda key, delta, temperature, size: optimize.metropolis_accept(
            key, delta, temperature),
        bad=(Bad((0, 1.0, 1.0), "argument `key` must be a random key", TypeError),)),
    Row("optimize.simulated_annealing", start, chain, diff=LOOP, call=annealed,
        bad=(Bad((0, jnp.sum, np.zeros(2)), "argument `key` must be a random key", TypeError),
             Bad((jax.random.key(0), lambda x: x, np.zeros(2)), "`fun` must return a scalar"),
             Bad((jax.random.key(0), jnp.sum, np.zeros(2, complex)), "`x0` must", TypeError)),
        note="five steps; the solver's end is in the tests"),
    Row("optimize.basin_hopping", far, lambda key, x0, centre: centre, diff=LOOP, tol=2**12,
        call=lambda key, x0, centre: optimize.basin_hopping(
            key, waves, x0, (centre,), step_size=1.0, patience=20, max_steps=40).value,
        bad=(Bad((0, jnp.sum, np.zeros(2)), "argument `key` must be a random key", TypeError),
             Bad((jax.random.key(0), jnp.sum, np.zeros(0)), "`x0` must have at least 1")),
        note="the local minimizer's tolerance is eps^(2/3)"),
]  # fmt: skip
