"""Rows of the initializers that came after the first ones."""

import numpy as np

from tests.contract.rows_nn import KERNEL, VARIANCE, initializer

ROWS = [
    initializer("ones_init", "", oracle=lambda *_: np.ones(KERNEL), fans=False),
    initializer("orthogonal_init", "tests/nn/test_orthogonal.py::test_columns_are_orthonormal"),
    initializer("uniform_init", VARIANCE, fans=False),
]
