"""The matrix and the hand-derived backward passes against the functions that people call."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxmath import nn
from tests.nn.test_convolution import CASES, assert_close, make


def test_matrix_times_vector_is_the_convolution():
    def both():
        found = []
        for case, (sizes, *_) in CASES.items():
            params, x, options = make(case)
            matrix = nn.convolution_matrix(params.kernel, sizes, **options)
            y = nn.convolve(x, params.kernel, **options)
            found.append((matrix @ x.ravel(), y.ravel()))
        return found

    for got, want in jax.jit(both)():
        assert_close([got], [want], 1e-14)


def test_structure_of_the_matrix():
    """Toeplitz, of full row rank; periodic: circulant, with the transform as eigenvalues."""
    kernel = jnp.asarray(np.random.default_rng(0).standard_normal((3, 1, 1)))
    k = np.asarray(kernel).ravel()
    matrix = nn.convolution_matrix(kernel, (6,), padding="VALID")
    want = scipy.linalg.toeplitz([k[0], 0, 0, 0], [*k, 0, 0, 0])
    np.testing.assert_array_equal(matrix, want)
    assert np.linalg.matrix_rank(matrix) == 4
    circulant = nn.convolution_matrix(kernel, (6,), padding="CIRCULAR")
    np.testing.assert_array_equal(circulant, scipy.linalg.circulant([k[1], k[0], 0, 0, 0, k[2]]))
    values = np.fft.fft([k[1], k[0], 0, 0, 0, k[2]])
    got = np.linalg.eigvals(circulant)
    assert np.max(np.min(np.abs(got[:, None] - values), axis=0)) < 1e-13
    blocks = np.asarray(nn.convolution_matrix(jnp.ones((2, 2, 1, 1)), (4, 4), padding="VALID"))
    blocks = blocks.reshape(3, 3, 4, 4).swapaxes(1, 2)  # row block, column block
    np.testing.assert_array_equal(blocks[0, 0], blocks[1, 1])
    np.testing.assert_array_equal(blocks[0, 2], np.zeros((3, 4)))
    np.testing.assert_array_equal(blocks[0, 0], scipy.linalg.toeplitz([1, 0, 0], [1, 1, 0, 0]))


def test_a_periodic_window_may_meet_an_input_twice():
    """A window of 5 on 3 places."""
    x, kernel = jnp.arange(1.0, 4.0)[:, None], jnp.arange(5.0).reshape(5, 1, 1) + 1
    matrix = nn.convolution_matrix(kernel, (3,), padding="CIRCULAR")
    np.testing.assert_array_equal(matrix, [[3, 4 + 1, 5 + 2], [7, 3, 5], [5, 7, 3]])
    y, back = jax.vjp(lambda x: nn.convolve(x, kernel, padding="CIRCULAR"), x)
    np.testing.assert_array_equal(y, matrix @ x)
    g = jnp.array([[1.0], [10.0], [100.0]])
    x_bar, _ = nn.convolution_backward(x, kernel, g, padding="CIRCULAR")
    np.testing.assert_array_equal(x_bar, back(g)[0])
    np.testing.assert_array_equal(x_bar, matrix.T @ g)


def test_backward_pass_of_a_convolution():
    def both():
        found = []
        for case in ("1-d circular", "2-d same", "2-d groups", "3-d"):
            params, x, options = make(case)
            y, back = jax.vjp(partial(nn.convolve, **options), x, params.kernel)
            g = jnp.cos(y)
            found.append((nn.convolution_backward(x, params.kernel, g, **options), back(g)))
        return found

    for got, want in jax.jit(both)():
        assert_close(got, want, 1e-12)


def test_backward_passes_of_pooling():
    """With ties and NaN."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.integers(0, 3, (5, 6, 2)), float).at[2, 3, 1].set(jnp.nan)
    options = {"window": (3, 2), "stride": (2, 1), "padding": "SAME"}
    fixed = [
        (nn.max_pool, nn.max_pool_backward, {}),
        (nn.average_pool, nn.average_pool_backward, {"count_include_pad": True}),
        (nn.average_pool, nn.average_pool_backward, {"count_include_pad": False}),
    ]

    def both(g):
        found = []
        for forward, backward, more in fixed:
            _, back = jax.vjp(partial(forward, **options, **more), x)
            found.append((backward(x, g=g, **options, **more), back(g)[0]))
        return found

    for got, want in jax.jit(both)(jnp.asarray(rng.standard_normal((3, 6, 2)))):
        assert_close([got], [want], 1e-13)
