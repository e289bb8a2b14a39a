"""The benchmark of a training step at its smallest."""

import json

import pytest

from benchmarks import train_step as bench

SMALL = ["--epochs", "1", "--repeats", "1", "--seeds", "2", "--hidden", "2", "--examples", "8",
         "--batch", "4"]  # fmt: skip


def test_smallest_run_writes_every_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(bench.PEERS, "torch", "a_package_that_nobody_has")
    path = tmp_path / "results" / "step.json"
    programs = ["--programs", "flax", "torch", "sklearn", "map"]
    assert bench.main([*SMALL, *programs, "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    assert [row["program"] for row in report["results"]] == ["ours", "flax", "sklearn", "map"]
    assert [row["figure"] for row in report["results"]] == [None, 1.5, 3.0, 0.7]
    for row in report["results"]:
        assert row["ms_a_step"] > 0
        assert 1 < row["last_loss"] < 4
    assert report["left_out"] == ["torch"]
    assert "torch is not installed: left out" in capsys.readouterr().out


def test_batches_hold_every_example_once():
    rows = list(bench.batches(12, 4, 2))
    assert [len(r) for r in rows] == [4] * 6
    assert sorted(i for r in rows[:3] for i in r) == list(range(12))
    assert [list(r) for r in rows[:3]] != [list(r) for r in rows[3:]]


def test_bad_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--examples", "100", "--batch", "64"])
    assert "--examples must be a multiple of --batch" in capsys.readouterr().err
