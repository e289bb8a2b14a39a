#!/usr/bin/env python
"""ResNet-50 and VGG-16 on images of 224×224: forward beside PyTorch, layer by layer; compile times.

    python benchmarks/image_forward.py --output benchmarks/results/image_forward_cpu.json

**Forward**: evaluation of the whole network in float32, our compiled program and PyTorch's modules
without gradients, channels first and channels last; the ratio is to the faster layout, in turns.
**Layers**: every convolution and dense layer of the network by itself, at the first batch size; of
several with the same shapes one is timed, and counted. A sample is ten calls one after another: for
a while after a call PyTorch's threads wait for the next in a busy loop, and take a core from ours.
**Compile**: seconds to trace and to compile a step of training (forward, backward, Adam), batch 4.
The parameters are random. Without PyTorch ours alone is timed.
"""

import argparse
import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.optimizer_update import median_interval
from benchmarks.torch_networks import NETWORKS, SMALL
from benchmarks.turns import Run, environment, in_turns, write
from jaxmath import nn, optimize, train
from jaxmath.models import image_networks

FORWARD = {"resnet50": 1.2, "vgg16": 1.5}
COMPILE = {"resnet50": 20.0, "vgg16": 15.0}
PACKAGES = ("jax", "jaxlib", "torch", "numpy")


def ours(config: Any, batch: int) -> Run:
    """Our compiled evaluation."""
    params, state = jax.jit(lambda key: image_networks.init(key, config, dtype=jnp.float32))(
        jax.random.key(0)
    )
    shape = (batch, config.image_size, config.image_size, config.channels)
    X = jax.random.normal(jax.random.key(1), shape, jnp.float32)
    one = lambda p, s, x: image_networks.apply(p, s, x, config=config)
    apply = jax.jit(jax.vmap(one, (None, None, 0)))
    return lambda: jax.block_until_ready(apply(params, state, X))


def torch_run(net: Callable, x: Any) -> Run:
    """PyTorch's evaluation."""
    import torch

    def run() -> Any:
        with torch.inference_mode():
            return net(x)

    return run


def torch_layouts(make: Callable, config: Any, batch: int) -> dict[str, Run]:
    """PyTorch's network in both layouts."""
    import torch

    shape = (batch, config.channels, config.image_size, config.image_size)
    runs = {}
    for name, layout in (("first", torch.contiguous_format), ("last", torch.channels_last)):
        net = make(torch, config).eval().to(memory_format=layout)
        runs[name] = torch_run(net, torch.randn(shape).to(memory_format=layout))
    return runs


def row(programs: dict[str, Run], repeats: int, calls: int = 1) -> dict[str, Any]:
    """Milliseconds of a call of each, and ours over the faster of the others in the same turn."""
    many = lambda run: lambda: [run() for _ in range(calls)]
    samples, *_ = in_turns({name: many(run) for name, run in programs.items()}, repeats)
    found: dict[str, Any] = {
        name: float(np.median(seconds)) / calls * 1e3 for name, (seconds, _) in samples.items()
    }
    theirs = [seconds for name, (seconds, _) in samples.items() if name != "ours"]
    if theirs:
        ratios = samples["ours"][0] / np.min(theirs, axis=0)
        found |= {"ratio": float(np.median(ratios)), "interval": list(median_interval(ratios))}
    return found


def layer_shapes(make: Callable, config: Any) -> Counter:
    """(kind, shape in, kernel, stride, padding, groups) of PyTorch's layers, and how many."""
    import torch

    net = make(torch, config).eval()
    seen: Counter = Counter()

    def note(module: Any, x: Any, _: Any) -> None:
        kernel = tuple(module.weight.shape)
        more = (1, 0, 1)
        if len(kernel) == 4:
            more = (module.stride[0], module.padding[0], module.groups)
        seen[(tuple(x[0].shape[1:]), kernel, *more)] += 1

    for module in net.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(note)
    with torch.inference_mode():
        net(torch.zeros(1, config.channels, config.image_size, config.image_size))
    return seen


