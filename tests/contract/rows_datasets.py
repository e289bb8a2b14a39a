"""Rows of ``jaxmath.datasets``: host data, no array functions."""

from tests.contract.row import HostRow

FACTS = "tests/datasets/test_digits.py::test_facts"

ROWS = [
    HostRow("datasets.Dataset", "a record: two arrays with names", (FACTS,)),
    HostRow("datasets.digits", "reads a file on the host, once", (FACTS,)),
]
