#!/usr/bin/env python
"""One training step of a small CNN on 28×28 images, batch 128: ours, and what others take.

    python benchmarks/cnn_step.py --output benchmarks/results/cnn_step_cpu.json

Everyone trains the same network (convolution 3×3×32, max pooling 2, convolution 3×3×64, max
pooling 2, dense 128, dense 10; ReLU, softmax cross-entropy, Adam at 1e-3, float32) on the same
random images in epochs of shuffled batches, the shuffling part of the time:

scan, loop   ``train.fit``, an epoch one compiled scan, or a loop over one compiled step, each batch
             worked off in ``--pieces`` (``accumulate``) that the processor's cache holds
whole        the scan with the batch at once
mesh         the same with each batch divided among ``--devices`` virtual devices of the CPU
xla          the scan with XLA's convolution and pooling in it, the trap that ours avoids: only
             where it is asked for, a step takes seconds
flax         a Python loop over one jitted step of a Flax module with donated buffers
torch        PyTorch, eager, channels first, on ``--threads`` threads, which wait for each other in
             a busy loop: other load on the machine makes that slow, hence
torch_1      the same on one thread
torch_pieces the same on ``--threads``, in ``--pieces``

A sample is a run of some epochs; the programs take turns, forwards and backwards, and ratios are of
samples of the same turn, to the scan. Beside the time on the clock stands that of all processors
together, which other load on the machine moves less. Compile time (the first run less the median)
has its own column. A peer that is not installed is left out by name.
"""

import argparse
import contextlib
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.train_step import NOTE, PACKAGES
from benchmarks.turns import (
    STEP_HEADER,
    Run,
    environment,
    flax_loop,
    report,
    step_line,
    step_rows,
    torch_loop,
)
from jaxmath import nn, optimize, train
from jaxmath.nn import _lowering
from jaxmath.nn._geometry import resolve

RATE, SIZE, CLASSES = 1e-3, 28, 10
PROGRAMS = ("scan", "whole", "mesh", "loop", "xla", "flax", "torch", "torch_1", "torch_pieces")
PEERS = {"flax": "flax", "torch": "torch", "torch_1": "torch", "torch_pieces": "torch"}
# At most so much of PyTorch's time: a ratio of at least its inverse here.
FIGURES = dict.fromkeys(("torch", "torch_1", "torch_pieces"), 1 / 0.8)


class Params(NamedTuple):
    """The network's layers."""

    first: nn.Conv
    second: nn.Conv
    hidden: nn.Dense
    output: nn.Dense


def init(key: jax.Array, width: int, hidden: int) -> Params:
    """Random parameters in float32: width and twice the width channels."""
    keys = jax.random.split(key, 4)
    flat = (SIZE // 4) ** 2 * 2 * width
    make = {"dtype": jnp.float32}
    return Params(
        nn.conv_init(keys[0], 1, width, (3, 3), **make),
        nn.conv_init(keys[1], width, 2 * width, (3, 3), **make),
        nn.dense_init(keys[2], flat, hidden, **make),
        nn.dense_init(keys[3], hidden, CLASSES, **make),
    )


def network(convolve: Callable, pool: Callable, params: Params, x: jax.Array) -> jax.Array:
    """Logits of one image."""
    for layer in (params.first, params.second):
        bias = layer.bias[None, None]
        x = pool(nn.relu(convolve(x, layer.kernel) + bias))
    x = nn.relu(nn.dense_apply(params.hidden, x.reshape(-1)))
    return nn.dense_apply(params.output, x)


def xla_convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    geometry = resolve(x.shape[:-1], kernel.shape[:-2], 1, "SAME")
    return _lowering.by_xla(x, kernel, geometry=geometry, groups=1)


def xla_pool(x: jax.Array) -> jax.Array:
    shape = (2, 2, 1)
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, shape, shape, "VALID")


def ours(args: argparse.Namespace, x: np.ndarray, y: np.ndarray, mode: str) -> Run:
    """Our engine, with our layers or XLA's."""
    layers = (
        (xla_convolve, xla_pool) if mode == "xla" else (nn.convolve, partial(nn.max_pool, window=2))
    )
    train_fn, _ = train.adapt(partial(network, *layers))
    optimizer = optimize.adam(RATE)
    pieces = args.pieces if mode in ("scan", "loop") else 1
    loss = nn.softmax_cross_entropy
    step = train.supervised_step(train_fn, loss, optimizer, accumulate=pieces)
    init_key, run_key = jax.random.split(jax.random.key(0))
    params = jax.jit(init, static_argnums=(1, 2))(init_key, args.width, args.hidden)
    state = train.init_state(run_key, params, optimizer=optimizer)
    options = {"num_epochs": args.epochs, "batch_size": args.batch, "progress": False}
    options["mesh"] = train.data_mesh() if mode == "mesh" else None
    mode = "loop" if mode == "loop" else "scan"

    def run() -> Any:
        return train.fit(state, step, (x, y), mode=mode, **options).history["loss"][-1]

    return run