def layer_runs(key: tuple, batch: int) -> dict[str, Run]:
    """One layer: ours, and PyTorch's in both layouts."""
    import torch

    shape, kernel, stride, padding, groups = key
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *shape)).astype(np.float32)
    w = rng.standard_normal(kernel).astype(np.float32)
    if len(kernel) == 2:
        dense = jax.jit(lambda x, w: x @ w)
        X, W, T = jnp.asarray(x), jnp.asarray(w.T), torch.from_numpy(w)
        apply = lambda a: torch.nn.functional.linear(a, T)
        return {
            "ours": lambda: jax.block_until_ready(dense(X, W)),
            "first": torch_run(apply, torch.from_numpy(x)),
        }
    pads = ((padding, padding),) * 2
    one = lambda x, w: nn.convolve(x, w, stride=stride, padding=pads, groups=groups)
    convolve = jax.jit(jax.vmap(one, (0, None)))
    X, W = jnp.asarray(np.moveaxis(x, 1, -1)), jnp.asarray(w.transpose(2, 3, 1, 0))
    runs: dict[str, Run] = {"ours": lambda: jax.block_until_ready(convolve(X, W))}
    for name, layout in (("first", torch.contiguous_format), ("last", torch.channels_last)):
        T = torch.from_numpy(w).to(memory_format=layout)
        apply = partial(
            torch.nn.functional.conv2d, weight=T, stride=stride, padding=padding, groups=groups
        )
        runs[name] = torch_run(apply, torch.from_numpy(x).to(memory_format=layout))
    return runs


def compile_seconds(config: Any, batch: int = 4) -> dict[str, float]:
    """Of a step of training: to trace it, and to compile it."""
    optimizer = optimize.adam(1e-3)

    def train_fn(key: Any, params: Any, model_state: Any, x: Any, axis_name: str) -> Any:
        return image_networks.train(key, params, model_state, x, config=config, axis_name=axis_name)

    step = train.supervised_step(train_fn, nn.softmax_cross_entropy, optimizer)

    def start(key: Any) -> Any:
        params, model_state = image_networks.init(key, config, dtype=jnp.float32)
        return train.init_state(key, params, model_state, optimizer=optimizer)

    state = jax.eval_shape(start, jax.random.key(0))
    shape = (batch, config.image_size, config.image_size, config.channels)
    like: Any = jax.ShapeDtypeStruct
    data = train.Batch(
        like(shape, jnp.float32), like((batch,), jnp.int32), like((batch,), jnp.float32)
    )
    jax.clear_caches()
    begin = time.perf_counter()
    lowered = jax.jit(step).lower(state, data, jax.random.key(0))
    traced = time.perf_counter()
    lowered.compile()
    return {"trace_s": traced - begin, "compile_s": time.perf_counter() - traced}


def line(what: str, found: dict[str, Any]) -> str:
    """One line of a table: what was timed, milliseconds, the ratio."""
    text = f"{what:46}" + "".join(
        f" {found.get(n, np.nan):9.2f}" for n in ("ours", "first", "last")
    )
    if "ratio" in found:
        low, high = found["interval"]
        text += f" {found['ratio']:6.2f} {low:6.2f}–{high:.2f}"
    return text


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Every table."""
    found: dict[str, Any] = {"forward": [], "layers": [], "compile": []}
    torch = importlib.util.find_spec("torch") is not None

    def note(kind: str, what: str, **figures: Any) -> None:
        found[kind].append(figures)
        print(line(what, figures), flush=True)

    print(f"{'':46} {'ours':>9} {'first':>9} {'last':>9} ms, ours over the faster of PyTorch's")
    for name in args.networks:
        config, make = (SMALL if args.small else NETWORKS)[name]
        for batch in args.batches:
            peers = torch_layouts(make, config, batch) if torch else {}
            times = row({"ours": ours(config, batch), **peers}, args.repeats)
            note("forward", f"{name}, batch {batch} (asked {FORWARD[name]})", network=name,
                 batch=batch, asked=FORWARD[name], **times)  # fmt: skip
        for key, count in layer_shapes(make, config).items() if torch and args.layers else ():
            shape, kernel, stride, *_ = key
            times = row(layer_runs(key, args.batches[0]), args.repeats, calls=10)
            note("layers", f"  {count} of {shape} by {kernel} /{stride}", network=name, input=shape,
                 kernel=kernel, stride=stride, count=count, **times)  # fmt: skip
        seconds = compile_seconds(config)
        found["compile"].append({"network": name, "asked": COMPILE[name], **seconds})
        trace, compiled = seconds["trace_s"], seconds["compile_s"]
        print(
            f"{name} (asked {COMPILE[name]:.0f} s): {trace:.1f} s traced, {compiled:.1f} s compiled"
        )
    return found


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--networks", nargs="+", choices=FORWARD, default=list(FORWARD))
    add("--batches", nargs="+", type=int, default=[4, 16])
    add("--repeats", type=int, default=15, help="samples of each program (default: %(default)s)")
    add("--threads", type=int, default=2, help="of PyTorch (default: %(default)s)")
    add("--no-layers", dest="layers", action="store_false", help="whole networks alone")
    add("--small", action="store_true", help="a few channels and small images")
    add("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if importlib.util.find_spec("torch") is not None:
        import torch

        torch.set_num_threads(args.threads)
    with threadpool_limits(args.threads):
        found = measure(args)
    write(args.output, {**environment(args, PACKAGES), **found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
