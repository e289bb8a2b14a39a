"""The folder of a run: one run's, its files whole, its pictures and the recipe's own."""

import json
import resource
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxmath import _files, datasets, train
from jaxmath.train import plots


def test_a_folder_holds_one_run(tmp_path):
    folder, settings = tmp_path / "new" / "run", {"model": "mlp", "hidden": [3]}
    with pytest.raises(ValueError, match="there is no run to resume in"):
        train.claim_folder(folder, settings, resume=True)
    assert not folder.exists()
    train.claim_folder(folder, settings)
    assert json.loads((folder / "run.json").read_text()) == settings
    train.claim_folder(folder, settings, resume=True)
    other = {"model": "mlp", "hidden": [4], "more": 1}
    with pytest.raises(ValueError, match=r"hidden was \[3\] and is \[4\], more was None and is 1"):
        train.claim_folder(folder, other, resume=True)
    with pytest.raises(ValueError, match="holds a run: --resume goes on with it, --overwrite"):
        train.claim_folder(folder, settings)
    (folder / "checkpoints" / "3").mkdir(parents=True)
    train.claim_folder(folder, other, overwrite=True)
    assert not (folder / "checkpoints").exists()
    assert json.loads((folder / "run.json").read_text()) == other


@pytest.mark.parametrize("text", ['{"model": "ml', "", "[]", "\udcff"])
def test_damaged_settings_are_named(tmp_path, text):
    (tmp_path / "run.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"run\.json is damaged: ") as info:
        train.claim_folder(tmp_path, {"model": "mlp"}, resume=True)
    assert str(info.value).startswith(str(tmp_path))


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "metrics.json"
    _files.write_json(path, {"nan": np.nan, "inf": [-np.inf], "n": np.int32(3), "a": np.ones(1)})
    before = {"nan": None, "inf": ["-inf"], "n": 3, "a": [1.0]}
    assert json.loads(path.read_text()) == before
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match=r"metrics.json could not be written: File too"):
            _files.write_json(path, "x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]
    assert json.loads(path.read_text()) == before


def test_a_recipe_draws_pictures_of_its_own(tmp_path, monkeypatch):
    """Beside every classifier's, which are drawn once elsewhere."""
    for name in ("plot_curves", "plot_confusion", "plot_reliability", "plot_mistakes"):
        drawn = lambda *args, **kwargs: next(a for a in args if isinstance(a, Path)).touch()
        monkeypatch.setattr(plots, name, drawn)
    parts = datasets.standardized_parts(jax.random.key(0), datasets.iris())
    report = {"probabilities": np.ones((1, 30, 3)), "confusion": np.eye(3)}
    outcome = train.Outcome("model", "states", parts, {"loss": [1.0, 0.5]}, report)
    own = {"filters.png": lambda outcome, path: path.write_text(outcome.model)}
    recipe = train.RECIPES["softmax"]._replace(plots=own)
    names = train.write_plots(tmp_path, outcome, train.CLASSES, recipe)
    assert names[-1] == "filters.png"
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    assert (tmp_path / "filters.png").read_text() == "model"


def test_overwriting_leaves_nothing_of_the_run_before(tmp_path):
    """But what is somebody else's."""
    train.claim_folder(tmp_path, {"seed": 0})
    for name in ("metrics.json", "confusion.png", "notes.txt"):
        (tmp_path / name).write_text("old")
    (tmp_path / "profile").mkdir()
    train.claim_folder(tmp_path, {"seed": 1}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "run.json"]


@pytest.mark.parametrize("name", ["metrics.json", "seeds.csv", "checkpoints", "profile"])
@pytest.mark.parametrize("how", [{}, {"resume": True}, {"overwrite": True}])
def test_without_settings_it_is_somebody_elses(tmp_path, name, how):
    """Nothing is written over or thrown away, and the advice is the same for all."""
    path = tmp_path / name
    if path.suffix:
        path.write_text("a stranger's")
    else:
        (path / "theirs").mkdir(parents=True)
    with pytest.raises(ValueError, match=f"{tmp_path} has {name} and no run.json, .* --out DIR"):
        train.claim_folder(tmp_path, {"seed": 0}, **how)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "a stranger's" if path.suffix else (path / "theirs").is_dir()
