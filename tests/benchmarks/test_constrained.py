"""The benchmark of the constrained problems, on one of them."""

import json

import numpy as np

from benchmarks import constrained as bench
from jaxmath.optimize import KKTMultipliers, constrained_problems


def test_one_problem_beside_scipy(tmp_path, capsys):
    file = tmp_path / "rows.json"
    bench.main(["--problems", "hs7", "--dtypes", "float64", "--json", str(file)])
    rows = json.loads(file.read_text())["rows"]
    assert [r["method"] for r in rows] == ["augmented_lagrangian", "SLSQP", "trust-constr"]
    assert all(r["solved"] for r in rows)
    assert "augmented_lagrangian in float64: solved 1 of 1" in capsys.readouterr().out


def test_evaluations_are_those_of_what_was_solved(capsys, monkeypatch):
    row = {"method": "SLSQP", "dtype": "float64", "gap": 0.0, "violation": 0.0}
    rows = [row | {"solved": True, "evaluations": 12}, row | {"solved": False, "evaluations": 3000}]
    monkeypatch.setattr(bench, "ours", lambda p, dtype: {"problem": p.name, **rows.pop()})
    monkeypatch.setattr(bench, "PEERS", {})
    bench.main(["--problems", "hs6", "hs7", "--dtypes", "float64"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("SLSQP in float64: solved 1 of 2, with 12 evaluations and a gap of at")


def test_the_judges_see_a_wrong_answer():
    hs71 = {p.name: p for p in constrained_problems()}["hs71"]
    x = np.array(hs71.minimizer)
    assert max(bench.gap(hs71, x), bench.violation(hs71, x)) < 1e-13
    assert bench.violation(hs71, x - [0.5, 0.0, 0.0, 0.0]) >= 0.5
    assert bench.gap(hs71, 1.1 * x) > 0.1
    wrong = KKTMultipliers(*(np.array(v) + 0.5 for v in hs71.multipliers))
    assert 0.4 < bench.multiplier_gap(hs71, wrong) <= 0.5
    assert bench.multiplier_gap(hs71, hs71.multipliers) == 0.0
