#!/usr/bin/env python
"""Benchmark first-order optimizers: optimizer x problem x learning rate x seed, in a few programs.

A run is a lane: one learning rate, one seed. All lanes of a problem are one compiled program. The
default run takes about a minute on two CPU cores; on a GPU it runs unchanged.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

EXAMPLES = """\
examples:
  python scripts/benchmark_optimizers.py
  python scripts/benchmark_optimizers.py --problems beale rosenbrock-10d --optimizers sgd adam
  python scripts/benchmark_optimizers.py --optimizers adam optax:adabelief mypackage.opt:shampoo
  python scripts/benchmark_optimizers.py --learning-rates 1e-4:1:20 --seeds 64 --steps 5000

An optimizer is a shipped name, optax:NAME, or package.module:factory; a factory takes learning_rate
by name and returns an optax.GradientTransformation. A problem is a shipped name or
package.module:factory, where the factory returns a jaxmath.optimize.Problem.

Written to the output folder: report.json (every figure), report.md (every row as a table),
convergence.png, sensitivity.png and, with a problem of dimension 2 among the problems, paths.png.
"""


def learning_rates(text: str) -> tuple[float, ...]:
    """ "LOW:HIGH:COUNT" spaced evenly in logarithm, or numbers separated by commas."""
    import numpy as np

    try:
        if ":" in text:
            low, high, count = text.split(":")
            if float(low) <= 0 or float(high) <= 0 or int(count) < 1:
                raise ValueError
            rates = np.geomspace(float(low), float(high), int(count)).tolist()
            return tuple(dict.fromkeys(rates))
        rates = tuple(float(part) for part in text.split(","))
        if not all(rate > 0 for rate in rates):
            raise ValueError
        return tuple(dict.fromkeys(rates))  # one twice would be tuned over as two
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither LOW:HIGH:COUNT nor positive numbers separated by commas"
        ) from None


def positive(text: str) -> int:
    """A positive whole number."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    run = p.add_argument_group("what to run")
    run.add_argument("--problems", nargs="+", metavar="NAME", help="default: every shipped one")
    run.add_argument("--optimizers", nargs="+", metavar="NAME", help="default: every shipped one")
    run.add_argument(
        "--learning-rates",
        type=learning_rates,
        default="1e-4:3.1622776601683795:10",
        metavar="LOW:HIGH:COUNT",
        help="logarithmic grid, or numbers with commas (default: 10 from 1e-4 to 10**0.5)",
    )
    run.add_argument("--seeds", type=positive, default=16, help="starts a problem (default: 16)")
    run.add_argument("--steps", type=positive, default=1000, help="steps (default: 1000)")
    run.add_argument(
        "--learning-seeds", type=positive, default=4, help="seeds on data sets (default: 4)"
    )
    run.add_argument(
        "--learning-steps", type=positive, default=300, help="steps on data sets (default: 300)"
    )
    run.add_argument("--seed", type=int, default=0, help="of all random keys (default: 0)")
    run.add_argument(
        "--baseline", metavar="NAME",
        help="run too where it is not among the optimizers (default: sgd, or else the first)",
    )  # fmt: skip
    run.add_argument("--x64", action="store_true", help="float64 instead of float32")
    out = p.add_argument_group("what to write")
    out.add_argument(
        "--output", type=Path, default=Path("results/optimizers"), metavar="DIR",
        help="folder for the report (default: results/optimizers)",
    )  # fmt: skip
    out.add_argument("--no-plots", action="store_true", help="tables and JSON only")
    out.add_argument(
        "--compilation-cache", type=Path, metavar="DIR", help="keep compiled programs in a folder"
    )
    p.add_argument("--list", action="store_true", help="list the shipped names and stop")
    return p


