"""The nearest matrix of low rank: optimality, derivatives across repeated values, sampling."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg
from jaxmath.linalg.low_rank import low_rank_approximation, randomized_svd
from tests.linalg.svd_family import EPS, assert_derivatives, stacked

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_eckart_young_over_the_accuracy_list(dtype):
    """‖A − A_r‖₂ = s_{r+1} to rounding, and the rank is at most r."""
    names, batch, exact = stacked(dtype)
    bound = 20 * batch.shape[-1] * EPS[dtype]
    found = np.asarray(jax.jit(jax.vmap(lambda A: low_rank_approximation(A, 3)))(batch), float)
    for i, name in enumerate(names):
        s = np.linalg.svd(exact[i])[1]
        assert abs(np.linalg.norm(exact[i] - found[i], 2) - s[3]) <= bound * s[0], name
        assert np.linalg.svd(found[i])[1][3] <= bound * s[0], name


POINTS = {
    "repeated": np.diag([2.0, 2.0, 1.0, 1.0]),
    "tall": RNG.normal(size=(4, 3)),
    "near": np.diag([2.0, 2.0, 1.5, 0.5]),
}


def rank_two(A):
    return low_rank_approximation(A, 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("point", POINTS)
def test_derivatives(point):
    """Repeated values within the kept and within the dropped part."""
    assert_derivatives(rank_two, POINTS[point])


def test_full_rank_is_the_matrix_itself():
    A = jnp.asarray(RNG.normal(size=(3, 4)))
    assert jnp.array_equal(low_rank_approximation(A, 3), A)
    tie = low_rank_approximation(jnp.eye(3), 1)
    np.testing.assert_allclose(jnp.linalg.norm(jnp.eye(3) - tie), np.sqrt(2.0), rtol=1e-14)


def test_randomized_on_a_falling_spectrum():
    """Near the best error, orthonormal factors, another key another sample; complex input."""
    left, right = (np.linalg.qr(RNG.normal(size=(n, 20)))[0] for n in (40, 30))
    A = jnp.asarray(left * 2.0 ** -np.arange(20) @ right.T)
    U, s, Vh = randomized_svd(jax.random.key(0), A, 5)
    np.testing.assert_allclose(U.T @ U, np.eye(5), atol=1e-14)
    np.testing.assert_allclose(Vh @ Vh.T, np.eye(5), atol=1e-14)
    np.testing.assert_allclose(s, 2.0 ** -np.arange(5), rtol=1e-8)
    error = np.linalg.norm(A - (U * s[None, :]) @ Vh, 2)
    assert 2.0**-5 * (1 - 1e-12) <= error <= 2.0**-5 * 1.01
    rough = randomized_svd(jax.random.key(1), A, 5, oversampling=0, num_iterations=0)
    assert np.linalg.norm(A - (rough[0] * rough[1][None, :]) @ rough[2], 2) > error
    C = jnp.asarray(RNG.normal(size=(6, 2)) + 1j * RNG.normal(size=(6, 2)))
    C = C @ jnp.conj(C).T
    U, s, Vh = randomized_svd(jax.random.key(2), C, 2)
    np.testing.assert_allclose((U * s[None, :]) @ Vh, C, atol=1e-12)


def test_a_size_is_a_python_integer():
    """It gives arrays their shapes: a jax integer is refused by name, NumPy's are as good."""
    A, key = jnp.diag(jnp.array([3.0, 2.0, 1.0])), jax.random.key(0)
    for call, name in (
        (lambda n: linalg.low_rank_approximation(A, n), "rank"),
        (lambda n: linalg.randomized_svd(key, A, n), "rank"),
        (lambda n: linalg.randomized_svd(key, A, 1, oversampling=n), "oversampling"),
        (lambda n: linalg.randomized_svd(key, A, 1, num_iterations=n), "num_iterations"),
        (lambda n: linalg.pca(A, n), "num_components"),
        (lambda n: linalg.qr_algorithm(A, max_steps=n), "max_steps"),
    ):
        for size in (jnp.int32(1), jnp.array([1, 2])):
            with pytest.raises(TypeError, match=f"`{name}` must be a Python integer"):
                call(size)
        for a, b in zip(*map(jax.tree.leaves, (call(1), call(np.int32(1)))), strict=True):
            np.testing.assert_array_equal(a, b)


def test_randomized_refuses_derivatives():
    with pytest.raises(TypeError, match="has no derivative"):
        jax.grad(lambda A: randomized_svd(jax.random.key(0), A, 1)[1][0])(jnp.eye(3))
