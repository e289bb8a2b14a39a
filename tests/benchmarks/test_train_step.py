"""The benchmark of a training step at its smallest."""

import json

import pytest

from benchmarks import train_step as bench

SMALL = ["--epochs", "1", "--repeats", "1", "--seeds", "2", "--hidden", "2", "--examples", "8",
         "--batch", "4"]  # fmt: skip


def _run(path, *programs) -> dict:
    assert bench.main([*SMALL, "--programs", *programs, "--output", str(path)]) == 0
    return json.loads(path.read_text())


def test_smallest_run_writes_every_figure(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(bench.PEERS, "torch", "a_package_that_nobody_has")
    report = _run(tmp_path / "results" / "step.json", "flax", "torch", "sklearn")
    assert [row["program"] for row in report["results"]] == ["ours", "flax", "sklearn"]
    assert [row["figure"] for row in report["results"]] == [None, 1.5, 3.0]
    for row in report["results"]:
        assert row["ms_a_step"] > 0
        assert 1 < row["last_loss"] < 4
    assert report["left_out"] == ["torch"]
    assert "torch is not installed: left out" in capsys.readouterr().out


@pytest.mark.full
def test_seeds_in_one_call(tmp_path):
    report = _run(tmp_path / "step.json", "bare", "vmap", "map", "mesh")
    ours, bare, vmap, lanes, mesh = report["results"]
    assert bare["figure"] is None
    assert vmap["figure"] == lanes["figure"] == mesh["figure"] == 0.7
    assert lanes["last_loss"] == mesh["last_loss"]
    assert abs(vmap["last_loss"] - lanes["last_loss"]) < 1e-5
    assert ours["ratio"] is None


def test_batches_hold_every_example_once():
    rows = list(bench.batches(12, 4, 2))
    assert [len(r) for r in rows] == [4] * 6
    assert sorted(i for r in rows[:3] for i in r) == list(range(12))
    assert [list(r) for r in rows[:3]] != [list(r) for r in rows[3:]]


def test_bad_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--examples", "100", "--batch", "64"])
    assert "--examples must be a multiple of --batch" in capsys.readouterr().err
