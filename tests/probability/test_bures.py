"""The Wasserstein distance of Gaussians: closed forms, a metric, small distances, singular P."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath.probability import gaussian_wasserstein

RNG = np.random.default_rng(0)
ZERO = np.zeros(3)
distance = jax.jit(gaussian_wasserstein)
squared = lambda *args: gaussian_wasserstein(*args) ** 2


def covariance(rank=3):
    L = RNG.normal(size=(3, rank))
    return L @ L.T


def test_commuting_covariances_have_a_closed_form_and_its_second_derivative():
    """W₂² = ‖Δμ‖² + Σ (√p − √q)²; ∂²W₂²/∂p² = ½ √q p^(−3/2)."""
    p, q, m = RNG.uniform(0.5, 2, 3), RNG.uniform(0.5, 2, 3), RNG.normal(size=3)
    U = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    of = lambda p: squared(m, U @ jnp.diag(p) @ U.T, jnp.zeros(3), U @ jnp.diag(q) @ U.T)
    value = lambda p: m @ m + ((np.sqrt(p) - np.sqrt(q)) ** 2).sum()
    np.testing.assert_allclose(jax.jit(of)(jnp.asarray(p)), value(p), rtol=1e-13)
    hessian = jax.jit(jax.hessian(of))(jnp.asarray(p))
    np.testing.assert_allclose(hessian, np.diag(0.5 * np.sqrt(q) * p**-1.5), rtol=1e-11, atol=1e-12)


def test_the_gradient_is_the_optimal_map():
    """∂W₂²/∂P = I − T, where T is symmetric and T P T = Q; W₂² = E ‖x − T x‖² for x from P."""
    P, Q, m = covariance(), covariance(), RNG.normal(size=3)
    gradients = jax.jit(jax.grad(squared, (0, 1, 2, 3)))(m, P, ZERO, Q)
    np.testing.assert_allclose(gradients[0], 2 * m, rtol=1e-12)
    np.testing.assert_allclose(gradients[2], -2 * m, rtol=1e-12)
    for start, gradient, end in ((P, gradients[1], Q), (Q, gradients[3], P)):
        T = np.eye(3) - gradient
        np.testing.assert_allclose(T, T.T, atol=1e-12)
        np.testing.assert_allclose(T @ start @ T, end, rtol=1e-9)
        assert np.linalg.eigvalsh(T)[0] > 0
        cost = np.trace(gradient @ start @ gradient)
        np.testing.assert_allclose(distance(ZERO, P, ZERO, Q), np.sqrt(cost), rtol=1e-9)


def test_a_metric_that_does_not_see_rotations():
    P, Q, S = covariance(), covariance(2), covariance(1)
    U = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    pq, qp, qs, ps = (distance(ZERO, *pair) for pair in
                      ((P, ZERO, Q), (Q, ZERO, P), (Q, ZERO, S), (P, ZERO, S)))  # fmt: skip
    np.testing.assert_allclose(pq, qp, rtol=1e-8)  # Q is singular: its root is good to √eps
    assert 2 * max(pq, qs, ps) < pq + qs + ps
    turned = distance(ZERO, U @ P @ U.T, ZERO, U @ Q @ U.T)
    np.testing.assert_allclose(turned, pq, rtol=1e-8)


def test_small_distances_keep_their_digits():
    """W₂(P, (1 + t)² P) = t √tr P; the usual form sees nothing below √eps."""
    P = covariance()
    for t in (1e-3, 1e-8, 1e-12):
        got = distance(ZERO, P, ZERO, (1 + t) ** 2 * P)
        np.testing.assert_allclose(got, t * np.sqrt(np.trace(P)), rtol=1e-14 / t + 1e-10)
    single = distance(*(v.astype(np.float32) for v in (ZERO, P, ZERO, P)))
    assert single.dtype == jnp.float32
    assert single < 1e-5 * np.sqrt(np.trace(P))


@pytest.mark.parametrize("rank", [1, 2])
def test_derivative_along_covariances_of_one_rank(rank):
    """P = L Lᵀ with L of shape (3, rank), against a singular and a definite Q."""
    L, E = RNG.normal(size=(2, 3, rank))
    along = lambda t, Q: squared(ZERO, (L + t * E) @ (L + t * E).T, ZERO, Q)
    slope = jax.jit(jax.grad(along))

    def usual(t, Q):
        """tr P + tr Q − 2 ‖Lᵀ √Q‖_*, without the uncertain roots of P's zeros."""
        w, V = np.linalg.eigh(Q)
        M = L + t * E
        s = np.linalg.svd(M.T @ (V * np.sqrt(np.maximum(w, 0))), compute_uv=False)
        return (M**2).sum() + w.sum() - 2 * s.sum()

    for Q in (covariance(), covariance(rank), covariance(2)):
        central = (usual(1e-5, Q) - usual(-1e-5, Q)) / 2e-5
        np.testing.assert_allclose(slope(0.0, Q), central, rtol=1e-6)


def test_degenerate_and_bad_covariances():
    P, none = covariance(), np.zeros((3, 3))
    np.testing.assert_allclose(distance(ZERO, P, ZERO, none), np.sqrt(np.trace(P)), rtol=1e-14)
    gradients = jax.jit(jax.grad(gaussian_wasserstein, (0, 1, 2, 3)))
    for first, second in ((P, none), (none, none), (covariance(1), none), (P, P)):
        assert all(np.isfinite(g).all() for g in gradients(ZERO, first, ZERO, second))
    one = distance(np.array([1.0]), np.array([[4.0]]), np.array([0.0]), np.array([[1.0]]))
    np.testing.assert_allclose(one, np.sqrt(2.0), rtol=1e-15)
    assert np.isnan(distance(ZERO, np.diag([2.0, -1.0, 1.0]), ZERO, P))
    assert np.isnan(distance(ZERO, P, ZERO, P * np.nan))
    almost = P - np.linalg.eigvalsh(P)[0] * np.eye(3) - 1e-12 * np.eye(3)  # by rounding, say
    assert np.isfinite(distance(ZERO, almost, ZERO, P))
    big = 1e300 * np.eye(3)
    np.testing.assert_allclose(distance(ZERO, big, ZERO, 4 * big), np.sqrt(3e300), rtol=1e-14)


def test_the_gradient_is_symmetric_at_singular_covariances():
    """As that of any function of the symmetric part is."""
    rng = np.random.default_rng(7)
    P, Q = (L @ L.T for L in rng.normal(size=(2, 4, 2)))
    zero = np.zeros(4)
    both = jax.jit(jax.grad(lambda P, Q: gaussian_wasserstein(zero, P, zero, Q), (0, 1)))
    for slope in both(P, Q):
        np.testing.assert_allclose(slope, slope.T, atol=1e-12)
        assert np.abs(slope).max() > 0.01


def test_half_precision_is_refused():
    mean, cov = jnp.zeros(2, jnp.float16), jnp.eye(2, dtype=jnp.float16)
    with pytest.raises(TypeError, match=r"^gaussian_wasserstein: argument `mean_p` must have"):
        gaussian_wasserstein(mean, cov, mean, cov)
