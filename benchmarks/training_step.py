"""A step of training the digits MLP 64-128-10 at batch 128, by the engine and by its peers.

    python benchmarks/training_step.py --output benchmarks/results/training_step_cpu.json

scan     ``train.fit``'s compiled epoch: shuffle, gather, guard against bad steps, Adam
loop     its Python loop over one compiled step
flax     a Python loop over one jitted step of Flax's ``TrainState``, the batch on the device
sklearn  ``MLPClassifier``, Adam, whole epochs
lanes    32 seeds in one call ("vmap" and "map"); the time is that of a step of all of them

All take turns; a sample is the mean over one or more epochs; a ratio is of the samples of one turn.
Compilation is timed apart. What is printed: median, quartiles.
"""

import argparse
import functools
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath import datasets, nn, train
from jaxmath.models import mlp
from jaxmath.train import _driver, _epoch
from jaxmath.train._data import place

CONFIG = mlp.Config((64, 128, 10))
BATCH = 128
OPTIMIZER = optax.adam(1e-3)
TRAIN_FN, APPLY_FN = train.adapt(functools.partial(mlp.apply, config=CONFIG))
STEP = train.supervised_step(TRAIN_FN, nn.softmax_cross_entropy, OPTIMIZER)


def start(key: jax.Array) -> train.TrainState:
    return train.init_state(key, mlp.init(jax.random.fold_in(key, 1), CONFIG), optimizer=OPTIMIZER)


def engine(mode: str, num_lanes: int, num_epochs: int) -> Callable[[], int]:
    """A call that runs the epochs and says how many steps they were."""
    data = datasets.digits()
    placed = place(tuple(data), None)
    plan = _epoch.Plan(STEP, None, BATCH, None, None, None)
    keys = jax.random.split(jax.random.key(0), max(num_lanes, 1))
    state = jax.vmap(start)(keys) if num_lanes else start(keys[0])
    held = [_driver.start(plan, state, None, num_lanes > 0)]
    program = _epoch.program(plan, mode)

    def call() -> int:
        held[0], rows = program(held[0], placed, None, num_epochs)
        jax.block_until_ready((held[0], rows))
        return num_epochs * -(-len(data.y) // BATCH)

    return call


def flax_loop(num_steps: int) -> Callable[[], int]:
    data = datasets.digits()
    x, y = jnp.asarray(data.x[:BATCH]), jnp.asarray(data.y[:BATCH])
    held = [train.to_flax(start(jax.random.key(0)), apply_fn=APPLY_FN, optimizer=OPTIMIZER)]

    @jax.jit
    def step(state, x, y):
        def loss(params):
            logits = jax.vmap(lambda x: APPLY_FN(params, (), x))(x)
            return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, y))

        value, grads = jax.value_and_grad(loss)(state.params)
        return state.apply_gradients(grads=grads), value

    def call() -> int:
        for _ in range(num_steps):
            held[0], _ = step(held[0], x, y)
        jax.block_until_ready(held[0].params)
        return num_steps

    return call


def sklearn_epochs(num_epochs: int) -> Callable[[], int]:
    from sklearn.neural_network import MLPClassifier

    data = datasets.digits()
    model = MLPClassifier(
        (128,), batch_size=BATCH, max_iter=num_epochs, tol=0.0, n_iter_no_change=10**6, alpha=0.0
    )

    def call() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has not converged
            model.fit(data.x, data.y)
        return num_epochs * -(-len(data.y) // BATCH)

    return call


def measure(calls: dict[str, Callable[[], int]], samples: int) -> dict[str, dict]:
    first, times = {}, {name: [] for name in calls}
    for name, call in calls.items():
        begin = time.perf_counter()
        call()
        first[name] = time.perf_counter() - begin
    for _ in range(samples):
        for name, call in calls.items():
            begin = time.perf_counter()
            steps = call()
            times[name].append(1e3 * (time.perf_counter() - begin) / steps)
    quartiles = lambda a: [round(float(q), 4) for q in np.percentile(a, [25, 50, 75])]
    scan = np.array(times["scan"])
    return {
        name: {
            "ms_a_step": quartiles(values),
            "over_scan": quartiles(np.array(values) / scan),
            "first_call_s": round(first[name], 2),
        }
        for name, values in times.items()
    }


def main(argv: Sequence[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=15)
    parser.add_argument("--epochs", type=int, default=10, help="epochs a sample")
    parser.add_argument("--lanes", type=int, default=32)
    peers = ["loop", "flax", "sklearn", "vmap", "map"]
    parser.add_argument("--peers", nargs="+", choices=peers, default=peers)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args(argv)
    known = {
        "scan": lambda: engine("scan", 0, args.epochs),
        "loop": lambda: engine("loop", 0, args.epochs),
        "flax": lambda: flax_loop(15 * args.epochs),
        "sklearn": lambda: sklearn_epochs(args.epochs),
        "vmap": lambda: engine("vmap", args.lanes, 1),
        "map": lambda: engine("map", args.lanes, 1),
    }
    calls = {name: known[name]() for name in ["scan", *args.peers]}
    report = {
        "device": jax.devices()[0].device_kind,
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "jax": jax.__version__,
        "lanes": args.lanes,
        "quartiles": measure(calls, args.samples),
    }
    print(f"{'':10}{'ms a step':>30}{'over scan':>30}{'first call, s':>16}")
    for name, row in report["quartiles"].items():
        ms, ratio = (" ".join(f"{v:8.3f}" for v in row[k]) for k in ("ms_a_step", "over_scan"))
        print(f"{name:10}{ms:>30}{ratio:>30}{row['first_call_s']:>16}")
    if args.output is not None:
        args.output.write_text(json.dumps(report, indent=2) + "\n")
    return report


if __name__ == "__main__":
    main()
