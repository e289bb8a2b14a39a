"""The variational autoencoder: a linear one whose evidence is known, classes, images, training."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from jaxmath import nn, train
from jaxmath.models import vae
from jaxmath.models._variational import Half

IMAGES = vae.Config((8, 12, 2), 3, (5,), (4, 6), 3, "gaussian", "predicted")


def linear_vae(scale):
    """x ~ N(W z + b, σ² I) by a decoder of identities, with the exact posterior as the encoder.

    The columns of W are orthogonal, so that the posterior is diagonal.
    """
    rng, d, k = np.random.default_rng(0), 5, 2
    W = np.linalg.qr(rng.standard_normal((d, k)))[0] * [1.5, 0.7]
    b, variance = rng.standard_normal(d), scale**2
    precision = np.diag(W.T @ W) / variance + 1
    into = nn.Dense(W / variance / precision, -b @ W / variance / precision)
    both = nn.Dense(np.eye(k, 2 * k), np.r_[np.zeros(k), -np.log(precision)])
    encoder = Half((), (into, both))
    decoder = Half((), (nn.Dense(np.eye(k), np.zeros(k)), nn.Dense(W.T, b)))
    evidence = stats.multivariate_normal(b, W @ W.T + variance * np.eye(d))
    params = jax.tree.map(jnp.asarray, vae.VAEParams(encoder, decoder, 2 * np.log(scale)))
    return params, evidence, rng.standard_normal(d)


@pytest.mark.parametrize("scale", [0.6, "shared"])
def test_evidence_of_a_linear_model(scale):
    """With the exact posterior every weight is p(x), and E ELBO = log p(x)."""
    config = vae.Config((5,), 2, (2,), (), 0, "gaussian", scale, "identity")
    params, evidence, x = linear_vae(0.6)
    want = evidence.logpdf(x)
    one = lambda key: nn.elbo(vae.elbo(key, params, x, config=config))
    bounds = lambda key: (
        vae.iwae(key, params, x, 3, config=config),
        jax.vmap(one)(jax.random.split(key, 4000)),
    )
    found, elbo = jax.jit(bounds)(jax.random.key(0))
    np.testing.assert_allclose(found, want, rtol=1e-12)
    assert abs(elbo.mean() - want) < 5 * elbo.std() / np.sqrt(4000)


def test_samples():
    """Gaussian: mean b and covariance W Wᵀ + σ² I; Bernoulli: 0 and 1 at the decoder's rate."""
    config = vae.Config((5,), 2, (2,), (), 0, "gaussian", "shared", "identity")
    params, evidence, _ = linear_vae(0.6)
    draw = jax.jit(jax.vmap(partial(vae.sample, params=params, config=config)))
    x = np.asarray(draw(jax.random.split(jax.random.key(0), 5000)))
    variance = np.diag(evidence.cov)
    assert np.all(np.abs(x.mean(0) - evidence.mean) < 5 * np.sqrt(variance / 5000))
    error = np.sqrt((np.outer(variance, variance) + evidence.cov**2) / 5000)
    assert np.all(np.abs(np.cov(x.T) - evidence.cov) < 5 * error)
    config = vae.Config((2,), 1, (3,))
    params = jax.tree.map(jnp.zeros_like, vae.init(jax.random.key(0), config))
    last = params.decoder.dense[-1]._replace(bias=jnp.array([0.0, 2.0]))
    params = params._replace(decoder=Half((), (params.decoder.dense[0], last)))
    draw = jax.jit(jax.vmap(partial(vae.sample, params=params, config=config)))
    x, rate = draw(jax.random.split(jax.random.key(1), 5000)), 1 / (1 + np.exp([0.0, -2.0]))
    assert set(np.unique(x)) == {0.0, 1.0}
    assert np.all(np.abs(x.mean(0) - rate) < 5 * np.sqrt(rate * (1 - rate) / 5000))


def test_train_is_decode_of_a_draw():
    """z = μ + e^{s/2} ε, then the decoder; the terms are those of this draw."""
    config = vae.Config((4,), 2, (3,), num_classes=2, beta=3.0)
    x, same = jnp.array([0.0, 1.0, 1.0, 0.0]), {"config": config, "label": 1}

    @jax.jit
    def run(key):
        params = vae.init(jax.random.key(0), config)
        outputs, terms = (f(key, params, x, **same) for f in (vae.train, vae.elbo))
        mean, log_variance = vae.encode(params, x, **same)
        noise = jax.random.normal(key, (2,))
        want = vae.decode(params, mean + jnp.exp(log_variance / 2) * noise, **same)
        return outputs, terms, vae.loss(outputs, x, config=config), want, mean, log_variance

    outputs, terms, loss, want, mean, log_variance = run(jax.random.key(1))
    np.testing.assert_allclose(outputs.likelihood.location, want.location, rtol=1e-13)
    np.testing.assert_allclose(outputs.mean, mean, rtol=1e-14)
    p = 1 / (1 + np.exp(-want.location))
    np.testing.assert_allclose(terms.log_likelihood, np.sum(np.log(np.where(x, p, 1 - p))))
    kl = np.sum(mean**2 + np.exp(log_variance) - 1 - log_variance) / 2
    np.testing.assert_allclose(terms.kl, kl, rtol=1e-12)
    np.testing.assert_allclose(loss, 3 * kl - terms.log_likelihood, rtol=1e-12)


