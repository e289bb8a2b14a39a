"""Neighbours against scikit-learn, in blocks; known overlaps of manifolds; copies are seen."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxmath import nn

RNG = np.random.default_rng(0)


def test_blocks_and_many_neighbours():
    X, Y = RNG.standard_normal((11, 3)), RNG.standard_normal((20, 3))
    distances, indices = NearestNeighbors(n_neighbors=5).fit(Y).kneighbors(X)
    for block in (4, 256):
        found = nn.nearest_neighbours(X, Y, k=5, block=block)
        np.testing.assert_allclose(found.distances, distances, rtol=1e-12)
        np.testing.assert_array_equal(found.indices, indices)


def test_a_sample_on_its_own_manifold_has_the_scores_1():
    X = jnp.float32(RNG.standard_normal((41, 2)))
    assert nn.manifold_precision_recall(X, X) == (1.0, 1.0)


def test_copies_far_from_the_origin():
    """A copy is at distance 0 and a near neighbour at its own, where the product cancels."""
    Y = jnp.float32(RNG.standard_normal((30, 4)) + 1000)
    found = nn.nearest_neighbours(Y[:5], Y, k=2)
    np.testing.assert_array_equal(found.distances[:, 0], np.zeros(5))
    np.testing.assert_array_equal(found.indices[:, 0], np.arange(5))
    exact = np.float64(Y)
    want = np.linalg.norm(exact[:5] - exact[found.indices[:, 1]], axis=1)
    np.testing.assert_allclose(found.distances[:, 1], want, rtol=1e-4)
    slope = jax.grad(lambda X: jnp.sum(nn.nearest_neighbours(X, Y).distances))(Y[:5])
    np.testing.assert_array_equal(slope, np.zeros((5, 4)))


def test_nan_is_seen():
    Y = RNG.standard_normal((6, 2))
    broken = Y.copy()
    broken[2, 0] = np.nan
    for X, Z in ((broken, Y), (Y, broken)):
        assert np.all(np.isnan(nn.nearest_neighbours(X, Z).distances))
        assert np.all(np.isnan(nn.manifold_precision_recall(X, Z)))
    assert np.isnan(nn.memorization_ratio(broken, Y, Y))


def test_known_overlap():
    """Two islands of the data: the samples reach one of them, with some on neither."""
    island = lambda n, x: RNG.uniform(-1, 1, (n, 2)) + np.array([x, 0])
    real = np.concatenate([island(60, 0), island(20, 10)])
    samples = np.concatenate([island(60, 0), island(30, 50)])
    scores = nn.manifold_precision_recall(samples, real, block=32)
    assert abs(scores.precision - 60 / 90) < 5 * 0.03
    assert abs(scores.recall - 60 / 80) < 5 * 0.03
    swapped = nn.manifold_precision_recall(real, samples)
    np.testing.assert_array_equal(scores, swapped[::-1])


def test_extremes_of_precision_and_recall():
    real = np.arange(20.0)[:, None]
    np.testing.assert_array_equal(nn.manifold_precision_recall(real, real), [1, 1])
    np.testing.assert_array_equal(nn.manifold_precision_recall(real + 100, real), [0, 0])
    # All samples in one place: on the manifold, and reaching nothing.
    np.testing.assert_array_equal(nn.manifold_precision_recall(0 * real[:7] + 9.5, real), [1, 0])


def test_memorization():
    train, test = RNG.standard_normal((200, 4)), RNG.standard_normal((150, 4))
    fresh, far = RNG.standard_normal((180, 4)), 10 + RNG.standard_normal((50, 4))
    assert nn.memorization_ratio(train[:40], train, test) == 0
    near = nn.memorization_ratio(train[:40] + 0.01, train, test, block=64)
    np.testing.assert_allclose(near, 0.02 / nearest(train, test), rtol=1e-9)
    assert 0.8 < nn.memorization_ratio(fresh, train, test) < 1.25
    assert nn.memorization_ratio(far, train, test) > 5


def nearest(train: np.ndarray, test: np.ndarray) -> float:
    return np.median(NearestNeighbors(n_neighbors=1).fit(train).kneighbors(test)[0])


def test_refusals():
    X = np.ones((4, 2))
    with pytest.raises(ValueError, match="nearest_neighbours: argument `k` must be at most 4"):
        nn.nearest_neighbours(X, X, k=5)
    with pytest.raises(ValueError, match="argument `k` must be at most 3, the neighbours that `re"):
        nn.manifold_precision_recall(np.ones((9, 2)), X, k=4)
    with pytest.raises(ValueError, match="memorization_ratio: argument `test` must have 2 feat"):
        nn.memorization_ratio(X, X, np.ones((4, 3)))
