"""Projections: what characterizes them, hard entries, empty sets, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from jaxmath import numerics, optimize
from jaxmath.verify import check_gradients

N = 6
RNG = np.random.default_rng(3)
LOWER, CENTER, NORMAL = RNG.normal(size=(3, N))
UPPER = LOWER + RNG.uniform(0, 1, N)
LOWER[0], UPPER[1] = -np.inf, np.inf
A = RNG.normal(size=(2, N))
A = np.concatenate([A, A[:1] - 2 * A[1:]])
b = A @ RNG.normal(size=N)
NULL = np.linalg.svd(A)[2][2:]


def members(name, rng):
    """Random points of the set, a row each."""
    z = 3 * rng.normal(size=(200, N))
    if name == "box":
        return np.clip(z, LOWER, UPPER)
    if name == "ball":
        inside = rng.uniform(size=(200, 1)) ** (1 / N)
        return CENTER + 1.5 * inside * z / np.linalg.norm(z, axis=1, keepdims=True)
    if name == "half_space":
        return z - np.maximum(z @ NORMAL - 0.3, 0)[:, None] * NORMAL / (NORMAL @ NORMAL) * 1.5
    if name == "affine":
        return np.linalg.pinv(A) @ b + z @ NULL.T @ NULL
    if name == "simplex":
        return 2.0 * rng.dirichlet(np.full(N, 0.5), 200)
    roots = rng.normal(size=(200, 3, 3)) * (rng.uniform(size=(200, 3)) > 0.4)[:, None, :]
    return roots @ roots.transpose(0, 2, 1)


PROJECTIONS = {
    "box": lambda x: optimize.project_box(x, LOWER.astype(x.dtype), UPPER.astype(x.dtype)),
    "ball": lambda x: optimize.project_ball(x, CENTER.astype(x.dtype), 1.5),
    "half_space": lambda x: optimize.project_half_space(x, NORMAL.astype(x.dtype), 0.3),
    "affine": lambda x: optimize.project_affine(x, A.astype(x.dtype), b.astype(x.dtype)),
    "simplex": lambda x: optimize.project_simplex(x, 2.0),
    "psd": optimize.project_psd,
}


@pytest.mark.parametrize("name", PROJECTIONS)
def test_what_characterizes_a_projection(name):
    """⟨x − Px, z − Px⟩ ≤ 0 for members z, P(Px) = Px, P(z) = z, ‖Px − Py‖ ≤ ‖x − y‖."""
    rng = np.random.default_rng(5)
    project = jax.jit(jax.vmap(PROJECTIONS[name]))
    z = members(name, rng)
    shape = z.shape[1:]
    for dtype in (np.float64, np.float32):
        x = (3 * rng.normal(size=(200, *shape))).astype(dtype)
        if name == "psd":
            x = x + x.transpose(0, 2, 1)
        p = project(x)
        assert p.dtype == dtype
        room = 400 * np.finfo(dtype).eps
        flat = lambda v: np.asarray(v, float).reshape(len(v), -1)
        X, P, Z = flat(x), flat(p), flat(z)
        assert np.max((X - P) @ Z.T - np.sum((X - P) * P, axis=1)[:, None]) <= 40 * room
        np.testing.assert_allclose(flat(project(p)), P, atol=room)
        np.testing.assert_allclose(flat(project(z.astype(dtype))), Z, atol=4 * room)
        apart = np.linalg.norm(P[1:] - P[:-1], axis=1) - np.linalg.norm(X[1:] - X[:-1], axis=1)
        assert apart.max() <= room
        assert np.linalg.norm(X - P, axis=1).max() > 1


def by_bisection(x, total):
    """Held, Wolfe and Crowder's threshold as the root of a monotone function."""
    excess = lambda t: np.maximum(x - t, 0).sum() - total
    return np.maximum(x - scipy.optimize.brentq(excess, x.min() - total, x.max(), xtol=1e-15), 0)


