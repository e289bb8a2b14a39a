"""The script as a stranger runs it: a small run, every mistake on one line, Ctrl-C."""

import importlib.util
import json
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "benchmark_optimizers.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("benchmark_optimizers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def interruptible():
    """Ctrl-C as a terminal has it: what a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_small_run(script, tmp_path, capsys):
    code = script.main([
        "--problems", "beale", "booth", "--optimizers", "sgd", "adam", "optax:adabelief",
        "--learning-rates", "1e-3:1:4", "--seeds", "4", "--steps", "50",
        "--output", str(tmp_path / "[x] [" / "b] folder"),  # which rich would take for markup
    ])  # fmt: skip
    out = capsys.readouterr().out
    assert code == 0
    assert out.endswith(f" to {tmp_path}/[x] [/b] folder\n")
    assert "Leaderboard" in out
    assert "optax:adabelief" in out
    assert "6/6" in out
    folder = tmp_path / "[x] [" / "b] folder"
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.json", "report.md", "convergence.png", "sensitivity.png", "paths.png"}
    document = json.loads((folder / "report.json").read_text())
    assert len(document["rows"]) == 6
    assert document["settings"]["seeds"] == 4
    assert len(document["rows"][0]["learning_rates"]) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--optimizers", "adma"], "error: unknown optimizer 'adma': did you mean 'adam"),
        (["--problems", "beal"], "error: unknown problem 'beal': did you mean 'beale'?"),
        (["--output", "/dev/null/folder"], "error: [Errno"),
        (["--problems", "tests.scripts.broken:nan_problem", "--no-plots"],
         "error: the objective of problem 'nan' is nan at the start of seed 0"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(script, arguments, message, tmp_path, capsys):
    if "--output" not in arguments:
        arguments = [*arguments, "--output", str(tmp_path)]
    assert script.main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "argument --steps: '0' is not a positive whole number"),
        (["--seeds", "-3"], "argument --seeds: '-3' is not a positive whole number"),
        (["--learning-rates", "1:2"], "'1:2' is neither LOW:HIGH:COUNT nor positive numbers"),
        (["--learning-rates", "0.1,-1"], "neither LOW:HIGH:COUNT nor positive numbers"),
    ],
)
def test_wrong_numbers_are_refused(script, arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_rate_twice_is_one(script):
    assert script.learning_rates("0.1,0.3,0.1") == (0.1, 0.3)
    assert script.learning_rates("0.1:0.1:3") == (0.1,)


def test_help_and_list(script, capsys):
    with pytest.raises(SystemExit) as stop:
        script.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for word in ("--optimizers", "optax:adabelief", "report.json", "examples:"):
        assert word in text
    assert script.main(["--list"]) == 0
    assert "digits-mlp" in capsys.readouterr().out


@pytest.mark.usefixtures("interruptible")
def test_interrupt_keeps_what_is_finished(script, tmp_path, capsys):
    """Ctrl-C in the second problem: the pairs of the first are reported."""
    code = script.main([
        "--problems", "booth", "tests.scripts.broken:interrupting_problem", "beale",
        "--optimizers", "sgd", "adam", "--steps", "20", "--seeds", "2", "--no-plots",
        "--output", str(tmp_path),
    ])  # fmt: skip
    assert code == 130
    assert "interrupted: the report holds the finished pairs" in capsys.readouterr().err
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["settings"]["interrupted"] is True
    assert [(row["problem"], row["optimizer"]) for row in document["rows"]] == [
        ("booth", "sgd"), ("booth", "adam")
    ]  # fmt: skip


@pytest.mark.usefixtures("interruptible")
def test_interrupt_before_anything_is_finished(script, tmp_path, capsys):
    code = script.main([
        "--problems", "tests.scripts.broken:interrupting_problem", "--output", str(tmp_path)
    ])  # fmt: skip
    assert code == 130
    assert "interrupted before the first pair was finished" in capsys.readouterr().err
