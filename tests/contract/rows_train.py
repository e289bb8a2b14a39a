"""Rows of ``jaxmath.train``: the pure pieces as functions, the rest by its tests."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxmath import train
from tests.contract.row import Bad, HostRow, Row

STATE = "tests/train/test_state.py"
STEP = "tests/train/test_step.py"
FIT = "tests/train/test_fit.py"
CHECKPOINT = "tests/train/test_checkpoint.py"
DEVICES = "tests/train/test_devices.py"

_LINEAR = train.adapt(lambda params, x: jnp.dot(params, x))
_SQUARE = lambda y, target: (y - target) ** 2
_RATE = 0.125


def _make(rng, dtype):
    arrays = [rng.standard_normal(shape) for shape in ((3,), (5, 3), (5,))]
    arrays.append(rng.uniform(0.5, 1.0, 5))
    return tuple(jnp.asarray(a, dtype) for a in arrays)


def _state(params):
    return train.init_state(jax.random.key(0), params, optimizer=optax.sgd(_RATE))


def _one_step(params, x, y, weight):
    step = train.supervised_step(_LINEAR[0], _SQUARE, optax.sgd(_RATE))
    state, metrics = step(_state(params), train.Batch(x, y, weight), jax.random.key(1))
    return state.params, metrics["loss"]


def _one_step_by_hand(params, x, y, weight):
    weight = weight / weight.sum()
    residual = x @ params - y
    return params - _RATE * 2 * (weight * residual) @ x, np.sum(weight * residual**2)


def _losses(params, x, y, weight):
    eval_fn = train.supervised_eval(_LINEAR[1], _SQUARE)
    return eval_fn(_state(params), train.Batch(x, y, weight))["loss"]


def _both(params, x):
    train_fn, apply_fn = train.adapt(lambda params, x: jnp.dot(params, x))
    return train_fn(jax.random.key(0), params, (), x, axis_name="batch")[0], apply_fn(params, (), x)


ROWS = [
    Row(
        "train.adapt",
        make=lambda rng, dtype: _make(rng, dtype)[:1] * 2,
        call=_both,
        oracle=lambda params, x: (params @ x, params @ x),
        diff=(0, 1),
        bad=(Bad((3,), "`apply` must be a function", TypeError),),
    ),
    Row(
        "train.supervised_step",
        make=_make,
        call=_one_step,
        oracle=_one_step_by_hand,
        diff=(0, 1, 2, 3),
        bad=(Bad((_LINEAR[0], 3, optax.sgd(0.1)), "`loss` must be a function", TypeError),),
    ),
    Row(
        "train.supervised_eval",
        make=_make,
        call=_losses,
        oracle=lambda params, x, y, weight: (x @ params - y) ** 2,
        diff=(0, 1, 2),
        bad=(Bad((_LINEAR[1], 3), "`loss` must be a function", TypeError),),
    ),
]

_EVIDENCE = {
    "Batch": ("a record", f"{STEP}::test_weight_zero_is_absence"),
    "CheckpointError": (
        "an exception",
        f"{CHECKPOINT}::test_a_failed_save_in_the_background_surfaces",
    ),
    "FitResult": ("a record", f"{FIT}::test_early_stopping_keeps_the_best"),
    "TrainState": ("a record", f"{STATE}::test_round_trip_is_exact"),
    "data_mesh": (
        "makes a mesh",
        f"{DEVICES}::test_eight_devices_are_as_good_as_one",
    ),
    "evaluate": ("a host driver", f"{FIT}::test_evaluation_counts_every_example_once"),
    "fit": ("a host driver", f"{FIT}::test_both_programs_are_the_loop_by_hand"),
    "from_flax": ("converts a record", f"{STATE}::test_round_trip_is_exact"),
    "init_state": ("makes a record", f"{STATE}::test_flax_takes_the_same_step"),
    "predict": ("a host driver", "tests/train/test_predict.py::test_every_example_in_its_place"),
    "restore_checkpoint": ("reads a file", f"{CHECKPOINT}::test_round_trip_is_exact"),
    "save_checkpoint": ("writes a file", f"{CHECKPOINT}::test_round_trip_is_exact"),
    "to_flax": ("converts a record", f"{STATE}::test_round_trip_is_exact"),
}

ROWS += [
    HostRow(f"train.{name}", reason, (evidence,)) for name, (reason, evidence) in _EVIDENCE.items()
]
