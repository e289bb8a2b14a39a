"""Models, one file a family.

A network has a hashable ``Config``, ``init`` and ``apply``; a regression or a classifier is fitted
to a data set by ``fit``, or by a function of the method's name, which returns a ``Solution``, and
``predict`` is for one example.
"""

from jaxmath.models import (
    alexnet,
    backpropagation,
    cnn,
    image_networks,
    inception,
    lasso,
    lenet,
    linear_regression,
    logistic_regression,
    mlp,
    neuron,
    perceptron,
    polynomial_regression,
    resnet,
    softmax_regression,
    vgg,
    visualization,
)

__all__ = [
    "alexnet",
    "backpropagation",
    "cnn",
    "image_networks",
    "inception",
    "lasso",
    "lenet",
    "linear_regression",
    "logistic_regression",
    "mlp",
    "neuron",
    "perceptron",
    "polynomial_regression",
    "resnet",
    "softmax_regression",
    "vgg",
    "visualization",
]
