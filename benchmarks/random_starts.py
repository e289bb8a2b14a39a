"""A thousand minimizations at once: ours beside SciPy, jax.scipy, jaxopt, optax and optimistix.

    python benchmarks/random_starts.py --json benchmarks/results/random_starts_cpu.json

Starts: the standard one of each problem plus standard normal noise. Solved: f − f* ≤
1e-8·max(1, |f*|), judged in float64, whatever a solver says of itself. Times are medians of rounds
in which the libraries take turns, forwards and backwards (SciPy, a Python loop, once). Compilation
is the median of first calls of fresh functions, in turns too, without the time of a run. Peers that
are not installed are left out. Then, for ours: the same in float32;
lanes that cannot reach their tolerance ("stragglers"), against a tolerance that they reach; and the
lane-trips of a pool that no start used, against those of one loop over all lanes.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.turns import in_turns
from jaxmath.benchmark import environment
from jaxmath.iterate import Status
from jaxmath.optimize import minimize_batch, more_garbow_hillstrom
from jaxmath.optimize._bfgs import by_bfgs
from jaxmath.optimize._pool import counted, run_pool, unpacked

jax.config.update("jax_enable_x64", True)

NAMES = {
    "extended-rosenbrock": 10, "helical-valley": 3, "wood": 4, "brown-dennis": 4,
}  # fmt: skip


def rosenbrock(x):
    """The extended one: n/2 valleys beside each other."""
    return jnp.sum(100 * (x[1::2] - x[::2] ** 2) ** 2 + (1 - x[::2]) ** 2)


def cases(n: int, seed: int) -> list[tuple[str, Callable, np.ndarray, float]]:
    known = {p.name: p for p in more_garbow_hillstrom()}
    rng, found = np.random.default_rng(seed), []
    for name, size in NAMES.items():
        p = known.get(name)
        fun = rosenbrock if name == "extended-rosenbrock" else p.objective
        start = np.tile([-1.2, 1.0], 5) if size == 10 else np.asarray(p.start)
        minimum = 0.0 if size == 10 else float(p.minimum)
        found.append((name, fun, start + rng.normal(size=(n, size)), minimum))
    return found


def solved(fun: Callable, x: np.ndarray, minimum: float) -> float:
    value = np.asarray(jax.jit(jax.vmap(fun))(np.asarray(x, float)))
    return float(np.mean(value - minimum <= 1e-8 * max(1.0, abs(minimum))))


def ours(method: str, fun: Callable) -> Callable:
    return lambda x: minimize_batch(fun, x, method=method).value


def jax_scipy(fun: Callable) -> Callable:
    from jax.scipy.optimize import minimize

    return jax.jit(jax.vmap(lambda x: minimize(fun, x, method="BFGS").x))


def jaxopt(fun: Callable) -> Callable:
    from jaxopt import LBFGS

    solver = LBFGS(fun, maxiter=2000, tol=1e-9)
    return jax.jit(jax.vmap(lambda x: solver.run(x).params))


def optimistix(fun: Callable, tol: float = 1e-9) -> Callable:
    from optimistix import BFGS, minimise

    solver, f = BFGS(rtol=tol, atol=tol), lambda x, _: fun(x)
    run = lambda x: minimise(f, solver, x, max_steps=2000, throw=False).value
    return jax.jit(jax.vmap(run))


def optax_lbfgs(fun: Callable) -> Callable:
    import optax

    solver, both = optax.lbfgs(), optax.value_and_grad_from_state(fun)

    def step(carry):
        x, state = carry
        value, grad = both(x, state=state)
        updates, state = solver.update(grad, state, x, value=value, grad=grad, value_fn=fun)
        return optax.apply_updates(x, updates), state

    def goes_on(carry):
        count, grad = (optax.tree.get(carry[1], name) for name in ("count", "grad"))
        return (count == 0) | ((count < 2000) & (jnp.linalg.norm(grad) > 1e-9))

    run = lambda x: jax.lax.while_loop(goes_on, step, (x, solver.init(x)))[0]
    return jax.jit(jax.vmap(run))


MAKERS = {
    "jaxmath bfgs": partial(ours, "bfgs"),
    "jaxmath l-bfgs": partial(ours, "l-bfgs"),
    "optimistix bfgs": optimistix,
    "jaxopt l-bfgs": jaxopt,
    "optax l-bfgs": optax_lbfgs,
    "jax.scipy bfgs": jax_scipy,
}


def seconds(run: Callable, x: jax.Array) -> float:
    begin = time.perf_counter()
    jax.block_until_ready(run(x))
    return time.perf_counter() - begin


def compare(
    fun: Callable, starts: np.ndarray, minimum: float, rounds: int, compilations: int
) -> dict:
    """For each library: success, the median and quartiles of its times, and compilation."""
    x, runs, firsts, found = jnp.asarray(starts), {}, {}, {}
    call = lambda run: jax.block_until_ready(run(x))
    for name, make in MAKERS.items():
        try:
            run = make(fun)
        except ImportError:
            print(f"{name} is not installed")
            continue
        found[name] = {"success": solved(fun, run(x), minimum)}
        runs[name] = partial(call, run)
        firsts[name] = lambda make=make: call(make(lambda x: fun(x)))
    times, first = in_turns(runs, rounds)[0], in_turns(firsts, compilations)[0]
    for name, row in found.items():
        row["first"] = first[name][0].tolist()
        row["quartiles"] = np.quantile(times[name][0], (0.25, 0.5, 0.75)).tolist()
        row["compile"] = float(np.median(row["first"])) - row["quartiles"][1]
    return found


def scipy_loop(fun: Callable, starts: np.ndarray, minimum: float) -> dict:
    both = jax.jit(jax.value_and_grad(fun))
    both(starts[0])
    begin = time.perf_counter()
    options = {"ftol": 0.0, "gtol": 1e-9, "maxiter": 2000}
    x = [
        scipy.optimize.minimize(both, s, jac=True, method="L-BFGS-B", options=options).x
        for s in starts
    ]
    took = time.perf_counter() - begin
    return {"success": solved(fun, np.stack(x), minimum), "quartiles": [took] * 3}


def stragglers(starts: np.ndarray, rounds: int) -> dict:
    """float32: the time with a tolerance that no lane can reach over that with the default."""
    x, took = jnp.asarray(starts, jnp.float32), {"reachable": [], "unreachable": []}
    run = {
        "reachable": lambda x: minimize_batch(rosenbrock, x),
        "unreachable": lambda x: minimize_batch(rosenbrock, x, tol=0.0),
    }
    end = {name: fn(x) for name, fn in run.items()}
    for _ in range(rounds):
        for name, fn in run.items():
            took[name].append(seconds(fn, x))
    counts = np.bincount(np.asarray(end["unreachable"].status), minlength=len(Status) - 1)
    return {
        "lanes": len(starts),
        "ratio": float(np.median(took["unreachable"]) / np.median(took["reachable"])),
        "seconds": {name: float(np.median(t)) for name, t in took.items()},
        "statuses": {Status(i).name: int(c) for i, c in enumerate(counts) if c},
        "evaluations": {name: int(s.num_fun.max()) for name, s in end.items()},
    }


def waste(fun: Callable, starts: np.ndarray, size: int) -> float:
    """1 − useful trips / executed lane-trips."""
    tol, limit = float(jnp.finfo(float).eps) ** (2 / 3), 200 * starts.shape[1]
    method = lambda: counted(by_bfgs(fun, lambda x: x, (), tol, limit))
    solution = unpacked(jax.jit(lambda x: run_pool(method, x, (), (), size))(jnp.asarray(starts)))
    return float(1 - jnp.sum(solution.num_fun) / (jnp.max(solution.num_hess) * size))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=1000, help="starts of each problem")
    parser.add_argument("--rounds", type=int, default=20, help="timed runs of each library")
    parser.add_argument("--compilations", type=int, default=7, help="first calls of each library")
    parser.add_argument("--problems", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--only-float64", action="store_true", help="no float32, no stragglers")
    parser.add_argument("--no-scipy", action="store_true", help="leave out SciPy's slow loop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    figures: dict = {"where": environment(), "starts": options.starts, "problems": {}}
    for name, fun, starts, minimum in cases(options.starts, options.seed):
        if name not in options.problems:
            continue
        rows = compare(fun, starts, minimum, options.rounds, options.compilations)
        if not options.no_scipy:
            rows["SciPy l-bfgs-b"] = scipy_loop(fun, starts, minimum)
        wasted = {f"pool of {size}": waste(fun, starts, size) for size in (128, len(starts))}
        figures["problems"][name] = {"libraries": rows, "waste": wasted}
        print(f"\n{name}, {len(starts)} starts")
        for library, row in rows.items():
            low, middle, high = row["quartiles"]
            print(
                f"  {library:16} success {row['success']:.3f}   {middle:8.4f} s "
                f"({low:.4f} to {high:.4f})   compile {row.get('compile', 0.0):5.2f} s"
            )
        print("  wasted lane-steps: " + ", ".join(f"{k} {v:.2f}" for k, v in wasted.items()))
    if not options.only_float64:
        _, fun, starts, minimum = cases(1024 if options.starts == 1000 else options.starts, 1)[0]
        x = jnp.asarray(starts, jnp.float32)
        single = {"jaxmath bfgs": solved(fun, minimize_batch(fun, x, tol=0.0).value, minimum)}
        try:
            single["optimistix bfgs"] = solved(fun, optimistix(fun, 1e-6)(x), minimum)
        except ImportError:
            print("optimistix is not installed")
        figures["float32"], figures["stragglers"] = single, stragglers(starts, options.rounds)
        print(f"\nfloat32, extended Rosenbrock, f − f* ≤ 1e-8: {single}")
        print(f"stragglers: {figures['stragglers']}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
