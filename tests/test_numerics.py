"""The safe primitives beyond their rows: range, masks, extreme inputs, low precision."""

from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath import numerics

DTYPES = (jnp.float32, jnp.float64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_norm_over_the_whole_range(dtype):
    """No overflow or underflow on the way; the gradient is the unit vector throughout."""
    info = jnp.finfo(dtype)
    for scale in np.geomspace(float(info.tiny) * 4, float(info.max) / 8, 15):
        x = jnp.asarray(scale, dtype) * jnp.asarray([3.0, 4.0], dtype)
        value, gradient = jax.value_and_grad(numerics.safe_norm)(x)
        assert abs(float(value) / (float(x[0]) / 3 * 5) - 1) <= 8 * float(info.eps)
        np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=8 * float(info.eps))


def test_norm_of_extremes():
    assert numerics.safe_norm(jnp.zeros((0,))) == 0
    assert jnp.isinf(numerics.safe_norm(jnp.array([1.0, -jnp.inf])))
    assert jnp.isnan(numerics.safe_norm(jnp.array([jnp.inf, jnp.nan])))
    for dtype in (jnp.complex64, jnp.complex128):
        for z in (complex(jnp.inf, 0.0), complex(0.0, -jnp.inf), complex(jnp.inf, jnp.inf)):
            assert jnp.isposinf(numerics.safe_norm(jnp.array([1.0 + 1.0j, z], dtype)))
        assert jnp.isnan(numerics.safe_norm(jnp.array([complex(0.0, jnp.nan)], dtype)))
    with jax.numpy_dtype_promotion("strict"):
        z = jnp.array([3.0 + 4.0j], jnp.complex64)
        assert numerics.safe_norm(z) == 5
        np.testing.assert_allclose(jax.grad(numerics.safe_norm)(z), [0.6 - 0.8j], rtol=1e-6)
    hessian = jax.jit(jax.hessian(numerics.safe_norm))
    assert jnp.array_equal(hessian(jnp.zeros(2)), jnp.zeros((2, 2)))
    # d²‖x‖ = (I − x xᵀ/‖x‖²)/‖x‖
    x = jnp.array([1.0, 2.0, 2.0])
    by_hand = (jnp.eye(3) - jnp.outer(x, x) / 9) / 3
    np.testing.assert_allclose(hessian(x), by_hand, atol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
def test_log1mexp_against_fifty_digits(dtype):
    eps = float(jnp.finfo(dtype).eps)
    for x in -np.geomspace(1e-6, 50.0, 60):
        x = float(np.asarray(x, dtype))
        with mpmath.workdps(50):
            exact = float(mpmath.log(1 - mpmath.exp(mpmath.mpf(x))))
        value = float(numerics.log1mexp(jnp.asarray(x, dtype)))
        assert abs(value - exact) <= 6 * eps * abs(exact)


def test_outside_the_domain_is_nan():
    for f in (numerics.safe_sqrt, numerics.safe_log, lambda x: numerics.log1mexp(-x)):
        assert jnp.isnan(f(jnp.array(-1.0)))
        assert jnp.isnan(f(jnp.array(jnp.nan)))
    assert jnp.isnan(numerics.xlogy(jnp.nan, 0.0))
    assert jnp.isnan(numerics.xlogy(0.0, jnp.nan))
    assert jnp.isnan(numerics.xlogy(1.0, -1.0))


def test_masking_the_value_masks_the_gradient():
    """What the functions are for: where(mask, f(x), 0) at a masked singular point."""
    x = jnp.array([0.0, 2.0])
    for f in (numerics.safe_log, numerics.safe_sqrt, lambda v: numerics.safe_divide(1.0, v)):
        gradient = jax.grad(lambda x, f=f: jnp.sum(jnp.where(x > 1, f(x), 0.0)))(x)
        assert jnp.isfinite(gradient).all()
        assert gradient[0] == 0


def test_masked_reductions_ignore_what_is_masked():
    """Whatever stands in a masked entry, value and gradient are those of the kept entries."""
    kept = jnp.array([0.3, -1.0, 2.0])
    where = jnp.array([True, False, True, False, True])
    for junk in (0.0, 1e30, -jnp.inf, jnp.inf, jnp.nan):
        x = jnp.array([0.3, junk, -1.0, junk, 2.0])
        for f in (numerics.logsumexp, numerics.softmax, numerics.log_softmax):
            value = f(x, where=where)
            whole = f(kept)
            np.testing.assert_allclose(value[where] if value.ndim else value, whole, rtol=1e-14)
            pick = jnp.array([1.0, 0.0, -2.0, 0.0, 0.5])

            def scalar(x, f=f, pick=pick):
                out = f(x, where=where)
                return jnp.sum(jnp.where(where, out, 0) * pick) if out.ndim else out

            gradient = jax.grad(scalar)(x)
            assert jnp.isfinite(gradient).all()
            assert jnp.array_equal(gradient[~where], jnp.zeros(2))


def test_fully_masked_row():
    x, nothing = jnp.array([1.0, 2.0]), jnp.zeros(2, bool)
    assert jnp.isneginf(numerics.logsumexp(x, where=nothing))
    assert jnp.array_equal(numerics.softmax(x, where=nothing), jnp.zeros(2))
    assert jnp.isneginf(numerics.log_softmax(x, where=nothing)).all()
    for f in (numerics.logsumexp, numerics.softmax):
        gradient = jax.grad(lambda x, f=f: jnp.sum(f(x, where=nothing)))(x)
        assert jnp.array_equal(gradient, jnp.zeros(2))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, *DTYPES])
