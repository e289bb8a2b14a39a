"""Rows of the sequences of ``jaxmath.datasets``: tasks from a key, text on the host."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxmath import datasets
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key

IMAGES = "tests/datasets/test_image_sequences.py"
SERIES = "tests/datasets/test_time_series.py"
TASKS = "tests/datasets/test_sequence_tasks.py"
TEXT = "tests/datasets/test_text.py"
TEXTS = "tests/datasets/test_text_sequences.py"
KEY = jax.random.key(0)
DRAW = NotDifferentiable("a random draw: no argument is real")


def task(name: str, evidence: str, size: int, sizes: str, real: bool = True, **static: Any) -> Row:
    """A task of 3 sequences; the second argument carries the dtype."""
    fn = partial(getattr(datasets, name), **static)
    more = lambda like: {"dtype": like.dtype} if real else {}
    return Row(
        f"datasets.{name}",
        lambda rng, dtype: (key(rng), jnp.zeros((), dtype)),
        diff=DRAW,
        bad=(
            Bad((0, 3, size), "argument `key`", TypeError),
            Bad((KEY, 0, size), "argument `n` must be at least 1"),
            Bad((KEY, 3, 0), f"argument `{sizes}` must be at least"),
            Bad((KEY, 3, 4.0), f"argument `{sizes}` must be an integer", TypeError),
        ),
        call=lambda key, like: tuple(fn(key, 3, size, **more(like))),
        evidence=evidence,
        note="the second argument carries the dtype",
    )


def host(name: str, reason: str, evidence: str) -> HostRow:
    return HostRow(f"datasets.{name}", reason, (evidence,))


ROWS: list[Any] = [
    task("adding_problem", f"{TASKS}::test_adding_problem", 5, "num_steps"),
    task("copy_memory", f"{TASKS}::test_copy_memory", 2, "delay", real=False),
    task("parity", f"{TASKS}::test_parity", 5, "num_steps"),
    task(
        "mackey_glass",
        f"{SERIES}::test_is_that_of_scipy",
        5,
        "num_steps",
        delay=2,
        resolution=1,
        washout=3,
    ),
    Row(
        "datasets.sine_series",
        lambda rng, dtype: (key(rng), *jnp.asarray(rng.uniform(1.0, 2.0, 2), dtype)),
        diff=(1, 2),
        bad=(
            Bad((0, 3, 5), "argument `key`", TypeError),
            Bad((KEY, 0, 5), "argument `n` must be at least 1"),
            Bad((KEY, 3, 0), "argument `num_steps` must be at least 1"),
        ),
        call=lambda key, period, noise: tuple(
            datasets.sine_series(key, 3, 5, period=period, noise=noise, dtype=noise.dtype)
        ),
        evidence=f"{SERIES}::test_sines",
    ),
    host("image_rows", "reshapes host data", f"{IMAGES}::test_rows_and_pixels_by_hand"),
    host("image_pixels", "reshapes host data", f"{IMAGES}::test_rows_and_pixels_by_hand"),
    host("Sequences", "a record: two arrays with names", f"{TEXTS}::test_padded_by_hand"),
    host("Vocabulary", "a record of a string", f"{TEXT}::test_vocabulary_is_static"),
    host("fit_vocabulary", "reads a string", f"{TEXT}::test_vocabulary_is_static"),
    host("encode_text", "reads a string", f"{TEXT}::test_round_trip"),
    host("decode_text", "makes a string", f"{TEXT}::test_round_trip"),
    host("surnames", "reads a file on the host, once", f"{TEXT}::test_surnames"),
    host("text_file", "reads a file on the host", f"{TEXT}::test_reads_files"),
    host("split_texts", "cuts strings on the host", f"{TEXTS}::test_split_is_a_partition"),
    host("padded_texts", "reads strings", f"{TEXTS}::test_padded_by_hand"),
    host("aligned_streams", "cuts host data", f"{TEXTS}::test_streams_go_on"),
]
