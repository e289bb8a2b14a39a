"""Checkpoints: exact, refused where they do not fit, and as good as no interruption at all."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import train
from jaxmath.train import _epoch, checkpoint
from tests.train import killed, toy
from tests.train import problems as p

ROOT = Path(__file__).resolve().parents[2]


def _tree(fill: float) -> dict:
    return {
        "layers": [(jnp.full((3, 2), fill), jnp.full(2, fill, jnp.bfloat16)), ()],
        "count": jnp.int32(fill),
        "nothing": jnp.zeros((0, 4)),
        "flag": jnp.array(fill > 0),
        "key": jax.random.key(int(fill)),
        "keys": jax.random.split(jax.random.key(int(fill), impl="rbg"), 3),
        "scale": jnp.asarray(fill, jnp.float32),
    }


def test_round_trip_is_exact(tmp_path):
    metadata = {"config": {"sizes": [4, 6, 3]}, "mean": [0.1, 1 / 3], "seed": 7}
    path = train.save_checkpoint(tmp_path, _tree(3.0), step=5, metadata=metadata)
    assert path == tmp_path / "5"
    tree, found = train.restore_checkpoint(tmp_path, _tree(0.0))
    p.assert_same(tree, _tree(3.0))
    assert found == metadata
    assert jax.random.uniform(tree["key"]) == jax.random.uniform(jax.random.key(3))


def test_the_two_newest_are_kept_and_named(tmp_path):
    for step in (1, 2, 3):
        train.save_checkpoint(tmp_path, {"w": jnp.full(2, step)}, step=step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]
    tree, _ = train.restore_checkpoint(tmp_path, {"w": jnp.zeros(2, int)}, step=2)
    np.testing.assert_array_equal(tree["w"], [2, 2])
    with pytest.raises(train.CheckpointError, match=r"no checkpoint 1 in .*; there are \[2, 3\]"):
        train.restore_checkpoint(tmp_path, {"w": jnp.zeros(2, int)}, step=1)


def test_numbers_wider_than_jax_holds_them(tmp_path):
    """Integers that would be cut are refused by name; floats are rounded, as jax does it."""
    with jax.enable_x64(False):
        for wide in (np.array([1, 2**40 + 5]), 2**40 + 5):
            with pytest.raises(
                ValueError, match=r"^save_checkpoint: tree\['n'\] has the integer 1099511627781, w"
            ):
                train.save_checkpoint(tmp_path, {"n": wide}, step=1)
        train.save_checkpoint(tmp_path, {"n": np.arange(3), "a": np.float64(0.1), "b": 2}, step=1)
        template = {"n": jnp.zeros(3, int), "a": jnp.zeros(()), "b": jnp.array(0)}
        tree, _ = train.restore_checkpoint(tmp_path, template)
    assert {name: str(a.dtype) for name, a in tree.items()} == {
        "n": "int32", "a": "float32", "b": "int32"
    }  # fmt: skip
    np.testing.assert_array_equal(tree["n"], [0, 1, 2])
    assert (float(tree["a"]), int(tree["b"])) == (float(np.float32(0.1)), 2)
    with pytest.raises(
        TypeError, match=r"^save_checkpoint: tree\['n'\] must be an array of numbers"
    ):
        train.save_checkpoint(tmp_path, {"n": "three"}, step=1)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("tree", [{}, (), {"a": np.zeros((0, 3)), "b": np.zeros(0, np.int32)}])
def test_a_tree_without_elements(tmp_path, tree):
    train.save_checkpoint(tmp_path, tree, step=1, metadata={"seed": 3})
    again, metadata = train.restore_checkpoint(tmp_path, tree)
    p.assert_same(again, jax.tree.map(jnp.asarray, tree))
    assert metadata == {"seed": 3}


@pytest.mark.parametrize(("name", "value", "message"), [
    ("step", -1, "at least 0, got -1"),
    ("step", 1.5, "an integer, got float"),
    ("step", True, "an integer, got bool"),
    ("metadata", [1], "a dictionary, got list"),
    ("metadata", {"seed": np.arange(2)}, "what JSON can say: .*"),
])  # fmt: skip
def test_a_number_and_metadata_that_are_none(tmp_path, name, value, message):
    arguments = {"step": 1, name: value}
    with pytest.raises(
        (TypeError, ValueError), match=f"^save_checkpoint: argument `{name}` must be {message}$"
    ):
        train.save_checkpoint(tmp_path, {"w": jnp.ones(2)}, **arguments)
    assert not list(tmp_path.iterdir())
    if name == "step":
        with pytest.raises(
            (TypeError, ValueError), match=f"^restore_checkpoint: argument `step` must be {message}"
        ):
            train.restore_checkpoint(tmp_path, {"w": jnp.ones(2)}, step=value)


def test_what_a_killed_save_left_goes_with_the_next_save(tmp_path):
    """Not with a restoration, for another process may be at work there."""
    train.save_checkpoint(tmp_path, {"w": jnp.ones(2)}, step=1)
    left = tmp_path / "2.orbax-checkpoint-tmp" / "arrays.orbax-checkpoint-tmp"
    left.mkdir(parents=True)
    train.restore_checkpoint(tmp_path, {"w": jnp.zeros(2)})
    assert left.is_dir()
    train.save_checkpoint(tmp_path, {"w": jnp.ones(2)}, step=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]


def test_another_tree_is_refused_before_arrays_are_read(tmp_path):
    path = train.save_checkpoint(tmp_path, {"a": jnp.ones(3), "b": jnp.ones(2)}, step=1)
    for file in (path / "arrays").rglob("*"):
        if file.is_file():
            file.write_bytes(b"")  # nothing that could be read
    with pytest.raises(
        train.CheckpointError,
        match=r"another model.*: c is missing, b is unknown here, a is float64\(3,\) instead of",
    ):
        train.restore_checkpoint(tmp_path, {"a": jnp.ones(4), "c": jnp.ones(2)})


def test_a_directory_with_checkpoints_is_not_overwritten(tmp_path):
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "mode": "scan", "progress": False}
    options["checkpoint_dir"] = tmp_path
    first = train.fit(toy.toy(), toy.step, toy.DATA, **options)
    assert first.checkpoint == tmp_path / "1"
    with pytest.raises(train.CheckpointError, match="pass resume=True, or another directory"):
        train.fit(toy.toy(), toy.step, toy.DATA, **options)
    again = train.fit(toy.toy(), toy.step, toy.DATA, **options, resume=True)
    p.assert_same(again.state, first.state)
    blocked = tmp_path / "file"
    blocked.write_text("")
    never = lambda *row: pytest.fail("an epoch was trained")
    for place in (blocked / "x", blocked):
        options |= {"checkpoint_dir": place, "callback": never}
        with pytest.raises(train.CheckpointError, match=r"^the directory .* cannot be used: \["):
            train.fit(toy.toy(), toy.step, toy.DATA, **options)


def test_a_folder_that_is_a_pattern_is_refused(tmp_path):
    """There orbax would not find what it wrote; what was moved there is found."""
    never = lambda *row: pytest.fail("an epoch was trained")
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "progress": False}
    for place in (tmp_path / "[x]" / "run", tmp_path / "a*"):
        (tmp_path / "ab").mkdir(exist_ok=True)
        with pytest.raises(train.CheckpointError, match=r"cannot be used: in its name \*, \? or"):
            train.fit(
                toy.toy(), toy.step, toy.DATA, checkpoint_dir=place, callback=never, **options
            )
        with pytest.raises(train.CheckpointError, match=r"cannot be used: in its name \*, \? or"):
            train.save_checkpoint(place, {"w": jnp.ones(2)}, step=1)
        assert not list(place.iterdir())
    train.save_checkpoint(tmp_path / "ab", {"w": jnp.ones(2)}, step=1)
    (tmp_path / "ab").rename(tmp_path / "[y]")
    tree, _ = train.restore_checkpoint(tmp_path / "[y]", {"w": jnp.zeros(2)})
    np.testing.assert_array_equal(tree["w"], [1.0, 1.0])


def test_leaves_at_one_path_are_refused_before_the_first_step(tmp_path):
    tree = {"a.b": jnp.zeros(2), "a": {"b": jnp.zeros(2)}}
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "progress": False}
    with pytest.raises(ValueError, match=r"^fit: argument `state` must have one .* got 2 at a\.b$"):
        train.fit(tree, toy.step, toy.DATA, checkpoint_dir=tmp_path, **options)
    with pytest.raises(ValueError, match=r"^save_checkpoint: argument `tree` .* got 2 at a\.b$"):
        train.save_checkpoint(tmp_path, tree, step=1)
    with pytest.raises(ValueError, match=r"^restore_checkpoint: argument `template` must have one"):
        train.restore_checkpoint(tmp_path, tree)
    assert not list(tmp_path.iterdir())


def test_a_measure_of_some_epochs_is_nan_in_the_others(tmp_path):
    """Resumed with one measure less, and one more: a row an epoch in every column."""

    def step(state, batch, key):
        state, metrics = toy.step(state, batch, key)
        return state, {"loss": metrics["loss"], "new": jnp.float32(1.0)}

    options = {"batch_size": 4, "key": toy.KEY, "mode": "scan", "progress": False}
    options["checkpoint_dir"] = tmp_path
    train.fit(toy.toy(), toy.step, toy.DATA, num_epochs=2, **options)
    history = train.fit(toy.toy(), step, toy.DATA, num_epochs=5, resume=True, **options).history
    rows = {name: np.isfinite(values).tolist() for name, values in history.items()}
    assert rows == {
        "loss": [True] * 5, "sum": [True] * 2 + [False] * 3, "new": [False] * 2 + [True] * 3
    }  # fmt: skip


def test_a_run_that_broke_is_not_saved(tmp_path):
    """Epochs of 3 steps, one a call at first; step 7 is bad."""
    options = {"num_epochs": 9, "batch_size": 4, "key": toy.KEY, "mode": "scan", "progress": False}
    with pytest.warns(RuntimeWarning, match="the last good checkpoint: ") as caught:
        result = train.fit(
            toy.toy(bad_state=7),
            toy.step,
            toy.DATA,
            checkpoint_dir=tmp_path,
            checkpoint_every=0.0,
            **options,
        )
    assert str(result.checkpoint) in str(caught[0].message)
    # Whole epochs before the bad one, and no save of the end.
    assert {path.name for path in tmp_path.iterdir()} <= {"1", "2"}
    checkpoints = checkpoint.Checkpoints(tmp_path)
    run = _epoch.start(toy.toy(), toy.KEY, None, False)
    saved, _ = checkpoints.restore(run)
    checkpoints.close()
    assert float(saved.state.params["w"][0]) == 3.0 * int(result.checkpoint.name)
    assert int(saved.bad_step) == -1


def test_a_bad_step_after_other_batches_is_reported(tmp_path):
    """Two epochs of 3 steps, then of 5: step 8, the third of its epoch, sums two examples."""
    options = {"key": toy.KEY, "mode": "scan", "progress": False, "checkpoint_dir": tmp_path}
    state = toy.toy(bad_loss=8)
    train.fit(state, toy.step, toy.DATA, num_epochs=2, batch_size=4, **options)
    seen = []

    def step(state, batch, key):
        jax.debug.callback(lambda n, x: seen.append((int(n), float(x.sum()))), state.steps, batch.x)
        return toy.step(state, batch, key)

    options |= {"num_epochs": 4, "batch_size": 2, "resume": True}
    with pytest.warns(RuntimeWarning, match=r"at step 8 \(epoch 3\)") as caught:
        result = train.fit(state, step, toy.DATA, **options)
    jax.effects_barrier()
    assert (result.bad_step, int(result.state.steps)) == (8, 8)
    sums = {total for n, total in seen if n == 8}
    assert len(sums) == 1
    assert f"(that step's loss nan, sum {sums.pop():.3g})" in str(caught[0].message)


def test_what_was_nan_from_the_start_may_stay_so(tmp_path):
    """An optimizer's figure that is not known yet, say; of more NaN the run is not saved."""
    options = {"num_epochs": 2, "batch_size": 4, "key": toy.KEY, "mode": "scan", "progress": False}
    state = toy.toy()._replace(start=jnp.array([jnp.nan, 1.0]))
    result = train.fit(state, toy.step, toy.DATA, checkpoint_dir=tmp_path / "a", **options)
    assert result.checkpoint == tmp_path / "a" / "2"
    options["num_epochs"] = 3
    options |= {"checkpoint_dir": tmp_path / "a", "resume": True}
    assert train.fit(state, toy.step, toy.DATA, **options).epochs == 3

    spoilt = optax.GradientTransformation(
        lambda params: jnp.array([jnp.nan, 0.0]), lambda grads, state, params: (grads, 0 / state)
    )
    train_fn, _ = train.adapt(lambda params, x: params * x)
    step = train.supervised_step(train_fn, lambda y, target: y - target, spoilt)
    state = train.init_state(toy.KEY, jnp.array(1.0), optimizer=spoilt)
    options = {"num_epochs": 1, "batch_size": 4, "mode": "scan", "progress": False}
    with pytest.raises(train.CheckpointError, match=r"NaN in .opt_state after epoch 1 and is not"):
        train.fit(state, step, toy.DATA, checkpoint_dir=tmp_path / "b", **options)


