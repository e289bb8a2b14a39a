"""Twenty bounded problems: lbfgsb and bounded least squares beside SciPy's L-BFGS-B.

    python benchmarks/bounded.py --json benchmarks/results/bounded_cpu.json

Each problem from its start, projected onto the box, in float64 (lbfgsb in float32 too, judged in
float64). Met: ``kkt_residual`` ≤ 1e-8 and the active set that of the known minimizer, exactly.
Cost: evaluations of f and ∇f until f − f* ≤ 1e-8·max(1, |f*|), for both sides. In float64 lbfgsb
runs to 1e-13, the others to their noise; in float32 at the default. CONVERGED is false where the
residual exceeds 1e-8 in float64, or 10·tol in float32.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from rich.progress import track

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath.benchmark import environment
from jaxmath.iterate import Status
from jaxmath.optimize import (
    bounded_problems,
    kkt_residual,
    lbfgsb,
    lbfgsb_init,
    lbfgsb_step,
    trust_region_reflective,
)

jax.config.update("jax_enable_x64", True)

TIGHT = {"gtol": 0.0, "ftol": 0.0, "maxiter": 5000, "maxfun": 20000, "maxcor": 10}
FALSE = {"float64": 1e-8, "float32": 10 * float(jnp.finfo("float32").eps) ** (2 / 3)}


def target(problem) -> float:
    return problem.minimum + 1e-8 * max(1.0, abs(problem.minimum))


def box_of(problem, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The start, projected, and the bounds."""
    lower, upper = (np.asarray(b, dtype) for b in (problem.lower, problem.upper))
    return np.clip(np.asarray(problem.start, dtype), lower, upper), lower, upper


def judged(problem, x: np.ndarray, dtype: str = "float64") -> dict:
    """What is true of a point, whoever found it, in float64."""
    _, lower, upper = box_of(problem, dtype)
    active = np.where(x == lower, -1, np.where(x == upper, 1, 0))
    x = np.clip(np.asarray(x, np.float64), problem.lower, problem.upper)
    residual = kkt_residual(problem.objective, x, lower=problem.lower, upper=problem.upper)
    exact = bool(np.array_equal(active, problem.active))
    return {
        "gap": float(problem.objective(x)) - problem.minimum, "kkt": float(residual.error),
        "active": exact, "met": exact and float(residual.error) <= 1e-8,
    }  # fmt: skip


def ours(problem, solution, method: str, dtype: str) -> dict:
    found = judged(problem, np.asarray(solution.value), dtype)
    status = Status(int(solution.status)).name
    return {
        "problem": problem.name, "method": method, "dtype": dtype, **found, "status": status,
        "evaluations": int(solution.num_fun),
        "false_converged": status == "CONVERGED" and not found["kkt"] <= FALSE[dtype],
    }  # fmt: skip


def cost(problem) -> int | None:
    """Evaluations of lbfgsb until f at an accepted point meets the target."""
    start, lower, upper = box_of(problem)
    goal = target(problem)
    short = lambda s: (s.value > goal) & (s.num_fun < 2000) & (s.status == Status.RUNNING)
    advance = lambda s: lbfgsb_step(problem.objective, s, lower=lower, upper=upper)
    begin = lambda x: lbfgsb_init(problem.objective, x, lower=lower, upper=upper)
    state = jax.jit(lambda x: jax.lax.while_loop(short, advance, begin(x)))(start)
    return int(state.num_fun) if float(state.value) <= goal else None


def scipy_row(problem) -> dict:
    start, lower, upper = box_of(problem)
    both = jax.jit(jax.value_and_grad(problem.objective))
    seen: list[float] = []

    def counted(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = both(x)
        seen.append(float(value))
        return seen[-1], np.asarray(gradient)

    run: Callable = scipy.optimize.minimize
    bounds = list(zip(lower, upper, strict=True))
    x = run(counted, start, jac=True, method="L-BFGS-B", bounds=bounds, options=TIGHT).x
    goal = target(problem)
    found = {"problem": problem.name, "method": "scipy", "dtype": "float64", **judged(problem, x)}
    first = next((i for i, v in enumerate(seen, 1) if v <= goal), None)
    return {**found, "evaluations": len(seen), "cost": first}


def rows_of(problem, methods: Sequence[str]) -> list[dict]:
    rows = []
    for dtype in ("float64", "float32"):
        start, lower, upper = box_of(problem, dtype)
        if "lbfgsb" in methods:
            found = lbfgsb(
                problem.objective, jnp.asarray(start), lower=lower, upper=upper,
                tol=1e-13 if dtype == "float64" else None, max_steps=5000,
            )  # fmt: skip
            rows.append(ours(problem, found, "lbfgsb", dtype))
            if dtype == "float64":
                rows[-1]["cost"] = cost(problem)
    start, lower, upper = box_of(problem)
    if "trf" in methods and problem.residual is not None:
        found = trust_region_reflective(
            problem.residual, jnp.asarray(start), bounds=(lower, upper),
            ftol=0.0, xtol=0.0, gtol=0.0,
        )  # fmt: skip
        rows.append(ours(problem, found, "trf", "float64"))
    if "scipy" in methods:
        rows.append(scipy_row(problem))
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    everything = ["lbfgsb", "trf", "scipy"]
    parser.add_argument("--methods", nargs="+", choices=everything, default=everything)
    parser.add_argument("--problems", nargs="+", metavar="NAME", help="such as hs5")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    problems = [p for p in bounded_problems() if p.name in (options.problems or [p.name])]
    plan = track(problems, "minimizing", transient=True)
    rows = [row for problem in plan for row in rows_of(problem, options.methods)]
    for r in rows:
        print(
            f"{r['problem']:29} {r['method']:6} {r['dtype']} {'met' if r['met'] else '-':3} gap "
            f"{r['gap']:9.2e} kkt {r['kkt']:7.1e} active {'exact' if r['active'] else 'wrong'} "
            f"{r.get('status', ''):10} {r['evaluations']:5} cost {r.get('cost', '')}"
        )
    by = {(r["problem"], r["method"], r["dtype"]): r for r in rows}
    for method, dtype in dict.fromkeys((r["method"], r["dtype"]) for r in rows):
        own = [r for r in rows if (r["method"], r["dtype"]) == (method, dtype)]
        print(
            f"{method} {dtype}: met {sum(r['met'] for r in own)} of {len(own)}; active set exact "
            f"{sum(r['active'] for r in own)}; false CONVERGED "
            f"{sum(r.get('false_converged', False) for r in own)}"
        )
    pairs = [[by.get((p.name, m, "float64"), {}).get("cost") for m in ("lbfgsb", "scipy")]
             for p in problems]  # fmt: skip
    shared = [pair for pair in pairs if all(pair)]
    mine, theirs = (sum(pair[i] for pair in shared) for i in (0, 1))
    ratio = mine / max(theirs, 1)
    print(f"cost on the {len(shared)} that both solve: {mine} / {theirs} = {ratio:.2f}")
    if options.json:
        where = environment()
        options.json.write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
