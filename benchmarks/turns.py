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
    x: np.ndarray, y: np.ndarray,
) -> Run:  # fmt: skip
    """PyTorch's eager steps of a classifier, Adam, batches cut out of a tensor."""
    import torch

    X, Y = torch.from_numpy(np.ascontiguousarray(x)), torch.from_numpy(y.astype(np.int64))

    def run() -> Any:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        net, loss_fn = make(), torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        for rows in batches(len(y), args.batch, args.epochs):
            chosen = torch.from_numpy(rows)
            optimizer.zero_grad()
            loss = loss_fn(net(X[chosen]), Y[chosen])
            loss.backward()
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
