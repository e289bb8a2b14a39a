"""Rows of the evolution strategies: two generations on given normal draws, against loops."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from jaxmath.optimize import _population as population
from jaxmath.optimize.cma_es import _advance, _rates, _root
from tests.contract.row import Bad, NotDifferentiable, Row, key
from tests.optimize import evolution_loops as loops

RANKS = NotDifferentiable("a function of ranks, in a while_loop: reverse mode is refused by jax")
N, SIZE = 3, 6


def bowl(x):
    return jnp.sum(jnp.asarray([1.0, 2.0, 4.0], x.dtype) * x**2)


def draws(rng, dtype):
    """A key, a start, and the normal numbers of two generations."""
    x0 = jnp.asarray(rng.uniform(0.5, 1.5, N), dtype)
    return key(rng), x0, jnp.asarray(rng.normal(size=(2, SIZE, N)), dtype)


EVALUATE = population.evaluator(bowl, lambda x: x, ())


def cma_generations(key, x0, Z):
    """m, σ²C, p_σ and σp_c: what does not depend on how the scale is shared by σ and C."""
    del key
    state = optimize.cma_es_init(bowl, x0, 0.5, population_size=SIZE)
    rates = _rates(N, SIZE, True)
    for z in Z:
        state = _advance(EVALUATE, state, z, rates)
    root = _root(state, jnp.eye(N, dtype=x0.dtype), 1) * state.sigma
    return state.mean, root @ state.K @ root, state.path_sigma, state.path_c * state.sigma


KEY = jax.random.key(0)
BAD = (
    Bad((0, bowl, np.ones(N), 0.5), "`key` must be a random key", TypeError),
    Bad((KEY, bowl, np.zeros(0), 0.5), "`x0` must have at least 1 elements"),
    Bad((KEY, bowl, np.ones(N), np.ones(N)), r"`sigma` must have shape \(\), got \(3,\)"),
    Bad((KEY, lambda x: x, np.ones(N), 0.5), r"`fun` must return a scalar, got shape \(3,\)"),
)


ROWS = [
    Row("optimize.cma_es", draws, lambda key, x0, Z: loops.cma(x0, Z), diff=RANKS,
        call=cma_generations, bad=BAD, tol=128.0),
]  # fmt: skip
