"""Nearest orthogonal matrices: bounds, optimality, derivatives, singular sets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg as sl
from scipy.spatial.transform import Rotation

from jaxmath.linalg.procrustes import kabsch, orthogonal_procrustes, polar
from tests.linalg.svd_family import EPS, assert_derivatives, stacked

RNG = np.random.default_rng(0)
ORTHONORMAL = np.linalg.qr(RNG.normal(size=(4, 2)))[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_polar_over_the_accuracy_list(dtype):
    names, batch, exact = stacked(dtype)
    bound = 20 * batch.shape[-1] * EPS[dtype]
    factors = jax.jit(jax.vmap(polar))(batch)
    for i, name in enumerate(names):
        A, U, P = exact[i], *(np.asarray(x[i], np.float64) for x in factors)
        norm = np.linalg.norm(A, 2)
        assert np.linalg.norm(U @ P - A, 2) <= bound * norm, name
        assert np.linalg.norm(U.T @ U - np.eye(len(A)), 2) <= bound, name
        assert np.linalg.eigvalsh(P)[0] >= -bound * norm, name
        assert np.array_equal(P, P.T), name


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (1, 1), (2, 4)])
def test_polar_against_scipy(shape):
    A = RNG.normal(size=shape)
    for got, want in zip(polar(jnp.asarray(A)), sl.polar(A), strict=True):
        np.testing.assert_allclose(got, want, atol=1e-13)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("point", ["I", "orthonormal", "wide"])
def test_derivatives_of_polar(point):
    """Both factors, where the singular values are all 1."""
    A = {"I": np.eye(3), "orthonormal": ORTHONORMAL, "wide": ORTHONORMAL.T}[point]
    both = lambda A: jnp.concatenate([x.reshape(-1) for x in polar(A)])
    assert_derivatives(both, A)


def test_polar_by_hand():
    """At I: dU is the skew part, dP the symmetric part; at rank n − 1 the derivative is finite."""
    E = jnp.asarray(RNG.normal(size=(3, 3)))
    dU, dP = jax.jit(lambda E: jax.jvp(polar, (jnp.eye(3),), (E,))[1])(E)
    np.testing.assert_allclose(dU, (E - E.T) / 2, atol=1e-15)
    np.testing.assert_allclose(dP, (E + E.T) / 2, atol=1e-15)
    for A in (jnp.diag(jnp.array([2.0, 1.0, 0.0])), jnp.zeros((3, 2))):
        assert all(jnp.isfinite(g).all() for g in jax.jit(jax.jacobian(polar))(A))


def test_procrustes_against_scipy_and_its_range():
    A, B = RNG.normal(size=(2, 5, 3))
    R, scale = orthogonal_procrustes(jnp.asarray(A), jnp.asarray(B))
    want = sl.orthogonal_procrustes(A, B)
    np.testing.assert_allclose(R, want[0], atol=1e-13)
    np.testing.assert_allclose(scale, want[1], rtol=1e-14)
    for size in (1e-30, 1e30):  # AᵀB leaves the range of float32
        low = orthogonal_procrustes(*(jnp.asarray(size * M, jnp.float32) for M in (A, B)))[0]
        np.testing.assert_allclose(low, want[0], atol=1e-5)
    A = jnp.asarray(A)
    assert_derivatives(lambda B: orthogonal_procrustes(A.astype(B.dtype), B)[0], B)
    gradient = jax.grad(lambda B: orthogonal_procrustes(A, B)[1])(jnp.asarray(B))
    np.testing.assert_allclose(gradient, A @ R, atol=1e-13)  # of the nuclear norm: A U Vᵀ
    octahedron = jnp.concatenate([jnp.eye(3), -jnp.eye(3)])  # AᵀA = 2 I
    assert_derivatives(
        lambda B: orthogonal_procrustes(octahedron.astype(B.dtype), B)[0], np.asarray(octahedron)
    )


def test_kabsch_recovers_a_motion():
    P, t = RNG.normal(size=(7, 3)), RNG.normal(size=3)
    R = Rotation.random(random_state=1).as_matrix()
    fit = kabsch(jnp.asarray(P), jnp.asarray(P @ R.T + t))
    np.testing.assert_allclose(fit.rotation, R, atol=1e-14)
    np.testing.assert_allclose(fit.translation, t, atol=1e-14)
    assert fit.rmsd < 1e-14
    planar = P * [1.0, 1.0, 0.0]
    fit = kabsch(jnp.asarray(planar), jnp.asarray(planar @ R.T))
    np.testing.assert_allclose(fit.rotation, R, atol=1e-14)


def test_kabsch_is_proper_and_optimal():
    """On a mirror image too: det R = 1 and no rotation nearby or of SciPy is better."""
    P = RNG.normal(size=(7, 3))
    for Q in (P * [1.0, 1.0, -1.0], RNG.normal(size=(7, 3))):
        fit = kabsch(jnp.asarray(P), jnp.asarray(Q))
        np.testing.assert_allclose(np.linalg.det(fit.rotation), 1.0, rtol=1e-14)
        centered = [M - M.mean(axis=0) for M in (Q, P)]
        want, rssd = Rotation.align_vectors(*centered)
        np.testing.assert_allclose(fit.rotation, want.as_matrix(), atol=1e-10)
        np.testing.assert_allclose(fit.rmsd, rssd / np.sqrt(7), rtol=1e-10)


def rotation(Q, P):
    return kabsch(P, Q).rotation


@pytest.mark.parametrize("case", ["octahedron", "mirror", "planar"])
def test_derivatives_of_kabsch(case):
    """Repeated singular values, a reflected optimum, a singular value 0: all regular."""
    octahedron = np.concatenate([np.eye(3), -np.eye(3)])
    stretched = octahedron * [3.0, 2.0, 1.0]
    P, Q = {
        "octahedron": (octahedron, octahedron),
        "mirror": (stretched, stretched * [1.0, 1.0, -1.0]),
        "planar": (octahedron * [1.0, 1.0, 0.0], stretched * [1.0, 1.0, 0.0]),
    }[case]
    assert_derivatives(rotation, Q, P)


def test_singular_set_of_kabsch():
    """Collinear points: a rotation still, finite derivatives; rmsd 0 has gradient 0."""
    P = jnp.outer(jnp.arange(4.0), jnp.array([1.0, 2.0, 2.0]))
    fit = kabsch(P, 2 * P)
    np.testing.assert_allclose(jnp.linalg.det(fit.rotation), 1.0, rtol=1e-14)
    assert all(jnp.isfinite(g).all() for g in jax.jit(jax.jacobian(lambda Q: kabsch(P, Q)))(2 * P))
    assert jnp.isnan(kabsch(P.at[0, 0].set(jnp.nan), P).rotation).all()
    square = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    assert jnp.array_equal(jax.grad(lambda Q: kabsch(square, Q).rmsd)(square), jnp.zeros((4, 2)))
