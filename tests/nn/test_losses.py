"""Hand-derived gradients, extreme logits, labels out of range, and small losses in full."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import pytest
from scipy import special

from jaxmath import nn

LOGITS = jnp.array([0.3, -1.2, 2.0, 0.0])
ce_and_grad = jax.jit(jax.value_and_grad(nn.softmax_cross_entropy))
ce_forward = jax.jit(jax.jacfwd(nn.softmax_cross_entropy))
bce_and_grads = jax.jit(jax.value_and_grad(nn.sigmoid_binary_cross_entropy, argnums=(0, 1)))


@pytest.mark.parametrize("label", range(4))
def test_softmax_gradient_is_softmax_minus_one_hot(label):
    gradient = ce_and_grad(LOGITS, label)[1]
    want = special.softmax(np.asarray(LOGITS)) - np.eye(4)[label]
    np.testing.assert_allclose(gradient, want, rtol=1e-13, atol=1e-15)
    forward = ce_forward(LOGITS, label)
    np.testing.assert_allclose(forward, want, rtol=1e-13, atol=1e-15)


def test_softmax_hessian_is_the_covariance_of_the_class():
    p = special.softmax(np.asarray(LOGITS))
    for hessian in (jax.hessian, lambda f: jax.jacrev(jax.jacrev(f))):
        H = jax.jit(hessian(nn.softmax_cross_entropy))(LOGITS, 1)
        np.testing.assert_allclose(H, np.diag(p) - np.outer(p, p), rtol=1e-12, atol=1e-15)


def test_softmax_agrees_with_optax():
    rng = np.random.default_rng(0)
    logits, labels = jnp.asarray(3 * rng.standard_normal((32, 7))), jnp.arange(32) % 7
    ours = jax.jit(jax.vmap(nn.softmax_cross_entropy))(logits, labels)
    theirs = jax.jit(optax.softmax_cross_entropy_with_integer_labels)(logits, labels)
    np.testing.assert_allclose(ours, theirs, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_softmax_extreme_logits(dtype, size):
    logits = jnp.array([size, -size, 0.0], dtype)
    for label, (loss, gradient) in {
        0: (0.0, [0.0, 0.0, 0.0]),
        1: (2 * size, [1.0, -1.0, 0.0]),
        2: (size, [1.0, 0.0, -1.0]),
    }.items():
        value, found = ce_and_grad(logits, label)
        np.testing.assert_allclose(value, loss, rtol=1e-6)
        np.testing.assert_array_equal(found, gradient)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_small_losses_and_their_gradients_keep_their_digits(dtype):
    """log Σ e^z − z_y would be exactly 0 here from a gap of 17 on in float32."""
    rtol = 64 * float(jnp.finfo(dtype).eps)
    for gap in (0.0, 1.0, 20.0, 60.0):
        logits = jnp.array([100.0, 100.0 - gap, 99.0 - gap], dtype)
        value, gradient = ce_and_grad(logits, 0)
        with mpmath.workdps(50):
            a, b = mpmath.exp(-gap), mpmath.exp(-gap - 1)
            loss, total = mpmath.log1p(a + b), 1 + a + b
            want = [-(a + b) / total, a / total, b / total]
            np.testing.assert_allclose(value, float(loss), rtol=rtol)
            np.testing.assert_allclose(gradient, [float(w) for w in want], rtol=rtol)


def test_softmax_masked_classes():
    logits = jnp.array([-jnp.inf, 1.0, -jnp.inf, 2.0])
    value, gradient = ce_and_grad(logits, 1)
    np.testing.assert_allclose(value, np.log1p(np.e), rtol=1e-14)
    s = special.expit(1.0)
    np.testing.assert_allclose(gradient, [0.0, -s, 0.0, s], rtol=1e-14)
    value, gradient = ce_and_grad(logits, 0)
    assert value == np.inf
    np.testing.assert_allclose(gradient, [-1.0, 1 - s, 0.0, s], rtol=1e-14)


@pytest.mark.parametrize("label", [-1, 4, 100, np.uint8(200), np.int64(2**32)])
def test_softmax_label_out_of_range_is_nan(label):
    value, gradient = ce_and_grad(LOGITS, label)
    assert np.isnan(value)
    assert np.all(np.isnan(gradient))


def test_softmax_of_one_class_and_shift():
    value, gradient = ce_and_grad(jnp.array([3.0]), 0)
    assert (value, gradient[0]) == (0.0, 0.0)
    shifted = ce_and_grad(LOGITS + 8.0, 2)[0]
    np.testing.assert_allclose(shifted, ce_and_grad(LOGITS, 2)[0], rtol=1e-13)


@pytest.mark.parametrize("label", [np.uint8(2), np.int32(2), 2])
def test_softmax_takes_every_integer_dtype(label):
    logits = jnp.arange(300.0) / 100  # more classes than a uint8 can count
    loss = jax.jit(nn.softmax_cross_entropy)(logits, label)
    want = special.logsumexp(np.asarray(logits)) - float(logits[2])
    np.testing.assert_allclose(loss, want, rtol=1e-13)


@pytest.mark.parametrize("label", [0.0, 0.25, 1.0])
def test_sigmoid_hand_derived_gradient(label):
    for logit in (-3.0, 0.0, 5.0):
        value, (by_logit, by_label) = bce_and_grads(logit, label)
        want = np.logaddexp(0, logit) - label * logit
        np.testing.assert_allclose(value, want, rtol=1e-12)
        np.testing.assert_allclose(by_logit, special.expit(logit) - label, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(by_label, -logit, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_extreme_logits(dtype):
    for size in (1e4, 1e30):
        for logit, label, loss, gradient in (
            (size, 1.0, 0.0, 0.0),
            (size, 0.0, size, 1.0),
            (-size, 1.0, size, -1.0),
            (-size, 0.5, size / 2, -0.5),
        ):
            value, (found, _) = bce_and_grads(jnp.asarray(logit, dtype), jnp.asarray(label, dtype))
            np.testing.assert_allclose([value, found], [loss, gradient], rtol=1e-6)
    small = bce_and_grads(jnp.asarray(40.0, dtype), jnp.asarray(1.0, dtype))
    np.testing.assert_allclose(small[0], np.exp(-40.0), rtol=1e-5)
    np.testing.assert_allclose(small[1][0], -np.exp(-40.0), rtol=1e-5)


@pytest.mark.parametrize("label", [-0.1, 1.5, np.nan])
def test_sigmoid_label_out_of_range_is_nan(label):
    value, gradients = bce_and_grads(0.5, label)
    assert np.all(np.isnan([value, *gradients]))


def test_sigmoid_is_softmax_of_two_classes():
    for z in (-2.0, 0.5, 9.0):
        pair = nn.softmax_cross_entropy(jnp.array([0.0, z]), 1)
        np.testing.assert_allclose(nn.sigmoid_binary_cross_entropy(z, 1.0), pair, rtol=1e-12)


def test_integer_labels_keep_the_dtype_of_the_logits():
    half = nn.sigmoid_binary_cross_entropy(jnp.float32(0.0), jnp.int32(1))
    assert half.dtype == jnp.float32
    assert nn.squared_error(jnp.ones(2, jnp.float32), jnp.arange(2)).dtype == jnp.float32


def test_squared_error_hand_derived():
    prediction, target = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.0, 1.0, 0.5])
    value, gradient = jax.jit(jax.value_and_grad(nn.squared_error))(prediction, target)
    assert value == 5.0
    np.testing.assert_array_equal(gradient, prediction - target)
    hessian = jax.jit(jax.hessian(nn.squared_error))(prediction, target)
    np.testing.assert_array_equal(hessian, np.eye(3))
    assert nn.squared_error(3.0, 1.0) == 2.0
