"""What ``scripts/train.py`` asks of a kind of model: its options, and how to make it of data."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from jaxmath.datasets import Dataset, Parts, Standardization
from jaxmath.train.options import Option
from jaxmath.typing import Array, PyTree

__all__ = ["Generative", "Model", "Outcome", "Recipe", "Task"]


def is_right(logits: Array, label: Array) -> Array:
    """1 where the likeliest class is the true one, 0 where it is not."""
    return (jnp.argmax(logits) == label).astype(jnp.float32)


IDENTITY = Standardization(np.zeros(()), np.ones(()))


def plain_parts(training: Any, validation: Any, test: Dataset) -> Parts:
    """Parts of data that are not standardized: two pairs, of which the second may be None."""
    return Parts(training, validation, (test.x, test.y), test, IDENTITY)


class Generative(NamedTuple):
    """How a model makes examples.

    Args:
      latent_size: entries of z.
      decode: ``decode(state, z, label) -> x`` for one example; the state is that of one run.
      num_classes: classes that a label chooses between, 0 where it is not looked at.
      encode: ``encode(state, x, label) -> z``, None where there is no encoder.
      prior: whether z ~ N(0, I) gives examples; where not, those of encoded ones are shown.

    Example:
      >>> Generative(2, lambda state, z, label: state * z).num_classes
      0
    """

    latent_size: int
    decode: Callable[[PyTree, Array, Array], Array]
    num_classes: int = 0
    encode: Callable[[PyTree, Array, Array], Array] | None = None
    prior: bool = True


class Model(NamedTuple):
    """A model of one configuration, as the engine takes it.

    Args:
      config: the configuration; its ``repr`` goes into the checkpoints.
      init: ``init(key) -> (params, model_state)``, in float32.
      train_fn: as ``supervised_step`` takes it.
      apply_fn: as ``supervised_eval`` takes it; an example is a row of the data set.
      loss: ``loss(y, target)``, a classifier's by default.
      metrics: more measures of the kind.
      modes: ``fit``'s mode of one run, and of several at once.
      clip: the largest norm of a gradient, None for any.
      trainer: makes the trainer, with the keywords of ``make_trainer``, of a model that is no loss
        of an example; all but ``config``, ``modes`` and ``generative`` is then not looked at.
      generative: how it makes examples, where it does.
      pair: ``pair(x, y) -> (input, target)`` of rows of the data, None where they are that.

    Example:
      >>> import jax
      >>> from jaxmath import datasets, train
      >>> model = train.RECIPES["softmax"].make(datasets.iris())
      >>> params, model_state = model.init(jax.random.key(0))
      >>> model.apply_fn(params, model_state, jnp.zeros(4)).shape
      (3,)
    """

    config: Any
    init: Any = None
    train_fn: Any = None
    apply_fn: Any = None
    loss: Callable[[Any, Any], Array] = nn.softmax_cross_entropy
    metrics: Mapping[str, Callable] = {"accuracy": is_right}
    modes: tuple[str, str] = ("scan", "vmap")
    clip: float | None = None
    trainer: Callable | None = None
    generative: Generative | None = None
    pair: Callable[[Any, Any], tuple[Any, Any]] | None = None


class Outcome(NamedTuple):
    """A run that is done, for the pictures of it.

    Args:
      model: what was trained.
      states: the state at the end, with a leading axis of seeds.
      parts: the data.
      history: name → values of shape (epochs,) or (epochs, seeds).
      report: what the task's ``report`` found.

    Example:
      >>> Outcome._fields[-1]
      'report'
    """

    model: Model
    states: PyTree
    parts: Parts
    history: Mapping[str, Any]
    report: Mapping[str, Any]


class Task(NamedTuple):
    """What data of a kind ask of a model: their parts, how good it is, and pictures of that.

    Args:
      takes: ``takes(name)``: is the data set of this kind?
      parts: ``parts(key, name, validation, options) -> Parts``, options the recipe's own.
      report: ``report(model, eval_fn, states, parts, compute_dtype)``, a dictionary for JSON but
        for arrays; ``test`` in it is name → row as ``classifier_report`` has them.
      plots: pictures, file name → ``plot(outcome, path)``.
      unit: what an example is called, with {} for the number of classes.
      writer: ``writer(model, parts, given, path, seed, show) -> write``, where a model of it can
        make examples on its way; ``write(epoch, state)`` writes them to the path.
      written: the name of the file that it writes.
      sampling: the options of ``SAMPLING`` that it reads from ``given``.
      looks: how often it is called.

    Example:
      >>> from jaxmath import train
      >>> train.task_of(train.RECIPES["mlp"], "iris") is train.CLASSES
      True
    """

    takes: Callable[[str], bool]
    parts: Callable[[Array, str, float, Mapping[str, Any]], Parts]
    report: Callable[..., dict[str, Any]]
    plots: Mapping[str, Callable[[Outcome, Path], None]]
    unit: str = "examples, {} classes"
    writer: Callable[..., Callable[[int, PyTree], None]] | None = None
    written: str = ""
    sampling: tuple[str, ...] = ()
    looks: int = 4


class Recipe(NamedTuple):
    """A kind of model with all that is its own.

    Args:
      summary: what it is, in a line.
      make: ``make(dataset, **options) -> Model``, the sizes of input and output from the data (the
        test part of them, before standardization).
      training: epochs, learning_rate and weight_decay to start from.
      options: what ``make`` takes beside the data. Recipes that share an option may differ in its
        default only.
      dataset: the name of the data set to train on by default.
      plots: more pictures, file name → ``plot(outcome, path)``.
      tasks: what it can learn beside telling classes apart; the first that takes the data.

    Example:
      >>> from jaxmath import train
      >>> recipe = train.RECIPES["mlp"]
      >>> sorted(recipe.options), sorted(recipe.training)
      (['activation', 'dropout', 'hidden'], ['epochs', 'learning_rate', 'weight_decay'])
    """

    summary: str
    make: Callable[..., Model]
    training: Mapping[str, float]
    options: Mapping[str, Option] = {}
    dataset: str = "digits"
    plots: Mapping[str, Callable[[Outcome, Path], None]] = {}
    tasks: tuple[Task, ...] = ()
