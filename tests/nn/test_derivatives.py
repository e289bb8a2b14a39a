"""The formulas against jax.grad, in the tails against mpmath, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath import nn
from jaxmath.models import mlp
from jaxmath.nn import derivatives

ELEMENTWISE = {
    "elu": nn.elu,
    "elu_2": functools.partial(nn.elu, alpha=2.0),
    "gelu": nn.gelu,
    "gelu_erf": functools.partial(nn.gelu, approximate=False),
    "identity": nn.identity,
    "leaky_relu": nn.leaky_relu,
    "leaky_relu_2": functools.partial(nn.leaky_relu, negative_slope=0.2),
    "prelu": functools.partial(nn.prelu, negative_slope=0.25),
    "relu": nn.relu,
    "selu": nn.selu,
    "sigmoid": nn.sigmoid,
    "silu": nn.silu,
    "softplus": nn.softplus,
    "step": nn.step,
    "tanh": nn.tanh,
}
POINTS = (-1e30, -800.0, -40.0, -3.0, -1e-3, 0.0, 1e-3, 0.7, 3.0, 40.0, 800.0, 1e30)


def test_every_activation_has_a_derivative():
    covered = {getattr(fn, "func", fn) for fn in ELEMENTWISE.values()}
    assert covered == set(derivatives._DERIVATIVES)
    public = {*derivatives.activations.__all__, *derivatives.rectifiers.__all__}
    assert {fn.__name__ for fn in covered} == public - {"softmax", "log_softmax"}
    assert set(mlp._ACTIVATIONS.values()) <= covered


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_equals_grad(dtype):
    x = jnp.array(POINTS, dtype)

    @jax.jit
    def both(x):
        formulas = {name: nn.derivative(fn)(x) for name, fn in ELEMENTWISE.items()}
        grads = {name: jax.vmap(jax.grad(fn))(x) for name, fn in ELEMENTWISE.items()}
        return formulas, grads

    with jax.numpy_dtype_promotion("strict"):
        formulas, grads = both(x)
    # bfloat16 rounds at every operation in one and keeps float32 in the other.
    atol = {"float32": 1e-6, "float64": 1e-14, "bfloat16": 0.03}[dtype]
    for name, got in formulas.items():
        assert got.dtype == x.dtype
        want = np.asarray(grads[name].astype(jnp.float64))
        np.testing.assert_allclose(got.astype(jnp.float64), want, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_saturated_units_keep_their_digits(dtype):
    """1 − σ(x) would have lost them all at x = 17 in float32."""
    x = jnp.array([-30.0, -9.0, 5.0, 17.0, 40.0], dtype)
    sigmoid, tanh = (np.asarray(nn.derivative(fn)(x)) for fn in (nn.sigmoid, nn.tanh))
    rtol = 128 * float(jnp.finfo(dtype).eps)
    with mpmath.workdps(60):
        points = [mpmath.mpf(float(v)) for v in x]
        want = [float(1 / (2 + mpmath.exp(v) + mpmath.exp(-v))) for v in points]
        np.testing.assert_allclose(sigmoid, want, rtol=rtol)
        np.testing.assert_allclose(tanh, [float(mpmath.sech(v) ** 2) for v in points], rtol=rtol)


def test_prelu_takes_one_slope_a_channel():
    a = jnp.array([0.1, 0.2, 0.3])
    found = nn.derivative(nn.prelu)(jnp.array([[-1.0, 0.0, 2.0]]), a)
    np.testing.assert_array_equal(found, [[0.1, 0.2, 1.0]])


def test_is_the_same_function_each_time():
    assert nn.derivative(nn.tanh) is nn.derivative(nn.tanh)


@pytest.mark.parametrize(
    "activation",
    [nn.softmax, jnp.tanh, "tanh", [nn.tanh], functools.partial(nn.prelu, 1.0)],
    ids=["softmax", "jnp", "name", "list", "bound"],
)
def test_refuses(activation):
    with pytest.raises(
        ValueError, match=r"derivative: argument `activation` must be .*\(elu, gelu"
    ):
        nn.derivative(activation)
