"""The benchmark of random starts runs, at a tiny size, and its figures add up."""

import json

from benchmarks import random_starts


def test_smoke(tmp_path, monkeypatch, capsys):
    makers = {"jaxmath bfgs": random_starts.MAKERS["jaxmath bfgs"]}
    monkeypatch.setattr(random_starts, "MAKERS", makers)
    path = tmp_path / "out.json"
    size = ["--starts", "4", "--rounds", "1", "--problems", "brown-dennis", "--only-float64"]
    random_starts.main([*size, "--json", str(path)])
    figures = json.loads(path.read_text())
    rows = figures["problems"]["brown-dennis"]["libraries"]
    assert rows["jaxmath bfgs"]["success"] == rows["SciPy l-bfgs-b"]["success"] == 1.0
    assert 0 <= figures["problems"]["brown-dennis"]["waste"]["pool of 128"] < 1
    assert "brown-dennis, 4 starts" in capsys.readouterr().out


def test_stragglers_end_at_the_noise():
    """Lanes in float32 that cannot reach their tolerance end long before the limit on steps."""
    found = random_starts.stragglers(random_starts.cases(4, 1)[0][2], 1)
    assert sum(found["statuses"].values()) == 4
    assert "MAX_STEPS" not in found["statuses"]
    assert found["evaluations"]["unreachable"] < 1000
