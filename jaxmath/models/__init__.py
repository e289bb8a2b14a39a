"""Models, one file a family.

A network has a hashable ``Config``, ``init`` and ``apply``; a regression or a classifier is fitted
to a data set by ``fit``, or by a function of the method's name, which returns a ``Solution``, and
``predict`` is for one example.
"""

from jaxmath.models import (
    backpropagation,
    cnn,
    image_networks,
    lasso,
    lenet,
    linear_regression,
    logistic_regression,
    mlp,
    neuron,
    perceptron,
    polynomial_regression,
    softmax_regression,
)

__all__ = [
    "backpropagation",
    "cnn",
    "image_networks",
    "lasso",
    "lenet",
    "linear_regression",
    "logistic_regression",
    "mlp",
    "neuron",
    "perceptron",
    "polynomial_regression",
    "softmax_regression",
]
