"""``scripts/benchmark_kernels.py``: every operation at a tiny size, its JSON, its exit codes."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    path = ROOT / "scripts" / "benchmark_kernels.py"
    spec = importlib.util.spec_from_file_location("benchmark_kernels_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_operation_at_a_tiny_size(script):
    arguments = ["--batch", "8", "--runs", "2", "--no-gradients"]
    for name in script.OPERATIONS:
        row = script.measure(name, 2, script.parser().parse_args(arguments))
        assert row["operation"] == name
        assert row["ratio"][0] > 0


@pytest.mark.full
def test_several_rows_have_a_process_each(script, tmp_path, capsys):
    file = tmp_path / "figures.json"
    arguments = ["matmul", "det", "--sizes", "2", "--batch", "8", "--runs", "2", "--no-gradients"]
    assert script.main([*arguments, "--json", str(file)]) == 0
    assert "2 rows" in capsys.readouterr().out
    rows = json.loads(file.read_text())["rows"]
    assert [row["operation"] for row in rows] == ["matmul", "det"]
    assert script.main([*arguments, "--limit", "0.1"]) == 2
    assert "no result within --limit 0.1 s" in capsys.readouterr().err


def test_a_gradient_row(script, capsys):
    assert script.main(["det", "--sizes", "3", "--batch", "4", "--runs", "1"]) == 0
    assert "det" in capsys.readouterr().out


def test_mistakes_are_one_line(script, capsys):
    assert script.main(["lu"]) == 2
    assert capsys.readouterr().err.startswith("error: no operation 'lu': choose of matmul")
    assert script.main(["det", "--runs", "0"]) == 2
    assert capsys.readouterr().err == "error: --runs must be at least 1, got 0\n"
    assert script.main(["det", "--sizes", "2", "--limit", "0"]) == 2
    assert capsys.readouterr().err == "error: --limit must be above 0, got 0\n"