def test_an_optimizer_that_holds_nan_is_not_saved(tmp_path):
    """Its parameters are finite, so no step is bad."""
    spoilt = optax.GradientTransformation(
        lambda params: jnp.zeros(2), lambda grads, state, params: (grads, state + jnp.nan)
    )
    train_fn, _ = train.adapt(lambda params, x: params * x)
    step = train.supervised_step(train_fn, lambda y, target: y - target, spoilt)
    state = train.init_state(toy.KEY, jnp.array(1.0), optimizer=spoilt)
    options = {"num_epochs": 1, "batch_size": 4, "mode": "scan", "progress": False}
    with pytest.raises(train.CheckpointError, match=r"NaN in .opt_state after epoch 1 and is not"):
        train.fit(state, step, toy.DATA, checkpoint_dir=tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_what_changes_after_a_save_has_begun_is_not_in_it(tmp_path, monkeypatch):
    """Neither the arrays nor the history: both are written in the background."""
    begun = []
    monkeypatch.setattr(
        "orbax.checkpoint.CheckpointManager.save",
        lambda self, step, *, args, force: begun.append(args),
    )
    history, w = {"loss": [1.0]}, np.ones(2)
    checkpoints = checkpoint.Checkpoints(tmp_path)
    checkpoints.save(1, {"w": w}, {"history": history})
    history["loss"].append(2.0)
    w += 1.0
    (args,) = begun
    assert args["record"].item["metadata"] == {"history": {"loss": [1.0]}}
    np.testing.assert_array_equal(args["arrays"].item["w"], [1.0, 1.0])


def test_a_failed_save_in_the_background_surfaces(tmp_path, monkeypatch):
    """The error comes at the next call's boundary, with all that was reached."""

    def fail(self):
        raise OSError(28, "No space left on device")

    options = {"num_epochs": 90, "batch_size": 4, "key": toy.KEY, "mode": "scan"}
    monkeypatch.setattr("orbax.checkpoint.CheckpointManager.check_for_errors", fail)
    with pytest.raises(train.CheckpointError, match=r"No space left.*last good one: none") as info:
        train.fit(toy.toy(), toy.step, toy.DATA, progress=False, checkpoint_dir=tmp_path, **options)
    assert info.value.result.epochs == 1
    assert float(info.value.result.state.params["w"][0]) == 3.0


def _child(directory: Path, *words: str) -> subprocess.CompletedProcess:
    env = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "tests.train.killed", str(directory), *words]
    return subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False
    )


