"""The benchmark of random starts runs, at a tiny size, and its figures add up."""

import json

from benchmarks import random_starts


def test_smoke(tmp_path, monkeypatch, capsys):
    makers = {"jaxmath bfgs": random_starts.MAKERS["jaxmath bfgs"]}
    monkeypatch.setattr(random_starts, "MAKERS", makers)
    path = tmp_path / "out.json"
    random_starts.main(
        ["--starts", "4", "--rounds", "1", "--problems", "brown-dennis", "--json", str(path)]
    )
    figures = json.loads(path.read_text())
    rows = figures["problems"]["brown-dennis"]["libraries"]
    assert rows["jaxmath bfgs"]["success"] == rows["SciPy l-bfgs-b"]["success"] == 1.0
    assert 0 <= figures["problems"]["brown-dennis"]["waste"]["pool of 4"] < 1
    assert sum(figures["stragglers"]["statuses"].values()) == 4
    assert "brown-dennis, 4 starts" in capsys.readouterr().out
