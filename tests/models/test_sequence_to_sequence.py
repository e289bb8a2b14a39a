"""Encoder and decoder: teacher forcing against greedy decoding, masks, causality."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn
from jaxmath.models import rnn
from jaxmath.models import sequence_to_sequence as pairs

CONFIG = rnn.Config((3, 4, 4, 5), "lstm")


def random_params(config: rnn.Config = CONFIG, seed: int = 0, scale: float = 3.0):
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: pairs.init(jax.random.key(0), config))
    return jax.tree.map(lambda s: jnp.asarray(scale * rng.standard_normal(s.shape)), shapes)


def source(*shape, seed: int = 1):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def test_greedy_is_teacher_forcing_with_its_own_symbols():
    params, x = random_params(), source(6, 3)
    tokens = pairs.greedy(params, x, 7, config=CONFIG)
    logits = pairs.apply(params, x, tokens, config=CONFIG)
    np.testing.assert_array_equal(np.argmax(logits, axis=1), tokens)
    assert len(set(np.asarray(tokens).tolist())) > 1
    assert pairs.greedy(params, x, 0, config=CONFIG).shape == (0,)
    assert pairs.apply(params, x, tokens[:0], config=CONFIG).shape == (0, 5)


def test_logits_see_the_symbols_before_only():
    params, x, target = random_params(), source(6, 3), jnp.array([1, 4, 0, 2])
    apply = jax.jit(lambda target: pairs.apply(params, x, target, config=CONFIG))
    other = apply(target.at[1].set(3))
    np.testing.assert_array_equal(apply(target)[:2], other[:2])
    assert np.all(np.any(apply(target)[2:] != other[2:], axis=1))


def test_padding_of_the_source_counts_for_nothing():
    params, x, target = random_params(), source(6, 3), jnp.array([1, 4])
    found = pairs.apply(params, x.at[4:].set(jnp.nan), target, config=CONFIG, length=4)
    np.testing.assert_allclose(found, pairs.apply(params, x[:4], target, config=CONFIG), rtol=1e-12)
    with pytest.raises(ValueError, match="argument `length` must be from 0 to 6"):
        pairs.greedy(params, x, 2, config=CONFIG, length=7)


def test_starts():
    """Encoder and decoder of the same hidden layers, drawn apart."""
    params = pairs.init(jax.random.key(0), rnn.Config((3, 4, 4), "clockwork"))
    assert params.encoder[0].kernel.shape == (7, 4)
    assert params.decoder.layers[0].kernel.shape == (8, 4)
    assert np.any(params.encoder[0].kernel[-4:] != params.decoder.layers[0].kernel[-4:])


def test_learns_to_reverse():
    """Three symbols backward, all 27 of them."""
    config = rnn.Config((3, 24, 3), "gru")
    digits = np.stack(np.meshgrid(*3 * [np.arange(3)], indexing="ij"), -1).reshape(-1, 3)
    X, target = jnp.eye(3)[digits], jnp.asarray(digits[:, ::-1])
    optimizer = optax.adam(2e-2)

    def loss(params):
        logits = jax.vmap(lambda x, y: pairs.apply(params, x, y, config=config))(X, target)
        return jnp.mean(jax.vmap(jax.vmap(nn.softmax_cross_entropy))(logits, target))

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        return (optax.apply_updates(params, updates), state), None

    @jax.jit
    def fit(params):
        (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=150)
        return jax.vmap(lambda x: pairs.greedy(params, x, 3, config=config))(X)

    np.testing.assert_array_equal(fit(random_params(config, scale=0.3)), target)
