"""Models, one file a family.

A network has a hashable ``Config``, ``init`` and ``apply``; a regression or a classifier is fitted
to a data set by ``fit``, or by a function of the method's name, which returns a ``Solution``, and
``predict`` is for one example.
"""

from jaxmath.models import (
    backpropagation,
    lasso,
    linear_regression,
    logistic_regression,
    mlp,
    neuron,
    ngram,
    perceptron,
    polynomial_regression,
    softmax_regression,
)

__all__ = [
    "backpropagation",
    "lasso",
    "linear_regression",
    "logistic_regression",
    "mlp",
    "neuron",
    "ngram",
    "perceptron",
    "polynomial_regression",
    "softmax_regression",
]
