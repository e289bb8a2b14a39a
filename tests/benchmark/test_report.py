"""The report: strict JSON, complete tables, pictures that are pictures."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxmath.benchmark import (
    Plan,
    compare,
    environment,
    leaderboard,
    markdown_report,
    plot_convergence,
    plot_paths,
    plot_sensitivity,
    resolve_optimizer,
    resolve_problem,
    run_benchmark,
    summarize,
    write_json,
)
from jaxmath.benchmark import plots as pictures


@pytest.fixture(scope="module")
def found():
    with jax.enable_x64(False):
        plans = [
            Plan(resolve_problem(name), (1e-3, 1e-1, 100.0), num_seeds=4, num_steps=30)
            for name in ("beale", "rosenbrock-10d")
        ]
        results = list(run_benchmark(plans, [resolve_optimizer(n) for n in ("sgd", "adam")]))
    summaries = [summarize(r) for r in results]
    comparisons = [compare(results[1], results[0]), compare(results[3], results[2])]
    return results, summaries, comparisons, leaderboard(summaries, comparisons)


def test_json_is_complete_and_strict(found, tmp_path):
    path = tmp_path / "report.json"
    write_json(path, *found, settings={"steps": 30})
    document = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert document["environment"] == environment()
    assert {"platform", "device", "jax", "jaxlib", "python"} <= set(environment())
    assert document["settings"] == {"steps": 30}
    assert [row["optimizer"] for row in document["rows"]] == ["sgd", "adam"] * 2
    for row, result in zip(document["rows"], found[0], strict=True):
        assert np.allclose(np.array(row["best_gaps"], float), result.gaps[-1])
        assert len(row["median_gap_by_step"]) == 3
        for key in ("trace", "compile", "first", "run", "steady"):
            assert row[f"{key}_seconds"] > 0
        assert row["num_steps"] == 30
        assert row["diverged"] >= 0
    assert document["rows"][0]["versus_baseline"] is None
    assert document["rows"][1]["versus_baseline"]["verdict"] in ("better", "even", "worse")
    with pytest.raises(OSError, match="missing"):
        write_json(tmp_path / "missing" / "report.json", *found)


def test_markdown_has_every_row(found):
    text = markdown_report(*found)
    assert text.count("| sgd |") == text.count("| adam |") == 3
    assert "## beale" in text
    assert "## rosenbrock-10d" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| ")}
    assert widths == {9, 13}


def test_one_seed_has_no_interval(found):
    results, summaries, comparisons, standings = found
    one = [dataclasses.replace(c, low=np.nan, high=np.nan, num_seeds=1) for c in comparisons]
    text = markdown_report(results, summaries, one, standings)
    assert "nan" not in text
    assert text.count("| – |") == len(one) > 0


def test_every_column_of_paths_has_its_ticks(found, tmp_path, monkeypatch):
    """Seven panels in two rows: under the last three of the first row there is none."""
    figures = []
    monkeypatch.setattr(pictures, "save", lambda figure, path, dpi: figures.append(figure))
    path = np.array([[0.0, 0.0], [1.0, 1.0]])
    plot_paths(found[0][0].problem, dict.fromkeys("abcdefg", path), tmp_path / "paths.png")
    shown = [panel.xaxis.get_tick_params()["labelbottom"] for panel in figures[0].axes[:7]]
    assert shown == [False, False, True, True, True, True, True]


def test_pictures(found, tmp_path):
    results, _, _, _ = found
    plot_convergence(results, tmp_path / "convergence.png")
    plot_sensitivity(results, tmp_path / "sensitivity.png")
    path = np.array([[0.0, 0.0], [1.0, 1.0], [np.nan, np.nan]])
    plot_paths(results[0].problem, {"a": path, "b": path}, tmp_path / "paths.png")
    for name in ("convergence", "sensitivity", "paths"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="must have dimension 2, got 10"):
        plot_paths(results[-1].problem, {}, tmp_path / "no.png")
