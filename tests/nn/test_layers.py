"""The dense layer against Flax, its draws, and its gradient by hand."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn


def make_dense(d_in: int = 4, d_out: int = 3) -> nn.Dense:
    draw = np.random.default_rng(0).standard_normal
    return nn.Dense(kernel=jnp.asarray(draw((d_in, d_out))), bias=jnp.asarray(draw(d_out)))


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_dense_agrees_with_flax(dtype, rtol):
    """Values and gradients; the sine makes the gradients depend on the values."""
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), make_dense())
    X = jnp.linspace(-1.0, 1.0, 20, dtype=dtype).reshape(5, 4)
    ours = jax.vmap(nn.dense_apply, in_axes=(None, 0))
    theirs = lambda params, X: flax.linen.Dense(3).apply({"params": params._asdict()}, X)

    def result(layer):
        total = lambda *args: jnp.sum(jnp.sin(layer(*args)))
        return layer(params, X), jax.grad(total, argnums=(0, 1))(params, X)

    got, want = jax.jit(lambda: (result(ours), result(theirs)))()
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.max(np.abs(b)))


def test_dense_gradient_by_hand():
    params, x, u = make_dense(), jnp.arange(4.0), jnp.array([1.0, -2.0, 0.5])
    gradient = jax.jit(jax.grad(lambda p, x: u @ nn.dense_apply(p, x), argnums=(0, 1)))
    by_params, by_x = gradient(params, x)
    np.testing.assert_allclose(by_params.kernel, np.outer(x, u), rtol=1e-14)
    np.testing.assert_allclose(by_params.bias, u, rtol=1e-14)
    np.testing.assert_allclose(by_x, params.kernel @ u, rtol=1e-14)


def test_dense_is_affine():
    params, x, y = make_dense(), jnp.arange(4.0), jnp.array([1.0, -1.0, 2.0, 0.0])
    middle = nn.dense_apply(params, 0.25 * x + 0.75 * y)
    ends = 0.25 * nn.dense_apply(params, x) + 0.75 * nn.dense_apply(params, y)
    np.testing.assert_allclose(middle, ends, rtol=1e-14)
    np.testing.assert_array_equal(nn.dense_apply(params, jnp.zeros(4)), params.bias)


def test_dense_init_draws_kernel_and_bias_apart():
    params = nn.dense_init(jax.random.key(0), 200, 300)
    variance = 1 / 200
    error = abs(params.kernel.var() - variance)
    assert error < 5 * variance * np.sqrt(2 / params.kernel.size)
    np.testing.assert_array_equal(params.bias, np.zeros(300))
    one = nn.dense_init(
        jax.random.key(0), 1, 4, kernel_init=nn.normal_init, bias_init=nn.normal_init
    )
    assert not np.any(np.asarray(one.kernel[0]) == np.asarray(one.bias))


def test_dense_init_takes_a_dtype():
    params = nn.dense_init(jax.random.key(0), 2, 3, dtype=jnp.bfloat16)
    assert {leaf.dtype for leaf in params} == {jnp.dtype(jnp.bfloat16)}
    assert nn.dense_apply(params, jnp.ones(2, jnp.bfloat16)).dtype == jnp.bfloat16
