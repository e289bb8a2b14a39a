"""What the benchmarks of training share: programs in turns, the loops of others, the report."""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.optimizer_update import median_interval

Run = Callable[[], Any]


def batches(num: int, batch: int, epochs: int, seed: int = 0) -> Any:
    """The rows of each batch, epoch after epoch in another order."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        yield from rng.permutation(num).reshape(-1, batch)


def flax_loop(net: Any, rate: float, args: argparse.Namespace, x: np.ndarray, y: np.ndarray) -> Run:
    """A Python loop over one jitted step of a Flax classifier, with donated buffers and Adam."""
    from flax.training.train_state import TrainState

    params = jax.jit(net.init)(jax.random.key(0), x[:1])["params"]

    def step(state: TrainState, x: jax.Array, y: jax.Array) -> tuple[TrainState, jax.Array]:
        def loss(params: Any) -> jax.Array:
            logits = net.apply({"params": params}, x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        value, gradients = jax.value_and_grad(loss)(state.params)
        return state.apply_gradients(grads=gradients), value

    jitted = jax.jit(step, donate_argnums=0)
    optimizer = optax.adam(rate)

    def run() -> Any:
        # Buffers are donated: each run begins with its own copy.
        copy = jax.tree.map(jnp.copy, params)
        state = TrainState.create(apply_fn=net.apply, params=copy, tx=optimizer)
        for rows in batches(len(y), args.batch, args.epochs):
            state, value = jitted(state, x[rows], y[rows])
        return jax.block_until_ready(value)

    return run


def torch_loop(
    make: Callable[[], Any], rate: float, threads: int, args: argparse.Namespace,
    x: np.ndarray, y: np.ndarray, pieces: int = 1,
) -> Run:  # fmt: skip
    """PyTorch's eager steps of a classifier, Adam, batches cut out of a tensor, in pieces."""
    import torch

    X, Y = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y.astype(np.int64))

    def run() -> Any:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        net, loss_fn = make(), torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        for rows in batches(len(y), args.batch, args.epochs):
            optimizer.zero_grad()
            for chosen in torch.from_numpy(rows).chunk(pieces):
                loss = loss_fn(net(X[chosen]), Y[chosen])
                (loss * (len(chosen) / len(rows))).backward()
            optimizer.step()
        return loss.item()

    return run


def in_turns(
    programs: dict[str, Run], repeats: int
) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, Any]]:
    """Seconds on the clock and of all processors of each run, shape (2, repeats), forwards and
    backwards in turns; before them the first run's seconds, and what it returned."""
    first, found = {}, {}
    for name, run in programs.items():
        begin = time.perf_counter()
        found[name] = run()
        first[name] = time.perf_counter() - begin
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for i in range(repeats):
        for name in list(programs) if i % 2 == 0 else list(reversed(programs)):
            begin, used = time.perf_counter(), time.process_time()
            programs[name]()
            samples[name].append((time.perf_counter() - begin, time.process_time() - used))
    return {name: np.array(values).T for name, values in samples.items()}, first, found


def step_rows(
    programs: dict[str, Run], repeats: int, steps: int, figures: dict[str, float]
) -> list[dict[str, Any]]:
    """Milliseconds a step of programs that return a loss, and their time over that of "scan".

    ``figures`` are the least ratios asked for.
    """
    samples, first, found = in_turns(programs, repeats)
    rows = []
    for name, (seconds, processors) in samples.items():
        ratios, itself = seconds / samples["scan"][0], name == "scan"
        rows.append({
            "program": name,
            "ms_a_step": float(np.median(seconds)) / steps * 1e3,
            "ms_least": float(np.min(seconds)) / steps * 1e3,
            "processor_ms_a_step": float(np.median(processors)) / steps * 1e3,
            "ratio": None if itself else float(np.median(ratios)),
            "ratio_interval": None if itself else list(median_interval(ratios)),
            "figure": figures.get(name),
            "compile_s": max(first[name] - float(np.median(seconds)), 0.0),
            "last_loss": float(found[name]),
        })  # fmt: skip
    return rows


STEP_HEADER = "program      ms a step   least  processors  compile s  ratio    95% interval  asked"


def step_line(row: dict[str, Any]) -> str:
    """One line under ``STEP_HEADER``."""
    text = f"{row['program']:<12} {row['ms_a_step']:>9.1f} {row['ms_least']:>7.1f}"
    text += f" {row['processor_ms_a_step']:>11.1f} {row['compile_s']:>10.2f}"
    if row["ratio"] is not None:
        low, high = row["ratio_interval"]
        text += f" {row['ratio']:>6.2f} {low:>7.2f}–{high:<7.2f}"
    return text + (f" ≥ {row['figure']:.2f}" if row["figure"] else "")


def report(
    about: dict[str, Any], header: str, rows: list[dict], line: Callable[[dict], str],
    absent: Sequence[str], path: Path | None,
) -> None:  # fmt: skip
    """Print a table of rows, with the peers left out, and write it all."""
    print(json.dumps(about))
    print(header)
    for row in rows:
        print(line(row))
    for name in absent:
        print(f"{name} is not installed: left out")
    write(path, {"environment": about, "results": rows, "left_out": list(absent)})


def environment(args: argparse.Namespace, packages: Sequence[str], **more: Any) -> dict[str, Any]:
    """What the figures hold for."""
    found: dict[str, str | None] = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    settings = {k: v for k, v in vars(args).items() if k not in ("output", "directory")}
    return {
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "versions": found,
        **more,
        **settings,
    }


def write(path: Path | None, report: dict[str, Any]) -> None:
    """The report as JSON, where a path was given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
