"""Series, a value after another: the next one is to be foretold."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmath import datasets
from jaxmath.datasets import Dataset, Parts
from jaxmath.train import plots
from jaxmath.train.predict import predict
from jaxmath.train.recipe import Model, Outcome, Task, plain_parts
from jaxmath.train.report import measures_report
from jaxmath.typing import Array, PyTree

__all__ = ["SERIES"]

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


def _plot(outcome: Outcome, path: Path) -> None:
    foretold = outcome.report["predicted"][0]
    true = np.asarray(outcome.parts.test[1])[: len(foretold)]
    plots.plot_series(true[:, :, 0], foretold[:, :, 0], path)


SERIES = Task(
    takes=_SERIES.__contains__, parts=_parts, report=_report, plots={"series.png": _plot},
    unit="series",
)  # fmt: skip
