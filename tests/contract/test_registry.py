"""Every public name has its row, its docstring, its place in the docs; imports point one way."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

import jaxmath
from tests.contract import checks, registry
from tests.contract.row import HostRow

ROOT = Path(__file__).resolve().parents[2]
NAMES = registry.public_names()
SECTIONS = ("Args", "Returns", "Example", "Numerics", "References")
HOSTS = {row.name for row in registry.rows() if isinstance(row, HostRow)}

# A subpackage imports only from those before it.
LAYERS = [
    {"typing"},
    {"numerics"},
    {"iterate"},
    {"verify"},
    {"linalg", "calculus"},
    {"probability", "graph", "optimize"},
    {"nn"},
    {"models", "datasets"},
    {"train", "benchmark", "interop"},
]


def test_every_public_name_has_exactly_one_row():
    rows = [row.name for row in registry.rows()]
    assert sorted(set(rows)) == rows
    assert set(rows) <= set(NAMES)
    # x_init and x_step may share the row of the solver x, which is made of them.
    shared = {f"{row}{part}" for row in rows for part in ("_init", "_step")}
    assert set(NAMES) - set(rows) <= shared


@pytest.mark.parametrize("row", [r for r in registry.rows() if isinstance(r, HostRow)],
                         ids=lambda r: r.name)  # fmt: skip
def test_evidence_of_host_rows_exists(row):
    assert row.reason
    assert row.evidence
    for reference in row.evidence:
        path, _, name = reference.partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M), reference


def test_evidence_instead_of_an_oracle_exists():
    for row in registry.function_rows():
        if row.evidence:
            path, _, name = row.evidence.partition("::")
            assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M), row.evidence


def _sections(doc: str) -> dict[str, str]:
    """The docstring's sections by heading."""
    parts = re.split(r"^(\w+):\n", inspect.cleandoc(doc), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_docstring(name):
    thing = checks.resolve(name)
    if not callable(thing) or getattr(thing, "__module__", "").split(".")[0] != "jaxmath":
        return  # a constant, or a type alias: documented in its module
    doc = inspect.getdoc(thing)
    assert doc, f"{name} has no docstring"
    summary = doc.splitlines()[0]
    assert summary.endswith((".", "?")), f"{name}: the first line is a sentence"
    sections = _sections(doc)
    # What is no array function has no numerics of its own to speak of, and a record's docstring
    # explains its fields.
    needed = SECTIONS if name not in HOSTS else SECTIONS[: 0 if isinstance(thing, type) else 3]
    missing = [section for section in needed if section not in sections]
    assert not missing, f"{name}: no section {missing}"
    if name not in HOSTS:
        assert re.search(r"^ {4}\S", doc.partition("\nArgs:")[0], re.M), f"{name}: no equation"
    if "Args" in sections and not hasattr(thing, "__members__"):
        indent = re.match(r" *", sections["Args"])[0]
        documented = re.findall(rf"^{indent}\*{{0,2}}(\w+)[^:\n]*:", sections["Args"], re.M)
        parameters = [p for p in inspect.signature(thing).parameters if p != "self"]
        assert documented == parameters, f"{name}: documents {documented}, takes {parameters}"


def _layer(module: str) -> int:
    top = module.split(".")[1] if "." in module else ""
    return next((i for i, layer in enumerate(LAYERS) if top in layer), -1)


def test_imports_point_one_way():
    for path in sorted((ROOT / "jaxmath").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            targets = []
            if isinstance(node, ast.ImportFrom) and node.module:
                targets = [node.module] + [f"{node.module}.{a.name}" for a in node.names]
            elif isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            for target in targets:
                if target.startswith("jaxmath.") and _layer(target) >= 0 and _layer(module) >= 0:
                    assert _layer(target) <= _layer(module), f"{module} imports {target}"


def test_all_is_sorted():
    for name in jaxmath.__all__:
        module = importlib.import_module(f"jaxmath.{name}")
        # As ruff sorts: constants, classes, functions.
        kind = lambda n: 0 if n.isupper() else 1 if n[0].isupper() else 2
        ordered = sorted(module.__all__, key=lambda n: (kind(n), n))
        assert list(module.__all__) == ordered, name


def test_every_public_name_is_in_the_topic_table():
    table = (ROOT / "docs" / "topics.md").read_text()
    listed = set(re.findall(r"`([\w.]+)`", table))
    assert not [name for name in NAMES if name not in listed]


def test_every_listed_topic_is_public():
    table = (ROOT / "docs" / "topics.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    listed = re.findall(r"`([\w.]+)`", "\n".join(rows))
    assert sorted(listed) == NAMES
