"""A step that counts: params goes up by ``rate``, so that the engine's books can be kept by hand.

It is no TrainState, so it also shows that the engine takes any.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Toy(NamedTuple):
    params: Any
    start: Any  # infinite from the start, as some optimizers' states are
    rate: Any
    bad_loss: Any  # the loss is NaN at this step
    bad_state: Any  # the state is NaN after this step
    steps: Any


def toy(rate=1.0, bad_loss=-1, bad_state=-1) -> Toy:
    params = {"w": jnp.zeros(2)}
    return Toy(params, jnp.inf, jnp.asarray(rate), *map(jnp.int32, (bad_loss, bad_state, 0)))


def step(state: Toy, batch, key) -> tuple[Toy, dict]:
    w = state.params["w"]
    loss = jnp.where(state.steps == state.bad_loss, jnp.nan, w[0])
    w = jnp.where(state.steps == state.bad_state, jnp.inf, w + state.rate)
    return state._replace(params={"w": w}, steps=state.steps + 1), {
        "loss": loss,
        "sum": jnp.sum(batch.weight * batch.x),
    }


def eval_fn(state: Toy, batch) -> dict:
    """The loss |w − 8| at every example."""
    return {"loss": jnp.abs(state.params["w"][0] - 8.0) + 0.0 * batch.x}


DATA = (np.arange(10.0), np.zeros(10))  # 3 steps an epoch with batches of 4
KEY = jax.random.key(0)
