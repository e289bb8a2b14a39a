#!/usr/bin/env python
"""Forward and backward through a recurrent layer: ours, Flax's and PyTorch's; linear recurrences.

    python benchmarks/recurrent_step.py --output benchmarks/results/recurrent_step_cpu.json

The value and the gradient of Σ wₜ·yₜ with fixed random w, to the parameters and to the input, for
a batch of sequences in float32 and a zero first state. A sample is ``--trips`` of them, after each
of which both move a little against the gradient (but for PyTorch's); times are those of one:

ours         ``nn.run_cell`` for one sequence under ``jax.vmap``, the trips one compiled loop, as an
             epoch of ``train.fit`` is one
calls        the same, each trip a call of its own, which allocates its memory anew
hoisted      the loop with the input's product taken out of the scan (LSTM only)
flax         the cell of that name in ``flax.linen.RNN`` (OptimizedLSTMCell for the LSTM), calls
flax_loop    the same in a compiled loop
torch        ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN``, eager, batch first, ``--threads`` threads

For linear recurrences of length ``--length`` the sequential scan and the associative one, forward
and with the gradient, at several numbers of channels.

The programs take turns, forwards and backwards; ratios are of samples of the same turn, ours over
theirs. ``best`` is the ratio of the smallest times, which a loaded machine disturbs least. Compile
time (the first run less the median) has its own column. A peer that is not installed is left out
by name.
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.optimizer_update import median_interval
from benchmarks.turns import Run, environment, in_turns, report
from jaxmath import nn

CELLS = ("lstm", "gru", "elman")
OURS = {"lstm": nn.lstm_cell, "gru": nn.gru_cell, "elman": nn.elman_cell}
INITS = {"lstm": nn.lstm_init, "gru": nn.gru_init, "elman": nn.elman_init}
FLAX = {"lstm": "OptimizedLSTMCell", "gru": "GRUCell", "elman": "SimpleCell"}
TORCH = {"lstm": "LSTM", "gru": "GRU", "elman": "RNN"}
# At most that share of their time.
FIGURES = {"flax": 0.95, "torch": 1.0}
RATE = 1e-7  # of the move after a trip: the next one needs it, and is no other


def draw(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """The batch, and the weights of the outputs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((args.batch, args.steps, args.inputs), np.float32)
    return X, rng.standard_normal((args.batch, args.steps, args.hidden), np.float32)


def compiled(total: Callable, params: Any, X: np.ndarray, trips: int, *, apart: bool) -> Run:
    """Value and gradient by the parameters and the batch, in a loop or call by call."""

    def trip(state: tuple) -> tuple:
        value, slopes = jax.value_and_grad(total, argnums=(0, 1))(*state[:2])
        moved = jax.tree.map(lambda a, slope: a - RATE * slope, state[:2], slopes)
        return (*moved, value)

    body = lambda _, state: trip(state)
    run = jax.jit(trip if apart else lambda state: jax.lax.fori_loop(0, trips, body, state))

    def sample() -> Any:
        state = params, jnp.asarray(X), jnp.zeros((), jnp.float32)
        for _ in range(trips if apart else 1):
            state = run(state)
        return jax.block_until_ready(state)[-1]

    return sample


def of_sequences(run_one: Callable, weight: np.ndarray) -> Callable:
    """Σ w·y of a batch, from the outputs of one sequence."""
    return lambda params, X: jnp.sum(weight * jax.vmap(run_one, in_axes=(None, 0))(params, X))


def start(cell: str, args: argparse.Namespace) -> Any:
    init = jax.jit(lambda key: INITS[cell](key, args.inputs, args.hidden, dtype=jnp.float32))
    return init(jax.random.key(0))


def ours(
    cell: str, args: argparse.Namespace, X: np.ndarray, weight: np.ndarray, *, apart: bool = False
) -> Run:
    def run_one(params: Any, x: jax.Array) -> jax.Array:
        return nn.run_cell(OURS[cell], params, nn.initial_carry(params), x)[1]

    total = of_sequences(run_one, weight)
    return compiled(total, start(cell, args), X, args.trips, apart=apart)


def hoisted(cell: str, args: argparse.Namespace, X: np.ndarray, weight: np.ndarray) -> Run:
    """All inputs' products before the scan, whose cell gets them by a kernel of the identity."""

    def run_one(params: nn.LSTM, x: jax.Array) -> jax.Array:
        W, U = params.kernel[: args.inputs], params.kernel[args.inputs :]
        z = jnp.tensordot(x, W, 1) + params.bias[None]

        def step(carry: tuple, z: jax.Array) -> tuple:
            none = nn.LSTM(U, z)  # no input, and the sums in the place of the bias
            return nn.lstm_cell(none, carry, jnp.zeros(0, z.dtype))

        return jax.lax.scan(step, nn.initial_carry(params), z)[1]

    total = of_sequences(run_one, weight)
    return compiled(total, start(cell, args), X, args.trips, apart=False)


def flax_layer(
    cell: str, args: argparse.Namespace, X: np.ndarray, weight: np.ndarray, *, apart: bool = True
) -> Run:
    import flax.linen

    layer = flax.linen.RNN(getattr(flax.linen, FLAX[cell])(args.hidden))
    params = jax.jit(layer.init)(jax.random.key(0), X)

    def total(params: Any, X: jax.Array) -> jax.Array:
        return jnp.sum(weight * layer.apply(params, X))

    return compiled(total, params, X, args.trips, apart=apart)


def torch_layer(cell: str, args: argparse.Namespace, X: np.ndarray, weight: np.ndarray) -> Run:
    import torch

    torch.set_num_threads(args.threads)
    layer = getattr(torch.nn, TORCH[cell])(args.inputs, args.hidden, batch_first=True)
    x, w = torch.tensor(X, requires_grad=True), torch.tensor(weight)

    def run() -> Any:
        for _ in range(args.trips):
            layer.zero_grad()
            x.grad = None
            total = (layer(x)[0] * w).sum()
            total.backward()
        return total.item()

    return run


