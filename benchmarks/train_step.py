#!/usr/bin/env python
"""One training step of the digits perceptron 64-128-10, batch 128: ours, and what others take.

    python benchmarks/train_step.py --output benchmarks/results/train_step_cpu.json

Everyone trains the same network (ReLU, softmax cross-entropy, Adam at 1e-3, float32) on the same
1,408 digits in epochs of 11 shuffled batches, the shuffling part of the time:

ours         ``train.fit``, an epoch one compiled scan, from the call to the history on the host
bare         one compiled loop of the same step over batches that lie ready, with no shuffle, check
             or history: what the arithmetic takes, the best that an engine could do
flax         a Python loop over one jitted step of a Flax module with donated buffers, batches cut
             out in NumPy
torch        PyTorch, eager, batches cut out of a tensor
sklearn      ``MLPClassifier.partial_fit`` on each batch
vmap, map    32 seeds of ours in one call of ``train.fit``, all at once or one after another; the
             ratio is to 32 times one, and the figure counts the best
mesh         the same, the lanes of "map" divided among ``--devices`` virtual devices

BLAS and PyTorch have ``--threads`` threads: with more than one these small products are slower.
A sample is a run of some epochs (of ours one call of ``train.fit``, whose constant cost is 1.6 ms:
a twentieth of 40 epochs, a hundredth of 200); the programs take turns, forwards and backwards, and
ratios are of samples of the same turn. Compile time (the first run less the median) has its own
column. A peer that is not installed is left out by name.
"""

import argparse
import contextlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.optimizer_update import median_interval
from benchmarks.turns import (
    Run,
    batches,
    environment,
    flax_loop,
    in_turns,
    report,
    torch_loop,
)
from jaxmath import datasets, nn, optimize, train
from jaxmath.models import mlp

RATE = 1e-3
PROGRAMS = ("bare", "flax", "torch", "sklearn", "vmap", "map", "mesh")
PEERS = {"flax": "flax", "torch": "torch", "sklearn": "sklearn"}
# At least so many times our time, and at most that share of so many single runs.
FIGURES = {"flax": 1.5, "torch": 8.0, "sklearn": 3.0}
SEEDS, SEEDS_FIGURE = ("vmap", "map", "mesh"), 0.7
PACKAGES = ("jax", "flax", "optax", "torch", "scikit-learn")
NOTE = "BLAS and PyTorch have `threads`; XLA's own pool is not pinned"


def data(num: int) -> tuple[np.ndarray, np.ndarray]:
    """The first digits of the set, shuffled once."""
    digits = datasets.digits()
    order = np.random.default_rng(0).permutation(len(digits.y))[:num]
    return np.asarray(digits.x)[order], np.asarray(digits.y)[order]


def supervised(args: argparse.Namespace, seeds: int | None = None) -> tuple[Any, Any]:
    """Our step and the state to begin with, with a leading axis of seeds where there are any."""
    config = mlp.Config((64, args.hidden, 10))
    train_fn, _ = train.adapt(lambda params, x: mlp.apply(params, x, config=config))
    optimizer = optimize.adam(RATE)
    step = train.supervised_step(train_fn, nn.softmax_cross_entropy, optimizer)

    def start(key: jax.Array) -> train.TrainState:
        init_key, run_key = jax.random.split(key)
        params = mlp.init(init_key, config, dtype=jnp.float32)
        return train.init_state(run_key, params, optimizer=optimizer)

    key = jax.random.key(0)
    if seeds is None:
        return step, jax.jit(start)(key)
    return step, jax.jit(jax.vmap(start))(jax.random.split(key, seeds))


def ours(args: argparse.Namespace, x: np.ndarray, y: np.ndarray, mode: str) -> Run:
    """Our engine: one run for "scan", an ensemble for "vmap", "map" and "mesh"."""
    many, mesh = mode != "scan", train.data_mesh() if mode == "mesh" else None
    step, state = supervised(args, args.seeds if many else None)
    options = {"num_epochs": args.epochs, "batch_size": args.batch, "progress": False}

    def run() -> Any:
        how = {"mode": "map" if mesh else mode, "mesh": mesh, "ensemble": many}
        result = train.fit(state, step, (x, y), **how, **options)
        return result.history["loss"][-1]

    return run


