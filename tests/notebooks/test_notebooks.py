"""Every notebook runs in a fresh kernel: small by default, and under ``full`` as it was saved."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import QUICK_TO_COMPILE

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MIN_PLOTS = 5
MAX_BYTES = 1_000_000
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
SELDOM = "import gc; gc.set_threshold(50_000, 20, 20)"  # tracing makes and keeps many objects
FOLDERS = "home|root|tmp|work|usr|opt|var|mnt|private|Users"
MACHINE = re.compile(rf"(?<![\w.])/(?:{FOLDERS})/|[A-Z]:\\\\Users")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text(cell, stream="stdout"):
    """What the cell printed and the value it shows; pictures are not text."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == stream:
            parts.append(output.text)
        elif output.output_type == "execute_result" and stream == "stdout":
            parts.append(output.data.get("text/plain", ""))
    return "".join(part for part in parts if not ADDRESS.search(part))


def plots(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_saved_notebook(path):
    """Run in one go from the top, with outputs, small, and without a trace of the machine."""
    saved = nbformat.read(path, as_version=4)
    nbformat.validate(saved)
    cells = code_cells(saved)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert saved.metadata.kernelspec.name == "python3"
    assert not any("execution" in cell.metadata for cell in cells)
    assert sum(map(plots, cells)) >= MIN_PLOTS
    assert not any(text(cell, "stderr") for cell in cells)
    content = path.read_text()
    assert len(content) <= MAX_BYTES
    without_pictures = re.sub(r'"image/png": "[^"]*"', "", content)
    assert not MACHINE.findall(without_pictures)


def run(path, size):
    """The notebook as a fresh kernel leaves it; no cell raises or writes to stderr."""
    fresh = nbformat.read(path, as_version=4)
    for cell in code_cells(fresh):
        cell.outputs, cell.execution_count = [], None
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "JAX_PLATFORMS": "cpu",  # beside a test process that may hold the accelerator's memory
        "XLA_FLAGS": QUICK_TO_COMPILE,
        "JAXMATH_NOTEBOOK_SIZE": size,
    }
    client = NotebookClient(
        fresh,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=[f"--IPKernelApp.exec_lines={SELDOM}"],
    )
    client.execute(env=environment)  # CellExecutionError shows the cell and its traceback
    for cell in code_cells(fresh):
        assert not text(cell, "stderr"), f"stderr of the cell that begins {begin(cell)!r}"
    return fresh


def begin(cell):
    return cell.source.partition("\n")[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_reduced_run(path):
    """Each cell that printed or drew when it was saved does so at the reduced size too."""
    saved = nbformat.read(path, as_version=4)
    assert "JAXMATH_NOTEBOOK_SIZE" in code_cells(saved)[0].source
    fresh = run(path, "reduced")
    for old, new in zip(code_cells(saved), code_cells(fresh), strict=True):
        assert bool(text(new)) == bool(text(old)), f"output of the cell that begins {begin(new)!r}"
        assert plots(new) == plots(old), f"plots of the cell that begins {begin(new)!r}"


@pytest.mark.full
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_fresh_run_prints_the_same(path):
    """At full size, the same text and as many plots as were saved."""
    saved = nbformat.read(path, as_version=4)
    fresh = run(path, "full")
    for old, new in zip(code_cells(saved), code_cells(fresh), strict=True):
        assert text(new) == text(old), f"output of the cell that begins {begin(new)!r}"
        assert plots(new) == plots(old), f"plots of the cell that begins {begin(new)!r}"
