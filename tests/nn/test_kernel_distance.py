"""KID: unbiased with the standard error that it states, the blocks, the limit of large samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn

RUNS, N, M, D = 1500, 24, 16, 3


def mmd(shift: float) -> float:
    """The squared MMD of N(0, I) and N(shift·1, I), from the moments of a polynomial.

    E (x·y/d + 1)³ over independent x, y is Σ_p C(3, p) E(x·y)^p / d^p; the sums over indices of
    products of moments, E x_i x_j x_k and so on, are of a product law.
    """

    def moments(mean: float) -> list:
        first = np.full(D, float(mean))
        second = np.eye(D) + np.outer(first, first)
        eye = np.eye(D)
        third = np.einsum("i,j,k->ijk", first, first, first)
        third += sum(np.einsum(p, eye, first) for p in ("ij,k->ijk", "ik,j->ijk", "jk,i->ijk"))
        return [np.ones(()), first, second, third]

    def expected(a: float, b: float) -> float:
        pairs = zip(moments(a), moments(b), (1, 3, 3, 1), range(4), strict=True)
        return sum(c * np.sum(x * y) / D**p for x, y, c, p in pairs)

    return expected(0, 0) + expected(shift, shift) - 2 * expected(0, shift)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_unbiased_and_standard_error(shift):
    """The mean of many estimates is the truth; their spread is what one of them states."""
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((RUNS, N, D)), rng.standard_normal((RUNS, M, D)) + shift
    value, error = run(X, Y)
    truth, noise = mmd(shift), lambda draws: 5 * np.std(draws) / np.sqrt(RUNS)
    assert abs(np.mean(value) - truth) < noise(value)
    excess = np.asarray(error**2 - (value - truth) ** 2)
    assert np.mean(excess) > -noise(excess)
    # Where the truth is 0 the first terms cannot be less, so that the error is a little too large.
    assert np.mean(excess) < noise(excess) + (0.5 * np.var(value) if shift == 0 else 0)


@jax.jit
def run(X, Y):
    return jax.vmap(nn.kernel_distance)(X, Y)


def test_blocks():
    """Rows in blocks, the last one filled up; the gradient goes through them."""
    rng = np.random.default_rng(2)
    X, Y = rng.standard_normal((7, 2)), rng.standard_normal((3, 2))

    def both(block):
        fn = lambda X: sum(nn.kernel_distance(X, Y, block=block))
        return jax.jit(jax.value_and_grad(fn))(X)

    for got, want in zip(jax.tree.leaves(both(3)), jax.tree.leaves(both(256)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def test_float32_nan_and_constant():
    rng = np.random.default_rng(3)
    X, Y = rng.uniform(0, 4, (60, 8)), rng.uniform(0, 4, (40, 8))
    low, high = nn.kernel_distance(jnp.float32(X), jnp.float32(Y)), nn.kernel_distance(X, Y)
    mean_kernel = np.mean((X @ Y.T / 8 + 1) ** 3)
    assert abs(low.value - high.value) < 4e-7 * mean_kernel
    np.testing.assert_allclose(low.standard_error, high.standard_error, rtol=1e-4)
    X[3, 0] = np.nan
    assert np.all(np.isnan(nn.kernel_distance(X, Y)))
    assert np.all(np.isnan(nn.kernel_distance(Y, X)))


def test_constant_samples():
    same = np.ones((4, 2))
    total = lambda X: sum(nn.kernel_distance(X, same))
    value, gradient = jax.jit(jax.value_and_grad(total))(same)
    assert value == 0
    assert np.all(np.isfinite(gradient))
