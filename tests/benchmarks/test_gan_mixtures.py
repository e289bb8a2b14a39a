"""The benchmark of the mixtures at its smallest."""

import json

from benchmarks import gan_mixtures as bench

SMALL = ["--seeds", "2", "--steps", "2", "--batch", "4", "--width", "3", "--depth", "1"]
SMALL += ["--mode", "vmap"]  # which compiles soonest


def test_smallest_run_writes_every_figure(tmp_path, capsys):
    path = tmp_path / "results" / "mixtures.json"
    which = ["--methods", "plain", "--targets", "ring", "--sigmas", "0.1", "--examples", "8"]
    assert bench.main([*SMALL, *which, "--output", str(path)]) == 0
    (row,) = json.loads(path.read_text())["results"]
    assert (row["method"], row["of"], row["asked"], row["steps"]) == ("plain", 8, None, 2)
    assert len(row["modes"]) == len(row["good"]) == 2
    assert row["bad_step"] == [-1, -1]
    assert "of 8" in capsys.readouterr().out
