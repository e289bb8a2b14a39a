#!/usr/bin/env python
"""Time batches of small matrices: jaxmath.linalg under vmap, jax.numpy, and numpy.linalg.

Each row is an operation on a batch of n × n matrices, or with --single on one matrix. The ratio is
jax.numpy's time over ours (above 1 is a win, losses are printed beside wins), with its quartiles
over interleaved runs after a warm-up; compile times stand in columns of their own. The gradient
column is the same ratio for the reverse-mode gradient of the sum of the outputs (of eigenvalues,
singular values, |R|), on fewer matrices. Each row has a process of its own: on a CPU the batched
LAPACK calls behind jax.numpy's solve and inv may wait for each other for ever (jax 0.10.2), and so
may their gradients; such a gradient is left out. With --single, programs are run in the calling
thread (jax_cpu_enable_async_dispatch off): jax hands those of 1,000 operations or more to another
one, and waiting for that takes 50 µs of a small matrix's 10.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

OPERATIONS = ("matmul", "solve", "inv", "det", "cholesky", "eigh", "svd", "qr")
SIZES = dict.fromkeys(OPERATIONS, (2, 3, 4, 8)) | {"matmul": (3, 4, 5, 6, 7, 8)}
SINGLE_SIZES = (16, 64, 256, 1024)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("operations", nargs="*", metavar="operation", help=f"of {', '.join(OPERATIONS)}")
    p.add_argument(
        "--sizes", type=int, nargs="+", metavar="N", help="2 3 4 8; of matmul 3 to 8, if not given"
    )
    p.add_argument("--single", action="store_true", help="one matrix, n = 16 to 1024, no batch")
    p.add_argument("--batch", type=int, default=20_000, help="matrices in a batch (%(default)s)")
    p.add_argument(
        "--gradient-batch", type=int, default=4096, help="matrices for gradients (%(default)s)"
    )
    p.add_argument("--limit", type=float, default=60.0, help="seconds for one row (%(default)g)")
    p.add_argument("--runs", type=int, default=16, help="interleaved runs (%(default)s)")
    p.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    p.add_argument("--no-gradients", action="store_true", help="leave the gradients out")
    p.add_argument("--json", type=Path, metavar="FILE", help="write every figure as JSON")
    return p


def table(single: bool) -> dict[str, tuple[Callable, Callable, Callable]]:
    """Ours, jax.numpy's and NumPy's, of a pair (A, B) of matrices or of batches of them."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxmath import linalg

    pairs = {
        "matmul": (linalg.matmul, jnp.matmul, np.matmul),
        "solve": (
            lambda A, B: linalg.solve(A, B[0]),
            lambda A, B: jnp.linalg.solve(A, B[0]),
            lambda A, B: np.linalg.solve(A, B[..., 0, :, None])[..., 0],
        ),
    }
    rest = {
        "inv": (linalg.inv, jnp.linalg.inv, np.linalg.inv),
        "det": (linalg.det, jnp.linalg.det, np.linalg.det),
        "cholesky": (linalg.cholesky, jnp.linalg.cholesky, np.linalg.cholesky),
        "eigh": (linalg.eigh, jnp.linalg.eigh, np.linalg.eigh),
        "svd": (
            linalg.svd,
            lambda A: jnp.linalg.svd(A, full_matrices=False),
            lambda A: np.linalg.svd(A, full_matrices=False),
        ),
        "qr": (linalg.qr, jnp.linalg.qr, np.linalg.qr),
    }
    for name, functions in rest.items():
        pairs[name] = tuple(lambda A, B, f=f: f(A) for f in functions)
    mapped = (lambda f: f) if single else jax.vmap
    return {
        name: (mapped(ours), mapped(theirs), numpy) for name, (ours, theirs, numpy) in pairs.items()
    }


def arguments(name: str, n: int, batch: int, dtype: str) -> tuple:
    """A batch of random matrices, definite for cholesky and symmetric for eigh."""
    import numpy as np

    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, batch, n, n))
    if name == "cholesky":
        A = A @ A.swapaxes(1, 2) + np.eye(n)
    if name == "eigh":
        A = (A + A.swapaxes(1, 2)) / 2
    return A.astype(dtype), B.astype(dtype)


def total(name: str, call: Callable) -> Callable:
    """The sum of the outputs; of a decomposition, of what does not depend on the gauge."""
    import jax.numpy as jnp

    part = {"eigh": 0, "svd": 1, "qr": 1}

    def scalar(A: Any, B: Any) -> Any:
        out = call(A, B)
        out = out[part[name]] if name in part else out
        return jnp.sum(jnp.abs(out) if name == "qr" else out)

    return scalar


def compiled(fn: Callable, args: tuple) -> tuple[Callable, float]:
    """The compiled function and the seconds that took."""
    import jax

    began = time.perf_counter()
    program = jax.jit(fn).lower(*args).compile()
    return program, time.perf_counter() - began


def interleaved(calls: list[Callable], args: tuple, runs: int) -> list[list[float]]:
    """Seconds of each call in each run, in turn, after a warm-up.

    Every other run has the calls the other way round: of two equal ones the first took 3 % longer.
    """
    import jax

    for call in calls:
        jax.block_until_ready(call(*args))
    seconds: list[list[float]] = [[] for _ in calls]
    for run in range(runs):
        for call, kept in list(zip(calls, seconds, strict=True))[:: -1 if run % 2 else 1]:
            began = time.perf_counter()
            jax.block_until_ready(call(*args))
            kept.append(time.perf_counter() - began)
    return seconds


