"""Rows of ``jaxmath.datasets``: generators and maps as functions, the rest is host data."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import datasets
from tests.contract.row import Bad, HostRow, Row, key

BUNDLED = "tests/datasets/test_bundled.py::test_facts"
DATASET = "tests/datasets/test_dataset.py"
GENERATED = "tests/datasets/test_generated.py"
MIXTURES = "tests/datasets/test_gaussian_mixtures.py"
PARTS = "tests/datasets/test_parts.py"
SPLITS = "tests/datasets/test_splits.py"
STANDARDIZATION = "tests/datasets/test_standardization.py"
KEY = jax.random.key(0)
BAD = (
    Bad((0, 4), "argument `key`", TypeError),
    Bad((KEY, 0), "argument `n` must be at least 1"),
    Bad((KEY, 4.0), "argument `n` must be an integer", TypeError),
)


def generated(name: str, evidence: str, module: str = GENERATED) -> Row:
    fn = getattr(datasets, name)

    def call(key: Any, noise: Any) -> Any:
        data = fn(key, 4, noise=noise, dtype=noise.dtype)
        # Bits, as the labels have no tangents.
        return data.x, data.y if name == "noisy_sine" else data.y.astype(noise.dtype)

    return Row(
        f"datasets.{name}",
        lambda rng, dtype: (key(rng), jnp.asarray(rng.uniform(0.1, 0.5), dtype)),
        diff=(1,),
        bad=BAD,
        call=call,
        evidence=f"{module}::{evidence}",
    )


def centers_row(name: str, scale: str, count: str) -> Row:
    """The scale is the array; the number of points is static."""
    fn = getattr(datasets, name)
    return Row(
        f"datasets.{name}",
        lambda rng, dtype: (jnp.asarray(rng.uniform(0.5, 2), dtype),),
        bad=(
            Bad((0,), f"argument `{count}` must be at least 1"),
            Bad((2.5,), f"argument `{count}` must be an integer", TypeError),
        ),
        call=lambda value: fn(3, **{scale: value}, dtype=value.dtype),
        evidence=f"{MIXTURES}::test_{name}",
    )


def make_affine(rng: np.random.Generator, dtype: Any) -> tuple:
    mean, scale, x = rng.standard_normal(3), rng.uniform(0.5, 2, 3), rng.standard_normal((2, 3))
    fitted = datasets.Standardization(jnp.asarray(mean, dtype), jnp.asarray(scale, dtype))
    return fitted, jnp.asarray(x, dtype)


FITTED = datasets.Standardization(np.zeros(3), np.ones(3))

ROWS = [
    HostRow("datasets.Dataset", "a record", (f"{DATASET}::test_record_is_a_pytree",)),
    HostRow("datasets.Standardization", "a record", (f"{STANDARDIZATION}::test_fits",)),
    HostRow("datasets.check_dataset", "a check on the host", (f"{DATASET}::test_refuses",)),
    HostRow(
        "datasets.fit_standardization", "statistics on the host", (f"{STANDARDIZATION}::test_fits",)
    ),
    HostRow("datasets.Parts", "a record", (f"{PARTS}::test_parts_by_hand",)),
    HostRow("datasets.load", "reads files", ("tests/datasets/test_named.py::test_every_name",)),
    HostRow("datasets.standardized_parts", "on the host", (f"{PARTS}::test_parts_by_hand",)),
    HostRow("datasets.split", "indexes data on the host", (f"{SPLITS}::test_keeps_the_shares",)),
    *(
        HostRow(f"datasets.{name}", "reads a file on the host, once", (BUNDLED,))
        for name in ("breast_cancer", "diabetes", "digits", "iris", "mnist_5k", "wine")
    ),
    HostRow(
        "datasets.image_folder",
        "reads files on the host",
        ("tests/datasets/test_folders.py::test_reads_classes_and_pixels",),
    ),
    HostRow(
        "datasets.openml",
        "downloads and reads a file on the host, once",
        ("tests/datasets/test_downloads.py::test_pixels_and_names",),
    ),
    Row(
        "datasets.blobs",
        lambda rng, dtype: (
            key(rng),
            jnp.asarray(rng.standard_normal((2, 2)), dtype),
            jnp.asarray(rng.uniform(0.1, 0.5), dtype),
        ),
        diff=(1, 2),
        bad=(
            Bad((0, 4, np.zeros((2, 2))), "argument `key`", TypeError),
            Bad((KEY, 0, np.zeros((2, 2))), "argument `n` must be at least 1"),
            Bad((KEY, 4, np.zeros(2)), "argument `centers` must have rank 2"),
        ),
        call=lambda key, centers, noise: (
            datasets.blobs(key, 4, centers, noise=noise, dtype=noise.dtype).x
        ),
        evidence=f"{GENERATED}::test_blobs",
    ),
    generated("gaussian_grid", "test_modes", MIXTURES),
    generated("gaussian_ring", "test_modes", MIXTURES),
    centers_row("grid_centers", "spacing", "side"),
    centers_row("ring_centers", "radius", "num_modes"),
    generated("noisy_sine", "test_noisy_sine"),
    generated("spirals", "test_spirals"),
    generated("two_moons", "test_two_moons"),
    generated("xor", "test_xor"),
    Row(
        "datasets.standardize",
        make_affine,
        lambda fitted, x: (x - fitted.mean) / fitted.scale,
        diff=(0, 1),
        bad=(
            Bad((FITTED, np.zeros((3, 2))), r"argument `x` must have shape \(…, 3\)"),
            Bad((FITTED, 1.0), "argument `x` must have shape"),
            Bad((FITTED, object()), "argument `x` must be an array", TypeError),
        ),
    ),
    Row(
        "datasets.unstandardize",
        make_affine,
        lambda fitted, z: fitted.mean + fitted.scale * z,
        diff=(0, 1),
        bad=(
            Bad((FITTED, np.zeros((3, 2))), r"argument `z` must have shape \(…, 3\)"),
            Bad((FITTED, object()), "argument `z` must be an array", TypeError),
        ),
    ),
]
