"""The benchmark of sequences runs, at a tiny size, and chooses as it says."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import sequence_tasks as bench


def test_smoke(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(bench.TASKS, "adding", lambda: bench.adding(4)._replace(target=9.0))
    # One size for all batches, and a cell whose start compiles fast.
    monkeypatch.setattr(bench, "HELD_OUT", {"validation": (1, 4), "test": (2, 4)})
    path = tmp_path / "out.json"
    bench.main(["--tasks", "adding", "--cells", "clockwork", "--units", "4", "--batch", "4",
                "--steps", "6", "--every", "2", "--json", str(path)])  # fmt: skip
    row = json.loads(path.read_text())["tasks"]["adding"]["cells"]["clockwork"]
    assert row["steps"] == 2  # the target is met at once
    assert len(row["validation"]) == 1
    best = int(np.argmin(row["validation"][0][1]))
    assert row["learning_rate"] == pytest.approx(row["learning_rates"][best])
    assert row["test"] == row["test_of_each"][best]
    assert row["parameters"] == 4 * (2 + 4 + 1) + 4 + 1
    assert "adding     clockwork      test " in capsys.readouterr().out


def test_equal_parameters():
    """As many as the clockwork network uses: its blocks from fast to slow units are idle."""
    h, periods = 16, (1, 2, 4, 8)
    blocks = 4 * (1 + 2 + 3 + 4)  # of 4 × 4 weights
    units = bench.equal_units(h, 1, periods)
    used = h + 4 * blocks + 2 * h
    assert abs(units + units**2 + 2 * units - used) <= units + 2


def test_copy_figure_looks_at_the_symbols_asked_for():
    task = bench.copy(delay=2, length=2, num_symbols=3)
    config = task.config("elman", 2)
    shapes = jax.eval_shape(lambda key: bench.start(key, "elman", config), jax.random.key(0))
    params = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    @jax.jit
    def measured(key):
        batch = task.batch(key, 5)
        return batch, task.figure(params, config, batch)

    (x, y), found = measured(jax.random.key(0))
    assert x.shape == (5, 6, 5)  # all scores alike: the first symbol is the answer
    assert float(found) == pytest.approx(float(np.mean(np.asarray(y)[:, -2:] == 0)))
