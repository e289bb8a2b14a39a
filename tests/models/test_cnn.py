"""The small convolutional network against Flax."""

import flax.linen as linen
import jax
import numpy as np

from jaxmath.models import cnn
from tests.models import tiny_networks


class FlaxCNN(linen.Module):
    config: cnn.Config

    @linen.compact
    def __call__(self, x, training=False):
        for width in self.config.widths:
            x = linen.Conv(width, (3, 3), use_bias=False)(x)
            x = linen.BatchNorm(not training, momentum=0.9, epsilon=1e-5)(x)
            x = linen.max_pool(linen.relu(x), (2, 2), (2, 2))
        x = x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1)
        x = linen.relu(linen.Dense(self.config.hidden)(x))
        return linen.Dense(3)(x)


def test_agrees_with_flax():
    """In evaluation and in training, without dropout; the running statistics too."""
    config, rng = (
        cnn.Config(8, 1, 3, widths=(4, 6), hidden=5, dropout=0.0),
        np.random.default_rng(0),
    )
    params, state = tiny_networks.draw(rng, config)
    X = tiny_networks.images(rng, config, 4)
    names = {"Conv_0": "conv1", "Conv_1": "conv2", "BatchNorm_0": "norm1", "BatchNorm_1": "norm2",
             "Dense_0": "hidden", "Dense_1": "output"}  # fmt: skip
    variables = {
        "params": {theirs: params[ours]._asdict() for theirs, ours in names.items()},
        "batch_stats": {n: state[o]._asdict() for n, o in names.items() if o in state},
    }
    net = FlaxCNN(config)

    @jax.jit
    def both(params, state, variables, X):
        one = lambda key, x: cnn.train(key, params, state, x, config=config, axis_name="b")
        keys = jax.random.split(jax.random.key(0), 4)
        trained = jax.vmap(one, out_axes=(0, None), axis_name="b")(keys, X)
        applied = jax.vmap(lambda x: cnn.apply(params, state, x, config=config))(X)
        theirs = net.apply(variables, X, training=True, mutable="batch_stats")
        return applied, trained, net.apply(variables, X), theirs

    applied, (y, new), flax_applied, (flax_y, flax_new) = both(params, state, variables, X)
    np.testing.assert_allclose(applied, flax_applied, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(y, flax_y, rtol=1e-11, atol=1e-13)
    for theirs, ours in (("BatchNorm_0", "norm1"), ("BatchNorm_1", "norm2")):
        for field, value in flax_new["batch_stats"][theirs].items():
            np.testing.assert_allclose(getattr(new[ours], field), value, rtol=1e-11)


def test_depth_is_convolutions_in_a_block():
    names = [layer.name for layer in cnn.summary(cnn.Config(widths=(4, 8), depth=2))]
    assert names[:5] == ["conv1_1", "norm1_1", "conv1_2", "norm1_2", "pool1"]
    shapes = {layer.name: layer.shape for layer in cnn.summary(cnn.Config(widths=(4, 8), depth=2))}
    assert shapes["conv2_2"] == (14, 14, 8)
    assert shapes["hidden"] == (128,)


def test_published_shape_of_the_default():
    table = cnn.summary(cnn.Config())
    assert [layer.shape for layer in table if layer.name.startswith("pool")] == [
        (14, 14, 32), (7, 7, 64), (3, 3, 128),
    ]  # fmt: skip
    conv = 9 * 32 + 64 + 9 * 32 * 64 + 128 + 9 * 64 * 128 + 256
    assert sum(layer.parameters for layer in table) == conv + 1153 * 128 + 129 * 10
