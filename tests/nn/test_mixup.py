"""Mixup of the identity shows its weight and its permutation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmath import nn

N, KEYS = 5, jax.random.split(jax.random.key(0), 500)
mix_all = jax.jit(jax.vmap(nn.mixup, in_axes=(0, None, None, None)))


@pytest.mark.parametrize("alpha", [0.4, 3.0])
def test_one_weight_and_one_permutation(alpha):
    n, Y = N, np.arange(1.0, N + 1) ** 3
    mixed, targets = mix_all(KEYS, np.eye(N)[:, :, None], Y, alpha)
    mixed, targets = np.asarray(mixed[..., 0]), np.asarray(targets)
    np.testing.assert_allclose(mixed.sum((1,)), 1, rtol=1e-6)  # π is a permutation
    np.testing.assert_allclose(mixed.sum((2,)), 1, rtol=1e-6)
    np.testing.assert_allclose(targets, mixed @ Y, rtol=1e-12)
    diagonal = mixed[:, range(n), range(n)]
    moved = np.argmax(mixed - np.eye(n) * mixed, 2)
    fixed = np.all(mixed - np.eye(n) * mixed == 0, 2)
    weights = np.min(np.where(fixed, np.inf, diagonal), 1)
    assert np.all(fixed | (diagonal == weights[:, None]))  # one λ for the batch
    weights = weights[np.isfinite(weights)]
    assert stats.kstest(weights, stats.beta(alpha, alpha).cdf).pvalue > 1e-6
    places = np.where(fixed, np.arange(n), moved)[:, 0]
    assert stats.chisquare(np.bincount(places, minlength=n)).pvalue > 1e-6


@pytest.mark.full
def test_a_batch_of_one_is_itself():
    mixed, target = jax.jit(nn.mixup)(KEYS[0], jnp.array([[1.5]]), jnp.array([2.5]), 1.0)
    assert (mixed[0, 0], target[0]) == (1.5, 2.5)


def test_small_alpha_mixes_nothing_and_large_halves():
    X = np.eye(N)[:, :, None]
    for alpha, weights in ((1e-4, (0.0, 1.0)), (1e6, (0.5,))):
        mixed, _ = mix_all(KEYS, X, np.ones(N), alpha)
        entries = np.unique(np.round(mixed, 2))
        assert set(entries) <= {0.0, 1.0, *weights, *(1 - np.array(weights))}


def test_half_precision_stays():
    X = jnp.ones((4, 3), jnp.bfloat16)
    mixed, target = jax.eval_shape(nn.mixup, KEYS[0], X, jnp.ones(4, jnp.float32), 1.0)
    assert (mixed.dtype, target.dtype) == (jnp.bfloat16, jnp.float32)
