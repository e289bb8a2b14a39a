"""What holds for every image network: gradients, statistics, keys, tables, refusals."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn
from jaxmath.models import alexnet, cnn, image_networks, inception, lenet, resnet, vgg
from tests.models import tiny_networks
from tests.models.tiny_networks import TINY

LABELS = jnp.arange(8) % 3
# Each is a program of some seconds of compilation.
LEARNERS = [pytest.param(name, marks=[] if name == "cnn" else pytest.mark.full) for name in TINY]


@functools.cache
def learned(name: str):
    """Eight examples learned by heart in one program; the gradient of the first step beside."""
    config = TINY[name]
    rng = np.random.default_rng(0)
    X = tiny_networks.images(rng, config, 8, jnp.float32)
    params, model_state = tiny_networks.draw(rng, config, jnp.float32)
    optimizer = optax.adam(1e-2)

    def loss_fn(params, model_state, key):
        one = lambda key, x: image_networks.train(
            key, params, model_state, x, config=config, axis_name="batch"
        )
        batch = jax.vmap(one, out_axes=(0, None), axis_name="batch")
        y, model_state = batch(jax.random.split(key, 8), X)
        return jnp.mean(jax.vmap(inception.loss)(y, LABELS)), model_state

    def step(carry, key):
        params, model_state, opt_state = carry
        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (loss, model_state), gradient = grad_fn(params, model_state, key)
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        size = jax.tree.map(lambda g: jnp.max(jnp.abs(g)), gradient)
        return (optax.apply_updates(params, updates), model_state, opt_state), (loss, size)

    @jax.jit
    def run(params, model_state):
        keys = jax.random.split(jax.random.key(2), 120)
        carry = params, model_state, optimizer.init(params)
        (params, model_state, _), (losses, sizes) = jax.lax.scan(step, carry, keys)
        return params, model_state, losses, sizes

    return model_state, *run(params, model_state)


@pytest.mark.parametrize("name", LEARNERS)
def test_overfits_eight_examples(name):
    *_, losses, _ = learned(name)
    assert losses[0] > 0.7
    assert jnp.min(losses[-20:]) < 0.1


@pytest.mark.parametrize("name", LEARNERS)
def test_the_gradient_reaches_every_parameter(name):
    *_, sizes = learned(name)
    for path, values in jax.tree.leaves_with_path(sizes):
        assert jnp.all(jnp.isfinite(values)), path
        assert jnp.max(values[:5]) > 0, path


def test_running_statistics_move_in_training_alone():
    start, _, end, *_ = learned("cnn")
    assert sorted(start) == ["norm1", "norm2"]
    assert start.keys() == end.keys()
    for before, after in zip(jax.tree.leaves(start), jax.tree.leaves(end), strict=True):
        assert before.dtype == after.dtype
        assert jnp.all(before != after)
    assert image_networks.init(jax.random.key(0), lenet.Config(image_size=12))[1] == ()


def test_statistics_are_those_of_the_batch():
    """The first convolution's output, normalized by hand over 5 images, and m = 0.9."""
    config, rng = TINY["cnn"], np.random.default_rng(1)
    params, state = tiny_networks.draw(rng, config)
    X = tiny_networks.images(rng, config, 5)
    keys = jax.random.split(jax.random.key(0), 5)
    one = lambda key, x: cnn.train(key, params, state, x, config=config, axis_name="b")
    _, new = jax.jit(jax.vmap(one, out_axes=(0, None), axis_name="b"))(keys, X)
    y = jax.vmap(lambda x: nn.convolve(x, params["conv1"].kernel))(X)
    mean, var = jnp.mean(y, (0, 1, 2)), jnp.var(y, (0, 1, 2))
    old = state["norm1"]
    np.testing.assert_allclose(new["norm1"].mean, 0.9 * old.mean + 0.1 * mean, rtol=1e-12)
    np.testing.assert_allclose(new["norm1"].var, 0.9 * old.var + 0.1 * var, rtol=1e-12)


