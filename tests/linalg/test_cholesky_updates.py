"""Rank-one changes of a Cholesky factor: against a new factorization, at the edge, in lanes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg, verify
from jaxmath.iterate import Status
from tests.linalg.gallery_qr import SIZE
from tests.linalg.test_definite import adjoint, definite_stack, wide


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_update_and_downdate_of_every_matrix(dtype):
    """Up, within the bound; and down again, to where it was."""
    A = definite_stack(dtype)
    L = jax.vmap(linalg.cholesky)(A)
    norms = np.linalg.norm(wide(L), 2, axis=(1, 2))
    unit = np.random.default_rng(1).normal(size=(len(A), SIZE))
    x = (unit * norms[:, None] / 4).astype(dtype)
    up = jax.jit(jax.vmap(linalg.cholesky_update))(L, x)
    down, status = jax.jit(jax.vmap(linalg.cholesky_downdate))(up, x)
    assert up.dtype == down.dtype == dtype
    square = lambda M: wide(M) @ adjoint(wide(M))
    outer = wide(x)[:, :, None] * wide(x)[:, None, :]
    sizes = norms**2 + np.linalg.norm(wide(x), axis=1) ** 2
    bound = 20 * SIZE * np.finfo(dtype).eps
    error = np.linalg.norm(square(up) - square(L) - outer, 2, axis=(1, 2))
    assert np.all(error <= bound * sizes)
    assert np.all(np.diagonal(up, axis1=1, axis2=2) > 0)
    assert np.all(np.triu(up, 1) == 0)
    worked = np.asarray(status) == Status.CONVERGED
    # ρ² = 1/(1 + xᴴA⁻¹x): below the threshold where A is nearly singular, and only there.
    rest = 1 / (1 + np.sum(np.linalg.solve(wide(L), wide(x)[:, :, None])[..., 0] ** 2, axis=1))
    edge = 4 * SIZE * np.finfo(dtype).eps
    assert np.all(worked[rest > 4 * edge])
    assert np.sum(worked) >= len(A) // 3
    error = np.linalg.norm(square(down) + outer - square(up), 2, axis=(1, 2))
    assert np.all(error[worked] <= bound * sizes[worked])
    assert np.isnan(np.asarray(down)[~worked]).all()


@pytest.mark.full
def test_against_a_new_factorization_in_complex():
    rng = np.random.default_rng(2)
    L = np.tril(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)), -1) + 2 * np.eye(4)
    x = 0.3 * (rng.normal(size=4) + 1j * rng.normal(size=4))
    A, outer = L @ adjoint(L), np.outer(x, x.conj())
    garbage = L + np.triu(np.ones((4, 4)), 1)
    up, (down, status) = linalg.cholesky_update(garbage, x), linalg.cholesky_downdate(garbage, x)
    np.testing.assert_allclose(up, np.linalg.cholesky(A + outer), atol=1e-13)
    np.testing.assert_allclose(down, np.linalg.cholesky(A - outer), atol=1e-13)
    assert status == Status.CONVERGED
    args = (jnp.asarray(L[:2, :2]), jnp.asarray(x[:2]))
    for f in (linalg.cholesky_update, lambda L, x: linalg.cholesky_downdate(L, x).L):
        report = verify.check_gradients(f, args)
        assert report, str(report)


def test_a_downdate_too_far_is_reported():
    """Also at the edge, where the difference is singular; the other lanes do not notice."""
    L = np.stack([np.eye(2)] * 4 + [np.zeros((2, 2))])
    x = np.array([[0.6, 0.0], [0.6, 0.8], [2.0, 0.0], [np.nan, 0.0], [1.0, 1.0]])
    for dtype in (np.float32, np.float64):
        down, status = jax.vmap(linalg.cholesky_downdate)(L.astype(dtype), x.astype(dtype))
        assert status[0] == Status.CONVERGED
        assert status[1:3].tolist() == [Status.INFEASIBLE] * 2
        assert status[3:].tolist() == [Status.NON_FINITE] * 2
        np.testing.assert_allclose(down[0], np.diag([0.8, 1.0]), rtol=1e-6)
        assert np.isnan(down[1:]).all()


def test_a_downdate_by_a_vector_out_of_all_proportion():
    """L⁻¹x overflows: the difference is as far from definite as can be, and nothing else."""
    for L in (np.eye(2), np.array([[1.0, 0.0], [-1.0, 1.0]])):
        scaled = (L * 1e-20).astype(np.float32)
        down, status = linalg.cholesky_downdate(scaled, np.full(2, 1e20, np.float32))
        assert status == Status.INFEASIBLE
        assert np.isnan(down).all()


def test_small_and_singular_factors():
    assert linalg.cholesky_update(np.array([[3.0]]), np.array([4.0])) == 5.0
    np.testing.assert_allclose(linalg.cholesky_downdate([[5.0]], [4.0]).L, [[3.0]])
    # A factor of a singular matrix may be updated: nothing is divided by it.
    L = linalg.cholesky_update(np.zeros((2, 2)), np.array([0.0, 2.0]))
    np.testing.assert_array_equal(L, [[0.0, 0.0], [0.0, 2.0]])
    gradient = jax.grad(lambda L: jnp.sum(linalg.cholesky_update(L, jnp.zeros(2))))(
        jnp.zeros((2, 2))
    )
    assert np.isfinite(gradient).all()
    assert np.isnan(linalg.cholesky_update(np.eye(2), np.array([np.nan, 0.0]))).all()
