"""Determinants: backward error on hard matrices, range, and gradients at singular matrices."""

import itertools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath import verify
from jaxmath.linalg.determinants import cofactor_determinant, cramer, det, slogdet
from tests.linalg.system_matrices import N, determinants_nearby, gallery, growth, norm

DTYPES = (np.float32, np.float64)


def of_rank(rank, n=5, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n))).astype(dtype)


def adjugate_transposed(A):
    """The gradient of det, as minors in double precision."""
    n = len(A)
    minor = lambda i, j: np.linalg.det(np.delete(np.delete(A, i, 0), j, 1))
    return np.array([[(-1) ** (i + j) * minor(i, j) for j in range(n)] for i in range(n)])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_determinant_of_a_nearby_matrix(dtype):
    """det and slogdet are those of a matrix within 20·n·eps·ρ·‖A‖ of A, on all of the gallery."""
    matrices = gallery(dtype)
    stack = jnp.asarray(np.stack(list(matrices.values())))
    values = np.asarray(jax.jit(jax.vmap(det))(stack))
    signs, logs = (np.asarray(v) for v in jax.jit(jax.vmap(slogdet))(stack))
    info = np.finfo(dtype)
    for (name, A), value, sign, log in zip(matrices.items(), values, signs, logs, strict=True):
        low, high = determinants_nearby(A, 20 * N * float(info.eps) * growth(A) * norm(A))
        if low > float(info.max) or high < -float(info.max):
            assert np.isinf(value), name
            assert np.sign(value) == np.sign(float(low / abs(low))), name
        else:
            slack = float(info.tiny)  # below it numbers are flushed to 0
            assert low - slack <= mpmath.mpf(float(value)) <= high + slack, name
        if sign == 0:
            assert np.isneginf(log), name
            assert low <= 0 <= high, name
        else:
            assert abs(sign) == 1, name
            exact = float(sign) * mpmath.exp(mpmath.mpf(float(log)))
            slack = 4 * float(info.eps) * max(1.0, abs(float(log)))  # rounding of log itself
            assert low - slack * abs(low) <= exact <= high + slack * abs(high), name


def test_range():
    """Overflow and underflow only where the result does; slogdet without cancellation."""
    A = jnp.diag(jnp.asarray([1e30, 1e30, 1e-30, 1e-30], jnp.float32))
    exact = np.prod(np.asarray(jnp.diagonal(A), np.float64))
    np.testing.assert_allclose(det(A), exact, rtol=1e-6)
    np.testing.assert_allclose(slogdet(A)[1], np.log(exact), atol=1e-7)
    gradient = jax.jit(jax.grad(det))(A)
    np.testing.assert_allclose(jnp.diagonal(gradient) * jnp.diagonal(A), 1.0, rtol=1e-5)
    n = 300
    permutation = np.random.default_rng(0).permutation(n)
    A = np.diag(np.geomspace(1e-20, 1e20, n)).astype(np.float32)[permutation]
    sign, log = slogdet(jnp.asarray(A))
    want_sign, want_log = np.linalg.slogdet(A.astype(np.float64))
    assert sign == want_sign
    np.testing.assert_allclose(log, want_log, atol=n * 1.2e-7)
    np.testing.assert_allclose(det(A), want_sign * np.exp(want_log), rtol=n * 1.2e-7)
    assert det(jnp.asarray([[-3.0]])) == -3.0
    # Minors whose products overflow and cancel.
    gradient = jax.grad(det)(jnp.full((3, 3), 3e19, jnp.float32))
    assert jnp.max(jnp.abs(gradient)) <= 60 * 1.2e-7 * 3e19**2


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_is_the_adjugate_at_every_rank(dtype):
    """Under vmap, lane by lane: ranks n to 0, a nilpotent, defective and a nearly singular one."""
    nearly = of_rank(4) + 1e-9 * np.eye(5)
    matrices = [of_rank(r) for r in range(6)] + [np.eye(5, k=1), np.eye(5) + np.eye(5, k=2), nearly]
    stack = np.stack(matrices).astype(dtype)
    gradients = jax.jit(jax.vmap(jax.grad(det)))(jnp.asarray(stack))
    single = jax.jit(jax.grad(det))
    for A, gradient in zip(stack, gradients, strict=True):
        # n·eps·‖A‖ in A moves the cofactors by their derivative, a product of n − 2 values.
        bound = 20 * 5 * np.finfo(dtype).eps * norm(A) ** 4 * 5
        want = adjugate_transposed(A.astype(np.float64))
        np.testing.assert_allclose(gradient, want, rtol=0, atol=bound)
        alone = single(jnp.asarray(A))
        np.testing.assert_allclose(alone, want, rtol=0, atol=bound)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("rank", [4, 3])
def test_finite_differences_at_singular_matrices(rank):
    """Rank n − 1: the gradient has rank 1. Rank n − 2: it is 0, and the Hessian is not."""
    A = jnp.asarray(of_rank(rank))
    report = verify.check_gradients(det, (A,), order=2)
    assert report, str(report)
    s = np.linalg.svd(jax.grad(det)(A), compute_uv=False)
    assert s[1] <= 1e-12 * norm(np.asarray(A)) ** 4
    assert (s[0] > 1e-2) == (rank == 4)


def test_exact_zero_pivots_in_integers():
    """Singular integer matrices meet pivots of exactly 0, in every place; cofactors are exact."""
    rng = np.random.default_rng(1)
    draw = lambda *shape: rng.integers(-1, 2, size=(75, *shape))
    stack = np.concatenate([draw(4, r) @ draw(r, 4) for r in (1, 2, 3, 4)]).astype(np.float64)
    assert set(np.linalg.matrix_rank(stack)) == {0, 1, 2, 3, 4}
    gradients = jax.jit(jax.vmap(jax.grad(det)))(jnp.asarray(stack))
    want = jax.jit(jax.vmap(jax.grad(cofactor_determinant)))(jnp.asarray(stack))
    np.testing.assert_array_equal(want, np.round(want))
    np.testing.assert_allclose(gradients, want, atol=1e-12)


