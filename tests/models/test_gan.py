"""The game's signs by hand, its books by counting, and the engine that plays it."""

import dataclasses
import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import special

from jaxmath import nn, train
from jaxmath.models import gan

KEY = jax.random.key(3)
LINEAR = gan.Config((2,), 2, widths=())
RATES = (0.3, 0.2)  # of the generator and of the discriminator

# ∂ℓ_D/∂D(x), ∂ℓ_D/∂D(x'), ∂ℓ_G/∂D(x'), from the equations.
SLOPES = {
    "minimax": (lambda a: special.expit(a) - 1, special.expit, lambda b: -special.expit(b)),
    "non_saturating": (
        lambda a: special.expit(a) - 1,
        special.expit,
        lambda b: special.expit(b) - 1,
    ),
    "least_squares": (lambda a: a - 1, lambda b: b, lambda b: b - 1),
    "hinge": (lambda a: -1.0 * (a < 1), lambda b: 1.0 * (b > -1), lambda b: -np.ones_like(b)),
    "wasserstein": (lambda a: -np.ones_like(a), np.ones_like, lambda b: -np.ones_like(b)),
}


def _penalty_slope(config, v):
    """∂/∂v of the penalty of D(x) = vᵀx + c, whose slope is v everywhere."""
    size = np.linalg.norm(v)
    rules = {"none": 0 * v, "wgan_gp": 2 * (size - 1) * v / size, "r1": v, "r2": v, "r1+r2": 2 * v}
    return config.penalty_weight * rules[config.penalty]


def _by_hand(config, state, x, weight, key):
    """One step of descent of x' = zW + b and D(x) = vᵀx + c, from the derivatives above."""
    generator, discriminator, *_ = jax.tree.map(np.asarray, state)
    ((W, b),), ((v, c),) = generator.params.layers, discriminator.params
    v = v[:, 0]
    keys = jax.random.split(key, config.num_critic + 1)
    real_slope, fake_slope, slope = SLOPES[config.loss]
    num = len(x) // config.num_critic
    noise = lambda key: np.asarray(jax.random.normal(key, (num, 2)))
    for j in range(config.num_critic):
        real, w = x[j :: config.num_critic], weight[j :: config.num_critic]
        w = w / w.sum()
        fake = noise(jax.random.split(keys[1 + j])[0]) @ W + b
        left, right = w * real_slope(real @ v + c), w * fake_slope(fake @ v + c)
        dv = left @ real + right @ fake + _penalty_slope(config, v)
        v, c = v - RATES[1] * dv, c - RATES[1] * (left.sum() + right.sum())
        if config.clip is not None:
            v, c = np.clip(v, -config.clip, config.clip), np.clip(c, -config.clip, config.clip)
    w = weight[:: config.num_critic]
    z = noise(keys[0])
    g = (w / w.sum() * slope((z @ W + b) @ v + c))[:, None] * v
    return (W - RATES[0] * z.T @ g, b - RATES[0] * g.sum(0)), (v[:, None], c)


@pytest.mark.parametrize(
    "rules_of_play",
    [
        {"loss": "minimax"},
        {"loss": "non_saturating", "penalty": "r1+r2", "penalty_weight": 0.4},
        {"loss": "least_squares", "penalty": "wgan_gp", "penalty_weight": 2.0},
        {"loss": "hinge", "penalty": "r1", "penalty_weight": 0.3, "num_critic": 2},
        {"loss": "wasserstein", "penalty": "r2", "clip": 0.5},
    ],
    ids=lambda rules: rules["loss"],
)
def test_a_step_is_the_one_by_hand(rules_of_play):
    config = dataclasses.replace(LINEAR, **rules_of_play)
    tx = [optax.sgd(rate) for rate in RATES]
    state = gan.init_state(KEY, config, *tx, dtype=jnp.float64)
    rng = np.random.default_rng(1)
    x, weight = rng.standard_normal((6, 2)), np.array([1.0, 2.0, 1.0, 0.5, 1.0, 0.0])
    step = jax.jit(gan.gan_step(config, *tx))
    new, _ = step(state, (x, np.zeros(6), weight), jax.random.key(7))
    generator, discriminator = _by_hand(config, state, x, weight, jax.random.key(7))
    for found, want in zip(new.generator.params.layers[0], generator, strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-14)
    for found, want in zip(new.discriminator.params[0], discriminator, strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-14)
    # After no step the mean has a tenth of the start.
    for mean, a, b in zip(*map(jax.tree.leaves, (new.ema, state.ema, generator)), strict=True):
        np.testing.assert_allclose(mean, 0.1 * a + 0.9 * b, rtol=1e-12)


