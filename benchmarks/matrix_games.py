"""A thousand zero-sum games: one vmapped program of ``solve_game`` beside a loop over SciPy.

    python benchmarks/matrix_games.py --output benchmarks/results/matrix_games_cpu.json

The games are standard normal matrices. jaxmath's program is compiled once, apart, and its time is
the median of ``--repeats`` calls to the end of the computation; SciPy's ``linprog`` (HiGHS) is
called game by game, for the row player's program only, and timed once in all. Errors are over
max|A|: that of the value against HiGHS, which stops at 1e-7, and the exploitability of the
strategies, in eps of the dtype too.
"""

import argparse
import json
import os
import platform
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np
import scipy
from scipy.optimize import linprog

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath.optimize.matrix_games import solve_game


@dataclass(frozen=True)
class Result:
    """One size and dtype; times in seconds for all games together."""

    shape: tuple[int, int]
    dtype: str
    games: int
    compile_s: float
    ours_s: float
    ours_range_s: tuple[float, float]
    scipy_s: float
    ratio: float
    worst_error: float
    worst_exploitability: float
    worst_exploitability_eps: float
    mean_pivots: float
    not_converged: int


def value_by_scipy(A: np.ndarray) -> float:
    """max v subject to Aᵀx ≥ v, x a strategy."""
    m, n = A.shape
    upper = np.column_stack([-A.T, np.ones(n)])
    total = np.append(np.ones(m), 0.0)[None]
    bounds = [(0, None)] * m + [(None, None)]
    cost = np.append(np.zeros(m), -1.0)
    return -linprog(cost, upper, np.zeros(n), total, [1.0], bounds, method="highs").fun


def measure(games: np.ndarray, dtype: str, repeats: int, known: tuple[float, np.ndarray]) -> Result:
    """Time the program on the games, and judge what it found."""
    scipy_s, want = known
    A = jax.device_put(games.astype(dtype))
    start = time.perf_counter()
    program = jax.jit(jax.vmap(solve_game)).lower(A).compile()
    compile_s = time.perf_counter() - start
    jax.block_until_ready(program(A))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        game = jax.block_until_ready(program(A))
        times.append(time.perf_counter() - start)
    sizes = np.abs(games).max(axis=(1, 2))
    gap = float(np.max(np.asarray(game.exploitability, float) / sizes))
    ours = float(np.median(times))
    return Result(
        shape=games.shape[1:],
        dtype=dtype,
        games=len(games),
        compile_s=compile_s,
        ours_s=ours,
        ours_range_s=(min(times), max(times)),
        scipy_s=scipy_s,
        ratio=scipy_s / ours,
        worst_error=float(np.max(np.abs(np.asarray(game.value, float) - want) / sizes)),
        worst_exploitability=gap,
        worst_exploitability_eps=gap / float(np.finfo(dtype).eps),
        mean_pivots=float(np.mean(game.num_steps)),
        not_converged=int(np.sum(np.asarray(game.status) != 0)),
    )


def environment() -> dict[str, object]:
    """What the figures hold for."""
    device = jax.devices()[0]
    return {
        "platform": device.platform,
        "device": device.device_kind,
        "machine": platform.machine(),
        "cpu_count": os.cpu_count(),
        "jax": jax.__version__,
        "scipy": scipy.__version__,
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }


HEADER = (
    f"{'shape':>7} {'dtype':<8} {'games':>6} {'compile s':>9} {'ours s':>8} {'SciPy s':>8} "
    f"{'SciPy/ours':>10} {'value error':>11} {'exploitability':>14} {'in eps':>7} {'pivots':>6} "
    f"{'failed':>6}"
)


def row(r: Result) -> str:
    """One line of the table."""
    shape = "×".join(map(str, r.shape))
    return (
        f"{shape:>7} {r.dtype:<8} {r.games:>6} {r.compile_s:>9.2f} {r.ours_s:>8.4f} "
        f"{r.scipy_s:>8.3f} {r.ratio:>10.1f} {r.worst_error:>11.1e} "
        f"{r.worst_exploitability:>14.1e} {r.worst_exploitability_eps:>7.1f} "
        f"{r.mean_pivots:>6.1f} {r.not_converged:>6}"
    )


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", nargs="+", default=["5x5", "10x10"], metavar="MxN",
                        help="shapes of the games (default: 5x5 10x10)")  # fmt: skip
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "float64"),
                        default=["float64", "float32"], help="default: both")  # fmt: skip
    parser.add_argument("--games", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if args.games < 1 or args.repeats < 1:
        parser.error("--games and --repeats must be at least 1")
    for size in args.sizes:
        if not all(part.isdigit() and int(part) > 0 for part in size.split("x")) or (
            size.count("x") != 1
        ):
            parser.error(f"--sizes: {size!r} is not a shape like 4x6")
    return args


def main(argv: list[str] | None = None) -> int:
    """Measure, print and write."""
    args = parse(argv)
    jax.config.update("jax_enable_x64", True)
    about, results = environment(), []
    print(json.dumps(about))
    print(HEADER)
    for size in args.sizes:
        m, n = map(int, size.split("x"))
        games = np.random.default_rng(args.seed).normal(size=(args.games, m, n))
        start = time.perf_counter()
        values = np.array([value_by_scipy(A) for A in games])
        by_scipy = time.perf_counter() - start, values
        for dtype in args.dtypes:
            results.append(measure(games, dtype, args.repeats, by_scipy))
            print(row(results[-1]), flush=True)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        report = {"environment": about, "results": [asdict(r) for r in results]}
        args.output.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