@pytest.mark.full
def test_second_derivative_against_cofactors():
    hessian, want = (jax.jit(jax.hessian(f)) for f in (det, cofactor_determinant))
    for A in (of_rank(3, 4), of_rank(2, 4), of_rank(1, 4), np.eye(4), np.zeros((4, 4))):
        A = jnp.asarray(A)
        np.testing.assert_allclose(hessian(A), want(A),
                                   atol=1e-13 * max(norm(np.asarray(A)) ** 2, 1))  # fmt: skip


@pytest.mark.full
def test_complex_determinants():
    rng = np.random.default_rng(2)
    A = rng.normal(size=(5, 5)) + 1j * rng.normal(size=(5, 5))
    singular = A @ np.diag([1, 1, 1, 1, 0])
    holomorphic = [jax.jit(jax.grad(f, holomorphic=True)) for f in (det, cofactor_determinant)]
    for M in map(jnp.asarray, (A, singular)):
        np.testing.assert_allclose(det(M), cofactor_determinant(M), atol=1e-12)
        gradient, want = (f(M) for f in holomorphic)
        np.testing.assert_allclose(gradient, want, atol=1e-12)
    sign, log = slogdet(jnp.asarray(A))
    want = np.linalg.slogdet(A)
    np.testing.assert_allclose(sign, want[0], atol=1e-14)
    np.testing.assert_allclose(log, want[1], atol=1e-14)
    assert verify.check_gradients(slogdet, (jnp.asarray(A[:3, :3]),))
    assert det(jnp.asarray(A, jnp.complex64)).dtype == jnp.complex64
    with jax.numpy_dtype_promotion("strict"):
        assert jnp.isfinite(holomorphic[0](jnp.asarray(A, jnp.complex64))).all()


def test_not_a_number_stays_in_its_lane():
    good = of_rank(5)
    stack = jnp.asarray(np.stack([good, np.full((5, 5), np.nan), np.zeros((5, 5))]))
    values = jax.jit(jax.vmap(det))(stack)
    signs, logs = jax.jit(jax.vmap(slogdet))(stack)
    gradients = jax.jit(jax.vmap(jax.grad(det)))(stack)
    np.testing.assert_allclose(values[0], np.linalg.det(good), rtol=1e-13)
    assert jnp.isnan(values[1])
    assert jnp.isnan(logs[1])
    assert jnp.isnan(gradients[1]).all()
    assert (values[2], signs[2], logs[2]) == (0, 0, -jnp.inf)
    assert jnp.isfinite(gradients[::2]).all()
    slogdet_gradient = jax.jit(jax.vmap(jax.grad(lambda A: slogdet(A)[1])))(stack)
    assert jnp.array_equal(slogdet_gradient[2], jnp.zeros((5, 5)))
    np.testing.assert_allclose(slogdet_gradient[0], np.linalg.inv(good).T, rtol=1e-10)


def test_identities():
    """det(AB) = det A det B, det Aᵀ = det A, a swap of rows changes the sign, Leibniz's sum."""
    A, B = of_rank(5, seed=3), of_rank(5, seed=4)
    np.testing.assert_allclose(det(A @ B), det(A) * det(B), rtol=1e-12)
    np.testing.assert_allclose(det(A.T), det(A), rtol=1e-12)
    np.testing.assert_allclose(det(A[[1, 0, 2, 3, 4]]), -det(A), rtol=1e-12)
    small = A[:4, :4]
    total = 0.0
    for p in itertools.permutations(range(4)):
        sign = np.linalg.det(np.eye(4)[list(p)])
        total += sign * np.prod([small[i, p[i]] for i in range(4)])
    np.testing.assert_allclose(cofactor_determinant(small), total, rtol=1e-12)
    b = np.arange(1.0, 6.0)
    np.testing.assert_allclose(cramer(A, b), np.linalg.solve(A, b), rtol=1e-11)


def test_cofactors_state_their_bound():
    """|error| ≤ n·eps·per|A| over the gallery, with the permanent from the same expansion."""
    compiled = jax.jit(jax.vmap(cofactor_determinant))
    matrices = {k: v for k, v in gallery(np.float64).items() if k not in ("huge", "diagonal")}
    values = compiled(jnp.asarray(np.stack(list(matrices.values()))))
    for (name, A), value in zip(matrices.items(), values, strict=True):
        with mpmath.workdps(60):
            exact = mpmath.det(mpmath.matrix(A.tolist()))
            error = abs(exact - mpmath.mpf(float(value)))
        assert error <= N * np.finfo(float).eps * permanent(np.abs(A)) + 1e-300, name


def permanent(A):
    """Ryser's formula would cancel; expansion by subsets of columns does not."""
    sums = {0: 1.0}
    for mask in range(1, 2 ** len(A)):
        row = len(A) - mask.bit_count()
        bits = [j for j in range(len(A)) if mask >> j & 1]
        sums[mask] = sum(A[row, j] * sums[mask & ~(1 << j)] for j in bits)
    return sums[2 ** len(A) - 1]


@pytest.mark.full
def test_third_derivative_against_cofactors():
    A, *directions = np.random.default_rng(3).normal(size=(4, 4, 4))
    third = []
    for f in (det, cofactor_determinant):
        for v in directions:
            f = lambda A, f=f, v=v: jax.jvp(f, (A,), (v,))[1]
        third.append(jax.jit(f)(A))
    np.testing.assert_allclose(*third, rtol=1e-10)
