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
from jaxmath.nn.adversarial import fgsm, pgd
from jaxmath.nn.augmentation import (
    cutout,
    gaussian_noise,
    random_crop,
    random_flip,
    random_rotation,
    random_shift,
)
from jaxmath.nn.batch_normalization import (
    BatchNorm,
    BatchNormState,
    batch_norm_apply,
    batch_norm_init,
    batch_norm_train,
)
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
from jaxmath.nn.max_norm import keep_max_norm, max_norm
from jaxmath.nn.mixup import mixup
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
from jaxmath.nn.regularizers import decay_mask, elastic_net, l1, l2
from jaxmath.nn.weight_sharing import WeightMixture, soft_weight_sharing, tying_penalty

__all__ = [
    "BatchNorm",
    "BatchNormState",
    "Dense",
    "Embedding",
    "GroupNorm",
    "InstanceNorm",
    "LayerNorm",
    "RMSNorm",
    "WeightMixture",
    "batch_norm_apply",
    "batch_norm_init",
    "batch_norm_train",
    "cutout",
    "decay_mask",
    "dense_apply",
    "dense_init",
    "dropout",
    "elastic_net",
    "elu",
    "embedding_apply",
    "embedding_attend",
    "embedding_init",
    "fgsm",
    "gaussian_noise",
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
    "keep_max_norm",
    "l1",
    "l2",
    "layer_norm",
    "layer_norm_init",
    "leaky_relu",
    "lecun_normal",
    "lecun_uniform",
    "max_norm",
    "mixup",
    "normal_init",
    "pgd",
    "random_crop",
    "random_flip",
    "random_rotation",
    "random_shift",
    "relu",
    "rms_norm",
    "rms_norm_init",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "soft_weight_sharing",
    "softmax_cross_entropy",
    "softplus",
    "squared_error",
    "tanh",
    "tying_penalty",
    "zeros_init",
]
