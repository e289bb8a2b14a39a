"""Rows of the evolution strategies: two generations on given normal draws, against loops."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from jaxmath.optimize import natural_evolution as nes
from jaxmath.optimize._evolve import evaluator
from jaxmath.optimize.cma_es import _advance as cma_generation
from jaxmath.optimize.cma_es import _rates, _root
from jaxmath.optimize.evolution_strategy import _advance as es_generation
from tests.contract.row import Bad, NotDifferentiable, Row
from tests.optimize import evolution_loops as loops

RANKS = NotDifferentiable("a function of ranks, in a while_loop: reverse mode is refused by jax")
N, SIZE, MU = 3, 6, 2


def bowl(x):
    return jnp.sum(jnp.asarray([1.0, 2.0, 4.0], x.dtype) * x**2)


EVALUATE = evaluator(bowl, lambda x: x, ())


def draws(rng, dtype):
    """A start, and the numbers of two generations; the second is off the mean, so that h_σ = 0."""
    x0 = jnp.asarray(rng.uniform(0.5, 1.5, N), dtype)
    Z = rng.normal(size=(2, SIZE, N)) + np.array([0.0, -1.7])[:, None, None]
    return x0, jnp.asarray(Z, dtype)


def cma(x0, Z):
    """m, σ²C, p_σ and σp_c: what does not depend on how the scale is shared by σ and C."""
    state = optimize.cma_es_init(bowl, x0, 0.5, population_size=SIZE)
    for z in Z:
        state = cma_generation(EVALUATE, state, z, _rates(N, SIZE, True))
    root = _root(state, jnp.eye(N, dtype=x0.dtype), 1) * state.sigma
    return state.mean, root @ state.K @ root, state.path_sigma, state.path_c * state.sigma


def xnes(x0, Z):
    """m and σ²BBᵀ."""
    state = optimize.xnes_init(bowl, x0, 0.5, population_size=SIZE)
    for z in Z:
        state = nes._xnes_advance(EVALUATE, state, z)
    A = state.sigma * state.B
    return state.mean, A @ A.T


def snes(x0, Z):
    state = optimize.snes_init(bowl, x0, 0.5, population_size=SIZE)
    for z in Z:
        state = nes._snes_advance(EVALUATE, state, z)
    return state.mean, state.sigma


def children(rng, dtype):
    """As ``draws``, with a number for σ, and the parent of each child."""
    x0, _ = draws(rng, dtype)
    Z = jnp.asarray(rng.normal(size=(2, SIZE, 1 + N)), dtype)
    return x0, Z, jnp.asarray(rng.integers(0, MU, (2, SIZE)), jnp.int32)


def evolution_strategy(x0, Z, which):
    state = optimize.evolution_strategy_init(
        bowl, x0, 0.5, num_parents=MU, population_size=SIZE
    )  # fmt: skip
    for z, p in zip(Z, which, strict=True):
        state = es_generation(EVALUATE, state, (p, z[:, 0], z[:, 1:]))
    return state.parents, state.sigma


KEY = jax.random.key(0)
BAD = (
    Bad((0, bowl, np.ones(N), 0.5), "`key` must be a random key", TypeError),
    Bad((KEY, bowl, np.zeros(0), 0.5), "`x0` must have at least 1 elements"),
    Bad((KEY, bowl, np.ones(N), np.ones(N)), r"`sigma` must have shape \(\), got \(3,\)"),
    Bad((KEY, lambda x: x, np.ones(N), 0.5), r"`fun` must return a scalar, got shape \(3,\)"),
)


def row(generations, oracle, make=draws):
    return Row(f"optimize.{generations.__name__}", make, oracle, diff=RANKS, bad=BAD,
               call=generations, tol=128.0)  # fmt: skip


ROWS = [
    row(xnes, loops.xnes),
    row(snes, loops.snes),
    row(evolution_strategy, lambda *args: loops.evolution_strategy(*args, MU), children),
    Row("optimize.cma_es", draws, loops.cma, diff=RANKS, bad=BAD, call=cma, tol=128.0),
]
