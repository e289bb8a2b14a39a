"""Rows of the activations that came after the first ones, and of their derivatives."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from tests.contract.row import Bad, HostRow, Row, Singular
from tests.contract.rows_nn import DTYPES, activation, off_zero

LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543772


def make_prelu(rng: np.random.Generator, dtype: Any) -> tuple:
    return *off_zero(rng, dtype), jnp.asarray(rng.uniform(0.1, 0.9, 4), dtype)


SAME = "tests/nn/test_activations.py::test_softmax_is_that_of_numerics"

ROWS = [
    activation("step", lambda x: np.heaviside(x, 1.0), (Singular((0.0,), 1.0, (0.0,)),)),
    activation(
        "selu",
        lambda x: LAMBDA * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))),
        (Singular((0.0,), 0.0, (LAMBDA * ALPHA,)),),
    ),
    Row(
        "nn.prelu",
        make_prelu,
        lambda x, a: np.maximum(x, 0) + a * np.minimum(x, 0),
        diff=(0, 1),
        bad=(
            Bad(("a", 0.1), "argument `x`", TypeError),
            Bad((np.ones((2, 3)), np.ones(2)), r"argument `negative_slope` .* \(3,\), got \(2,\)"),
            Bad((1.0, np.ones(1)), r"argument `negative_slope` must have"),
            Bad((np.ones((2, 3)), np.ones((2, 3))), "argument `negative_slope` must have rank"),
        ),
        singular=(Singular(([0.0, 2.0], [0.25, 0.5]), [0.0, 2.0], ([0.25, 1.0], [0.0, 0.0])),),
        dtypes=DTYPES,
        tol=8,
    ),
    HostRow("nn.softmax", "numerics.softmax under a second name", (SAME,)),
    HostRow("nn.log_softmax", "numerics.log_softmax under a second name", (SAME,)),
    Row(
        "nn.derivative",
        off_zero,
        lambda x: np.cosh(x) ** -2.0,
        bad=(Bad((np.tanh,), "argument `activation` must be .* got tanh"),),
        call=lambda x: nn.derivative(nn.tanh)(x),
        dtypes=DTYPES,
        note="that of tanh; the others are in tests/nn/test_derivatives.py",
    ),
]
