"""Penalties of quadratic critics, whose gradients in the parameters are known."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(3, 3)), RNG.normal(size=3)
X, Y, EPSILON = RNG.normal(size=3), RNG.normal(size=3), 0.3
S = (A + A.T) / 2


def critic(params):
    A, b = params
    return lambda x: 0.5 * x @ (A @ x) + b @ x


def test_gradient_penalty_by_hand():
    """With g = S x̂ + b, n = ‖g‖, u = g/n: ∂/∂b = 2 (n − 1) u, ∂/∂A = sym(∂/∂b x̂ᵀ)."""
    loss = lambda params, x, y: nn.gradient_penalty(critic(params), x, y, EPSILON)
    value, gradients = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))((A, B), X, Y)
    middle = EPSILON * X + (1 - EPSILON) * Y
    g = S @ middle + B
    n = np.linalg.norm(g)
    by_b = 2 * (n - 1) * g / n
    np.testing.assert_allclose(value, (n - 1) ** 2, rtol=1e-13)
    np.testing.assert_allclose(gradients[0][1], by_b, rtol=1e-12)
    by_a = np.outer(by_b, middle)
    np.testing.assert_allclose(gradients[0][0], (by_a + by_a.T) / 2, rtol=1e-12)
    np.testing.assert_allclose(gradients[1], EPSILON * S @ by_b, rtol=1e-12)
    np.testing.assert_allclose(gradients[2], (1 - EPSILON) * S @ by_b, rtol=1e-12)


def test_zero_centered_penalty_by_hand():
    """½ ‖S x + b‖² has ∂/∂b = g, ∂/∂A = sym(g xᵀ), ∂/∂x = S g."""
    loss = lambda params, x: nn.zero_centered_penalty(critic(params), x)
    value, gradients = jax.jit(jax.value_and_grad(loss, (0, 1)))((A, B), X)
    g = S @ X + B
    np.testing.assert_allclose(value, g @ g / 2, rtol=1e-13)
    np.testing.assert_allclose(gradients[0][1], g, rtol=1e-12)
    np.testing.assert_allclose(gradients[0][0], (np.outer(g, X) + np.outer(X, g)) / 2, rtol=1e-12)
    np.testing.assert_allclose(gradients[1], S @ g, rtol=1e-12)


def test_a_critic_of_slope_one_pays_nothing_and_a_flat_one_has_a_finite_gradient():
    image = jnp.asarray(RNG.normal(size=(2, 2, 1)))
    direction = jnp.full((2, 2, 1), 0.5)
    loss = lambda w: nn.gradient_penalty(lambda x: jnp.sum(w * x) + 5, image, -image, EPSILON)
    slope = jax.jit(jax.value_and_grad(loss))
    np.testing.assert_allclose(slope(direction)[0], 0.0, atol=1e-30)
    value, gradient = slope(jnp.zeros_like(direction))
    assert value == 1
    np.testing.assert_array_equal(gradient, 0)
    low = nn.gradient_penalty(jnp.sum, image.astype(jnp.bfloat16), image, EPSILON)
    assert low.dtype == jnp.bfloat16


def test_penalties_of_a_batch_train_a_network():
    """A critic of one hidden layer comes to slope 1 along the line between its two points."""
    W, v = 0.5 * RNG.normal(size=(8, 1)), 0.5 * RNG.normal(size=8)
    epsilons = jnp.linspace(0, 1, 5)

    def loss(params):
        one = lambda e: nn.gradient_penalty(
            lambda x: params[1] @ jnp.tanh(params[0] @ x), jnp.ones(1), -jnp.ones(1), e
        )
        return jnp.mean(jax.vmap(one)(epsilons))

    step = lambda _, p: jax.tree.map(lambda a, g: a - 0.1 * g, p, jax.grad(loss)(p))
    end = jax.jit(lambda p: loss(jax.lax.fori_loop(0, 300, step, p)))((W, v))
    assert end < 0.02 * loss((jnp.asarray(W), jnp.asarray(v)))