def timed(
    programs: dict[str, Run], repeats: int, figures: dict[str, float], trips: int = 1
) -> list[dict]:
    """One row a program; ratios of the first one's time to the others'."""
    samples, first, _ = in_turns(programs, repeats)
    (ours, _), rows = next(iter(samples.values())), []
    for name, (whole, _) in samples.items():
        seconds = whole / trips
        itself = name == next(iter(samples))
        rows.append({
            "program": name,
            "ms": float(np.median(seconds)) * 1e3,
            "ms_quartiles": [float(q) * 1e3 for q in np.quantile(seconds, (0.25, 0.75))],
            "best_ms": float(seconds.min()) * 1e3,
            "ratio": None if itself else float(np.median(ours / whole)),
            "ratio_interval": None if itself else list(median_interval(ours / whole)),
            "best": None if itself else float(ours.min() / whole.min()),
            "figure": figures.get(name),
            "compile_s": max(first[name] - float(np.median(whole)), 0.0),
        })  # fmt: skip
    return rows


def layers(args: argparse.Namespace, absent: list[str]) -> list[dict]:
    X, weight = draw(args)
    makers = {
        "ours": ours, "calls": partial(ours, apart=True), "hoisted": hoisted, "flax": flax_layer,
        "flax_loop": partial(flax_layer, apart=False), "torch": torch_layer,
    }  # fmt: skip
    rows = []
    for cell in args.cells:
        chosen = [name for name in ("ours", *args.programs) if name not in absent]
        if cell != "lstm":
            chosen = [name for name in chosen if name != "hoisted"]
        programs = {name: makers[name](cell, args, X, weight) for name in chosen}
        found = timed(programs, args.repeats, FIGURES, args.trips)
        rows += [{"layer": cell, **row} for row in found]
    return rows


def recurrences(args: argparse.Namespace) -> list[dict]:
    rng, rows = np.random.default_rng(0), []
    scans = {"sequential": nn.linear_recurrence_sequential,
             "associative": nn.linear_recurrence_associative}  # fmt: skip
    for size in args.channels:
        a = jnp.asarray(rng.uniform(0.9, 1.0, (args.length, size)), jnp.float32)
        b = jnp.asarray(rng.standard_normal((args.length, size)), jnp.float32)

        def forward(scan: Callable, a: jax.Array = a, b: jax.Array = b) -> Run:
            step = jax.jit(lambda a, b: scan(a, b, jnp.zeros_like(b[0])))
            return lambda: jax.block_until_ready(step(a, b))

        def gradient(scan: Callable, a: jax.Array = a, b: jax.Array = b) -> Run:
            total = lambda a, b: jnp.sum(jnp.sin(scan(a, b, jnp.zeros_like(b[0]))))
            step = jax.jit(jax.value_and_grad(total, argnums=(0, 1)))
            return lambda: jax.block_until_ready(step(a, b))

        for kind, make in (("forward", forward), ("gradient", gradient)):
            programs = {name: make(scan) for name, scan in scans.items()}
            layer = f"linear recurrence, {size} channels, {kind}"
            rows += [{"layer": layer, **row} for row in timed(programs, args.repeats, {})]
    return rows


def line(row: dict) -> str:
    """One line of the table."""
    name = f"{row['layer']}: {row['program']}"
    text = f"{name:<52} {row['ms']:>9.2f} {row['best_ms']:>9.2f} {row['compile_s']:>9.2f}"
    if row["ratio"] is not None:
        low, high = row["ratio_interval"]
        text += f" {row['ratio']:>7.2f} {low:>6.2f}–{high:<6.2f} {row['best']:>6.2f}"
    return text + (f" ≤ {row['figure']}" if row["figure"] else "")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    names = ("calls", "hoisted", "flax", "flax_loop", "torch")
    add("--cells", nargs="*", choices=CELLS, default=list(CELLS), help="layers to run")
    add("--programs", nargs="+", choices=names, default=list(names), help="beside ours")
    add("--batch", type=int, default=64, help="sequences (default: %(default)s)")
    add("--steps", type=int, default=128, help="of a sequence (default: %(default)s)")
    add("--inputs", type=int, default=64, help="features (default: %(default)s)")
    add("--hidden", type=int, default=256, help="units (default: %(default)s)")
    add("--length", type=int, default=16384, help="of linear recurrences (default: %(default)s)")
    add("--channels", type=int, nargs="*", default=[1, 16, 256], help="of linear recurrences")
    add("--trips", type=int, default=4, help="of a sample of a layer (default: %(default)s)")
    add("--repeats", type=int, default=15, help="samples of each program (default: %(default)s)")
    add("--threads", type=int, default=2, help="of PyTorch (default: %(default)s)")
    add("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    numbers = (args.batch, args.steps, args.inputs, args.hidden, args.length, args.repeats)
    if min(*numbers, args.threads, args.trips, *args.channels) < 1:
        parser.error("all numbers must be at least 1")
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    peers = {"flax": "flax", "flax_loop": "flax", "torch": "torch"}
    absent = [name for name, of in peers.items() if importlib.util.find_spec(of) is None]
    about = environment(
        args, ("jax", "flax", "torch"), note="PyTorch has `threads`; XLA's own pool is not pinned"
    )
    rows = layers(args, absent) + recurrences(args)
    header = (
        f"{'':<52} {'ms':>9} {'best ms':>9} {'compile s':>9} {'ratio':>7} {'95%':>13} {'best':>6}"
    )
    report(about, header, rows, line, absent, args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
