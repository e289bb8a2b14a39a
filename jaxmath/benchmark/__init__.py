"""The optimizer benchmark: lanes, host loop, statistics, report, pictures.

Running (``run``), analysing (``scores``, ``analysis``) and reporting (``report``, ``plots``) know
nothing of each other but the records that pass between them.
"""

from jaxmath.benchmark.analysis import (
    Comparison,
    Standing,
    Summary,
    compare,
    leaderboard,
    summarize,
)
from jaxmath.benchmark.lanes import (
    Lane,
    Program,
    advance,
    compile_lanes,
    start_lane,
    start_lanes,
)
from jaxmath.benchmark.learning import BATCH_SIZE, digits_mlp, digits_softmax, learning_problems
from jaxmath.benchmark.names import (
    Optimizer,
    optimizer_names,
    problem_names,
    resolve_optimizer,
    resolve_problem,
)
from jaxmath.benchmark.plots import plot_convergence, plot_paths, plot_sensitivity
from jaxmath.benchmark.report import environment, markdown_report, write_json
from jaxmath.benchmark.run import PairResult, Plan, run_benchmark, run_group, run_path
from jaxmath.benchmark.scores import diverged, scores, tuned_scores

__all__ = [
    "BATCH_SIZE",
    "Comparison",
    "Lane",
    "Optimizer",
    "PairResult",
    "Plan",
    "Program",
    "Standing",
    "Summary",
    "advance",
    "compare",
    "compile_lanes",
    "digits_mlp",
    "digits_softmax",
    "diverged",
    "environment",
    "leaderboard",
    "learning_problems",
    "markdown_report",
    "optimizer_names",
    "plot_convergence",
    "plot_paths",
    "plot_sensitivity",
    "problem_names",
    "resolve_optimizer",
    "resolve_problem",
    "run_benchmark",
    "run_group",
    "run_path",
    "scores",
    "start_lane",
    "start_lanes",
    "summarize",
    "tuned_scores",
    "write_json",
]
