"""The eigenvalue kernel for batches of small symmetric matrices: what ``vmap(eigh)`` runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from jaxmath.linalg._kernels import eigh as kernel
from jaxmath.linalg.symmetric import eigh, eigvalsh

SIZES = (2, 3, 4)
DTYPES = (np.float32, np.float64)


def symmetric(n: int, batch: int, seed: int = 0) -> np.ndarray:
    A = np.random.default_rng(seed).normal(size=(batch, n, n))
    return (A + A.swapaxes(1, 2)) / 2


def gallery(n: int) -> np.ndarray:
    """Random, graded, repeated, nearly repeated, scaled, zero and named matrices, in float64."""
    rng, i = np.random.default_rng(n), np.arange(n) + 0.0
    S, Q = symmetric(n, 200, n), np.linalg.qr(rng.normal(size=(200, n, n)))[0]
    turned = lambda d: (Q * d) @ Q.swapaxes(1, 2)
    d, graded = np.array([4.0, 1, 1, 1])[:n], np.geomspace(1, 1e-12, n)
    signs = np.array([1.0, -1, 1, -1])[:n]
    root = np.sqrt(graded)
    wilkinson = np.diag(np.abs(i - (n - 1) / 2)) + np.diag(np.ones(n - 1), 1)
    listed = [
        np.zeros((n, n)), np.eye(n), -np.eye(n), 2 * np.eye(n), np.diag(d), np.diag(d[::-1]),
        np.ones((n, n)), -np.ones((n, n)), np.eye(n)[::-1], -np.eye(n)[::-1], linalg.hilbert(n),
        (wilkinson + wilkinson.T) / 2, np.diag(graded), np.diag(graded[::-1]), np.diag(i),
        np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1), np.diag(-i), np.diag(signs),
    ]  # fmt: skip
    batches = [
        S, turned(graded), turned(graded * signs), turned(d), turned(d * signs), turned(signs),
        root[:, None] * S * root, root[::-1, None] * S * root[::-1], 2 * np.eye(n) + 1e-16 * S,
        np.diag(d) + 1e-7 * S, np.diag(d) + 1e-15 * S, np.ones((n, n)) + 1e-7 * S,
        turned(1 + 1e-7 * i), turned(1 + 1e-15 * i), np.round(S), np.diag(i) + 1e-30 * S,
        *(S * scale for scale in np.geomspace(1e-30, 1e30, 13)),
    ]  # fmt: skip
    return np.concatenate([listed, *batches])


def assert_in_gauge(V: np.ndarray) -> None:
    size = np.abs(V)
    lead = np.argmax(size >= 0.9 * size.max(axis=1, keepdims=True), axis=1)
    assert (np.take_along_axis(V, lead[:, None], axis=1) > 0).all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_accuracy_list(n, dtype):
    A = gallery(n).astype(dtype)
    A = A / 2 + A.swapaxes(1, 2) / 2
    w, V = map(np.asarray, jax.jit(jax.vmap(eigh))(A))
    assert w.dtype == V.dtype == dtype
    assert (np.diff(w) >= 0).all()
    assert_in_gauge(V)
    tol = 20 * n * float(np.finfo(dtype).eps)
    A, w, V = (x.astype(np.float64) for x in (A, w, V))
    norm = np.linalg.norm(A, 2, axis=(1, 2))
    assert (np.abs(w - np.linalg.eigvalsh(A)).max(axis=1) <= tol * norm).all()
    assert (np.linalg.norm(A @ V - V * w[:, None], 2, axis=(1, 2)) <= tol * norm).all()
    assert np.linalg.norm(V.swapaxes(1, 2) @ V - np.eye(n), 2, axis=(1, 2)).max() <= tol


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_the_ends_of_the_range(n, dtype):
    """Near the smallest normal and the largest numbers, values scale with the matrix."""
    S = np.round(symmetric(n, 50) * 16) / 64
    S, info = S / np.abs(S).max(axis=(1, 2), keepdims=True), np.finfo(dtype)
    middle = np.asarray(jax.vmap(eigvalsh)(S.astype(dtype)))
    for power in (info.minexp + info.nmant + 2, info.maxexp - 3):
        w, V = map(np.asarray, jax.vmap(eigh)((S * 2.0**power).astype(dtype)))
        np.testing.assert_allclose(
            w.astype(np.float64) * 2.0**-power, middle, atol=20 * n * float(info.eps)
        )
        assert np.isfinite(V).all()


@pytest.mark.sampled(6)
@pytest.mark.parametrize("n", SIZES)
def test_the_limit_on_sweeps_is_out_of_reach(n, monkeypatch):
    """Half of the limit gives the same on the whole gallery, to the last bit."""
    last = jnp.moveaxis(jnp.asarray(gallery(n)), 0, -1)
    for dtype in DTYPES:
        want = kernel.eigh_last(last.astype(dtype))
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "MAX_SWEEPS", kernel.MAX_SWEEPS - 4)
            fewer = jax.jit(lambda H: kernel.eigh_last.__wrapped__(H))(last.astype(dtype))
        for x, y in zip(want, fewer, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n", SIZES)
def test_kernel_agrees_with_the_path_of_one_matrix(n):
    A = jnp.asarray(np.concatenate([symmetric(n, 20, 1), np.diag(np.arange(n) + 1.0)[None]]))
    w, V = jax.vmap(eigh)(A)
    for i, one in enumerate(A):
        single = eigh(one)
        np.testing.assert_allclose(w[i], single.eigenvalues, atol=1e-13)
        np.testing.assert_allclose(V[i], single.eigenvectors, atol=1e-11)


def test_the_gauge_of_two_by_two_at_ties():
    """(1, −1)/√2 and (1, 1)/√2, whichever way the matrix is written."""
    A = jnp.asarray([[[a, g], [g, a]] for a in (0.0, 1.0, -1.0) for g in (1.0, -1.0, 1e-9)])
    w, V = jax.vmap(eigh)(A)
    np.testing.assert_allclose(w[:, 1] - w[:, 0], 2 * np.abs(A[:, 0, 1]), rtol=1e-6)
    assert (np.asarray(V)[:, 0] > 0).all()
    np.testing.assert_allclose(np.abs(V), 0.5**0.5, rtol=1e-14)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("n", SIZES)
def test_nested_vmap(n):
    A = jnp.asarray(symmetric(n, 12, 2).reshape(3, 4, n, n))
    flat, nested = jax.vmap(eigh)(A.reshape(12, n, n)), jax.vmap(jax.vmap(eigh))(A)
    across = jax.vmap(jax.vmap(eigh, in_axes=1), in_axes=1)(jnp.transpose(A, (2, 0, 1, 3)))
    for x, y, z in zip(nested, flat, across, strict=True):
        np.testing.assert_allclose(x.reshape(y.shape), y, atol=1e-14)
        np.testing.assert_allclose(z, x, atol=1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (1, 1), (0, 1)])
@pytest.mark.parametrize("n", SIZES)
def test_a_lane_that_is_not_finite_is_nan_and_leaves_the_others_alone(n, place, bad):
    A = symmetric(n, 5, 3)
    clean = jax.vmap(eigh)(jnp.asarray(A))
    A[2][place] = A[2][place[::-1]] = bad
    for x, y in zip(jax.vmap(eigh)(jnp.asarray(A)), clean, strict=True):
        assert np.isnan(x[2]).all()
        np.testing.assert_array_equal(np.delete(x, 2, 0), np.delete(y, 2, 0))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("n", SIZES)
def test_derivatives_under_vmap_are_those_of_one_matrix(n):
    A = jnp.asarray(symmetric(n, 4, 4))

    def f(A):
        w, V = eigh(A)
        return jnp.sum(jnp.sin(w)) + jnp.sum(jnp.cos(V))

    for derivative, atol in ((jax.grad(f), 1e-10), (jax.hessian(f), 1e-8)):
        together = jax.jit(jax.vmap(derivative))(A)
        assert np.isfinite(together).all()
        one = jax.jit(derivative)
        np.testing.assert_allclose(together, jnp.stack([one(a) for a in A]), atol=atol)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("n", SIZES)
def test_derivatives_at_repeated_values_are_finite(n):
    A = jnp.stack([jnp.eye(n), 2 * jnp.eye(n), jnp.zeros((n, n)), jnp.ones((n, n))])
    total = lambda A: jnp.sum(eigvalsh(A) ** 2)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(total)))(A), 2 * A, atol=1e-12)
    vectors = lambda A: jnp.sum(jnp.sin(eigh(A).eigenvectors))
    assert np.isfinite(jax.jit(jax.vmap(jax.hessian(vectors)))(A)).all()


def test_complex_and_larger_matrices_are_left_to_lapack():
    for A in (symmetric(3, 2).astype(complex), symmetric(5, 2), symmetric(1, 2)):
        for x, y in zip(jax.vmap(eigh)(jnp.asarray(A)), eigh(jnp.asarray(A[1])), strict=True):
            np.testing.assert_allclose(x[1], y, atol=1e-13)
