"""The optimizer benchmark at its smallest, and the arithmetic behind its verdict."""

import json

import numpy as np
import pytest

from benchmarks import optimizer_update as bench


def test_smallest_run_writes_every_figure(tmp_path, capsys):
    path = tmp_path / "results" / "update.json"
    arguments = ["--sizes", "3-2", "--optimizers", "sgd", "adam", "--repeats", "3"]
    assert bench.main([*arguments, "--sample-ms", "0.1", "--output", str(path)]) == 0
    report = json.loads(path.read_text())
    assert {"platform", "device", "jax", "optax", "threads"} <= report["environment"].keys()
    names = [(r["mode"], r["optimizer"]) for r in report["results"]]
    assert names == [("call", "sgd"), ("call", "adam"), ("loop", "sgd"), ("loop", "adam")]
    for r in report["results"]:
        assert min(r["ours_us"], r["optax_us"], r["ours_compile_s"], r["optax_compile_s"]) > 0
        assert r["ratio_interval"][0] <= r["ratio"] <= r["ratio_interval"][1]
        assert r["no_slower"] == (r["ratio_interval"][1] <= bench.LIMIT)
    assert "optimizer" in capsys.readouterr().out


def test_median_interval_covers_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [bench.median_interval(rng.exponential(size=31)) for _ in range(1000)]
    covered = np.mean([low <= np.log(2) <= high for low, high in intervals])
    # At least the nominal 95%, to 5 standard errors, and not vacuously wide.
    assert 0.95 - 5 * np.sqrt(0.95 * 0.05 / 1000) < covered < 0.995


def test_programs_take_turns():
    order = []
    programs = [(lambda k=k: order.append(k), ()) for k in (0, 1)]
    samples = bench.interleaved(programs, repeats=4, sample_s=0.0)
    assert samples.shape == (4, 2)
    assert order[6:] == [1, 0, 0, 1, 1, 0, 0, 1]


def test_bad_sizes_are_refused(capsys):
    with pytest.raises(SystemExit):
        bench.parse(["--sizes", "784-x"])
    assert "'784-x' is not a list of layer widths" in capsys.readouterr().err


def test_loop_makes_its_updates():
    params, gradients = bench.mlp_parameters((2, 1), 0), bench.mlp_parameters((2, 1), 1)
    optimizer = bench.PAIRS["sgd"][0](0.1)
    _, moved = bench.program(optimizer, "loop")(gradients, optimizer.init(params), params)
    want = params[0]["weight"] - 0.1 * bench.LOOP_STEPS * gradients[0]["weight"]
    np.testing.assert_allclose(moved[0]["weight"], want, rtol=1e-5)
