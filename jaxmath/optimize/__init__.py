"""Optimization: first-order optimizers, root finding, classical objectives and problems.

What factors a matrix on its way (the Newton, least-squares and system solvers, ``lbfgsb``,
``cma_es``, ``xnes``…) refuses float16 and bfloat16 with a TypeError that names the argument.
"""

from jaxmath.optimize.adam_family import (
    adam,
    adamax,
    adamw,
    amsgrad,
    nadam,
)
from jaxmath.optimize.adaptive import (
    adadelta,
    adagrad,
    rmsprop,
)
from jaxmath.optimize.augmented_lagrangian import (
    augmented_lagrangian,
    augmented_lagrangian_init,
    augmented_lagrangian_step,
)
from jaxmath.optimize.basin_hopping import (
    basin_hopping,
    basin_hopping_init,
    basin_hopping_step,
)
from jaxmath.optimize.batch import (
    Multistart,
    minimize_batch,
    multistart,
)
from jaxmath.optimize.bounded_problems import (
    BoundedProblem,
    bounded_problems,
)
from jaxmath.optimize.box_limited_memory import (
    lbfgsb,
    lbfgsb_init,
    lbfgsb_step,
)
from jaxmath.optimize.brackets import (
    bisect,
    bisect_init,
    bisect_step,
    regula_falsi,
    regula_falsi_init,
    regula_falsi_step,
)
from jaxmath.optimize.brent import (
    brentq,
    brentq_init,
    brentq_step,
)
from jaxmath.optimize.cma_es import (
    cma_es,
    cma_es_init,
    cma_es_step,
)
from jaxmath.optimize.constrained_problems import (
    ConstrainedProblem,
    constrained_problems,
)
from jaxmath.optimize.convexity import (
    ConvexityCheck,
    QuasiconvexityCheck,
    is_convex,
    is_quasiconvex,
)
from jaxmath.optimize.cooling import (
    exponential_cooling,
    linear_cooling,
    logarithmic_cooling,
)
from jaxmath.optimize.damped_newton import (
    damped_newton,
    damped_newton_init,
    damped_newton_step,
)
from jaxmath.optimize.differential_evolution import (
    differential_evolution,
    differential_evolution_init,
    differential_evolution_step,
)
from jaxmath.optimize.dogleg import (
    trust_region_dogleg,
    trust_region_dogleg_init,
    trust_region_dogleg_step,
)
from jaxmath.optimize.evolution_strategy import (
    evolution_strategy,
    evolution_strategy_init,
    evolution_strategy_step,
)
from jaxmath.optimize.fixed_points import (
    fixed_point,
    fixed_point_init,
    fixed_point_step,
)
from jaxmath.optimize.frank_wolfe import (
    frank_wolfe,
    frank_wolfe_init,
    frank_wolfe_step,
)
from jaxmath.optimize.gauss_newton import (
    gauss_newton,
    gauss_newton_init,
    gauss_newton_step,
)
from jaxmath.optimize.genetic_algorithm import (
    genetic_algorithm,
    genetic_algorithm_init,
    genetic_algorithm_step,
)
from jaxmath.optimize.gradient_methods import (
    gradient_descent,
    gradient_descent_init,
    gradient_descent_step,
    nonlinear_cg,
    nonlinear_cg_init,
    nonlinear_cg_step,
)
from jaxmath.optimize.hager_zhang import (
    hager_zhang,
    hager_zhang_init,
    hager_zhang_step,
)
from jaxmath.optimize.kkt import (
    ConstrainedPoint,
    KKTMultipliers,
    KKTResidual,
    kkt_residual,
)
from jaxmath.optimize.lagrange import (
    LagrangePoint,
    lagrange_stationary_point,
    lagrange_stationary_point_init,
    lagrange_stationary_point_step,
)
from jaxmath.optimize.learning_in_games import (
    fictitious_play,
    fictitious_play_init,
    fictitious_play_step,
    multiplicative_weights,
    multiplicative_weights_init,
    multiplicative_weights_step,
)
from jaxmath.optimize.least_squares import (
    least_squares,
)
from jaxmath.optimize.levenberg_marquardt import (
    levenberg_marquardt,
    levenberg_marquardt_init,
    levenberg_marquardt_step,
)
from jaxmath.optimize.limited_memory import (
    lbfgs,
    lbfgs_init,
    lbfgs_step,
)
from jaxmath.optimize.line_search import (
    Search,
    armijo_backtracking,
    armijo_backtracking_init,
    armijo_backtracking_step,
)
from jaxmath.optimize.linear_least_squares import (
    normal_equations,
    qr_least_squares,
    weighted_least_squares,
)
from jaxmath.optimize.linear_oracles import (
    linear_oracle_ball,
    linear_oracle_box,
    linear_oracle_simplex,
)
from jaxmath.optimize.matrix_games import (
    GameSolution,
    exploitability,
    nash_gap,
    solve_game,
)
from jaxmath.optimize.minimize import (
    minimize,
)
from jaxmath.optimize.momentum import (
    heavy_ball,
    lion,
    nesterov,
    sgd,
)
from jaxmath.optimize.more_garbow_hillstrom import (
    LeastSquaresProblem,
    more_garbow_hillstrom,
)
from jaxmath.optimize.natural_evolution import (
    snes,
    snes_init,
    snes_step,
    xnes,
    xnes_init,
    xnes_step,
)
from jaxmath.optimize.nelder_mead import (
    nelder_mead,
    nelder_mead_init,
    nelder_mead_step,
)
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
from jaxmath.optimize.particle_swarm import (
    particle_swarm,
    particle_swarm_init,
    particle_swarm_step,
)
from jaxmath.optimize.penalty_barrier import (
    log_barrier,
    log_barrier_init,
    log_barrier_step,
    quadratic_penalty,
    quadratic_penalty_init,
    quadratic_penalty_step,
)
from jaxmath.optimize.problems import (
    Problem,
    classical_problems,
)
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
from jaxmath.optimize.quasi_newton import (
    bfgs,
    bfgs_init,
    bfgs_step,
    dfp,
    dfp_init,
    dfp_step,
)
from jaxmath.optimize.regret_matching import (
    regret_matching,
    regret_matching_init,
    regret_matching_plus,
    regret_matching_plus_init,
    regret_matching_plus_step,
    regret_matching_step,
)
from jaxmath.optimize.root_systems import (
    broyden,
    broyden_init,
    broyden_step,
    newton_system,
    newton_system_init,
    newton_system_step,
)
from jaxmath.optimize.roots import (
    root,
    root_scalar,
)
from jaxmath.optimize.saddle_points import (
    extragradient,
    extragradient_init,
    extragradient_step,
    gradient_descent_ascent,
    gradient_descent_ascent_init,
    gradient_descent_ascent_step,
    optimistic_gradient,
    optimistic_gradient_init,
    optimistic_gradient_step,
)
from jaxmath.optimize.scalar_roots import (
    halley,
    halley_init,
    halley_step,
    newton,
    newton_init,
    newton_step,
    secant,
    secant_init,
    secant_step,
)
from jaxmath.optimize.scaling import (
    curvature_scale,
)
from jaxmath.optimize.selection import (
    elitism,
    rank_selection,
    roulette_selection,
    tournament_selection,
)
from jaxmath.optimize.simulated_annealing import (
    metropolis_accept,
    simulated_annealing,
    simulated_annealing_init,
    simulated_annealing_step,
)
from jaxmath.optimize.stationary_points import (
    StationaryKind,
    StationaryPoint,
    classify_stationary_point,
    find_stationary_point,
    find_stationary_point_init,
    find_stationary_point_step,
)
from jaxmath.optimize.symmetric_rank_one import (
    sr1,
    sr1_init,
    sr1_step,
)
from jaxmath.optimize.trajectory import (
    trajectory,
)
from jaxmath.optimize.trust_region import (
    trust_region_newton,
    trust_region_newton_init,
    trust_region_newton_step,
)
from jaxmath.optimize.trust_region_exact import (
    trust_region_exact,
    trust_region_exact_init,
    trust_region_exact_step,
)
from jaxmath.optimize.trust_region_reflective import (
    trust_region_reflective,
    trust_region_reflective_init,
    trust_region_reflective_step,
)
from jaxmath.optimize.variation import (
    bit_flip_mutation,
    blend_crossover,
    gaussian_mutation,
    one_point_crossover,
    uniform_crossover,
)
from jaxmath.optimize.wolfe import (
    strong_wolfe,
    strong_wolfe_init,
    strong_wolfe_step,
)