def test_the_value_at_the_optimal_discriminator():
    """−ℓ_D = −log 4 + 2 JS(p, q) at D* = log p/q, and no discriminator does better."""
    p, q = jnp.array([0.5, 0.3, 0.1, 0.1]), jnp.array([0.1, 0.2, 0.3, 0.4])
    config = gan.Config((4,), 1, widths=())

    @jax.value_and_grad
    def loss(layers):
        one = functools.partial(gan.discriminate, layers, (), config=config)
        scores = jax.vmap(one)(jnp.eye(4))
        pair = nn.GAN_LOSSES["minimax"].discriminator
        return p @ jax.vmap(lambda a: jax.vmap(lambda b: pair(a, b))(scores))(scores) @ q

    value, slope = loss((nn.Dense(jnp.log(p / q)[:, None], jnp.zeros(1)),))
    np.testing.assert_allclose(
        -value, -np.log(4) + 2 * nn.js_divergence(jnp.log(p), jnp.log(q)), rtol=1e-6
    )
    for leaf in jax.tree.leaves(slope):
        np.testing.assert_allclose(leaf, 0, atol=1e-7)


def _rate(rate):
    return optax.inject_hyperparams(optax.adam)(learning_rate=rate, b1=0.5)


SMALL = gan.Config((2,), 2, widths=(4,), loss="wasserstein", penalty="wgan_gp", num_critic=2)
STEP = gan.gan_step(SMALL, _rate(0.01), _rate(0.01))
DATA = (np.random.default_rng(0).standard_normal((22, 2)).astype(np.float32), np.zeros(22))
ONCE = jax.jit(STEP)


def _start(seed=0, rate=0.01):
    return gan.init_state(jax.random.key(seed), SMALL, _rate(0.01), _rate(rate), dtype=jnp.float32)


def _fit(state, num_epochs, **options):
    options = {"batch_size": 8, "key": KEY, "mode": "scan", "progress": False} | options
    return train.fit(state, STEP, DATA, num_epochs=num_epochs, **options)


def _assert_same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_same_seed_same_samples_and_a_resume_is_as_good(tmp_path):
    whole = _fit(_start(), 4)
    assert int(whole.state.step) == 12
    _assert_same(whole.state, _fit(_start(), 4).state)
    _fit(_start(), 2, checkpoint_dir=tmp_path)
    resumed = _fit(_start(1), 4, checkpoint_dir=tmp_path, resume=True)
    _assert_same(whole.state, resumed.state)
    sample = jax.jit(jax.vmap(functools.partial(gan.generate, *whole.state.ema, config=SMALL)))
    Z = jax.random.normal(KEY, (3, 2), jnp.float32)
    _assert_same(sample(Z), sample(Z))
    assert sample(Z).dtype == jnp.float32


def test_a_diverging_game_stops():
    """The discriminator takes steps of a million: its loss explodes before it overflows."""
    with pytest.warns(RuntimeWarning, match=r"not finite at step \d"):
        result = _fit(_start(rate=1e6), 3)
    assert 0 <= result.bad_step < 3
    assert int(result.state.step) == result.bad_step
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result.state))
    # The step, the measures at it, the last good checkpoint.
    assert re.search(r"\(that step's discriminator_loss -?\d.*, loss nan.*\)", result.message)
    assert result.message.endswith("the last good checkpoint: none")


@pytest.mark.full
def test_lanes_are_games_of_their_own():
    """Lane 1 diverges, lane 0 goes on as if it were alone."""
    states, keys = jax.vmap(_start)(jnp.arange(2), jnp.array([0.01, 1e6])), jax.random.split(KEY)
    with pytest.warns(RuntimeWarning, match=r"at lane 1, step \d"):
        result = _fit(states, 3, ensemble=True, mode="vmap", key=keys)
    assert result.bad_step[0] == -1
    assert 0 <= result.bad_step[1] < 3
    alone = _fit(_start(), 3, key=keys[0])
    for lane, one in zip(*map(jax.tree.leaves, (result.state, alone.state)), strict=True):
        np.testing.assert_allclose(lane[0], one, rtol=2e-3, atol=1e-4)