def bare_loop(args: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> Run:
    """The step of ``ours`` in a compiled loop, and nothing else."""
    step, state = supervised(args)
    num_batches = args.examples // args.batch
    cut = lambda a: jnp.asarray(a).reshape(num_batches, args.batch, *a.shape[1:])
    x, y, ones = cut(x), cut(y), jnp.ones(args.batch)

    @jax.jit
    def loop(state: train.TrainState, x: jax.Array, y: jax.Array) -> tuple:
        def body(i: jax.Array, carry: tuple) -> tuple:
            batch = train.Batch(x[i % num_batches], y[i % num_batches], ones)
            state, metrics = step(carry[0], batch, carry[0].key)
            return state, metrics["loss"]

        return jax.lax.fori_loop(0, num_batches * args.epochs, body, (state, jnp.float32(0.0)))

    return lambda: jax.block_until_ready(loop(state, x, y))[1]


def flax_net(args: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> Run:
    import flax.linen

    class Net(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            return flax.linen.Dense(10)(flax.linen.relu(flax.linen.Dense(args.hidden)(x)))

    return flax_loop(Net(), RATE, args, x, y)


def torch_net(args: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> Run:
    import torch

    def make() -> Any:
        return torch.nn.Sequential(
            torch.nn.Linear(64, args.hidden), torch.nn.ReLU(), torch.nn.Linear(args.hidden, 10)
        )

    return torch_loop(make, RATE, args.threads, args, x, y)


def scikit_learn(args: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> Run:
    from sklearn.neural_network import MLPClassifier

    def run() -> Any:
        net = MLPClassifier(
            (args.hidden,), learning_rate_init=RATE, alpha=0.0, batch_size=args.batch
        )
        for rows in batches(len(y), args.batch, args.epochs):
            net.partial_fit(x[rows], y[rows], classes=np.arange(10))
        return net.loss_

    return run


def measure(args: argparse.Namespace) -> tuple[list[dict], list[str]]:
    """One row a program, and the peers left out."""
    x, y = data(args.examples)
    makers: dict[str, Callable[..., Run]] = {
        "ours": lambda *a: ours(*a, "scan"),
        "bare": bare_loop,
        "flax": flax_net,
        "torch": torch_net,
        "sklearn": scikit_learn,
        "vmap": lambda *a: ours(*a, "vmap"),
        "map": lambda *a: ours(*a, "map"),
        "mesh": lambda *a: ours(*a, "mesh"),
    }
    absent = [n for n, package in PEERS.items() if importlib.util.find_spec(package) is None]
    chosen = [name for name in makers if name in ("ours", *args.programs) and name not in absent]
    programs = {name: makers[name](args, x, y) for name in chosen}
    samples, first, found = in_turns(programs, args.repeats)
    steps = args.epochs * (args.examples // args.batch)
    rows = []
    for name, (seconds, _) in samples.items():
        one = samples["ours"][0]
        ratios = seconds / (args.seeds * one if name in SEEDS else one)
        rows.append({
            "program": name,
            "ms_a_step": float(np.median(seconds)) / steps * 1e3,
            "ms_quartiles": [float(q) / steps * 1e3 for q in np.quantile(seconds, (0.25, 0.75))],
            "ratio": None if name == "ours" else float(np.median(ratios)),
            "ratio_interval": None if name == "ours" else list(median_interval(ratios)),
            "figure": SEEDS_FIGURE if name in SEEDS else FIGURES.get(name),
            "compile_s": max(first[name] - float(np.median(seconds)), 0.0),
            "last_loss": float(np.mean(found[name])),
        })  # fmt: skip
    return rows, absent


def line(row: dict) -> str:
    """One line of the table."""
    text = f"{row['program']:<9} {row['ms_a_step']:>9.4f} {row['compile_s']:>10.2f}"
    if row["ratio"] is not None:
        low, high = row["ratio_interval"]
        text += f" {row['ratio']:>8.2f} {low:>7.2f}–{high:<7.2f}"
    if row["figure"] is not None:
        text += f" {'≤' if row['program'] in SEEDS else '≥'} {row['figure']}"
    return text


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS), help="beside ours")
    add("--epochs", type=int, default=200, help="epochs of a sample (default: %(default)s)")
    add("--repeats", type=int, default=11, help="samples of each program (default: %(default)s)")
    add("--seeds", type=int, default=32, help="lanes of the ensemble (default: %(default)s)")
    add("--hidden", type=int, default=128, help="hidden units (default: %(default)s)")
    add("--examples", type=int, default=1408, help="a multiple of --batch (default: %(default)s)")
    add("--batch", type=int, default=128, help="examples of a step (default: %(default)s)")
    add("--threads", type=int, default=1, help="of BLAS and PyTorch (default: %(default)s)")
    add("--devices", type=int, default=2, help="virtual devices (default: %(default)s)")
    add("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if min(args.epochs, args.repeats, args.seeds, args.hidden, args.batch, args.threads) < 1:
        parser.error("all numbers must be at least 1")
    if args.examples % args.batch or not 1 <= args.examples <= 1797:
        parser.error("--examples must be a multiple of --batch and at most 1797")
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    with contextlib.suppress(RuntimeError):  # the devices are known already
        jax.config.update("jax_num_cpu_devices", args.devices)
    with threadpool_limits(args.threads):
        rows, absent = measure(args)
    about = environment(args, PACKAGES, note=NOTE)
    header = (
        f"{'program':<9} {'ms a step':>9} {'compile s':>10} {'ratio':>8} {'95% interval':>15} asked"
    )
    report(about, header, rows, line, absent, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
