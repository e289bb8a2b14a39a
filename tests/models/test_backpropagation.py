"""Backpropagation by hand against ``jax.grad``; how gradients vanish and explode in theory."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import nn
from jaxmath.models import backpropagation, mlp
from tests.models.test_mlp import make_params

SIZES = (4, 6, 5, 3)
X = jnp.array([0.5, -1.0, 2.0, 0.25])
TARGET = jnp.array([0.2, -0.7, 1.1])


@pytest.mark.sampled(3)
@pytest.mark.parametrize("activation", sorted(mlp._ACTIVATIONS))
def test_equals_jax_grad(activation):
    """All activations, both losses, to 1e-12 of the largest entry; the output bit by bit."""
    config = mlp.Config(SIZES, activation)

    def loss(params, weights):
        z = mlp.apply(params, X, config=config)
        losses = jnp.stack([nn.softmax_cross_entropy(z, 2), nn.squared_error(z, TARGET)])
        return weights @ losses, z

    def by_hand(params, weights):
        cache = backpropagation.forward(params, X, config=config)
        z = cache.pre_activations[-1]
        output_error = weights @ jnp.stack([jax.nn.softmax(z) - jnp.eye(3)[2], z - TARGET])
        return backpropagation.backward(params, cache, output_error, config=config), z

    @jax.jit
    def both(params):
        found = jax.vmap(by_hand, (None, 0))(params, jnp.eye(2))
        return found, jax.vmap(jax.grad(loss, has_aux=True), (None, 0))(params, jnp.eye(2))

    (found, z), (wanted, wanted_z) = both(make_params(SIZES, seed=3))
    np.testing.assert_array_equal(z, wanted_z)
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for got, want in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        for one, other in zip(got, want, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12 * np.abs(other).max())


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu"])
def test_at_a_kink_as_jax_grad(activation):
    """Pre-activations of exactly 0: the derivative is the left one in both."""
    config = mlp.Config(SIZES, activation)

    @jax.jit
    def both(params):
        cache = backpropagation.forward(params, jnp.zeros(4), config=config)
        found = backpropagation.backward(params, cache, TARGET, config=config)
        return found, jax.grad(lambda p: mlp.apply(p, jnp.zeros(4), config=config) @ TARGET)(params)

    found, wanted = both(tuple(p._replace(bias=0 * p.bias) for p in make_params(SIZES)))
    for got, want in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_norms_are_of_the_gradient_with_respect_to_the_activations():
    config, params = mlp.Config(SIZES, "silu"), make_params(SIZES)

    def rest(a, depth):
        return mlp.apply(params[depth:], a, config=mlp.Config(SIZES[depth:], "silu")) @ TARGET

    @jax.jit
    def both(x):
        cache = backpropagation.forward(params, x, config=config)
        found = backpropagation.gradient_norms(params, x, TARGET, config=config)
        return found, [jax.grad(rest)(a, depth) for depth, a in enumerate(cache.inputs)]

    found, gradients = both(X)
    wanted = [np.linalg.norm(gradient) for gradient in (*gradients, TARGET)]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


WIDTHS = (8, 24, 24, 24, 24, 24, 24, 6)


def he_kernels(rng: np.random.Generator, count: int) -> tuple[nn.Dense, ...]:
    """Draws of He's variance 2/fan_in, on a leading axis."""
    shapes = itertools.pairwise(WIDTHS)
    return tuple(
        nn.Dense(rng.standard_normal((count, *s)) * np.sqrt(2 / s[0]), np.zeros((count, s[1])))
        for s in shapes
    )


@functools.cache
def compiled_norms(activation: str):
    """The norms at all depths, for a batch of networks."""
    config, error = mlp.Config(WIDTHS, activation), jnp.zeros(6).at[0].set(1.0)
    norms = lambda p: backpropagation.gradient_norms(p, jnp.ones(8), error, config=config)
    return jax.jit(jax.vmap(norms))


def test_he_keeps_the_gradient():
    """E g_l² = 2 g_L² at every depth, whatever the widths."""
    params = he_kernels(np.random.default_rng(0), 1500)
    squares = np.asarray(compiled_norms("relu")(params)) ** 2
    standard_error = squares.std(axis=0) / np.sqrt(len(squares))
    assert np.all(np.abs(squares.mean(axis=0) - 2.0)[:-1] < 5 * standard_error[:-1])
    assert np.all(squares[:, -1] == 1.0)


def test_another_variance_vanishes_or_explodes():
    """Kernels √v times as large: g_l is v^{(L−l)/2} times as large, for rectifiers exactly."""
    params = he_kernels(np.random.default_rng(1), 1500)
    norms = np.asarray(compiled_norms("relu")(params))
    for v, vanishes in ((0.25, True), (4.0, False)):
        scaled = tuple(p._replace(kernel=np.sqrt(v) * p.kernel) for p in params)
        factors = v ** (np.arange(7, -1, -1) / 2)
        found = np.asarray(compiled_norms("relu")(scaled))
        np.testing.assert_allclose(found, norms * factors, rtol=1e-12)
        median = np.median(found[:, 0])
        assert median < 0.02 if vanishes else median > 100


def test_sigmoid_vanishes():
    """f' ≤ ¼: each layer takes at least its share, which is why rectifiers took over."""
    params = he_kernels(np.random.default_rng(2), 1500)
    norms = np.asarray(compiled_norms("sigmoid")(params))
    for depth, layer in enumerate(params[:-1]):
        share = np.linalg.norm(layer.kernel, 2, axis=(1, 2)) / 4
        assert np.all(norms[:, depth] <= share * norms[:, depth + 1] * (1 + 1e-12))
    assert np.median(norms[:, 0]) < 1e-2


def test_refuses():
    config = mlp.Config(SIZES)
    params = make_params(SIZES)
    cache = backpropagation.forward(params, X, config=config)
    for fn in (backpropagation.layer_errors, backpropagation.gradient_norms):
        second = X if fn is backpropagation.gradient_norms else cache
        with pytest.raises(ValueError, match=rf"{fn.__name__}: argument `output_error` .*\(3,\)"):
            fn(params, second, jnp.zeros(2), config=config)
        with pytest.raises(TypeError, match=f"{fn.__name__}: argument `config`"):
            fn(params, second, TARGET, config=SIZES)
    with pytest.raises(ValueError, match="layer_errors: argument `params` must have 3 layers"):
        backpropagation.layer_errors(params[1:], cache, TARGET, config=config)
    with pytest.raises(ValueError, match=r"forward: argument `x` must have shape \(4,\).*vmap"):
        backpropagation.forward(params, jnp.zeros((2, 4)), config=config)
    with pytest.raises(ValueError, match="forward: argument `params` must have 3 layers"):
        backpropagation.forward(params[1:], X, config=config)
