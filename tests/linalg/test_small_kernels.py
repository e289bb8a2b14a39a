"""The kernels behind vmap: as accurate as one matrix at a time, lane by lane."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg
from jaxmath.linalg import _kernels
from tests.linalg.system_matrices import gallery, growth, norm

SIZES = (2, 3, 4, 5, 8)
DTYPES = ("float32", "float64")


def lanes(n, dtype):
    """The gallery's leading blocks and many random matrices, as one batch."""
    rng = np.random.default_rng(n)
    blocks = [A[:n, :n] for A in gallery(np.dtype(dtype)).values()]
    return np.concatenate([np.stack(blocks), rng.normal(size=(700, n, n))]).astype(dtype)


def wide(A):
    return A.astype(np.float64)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_solve_and_inverse(n, dtype):
    A = lanes(n, dtype)
    b = np.random.default_rng(1).normal(size=(len(A), n)).astype(dtype)
    x = np.asarray(jax.jit(jax.vmap(linalg.solve))(A, b))
    X = np.asarray(jax.jit(jax.vmap(linalg.inv))(A))
    eps = np.finfo(dtype).eps
    checked = 0
    for i, M in enumerate(A):
        bound = 20 * n * eps * growth(M) * norm(M)
        if np.isfinite(x[i]).all() and np.max(np.abs(x[i])) < np.finfo(dtype).max / 100:
            checked += 1
            assert np.linalg.norm(wide(M) @ wide(x[i]) - b[i]) <= bound * norm(x[i][:, None])
        if np.isfinite(X[i]).all() and norm(M) > 0:
            assert norm(wide(M) @ wide(X[i]) - np.eye(n)) <= bound * norm(X[i])
    assert checked >= 710


@pytest.mark.sampled(4)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_determinant_is_that_of_one_matrix(n, dtype):
    """A distance of 20·n·eps·ρ·‖A‖ moves Π sᵢ by Π (sᵢ + distance) − Π sᵢ at most."""
    A = lanes(n, dtype)
    found = wide(np.asarray(jax.jit(jax.vmap(linalg.det))(A)))
    for M, d in zip(A, found, strict=True):
        s = np.linalg.svd(wide(M), compute_uv=False)
        distance = 20 * n * np.finfo(dtype).eps * growth(M) * s[0]
        reach = np.prod(s + distance) - np.prod(s)
        slack = np.finfo(dtype).smallest_normal
        if np.prod(s) < np.finfo(dtype).max:
            assert abs(d - np.linalg.det(wide(M))) <= reach + 1e-13 * np.prod(s) + slack


