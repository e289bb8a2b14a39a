"""Convexity on samples: what is convex passes, what is not is named by its violation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import optimize

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(2, 40, 3))
T = RNG.uniform(size=40)
A = RNG.normal(size=(2, 3))


def samples(dtype):
    return tuple(v.astype(dtype) for v in (X, Y, T))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_convex_passes(dtype):
    eps = np.finfo(dtype).eps
    M = jnp.asarray(A, dtype)
    for f in (
        lambda x: jnp.sum(jnp.matmul(M, x) ** 2),  # a singular Hessian
        lambda x: 3.0 * x[0] - x[1] + 1e4,
        lambda x: jnp.max(x) + jnp.sum(jnp.abs(x)),
        lambda x: jax.nn.logsumexp(x) + 1e3,
        lambda x: jnp.where(x[0] > 0, x[0] * jnp.log(jnp.where(x[0] > 0, x[0], 1.0)), jnp.inf),
    ):
        check = optimize.is_convex(f, *samples(dtype))
        assert check.holds
        assert check.jensen.dtype == dtype
        assert max(check.jensen, check.first_order, check.second_order) <= 100 * eps


def test_what_is_not_is_refuted_by_the_right_condition():
    sine = optimize.is_convex(lambda x: jnp.sum(jnp.sin(x)), X, Y, T)
    assert not sine.holds
    assert min(sine.jensen, sine.first_order, sine.second_order) > 0.01
    # Curvature 0 wherever it is defined: only the others see it.
    kinks = optimize.is_convex(lambda x: jnp.min(x), X, Y, T)
    assert not kinks.holds
    assert kinks.second_order == 0
    assert min(kinks.jensen, kinks.first_order) > 0.01
    # Two points in one convex stretch: only curvature in the other direction sees it.
    saddle = lambda x: x[0] ** 2 - x[1] ** 2
    axis = np.array([[1.0, 0.0]])
    check = optimize.is_convex(saddle, axis, 2 * axis, np.array([0.5]))
    assert (check.jensen, check.first_order, check.second_order) == (0, 0, 1)
    # By hand: −x² between 0 and 2 at ½: −1 against −2, relative to |f(2)| + |f′(2)|·2 = 12.
    zero, two = np.array([[0.0]]), np.array([[2.0]])
    check = optimize.is_convex(lambda x: -(x[0] ** 2), zero, two, np.array([0.5]))
    np.testing.assert_allclose(
        [check.jensen, check.first_order, check.second_order], [1 / 12, 4 / 12, 1.0]
    )
    # A domain that is not convex, NaN, and a t outside [0, 1].
    holed = lambda x: jnp.where(jnp.abs(x[0] - 1.0) < 0.5, jnp.inf, 0.0 * x[0])
    assert np.isposinf(optimize.is_convex(holed, zero, two, np.array([0.5])).jensen)
    bump = lambda x: jnp.maximum(1.0 - jnp.abs(x[0] - 1.0), 0.0) ** 2
    assert optimize.is_convex(bump, zero, two, np.array([0.5])).jensen == 1
    assert not optimize.is_convex(lambda x: jnp.log(x[0]), -two, two, np.array([0.1])).holds
    assert not optimize.is_convex(lambda x: x[0] ** 2, zero, two, np.array([1.5])).holds


def test_rounding_is_no_violation_and_a_small_violation_is_no_rounding():
    flat = lambda x, c: 1e3 + c * x[0] ** 2
    for dtype, small in ((np.float64, 1e-6), (np.float32, 1.0)):
        for c in (-small, small, 0.0):
            check = optimize.is_convex(flat, *samples(dtype), (jnp.asarray(c, dtype),))
            assert check.holds == (c >= 0)
    # The modulus of strong convexity is the least eigenvalue.
    bowl = lambda x: 0.5 * (x[0] ** 2 + 2.0 * x[1] ** 2 + 3.0 * x[2] ** 2)
    run = jax.jit(lambda mu: optimize.is_convex(bowl, X, Y, T, modulus=mu).holds)
    assert run(1.0)
    assert not run(1.0 + 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_whole_modulus_leaves_rounding_only(dtype):
    """3‖x‖² − 3‖x‖² is nothing but rounding; a thousandth more of the modulus is not."""
    run = jax.jit(lambda mu: optimize.is_convex(
        lambda x: 3.0 * jnp.sum(x**2) + jnp.sum(x), *samples(dtype), modulus=mu))  # fmt: skip
    check = run(6.0)
    assert check.holds
    assert max(check.jensen, check.first_order, check.second_order) <= 20 * np.finfo(dtype).eps
    check = run(6.006)
    assert min(check.jensen, check.first_order, check.second_order) > 1e-5
    np.testing.assert_allclose(check.second_order, 0.006 / 12.006, rtol=1e-2)


def test_without_a_modulus_nothing_is_squared():
    far = [np.array(v, np.float32) for v in ([[1e20]], [[3e20]], [0.5])]
    for modulus in (0.0, jnp.float32(0.0)):  # static, and traced
        assert optimize.is_convex(jnp.sum, *far, modulus=modulus).holds
    assert optimize.is_quasiconvex(jnp.sum, *far).holds


def test_quasiconvexity():
    for f in (
        lambda x: jnp.sqrt(jnp.linalg.norm(x)),
        lambda x: jnp.floor(x[0]),
        lambda x: jnp.tanh(x[0] + x[1]),
    ):
        assert optimize.is_quasiconvex(f, X, Y, T).holds
        assert not optimize.is_convex(f, X, Y, T).holds
    for f in (lambda x: jnp.sin(3.0 * x[0]), lambda x: x[0] * x[1], lambda x: -jnp.max(jnp.abs(x))):
        check = optimize.is_quasiconvex(f, X, Y, T)
        assert not check.holds
        assert check.violation > 0.01
    with pytest.raises(TypeError, match="argument `fun` must be callable, got int"):
        optimize.is_quasiconvex(3, X, Y, T)
    with pytest.raises(ValueError, match="argument `rtol` must be at least 0"):
        optimize.is_convex(jnp.sum, X, Y, T, rtol=-1.0)
