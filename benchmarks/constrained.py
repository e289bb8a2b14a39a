"""Twenty constrained problems: the augmented Lagrangian beside SciPy's SLSQP and trust-constr.

    python benchmarks/constrained.py --json benchmarks/results/constrained_cpu.json

Hock and Schittkowski's problems from their standard starts. Solved: f, the constraints and the
multipliers to 1e-6 (5e-3 in float32) of max(1, size), judged in float64. SciPy's methods have exact
gradients and Jacobians of f and the constraints, and tight tolerances; they are judged by f and the
constraints. Cost: evaluations of f and ∇f to the end.
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
from jaxmath.optimize import ConstrainedProblem, augmented_lagrangian, constrained_problems

jax.config.update("jax_enable_x64", True)

TOLERANCE = {"float64": 1e-6, "float32": 5e-3}
PEERS = {
    "SLSQP": {"ftol": 1e-12, "maxiter": 1000},
    "trust-constr": {"gtol": 1e-8, "xtol": 1e-10, "maxiter": 3000},
}
# The signs of the multipliers of the mirror images are those of their image.
MIRRORED = ("hs29", "hs40", "hs80")


def violation(problem: ConstrainedProblem, x: np.ndarray) -> float:
    """The largest violation of a constraint or bound."""
    sizes = [0.0]
    if problem.equality is not None:
        sizes.append(np.max(np.abs(problem.equality(x))))
    if problem.inequality is not None:
        sizes.append(np.max(-np.asarray(problem.inequality(x))))
    if problem.lower is not None and problem.upper is not None:
        sizes += [np.max(problem.lower - x), np.max(x - problem.upper)]
    return float(max(sizes))


def gap(problem: ConstrainedProblem, x: np.ndarray) -> float:
    """|f − f*| over max(1, |f*|)."""
    return abs(float(problem.objective(x)) - problem.minimum) / max(1.0, abs(problem.minimum))


def multiplier_gap(problem: ConstrainedProblem, found) -> float:
    """The largest |λ − λ*| over max(1, ‖λ*‖), kind by kind."""
    sign = np.abs if problem.name in MIRRORED else np.asarray
    pairs = [(a, b) for a, b in zip(found, problem.multipliers, strict=True) if b is not None]
    return max(
        float(np.max(np.abs(sign(np.asarray(a, float)) - sign(b))) / max(1.0, np.max(np.abs(b))))
        for a, b in pairs
    )


def ours(problem: ConstrainedProblem, dtype: str) -> dict:
    kinds = {k: getattr(problem, k) for k in ("equality", "inequality", "lower", "upper")}
    s = augmented_lagrangian(problem.objective, jnp.asarray(problem.start, dtype), **kinds)
    x = np.asarray(s.value.x, np.float64)
    errors = (gap(problem, x), violation(problem, x), multiplier_gap(problem, s.value.multipliers))
    return {
        "problem": problem.name, "method": "augmented_lagrangian", "dtype": dtype,
        "gap": errors[0], "violation": errors[1], "multipliers": errors[2],
        "solved": max(errors) <= TOLERANCE[dtype], "status": Status(int(s.status)).name,
        "evaluations": int(s.num_fun), "steps": int(s.num_steps),
    }  # fmt: skip


def counted(fn: Callable, calls: list) -> Callable:
    def run(x: np.ndarray) -> np.ndarray:
        calls.append(1)
        return np.asarray(fn(x))

    return run


def scipys(problem: ConstrainedProblem, method: str) -> dict:
    calls: list = []
    sides = []
    for fn, high in ((problem.equality, 0.0), (problem.inequality, np.inf)):
        if fn is not None:
            jacobian = jax.jit(jax.jacrev(fn))
            run, slopes = jax.jit(fn), lambda x, j=jacobian: np.asarray(j(x))
            sides.append(scipy.optimize.NonlinearConstraint(
                lambda x, r=run: np.asarray(r(x)), 0.0, high, jac=slopes))  # fmt: skip
    both = jax.jit(jax.value_and_grad(problem.objective))
    box = None
    if problem.lower is not None:
        box = scipy.optimize.Bounds(problem.lower, problem.upper)
    r = scipy.optimize.minimize(
        counted(lambda x: both(x)[0], calls), np.array(problem.start), method=method,
        jac=lambda x: np.asarray(both(x)[1]), constraints=sides, bounds=box,
        options=PEERS[method],
    )  # fmt: skip
    errors = (gap(problem, r.x), violation(problem, r.x))
    return {
        "problem": problem.name, "method": method, "dtype": "float64", "gap": errors[0],
        "violation": errors[1], "solved": max(errors) <= 1e-6, "status": str(r.message),
        "evaluations": len(calls), "steps": int(r.nit),
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write every figure as JSON")
    parser.add_argument("--problems", nargs="+", metavar="NAME", help="such as hs71")
    parser.add_argument("--dtypes", nargs="+", choices=TOLERANCE, default=list(TOLERANCE))
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    problems = [
        p for p in constrained_problems() if not options.problems or p.name in options.problems
    ]
    rows = []
    for p in track(problems, "minimizing", transient=True):
        rows += [ours(p, dtype) for dtype in options.dtypes]
        rows += [scipys(p, method) for method in PEERS]
    for r in rows:
        more = f"multipliers {r['multipliers']:8.1e}" if "multipliers" in r else " " * 20
        print(
            f"{r['problem']:6} {r['method']:20} {r['dtype']} {'solved' if r['solved'] else '-':6} "
            f"gap {r['gap']:8.1e} violation {r['violation']:8.1e} {more} "
            f"evaluations {r['evaluations']:4}"
        )
    for method, dtype in dict.fromkeys((r["method"], r["dtype"]) for r in rows):
        mine = [r for r in rows if (r["method"], r["dtype"]) == (method, dtype)]
        done = [r for r in mine if r["solved"]]
        print(
            f"{method} in {dtype}: solved {len(done)} of {len(mine)}, "
            f"with {sum(r['evaluations'] for r in done)} evaluations and a gap of at most "
            f"{max((r['gap'] for r in done), default=0.0):.1e}"
        )
    if options.json:
        where = environment()
        options.json.write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
