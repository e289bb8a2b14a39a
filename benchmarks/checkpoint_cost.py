#!/usr/bin/env python
"""What checkpoints cost a run: an MLP 784-1024-1024-10 on MNIST-5k, Adam, a state of 22 MB.

    python benchmarks/checkpoint_cost.py --output benchmarks/results/checkpoint_cost_cpu.json

Runs of ``train.fit`` of a given time without checkpoints and with one every so many seconds (the
default 60, and 10), in turns, forwards and backwards. The final save waits for the disk and is
reported apart. Three measures, for other load on the machine sways the first:

run          time of an epoch, all but the first, over that of the run without
foreground   time that the training thread spends at the boundaries of device calls, on the wall and
             on its processor; what is written in the background runs beside the training
around       of every save, the calls that it may disturb (``--window`` after it) less as many times
             the median of the others within ten of it; a share of the interval between saves
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.turns import environment, write
from jaxmath import datasets, nn, optimize, train
from jaxmath.models import mlp
from jaxmath.train import _driver

FIGURE = 0.05  # at most that share of a run of a minute or more
# Calls without the last one's save: the first, which is left out, and two.
LEAST = 3
NEIGHBOURS = 10


class Boundary(NamedTuple):
    """The time between two device calls."""

    epoch: int
    begin: float
    seconds: float
    thread_cpu: float
    process_cpu: float  # of the whole process, when it began
    saved: bool
    last: bool


@contextlib.contextmanager
def watched() -> Iterator[list[Boundary]]:
    """All boundaries of the runs inside."""
    seen: list[Boundary] = []
    real = _driver.Driver._checkpoint

    def timed(driver: _driver.Driver, *, last: bool = False) -> None:
        before, process = driver.saved, time.process_time()
        begin, cpu = time.perf_counter(), time.thread_time()
        real(driver, last=last)
        spent, cpu = time.perf_counter() - begin, time.thread_time() - cpu
        saved = driver.saved != before
        seen.append(Boundary(driver.epoch, begin, spent, cpu, process, saved, last))

    with mock.patch.object(_driver.Driver, "_checkpoint", timed):
        yield seen


class Trial(NamedTuple):
    """What ``train.fit`` is called with."""

    state: train.TrainState
    step: Any
    data: tuple[np.ndarray, np.ndarray]
    num_bytes: int


def trial(args: argparse.Namespace) -> Trial:
    """The network with its data and its state."""
    images = datasets.mnist_5k()
    x, y = np.asarray(images.x)[: args.examples], np.asarray(images.y)[: args.examples]
    config = mlp.Config((x.shape[1], args.hidden, args.hidden, 10))
    train_fn, _ = train.adapt(lambda params, x: mlp.apply(params, x, config=config))
    optimizer = optimize.adam(1e-3)
    step = train.supervised_step(train_fn, nn.softmax_cross_entropy, optimizer)
    params = mlp.init(jax.random.key(0), config, dtype=jnp.float32)
    state = train.init_state(jax.random.key(1), params, optimizer=optimizer)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves((state.params, state.opt_state)))
    return Trial(state, step, (x, y), size)


def run(args: argparse.Namespace, of: Trial, every: float | None) -> list[Boundary]:
    """The boundaries of one run, enough for a sample; without an interval it has no checkpoints."""
    end = time.perf_counter() + args.seconds
    options = {"num_epochs": 10**6, "batch_size": args.batch, "mode": "scan", "progress": False}
    with tempfile.TemporaryDirectory(dir=args.directory) as folder, watched() as seen:
        options["callback"] = lambda epoch, row: time.perf_counter() >= end and len(seen) >= LEAST
        if every is not None:
            options |= {"checkpoint_dir": folder, "checkpoint_every": every}
        result = train.fit(of.state, of.step, of.data, **options)
    if np.any(result.bad_step >= 0):
        raise RuntimeError(f"the run broke off: {result.message}")
    return seen


def around(calls: list[Boundary], window: int) -> list[float]:
    """Seconds that each save costs: itself and the calls after it, beside their neighbours."""
    begins = np.array([b.begin for b in calls])
    done = np.array([b.epoch for b in calls])
    per_epoch = np.diff(begins) / np.diff(done)
    saves = [i for i, b in enumerate(calls[:-1]) if b.saved]
    disturbed = np.zeros(len(per_epoch), bool)
    for i in saves:
        disturbed[i : i + window] = True
    costs = []
    for i in saves:
        near = slice(max(0, i - NEIGHBOURS), i + window + NEIGHBOURS)
        quiet = per_epoch[near][~disturbed[near]]
        if quiet.size:
            end = min(i + window, len(per_epoch))
            usual = float(np.median(quiet)) * (done[end] - done[i])
            costs.append(float(begins[end] - begins[i]) - usual)
    return costs


class Sample(NamedTuple):
    """One run in figures."""

    epochs: int
    seconds: float
    cpu: float
    foreground: list[tuple[float, float]]
    checks: float
    around: list[float]
    final: tuple[float, float]


def sample(boundaries: list[Boundary], window: int) -> Sample:
    """The calls without the first, and the last save apart."""
    *calls, last = boundaries
    inner = calls[1:]
    if len(boundaries) < LEAST + 1:
        raise SystemExit("the runs are too short to be measured: more --seconds")
    return Sample(
        epochs=calls[-1].epoch - inner[0].epoch,
        seconds=calls[-1].begin - inner[0].begin,
        cpu=calls[-1].process_cpu - inner[0].process_cpu,
        # A save at the last call's end belongs to no call after it, yet it is one.
        foreground=[(b.seconds, b.thread_cpu) for b in inner if b.saved],
        checks=sum(b.seconds for b in inner if not b.saved),
        around=around(inner, window),
        final=(last.seconds, last.thread_cpu),
    )


def row(every: float | None, samples: list[Sample], plain: list[Sample]) -> dict[str, Any]:
    """The figures of one interval, beside the runs without checkpoints of the same turns."""
    out: dict[str, Any] = {
        "every_s": every,
        "run_s": [s.seconds for s in samples],
        "epoch_s": [s.seconds / s.epochs for s in samples],
        "epoch_cpu_s": [s.cpu / s.epochs for s in samples],
    }
    if every is None:
        return out
    of = lambda field, i: [pair[i] for s in samples for pair in getattr(s, field)]
    costs = [cost for s in samples for cost in s.around]
    without = row(None, plain, plain)
    ratios = lambda name: [a / b for a, b in zip(out[name], without[name], strict=True)]
    spent = sum(of("foreground", 0)) + sum(s.checks for s in samples)
    return out | {
        "saves": len(of("foreground", 0)),
        "run_ratios": ratios("epoch_s"),
        "cpu_ratios": ratios("epoch_cpu_s"),
        "foreground_share": spent / sum(out["run_s"]),
        "foreground_s_a_save": _spread(of("foreground", 0)),
        "foreground_cpu_s_a_save": _spread(of("foreground", 1)),
        "around_s_a_save": _spread(costs),
        "around_share": float(np.mean(costs)) / every if costs and every else None,
        "final_save_s": _spread([s.final[0] for s in samples]),
        "final_save_cpu_s": _spread([s.final[1] for s in samples]),
        "asked": FIGURE,
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"median": float(np.median(values)), "least": min(values), "most": max(values)}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Every run, in turns."""
    of = trial(args)
    run(argparse.Namespace(**vars(args) | {"seconds": 0.0}), of, None)  # compiles
    settings: list[float | None] = [None, *args.every]
    samples: dict[float | None, list[Sample]] = {every: [] for every in settings}
    for turn in range(args.repeats):
        for every in settings if turn % 2 == 0 else reversed(settings):
            samples[every].append(sample(run(args, of, every), args.window))
    return {
        "state_bytes": of.num_bytes,
        "results": [row(every, found, samples[None]) for every, found in samples.items()],
    }


