"""The benchmark of a CNN's training step at its smallest."""

import json

import pytest

from benchmarks import cnn_step as bench

SMALL = ["--repeats", "1", "--width", "1", "--hidden", "2", "--examples", "4", "--batch", "2"]
SMALL += ["--pieces", "2"]


def _run(path, *programs) -> dict:
    assert bench.main([*SMALL, "--programs", *programs, "--output", str(path)]) == 0
    return json.loads(path.read_text())


def test_smallest_run_writes_every_figure(tmp_path, capsys, monkeypatch):
    absent = ["torch", "torch_1", "torch_pieces"]
    for name in absent:
        monkeypatch.setitem(bench.PEERS, name, "a_package_that_nobody_has")
    report = _run(tmp_path / "results" / "step.json", "torch")
    (row,) = report["results"]
    assert row["program"] == "scan"
    assert row["ms_a_step"] >= row["ms_least"] > 0
    assert 1 < row["last_loss"] < 5
    assert report["left_out"] == absent
    assert "torch is not installed: left out" in capsys.readouterr().out


@pytest.mark.full
def test_all_of_ours_train_alike(tmp_path):
    """In pieces or not, scan, loop and XLA's convolution lose alike. Flax draws its own start."""
    rows = _run(tmp_path / "step.json", "whole", "loop", "xla", "flax")["results"]
    assert [row["program"] for row in rows] == ["scan", "whole", "loop", "xla", "flax"]
    assert all(row["ratio"] > 0 for row in rows[1:])
    for row in rows[1:4]:
        assert abs(row["last_loss"] - rows[0]["last_loss"]) < 1e-5


def test_bad_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--examples", "100", "--batch", "64"])
    assert "--examples must be a multiple of --batch" in capsys.readouterr().err