def flax_net(args: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> Run:
    import flax.linen

    class Net(flax.linen.Module):
        @flax.linen.compact
        def __call__(self, x: jax.Array) -> jax.Array:
            for channels in (args.width, 2 * args.width):
                x = flax.linen.relu(flax.linen.Conv(channels, (3, 3))(x))
                x = flax.linen.max_pool(x, (2, 2), (2, 2))
            x = flax.linen.relu(flax.linen.Dense(args.hidden)(x.reshape(len(x), -1)))
            return flax.linen.Dense(CLASSES)(x)

    return flax_loop(Net(), RATE, args, x, y)


def torch_net(
    args: argparse.Namespace, x: np.ndarray, y: np.ndarray, threads: int, pieces: int = 1
) -> Run:
    import torch

    def make() -> Any:
        parts: list = []
        for c, o in ((1, args.width), (args.width, 2 * args.width)):
            parts += [torch.nn.Conv2d(c, o, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        flat = (SIZE // 4) ** 2 * 2 * args.width
        parts += [torch.nn.Flatten(), torch.nn.Linear(flat, args.hidden), torch.nn.ReLU()]
        return torch.nn.Sequential(*parts, torch.nn.Linear(args.hidden, CLASSES))

    return torch_loop(make, RATE, threads, args, x.transpose(0, 3, 1, 2), y, pieces)


def measure(args: argparse.Namespace) -> tuple[list[dict], list[str]]:
    """One row a program, and the peers left out."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((args.examples, SIZE, SIZE, 1)).astype(np.float32)
    y = rng.integers(CLASSES, size=args.examples)
    absent = [n for n, package in PEERS.items() if importlib.util.find_spec(package) is None]
    makers: dict[str, Callable[..., Run]] = {
        "flax": flax_net,
        "torch": partial(torch_net, threads=args.threads),
        "torch_1": partial(torch_net, threads=1),
        "torch_pieces": partial(torch_net, threads=args.threads, pieces=args.pieces),
    }
    chosen = [n for n in PROGRAMS if n in ("scan", *args.programs) and n not in absent]
    programs = {n: makers.get(n, partial(ours, mode=n))(args, x, y) for n in chosen}
    steps = args.epochs * (args.examples // args.batch)
    return step_rows(programs, args.repeats, steps, FIGURES), absent


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    default = [name for name in PROGRAMS if name != "xla"]
    add("--programs", nargs="+", choices=PROGRAMS, default=default, help="beside the scan")
    add("--epochs", type=int, default=1, help="epochs of a sample (default: %(default)s)")
    add("--repeats", type=int, default=15, help="samples of each program (default: %(default)s)")
    add("--width", type=int, default=32, help="channels of the first layer (default: %(default)s)")
    add("--hidden", type=int, default=128, help="hidden units (default: %(default)s)")
    add("--examples", type=int, default=512, help="a multiple of --batch (default: %(default)s)")
    add("--batch", type=int, default=128, help="examples of a step (default: %(default)s)")
    add("--pieces", type=int, default=4, help="of a batch, one by one (default: %(default)s)")
    add("--threads", type=int, default=2, help="of BLAS and PyTorch (default: %(default)s)")
    add("--devices", type=int, default=2, help="virtual devices (default: %(default)s)")
    add("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    sizes = (args.epochs, args.repeats, args.width, args.hidden, args.examples, args.batch)
    if min(*sizes, args.threads, args.pieces) < 1:
        parser.error("all numbers must be at least 1")
    if args.examples % args.batch or args.batch % args.pieces:
        parser.error("--examples must be a multiple of --batch, and that of --pieces")
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    with contextlib.suppress(RuntimeError):  # the devices are known already
        jax.config.update("jax_num_cpu_devices", args.devices)
    with threadpool_limits(args.threads):
        rows, absent = measure(args)
    about = environment(args, PACKAGES, note=NOTE)
    report(about, STEP_HEADER, rows, step_line, absent, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
