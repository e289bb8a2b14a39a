"""How good a classifier is, or several of one kind: every figure with its standard error."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.train._data import as_pair
from jaxmath.train.evaluate import evaluate
from jaxmath.typing import Array, ArrayLike, PyTree, as_array

__all__ = ["classifier_report", "measures_report", "report_tables"]

_MEASURES = ("accuracy", "loss", "brier_score", "calibration_error")


def _figures(labels: Array, logits: Array) -> tuple[Array, dict[str, Array], Array, Any]:
    """Of one classifier: probabilities, measures, confusion matrix, scores of the classes."""
    p = jax.vmap(nn.softmax)(logits)
    found = {
        "accuracy": nn.accuracy(logits, labels),
        "loss": jnp.mean(jax.vmap(nn.softmax_cross_entropy)(logits, labels)),
        "brier_score": nn.brier_score(p, labels),
        "calibration_error": nn.expected_calibration_error(p, labels),
    }
    predicted = jnp.argmax(logits, axis=1)
    confusion = nn.confusion_matrix(predicted, labels, num_classes=logits.shape[1])
    return p, found, confusion, nn.class_scores(confusion.astype(jnp.float32))


@jax.jit
def _all_figures(logits: Array, labels: Array) -> Any:
    """Of several, one after another."""
    return jax.lax.map(partial(_figures, labels), logits)


def summary(values: np.ndarray) -> dict[str, Any]:
    """Mean, standard error and each value of a measure that several seeds have."""
    runs = len(values)
    error = float(np.std(values, ddof=1) / np.sqrt(runs)) if runs > 1 else None
    return {
        "mean": float(np.mean(values)),
        "standard_error_over_seeds": error,
        "seeds": values.astype(float).tolist(),
    }


def classifier_report(
    logits: ArrayLike, labels: ArrayLike, class_names: Sequence[str]
) -> dict[str, Any]:
    """The figures of a test sample, for classifiers that differ in their seeds.

    ::

        standard error over r seeds: s/√r;   of the sample of n examples: √(a (1 − a)/n)

    Args:
      logits: shape (r, n, k): of each of the r classifiers, for each example.
      labels: the true classes, integers of shape (n,).
      class_names: k names.

    Returns:
      A dictionary for JSON but for its last entry. ``test``: of accuracy, loss, Brier score and
      calibration error the mean, the standard error over the seeds (None for one) and each seed's.
      ``accuracy_of_averaged_probabilities``. ``classes``: precision, recall and F₁ of each, means
      over the seeds. ``confusion``: counts, summed over the seeds. ``probabilities``: an array of
      the shape of ``logits``.

    Raises:
      ValueError: shapes that do not fit.

    Example:
      >>> logits = jnp.array([[[2.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [2.0, 0.0]]])
      >>> report = classifier_report(logits, jnp.array([0, 1]), ("cat", "dog"))
      >>> row = report["test"]["accuracy"]
      >>> print(row["mean"], row["standard_error_over_seeds"], report["confusion"])
      0.75 0.25 [[2, 0], [1, 1]]
    """
    logits = as_array("logits", logits, ndim=3, min_size=1)
    logits = as_array("logits", logits, shape=(*logits.shape[:2], len(class_names)))
    labels = as_array("labels", labels, shape=logits.shape[1:2], kind="integer")
    if np.min(labels) < 0 or np.max(labels) >= len(class_names):
        raise ValueError(
            f"classifier_report: argument `labels` must lie in 0 … {len(class_names) - 1}, got "
            f"{int(np.min(labels))} … {int(np.max(labels))}"
        )
    p, found, confusion, scores = jax.device_get(_all_figures(logits, labels))
    test = {name: summary(found[name]) for name in _MEASURES}
    a = test["accuracy"]["mean"]
    test["accuracy"]["standard_error_of_test_sample"] = float(np.sqrt(a * (1 - a) / len(labels)))
    shares = {name: getattr(scores, name).mean(axis=0) for name in ("precision", "recall", "f1")}
    return {
        "test": test,
        "accuracy_of_averaged_probabilities": float(
            np.mean(p.mean(axis=0).argmax(axis=1) == np.asarray(labels))
        ),
        "classes": [
            {
                "class": name,
                **{measure: float(share[c]) for measure, share in shares.items()},
                "support": int(scores.support[0, c]),
            }
            for c, name in enumerate(class_names)
        ],
        "confusion": confusion.sum(axis=0).tolist(),
        "probabilities": p,
    }


def measures_report(
    eval_fn: Callable, states: PyTree, data: Any, *, batch_size: int = 256
) -> dict[str, Any]:
    """The mean of every measure over a test sample, for models that differ in their seeds.

    Args:
      eval_fn: as ``evaluate`` takes it.
      states: with a leading axis of r seeds.
      data: as ``evaluate`` takes it.
      batch_size: as in ``evaluate``.

    Returns:
      A dictionary for JSON: ``test_examples``, and ``test`` as in ``classifier_report``.

    Example:
      >>> report = measures_report(
      ...     lambda state, batch: {"loss": state * batch.x}, jnp.array([1.0, 3.0]),
      ...     (jnp.ones(5), jnp.zeros(5)))
      >>> report["test"]["loss"]["mean"]
      2.0
    """
    runs = jax.tree.leaves(states)[0].shape[0]
    one = lambda i: jax.tree.map(lambda a: a[i], states)
    found = [evaluate(eval_fn, one(i), data, batch_size=batch_size) for i in range(runs)]
    test = {name: summary(np.array([row[name] for row in found])) for name in found[0]}
    examples = np.shape(jax.tree.leaves(as_pair(data))[0])[0]
    return {"test": test, "test_examples": examples}


def report_tables(report: Mapping[str, Any]) -> list[Any]:
    """The figures of the test part, and of each class, as tables for a console.

    Args:
      report: what ``classifier_report`` or ``measures_report`` found.

    Returns:
      Tables that ``rich`` prints, one or two.

    Raises:
      ImportError: rich is not installed.

    Example:
      >>> report = classifier_report([[[1.0, 0.0], [0.0, 1.0]]], [0, 1], ("cat", "dog"))
      >>> for table in report_tables(report):
      ...     print(table.title)
      Test part, 2 examples: one seed
      Classes
    """
    from rich.table import Table
    from rich.text import Text  # as it is: rich would take [x] of a name for markup

    runs = len(next(iter(report["test"].values()))["seeds"])
    classes = report.get("classes", ())
    n = sum(row["support"] for row in classes) or report["test_examples"]
    over = f"mean ± standard error of {runs} seeds" if runs > 1 else "one seed"
    title = f"Test part, {n:,} examples: {over}"
    where = f"samples measured in {report['measured_in']}" if "measured_in" in report else None
    caption = Text(where, "table.caption") if where else None
    board = Table(title=title, caption=caption, min_width=max(len(title), len(where or "")))
    board.add_column("measure", no_wrap=True)
    board.add_column("value", justify="right", no_wrap=True)
    for name, row in report["test"].items():
        scale, unit, digits = (100.0, " %", 2) if name == "accuracy" else (1.0, "", 4)
        spread = row["standard_error_over_seeds"]
        form = f".{digits}f" if abs(row["mean"]) >= 0.01 else ".3g"
        text = f"{scale * row['mean']:{form}}"
        text += f" ± {scale * spread:{form}}" if spread is not None else ""
        board.add_row(Text(name.replace("_", " ")), text + unit)
        for what, value in row.get("references", {}).items():
            board.add_row(
                Text(f"  of {what} examples"), f"{value:{form if abs(value) >= 0.01 else '.3g'}}"
            )
        if "standard_error_of_test_sample" in row:
            sample = 100 * row["standard_error_of_test_sample"]
            board.add_row(f"  standard error from {n:,} examples", f"± {sample:.2f} %")
    if not classes:
        return [board]
    if runs > 1:
        averaged = report["accuracy_of_averaged_probabilities"]
        board.add_row("accuracy of the averaged probabilities", f"{100 * averaged:.2f} %")

    table = Table(title="Classes" + (": means over seeds" if runs > 1 else ""))
    table.add_column("class", no_wrap=True)
    for column in ("precision", "recall", "f1", "examples"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in classes:
        shares = (f"{100 * row[name]:.1f} %" for name in ("precision", "recall", "f1"))
        table.add_row(Text(row["class"]), *shares, f"{row['support']:,}")
    return [board, table]
