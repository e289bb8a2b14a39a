"""The benchmark of the bounded problems, on one of them."""

import json

import numpy as np

from benchmarks import bounded as bench


def test_one_problem_beside_scipy(tmp_path, capsys):
    file = tmp_path / "rows.json"
    arguments = ["--problems", "hs4", "--methods", "lbfgsb", "scipy", "--json", str(file)]
    bench.main(arguments)
    rows = json.loads(file.read_text())["rows"]
    assert [row["met"] for row in rows] == [True, True, True]
    assert "cost on the 1 that both solve: 2 / 2 = 1.00" in capsys.readouterr().out


def test_a_point_beside_the_minimizer_is_not_met():
    problem = bench.bounded_problems()[3]
    found = bench.judged(problem, np.array([1.0 + 1e-7, 0.0]))
    assert (found["active"], found["met"]) == (False, False)
    assert 1e-7 < found["gap"] < 1e-6
