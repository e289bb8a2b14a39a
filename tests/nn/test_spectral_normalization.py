"""Power iteration: convergence to the norm, the paper's gradient, kernels that move or vanish."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn

RNG = np.random.default_rng(0)
KERNEL = jnp.asarray(RNG.normal(size=(3, 3, 2, 5)))
MATRIX = np.asarray(KERNEL).reshape(-1, 5).T
START = nn.spectral_norm_init(jax.random.key(0), KERNEL, num_steps=1)
train = jax.jit(nn.spectral_norm_train, static_argnames="num_steps")


def test_the_estimate_rises_to_the_norm_of_the_matrix():
    """‖W̄‖ falls to 1 from above, by (σ₂/σ₁)⁴ a step."""
    state, norms = START, []
    for _ in range(60):
        normalized, state = train(state, KERNEL)
        norms.append(np.linalg.norm(np.reshape(normalized, (-1, 5)), 2))
    excess = np.array(norms) - 1
    assert np.all(np.diff(norms) <= 1e-15)
    np.testing.assert_allclose(norms[-1], 1.0, rtol=1e-12)
    s = np.linalg.svd(MATRIX, compute_uv=False)
    np.testing.assert_allclose(excess[6] / excess[5], (s[1] / s[0]) ** 4, rtol=0.05)
    many, after = train(START, KERNEL, num_steps=60)
    np.testing.assert_allclose(many, normalized, rtol=1e-12)
    np.testing.assert_allclose(after.u, state.u, rtol=1e-12)


def test_the_gradient_of_the_paper():
    """∂L/∂W = (G − ⟨G, W̄⟩ u vᵀ)/σ for G = ∂L/∂W̄: u and v are held, converged or not."""
    G = RNG.normal(size=KERNEL.shape)
    loss = lambda kernel: jnp.sum(G * nn.spectral_norm_train(START, kernel)[0])
    gradient = jax.jit(jax.grad(loss))(KERNEL)
    normalized, state = train(START, KERNEL)
    u, v = np.asarray(state.u), np.asarray(state.v)
    outer = np.outer(v, u).reshape(KERNEL.shape)
    want = (G - np.sum(G * normalized) * outer) / (u @ MATRIX @ v)
    np.testing.assert_allclose(gradient, want, rtol=1e-11, atol=1e-13)
    # Normalized by its own scale, a kernel has no slope along itself.
    np.testing.assert_allclose(np.sum(gradient * KERNEL), 0.0, atol=1e-12)


def test_a_kernel_that_turns_is_followed():
    """A step takes the angle's tangent times (σ₂/σ₁)²: turned by δ each time, it stays below
    δ / (1 − (σ₂/σ₁)²), and the norm below its secant."""
    state = nn.spectral_norm_init(jax.random.key(1), KERNEL, num_steps=100)
    s = np.linalg.svd(MATRIX, compute_uv=False)
    turn = 0.02
    angle = turn / (1 - (s[1] / s[0]) ** 2)
    rotation = np.eye(5)
    rotation[:2, :2] = [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
    moving, norms = KERNEL, []
    for _ in range(100):
        moving = moving @ rotation
        normalized, state = train(state, moving)
        norms.append(np.linalg.norm(np.reshape(normalized, (-1, 5)), 2))
    assert min(norms) > 1 - 1e-12
    assert 1 + 1e-6 < max(norms) < 1 / np.cos(angle)
    np.testing.assert_allclose(nn.spectral_norm_apply(state, moving), normalized, rtol=1e-13)


def test_kernels_of_zeros_and_of_one_number():
    zeros = jnp.zeros_like(KERNEL)
    (normalized, state), gradient = (
        train(START, zeros),
        jax.jit(jax.grad(lambda kernel: jnp.sum(nn.spectral_norm_train(START, kernel)[0])))(zeros),
    )
    np.testing.assert_array_equal(normalized, 0)
    np.testing.assert_array_equal(gradient, 0)
    np.testing.assert_array_equal(state.u, START.u)
    start = nn.spectral_norm_init(jax.random.key(0), zeros)
    np.testing.assert_allclose([jnp.linalg.norm(start.u), start.v[0]], 1.0)
    one = jnp.full((1, 1), -3.0)
    np.testing.assert_allclose(train(nn.spectral_norm_init(jax.random.key(0), one), one)[0], -1.0)
    half = KERNEL.astype(jnp.bfloat16)
    state = nn.spectral_norm_init(jax.random.key(0), half)
    normalized, after = train(state, half)
    assert normalized.dtype == jnp.bfloat16
    assert state.u.dtype == after.v.dtype == jnp.float32
