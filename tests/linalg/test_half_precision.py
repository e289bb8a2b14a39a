"""float16 and bfloat16: what factors a matrix refuses them, all else is right to their eps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg
from jaxmath.linalg import _scaling

HALVES = ("float16", "bfloat16")
FACTORED = (
    *("column_space", "condition_number", "det", "four_subspaces", "inv", "jacobi_svd"),
    *("left_null_space", "linearly_independent", "lu", "null_space", "nullity", "pinv", "polar"),
    *("cholesky", "qr", "rank", "row_space", "safe_cholesky", "slogdet", "svd", "svdvals"),
    *("characteristic_polynomial", "diagonalize", "eig", "eigh", "eigvals", "eigvalsh"),
    *("is_positive_definite", "jacobi_eigh", "qr_algorithm", "schur"),
)
# The function, the argument at fault, and the arguments from a matrix and a vector.
CASES = (
    *((name, "A", lambda A, x: (A,)) for name in FACTORED),
    *((name, "A", lambda A, x: (A, x)) for name in ("classify_system", "lstsq", "solve")),
    ("solve_info", "A", lambda A, x: (A, x)),
    ("change_of_basis", "target", lambda A, x: (A, A)),
    ("generalized_eigh", "A", lambda A, x: (A, A)),
    ("kabsch", "P", lambda A, x: (A, A)),
    ("low_rank_approximation", "A", lambda A, x: (A, 1)),
    ("matrix_norm", "A", lambda A, x: (A, 2)),
    ("matrix_norm", "A", lambda A, x: (A, "nuc")),
    ("orthogonal_procrustes", "A", lambda A, x: (A, A)),
    ("pca", "X", lambda A, x: (A, 1)),
    ("project_onto_subspace", "B", lambda A, x: (x, A)),
    ("spectral_fn", "A", lambda A, x: (jnp.exp, A)),
    ("spectral_sum", "A", lambda A, x: (jnp.exp, A)),
    ("power_iteration", "A", lambda A, x: (A, x)),
)


@pytest.mark.parametrize("dtype", HALVES)
def test_what_factors_a_matrix_refuses_by_name(dtype):
    A, x = jnp.diag(jnp.array([2.0, 1.0, 3.0], dtype)), jnp.ones(3, dtype)
    for name, argument, arguments in CASES:
        message = f"^{name}: argument `{argument}` must have single or double precision"
        with pytest.raises(TypeError, match=f"{message}, got dtype {dtype}"):
            getattr(linalg, name)(*arguments(A, x))
    with pytest.raises(TypeError, match=r"^randomized_svd: argument `A` must have single"):
        linalg.randomized_svd(jax.random.key(0), A, 1)


@pytest.mark.parametrize("dtype", HALVES)
def test_every_exponent_and_mantissa(dtype):
    bits = jnp.arange(1 << 16, dtype=jnp.uint16)
    x = jax.lax.bitcast_convert_type(bits, jnp.dtype(dtype))
    smallest = jnp.finfo(dtype).smallest_normal
    if dtype == "float16":  # its subnormal numbers are numbers, those of bfloat16 are flushed
        smallest = jnp.finfo(dtype).smallest_subnormal
    x = x[jnp.isfinite(x) & (jnp.abs(x) >= smallest)]
    mantissa, exponent = _scaling.frexp(x)
    expected, e = np.frexp(np.asarray(x, np.float64))
    np.testing.assert_array_equal(exponent, e)
    assert mantissa.dtype == x.dtype
    np.testing.assert_array_equal(np.asarray(mantissa, np.float64), expected)
    np.testing.assert_array_equal(_scaling.scale(mantissa, exponent), x)
    nothing = jnp.array([0.0, jnp.nan, jnp.inf, -jnp.inf], dtype)
    np.testing.assert_array_equal(_scaling.exponent(nothing), 0)


def sizes(dtype):
    return (1e-6, 1e-3, 1.0, 1e4) if dtype == "float16" else (1e-30, 1.0, 1e30)


@pytest.mark.parametrize("dtype", HALVES)
def test_vectors_at_every_size(dtype):
    """Down to the subnormal numbers of float16, which are numbers."""
    rng, eps = np.random.default_rng(0), float(jnp.finfo(dtype).eps)
    for size in sizes(dtype):
        x, y = (jnp.asarray(size * v, dtype) for v in rng.uniform(0.5, 1.5, size=(2, 5)))
        exact = [v.astype(jnp.float64) for v in (x, y)]
        least = float(jnp.finfo(dtype).smallest_subnormal)  # rounding there is absolute
        for f in (
            linalg.angle,
            linalg.project_onto_vector,
            *(lambda x, y, p=p: linalg.vector_norm(x - y, p) for p in (2, 3, jnp.inf)),
        ):
            value = f(x, y)
            assert value.dtype == dtype
            np.testing.assert_allclose(
                np.asarray(value, np.float64), f(*exact), rtol=8 * eps, atol=least
            )


@pytest.mark.parametrize("dtype", HALVES)
def test_elimination_at_every_size(dtype):
    """Values and gradients, against float64."""
    rng, eps = np.random.default_rng(1), float(jnp.finfo(dtype).eps)
    matrix = rng.uniform(-0.3, 0.3, size=(4, 4)) + np.diag([2.0, -1.5, 1.0, 1.8])
    for size in sizes(dtype)[1:]:  # not among subnormal numbers, whose rounding is absolute
        A = jnp.asarray(size * matrix, dtype)
        b = jnp.asarray(size * rng.uniform(0.5, 1.5, 4), dtype)
        for f in (
            linalg.gaussian_elimination,
            lambda A, b: linalg.forward_substitution(jnp.tril(A), b),
            lambda A, b: linalg.back_substitution(jnp.triu(A), b),
            lambda A, b: linalg.lu_reference(A)[1],
            lambda A, b: linalg.reduced_row_echelon(jnp.column_stack([A, b])).matrix[:, -1],
        ):
            value, exact = f(A, b), f(A.astype(jnp.float64), b.astype(jnp.float64))
            assert value.dtype == dtype
            np.testing.assert_allclose(
                np.asarray(value, np.float64), exact, rtol=0, atol=20 * eps * jnp.abs(exact).max()
            )
    A, b = jnp.asarray(matrix, dtype), jnp.ones(4, dtype)
    slope = jax.grad(lambda b: jnp.sum(linalg.gaussian_elimination(A, b)))(b)
    exact = np.linalg.solve(np.asarray(A, np.float64).T, np.ones(4))
    np.testing.assert_allclose(np.asarray(slope, np.float64), exact, rtol=0, atol=20 * eps)
    assert int(linalg.row_echelon(jnp.asarray(1e-5 * np.ones((3, 2)), dtype)).rank) == 1
    np.testing.assert_allclose(
        float(linalg.cramer(A[:2, :2], b[:2])[0]),
        np.linalg.solve(np.asarray(A[:2, :2], np.float64), np.ones(2))[0],
        rtol=20 * eps,
    )
