import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg as sl

from jaxmath.linalg import householder_qr, lstsq, pinv
from jaxmath.optimize import normal_equations, qr_least_squares, weighted_least_squares

rng = np.random.default_rng(0)


def graded(kappa, m=12, n=4):
    """A and b with singular values from 1 to 1/κ, a residual, and the exact solution."""
    U, V = np.linalg.qr(rng.normal(size=(m, n)))[0], np.linalg.qr(rng.normal(size=(n, n)))[0]
    A = (U * np.geomspace(1.0, 1.0 / kappa, n)) @ V.T
    return A, A @ np.ones(n)


def test_errors_grow_as_documented():
    eps = np.finfo(float).eps
    for kappa in (1e1, 1e4, 1e6, 1e10):
        A, b = graded(kappa)
        by_qr, by_gram = (np.asarray(f(A, b)) for f in (qr_least_squares, normal_equations))
        assert np.abs(by_qr - 1.0).max() <= 50.0 * kappa * eps
        if kappa <= 1e6:
            assert np.abs(by_gram - 1.0).max() <= 50.0 * kappa**2 * eps
        if kappa == 1e6:
            assert np.abs(by_gram - 1.0).max() > 100.0 * np.abs(by_qr - 1.0).max()
        if kappa == 1e10:
            assert np.all(np.isnan(by_gram))


def test_dependent_columns_give_nan_at_every_scale():
    column = rng.normal(size=(6, 1))
    A, b = np.concatenate([column, 3.0 * column, np.ones((6, 1))], axis=1), rng.normal(size=6)
    for scale in (1.0, 1e-9):
        assert np.all(np.isnan(normal_equations(A * [1.0, scale, 1.0], b)))
        assert np.all(np.isnan(qr_least_squares(A * [1.0, scale, 1.0], b)))
    full = A + 0.1 * rng.normal(size=(6, 3))
    for fn in (normal_equations, qr_least_squares):
        x = fn(full * [1.0, 1e-9, 1.0], b) * np.array([1.0, 1e-9, 1.0])
        np.testing.assert_allclose(x, sl.lstsq(full, b)[0], 1e-9)


def test_derivatives_are_those_of_lstsq():
    A, B = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    weights = rng.normal(size=(3, 2))
    loss = lambda fn: lambda A, B: jnp.sum(weights * jnp.sin(fn(A, B)))
    want = jax.jit(jax.grad(loss(lambda A, B: lstsq(A, B).x), (0, 1)))(A, B)
    ones = lambda A, B: weighted_least_squares(A, B, jnp.ones(5))
    for fn in (normal_equations, qr_least_squares, ones):
        for got, value in zip(jax.jit(jax.grad(loss(fn), (0, 1)))(A, B), want, strict=True):
            np.testing.assert_allclose(got, value, 1e-9, 1e-11)


