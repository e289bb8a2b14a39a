"""Rows of ``jaxmath.benchmark``: records, host drivers, statistics and pictures."""

from tests.contract.row import HostRow

LANES = "tests/benchmark/test_lanes.py"
ANALYSIS = "tests/benchmark/test_analysis.py"
NAMES = "tests/benchmark/test_names.py"
REPORT = "tests/benchmark/test_report.py"
LEARNING = "tests/benchmark/test_learning.py"

_EVIDENCE = {
    "BATCH_SIZE": ("a constant", f"{LEARNING}::test_batches_are_unbiased"),
    "Comparison": ("a record", f"{ANALYSIS}::test_interval_by_hand"),
    "Lane": ("a record", f"{LANES}::test_lane_equals_the_textbook_loop"),
    "Optimizer": ("a record", f"{NAMES}::test_every_shipped_optimizer_resolves"),
    "PairResult": ("a record", f"{LANES}::test_result_is_complete"),
    "Plan": ("a record", f"{LANES}::test_plan_refuses_nonsense"),
    "Program": ("a compiled program", f"{LANES}::test_one_compilation_for_all_chunks"),
    "Standing": ("a record", f"{ANALYSIS}::test_leaderboard_by_hand"),
    "Summary": ("a record", f"{ANALYSIS}::test_summary_by_hand"),
    "advance": ("takes a problem", f"{LANES}::test_lane_equals_the_textbook_loop"),
    "compare": ("a statistic on the host", f"{ANALYSIS}::test_interval_by_hand"),
    "compile_lanes": ("a host driver", f"{LANES}::test_one_compilation_for_all_chunks"),
    "digits_mlp": ("makes a record", f"{LEARNING}::test_records"),
    "digits_softmax": ("makes a record", f"{LEARNING}::test_softmax_minimum"),
    "diverged": ("a statistic on the host", f"{ANALYSIS}::test_diverged_lanes_count_as_unmoved"),
    "environment": ("a report", f"{REPORT}::test_json_is_complete_and_strict"),
    "leaderboard": ("a statistic on the host", f"{ANALYSIS}::test_leaderboard_by_hand"),
    "learning_problems": ("a table", f"{LEARNING}::test_records"),
    "markdown_report": ("a report", f"{REPORT}::test_markdown_has_every_row"),
    "optimizer_names": ("a list of names", f"{NAMES}::test_every_shipped_optimizer_resolves"),
    "plot_convergence": ("a picture", f"{REPORT}::test_pictures"),
    "plot_paths": ("a picture", f"{REPORT}::test_pictures"),
    "plot_sensitivity": ("a picture", f"{REPORT}::test_pictures"),
    "problem_names": ("a list of names", f"{NAMES}::test_every_shipped_problem_resolves"),
    "resolve_optimizer": ("a look-up", f"{NAMES}::test_every_shipped_optimizer_resolves"),
    "resolve_problem": ("a look-up", f"{NAMES}::test_every_shipped_problem_resolves"),
    "run_benchmark": ("a host driver", f"{LANES}::test_benchmark_yields_pair_by_pair"),
    "run_group": ("a host driver", f"{LANES}::test_other_lanes_change_nothing"),
    "run_path": ("a host driver", f"{LANES}::test_path_is_the_lane"),
    "scores": ("a statistic on the host", f"{ANALYSIS}::test_diverged_lanes_count_as_unmoved"),
    "start_lane": ("takes a problem", f"{LANES}::test_lane_equals_the_textbook_loop"),
    "start_lanes": ("takes a problem", f"{LANES}::test_starts_do_not_depend_on_their_number"),
    "summarize": ("a statistic on the host", f"{ANALYSIS}::test_summary_by_hand"),
    "tuned_scores": ("a statistic on the host", f"{ANALYSIS}::test_cross_fitting_is_unbiased"),
    "write_json": ("a report", f"{REPORT}::test_json_is_complete_and_strict"),
}

ROWS = [
    HostRow(f"benchmark.{name}", reason, (evidence,))
    for name, (reason, evidence) in _EVIDENCE.items()
]
