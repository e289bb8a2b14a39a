"""The folder of a run: whose it is, and what is written into it."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxmath._files import write_csv, write_json, write_whole
from jaxmath.typing import ArrayLike

__all__ = ["claim_folder", "write_figures"]


def settings_in(record: Path) -> dict[str, Any]:
    """What ``run.json`` says."""
    try:
        settings = json.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{record} is damaged: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{record} is damaged: it holds no settings by name")
    return settings


# What a run may write beside its checkpoints; anything else in the folder is somebody's.
WRITTEN = (
    "run.json", "metrics.json", "seeds.csv", "history.csv", "classes.csv", "curves.png",
    "confusion.png", "reliability.png", "mistakes.png", "filters.png", "feature_maps.png",
    "attention.png", "series.png", "samples.txt", "samples.npz", "samples.png", "samples.gif",
    "latent.png", "reconstructions.png", "codes.png",
)  # fmt: skip
_FOLDERS = ("checkpoints", "profile")


def claim_folder(
    folder: Path, settings: Mapping[str, Any], *, resume: bool = False, overwrite: bool = False
) -> None:
    """Make the folder, and see that what it holds is this run, or nothing.

    Args:
      folder: where the run writes; ``run.json`` in it records the settings.
      settings: all that decides what comes out, as JSON has it.
      resume: the run that it holds shall go on.
      overwrite: throw that run away, if it is one: without ``run.json`` nothing is.

    Returns:
      None.

    Raises:
      ValueError: it holds a run, and neither is asked for; it holds another; there is none to
        resume; ``run.json`` is damaged, or not there beside files that a run would write.

    Example:
      >>> import tempfile
      >>> folder = Path(tempfile.mkdtemp()) / "run"
      >>> claim_folder(folder, {"seed": 0})
      >>> claim_folder(folder, {"seed": 1}, resume=True)  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      ...
      ValueError: ... holds another run: seed was 0 and is 1
    """
    record = folder / "run.json"
    if not record.is_file():
        _refuse_others(folder)
        if resume:
            raise ValueError(f"there is no run to resume in {folder}")
    elif overwrite:
        for name in _FOLDERS:
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in WRITTEN:
            (folder / name).unlink(missing_ok=True)
    elif not resume:
        raise ValueError(
            f"{folder} holds a run: --resume goes on with it, --overwrite throws it away, "
            "--out DIR writes elsewhere"
        )
    else:
        before = settings_in(record)
        changed = [
            f"{name} was {before.get(name)} and is {settings.get(name)}"
            for name in {**before, **settings}
            if before.get(name) != settings.get(name)
        ]
        if changed:
            raise ValueError(f"{folder} holds another run: {', '.join(changed)}")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(record, json.dumps(settings, indent=1) + "\n")


def _refuse_others(folder: Path) -> None:
    """What would be written over or thrown away, without the settings of the run it is of."""
    found = [name for name in (*WRITTEN, *_FOLDERS) if (folder / name).exists()]
    if found:
        raise ValueError(
            f"{folder} has {', '.join(found)} and no run.json, without which it is not known as a "
            "run to resume or overwrite: --out DIR writes elsewhere"
        )


def write_figures(
    folder: Path, document: Mapping[str, Any], history: Mapping[str, ArrayLike], first_seed: int
) -> list[str]:
    """Every figure as metrics.json, and the tables as CSV.

    Args:
      folder: where to.
      document: a task's report, and what shall stand beside it.
      history: name → values of shape (epochs,) or (epochs, seeds).
      first_seed: the seeds count from it.

    Returns:
      The files' names.

    Raises:
      OSError: a file could not be written; it is as it was before.

    Example:
      >>> import tempfile
      >>> from jaxmath.train import classifier_report
      >>> report = classifier_report([[[1.0, 0.0]]], [0], ("a", "b"))
      >>> del report["probabilities"]
      >>> folder = Path(tempfile.mkdtemp())
      >>> print(*write_figures(folder, report, {"loss": [0.5]}, 0))
      metrics.json seeds.csv classes.csv history.csv
      >>> print((folder / "history.csv").read_text().split())
      ['epoch,seed,loss', '1,0,0.5']
    """
    write_json(folder / "metrics.json", dict(document))
    test = document["test"]
    runs = len(next(iter(test.values()))["seeds"])
    write_csv(folder / "seeds.csv", [
        {"seed": first_seed + i, **{name: row["seeds"][i] for name, row in test.items()}}
        for i in range(runs)
    ])  # fmt: skip
    if "classes" in document:
        write_csv(folder / "classes.csv", document["classes"])
    lanes = {name: np.reshape(values, (-1, runs)) for name, values in history.items()}
    write_csv(folder / "history.csv", [
        {"epoch": e + 1, "seed": first_seed + i, **{name: v[e, i] for name, v in lanes.items()}}
        for e in range(len(lanes["loss"])) for i in range(runs)
    ])  # fmt: skip
    classes = ["classes.csv"] if "classes" in document else []
    return ["metrics.json", "seeds.csv", *classes, "history.csv"]
