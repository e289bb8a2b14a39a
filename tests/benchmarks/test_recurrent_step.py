"""The benchmark of recurrent layers at its smallest."""

import json

import numpy as np

from benchmarks import recurrent_step as bench

SMALL = ["--batch", "2", "--steps", "3", "--inputs", "2", "--hidden", "2", "--length", "8",
         "--channels", "1", "--repeats", "1", "--cells", "lstm", "--trips", "2"]  # fmt: skip


def test_smallest_run_writes_every_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: name == "flax" or None)
    path = tmp_path / "results" / "step.json"
    assert bench.main([*SMALL, "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    programs = [row["program"] for row in report["results"]]
    layers = ["ours", "calls", "hoisted", "flax", "flax_loop"]
    assert programs == [*layers, *2 * ["sequential", "associative"]]
    assert [row["figure"] for row in report["results"][:5]] == [None, None, None, 0.95, None]
    assert all(row["ms"] > 0 for row in report["results"])
    assert report["left_out"] == ["torch"]
    assert "torch is not installed: left out" in capsys.readouterr().out


def test_programs_compute_the_same(monkeypatch):
    """Gradients too: the second value is that after a long step against the first one's."""
    monkeypatch.setattr(bench, "RATE", 0.3)
    args = bench.parse(SMALL)
    X, weight = bench.draw(args)
    want = bench.ours("lstm", args, X, weight)()
    np.testing.assert_allclose(bench.hoisted("lstm", args, X, weight)(), want, rtol=1e-5)
    alone = bench.ours("lstm", bench.parse([*SMALL, "--trips", "1"]), X, weight)()
    assert abs(alone - want) > 0.1
    apart = bench.ours("lstm", args, X, weight, apart=True)()
    np.testing.assert_allclose(apart, want, rtol=1e-6)
