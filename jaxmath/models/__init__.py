"""Models, one file a family.

A network has a hashable ``Config``, ``init`` and ``apply``; a regression or a classifier is fitted
to a data set by ``fit``, or by a function of the method's name, which returns a ``Solution``, and
``predict`` is for one example.
"""

from jaxmath.models import (
    alexnet,
    autoencoder,
    backpropagation,
    backpropagation_through_time,
    cnn,
    gan,
    generation,
    image_networks,
    inception,
    lasso,
    lenet,
    linear_regression,
    logistic_regression,
    mlp,
    neuron,
    ngram,
    perceptron,
    polynomial_regression,
    resnet,
    rnn,
    sequence_to_sequence,
    softmax_regression,
    vae,
    vgg,
    visualization,
)

__all__ = [
    "alexnet",
    "autoencoder",
    "backpropagation",
    "backpropagation_through_time",
    "cnn",
    "gan",
    "generation",
    "image_networks",
    "inception",
    "lasso",
    "lenet",
    "linear_regression",
    "logistic_regression",
    "mlp",
    "neuron",
    "ngram",
    "perceptron",
    "polynomial_regression",
    "resnet",
    "rnn",
    "sequence_to_sequence",
    "softmax_regression",
    "vae",
    "vgg",
    "visualization",
]
