"""The benchmark of matrix games at its smallest."""

import json

import pytest

from benchmarks import matrix_games as bench


def test_smallest_run_writes_every_figure(tmp_path, capsys):
    path = tmp_path / "games.json"
    arguments = ["--sizes", "2x3", "--dtypes", "float64", "--games", "5", "--repeats", "2"]
    assert bench.main([*arguments, "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    (result,) = report["results"]
    assert {"platform", "device", "jax", "scipy"} <= report["environment"].keys()
    assert min(result["compile_s"], result["ours_s"], result["scipy_s"]) > 0
    assert result["worst_error"] <= 1e-6
    assert result["worst_exploitability_eps"] <= 50
    assert result["not_converged"] == 0
    assert "exploitability" in capsys.readouterr().out


def test_bad_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--sizes", "3"])
    assert "'3' is not a shape like 4x6" in capsys.readouterr().err
