"""Rows of the normalization layers of ``jaxmath.nn``, bfloat16 among the dtypes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

DTYPES = ("float32", "bfloat16", "float64")
TESTS = "tests/nn/test_normalization.py"


def as_params(params: Any, values: np.ndarray, dtype: Any) -> Any:
    return params(*(jnp.asarray(v, dtype) for v in values[: len(params._fields)]))


def maker(params: Any, *shape: int) -> Any:
    def make(rng: np.random.Generator, dtype: Any) -> tuple:
        values = rng.uniform(0.5, 2.0, (2, shape[-1]))
        x = 3.0 + rng.standard_normal(shape)
        return as_params(params, values, dtype), jnp.asarray(x, dtype)

    return make


def make_batch(rng: np.random.Generator, dtype: Any) -> tuple:
    values = rng.uniform(0.5, 2.0, (4, 3))
    params = as_params(nn.BatchNorm, values[:2], dtype)
    state = as_params(nn.BatchNormState, values[2:], dtype)
    return params, state, jnp.asarray(3.0 + rng.standard_normal((4, 2, 2, 3)), dtype)


def make_one(rng: np.random.Generator, dtype: Any) -> tuple:
    params, state, X = make_batch(rng, dtype)
    return params, state, X[0]


def layer_oracle(params: Any, x: np.ndarray) -> np.ndarray:
    mean = sum(x) / len(x)
    var = sum((v - mean) ** 2 for v in x) / len(x)
    return params.scale * (x - mean) / (var + 1e-6) ** 0.5 + params.bias


def rms_oracle(params: Any, x: np.ndarray) -> np.ndarray:
    return params.scale * x / (sum(v**2 for v in x) / len(x) + 1e-6) ** 0.5


def group_oracle(params: Any, x: np.ndarray, size: int) -> np.ndarray:
    y = np.empty_like(x)
    for c in range(x.shape[-1]):
        group = x[..., c - c % size : c - c % size + size]
        y[..., c] = (x[..., c] - group.mean()) / (group.var() + 1e-6) ** 0.5
    return params.scale * y + params.bias


def batch_oracle(params: Any, state: Any, X: np.ndarray) -> tuple:
    mean, var = X.mean((0, 1, 2)), X.var((0, 1, 2))
    y = params.scale * (X - mean) / np.sqrt(var + 1e-5) + params.bias
    return y, 0.9 * state.mean + 0.1 * mean, 0.9 * state.var + 0.1 * var


def running_oracle(params: Any, state: Any, x: np.ndarray) -> np.ndarray:
    return params.scale * (x - state.mean) / np.sqrt(state.var + 1e-5) + params.bias


def train(params: Any, state: Any, X: Any) -> tuple:
    one = lambda x: nn.batch_norm_train(params, state, x, axis_name="batch")
    return jax.vmap(one, axis_name="batch", out_axes=(0, None))(X)


def refused(params: Any, highest: int) -> tuple[Bad, ...]:
    good = params(*np.ones((len(params._fields), 3)))
    wrong = Bad((params(*np.ones((len(params._fields), 2))), np.ones((2,) * (highest - 1) + (3,))),
                "argument `x` must have shape")  # fmt: skip
    batch = Bad((good, np.ones((2,) * highest + (3,))), "argument `x` must have rank .*jax.vmap")
    scalar = Bad((good._replace(scale=1.0), np.ones(3)), "argument `params.scale`")
    return wrong, batch, scalar


P = nn.BatchNorm(np.ones(3), np.zeros(3))
S = nn.BatchNormState(np.zeros(3), np.ones(3))
BATCH_BAD = (
    Bad((P, S, np.ones((2, 2, 2, 3))), "argument `x` must have rank .*jax.vmap"),
    Bad((P, S, np.ones(2)), r"argument `x` must have shape \(3,\)"),
    Bad((P, S._replace(var=np.ones(2)), np.ones(3)), "argument `state.var`"),
    Bad((P._replace(bias=np.ones(2)), S, np.ones(3)), "argument `params.bias`"),
)

ROWS = [
    Row("nn.layer_norm", maker(nn.LayerNorm, 5), layer_oracle, diff=(0, 1), dtypes=DTYPES,
        bad=refused(nn.LayerNorm, 1)),
    Row("nn.rms_norm", maker(nn.RMSNorm, 5), rms_oracle, diff=(0, 1), dtypes=DTYPES,
        bad=refused(nn.RMSNorm, 1)),
    Row("nn.group_norm", maker(nn.GroupNorm, 2, 2, 6),
        lambda params, x: group_oracle(params, x, 3), diff=(0, 1), dtypes=DTYPES,
        call=lambda params, x: nn.group_norm(params, x, num_groups=2),
        bad=(
            Bad((nn.GroupNorm(np.ones(3), np.zeros(3)), np.ones((2, 2, 2, 3))), "num_groups",
                TypeError),
        )),
    Row("nn.instance_norm", maker(nn.InstanceNorm, 2, 3, 2),
        lambda params, x: group_oracle(params, x, 1), diff=(0, 1), dtypes=DTYPES,
        bad=refused(nn.InstanceNorm, 3)),
    Row("nn.batch_norm_train", make_batch, batch_oracle, diff=(0, 1, 2), dtypes=DTYPES, call=train,
        bad=(Bad((P, S, np.ones(3)), "axis_name", TypeError),)),
    Row("nn.batch_norm_apply", make_one, running_oracle, diff=(0, 1, 2), dtypes=DTYPES,
        bad=BATCH_BAD),
    Row("nn.batch_norm_init", lambda rng, dtype: (jnp.zeros((), dtype),),
        lambda _: (np.ones(3), np.zeros(3), np.zeros(3), np.ones(3)),
        diff=NotDifferentiable("constants"),
        call=lambda like: nn.batch_norm_init(3, dtype=like.dtype),
        bad=(Bad((0,), "argument `size`"), Bad((2.0,), "argument `size`", TypeError)),
        note="the argument carries the dtype; a bfloat16 one has a float32 state"),
    *(HostRow(f"nn.{name}", "a record: arrays with names",
              (f"{TESTS}::test_values_and_gradients_agree_with_flax",))
      for name in ("BatchNorm", "BatchNormState", "GroupNorm", "InstanceNorm", "LayerNorm",
                   "RMSNorm")),
]  # fmt: skip
