"""How to train the image networks."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath.datasets import Dataset
from jaxmath.train._images import AUGMENTATIONS, augmentation
from jaxmath.train.image_plots import first_filters, first_maps
from jaxmath.train.options import Option
from jaxmath.train.recipe import Model, Recipe
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


def _image_model(config: Any, dataset: Dataset, augment: str, **more: Any) -> Model:
    """An image network: rows become images, changed at random in training."""
    from jaxmath.models import image_networks

    shape = dataset.image_shape
    change = augmentation(augment, shape[0])

    def train_fn(key: Array, params: PyTree, model_state: PyTree, x: Array, axis_name: str) -> Any:
        change_key, key = jax.random.split(key)
        x = change(change_key, x.reshape(shape))
        return image_networks.train(key, params, model_state, x, config=config, axis_name=axis_name)

    def apply_fn(params: PyTree, model_state: PyTree, x: Array) -> Array:
        return image_networks.apply(params, model_state, x.reshape(shape), config=config)

    return Model(
        config,
        init=lambda key: image_networks.init(key, config, dtype=jnp.float32),
        train_fn=train_fn,
        apply_fn=apply_fn,
        # Lanes under vmap would be one grouped convolution.
        modes=(_mode(image_networks.summary(config)), "map"),
        **more,
    )


def _mode(layers: Any) -> str:
    """Where the backend's own convolution is taken on CPU, it has to run outside a loop."""
    from jaxmath.nn._lowering import LARGE

    work = max(math.prod(row.shape[:2]) * row.parameters for row in layers if len(row.shape) == 3)
    return "loop" if jax.default_backend() == "cpu" and work > LARGE else "scan"


def _sizes(dataset: Dataset, model: str) -> dict[str, int]:
    """The fields of every image network's configuration that the data decide."""
    height, width, channels = dataset.image_shape or (0, 1, 0)
    if height != width:
        what = f"{height}×{width}" if channels else "none"
        raise ValueError(f"{model} takes square images, and these examples are {what}")
    return {"image_size": height, "channels": channels, "num_classes": dataset.num_classes}


def _cnn(
    dataset: Dataset, image_size: int | None, width: float, augment: str, dropout: float
) -> Model:
    from jaxmath.models import cnn
    from jaxmath.models._config import scaled

    config = cnn.Config(
        **_sizes(dataset, "cnn"),
        widths=(scaled(32, width), scaled(64, width)),
        hidden=scaled(128, width),
        dropout=dropout,
    )
    return _image_model(config, dataset, augment)


def _lenet5(dataset: Dataset, image_size: int | None, augment: str, variant: str) -> Model:
    from jaxmath.models import lenet

    sizes = _sizes(dataset, "lenet5")
    # MNIST's 28×28 become the paper's 32×32.
    return _image_model(lenet.Config(variant, **sizes), dataset, augment)


def _options(
    image_size: int | None = None, width: bool = True, augment: str = "shift"
) -> dict[str, Option]:
    """What every image network takes."""
    options = {"image_size": Option(int, image_size, "resize the images to N×N", low=1)}
    if width:
        options["width"] = Option(
            float, 1.0, "factor of all channels and hidden units", low=0.0, open_low=True
        )
    options["augment"] = Option(
        str, augment, "change the images at random in training: shift them, for photographs "
        "mirror them too (flip)", choices=AUGMENTATIONS,
    )  # fmt: skip
    return options


_PLOTS = {"filters.png": first_filters, "feature_maps.png": first_maps}
_SHORT = {"epochs": 10, "learning_rate": 2e-3, "weight_decay": 1e-2}

IMAGE_RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "cnn": Recipe(
        "small modern convolutional network",
        _cnn,
        training=_SHORT,
        options=_options() | {
            "dropout": Option(float, 0.5, "share of hidden units dropped", low=0.0, high=1.0),
        },
        dataset="mnist_5k",
        plots=_PLOTS,
    ),
    "lenet5": Recipe(
        "LeNet-5, as published or as taught today",
        _lenet5,
        training=_SHORT | {"epochs": 20},
        options={
            **_options(width=False),
            "variant": Option(str, "modern", "of lenet5", choices=("modern", "published")),
        },
        dataset="mnist_5k",
        plots=_PLOTS,
    ),
})  # fmt: skip
