"""The SVD kernel for batches of small matrices: what ``vmap(svd)`` runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.linalg._kernels.svd import svd_last
from jaxmath.linalg.svd import svd
from tests.linalg.test_qr_kernel import gallery

SHAPES = [(1, 1), (2, 2), (3, 3), (4, 4), (8, 8), (4, 2), (2, 4), (8, 1), (7, 5)]


def on_first(A):
    return tuple(jnp.moveaxis(x, -1, 0) for x in svd_last(jnp.moveaxis(A, 0, -1)))


@pytest.mark.sampled(8)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_is_accurate_in_its_gauge(shape, dtype):
    m, n = shape
    k = min(m, n)
    A = gallery(m, n)
    U0, _, V0 = np.linalg.svd(A[0], full_matrices=False)
    twice = np.where(np.arange(k) < 2, 2.0, 1.0)
    A = np.concatenate([A, [(U0 * twice) @ V0, U0 @ V0, (U0 * 0.1 ** np.arange(k)) @ V0]])
    A = A.astype(dtype)
    U, s, Vh = map(np.asarray, on_first(jnp.asarray(A)))
    assert U.dtype == s.dtype == Vh.dtype == dtype
    assert U.shape[1:] == (m, k)
    assert s.shape[1:] == (k,)
    assert Vh.shape[1:] == (k, n)
    assert np.all(s[:, :-1] >= s[:, 1:])
    assert np.all(s >= 0)
    tol = 20 * max(m, n) * np.finfo(dtype).eps
    U, s, Vh, A = (x.astype(np.float64) for x in (U, s, Vh, A))
    size = np.linalg.norm(A, axis=(1, 2))
    residual = np.linalg.norm((U * s[:, None]) @ Vh - A, axis=(1, 2))
    assert np.all(residual <= tol * size)
    for X in (np.swapaxes(U, 1, 2) @ U, Vh @ np.swapaxes(Vh, 1, 2)):
        assert np.linalg.norm(X - np.eye(k), axis=(1, 2)).max() <= tol
    exact = np.linalg.svd(A, compute_uv=False)
    assert np.all(np.abs(s - exact) <= tol * size[:, None])
    lead = np.argmax(np.abs(U) >= 0.999 * np.abs(U).max(1, keepdims=True), axis=1)
    assert np.all(np.take_along_axis(U, lead[:, None], axis=1) > 0)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("shape", [(2, 2), (3, 3), (4, 4), (4, 2), (2, 4), (8, 8), (6, 8)])
def test_kernel_agrees_with_the_path_of_one_matrix(shape):
    A = jnp.asarray(np.random.default_rng(1).normal(size=(9, *shape)))
    factors = jax.vmap(svd)(A)
    for i, one in enumerate(A):
        for x, y in zip(factors, svd(one), strict=True):
            np.testing.assert_allclose(x[i], y, atol=1e-11)


def test_a_sweep_is_done_when_every_pair_is():
    """Three coupled columns among eight: most pairs are orthogonal from the start."""
    A = np.tile(np.eye(8), (6, 1, 1))
    A[:, :3, :3] = np.random.default_rng(2).normal(size=(6, 3, 3))
    U, s, Vh = map(np.asarray, jax.vmap(svd)(jnp.asarray(A)))
    np.testing.assert_allclose(U * s[:, None] @ Vh, A, atol=1e-13)
    np.testing.assert_allclose(s, np.linalg.svd(A, compute_uv=False), atol=1e-13)


@pytest.mark.full
def test_nested_vmap():
    A = jnp.asarray(np.random.default_rng(3).normal(size=(3, 4, 4, 3)))
    nested = jax.vmap(jax.vmap(svd))(A)
    for x, y in zip(nested, jax.vmap(svd)(A.reshape(12, 4, 3)), strict=True):
        np.testing.assert_allclose(x.reshape(y.shape), y, atol=1e-13)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_a_lane_that_is_not_finite_is_nan_and_leaves_the_others_alone(shape, bad):
    A = np.random.default_rng(4).normal(size=(5, *shape))
    clean = jax.vmap(svd)(jnp.asarray(A))
    A[2, 1, 1] = bad
    for x, y in zip(jax.vmap(svd)(jnp.asarray(A)), clean, strict=True):
        assert np.isnan(x[2]).all()
        np.testing.assert_allclose(np.delete(x, 2, 0), np.delete(y, 2, 0), atol=1e-14)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4), (7, 8)])
def test_gradient_under_vmap_is_that_of_one_matrix(shape):
    A = jnp.asarray(np.random.default_rng(5).normal(size=(4, *shape)))

    def f(A):
        U, s, Vh = svd(A)
        return jnp.sum(jnp.sin(U)) + jnp.sum(s**3) + jnp.sum(jnp.cos(Vh))

    one = jnp.stack([jax.jit(jax.grad(f))(a) for a in A])
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(f)))(A), one, rtol=1e-8, atol=1e-8)
