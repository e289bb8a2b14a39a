"""Sampling at a temperature, generation, and text as symbols."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn
from jaxmath.models import rnn
from jaxmath.models.generation import generate, sample_token
from tests.models.test_rnn import random_params

CONFIG = rnn.Config((3, 4, 3), "gru")


def test_frequencies_are_those_of_the_softmax():
    """Five standard errors, at a temperature, with all symbols and with the two likeliest."""
    z, n, tau = jnp.array([0.0, 1.0, -jnp.inf, 2.0]), 20_000, 1.5
    keys = jax.random.split(jax.random.key(0), n)
    for k, kept in ((None, [0, 1, 3]), (2, [1, 3])):
        draw = jax.jit(jax.vmap(partial(sample_token, temperature=tau, top_k=k), (0, None)))
        counts = np.bincount(draw(keys, z), minlength=4) / n
        p = np.zeros(4)
        p[kept] = np.exp(np.asarray(z)[kept] / tau)
        p /= p.sum()
        assert np.all(np.abs(counts - p) <= 5 * np.sqrt(p * (1 - p) / n))


def test_cold_and_one_of_one_are_the_largest():
    z = jnp.array([1.0, 3.0, 3.0, 2.0])
    for key in jax.random.split(jax.random.key(0), 5):
        assert sample_token(key, z, temperature=0.0) == 1
        assert sample_token(key, z, top_k=1) == 1
    traced = jax.jit(lambda tau: sample_token(jax.random.key(0), z, temperature=tau))
    assert traced(0.0) == 1
    assert traced(-1.0) == 1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"temperature": -1.0}, "`temperature` must be at least 0"),
        ({"top_k": 0}, "`top_k` must be at least 1 and at most 3"),
        ({"top_k": 4}, "`top_k` must be at least 1 and at most 3"),
    ],
)
def test_sampling_refuses(options, match):
    with pytest.raises(ValueError, match=match):
        sample_token(jax.random.key(0), jnp.zeros(3), **options)


def test_generation_feeds_back_what_it_draws():
    """Step by step by hand with the same keys; cold, whatever the key."""
    params, prompt = random_params(CONFIG), jnp.array([0, 2])
    run = jax.jit(partial(rnn.run, params, config=CONFIG))
    found = generate(jax.random.key(5), params, prompt, 6, config=CONFIG, temperature=2.0)
    carry, z = run(nn.initial_carry(params.layers), jnp.eye(3)[prompt])
    for key, token in zip(jax.random.split(jax.random.key(5), 6), found, strict=True):
        assert sample_token(key, z[-1], temperature=2.0) == token
        carry, z = run(carry, jnp.eye(3)[token][None])
    cold = [generate(jax.random.key(i), params, prompt, 4, config=CONFIG, temperature=0.0)
            for i in (0, 1)]  # fmt: skip
    np.testing.assert_array_equal(*cold)
    assert generate(jax.random.key(0), params, prompt, 0, config=CONFIG).shape == (0,)


@pytest.mark.parametrize("prompt", [[3], [-1, 0]])
def test_a_prompt_outside_the_alphabet_is_refused(prompt):
    with pytest.raises(ValueError, match="generate: argument `prompt` must hold symbols from 0"):
        generate(jax.random.key(0), random_params(CONFIG), np.array(prompt), 2, config=CONFIG)
    with pytest.raises(ValueError, match="`prompt` must have at least 1 elements"):
        generate(jax.random.key(0), random_params(CONFIG), np.zeros(0, int), 2, config=CONFIG)
    with pytest.raises(ValueError, match="`config` must have as many inputs as outputs"):
        generate(jax.random.key(0), (), np.array([0]), 2, config=rnn.Config((3, 4, 2)))


def test_a_draw_in_float32_is_that_of_the_key():
    sample = jax.jit(lambda key, z: sample_token(key, z, temperature=0.5, top_k=3))
    for seed in range(20):
        z = np.random.default_rng(seed).standard_normal(6).astype(np.float32)
        largest, key = np.argsort(-z)[:3], jax.random.key(seed)
        want = largest[int(jax.random.categorical(key, jnp.asarray(z[largest]) / 0.5))]
        assert sample(key, z) == want
