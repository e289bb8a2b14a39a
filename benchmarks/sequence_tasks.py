"""What recurrent networks learn: tasks of memory, the surnames, the rows of handwritten digits.

    python benchmarks/sequence_tasks.py --tasks adding --json benchmarks/results/adding_cpu.json

Each task has its cells, of h units in one layer, and trains them with Adam and the global norm of
the gradient clipped at 1. The learning rates of the task's grid, the same for each cell, are lanes
of one program. A lane is chosen by its validation figure; with the first lane that meets the target
the cell ends (but for ``--full``), and the test figure is that lane's. Tasks from a key draw every
batch anew.

**adding** (T = 100): mean squared error; the constant 1 has 1/6. **copy** (8 symbols, 10 of them,
delay 30): accuracy on the symbols asked for; chance has 1/8. **clockwork** (two time scales): mean
squared error; following one of them has 1/4. The vanilla network has as many parameters as the
clockwork one uses. **surnames**: bits a character on names not seen, beside interpolated n-grams
fitted to the same training and validation parts. **rows**: accuracy on the stratified 1,000 of
MNIST-5k (seed 0), one row a step; the mean of the seeds after all steps, nothing chosen.
"""

import argparse
import functools
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath import datasets, nn, optimize
from jaxmath.benchmark import environment
from jaxmath.models import ngram, rnn

Batch = tuple[jax.Array, ...]


class Task(NamedTuple):
    """What is learned, by whom, and what counts as learned.

    Args:
      cells: their names.
      target: of the figure.
      config: from a cell's name and h to the network's shape.
      batch: from a key and a number of sequences to a batch for training.
      held_out: from "validation" or "test" to a batch.
      loss: from the parameters, the shape and a batch to what is minimized.
      figure: the same to what is reported.
      higher: whether a higher figure is better.
      rates: the grid of learning rates.
      seeds: networks for each rate.
      decay: whether the learning rate falls to 0 along a cosine.
    """

    cells: tuple[str, ...]
    target: float
    config: Callable[[str, int], rnn.Config]
    batch: Callable[[jax.Array, int], Batch]
    held_out: Callable[[str], Batch]
    loss: Callable[[Any, rnn.Config, Batch], jax.Array]
    figure: Callable[[Any, rnn.Config, Batch], jax.Array]
    higher: bool = False
    rates: tuple[float, ...] = (0.001, 0.003, 0.01)
    seeds: int = 1
    decay: bool = False


def outputs(params: Any, config: rnn.Config, x: jax.Array, lengths: Any = None) -> jax.Array:
    apply = partial(rnn.apply, config=config)
    if lengths is None:
        return jax.vmap(apply, (None, 0))(params, x)
    return jax.vmap(lambda x, n: apply(params, x, length=n))(x, lengths)


def squared(params: Any, config: rnn.Config, batch: Batch) -> jax.Array:
    x, y = batch
    return jnp.mean((outputs(params, config, x).reshape(y.shape) - y) ** 2)


def cross_entropy(z: jax.Array, y: jax.Array) -> jax.Array:
    """Element by element."""
    return optax.softmax_cross_entropy_with_integer_labels(z, y)


# From a key.

HELD_OUT = {"validation": (1, 500), "test": (2, 2000)}


def generated(make: Callable[..., datasets.Dataset], code: Callable = lambda x: x) -> dict:
    """Batches, validation and test of a task from a key."""

    @partial(jax.jit, static_argnums=1)
    def batch(key: jax.Array, n: int) -> Batch:
        x, y = make(key, n)
        return code(x), y

    def held_out(part: str) -> Batch:
        seed, n = HELD_OUT[part]
        return batch(jax.random.fold_in(jax.random.key(2**20), seed), n)

    return {"batch": batch, "held_out": held_out}


def adding(steps: int = 100) -> Task:
    return Task(
        ("gru", "lstm", "elman", "elman, Glorot"),
        1e-3,
        lambda cell, h: rnn.Config((2, h, 1), cell),
        **generated(lambda key, n: datasets.adding_problem(key, n, steps)),
        loss=squared,
        figure=squared,
    )


def copy(delay: int = 30, length: int = 10, num_symbols: int = 8) -> Task:
    make = partial(datasets.copy_memory, delay=delay, length=length, num_symbols=num_symbols)
    classes = num_symbols + 2

    def loss(params: Any, config: rnn.Config, batch: Batch) -> jax.Array:
        return jnp.mean(cross_entropy(outputs(params, config, batch[0]), batch[1]))

    def accuracy(params: Any, config: rnn.Config, batch: Batch) -> jax.Array:
        found = jnp.argmax(outputs(params, config, batch[0])[:, -length:], axis=2)
        return jnp.mean(found == batch[1][:, -length:])

    return Task(
        ("gru", "lstm", "elman"),
        0.99,
        lambda cell, h: rnn.Config((classes, h, classes), cell, "many_to_many"),
        **generated(make, lambda x: jax.nn.one_hot(x, classes)),
        loss=loss,
        figure=accuracy,
        higher=True,
    )


PERIODS = (1, 4, 16, 32)