def test_what_fills_a_batch_up_counts_nothing():
    x, weight = DATA[0][:8], jnp.array([1.0, 1, 1, 1, 1, 0, 0, 0], jnp.float32)
    other = np.concatenate([x[:5], 1 + x[:3]])
    found = [ONCE(_start(), (a, DATA[1][:8], weight), KEY) for a in (x, other)]
    _assert_same(*found)
    # Rows 1 and 3 are the second part, rows 0, 2 and 4 the first.
    assert all(np.isfinite(v) for v in found[0][1].values())


@pytest.mark.parametrize("field", ["generator", "discriminator"])
def test_the_watched_loss_is_nan_where_anything_is(field):
    state = _start()
    broken = getattr(state, field)
    broken = broken._replace(params=jax.tree.map(lambda a: a + jnp.nan, broken.params))
    batch = (DATA[0][:8], DATA[1][:8], jnp.ones(8, jnp.float32))
    _, metrics = ONCE(state._replace(**{field: broken}), batch, KEY)
    assert np.isnan(metrics["loss"])
    assert np.isfinite(ONCE(state, batch, KEY)[1]["loss"])


IMAGES = gan.Config(
    (4, 4, 1), 3, "dcgan", (2, 3), num_classes=3, output="tanh", minibatch_stddev=True,
    spectral_norm=True,
)  # fmt: skip


def test_convolutions_and_labels():
    """Every parameter moves, the running statistics are those of the generator's own batch."""
    tx = optax.sgd(0.1)
    state = gan.init_state(KEY, IMAGES, tx, tx, dtype=jnp.float64)
    rng = np.random.default_rng(2)
    batch = (rng.standard_normal((6, 4, 4, 1)), np.arange(6) % 3, np.ones(6))
    step = jax.jit(gan.gan_step(IMAGES, tx, tx))
    new, metrics = step(state, batch, KEY)
    for player in ("generator", "discriminator"):
        olds, news = (jax.tree.leaves(getattr(s, player).params) for s in (state, new))
        moved = [np.abs(a - b).max() for a, b in zip(olds, news, strict=True)]
        # The bias before a batch norm is taken off by it.
        assert sum(m > 1e-12 for m in moved) >= len(moved) - 2, moved
    assert np.isfinite(metrics["loss"])
    # The first kernel has the norm 1 by the vectors that it had after the turn's step.
    vectors, layer = new.discriminator.model_state[0], state.discriminator.params[0]
    kernel = nn.spectral_norm_apply(vectors, layer.kernel).reshape(-1, 2)
    np.testing.assert_allclose(np.linalg.norm(kernel, 2), 1, rtol=1e-3)
    z = jax.random.normal(jax.random.split(KEY, 2)[0], (6, 3))
    first = state.generator.params.layers[0]
    inputs = np.concatenate([z, np.eye(3)[batch[1]]], 1)
    x = (inputs @ np.asarray(first.kernel) + np.asarray(first.bias)).reshape(-1, 3)
    want = 0.1 * x.mean(0), 0.9 + 0.1 * x.var(0)
    np.testing.assert_allclose(new.generator.model_state[0].mean, want[0], atol=1e-12)
    np.testing.assert_allclose(new.generator.model_state[0].var, want[1], rtol=1e-12)
    make = functools.partial(gan.generate, *new.ema, config=IMAGES)
    images = jax.jit(jax.vmap(make))(z, batch[1])
    assert images.shape == (6, 4, 4, 1)
    assert np.abs(images).max() <= 1


