"""Pooling against Flax, its gradient at ties and NaN, and all of an image at once."""

from functools import partial

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn

# name: sizes, window, strides, padding
CASES = {
    "1-d": ((7,), (2,), (2,), "VALID"),
    "2-d": ((6, 4), (2, 2), (2, 2), "VALID"),
    "2-d overlapping": ((7, 6), (3, 3), (2, 2), "SAME"),
    "2-d explicit": ((5, 6), (3, 2), (1, 3), ((1, 2), (0, 1))),
    "3-d": ((3, 4, 3), (2, 3, 1), (1, 1, 2), "SAME"),
}


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_pooling_agrees_with_flax(dtype, rtol):
    """No ties here, where Flax's gradient is the same."""
    rng = np.random.default_rng(0)
    kinds = {
        "max_pool": [{}],
        "average_pool": [{"count_include_pad": True}, {"count_include_pad": False}],
    }
    theirs = {"max_pool": flax.linen.max_pool, "average_pool": flax.linen.avg_pool}

    def both(kind, options, sizes, window, strides, padding):
        x = jnp.asarray(rng.standard_normal((*sizes, 2)), dtype)
        ours = partial(getattr(nn, kind), window=window, stride=strides, padding=padding, **options)
        other = lambda x: theirs[kind](x[None], window, strides, padding, **options)[0]
        return [(f(x), jax.grad(lambda x, f=f: jnp.sum(jnp.sin(f(x))))(x)) for f in (ours, other)]

    pairs = jax.jit(
        lambda: [
            both(kind, options, *case)
            for case in CASES.values()
            for kind, settings in kinds.items()
            for options in settings
        ]
    )()
    for got, want in pairs:
        for a, b in zip(got, want, strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.max(np.abs(b)))


def first_maxima(x: np.ndarray, window: tuple, stride: tuple) -> np.ndarray:
    """How often each element is the first maximum, or first NaN, of a window, row by row."""
    count = np.zeros_like(x)
    h, w = ((n - k) // s + 1 for n, k, s in zip(x.shape, window, stride, strict=True))
    for i, j in np.ndindex(h, w):
        corner = (i * stride[0], j * stride[1])
        seen = x[corner[0] : corner[0] + window[0], corner[1] : corner[1] + window[1]]
        row, column = np.unravel_index(np.argmax(seen), seen.shape)  # NumPy: first, NaN highest
        count[corner[0] + row, corner[1] + column] += 1
    return count


@pytest.mark.parametrize(
    ("window", "stride"), [((2, 2), (2, 2)), ((2, 3), (2, 2)), ((3, 3), (1, 2)), ((1, 4), (2, 1))]
)
def test_gradient_goes_to_the_first_maximum(window, stride):
    """Few values, hence many ties, and NaN; all at once, so that there are thousands of outputs."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (200, 7, 6)).astype(np.float32)
    X[100:][rng.uniform(size=(100, 7, 6)) < 0.1] = np.nan
    f = lambda x: nn.max_pool(x[..., None], window, stride=stride)[..., 0]
    y, back = jax.jit(jax.vmap(lambda x: (f(x), jax.vjp(f, x)[1](jnp.ones_like(f(x)))[0])))(X)
    np.testing.assert_array_equal(back, [first_maxima(x, window, stride) for x in X])
    views = np.lib.stride_tricks.sliding_window_view(X, window, (1, 2))
    np.testing.assert_array_equal(y, views[:, :: stride[0], :: stride[1]].max((-1, -2)))


def test_pools_of_all_places():
    """Ties, and a NaN that thousands of numbers follow."""
    x = jnp.array([[1.0, 2.0], [3.0, 2.0], [3.0, 0.0]])
    y, back = jax.vjp(nn.global_max_pool, x)
    np.testing.assert_array_equal(y, [3.0, 2.0])
    np.testing.assert_array_equal(back(jnp.ones(2))[0], [[0, 1], [1, 0], [0, 0]])
    large = jnp.ones((70, 70, 2)).at[3, 0, 1].set(jnp.nan)
    np.testing.assert_array_equal(jax.jit(nn.global_max_pool)(large), [1.0, np.nan])
    ones = jnp.ones((70, 70, 1), jnp.bfloat16)
    assert nn.global_average_pool(ones)[0] == 1  # 4,900 ones, in bfloat16 256


def test_hessian_of_the_sum_of_squares():
    """∇² ½Σy² = JᵀJ, with J the choice of the maxima."""
    x = jnp.asarray(np.random.default_rng(0).permutation(16).reshape(4, 4, 1), float)
    pool = partial(nn.max_pool, window=3, stride=1)
    square = lambda x: 0.5 * jnp.sum(pool(x) ** 2)
    hessian, J = jax.jit(lambda x: (jax.hessian(square)(x), jax.jacrev(pool)(x)))(x)
    J = J.reshape(4, 16)
    np.testing.assert_array_equal(hessian.reshape(16, 16), J.T @ J)


def test_padding_is_never_the_maximum_nor_alone():
    x = -jnp.ones((3, 3, 1))
    np.testing.assert_array_equal(nn.max_pool(x, 2, stride=1, padding="SAME"), x)
    with pytest.raises(ValueError, match="max_pool: argument `padding` must be smaller than"):
        nn.max_pool(x, 2, padding=2)
