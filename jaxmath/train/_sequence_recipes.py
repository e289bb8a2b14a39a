"""How to train the recurrent networks: to tell sequences apart, or to say what comes next."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.datasets import Dataset
from jaxmath.train.options import Option
from jaxmath.train.recipe import Model, Recipe
from jaxmath.train.series import SERIES
from jaxmath.train.text import TEXT
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


def _next_loss(logits: Array, targets: Array) -> Array:
    """The mean cross-entropy of a sequence's symbols, in nats."""
    return jnp.mean(jax.vmap(nn.softmax_cross_entropy)(logits, targets))


def _bits(logits: Array, targets: Array) -> Array:
    return _next_loss(logits, targets) / math.log(2.0)


def _mean_squares(y: Array, target: Array) -> Array:
    return jnp.mean(jnp.square(y - target))


def _question(dataset: Dataset) -> tuple[int, int, str, Callable, dict[str, Any]]:
    """Sizes of input and output, the network's task, how an example becomes a sequence, the loss.

    Symbols and values with a target at each step are continued, all other examples told apart: of
    an image the steps are its rows, of other features the features themselves.
    """
    k = dataset.num_classes
    if np.issubdtype(dataset.x.dtype, np.integer):
        one_hot = partial(jax.nn.one_hot, num_classes=k, dtype=jnp.float32)
        measures = {"loss": _next_loss, "metrics": {"bits_per_character": _bits}}
        return k, k, "many_to_many", one_hot, measures
    if not k:
        measures = {"loss": _mean_squares, "metrics": {"squared_error": _mean_squares}}
        return dataset.x.shape[2], dataset.y.shape[2], "many_to_many", lambda x: x, measures
    shape = dataset.image_shape or (*dataset.x.shape[1:], 1)
    size = math.prod(shape[1:])
    return size, k, "many_to_one", lambda x: x.reshape(shape[0], size), {}


def _recurrent(
    cell: str, dataset: Dataset, hidden: tuple[int, ...], directions: int, dropout: float,
    length: int,
) -> Model:  # fmt: skip
    from jaxmath.models import rnn

    size, outputs, task, sequence, measures = _question(dataset)
    if directions == 2 and task == "many_to_many":
        raise ValueError("--directions 2 would see what it shall say: it is for classes only")
    x = jnp.asarray(dataset.x[0])
    config = rnn.Config((size, *hidden, outputs), cell, task, directions == 2, float(dropout))

    def train_fn(key: Array, params: PyTree, model_state: PyTree, x: Array, axis_name: str) -> Any:
        return rnn.train(key, params, sequence(x), config=config), model_state

    model = Model(
        config,
        init=lambda key: (rnn.init(key, config, dtype=jnp.float32), ()),
        train_fn=train_fn,
        apply_fn=lambda params, model_state, x: rnn.apply(params, sequence(x), config=config),
        clip=1.0,
        **measures,
    )
    # Sizes that do not fit are told here, before a run is begun.
    jax.eval_shape(lambda key, x: model.apply_fn(*model.init(key), x), jax.random.key(0), x)
    return model


_OPTIONS = {
    "hidden": Option(int, (128,), "sizes of the hidden layers", low=1),
    "directions": Option(int, 1, "2 reads sequences from their end too", choices=(1, 2)),
    "dropout": Option(float, 0.0, "share of hidden units dropped", low=0.0, high=1.0),
    "length": Option(int, 64, "steps of a piece of text, or of a series", low=2),
}


def _recipe(summary: str, cell: str, learning_rate: float) -> Recipe:
    def make(
        dataset: Dataset, hidden: tuple[int, ...], directions: int, dropout: float, length: int
    ) -> Model:
        return _recurrent(cell, dataset, hidden, directions, dropout, length)

    return Recipe(
        summary,
        make,
        training={"epochs": 20, "learning_rate": learning_rate, "weight_decay": 1e-2},
        options=_OPTIONS,
        dataset="mnist_5k",
        tasks=(TEXT, SERIES),
    )


SEQUENCE_RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "rnn": _recipe("recurrent network of Elman's cells", "elman", 1e-3),
    "lstm": _recipe("long short-term memory", "lstm", 5e-3),
    "gru": _recipe("gated recurrent units", "gru", 5e-3),
    "clockwork": _recipe("clockwork network", "clockwork", 2e-3),
})  # fmt: skip
