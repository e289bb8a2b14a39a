"""The image networks at configurations of a few channels, and parameters for them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.models import alexnet, cnn, image_networks, inception, lenet, resnet, vgg

TINY = {
    "lenet": lenet.Config("modern", image_size=12, num_classes=3),
    "lenet, published": lenet.Config("published", image_size=12, num_classes=3),
    "cnn": cnn.Config(image_size=8, num_classes=3, widths=(4, 6), hidden=5, dropout=0.3),
    "alexnet": alexnet.Config(2, 63, 1, 3, width=1 / 64, dropout=0.1),
    "vgg": vgg.Config((1, 2), 8, 1, 3, width=1 / 32, dropout=0.1),
    "inception": inception.Config(
        "batch_norm", 16, 1, 3, 1 / 16, modules=("3a", "4a"), auxiliary=("4a",)
    ),
    "resnet": resnet.Config("basic", (1, 1), 8, 1, 3, 1 / 16, stem="small"),
}


def draw(
    rng: np.random.Generator, config: Any, dtype: Any = jnp.float64, bias: float = 0.0
) -> tuple[Any, Any]:
    """Parameters and running statistics off the start, where biases are 0 and scales 1.

    With a large mean ``bias`` every rectifier is on, and finite differences meet no kink of theirs.
    """
    make = lambda key: image_networks.init(key, config)
    params, state = jax.eval_shape(make, jax.random.key(0))

    def leaf(path: Any, like: Any) -> jax.Array:
        fan_in = np.prod(like.shape[:-1]) if len(like.shape) > 1 else 4.0
        x = rng.standard_normal(like.shape) / np.sqrt(fan_in)
        if bias:
            x = x / 4 + bias * (path[-1].name == "bias")
        return jnp.asarray(1 + np.abs(x) if path[-1].name in ("scale", "var") else x, dtype)

    return jax.tree.map_with_path(leaf, params), jax.tree.map_with_path(leaf, state)


def images(rng: np.random.Generator, config: Any, n: int, dtype: Any = jnp.float64) -> jax.Array:
    shape = (n, config.image_size, config.image_size, config.channels)
    return jnp.asarray(rng.standard_normal(shape), dtype)
