"""Building blocks of networks: initializers, activations, losses and the dense layer.

Contractions here keep the backend's default precision, unlike those of ``jaxmath.numerics``.
"""

from jaxmath.nn.activations import (
    elu,
    gelu,
    identity,
    leaky_relu,
    relu,
    sigmoid,
    silu,
    softplus,
    tanh,
)
from jaxmath.nn.initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    normal_init,
    zeros_init,
)
from jaxmath.nn.layers import Dense, dense_apply, dense_init
from jaxmath.nn.losses import sigmoid_binary_cross_entropy, softmax_cross_entropy, squared_error

__all__ = [
    "Dense",
    "dense_apply",
    "dense_init",
    "elu",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "leaky_relu",
    "lecun_normal",
    "lecun_uniform",
    "normal_init",
    "relu",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "softmax_cross_entropy",
    "softplus",
    "squared_error",
    "tanh",
    "zeros_init",
]
