"""Rows of differential evolution and particle swarms."""

import jax.numpy as jnp
import numpy as np

from jaxmath import optimize
from tests.contract.row import Bad, NotDifferentiable, Row, key

LOOP = NotDifferentiable("a while_loop over random draws: it is not a smooth function of them")
KEY = "argument `key` must be a random key"


def bowl(x, centre):
    """Least at the centre, with the value 0 there: a population shrinks to the last digit."""
    return jnp.sum((x - centre) ** 2)


def draw(rng, dtype):
    return key(rng), jnp.asarray(rng.uniform(0.2, 0.8, 2), dtype)


def row(name, **settings):
    method = getattr(optimize, name)

    def call(key, centre):
        box = jnp.zeros_like(centre), jnp.ones_like(centre)
        return method(key, bowl, *box, (centre,), **settings).value

    box = np.zeros(2), np.ones(2)
    bad = (
        Bad((0, bowl, *box, (0.5,)), KEY, TypeError),
        Bad(("key", bowl, *box, (0.5,)), KEY, TypeError),
        Bad((0, bowl, np.zeros(2), np.ones(3), (0.5,)), r"`upper` must have shape \(2,\), got"),
    )
    # The lanes of a batch and a lane alone end at the rounding of the bounds, which is 1.
    return Row(f"optimize.{name}", draw, lambda key, centre: centre, diff=LOOP, bad=bad,
               call=call, tol=32.0)  # fmt: skip


ROWS = [
    row("differential_evolution", population_size=12),
    row("particle_swarm", num_particles=8),
]
