"""The perceptron against Flax and against backpropagation by hand; what it can learn."""

import functools
import itertools
from collections.abc import Sequence

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from jaxmath import nn
from jaxmath.models import mlp


class FlaxMLP(flax.linen.Module):
    sizes: Sequence[int]

    @flax.linen.compact
    def __call__(self, x):
        for size in self.sizes[1:-1]:
            x = flax.linen.relu(flax.linen.Dense(size)(x))
        return flax.linen.Dense(self.sizes[-1])(x)


def make_params(sizes: Sequence[int], seed: int = 0) -> tuple[nn.Dense, ...]:
    draw = np.random.default_rng(seed).standard_normal
    shapes = itertools.pairwise(sizes)
    return tuple(nn.Dense(jnp.asarray(draw(s)), jnp.asarray(draw(s[1]))) for s in shapes)


def test_agrees_with_flax():
    config = mlp.Config((6, 8, 7, 3))
    X = jnp.asarray(np.random.default_rng(1).standard_normal((5, 6)))
    params = make_params(config.sizes)
    variables = {"params": {f"Dense_{i}": layer._asdict() for i, layer in enumerate(params)}}
    theirs = jax.jit(FlaxMLP(config.sizes).apply)(variables, X)
    ours = jax.jit(jax.vmap(functools.partial(mlp.apply, config=config), in_axes=(None, 0)))
    np.testing.assert_allclose(ours(params, X), theirs, rtol=1e-12, atol=1e-13)


