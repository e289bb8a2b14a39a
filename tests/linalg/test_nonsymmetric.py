"""Eigenproblems without symmetry beyond their rows: accuracy list, defective matrices, history."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath.iterate import Status
from jaxmath.linalg import _complex_schur as cs
from jaxmath.linalg import nonsymmetric as non
from jaxmath.linalg.characteristic import characteristic_polynomial, gershgorin_discs
from jaxmath.verify import check_gradients
from tests.linalg import eigen_gallery as gallery

N = gallery.N
DTYPES = (np.float32, np.float64, np.complex64, np.complex128)
NORMAL = ("cyclic", "orthogonal", "skew", "identity", "zero", "hilbert")
BLOCK = {"jordan": N, "defective": 2, "one entry": 2}


def batch(dtype):
    """The gallery; for a complex dtype multiplied by a phase."""
    matrices = gallery.general()
    if np.issubdtype(dtype, np.complexfloating):
        matrices = {k: A * np.exp(0.7j) for k, A in matrices.items()}
    return gallery.stack(matrices, dtype)


@functools.cache
def exact(dtype):
    """Of each matrix in the gallery the eigenvalues with 40 digits and the condition κ(V)."""
    found = []
    with mpmath.workdps(40):
        for A in batch(dtype):
            scale = float(np.abs(A).max()) or 1.0
            wide = A.astype(complex) if A.dtype.kind == "c" else A.astype(float)
            w, V = mpmath.eig(mpmath.matrix(wide.tolist()) / scale)
            V = np.array(V.tolist(), complex)
            V = V / np.linalg.norm(V, axis=0)
            found.append((np.array([complex(x) for x in w]) * scale, np.linalg.cond(V)))
    return found


def distance(got, want):
    """max over both sets of the distance to the other."""
    gap = np.abs(np.asarray(got, complex)[:, None] - want[None, :])
    return max(gap.min(axis=0).max(), gap.min(axis=1).max())


def assert_eigenvalues(A, w):
    """Bauer–Fike with 20·n·eps·‖A‖ as the backward error; at a Jordan block its k-th root."""
    eps = float(np.finfo(A.dtype).eps)
    for name, a, norm, values, (want, kappa) in zip(
        gallery.general(), A, gallery.norms(A), w, exact(A.dtype.type), strict=True
    ):
        relative = 20 * N * eps
        bound = relative if name in NORMAL else relative * kappa
        if name in BLOCK:
            # Golub and Van Loan, theorem 7.2.3: θ = ‖E‖·(‖N⁰‖ + … + ‖Nᵏ⁻¹‖) ≤ k·‖E‖, its k-th
            # root, and the conditioning of the similarity, below 10 in this gallery.
            k = BLOCK[name]
            bound = (10 * k * relative) ** (1 / k)
        assert distance(values, want) <= bound * norm, (name, a.dtype)


def assert_schur(A, T, Z):
    eps, A = float(np.finfo(A.dtype).eps), A.astype(complex)
    T, Z = np.asarray(T, complex), np.asarray(Z, complex)
    assert (np.tril(T, -1) == 0).all()
    residual = gallery.norms(A - Z @ T @ Z.conj().swapaxes(1, 2))
    assert (residual <= 20 * N * eps * gallery.norms(A)).all()
    assert (gallery.norms(Z.conj().swapaxes(1, 2) @ Z - np.eye(N)) <= 20 * N * eps).all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_accuracy_list(dtype):
    """schur and eig over the gallery, in order, against 40 digits."""
    A, eps = batch(dtype), float(np.finfo(dtype).eps)
    with jax.numpy_dtype_promotion("strict"):
        T, Z = jax.jit(jax.vmap(non.schur))(A)
        w, V = jax.jit(jax.vmap(non.eig))(A)
    assert_schur(A, T, Z)
    assert_eigenvalues(A, np.diagonal(T, axis1=1, axis2=2))
    assert_eigenvalues(A, w)
    w, V = np.asarray(w, complex), np.asarray(V, complex)
    residual = np.linalg.norm(A.astype(complex) @ V - V * w[:, None, :], axis=1).max(axis=1)
    assert (residual <= 20 * N * eps * gallery.norms(A)).all()
    np.testing.assert_allclose(np.linalg.norm(V, axis=1), 1, atol=20 * N * eps)
    noise = np.sqrt(eps) * np.abs(w).max(axis=1, keepdims=True)
    assert (np.diff(w.real, axis=1) >= -N * noise).all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_the_plain_operations_over_the_list(dtype):
    """What runs where there is no LAPACK: the QR algorithm and back substitution."""
    A, eps = batch(dtype), float(np.finfo(dtype).eps)
    with jax.numpy_dtype_promotion("strict"):
        solution = jax.jit(jax.vmap(non.qr_algorithm))(A)
    assert (solution.status == Status.CONVERGED).all()
    assert (solution.error == 0).all()
    assert (solution.num_steps <= 4 * N).all()
    T, Z, _ = solution.value
    assert_schur(A, T, Z)
    assert_eigenvalues(A, np.diagonal(T, axis1=1, axis2=2))
    T, Z = jax.jit(jax.vmap(cs.sort_schur))(T, Z)
    assert_schur(A, T, Z)
    scale = np.abs(A).max(axis=(1, 2), keepdims=True)
    scaled = (A / np.where(scale > 0, scale, 1)).astype(dtype)
    w, V = jax.jit(jax.vmap(non._plain_eig))(scaled)
    w, V = np.asarray(w, complex), np.asarray(V, complex)
    norm = np.linalg.norm(V, axis=1)
    assert (norm > 0).all()
    residual = (np.linalg.norm(scaled @ V - V * w[:, None, :], axis=1) / norm).max(axis=1)
    assert (residual <= 20 * N * eps * gallery.norms(scaled)).all()


@pytest.mark.full
def test_the_plain_path_is_the_same_function():
    """On a well-conditioned matrix both paths give the same ordered factors in the same gauge."""
    A = jnp.asarray(gallery.general()["random"] + 1j * np.eye(N)[::-1])
    T, Z = cs.sort_schur(*jax.jit(non._plain_schur)(A))
    for got, want in zip((T, Z), non.schur(A), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-11)


def test_history_shows_the_quadratic_end():
    """The last subdiagonal entry squares at each step; the rows after the end repeat."""
    A = gallery.general()["random"]
    solution = jax.jit(non.qr_algorithm)(A)
    history, steps = solution.value.subdiagonals, int(solution.num_steps)
    assert history.shape == (30 * N + 1, N - 1)
    assert (history[steps:] == 0).all()
    assert (history[steps - 1] > 0).any()
    symmetric = jax.jit(non.qr_algorithm)(A + A.T).value.subdiagonals[:, -1]
    small = symmetric[(symmetric > 0) & (symmetric < 0.1)]
    assert (small[1:] <= 2 * small[:-1] ** 2).all()
    stopped = non.qr_algorithm(A, max_steps=2)
    assert stopped.status == Status.MAX_STEPS
    assert stopped.error > 0


def test_the_order_does_not_depend_on_rounding():
    """Pairs λ̄, λ of equal real part stay together whatever the last bits are."""
    rng = np.random.default_rng(0)
    w = np.array([1 + 2j, 1 - 2j, 1 + 1j, 1 - 1j, -3, 1, 5])
    want = np.array([-3, 1 - 2j, 1 - 1j, 1, 1 + 1j, 1 + 2j, 5])
    noisy = w + 1e-14 * (rng.normal(size=(50, 7)) + 1j * rng.normal(size=(50, 7)))
    got = np.take_along_axis(noisy, np.asarray(jax.vmap(cs.order)(noisy)), axis=1)
    np.testing.assert_allclose(got, np.tile(want, (50, 1)), atol=1e-12)


@pytest.mark.full
def test_complex_vectors_move_in_their_gauge():
    """T, Z, w and V of a complex matrix, as functions of its real and imaginary parts."""
    rng = np.random.default_rng(1)
    X = np.diag([-3.0, 0.0, 2.0]) + 0.3 * rng.normal(size=(3, 3))
    Y = rng.normal(size=(3, 3))

    def parts(X, Y):
        A = jax.lax.complex(X, Y)
        return [(z.real, z.imag) for z in (*non.schur(A), *non.eig(A))]

    report = check_gradients(jax.jit(parts), (jnp.asarray(X), jnp.asarray(Y)))
    assert report, report


def test_invariant_subspace_of_repeated_eigenvalues():
    """At diag(1, 1, 4) the projector onto the first subspace has its exact derivative."""
    rng = np.random.default_rng(2)
    S, E = np.eye(3) + 0.2 * rng.normal(size=(3, 3)), rng.normal(size=(3, 3))

    def projector(A):
        Z = non.schur(A).Z[:, :2]
        return (Z @ Z.conj().T).real

    A = jnp.asarray(S @ np.diag([1.0, 1.0, 4.0]) @ np.linalg.inv(S))
    _, got = jax.jit(lambda A, E: jax.jvp(projector, (A,), (E,)))(A, jnp.asarray(E))
    h = 1e-5
    want = (projector(A + h * E) - projector(A - h * E)) / (2 * h)
    np.testing.assert_allclose(got, want, atol=1e-8)


def test_diagonalize_tells_defective_matrices():
    for dtype in (np.float32, np.float64):
        A, names = batch(dtype), list(gallery.general())
        P, D, condition, status = jax.jit(jax.vmap(non.diagonalize))(A)
        eps = float(np.finfo(dtype).eps)
        norm = gallery.norms(A)
        assert (gallery.norms(A @ np.asarray(P) - np.asarray(P @ D)) <= 20 * N * eps * norm).all()
        verdict = dict(zip(names, status.tolist(), strict=True))
        for name in BLOCK:
            assert verdict[name] == Status.SINGULAR, (name, dtype)
        for name in ("random", "identity", "zero", "cyclic", "skew", "small", "large", "grcar"):
            assert verdict[name] == Status.CONVERGED, (name, dtype)
        good = np.asarray(status) == Status.CONVERGED
        back = np.asarray(P) @ np.asarray(D) @ np.linalg.inv(np.where(
            good[:, None, None], np.asarray(P), np.eye(N)))  # fmt: skip
        error = gallery.norms(back - A)[good]
        assert (error <= 20 * N * eps * (norm * np.asarray(condition))[good]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_characteristic_polynomial_bound(dtype):
    """Exact for integers; otherwise within the stated bound of 40 digits."""
    frank = gallery.general()["frank"][:5, :5]
    integers = np.round(np.poly(frank))
    np.testing.assert_array_equal(characteristic_polynomial(frank.astype(dtype)), integers)
    names = ("random", "hilbert", "kahan", "grcar", "companion", "defective", "zero")
    A = gallery.stack({k: gallery.general()[k] for k in names}, dtype)
    got = jax.jit(jax.vmap(characteristic_polynomial))(A)
    eps, k = float(np.finfo(dtype).eps), np.arange(N + 1)
    for a, norm, c in zip(A, gallery.norms(A), got, strict=True):
        with mpmath.workdps(40):
            roots = mpmath.eig(mpmath.matrix(a.astype(float).tolist()), right=False)
            want = [mpmath.mpf(1)]
            for root in roots:
                want = [x - root * y for x, y in zip([*want, 0], [0, *want], strict=True)]
            want = np.array([float(mpmath.re(x)) for x in want])
        assert (np.abs(c - want) <= 2**N * N**2 * eps * norm**k).all()


def test_cayley_hamilton():
    A = jnp.asarray(gallery.general()["grcar"][:5, :5])
    value = jnp.zeros((5, 5))
    for c in characteristic_polynomial(A):
        value = value @ A + c * jnp.eye(5)
    np.testing.assert_allclose(value, np.zeros((5, 5)), atol=1e-11)


def test_every_eigenvalue_lies_in_a_disc():
    A = batch(np.complex128)
    centers, radii = jax.jit(jax.vmap(gershgorin_discs))(A)
    for (w, _), c, r, norm in zip(exact(np.complex128), centers, radii, gallery.norms(A),
                                  strict=True):  # fmt: skip
        outside = np.abs(w[:, None] - np.asarray(c)) - np.asarray(r)
        assert (outside.min(axis=1) <= 1e-9 * norm).all()


def test_not_finite_input_is_reported_lane_by_lane():
    A = jnp.stack([jnp.eye(3)] * 3).at[1, 0, 1].set(jnp.nan).at[2, 2, 2].set(jnp.inf)
    everything = lambda A: (non.schur(A), non.eig(A), non.diagonalize(A), non.qr_algorithm(A))
    schur, eig, diagonal, qr = jax.jit(jax.vmap(everything))(A)
    for values in (*schur, *eig, diagonal.P, qr.value.T, qr.value.Z):
        assert jnp.isfinite(values[0]).all()
        assert jnp.isnan(values[1:]).any(axis=tuple(range(1, values.ndim))).all()
    for status in (diagonal.status, qr.status):
        assert status.tolist() == [0, Status.NON_FINITE, Status.NON_FINITE]


def test_one_by_one_refusals_and_no_derivative():
    assert non.schur([[3.0]]).T == 3
    assert non.eigvals([[3.0]]) == 3
    assert non.qr_algorithm([[3.0]]).value.T == 3
    assert characteristic_polynomial([[3.0]]).tolist() == [1, -3]
    assert non.diagonalize([[3.0]]).condition == 1
    for f in (non.schur, non.eig, non.eigvals, non.qr_algorithm, non.diagonalize):
        with pytest.raises(ValueError, match="`A` must have at least 1 elements"):
            f(jnp.zeros((0, 0)))
    with pytest.raises(TypeError, match="no derivative"):
        jax.jvp(lambda A: non.qr_algorithm(A).value.T, (jnp.eye(2),), (jnp.eye(2),))
