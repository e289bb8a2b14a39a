"""Rows of the constrained problems and of the methods for them."""

from tests.contract.row import HostRow

TESTS = "tests/optimize/test_constrained_problems.py"

ROWS = [
    HostRow("optimize.ConstrainedProblem", "a record", (f"{TESTS}::test_constrained_record",)),
    HostRow(
        "optimize.constrained_problems",
        "a table of records",
        (
            f"{TESTS}::test_functions_are_the_textbooks",
            f"{TESTS}::test_solution_to_the_last_digit",
            f"{TESTS}::test_no_lower_feasible_point",
        ),
    ),
]
