"""Building blocks of networks: initializers, activations, losses and the dense layer.

Contractions here keep the backend's default precision, unlike those of ``jaxmath.numerics``.
"""

from jaxmath.nn.activations import identity, log_softmax, sigmoid, softmax, step, tanh
from jaxmath.nn.derivatives import derivative
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
from jaxmath.nn.rectifiers import elu, gelu, leaky_relu, prelu, relu, selu, silu, softplus

__all__ = [
    "Dense",
    "dense_apply",
    "dense_init",
    "derivative",
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
    "log_softmax",
    "normal_init",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "squared_error",
    "step",
    "tanh",
    "zeros_init",
]
