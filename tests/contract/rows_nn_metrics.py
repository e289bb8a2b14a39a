"""Rows of ``jaxmath.nn``'s metrics of classifiers, with scikit-learn for an oracle."""

from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from sklearn import metrics as peers

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row

DTYPES = ("float32", "bfloat16", "float64")
FLAT = NotDifferentiable("piecewise constant: the derivative is 0")
CLASSES = np.arange(4)


def make_sample(rng: np.random.Generator, dtype: Any) -> tuple:
    """Distributions that bfloat16 holds, no two probabilities of a row equal."""
    weights = rng.permuted(np.tile([1.0, 3.0, 5.0, 7.0], (6, 1)), axis=1) / 16
    return jnp.asarray(weights, dtype), jnp.asarray(rng.permutation([0, 1, 2, 3, 1, 2]), jnp.int32)


def make_predictions(rng: np.random.Generator, dtype: Any) -> tuple:
    """The third argument carries the dtype."""
    drawn = [jnp.asarray(rng.integers(0, 4, 9), jnp.int32) for _ in range(2)]
    return (*drawn, jnp.zeros((), dtype))


def ece_oracle(p: np.ndarray, y: np.ndarray, num_bins: int = 15) -> float:
    total = 0.0
    for m in range(num_bins):
        rows = [i for i in range(len(p)) if m / num_bins < p[i].max() <= (m + 1) / num_bins]
        gaps = [float(p[i].argmax() == y[i]) - p[i].max() for i in rows]
        total += abs(sum(gaps)) / len(p)
    return total


def reliability_oracle(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = np.zeros((3, 15))
    confidence = p.max(axis=1)
    for m in range(15):
        rows = (m / 15 < confidence) & (confidence <= (m + 1) / 15)
        if rows.any():
            right = (p.argmax(axis=1) == y)[rows]
            found[:, m] = confidence[rows].mean(), right.mean(), rows.mean()
    return tuple(found)


def class_scores_oracle(C: np.ndarray) -> tuple:
    precision = [C[i, i] / sum(C[:, i]) for i in range(3)]
    recall = [C[i, i] / sum(C[i, :]) for i in range(3)]
    f1 = [2 * p * r / (p + r) for p, r in zip(precision, recall, strict=True)]
    return tuple(np.array(v) for v in (precision, recall, f1, [sum(row) for row in C]))


def bad_sample(name: str) -> tuple[Bad, ...]:
    y = np.zeros(3, int)
    return (
        Bad((np.zeros(3), y), f"argument `{name}` must have rank 2"),
        Bad((np.zeros((0, 2)), y[:0]), f"argument `{name}` must have at least 1"),
        Bad((np.ones((3, 2)), y[:2]), r"argument `labels` must have shape \(3,\)"),
        Bad((np.ones((3, 2)), np.zeros(3)), "argument `labels` must have an integer", TypeError),
    )


def sample_row(name: str, oracle: Any, argument: str = "probabilities", **options: Any) -> Row:
    return Row(
        f"nn.{name}", make_sample, oracle, bad=bad_sample(argument), dtypes=DTYPES, **options
    )


ROWS = [
    sample_row(
        "accuracy", lambda s, y: peers.accuracy_score(y, s.argmax(axis=1)), "scores", diff=FLAT
    ),
    sample_row(
        "top_k_accuracy",
        lambda s, y: peers.top_k_accuracy_score(y, s, k=2, labels=CLASSES),
        "scores",
        diff=FLAT,
        call=partial(nn.top_k_accuracy, k=2),
    ),
    sample_row(
        "brier_score",
        lambda p, y: peers.brier_score_loss(y, p, labels=CLASSES, scale_by_half=False),
    ),
    sample_row("reliability", reliability_oracle),
    sample_row("expected_calibration_error", ece_oracle),
    Row(
        "nn.confusion_matrix",
        make_predictions,
        lambda predictions, labels, _: peers.confusion_matrix(labels, predictions, labels=CLASSES),
        diff=NotDifferentiable("integers in, integers out"),
        bad=(
            Bad((np.zeros(3), np.zeros(3, int)), "missing 1 required keyword", TypeError),
            Bad((np.zeros((2, 3), int), np.zeros(3, int)), "num_classes", TypeError),
        ),
        call=lambda predictions, labels, like: nn.confusion_matrix(
            predictions, labels, num_classes=4
        ),
        note="the third argument carries the dtype",
    ),
    Row(
        "nn.class_scores",
        lambda rng, dtype: (jnp.asarray(rng.integers(1, 6, (3, 3)), dtype),),
        class_scores_oracle,
        bad=(
            Bad((np.zeros(3),), "argument `confusion` must have rank 2"),
            Bad((np.zeros((2, 3)),), r"argument `confusion` must have shape \(2, 2\)"),
            Bad((np.zeros((0, 0)),), "argument `confusion` must have at least 1"),
        ),
    ),
    HostRow("nn.ClassScores", "a record", ("tests/nn/test_metrics.py::test_class_scores",)),
    HostRow("nn.Reliability", "a record", ("tests/nn/test_calibration.py::test_bins",)),
]
