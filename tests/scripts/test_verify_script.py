"""``scripts/verify.py``: the table, its files, its exit codes."""

import importlib.util
import json
from pathlib import Path

import pytest

from tests.contract import registry
from tests.contract.row import Bad, Row

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("verify_script", ROOT / "scripts" / "verify.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_table_markdown_and_json(script, tmp_path, capsys):
    names = ["numerics.safe_sqrt", "optimize.booth"]
    files = {"--markdown": tmp_path / "table.md", "--json": tmp_path / "table.json"}
    arguments = [str(part) for pair in files.items() for part in pair]
    assert script.main([*names, *arguments]) == 0
    out = capsys.readouterr().out
    assert "2 of 2 functions checked, 0 failures" in out
    assert "numerics.safe_sqrt" in out
    text = files["--markdown"].read_text()
    assert "| numerics.safe_sqrt | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | – | ✓ |" in text
    document = json.loads(files["--json"].read_text())
    assert set(document["functions"]) == set(names)
    assert document["functions"]["optimize.booth"]["oracle"]["ok"] is True


def test_a_failure_is_shown_and_fails(script, monkeypatch, capsys):
    """A row whose oracle disagrees, and whose bad call passes."""
    good = next(row for row in registry.function_rows() if row.name == "optimize.booth")
    wrong = Row(good.name, good.make, lambda x: good.oracle(x) + 1.0, bad=(Bad((good.make,), "x"),))
    monkeypatch.setattr(registry, "function_rows", lambda: [wrong])
    assert script.main(["--no-gradients"]) == 1
    out = capsys.readouterr().out
    assert "optimize.booth · oracle: float64: leaf 0: error 1.00e+00 above" in out or (
        "optimize.booth · oracle: float32: leaf 0: error 1.00e+00 above" in out
    )
    assert "optimize.booth · errors:" in out


def test_mistakes_are_one_line(script, capsys):
    assert script.main(["numeric"]) == 2
    assert capsys.readouterr().err == "error: no function 'numeric': did you mean 'numerics'?\n"
    assert script.main(["--json", "/dev/null/no.json"]) == 2
    assert capsys.readouterr().err.startswith("error: [Errno")
