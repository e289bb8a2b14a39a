"""The pictures of a benchmark; matplotlib is loaded on first use."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath._figures import colours, save, subplots
from jaxmath.benchmark.analysis import summarize
from jaxmath.benchmark.run import PairResult
from jaxmath.benchmark.scores import diverged, scores
from jaxmath.optimize.problems import Problem

__all__ = ["plot_convergence", "plot_paths", "plot_sensitivity"]


def _styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A colour and a dash pattern for each optimizer, the same in every picture."""
    palette = colours("tab10")
    dashes = ("-", "--", ":", "-.")
    return {
        name: {"color": palette[i % 10], "linestyle": dashes[(i // 10) % 4], "linewidth": 1.4}
        for i, name in enumerate(dict.fromkeys(names))
    }


def _grid(results: Sequence[PairResult]) -> tuple[Any, dict[str, Any], dict[str, dict[str, Any]]]:
    """A figure with one panel a problem."""
    problems = list(dict.fromkeys(r.problem.name for r in results))
    columns = min(4, len(problems))
    rows = -(-len(problems) // columns)
    figure, axes = subplots(rows, columns, figsize=(4.2 * columns, 3.1 * rows + 0.8), squeeze=False)
    for panel in axes.flat[len(problems) :]:
        panel.set_visible(False)
    panels = dict(zip(problems, axes.flat, strict=False))
    for name, panel in panels.items():
        panel.set_title(name, fontsize=10)
        panel.set_yscale("log")
        panel.minorticks_off()  # on 14 logarithmic panels they are half of the drawing time
        panel.grid(alpha=0.25)
        panel.tick_params(labelsize=8)
    return figure, panels, _styles([r.optimizer for r in results])


def _finish(figure: Any, panels: dict[str, Any], title: str, path: str | Path) -> None:
    handles, labels = next(iter(panels.values())).get_legend_handles_labels()
    figure.suptitle(textwrap.fill(title, int(11 * figure.get_figwidth())), fontsize=12)
    figure.legend(handles, labels, loc="lower center", ncol=min(7, len(labels)), fontsize=9)
    figure.tight_layout(rect=(0, 0.45 / figure.get_figheight() * -(-len(labels) // 7), 1, 1))
    save(figure, path, dpi=110)


def plot_convergence(results: Sequence[PairResult], path: str | Path) -> None:
    """Median best gap against steps at the tuned learning rate, with a band of 10–90 %.

    ::

        median over seeds of min_{r ≤ t} f(x_r) − f*

    Args:
      results: what the lanes saw; one panel a problem, one curve an optimizer.
      path: the PNG file to write.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Numerics:
      Gaps are drawn not below what float32 resolves, eps·max(1, |f*|).

    Example:
      >>> import pathlib, tempfile
      >>> from jaxmath.optimize import classical_problems
      >>> from jaxmath.benchmark import Plan, resolve_optimizer, run_group
      >>> plan = Plan(classical_problems()[2], (0.05,), num_seeds=2, num_steps=10)
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "convergence.png"
      >>> plot_convergence([next(run_group(plan, [resolve_optimizer("sgd")]))], path)
      >>> path.stat().st_size > 1000
      True

    References:
      F. Schneider, L. Balles, P. Hennig, "DeepOBS: a deep learning optimizer benchmark suite",
      2019, figure 2.
    """
    figure, panels, styles = _grid(results)
    for result in results:
        panel, style = panels[result.problem.name], styles[result.optimizer]
        setting = int(np.flatnonzero(result.learning_rates == summarize(result).learning_rate)[0])
        floor = np.finfo(np.float32).eps * max(1.0, abs(result.problem.minimum))
        curve = np.maximum(result.gaps[:, setting], floor)
        low, median, high = np.quantile(curve, [0.1, 0.5, 0.9], axis=1)
        panel.plot(result.steps, median, label=result.optimizer, **style)
        panel.fill_between(result.steps, low, high, color=style["color"], alpha=0.07, linewidth=0)
        panel.set_xlabel("steps", fontsize=8)
        panel.set_ylabel("best gap f − f*", fontsize=8)
    for result in {r.problem.name: r for r in results}.values():
        panels[result.problem.name].axhline(
            result.problem.tolerance, color="black", linewidth=0.6, alpha=0.6
        )
    title = "Convergence at the tuned learning rate: median and 10–90 % of seeds; line: success"
    _finish(figure, panels, title, path)


def plot_sensitivity(results: Sequence[PairResult], path: str | Path) -> None:
    """Median best gap against the learning rate: the wider the valley, the easier to tune.

    ::

        median over seeds of the best gap after T steps, at each learning rate

    Args:
      results: what the lanes saw; one panel a problem, one curve an optimizer.
      path: the PNG file to write.

    Returns:
      None.

    Raises:
      ImportError: matplotlib is not installed.

    Numerics:
      A diverged lane counts with the gap of its start; a setting at which more than half of the
      lanes diverged is marked by a cross.

    Example:
      >>> import pathlib, tempfile
      >>> from jaxmath.optimize import classical_problems
      >>> from jaxmath.benchmark import Plan, resolve_optimizer, run_group
      >>> plan = Plan(classical_problems()[2], (0.01, 0.05), num_seeds=2, num_steps=10)
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "sensitivity.png"
      >>> plot_sensitivity([next(run_group(plan, [resolve_optimizer("sgd")]))], path)
      >>> path.stat().st_size > 1000
      True

    References:
      P. T. Sivaprasad et al., "Optimizer benchmarking needs to account for hyperparameter
      tuning", 2020.
    """
    figure, panels, styles = _grid(results)
    for panel in panels.values():
        panel.set_xscale("log")
        panel.minorticks_off()
    for result in results:
        panel, style = panels[result.problem.name], styles[result.optimizer]
        median = 10.0 ** np.median(scores(result), axis=1)
        panel.plot(result.learning_rates, median, label=result.optimizer, **style)
        lost = diverged(result).mean(axis=1) > 0.5
        panel.plot(result.learning_rates[lost], median[lost], "x", color=style["color"])
        panel.set_xlabel("learning rate", fontsize=8)
        panel.set_ylabel("median best gap", fontsize=8)
    title = "Sensitivity to the learning rate (×: more than half of the lanes diverged)"
    _finish(figure, panels, title, path)


def plot_paths(problem: Problem, paths: dict[str, np.ndarray], path: str | Path) -> None:
    """The paths of optimizers over the contours of a 2-d problem, one panel each.

    ::

        contours of log₁₀(f(x) − f*)

    Args:
      problem: a problem of dimension 2.
      paths: by optimizer, the visited points, shape (steps + 1, 2).
      path: the PNG file to write.

    Returns:
      None.

    Raises:
      ValueError: the problem is not of dimension 2.
      ImportError: matplotlib is not installed.

    Numerics:
      The window is a square around the starts and the minimizers; points that are not finite are
      left out.

    Example:
      >>> import pathlib, tempfile
      >>> from jaxmath.optimize import classical_problems
      >>> path = pathlib.Path(tempfile.mkdtemp()) / "paths.png"
      >>> straight = np.array([[0.0, 0.0], [1.0, 3.0]])
      >>> plot_paths(classical_problems()[2], {"straight": straight}, path)
      >>> path.stat().st_size > 1000
      True

    References:
      G. Goh, "Why momentum really works", Distill, 2017.
    """
    if problem.dimension != 2:
        raise ValueError(
            f"plot_paths: argument `problem` must have dimension 2, got {problem.dimension}"
        )
    columns = min(5, len(paths))
    rows = -(-len(paths) // columns)
    figure, axes = subplots(
        rows, columns, figsize=(3.2 * columns, 3.2 * rows + 0.4), squeeze=False, sharex=True,
        sharey=True,
    )  # fmt: skip
    anchors = np.array([*problem.minimizers, *(p[0] for p in paths.values())])
    low, high = anchors.min(axis=0), anchors.max(axis=0)
    middle, half = (low + high) / 2, 0.85 * max(np.max(high - low), 1.0)
    x, y = (np.linspace(middle[i] - half, middle[i] + half, 160) for i in (0, 1))
    mesh = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    values = np.asarray(jax.jit(jax.vmap(problem.objective))(jnp.asarray(mesh, float)))
    height = np.log10(np.maximum(values - problem.minimum, 1e-6)).reshape(len(y), len(x))
    for panel, (name, points) in zip(axes.flat, paths.items(), strict=False):
        points = points[np.isfinite(points).all(axis=1)]
        panel.contourf(x, y, height, levels=18, cmap="Greys_r", alpha=0.55)
        panel.plot(points[:, 0], points[:, 1], "-", color="tab:red", linewidth=1.0)
        panel.plot(*points[0], "o", color="tab:blue", markersize=4)
        for minimizer in problem.minimizers:
            panel.plot(*minimizer, "*", color="gold", markeredgecolor="black", markersize=9)
        panel.set_title(name, fontsize=10)
        panel.set_xlim(x[0], x[-1])
        panel.set_ylim(y[0], y[-1])
        panel.tick_params(labelsize=8)
    for panel in axes.flat[len(paths) :]:
        panel.set_visible(False)
    for i in range(len(paths) - columns, len(paths)):  # the lowest of each column, that is seen
        axes.flat[i].tick_params(labelbottom=True)
    figure.suptitle(f"Paths on {problem.name} at the tuned learning rate (seed 0)", fontsize=12)
    figure.tight_layout()
    save(figure, path, dpi=110)