__all__ = [
    "BoundedProblem",
    "ConstrainedPoint",
    "ConstrainedProblem",
    "ConvexityCheck",
    "GameSolution",
    "KKTMultipliers",
    "KKTResidual",
    "LagrangePoint",
    "LeastSquaresProblem",
    "Multistart",
    "Problem",
    "QuasiconvexityCheck",
    "Search",
    "StationaryKind",
    "StationaryPoint",
    "ackley",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "amsgrad",
    "armijo_backtracking",
    "armijo_backtracking_init",
    "armijo_backtracking_step",
    "augmented_lagrangian",
    "augmented_lagrangian_init",
    "augmented_lagrangian_step",
    "basin_hopping",
    "basin_hopping_init",
    "basin_hopping_step",
    "beale",
    "bfgs",
    "bfgs_init",
    "bfgs_step",
    "bisect",
    "bisect_init",
    "bisect_step",
    "bit_flip_mutation",
    "blend_crossover",
    "booth",
    "bounded_problems",
    "branin",
    "brentq",
    "brentq_init",
    "brentq_step",
    "broyden",
    "broyden_init",
    "broyden_step",
    "classical_problems",
    "classify_stationary_point",
    "cma_es",
    "cma_es_init",
    "cma_es_step",
    "constrained_problems",
    "curvature_scale",
    "damped_newton",
    "damped_newton_init",
    "damped_newton_step",
    "dfp",
    "dfp_init",
    "dfp_step",
    "differential_evolution",
    "differential_evolution_init",
    "differential_evolution_step",
    "elitism",
    "evolution_strategy",
    "evolution_strategy_init",
    "evolution_strategy_step",
    "exploitability",
    "exponential_cooling",
    "extended_rosenbrock",
    "extragradient",
    "extragradient_init",
    "extragradient_step",
    "fictitious_play",
    "fictitious_play_init",
    "fictitious_play_step",
    "find_stationary_point",
    "find_stationary_point_init",
    "find_stationary_point_step",
    "fixed_point",
    "fixed_point_init",
    "fixed_point_step",
    "frank_wolfe",
    "frank_wolfe_init",
    "frank_wolfe_step",
    "gauss_newton",
    "gauss_newton_init",
    "gauss_newton_step",
    "gaussian_mutation",
    "genetic_algorithm",
    "genetic_algorithm_init",
    "genetic_algorithm_step",
    "gradient_descent",
    "gradient_descent_ascent",
    "gradient_descent_ascent_init",
    "gradient_descent_ascent_step",
    "gradient_descent_init",
    "gradient_descent_step",
    "griewank",
    "hager_zhang",
    "hager_zhang_init",
    "hager_zhang_step",
    "halley",
    "halley_init",
    "halley_step",
    "heavy_ball",
    "himmelblau",
    "is_convex",
    "is_quasiconvex",
    "kkt_residual",
    "lagrange_stationary_point",
    "lagrange_stationary_point_init",
    "lagrange_stationary_point_step",
    "lbfgs",
    "lbfgs_init",
    "lbfgs_step",
    "lbfgsb",
    "lbfgsb_init",
    "lbfgsb_step",
    "least_squares",
    "levenberg_marquardt",
    "levenberg_marquardt_init",
    "levenberg_marquardt_step",
    "levy",
    "linear_cooling",
    "linear_oracle_ball",
    "linear_oracle_box",
    "linear_oracle_simplex",
    "lion",
    "log_barrier",
    "log_barrier_init",
    "log_barrier_step",
    "logarithmic_cooling",
    "metropolis_accept",
    "minimize",
    "minimize_batch",
    "more_garbow_hillstrom",
    "multiplicative_weights",
    "multiplicative_weights_init",
    "multiplicative_weights_step",
    "multistart",
    "nadam",
    "nash_gap",
    "nelder_mead",
    "nelder_mead_init",
    "nelder_mead_step",
    "nesterov",
    "newton",
    "newton_init",
    "newton_step",
    "newton_system",
    "newton_system_init",
    "newton_system_step",
    "nonlinear_cg",
    "nonlinear_cg_init",
    "nonlinear_cg_step",
    "normal_equations",
    "one_point_crossover",
    "optimistic_gradient",
    "optimistic_gradient_init",
    "optimistic_gradient_step",
    "particle_swarm",
    "particle_swarm_init",
    "particle_swarm_step",
    "project_affine",
    "project_ball",
    "project_box",
    "project_half_space",
    "project_psd",
    "project_simplex",
    "projected_gradient",
    "projected_gradient_init",
    "projected_gradient_step",
    "qr_least_squares",
    "quadratic",
    "quadratic_penalty",
    "quadratic_penalty_init",
    "quadratic_penalty_step",
    "rank_selection",
    "rastrigin",
    "regret_matching",
    "regret_matching_init",
    "regret_matching_plus",
    "regret_matching_plus_init",
    "regret_matching_plus_step",
    "regret_matching_step",
    "regula_falsi",
    "regula_falsi_init",
    "regula_falsi_step",
    "rmsprop",
    "root",
    "root_scalar",
    "rosenbrock",
    "roulette_selection",
    "secant",
    "secant_init",
    "secant_step",
    "sgd",
    "simulated_annealing",
    "simulated_annealing_init",
    "simulated_annealing_step",
    "snes",
    "snes_init",
    "snes_step",
    "solve_game",
    "sr1",
    "sr1_init",
    "sr1_step",
    "strong_wolfe",
    "strong_wolfe_init",
    "strong_wolfe_step",
    "styblinski_tang",
    "tournament_selection",
    "trajectory",
    "trust_region_dogleg",
    "trust_region_dogleg_init",
    "trust_region_dogleg_step",
    "trust_region_exact",
    "trust_region_exact_init",
    "trust_region_exact_step",
    "trust_region_newton",
    "trust_region_newton_init",
    "trust_region_newton_step",
    "trust_region_reflective",
    "trust_region_reflective_init",
    "trust_region_reflective_step",
    "uniform_crossover",
    "weighted_least_squares",
    "xnes",
    "xnes_init",
    "xnes_step",
]
