"""Systems: residuals over the gallery, conditions, refinement, status, and classification."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import verify
from jaxmath.iterate import Status
from jaxmath.linalg.elimination import gaussian_elimination
from jaxmath.linalg.solve import inv, solve, solve_info
from jaxmath.linalg.systems import SystemKind, classify_system
from tests.linalg.system_matrices import N, gallery, growth, norm

DTYPES = (np.float32, np.float64)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_residuals_over_the_gallery(dtype):
    """solve: ‖A x − b‖ ≤ 20·n·eps·ρ·‖A‖·‖x‖; inv: ‖A X − I‖ ≤ 20·n·eps·ρ·‖A‖·‖X‖."""
    matrices = gallery(dtype)
    stack = jnp.asarray(np.stack(list(matrices.values())))
    b = jnp.asarray(np.random.default_rng(0).normal(size=(N, 2)), dtype)
    solutions = jax.jit(jax.vmap(solve, (0, None)))(stack, b)
    inverses = jax.jit(jax.vmap(inv))(stack)
    held = 0
    for (name, A), x, X in zip(matrices.items(), solutions, inverses, strict=True):
        A = A.astype(np.float64)
        bound = 20 * N * float(np.finfo(dtype).eps) * growth(A) * norm(A)
        for right, y in ((np.asarray(b, np.float64), x), (np.eye(N), X)):
            y = np.asarray(y, np.float64)
            if np.isfinite(y).all():
                held += 1
                assert norm(A @ y - right) <= bound * norm(y), name
            else:
                assert name in ("zero", "nilpotent"), name
    assert held == 2 * (len(matrices) - 2)


def test_reference_and_entry_agree():
    rng = np.random.default_rng(1)
    stack, b = jnp.asarray(rng.normal(size=(20, 6, 6))), jnp.asarray(rng.normal(size=(20, 6, 2)))
    want = np.linalg.solve(stack, b)
    for f in (solve, gaussian_elimination):
        np.testing.assert_allclose(jax.vmap(f)(stack, b), want, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(jax.vmap(inv)(stack), np.linalg.inv(stack), rtol=1e-9, atol=1e-11)
    assert solve(jnp.asarray([[4.0]]), jnp.asarray([2.0])) == 0.5
    assert inv(jnp.asarray([[4.0]])) == 0.25


def test_complex_systems():
    rng = np.random.default_rng(2)
    A = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    b = rng.normal(size=3) + 1j * rng.normal(size=3)
    np.testing.assert_allclose(solve(A, b), np.linalg.solve(A, b), rtol=1e-12)
    np.testing.assert_allclose(inv(A), np.linalg.inv(A), rtol=1e-12)
    info = solve_info(A, b, refine=True)
    np.testing.assert_allclose(info.x, np.linalg.solve(A, b), rtol=1e-12)
    np.testing.assert_allclose(info.rcond, 1 / np.linalg.cond(A, 1), rtol=1e-10)
    assert verify.check_gradients(solve, (jnp.asarray(A), jnp.asarray(b)))
    found = classify_system(A[:2], b[:2])
    assert found.kind == SystemKind.INFINITE
    np.testing.assert_allclose(A[:2] @ found.x, b[:2], atol=1e-13)
    np.testing.assert_allclose(A[:2] @ found.null_basis, 0, atol=1e-13)
    with jax.numpy_dtype_promotion("strict"):
        single = solve_info(jnp.asarray(A, jnp.complex64), jnp.asarray(b, jnp.complex64))
        assert single.x.dtype == jnp.complex64
        assert single.rcond.dtype == jnp.float32
        kind = classify_system(jnp.asarray(A, jnp.complex64), jnp.asarray(b, jnp.complex64)).kind
        assert kind == SystemKind.UNIQUE


@pytest.mark.parametrize("n", [1, 4, 9])
def test_a_matrix_and_a_right_hand_side_of_two_dtypes(n):
    """Both are taken to the common dtype, at every size and in the derivative too."""
    rng = np.random.default_rng(8)
    real, b = jnp.asarray(rng.normal(size=(n, n))), jnp.asarray(rng.normal(size=n))
    for A, right in ((real + 1j * jnp.eye(n), b), (real, b.astype(jnp.float32))):
        dtype = jnp.result_type(A, right)
        want = np.linalg.solve(np.asarray(A, dtype), np.asarray(right, dtype))
        with jax.numpy_dtype_promotion("strict"):
            x, info = solve(A, right), solve_info(A, right)
            batch = jax.vmap(solve, (None, 0))(A, jnp.stack([right, 2 * right]))
            loss = lambda A, b: jnp.sum(solve(A, b).real)
            grads = jax.grad(loss, (0, 1))(A, right)
        assert x.dtype == info.x.dtype == dtype
        for found in (x, info.x, batch[0]):
            np.testing.assert_allclose(found, want, rtol=1e-9)
        assert [g.dtype for g in grads] == [A.dtype, right.dtype]


@pytest.mark.parametrize("dtype", DTYPES)
def test_condition_and_status_over_the_gallery(dtype):
    """rcond against NumPy in double precision where that can tell; the status follows it."""
    matrices = gallery(dtype)
    stack = jnp.asarray(np.stack(list(matrices.values())))
    b = jnp.ones(N, dtype)
    info = jax.jit(jax.vmap(solve_info, (0, None)))(stack, b)
    eps = float(np.finfo(dtype).eps)
    for i, (name, A) in enumerate(matrices.items()):
        A = A.astype(np.float64)
        with np.errstate(all="ignore"):
            exact = 0.0 if np.linalg.matrix_rank(A) < N else 1 / np.linalg.cond(A, 1)
        rcond = float(info.rcond[i])
        if exact > 100 * N * eps:
            assert rcond == pytest.approx(exact, rel=0.5), name
            assert info.status[i] == Status.CONVERGED, name
        if exact < eps / 100:
            assert rcond <= 10 * N * eps, name
        assert (info.status[i] == Status.SINGULAR) == (rcond < eps), name
        if np.isfinite(info.x[i]).all():
            assert info.residual[i] <= 20 * N * eps * growth(A), name
    names = list(matrices)
    for name in ("zero", "nilpotent", "diagonal"):
        assert info.status[names.index(name)] == Status.SINGULAR


@pytest.mark.parametrize("dtype", DTYPES)
def test_refinement_undoes_growth(dtype):
    """Wilkinson's matrix of growth 2^(n−1): one step brings the residual from ρ·eps to eps."""
    n = 20
    A = np.eye(n) - np.tril(np.ones((n, n)), -1)
    A[:, -1] = 1
    A, b = jnp.asarray(A, dtype), jnp.asarray(np.random.default_rng(3).normal(size=n), dtype)
    plain, refined = (jax.jit(solve_info, static_argnames="refine")(A, b, refine=r)
                      for r in (False, True))  # fmt: skip
    eps = float(jnp.finfo(dtype).eps)
    assert plain.residual > 100 * eps
    assert refined.residual <= n * eps
    x = np.linalg.solve(np.asarray(A, np.float64), np.asarray(b, np.float64))
    error = lambda info: np.linalg.norm(np.asarray(info.x) - x)
    if dtype == np.float32:
        assert error(refined) < error(plain) / 20


