"""Winograd's filtering: exactness, what an output sees, and its rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.nn import _lowering
from jaxmath.nn._geometry import resolve
from jaxmath.nn._winograd import by_winograd


def make(sizes, c, o, dtype="float32", padding="SAME"):
    draw = np.random.default_rng(0).standard_normal
    x, kernel = jnp.asarray(draw((*sizes, c)), dtype), jnp.asarray(draw((3, 3, c, o)), dtype)
    return x, kernel, resolve(sizes, (3, 3), 1, padding)


@pytest.mark.parametrize("sizes", [(3, 3), (1, 4), (6, 5)])
@pytest.mark.parametrize("padding", ["SAME", "CIRCULAR", 2])
def test_whole_numbers_are_exact(sizes, padding):
    x, kernel, geometry = make(sizes, 3, 2, padding=padding)
    x, kernel = jnp.round(9 * x), jnp.round(9 * kernel)
    want = _lowering.by_patches(x, kernel, geometry=geometry, groups=1)
    np.testing.assert_array_equal(by_winograd(x, kernel, geometry=geometry), want)


def test_an_output_sees_its_window_alone():
    """The derivative by what lies outside is exactly 0, and so NaN does not come in."""
    x, kernel, geometry = make((5, 6), 1, 1)
    f = jax.jit(lambda x: by_winograd(x, kernel, geometry=geometry))
    slopes = jax.jit(jax.jacrev(f))(x)[:, :, 0, :, :, 0]
    rows, columns = np.ogrid[:5, :6]
    for i, j in np.ndindex(5, 6):
        near = (abs(rows - i) <= 1) & (abs(columns - j) <= 1)
        assert np.all(slopes[i, j][~near] == 0.0)
        assert np.all(slopes[i, j][near] != 0.0)
    y = f(x.at[2, 3].set(jnp.nan))[..., 0]
    np.testing.assert_array_equal(np.isnan(y), (abs(rows - 2) <= 1) & (abs(columns - 3) <= 1))


@pytest.mark.parametrize("scale", [1e-15, 1.0, 1e15])
def test_rounding(scale):
    """A few n eps times the window's largest input times Σ|W|, whatever lies further away."""
    x, kernel, geometry = make((12, 12), 64, 32)
    x = x.at[:4].multiply(1e6) * scale
    y = jax.jit(lambda x, k: by_winograd(x, k, geometry=geometry))(x, kernel)
    wide, table = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    seen = np.lib.stride_tricks.sliding_window_view(
        np.pad(wide, ((1, 1), (1, 1), (0, 0))), (3, 3), axis=(0, 1)
    )
    want = np.einsum("hwcij,ijco->hwo", seen, table)
    largest = np.abs(seen).max(axis=(2, 3, 4))[..., None]
    bound = np.sqrt(9 * 64) * np.finfo(np.float32).eps * largest * np.abs(table).sum((0, 1, 2))
    error = np.abs(np.asarray(y, np.float64) - want)
    assert np.all(error <= 0.25 * bound)
    assert np.max(error / bound) > 1e-4
