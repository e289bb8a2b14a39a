"""Orthonormality for every shape, and the moments of Haar's distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 2, 1, 2), (1, 1), (20, 9)])
def test_columns_are_orthonormal(shape):
    W = np.asarray(nn.orthogonal_init(jax.random.key(1), shape, jnp.float64, gain=1.5))
    assert W.shape == shape
    W = W.reshape(-1, shape[-1]) / 1.5
    W = W if W.shape[0] >= W.shape[1] else W.T
    np.testing.assert_allclose(W.T @ W, np.eye(W.shape[1]), atol=1e-14)


def mean_and_error(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(0), 5 * x.std(0, ddof=1) / np.sqrt(len(x))


def test_is_haar():
    """Mean 0 of every entry tells it from a QR whose diagonal has signs; tr Q has moments 1, 3."""
    n, draw = 3, jax.vmap(lambda key: nn.orthogonal_init(key, (3, 3), jnp.float64))
    Q = np.asarray(jax.jit(draw)(jax.random.split(jax.random.key(0), 8000)))
    mean, error = mean_and_error(Q)
    assert np.all(np.abs(mean) < error)
    for statistic, want in (
        (Q**2, 1 / n),
        (Q**4, 3 / (n * (n + 2))),
        (np.trace(Q, axis1=1, axis2=2) ** 2, 1),
        (np.trace(Q, axis1=1, axis2=2) ** 4, 3),
        (np.linalg.det(Q), 0),
        (Q[:, 0, 0] ** 2 * Q[:, 1, 1] ** 2, (n + 1) / ((n - 1) * n * (n + 2))),
    ):
        mean, error = mean_and_error(statistic)
        assert np.all(np.abs(mean - want) < error), want
    # A deep linear network of such layers is an isometry.
    np.testing.assert_allclose(np.linalg.norm(np.linalg.multi_dot(Q[:50]), 2), 1.0, rtol=1e-13)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shape", [(5, 2), (2, 5)])
def test_rectangular_kernels_have_the_variance(shape):
    draw = jax.vmap(lambda key: nn.orthogonal_init(key, shape, jnp.float32, gain=2.0))
    W = np.asarray(jax.jit(draw)(jax.random.split(jax.random.key(2), 4000)), np.float64)
    for statistic, want in ((W, 0), (W**2, 4 / 5)):
        mean, error = mean_and_error(statistic)
        assert np.all(np.abs(mean - want) < error)


def test_keeps_the_dtype():
    W = nn.orthogonal_init(jax.random.key(0), (4, 2), jnp.bfloat16)
    assert W.dtype == jnp.bfloat16
    wide = nn.orthogonal_init(jax.random.key(0), (4, 2), jnp.float32)
    np.testing.assert_array_equal(W.astype(jnp.float32), wide.astype(jnp.bfloat16).astype(float))
    with pytest.raises(ValueError, match="argument `gain` must be at least 0"):
        nn.orthogonal_init(jax.random.key(0), (2, 2), gain=-1.0)