def test_simplex_against_bisection_and_hard_entries():
    rng = np.random.default_rng(6)
    project = jax.jit(jax.vmap(optimize.project_simplex, (0, None)))
    x = np.concatenate([rng.normal(size=(50, 9)), np.round(rng.normal(size=(50, 9)))])
    for total in (0.1, 1.0, 30.0):
        want = np.stack([by_bisection(row, total) for row in x])
        np.testing.assert_allclose(project(x, total), want, atol=1e-13 * max(total, 1))
    for dtype in (np.float32, np.float64):
        eps = np.finfo(dtype).eps
        hard = np.array(
            [[1e30, -1e30, 1e30, 5.0, 0.0, 0.0], [7.0] * 6, [1e-30] * 6, [0.25, 0.25, 0.5, 0, 0, 0],
             [-np.inf, 1.0, -np.inf, 1.0, -1e30, -5.0], [1e6, 1e6 - 0.25, 0, 0, 0, 0]],
            dtype,
        )  # fmt: skip
        p = np.asarray(project(hard, jnp.asarray(1.0, dtype)))
        assert p.min() >= 0
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=6 * eps)
        np.testing.assert_allclose(p[0], [0.5, 0, 0.5, 0, 0, 0], atol=eps)
        np.testing.assert_allclose(p[1:3], 1 / 6, atol=eps)
        np.testing.assert_array_equal(p[3], hard[3])
        np.testing.assert_array_equal(p[4], [0, 0.5, 0, 0.5, 0, 0])
        np.testing.assert_array_equal(p[5], [0.625, 0.375, 0, 0, 0, 0])
    many = rng.normal(size=(1, 100_000)).astype(np.float32)
    p = np.asarray(project(many, jnp.float32(1)), float)
    assert abs(p.sum() - 1) < 1e-5
    np.testing.assert_allclose(p[0], by_bisection(many[0].astype(float), 1.0), atol=1e-6)


