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


def test_each_problem_starts_where_the_authors_do_or_where_asked():
    problems = bench.more_garbow_hillstrom()
    far = lambda number, factors: bench.starts(problems[number - 1], factors)
    assert [list(far(n, None)) for n in (1, 3, 17)] == [[1, 10, 100], [1, 10], [1]]
    assert [list(far(1, None)[10]), list(far(17, [100])[100])] == [[-12, 10], [50, 150, -100, 1, 2]]
    assert [list(x) for x in far(20, [1, 10]).values()] == [[0] * 6, [10] * 6]


def test_an_audit_that_fails_is_seen():
    """The error measure is recomputed from f and ∇f, not read from the solver."""
    assert bench.audited(lambda x: (4.0, 2.0 * x), bench.np.array([0.5, -2.0])) == 2.0
