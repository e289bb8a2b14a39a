"""Rows of ``jaxmath.models.backpropagation``, at the perceptron's tiny configuration."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmath.models import backpropagation
from tests.contract.row import Bad, HostRow, Row
from tests.contract.rows_models import MLP, make_mlp

NN_DTYPES = ("float32", "bfloat16", "float64")


def hidden(params: Any, x: np.ndarray) -> tuple:
    """z₁, a₁ and z₂ by loops."""
    (W1, b1), (W2, b2) = params
    z1 = np.array([b1[j] + sum(x[i] * W1[i, j] for i in range(4)) for j in range(5)])
    z2 = np.array([b2[k] + sum(np.tanh(z1[j]) * W2[j, k] for j in range(5)) for k in range(3)])
    return z1, np.tanh(z1), z2


def forward_oracle(params: Any, x: np.ndarray) -> tuple:
    z1, a1, z2 = hidden(params, x)
    return (x, a1), (z1, z2)


def make_backward(rng: np.random.Generator, dtype: Any) -> tuple:
    params, x = make_mlp(rng, dtype)
    return params, x, jnp.asarray(rng.standard_normal(3), dtype)


def errors_oracle(params: Any, x: np.ndarray, error: np.ndarray) -> tuple:
    _, a1, _ = hidden(params, x)
    W2 = params[1][0]
    back = np.array([sum(W2[j, k] * error[k] for k in range(3)) for j in range(5)])
    return back * (1 - a1**2), error


def backward_oracle(params: Any, x: np.ndarray, error: np.ndarray) -> tuple:
    d1, d2 = errors_oracle(params, x, error)
    return (np.outer(x, d1), d1), (np.outer(hidden(params, x)[1], d2), d2)


def norms_oracle(params: Any, x: np.ndarray, error: np.ndarray) -> np.ndarray:
    d1, d2 = errors_oracle(params, x, error)
    gradients = (params[0][0] @ d1, params[1][0] @ d2, error)
    return np.array([np.linalg.norm(g) for g in gradients])


def forward_then(fn: Any) -> Any:
    def call(params: Any, x: Any, error: Any) -> Any:
        return fn(params, backpropagation.forward(params, x, config=MLP), error, config=MLP)

    return call


def row(name: str, oracle: Any, call: Any, num_args: int = 3) -> Row:
    make = make_mlp if num_args == 2 else make_backward
    return Row(
        f"models.backpropagation.{name}",
        make,
        oracle,
        diff=tuple(range(num_args)),
        # A row passes no keywords; wrong shapes are refused in the module's tests.
        bad=(Bad(((),) * num_args, "config", TypeError),),
        call=call,
        dtypes=NN_DTYPES,
    )


ROWS = [
    HostRow(
        "models.backpropagation.Cache",
        "a record: two tuples of arrays with names",
        ("tests/models/test_backpropagation.py::test_equals_jax_grad",),
    ),
    row(
        "forward",
        forward_oracle,
        lambda params, x: tuple(backpropagation.forward(params, x, config=MLP)),
        num_args=2,
    ),
    row("layer_errors", errors_oracle, forward_then(backpropagation.layer_errors)),
    row("backward", backward_oracle, forward_then(backpropagation.backward)),
    row(
        "gradient_norms",
        norms_oracle,
        lambda *args: backpropagation.gradient_norms(*args, config=MLP),
    ),
]
