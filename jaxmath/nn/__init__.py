"""Building blocks of networks: initializers, activations, losses and the dense layer.

Contractions here keep the backend's default precision, unlike those of ``jaxmath.numerics``.
"""

from jaxmath.nn.activations import identity, log_softmax, sigmoid, softmax, step, tanh
from jaxmath.nn.batch_normalization import (
    BatchNorm,
    BatchNormState,
    batch_norm_apply,
    batch_norm_init,
    batch_norm_train,
)
from jaxmath.nn.calibration import Reliability, brier_score, expected_calibration_error, reliability
from jaxmath.nn.derivatives import derivative
from jaxmath.nn.dropout import dropout
from jaxmath.nn.embedding import Embedding, embedding_apply, embedding_attend, embedding_init
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
from jaxmath.nn.metrics import ClassScores, accuracy, class_scores, confusion_matrix, top_k_accuracy
from jaxmath.nn.normalization import (
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
    group_norm,
    group_norm_init,
    instance_norm,
    instance_norm_init,
    layer_norm,
    layer_norm_init,
    rms_norm,
    rms_norm_init,
)
from jaxmath.nn.rectifiers import elu, gelu, leaky_relu, prelu, relu, selu, silu, softplus

__all__ = [
    "BatchNorm",
    "BatchNormState",
    "ClassScores",
    "Dense",
    "Embedding",
    "GroupNorm",
    "InstanceNorm",
    "LayerNorm",
    "RMSNorm",
    "Reliability",
    "accuracy",
    "batch_norm_apply",
    "batch_norm_init",
    "batch_norm_train",
    "brier_score",
    "class_scores",
    "confusion_matrix",
    "dense_apply",
    "dense_init",
    "derivative",
    "dropout",
    "elu",
    "embedding_apply",
    "embedding_attend",
    "embedding_init",
    "expected_calibration_error",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "group_norm",
    "group_norm_init",
    "he_normal",
    "he_uniform",
    "identity",
    "instance_norm",
    "instance_norm_init",
    "layer_norm",
    "layer_norm_init",
    "leaky_relu",
    "lecun_normal",
    "lecun_uniform",
    "log_softmax",
    "normal_init",
    "prelu",
    "reliability",
    "relu",
    "rms_norm",
    "rms_norm_init",
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
    "top_k_accuracy",
    "zeros_init",
]
