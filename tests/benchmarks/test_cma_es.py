"""The benchmark of CMA-ES on the sphere, without its peer."""

import json

from benchmarks import cma_es as bench


def test_few_generations_write_every_figure(tmp_path, capsys):
    file = tmp_path / "rows.json"
    few = ["--problems", "sphere", "--dtypes", "float32", "--seeds", "3", "--max-steps", "60"]
    bench.main([*few, "--no-peer", "--json", str(file)])
    (row,) = json.loads(file.read_text())["rows"]
    assert row["success"] == 0.0
    assert row["statuses"] == {"MAX_STEPS": 3}
    assert min(row["compile_s"], row["run_s"]) > 0
    assert "sphere" in capsys.readouterr().out


def test_a_run_that_misses_its_target_has_no_cost():
    found = bench.summary([1e-11, 1.0, 1e-12], [100, 7, 300], 1e-10)
    assert found["success"] == 2 / 3
    assert found["quartiles"] == [150.0, 200.0, 250.0]