def equal_units(h: int, in_size: int, periods: tuple[int, ...]) -> int:
    """Units of a vanilla network with the parameters that a clockwork one of h units uses."""
    used = in_size * h + h * h * (len(periods) + 1) / (2 * len(periods)) + 2 * h
    return round((math.sqrt((in_size + 2) ** 2 + 4 * used) - (in_size + 2)) / 2)


def clockwork(steps: int = 128) -> Task:
    def config(cell: str, h: int) -> rnn.Config:
        h = h if cell == "clockwork" else equal_units(h, 1, PERIODS)
        return rnn.Config((1, h, 1), cell, "many_to_many", periods=PERIODS)

    return Task(
        ("clockwork", "elman", "elman, Glorot"),
        0.0,
        config,
        **generated(lambda key, n: datasets.two_time_scales(key, n, steps)),
        loss=squared,
        figure=squared,
    )


# From files.


def drawn(*arrays: np.ndarray) -> Callable[[jax.Array, int], Batch]:
    """Examples at random, with replacement."""
    on_device = tuple(map(jnp.asarray, arrays))

    def batch(key: jax.Array, n: int) -> Batch:
        rows = jax.random.randint(key, (n,), 0, len(on_device[0]))
        return tuple(array[rows] for array in on_device)

    return batch


@functools.cache
def names(size: int | None = None) -> tuple[int, dict[str, datasets.Sequences]]:
    """The vocabulary's size and the parts."""
    texts = datasets.surnames()[:size]
    vocabulary = datasets.fit_vocabulary("\n" + "".join(texts))
    parts = datasets.split_texts(jax.random.key(0), texts, (0.8, 0.1, 0.1))
    padded = (datasets.padded_texts(vocabulary, part) for part in parts)
    return len(vocabulary), dict(zip(("training", "validation", "test"), padded, strict=True))


def ngrams(size: int | None = None, orders: Sequence[int] = (1, 2, 3, 4)) -> dict[str, float]:
    """Bits a character of the test part under interpolated n-grams."""
    k, parts = names(size)
    found = {}
    for order in orders:
        training, held, test = (ngram.count(*part, k, order=order) for part in parts.values())
        params = ngram.fit(training, held).value
        found[f"{order}-gram"] = float(ngram.bits_per_character(params, test))
    return found


def surnames(size: int | None = None) -> Task:
    k, parts = names(size)

    def bits(params: Any, config: rnn.Config, batch: Batch) -> jax.Array:
        ids, lengths = batch
        z = outputs(params, config, jax.nn.one_hot(ids[:, :-1], k), lengths - 1)
        valid = jnp.arange(ids.shape[1] - 1)[None] < lengths[:, None] - 1
        losses = jnp.where(valid, cross_entropy(z, ids[:, 1:]), 0.0)
        return jnp.sum(losses) / (jnp.sum(valid) * math.log(2))

    return Task(
        ("gru",),
        0.95 * ngrams(size, (3,))["3-gram"],
        lambda cell, h: rnn.Config((k, h, k), cell, "many_to_many"),
        batch=drawn(*parts["training"]),
        held_out=lambda part: tuple(map(jnp.asarray, parts[part])),
        loss=bits,
        figure=bits,
        rates=(0.003,),
        decay=True,
    )


def rows() -> Task:
    training, test = datasets.split(
        jax.random.key(0), datasets.image_rows(datasets.mnist_5k()), (0.8, 0.2)
    )

    def loss(params: Any, config: rnn.Config, batch: Batch) -> jax.Array:
        return jnp.mean(cross_entropy(outputs(params, config, batch[0]), batch[1]))

    def accuracy(params: Any, config: rnn.Config, batch: Batch) -> jax.Array:
        return jnp.mean(jnp.argmax(outputs(params, config, batch[0]), axis=1) == batch[1])

    return Task(
        ("lstm",),
        0.96,
        lambda cell, h: rnn.Config((28, h, 10), cell),
        batch=drawn(*training),
        # Nothing is chosen: the figure on the way is of the training part.
        held_out=lambda part: tuple(
            map(jnp.asarray, test if part == "test" else (training.x[::4], training.y[::4]))
        ),
        loss=loss,
        figure=accuracy,
        higher=True,
        rates=(0.002,),
        seeds=3,
        decay=True,
    )


TASKS: dict[str, Callable[[], Task]] = {
    "adding": adding,
    "copy": copy,
    "clockwork": clockwork,
    "surnames": surnames,
    "rows": rows,
}
STEPS = {"adding": 10000, "copy": 10000, "clockwork": 3000, "surnames": 3000, "rows": 1250}
BATCH = {"surnames": 128}
UNITS = {"clockwork": 64}


# Training.


def start(key: jax.Array, cell: str, config: rnn.Config) -> rnn.RNNParams:
    params = rnn.init(key, config)
    if cell == "elman, Glorot":
        key = jax.random.fold_in(key, 0)  # that of the layer
        layer = nn.elman_init(key, *config.sizes[:2], recurrent_init=nn.glorot_uniform)
        return params._replace(layers=(layer,))
    return params


