"""QR and its references: accuracy on the gallery, gauge, rank deficiency, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg, verify
from tests.linalg.gallery_qr import SIZE, gallery, scaled_stack, spectral_norms

DTYPES = (np.float32, np.float64)
ANY_MATRIX = (linalg.qr, linalg.householder_qr, linalg.givens_qr)
GRAM_SCHMIDT = (linalg.classical_gram_schmidt, linalg.modified_gram_schmidt)


def wide(x):
    x = np.asarray(x)
    return x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)


def adjoint(M):
    return np.conj(np.swapaxes(M, -1, -2))


def losses(A, Q, R):
    """The residual relative to ‖A‖ and the loss of orthogonality, for each of a stack."""
    A, Q, R = wide(A), wide(Q), wide(R)
    norms = spectral_norms(A)
    residual = np.linalg.norm(A - Q @ R, 2, axis=(1, 2)) / np.where(norms == 0, 1, norms)
    return residual, np.linalg.norm(adjoint(Q) @ Q - np.eye(Q.shape[-1]), 2, axis=(1, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", ANY_MATRIX, ids=lambda f: f.__name__)
def test_every_matrix_at_every_scale(f, dtype):
    stack = scaled_stack(dtype)
    Q, R = jax.jit(jax.vmap(f))(stack)
    assert Q.dtype == R.dtype == dtype
    residual, loss = losses(stack, Q, R)
    bound = 20 * SIZE * np.finfo(dtype).eps
    assert residual.max() <= bound, np.argmax(residual)
    assert loss.max() <= bound, np.argmax(loss)
    assert np.all(np.tril(R, -1) == 0)
    assert np.all(np.diagonal(R, axis1=1, axis2=2) >= 0)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("f", ANY_MATRIX, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 1), (4, 1), (1, 4)])
def test_shapes_and_complex(f, shape):
    """Tall, wide and 1×1, in both modes; the first columns are unique, so all methods agree."""
    rng = np.random.default_rng(1)
    A = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    complete = jax.jit(lambda A: f(A, "complete"))
    Q, R = complete(A)
    k = min(shape)
    assert Q.shape == (shape[0], shape[0])
    assert R.shape == shape
    bound = 20 * max(shape) * np.finfo(float).eps
    residual, loss = losses(A[None], Q[None], R[None])
    assert max(residual[0], loss[0]) <= bound
    assert np.all(np.diagonal(R).imag == 0)
    assert np.all(np.diagonal(R).real >= 0)
    q, r = np.linalg.qr(A)
    s = np.diagonal(r) / np.abs(np.diagonal(r))
    np.testing.assert_allclose(Q[:, :k], q * s, atol=1e-13)
    np.testing.assert_allclose(R[:k], np.conj(s)[:, None] * r, atol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("f", GRAM_SCHMIDT, ids=lambda f: f.__name__)
def test_gram_schmidt_loses_orthogonality_as_it_says(f, dtype):
    """Within c·κ²·eps or c·κ·eps, and for the classical far above what the modified reaches."""
    rng, eps = np.random.default_rng(2), float(np.finfo(dtype).eps)
    U, V = (np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0] for _ in range(2))
    kappas = np.geomspace(1, 0.1 / np.sqrt(eps), 12)
    s = np.stack([np.geomspace(1, 1 / kappa, SIZE) for kappa in kappas])
    stack = ((U * s[:, None, :]) @ V.T).astype(dtype)
    Q, R = jax.jit(jax.vmap(f))(stack)
    residual, loss = losses(stack, Q, R)
    power = 2 if f is linalg.classical_gram_schmidt else 1
    assert residual.max() <= 20 * SIZE * eps
    assert np.all(loss <= 2 * SIZE * kappas**power * eps)
    if power == 2 and dtype == np.float64:  # in float32 κ is too small to tell them apart
        assert loss[-1] > 20 * kappas[-1] * eps


@pytest.mark.parametrize("f", GRAM_SCHMIDT, ids=lambda f: f.__name__)
def test_gram_schmidt_of_dependent_and_scaled_columns(f):
    A = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    for scale in (1.0, 1e-30, 1e30):
        Q, R = f(jnp.asarray(A * scale, jnp.float32))
        np.testing.assert_array_equal(Q, [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
        np.testing.assert_allclose(R / scale, [[1, 2, 0], [0, 0, 0], [0, 0, 1]], rtol=1e-6)


def test_not_finite_gives_nan_in_its_lane_alone():
    A = np.random.default_rng(3).normal(size=(3, 4, 3))
    A[1, 2, 1], A[2, 0, 0] = np.nan, np.inf
    for f in (*ANY_MATRIX, *GRAM_SCHMIDT):
        Q, R = jax.vmap(f)(A)
        assert np.isfinite(Q[0]).all()
        assert np.isfinite(R[0]).all()
        assert np.isnan(Q[1:]).all()
        assert np.isnan(R[1:]).all()


def test_methods_share_their_derivative():
    rng = np.random.default_rng(4)
    A, dA = rng.normal(size=(2, 4, 3))
    _, expected = jax.jvp(linalg.qr, (A,), (dA,))
    for f in (linalg.householder_qr, linalg.givens_qr, *GRAM_SCHMIDT):
        _, tangent = jax.jvp(f, (A,), (dA,))
        for got, want in zip(tangent, expected, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-12)


def invariants(A):
    """QR, R, Q₁, and of Q₂ the projector."""
    Q, R = linalg.qr(A, "complete")
    k = min(A.shape)
    out = [jnp.matmul(Q, R), R, Q[:, :k]]
    return [*out, jnp.matmul(Q[:, k:], jnp.conj(Q[:, k:]).T)] if A.shape[0] > k else out


@pytest.mark.sampled(2)
@pytest.mark.parametrize("shape", [(3, 3), (2, 3), (3, 2), (1, 1)])
@pytest.mark.parametrize("kind", [float, complex])
def test_first_derivative(shape, kind):
    rng = np.random.default_rng(5)
    A = rng.normal(size=shape).astype(kind)
    A += 1j * rng.normal(size=shape) if kind is complex else 0
    report = verify.check_gradients(invariants, (jnp.asarray(A),))
    assert report, str(report)


def test_derivatives_by_hand():
    """d(QR) = dA; d|det A| = |det A| tr(A⁻¹dA) through Π Rᵢᵢ; at rank m − 1 as well for QR = A."""
    rng = np.random.default_rng(6)
    A, dA = rng.normal(size=(2, 4, 4))
    product = lambda A: jnp.prod(jnp.diagonal(linalg.qr(A)[1]))
    value, tangent = jax.jvp(product, (A,), (dA,))
    np.testing.assert_allclose(value, abs(np.linalg.det(A)), rtol=1e-12)
    np.testing.assert_allclose(tangent, value * np.trace(np.linalg.solve(A, dA)), rtol=1e-10)
    A[:, 3] = A[:, 0]
    A = np.round(A * 8) / 8
    for M in (A, np.diag([1.0, 1.0, 1.0, 0.0])):
        _, tangent = jax.jvp(lambda A: jnp.matmul(*linalg.qr(A)), (M,), (dA,))
        np.testing.assert_allclose(tangent, dA, atol=1e-12)


def test_dependent_columns_have_no_silent_derivative():
    """Q₁ has no derivative at a zero first column: nothing finite comes out for it."""
    A = jnp.array([[0.0, 1.0], [0.0, 1.0], [0.0, 2.0]])
    gradient = jax.grad(lambda A: linalg.qr(A)[0][1, 0])(A)
    assert not np.isfinite(gradient).all()


def test_the_gallery_covers_what_it_says():
    """Its ranks and conditions are those of the textbook, so that the tests above are hard."""
    found = {name: np.linalg.cond(A) for name, A in gallery().items()}
    assert found["Hilbert"] > 1e10
    assert found["nearly singular"] > 1e9
    assert found["identity"] == 1
    assert np.linalg.matrix_rank(gallery()["rank one"]) == 1
