"""How to train the image networks."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath.datasets import Dataset
from jaxmath.train import _image_plots
from jaxmath.train._images import AUGMENTATIONS, augmentation
from jaxmath.train.options import Option
from jaxmath.train.recipe import Model, Recipe, is_right
from jaxmath.typing import Array, PyTree

__all__: list[str] = []


def _image_model(config: Any, dataset: Dataset, augment: str, **more: Any) -> Model:
    """An image network: rows become images, changed at random in training."""
    from jaxmath.models import image_networks

    shape = dataset.image_shape
    try:
        layers = image_networks.summary(config)
    except ValueError as error:
        size, reason = f"{shape[0]}×{shape[1]}", str(error).rpartition(": ")[2]
        raise ValueError(
            f"images of {size} are too small, choose a larger --image-size: {reason}"
        ) from None
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
        modes=(_mode(layers), "map"),
        **more,
    )


def _mode(layers: Any) -> str:
    """Where the backend's own convolution is taken on CPU, it has to run outside a loop."""
    from jaxmath.nn._lowering import LARGE

    work = max(math.prod(row.shape[:2]) * row.parameters for row in layers if len(row.shape) == 3)
    return "loop" if jax.default_backend() == "cpu" and work > LARGE else "scan"


def _sizes(dataset: Dataset, model: str) -> dict[str, Any]:
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


def _alexnet(
    dataset: Dataset, image_size: int, width: float, augment: str, dropout: float, groups: int
) -> Model:
    from jaxmath.models import alexnet

    sizes = _sizes(dataset, "alexnet")
    config = alexnet.Config(groups, **sizes, width=width, dropout=dropout)
    return _image_model(config, dataset, augment)


def _vgg16(dataset: Dataset, image_size: int, width: float, augment: str, dropout: float) -> Model:
    from jaxmath.models import vgg

    config = vgg.Config(**_sizes(dataset, "vgg16"), width=width, dropout=dropout)
    return _image_model(config, dataset, augment)


def _inception(
    dataset: Dataset, image_size: int, width: float, augment: str, dropout: float
) -> Model:
    from jaxmath.models import inception

    sizes = _sizes(dataset, "inception")
    config = inception.Config("batch_norm", **sizes, width=width, dropout=dropout)
    right = lambda outputs, label: is_right(inception.logits(outputs), label)
    return _image_model(config, dataset, augment, loss=inception.loss, metrics={"accuracy": right})


def _resnet18(
    dataset: Dataset, image_size: int | None, width: float, augment: str, stem: str
) -> Model:
    from jaxmath.models import resnet

    config = resnet.Config(**_sizes(dataset, "resnet18"), width=width, stem=stem)
    return _image_model(config, dataset, augment)


def _options(
    image_size: int | None = None,
    width: float | None = 1.0,
    dropout: float | None = None,
) -> dict[str, Option]:
    """What several image networks take: all of them, and with a default those that have it."""
    options = {"image_size": Option(int, image_size, "resize the images to N×N", low=1)}
    if width is not None:
        options["width"] = Option(
            float, width, "factor of all channels and hidden units", low=0.0, open_low=True
        )
    options["augment"] = Option(
        str, "shift", "change the images at random in training: shift them, or mirror them too, "
        "for photographs (flip)", choices=AUGMENTATIONS,
    )  # fmt: skip
    if dropout is not None:
        options["dropout"] = Option(
            float, dropout, "share of hidden units dropped", low=0.0, high=1.0
        )
    return options


_PLOTS = {
    "filters.png": _image_plots.filters,
    "feature_maps.png": _image_plots.feature_maps,
    "attention.png": _image_plots.attention,
}


def _recipe(
    summary: str, make: Callable[..., Model], epochs: int, learning_rate: float, options: Any
) -> Recipe:
    training = {"epochs": epochs, "learning_rate": learning_rate, "weight_decay": 1e-2}
    return Recipe(summary, make, training, options, dataset="mnist_5k", plots=_PLOTS)


IMAGE_RECIPES: Mapping[str, Recipe] = MappingProxyType({
    "cnn": _recipe(
        "small modern convolutional network", _cnn, 10, 2e-3, _options(dropout=0.5)
    ),
    "lenet5": _recipe(
        "LeNet-5", _lenet5, 20, 2e-3,
        _options(width=None)
        | {"variant": Option(str, "modern", "of LeNet-5", choices=("modern", "published"))},
    ),
    "alexnet": _recipe(
        "AlexNet", _alexnet, 10, 1e-3,
        _options(64, 0.25, 0.5)
        | {"groups": Option(int, 2, "of channels, as published", choices=(1, 2))},
    ),
    "vgg16": _recipe("VGG-16", _vgg16, 10, 1e-3, _options(32, 0.25, 0.5)),
    "inception": _recipe(
        "Inception-v1 with batch norms", _inception, 10, 2e-3, _options(64, 0.25, 0.2)
    ),
    "resnet18": _recipe(
        "ResNet-18", _resnet18, 10, 2e-3,
        _options(width=0.25)
        | {"stem": Option(str, "small", "first layers of ResNet", choices=("small", "imagenet"))},
    ),
})  # fmt: skip
