"""Rows of the problems of Moré, Garbow and Hillstrom: records, checked in their own tests."""

from tests.contract.row import HostRow

TESTS = "tests/optimize/test_more_garbow_hillstrom.py"

ROWS = [
    HostRow("optimize.LeastSquaresProblem", "a record", (f"{TESTS}::test_record",)),
    HostRow(
        "optimize.more_garbow_hillstrom",
        "a table of records",
        (
            f"{TESTS}::test_residuals_and_jacobian_are_the_textbooks",
            f"{TESTS}::test_minima",
            f"{TESTS}::test_float32",
        ),
    ),
]
