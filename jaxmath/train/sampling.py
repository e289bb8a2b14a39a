"""What a generative model makes as it learns: the options, and who writes it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jaxmath.datasets import Parts
from jaxmath.train.options import Option
from jaxmath.train.recipe import Model, Task
from jaxmath.typing import PyTree

__all__ = ["SAMPLING", "make_writer"]

SAMPLING: Mapping[str, Option] = MappingProxyType({
    "sample": Option(int, 200, "characters of each sample of text, or examples to draw", low=1),
    "temperature": Option(float, 1.0, "below 1 for likelier characters, 0 for the likeliest", 0.0),
    "top_k": Option(int, None, "draw from the N likeliest characters alone", low=1),
    "prompt": Option(str, "", "what the text begins with"),
})  # fmt: skip


def make_writer(
    task: Task, model: Model, parts: Parts, given: Mapping[str, Any], path: Path, seed: int,
    show: Callable[[str], Any],
) -> Callable[[int, PyTree], None] | None:  # fmt: skip
    """What lets a generative model make examples on its way, into a file and onto the screen.

    Args:
      task: what is learned.
      model: the network.
      parts: the data.
      given: name → value of the options ``SAMPLING``, None for the default.
      path: where to.
      seed: of the samples.
      show: prints a text.

    Returns:
      ``write(epoch, state)`` for the state of one run, or None where the task makes no examples.

    Raises:
      ValueError: an option that the task does not read, or a value that its data do not allow.

    Example:
      >>> from jaxmath.train.tasks import CLASSES
      >>> make_writer(CLASSES, None, None, {"prompt": "a"}, Path(), 0, print)
      Traceback (most recent call last):
      ...
      ValueError: --prompt is for text
    """
    for name in SAMPLING:
        if given.get(name) is not None and name not in task.sampling:
            what = "what makes examples" if name == "sample" else "text"
            raise ValueError(f"--{name.replace('_', '-')} is for {what}")
    return task.writer and task.writer(model, parts, given, path, seed, show)
