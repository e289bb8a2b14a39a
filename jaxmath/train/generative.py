"""Examples to be made: images, or points of the plane; how like the true ones they are."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import datasets, nn
from jaxmath.datasets import Dataset, Parts, Standardization
from jaxmath.train import _generative_plots as pictures
from jaxmath.train._images import resized
from jaxmath.train.recipe import IDENTITY, Generative, Model, Task, plain_parts
from jaxmath.train.report import measures_report, summary
from jaxmath.typing import Array, PyTree

__all__ = ["CODES", "GAMES"]

_DRAWN = 1000


class Space(NamedTuple):
    """Where samples are measured, and ``measure(x, labels)``: name → value."""

    name: str
    measure: Callable[[Array, Array], dict[str, Array]]


def _loaded(name: str, options: Mapping[str, Any]) -> tuple[Dataset, Standardization]:
    """Images with values from 0 to 1, or points of the plane, and what made them so."""
    dataset = datasets.load(name)
    if not dataset.image_shape and dataset.x.shape[1:] != (2,):
        raise ValueError(f"{name} holds neither images nor points of the plane")
    if options.get("image_size") is not None:
        dataset = resized(dataset, options["image_size"])
    x, fitted = np.asarray(dataset.x, np.float32), IDENTITY
    if dataset.image_shape:
        span = np.maximum(x.max() - x.min(), np.finfo(np.float32).tiny)
        x, fitted = (x - x.min()) / span, Standardization(x.min(), span)
    return dataclasses.replace(dataset, x=x), fitted


def _parts(
    key: Array, name: str, validation: float, options: Mapping[str, Any], *, held_out: bool
) -> Parts:
    dataset, fitted = _loaded(name, options)
    rest, test = datasets.split(key, dataset, (0.8, 0.2))
    pair = lambda part: (part.images if part.image_shape else part.x, part.y)
    held = None
    if held_out and validation:
        shares = (1.0 - validation, validation)
        rest, held = datasets.split(jax.random.fold_in(key, 1), rest, shares)
    parts = plain_parts(pair(rest), None if held is None else pair(held), test)
    return parts._replace(test=pair(test), standardization=fitted)


def _turns(generative: Generative, num: int) -> Array:
    return jnp.arange(num) % max(generative.num_classes, 1)


def drawn(generative: Generative, parts: Parts, num: int) -> Callable[[Array, PyTree], Array]:
    """``draw(key, state)``: examples of the classes in turn; without a prior, reconstructions."""

    @jax.jit
    def draw(test: Any, key: Array, state: PyTree) -> Array:
        if generative.prior:
            codes = jax.random.normal(key, (num, generative.latent_size), jnp.float32)
            what = codes, _turns(generative, num)
            one = lambda pair: generative.decode(state, *pair)
        else:
            assert generative.encode is not None
            encode, what = generative.encode, jax.tree.map(lambda a: a[:num], test)
            one = lambda pair: generative.decode(state, encode(state, *pair), pair[1])
        return jax.lax.map(one, what, batch_size=200)

    # Data in a program would be folded into it.
    return partial(draw, jax.tree.map(jnp.asarray, parts.test))


def _writer(
    model: Model, parts: Parts, given: Mapping[str, Any], path: Path, seed: int,
    show: Callable[[str], Any],
) -> Callable[[int, PyTree], None]:  # fmt: skip
    assert model.generative is not None
    num = given.get("sample") or 200
    if not model.generative.prior:
        num = min(num, len(parts.test[0]))
    draw, key = drawn(model.generative, parts, num), jax.random.key(seed)

    def write(epoch: int, state: PyTree) -> None:
        """Always of the same codes, so that what becomes of them is seen."""
        frames = pictures.frames(path)
        frames = {e: f for e, f in frames.items() if e < epoch and len(f) == num}
        frames[epoch] = np.asarray(draw(key, state))
        pictures.write_frames(path, frames)

    return write


def _rows(X: Any) -> Any:
    return X.reshape(len(X), -1)


def _own_space(parts: Parts) -> Space:
    """The values of an example themselves, against the test part."""
    test = jnp.asarray(_rows(np.asarray(parts.test[0][:_DRAWN], np.float32)))
    points, known = not parts.raw_test.image_shape, parts.raw_test.num_classes
    if points and known:
        y = np.asarray(parts.test[1])
        centers = np.stack([np.asarray(parts.test[0])[y == c].mean(0) for c in range(known)])
        sigma = float(np.sqrt(np.mean((np.asarray(parts.test[0]) - centers[y]) ** 2)))

    @jax.jit
    def measure(test: Array, X: Array) -> dict[str, Array]:
        X = _rows(X)
        found = {"kernel_distance": nn.kernel_distance(X, test).value}
        precision = nn.manifold_precision_recall(X, test)
        found |= {"precision": precision.precision, "recall": precision.recall}
        if points and known:
            modes = nn.mode_coverage(X, jnp.asarray(centers, X.dtype), sigma)
            found |= {"good_share": modes.good, "covered_modes": modes.covered}
        return found

    name = "coordinates" if points else "pixels"
    return Space(name, lambda X, labels: measure(test, X))


def _report(
    model: Model, eval_fn: Callable | None, states: PyTree, parts: Parts, compute_dtype: Any,
    space: Space | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Each measure of samples, beside that of true examples and of uniform noise."""
    assert model.generative is not None
    found: dict[str, Any] = {"test": {}, "test_examples": len(parts.test[1])}
    if eval_fn is not None:
        found = measures_report(eval_fn, states, parts.test)
    if not model.generative.prior:
        return found
    space, draw = space or _own_space(parts), drawn(model.generative, parts, _DRAWN)
    turns = _turns(model.generative, _DRAWN)
    runs = jax.tree.leaves(states)[0].shape[0]
    keys = jax.random.split(jax.random.key(0), runs)
    each = [
        space.measure(draw(key, jax.tree.map(lambda a, i=i: a[i], states)), turns)
        for i, key in enumerate(keys)
    ]
    real, labels = (np.asarray(a[:_DRAWN]) for a in parts.training)
    low, high = real.min(axis=0), real.max(axis=0)
    noise = np.random.default_rng(0).uniform(low, high, real.shape).astype(np.float32)
    references = {
        "true": space.measure(jnp.asarray(real), jnp.asarray(labels)),
        "noise": space.measure(jnp.asarray(noise), turns[: len(noise)]),
    }
    found["measured_in"] = space.name
    for name in each[0]:
        row = summary(np.array([float(values[name]) for values in each]))
        row["references"] = {what: float(values[name]) for what, values in references.items()}
        found["test"][name] = row
    return found


GAMES = Task(
    takes=lambda name: True,
    parts=partial(_parts, held_out=False),
    report=_report,
    plots={
        "samples.png": pictures.samples,
        "samples.gif": pictures.animation,
        "latent.png": pictures.latent,
    },
    writer=_writer,
    written="samples.npz",
    sampling=("sample",),
    looks=10,
)
CODES = GAMES._replace(
    parts=partial(_parts, held_out=True),
    plots={
        **GAMES.plots,
        "reconstructions.png": pictures.reconstructions,
        "codes.png": pictures.codes,
    },
)
