"""Local response normalization: loops over channels, and its limits."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn


def test_equals_loops_at_every_size():
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    for size in (1, 2, 3, 9):
        want = np.zeros_like(x)
        for c in range(4):
            first = c - size // 2
            seen = [j for j in range(first, first + size) if 0 <= j < 4]
            total = (x[..., seen] ** 2).sum(-1)
            want[..., c] = x[..., c] * (1.5 + 0.3 * total) ** -0.6
        got = nn.local_response_norm(x, size=size, alpha=0.3, beta=0.6, k=1.5)
        np.testing.assert_allclose(got, want, rtol=1e-13)


def test_no_neighbours_is_a_scale():
    x = jnp.linspace(-2.0, 2.0, 5)
    np.testing.assert_allclose(nn.local_response_norm(x, alpha=0.0, k=4.0, beta=0.5), x / 2)


def test_half_precision_sums_in_float32():
    x = jnp.full(8, 300.0, jnp.bfloat16)
    y = nn.local_response_norm(x, alpha=1.0, k=1.0)
    assert y.dtype == jnp.bfloat16
    want = nn.local_response_norm(x.astype(jnp.float32), alpha=1.0, k=1.0)
    np.testing.assert_allclose(y.astype(jnp.float32), want, rtol=2**-8)


def test_gradient_at_zero_is_the_constant():
    slope = jax.grad(lambda x: nn.local_response_norm(x, k=2.0, beta=0.75)[1])(jnp.zeros(3))
    np.testing.assert_allclose(slope, [0.0, 2.0**-0.75, 0.0])
