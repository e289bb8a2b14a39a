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


soft_and_grads = jax.jit(
    jax.value_and_grad(nn.softmax_cross_entropy_with_soft_labels, argnums=(0, 1))
)


@pytest.mark.parametrize("target", [[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 0], [0, 1, 1, 0], [0.0] * 4])
def test_soft_labels_hand_derived(target):
    """∂L/∂z = Q softmax(z) − q and ∂L/∂q = −log softmax(z), with ties at the top too."""
    q = np.array(target, float)
    for logits in (np.asarray(LOGITS), np.array([2.0, 2.0, 1.0, 2.0])):
        value, (by_logits, by_target) = soft_and_grads(jnp.asarray(logits), jnp.asarray(q))
        log_p = special.log_softmax(logits)
        np.testing.assert_allclose(value, -q @ log_p, rtol=1e-13)
        want = q.sum() * np.exp(log_p) - q
        np.testing.assert_allclose(by_logits, want, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(by_target, -log_p, rtol=1e-13)


def test_soft_labels_second_derivatives():
    """The Hessian is Q (diag p − p pᵀ), at a tie too, and the mixed one 1 pᵀ − I."""
    fn, q = nn.softmax_cross_entropy_with_soft_labels, jnp.array([0.5, 0.0, 1.0, 0.5])
    both = jax.jit(lambda z: (jax.hessian(fn)(z, q), jax.jacrev(jax.grad(fn, 1))(z, q)))
    for logits in (LOGITS, jnp.array([2.0, 2.0, 1.0, 2.0])):
        H, M = both(logits)
        p = special.softmax(np.asarray(logits))
        np.testing.assert_allclose(H, 2 * (np.diag(p) - np.outer(p, p)), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(M, np.ones((4, 1)) * p - np.eye(4), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_soft_labels_of_one_class_are_the_integer_label(dtype):
    """To the digits of small losses and their gradients, and at extreme and masked logits."""
    rtol = 64 * float(jnp.finfo(dtype).eps)
    rows = [[100.0, 60.0, 59.0], [1e4, -1e4, 0.0], [1e30, -1e30, 0.0], [3.0, -np.inf, 1.0]]
    for row in rows:
        logits = jnp.array(row, dtype)
        for label in range(3):
            value, gradient = ce_and_grad(logits, label)
            soft, (by_logits, _) = soft_and_grads(logits, jnp.eye(3, dtype=dtype)[label])
            np.testing.assert_allclose(soft, value, rtol=rtol)
            np.testing.assert_allclose(by_logits, gradient, rtol=rtol)


def test_soft_labels_agree_with_optax():
    rng = np.random.default_rng(0)
    logits, q = jnp.asarray(3 * rng.standard_normal((32, 7))), rng.dirichlet(np.ones(7), 32)
    ours = jax.jit(jax.vmap(nn.softmax_cross_entropy_with_soft_labels))(logits, q)
    np.testing.assert_allclose(ours, optax.softmax_cross_entropy(logits, q), rtol=1e-13)


def test_soft_labels_negative_is_nan():
    value, gradients = soft_and_grads(LOGITS, jnp.array([-0.1, 0.1, 0.5, 0.5]))
    assert np.isnan(value)
    assert np.all(np.isnan(gradients))


smooth_and_grad = jax.jit(
    jax.value_and_grad(lambda z, y, e: nn.softmax_cross_entropy(z, y, label_smoothing=e))
)


def test_label_smoothing():
    """Keras's and optax's (1 − ε) e_y + ε/k; ε = 0 is none, ε = 1 forgets the label."""
    p = special.softmax(np.asarray(LOGITS))
    for epsilon in (0.0, 0.1, 1.0):
        target = (1 - epsilon) * np.eye(4)[2] + epsilon / 4
        np.testing.assert_allclose(target, optax.smooth_labels(jnp.eye(4)[2], epsilon), rtol=1e-15)
        value, gradient = smooth_and_grad(LOGITS, 2, epsilon)
        np.testing.assert_allclose(value, -target @ np.log(p), rtol=1e-13)
        np.testing.assert_allclose(gradient, p - target, rtol=1e-12, atol=1e-15)
    static = jax.jit(lambda z: nn.softmax_cross_entropy(z, 2, label_smoothing=0.1))(LOGITS)
    np.testing.assert_allclose(static, smooth_and_grad(LOGITS, 2, 0.1)[0], rtol=1e-15)
    assert np.all(np.isnan(smooth_and_grad(LOGITS, 4, 0.1)[1]))
    value, gradient = smooth_and_grad(jnp.array([1e4, -1e4, 0.0, 0.0]), 0, 0.1)
    np.testing.assert_allclose(value, 0.025 * 4e4, rtol=1e-12)
    np.testing.assert_allclose(gradient, [0.075, -0.025, -0.025, -0.025], rtol=1e-12)
    value, gradient = smooth_and_grad(jnp.array([-jnp.inf, 1.0, 1.0, 1.0]), 1, 0.1)
    assert value == np.inf
    assert np.all(np.isfinite(gradient))
    with pytest.raises(ValueError, match="argument `label_smoothing` must be at least 0"):
        nn.softmax_cross_entropy(LOGITS, 2, label_smoothing=-0.1)


def test_sigmoid_label_smoothing():
    smoothed = jax.jit(lambda z, y: nn.sigmoid_binary_cross_entropy(z, y, label_smoothing=0.2))
    for label, target in ((1.0, 0.9), (0.0, 0.1), (0.5, 0.5)):
        plain = bce_and_grads(1.5, target)[0]
        np.testing.assert_allclose(smoothed(1.5, label), plain, rtol=1e-14)
    assert np.isnan(smoothed(1.5, 1.1))


def test_sigmoid_infinite_logits():
    for logit, label, loss, gradient in (
        (-np.inf, 0.0, 0.0, 0.0),
        (np.inf, 1.0, 0.0, 0.0),
        (-np.inf, 1.0, np.inf, -1.0),
        (np.inf, 0.0, np.inf, 1.0),
        (np.inf, 0.5, np.inf, 0.5),
    ):
        value, (by_logit, _) = bce_and_grads(logit, label)
        assert (value, by_logit) == (loss, gradient), (logit, label)


def test_an_ignored_label_has_no_loss_and_no_gradient():
    """Whatever the logits: a batch's padding may hold anything."""
    for ignore, epsilon in ((-1, 0.0), (2, 0.1)):
        loss = jax.jit(
            jax.value_and_grad(
                lambda z, y, i=ignore, e=epsilon: nn.softmax_cross_entropy(
                    z, y, ignore_label=i, label_smoothing=e
                )
            )
        )
        for logits in (LOGITS, jnp.full(4, jnp.nan), jnp.full(4, -jnp.inf)):
            value, gradient = loss(logits, ignore)
            assert value == 0.0
            np.testing.assert_array_equal(gradient, np.zeros(4))
        counted = smooth_and_grad(LOGITS, 1, epsilon)[0]
        np.testing.assert_allclose(loss(LOGITS, 1)[0], counted, rtol=1e-14)
        assert np.isnan(loss(LOGITS, -2)[0])
    binary = jax.jit(
        jax.value_and_grad(lambda z, y: nn.sigmoid_binary_cross_entropy(z, y, ignore_label=-1))
    )
    assert binary(jnp.nan, -1) == (0.0, 0.0)
    np.testing.assert_allclose(binary(2.0, 1)[0], bce_and_grads(2.0, 1.0)[0], rtol=1e-15)
    with pytest.raises(TypeError, match="argument `ignore_label` must be an integer"):
        nn.softmax_cross_entropy(LOGITS, 1, ignore_label=-1.0)


@pytest.mark.parametrize("loss", [
    lambda z: nn.softmax_cross_entropy(z, 0),
    lambda z: nn.softmax_cross_entropy(z, 0, label_smoothing=0.5),
    lambda z: nn.softmax_cross_entropy_with_soft_labels(z, jnp.zeros_like(z).at[0].set(1.0)),
], ids=["label", "smoothed", "soft"])  # fmt: skip
def test_more_classes_than_float16_counts(loss):
    n = 70_000
    value, gradient = jax.jit(jax.value_and_grad(loss))(jnp.zeros(n, jnp.float16))
    assert value.dtype == gradient.dtype == jnp.float16
    assert value == np.float16(np.log(n))
    wide = jax.jit(jax.grad(loss))(jnp.zeros(n))
    np.testing.assert_allclose(gradient, wide, rtol=2e-3, atol=6e-8)  # float16's least number
