"""Activations against Flax's and losses against optax's: values and gradients, in one program.

The layers are compared in tests/nn.
"""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmath import nn

ACTIVATIONS = ("elu", "gelu", "leaky_relu", "log_softmax", "relu", "selu", "sigmoid", "silu",
               "softmax", "softplus", "tanh")  # fmt: skip
LABEL = 2
soft = lambda z: jax.nn.softmax(z[::-1])
bits = lambda z: (z > 0.5).astype(z.dtype)
LOSSES = {
    "softmax_cross_entropy": (
        lambda z: nn.softmax_cross_entropy(z, LABEL),
        lambda z: optax.softmax_cross_entropy_with_integer_labels(z, LABEL),
    ),
    "smoothed": (
        lambda z: nn.softmax_cross_entropy(z, LABEL, label_smoothing=0.1),
        lambda z: optax.softmax_cross_entropy(
            z, optax.smooth_labels(jax.nn.one_hot(LABEL, z.size, dtype=z.dtype), 0.1)
        ),
    ),
    "soft_labels": (
        lambda z: nn.softmax_cross_entropy_with_soft_labels(z, soft(z)),
        lambda z: optax.softmax_cross_entropy(z, soft(z)),
    ),
    "binary": (
        lambda z: jax.vmap(nn.sigmoid_binary_cross_entropy)(z, bits(z[::-1])),
        lambda z: optax.sigmoid_binary_cross_entropy(z, bits(z[::-1])),
    ),
    "squared": (
        lambda z: nn.squared_error(z, jnp.sin(z)),
        lambda z: jnp.sum(optax.l2_loss(z, jnp.sin(z))),
    ),
    "huber": (
        lambda z: nn.huber_loss(z, jnp.sin(z), delta=0.7),
        lambda z: jnp.sum(optax.huber_loss(z, jnp.sin(z), delta=0.7)),
    ),
    "hinge": (
        lambda z: nn.multiclass_hinge_loss(z, LABEL),
        lambda z: optax.losses.multiclass_hinge_loss(z, LABEL),
    ),
}
PAIRS = {name: (getattr(nn, name), getattr(flax.linen, name)) for name in ACTIVATIONS} | LOSSES


def value_and_gradient(f, z):
    y, pull_back = jax.vjp(f, z)
    weight = jnp.cos(jnp.arange(y.size, dtype=z.dtype)).reshape(y.shape)
    return y, pull_back(weight)[0]


def test_values_and_gradients_agree():
    """Theirs in float64 for both dtypes: a float32 slope of gelu at 4 errs by 8e-7 in either."""
    z = jnp.asarray(np.random.default_rng(0).standard_normal(9) * 3, jnp.float32)
    wide = z.astype(jnp.float64)
    results = jax.jit(
        lambda z, wide: {
            name: [value_and_gradient(*call) for call in ((ours, z), (ours, wide), (theirs, wide))]
            for name, (ours, theirs) in PAIRS.items()
        }
    )(z, wide)
    for name, (low, high, wanted) in results.items():
        for got, dtype, tol in ((low, "float32", 1e-6), (high, "float64", 1e-12)):
            for a, b in zip(got, wanted, strict=True):
                assert a.dtype == dtype
                np.testing.assert_allclose(a, b, rtol=tol, atol=tol, err_msg=name)
