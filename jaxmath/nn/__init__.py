"""Building blocks of networks: initializers, activations, losses and the dense layer.

Contractions here keep the backend's default precision, unlike those of ``jaxmath.numerics``.
"""

from jaxmath.nn.activations import identity, log_softmax, sigmoid, softmax, step, tanh
from jaxmath.nn.cross_entropy import (
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_soft_labels,
)
from jaxmath.nn.derivatives import derivative
from jaxmath.nn.divergences import js_divergence, kl_divergence
from jaxmath.nn.hinge import hinge_loss, multiclass_hinge_loss
from jaxmath.nn.initializers import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    lecun_uniform,
    normal_init,
    ones_init,
    uniform_init,
    zeros_init,
)
from jaxmath.nn.layers import Dense, dense_apply, dense_init
from jaxmath.nn.losses import (
    absolute_error,
    huber_loss,
    mean_absolute_error,
    mean_squared_error,
    root_mean_squared_error,
    squared_error,
    weighted_mean,
)
from jaxmath.nn.orthogonal import orthogonal_init
from jaxmath.nn.rectifiers import elu, gelu, leaky_relu, prelu, relu, selu, silu, softplus

__all__ = [
    "Dense",
    "absolute_error",
    "dense_apply",
    "dense_init",
    "derivative",
    "elu",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "hinge_loss",
    "huber_loss",
    "identity",
    "js_divergence",
    "kl_divergence",
    "leaky_relu",
    "lecun_normal",
    "lecun_uniform",
    "log_softmax",
    "mean_absolute_error",
    "mean_squared_error",
    "multiclass_hinge_loss",
    "normal_init",
    "ones_init",
    "orthogonal_init",
    "prelu",
    "relu",
    "root_mean_squared_error",
    "selu",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_soft_labels",
    "softplus",
    "squared_error",
    "step",
    "tanh",
    "uniform_init",
    "weighted_mean",
    "zeros_init",
]
