"""The benchmark of recurrent layers at its smallest."""

import json

import numpy as np

from benchmarks import recurrent_step as bench

SMALL = ["--batch", "2", "--steps", "3", "--inputs", "2", "--hidden", "2", "--length", "8",
         "--channels", "1", "--repeats", "1", "--cells", "lstm"]  # fmt: skip


def test_smallest_run_writes_every_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: name == "flax" or None)
    path = tmp_path / "results" / "step.json"
    assert bench.main([*SMALL, "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    programs = [row["program"] for row in report["results"]]
    assert programs == ["ours", "hoisted", "flax", *2 * ["sequential", "associative"]]
    assert [row["figure"] for row in report["results"][:3]] == [None, None, 0.95]
    assert all(row["ms"] > 0 for row in report["results"])
    assert report["left_out"] == ["torch"]
    assert "torch is not installed: left out" in capsys.readouterr().out


def test_hoisted_and_ours_are_the_same_layer():
    args = bench.parse(SMALL)
    X, weight = bench.draw(args)
    value, gradient = bench.ours("lstm", args, X, weight)()
    other, second = bench.hoisted("lstm", args, X, weight)()
    np.testing.assert_allclose(value, other, rtol=1e-5)
    for a, b in zip(gradient, second, strict=True):
        for left, right in zip(a, b, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)
