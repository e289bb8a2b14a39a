"""How to train each model.

A new model is a function and an entry of ``RECIPES``: ``scripts/train.py`` then trains it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax.numpy as jnp

from jaxmath.datasets import Dataset
from jaxmath.train._generative_recipes import GENERATIVE_RECIPES
from jaxmath.train._image_recipes import IMAGE_RECIPES
from jaxmath.train._sequence_recipes import SEQUENCE_RECIPES
from jaxmath.train.options import Option
from jaxmath.train.recipe import Model, Recipe
from jaxmath.train.step import adapt
from jaxmath.typing import Array, PyTree

__all__ = ["RECIPES"]


def _mlp(dataset: Dataset, hidden: tuple[int, ...], activation: str, dropout: float) -> Model:
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


RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "mlp": Recipe(
        "multilayer perceptron",
        _mlp,
        training={"epochs": 60, "learning_rate": 2e-3, "weight_decay": 1e-2},
        options={
            "hidden": Option(int, (256, 256), "sizes of the hidden layers", low=1),
            "activation": Option(str, "gelu", "of the hidden layers"),
            "dropout": Option(float, 0.4, "share of hidden units dropped", low=0.0, high=1.0),
        },
    ),
    "softmax": Recipe(
        "softmax regression",
        lambda dataset: _mlp(dataset, (), "identity", 0.0),
        training={"epochs": 100, "learning_rate": 2e-2, "weight_decay": 0.1},
    ),
    **IMAGE_RECIPES,
    **SEQUENCE_RECIPES,
    **GENERATIVE_RECIPES,
})  # fmt: skip
