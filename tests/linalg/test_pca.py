"""Principal components: scikit-learn, reconstruction, signs, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import PCA

from jaxmath.linalg.pca import pca
from tests.linalg.svd_family import assert_derivatives

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(9, 4), (4, 6), (5, 1)])
def test_against_scikit_learn(shape):
    """Up to its signs; ours make the leading entry of each component positive."""
    X = RNG.normal(size=shape) * (1 + np.arange(shape[1])) + 3.0
    k = min(3, min(shape) - 1) or 1
    got, want = pca(jnp.asarray(X), k), PCA(k, svd_solver="full").fit(X)
    signs = np.sign(np.sum(np.asarray(got.components) * want.components_, axis=1))
    np.testing.assert_allclose(got.components, want.components_ * signs[:, None], atol=1e-12)
    np.testing.assert_allclose(got.explained_variance, want.explained_variance_, rtol=1e-12)
    np.testing.assert_allclose(got.scores, want.transform(X) * signs, atol=1e-11)
    np.testing.assert_allclose(got.mean, X.mean(axis=0), rtol=1e-13)
    lead = np.argmax(np.abs(got.components), axis=1)
    assert (np.asarray(got.components)[np.arange(k), lead] > 0).all()


def test_all_components_reconstruct_the_data():
    X = jnp.asarray(RNG.normal(size=(6, 4)))
    fit = pca(X, 4)
    np.testing.assert_allclose(fit.scores @ fit.components + fit.mean[None, :], X, atol=1e-14)
    covariance = np.cov(np.asarray(fit.scores).T)
    np.testing.assert_allclose(covariance, np.diag(fit.explained_variance), atol=1e-14)


def test_a_large_mean_costs_no_accuracy_beyond_its_rounding():
    """The covariance would square the mean; the centred data do not."""
    X = jnp.asarray(RNG.normal(size=(8, 3)), jnp.float32)
    shifted = pca(X + 1024.0, 2)
    np.testing.assert_allclose(shifted.explained_variance, pca(X, 2).explained_variance, rtol=1e-3)


@pytest.mark.full
def test_derivatives():
    X = RNG.normal(size=(5, 3))
    assert_derivatives(lambda X: pca(X, 2).components, X)
    assert_derivatives(lambda X: pca(X, 2).explained_variance, X)
    square = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    assert all(jnp.isfinite(g).all() for g in jax.jit(jax.jacobian(lambda X: pca(X, 2)))(square))
