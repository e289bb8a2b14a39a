"""Optimization: first-order optimizers, least squares, objectives with known minima."""

from jaxmath.optimize.adam_family import adam, adamax, adamw, amsgrad, nadam
from jaxmath.optimize.adaptive import adadelta, adagrad, rmsprop
from jaxmath.optimize.gauss_newton import gauss_newton, gauss_newton_init, gauss_newton_step
from jaxmath.optimize.least_squares import least_squares
from jaxmath.optimize.levenberg_marquardt import (
    levenberg_marquardt,
    levenberg_marquardt_init,
    levenberg_marquardt_step,
)
from jaxmath.optimize.linear_least_squares import (
    normal_equations,
    qr_least_squares,
    weighted_least_squares,
)
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
from jaxmath.optimize.trust_region_reflective import (
    trust_region_reflective,
    trust_region_reflective_init,
    trust_region_reflective_step,
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
    "gauss_newton",
    "gauss_newton_init",
    "gauss_newton_step",
    "griewank",
    "heavy_ball",
    "himmelblau",
    "least_squares",
    "levenberg_marquardt",
    "levenberg_marquardt_init",
    "levenberg_marquardt_step",
    "levy",
    "lion",
    "nadam",
    "nesterov",
    "normal_equations",
    "qr_least_squares",
    "quadratic",
    "rastrigin",
    "rmsprop",
    "rosenbrock",
    "sgd",
    "styblinski_tang",
    "trust_region_reflective",
    "trust_region_reflective_init",
    "trust_region_reflective_step",
    "weighted_least_squares",
]