@pytest.mark.sampled(4)
@pytest.mark.parametrize("n", SIZES)
def test_determinants_leave_the_range_only_where_the_result_does(n):
    """Products of huge and tiny pivots, in every order, and a singular matrix near the limit."""
    rng = np.random.default_rng(n)
    powers = np.array([100, -100, 60, -60, 120, -120, 30, -30][:n])
    powers[-1] -= powers.sum() - 1
    diagonals = np.stack([np.diag(2.0 ** rng.permutation(powers)) for _ in range(6)])
    A, batch = diagonals.astype("float32"), jax.jit(jax.vmap(linalg.det))
    assert np.array_equal([linalg.det(M) for M in A], [2.0] * 6)
    assert np.array_equal(batch(A), [2.0] * 6)
    assert np.array_equal(batch(A[:, ::-1]), [2.0 * (-1) ** (n // 2)] * 6)
    assert np.array_equal(batch(np.full((2, n, n), 3e38, "float32")), [0.0] * 2)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_cholesky(n, dtype):
    B = lanes(n, dtype)[20:]
    scale = np.geomspace(1e-15, 1e15, len(B))[:, None, None].astype(dtype)
    A = (B @ B.swapaxes(1, 2) + np.eye(n, dtype=dtype)) * scale * scale
    L = wide(np.asarray(jax.jit(jax.vmap(linalg.cholesky))(A)))
    assert np.array_equal(L, np.tril(L))
    error = np.linalg.norm(L @ L.swapaxes(1, 2) - wide(A), 2, axis=(1, 2))
    assert np.all(error <= 20 * n * np.finfo(dtype).eps * np.linalg.norm(wide(A), 2, axis=(1, 2)))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_factors(n, dtype):
    """qr, svd and eigh on the whole gallery: backward errors, orthogonality, singular values."""
    A = lanes(n, dtype)
    S = np.tril(A) + np.swapaxes(np.tril(A, -1), 1, 2)
    Q, R = jax.jit(jax.vmap(linalg.qr))(A)
    U, s, Vh = jax.jit(jax.vmap(linalg.svd))(A)
    w, V = jax.jit(jax.vmap(linalg.eigh))(S)
    Q, R, U, s, Vh, w, V, A, S = (wide(np.asarray(x)) for x in (Q, R, U, s, Vh, w, V, A, S))
    unit = np.maximum(np.abs(A).max(axis=(1, 2), keepdims=True), np.finfo(dtype).tiny)
    bound = 20 * n * np.finfo(dtype).eps
    spectral = lambda X: np.linalg.norm(X, 2, axis=(1, 2))
    transposed = lambda X: np.swapaxes(X, 1, 2)
    size, symmetric_size = spectral(A / unit), spectral(S / unit)
    assert np.all(spectral((Q @ R - A) / unit) <= bound * size)
    assert np.all(spectral((U * s[:, None] @ Vh - A) / unit) <= bound * size)
    assert np.all(spectral((V * w[:, None] @ transposed(V) - S) / unit) <= bound * symmetric_size)
    for X in (Q, U, Vh, V):
        assert np.all(spectral(transposed(X) @ X - np.eye(n)) <= bound)
    exact = np.linalg.svd(A / unit, compute_uv=False)
    assert np.all(np.abs(s / unit[:, 0] - exact).max(axis=1) <= bound * size)
    exact = np.linalg.eigvalsh(S / unit)
    assert np.all(np.abs(w / unit[:, 0] - exact).max(axis=1) <= bound * symmetric_size)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_lanes_that_the_limit_of_sweeps_leaves_unfinished_are_nan(name, monkeypatch):
    kernel = {"eigh": _kernels.eigh, "svd": _kernels.svd}[name]
    monkeypatch.setattr(kernel, "MAX_SWEEPS", 2)
    A = np.random.default_rng(0).normal(size=(4, 4, 6))
    A[:, :, ::2] = np.diag([1.0, 2.0, 3.0, 4.0])[:, :, None]
    last = getattr(kernel, f"{name}_last").__wrapped__
    out = jax.jit(lambda A: last(A))(jnp.asarray(A + np.swapaxes(A, 0, 1)))
    for x in out:
        assert np.isfinite(x[..., ::2]).all()
        assert np.isnan(x[..., 1::2]).all()


def test_what_is_not_definite_is_reported_in_its_lane_alone():
    good = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    bad = [good.copy() for _ in range(6)]
    bad[0][0, 0], bad[1][2, 2], bad[2][1, 0] = -1.0, 0.0, np.nan
    bad[3][0, 0], bad[4][2, 0], bad[5][2, 2] = np.inf, np.inf, np.inf
    A = np.stack([M for pair in zip([good] * 6, bad, strict=True) for M in pair])
    L = np.asarray(jax.vmap(linalg.cholesky)(A))
    assert np.isnan(L[1::2]).all()
    np.testing.assert_allclose(L[::2], np.stack([np.linalg.cholesky(good)] * 6), rtol=1e-14)
    one = np.stack([linalg.cholesky(M) for M in A])
    np.testing.assert_allclose(L, one, rtol=1e-14)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n", SIZES)
def test_singular_and_nan_lanes_keep_to_themselves(n):
    rng = np.random.default_rng(n)
    A = rng.normal(size=(6, n, n)) + 3 * np.eye(n)
    A[1], A[3, 0, 0], A[4, -1] = 0.0, np.nan, 0.0
    b = rng.normal(size=(6, n))
    x, d = jax.vmap(linalg.solve)(A, b), jax.vmap(linalg.det)(A)
    assert [bool(v) for v in np.isfinite(x).all(axis=1)] == [True, False, True, False, False, True]
    for i in (0, 2, 5):
        np.testing.assert_allclose(x[i], np.linalg.solve(A[i], b[i]), rtol=1e-12)
        np.testing.assert_allclose(d[i], np.linalg.det(A[i]), rtol=1e-12)
    assert d[1] == 0
    assert np.isnan(d[3])
    assert d[4] == 0


CALLS = {
    "solve": lambda A: linalg.solve(A, jnp.arange(1.0, len(A) + 1)),
    "inv": linalg.inv,
    "det": linalg.det,
    "cholesky": lambda A: linalg.cholesky(linalg.matmul(A, A.T) + jnp.eye(len(A))),
    "matmul": lambda A: linalg.matmul(A, A.T),
    "eigh": lambda A: linalg.eigh(A).eigenvalues,
    "svd": lambda A: linalg.svd(A)[1],
    "qr": lambda A: linalg.qr(A)[1],
}


SIZED = [(name, n) for name in CALLS for n in (2, 4 if name in ("inv", "eigh", "svd") else 5)]


@pytest.mark.sampled(6)
@pytest.mark.parametrize(("name", "n"), SIZED)
def test_gradients_hessians_and_nested_vmap(name, n):
    call = CALLS[name]
    scalar = lambda A: jnp.sum(jnp.sin(call(A)))
    A = jnp.asarray(np.random.default_rng(n).normal(size=(2, 3, n, n)) + 2 * np.eye(n))
    nested = jax.jit(jax.vmap(jax.vmap(call)))(A)
    along = lambda M: jax.jvp(jax.grad(scalar), (M,), (jnp.ones_like(M),))
    gradients, seconds = jax.jit(jax.vmap(jax.vmap(along)))(A)
    outside = jax.jit(jax.grad(lambda A: jnp.sum(jax.vmap(jax.vmap(scalar))(A))))(A)
    close = lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-9)
    close(outside, gradients)
    one, one_along = jax.jit(call), jax.jit(along)
    for i in range(2):
        for j in range(3):
            close(nested[i, j], one(A[i, j]))
            gradient, second = one_along(A[i, j])
            close(gradients[i, j], gradient)
            close(seconds[i, j], second)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", CALLS)
def test_an_empty_batch(name):
    for n in (2, 4, 8):
        A = jnp.zeros((0, n, n))
        one = jax.eval_shape(CALLS[name], jnp.zeros((n, n)))
        assert jax.jit(jax.vmap(CALLS[name]))(A).shape == (0, *one.shape)
        gradient = jax.grad(lambda A: jnp.sum(CALLS[name](A)))
        assert jax.eval_shape(jax.vmap(gradient), A).shape == A.shape


def test_an_argument_that_is_not_mapped():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(4, 4)), rng.normal(size=(5, 4))
    x = jax.vmap(linalg.solve, (None, 0))(A, b)
    np.testing.assert_allclose(x, np.linalg.solve(A, b.T).T, rtol=1e-12)
    x = jax.vmap(jax.vmap(linalg.solve, (None, 0)), (0, None))(A[None] + np.zeros((2, 1, 1)), b)
    np.testing.assert_allclose(x[1], np.linalg.solve(A, b.T).T, rtol=1e-12)
    product = jax.vmap(linalg.matmul, (0, None))(np.stack([A, 2 * A]), A)
    np.testing.assert_allclose(product, np.stack([A @ A, 2 * A @ A]), rtol=1e-12)


SHARDED = """
    import os
    import jax, jax.numpy as jnp, numpy as np
    from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
    from jaxmath import linalg

    STEPS = ("solve", "det", "matmul", "qr")

    def check(name, call, n):
        A = np.random.default_rng(n).normal(size=(1024, n, n)) + 3 * np.eye(n)
        A = A.astype("float32")
        want = jax.jit(jax.vmap(call))(A)
        for kind in (AxisType.Auto, AxisType.Explicit):
            mesh = jax.make_mesh((2,), ("data",), axis_types=(kind,))
            with jax.set_mesh(mesh):
                held = jax.device_put(A, NamedSharding(mesh, P("data")))
                gradient = jax.grad(lambda M: jnp.sum(call(M)))
                for fn in (gradient, call) if kind == AxisType.Auto else (call,):
                    compiled = jax.jit(jax.vmap(fn)).lower(held).compile()
                    assert "all-gather" not in compiled.as_text(), (name, n, fn, str(kind))
                np.testing.assert_allclose(compiled(held), want, rtol=1e-4, atol=1e-5)
        with jax.set_mesh(mesh):
            mapped = jax.shard_map(jax.vmap(call), in_specs=P("data"), out_specs=P("data"))
            np.testing.assert_allclose(jax.jit(mapped)(held), want, rtol=1e-4, atol=1e-5)

    calls = dict(
        solve=lambda A: linalg.solve(A, A[0]), inv=linalg.inv, det=linalg.det,
        cholesky=lambda A: linalg.cholesky(linalg.matmul(A, A.T)),
        matmul=lambda A: linalg.matmul(A, A), eigh=lambda A: linalg.eigh(A).eigenvalues,
        svd=lambda A: linalg.svd(A)[1], qr=lambda A: linalg.qr(A)[1],
    )
    for name, call in calls.items():
        # By default unrolled (3) for two operations, in steps (5) for one; LAPACK's at 8.
        if os.environ["SIZES"] == "one" and name not in ("solve", "cholesky", "eigh"):
            continue
        both = (3,) if name in ("eigh", "svd") else (3, 5)
        for n in both if os.environ["SIZES"] == "all" else both[-1 if name in STEPS else 0 :][:1]:
            try:
                check(name, call, n)
            except Exception as error:
                print("FAILED", name, n, str(error)[:300])
            else:
                print("passed", name, n)
"""


@pytest.mark.parametrize(
    ("sizes", "count"), [("one", 3), pytest.param("all", 14, marks=pytest.mark.full)]
)
def test_two_devices_hold_their_own_lanes(sizes, count):
    """An automatic mesh and an explicit one without a gather, and shard_map, on two CPU devices."""
    environment = {**os.environ, "JAX_NUM_CPU_DEVICES": "2", "SIZES": sizes}
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SHARDED)],
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.stdout.count("passed") == count, out.stdout + out.stderr[-2000:]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("n", SIZES)
def test_pivots_near_the_limits_of_the_range(n):
    """XLA's CPU backend divides by a huge number as if it were infinite."""
    rng = np.random.default_rng(n)
    A = (rng.normal(size=(2, n, n)) + 3 * np.eye(n)).astype("float32")
    A = A / np.abs(A).max() * np.array([1.5e38, 1e-32], "float32")[:, None, None]
    b = np.stack([A[0] @ np.full(n, 0.125, "float32"), A[1] @ np.full(n, 0.125, "float32")])
    np.testing.assert_allclose(jax.vmap(linalg.solve)(A, b), np.full((2, n), 0.125), rtol=1e-5)
