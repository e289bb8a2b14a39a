"""From a recipe's model to what ``fit`` runs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from jaxmath import nn
from jaxmath.train.recipe import Model
from jaxmath.train.state import TrainState, init_state
from jaxmath.train.step import Batch, Step, supervised_eval, supervised_step
from jaxmath.typing import Array

__all__ = ["Trainer", "make_trainer"]


class Trainer(NamedTuple):
    """The pieces that the engine runs.

    Args:
      step: for ``fit``.
      eval_fn: for ``fit`` and ``evaluate``; None where nothing is held out.
      start: ``start(seed)`` is the state of a run before its first step; under vmap, an ensemble's.

    Example:
      >>> Trainer._fields
      ('step', 'eval_fn', 'start')
    """

    step: Step
    eval_fn: Callable | None
    start: Callable[[Any], Any]


def make_trainer(
    model: Model,
    *,
    num_steps: int,
    learning_rate: float,
    weight_decay: float,
    compute_dtype: Any = None,
) -> Trainer:
    """The trainer of a model: its own, or AdamW, whose rate a cosine brings to 0.

    Args:
      model: the model, from a recipe's ``make``.
      num_steps: steps of the whole run.
      learning_rate: at the start.
      weight_decay: decoupled, of weights but not of biases and norms (``nn.decay_mask``).
      compute_dtype: as in ``supervised_step``.

    Returns:
      A Trainer.

    Example:
      >>> from jaxmath import datasets, train
      >>> model = train.RECIPES["softmax"].make(datasets.iris())
      >>> trainer = make_trainer(model, num_steps=10, learning_rate=0.1, weight_decay=0.0)
      >>> int(trainer.start(0).step)
      0

    References:
      I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", 2019;
      "SGDR: stochastic gradient descent with warm restarts", 2017, equation 5, without restarts.
    """
    if model.trainer is not None:
        return model.trainer(
            num_steps=num_steps,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            compute_dtype=compute_dtype,
        )
    schedule = optax.cosine_decay_schedule(learning_rate, num_steps)
    optimizer = optax.adamw(schedule, weight_decay=weight_decay, mask=nn.decay_mask)
    if model.clip is not None:
        optimizer = optax.chain(optax.clip_by_global_norm(model.clip), optimizer)
    common = {"metrics": model.metrics, "compute_dtype": compute_dtype}

    def start(seed: Array | int) -> TrainState:
        init_key, run_key = jax.random.split(jax.random.key(seed))
        return init_state(run_key, *model.init(init_key), optimizer=optimizer)

    step = supervised_step(model.train_fn, model.loss, optimizer, **common)
    eval_fn = supervised_eval(model.apply_fn, model.loss, **common)
    pair = model.pair
    if pair is None:
        return Trainer(step, eval_fn, start)
    paired = lambda batch: Batch(*pair(batch.x, batch.y), batch.weight)
    return Trainer(
        lambda state, batch, key: step(state, paired(batch), key),
        lambda state, batch: eval_fn(state, paired(batch)),
        start,
    )
