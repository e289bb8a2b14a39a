"""Optimization: first-order optimizers, classical objectives, problems with known minima."""

from jaxmath.optimize.adam_family import adam, adamax, adamw, amsgrad, nadam
from jaxmath.optimize.adaptive import adadelta, adagrad, rmsprop
from jaxmath.optimize.bounded_problems import BoundedProblem, bounded_problems
from jaxmath.optimize.momentum import heavy_ball, lion, nesterov, sgd
from jaxmath.optimize.more_garbow_hillstrom import LeastSquaresProblem, more_garbow_hillstrom
from jaxmath.optimize.objectives import (
    ackley,
    beale,
    booth,
    branin,
    extended_rosenbrock,
    griewank,
    himmelblau,
    levy,
    quadratic,
    rastrigin,
    rosenbrock,
    styblinski_tang,
)
from jaxmath.optimize.problems import Problem, classical_problems

__all__ = [
    "BoundedProblem",
    "LeastSquaresProblem",
    "Problem",
    "ackley",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "amsgrad",
    "beale",
    "booth",
    "bounded_problems",
    "branin",
    "classical_problems",
    "extended_rosenbrock",
    "griewank",
    "heavy_ball",
    "himmelblau",
    "levy",
    "lion",
    "more_garbow_hillstrom",
    "nadam",
    "nesterov",
    "quadratic",
    "rastrigin",
    "rmsprop",
    "rosenbrock",
    "sgd",
    "styblinski_tang",
]
