"""Building blocks of networks: initializers, activations, layers, losses, regularizers and more.

Contractions here keep the backend's default precision, unlike those of ``jaxmath.numerics``.
"""

from jaxmath.nn.activations import identity, log_softmax, sigmoid, softmax, step, tanh
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
from jaxmath.nn.calibration import Reliability, brier_score, expected_calibration_error, reliability
from jaxmath.nn.clockwork import Clockwork, clockwork_cell, clockwork_init
from jaxmath.nn.convolution import Conv, conv_apply, conv_init, convolve
from jaxmath.nn.convolution_arithmetic import ReceptiveField, output_size, receptive_field
from jaxmath.nn.convolution_reference import (
    average_pool_backward,
    convolution_backward,
    convolution_matrix,
    max_pool_backward,
)
from jaxmath.nn.cross_entropy import (
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    softmax_cross_entropy_with_soft_labels,
)
from jaxmath.nn.derivatives import derivative
from jaxmath.nn.divergences import js_divergence, kl_divergence
from jaxmath.nn.dropout import dropout
from jaxmath.nn.elman import Elman, Jordan, elman_cell, elman_init, jordan_cell, jordan_init
from jaxmath.nn.embedding import Embedding, embedding_apply, embedding_attend, embedding_init
from jaxmath.nn.frechet import frechet_distance
from jaxmath.nn.gan_losses import (
    GAN_LOSSES,
    GANLoss,
    hinge_discriminator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    minimax_discriminator_loss,
    minimax_generator_loss,
    non_saturating_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
)
from jaxmath.nn.gan_optima import (
    hinge_optimal_discriminator,
    least_squares_optimal_discriminator,
    minimax_optimal_discriminator,
)
from jaxmath.nn.gradient_penalty import gradient_penalty, zero_centered_penalty
from jaxmath.nn.gru import GRU, MGU, gru_cell, gru_init, mgu_cell, mgu_init
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
from jaxmath.nn.kernel_distance import KernelDistance, kernel_distance
from jaxmath.nn.layers import Dense, dense_apply, dense_init
from jaxmath.nn.linear_recurrence import (
    linear_recurrence,
    linear_recurrence_associative,
    linear_recurrence_sequential,
)
from jaxmath.nn.local_response import local_response_norm
from jaxmath.nn.losses import (
    absolute_error,
    huber_loss,
    mean_absolute_error,
    mean_squared_error,
    root_mean_squared_error,
    squared_error,
    weighted_mean,
)
from jaxmath.nn.lstm import (
    LSTM,
    PeepholeLSTM,
    lstm_cell,
    lstm_init,
    peephole_lstm_cell,
    peephole_lstm_init,
)
from jaxmath.nn.max_norm import keep_max_norm, max_norm
from jaxmath.nn.metrics import ClassScores, accuracy, class_scores, confusion_matrix, top_k_accuracy
from jaxmath.nn.minibatch_statistics import minibatch_stddev
from jaxmath.nn.mixup import mixup
from jaxmath.nn.mode_coverage import ClassBalance, ModeCoverage, class_balance, mode_coverage
from jaxmath.nn.nearest_neighbours import (
    ManifoldScores,
    NearestNeighbours,
    manifold_precision_recall,
    memorization_ratio,
    nearest_neighbours,
)
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
from jaxmath.nn.orthogonal import orthogonal_init
from jaxmath.nn.pooling import average_pool, global_average_pool, global_max_pool, max_pool
from jaxmath.nn.rectifiers import elu, gelu, leaky_relu, prelu, relu, selu, silu, softplus
from jaxmath.nn.recurrence import (
    Bidirectional,
    initial_carry,
    run_bidirectional,
    run_cell,
    stacked_cell,
)
from jaxmath.nn.regularizers import decay_mask, elastic_net, l1, l2
from jaxmath.nn.sample_measures import SampleMeasures, sample_measures
from jaxmath.nn.separable_convolution import (
    depthwise_separable_convolve,
    spatially_separable_convolve,
)
from jaxmath.nn.spectral_normalization import (
    SpectralNormState,
    spectral_norm_apply,
    spectral_norm_init,
    spectral_norm_train,
)
from jaxmath.nn.transposed_convolution import (
    transposed_conv_apply,
    transposed_conv_init,
    transposed_convolve,
)
from jaxmath.nn.variational import (
    ELBOTerms,
    bernoulli_log_likelihood,
    elbo,
    elbo_terms,
    gaussian_log_likelihood,
    importance_log_weights,
    iwae_bound,
    reparameterize,
    standard_gaussian_kl,
)
from jaxmath.nn.weight_clipping import clip_weights, keep_weights_clipped
from jaxmath.nn.weight_sharing import WeightMixture, soft_weight_sharing, tying_penalty