def line(found: dict[str, Any]) -> str:
    """One line of the table."""
    if found["every_s"] is None:
        return f"{'none':>7} {'':>5} {np.median(found['epoch_s']):>8.3f}"
    percent = lambda v: "–" if v is None else f"{100 * v:.2f} %"
    middle = lambda name: "–" if found[name] is None else f"{found[name]['median']:.3f}"
    return (
        f"{found['every_s']:>5.4g} s {found['saves']:>5} {np.median(found['epoch_s']):>8.3f} "
        f"{percent(np.median(found['run_ratios']) - 1):>9} "
        f"{percent(found['foreground_share']):>10} {percent(found['around_share']):>9} "
        f"{middle('foreground_s_a_save'):>10} "
        f"{middle('around_s_a_save'):>9} {middle('final_save_s'):>8}"
    )


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--every", type=float, nargs="+", default=[60.0, 10.0], help="seconds between saves")
    add("--seconds", type=float, default=66.0, help="of a run (default: %(default)s)")
    add("--repeats", type=int, default=2, help="runs of each (default: %(default)s)")
    add("--window", type=int, default=2, help="calls that a save disturbs (default: %(default)s)")
    add("--hidden", type=int, default=1024, help="units of both layers (default: %(default)s)")
    add("--examples", type=int, default=4000, help="of MNIST-5k (default: %(default)s)")
    add("--batch", type=int, default=128, help="examples of a step (default: %(default)s)")
    add("--directory", type=Path, help="of the disk to write to; default: the temporary one")
    add("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if min(args.repeats, args.window, args.hidden, args.batch) < 1 or min(args.every) < 0:
        parser.error("all numbers must be at least 1, seconds between saves at least 0")
    if not args.batch <= args.examples <= 5000:
        parser.error("--examples must be from --batch to 5000")
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    report = {
        "environment": environment(args, ("jax", "optax", "orbax-checkpoint")),
        **measure(args),
    }
    print(json.dumps(report["environment"]))
    print(f"a state of {report['state_bytes'] / 1e6:.1f} MB")
    print(
        f"{'every':>7} {'saves':>5} {'epoch s':>8} {'run':>9} {'foreground':>10} {'around':>9} "
        f"{'fg s/save':>10} {'ar s/save':>9} {'final s':>8}    asked ≤ {100 * FIGURE:g} %"
    )
    for found in report["results"]:
        print(line(found))
    write(args.output, report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