def test_shift_invariance_and_low_precision(dtype):
    x = jnp.asarray([0.5, 1.0, -2.0], dtype)
    with jax.numpy_dtype_promotion("strict"):
        assert numerics.softmax(x).dtype == dtype
        assert numerics.logsumexp(x).dtype == dtype
    big = jnp.asarray(float(jnp.finfo(dtype).max) / 4, dtype)
    moved = numerics.softmax(jnp.array([big, big]))
    np.testing.assert_allclose(moved.astype(jnp.float64), [0.5, 0.5])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_large_scalar_divides_an_array(dtype):
    """XLA's CPU multiplies by its reciprocal, which is flushed to 0."""
    large = 2.0 ** (int(jnp.finfo(dtype).maxexp) - 1)
    x, y = jnp.asarray([0.75 * large, -0.5 * large, 1.0], dtype), jnp.asarray(1.5 * large, dtype)
    for f in (numerics.safe_divide, jax.jit(numerics.safe_divide)):
        np.testing.assert_array_equal(f(x, y)[:2], np.asarray([0.5, -1 / 3], dtype))
    by_y = jax.jacfwd(lambda s: numerics.safe_divide(x, s * y)[:2])(jnp.ones((), dtype))
    np.testing.assert_allclose(by_y, [-0.5, 1 / 3], rtol=4 * float(jnp.finfo(dtype).eps))
    assert float(numerics.safe_divide(jnp.ones(2, dtype), jnp.asarray(jnp.inf, dtype))[0]) == 0


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_kept_nan_shows_beside_an_infinite_entry(dtype):
    for entries in ([jnp.nan, jnp.inf], [jnp.inf, jnp.nan, 0.0], [-jnp.inf, jnp.nan]):
        value, gradient = jax.value_and_grad(numerics.logsumexp)(jnp.asarray(entries, dtype))
        assert jnp.isnan(value)
        assert jnp.any(jnp.isnan(gradient))
    masked = jnp.array([True, False])
    assert jnp.isposinf(numerics.logsumexp(jnp.array([jnp.inf, jnp.nan], dtype), where=masked))
    masked = numerics.logsumexp(jnp.array([1.0, jnp.inf]), where=jnp.array([True, False]))
    assert masked == pytest.approx(1.0)


def test_softmax_identities():
    x = jnp.array([0.2, -3.0, 1.7, 40.0])
    np.testing.assert_allclose(jax.grad(numerics.logsumexp)(x), numerics.softmax(x), rtol=1e-12)
    np.testing.assert_allclose(
        jnp.exp(numerics.log_softmax(x)), numerics.softmax(x), rtol=1e-12, atol=1e-30
    )
    p = numerics.softmax(x)
    jacobian = jax.jacobian(numerics.softmax)(x)
    np.testing.assert_allclose(jacobian, jnp.diag(p) - jnp.outer(p, p), atol=1e-14)


