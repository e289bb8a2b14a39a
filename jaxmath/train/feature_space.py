"""The features of an image classifier of an earlier run, as the space to measure samples in."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import datasets, nn
from jaxmath.datasets import Parts
from jaxmath.train import _epoch
from jaxmath.train._image_recipes import IMAGE_RECIPES
from jaxmath.train._images import resized
from jaxmath.train.checkpoint import CheckpointError, restore_checkpoint
from jaxmath.train.folder import settings_in
from jaxmath.train.generative import Space
from jaxmath.train.options import own_options
from jaxmath.train.predict import predict
from jaxmath.train.recipe import Model, Task
from jaxmath.train.state import TrainState
from jaxmath.train.trainer import make_trainer
from jaxmath.typing import Array, PyTree

__all__ = ["measured_in_features"]


def _classifier(settings: dict[str, Any]) -> tuple[Model, tuple[int, ...]]:
    """The network of a run, from its settings and its data, and the shape of its images."""
    name, recipe = settings["model"], IMAGE_RECIPES[settings["model"]]
    given = {option: settings.get(option) for option in recipe.options}
    own = own_options(given, name, IMAGE_RECIPES)
    dataset = datasets.load(settings["dataset"])
    dataset = dataclasses.replace(dataset, x=dataset.x[:1], y=dataset.y[:1])
    if own["image_size"] is not None:
        dataset = resized(dataset, own["image_size"])
    return recipe.make(dataset, **own), dataset.image_shape


def _template(model: Model, settings: dict[str, Any]) -> Any:
    """What the engine's checkpoint of such a run holds, all 0."""
    rates = {name: settings[name] for name in ("learning_rate", "weight_decay")}
    trainer = make_trainer(model, num_steps=1, **rates)

    def start(seed: Array) -> Any:
        state = trainer.start(seed)
        return _epoch.start(state, state.key, None, settings["validation"] > 0)

    many = settings["seeds"] > 1
    seeds = jnp.arange(settings["seeds"]) if many else jnp.zeros((), jnp.int32)
    shapes = jax.eval_shape(jax.vmap(start) if many else start, seeds)
    return jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes)


def _restored(folder: Path, model: Model, settings: dict[str, Any]) -> tuple[TrainState, Any]:
    """The first seed's state at the last checkpoint, and the standardization of its inputs."""
    run, metadata = restore_checkpoint(folder / "checkpoints", _template(model, settings))
    state = run.state
    if settings["seeds"] > 1:
        state = jax.tree.map(lambda a: a[0], state)
    return state, metadata["standardization"]


def _extractor(model: Model, state: TrainState, factor: float, offset: float) -> Callable:
    """``images -> (features, logits)`` for images from 0 to 1."""
    from jaxmath.models import image_networks

    def apply_fn(params: PyTree, model_state: PyTree, x: Array) -> Any:
        x = factor * x + offset
        return image_networks.features(params, model_state, x, config=model.config)

    return partial(predict, apply_fn, state)


def _space(folder: Path, extract: Callable, parts: Parts, num: int, conditional: bool) -> Space:
    num = min(num, len(parts.test[0]))
    known = np.concatenate([parts.test[0][:num], parts.training[0]]).astype(np.float32)
    test, train = jnp.split(jnp.asarray(extract(known)[0]), [num])

    def measure(images: Array, labels: Array) -> dict[str, Array]:
        phi, logits = extract(images)
        found = nn.sample_measures(phi, logits, train, test)
        asked = {"asked_class": nn.accuracy(logits, labels)} if conditional else {}
        return {
            "kernel_distance": found.kernel_distance.value,
            "kernel_distance_error": found.kernel_distance.standard_error,
            "frechet_distance": found.frechet_distance,
            "precision": found.manifold.precision,
            "recall": found.manifold.recall,
            "least_class_share": found.classes.shares.min(),
            "largest_class_share": found.classes.shares.max(),
            "confidence": found.classes.confidence,
            **asked,
            "memorization_ratio": found.memorization_ratio,
        }

    return Space(f"features of {folder}", measure)


def measured_in_features(
    task: Task, model: Model, folder: Path, dataset: str, parts: Parts, *, num: int = 1000
) -> Task:
    """The task of a generative model, with its report in the features of a classifier of a run.

    Args:
      task: what is learned.
      model: the generative model.
      folder: where ``scripts/train.py`` trained an image network on the same images; its last
        checkpoint is taken, of several seeds the first.
      dataset: the name of the data set.
      parts: the data, images with values from 0 to 1.
      num: test examples to measure against, at most.

    Returns:
      The task. Beside the measures of ``nn.sample_measures`` its report has the share of samples
      that the classifier takes for the class that was asked for, where the model has classes.

    Raises:
      ValueError: the model draws no images; the folder holds no run of an image network, one on
        another data set or on images of another shape, or no checkpoint of it.

    Example:
      >>> from jaxmath.train import CODES, RECIPES
      >>> from jaxmath import datasets
      >>> model = RECIPES["ae"].make(datasets.digits(), **{"latent": 2, "image_size": None,
      ...                                                 "hidden": (4,)})
      >>> measured_in_features(CODES, model, Path("results/cnn"), "digits", None)
      Traceback (most recent call last):
      ...
      ValueError: --features is for models that draw images from codes
    """
    if not (model.generative and model.generative.prior and parts.raw_test.image_shape):
        raise ValueError("--features is for models that draw images from codes")
    record = folder / "run.json"
    if not record.is_file():
        raise ValueError(f"--features: {folder} holds no run of scripts/train.py")
    settings = settings_in(record)
    if settings["model"] not in IMAGE_RECIPES:
        raise ValueError(
            f"--features: {folder} holds a run of {settings['model']}, which is no image network"
        )
    if Path(settings["dataset"]).resolve() != Path(dataset).resolve():
        raise ValueError(
            f"--features: {folder} holds a run on {settings['dataset']}, and this is {dataset}"
        )
    classifier, shape = _classifier(settings)
    if shape != parts.raw_test.image_shape:
        spell = lambda shape: "×".join(map(str, shape))
        raise ValueError(
            f"--features: {folder} holds a run on images of {spell(shape)}, and these are "
            f"{spell(parts.raw_test.image_shape)}: choose --image-size"
        )
    try:
        state, seen = _restored(folder, classifier, settings)
    except CheckpointError as error:
        raise ValueError(f"--features: {error}") from error
    low, span = (float(value) for value in parts.standardization)
    factor, offset = span / seen["scale"], (low - seen["mean"]) / seen["scale"]
    extract = _extractor(classifier, state, factor, offset)
    space = _space(folder, extract, parts, num, model.generative.num_classes > 0)
    return task._replace(report=partial(task.report, space=space))
