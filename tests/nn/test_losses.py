"""Hand-derived gradients, limits, large errors, and the weighted mean of a batch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn import metrics

from jaxmath import nn


def test_squared_error_hand_derived():
    prediction, target = jnp.array([1.0, -2.0, 0.5]), jnp.array([0.0, 1.0, 0.5])
    value, gradient = jax.jit(jax.value_and_grad(nn.squared_error))(prediction, target)
    assert value == 5.0
    np.testing.assert_array_equal(gradient, prediction - target)
    hessian = jax.jit(jax.hessian(nn.squared_error))(prediction, target)
    np.testing.assert_array_equal(hessian, np.eye(3))
    assert nn.squared_error(3.0, 1.0) == 2.0
    assert nn.squared_error(jnp.ones(2, jnp.float32), jnp.arange(2)).dtype == jnp.float32


ERRORS = jnp.array([-1e30, -3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 1.5, 1e30])
huber = jax.jit(
    jax.vmap(jax.value_and_grad(lambda e, d: nn.huber_loss(e, 0 * e, delta=d)), (0, None))
)


@pytest.mark.parametrize("delta", [0.3, 1.0, 2.0])
def test_huber_slope_is_the_clipped_error(delta):
    value, slope = huber(ERRORS, delta)
    np.testing.assert_array_equal(slope, np.clip(ERRORS, -delta, delta))
    np.testing.assert_allclose(value, optax.huber_loss(ERRORS, delta=delta), rtol=1e-14)


def test_huber_limits():
    """½ e² for δ → ∞ and δ |e| for δ → 0, in float32 at the ends of its range too."""
    e = np.asarray(ERRORS)
    np.testing.assert_array_equal(huber(ERRORS, 1e32)[0], e**2 / 2)
    np.testing.assert_allclose(huber(ERRORS, 1e-9)[0] / 1e-9, np.abs(e), atol=1e-9)
    value, slope = huber(jnp.full(9, 3e38, jnp.float32), jnp.float32(1.0))
    np.testing.assert_array_equal(value, np.full(9, np.float32(3e38)))
    np.testing.assert_array_equal(slope, np.ones(9))
    by_delta = jax.jit(jax.grad(lambda d: nn.huber_loss(3.0, 0.0, delta=d)))(1.0)
    np.testing.assert_allclose(by_delta, 2.0)
    with pytest.raises(ValueError, match="argument `delta` must be above 0"):
        nn.huber_loss(1.0, 0.0, delta=0.0)


def test_absolute_error_is_least_at_the_median():
    data = jnp.array([0.0, 1.0, 5.0, 7.0, 100.0])
    total = jax.jit(jax.vmap(lambda m: nn.absolute_error(jnp.full(5, m), data)))
    grid = jnp.linspace(-10.0, 110.0, 241)
    np.testing.assert_allclose(grid[jnp.argmin(total(grid))], np.median(data))
    gradient = jax.jit(jax.grad(nn.absolute_error))(data, data.at[0].add(1.0))
    np.testing.assert_array_equal(gradient, [-1.0, 0.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("shape", [(7,), (7, 3), (1,)])
def test_statistics_agree_with_scikit_learn(shape):
    Y_hat, Y = np.random.default_rng(0).standard_normal((2, *shape))
    mse, mae = metrics.mean_squared_error(Y, Y_hat), metrics.mean_absolute_error(Y, Y_hat)
    np.testing.assert_allclose(nn.mean_squared_error(Y_hat, Y), mse, rtol=1e-14)
    np.testing.assert_allclose(nn.mean_absolute_error(Y_hat, Y), mae, rtol=1e-14)
    np.testing.assert_allclose(nn.root_mean_squared_error(Y_hat, Y), np.sqrt(mse), rtol=1e-14)


def test_root_mean_squared_error_at_a_perfect_fit_and_far_from_one():
    y = jnp.array([1.0, 2.0, 3.0], jnp.float32)
    value, gradient = jax.jit(jax.value_and_grad(nn.root_mean_squared_error))(y, y)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros(3))
    far = nn.root_mean_squared_error(jnp.full(4, 2e30, jnp.float32), jnp.zeros(4, jnp.float32))
    np.testing.assert_allclose(far, 2e30, rtol=1e-6)


mean_and_grads = jax.jit(jax.value_and_grad(nn.weighted_mean, argnums=(0, 1)))


def test_weighted_mean_hand_derived():
    """∂L̄/∂Lᵢ = wᵢ / Σw, and ∂L̄/∂wᵢ = (Lᵢ − L̄) / Σw at a weight of 0 too."""
    losses, weights = jnp.array([1.0, 4.0, 2.0]), jnp.array([3.0, 0.0, 1.0])
    mean, (by_losses, by_weights) = mean_and_grads(losses, weights)
    np.testing.assert_allclose(mean, np.average(losses, weights=weights), rtol=1e-15)
    np.testing.assert_allclose(by_losses, weights / 4, rtol=1e-15)
    np.testing.assert_allclose(by_weights, (losses - mean) / 4, rtol=1e-14)


def test_weighted_mean_of_none():
    for losses in (jnp.array([1.0, 2.0]), jnp.array([jnp.nan, jnp.inf])):
        mean, gradients = mean_and_grads(losses, jnp.zeros(2))
        assert mean == 0.0
        assert not np.any(gradients)
    assert nn.weighted_mean(jnp.zeros(0), jnp.zeros(0)) == 0.0
    bad = jnp.array([jnp.nan, 2.0, jnp.inf])
    assert mean_and_grads(bad, jnp.array([0.0, 2.0, 0.0]))[0] == 2.0
    assert np.isnan(mean_and_grads(bad, jnp.ones(3))[0])


def test_weighted_mean_of_a_padded_batch():
    """The mean over the examples that count is that of the batch without the others."""
    logits = jnp.asarray(np.random.default_rng(0).standard_normal((5, 3)), jnp.float32)
    labels = jnp.array([0, 2, -1, 1, -1])

    def loss(logits, labels):
        each = jax.vmap(lambda z, y: nn.softmax_cross_entropy(z, y, ignore_label=-1))
        return nn.weighted_mean(each(logits, labels), labels != -1)

    kept = np.array([0, 1, 3])
    both = jax.jit(jax.value_and_grad(loss))
    value, gradient = both(logits.at[2].set(jnp.nan), labels)
    want, want_gradient = both(logits[kept], labels[kept])
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, want, rtol=1e-6)
    np.testing.assert_allclose(gradient[kept], want_gradient, rtol=1e-6)
    np.testing.assert_array_equal(gradient[2::2], np.zeros((2, 3)))


def test_weighted_mean_in_half_precision():
    """The sums are of float32: in float16 the one would be ∞, the other stall."""
    half = lambda n, value: jnp.full(n, value, jnp.float16)
    assert nn.weighted_mean(half(70_000, 0.5), jnp.ones(70_000, bool)) == jnp.float16(0.5)
    assert nn.weighted_mean(half(1_000, 100.0), half(1_000, 1.0)) == jnp.float16(100.0)


def test_root_mean_squared_error_of_many_in_half_precision():
    """√(n d) ones squared: 70 000 are beyond float16."""
    loss = jax.value_and_grad(nn.root_mean_squared_error)
    value, gradient = loss(jnp.ones(70_000, jnp.float16), jnp.zeros(70_000, jnp.float16))
    assert value == jnp.float16(1.0)
    np.testing.assert_array_equal(gradient, np.float16(1 / 70_000))


def test_huber_loss_of_nan_has_gradient_nan():
    assert np.isnan(jax.grad(nn.huber_loss)(jnp.nan, 0.0))


@pytest.mark.parametrize(("dtype", "delta"), [("float32", np.inf), ("float16", 1e5)])
def test_huber_without_a_bound_is_the_squared_error(dtype, delta):
    """δ = ∞, given so or rounded to it: the linear branch, not taken, gives no 0 · ∞."""
    loss = lambda e: nn.huber_loss(e, jnp.zeros_like(e), delta=delta)
    e = jnp.array([-2.0, 0.0, 1.0], dtype)
    value, slope = jax.value_and_grad(loss)(e)
    assert value == 2.5
    np.testing.assert_array_equal(slope, e)
    np.testing.assert_array_equal(jax.hessian(loss)(e), np.eye(3))