def test_refinement_never_worsens():
    rng = np.random.default_rng(4)
    A = jnp.asarray(rng.normal(size=(50, 5, 5)), jnp.float32)
    b = jnp.asarray(rng.normal(size=(50, 5, 3)), jnp.float32)
    plain = jax.vmap(solve_info)(A, b)
    refined = jax.vmap(lambda A, b: solve_info(A, b, refine=True))(A, b)
    assert jnp.all(refined.residual <= plain.residual)
    assert refined.residual.shape == (50,)


def test_residual_is_the_backward_error():
    rng = np.random.default_rng(5)
    A, b = rng.normal(size=(6, 6)), rng.normal(size=6)
    for scale in (1e-30, 1.0, 1e30):
        info = solve_info(jnp.asarray(A * scale, jnp.float32), jnp.asarray(b, jnp.float32))
        wide, x = np.asarray(A * scale, np.float32).astype(float), np.asarray(info.x, float)
        r = np.abs(np.asarray(b, np.float32) - wide @ x).max()
        size = np.abs(wide).sum(1).max() * np.abs(x).max() + np.abs(b).max()
        # r itself is computed with an error of n·eps·size.
        assert abs(float(info.residual) - r / size) <= 6 * 1.2e-7


def test_info_lane_by_lane():
    """A regular, a singular, a NaN and an infinite system in one batch."""
    good = np.array([[2.0, 1.0], [1.0, 3.0]])
    stack = np.stack([good, np.ones((2, 2)), good, good])
    b = np.array([[1.0, 2.0], [1.0, 2.0], [np.nan, 1.0], [1.0, 2.0]])
    stack[3, 0, 0] = np.inf
    compiled = jax.jit(jax.vmap(lambda A, b: solve_info(A, b, refine=True)))
    info = compiled(jnp.asarray(stack), jnp.asarray(b))
    want = [Status.CONVERGED, Status.SINGULAR, Status.NON_FINITE, Status.NON_FINITE]
    assert list(info.status) == want
    np.testing.assert_allclose(info.x[0], np.linalg.solve(good, b[0]), rtol=1e-15)
    assert not jnp.isfinite(info.x[1]).all()
    assert info.rcond[1] == 0
    assert jnp.isnan(info.rcond[2:]).all()
    # Only x is differentiated, and as the exact solution.
    diagnosis = lambda info: info.rcond + info.residual
    functions = (
        lambda A: solve_info(A, jnp.ones(2), refine=True).x,
        lambda A: solve(A, jnp.ones(2)),
        lambda A: diagnosis(solve_info(A, jnp.ones(2))),
    )
    grads = [jax.grad(lambda A, f=f: jnp.sum(f(A)))(jnp.asarray(good)) for f in functions]
    np.testing.assert_allclose(grads[0], grads[1], rtol=1e-14)
    assert not grads[2].any()