def optimizer(task: Task, rate: jax.Array, steps: int) -> optax.GradientTransformation:
    fall = lambda count: rate * 0.5 * (1 + jnp.cos(jnp.pi * count / steps))
    adam = optimize.adam(fall if task.decay else rate)
    return optax.chain(optax.clip_by_global_norm(1.0), adam)


def advance(
    task: Task,
    config: rnn.Config,
    args: argparse.Namespace,
    key: jax.Array,
    rate: jax.Array,
    state: Any,
    first: jax.Array,
) -> tuple[Any, jax.Array]:
    """One lane, ``args.every`` steps."""
    rule = optimizer(task, rate, args.steps)

    def step(state: Any, i: jax.Array) -> tuple[Any, jax.Array]:
        params, inner = state
        batch = task.batch(jax.random.fold_in(key, i), args.batch)
        loss, slope = jax.value_and_grad(task.loss)(params, config, batch)
        updates, inner = rule.update(slope, inner, params)
        return (optax.apply_updates(params, updates), inner), loss

    return jax.lax.scan(step, state, first + jnp.arange(args.every))


def learn(task: Task, cell: str, args: argparse.Namespace) -> dict[str, Any]:
    """One cell: its lanes side by side until one meets the target."""
    config = task.config(cell.split(",")[0], args.units)
    rates, seeds = (
        leaf.ravel() for leaf in np.meshgrid(args.rates or task.rates, range(task.seeds))
    )
    keys, rates = jax.vmap(jax.random.key)(seeds), jnp.asarray(rates, jnp.float32)
    began = time.perf_counter()

    def begin(key: jax.Array) -> tuple:
        params = start(jax.random.fold_in(key, 2**20), cell, config)
        return params, optimizer(task, jnp.float32(0), args.steps).init(params)

    state, held_out = jax.jit(jax.vmap(begin))(keys), task.held_out("validation")
    lanes = jax.vmap(partial(advance, task, config, args), (0, 0, 0, None))
    run = jax.jit(lanes, donate_argnums=2)
    figure = jax.jit(jax.vmap(lambda params, batch: task.figure(params, config, batch), (0, None)))
    sign = -1 if task.higher else 1
    curve, best = [], 0
    for first in range(0, args.steps, args.every):
        state, losses = run(keys, rates, state, jnp.int32(first))
        found = np.asarray(figure(state[0], held_out), float)
        curve.append([first + args.every, found.tolist()])
        best = int(np.nanargmin(sign * found)) if np.isfinite(found).any() else 0
        if args.verbose:
            print(f"  {cell} {first + args.every}: {np.round(found, 5)} loss "
                  f"{np.asarray(losses).mean(1).round(5)} {time.perf_counter() - began:.0f} s",
                  flush=True)  # fmt: skip
        if not args.full and task.seeds == 1 and sign * found[best] <= sign * task.target:
            break
        if time.perf_counter() - began > args.seconds:
            break
    test = np.asarray(figure(state[0], task.held_out("test")), float)
    return {
        "hidden_units": config.sizes[1],
        "parameters": sum(leaf[0].size for leaf in jax.tree.leaves(state[0])),
        "learning_rates": rates.tolist(),
        "steps": curve[-1][0],
        "validation": curve,
        "learning_rate": float(rates[best]),
        "test": float(test[best] if task.seeds == 1 else test.mean()),
        "test_of_each": test.tolist(),
        "seconds": round(time.perf_counter() - began, 1),
    }


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    task = TASKS[name]()
    given = argparse.Namespace(**vars(args))
    given.steps = args.steps or STEPS[name]
    given.every = min(args.every, given.steps)
    given.batch = args.batch or BATCH.get(name, 64)
    given.units = args.units or UNITS.get(name, 128)
    found: dict[str, Any] = {
        "target": task.target,
        "most_steps": given.steps,
        "batch": given.batch,
        "cells": {cell: learn(task, cell, given) for cell in args.cells or task.cells},
    }
    if name == "surnames":
        found["ngrams"] = ngrams()
    for cell, row in found["cells"].items():
        rate = f"learning rate {row['learning_rate']:g}"
        print(f"{name:10} {cell:14} test {row['test']:.5f} (target {task.target:.5g}), {rate}, "
              f"{row['steps']} steps, {row['parameters']} parameters, {row['seconds']} s",
              flush=True)  # fmt: skip
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--cells", nargs="+", help="instead of the task's")
    parser.add_argument("--rates", nargs="+", type=float, help="instead of the task's grid")
    parser.add_argument("--steps", type=int, help="at most, instead of the task's")
    parser.add_argument("--units", type=int, help="instead of the task's")
    parser.add_argument("--batch", type=int, help="instead of the task's")
    parser.add_argument("--every", type=int, default=100, help="steps between two looks")
    parser.add_argument("--seconds", type=float, default=math.inf, help="at most for a cell")
    parser.add_argument("--full", action="store_true", help="all steps, the target met or not")
    parser.add_argument("--verbose", action="store_true", help="every look")
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    args = parser.parse_args(argv)
    figures = {"where": environment(), "tasks": {}}
    for name in args.tasks:
        figures["tasks"][name] = measure(name, args)
        if args.json:
            args.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
