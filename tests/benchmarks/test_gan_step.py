"""The benchmark of the DCGAN's update at its smallest."""

import json

import pytest

from benchmarks import gan_step as bench

SMALL = ["--repeats", "1", "--widths", "1", "--latent", "1", "--examples", "4", "--batch", "2"]


def test_smallest_run_writes_every_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    path = tmp_path / "results" / "step.json"
    assert bench.main([*SMALL, "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    (row,) = report["results"]
    assert row["program"] == "scan"
    assert row["ms_a_step"] >= row["ms_least"] > 0
    # At the start the scores are about 0: 2 log 2 + log 2.
    assert abs(row["last_loss"] - 2.08) < 0.1
    assert report["left_out"] == ["torch", "torch_1"]
    assert "torch_1 is not installed: left out" in capsys.readouterr().out


def test_bad_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--examples", "100", "--batch", "64"])
    assert "--examples must be a multiple of --batch" in capsys.readouterr().err
