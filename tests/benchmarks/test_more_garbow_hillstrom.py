"""The benchmark of the 35 problems, on one of them."""

import json

from benchmarks import more_garbow_hillstrom as bench


def test_one_problem_beside_scipy(tmp_path, capsys):
    file = tmp_path / "rows.json"
    bench.main(["--problems", "32", "--methods", "bfgs", "--json", str(file)])
    rows = json.loads(file.read_text())["rows"]
    assert len(rows) == 2
    assert all(row["solved"] and not row["false_converged"] for row in rows)
    assert "bfgs: solved 1, SciPy 1 of 1" in capsys.readouterr().out


def test_an_audit_that_fails_is_seen():
    """The error measure is recomputed from f and ∇f, not read from the solver."""
    assert bench.audited(lambda x: (4.0, 2.0 * x), bench.np.array([0.5, -2.0])) == 2.0
