"""Results as files: whole or not at all, and in JSON that every reader takes."""

import contextlib
import csv
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

__all__: list[str] = []


def plain(value: Any) -> Any:
    """JSON has no NaN or infinity: they become None and strings."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value.item() if isinstance(value, np.generic) else value


def print_anyway() -> None:
    """What a terminal cannot show, × in ASCII say, is a question mark there and no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def console() -> Any:
    """Where scripts print: all as it is, for a name may hold what rich takes for markup."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 110
    return Console(highlight=False, markup=False, emoji=False, width=width)


def write_whole(path: Path, content: str | bytes) -> None:
    """The file whole, or as it was before; text in UTF-8."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise OSError(f"{path} could not be written: {error.strerror or error}") from error


def write_json(path: Path, document: Any) -> None:
    """What ``plain`` makes of the document."""
    write_whole(path, json.dumps(plain(document), indent=1, allow_nan=False) + "\n")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """A table, its columns those of the first row."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue())
