"""The distance on the line: SciPy, a brute force over copies, shifts, ties, weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxmath.probability import gaussian_wasserstein, wasserstein_distance

RNG = np.random.default_rng(0)
distance = jax.jit(wasserstein_distance, static_argnames="p")


@pytest.mark.parametrize("p", [1, 1.5, 2, 7])
def test_brute_force_over_copies(p):
    """Whole weights are copies: samples of equal size are matched in order."""
    u, v = RNG.normal(size=4), RNG.normal(size=3)
    a, b = np.array([1, 0, 3, 2]), np.array([4, 5, 3])
    u_copies, v_copies = np.sort(np.repeat(u, 12 * a)), np.sort(np.repeat(v, 6 * b))
    want = (np.abs(u_copies - v_copies) ** p).mean() ** (1 / p)
    got = distance(u, v, u_weights=a.astype(float), v_weights=b.astype(float), p=p)
    np.testing.assert_allclose(got, want, rtol=1e-13)


def test_against_scipy_with_other_lengths_and_ties():
    for n, m in ((1, 1), (1, 7), (5, 8), (40, 33)):
        u, v = RNG.integers(0, 9, n).astype(float), RNG.integers(0, 9, m).astype(float)
        np.testing.assert_allclose(distance(u, v), stats.wasserstein_distance(u, v), rtol=1e-12)
    single = distance(np.float32([1.0, 2.0]), np.float32([1.5, 7.0, 2.0]))
    assert single.dtype == jnp.float32


def test_shifts_scales_and_large_numbers():
    u, v = RNG.normal(size=5), RNG.normal(size=5)
    np.testing.assert_allclose(distance(u, u + 3.0, p=2), 3.0, rtol=1e-14)
    np.testing.assert_allclose(distance(1e200 * u, 1e200 * v, p=2), 1e200 * distance(u, v, p=2))
    assert distance(u, u[::-1], p=2) == 0
    assert distance(u, v) <= distance(u, v, p=2) <= distance(u, v, p=3)


def test_large_samples_of_gaussians():
    """Quantiles of two Gaussians: what gaussian_wasserstein says, up to the cut tails."""
    z = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    want = gaussian_wasserstein([1.0], [[4.0]], [0.0], [[1.0]])
    np.testing.assert_allclose(distance(1 + 2 * z, z, p=2), want, rtol=1e-3)


@pytest.mark.parametrize("p", [2, 10])
def test_copies_are_at_no_distance(p):
    """Steps that coincide leave nothing between them, whatever their quotients are rounded to."""
    for n, m in ((7, 3), (200, 7)):
        u = jnp.arange(n, dtype=jnp.float32)
        assert distance(u, jnp.repeat(u, m), p=p) == 0
        whole = np.random.default_rng(n).integers(0, 9, n).astype(np.float32)
        copies = jnp.asarray(np.repeat(u, whole.astype(int)))
        assert distance(u, copies, u_weights=whole, p=p) == 0
        assert distance(copies, u, v_weights=4e37 * whole / whole.sum(), p=p) < 1e-6 ** (1 / p) * n


@pytest.mark.parametrize("p", [1, 2, 16])
def test_a_value_without_weight_takes_no_part(p):
    """However far out it lies."""
    for far in (-1e3, 1e3, -1e30):
        u, a = jnp.array([far, 0.0], jnp.float32), jnp.array([0.0, 1.0], jnp.float32)
        f = lambda u, a=a: wasserstein_distance(u, jnp.ones(1, jnp.float32), u_weights=a, p=p)
        value, gradient = jax.value_and_grad(f)(u)
        assert value == 1
        np.testing.assert_array_equal(gradient, [0.0, -1.0])


@pytest.mark.parametrize("p", [1, 3])
def test_derivative_in_weights_is_one_sided_where_steps_coincide(p):
    """That of less weight below in u, or of more in v."""
    u, v, one = jnp.array([0.0, 1.0, 5.0]), jnp.array([2.0, 4.0, 9.0]), jnp.ones(3)
    f = lambda a, b: wasserstein_distance(u, v, u_weights=a, v_weights=b, p=p)
    by_u, by_v = jax.jit(jax.grad(f, (0, 1)))(one, one)
    down, h = jnp.array([-2.0, 1.0, 1.0]), 1e-7
    np.testing.assert_allclose((f(one + h * down, one) - f(one, one)) / h, by_u @ down, rtol=1e-5)
    np.testing.assert_allclose((f(one, one - h * down) - f(one, one)) / h, -by_v @ down, rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2])
def test_gradients_at_coincidence(p):
    """By hand: sign/n a matched pair for p = 1, (u − v)/(n W) for p = 2, and 0 where they touch."""
    u, v = jnp.array([1.0, 5.0, 3.0]), jnp.array([3.0, 1.0, 9.0])
    gradient = jax.jit(jax.grad(lambda u, v: wasserstein_distance(u, v, p=p)))(u, v)
    by_hand = [0.0, -1 / 3, 0.0] if p == 1 else [0.0, -4 / 3 / (4 / np.sqrt(3)), 0.0]
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-13, atol=1e-15)
    at_zero = jax.jit(jax.grad(lambda u, v: wasserstein_distance(u, v, p=p)))(u, u)
    np.testing.assert_array_equal(at_zero, 0.0)


def test_bad_weights():
    u = np.array([1.0, 2.0])
    assert np.isnan(distance(u, u + 1, u_weights=np.array([2.0, -1.0])))
    assert np.isnan(distance(u, u + 1, v_weights=np.zeros(2)))
    assert np.isnan(distance(np.array([np.nan, 1.0]), u))
    with pytest.raises(ValueError, match="argument `p` must be at least 1"):
        wasserstein_distance(u, u, p=0.5)
    with pytest.raises(ValueError, match=r"argument `u_weights` must have shape \(2,\)"):
        wasserstein_distance(u, u, u_weights=np.ones(3))