def test_contractions_ask_for_full_precision():
    """Every product carries Precision.HIGHEST, in the derivatives too."""
    A, x = jnp.ones((3, 3), jnp.float32), jnp.ones(3, jnp.float32)
    for f in (
        lambda x: numerics.dot(x, x),
        lambda x: jnp.sum(numerics.matmul(A, x)),
        lambda x: numerics.einsum("i,ij,j->", x, A, x),
    ):
        text = str(jax.make_jaxpr(jax.grad(f))(x))
        assert "dot_general" in text
        assert "HIGHEST" in text
        assert "precision=None" not in text


def test_empty_contractions():
    assert numerics.dot(jnp.zeros(0), jnp.zeros(0)) == 0
    assert numerics.matmul(jnp.zeros((2, 0)), jnp.zeros((0, 3))).shape == (2, 3)


@pytest.mark.parametrize("dtype", DTYPES)
def test_norm_of_a_constant_of_the_program(dtype):
    """XLA would take the scale out of the squares: 0, or 0·∞."""
    info = jnp.finfo(dtype)
    for value in (0.0, float(info.tiny) * 2, 1.0, float(info.max) / 4, float("inf")):
        norm = jax.jit(lambda v=value: numerics.safe_norm(jnp.full(3, v, dtype)))()
        np.testing.assert_allclose(norm, value * 3**0.5, rtol=4 * float(info.eps))


@pytest.mark.parametrize("masked", [False, True])
def test_more_terms_than_float16_counts(masked):
    """A sum of 70 000 ones is beyond float16; in value and derivatives, masked or not."""
    n = 70_000
    x, where = jnp.zeros(2 * n if masked else n, jnp.float16), None
    if masked:
        where = jnp.arange(2 * n) < n
    share, log = np.float16(1 / n), np.float16(np.log(n))
    value, gradient = jax.value_and_grad(numerics.logsumexp)(x, where=where)
    assert value == log
    np.testing.assert_array_equal(gradient[:n], share)
    np.testing.assert_array_equal(numerics.softmax(x, where=where)[:n], share)
    np.testing.assert_array_equal(numerics.log_softmax(x, where=where)[:n], -log)
    for f, own, other in ((numerics.softmax, 1 / n, 0.0), (numerics.log_softmax, 1.0, -1 / n)):
        f = partial(f, where=where)
        _, tangent = jax.jvp(f, (x,), (jnp.zeros_like(x).at[0].set(1.0),))
        (back,) = jax.vjp(lambda x, f=f: f(x)[0], x)[1](jnp.float16(1.0))
        for change in (tangent, back):
            assert change.dtype == jnp.float16
            np.testing.assert_array_equal(change[:2], np.float16([own, other]))


@pytest.mark.parametrize(("size", "value"), [(64, 32.0), (1000, 0.01), (70_000, 1.0)])
def test_norm_of_many_halves(size, value):
    x = jnp.full(size, value, jnp.float16)
    norm, gradient = jax.value_and_grad(numerics.safe_norm)(x)
    assert norm.dtype == jnp.float16
    np.testing.assert_allclose(float(norm), float(x[0]) * size**0.5, 1e-3)
    np.testing.assert_allclose(gradient[0], size**-0.5, 2e-3)


@pytest.mark.parametrize(
    ("dtype", "y"), [("float16", 1e-4), ("float32", 1e-25), ("float64", 1e-200)]
)
def test_derivative_of_a_quotient_where_the_square_is_beyond_the_range(dtype, y):
    x, y = jnp.zeros((), dtype), jnp.asarray(y, dtype)
    assert jax.jit(jax.grad(numerics.safe_divide, 1))(x, y) == 0.0
    q, slope = jax.jvp(numerics.safe_divide, (y, y), (jnp.zeros_like(y), y))
    np.testing.assert_allclose([float(q), float(slope)], [1.0, -1.0], 1e-3)


@pytest.mark.parametrize("y", [1e-40, 1e-45])
def test_nothing_times_the_logarithm_of_a_subnormal_number(y):
    """Compiled as users do: what is compiled quickly takes this logarithm right."""
    optimized = {"xla_backend_optimization_level": 3}
    with jax.enable_x64(False):
        for fn in (numerics.xlogy, jax.grad(numerics.xlogy, (0, 1))):
            for run in (fn, jax.jit(fn, compiler_options=optimized)):
                assert np.all(np.asarray(run(jnp.zeros(()), jnp.float32(y))) == 0.0)
