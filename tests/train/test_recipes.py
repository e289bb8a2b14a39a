"""Each recipe's model has the signatures that the engine takes, and the sizes of the data."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import datasets, train

LARGE = ("alexnet", "vgg16", "inception", "resnet18")
GENERATIVE = ("gan", "wgan", "wgan-gp", "cgan", "dcgan", "ae", "dae", "vae", "cvae")
CLASSIFIERS = [name for name in train.RECIPES if name not in GENERATIVE]


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.full) if n in LARGE else n for n in CLASSIFIERS],
)
def test_every_recipe_makes_a_model_of_the_data(name):
    recipe = train.RECIPES[name]
    own = {k: option.default for k, option in recipe.options.items()}
    data = datasets.iris()
    if name not in ("mlp", "softmax"):
        size = own.get("image_size") or 28
        data = datasets.Dataset(
            np.zeros((3, size * size), np.float32), np.arange(3, dtype=np.int32),
            class_names=("a", "b", "c"), image_shape=(size, size, 1),
        )  # fmt: skip
    model = recipe.make(data, **own)
    key, x = jax.random.key(0), jnp.asarray(data.x[0])

    def both(key):
        params, model_state = model.init(key)

        def one(key, x):
            y, new = model.train_fn(key, params, model_state, x, axis_name="batch")
            loss = {"loss": model.loss(y, 1)} | {n: f(y, 1) for n, f in model.metrics.items()}
            return (loss, model.apply_fn(params, model_state, x)), new

        out, new = jax.vmap(one, out_axes=(0, None), axis_name="batch")(key[None], x[None])
        return params, out, model_state, new

    params, (loss, logits), model_state, new = jax.eval_shape(both, key)
    assert logits.shape == (1, 3)
    assert {name: value.shape for name, value in loss.items()} == {"loss": (1,), "accuracy": (1,)}
    assert {leaf.dtype for leaf in jax.tree.leaves((params, logits))} == {jnp.dtype("float32")}
    assert new == model_state


@pytest.mark.parametrize("name", train.RECIPES)
def test_options_are_what_make_takes(name):
    recipe = train.RECIPES[name]
    assert ["dataset", *recipe.options] == list(inspect.signature(recipe.make).parameters)
    assert all(isinstance(option, train.Option) for option in recipe.options.values())
    assert recipe.summary
    small = "digits" if name in ("mlp", "softmax") else "mnist_5k"
    assert recipe.dataset == ("gaussian_ring" if name in ("gan", "wgan", "wgan-gp") else small)
    known = {"batch_size"} if name in GENERATIVE else set()
    assert set(recipe.training) == {"epochs", "learning_rate", "weight_decay"} | known


def test_the_trainer_is_the_classifiers_adamw():
    """The first step by hand: Adam's is the gradient's sign, and biases do not decay."""
    model = train.RECIPES["softmax"].make(datasets.iris())
    trainer = train.make_trainer(model, num_steps=4, learning_rate=0.5, weight_decay=0.1)
    start = jax.jit(trainer.start)
    state = start(3)
    layer = state.params[0]
    state = state._replace(params=(layer._replace(bias=layer.bias + 1.0),))
    batch = train.Batch(jnp.ones((2, 4)), jnp.array([0, 0]), jnp.ones(2))
    after, metrics = jax.jit(trainer.step)(state, batch, jax.random.key(1))
    (before,), (new,) = jax.device_get((state.params, after.params))
    toward = np.array([1.0, -1.0, -1.0])  # class 0 becomes likelier
    np.testing.assert_allclose(
        new.kernel, before.kernel + 0.5 * (toward - 0.1 * before.kernel), rtol=1e-4
    )
    np.testing.assert_allclose(new.bias, before.bias + 0.5 * toward, rtol=1e-4)
    assert set(metrics) == {"loss", "accuracy"}
    assert jax.jit(trainer.eval_fn)(after, batch)["accuracy"].tolist() == [1.0, 1.0]
    assert not np.array_equal(start(4).params[0].kernel, before.kernel)


def test_dropout_is_for_training_only():
    model, plain = (
        train.RECIPES["mlp"].make(datasets.iris(), (64,), "tanh", dropout=p) for p in (0.5, 0.0)
    )
    x, keys = jnp.ones(4), jax.random.split(jax.random.key(1), 2)

    @jax.jit
    def outputs(keys):
        params, _ = model.init(keys[0])
        noisy = [
            model.train_fn(key, params, (), x, axis_name="batch")[0] for key in (keys[0], keys[1])
        ]
        clean = plain.train_fn(keys[0], params, (), x, axis_name="batch")[0]
        return noisy, clean, model.apply_fn(params, (), x)

    noisy, clean, applied = jax.device_get(outputs(keys))
    assert np.abs(noisy[0] - noisy[1]).max() > 0.01
    np.testing.assert_allclose(applied, clean, rtol=1e-6)
