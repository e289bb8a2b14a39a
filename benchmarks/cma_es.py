"""CMA-ES beside pycma: evaluations to a target, from the same start, σ₀, population and setting.

    python benchmarks/cma_es.py --json benchmarks/results/cma_es_cpu.json

Chained problems in 10 variables, 51 seeds each. A run succeeds when its best value meets the
target, 1e-10 in float64 and 1e-6 in float32; its cost is the evaluations up to the end of that
generation, and the medians are over the runs that succeed. pycma computes in float64 always and has
the same target; all else of its options is as it comes, the covariance's negative weights (active)
set as ours. Our seeds are one vmapped program, pycma's a loop. Beside the runs to the target, the
solver is run to its own end: its status, what it found (judged in float64), and its compile time.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath import numerics
from jaxmath.benchmark import environment
from jaxmath.iterate import Status, iterate
from jaxmath.optimize import cma_es, cma_es_init, cma_es_step, rosenbrock

N = 10
SCALES = 10.0 ** (6 * np.arange(N) / (N - 1))  # condition 10⁶
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(N, N)))[0]
TARGET = {"float64": 1e-10, "float32": 1e-6}


def sphere(x):
    return jnp.sum(x**2)


def ellipsoid(x):
    return jnp.sum(jnp.asarray(SCALES, x.dtype) * x**2)


def rotated_ellipsoid(x):
    return ellipsoid(numerics.matmul(jnp.asarray(ROTATION, x.dtype), x))


# Objective, the start in every coordinate, σ₀.
PROBLEMS: dict[str, tuple[Callable, float, float]] = {
    "sphere": (sphere, 3.0, 2.0),
    "ellipsoid": (ellipsoid, 3.0, 2.0),
    "rotated-ellipsoid": (rotated_ellipsoid, 3.0, 2.0),
    "rosenbrock": (rosenbrock, 0.0, 0.5),
}


def to_target(key, fun: Callable, x0, sigma: float, goal: float, limit: int, active: bool):
    """The best value and the evaluations when it met the goal, or when nothing moved any more."""

    def step(state):
        k = jax.random.fold_in(key, state.progress.num_steps)
        return cma_es_step(k, fun, state, active=active)

    def status(state):
        met = state.progress.value <= goal
        return jnp.where(met, Status.CONVERGED, state.progress.status)

    state, _, _ = iterate(step, cma_es_init(fun, x0, sigma), status, max_steps=limit)
    return state.progress.value, state.progress.num_fun


def pycma(fun: Callable, x0: np.ndarray, sigma: float, goal: float, seed: int, active: bool):
    """The same of pycma, and the size of its population."""
    import cma

    options = {"ftarget": goal, "seed": seed + 1, "verbose": -9, "CMA_active": active}
    search = cma.CMAEvolutionStrategy(x0, sigma, options)
    while not search.stop():
        points = search.ask()
        search.tell(points, np.asarray(fun(jnp.asarray(np.stack(points)))).tolist())
    return search.result.fbest, search.countevals, search.popsize


def summary(values, counts, goal: float) -> dict:
    """Success, and the quartiles of the evaluations of the runs that met the goal."""
    met = np.asarray(values) <= goal
    cost = np.asarray(counts, float)[met]
    quartiles = np.percentile(cost, (25, 50, 75)).tolist() if met.any() else [float("inf")] * 3
    return {"success": float(met.mean()), "quartiles": quartiles}


def measure(name: str, dtype: str, seeds: int, limit: int, active: bool) -> dict:
    """Our two programs on one problem, all seeds at once."""
    fun, start, sigma = PROBLEMS[name]
    goal, x0 = TARGET[dtype], jnp.full(N, start, dtype)
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))
    solve = lambda k: cma_es(k, fun, x0, sigma, active=active, max_steps=limit)
    begin, cpu = time.perf_counter(), time.process_time()
    program = jax.jit(jax.vmap(solve)).lower(keys).compile()
    compile_s, compile_cpu_s = time.perf_counter() - begin, time.process_time() - cpu
    begin = time.perf_counter()
    end = jax.block_until_ready(program(keys))
    run_s = time.perf_counter() - begin
    value, count = jax.jit(
        jax.vmap(lambda k: to_target(k, fun, x0, sigma, goal, limit, active))
    )(keys)  # fmt: skip
    final = jax.vmap(fun)(end.value.astype(jnp.float64))
    names = Counter(Status(int(s)).name for s in end.status)
    return {
        "problem": name, "dtype": dtype, "target": goal, "seeds": seeds,
        **summary(value, count, goal),
        "own_end": summary(final, end.num_fun, goal), "statuses": dict(names),
        "converged_worst": float(np.max(final, where=np.asarray(end.converged), initial=0.0)),
        "compile_s": compile_s, "compile_cpu_s": compile_cpu_s, "run_s": run_s,
    }  # fmt: skip


def beside(row: dict, active: bool) -> dict:
    """pycma's figures at the row's target."""
    fun, start, sigma = PROBLEMS[row["problem"]]
    batched = jax.jit(jax.vmap(fun))
    begin = time.perf_counter()
    runs = [
        pycma(batched, np.full(N, start), sigma, row["target"], seed, active)
        for seed in range(row["seeds"])
    ]
    values, counts, sizes = zip(*runs, strict=True)
    found = {**summary(values, counts, row["target"]), "run_s": time.perf_counter() - begin}
    return found | {"population_size": sizes[0]}


def line(row: dict) -> str:
    low, median, high = row["quartiles"]
    text = (
        f"{row['problem']:18} {row['dtype']} success {row['success']:.2f}, evaluations "
        f"{median:.0f} ({low:.0f}-{high:.0f}); compile {row['compile_s']:.1f} s "
        f"(CPU {row['compile_cpu_s']:.1f}), run {row['run_s']:.2f} s; {row['statuses']}"
    )
    if "pycma" in row:
        peer = row["pycma"]
        text += (
            f"; pycma {peer['success']:.2f}, {peer['quartiles'][1]:.0f}, {peer['run_s']:.1f} s; "
            f"ratio {row['ratio']:.2f}"
        )
    return text


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--dtypes", nargs="+", choices=TARGET, default=list(TARGET))
    parser.add_argument("--seeds", type=int, default=51)
    parser.add_argument("--max-steps", type=int, default=8000, help="generations of ours")
    parser.add_argument("--passive", action="store_true", help="no negative weights, both sides")
    parser.add_argument("--no-peer", action="store_true", help="leave pycma out")
    options = parser.parse_args(argv)
    active, rows = not options.passive, []
    with jax.enable_x64(True):
        for name in options.problems:
            for dtype in options.dtypes:
                row = measure(name, dtype, options.seeds, options.max_steps, active)
                if not options.no_peer:
                    row["pycma"] = beside(row, active)
                    row["ratio"] = row["quartiles"][1] / row["pycma"]["quartiles"][1]
                rows.append(row)
                print(line(row), flush=True)
        where = environment() | {"active": active, "n": N}
    if not options.no_peer:
        import cma

        where["pycma"] = cma.__version__
    if options.json:
        options.json.write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
