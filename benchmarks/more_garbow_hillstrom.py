"""The 35 problems of Moré, Garbow and Hillstrom: ours beside SciPy's method of the same kind.

    python benchmarks/more_garbow_hillstrom.py --json benchmarks/results/mgh_cpu.json
    python benchmarks/more_garbow_hillstrom.py --factors 10 100   # all from 10 and 100 times x₀

Each problem starts where the authors' tests do: at x₀, and most at 10x₀ and 100x₀. Solved: f − f* ≤
1e-8·max(1, |f*|) for the global minimum f*, judged in float64; "a listed minimum" where it is
another one of the paper's. Cost: evaluations of f and ∇f until f first meets that target, for both
sides, at the tightest tolerances; the ratio of the sums is over the problems that both solve.
CONVERGED is audited: the error measure, recomputed in float64, is at most 10·tol. In float32
(tol = 0: to the noise) a problem counts as held where it is solved, or f − f* is at most 10 times
the largest of the spacing of float32 at f*, f − f* at the minimizer rounded to float32, and eps of
float32 times f*, as no term of a sum of squares is larger; so once more with the variables in the
units of ``curvature_scale`` at the start. The minimizer is the one that BFGS finds in float64 from
there, as some problems have a plane of them; else a listed one. A start at which f overflows in
float32 is counted apart.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
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
    bfgs,
    bfgs_init,
    bfgs_step,
    curvature_scale,
    lbfgs,
    lbfgs_init,
    lbfgs_step,
    more_garbow_hillstrom,
    trust_region_exact,
    trust_region_exact_init,
    trust_region_exact_step,
    trust_region_newton,
    trust_region_newton_init,
    trust_region_newton_step,
)

jax.config.update("jax_enable_x64", True)

METHODS = {
    "bfgs": (bfgs, bfgs_init, bfgs_step, "BFGS", {"gtol": 1e-12, "maxiter": 5000}),
    "lbfgs": (
        lbfgs, lbfgs_init, lbfgs_step, "L-BFGS-B",
        {"gtol": 1e-12, "ftol": 0.0, "maxiter": 5000, "maxfun": 20000, "maxcor": 10},
    ),
    "trust-ncg": (
        trust_region_newton, trust_region_newton_init, trust_region_newton_step, "trust-ncg",
        {"gtol": 1e-12, "maxiter": 5000},
    ),
    "trust-exact": (
        trust_region_exact, trust_region_exact_init, trust_region_exact_step, "trust-exact",
        {"gtol": 1e-12, "maxiter": 5000},
    ),
}  # fmt: skip
TOLERANCE = {"float32": float(jnp.finfo("float32").eps) ** (2 / 3),
             "float64": float(jnp.finfo("float64").eps) ** (2 / 3)}  # fmt: skip


def target(minimum: float) -> float:
    return minimum + 1e-8 * max(1.0, abs(minimum))


def audited(both, x: np.ndarray) -> float:
    """maxᵢ |gᵢ| max(|xᵢ|, 1) / max(|f|, 1) in float64."""
    value, gradient = both(x)
    return float(np.max(np.abs(gradient) * np.maximum(np.abs(x), 1.0)) / max(abs(value), 1.0))


def evaluations(init, step, objective, start, goal: float, limit: int) -> int | None:
    """How many evaluations our method needs until f at an accepted point meets the goal."""
    short = lambda s: (s.value > goal) & (s.num_fun < limit)
    advance = lambda s: step(objective, s)
    state = jax.jit(lambda x: jax.lax.while_loop(short, advance, init(objective, x)))(start)
    return int(state.num_fun) if float(state.value) <= goal else None


def starts(problem, factors: Sequence[float] | None) -> dict[float, np.ndarray]:
    """The starts by their factors: the authors', or those asked for (of x₀ = 0, c·(1, …, 1))."""
    if factors is None:
        return {10.0**k: np.asarray(x) for k, x in enumerate(problem.starts)}
    x = np.asarray(problem.start)
    return {c: x if c == 1 else c * (x if x.any() else np.ones_like(x)) for c in factors}


