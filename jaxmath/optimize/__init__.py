"""Optimization: first-order optimizers, classical objectives, problems with known minima."""

from jaxmath.optimize.adam_family import adam, adamax, adamw, amsgrad, nadam
from jaxmath.optimize.adaptive import adadelta, adagrad, rmsprop
from jaxmath.optimize.convexity import (
    ConvexityCheck,
    QuasiconvexityCheck,
    is_convex,
    is_quasiconvex,
)
from jaxmath.optimize.frank_wolfe import frank_wolfe, frank_wolfe_init, frank_wolfe_step
from jaxmath.optimize.kkt import KKTMultipliers, KKTResidual, kkt_residual
from jaxmath.optimize.lagrange import (
    LagrangePoint,
    lagrange_stationary_point,
    lagrange_stationary_point_init,
    lagrange_stationary_point_step,
)
from jaxmath.optimize.linear_oracles import (
    linear_oracle_ball,
    linear_oracle_box,
    linear_oracle_simplex,
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
from jaxmath.optimize.projected_gradient import (
    projected_gradient,
    projected_gradient_init,
    projected_gradient_step,
)
from jaxmath.optimize.projections import (
    project_affine,
    project_ball,
    project_box,
    project_half_space,
    project_psd,
    project_simplex,
)
from jaxmath.optimize.stationary_points import (
    StationaryKind,
    StationaryPoint,
    classify_stationary_point,
    find_stationary_point,
    find_stationary_point_init,
    find_stationary_point_step,
)

__all__ = [
    "ConvexityCheck",
    "KKTMultipliers",
    "KKTResidual",
    "LagrangePoint",
    "Problem",
    "QuasiconvexityCheck",
    "StationaryKind",
    "StationaryPoint",
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
    "classify_stationary_point",
    "extended_rosenbrock",
    "find_stationary_point",
    "find_stationary_point_init",
    "find_stationary_point_step",
    "frank_wolfe",
    "frank_wolfe_init",
    "frank_wolfe_step",
    "griewank",
    "heavy_ball",
    "himmelblau",
    "is_convex",
    "is_quasiconvex",
    "kkt_residual",
    "lagrange_stationary_point",
    "lagrange_stationary_point_init",
    "lagrange_stationary_point_step",
    "levy",
    "linear_oracle_ball",
    "linear_oracle_box",
    "linear_oracle_simplex",
    "lion",
    "nadam",
    "nesterov",
    "project_affine",
    "project_ball",
    "project_box",
    "project_half_space",
    "project_psd",
    "project_simplex",
    "projected_gradient",
    "projected_gradient_init",
    "projected_gradient_step",
    "quadratic",
    "rastrigin",
    "rmsprop",
    "rosenbrock",
    "sgd",
    "styblinski_tang",
]
