"""What a benchmark found, for people (tables, pictures) and for programs (JSON)."""

import dataclasses
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
import optax

import jaxmath
from jaxmath import _files
from jaxmath.benchmark.analysis import Comparison, Standing, Summary
from jaxmath.benchmark.run import PairResult

__all__ = ["environment", "markdown_report", "write_json"]


def environment() -> dict[str, Any]:
    """Device and versions: what every figure is worth nothing without.

    Args:
      None.

    Returns:
      A dictionary of strings and numbers.

    Example:
      >>> sorted(environment())[:3]
      ['device', 'jax', 'jaxlib']

    References:
      T. Hoefler, R. Belli, "Scientific benchmarking of parallel computing systems", 2015, rule 9.
    """
    device = jax.devices()[0]
    return {
        "platform": device.platform,
        "device": f"{jax.device_count()} × {device.device_kind}",
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "numpy": np.__version__,
        "optax": optax.__version__,
        "jaxmath": jaxmath.__version__,
        "x64": jnp.result_type(float) == jnp.float64,
    }


def write_json(
    path: str | Path,
    results: Sequence[PairResult],
    summaries: Sequence[Summary],
    comparisons: Sequence[Comparison],
    standings: Sequence[Standing],
    settings: dict[str, Any] | None = None,
) -> None:
    """Write everything that was measured as one JSON file.

    Args:
      path: the file to write.
      results: what the lanes saw.
      summaries: one for each result.
      comparisons: against the baseline; pairs without one get null.
      standings: the leaderboard.
      settings: whatever the caller wants recorded beside the figures.

    Returns:
      None.

    Raises:
      OSError: the file cannot be written.

    Numerics:
      Infinite numbers are written as the strings "inf" and "-inf", NaN as null.

    Example:
      >>> import json, pathlib, tempfile
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "report.json"
      >>> write_json(path, [], [], [], [])
      >>> sorted(json.loads(path.read_text()))
      ['environment', 'leaderboard', 'rows', 'settings']

    References:
      RFC 8259, "The JavaScript Object Notation (JSON) Data Interchange Format", 2017.
    """
    versus = {(c.problem, c.optimizer): c for c in comparisons}
    rows = []
    for result, summary in zip(results, summaries, strict=True):
        comparison = versus.get((summary.problem, summary.optimizer))
        rows.append(
            dataclasses.asdict(summary)
            | {
                "num_steps": int(result.steps[-1]),
                "minimum": result.problem.minimum,
                "tolerance": result.problem.tolerance,
                "reference": result.problem.reference,
                "trace_seconds": result.trace_seconds,
                "compile_seconds": result.compile_seconds,
                "first_seconds": result.first_seconds,
                "run_seconds": result.run_seconds,
                "steady_seconds": result.steady_seconds,
                "versus_baseline": None
                if comparison is None
                else dataclasses.asdict(comparison) | {"verdict": comparison.verdict},
                "learning_rates": result.learning_rates,
                "best_gaps": result.gaps[-1],
                "non_finite": result.non_finite,
                "steps": result.steps,
                "median_gap_by_step": np.median(result.gaps, axis=2).T,
            }
        )
    document = {
        "environment": environment(),
        "settings": settings or {},
        "leaderboard": [dataclasses.asdict(standing) for standing in standings],
        "rows": rows,
    }
    _files.write_json(Path(path), document)


def markdown_report(
    results: Sequence[PairResult],
    summaries: Sequence[Summary],
    comparisons: Sequence[Comparison],
    standings: Sequence[Standing],
) -> str:
    """The leaderboard and every row as Markdown tables.

    Args:
      results: what the lanes saw.
      summaries: one for each result.
      comparisons: against the baseline, where it was run.
      standings: the leaderboard.

    Returns:
      Markdown text.

    Numerics:
      Figures are rounded to what a reader can use; the JSON file has all digits.

    Example:
      >>> markdown_report([], [], [], []).splitlines()[0]
      '# Optimizer benchmark'

    References:
      T. Hoefler, R. Belli, "Scientific benchmarking of parallel computing systems", 2015.
    """
    versus = {(c.problem, c.optimizer): c for c in comparisons}
    timing = {(r.problem.name, r.optimizer): r for r in results}
    baseline = comparisons[0].baseline if comparisons else "baseline"
    lines = ["# Optimizer benchmark", ""]
    lines += [f"{key}: {value}  " for key, value in environment().items()]
    lines += [
        "",
        f"Ranks are by median gap at the tuned learning rate. Against tuned {baseline}: decades of "
        "the gap, negative is better, 95 % interval over seeds, each half of the seeds judged at "
        "the learning rate that the other half chose.",
        "",
        "| optimizer | mean rank | success | better | even | worse | diverged lanes | problems |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for place in standings:
        lines.append(
            f"| {place.optimizer} | {place.mean_rank:.2f} | {place.success:.0%} "
            f"| {place.better} | {place.even} | {place.worse} "
            f"| {place.diverged:.1%} | {place.num_problems} |"
        )
    for problem in dict.fromkeys(s.problem for s in summaries):
        rows = sorted((s for s in summaries if s.problem == problem), key=lambda s: s.median_gap)
        lines += [
            "",
            f"## {problem}",
            "",
            f"| optimizer | learning rate | median gap (10–90 %) | success | vs {baseline} "
            "| diverged | steps | trace s | compile s | first s | run s | steady s |",
            "|---|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        for s in rows:
            r, c = timing[s.problem, s.optimizer], versus.get((s.problem, s.optimizer))
            against = c.text if c else ""
            edge = " (edge)" if s.at_edge else ""
            lines.append(
                f"| {s.optimizer} | {s.learning_rate:.3g}{edge} | {s.median_gap:.2e} "
                f"({s.low_gap:.1e}–{s.high_gap:.1e}) | {s.success:.0%} | {against} "
                f"| {s.diverged}/{s.num_lanes} | {r.steps[-1]} | {r.trace_seconds:.3f} "
                f"| {r.compile_seconds:.3f} | {r.first_seconds:.4f} | {r.run_seconds:.3f} "
                f"| {r.steady_seconds:.3f} |"
            )
    return "\n".join(lines) + "\n"
