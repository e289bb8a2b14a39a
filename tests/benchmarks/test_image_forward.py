"""The timing of whole image networks, at a small size and without PyTorch."""

import json

from benchmarks import image_forward as bench


def test_small_run(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(bench, "compile_seconds", lambda config: {"trace_s": 1.0, "compile_s": 2.0})
    path = tmp_path / "found.json"
    args = ["--networks", "vgg16", "--small", "--batches", "2", "--repeats", "2"]
    assert bench.main([*args, "--output", str(path)]) == 0
    found = json.loads(path.read_text())
    (row,) = found["forward"]
    assert (row["network"], row["batch"], row["asked"]) == ("vgg16", 2, 1.5)
    assert row["ours"] > 0
    assert found["layers"] == []
    assert "vgg16, batch 2 (asked 1.5)" in capsys.readouterr().out


def test_a_line_of_the_table():
    figures = {"ours": 2.0, "first": 4.0, "last": 3.0, "ratio": 0.5, "interval": [0.4, 0.6]}
    assert bench.line("x", figures).split() == ["x", "2.00", "4.00", "3.00", "0.50", "0.40–0.60"]