def test_learns_patterns_of_classes():
    """Four patterns: no mean bound exceeds −log 4 (0 given the class), and training comes near.

    E_p log q(x) ≤ E_p log p(x), the negative entropy, whatever the model q.
    """
    X = (np.arange(4)[:, None] >> np.arange(2)) % 2
    X = jnp.asarray(np.repeat(X, 3, axis=1), jnp.float64)

    def bounds(num_classes):
        config = vae.Config((6,), 2, (16,), (), num_classes)
        label = (lambda i: i) if num_classes else (lambda i: None)

        def train_fn(key, params, model_state, i, axis_name):
            outputs = vae.train(key, params, X[i], config=config, label=label(i))
            return outputs, model_state

        optimizer, y = optax.adam(1e-2), jnp.repeat(jnp.arange(4), 8)
        step = train.supervised_step(train_fn, partial(vae.loss, config=config), optimizer)
        state = train.init_state(
            jax.random.key(0), vae.init(jax.random.key(1), config), optimizer=optimizer
        )

        @jax.jit
        def run(state):
            batch = train.Batch(y, X[y], jnp.ones(32))
            state, _ = jax.lax.scan(lambda s, key: step(s, batch, key), state,
                                    jax.random.split(jax.random.key(2), 400))  # fmt: skip
            one = lambda key, i: vae.iwae(
                key, state.params, X[i], 200, config=config, label=label(i)
            )
            return jax.vmap(one)(jax.random.split(jax.random.key(3), 32), y)

        return run(state).reshape(4, 8).mean()

    for num_classes, most in ((0, -math.log(4)), (4, 0.0)):
        found = bounds(num_classes)
        assert most - 0.5 < found < most + 0.05, num_classes


def test_a_class_beside_the_code():
    """Its one-hot vector joins the dense part: without its weights there is no class."""
    config, z = vae.Config((4,), 3, (5,), num_classes=3), jnp.array([0.3, -1.0, 0.5])
    params = vae.init(jax.random.key(0), config)
    decode = jax.jit(lambda params, label: vae.decode(params, z, config=config, label=label))
    found = [decode(params, label).location for label in (0, 2, 3, -1)]
    assert not np.allclose(found[0], found[1])
    assert np.all(np.isnan(found[2]))
    assert np.all(np.isnan(found[3]))
    first = params.decoder.dense[0]
    cut = first._replace(kernel=first.kernel.at[3:].set(0.0))
    dense = (cut, *params.decoder.dense[1:])
    cut = params._replace(decoder=params.decoder._replace(dense=dense))
    np.testing.assert_array_equal(decode(cut, 0).location, decode(cut, 2).location)


def test_shapes():
    """Halved twice, 8×12 is 2×3; the decoder goes back, with mean and variance of both channels."""
    make = lambda key: vae.init(key, IMAGES, dtype=jnp.float32)
    params = jax.eval_shape(make, jax.random.key(0))
    sizes = lambda layers: [layer.kernel.shape for layer in layers]
    assert sizes(params.encoder.convolutions) == [(4, 4, 2, 4), (4, 4, 4, 6)]
    assert sizes(params.encoder.dense) == [(2 * 3 * 6 + 3, 5), (5, 6)]
    assert sizes(params.decoder.dense) == [(3 + 3, 5), (5, 2 * 3 * 6)]
    assert sizes(params.decoder.convolutions) == [(4, 4, 4, 6), (4, 4, 4, 4)]
    x = jax.ShapeDtypeStruct((8, 12, 2), jnp.float32)
    run = lambda key, params, x: (
        vae.train(key, params, x, config=IMAGES, label=0),
        vae.apply(params, x, config=IMAGES, label=0),
    )
    outputs, image = jax.eval_shape(run, jax.random.key(2), params, x)
    assert {leaf.dtype for leaf in jax.tree.leaves(outputs)} == {jnp.dtype(jnp.float32)}
    assert outputs.likelihood.location.shape == outputs.likelihood.log_variance.shape == x.shape
    assert image.shape == x.shape


