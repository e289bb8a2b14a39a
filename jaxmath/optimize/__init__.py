"""Optimization: first-order optimizers, classical objectives, problems with known minima."""

from jaxmath.optimize.adam_family import adam, adamax, adamw, amsgrad, nadam
from jaxmath.optimize.adaptive import adadelta, adagrad, rmsprop
from jaxmath.optimize.momentum import heavy_ball, lion, nesterov, sgd
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
from jaxmath.optimize.projections import (
    project_affine,
    project_ball,
    project_box,
    project_half_space,
    project_psd,
    project_simplex,
)

__all__ = [
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
    "branin",
    "classical_problems",
    "extended_rosenbrock",
    "griewank",
    "heavy_ball",
    "himmelblau",
    "levy",
    "lion",
    "nadam",
    "nesterov",
    "project_affine",
    "project_ball",
    "project_box",
    "project_half_space",
    "project_psd",
    "project_simplex",
    "quadratic",
    "rastrigin",
    "rmsprop",
    "rosenbrock",
    "sgd",
    "styblinski_tang",
]