def _assert_same_run(a: train.FitResult, b: train.FitResult) -> None:
    p.assert_same(a.state, b.state)
    p.assert_same(a.best, b.best)
    p.assert_same(a.history, b.history)
    assert (a.epochs, a.best_epoch) == (b.epochs, b.best_epoch)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return killed.run(tmp_path_factory.mktemp("whole") / "run")


def test_killed_in_a_save_or_out_of_disk_nothing_is_lost(tmp_path, uninterrupted):
    directory = tmp_path / "run"
    child = _child(directory, "save", "disk")
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert "ALIVE" not in child.stdout
    # The full disk, on the way: one line, with the epochs that were done.
    (line,) = child.stdout.splitlines()
    words = line.split()
    assert words[0] == "FULL"
    assert int(words[2]) == 4 * int(words[1]) > 0  # four steps an epoch
    assert "could not be written" in line
    assert "the last good one: none" in line
    assert not list((tmp_path / "run-full").iterdir())  # no more of the disk is taken
    # The kill: an unfinished directory beside a whole one.
    names = [path.name for path in directory.iterdir()]
    assert "1" in names
    assert any("tmp" in name for name in names), names
    epochs = []
    resumed = killed.run(directory, resume=True, callback=lambda epoch, row: epochs.append(epoch))
    assert epochs == [2, 3, 4, 5, 6, 7, 8]
    _assert_same_run(resumed, uninterrupted)


@pytest.mark.full
@pytest.mark.parametrize("when", ["1", "2", "4", "6", "7"])
def test_killed_at_any_moment_the_run_ends_the_same(tmp_path, uninterrupted, when):
    directory = tmp_path / "run"
    assert _child(directory, when).returncode == -signal.SIGKILL
    _assert_same_run(killed.run(directory, resume=True), uninterrupted)


def test_what_comes_again_is_swept_too(tmp_path):
    """Threads of a save that failed go on for a while, and make its directory anew."""
    checkpoints = checkpoint.Checkpoints(tmp_path)
    left = tmp_path / "1.orbax-checkpoint-tmp" / "arrays"

    def write():
        for i in range(20):
            left.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                (left / str(i)).write_text("late")
            time.sleep(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    checkpoints._sweep(quiet=20)
    writer.join()
    checkpoints.close()
    assert not left.parent.exists()
