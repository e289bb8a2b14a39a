#!/usr/bin/env python
"""A whole update of ``gan_mnist.py``'s DCGAN, both players' turns: ours, and PyTorch's.

    python benchmarks/gan_step.py --output benchmarks/results/gan_step_cpu.json

One update is the discriminator's turn (non-saturating loss and R1, whose gradient is one of a
gradient), the generator's turn and the running mean of the generator, with Adam, in float32:

scan     ``train.fit``, an epoch one compiled scan, the shuffling part of the time
torch    PyTorch, eager, channels first, on ``--threads`` threads, R1 with ``create_graph``
torch_1  the same on one thread

A sample is a run of some epochs; the programs take turns, forwards and backwards, and ratios are of
samples of the same turn, to the scan. Asked: at most 0.8 of PyTorch's time, a ratio of 1.25 here.
Without PyTorch that is said.
"""

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import jax
import jax.numpy as jnp
import numpy as np
import optax
from threadpoolctl import threadpool_limits

from benchmarks.gan_mnist import SHAPE, game
from benchmarks.train_step import NOTE
from benchmarks.turns import STEP_HEADER, Run, batches, environment, report, step_line, step_rows
from jaxmath import train
from jaxmath.models import gan

RATE, B1, B2 = 1e-3, 0.5, 0.99
PACKAGES = ("jax", "jaxlib", "numpy", "optax", "torch")
FIGURE = 1 / 0.8


def ours(args: argparse.Namespace, x: np.ndarray) -> Run:
    """Our engine."""
    config, tx = game(args), optax.adam(RATE, b1=B1, b2=B2)
    state = gan.init_state(jax.random.key(0), config, tx, tx, dtype=jnp.float32)
    step, y = gan.gan_step(config, tx, tx), np.zeros(len(x), np.int32)

    def run() -> Any:
        result = train.fit(
            state, step, (x, y), num_epochs=args.epochs, batch_size=args.batch, mode="scan",
            key=jax.random.key(1), progress=False,
        )  # fmt: skip
        return float(result.history["loss"][-1])

    return run


def torch_players(args: argparse.Namespace) -> tuple[Any, Any]:
    """Generator and discriminator, drawn as ours."""
    from torch import nn

    down, base = tuple(args.widths), SHAPE[0] >> len(args.widths)
    up = down[::-1]
    parts: list = [
        nn.Linear(args.latent, up[0] * base**2), nn.Unflatten(1, (up[0], base, base)),
    ]  # fmt: skip
    for c, o in zip(up, (*up[1:], SHAPE[2]), strict=True):
        parts += [nn.BatchNorm2d(c), nn.ReLU(), nn.ConvTranspose2d(c, o, 4, 2, 1)]
    generator, parts = nn.Sequential(*parts, nn.Sigmoid()), []
    for c, o in zip((SHAPE[2], *down), down, strict=False):
        parts += [nn.Conv2d(c, o, 4, 2, 1), nn.LeakyReLU(0.2)]
    discriminator = nn.Sequential(*parts, nn.Flatten(), nn.Linear(down[-1] * base**2, 1))
    for module in (*generator, *discriminator):
        if hasattr(module, "bias") and not isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    return generator, discriminator


def discriminator_turn(
    generator: Any, discriminator: Any, optimizer: Any, x: Any, args: argparse.Namespace
) -> Any:
    """Its loss with the penalty."""
    import torch

    softplus = torch.nn.functional.softplus
    with torch.no_grad():
        fake = generator(torch.randn(len(x), args.latent))
    x = x.clone().requires_grad_(args.penalty_weight > 0)
    scores = discriminator(x)
    loss = (softplus(-scores) + softplus(discriminator(fake))).mean()
    if args.penalty_weight:
        (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        loss = loss + 0.5 * args.penalty_weight * slope.square().sum((1, 2, 3)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def generator_turn(
    generator: Any, discriminator: Any, optimizer: Any, num: int, args: argparse.Namespace
) -> Any:
    """Its loss; the discriminator's gradient is not asked for."""
    import torch

    discriminator.requires_grad_(False)
    scores = discriminator(generator(torch.randn(num, args.latent)))
    loss = torch.nn.functional.softplus(-scores).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    discriminator.requires_grad_(True)
    return loss.detach()


def torch_game(args: argparse.Namespace, x: np.ndarray, threads: int) -> Run:
    """PyTorch's eager steps, batches cut out of a tensor."""
    import torch

    X = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))

    def held(generator: Any) -> list:
        state = generator.state_dict().values()
        return [value.detach() for value in state if value.is_floating_point()]

    def run() -> Any:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        players = torch_players(args)
        first, second = (torch.optim.Adam(p.parameters(), lr=RATE, betas=(B1, B2)) for p in players)
        mean = [value.clone() for value in held(players[0])]
        for rows in batches(len(x), args.batch, args.epochs):
            loss = discriminator_turn(*players, second, X[torch.from_numpy(rows)], args)
            loss = loss + generator_turn(*players, first, args.batch, args)
            torch._foreach_lerp_(mean, held(players[0]), 1 - args.ema)
        return loss.item()

    return run


def measure(args: argparse.Namespace) -> tuple[list[dict], list[str]]:
    """One row a program, and the peers left out."""
    x = np.random.default_rng(0).random((args.examples, *SHAPE), np.float32)
    programs: dict[str, Run] = {"scan": ours(args, x)}
    peers = {"torch": args.threads, "torch_1": 1}
    absent = list(peers) if importlib.util.find_spec("torch") is None else []
    for name, threads in peers.items():
        if name not in absent:
            programs[name] = torch_game(args, x, threads)
    steps = args.epochs * (args.examples // args.batch)
    return step_rows(programs, args.repeats, steps, dict.fromkeys(peers, FIGURE)), absent


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--epochs", type=int, default=1, help="epochs of a sample (default: %(default)s)")
    add("--repeats", type=int, default=15, help="samples of each program (default: %(default)s)")
    add("--examples", type=int, default=512, help="a multiple of --batch (default: %(default)s)")
    add("--batch", type=int, default=32, help="examples of a step (default: %(default)s)")
    add("--widths", nargs="+", type=int, default=[32, 64], help="(default: %(default)s)")
    add("--latent", type=int, default=64, help="(default: %(default)s)")
    add("--penalty-weight", type=float, default=1.0, help="γ of R1, or 0 (default: %(default)s)")
    add("--ema", type=float, default=0.998, help="(default: %(default)s)")
    add("--threads", type=int, default=2, help="of BLAS and PyTorch (default: %(default)s)")
    add("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if min(args.epochs, args.repeats, args.examples, args.batch, args.threads) < 1:
        parser.error("all numbers must be at least 1")
    if args.examples % args.batch:
        parser.error("--examples must be a multiple of --batch")
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    with threadpool_limits(args.threads):
        rows, absent = measure(args)
    about = environment(args, PACKAGES, note=NOTE)
    report(about, STEP_HEADER, rows, step_line, absent, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
