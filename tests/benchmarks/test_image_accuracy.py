"""The benchmark of image networks runs, at a tiny size, and reports what it found."""

import json

from benchmarks import image_accuracy as bench


def test_smoke(tmp_path, monkeypatch, capsys):
    case = bench.Case(bench.cnn.Config(widths=(2,), hidden=4), 1, 1e-3, 0.0)
    monkeypatch.setattr(bench, "CASES", {"cnn": case})
    path = tmp_path / "out.json"
    code = bench.main(["--cases", "cnn", "--seeds", "1", "--examples", "64", "--batch-size", "32",
                       "--output", str(path)])  # fmt: skip
    row = json.loads(path.read_text())["results"]["cnn"]
    assert code == 0
    assert row["epochs"] == 1
    assert row["accuracy"] == row["runs"][0]["accuracy"]
    assert f"accuracy {row['accuracy']:.4f} (asked 0.000)" in capsys.readouterr().out
