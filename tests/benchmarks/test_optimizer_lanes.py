"""The benchmark of lanes at a tiny size: both programs find what there is to find."""

import importlib.util
from pathlib import Path

import jax
import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_programs_solve_the_same_lanes(monkeypatch):
    module = load("optimizer_lanes")
    monkeypatch.setattr(module, "PROBLEMS", ("booth",))
    monkeypatch.setattr(module, "OPTIMIZERS", ("sgd", "adam"))
    with jax.enable_x64(False):
        bare = module.bare(num_rates=3, num_seeds=4, num_steps=500)
        ours = module.ours(num_rates=3, num_seeds=4, num_steps=500, num_records=2)
    # Other starts, so not the same numbers: but where a setting converges, it does in both.
    for a, b in zip(bare, ours, strict=True):
        assert a.shape == b.shape == (3, 4)
        assert np.array_equal(np.median(a, axis=1) < 1e-6, np.median(b, axis=1) < 1e-6)


def test_import_time_prints_and_writes(tmp_path, capsys):
    path = tmp_path / "import.json"
    assert load("import_time").main(["--repeats", "1", "--output", str(path)]) == 0
    assert "asked: at most +0.3" in capsys.readouterr().out
    assert path.exists()
