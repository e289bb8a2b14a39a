"""Least squares and the pseudo-inverse: bounds, SciPy, derivatives, deficient rank."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg as sl

from jaxmath.linalg.least_squares import lstsq, pinv
from tests.linalg.svd_family import EPS, assert_derivatives, stacked

RNG = np.random.default_rng(0)
ORTHONORMAL = np.linalg.qr(RNG.normal(size=(4, 2)))[0]
POINTS = {"I": np.eye(3), "orthonormal": ORTHONORMAL, "wide": RNG.normal(size=(2, 4))}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy_list(dtype):
    """A consistent system: the residual is of rounding size whatever the rank."""
    names, batch, exact = stacked(dtype)
    n, eps = batch.shape[-1], EPS[dtype]
    b = jnp.sum(batch, axis=2)
    result = jax.jit(jax.vmap(lstsq))(batch, b)
    inverse = np.asarray(jax.jit(jax.vmap(pinv))(batch), np.float64)
    for i, name in enumerate(names):
        A, x, P = exact[i], np.asarray(result.x[i], np.float64), inverse[i]
        norm = np.linalg.norm(A, 2)
        size = norm * max(np.linalg.norm(x), np.sqrt(n))
        assert np.linalg.norm(A @ x - np.asarray(b[i], np.float64)) <= 20 * n * eps * size, name
        bound = 20 * n * eps * norm * np.linalg.norm(P, 2)
        assert np.linalg.norm(A @ P @ A - A, 2) <= bound * norm, name
        assert np.linalg.norm(P @ A @ P - P, 2) <= bound * np.linalg.norm(P, 2), name
        s = np.linalg.svd(A)[1]
        clear = (s <= 0.5 * n * eps * s[0]) | (s > 2 * n * eps * s[0])
        if clear.all():
            assert result.rank[i] == np.sum(s > n * eps * s[0]), name


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 1), (3, 1)])
def test_against_scipy(shape):
    """Both ranks of b, deficient A, a cut-off of one's own."""
    A = RNG.normal(size=shape)
    deficient = np.outer(A[:, 0], A[0])
    for M in (A, deficient):
        B = RNG.normal(size=(shape[0], 2))
        for b in (B, B[:, 0]):
            got, want = lstsq(jnp.asarray(M), jnp.asarray(b)), sl.lstsq(M, b)
            np.testing.assert_allclose(got.x, want[0], atol=1e-12)
            np.testing.assert_allclose(got.residual, np.sum((b - M @ want[0]) ** 2, 0), atol=1e-12)
            assert got.rank == want[2]
            np.testing.assert_allclose(got.singular_values, want[3], atol=1e-13)
        np.testing.assert_allclose(pinv(jnp.asarray(M)), sl.pinv(M), atol=1e-11)
    cut = np.diag([1.0, 1e-3])
    assert lstsq(jnp.asarray(cut), jnp.ones(2), 1e-2).rank == 1
    np.testing.assert_allclose(pinv(jnp.asarray(cut), 1e-2), np.diag([1.0, 0.0]))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("point", POINTS)
def test_derivatives(point):
    """Where all singular values are 1, jax's own least squares gives NaN."""
    A = POINTS[point]
    assert_derivatives(pinv, A)
    b = jnp.asarray(RNG.normal(size=A.shape[0]))

    def outputs(A):
        x, residual, _, _ = lstsq(A, b.astype(A.dtype))
        return jnp.concatenate([x, residual[None]])

    assert_derivatives(outputs, A)


def test_derivatives_in_b_and_of_complex_systems():
    A = jnp.asarray(POINTS["orthonormal"])
    b = jnp.asarray(RNG.normal(size=4))
    np.testing.assert_allclose(jax.jit(jax.jacobian(lambda b: lstsq(A, b).x))(b), A.T, atol=1e-14)
    Z, E = (jnp.asarray(RNG.normal(size=(3, 2)) + 1j * RNG.normal(size=(3, 2))) for _ in "ZE")
    for f in (pinv, lambda Z: lstsq(Z, jnp.asarray([1.0 + 2j, 0.5j, -1.0])).x):
        tangent = jax.jvp(f, (Z,), (E,))[1]
        difference = (f(Z + 1e-5 * E) - f(Z - 1e-5 * E)) / 2e-5
        np.testing.assert_allclose(tangent, difference, atol=1e-8)
    np.testing.assert_allclose(pinv(Z), np.linalg.pinv(Z), atol=1e-13)


def test_along_directions_that_keep_the_rank():
    """A(t) = B(t) C(t) of rank 2 in 4×3: first and second derivative of pinv and of x."""
    B, dB = (jnp.asarray(RNG.normal(size=(4, 2))) for _ in range(2))
    C, dC = (jnp.asarray(RNG.normal(size=(2, 3))) for _ in range(2))
    b = jnp.asarray(RNG.normal(size=4))
    A = lambda t: (B + t * dB) @ (C + t * dC)
    cutoff = 1e-10  # the differences' own step must not raise the numerical rank
    for f in (lambda t: pinv(A(t), cutoff), lambda t: lstsq(A(t), b, cutoff).x):
        first = jax.jit(lambda t, f=f: jax.jvp(f, (t,), (1.0,))[1])
        second = jax.jit(lambda t, first=first: jax.jvp(first, (t,), (1.0,))[1])
        for g, d in ((jax.jit(f), first), (first, second)):
            h = 1e-4
            difference = (8 * (g(h) - g(-h)) - (g(2 * h) - g(-2 * h))) / (12 * h)
            np.testing.assert_allclose(d(0.0), difference, atol=1e-6 * np.abs(difference).max())


def test_bad_values_lane_by_lane():
    batch = jnp.stack([jnp.eye(2), jnp.full((2, 2), jnp.nan), jnp.zeros((2, 2))])
    x, _, rank, _ = jax.jit(jax.vmap(lambda A: lstsq(A, jnp.ones(2))))(batch)
    assert jnp.array_equal(x[0], jnp.ones(2))
    assert jnp.isnan(x[1]).all()
    assert jnp.array_equal(x[2], jnp.zeros(2))
    assert rank[0] == 2
    assert rank[2] == 0
    with pytest.raises(TypeError, match="`b` must have the dtype"):
        lstsq(jnp.eye(2), jnp.ones(2, jnp.float32))
    with pytest.raises(ValueError, match="`rcond` must be"):
        pinv(jnp.eye(2), -1.0)


def test_singular_values_move_with_the_matrix():
    rng = np.random.default_rng(8)
    A, dA, b = (jnp.asarray(rng.normal(size=s)) for s in ((5, 3), (5, 3), 5))
    _, ds = jax.jvp(lambda A: lstsq(A, b).singular_values, (A,), (dA,))
    U, _, Vh = np.linalg.svd(A, full_matrices=False)
    np.testing.assert_allclose(ds, np.diag(U.T @ np.asarray(dA) @ Vh.T), rtol=1e-12)
