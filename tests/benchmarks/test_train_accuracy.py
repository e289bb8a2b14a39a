"""The benchmark of accuracies runs, at a tiny size, and reports the script's figures."""

import json

from benchmarks import train_accuracy


def test_smoke(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_accuracy, "CASES", {"iris, softmax": ("softmax", "iris", 0.5)})
    path = tmp_path / "out.json"
    train_accuracy.main(["--seeds", "2", "--epochs", "2", "--json", str(path),
                         "--cases", "iris, softmax"])  # fmt: skip
    row = json.loads(path.read_text())["cases"]["iris, softmax"]
    assert row["examples"] == {"training": 108, "validation": 12, "test": 30}
    assert len(row["test"]["accuracy"]["seeds"]) == 2
    mean = row["test"]["accuracy"]["mean"]
    assert f"iris, softmax    accuracy {mean:.4f} ± " in capsys.readouterr().out
