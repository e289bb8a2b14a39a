#!/usr/bin/env python
"""The benchmark's lanes against the bare program, cold and with a warm compilation cache.

4 problems x 5 optimizers x 10 learning rates x 32 seeds x 2,000 steps in 2-d: 6,400 runs.
The bare program is what one writes by hand: for each pair one jitted, vmapped scan that keeps the
best objective. Ours is ``jaxmath.benchmark.run_benchmark``, which also records curves, divergence
and times. Each measurement is a fresh process; the two alternate; the clock starts after imports
and stops when the results are on the host.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

PROBLEMS = ("rosenbrock", "beale", "himmelblau", "booth")
OPTIMIZERS = ("sgd", "momentum", "adam", "rmsprop", "lion")


def bare(num_rates: int, num_seeds: int, num_steps: int) -> list:
    """The hand-written program: a jitted, vmapped scan a pair; best objectives on the host."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from jaxmath.optimize import objectives

    makers = {
        "sgd": optax.sgd,
        "momentum": lambda learning_rate: optax.sgd(learning_rate, 0.9),
        "adam": optax.adam,
        "rmsprop": optax.rmsprop,
        "lion": optax.lion,
    }
    rates = jnp.geomspace(1e-4, 1.0, num_rates)
    starts = jax.random.uniform(jax.random.key(0), (num_seeds, 2), minval=-2.0, maxval=2.0)
    found = []
    for problem in PROBLEMS:
        f = getattr(objectives, problem)
        for name in OPTIMIZERS:

            def lane(rate, start, f=f, make=makers[name]):
                optimizer = make(rate)

                def step(carry, _):
                    x, state, best = carry
                    value, gradient = jax.value_and_grad(f)(x)
                    updates, state = optimizer.update(gradient, state, x)
                    x = optax.apply_updates(x, updates)
                    return (x, state, jnp.minimum(best, value)), None

                carry = (start, optimizer.init(start), jnp.inf)
                (x, _, best), _ = jax.lax.scan(step, carry, length=num_steps)
                return jnp.minimum(best, f(x))

            program = jax.jit(jax.vmap(jax.vmap(lane, (None, 0)), (0, None)))
            found.append(np.asarray(program(rates, starts)))
    return found


def ours(num_rates: int, num_seeds: int, num_steps: int, num_records: int = 20) -> list:
    """The same lanes through the library."""
    import jax
    import numpy as np

    from jaxmath import optimize
    from jaxmath.benchmark import Optimizer, Plan, run_benchmark
    from jaxmath.optimize import Problem, objectives

    makers = {"momentum": optimize.heavy_ball}
    optimizers = [Optimizer(n, makers.get(n) or getattr(optimize, n)) for n in OPTIMIZERS]
    start = lambda key: jax.random.uniform(key, (2,), minval=-2.0, maxval=2.0)
    rates = tuple(np.geomspace(1e-4, 1.0, num_rates))
    plans = [
        Plan(
            Problem(name, getattr(objectives, name), start, 2, 0.0),
            rates,
            num_seeds=num_seeds,
            num_steps=num_steps,
            num_records=num_records,
        )
        for name in PROBLEMS
    ]
    return [result.gaps[-1] for result in run_benchmark(plans, optimizers)]


def child(args: argparse.Namespace) -> None:
    """One measurement in this process."""
    import jax
    import jax.numpy as jnp
    import optax  # noqa: F401

    import jaxmath.benchmark  # noqa: F401

    if args.cache:
        jax.config.update("jax_compilation_cache_dir", args.cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    jnp.zeros(()).block_until_ready()  # the backend is up
    program = {"bare": bare, "ours": ours}[args.child]
    began = time.perf_counter()
    found = program(args.rates, args.seeds, args.steps)
    print(json.dumps({"seconds": time.perf_counter() - began, "pairs": len(found)}))


def measure(which: str, cache: str, args: argparse.Namespace) -> float:
    """One measurement in a fresh process, s."""
    command = [
        sys.executable, __file__, "--child", which, "--cache", cache, "--rates", str(args.rates),
        "--seeds", str(args.seeds), "--steps", str(args.steps),
    ]  # fmt: skip
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(out.splitlines()[-1])["seconds"]


def compare(args: argparse.Namespace) -> dict:
    """Both programs in turn, cold and warm."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        caches = {which: f"{folder}/{which}" for which in ("bare", "ours")}
        for mode in ("cold", "warm"):
            if mode == "warm":
                for which, cache in caches.items():
                    measure(which, cache, args)
            pairs = []
            for _ in range(args.repeats):
                pair = {w: measure(w, caches[w] if mode == "warm" else "", args) for w in caches}
                pairs.append(pair)
            ratios = sorted(p["ours"] / p["bare"] for p in pairs)
            found[mode] = {
                "bare_seconds": statistics.median(p["bare"] for p in pairs),
                "ours_seconds": statistics.median(p["ours"] for p in pairs),
                "ratio": statistics.median(ratios),
                "ratio_low": ratios[len(ratios) // 4],
                "ratio_high": ratios[-1 - len(ratios) // 4],
                "repeats": args.repeats,
            }
    return found


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--repeats", type=int, default=15, help="measurements of each (default: 15)")
    p.add_argument("--rates", type=int, default=10, help="learning rates (default: 10)")
    p.add_argument("--seeds", type=int, default=32, help="starts (default: 32)")
    p.add_argument("--steps", type=int, default=2000, help="steps (default: 2000)")
    p.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    p.add_argument("--child", choices=("bare", "ours"), help=argparse.SUPPRESS)
    p.add_argument("--cache", default="", help=argparse.SUPPRESS)
    return p


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    args = parser().parse_args(argv)
    if args.child:
        child(args)
        return 0
    found = compare(args)
    print(f"{'':6}{'bare s':>9}{'ours s':>9}{'ratio':>8}  quartiles (asked: at most 1.5)")
    for mode, row in found.items():
        print(
            f"{mode:6}{row['bare_seconds']:9.2f}{row['ours_seconds']:9.2f}{row['ratio']:8.2f}"
            f"  {row['ratio_low']:.2f}–{row['ratio_high']:.2f}"
        )
    if args.output:
        from jaxmath.benchmark import environment

        sizes = {"rates": args.rates, "seeds": args.seeds, "steps": args.steps, "pairs": 20}
        document = {"environment": environment(), "sizes": sizes, "figures": found}
        args.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