__all__ = [
    "GAN_LOSSES",
    "GRU",
    "LSTM",
    "MGU",
    "BatchNorm",
    "BatchNormState",
    "Bidirectional",
    "ClassBalance",
    "ClassScores",
    "Clockwork",
    "Conv",
    "Dense",
    "ELBOTerms",
    "Elman",
    "Embedding",
    "GANLoss",
    "GroupNorm",
    "InstanceNorm",
    "Jordan",
    "KernelDistance",
    "LayerNorm",
    "ManifoldScores",
    "ModeCoverage",
    "NearestNeighbours",
    "PeepholeLSTM",
    "RMSNorm",
    "ReceptiveField",
    "Reliability",
    "SampleMeasures",
    "SpectralNormState",
    "WeightMixture",
    "absolute_error",
    "accuracy",
    "average_pool",
    "average_pool_backward",
    "batch_norm_apply",
    "batch_norm_init",
    "batch_norm_train",
    "bernoulli_log_likelihood",
    "brier_score",
    "class_balance",
    "class_scores",
    "clip_weights",
    "clockwork_cell",
    "clockwork_init",
    "confusion_matrix",
    "conv_apply",
    "conv_init",
    "convolution_backward",
    "convolution_matrix",
    "convolve",
    "cutout",
    "decay_mask",
    "dense_apply",
    "dense_init",
    "depthwise_separable_convolve",
    "derivative",
    "dropout",
    "elastic_net",
    "elbo",
    "elbo_terms",
    "elman_cell",
    "elman_init",
    "elu",
    "embedding_apply",
    "embedding_attend",
    "embedding_init",
    "expected_calibration_error",
    "fgsm",
    "frechet_distance",
    "gaussian_log_likelihood",
    "gaussian_noise",
    "gelu",
    "global_average_pool",
    "global_max_pool",
    "glorot_normal",
    "glorot_uniform",
    "gradient_penalty",
    "group_norm",
    "group_norm_init",
    "gru_cell",
    "gru_init",
    "he_normal",
    "he_uniform",
    "hinge_discriminator_loss",
    "hinge_loss",
    "hinge_optimal_discriminator",
    "huber_loss",
    "identity",
    "importance_log_weights",
    "initial_carry",
    "instance_norm",
    "instance_norm_init",
    "iwae_bound",
    "jordan_cell",
    "jordan_init",
    "js_divergence",
    "keep_max_norm",
    "keep_weights_clipped",
    "kernel_distance",
    "kl_divergence",
    "l1",
    "l2",
    "layer_norm",
    "layer_norm_init",
    "leaky_relu",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "least_squares_optimal_discriminator",
    "lecun_normal",
    "lecun_uniform",
    "linear_recurrence",
    "linear_recurrence_associative",
    "linear_recurrence_sequential",
    "local_response_norm",
    "log_softmax",
    "lstm_cell",
    "lstm_init",
    "manifold_precision_recall",
    "max_norm",
    "max_pool",
    "max_pool_backward",
    "mean_absolute_error",
    "mean_squared_error",
    "memorization_ratio",
    "mgu_cell",
    "mgu_init",
    "minibatch_stddev",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "minimax_optimal_discriminator",
    "mixup",
    "mode_coverage",
    "multiclass_hinge_loss",
    "nearest_neighbours",
    "non_saturating_generator_loss",
    "normal_init",
    "ones_init",
    "orthogonal_init",
    "output_size",
    "peephole_lstm_cell",
    "peephole_lstm_init",
    "pgd",
    "prelu",
    "random_crop",
    "random_flip",
    "random_rotation",
    "random_shift",
    "receptive_field",
    "reliability",
    "relu",
    "reparameterize",
    "rms_norm",
    "rms_norm_init",
    "root_mean_squared_error",
    "run_bidirectional",
    "run_cell",
    "sample_measures",
    "selu",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "soft_weight_sharing",
    "softmax",
    "softmax_cross_entropy",
    "softmax_cross_entropy_with_soft_labels",
    "softplus",
    "spatially_separable_convolve",
    "spectral_norm_apply",
    "spectral_norm_init",
    "spectral_norm_train",
    "squared_error",
    "stacked_cell",
    "standard_gaussian_kl",
    "step",
    "tanh",
    "top_k_accuracy",
    "transposed_conv_apply",
    "transposed_conv_init",
    "transposed_convolve",
    "tying_penalty",
    "uniform_init",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
    "weighted_mean",
    "zero_centered_penalty",
    "zeros_init",
]
