"""Cholesky and LDLᴴ: accuracy, refusal of what is not definite, the ladder of jitters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg, verify
from jaxmath.iterate import Status
from tests.linalg.gallery_qr import SIZE, gallery, scaled_stack, spectral_norms

BOTH = (linalg.cholesky, linalg.cholesky_reference)
DTYPES = (np.float32, np.float64)


def wide(x):
    x = np.asarray(x)
    return x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)


def adjoint(M):
    return np.conj(np.swapaxes(M, -1, -2))


def definite_stack(dtype):
    """BBᴴ + 10·n·eps·‖B‖²·I of the gallery: condition numbers from 1 to 0.1/(n·eps)."""
    B = np.stack(list(gallery().values()))
    norms = np.linalg.norm(B, 2, axis=(1, 2), keepdims=True)
    shift = 10 * SIZE * float(np.finfo(dtype).eps) * np.where(norms == 0, 1, norms**2)
    A = B @ adjoint(B) + shift * np.eye(SIZE)
    scales = [1e-30, 1.0, 1e30]
    return np.concatenate([A * s for s in scales]).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", BOTH, ids=lambda f: f.__name__)
def test_definite_matrices_at_every_scale(f, dtype):
    A = definite_stack(dtype)
    L = jax.jit(jax.vmap(f))(A)
    assert L.dtype == dtype
    residual = np.linalg.norm(wide(A) - wide(L) @ adjoint(wide(L)), 2, axis=(1, 2))
    bound = 20 if f is linalg.cholesky else 4
    assert np.all(residual <= bound * SIZE * np.finfo(dtype).eps * spectral_norms(A))
    assert np.all(np.triu(L, 1) == 0)
    assert np.all(np.diagonal(L, axis1=1, axis2=2) > 0)


@pytest.mark.parametrize("f", BOTH, ids=lambda f: f.__name__)
def test_what_is_not_definite_is_nan_in_its_lane_alone(f):
    lanes = {
        "definite": [[2.0, 0.0], [1.0, 2.0]],
        "indefinite": [[1.0, 0.0], [2.0, 1.0]],
        "negative": [[-1.0, 0.0], [0.0, 1.0]],
        "singular": [[1.0, 0.0], [1.0, 1.0]],
        "zero": [[0.0, 0.0], [0.0, 0.0]],
        "nan": [[1.0, 0.0], [np.nan, 1.0]],
        "infinite": [[np.inf, 0.0], [0.0, 1.0]],
        "not read": [[2.0, np.nan], [1.0, 2.0]],
    }
    for dtype in (np.float32, np.float64, np.complex128):
        L = jax.vmap(f)(np.array(list(lanes.values()), dtype))
        nan = dict(zip(lanes, np.isnan(L).all(axis=(1, 2)), strict=True))
        finite = dict(zip(lanes, np.isfinite(L).all(axis=(1, 2)), strict=True))
        assert [name for name in lanes if finite[name]] == ["definite", "not read"]
        assert all(nan[name] != finite[name] for name in lanes)


def test_complex_and_1x1():
    rng = np.random.default_rng(1)
    B = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    A = B @ adjoint(B)
    for f in BOTH:
        # The imaginary part of the diagonal and what stands above it are not read.
        L = f(np.tril(A) + 1j * np.eye(4))
        np.testing.assert_allclose(L, np.linalg.cholesky(A), atol=1e-13)
        assert f(np.array([[4.0]])) == 2.0
        report = verify.check_gradients(f, (jnp.asarray(A[:2, :2]),))
        assert report, str(report)


def test_derivative_by_hand():
    """d log det A = tr(A⁻¹ dA) = 2 d Σ log Lⱼⱼ; the entries above the diagonal have none."""
    rng = np.random.default_rng(2)
    B = rng.normal(size=(3, 3))
    A = B @ B.T + np.eye(3)
    inverse = np.linalg.inv(A)
    by_hand = 2 * np.tril(inverse) - np.diag(np.diagonal(inverse))
    for f in BOTH:
        log_det = lambda A, f=f: 2 * jnp.sum(jnp.log(jnp.diagonal(f(A))))
        np.testing.assert_allclose(jax.grad(log_det)(A), by_hand, atol=1e-13)
    assert np.isnan(jax.grad(log_det)(-A)).any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_ldl_of_quasi_definite_matrices(dtype):
    """Every signature, within its own growth; the signs of d are the inertia."""
    rng = np.random.default_rng(3)
    B = rng.normal(size=(5, 5))
    stack, inertia = [], []
    for k in range(6):
        signs = np.where(np.arange(5) < k, 1.0, -1.0)
        M = B @ B.T + 0.1 * np.eye(5)
        M = np.where(np.outer(signs, signs) > 0, signs[:, None] * M, B)
        order = rng.permutation(5)
        stack += [s * (np.tril(M) + np.tril(M, -1).T)[order][:, order] for s in (1e-30, 1, 1e30)]
        inertia += [k] * 3
    A = np.stack(stack).astype(dtype)
    L, d, growth = jax.jit(jax.vmap(linalg.ldl))(A)
    assert L.dtype == d.dtype == growth.dtype == dtype
    product = (wide(L) * wide(d)[:, None, :]) @ adjoint(wide(L))
    residual = np.linalg.norm(wide(A) - product, 2, axis=(1, 2))
    bound = 20 * 5 * np.finfo(dtype).eps * wide(growth)
    assert np.all(residual <= bound * spectral_norms(A))
    assert np.sum(np.asarray(d) > 0, axis=1).tolist() == inertia
    assert np.all(np.diagonal(L, axis1=1, axis2=2) == 1)


def test_ldl_says_where_it_may_not_be_trusted():
    for tiny in (1e-4, 1e-8, 1e-12):
        A = np.array([[tiny, 1.0], [1.0, 1.0]])
        L, d, growth = map(np.asarray, linalg.ldl(A))
        assert 0.5 / tiny < growth < 4 / tiny
        residual = np.abs(A - (L * d) @ L.T).max()
        assert residual <= 2e-16 * growth
    assert np.isnan(linalg.ldl(np.array([[0.0, 1.0], [1.0, 0.0]])).d).all()
    assert np.isnan(linalg.ldl(np.array([[1.0, 0.0], [np.nan, 1.0]])).L).all()
    singular = linalg.ldl(np.array([[1.0, 1.0], [1.0, 1.0]]))
    np.testing.assert_array_equal(singular.d, [1.0, 0.0])
    rng = np.random.default_rng(4)
    B = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    L, d, growth = map(np.asarray, linalg.ldl(B @ adjoint(B)))
    np.testing.assert_allclose(L * np.sqrt(d), np.linalg.cholesky(B @ adjoint(B)), atol=1e-13)
    assert growth <= 3 * (1 + 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_jitter_is_the_first_that_works(dtype):
    """Each lane climbs its own ladder; every lower rung fails, and L is the factor of A + τI."""
    eps = np.finfo(dtype).eps
    lanes = [np.eye(3), np.ones((3, 3)), np.zeros((3, 3)), np.diag([1, 1, -1e-3])]
    lanes += [s * np.diag([3.0, 2.0, -1e-2]) for s in (1e-25, 1e25)]
    A = np.stack(lanes).astype(dtype)
    L, jitter, status = jax.jit(jax.vmap(linalg.safe_cholesky))(A)
    assert jitter.dtype == dtype
    assert np.all(status == Status.CONVERGED)
    assert jitter[0] == 0
    assert np.all(jitter[1:] > 0)
    assert jitter[2] == eps
    assert np.all(jitter[3:] > np.array([1e-3, 1e-27, 1e23]))
    assert np.all(jitter[3:] < np.array([1.01e-2, 1.01e-25, 1.01e25]))
    for M, factor, tau in zip(A, L, jitter, strict=True):
        shifted = M + tau * np.eye(3, dtype=dtype)
        error = np.abs(wide(factor) @ wide(factor).T - wide(shifted)).max()
        assert error <= 60 * eps * np.abs(wide(shifted)).max()
        if tau > 0:
            lower = M + tau / dtype(10) * np.eye(3, dtype=dtype)
            scale = 2.0 ** np.floor(np.log2(np.abs(np.diagonal(wide(M))).max() or 1))
            below = lower if tau > 2 * eps * scale else M
            assert np.isnan(linalg.cholesky(below)).all()


def test_what_no_jitter_mends_is_reported():
    lanes = np.array([np.diag([1.0, -5.0]), [[1.0, 3.0], [3.0, 1.0]], np.diag([np.nan, 1.0]),
                      np.diag([np.inf, 1.0]), np.eye(2)])  # fmt: skip
    L, jitter, status = jax.vmap(linalg.safe_cholesky)(lanes)
    expected = [Status.INFEASIBLE] * 2 + [Status.NON_FINITE] * 2 + [Status.CONVERGED]
    assert status.tolist() == expected
    assert np.isnan(L[:4]).all()
    assert np.isfinite(L[4]).all()
    assert np.all(jitter[2:] == 0)
    mended = linalg.safe_cholesky(lanes[1], max_jitter=10.0, ratio=2.0)
    assert mended.status == Status.CONVERGED
    assert 2 < mended.jitter <= 4
    for keywords, name in (({"ratio": 1.0}, "ratio"), ({"max_jitter": -1.0}, "max_jitter")):
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            linalg.safe_cholesky(np.eye(2), **keywords)


def test_a_ladder_that_does_not_rise_ends():
    """A ratio that rounds to 1 is refused; a traced one ends the ladder where it stands still."""
    A = np.diag([1.0, -1.0]).astype(np.float32)
    with pytest.raises(ValueError, match="`ratio` must be above 1"):
        linalg.safe_cholesky(A, ratio=1.00000001)
    for ratio in (1.0, 0.5, np.nan):
        result = linalg.safe_cholesky(A, ratio=jnp.float32(ratio))
        assert result.status == Status.INFEASIBLE
        assert result.jitter == np.finfo(np.float32).eps
    # The first rung is below what float32 has; and so it is of no use.
    tiny = linalg.safe_cholesky(np.diag([1.0, -1.0]).astype(np.float32) * np.float32(2e-38))
    assert tiny.status == Status.INFEASIBLE


def test_derivative_at_a_jittered_matrix():
    """The jitter is constant nearby, so the derivative is that of the function, both modes."""
    A = jnp.asarray(np.diag([3.0, 2.0, -1e-2]) + 0.1 * np.eye(3, k=-1))
    report = verify.check_gradients(lambda A: linalg.safe_cholesky(A)[:2], (A,))
    assert report, str(report)


def test_the_gallery_is_refused_where_it_is_not_definite():
    """Whatever of the gallery has a negative eigenvalue is NaN; nothing is silently factored."""
    stack = scaled_stack(np.float64, (1.0,))
    symmetric = np.tril(stack) + adjoint(np.tril(stack, -1))
    smallest = np.linalg.eigvalsh(symmetric)[:, 0]
    clear = np.abs(smallest) > 1e-13 * spectral_norms(symmetric)
    for f in BOTH:
        refused = np.isnan(jax.jit(jax.vmap(f))(stack)).all(axis=(1, 2))
        assert np.all(refused[clear] == (smallest < 0)[clear])
