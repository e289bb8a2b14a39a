"""Ends of the range, tails, kinks, limiting identities, and second derivatives."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import special

from jaxmath import nn, numerics

ALL = {
    "elu": nn.elu,
    "gelu": nn.gelu,
    "gelu_erf": lambda x: nn.gelu(x, approximate=False),
    "identity": nn.identity,
    "leaky_relu": nn.leaky_relu,
    "prelu": lambda x: nn.prelu(x, 0.25),
    "relu": nn.relu,
    "selu": nn.selu,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "softplus": nn.softplus,
    "step": nn.step,
    "tanh": nn.tanh,
}
LAMBDA, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
# f and f' at −M and M, for M far beyond where f is its asymptote.
ENDS = {
    "elu": lambda M: ((-1.0, 0.0), (M, 1.0)),
    "gelu": lambda M: ((0.0, 0.0), (M, 1.0)),
    "gelu_erf": lambda M: ((0.0, 0.0), (M, 1.0)),
    "identity": lambda M: ((-M, 1.0), (M, 1.0)),
    "leaky_relu": lambda M: ((-0.01 * M, 0.01), (M, 1.0)),
    "prelu": lambda M: ((-0.25 * M, 0.25), (M, 1.0)),
    "relu": lambda M: ((0.0, 0.0), (M, 1.0)),
    "selu": lambda M: ((-LAMBDA * ALPHA, 0.0), (LAMBDA * M, LAMBDA)),
    "sigmoid": lambda M: ((0.0, 0.0), (1.0, 0.0)),
    "silu": lambda M: ((0.0, 0.0), (M, 1.0)),
    "softplus": lambda M: ((0.0, 0.0), (M, 1.0)),
    "step": lambda M: ((0.0, 0.0), (1.0, 0.0)),
    "tanh": lambda M: ((-1.0, 0.0), (1.0, 0.0)),
}
MP = {
    "elu": lambda x: mpmath.expm1(x) if x <= 0 else x,
    "gelu": lambda x: (
        x / (1 + mpmath.exp(-mpmath.sqrt(8 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3)))
    ),
    "gelu_erf": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "tanh": mpmath.tanh,
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("name", ALL)
def test_value_and_gradient_at_the_ends(name, dtype):
    dtype = jnp.dtype(dtype)
    for M in (1e4, 1e30, float(jnp.finfo(dtype).max)):
        x = jnp.array([-M, M], dtype)
        value, gradient = jax.jit(jax.vmap(jax.value_and_grad(ALL[name])))(x)
        want = jnp.asarray(ENDS[name](float(x[1])), dtype).astype(jnp.float64)  # selu may overflow
        rtol = 4 * float(jnp.finfo(dtype).eps)
        for got, column in ((value, 0), (gradient, 1)):
            assert got.dtype == dtype
            got = np.asarray(got.astype(jnp.float64))
            np.testing.assert_allclose(got, want[:, column], rtol=rtol, atol=1e-300)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MP)
def test_relative_accuracy(name, dtype):
    """In the tails and near 0, where a difference of near numbers would lose the digits."""
    x = jnp.array([-70.0, -30.0, -9.5, -5.0, -1.0, -1e-6, 1e-6, 0.5, 3.0, 20.0], dtype)
    # The gate of gelu underflows early, and its erfc is a rational approximation of the backend.
    x = x[2:] if name.startswith("gelu") else x
    value = jax.jit(ALL[name])(x)
    eps = float(jnp.finfo(dtype).eps)
    with mpmath.workdps(40):
        for xi, got in zip(np.asarray(x), np.asarray(value), strict=True):
            want = MP[name](mpmath.mpf(float(xi)))
            # e^u has the relative error |u| eps for an argument u that is itself rounded.
            bound = (8 + (3 * xi**2 if name.startswith("gelu") else abs(xi))) * eps
            assert abs(mpmath.mpf(float(got)) - want) <= bound * abs(want), (xi, got, want)


@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "relu"])
def test_jump_of_the_derivative_is_taken_from_the_left(name):
    left, at, right = jax.vmap(jax.grad(ALL[name]))(jnp.array([-1e-3, 0.0, 1e-3]))
    assert at == left
    assert right == 1.0


@pytest.mark.parametrize("name", [n for n in ALL if n != "identity"])
def test_nan_is_not_hidden(name):
    assert np.isnan(ALL[name](jnp.nan))


def test_limits():
    x = jnp.linspace(-3.0, 3.0, 25).reshape(5, 5)
    np.testing.assert_array_equal(nn.leaky_relu(x, negative_slope=0.0), nn.relu(x))
    np.testing.assert_array_equal(nn.leaky_relu(x, negative_slope=1.0), x)
    np.testing.assert_array_equal(nn.elu(x, alpha=0.0), nn.relu(x))
    np.testing.assert_array_equal(nn.prelu(x, 0.01), nn.leaky_relu(x))
    np.testing.assert_array_equal(nn.prelu(x, 0.25 * jnp.ones(5)), nn.prelu(x, 0.25))
    np.testing.assert_array_equal(nn.step(x), (1 + jnp.where(x < 0, -1, 1)) / 2)
    np.testing.assert_allclose(nn.sigmoid(1e4 * x)[x != 0], nn.step(x)[x != 0], atol=1e-15)
    np.testing.assert_allclose(nn.softplus(100 * x) / 100, nn.relu(x), atol=np.log(2) / 100)
    np.testing.assert_allclose(nn.silu(100 * x) / 100, nn.relu(x), atol=0.28 / 100)
    np.testing.assert_allclose(nn.tanh(x), 2 * nn.sigmoid(2 * x) - 1, atol=1e-15)
    np.testing.assert_allclose(nn.gelu(x), nn.gelu(x, approximate=False), atol=5e-4)
    np.testing.assert_allclose(nn.gelu(x), jax.nn.gelu(x), rtol=1e-13, atol=1e-15)


def test_hand_derived_gradients():
    x = jnp.linspace(-4.0, 4.0, 17)  # 0 among them
    s = nn.sigmoid(x)

    def slope(f):
        return jax.jit(jax.vmap(jax.grad(f)))(x)

    np.testing.assert_allclose(slope(nn.sigmoid), s * (1 - s), rtol=1e-13)
    np.testing.assert_allclose(slope(nn.softplus), s, rtol=1e-13)
    np.testing.assert_allclose(slope(nn.silu), s + x * s * (1 - s), rtol=1e-13)
    np.testing.assert_allclose(slope(nn.tanh), 1 - jnp.tanh(x) ** 2, rtol=1e-13)
    np.testing.assert_allclose(slope(nn.elu), jnp.where(x > 0, 1.0, jnp.exp(x)), rtol=1e-13)
    np.testing.assert_allclose(slope(jax.grad(nn.softplus)), s * (1 - s), rtol=1e-12)


def test_hyper_parameters_keep_the_dtype():
    x = jnp.array([-1.0, 1.0], jnp.float32)
    for a in (0.5, np.float64(0.5), jnp.float64(0.5)):
        for value in (nn.elu(x, alpha=a), nn.leaky_relu(x, negative_slope=a)):
            assert value.dtype == jnp.float32
    gradient = jax.grad(lambda a: nn.elu(-1.0, alpha=a))(2.0)
    np.testing.assert_allclose(gradient, np.expm1(-1), rtol=1e-14)
    with pytest.raises(TypeError, match="argument `alpha` must be a number"):
        nn.elu(x, alpha="1")
    with pytest.raises(TypeError, match="argument `negative_slope` must be a number"):
        nn.leaky_relu(x, negative_slope=None)


def test_prelu_learns_its_slopes():
    """∂f/∂aᵢ = min(xᵢ, 0), at an infinite x in the branch not taken too."""
    x, a = jnp.array([-2.0, 0.0, 3.0, jnp.inf]), jnp.array([0.25, 0.5, 0.5, 0.25])
    gradient = jax.jit(jax.grad(lambda a: jnp.sum(nn.prelu(x, a)[:3])))(a)
    np.testing.assert_array_equal(gradient, [-2.0, 0.0, 0.0, 0.0])
    assert jax.grad(nn.prelu, argnums=1)(jnp.inf, 0.25) == 0.0
    channels = nn.prelu(-jnp.ones((2, 3, 4)), a)
    np.testing.assert_array_equal(channels, np.broadcast_to(-a, (2, 3, 4)))


def test_selu_keeps_mean_and_variance():
    """λ and α are the fixed point: E f(z) = 0 and E f(z)² = 1 for z ~ N(0, 1), by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    below, above = 7.5 * (nodes - 1), 7.5 * (nodes + 1)  # the kink at 0 is an end of both
    moments = []
    for power in (1, 2):
        halves = [nn.selu(z) ** power * np.exp(-z * z / 2) for z in (below, above)]
        moments.append(7.5 * np.sum(weights * (halves[0] + halves[1])) / np.sqrt(2 * np.pi))
    np.testing.assert_allclose(moments, [0.0, 1.0], atol=1e-13)


def test_softmax_is_that_of_numerics():
    assert nn.softmax is numerics.softmax
    assert nn.log_softmax is numerics.log_softmax
    x = jnp.array([1.0, 2.0, -jnp.inf], jnp.bfloat16)
    for fn, oracle in ((nn.softmax, special.softmax), (nn.log_softmax, special.log_softmax)):
        value = fn(x)
        assert value.dtype == x.dtype
        np.testing.assert_allclose(value.astype(float), oracle([1.0, 2.0, -np.inf]), rtol=0.02)
