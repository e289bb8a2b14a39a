"""Random numbers in half precision: as many values and the same mean as in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import datasets, nn
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
