"""The hinge losses against scikit-learn and optax, their kinks, and labels out of range."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn import metrics

from jaxmath import nn

hinge = jax.jit(jax.value_and_grad(nn.hinge_loss))
multiclass = jax.jit(jax.value_and_grad(nn.multiclass_hinge_loss))


def test_hinge_slopes():
    for score, label, loss, slope in (
        (0.25, 1, 0.75, -1.0),
        (0.25, -1, 1.25, 1.0),
        (1.0, 1, 0.0, 0.0),
        (-1.0, -1, 0.0, 0.0),
        (1e30, 1, 0.0, 0.0),
        (1e30, -1, 1e30, 1.0),
        (-np.inf, -1, 0.0, 0.0),
        (-np.inf, 1, np.inf, -1.0),
    ):
        assert hinge(score, label) == (loss, slope)


@pytest.mark.parametrize("label", [0, 0.5, 2, np.nan])
def test_hinge_label_out_of_range_is_nan(label):
    assert np.all(np.isnan(hinge(0.25, label)))


def test_agree_with_scikit_learn_and_optax():
    rng = np.random.default_rng(0)
    scores, labels = rng.standard_normal((40, 5)), rng.integers(5, size=40)
    ours = jax.jit(jax.vmap(nn.multiclass_hinge_loss))(scores, labels)
    np.testing.assert_allclose(ours.mean(), metrics.hinge_loss(labels, scores), rtol=1e-13)
    theirs = optax.losses.multiclass_hinge_loss(scores, labels)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    signs = 2 * (labels > 2) - 1
    ours = jax.jit(jax.vmap(nn.hinge_loss))(scores[:, 0], signs)
    np.testing.assert_allclose(ours.mean(), metrics.hinge_loss(signs, scores[:, 0]), rtol=1e-13)


def test_multiclass_slopes():
    for scores, label, loss, gradient in (
        ([2.0, 1.5, 0.0], 0, 0.5, [-1, 1, 0]),
        ([2.0, 1.0, 0.0], 0, 0.0, [0, 0, 0]),
        ([2.0, 0.0, 2.0], 1, 3.0, [0.5, -1, 0.5]),
        ([1e30, -1e30, 0.0], 1, 2e30, [1, -1, 0]),
        ([1e30, -1e30, 0.0], 0, 0.0, [0, 0, 0]),
        ([0.0, -np.inf, -np.inf], 0, 0.0, [0, 0, 0]),
        ([0.0, -np.inf, -1.0], 1, np.inf, [1, -1, 0]),
    ):
        value, found = multiclass(jnp.array(scores), label)
        assert value == loss
        np.testing.assert_array_equal(found, gradient)
    value, gradient = multiclass(jnp.array([3.0]), 0)
    assert (value, gradient[0]) == (0.0, 0.0)


def test_two_classes_are_the_binary_loss():
    """With scores −z/2 and z/2 the lead of class 1 is z."""
    for z in (-2.0, 0.5, 3.0):
        pair = jnp.array([-z / 2, z / 2])
        np.testing.assert_allclose(multiclass(pair, 1)[0], nn.hinge_loss(z, 1))
        np.testing.assert_allclose(multiclass(pair, 0)[0], nn.hinge_loss(z, -1))


@pytest.mark.parametrize("label", [-1, 3])
def test_multiclass_label_out_of_range_is_nan(label):
    value, gradient = multiclass(jnp.array([1.0, 0.0, 2.0]), label)
    assert np.isnan(value)
    assert np.all(np.isnan(gradient))