def measure(name: str, n: int, options: argparse.Namespace) -> dict:
    """One row."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    ours, theirs, numpy = table(options.single)[name]
    host = arguments(name, n, 1 if options.single else options.batch, options.dtype)
    host = tuple(x[0] for x in host) if options.single else host
    args = tuple(jnp.asarray(x) for x in host)
    program, compile_s = compiled(ours, args)
    peer, peer_compile_s = compiled(theirs, args)
    a, b = interleaved([program, peer], args, options.runs)
    (c,) = interleaved([numpy], host, min(3, options.runs))
    row = {"operation": name, "n": n, "compile_s": compile_s, "jnp_compile_s": peer_compile_s}
    row |= {"ours_ms": 1e3 * np.median(a), "jnp_ms": 1e3 * np.median(b)}
    row |= {"numpy_ms": 1e3 * np.median(c)}
    row["ratio"] = [float(q) for q in np.quantile(np.divide(b, a), (0.25, 0.5, 0.75))]
    if not options.no_gradients:
        if not options.single:
            args = tuple(x[: options.gradient_batch] for x in args)
        gradients = [
            compiled(jax.grad(total(name, call), argnums=(0, 1)), args)[0]
            for call in (ours, theirs)
        ]
        a, b = interleaved(gradients, args, options.runs)
        row["gradient_ratio"] = [float(q) for q in np.quantile(np.divide(b, a), (0.25, 0.5, 0.75))]
    return row


def measure_apart(name: str, n: int, options: argparse.Namespace) -> dict:
    """One row from a process of its own; without gradients where a program does not come back."""
    shared = ["--batch", options.batch, "--gradient-batch", options.gradient_batch]
    shared += ["--runs", options.runs, "--dtype", options.dtype]
    shared += ["--single"] if options.single else []
    attempts = [["--no-gradients"]] if options.no_gradients else [[], ["--no-gradients"]]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "row.json"
        for more in attempts:
            command = [sys.executable, __file__, name, "--sizes", n, "--json", file, *shared, *more]
            try:
                subprocess.run(
                    list(map(str, command)), timeout=options.limit, check=True, capture_output=True
                )
            except subprocess.TimeoutExpired:
                continue
            return json.loads(file.read_text())["rows"][0]
    raise ValueError(f"{name}, n = {n}: no result within --limit {options.limit:g} s")


def run(options: argparse.Namespace) -> int:
    """Measure, print, write; the exit code."""
    import jax
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from jaxmath import _files
    from jaxmath.benchmark import environment

    if options.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    if options.single:
        jax.config.update("jax_cpu_enable_async_dispatch", False)
    names = options.operations or list(OPERATIONS)
    for name in names:
        if name not in OPERATIONS:
            raise ValueError(f"no operation '{name}': choose of {', '.join(OPERATIONS)}")
    for name in ("batch", "gradient_batch", "runs"):
        if getattr(options, name) < 1:
            flag = "--" + name.replace("_", "-")
            raise ValueError(f"{flag} must be at least 1, got {getattr(options, name)}")
    if not options.limit > 0:
        raise ValueError(f"--limit must be above 0, got {options.limit:g}")
    if options.sizes and min(options.sizes) < 1:
        raise ValueError(f"--sizes must be at least 1, got {min(options.sizes)}")
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.touch()
    keys = ["single"] if options.single else ["batch", "gradient_batch"]
    keys += ["dtype", "runs"]
    where = environment() | {key: getattr(options, key) for key in keys}
    sizes = dict.fromkeys(OPERATIONS, SINGLE_SIZES) if options.single else SIZES
    plan = [(name, n) for name in names for n in options.sizes or sizes[name]]
    progress = Console(stderr=True)
    one_row = measure if len(plan) == 1 else measure_apart
    rows = [
        one_row(name, n, options)
        for name, n in track(plan, "measuring", console=progress, transient=True)
    ]
    console = _files.console()
    shown = Table(title="jax.numpy's time over ours: above 1 is a win", caption="quartiles behind")
    for heading in ("operation", "n", "ratio", "gradient", "ours ms", "jnp ms", "numpy ms"):
        shown.add_column(heading, justify="left" if heading == "operation" else "right")
    shown.add_column("compile s (jnp)", justify="right")
    spread = lambda q: f"{q[1]:.2f} ({q[0]:.2f}–{q[2]:.2f})"
    for row in rows:
        shown.add_row(
            row["operation"], str(row["n"]), spread(row["ratio"]),
            spread(row["gradient_ratio"]) if "gradient_ratio" in row else "–",
            *(f"{row[key]:.2f}" for key in ("ours_ms", "jnp_ms", "numpy_ms")),
            f"{row['compile_s']:.2f} ({row['jnp_compile_s']:.2f})",
        )  # fmt: skip
    console.print(shown)
    losses = sum(row["ratio"][1] < 1 for row in rows)
    console.print(
        f"{len(rows)} rows, {losses} below 1; " + ", ".join(f"{k} {v}" for k, v in where.items())
    )
    if options.json is not None:
        options.json.write_text(json.dumps({"where": where, "rows": rows}, indent=1) + "\n")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Mistakes in the arguments are one line and exit code 2."""
    from jaxmath._files import print_anyway

    print_anyway()
    try:
        return run(parser().parse_args(argv))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