@pytest.mark.parametrize("scale", [1e-37, 1e-20, 1.0, 1e37])
def test_normal_equations_of_any_unit(scale):
    A = np.float32([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    b, units = np.float32([1.0, 3.0, 5.0]), np.float32([scale, 1.0])
    np.testing.assert_allclose(normal_equations(A * units, b) * units, [1.0, 2.0], 1e-6)


@pytest.mark.parametrize("unit", [1e-20, 1e20])
def test_weighted_derivatives_in_any_unit(unit):
    """∂x/∂b = A⁺/c for A of the unit c, and the weights' own; a row of weight 0 is nothing."""
    A, b = rng.normal(size=(5, 3)).astype(np.float32), np.arange(5, dtype=np.float32)
    w, c = np.float32([1.0, 2.0, 3.0, 1.0, 0.5]), np.float32(unit)
    jacobian = jax.jit(jax.jacrev(weighted_least_squares, (1, 2)))
    K = np.linalg.inv((A.T * w) @ A)
    r = b - A @ K @ (A.T * w) @ b
    for u in (np.float32(1.0), 1 / c):
        with_row = c * np.concatenate([A, np.full((1, 3), 1e10, np.float32)])
        by_b, by_w = jacobian(
            with_row, np.append(b, np.float32(7)), np.append(u * w, np.float32(0))
        )
        np.testing.assert_allclose(c * by_b[:, :5], K @ (A.T * w), 1e-3, 1e-5)
        np.testing.assert_array_equal(by_b[:, 5], 0.0)
        np.testing.assert_allclose(c * (u * by_w[:, :5]), K @ (A.T * r), 1e-3, 1e-5)


@pytest.mark.parametrize("fn", [
    lambda A, b: householder_qr(A), lambda A, b: jax.jvp(pinv, (A,), (A + 1.0,)),
    qr_least_squares, lambda A, b: jax.jvp(weighted_least_squares, (A, b, b), (A, b, b)),
], ids=["householder_qr", "pinv", "qr", "weighted"])  # fmt: skip
def test_memory_is_that_of_some_copies_of_the_matrix(fn):
    """No square of the rows' number: that would be 128 MB."""
    A, b = np.ones((4000, 3)), np.ones(4000)
    memory = jax.jit(fn).lower(A, b).compile().memory_analysis()
    assert memory.temp_size_in_bytes <= 2e6 + 40 * A.nbytes


def test_memory_of_the_pseudo_inverse_of_a_wide_matrix():
    """Nor of the columns'."""
    A = np.ones((3, 4000))
    memory = jax.jit(lambda A: jax.jvp(pinv, (A,), (A + 1.0,))).lower(A).compile()
    assert memory.memory_analysis().temp_size_in_bytes <= 2e6 + 40 * A.nbytes


def test_second_derivative_in_the_weights_at_zero():
    A, b, w = rng.normal(size=(5, 2)), rng.normal(size=5), np.array([1.0, 0.0, 2.0, 0.5, 0.0])
    smooth = lambda w: jnp.linalg.solve((A.T * w[None, :]) @ A, A.T @ (w * b))
    twice = lambda f: jax.jit(jax.jacfwd(jax.jacrev(lambda w: jnp.sum(jnp.cos(f(w))))))(w)
    got = twice(lambda w: weighted_least_squares(A, b, w))
    np.testing.assert_allclose(got, twice(smooth), 1e-9, 1e-10)


def test_weights_drop_repeat_and_refuse():
    A, b = rng.normal(size=(5, 2)), rng.normal(size=5)
    lost = b.copy()
    lost[1] = np.nan
    w = np.array([1.0, 0.0, 2.0, 1.0, 1.0])
    rows = [0, 2, 2, 3, 4]
    want = sl.lstsq(A[rows], b[rows])[0]
    solve = jax.jit(jax.value_and_grad(lambda A, b, w: weighted_least_squares(A, b, w)[0], 0))
    np.testing.assert_allclose(weighted_least_squares(A, lost, w), want, 1e-12)
    value, gradient = solve(A, lost, w)
    assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(gradient[1], 0.0)
    np.testing.assert_allclose(value, want[0], 1e-12)
    assert np.all(np.isnan(weighted_least_squares(A, b, -w)))
    assert np.all(np.isnan(weighted_least_squares(A, b, w * np.nan)))
    assert weighted_least_squares(A, np.stack([b, b], axis=1), w).shape == (2, 2)


def test_weighted_without_full_rank_is_of_least_norm():
    A, b, w = rng.normal(size=(2, 4)), rng.normal(size=2), np.array([4.0, 0.25])
    np.testing.assert_allclose(weighted_least_squares(A, b, w), np.linalg.pinv(A) @ b, 1e-10)
    got = jax.jit(jax.jacfwd(lambda A: weighted_least_squares(A, b, w)))(A)
    np.testing.assert_allclose(got, jax.jit(jax.jacfwd(lambda A: lstsq(A, b).x))(A), 1e-8, 1e-10)


def test_refusals():
    with pytest.raises(ValueError, match="`A` must have at least as many rows as columns"):
        normal_equations(np.ones((2, 3)), np.ones(2))
    with pytest.raises(ValueError, match="`weights` must have shape"):
        weighted_least_squares(np.ones((2, 2)), np.ones(2), np.ones(3))
