"""The embedding against Flax, by one-hot products, and where an index is out of range."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn

lookup = jax.jit(nn.embedding_apply)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_values_and_gradients_agree_with_flax(dtype, rtol):
    draw = lambda *shape: jnp.asarray(np.random.default_rng(0).standard_normal(shape), dtype)
    params, X, index = nn.Embedding(draw(5, 3)), draw(4, 3), jnp.array([0, 3, 3, 4])
    flax_embed = flax.linen.Embed(5, 3)

    def ours(params, X):
        logits = jax.vmap(nn.embedding_attend, in_axes=(None, 0))(params, X)
        return nn.embedding_apply(params, index), logits

    def theirs(params, X):
        variables = {"params": params._asdict()}
        logits = flax_embed.apply(variables, X, method="attend")
        return flax_embed.apply(variables, index), logits

    def result(fn):
        total = lambda *args: sum(jnp.sum(jnp.sin(y)) for y in fn(*args))
        return fn(params, X), jax.grad(total, argnums=(0, 1))(params, X)

    got, want = jax.jit(lambda: (result(ours), result(theirs)))()
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.max(np.abs(b)))


def test_lookup_is_the_product_with_one_hot():
    params = nn.Embedding(jnp.arange(6.0).reshape(3, 2))
    index = jnp.array([[2, 0], [1, 1]])
    want = jax.nn.one_hot(index, 3) @ params.embedding
    np.testing.assert_array_equal(lookup(params, index), want)
    gradient = jax.jit(jax.grad(lambda p: jnp.sum(nn.embedding_apply(p, index))))(params)
    np.testing.assert_array_equal(gradient.embedding, [[1, 1], [2, 2], [1, 1]])


@pytest.mark.parametrize("index", [-1, -4, 3, 200, np.uint8(200), np.int64(2**32)])
def test_an_index_out_of_range_is_nan(index):
    params = nn.Embedding(jnp.ones((3, 2)))
    value, gradient = jax.jit(
        lambda p, i: (
            nn.embedding_apply(p, i),
            jax.grad(lambda p: jnp.sum(nn.embedding_apply(p, i)))(p),
        )
    )(params, index)
    np.testing.assert_array_equal(value, [np.nan, np.nan])
    np.testing.assert_array_equal(gradient.embedding, np.zeros((3, 2)))


def test_every_integer_dtype_reaches_every_row():
    params = nn.Embedding(jnp.arange(300.0)[:, None])  # more rows than a uint8 can count
    for index in (np.uint8(255), np.int32(255), 255):
        assert lookup(params, index)[0] == 255


def test_the_start_has_unit_vectors_on_average():
    params = nn.embedding_init(jax.random.key(0), 2000, 16)
    squares = np.sum(np.square(params.embedding), 1)
    assert abs(squares.mean() - 1) < 5 * np.sqrt(2 / 16 / 2000)
    assert abs(np.mean(params.embedding)) < 5 * 0.25 / np.sqrt(32000)
    zero = nn.embedding_init(jax.random.key(0), 2, 3, initializer=nn.zeros_init, dtype="bfloat16")
    assert zero.embedding.dtype == jnp.bfloat16
    np.testing.assert_array_equal(zero.embedding, np.zeros((2, 3)))
