"""The script as a stranger runs it: a small run, Ctrl-C and on, every mistake on one line."""

import contextlib
import csv
import importlib.util
import io
import json
import shutil
import signal
import sys
from pathlib import Path

import absl.logging
import numpy as np
import orbax.checkpoint
import pytest

from jaxmath import train

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "train.py"
RUN = ("softmax", "--dataset", "iris", "--seeds", "2", "--seed", "3", "--epochs", "5")
PICTURES = {"curves.png", "confusion.png", "reliability.png", "mistakes.png"}
TABLES = {"metrics.json", "seeds.csv", "classes.csv", "history.csv", "run.json"}


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("train_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def whole(script, tmp_path_factory):
    """The folder of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("train") / "new" / "folder"
    assert script.main([*RUN, "--out", str(folder)]) == 0
    return folder


def _figures(folder):
    document = json.loads((folder / "metrics.json").read_text())
    assert document.pop("seconds")["training"] > 0
    return document


def test_small_run(whole):
    assert {path.name for path in whole.iterdir()} == PICTURES | TABLES | {"checkpoints"}
    for name in PICTURES:
        assert (whole / name).read_bytes().startswith(b"\x89PNG")
    document = _figures(whole)
    accuracy = document["test"]["accuracy"]
    first, second = accuracy["seeds"]
    assert accuracy["mean"] == pytest.approx((first + second) / 2)
    assert accuracy["standard_error_over_seeds"] == pytest.approx(abs(first - second) / 2)
    assert accuracy["mean"] > 0.5
    assert sum(map(sum, document["confusion"])) == 2 * 30
    hits = sum(row[i] for i, row in enumerate(document["confusion"]))
    assert hits == pytest.approx(60 * accuracy["mean"])
    assert [row["class"] for row in document["classes"]] == ["setosa", "versicolor", "virginica"]
    assert document["examples"] == {"training": 108, "validation": 12, "test": 30}
    assert document["settings"]["batch_size"] == 8
    history = list(csv.DictReader((whole / "history.csv").open()))
    assert [(row["epoch"], row["seed"]) for row in history[:3]] == [
        ("1", "3"), ("1", "4"), ("2", "3")
    ]  # fmt: skip
    assert len(history) == 10
    assert float(history[-1]["validation_loss"]) < float(history[0]["validation_loss"])


def test_an_interrupted_run_goes_on_to_the_bit(script, whole, tmp_path, monkeypatch, capsys):
    """Pressed again in the last epoch, Ctrl-C ends nothing: the run is whole."""
    real, at = train.fit, [1]

    def interrupted(*args, callback, **kwargs):
        def press(epoch, row):
            if epoch == at[0]:
                signal.raise_signal(signal.SIGINT)
            return callback(epoch, row)

        return real(*args, callback=press, **kwargs)

    monkeypatch.setattr(train, "fit", interrupted)
    run = [*RUN, "--out", str(tmp_path)]
    before = signal.getsignal(signal.SIGINT)
    assert script.main(run) == 130
    assert capsys.readouterr().err == (
        "stopping soon, with a checkpoint; once more stops at once\n"
        "interrupted after epoch 1 of 5: --resume goes on from there\n"
    )
    assert signal.getsignal(signal.SIGINT) is before
    at[0] = 5
    assert script.main([*run, "--resume", "--no-plots"]) == 0
    shown = capsys.readouterr()
    assert "interrupted" not in shown.err
    assert "starting anew" not in shown.out
    assert not (tmp_path / "curves.png").exists()
    assert _figures(tmp_path) == _figures(whole)
    for name in ("seeds.csv", "classes.csv", "history.csv"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()
    shutil.rmtree(tmp_path / "checkpoints")
    assert script.main([*run, "--resume", "--no-plots"]) == 0
    line = f"no checkpoint in {tmp_path / 'checkpoints'}: starting anew\n"
    assert line in capsys.readouterr().out


def test_small_network_of_images(script, tmp_path, capsys):
    """Lanes one after another, with batch norm's statistics, on images of another size.

    A game's samples are measured in its features then.
    """
    settings = {
        "dataset": "digits", "image-size": 6, "width": 0.25, "seeds": 2, "epochs": 4,
        "validation": 0, "augment": "none", "out": tmp_path / "cnn",
    }  # fmt: skip
    options = [f"--{name}={value}" for name, value in settings.items()]
    assert script.main(["cnn", "--no-plots", *options]) == 0
    document = _figures(tmp_path / "cnn")
    assert min(document["test"]["accuracy"]["seeds"]) > 0.5
    assert document["settings"]["image_size"] == 6
    game = ["gan", "--dataset=digits", "--no-plots", "--epochs=1", "--hidden=4", "--latent=2"]
    out = ["--out", str(tmp_path / "gan"), "--features", str(tmp_path / "cnn")]
    assert script.main([*game, *out]) == 2
    assert capsys.readouterr().err.startswith(
        f"error: --features: {tmp_path / 'cnn'} holds a run on"
    )
    assert not (tmp_path / "gan").exists()
    assert script.main([*game, *out, "--image-size=6"]) == 0
    document = _figures(tmp_path / "gan")
    assert document["measured_in"] == f"features of {tmp_path / 'cnn'}"
    assert document["test"]["memorization_ratio"]["references"]["true"] == 0
    assert "samples measured in features of" in capsys.readouterr().out


def test_small_network_of_text(script, tmp_path, capsys):
    book = tmp_path / "book.txt"
    out = tmp_path / "[" / "b] out"  # which rich would take for markup
    book.write_text("the cat sat on the mat\n" * 40)
    settings = {
        "dataset": book, "length": 16, "hidden": 8, "epochs": 5, "sample": 20, "out": out
    }  # fmt: skip
    run = ["rnn", *(f"--{name}={value}" for name, value in settings.items())]
    assert script.main(run) == 0
    document = _figures(out)
    assert set(document["test"]) == {"bits_per_character", "loss"}
    assert document["test"]["bits_per_character"]["mean"] < 4.0
    assert {path.name for path in out.iterdir()} == {
        "metrics.json", "seeds.csv", "history.csv", "run.json", "curves.png", "samples.txt",
        "checkpoints",
    }  # fmt: skip
    before = (out / "samples.txt").read_text()
    headings = [line for line in before.splitlines() if line.startswith("---")]
    assert headings == [f"--- after epoch {epoch} ---" for epoch in (2, 3, 4, 5)]
    capsys.readouterr()
    assert (
        script.main([*run, "--resume", "--no-plots", "--temperature", "0", "--prompt", "mat"]) == 0
    )
    shown = capsys.readouterr().out
    after = (out / "samples.txt").read_text()
    last = after.index(headings[-1])
    assert after[:last] == before[: before.index(headings[-1])]
    assert after[last:].startswith(f"{headings[-1]}\nmat")
    assert after[last:].strip() in shown
    assert shown.endswith(f" to {out}\n")


def test_divergence_is_one_line(script, tmp_path, monkeypatch, capsys):
    message = "fit: loss or state not finite at step 1 (epoch 1): stopped there"

    def diverged(state, *args, **kwargs):
        return train.FitResult(state, state, {}, 0, 0, 1, "vmap", message, None)

    monkeypatch.setattr(train, "fit", diverged)
    assert script.main([*RUN, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"error: {message}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", ""], "--dataset '' is no data set"),
        (["--dataset", "digit"], "unknown dataset 'digit': did you mean 'digits'?"),
        (["--dataset", "diabetes"], "diabetes has no classes to tell apart"),
        (["--batch-size", "109"], "--batch-size 109 is larger than the 108 training examples"),
        (["--batch-size", "10", "--devices", "4"],
         "--batch-size 10 is not a multiple of --devices 4"),
        (["--devices", "2", "--seeds", "3"], "--seeds 3 is not a multiple of --devices 2"),
        (["--dropout", "0.1"], "softmax takes no --dropout"),
        (["--prompt", "a"], "--prompt is for text"),
        (["--resume"], "there is no run to resume in "),
        (["--validation", "0.999"], "split: argument `fractions` leaves part 0 empty"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(script, arguments, message, tmp_path, capsys):
    assert script.main([*RUN[:3], "--out", str(tmp_path), *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_not_overwritten_and_not_mixed_up(script, whole, capsys):
    assert script.main([*RUN, "--out", str(whole)]) == 2
    assert f"error: {whole} holds a run: --resume goes on with it" in capsys.readouterr().err
    other = ["mlp", *RUN[1:], "--out", str(whole), "--resume"]
    assert script.main(other) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {whole} holds another run: model was softmax and is mlp, ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("flag", [[], ["--resume"], ["--overwrite"]])
def test_files_of_somebody_else_stay(script, tmp_path, flag, capsys):
    (tmp_path / "metrics.json").write_text("theirs")
    (tmp_path / "checkpoints").mkdir()
    assert script.main([*RUN, "--out", str(tmp_path), *flag]) == 2
    start = f"error: {tmp_path} has metrics.json, checkpoints and no run.json, "
    assert capsys.readouterr().err.startswith(start)
    assert (tmp_path / "metrics.json").read_text() == "theirs"
    assert (tmp_path / "checkpoints").is_dir()


def test_a_profile_is_no_training(script, tmp_path, monkeypatch):
    """As if the trace took an hour more."""
    real, hours = script.time.perf_counter, []
    monkeypatch.setattr(script.time, "perf_counter", lambda: real() + 3600 * len(hours))

    @contextlib.contextmanager
    def trace(*args, **kwargs):
        yield hours.append(1)

    monkeypatch.setattr("jax.profiler.trace", trace)
    assert script.main([*RUN, "--out", str(tmp_path), "--no-plots", "--profile"]) == 0
    seconds = json.loads((tmp_path / "metrics.json").read_text())["seconds"]
    assert len(hours) == 1
    assert 0 < seconds["training"] < 3600


def test_damaged_settings(script, tmp_path, capsys):
    (tmp_path / "run.json").write_text('{"model"')
    assert script.main([*RUN, "--out", str(tmp_path), "--resume"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: {tmp_path / 'run.json'} is damaged: ")
    assert err.count("\n") == 1


def test_no_network(script, monkeypatch, capsys):
    def refuse(name):
        raise ConnectionError(f"openml: '{name}' could not be\nfetched")

    monkeypatch.setattr("jaxmath.datasets.named.openml", refuse)
    assert script.main(["mlp", "--dataset", "mnist"]) == 1
    assert capsys.readouterr().err == "error: openml: 'mnist' could not be fetched\n"


def test_a_full_disk_costs_the_last_checkpoint_only(script, whole, tmp_path, monkeypatch, capsys,
                                                    caplog):  # fmt: skip
    def full(manager):
        real(manager)
        absl.logging.error("a traceback")
        raise OSError(28, "No space left on device")

    real = orbax.checkpoint.CheckpointManager.wait_until_finished
    monkeypatch.setattr(orbax.checkpoint.CheckpointManager, "wait_until_finished", full)
    assert script.main([*RUN, "--out", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    problem = f"the checkpoint {tmp_path / 'checkpoints' / '5'} could not be written"
    assert shown.err.startswith(f"error: {problem} (")
    assert shown.err.count("\n") == 1
    assert not [record for record in caplog.records if record.name == "absl"]
    assert "accuracy" in shown.out
    document, expected = _figures(tmp_path), _figures(whole)
    assert document.pop("message").startswith(problem)
    assert expected.pop("message") == ""
    assert document == expected
    assert {path.name for path in tmp_path.iterdir()} == TABLES | {"checkpoints"}


def test_a_disk_that_is_full_for_the_figures_too(script, tmp_path, monkeypatch, capsys):
    """Both are told on the one line."""
    told = "fit: not finite at step 9: stopped there"
    real_fit = train.fit
    monkeypatch.setattr(train, "fit", lambda *a, **k: real_fit(*a, **k)._replace(message=told))

    def full(*args):
        raise OSError("metrics.json could not be written: No space left on device")

    monkeypatch.setattr(train, "write_figures", full)
    assert script.main([*RUN, "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"error: {told}; metrics.json could not be written: No space left on device\n"
    )


def test_full_disk(script, tmp_path, monkeypatch, capsys):
    def full(*args, **kwargs):
        raise train.CheckpointError("the checkpoint 1 could not be written (no space left)")

    monkeypatch.setattr(train, "fit", full)
    assert script.main([*RUN, "--out", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert err == "error: the checkpoint 1 could not be written (no space left)\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet"], "invalid choice: 'lenet'"),
        (["mlp", "--epochs", "0"], "argument --epochs: '0' is not a positive whole number"),
        (["mlp", "--dropout", "1"], "'1' is not a number at least 0 and below 1"),
        (["mlp", "--learning-rate", "0"], "'0' is not a number above 0"),
        (["mlp", "--learning-rate", "nan"], "'nan' is not a number above 0"),
        (["mlp", "--seed", "-1"], "'-1' is not a whole number from 0 to 2**31 - 1"),
        (["mlp", "--precision", "float16"], "invalid choice: 'float16'"),
        (["mlp", "--resume", "--overwrite"], "not allowed with argument --resume"),
        (["mlp", "--out", ""], "argument --out: '' is no folder; the current one is ."),
        (["mlp", "--features="], "argument --features: '' is no folder; the current one is ."),
    ],
)
def test_wrong_numbers_are_refused(script, arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_help_says_it_all(script, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(["--help"])
    assert stop.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    words = ("MODEL", "softmax regression", "--resume", "mnist_5k", "metrics.json", "Exit codes")
    assert [word for word in words if word not in text] == []


def test_a_terminal_without_such_characters(script, monkeypatch):
    """A question mark stands where one cannot be shown."""
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    with pytest.raises(SystemExit) as stop:
        script.main(["--help"])
    assert stop.value.code == 0
    print("2 × 2", flush=True)
    assert shown.buffer.getvalue().endswith(b"2 ? 2\n")


def test_a_game_is_drawn_from_again(script, tmp_path, capsys):
    """Two seeds; a finished run, resumed, draws as many as it is asked for."""
    run = ("gan", "--hidden", "8", "--epochs", "2", "--batch-size", "2000", "--seeds", "2",
           "--out", str(tmp_path))  # fmt: skip
    assert script.main([*run, "--sample", "20"]) == 0
    pictures = {"curves.png", "samples.png", "samples.gif", "latent.png"}
    files = pictures | TABLES - {"classes.csv"} | {"checkpoints", "samples.npz"}
    assert {path.name for path in tmp_path.iterdir()} == files
    assert np.load(tmp_path / "samples.npz")["frames"].shape == (2, 20, 2)
    shown = capsys.readouterr().out
    assert "covered modes" in shown
    assert "samples measured in coordinates" in shown
    assert script.main([*run, "--sample", "30", "--resume", "--no-plots"]) == 0
    assert np.load(tmp_path / "samples.npz")["frames"].shape == (1, 30, 2)