@pytest.mark.parametrize("refine", [False, True])
def test_a_solution_that_overflows_is_not_called_converged(refine):
    """A regular matrix and a finite b whose x is beyond float32, beside one that is not."""
    A = jnp.eye(2, dtype=jnp.float32) * 1e-25
    b = jnp.asarray([[1e20, 1.0], [1.0, 2.0]], jnp.float32)
    info = jax.vmap(lambda b: solve_info(A, b, refine=refine))(b)
    assert list(info.status) == [Status.NON_FINITE, Status.CONVERGED]
    np.testing.assert_allclose(info.rcond, 1.0)
    assert jnp.isnan(info.residual[0])
    assert info.residual[1] < 1e-6


def test_classification():
    """One, none and infinitely many solutions, over tall, square and wide systems."""
    rng = np.random.default_rng(6)
    compiled = jax.jit(jax.vmap(classify_system, (None, 0)))
    for m, n in ((5, 3), (4, 4), (3, 5), (1, 1), (1, 3), (3, 1)):
        for rank in range(min(m, n) + 1):
            A = rng.normal(size=(m, rank)) @ rng.normal(size=(rank, n))
            inside, outside = A @ rng.normal(size=n), rng.normal(size=m)
            found = compiled(jnp.asarray(A), jnp.asarray(np.stack([inside, outside])))
            assert list(found.rank) == [rank, rank]
            assert list(found.nullity) == [n - rank, n - rank]
            kind = SystemKind.UNIQUE if rank == n else SystemKind.INFINITE
            assert found.kind[0] == kind
            assert found.kind[1] == (kind if rank == m else SystemKind.NONE)
            np.testing.assert_allclose(A @ found.x[0], inside, atol=1e-12)
            least = np.linalg.lstsq(A, outside, rcond=1e-12)[0]
            np.testing.assert_allclose(found.x[1], least, atol=1e-10)
            basis = np.asarray(found.null_basis[0])
            np.testing.assert_allclose(A @ basis, 0, atol=1e-12)
            want = np.diag((np.arange(n) < n - rank).astype(float))
            np.testing.assert_allclose(basis.T @ basis, want, atol=1e-13)
            largest = basis[np.argmax(np.abs(basis), axis=0), np.arange(n)]
            assert np.all(largest[: n - rank] > 0)
            # Every x + N c solves the system.
            moved = found.x[0] + basis @ rng.normal(size=n)
            np.testing.assert_allclose(A @ moved, inside, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_classification_at_every_scale(dtype):
    """The kind does not depend on the units of A and b."""
    A = np.array([[1.0, 2.0], [2.0, 4.0], [1.0, 0.0]])
    x = np.array([1.0, -2.0])
    compiled = jax.jit(classify_system)
    for a_scale in (1e-18, 1.0, 1e18):
        for x_scale in (1e-15, 1.0, 1e15):
            found = compiled(jnp.asarray(A * a_scale, dtype),
                             jnp.asarray(A @ x * (a_scale * x_scale), dtype))  # fmt: skip
            assert found.kind == SystemKind.UNIQUE
            np.testing.assert_allclose(found.x, x * x_scale, rtol=1e-5)
    assert compiled(jnp.asarray(A, dtype), jnp.ones(3, dtype)).kind == SystemKind.NONE
    zero = compiled(jnp.zeros((3, 2), dtype), jnp.zeros(3, dtype))
    assert (zero.kind, zero.nullity, zero.residual) == (SystemKind.INFINITE, 2, 0)


def test_classification_of_bad_values_and_its_derivative():
    A = jnp.asarray([[1.0, 2.0], [3.0, 4.0]])
    stack = jnp.stack([A, A.at[0, 0].set(jnp.nan), A.at[0, 0].set(jnp.inf)])
    found = jax.vmap(classify_system, (0, None))(stack, jnp.ones(2))
    assert list(found.kind) == [SystemKind.UNIQUE, SystemKind.UNKNOWN, SystemKind.UNKNOWN]
    assert list(found.rank) == [2, -1, -1]
    assert jnp.isnan(found.x[1:]).all()
    assert not jax.grad(lambda A: jnp.sum(classify_system(A, jnp.ones(2)).x))(A).any()
    assert classify_system(A.at[1].set(A[0] * (1 + 1e-9)), jnp.ones(2), rtol=1e-6).rank == 1