def test_dropout_depends_on_the_key_alone():
    config, rng = TINY["cnn"], np.random.default_rng(2)
    params, state = tiny_networks.draw(rng, config)
    x = tiny_networks.images(rng, config, 1)
    one = lambda key, x: cnn.train(key, params, state, x, config=config, axis_name="b")[0]
    train = jax.jit(jax.vmap(one, axis_name="b"))
    y = [train(jax.random.key(seed)[None], x) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(y[0], y[1])
    assert jnp.any(y[0] != y[2])


def test_a_layer_more_leaves_the_others_as_they_were():
    config = lambda widths: cnn.Config(image_size=8, widths=widths, hidden=4)
    make = jax.jit(lambda widths: image_networks.init(jax.random.key(0), config(widths))[0],
                   static_argnums=0)  # fmt: skip
    short, long = make((4,)), make((4, 4, 4))
    for a, b in zip(short["conv1"], long["conv1"], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(short["output"].kernel, long["output"].kernel)
    assert not jnp.any(long["conv2"].kernel == long["conv3"].kernel)


@pytest.mark.parametrize("name", TINY)
def test_the_table_is_of_what_is_made(name):
    config = TINY[name]
    params, _ = jax.eval_shape(lambda key: image_networks.init(key, config), jax.random.key(0))
    table = image_networks.summary(config)
    sizes = {layer.name: layer.parameters for layer in table if layer.make}
    assert sizes == {n: sum(a.size for a in jax.tree.leaves(p)) for n, p in params.items()}
    json.dumps([layer[:3] for layer in table])


def test_feature_maps_are_the_stages():
    config, rng = TINY["cnn"], np.random.default_rng(3)
    params, state = tiny_networks.draw(rng, config)
    x = tiny_networks.images(rng, config, 1)[0]
    look = jax.jit(functools.partial(image_networks.feature_maps, config=config))
    maps = look(params, state, x)
    assert {name: a.shape for name, a in maps.items()} == {
        "conv1": (8, 8, 4), "pool1": (4, 4, 4), "conv2": (4, 4, 6), "pool2": (2, 2, 6),
    }  # fmt: skip
    np.testing.assert_array_equal(maps["pool1"], nn.max_pool(maps["conv1"], 2))


@pytest.mark.parametrize("name", ["cnn", "lenet, published"])
def test_features_are_what_the_output_layer_reads(name):
    config, rng = TINY[name], np.random.default_rng(4)
    params, state = tiny_networks.draw(rng, config)
    x = tiny_networks.images(rng, config, 1)[0]
    both = jax.jit(lambda *a: (image_networks.features(*a, config=config),
                               image_networks.apply(*a, config=config)))  # fmt: skip
    (phi, z), want = both(params, state, x)
    np.testing.assert_array_equal(z, want)
    if name == "cnn":
        by_hand = phi @ params["output"].kernel + params["output"].bias
    else:
        by_hand = -np.sum((np.asarray(phi) - lenet._codes(config.num_classes)) ** 2, axis=1)
    np.testing.assert_allclose(z, by_hand, rtol=1e-12)


def test_refusals():
    config = TINY["cnn"]
    params, state = tiny_networks.draw(np.random.default_rng(0), config)
    x = jnp.zeros((8, 8, 1))
    with pytest.raises(TypeError, match="init: argument `config` must be the Config of an image"):
        image_networks.init(jax.random.key(0), (8, 8))
    with pytest.raises(ValueError, match=r"apply: argument `x` must have shape \(8, 8, 1\).*vmap"):
        cnn.apply(params, state, x[None], config=config)
    with pytest.raises(ValueError, match="apply: argument `params` has no layer conv1"):
        cnn.apply({}, state, x, config=config)
    with pytest.raises(ValueError, match="`model_state` has no statistics of norm1"):
        cnn.apply(params, (), x, config=config)
    with pytest.raises(TypeError, match="train: argument `key`"):
        cnn.train(0, params, state, x, config=config, axis_name="b")


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: lenet.Config("old"), ValueError, "`variant` must be one of published, modern"),
        (lambda: lenet.Config(image_size=0), ValueError, "`image_size` must be at least 1, got 0"),
        (lambda: lenet.Config(padding=-1), ValueError, "`padding` must be at least 0"),
        (
            lambda: lenet.Config("published", num_classes=128),
            ValueError,
            "`num_classes` .* at most 127",
        ),
        (lambda: cnn.Config(channels=1.0), TypeError, "`channels` must be an integer, got float"),
        (lambda: cnn.Config(widths=()), ValueError, "`widths` must hold at least 1 positive"),
        (lambda: cnn.Config(widths=[4]), TypeError, "`widths` must be a tuple, got list"),
        (
            lambda: cnn.Config(widths=(4, 0)),
            ValueError,
            r"`widths\[\d\]` must be at least 1, got 0",
        ),
        (lambda: cnn.Config(dropout=1), ValueError, "`dropout` must be at least 0.0 and below 1.0"),
        (lambda: cnn.Config(dropout=np.ones(1)), TypeError, "`dropout` must be a Python number"),
        (lambda: alexnet.Config(3), ValueError, "`groups` must be one of 1, 2, got 3"),
        (lambda: alexnet.Config(width=0), ValueError, "`width` must be above 0.0"),
        (lambda: vgg.Config((1,) * 6), ValueError, "`blocks` must have at most 5 stages"),
        (
            lambda: resnet.Config("bottle"),
            ValueError,
            "`block` must be one of basic, bottleneck",
        ),
        (lambda: resnet.Config(stem="tiny"), ValueError, "`stem` must be one of"),
        (
            lambda: inception.Config("v3"),
            ValueError,
            "`variant` must be one of published, batch_norm",
        ),
        (lambda: inception.Config(auxiliary=["4a"]), TypeError, "`auxiliary` must be a tuple"),
        (lambda: inception.Config(auxiliary=("6a",)), ValueError, "`auxiliary` must be one of"),
        (lambda: inception.Config(auxiliary=("4d", "4a")), ValueError, "`auxiliary` .* in order"),
    ],
)
def test_config_refuses(make, error, match):
    with pytest.raises(error, match=f"Config: argument {match}"):
        make()


def test_too_small_an_image_names_the_stage():
    message = r"init: .*too small an image: stage pool2 gets 1×1, less than its window 2×2"
    with pytest.raises(ValueError, match=message):
        image_networks.init(jax.random.key(0), cnn.Config(image_size=3))
    with pytest.raises(ValueError, match="stage c3 gets 3×3, less than its window 5×5"):
        image_networks.summary(lenet.Config("published", image_size=7))
    with pytest.raises(ValueError, match="stage pool5 gets 1×1, less than its window 2×2"):
        image_networks.summary(vgg.Config(image_size=28))
    with pytest.raises(ValueError, match="stage pool5 gets 2×2, less than its window 3×3"):
        image_networks.summary(alexnet.Config(image_size=62))
    with pytest.raises(ValueError, match="stage aux1 gets 1×1, less than its window 5×5"):
        image_networks.summary(inception.Config(image_size=28))


def test_config_is_a_static_argument():
    assert hash(cnn.Config()) == hash(cnn.Config(28))
    params, state = tiny_networks.draw(np.random.default_rng(0), TINY["lenet"], jnp.float32)
    apply = jax.jit(lenet.apply, static_argnames="config")
    y = apply(params, state, jnp.ones((12, 12, 1), jnp.float32), config=TINY["lenet"])
    assert (y.shape, y.dtype) == ((3,), jnp.float32)
