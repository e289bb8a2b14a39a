"""Autoencoders: principal subspaces, penalties against their definitions, corruption."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from jaxmath import linalg, nn
from jaxmath.models import autoencoder
from jaxmath.models.autoencoder import AutoencoderParams, Config


def draw(*sizes, seed=0):
    """Layers of these sizes."""
    rng = np.random.default_rng(seed)
    pairs = itertools.pairwise(sizes)
    return tuple(
        nn.Dense(jnp.asarray(rng.normal(size=p) / 2), jnp.asarray(rng.normal(size=p[1])))
        for p in pairs
    )


def test_a_linear_one_spans_the_principal_subspace():
    """PCA is a stationary point, its loss the variance left out; training ends in its subspace."""
    rng, k = np.random.default_rng(0), 2
    X = jnp.asarray(rng.standard_normal((40, 5)) * [3.0, 2.0, 0.7, 0.5, 0.3])
    X = X @ np.linalg.qr(rng.standard_normal((5, 5)))[0] + rng.standard_normal((1, 5))
    config, found = Config((5, k), "identity"), linalg.pca(X, 5)
    C, mean = found.components[:k], found.mean
    start = AutoencoderParams((nn.Dense(C.T, -C @ mean),), (nn.Dense(C, mean),))

    def mean_loss(params):
        one = lambda x: nn.squared_error(autoencoder.apply(params, x, config=config), x)
        return jnp.mean(jax.vmap(one)(X))

    optimizer = optax.adam(optax.cosine_decay_schedule(3e-2, 3000))

    @jax.jit
    def run(key):
        params = autoencoder.init(key, config)

        def step(carry, _):
            params, state = carry
            updates, state = optimizer.update(jax.grad(mean_loss)(params), state, params)
            return (optax.apply_updates(params, updates), state), None

        (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=3000)
        return params, mean_loss(params), jax.value_and_grad(mean_loss)(start)

    params, reached, (least, gradient) = run(jax.random.key(0))
    left_out = np.sum(found.explained_variance[k:]) * 39 / 40 / 2
    np.testing.assert_allclose(least, left_out, rtol=1e-12)
    for leaf in jax.tree.leaves(gradient):
        np.testing.assert_allclose(leaf, np.zeros(leaf.shape), atol=1e-12)
    np.testing.assert_allclose(reached, least, rtol=1e-6)
    basis = np.linalg.qr(np.asarray(params.decoder[0].kernel).T)[0]
    cosines = np.linalg.svd(basis.T @ np.asarray(C).T, compute_uv=False)
    assert np.all(np.arccos(np.minimum(cosines, 1)) < 1e-3)


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_contraction_is_the_squared_jacobian(name):
    """The closed form of one layer, the Jacobian of two that are one: the same number."""
    (W, b), x = draw(4, 3)[0], jnp.array([0.3, -1.0, 0.5, 2.0])
    one, two = Config((4, 3), "identity", name), Config((4, 3, 3), "identity", name)
    whole = AutoencoderParams((nn.Dense(W, b),), ())
    split = AutoencoderParams((nn.Dense(W, jnp.zeros(3)), nn.Dense(jnp.eye(3), b)), ())

    @jax.jit
    def run(x):
        J = jax.jacfwd(partial(autoencoder.encode, whole, config=one))(x)
        penalty = autoencoder.contractive_penalty
        return jnp.sum(J**2), penalty(whole, x, config=one), penalty(split, x, config=two)

    want, *found = run(x)
    np.testing.assert_allclose(found, [want, want], rtol=1e-12)


def test_training_pass_by_hand():
    """The corrupted input goes in; |h|₁, the divergence of h̄ and the Jacobian are weighed."""
    config = Config((4, 3), "tanh", "sigmoid", 0.2, 0.5, 0.3, 0.7, 0.1, 1.5)
    params = AutoencoderParams(draw(4, 3), draw(3, 4, seed=1))
    X = jnp.asarray(np.random.default_rng(2).standard_normal((6, 4)))

    @jax.jit
    def run(keys):
        one = partial(autoencoder.train, params=params, config=config, axis_name="batch")
        outputs = jax.vmap(lambda key, x: one(key, x=x), axis_name="batch")(keys, X)
        seen = jax.vmap(lambda key, x: autoencoder.corrupt(key, x, noise=0.2, masking=0.5))
        return outputs, seen(keys, X), jax.vmap(autoencoder.loss)(outputs, X)

    outputs, seen, losses = jax.tree.map(np.asarray, run(jax.random.split(jax.random.key(0), 6)))
    (W, b), (V, c) = (jax.tree.map(np.asarray, layers[0]) for layers in params)
    h = special.expit(seen @ W + b)
    np.testing.assert_allclose(outputs.code, h, rtol=1e-12)
    np.testing.assert_allclose(outputs.reconstruction, h @ V + c, rtol=1e-12)
    mean = h.mean(0)
    divergence = np.sum(special.rel_entr(0.1, mean) + special.rel_entr(0.9, 1 - mean))
    jacobian = np.sum((h * (1 - h)) ** 2 * np.sum(W**2, 0), 1)
    penalty = 0.3 * h.sum(1) + 0.7 * divergence + 1.5 * jacobian
    np.testing.assert_allclose(outputs.penalty, penalty, rtol=1e-11)
    squares = np.sum((h @ V + c - X) ** 2, 1) / 2
    np.testing.assert_allclose(losses, squares + penalty, rtol=1e-11)


def test_sparsity_gradient_goes_through_the_batch():
    """The mean of the examples' penalties has the gradient of the batch's one divergence."""
    config = Config((4, 3), code_activation="sigmoid", sparsity=1.0)
    X, layers = jnp.asarray(np.random.default_rng(2).standard_normal((6, 4))), draw(4, 3)

    def by_axis(layers):
        params = AutoencoderParams(layers, draw(3, 4))
        one = lambda x: (
            autoencoder.train(
                jax.random.key(0), params, x, config=config, axis_name="batch"
            ).penalty
        )
        return jnp.mean(jax.vmap(one, axis_name="batch")(X))

    def whole(layers):
        mean = jnp.mean(nn.sigmoid(X @ layers[0].kernel + layers[0].bias[None]), 0)
        return autoencoder.sparsity_penalty(mean, config.target)

    both = jax.jit(lambda layers: (jax.grad(by_axis)(layers), jax.grad(whole)(layers)))
    for found, want in zip(*map(jax.tree.leaves, both(layers)), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-10, atol=1e-13)
    params = AutoencoderParams(layers, draw(3, 4))
    with pytest.raises(ValueError, match="train: argument `axis_name`"):
        autoencoder.train(jax.random.key(0), params, X[0], config=config)


def test_sparsity_at_its_minimum_and_its_ends():
    both = jax.value_and_grad(autoencoder.sparsity_penalty)
    value, slope = both(jnp.array([0.2, 0.2]), 0.2)
    np.testing.assert_allclose([value, *slope], np.zeros(3), atol=1e-15)
    value, slope = both(jnp.array([0.0, 1.0, 0.5]), 0.2)
    assert value == np.inf
    np.testing.assert_allclose(slope, [0.8, -0.2, 0.3 / 0.25], rtol=1e-12)


def test_corruption():
    """Entries are masked at rate p, and not scaled up; noise has variance σ²; none is x."""
    x, key = jnp.full(20_000, 3.0), jax.random.key(0)
    both = autoencoder.corrupt(key, x, noise=0.5, masking=0.3)
    kept = np.asarray(both)[both != 0]
    assert abs(kept.size / 20_000 - 0.7) < 5 * np.sqrt(0.21 / 20_000)
    assert abs(kept.mean() - 3.0) < 5 * 0.5 / np.sqrt(kept.size)
    assert abs(kept.var() / 0.25 - 1) < 5 * np.sqrt(2 / kept.size)
    np.testing.assert_array_equal(autoencoder.corrupt(key, x[:9]), x[:9])


def test_no_strength_is_apply():
    config, params = Config((4, 3, 2)), AutoencoderParams(draw(4, 3, 2), draw(2, 3, 4))
    x = jnp.array([0.3, -1.0, 0.5, 2.0])
    outputs = autoencoder.train(jax.random.key(0), params, x, config=config)
    found = autoencoder.apply(params, x, config=config)
    np.testing.assert_array_equal(outputs.reconstruction, found)
    assert outputs.penalty == 0


def test_shapes():
    config = Config((8, 5, 2), "selu")
    params = autoencoder.init(jax.random.key(0), config, dtype=jnp.float32)
    sizes = [layer.kernel.shape for half in params for layer in half]
    assert sizes == [(8, 5), (5, 2), (2, 5), (5, 8)]
    assert not np.array_equal(params.encoder[0].kernel, params.decoder[1].kernel.T)
    with pytest.raises(ValueError, match=r"encode: argument `x` must have shape \(8,\).*jax.vmap"):
        autoencoder.encode(params, np.zeros((3, 8)), config=config)
    with pytest.raises(ValueError, match=r"decode: argument `code` must have shape \(2,\)"):
        autoencoder.decode(params, np.zeros(3), config=config)
    with pytest.raises(ValueError, match=r"apply: argument `x` must have shape \(8,\)"):
        autoencoder.apply(params, np.zeros(3), config=config)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"sizes": [4, 2]}, TypeError, "`sizes` must be a tuple"),
        ({"sizes": (4,)}, ValueError, "`sizes` must hold at least 2"),
        ({"activation": "rellu"}, ValueError, "`activation` must be one of"),
        ({"noise": -1.0}, ValueError, "`noise` must be at least 0.0"),
        ({"masking": 1.0}, ValueError, "`masking` must be .* below 1.0"),
        ({"target": 0.0}, ValueError, "`target` must be above 0.0"),
        ({"l1": np.array(0.1)}, TypeError, "`l1` must be a Python number"),
        ({"sparsity": 1.0}, ValueError, "`code_activation` must be 'sigmoid'"),
    ],
)
def test_config_refuses(arguments, error, match):
    with pytest.raises(error, match=f"Config: argument {match}"):
        Config(**{"sizes": (4, 2), **arguments})