def test_convolutions_are_lax_s():
    """The encoder's by ``lax.conv_general_dilated``, the decoder's as the transpose of one."""
    config, z = vae.Config((4, 4, 1), 2, (3,), (2,)), jnp.array([0.5, -1.0])
    x = jnp.asarray(np.random.default_rng(0).standard_normal((4, 4, 1)))
    lax_conv = lambda x, W: jax.lax.conv_general_dilated(
        x[None], W, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))[0]  # fmt: skip
    dense = lambda layers, v: nn.relu(v @ layers[0].kernel) @ layers[1].kernel  # biases are 0

    @jax.jit
    def run(key):
        encoder, decoder, _ = params = vae.init(key, config)
        h = nn.relu(lax_conv(x, encoder.convolutions[0].kernel))
        up = nn.relu(dense(decoder.dense, z)).reshape(2, 2, 2)
        back = jax.vjp(lambda x: lax_conv(x, decoder.convolutions[0].kernel), x)[1]
        found = jnp.concatenate(vae.encode(params, x, config=config))
        return (found, vae.decode(params, z, config=config)[0]), (
            dense(encoder.dense, h.reshape(-1)), back(up)[0])  # fmt: skip

    for found, want in zip(*run(jax.random.key(0)), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-11, atol=1e-13)


def test_variance_of_the_values():
    """Fixed: 2 log σ; shared: a parameter; predicted: the output's second half; none for logits."""
    for scale, shape in ((0.5, ()), ("shared", ()), ("predicted", (4,))):
        config = vae.Config((4,), 2, (3,), likelihood="gaussian", scale=scale)
        params = vae.init(jax.random.key(0), config)
        assert isinstance(params.log_variance, tuple) == (scale != "shared")
        found = vae.decode(params, jnp.ones(2), config=config)
        assert found.log_variance.shape == shape
        assert found.log_variance.size == 4 or found.log_variance == (
            2 * math.log(scale) if scale == 0.5 else 0.0
        )
        np.testing.assert_array_equal(vae.expectation(found), found.location)
    config = vae.Config((4,), 2, (3,))
    found = vae.decode(vae.init(jax.random.key(0), config), jnp.ones(2), config=config)
    assert found.log_variance == ()
    np.testing.assert_allclose(vae.expectation(found), 1 / (1 + np.exp(-found.location)))


def test_refuses():
    config = vae.Config((4,), 2, (3,))
    params = vae.init(jax.random.key(0), config)
    with pytest.raises(ValueError, match=r"encode: argument `x` must have shape \(4,\).*jax.vmap"):
        vae.encode(params, np.zeros((5, 4)), config=config)
    with pytest.raises(ValueError, match=r"decode: argument `z` must have shape \(2,\)"):
        vae.decode(params, np.zeros(3), config=config)
    with pytest.raises(ValueError, match="argument `label` must be None for"):
        vae.decode(params, np.zeros(2), config=config, label=1)
    with pytest.raises(ValueError, match="argument `label` must be a class"):
        vae.encode(params, np.zeros((8, 12, 2)), config=IMAGES)
    with pytest.raises(TypeError, match="sample: argument `config` must be a Config, got int"):
        vae.sample(jax.random.key(0), params, config=3)
    with pytest.raises(ValueError, match="argument `num_samples`"):
        vae.iwae(jax.random.key(0), params, np.zeros(4), 0, config=config)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"shape": [4]}, TypeError, "`shape` must be a tuple"),
        ({"shape": (4, 4)}, ValueError, r"`shape` must be \(d,\), or \(H, W, C\)"),
        ({"shape": (4,), "widths": (2,)}, ValueError, r"`shape` must be .* for convolutions"),
        ({"shape": (6, 8, 1), "widths": (2, 2)}, ValueError, "`shape` must have sides that 2"),
        ({"shape": (4,), "latent": 0}, ValueError, "`latent` must be at least 1"),
        ({"shape": (4,), "hidden": ()}, ValueError, "`hidden` must hold at least 1"),
        ({"shape": (4,), "likelihood": "poisson"}, ValueError, "`likelihood` must be one of"),
        ({"shape": (4,), "scale": "learned"}, ValueError, "`scale` must be one of shared"),
        ({"shape": (4,), "scale": 0.0}, ValueError, "`scale` must be above 0.0"),
        ({"shape": (4,), "activation": "rellu"}, ValueError, "`activation` .*'relu'"),
        ({"shape": (4,), "beta": -1.0}, ValueError, "`beta` must be at least 0.0"),
        (
            {"shape": (4,), "num_classes": -1},
            ValueError,
            "`num_classes` must be at least 0, got -1",
        ),
    ],
)
def test_config_refuses(arguments, error, match):
    with pytest.raises(error, match=f"Config: argument {match}"):
        vae.Config(**arguments)
    assert hash(vae.Config((4,))) == hash(vae.Config((4,), 20))
