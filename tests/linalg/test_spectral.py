"""Functions of the spectrum: values, derivatives at repeated values, divided differences."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.linalg as sl

from jaxmath.linalg import spectral
from jaxmath.linalg.spectral import spectral_fn, spectral_sum
from tests.linalg.svd_family import EPS, assert_derivatives, stacked

RNG = np.random.default_rng(0)
G = RNG.normal(size=(3, 3))
POINTS = {
    "2I": 2.0 * np.eye(3),
    "diag(4,1,1)": np.diag([4.0, 1.0, 1.0]),
    "nearly": np.diag([4.0, 1.0, 1.0 + 1e-9]) + 1e-10 * (G + G.T),
    "random": G + G.T + 8 * np.eye(3),
}


@functools.cache
def of_matrix(f):
    return lambda A: spectral_fn(f, A)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("f", [jnp.exp, jnp.sqrt, lambda x: jnp.where(x > 3, x**2, 0.0)],
                         ids=["exp", "sqrt", "kinked"])  # fmt: skip
@pytest.mark.parametrize("point", POINTS)
def test_derivatives(f, point):
    assert_derivatives(of_matrix(f), POINTS[point])


def test_the_derivative_that_a_masked_gap_gets_wrong():
    """V exp(w) Vᵀ at 2I in the direction [[0, 1], [1, 0]]: e², not 0."""
    E = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    tangent = jax.jvp(lambda A: spectral_fn(jnp.exp, A), (2 * jnp.eye(2),), (E,))[1]
    np.testing.assert_allclose(tangent, np.exp(2.0) * E, rtol=1e-15)


def test_against_the_matrix_exponential_of_scipy():
    """Value and Fréchet derivative, distinct, repeated and clustered eigenvalues."""
    E = G @ G.T
    call = jax.jit(lambda A: jax.jvp(lambda A: spectral_fn(jnp.exp, A), (A,), (jnp.asarray(E),)))
    for A in POINTS.values():
        value, tangent = call(jnp.asarray(A))
        want, want_tangent = sl.expm_frechet(A, E)
        np.testing.assert_allclose(value, want, atol=1e-13 * np.abs(want).max())
        np.testing.assert_allclose(tangent, want_tangent, atol=1e-13 * np.abs(want_tangent).max())


@pytest.mark.full
def test_third_derivatives_and_data_of_f():
    """Order 3 in both modes; what f closes over is differentiated, also together with A."""
    E, H, Y = (jnp.asarray(RNG.normal(size=(2, 2))) for _ in range(3))
    A = 2.0 * jnp.eye(2)
    cube = lambda A: spectral_fn(lambda x: x**3, A)
    power = lambda A: A @ A @ A
    symmetric = lambda M: (M + M.T) / 2

    def third(f):
        first = lambda A: jax.jvp(f, (A,), (symmetric(E),))[1]
        second = lambda A: jax.jvp(first, (A,), (symmetric(H),))[1]
        return jax.grad(lambda A: jnp.sum(symmetric(Y) * second(A)))

    np.testing.assert_allclose(jax.jit(third(cube))(A), symmetric(jax.jit(third(power))(A)),
                               atol=1e-12)  # fmt: skip

    def loss(t, A):
        return jnp.sum(Y * spectral_fn(lambda x: jnp.exp(t[0] * x) + t[1], A))

    t = jnp.array([0.7, 0.1])
    mixed = jax.jit(jax.jacobian(jax.grad(loss, 1)))(t, A)  # reverse over reverse
    slopes = lambda A: jax.jvp(lambda A: jax.grad(loss)(t, A), (A,), (E,))
    gradient, along = jax.jit(slopes)(A)
    np.testing.assert_allclose(jnp.einsum("ijk,ij->k", mixed, E), along, atol=1e-12)
    # ∂/∂t of e^{2t} Y:I-like terms by hand: f(2I) = (e^{2t₀} + t₁) I.
    by_hand = np.trace(Y) * np.array([2 * np.exp(1.4), 1.0])
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-12)


@pytest.mark.parametrize("A", [np.eye(3), np.zeros((3, 2)), np.ones((2, 3)), np.diag([2.0, 2, 1])],
                         ids=["I", "zero", "rank one", "repeated"])  # fmt: skip
def test_hessian_of_the_sum_of_squares_is_two(A):
    hessian = jax.jit(jax.hessian(lambda A: spectral_sum(jnp.square, A, of="singular_values")))
    n = A.size
    np.testing.assert_allclose(hessian(jnp.asarray(A)).reshape(n, n), 2 * np.eye(n), atol=1e-13)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("of", ["eigenvalues", "singular_values"])
def test_derivatives_of_sums(of):
    total = lambda A: spectral_sum(jnp.exp, A, of=of)[None]
    for A in (2.0 * np.eye(3), np.diag([3.0, 1.0, 1.0])):
        assert_derivatives(total, A)
    t = jnp.array([0.3, -0.2])
    value = lambda t: spectral_sum(lambda x: jnp.exp(t[0] * x) * t[1], 2 * jnp.eye(3), of=of)
    e = np.exp(0.6)
    hessian = [[3 * 4 * e * -0.2, 3 * 2 * e], [3 * 2 * e, 0.0]]
    np.testing.assert_allclose(jax.jit(jax.hessian(value))(t), hessian, rtol=1e-12, atol=1e-12)


@pytest.mark.full
def test_derivatives_on_singular_values():
    for A in (np.eye(2), np.eye(3)[:, :2], RNG.normal(size=(2, 3))):
        assert_derivatives(lambda A: spectral_fn(jnp.sinh, A, of="singular_values"), A)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divided_differences_against_fifty_digits(dtype):
    """Of every gap, from coincidence to far apart, orders 1 and 2; at kinks, and at 0."""
    eps = EPS[dtype]
    x = np.asarray(1.25, dtype)
    gaps = np.asarray(np.concatenate([[0.0], np.logspace(-9, 0.5, 20)]), dtype)
    y = (x + gaps).astype(dtype)
    z = (y + gaps * np.asarray(0.5, dtype)).astype(dtype)
    nodes = [jnp.asarray(v) for v in (np.full_like(y, x), y, z)]
    for order in (1, 2):
        found = np.asarray(spectral._divided(jnp.exp, nodes[: order + 1])[0], np.float64)
        for i in range(len(gaps)):
            with mpmath.workdps(50):
                points = [mpmath.mpf(float(v[i])) for v in nodes[: order + 1]]
                rule = mpmath.exp(points[0]) * mpmath.mpf(_simplex_exp(points))
            # The error at the change from integral to quotient, gap ~ 1, is the largest.
            assert abs(found[i] / float(rule) - 1) <= 64 * eps, (order, gaps[i])
    relu = lambda v: jnp.maximum(v, 0.0)
    pairs = [jnp.asarray([-1e-20, -1.0, -1e-9], dtype), jnp.asarray([1e-20, 1.0, 1e-3], dtype)]
    want = np.asarray(pairs[1], np.float64) / (np.asarray(pairs[1], np.float64) - pairs[0])
    np.testing.assert_allclose(spectral._divided(relu, pairs)[0], want, rtol=9 * 2 * eps)
    np.testing.assert_allclose(spectral._divided(jnp.exp, pairs)[0][0], 1.0, rtol=8 * eps)
    sign = spectral._divided(jnp.sign, pairs)[0]
    np.testing.assert_allclose(
        sign, 2 / (np.asarray(pairs[1], np.float64) - pairs[0]), rtol=8 * eps
    )


def _simplex_exp(points):
    """exp[x₀, …, xₖ]/exp(x₀) by the series Σ hₘ(x − x₀)/(m + k)!, hₘ complete symmetric."""
    k, moved = len(points) - 1, [p - points[0] for p in points[1:]]
    complete = [mpmath.mpf(1)] + [mpmath.mpf(0)] * 60
    for d in moved:
        for m in range(1, 61):
            complete[m] += d * complete[m - 1]
    return mpmath.fsum(complete[m] / mpmath.factorial(m + k) for m in range(61))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_accuracy_list(dtype):
    """f = identity gives A back; on singular values too."""
    names, batch, exact = stacked(dtype)
    symmetric = (batch + jnp.swapaxes(batch, 1, 2)) / 2
    identity = lambda x: x
    on_eigen = jax.jit(jax.vmap(lambda A: spectral_fn(identity, A)))(symmetric)
    on_singular = jax.jit(jax.vmap(lambda A: spectral_fn(identity, A, of="singular_values")))(batch)
    for i, name in enumerate(names):
        for got, want in ((on_eigen[i], symmetric[i]), (on_singular[i], exact[i])):
            error = np.linalg.norm(np.asarray(got, float) - np.asarray(want, float), 2)
            assert error <= 20 * 8 * EPS[dtype] * np.linalg.norm(np.asarray(want, float), 2), name
    total = jax.jit(jax.vmap(lambda A: spectral_sum(identity, A)))(symmetric)
    trace = np.trace(np.asarray(symmetric, float), axis1=1, axis2=2)
    scale = np.linalg.norm(np.asarray(symmetric, float), 2, axis=(1, 2))
    assert (np.abs(total - trace) <= 20 * 8 * EPS[dtype] * scale).all()


@pytest.mark.parametrize("of", ["eigenvalues", "singular_values"])
def test_a_constant_function_has_the_dtype_of_the_matrix(of):
    A = jnp.diag(jnp.asarray([2.0, 1.0], jnp.float32))
    for f in (lambda x: 1.0, lambda x: 1, lambda x: jnp.asarray(1.0)):
        found, gradient = jax.value_and_grad(lambda A, f=f: spectral_sum(f, A, of=of))(A)
        assert found.dtype == gradient.dtype == jnp.float32
        assert found == 2
        assert not gradient.any()
        np.testing.assert_allclose(spectral_fn(f, A, of=of), np.eye(2), atol=1e-6)
    with pytest.raises(ValueError, match="`f` must map a scalar to a scalar of float32"):
        spectral_fn(lambda x: jnp.float64(1.0), A, of=of)
    with pytest.raises(ValueError, match="`f` must map a scalar to a scalar of float32"):
        spectral_fn(lambda x: 1j, A, of=of)


def test_batches_and_refusals():
    """Gradients under vmap, vmap under gradients; NaN stays in its lane; bad arguments."""
    batch = jnp.stack([2 * jnp.eye(2), jnp.ones((2, 2)), jnp.full((2, 2), jnp.nan)])
    total = lambda A: jnp.sum(spectral_fn(jnp.exp, A) ** 2)
    inside = jax.jit(jax.vmap(jax.grad(total)))(batch)
    outside = jax.jit(jax.grad(lambda batch: jnp.sum(jax.vmap(total)(batch)[:2])))(batch)
    np.testing.assert_allclose(inside[:2], outside[:2], rtol=1e-13)
    np.testing.assert_allclose(inside[0], 2 * np.exp(4) * np.eye(2), rtol=1e-13)
    assert jnp.isnan(inside[2]).all()
    with pytest.raises(TypeError, match="`f` must be callable"):
        spectral_fn(3.0, jnp.eye(2))
    with pytest.raises(ValueError, match="`of` must be"):
        spectral_sum(jnp.exp, jnp.eye(2), of="values")
    with pytest.raises(ValueError, match="`f` must map a scalar to a scalar"):
        spectral_fn(lambda x: jnp.stack([x, x]), jnp.eye(2))
    with pytest.raises(TypeError, match="`A` must have a real floating dtype"):
        spectral_fn(jnp.exp, 1j * jnp.eye(2))
