#!/usr/bin/env python
"""Run the contract of every public function on the device at hand and print it as a table.

A row is a function; its columns are jit (compiled equals eager, one trace for two calls), vmap
(equals a loop), fwd and rev (derivatives against finite differences), singular (the documented
value and a finite gradient on the singular set), oracle (an independent value), f32 and f64 (the
dtype is kept), errors (bad arguments are refused by name). A dash says that a column does not
apply. The exit code is 1 where anything failed.
"""

import argparse
import contextlib
import dataclasses
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("names", nargs="*", help="functions or prefixes, as in numerics or nn.relu")
    p.add_argument("--markdown", type=Path, metavar="FILE", help="write the table as Markdown")
    p.add_argument("--json", type=Path, metavar="FILE", help="write the table as JSON")
    p.add_argument("--no-gradients", action="store_true", help="leave out fwd and rev (faster)")
    return p


def select(rows: list, names: list[str]) -> list:
    """The rows under the names; an unknown name is an error that suggests the nearest."""
    import difflib

    if not names:
        return rows
    chosen = []
    for name in names:
        found = [r for r in rows if r.name == name or r.name.startswith(f"{name}.")]
        if not found:
            known = [r.name for r in rows] + sorted({r.name.split(".")[0] for r in rows})
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f": did you mean '{near[0]}'?" if near else ""
            raise ValueError(f"no function '{name}'{hint}")
        chosen += [r for r in found if r not in chosen]
    return chosen


def markdown(found: dict, columns: tuple[str, ...], where: dict) -> str:
    """The table as Markdown."""
    lines = ["# The contract", ""]
    lines += [f"{key}: {value}  " for key, value in where.items()]
    lines += ["", "| function | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, outcomes in found.items():
        lines.append(f"| {name} | " + " | ".join(outcomes[c].mark for c in columns) + " |")
    return "\n".join(lines) + "\n"


def run(args: argparse.Namespace) -> int:
    """Check, print, write; the exit code."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_numpy_rank_promotion", "raise")
    from rich.progress import track
    from rich.table import Table

    from jaxmath import _files
    from jaxmath.benchmark import environment
    from tests.contract import checks, registry

    for path in (args.markdown, args.json):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    rows = select(registry.function_rows(), args.names)
    console, where = _files.console(), environment()
    console.print(f"{where['platform']} ({where['device']}), jax {where['jax']}")
    found = {}
    with contextlib.suppress(KeyboardInterrupt):
        for row in track(rows, description="checking", console=console):
            found[row.name] = checks.run(row, gradients=not args.no_gradients)
    table = Table(title="The contract")
    table.add_column("function", no_wrap=True)
    for column in checks.COLUMNS:
        table.add_column(column, justify="center")
    for name, outcomes in found.items():
        table.add_row(name, *(outcomes[c].mark for c in checks.COLUMNS))
    console.print(table)
    failures = [
        f"{name} · {column}: {outcome.detail}"
        for name, outcomes in found.items()
        for column, outcome in outcomes.items()
        if outcome.ok is False
    ]
    for failure in failures:
        console.print(failure, soft_wrap=True)
    hosts = len(registry.rows()) - len(registry.function_rows())
    console.print(
        f"{len(found)} of {len(rows)} functions checked, {len(failures)} failures; "
        f"{hosts} public names are no array functions and have tests of their own"
    )
    if args.markdown:
        args.markdown.write_text(markdown(found, checks.COLUMNS, where), encoding="utf-8")
    if args.json:
        plain = {
            name: {column: dataclasses.asdict(outcome) for column, outcome in outcomes.items()}
            for name, outcomes in found.items()
        }
        document = {"environment": where, "functions": plain}
        args.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if failures or len(found) < len(rows) else 0


def main(argv: list[str] | None = None) -> int:
    """Parse, run, and turn every expected failure into one line and an exit code."""
    from jaxmath._files import print_anyway

    print_anyway()
    args = parser().parse_args(argv)
    try:
        return run(args)
    except (ImportError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
