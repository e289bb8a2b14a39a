"""The measures of a sample together: of known samples, and each as it is by itself."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn

CENTERS = 8.0 * jnp.eye(4, 6)


def _examples(seed, classes, n=100):
    """Points about the classes' centers, and logits that know them."""
    X = CENTERS[jnp.arange(n) % classes] + jax.random.normal(jax.random.key(seed), (n, 6))
    return X, X @ CENTERS.T


def _measured(found):
    (train, _), (test, _) = _examples(1, 4), _examples(2, 4)
    return nn.sample_measures(*found, train, test)


def test_copies_and_missing_classes():
    """New examples are as good as the test's, copies are told by the ratio, lost classes by all."""
    new, copies, two = (_measured(f) for f in (_examples(3, 4), _examples(1, 4), _examples(4, 2)))
    for fine in (new, copies):
        kid = fine.kernel_distance
        assert abs(kid.value) < 4 * kid.standard_error
        np.testing.assert_allclose(fine.classes.shares, 0.25)
        assert min(fine.manifold) > 0.7
        assert fine.classes.confidence > 0.99
    assert 0.7 < new.memorization_ratio < 1.4
    assert copies.memorization_ratio == 0
    assert two.kernel_distance.value > 5 * new.kernel_distance.standard_error
    assert two.frechet_distance > 3 * new.frechet_distance
    assert two.classes.shares.tolist() == [0.5, 0.5, 0.0, 0.0]
    assert two.manifold.precision > 0.7
    assert two.manifold.recall <= 0.5


def test_noise_is_unlike_in_all():
    X = 8.0 * jax.random.uniform(jax.random.key(5), (100, 6))
    new, noise = _measured(_examples(3, 4)), _measured((X, 0.01 * X @ CENTERS.T))
    assert noise.kernel_distance.value > 10 * new.kernel_distance.value
    assert noise.frechet_distance > 3 * new.frechet_distance
    assert noise.manifold.precision < 0.2
    assert noise.classes.confidence < 0.5
    assert noise.memorization_ratio > 2
    broken = _measured((X.at[3, 2].set(jnp.nan), X))
    assert all(np.isnan(a) for a in (*broken.kernel_distance, broken.frechet_distance))
