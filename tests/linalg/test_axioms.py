"""Axioms on samples: what keeps them passes, what breaks one is named by its violation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg

RNG = np.random.default_rng(1)
X, Y, Z = RNG.normal(size=(3, 6, 3))
a = RNG.normal(size=6)
M = RNG.normal(size=(3, 3))
DTYPES = (np.float32, np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_linear_maps(dtype):
    samples = [v.astype(dtype) for v in (X, Y, a)]
    for f in (lambda x: jnp.matmul(jnp.asarray(M, dtype), x), jnp.sum, jnp.zeros_like):
        check = linalg.is_linear_map(f, *samples)
        assert check.holds
        assert max(check.additivity, check.homogeneity) <= 100 * np.finfo(dtype).eps
        assert check.additivity.dtype == dtype
    for f in (lambda x: x + 1.0, jnp.sin, jnp.abs, lambda x: x[0] * x[1]):
        assert not linalg.is_linear_map(f, *samples).holds
    # Odd and homogeneous of degree 1, but not additive; and the reverse has no continuous example.
    check = linalg.is_linear_map(lambda x: jnp.cbrt(x[0] ** 3 + x[1] ** 3), *samples)
    assert check.additivity > 0.01
    assert check.homogeneity < 1e-3


@pytest.mark.parametrize("dtype", DTYPES)
def test_metrics(dtype):
    corners = [v.astype(dtype) for v in (X, Y, Z)]
    for p in (1, 2, np.inf):
        assert linalg.is_metric(lambda x, y, p=p: jnp.linalg.norm(x - y, p), *corners).holds
    assert linalg.is_metric(lambda x, y: jnp.any(x != y).astype(x.dtype), *corners).holds
    broken = {
        "identity": lambda x, y: 1.0 + jnp.sum(jnp.abs(x - y)),
        "positivity": lambda x, y: jnp.abs(x[0] - y[0]) * (x[0] * y[0] > 0),
        "symmetry": lambda x, y: jnp.sum(jnp.maximum(x - y, 0.0)) + jnp.sum((x - y) ** 2),
        "triangle": lambda x, y: jnp.sum((x - y) ** 4),
    }
    for name, f in broken.items():
        check = linalg.is_metric(f, *corners)
        assert getattr(check, name) > 0.01, name
        assert not check.holds
    # Degenerate triangles: the violation by hand, and equal points that are at distance 0.
    point = np.array([[0.0]], dtype)
    check = linalg.is_metric(lambda x, y: jnp.sum((x - y) ** 2), point, point + 1, point + 3)
    np.testing.assert_allclose(check.triangle, (9 - 1 - 4) / 9, rtol=1e-6)
    assert linalg.is_metric(lambda x, y: jnp.sum(jnp.abs(x - y)), point, point, point).holds


@pytest.mark.parametrize("dtype", DTYPES)
def test_inner_products(dtype):
    samples = [v.astype(dtype) for v in (X, Y, Z, a)]
    for G in (np.eye(3), M @ M.T + np.eye(3)):
        form = lambda x, y, G=G: jnp.dot(x, jnp.matmul(jnp.asarray(G, dtype), y))
        assert linalg.is_inner_product(form, *samples).holds
    broken = {
        "symmetry": lambda x, y: jnp.dot(x, y) + 0.5 * x[0] * y[1],
        "linearity": lambda x, y: jnp.dot(x, y) + jnp.sum(x**2 * y**2),
        "positivity": lambda x, y: jnp.dot(x, y) - 3.0 * x[0] * y[0],
    }
    for name, f in broken.items():
        check = linalg.is_inner_product(f, *samples)
        assert getattr(check, name) > 0.01, name
        assert not check.holds
        others = {n: getattr(check, n) for n in broken if n != name}
        if name != "linearity":
            assert max(others.values()) < 1e-4, others


def test_values_that_are_no_floating_numbers():
    """The discrete metric as a truth value, Hamming's as a count; and one that breaks an axiom."""
    metric, inner = (
        jax.jit(f, static_argnums=0) for f in (linalg.is_metric, linalg.is_inner_product)
    )
    signs = [np.sign(v).astype(np.float32) for v in (X, Y, Z)]
    with jax.numpy_dtype_promotion("strict"):
        for f in (
            lambda x, y: jnp.any(x != y),
            lambda x, y: jnp.sum(x > y, dtype=jnp.uint32) + jnp.sum(x < y, dtype=jnp.uint32),
        ):
            check = metric(f, *signs)
            assert check.holds
            assert check.triangle.dtype == np.float32
        check = metric(lambda x, y: jnp.sum(x > y, dtype=jnp.uint8), *(v[:, :1] for v in (X, Y, Z)))
        np.testing.assert_allclose(check.symmetry, 1.0)
        product = lambda x, y: jnp.sum(x * y).astype(jnp.int32)
        assert inner(product, *signs, np.full(6, -2.0, np.float32)).holds
        assert not jax.jit(linalg.is_linear_map, static_argnums=0)(lambda x: x > 0, X, Y, a).holds


def test_nan_does_not_hold():
    nan = lambda x, *_: x[0] * jnp.nan
    assert not linalg.is_linear_map(nan, X, Y, a).holds
    assert not linalg.is_metric(nan, X, Y, Z).holds
    assert not linalg.is_inner_product(nan, X, Y, Z, a).holds


def test_a_tolerance_and_many_sets_of_samples():
    bent = lambda x: x + 1e-3 * x**2
    assert linalg.is_linear_map(bent, X, Y, a, rtol=0.1).holds
    assert not linalg.is_linear_map(bent, X, Y, a).holds
    with pytest.raises(ValueError, match="`rtol` must be at least 0"):
        linalg.is_linear_map(bent, X, Y, a, rtol=-1.0)
    stack = np.stack([X, np.zeros_like(X)])
    check = jax.vmap(lambda X: linalg.is_linear_map(bent, X, X, jnp.asarray(a)))(stack)
    assert check.holds.tolist() == [False, True]
