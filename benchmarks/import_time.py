#!/usr/bin/env python
"""What ``import jaxmath`` costs beside ``import jax``: fresh processes in turn, wall time."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that runs one statement, s."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, cwd=ROOT)
    return time.perf_counter() - began


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--repeats", type=int, default=15, help="pairs of processes (default: 15)")
    p.add_argument("--output", type=Path, metavar="FILE", help="write the figures as JSON")
    args = p.parse_args(argv)
    pairs = [(seconds("import jax"), seconds("import jaxmath, jax")) for _ in range(args.repeats)]
    extra = sorted(ours - jax for jax, ours in pairs)
    found = {
        "jax_seconds": statistics.median(p[0] for p in pairs),
        "jaxmath_seconds": statistics.median(p[1] for p in pairs),
        "extra_seconds": statistics.median(extra),
        "extra_low": extra[len(extra) // 4],
        "extra_high": extra[-1 - len(extra) // 4],
        "repeats": args.repeats,
    }
    print(
        f"jax {found['jax_seconds']:.2f} s, jaxmath and jax {found['jaxmath_seconds']:.2f} s: "
        f"{found['extra_seconds']:+.3f} s (quartiles {found['extra_low']:+.3f} to "
        f"{found['extra_high']:+.3f}; asked: at most +0.3)"
    )
    if args.output:
        sys.path.insert(0, str(ROOT))
        from jaxmath.benchmark import environment

        document = {"environment": environment(), "figures": found}
        args.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
