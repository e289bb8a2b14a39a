"""Half precision has as many values and the same mean as float32, and words are jax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import _draws, datasets, nn
from jaxmath._draws import normal, uniform

KEY = jax.random.key(0)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_float32_rounded(dtype):
    n = 100_000
    for draw in (normal, uniform):
        got, wide = draw(KEY, (n,), dtype), draw(KEY, (n,), jnp.float32)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, wide.astype(dtype))
    assert len(np.unique(np.asarray(normal(KEY, (n,), dtype)))) > 1000


def test_noise_has_no_bias_in_bfloat16():
    n, zeros = 200_000, jnp.zeros(200_000, jnp.bfloat16)
    blob = datasets.blobs(KEY, n, [[0.0]], noise=1.0, dtype=jnp.bfloat16).x
    for draws in (blob, nn.reparameterize(KEY, zeros, zeros)):
        assert abs(np.mean(draws.astype(np.float64))) < 5 / n**0.5


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (0,)])
def test_words_are_the_bits_of_jax(impl, shape):
    key = jax.random.key(5, impl=impl)
    expected = jax.random.bits(key, shape, jnp.uint32)
    found = jax.jit(_draws.words, static_argnums=1)(key, shape)
    assert found.dtype == jnp.uint32
    np.testing.assert_array_equal(found, expected)


def test_words_are_the_bits_of_jax_in_its_other_order():
    key = jax.random.key(5)
    jax.config.update("jax_threefry_partitionable", False)
    try:
        np.testing.assert_array_equal(_draws.words(key, (7,)), jax.random.bits(key, (7,), "uint32"))
    finally:
        jax.config.update("jax_threefry_partitionable", True)


def test_threefry_is_the_published_function():
    """The known answers of the authors' Random123 library for 20 rounds."""
    word = lambda text: jnp.uint32(int(text, 16))
    for key, block, answer in (
        (("00000000", "00000000"), ("00000000", "00000000"), (0x6B200159, 0x99BA4EFE)),
        (("ffffffff", "ffffffff"), ("ffffffff", "ffffffff"), (0x1CB996FC, 0xBB002BE7)),
        (("13198a2e", "03707344"), ("243f6a88", "85a308d3"), (0xC4923A9C, 0x483DF7A0)),
    ):
        found = _draws.threefry(tuple(map(word, key)), tuple(map(word, block)))
        assert tuple(int(v) for v in found) == answer
