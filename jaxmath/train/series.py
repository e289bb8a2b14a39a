"""Series, a value after another: the next one is to be foretold."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmath import datasets
from jaxmath._figures import subplots
from jaxmath.datasets import Dataset, Parts
from jaxmath.train import plots
from jaxmath.train.predict import predict
from jaxmath.train.recipe import Model, Outcome, Task
from jaxmath.train.report import measures_report
from jaxmath.train.text import plain_parts
from jaxmath.typing import Array, PyTree

__all__ = ["SERIES", "plot_series"]

_SERIES = {"sine": "sine_series", "mackey_glass": "mackey_glass"}
_NUMBER, _DRAWN = 1000, 3


def _parts(key: Array, name: str, validation: float, options: Mapping[str, Any]) -> Parts:
    make = getattr(datasets, _SERIES[name])
    series = make(jax.random.key(0), _NUMBER, options["length"], dtype=np.float32)
    series = Dataset(np.asarray(series.x), np.asarray(series.y))
    rest, test = datasets.split(key, series, (0.8, 0.2))
    held = None
    if validation:
        shares = (1.0 - validation, validation)
        rest, held = datasets.split(jax.random.fold_in(key, 1), rest, shares)
    return plain_parts((rest.x, rest.y), held and (held.x, held.y), test)


def _report(
    model: Model, eval_fn: Callable, states: PyTree, parts: Parts, compute_dtype: Any
) -> dict[str, Any]:
    few = parts.test[0][:_DRAWN]
    y = predict(model.apply_fn, states, few, compute_dtype=compute_dtype, ensemble=True)
    return measures_report(eval_fn, states, parts.test) | {"predicted": y}


def plot_series(true: np.ndarray, predicted: np.ndarray, path: str | Path) -> None:
    """What was foretold of series, beside what came, and the error below.

    Args:
      true: shape (n, T).
      predicted: shape (n, T), each value from those before it.
      path: the PNG file to write.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> import tempfile
      >>> path = Path(tempfile.mkdtemp()) / "series.png"
      >>> plot_series(np.ones((1, 9)), np.zeros((1, 9)), path)
      >>> path.stat().st_size > 1000
      True
    """
    n = len(true)
    figure, axes = subplots(
        2, n, figsize=(4.6 * n, 4.4), sharex=True, squeeze=False, height_ratios=(3, 1),
        layout="constrained",
    )  # fmt: skip
    steps = np.arange(1, true.shape[1] + 1)
    for (top, bottom), y, foretold in zip(axes.T, true, predicted, strict=True):
        top.plot(steps, y, color="black", linewidth=1, label="true")
        top.plot(steps, foretold, "o", color="C1", markersize=3, label="predicted")
        bottom.plot(steps, foretold - y, color="C3", linewidth=1)
        bottom.axhline(0.0, color="black", linewidth=0.6)
        bottom.set_xlabel("step")
        for panel in (top, bottom):
            panel.grid(alpha=0.25)
    axes[0, 0].legend()
    axes[0, 0].set_ylabel("value")
    axes[1, 0].set_ylabel("error")
    figure.suptitle("One step ahead, of the test part", fontsize=10)
    plots._save(figure, path)


def _plot(outcome: Outcome, path: Path) -> None:
    foretold = outcome.report["predicted"][0]
    true = np.asarray(outcome.parts.test[1])[: len(foretold)]
    plot_series(true[:, :, 0], foretold[:, :, 0], path)


SERIES = Task(
    takes=_SERIES.__contains__, parts=_parts, report=_report, plots={"series.png": _plot},
    unit="series",
)  # fmt: skip
