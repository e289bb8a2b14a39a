"""Compiled optimizer updates on an MLP's parameters: jaxmath over optax, optimizer by optimizer.

    python benchmarks/optimizer_update.py --output benchmarks/results/optimizer_update_cpu.json

Two programs are timed, on the same gradients, state and parameters:

call  one ``jax.jit(optimizer.update)``, to the end of its computation: dispatch, and memory for the
      results, are part of it
loop  20 updates and ``optax.apply_updates`` in one compiled loop, a step of a compiled epoch; the
      time is that of one step

The two libraries take turns, and which goes first alternates. A sample is the mean over enough
calls to fill ``--sample-ms``; a ratio is of two neighbouring samples. The verdict "no slower" means
that the 95% interval of the median ratio (of order statistics, so without a model of the noise)
ends at most at 1.05.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.stats import binom

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath.optimize.adam_family import adam, adamax, adamw, amsgrad, nadam
from jaxmath.optimize.adaptive import adadelta, adagrad, rmsprop
from jaxmath.optimize.momentum import heavy_ball, lion, nesterov, sgd

LIMIT = 1.05
LOOP_STEPS = 20
MODES = ("call", "loop")
SIZES = ("784-512-512-10", "64-32-10")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "XLA_FLAGS")
PAIRS: dict[str, tuple[Callable, Callable]] = {
    "sgd": (sgd, optax.sgd),
    "heavy_ball": (heavy_ball, partial(optax.sgd, momentum=0.9)),
    "nesterov": (nesterov, partial(optax.sgd, momentum=0.9, nesterov=True)),
    "lion": (lion, optax.lion),
    "adagrad": (adagrad, optax.adagrad),
    "adadelta": (adadelta, optax.adadelta),
    "rmsprop": (rmsprop, optax.rmsprop),
    "rmsprop_centered": (partial(rmsprop, centered=True), partial(optax.rmsprop, centered=True)),
    "adam": (adam, optax.adam),
    "adamw": (adamw, optax.adamw),
    "amsgrad": (amsgrad, optax.amsgrad),
    "adamax": (adamax, optax.adamax),
    "nadam": (nadam, optax.nadam),
}


@dataclass(frozen=True)
class Result:
    """One optimizer at one size; times in microseconds an update, compile times in seconds."""

    optimizer: str
    mode: str
    sizes: str
    ours_us: float
    optax_us: float
    ratio: float
    ratio_quartiles: tuple[float, float]
    ratio_interval: tuple[float, float]
    no_slower: bool
    ours_compile_s: float
    optax_compile_s: float
    repeats: int


def mlp_parameters(sizes: tuple[int, ...], seed: int) -> list[dict[str, jax.Array]]:
    """Float32 weights and biases of the layers, standard normal."""
    rng = np.random.default_rng(seed)
    return [
        {
            "weight": jnp.asarray(rng.normal(size=(n, m)), jnp.float32),
            "bias": jnp.asarray(rng.normal(size=m), jnp.float32),
        }
        for n, m in pairwise(sizes)
    ]


def program(optimizer: optax.GradientTransformation, mode: str) -> Callable:
    """What is timed, of gradients, state and parameters; a new function each time."""

    def call(gradients: Any, state: Any, params: Any) -> tuple:
        return optimizer.update(gradients, state, params)

    def loop(gradients: Any, state: Any, params: Any) -> tuple:
        def step(_: Any, carry: tuple) -> tuple:
            updates, state = optimizer.update(gradients, *carry)
            return state, optax.apply_updates(carry[1], updates)

        return jax.lax.fori_loop(0, LOOP_STEPS, step, (state, params))

    return {"call": call, "loop": loop}[mode]


def compile_seconds(fn: Callable, args: tuple) -> float:
    """Tracing, lowering and compiling."""
    start = time.perf_counter()
    jax.jit(fn).lower(*args).compile()
    return time.perf_counter() - start


def seconds(fn: Callable, args: tuple, calls: int) -> float:
    """The mean time of a call."""
    start = time.perf_counter()
    for _ in range(calls):
        jax.block_until_ready(fn(*args))
    return (time.perf_counter() - start) / calls


def interleaved(
    programs: Sequence[tuple[Callable, tuple]], repeats: int, sample_s: float
) -> np.ndarray:
    """Seconds a call, of shape (repeats, programs), after a warm-up."""
    warm = [seconds(fn, args, 3) for fn, args in programs]
    calls = [max(1, int(sample_s / s)) for s in warm]
    samples = np.empty((repeats, len(programs)))
    for i in range(repeats):
        order = range(len(programs)) if i % 2 else reversed(range(len(programs)))
        for j in order:
            samples[i, j] = seconds(*programs[j], calls[j])
    return samples


def median_interval(values: np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """The distribution-free interval of the median: two order statistics."""
    ranked, n = np.sort(values), len(values)
    k = max(int(binom.ppf((1 - confidence) / 2, n, 0.5)) - 1, 0)
    return float(ranked[k]), float(ranked[n - 1 - k])


def measure(name: str, sizes: str, mode: str, repeats: int, sample_s: float) -> Result:
    """One row of the table."""
    layers = tuple(int(n) for n in sizes.split("-"))
    params, gradients = mlp_parameters(layers, 0), mlp_parameters(layers, 1)
    optimizers = [make(1e-3) for make in PAIRS[name]]
    args = [(gradients, optimizer.init(params), params) for optimizer in optimizers]
    compiling = [
        compile_seconds(program(o, mode), a) for o, a in zip(optimizers, args, strict=True)
    ]
    programs = [(jax.jit(program(o, mode)), a) for o, a in zip(optimizers, args, strict=True)]
    samples = interleaved(programs, repeats, sample_s) / (LOOP_STEPS if mode == "loop" else 1)
    ratios = samples[:, 0] / samples[:, 1]
    interval = median_interval(ratios)
    lower, upper = np.quantile(ratios, [0.25, 0.75])
    ours, theirs = np.median(samples, axis=0) * 1e6
    return Result(
        optimizer=name,
        mode=mode,
        sizes=sizes,
        ours_us=float(ours),
        optax_us=float(theirs),
        ratio=float(np.median(ratios)),
        ratio_quartiles=(float(lower), float(upper)),
        ratio_interval=interval,
        no_slower=interval[1] <= LIMIT,
        ours_compile_s=compiling[0],
        optax_compile_s=compiling[1],
        repeats=repeats,
    )


def environment() -> dict[str, object]:
    """What the figures hold for."""
    device = jax.devices()[0]
    return {
        "platform": device.platform,
        "device": device.device_kind,
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": jax.lib.__version__,
        "optax": optax.__version__,
        "threads": {name: os.environ.get(name, "unset") for name in THREAD_VARIABLES},
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "note": "elementwise programs: no BLAS call; XLA's own thread pool is not pinned",
    }


HEADER = (
    f"{'optimizer':<17} {'sizes':<16} {'mode':<5} {'ours µs':>9} {'optax µs':>9} {'ratio':>6} "
    f"{'quartiles':>13} {'95% interval':>13} {'no slower':>9} {'compile s, ours/optax':>21}"
)


def row(r: Result) -> str:
    """One line of the table."""
    spans = [f"{low:.3f}–{high:.3f}" for low, high in (r.ratio_quartiles, r.ratio_interval)]
    return (
        f"{r.optimizer:<17} {r.sizes:<16} {r.mode:<5} {r.ours_us:>9.1f} {r.optax_us:>9.1f} "
        f"{r.ratio:>6.3f} "
        f"{spans[0]:>13} {spans[1]:>13} {'yes' if r.no_slower else 'NO':>9} "
        f"{r.ours_compile_s:>12.3f} / {r.optax_compile_s:.3f}"
    )


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--optimizers",
        nargs="+",
        choices=PAIRS,
        default=list(PAIRS),
        metavar="NAME",
        help=f"which optimizers to time; default all: {', '.join(PAIRS)}",
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        default=list(SIZES),
        metavar="N-N-N",
        help="layer widths of the MLPs (default: %(default)s)",
    )
    parser.add_argument(
        "--modes", nargs="+", choices=MODES, default=list(MODES), help="programs (default: both)"
    )
    parser.add_argument(
        "--repeats", type=int, default=31, help="samples of each program (default: %(default)s)"
    )
    parser.add_argument(
        "--sample-ms",
        type=float,
        default=10.0,
        help="least duration of one sample in milliseconds (default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, help="write the figures, with device and versions, as JSON"
    )
    parser.add_argument("--quiet", action="store_true", help="print no table")
    args = parser.parse_args(argv)
    if args.repeats < 1:
        parser.error("--repeats must be at least 1")
    for size in args.sizes:
        widths = size.split("-")
        if len(widths) < 2 or not all(w.isdigit() and int(w) > 0 for w in widths):
            parser.error(f"--sizes: {size!r} is not a list of layer widths like 784-512-10")
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    about = environment()
    if not args.quiet:
        print(json.dumps(about, indent=None))
        print(HEADER)
    results = []
    for size, mode, name in product(args.sizes, args.modes, args.optimizers):
        result = measure(name, size, mode, args.repeats, args.sample_ms / 1e3)
        results.append(result)
        if not args.quiet:
            print(row(result), flush=True)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        report = {"environment": about, "results": [asdict(r) for r in results]}
        args.output.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
