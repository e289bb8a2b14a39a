"""Symmetric eigenproblems beyond their rows: accuracy list, gauge, repeated values, bad input."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import linalg

from jaxmath.iterate import Status
from jaxmath.linalg import symmetric as sym
from jaxmath.verify import check_gradients
from tests.linalg import eigen_gallery as gallery

N = gallery.N
DTYPES = (np.float32, np.float64, np.complex64, np.complex128)


def batch(dtype):
    """The symmetric gallery; for a complex dtype turned into Hermitian matrices by phases."""
    matrices = gallery.symmetric()
    if np.issubdtype(dtype, np.complexfloating):
        phase = np.exp(1j * np.arange(N))
        matrices = {k: phase[:, None] * A * phase.conj() for k, A in matrices.items()}
    return gallery.stack(matrices, dtype)


def exact_eigenvalues(A):
    """Eigenvalues of a Hermitian matrix with 40 digits."""
    with mpmath.workdps(40):
        H = mpmath.matrix((A.astype(complex) if A.dtype.kind == "c" else A.astype(float)).tolist())
        values = (mpmath.eighe if A.dtype.kind == "c" else mpmath.eigsy)(H, eigvals_only=True)
        return np.sort([float(v) for v in values])


def assert_decomposes(A, w, V, factor):
    """Residual and orthogonality within factor·n·eps, of the symmetrized matrices."""
    eps = float(np.finfo(A.dtype).eps)
    A, w, V = A.astype(complex), np.asarray(w, float), np.asarray(V, complex)
    H = A / 2 + A.conj().swapaxes(1, 2) / 2
    residual = gallery.norms(H @ V - V * w[:, None, :])
    assert (residual <= factor * N * eps * gallery.norms(H)).all()
    assert (gallery.norms(V.conj().swapaxes(1, 2) @ V - np.eye(N)) <= factor * N * eps).all()
    size = np.abs(V)
    lead = np.argmax(size >= 0.9 * size.max(axis=1, keepdims=True), axis=1)
    entry = np.take_along_axis(V, lead[:, None, :], axis=1)
    assert (entry.real > 0).all()
    assert (np.abs(entry.imag) <= 4 * eps).all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_accuracy_list(dtype):
    """eigh and the Jacobi reference over the gallery, against 40 digits."""
    A = batch(dtype)
    with jax.numpy_dtype_promotion("strict"):
        w, V = jax.jit(jax.vmap(sym.eigh))(A)
        solution = jax.jit(jax.vmap(sym.jacobi_eigh))(A)
    assert (solution.status == Status.CONVERGED).all()
    assert (solution.num_steps <= 9).all()
    assert_decomposes(A, w, V, 20)
    assert_decomposes(A, *solution.value, 10)
    eps, norm = float(np.finfo(dtype).eps), gallery.norms(A)
    if dtype in (np.float32, np.float64):
        want = np.stack([exact_eigenvalues(a / 2 + a.T / 2) for a in A])
    else:
        H = A.astype(complex)
        want = np.linalg.eigvalsh(H / 2 + H.conj().swapaxes(1, 2) / 2)
    assert (np.abs(w - want).max(axis=1) <= 20 * N * eps * norm).all()
    assert (np.abs(solution.value[0] - want).max(axis=1) <= 10 * N * eps * norm).all()


def test_jacobi_is_accurate_for_small_eigenvalues():
    """Of a graded positive definite matrix DMD Jacobi finds each value to relative precision."""
    D = np.diag(np.geomspace(1, 1e-10, 5))
    A = D @ (np.eye(5) + 0.1 * np.ones((5, 5))) @ D
    w = sym.jacobi_eigh(A).value.eigenvalues
    assert sym.jacobi_eigh(A, max_sweeps=0).status == Status.MAX_STEPS
    np.testing.assert_allclose(w[1:], exact_eigenvalues(A)[1:], rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jacobi_at_clustered_eigenvalues(dtype):
    """As many sweeps as for any matrix: equal values far apart on the diagonal would take 30."""
    n, rng = 40, np.random.default_rng(6)
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    half = np.arange(n) < n // 2
    spectra = (1.0 + half, 1.0 * half, 1.0 - 2 * half, 1.0 + np.arange(n) % 5, 10.0 ** -(12 * half))
    A = np.stack([Q * w @ Q.T for w in spectra]).astype(dtype)
    solution = jax.jit(jax.vmap(sym.jacobi_eigh))(A)
    assert (solution.status == Status.CONVERGED).all()
    assert solution.num_steps.max() <= np.log2(n) + 4
    w, V = (np.asarray(x, float) for x in solution.value)
    bound = 10 * n * np.finfo(dtype).eps
    assert np.all(gallery.norms(A @ V - V * w[:, None, :]) <= bound * gallery.norms(A))
    assert np.all(gallery.norms(V.swapaxes(1, 2) @ V - np.eye(n)) <= bound)


def test_both_triangles_are_read():
    A = jnp.array([[1.0, 5.0], [1.0, 2.0]])
    np.testing.assert_allclose(sym.eigvalsh(A), np.linalg.eigvalsh((A + A.T) / 2), rtol=1e-14)
    gradient = jax.grad(lambda A: sym.eigvalsh(A)[1])(A)
    np.testing.assert_allclose(gradient, gradient.T, atol=1e-15)


def test_sign_does_not_depend_on_rounding():
    """(1, −1)/√2 has two entries of equal modulus: the first decides, however they round."""
    rng = np.random.default_rng(0)
    A = np.array([[2.0, 1.0], [1.0, 2.0]]) + 1e-15 * rng.normal(size=(200, 2, 2))
    V = jax.vmap(sym.eigh)(A).eigenvectors
    np.testing.assert_allclose(V[:, 0], np.full((200, 2), 0.5**0.5), atol=1e-6)


def test_complex_vectors_move_in_their_gauge():
    """Eigenvalues and vectors of a Hermitian matrix, as functions of real parameters."""
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(2, 4, 4))

    def parts(X, Y):
        w, V = sym.eigh(jax.lax.complex(X, Y))
        return w, V.real, V.imag

    report = check_gradients(jax.jit(parts), (jnp.asarray(X), jnp.asarray(Y)))
    assert report, report


def test_repeated_values_give_the_derivative_of_what_is_invariant():
    """At diag(1, 1, 4) rotated: λ sums and the projector onto the eigenspace, against theory."""
    Q = gallery.orthogonal(0)[:3, :3]
    Q = np.linalg.qr(Q)[0]
    A, E = (Q * [1.0, 1.0, 4.0]) @ Q.T, np.random.default_rng(2).normal(size=(3, 3))
    E = E + E.T

    def invariant(A):
        w, V = sym.eigh(A)
        return w[0] + w[1], w[2], V[:, :2] @ V[:, :2].T

    _, (low, high, dP) = jax.jvp(invariant, (jnp.asarray(A),), (jnp.asarray(E),))
    P, q = Q[:, :2] @ Q[:, :2].T, Q[:, 2]
    np.testing.assert_allclose(low, np.trace(P @ E), rtol=1e-12)
    np.testing.assert_allclose(high, q @ E @ q, rtol=1e-12)
    reduced = np.outer(q, q) / (1.0 - 4.0)
    np.testing.assert_allclose(dP, P @ E @ reduced + reduced @ E @ P, atol=1e-12)
    # And the documented limit: what needs the terms inside the eigenspace is not there.
    lost = jax.jvp(lambda A: sym.eigh(A)[1] * jnp.exp(sym.eigh(A)[0])[None, :] @ sym.eigh(A)[1].T,
                   (2 * jnp.eye(2),), (jnp.array([[0.0, 1.0], [1.0, 0.0]]),))[1]  # fmt: skip
    assert np.isfinite(lost).all()


def test_second_derivative_of_eigenvalues():
    """d²λ₁ = 2 Σ (v₁ᵀEvⱼ)²/(λ₁ − λⱼ), the second-order perturbation formula."""
    rng = np.random.default_rng(3)
    A, E = (x + x.T for x in rng.normal(size=(2, 4, 4)))
    path = lambda t: sym.eigvalsh(A + t * E)
    w, V = np.linalg.eigh(A)
    C = V.T @ E @ V
    by_hand = [2 * sum(C[i, j] ** 2 / (w[i] - w[j]) for j in range(4) if j != i) for i in range(4)]
    np.testing.assert_allclose(jax.jacfwd(jax.jacfwd(path))(0.0), by_hand, rtol=1e-10)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_generalized(dtype):
    """Against SciPy, at scales that a product of A and B would not survive."""
    rng, eps = np.random.default_rng(4), float(np.finfo(dtype).eps)
    A, B = rng.normal(size=(2, 5, 5))
    if np.issubdtype(dtype, np.complexfloating):
        A, B = A + 1j * rng.normal(size=(5, 5)), B + 1j * rng.normal(size=(5, 5))
    A, B = A + A.conj().T, B @ B.conj().T + np.eye(5)
    want = linalg.eigh(A, B, eigvals_only=True)
    kappa = np.linalg.cond(B)
    scales = [(1.0, 1.0), (1e-25, 1e-15), (1e30, 1e25), (1e-30, 1e5), (1e15, 1e-20)]
    As = np.stack([a * A for a, _ in scales]).astype(dtype)
    Bs = np.stack([b * B for _, b in scales]).astype(dtype)
    with jax.numpy_dtype_promotion("strict"):
        w, V, status = jax.jit(jax.vmap(sym.generalized_eigh))(As, Bs)
    assert (status == Status.CONVERGED).all()
    for k, (a, b) in enumerate(scales):
        bound = 20 * 5 * eps * kappa * np.abs(want).max()
        assert np.abs(np.asarray(w[k], float) / (a / b) - want).max() <= bound
        gram = V[k].conj().T.astype(complex) @ (b * B) @ V[k].astype(complex)
        assert np.abs(gram - np.eye(5)).max() <= 20 * 5 * eps * kappa


def test_generalized_reports_lane_by_lane():
    A = jnp.stack([jnp.eye(2)] * 4).at[3, 0, 0].set(jnp.nan)
    B = jnp.stack([jnp.eye(2), -jnp.eye(2), jnp.ones((2, 2)), jnp.eye(2)])
    w, V, status = jax.jit(jax.vmap(sym.generalized_eigh))(A, B)
    assert status.tolist() == [
        Status.CONVERGED, Status.SINGULAR, Status.SINGULAR, Status.NON_FINITE]  # fmt: skip
    assert jnp.isfinite(w[0]).all()
    assert jnp.isnan(w[1:]).all()
    assert jnp.isnan(V[1:]).all()


def test_generalized_eigenvalue_derivative_by_hand():
    rng = np.random.default_rng(5)
    A, B, dA, dB = (x + x.T for x in rng.normal(size=(4, 3, 3)))
    B = B @ B + np.eye(3)
    (w, X, _), (dw, _, _) = jax.jvp(sym.generalized_eigh, (A, B), (dA, dB))
    by_hand = [X[:, i] @ (dA - w[i] * dB) @ X[:, i] for i in range(3)]
    np.testing.assert_allclose(dw, by_hand, rtol=1e-11)


def test_not_finite_input_is_reported_lane_by_lane():
    A = jnp.stack([jnp.eye(3)] * 3).at[1, 0, 1].set(jnp.nan).at[2, 2, 2].set(jnp.inf)
    w, V = jax.jit(jax.vmap(sym.eigh))(A)
    solution = jax.jit(jax.vmap(sym.jacobi_eigh))(A)
    for values, vectors in ((w, V), solution.value):
        np.testing.assert_array_equal(values[0], np.ones(3))
        assert jnp.isnan(values[1:]).all()
        assert jnp.isnan(vectors[1:]).all()
    assert solution.status.tolist() == [0, Status.NON_FINITE, Status.NON_FINITE]


def test_positive_definite():
    """Decided as the smallest eigenvalue says, when it is not within rounding of 0."""
    Q, eps = gallery.orthogonal(5), np.finfo(np.float64).eps
    margin = N * N * eps
    for least, definite in ((2 * margin, True), (-2 * margin, False), (0.1, True), (-0.1, False)):
        for scale in (1e-300, 1.0, 1e300):
            A = scale * (Q * [least, *np.linspace(0.2, 1, N - 1)]) @ Q.T
            assert sym.is_positive_definite(A) == definite
    bad = jnp.stack([jnp.eye(2), jnp.zeros((2, 2)), jnp.full((2, 2), jnp.nan),
                     jnp.diag(jnp.array([1.0, jnp.inf]))])  # fmt: skip
    assert jax.vmap(sym.is_positive_definite)(bad).tolist() == [True, False, False, False]


def test_arguments_of_two_dtypes_under_strict_promotion():
    rng = np.random.default_rng(5)
    S, x = (rng.normal(size=s).astype(np.float32) for s in ((4, 4), 4))
    z = x * np.complex64(1 + 2j)
    with jax.numpy_dtype_promotion("strict"):
        found = sym.quadratic_form(S, z), sym.quadratic_form(S.astype(complex), x)
        values = sym.generalized_eigh(S @ S.T, np.eye(4)).eigenvalues
    assert [v.dtype for v in found] == [np.complex64, np.complex128]
    np.testing.assert_allclose(found[0], np.conj(z) @ S @ z, rtol=1e-5)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(S @ S.T), atol=1e-5)


def test_one_by_one_and_refusals():
    assert sym.eigh([[3.0]]).eigenvectors == 1
    assert sym.jacobi_eigh([[3.0]]).value.eigenvalues == 3
    for f in (sym.eigh, sym.eigvalsh, sym.jacobi_eigh, sym.is_positive_definite):
        with pytest.raises(ValueError, match="`A` must have at least 1 elements"):
            f(jnp.zeros((0, 0)))
        with pytest.raises(TypeError, match="`A` must have single or double"):
            f(jnp.eye(2, dtype=jnp.bfloat16))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_eigenvalues_up_to_the_largest_number(dtype):
    """Where half the scale that brings A down would be no normal number, and flushed to 0."""
    top = float(jnp.finfo(dtype).max)
    A = jnp.array([[1.0, 2.0], [2.0, 1.0]])
    for size in (top / 4, top / 16, top / 64):
        for n in (2, 9):
            big = (jnp.kron(jnp.eye(n // 2 + n % 2), A)[:n, :n] * size).astype(dtype)
            w = np.asarray(sym.eigh(big).eigenvalues, float) / size
            want = np.linalg.eigvalsh(np.asarray(big, float) / size)
            np.testing.assert_allclose(w, want, rtol=0, atol=1e-5)