def check_output(folder: Path) -> None:
    """Make the folder and see that it can be written to, before an hour is spent."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".writable"
    probe.write_text("")
    probe.unlink()


def list_names() -> None:
    """Print what ``--problems`` and ``--optimizers`` know."""
    from jaxmath.benchmark import optimizer_names, problem_names

    print("problems:  ", *problem_names())
    print("optimizers:", *optimizer_names())


def print_tables(console, summaries, comparisons, standings, baseline) -> None:
    """The leaderboard, and the three best on each problem."""
    from rich.table import Table

    board = Table(title=f"Leaderboard: mean rank by tuned median gap; problems against {baseline}")
    board.add_column("optimizer", no_wrap=True)
    for column in ("mean rank", "success", "better", "even", "worse", "diverged lanes"):
        board.add_column(column, justify="right")
    for s in standings:
        board.add_row(
            s.optimizer, f"{s.mean_rank:.2f}", f"{s.success:.0%}", str(s.better), str(s.even),
            str(s.worse), f"{s.diverged:.1%}",
        )  # fmt: skip
    console.print(board)

    versus = {(c.problem, c.optimizer): c for c in comparisons}
    best = Table(title=f"Best three a problem; against tuned {baseline}: decades of gap, 95 %")
    for column in ("problem", "optimizer"):
        best.add_column(column, no_wrap=True)
    for column in ("rate", "median gap", "success", f"vs {baseline}", "diverged"):
        best.add_column(column, justify="right", no_wrap=True)
    for problem in dict.fromkeys(s.problem for s in summaries):
        rows = sorted((s for s in summaries if s.problem == problem), key=lambda s: s.median_gap)
        for i, s in enumerate(rows[:3]):
            c = versus.get((s.problem, s.optimizer))
            best.add_row(
                problem if i == 0 else "", s.optimizer, f"{s.learning_rate:.3g}",
                f"{s.median_gap:.2e}", f"{s.success:.0%}",
                c.text if c else "",
                f"{s.diverged}/{s.num_lanes}",
            )  # fmt: skip
        best.add_section()
    console.print(best)


def write_plots(folder, results, plans, optimizers, summaries) -> list[str]:
    """The pictures; returns their names."""
    from jaxmath import benchmark

    benchmark.plot_convergence(results, folder / "convergence.png")
    benchmark.plot_sensitivity(results, folder / "sensitivity.png")
    names = ["convergence.png", "sensitivity.png"]
    done = {r.problem.name for r in results}
    flat = [
        plan for plan in plans
        if plan.problem.name in done and plan.problem.dimension == 2 and plan.problem.minimizers
    ]  # fmt: skip
    if flat:  # the one that was solved most often: paths that end somewhere are worth a look
        rows = {p.problem.name: [s for s in summaries if s.problem == p.problem.name] for p in flat}
        plan = max(flat, key=lambda p: sum(s.success for s in rows[p.problem.name]))
        tuned = {s.optimizer: s.learning_rate for s in rows[plan.problem.name]}
        paths = {
            o.name: benchmark.run_path(plan, o, tuned[o.name])
            for o in optimizers
            if o.name in tuned
        }
        benchmark.plot_paths(plan.problem, paths, folder / "paths.png")
        names.append("paths.png")
    return names


def run(args: argparse.Namespace) -> int:
    """Run, analyse, report; the exit code."""
    began = time.perf_counter()
    import jax

    if args.x64:
        jax.config.update("jax_enable_x64", True)
    if args.compilation_cache:
        jax.config.update("jax_compilation_cache_dir", str(args.compilation_cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from jaxmath import _files, benchmark

    if args.list:
        list_names()
        return 0
    check_output(args.output)
    names = args.optimizers or benchmark.optimizer_names()
    if args.baseline is None:
        args.baseline = "sgd" if "sgd" in names else names[0]
    optimizers = [
        benchmark.resolve_optimizer(name) for name in dict.fromkeys([*names, args.baseline])
    ]
    problems = [
        benchmark.resolve_problem(name)
        for name in dict.fromkeys(args.problems or benchmark.problem_names())
    ]
    plans = [
        benchmark.Plan(
            problem,
            args.learning_rates,
            num_seeds=args.learning_seeds if problem.batch_objective else args.seeds,
            num_steps=args.learning_steps if problem.batch_objective else args.steps,
            seed=args.seed,
        )
        for problem in problems
    ]
    console = _files.console()
    lanes = sum(len(plan.learning_rates) * plan.num_seeds for plan in plans) * len(optimizers)
    where = benchmark.environment()
    console.print(
        f"{len(optimizers)} optimizers × {len(problems)} problems = {lanes:,} runs on "
        f"{where['platform']} ({where['device']}), jax {where['jax']}"
    )
    results, interrupted = [], False
    with Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), console=console,
    ) as progress:  # fmt: skip
        task = progress.add_task("starting", total=len(plans) * len(optimizers))

        def on_pair(problem: str, optimizer: str) -> None:
            progress.update(task, description=f"{problem} · {optimizer}")

        try:
            for result in benchmark.run_benchmark(plans, optimizers, on_pair=on_pair):
                results.append(result)
                progress.advance(task)
            progress.update(task, description="done")
        except KeyboardInterrupt:
            interrupted = True
    if not results:
        print("interrupted before the first pair was finished", file=sys.stderr)
        return 130

    summaries = [benchmark.summarize(result) for result in results]
    baselines = {r.problem.name: r for r in results if r.optimizer == args.baseline}
    comparisons = [
        benchmark.compare(r, baselines[r.problem.name])
        for r in results
        if r.optimizer != args.baseline and r.problem.name in baselines
    ]
    standings = benchmark.leaderboard(summaries, comparisons)
    print_tables(console, summaries, comparisons, standings, args.baseline)
    settings = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
    settings["interrupted"] = interrupted
    benchmark.write_json(
        args.output / "report.json", results, summaries, comparisons, standings, settings
    )
    text = benchmark.markdown_report(results, summaries, comparisons, standings)
    (args.output / "report.md").write_text(text, encoding="utf-8")
    written = ["report.json", "report.md"]
    if not args.no_plots:
        written += write_plots(args.output, results, plans, optimizers, summaries)
    console.print(
        f"{time.perf_counter() - began:.1f} s; trace "
        f"{sum(r.trace_seconds for r in results):.1f} s, compile "
        f"{sum(r.compile_seconds for r in results):.1f} s, run "
        f"{sum(r.run_seconds for r in results):.1f} s; wrote "
        f"{', '.join(written)} to {args.output}",
        soft_wrap=True,
    )
    if interrupted:
        print("interrupted: the report holds the finished pairs", file=sys.stderr)
        return 130
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse, run, and turn every expected failure into one line and an exit code."""
    from jaxmath._files import print_anyway

    print_anyway()
    args = parser().parse_args(argv)
    try:
        return run(args)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
