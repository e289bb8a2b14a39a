"""Adversarial examples where the worst case is known, and where gradients are bad."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn

W = jnp.array([1.0, -2.0, 0.5, 0.0])
KEY = jax.random.key(0)
OPEN = {"lower": -jnp.inf, "upper": jnp.inf}


def test_a_linear_loss_has_its_worst_corner():
    """By brute force over the corners of the ball within the bounds; pgd comes there too."""
    x, epsilon = jnp.array([0.5, 0.1, 0.95, 0.3]), 0.2
    loss = lambda x: x @ W
    by_sign = jax.jit(lambda x: nn.fgsm(loss, x, epsilon))(x)
    by_steps = jax.jit(lambda x: nn.pgd(KEY, loss, x, epsilon, 0.1, 4))(x)
    corners = [
        np.clip(x + epsilon * np.array(s), 0, 1) for s in itertools.product((-1, 1), repeat=4)
    ]
    worst = max(corner @ np.asarray(W) for corner in corners)
    np.testing.assert_allclose([loss(by_sign), loss(by_steps)], worst, rtol=1e-14)
    np.testing.assert_allclose(by_sign, [0.7, 0.0, 1.0, 0.3], rtol=1e-15)
    np.testing.assert_allclose(by_steps[:3], by_sign[:3], rtol=1e-15)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_logistic_regression_has_its_worst_case_in_closed_form(label):
    """max log(1 + e^{−s(wᵀx + b)}) over the ball = log(1 + e^{−s(wᵀx + b) + ε‖w‖₁})."""
    x, b, epsilon = jnp.array([0.3, -1.0, 2.0, 0.5]), 0.2, 0.25
    loss = lambda x: nn.sigmoid_binary_cross_entropy(x @ W + b, label)
    worst = np.logaddexp(0, -(2 * label - 1) * (x @ W + b) + epsilon * np.sum(np.abs(W)))
    attacks = jax.jit(
        lambda x: [nn.fgsm(loss, x, epsilon, **OPEN), nn.pgd(KEY, loss, x, epsilon, 0.1, 6, **OPEN)]
    )(x)
    for attack in attacks:
        np.testing.assert_allclose(loss(attack), worst, rtol=1e-13)


def test_steps_find_what_one_step_cannot():
    """The gradient at x points away from the maximum, which lies at 0.8 within the ball."""
    loss = lambda x: jnp.sum(-jnp.sin(15 * x) + 20 * jnp.maximum(x - 0.55, 0.0))
    x = jnp.array([0.5])
    one = nn.fgsm(loss, x, 0.3)
    keys = jax.random.split(KEY, 20)
    many = jax.jit(jax.vmap(lambda key: nn.pgd(key, loss, x, 0.3, 0.02, 40)))(keys)
    assert jnp.max(jax.vmap(loss)(many)) > loss(one) + 1
    assert np.all(np.abs(many - 0.5) <= 0.3 * (1 + 1e-14))


def test_the_start_is_uniform_in_the_ball():
    """A constant loss leaves the start; without one fgsm leaves x."""
    keys = jax.random.split(KEY, 4000)
    flat = lambda x: 0.0 * jnp.sum(x)
    x, epsilon = jnp.array([0.5, 0.05]), 0.1
    starts = jax.jit(jax.vmap(lambda key: nn.pgd(key, flat, x, epsilon, 0.1, 3) - x))(keys)
    assert np.all(np.abs(starts) <= epsilon)
    assert np.all(starts[:, 1] >= -0.05 - 1e-15)
    error = epsilon / np.sqrt(3) / np.sqrt(len(keys))
    assert abs(np.mean(starts[:, 0])) < 5 * error
    assert abs(np.var(starts[:, 0]) - epsilon**2 / 3) < 5 * epsilon**2 * np.sqrt(4 / 45 / len(keys))
    assert abs(np.mean(starts[:, 1] == -0.05) - 0.25) < 5 * np.sqrt(0.1875 / len(keys))
    np.testing.assert_array_equal(nn.fgsm(flat, x, epsilon), x)


def test_a_nan_gradient_is_reported():
    loss = lambda x: jnp.sum(jnp.sqrt(x * jnp.array([1.0, 0.0])) * jnp.array([1.0, 0.0]))
    x = jnp.array([0.5, 0.5])  # the derivative of √0 times 0
    for attack in jax.jit(lambda x: [nn.fgsm(loss, x, 0.1), nn.pgd(KEY, loss, x, 0.1, 0.1, 2)])(x):
        np.testing.assert_array_equal(np.isnan(attack), [False, True])


def test_no_room_and_images():
    loss = lambda x: jnp.sum(x)
    x = jnp.full((2, 3, 1), 0.25)
    same = jax.jit(lambda x: (nn.fgsm(loss, x, 0.0), nn.pgd(KEY, loss, x, 0.0, 0.1, 2)))(x)
    for attack in same:
        np.testing.assert_array_equal(attack, x)
    with pytest.raises(ValueError, match="fgsm: argument `lower` must be a number, got nan"):
        nn.fgsm(loss, x, 0.1, lower=np.nan)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_stays_in_the_ball(dtype):
    x, w = jax.random.uniform(KEY, (300,)).astype(dtype), jax.random.normal(KEY, (300,))
    loss = lambda z: jnp.sum(z * w.astype(dtype))
    for epsilon in (8 / 255, 1e-3):
        for z in (nn.fgsm(loss, x, epsilon), nn.pgd(KEY, loss, x, epsilon, epsilon, 3)):
            assert z.dtype == dtype
            assert np.max(np.abs(z.astype(np.float64) - x.astype(np.float64))) <= epsilon