def row(problem, method: str, dtype: str, factor: float, start: np.ndarray) -> dict:
    solver, init, step, peer, options = METHODS[method]
    both, goal = jax.jit(jax.value_and_grad(problem.objective)), target(problem.minimum)
    solve = lambda tol, scale=None: solver(
        problem.objective, jnp.asarray(start, dtype), tol=jnp.asarray(tol, dtype), max_steps=5000,
        scale=scale,
    )  # fmt: skip
    solution = solve(TOLERANCE[dtype])
    x = np.asarray(solution.value, np.float64)
    value = float(both(x)[0])
    listed = any(abs(value - m[0]) <= 1e-8 * max(1.0, abs(m[0])) for m in problem.minima)
    status = Status(int(solution.status)).name
    error = audited(both, x)
    found = {
        "number": problem.number, "problem": problem.name, "method": method, "dtype": dtype,
        "factor": factor,
        "gap": value - problem.minimum, "solved": value <= goal, "listed": listed,
        "status": status, "evaluations": int(solution.num_fun), "error": error,
        "false_converged": status == "CONVERGED" and not error <= 10 * TOLERANCE[dtype],
    }  # fmt: skip
    if dtype == "float32":
        # What float32 can hold: the spacing there, and f at the minimizer rounded to float32.
        known = [np.asarray(m[1], float) for m in problem.minima if m[1] is not None]

        def lost_by_rounding(points: list[np.ndarray]) -> float:
            at = lambda x: float(both(x.astype(np.float32).astype(float))[0]) - problem.minimum
            return min((at(x) for x in points), default=0.0)

        # A sum of squares has no term above its value.
        spacing = max(float(np.spacing(np.float32(problem.minimum))),
                      float(np.finfo(np.float32).eps) * problem.minimum)  # fmt: skip
        found["starts"] = bool(np.isfinite(problem.objective(jnp.asarray(start, dtype))))
        units = curvature_scale(problem.objective, jnp.asarray(start, dtype))
        for name, scale in (("held", None), ("held_in_units", units)):
            x = np.asarray(solve(0.0, scale).value, np.float64)
            value, near = float(both(x)[0]), np.asarray(bfgs(problem.objective, x).value)
            reached = float(both(near)[0]) <= goal
            held = max(spacing, lost_by_rounding([near] if reached else known))
            found[name] = value - problem.minimum <= 10 * held or value <= goal
        return found
    seen: list[float] = []

    def counted(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = both(x)
        seen.append(float(value))
        return seen[-1], np.asarray(gradient)

    hess = jax.jit(jax.hessian(problem.objective)) if peer.startswith("trust") else None
    try:
        scipy.optimize.minimize(counted, start, jac=True, hess=hess, method=peer, options=options)
    except (ValueError, np.linalg.LinAlgError) as error:  # a value or a Hessian that overflows
        found["scipy_error"] = str(error)
    found["scipy"] = next((i for i, v in enumerate(seen, 1) if v <= goal), None)
    found["cost"] = (
        evaluations(init, step, problem.objective, jnp.asarray(start), goal, 5000)
        if found["solved"] else None
    )  # fmt: skip
    return found


def summary(title: str, rows: list[dict]) -> str:
    """The counts of one method."""
    wide = [r for r in rows if r["dtype"] == "float64"]
    narrow = [r for r in rows if r["dtype"] == "float32"]
    shared = [r for r in wide if r["cost"] and r["scipy"]]
    good = {(r["number"], r["factor"]) for r in wide if r["solved"]}
    lost = {(r["number"], r["factor"]) for r in narrow if not r["starts"]} & good
    held, units = (
        [r[k] for r in narrow if (r["number"], r["factor"]) in good - lost]
        for k in ("held", "held_in_units")
    )
    ours, theirs = (sum(r[k] for r in shared) for k in ("cost", "scipy"))
    return (
        f"{title}: solved {sum(r['solved'] for r in wide)}, SciPy "
        f"{sum(r['scipy'] is not None for r in wide)} of {len(wide)}; cost {ours} / {theirs} = "
        f"{ours / max(theirs, 1):.2f}; false CONVERGED "
        f"{sum(r['false_converged'] for r in rows)}; float32 holds {sum(held)}, in "
        f"units of the curvature {sum(units)}, of the {len(held)} solved in float64 (and "
        f"{len(lost)} from starts where f overflows)"
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--problems", type=int, nargs="+", metavar="N", help="numbers, 1 to 35")
    parser.add_argument("--factors", type=float, nargs="+", help="of x₀, for every problem")
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    problems = [
        p for p in more_garbow_hillstrom() if not options.problems or p.number in options.problems
    ]
    plan = [(p, m, d, *start) for p in problems for m in options.methods
            for start in starts(p, options.factors).items() for d in ("float64", "float32")
    ]  # fmt: skip
    rows = []
    for case in track(plan, "minimizing", transient=True):
        rows.append(row(*case))
        jax.clear_caches()  # or a thousand programs exhaust the mappings of a process
    for r in rows:
        mark = "solved" if r["solved"] else ("listed" if r["listed"] else "-")
        more = (
            f"cost {r['cost']} scipy {r['scipy']}"
            if "scipy" in r
            else f"held {r['held']}, {r['held_in_units']}"
        )
        print(
            f"{r['number']:2} {r['problem']:24} {r['method']:11} {r['dtype']} {r['factor']:3g}× "
            f"{mark:6} gap {r['gap']:9.2e} {r['status']:10} {r['evaluations']:5} {more}"
        )
    for method in options.methods:
        found = [r for r in rows if r["method"] == method]
        factors = sorted({r["factor"] for r in found})
        for factor in factors if len(factors) > 1 else ():
            print(summary(f"{method} {factor:g}×", [r for r in found if r["factor"] == factor]))
        print(summary(method, found))
    if options.json:
        where = environment()
        options.json.write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
