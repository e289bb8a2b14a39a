"""The benchmark of the mixtures at its smallest."""

import json

import jax
import numpy as np

from benchmarks import gan_mixtures as bench
from jaxmath import datasets

SMALL = ["--seeds", "2", "--steps", "2", "--batch", "4", "--width", "3", "--depth", "1"]
SMALL += ["--mode", "vmap"]  # which compiles soonest


def test_smallest_run_writes_every_figure(tmp_path, capsys):
    path = tmp_path / "results" / "mixtures.json"
    which = ["--methods", "plain", "--targets", "ring", "--sigmas", "0.1", "--examples", "8"]
    assert bench.main([*SMALL, *which, "--output", str(path)]) == 0
    (row,) = json.loads(path.read_text())["results"]
    assert (row["method"], row["of"], row["asked"], row["steps"]) == ("plain", 8, None, 2)
    assert len(row["modes"]) == len(row["good"]) == 2
    assert row["bad_step"] == [-1, -1]
    assert "of 8" in capsys.readouterr().out


def test_an_exact_sampler_covers_all():
    """P(χ²₂ ≤ 9) = 1 − e^(−9/2) = 98.9 % of 10,000, within 5 standard errors."""
    data = datasets.gaussian_grid(jax.random.key(0), 10_000)
    centers = np.asarray(datasets.grid_centers())
    modes, good = bench.coverage(np.asarray(data.x), centers, 0.1)
    assert modes == 25
    assert abs(good - (1 - np.exp(-4.5))) < 5e-3
    # Nineteen samples of a mode are too few, and none of them is good beyond 3σ.
    few = np.repeat(centers[:2], (20, 19), axis=0)
    assert bench.coverage(few, centers, 0.1) == (1, 1.0)
    assert bench.coverage(few + 0.31, centers, 0.1) == (0, 0.0)
