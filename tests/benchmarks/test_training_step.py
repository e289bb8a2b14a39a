"""The benchmark of the training step runs, at a tiny size."""

import json

from benchmarks import training_step


def test_smoke(tmp_path):
    file = tmp_path / "out.json"
    arguments = ["--samples", "1", "--epochs", "1", "--peers", "flax"]
    training_step.main([*arguments, "--output", str(file)])
    rows = json.loads(file.read_text())["quartiles"]
    assert set(rows) == {"scan", "flax"}
    assert rows["scan"]["over_scan"] == [1.0, 1.0, 1.0]
    assert all(row["ms_a_step"][1] > 0 for row in rows.values())
