"""Rows of the bounded problems: records, checked in their own tests."""

from tests.contract.row import HostRow

TESTS = "tests/optimize/test_bounded_problems.py"

ROWS = [
    HostRow("optimize.BoundedProblem", "a record", (f"{TESTS}::test_bounded_record",)),
    HostRow(
        "optimize.bounded_problems",
        "a table of records",
        (
            f"{TESTS}::test_objective_is_the_textbooks",
            f"{TESTS}::test_minimizer_is_stationary_on_the_box",
            f"{TESTS}::test_no_lower_point",
        ),
    ),
]
