"""What data ask of a model: to tell classes apart, unless a recipe knows of more."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxmath import datasets
from jaxmath.train import plots
from jaxmath.train._images import resized
from jaxmath.train.predict import predict
from jaxmath.train.recipe import Model, Outcome, Recipe, Task
from jaxmath.train.report import classifier_report
from jaxmath.train.series import SERIES
from jaxmath.train.text import TEXT
from jaxmath.typing import Array, PyTree

__all__ = ["CLASSES", "task_of", "write_plots"]


def _class_parts(
    key: Array, name: str, validation: float, options: Mapping[str, Any]
) -> datasets.Parts:
    """Images become those of ``image_size``, where a recipe has the option and it is given."""
    dataset = datasets.load(name)
    if not dataset.num_classes:
        raise ValueError(f"{name} has no classes to tell apart")
    if options.get("image_size") is not None:
        dataset = resized(dataset, options["image_size"])
    return datasets.standardized_parts(key, dataset, validation=validation)


def _class_report(
    model: Model, eval_fn: Callable, states: PyTree, parts: datasets.Parts, compute_dtype: Any
) -> dict[str, Any]:
    logits = predict(
        model.apply_fn, states, parts.test[0], compute_dtype=compute_dtype, ensemble=True
    )
    return classifier_report(logits, parts.test[1], parts.raw_test.class_names)


def _plot_confusion(outcome: Outcome, path: Path) -> None:
    names = outcome.parts.raw_test.class_names
    plots.plot_confusion(outcome.report["confusion"], path, class_names=names)


def _plot_reliability(outcome: Outcome, path: Path) -> None:
    p = outcome.report["probabilities"]
    every = np.tile(np.asarray(outcome.parts.raw_test.y), len(p))
    plots.plot_reliability(p.reshape(-1, p.shape[-1]), every, path)


def _plot_mistakes(outcome: Outcome, path: Path) -> None:
    plots.plot_mistakes(outcome.parts.raw_test, outcome.report["probabilities"], path)


_SEQUENCES = ("surnames", "sine", "mackey_glass")

CLASSES = Task(
    takes=lambda name: True,
    parts=_class_parts,
    report=_class_report,
    plots={
        "confusion.png": _plot_confusion,
        "reliability.png": _plot_reliability,
        "mistakes.png": _plot_mistakes,
    },
)


def task_of(recipe: Recipe, name: str) -> Task:
    """What a data set asks of a recipe's model.

    Args:
      recipe: the recipe.
      name: the data set's name.

    Returns:
      The first of the recipe's tasks that takes it, ``CLASSES`` if none does.

    Raises:
      ValueError: it is text or series, and the recipe learns none; or nearly the name of such.

    Example:
      >>> from jaxmath.train import RECIPES
      >>> task_of(RECIPES["softmax"], "digits") is CLASSES
      True
      >>> task_of(RECIPES["softmax"], "surnames")
      Traceback (most recent call last):
      ...
      ValueError: surnames is for recurrent networks
    """
    if any(task.takes(name) and task not in recipe.tasks for task in (TEXT, SERIES)):
        raise ValueError(f"{name} is for recurrent networks")
    task = next((task for task in recipe.tasks if task.takes(name)), CLASSES)
    near = difflib.get_close_matches(name, _SEQUENCES, n=1, cutoff=0.8)
    if task is CLASSES and recipe.tasks and near:
        raise ValueError(f"unknown dataset '{name}': did you mean '{near[0]}'?")
    return task


def write_plots(folder: Path, outcome: Outcome, task: Task, recipe: Recipe) -> list[str]:
    """The pictures of a run: its curves, those of the task, and those that are the recipe's own.

    Args:
      folder: where to.
      outcome: the run.
      task: what was asked.
      recipe: what answered.

    Returns:
      The files' names.

    Raises:
      ImportError: matplotlib is not installed.

    Example:
      >>> sorted(CLASSES.plots)
      ['confusion.png', 'mistakes.png', 'reliability.png']
    """
    plots.plot_curves(outcome.history, folder / "curves.png")
    own = recipe.plots if task is CLASSES else {}
    for name, plot in {**task.plots, **own}.items():
        plot(outcome, folder / name)
    return ["curves.png", *task.plots, *own]