def test_backpropagation_by_hand():
    """δ₂ = softmax(z) − e_y, δ₁ = (W₂ δ₂) ⊙ (1 − h²); ∂W = input ⊗ δ, ∂b = δ."""
    config = mlp.Config((4, 5, 3), "tanh")
    params, x, y = make_params(config.sizes), jnp.arange(4.0) / 4, 2

    @jax.jit
    @jax.grad
    def found(params):
        return nn.softmax_cross_entropy(mlp.apply(params, x, config=config), y)

    (W1, b1), (W2, b2) = jax.tree.map(np.asarray, params)
    h = np.tanh(np.asarray(x) @ W1 + b1)
    delta2 = special.softmax(h @ W2 + b2) - np.eye(3)[y]
    delta1 = (W2 @ delta2) * (1 - h**2)
    want = ((np.outer(x, delta1), delta1), (np.outer(h, delta2), delta2))
    for layer, hand in zip(found(params), want, strict=True):
        for got, expected in zip(layer, hand, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def test_overfits_eight_examples():
    config = mlp.Config((5, 32, 4))
    X = jax.random.normal(jax.random.key(0), (8, 5))
    y = jnp.arange(8) % 4
    optimizer = optax.adam(1e-2)

    def loss_fn(params):
        logits = jax.vmap(functools.partial(mlp.apply, params, config=config))(X)
        return jnp.mean(jax.vmap(nn.softmax_cross_entropy)(logits, y)), logits

    def step(carry, _):
        params, state = carry
        (loss, _), gradient = jax.value_and_grad(loss_fn, has_aux=True)(params)
        updates, state = optimizer.update(gradient, state, params)
        return (optax.apply_updates(params, updates), state), loss

    @jax.jit
    def train(params):
        (params, _), losses = jax.lax.scan(step, (params, optimizer.init(params)), length=300)
        return losses, *loss_fn(params)

    losses, final, logits = train(mlp.init(jax.random.key(1), config))
    assert losses[0] > 0.5
    assert final < 0.02
    np.testing.assert_array_equal(jnp.argmax(logits, axis=1), y)


def test_he_keeps_the_second_moment():
    """E zᵢ² = 2 ‖x‖² / d in every layer, over the draws of the kernels."""
    config, x = mlp.Config((16, 32, 32)), jnp.linspace(-1.0, 2.0, 16)

    @jax.jit
    @jax.vmap
    def second_moment(key):
        return jnp.mean(mlp.apply(mlp.init(key, config), x, config=config) ** 2)

    moments = second_moment(jax.random.split(jax.random.key(0), 400))
    standard_error = moments.std() / np.sqrt(moments.size)
    assert abs(moments.mean() - 2 * jnp.mean(x**2)) < 5 * standard_error


def test_initialization_follows_the_activation():
    key = jax.random.key(0)
    by_name = {"gelu": nn.he_normal, "selu": nn.lecun_normal, "sigmoid": nn.glorot_uniform}
    for activation, fn in by_name.items():
        params = mlp.init(key, mlp.Config((3, 4, 3), activation))
        for i, shape in enumerate(((3, 4), (4, 3))):
            layer = nn.dense_init(jax.random.fold_in(key, i), *shape, kernel_init=fn)
            np.testing.assert_array_equal(params[i].kernel, layer.kernel)
            assert not np.any(params[i].bias)


def test_one_more_layer_leaves_the_others():
    short = mlp.init(jax.random.key(3), mlp.Config((3, 4, 2)))
    long = mlp.init(jax.random.key(3), mlp.Config((3, 4, 2, 5)))
    for a, b in zip(short, long[:2], strict=True):
        np.testing.assert_array_equal(a.kernel, b.kernel)


def test_hidden_units_may_be_permuted():
    config, x = mlp.Config((3, 6, 2), "silu"), jnp.array([0.5, -1.0, 2.0])
    first, last = make_params(config.sizes)
    order = np.array([3, 1, 5, 0, 2, 4])
    moved = (
        nn.Dense(first.kernel[:, order], first.bias[order]),
        nn.Dense(last.kernel[order], last.bias),
    )
    ours = mlp.apply((first, last), x, config=config)
    np.testing.assert_allclose(mlp.apply(moved, x, config=config), ours, rtol=1e-13)


def test_identity_activation_is_one_matrix():
    config, x = mlp.Config((3, 6, 5, 2), "identity"), jnp.array([0.5, -1.0, 2.0])
    params = make_params(config.sizes)
    slope = jax.jit(jax.jacobian(functools.partial(mlp.apply, params, config=config)))(x)
    product = np.linalg.multi_dot([np.asarray(layer.kernel) for layer in params])
    np.testing.assert_allclose(slope, product.T, rtol=1e-12)


def test_dropout_masks_the_hidden_units():
    """Layer by layer with the masks of ``fold_in(key, layer)``; the output is not dropped."""
    config, x = mlp.Config((3, 16, 12, 2), "tanh", dropout=0.25), np.array([0.5, -1.0, 2.0])
    params = make_params(config.sizes)

    @jax.jit
    def both(key):
        layers = enumerate(config.sizes[1:-1])
        masks = [nn.dropout(jax.random.fold_in(key, i), jnp.ones(h), 0.25) for i, h in layers]
        return mlp.train(key, params, x, config=config), masks

    found, masks = both(jax.random.key(4))
    a = x
    for layer, mask in zip(params[:-1], masks, strict=True):
        assert 0 < np.sum(mask == 0) < mask.size
        hidden = np.tanh(a @ np.asarray(layer.kernel) + layer.bias)
        a = np.where(mask == 0, 0.0, hidden / 0.75)
    np.testing.assert_allclose(found, a @ params[-1].kernel + params[-1].bias, rtol=1e-12)


def test_dropout_keeps_the_mean_of_one_hidden_layer():
    """E z = apply, and Var z = p/(1 − p) Σⱼ a²ⱼ w²ⱼ, in closed form."""
    config, x = mlp.Config((3, 16, 1), "silu", dropout=0.5), jnp.array([0.5, -1.0, 2.0])
    params = make_params(config.sizes)
    train = jax.jit(jax.vmap(lambda key: mlp.train(key, params, x, config=config)[0]))
    z = train(jax.random.split(jax.random.key(0), 4000))
    a = nn.silu(x @ params[0].kernel + params[0].bias)
    variance = jnp.sum((a * params[1].kernel[:, 0]) ** 2)
    exact = mlp.apply(params, x, config=config)[0]
    assert abs(z.mean() - exact) < 5 * np.sqrt(variance / 4000)
    assert abs(z.var() / variance - 1) < 5 * np.sqrt(2 / 4000)


def test_no_dropout_is_apply():
    config, x = mlp.Config((3, 4, 2)), jnp.array([0.5, -1.0, 2.0])
    params, key = make_params(config.sizes), jax.random.key(0)
    np.testing.assert_array_equal(
        mlp.train(key, params, x, config=config), mlp.apply(params, x, config=config)
    )
    with pytest.raises(TypeError, match="train: argument `key`"):
        mlp.train(0, params, x, config=config)
    with pytest.raises(ValueError, match=r"train: argument `x` must have shape \(3,\).*jax.vmap"):
        mlp.train(key, params, np.zeros((5, 3)), config=config)


@pytest.mark.parametrize(
    ("args", "error", "match"),
    [
        (([4, 3],), TypeError, "argument `sizes` must be a tuple, got list"),
        (((4,),), ValueError, "argument `sizes` must hold at least 2"),
        (((4, 0, 3),), ValueError, r"argument `sizes\[1\]` must be at least 1, got 0"),
        (((4, 2.0),), TypeError, r"argument `sizes\[1\]` must be an integer, got float"),
        (((4, True),), TypeError, r"argument `sizes\[1\]` must be an integer, got bool"),
        (((4, 3), "sigmiod"), ValueError, "argument `activation`.*did you mean 'sigmoid'"),
        (
            ((4, 3), "?"),
            ValueError,
            "argument `activation` must be one of elu, gelu, .*, got '\\?'$",
        ),
        (((4, 3), "relu", 1.0), ValueError, "argument `dropout` must be .* below 1.0, got 1.0"),
        (((4, 3), "relu", float("nan")), ValueError, "argument `dropout` must be at least 0.0"),
        (((4, 3), "relu", np.array(0.1)), TypeError, "argument `dropout` .* number, got ndarray"),
    ],
)
def test_config_refuses(args, error, match):
    with pytest.raises(error, match=f"Config: {match}"):
        mlp.Config(*args)


def test_config_is_a_static_argument():
    config = mlp.Config((3, 2))
    assert hash(config) == hash(mlp.Config((3, 2), "relu"))
    params = mlp.init(jax.random.key(0), config, dtype=jnp.float32)
    y = jax.jit(mlp.apply, static_argnames="config")(
        params, jnp.ones(3, jnp.float32), config=config
    )
    assert (y.shape, y.dtype) == ((2,), jnp.float32)


def test_apply_refuses():
    config = mlp.Config((3, 4, 2))
    params = mlp.init(jax.random.key(0), config)
    with pytest.raises(ValueError, match=r"apply: argument `x` must have shape \(3,\).*jax.vmap"):
        mlp.apply(params, np.zeros((5, 3)), config=config)
    with pytest.raises(ValueError, match="apply: argument `params` must have 2 layers"):
        mlp.apply(params[:1], np.zeros(3), config=config)
    with pytest.raises(TypeError, match="apply: argument `config` must be a Config, got tuple"):
        mlp.apply(params, np.zeros(3), config=(3, 4, 2))