def test_the_batch_is_seen_where_it_is_asked_for():
    """The last feature of the discriminator in training is the batch's standard deviation."""
    config = gan.Config((2,), 2, widths=(), minibatch_stddev=True)
    state = gan.init_state(KEY, config, optax.sgd(0.0), optax.sgd(0.0), dtype=jnp.float64)
    x = np.random.default_rng(0).standard_normal((5, 2))
    step = jax.jit(gan.gan_step(config, optax.sgd(0.0), optax.sgd(0.0)))
    _, metrics = step(state, (x, np.zeros(5), np.ones(5)), KEY)
    ((W, b),) = state.discriminator.params
    want = np.append(x.mean(0), x.std(0).mean()) @ np.asarray(W)[:, 0] + b[0]
    np.testing.assert_allclose(metrics["score_real"], want, rtol=1e-7)
    alone = gan.discriminate(state.discriminator.params, (), x[0], config=config)
    want = np.append(x[0], 1e-4) @ np.asarray(W)[:, 0] + b[0]
    np.testing.assert_allclose(alone, want, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"num_critic": 0}, ValueError, "`num_critic` must be at least 1, got 0"),
        ({"penalty_weight": -1.0}, ValueError, "`penalty_weight` must be at least 0"),
        ({"penalty_weight": jnp.ones(())}, TypeError, "`penalty_weight` must be a Python number"),
        ({"penalty": "r3"}, ValueError, "`penalty` must be one of none, wgan_gp"),
        ({"loss": "wgan"}, ValueError, "`loss` must be one of"),
        ({"players": "cnn"}, ValueError, "`players` must be one of mlp, dcgan"),
        ({"output": "relu"}, ValueError, "`output` must be one of"),
        ({"shape": 2}, TypeError, "`shape` must be a tuple"),
        ({"latent_size": 2.0}, TypeError, "`latent_size` must be an integer"),
        ({"widths": (4, 0)}, ValueError, "`widths\\[1\\]` must be at least 1, got 0"),
        ({"num_classes": 0}, ValueError, "`num_classes` must be at least 1"),
        ({"clip": 0.0}, ValueError, "`clip` must be above 0"),
        ({"ema": 1.0}, ValueError, "`ema` must be at least 0.0 and below 1.0"),
        ({"spectral_norm": 1}, TypeError, "`spectral_norm` must be True or False, got 1"),
        ({"minibatch_stddev": True}, ValueError, "`penalty` must be 'none' with minibatch_stddev"),
        ({"max_loss": 0.0}, ValueError, "`max_loss` must be above 0"),
        ({"players": "dcgan"}, ValueError, r"`shape` must be \(n, n, channels\)"),
        (
            {"players": "dcgan", "shape": (28, 28, 1), "widths": (4, 4, 4)},
            ValueError,
            "`widths` must be few enough for 28 pixels, which each layer halves, got 3",
        ),
    ],
)
def test_config_refuses(change, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(SMALL, **change)


def test_refusals():
    state, batch = _start(), (DATA[0][:8], DATA[1][:8], np.ones(8))
    with pytest.raises(TypeError, match="gan_step: argument `config` must be a Config"):
        gan.gan_step((2,), _rate(1.0), _rate(1.0))
    with pytest.raises(TypeError, match="init_state: argument `tx_discriminator` must be an optax"):
        gan.init_state(KEY, SMALL, _rate(1.0), None)
    with pytest.raises(ValueError, match="multiple of num_critic = 2 examples, got 7"):
        STEP(state, jax.tree.map(lambda a: a[:7], batch), KEY)
    with pytest.raises(ValueError, match=r"`batch.x` must have shape \(any, 2\), got \(8, 1\)"):
        STEP(state, (batch[0][:, :1], *batch[1:]), KEY)
    players, states = gan.init(KEY, IMAGES)
    with pytest.raises(ValueError, match="generate: argument `label` is missing"):
        gan.generate(players.generator, states.generator, jnp.zeros(3), config=IMAGES)
    with pytest.raises(ValueError, match="discriminate: argument `label` is too much"):
        gan.discriminate(state.discriminator.params, (), jnp.zeros(2), 1, config=SMALL)
    with pytest.raises(ValueError, match=r"`x` must have shape \(4, 4, 1\), got \(4, 5, 1\)"):
        gan.discriminate(
            players.discriminator, states.discriminator, jnp.zeros((4, 5, 1)), 1, config=IMAGES
        )
    with pytest.raises(ValueError, match="`params` must have 2 layers for widths"):
        gan.generate(players.generator, (), jnp.zeros(2), config=SMALL)