def test_other_sets_against_a_second_algorithm():
    rng = np.random.default_rng(7)
    x = 3 * rng.normal(size=N)
    # Dykstra needs no other set: SciPy's SLSQP on the distance itself.
    solve = lambda kind, fn: scipy.optimize.minimize(
        lambda z: np.sum((z - x) ** 2), np.zeros(N), constraints={"type": kind, "fun": fn},
        method="SLSQP", options={"ftol": 1e-15, "maxiter": 500},
    ).x  # fmt: skip
    close = lambda name, want: np.testing.assert_allclose(PROJECTIONS[name](x), want, atol=1e-6)
    close("ball", solve("ineq", lambda z: 1.5**2 - np.sum((z - CENTER) ** 2)))
    close("half_space", solve("ineq", lambda z: 0.3 - NORMAL @ z))
    close("affine", solve("eq", lambda z: A[:2] @ z - b[:2]))
    # An inconsistent system: the nearest least-squares solution.
    A2, b2 = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([1.0, 3.0])
    got = optimize.project_affine(np.array([3.0, 1.0]), A2, b2)
    np.testing.assert_allclose(got, [2.0, 0.0], atol=1e-14)
    # Normals of every size.
    for scale in (1e-30, 1e30):
        got = optimize.project_half_space(
            jnp.array([2.0, 2.0], jnp.float32),
            jnp.array([scale, scale], jnp.float32),
            jnp.float32(2 * scale),
        )
        np.testing.assert_allclose(got, [1.0, 1.0], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("offset", [1.0, 1e4])
def test_errors_grow_with_the_distance_of_the_set(size, offset):
    """The stated bounds in float32, where the set is far from 0 beside x."""
    rng = np.random.default_rng(11)
    n, eps = 4, float(jnp.finfo(jnp.float32).eps)
    x, matrices, sides = (
        np.float32(scale * rng.normal(size=shape))
        for scale, shape in ((1.0, (50, n)), (size, (50, 2, n)), (size * offset, (50, 2)))
    )
    planes = jax.jit(jax.vmap(optimize.project_half_space))
    affine = jax.jit(jax.vmap(optimize.project_affine))
    lengths, spectrum = np.linalg.norm(x, axis=1), np.linalg.svd(matrices, compute_uv=False)
    normals, b = matrices[:, 0], -np.abs(sides[:, 0])
    wide = lambda *arrays: [a.astype(np.float64) for a in arrays]
    errors = np.linalg.norm(planes(x, normals, b) - planes(*wide(x, normals, b)), axis=1)
    distances = np.abs(b) / np.linalg.norm(normals, axis=1)
    assert (errors <= n * eps * (lengths + distances)).all()
    errors = np.linalg.norm(affine(x, matrices, sides) - affine(*wide(x, matrices, sides)), axis=1)
    distances = np.linalg.norm(sides, axis=1) / spectrum[:, -1]
    assert (errors <= n * eps * spectrum[:, 0] / spectrum[:, -1] * (lengths + distances)).all()


def test_empty_sets_are_nan():
    x = jnp.array([0.5, 2.0])
    nan = float("nan")
    for project in (
        lambda x: optimize.project_box(x, 1.0, jnp.array([2.0, 0.0])),
        lambda x: optimize.project_box(x, nan, 1.0),
        lambda x: optimize.project_ball(x, 0.0, -1.0),
        lambda x: optimize.project_ball(x, 0.0, nan),
        lambda x: optimize.project_half_space(x, jnp.zeros(2), -1.0),
        lambda x: optimize.project_half_space(x, jnp.ones(2), -jnp.inf),
        lambda x: optimize.project_simplex(x, -1.0),
        lambda x: optimize.project_simplex(x, jnp.inf),
        lambda x: optimize.project_simplex(x + jnp.array([jnp.inf, 0.0])),
    ):
        assert np.isnan(project(x)).all()


@pytest.mark.full
def test_gradients_off_the_kinks_and_at_repeated_eigenvalues():
    x = jnp.asarray(3 * RNG.normal(size=N))
    for name in ("box", "ball", "half_space", "affine", "simplex"):
        assert check_gradients(jax.jit(PROJECTIONS[name]), (x,)), name
    total = jnp.asarray(1.0)
    face = jnp.array([0.5, 0.5, 0.2, -3.0, -3.0])
    assert check_gradients(jax.jit(optimize.project_simplex), (face, total), order=2)
    Q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
    for w in ([2.0, 2.0, -1.0, -1.0], [1.0, 1.0, 1.0, 1.0], [-3.0, -3.0, -3.0, 1.0]):
        assert check_gradients(jax.jit(optimize.project_psd), (jnp.asarray((Q * w) @ Q.T),))
    E = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    moved = jax.jvp(optimize.project_psd, (jnp.diag(jnp.array([1.0, -3.0])),), (E,))[1]
    np.testing.assert_allclose(moved, 0.25 * E, atol=1e-15)


def test_not_a_number_stays():
    for n in (2, 4, 10):
        A = jnp.diag(jnp.arange(1.0, n + 1)).at[n - 1, n - 1].set(jnp.nan)
        assert np.isnan(optimize.project_psd(A)).all()
    x = jnp.array([3.0, 4.0])
    for center in (jnp.nan, jnp.array([jnp.nan, 0.0])):
        assert np.isnan(optimize.project_ball(x, center, 1.0)).all()


def test_the_derivative_on_the_sphere_is_that_from_outside():
    x = jnp.array([0.6, 0.8])
    J = jax.jacfwd(lambda x: optimize.project_ball(x, 0.0, optimize_norm(x)))(x)
    np.testing.assert_allclose(J, np.eye(2) - np.outer(x, x), atol=1e-12)


def optimize_norm(x):
    """‖x‖ as a constant."""
    return jax.lax.stop_gradient(numerics.safe_norm(x))


def test_lengths_beyond_the_range():
    """‖x‖ = 4e38 in float32."""
    x = jnp.full(2, 3e38, jnp.float32)
    np.testing.assert_allclose(
        optimize.project_ball(x, jnp.zeros(2), 1.0), [0.5**0.5] * 2, rtol=1e-6
    )
    np.testing.assert_allclose(optimize.linear_oracle_ball(x), [-(0.5**0.5)] * 2, rtol=1e-6)


def test_ball_across_the_range():
    """x − c is beyond the largest number."""
    x, center = np.array([1.7e308, 0.0]), np.array([-1.7e308, 0.0])
    np.testing.assert_allclose(optimize.project_ball(x, center, 1.0), center)
    np.testing.assert_allclose(optimize.project_ball(x, center, 1e308), [-0.7e308, 0.0])
    np.testing.assert_array_equal(optimize.project_ball(x, -center, 1e308), x)
