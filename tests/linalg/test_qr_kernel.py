"""The QR kernel for batches of small matrices: what ``vmap(qr)`` runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.linalg.orthogonality import qr

SHAPES = [(1, 1), (2, 2), (3, 3), (4, 4), (8, 8), (5, 3), (3, 5), (8, 1), (1, 8), (8, 5), (5, 8)]


def gallery(m: int, n: int) -> np.ndarray:
    """Matrices of one shape, in float64: random, graded, dependent, scaled, zero, nearly zero."""
    rng = np.random.default_rng(m * 10 + n)
    G = rng.normal(size=(m, n))
    rows, columns = np.logspace(0, -12, m)[:, None], np.logspace(0, -12, n)
    i, j = np.arange(m)[:, None] + 0.0, np.arange(n) + 0.0
    kahan = np.where(j >= i, np.where(j == i, 1, -np.cos(1.2)) * np.sin(1.2) ** i, 0.0)
    listed = [
        G, rows * G, G * columns, rows * G * columns, rows[::-1] * G, G * columns[::-1],
        G * 1e-30, G * 1e30, G[:, :1] @ G[:1], np.zeros((m, n)), np.ones((m, n)), np.eye(m, n),
        -np.eye(m, n), np.eye(m, n)[::-1], 1 / (i + j + 1), kahan, G * (j != 0), G * (i != 0),
        G * np.where(j == 0, 1e-30, 1.0), G * np.where(i == 0, 1e-30, 1.0), np.triu(G),
    ]  # fmt: skip
    return np.stack([*listed, *rng.normal(size=(500, m, n))])


@pytest.mark.sampled(8)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_is_accurate_in_its_gauge(shape, dtype):
    m, n = shape
    A = gallery(m, n).astype(dtype)
    Q, R = map(np.asarray, jax.jit(jax.vmap(qr))(jnp.asarray(A)))
    assert Q.dtype == R.dtype == dtype
    assert Q.shape[1:] == (m, min(m, n))
    assert R.shape[1:] == (min(m, n), n)
    tol = 20 * max(m, n) * np.finfo(dtype).eps
    Q, R, A = (x.astype(np.float64) for x in (Q, R, A))
    size = np.linalg.norm(A, axis=(1, 2))
    assert np.all(np.linalg.norm(Q @ R - A, axis=(1, 2)) <= tol * size)
    gram = np.swapaxes(Q, 1, 2) @ Q - np.eye(min(m, n))
    assert np.linalg.norm(gram, axis=(1, 2)).max() <= tol
    assert np.all(np.diagonal(R, axis1=1, axis2=2) >= 0)
    assert np.all(np.tril(R, -1) == 0)
    R_numpy = np.linalg.qr(A[0])[1]
    np.testing.assert_allclose(np.abs(R[0]), np.abs(R_numpy), atol=tol * size[0] * 10)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("shape", [(2, 2), (4, 4), (8, 8), (5, 3), (3, 5)])
def test_kernel_agrees_with_the_path_of_one_matrix(shape):
    A = jnp.asarray(np.random.default_rng(1).normal(size=(9, *shape)))
    factors = jax.vmap(qr)(A)
    for i, one in enumerate(A):
        for x, y in zip(factors, qr(one), strict=True):
            np.testing.assert_allclose(x[i], y, atol=1e-12)


def test_complete_factors_of_wide_matrices_use_it_too_and_tall_ones_keep_their_shape():
    A = jnp.asarray(np.random.default_rng(2).normal(size=(4, 3, 5)))
    for x, y in zip(jax.vmap(lambda A: qr(A, "complete"))(A), jax.vmap(qr)(A), strict=True):
        np.testing.assert_array_equal(x, y)
    Q, R = jax.vmap(lambda A: qr(A, "complete"))(jnp.swapaxes(A, 1, 2))
    assert Q.shape == (4, 5, 5)
    assert R.shape == (4, 5, 3)


def test_nested_vmap():
    A = jnp.asarray(np.random.default_rng(3).normal(size=(3, 4, 5, 3)))
    nested = jax.vmap(jax.vmap(qr))(A)
    across = jax.vmap(jax.vmap(qr, in_axes=1), in_axes=1)(jnp.transpose(A, (2, 0, 1, 3)))
    for x, y, z in zip(nested, jax.vmap(qr)(A.reshape(12, 5, 3)), across, strict=True):
        np.testing.assert_allclose(x.reshape(y.shape), y, atol=1e-14)
        np.testing.assert_allclose(z, x, atol=1e-14)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5)])
def test_a_lane_that_is_not_finite_is_nan_and_leaves_the_others_alone(shape, bad):
    A = np.random.default_rng(4).normal(size=(5, *shape))
    clean = jax.vmap(qr)(jnp.asarray(A))
    A[2, 1, 1] = bad
    for x, y in zip(jax.vmap(qr)(jnp.asarray(A)), clean, strict=True):
        assert np.isnan(x[2]).all()
        np.testing.assert_array_equal(np.delete(x, 2, 0), np.delete(y, 2, 0))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5)])
def test_derivatives_under_vmap_are_those_of_one_matrix(shape):
    A = jnp.asarray(np.random.default_rng(5).normal(size=(4, *shape)))

    def f(A):
        Q, R = qr(A)
        return jnp.sum(jnp.sin(Q)) + jnp.sum(jnp.cos(R))

    one = jnp.stack([jax.jit(jax.grad(f))(a) for a in A])
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(f)))(A), one, atol=1e-10)
    outer = jax.jit(jax.grad(lambda A: jnp.sum(jax.vmap(f)(A))))(A)
    np.testing.assert_allclose(outer, one, atol=1e-10)


def test_second_derivatives_under_vmap():
    A = jnp.asarray(np.random.default_rng(6).normal(size=(2, 2, 2)))

    def f(A):
        Q, R = qr(A)
        return jnp.sum(jnp.sin(Q)) + jnp.sum(jnp.cos(R))

    second = jax.jit(jax.vmap(jax.hessian(f)))(A)
    np.testing.assert_allclose(second[1], jax.jit(jax.hessian(f))(A[1]), atol=1e-8)
