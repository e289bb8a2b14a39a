"""How to train each model: its adapter, its hyper-parameters, the values they start from.

A new model is one function and one entry of ``RECIPES``: ``scripts/train.py`` then trains it.
"""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxmath.datasets import Dataset
from jaxmath.train.step import adapt
from jaxmath.typing import Array, PyTree

__all__ = ["RECIPES", "Model", "Recipe"]


class Model(NamedTuple):
    """A model of one configuration, as the engine takes it.

    Args:
      config: the configuration; its ``repr`` goes into the checkpoints.
      init: ``init(key) -> (params, model_state)``, in float32.
      train_fn: as ``supervised_step`` takes it.
      apply_fn: as ``supervised_eval`` takes it; an example is a row of the data set.

    Example:
      >>> from jaxmath import datasets
      >>> model = RECIPES["softmax"].make(datasets.iris())
      >>> params, model_state = model.init(jax.random.key(0))
      >>> model.apply_fn(params, model_state, jnp.zeros(4)).shape
      (3,)
    """

    config: Any
    init: Callable[[Array], tuple[PyTree, PyTree]]
    train_fn: Callable
    apply_fn: Callable


class Recipe(NamedTuple):
    """A kind of model with the hyper-parameters that it takes.

    Args:
      summary: what it is, in a line.
      make: ``make(dataset, **options) -> Model``, the sizes of input and output from the data.
      options: what ``make`` takes beside the data, with defaults.
      training: epochs, learning_rate and weight_decay to start from.

    Example:
      >>> recipe = RECIPES["mlp"]
      >>> sorted(recipe.options), sorted(recipe.training)
      (['activation', 'dropout', 'hidden'], ['epochs', 'learning_rate', 'weight_decay'])
    """

    summary: str
    make: Callable[..., Model]
    options: Mapping[str, Any]
    training: Mapping[str, float]


def _perceptron(
    dataset: Dataset, hidden: tuple[int, ...], activation: str, dropout: float
) -> Model:
    # Here, for whoever imports the engine need not load every model.
    from jaxmath.models import mlp

    config = mlp.Config(
        (dataset.x.shape[1], *hidden, dataset.num_classes), activation, dropout=dropout
    )

    def train_fn(key: Array, params: PyTree, model_state: PyTree, x: Array, axis_name: str) -> Any:
        return mlp.train(key, params, x, config=config), model_state

    return Model(
        config,
        init=lambda key: (mlp.init(key, config, dtype=jnp.float32), ()),
        train_fn=train_fn,
        apply_fn=adapt(lambda params, x: mlp.apply(params, x, config=config))[1],
    )


def _mlp(
    dataset: Dataset,
    hidden: tuple[int, ...] = (256, 256),
    activation: str = "gelu",
    dropout: float = 0.4,
) -> Model:
    return _perceptron(dataset, hidden, activation, dropout)


def _softmax(dataset: Dataset) -> Model:
    return _perceptron(dataset, (), "identity", 0.0)


def _recipe(summary: str, make: Callable[..., Model], **training: float) -> Recipe:
    """The options are the arguments of ``make`` that have defaults."""
    parameters = inspect.signature(make).parameters.values()
    options = {p.name: p.default for p in parameters if p.default is not p.empty}
    return Recipe(summary, make, MappingProxyType(options), MappingProxyType(training))


RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "mlp": _recipe(
        "multilayer perceptron", _mlp, epochs=60, learning_rate=2e-3, weight_decay=1e-2
    ),
    "softmax": _recipe(
        "softmax regression", _softmax, epochs=100, learning_rate=2e-2, weight_decay=0.1
    ),
})  # fmt: skip
