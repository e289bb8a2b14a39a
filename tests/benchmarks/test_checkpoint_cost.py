"""The benchmark of checkpoints at its smallest, and its bookkeeping by hand."""

import json

import pytest

from benchmarks import checkpoint_cost as bench


def test_smallest_run_writes_every_figure(tmp_path, capsys):
    path = tmp_path / "results" / "cost.json"
    small = ["--hidden", "2", "--examples", "64", "--batch", "32", "--seconds", "0.01"]
    options = ["--every", "0", "--repeats", "1", "--output", str(path)]
    assert bench.main([*small, *options]) == 0
    report = json.loads(path.read_text())
    # Kernels, biases and Adam's two moments of them, in float32, and its count.
    assert report["state_bytes"] == 3 * 4 * (784 * 2 + 2 + 2 * 2 + 2 + 2 * 10 + 10) + 4
    plain, often = report["results"]
    assert plain["every_s"] is None
    assert often["saves"] >= 1
    assert often["foreground_s_a_save"]["median"] > 0
    assert often["final_save_s"]["median"] > 0
    assert "    0 s" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="too short"):
        bench.sample(_calls((1, 0.0, False), (2, 1.0, False), (2, 1.1, True)), 1)


def _calls(*rows):
    return [
        bench.Boundary(epoch, begin, 0.1, 0.1, 0.0, saved, last=False)
        for epoch, begin, saved in rows
    ]


def test_a_save_is_charged_with_what_its_neighbours_did_not_take():
    """Epochs of 2 s; the save after epoch 3 costs 0.5 s at once and 0.25 s in the next call."""
    begins = [0.0, 2.0, 4.0, 6.5, 8.75, 10.75, 12.75]
    calls = _calls(*((i + 1, begin, i == 2) for i, begin in enumerate(begins)))
    assert bench.around(calls, 2) == pytest.approx([0.75])
    assert bench.around(calls, 1) == pytest.approx([0.5])
    # Calls of two epochs take twice as long.
    calls = _calls((1, 0.0, False), (3, 4.0, True), (5, 8.5, False), (6, 10.5, False))
    assert bench.around(calls, 1) == pytest.approx([0.5])
    assert bench.around(_calls((1, 0.0, True), (2, 2.0, True)), 2) == []
