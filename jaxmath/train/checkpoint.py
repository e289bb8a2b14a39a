"""Checkpoints through orbax: atomic, compared with what is expected before anything is read.

A checkpoint is a directory ``<directory>/<step>`` that appears under its name when it is whole.
It holds the leaves as a flat dictionary by their paths (random keys as their data) and, as JSON,
the caller's metadata with the manifest, path → [shape, dtype] of every leaf, and the checksums of
the arrays' bytes.
"""

import collections
import copy
import glob
import importlib.metadata
import logging
import re
import shutil
import time
import zlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath.train._checks import as_count, check_metadata, check_path
from jaxmath.train._data import held
from jaxmath.typing import PyTree

__all__ = ["CheckpointError", "restore_checkpoint", "save_checkpoint"]

_PACKAGES = ("jax", "jaxlib", "numpy", "optax", "flax", "orbax-checkpoint")
# What tensorstore adds to its errors, as JSON: [tensorstore_spec[1]='{…}'].
_SPECIFICATION = r" \[[\w ]+(?:\[\d+\])?='"


class CheckpointError(RuntimeError):
    """A checkpoint could not be written or read.

    Args:
      message: one line about what happened and where.
      result: of ``fit``, all that was reached until then, so that nothing is lost.

    Example:
      >>> CheckpointError("no space left").result is None
      True
    """

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)


def _paths(tree: PyTree) -> list[str]:
    paths = (path for path, _ in jax.tree_util.tree_leaves_with_path(tree))
    return [jax.tree_util.keystr(p, simple=True, separator=".") or "value" for p in paths]


def check_paths(caller: str, name: str, tree: PyTree) -> None:
    """One line about leaves that a checkpoint could not tell apart."""
    for path, num in collections.Counter(_paths(tree)).items():
        if num > 1:
            raise ValueError(
                f"{caller}: argument `{name}` must have one leaf at each path, as a checkpoint "
                f"names them, got {num} at {path}"
            )


def _by_path(tree: PyTree) -> dict[str, Any]:
    """The leaves by path, of random keys their data."""
    data = lambda a: jax.random.key_data(a) if _is_key(a) else a
    leaves = [data(a if hasattr(a, "dtype") else jnp.asarray(a)) for a in jax.tree.leaves(tree)]
    return dict(zip(_paths(tree), leaves, strict=True))


def _manifest(flat: dict[str, Any]) -> dict[str, list]:
    return {path: [list(np.shape(a)), str(jnp.result_type(a))] for path, a in flat.items()}


def _on_host(a: Any) -> np.ndarray:
    # A copy, never a view: the device's buffer is donated while the file is being written.
    if isinstance(a, jax.Array) and not a.is_fully_addressable:
        a = a.addressable_data(0)  # across processes all is everywhere
    return np.array(a, copy=True)


def _checksum(a: np.ndarray) -> int:
    return zlib.crc32(a.reshape(-1).view(np.uint8))  # bfloat16 is no buffer of its own


def _one_line(error: BaseException) -> str:
    """What happened and what the system said, without the causes between if they are many."""
    text = " ".join(str(error).split()) or type(error).__name__
    causes = re.split(_SPECIFICATION, text)[0].split(": ")
    while len(causes) > 2 and len(": ".join(causes)) > 300:
        del causes[1]
    text = ": ".join(causes)
    return text if len(text) <= 300 else f"{text[:80]} … {text[-200:]}"


class Checkpoints:
    """The checkpoints in one directory, written in the background; two are kept."""

    def __init__(self, directory: str | Path) -> None:
        import orbax.checkpoint as ocp

        self._ocp = ocp
        self.directory = Path(directory).absolute()
        options = ocp.CheckpointManagerOptions(max_to_keep=2, create=True)
        try:
            self.directory.mkdir(parents=True, exist_ok=True)  # orbax takes a file for one
            self._manager = ocp.CheckpointManager(self.directory, options=options)
        except OSError as error:
            raise CheckpointError(
                f"the directory {self.directory} cannot be used: {_one_line(error)}"
            ) from error
        self.last_good = self._manager.latest_step()
        self._pending: int | None = None

    def check_name(self) -> None:
        """Refuse to write where orbax, which looks for what it wrote by glob, would not find it."""
        if glob.glob(str(self.directory)) != [str(self.directory)]:
            raise CheckpointError(
                f"the directory {self.directory} cannot be used: in its name *, ? or [ ] would be "
                "taken for a pattern, and its checkpoints could not be read"
            )

    def save(self, step: int, tree: PyTree, metadata: dict[str, Any]) -> None:
        """Begin a save; what went wrong with the one before is raised here."""
        self.wait()
        self.check_name()
        self._sweep()
        flat = _by_path(tree)
        versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
        # Orbax refuses arrays without elements; the manifest is all there is to know of them.
        arrays = {path: _on_host(a) for path, a in flat.items() if np.size(a)}
        # A copy here too: the record is written in the background, while the history grows.
        record = {
            "metadata": copy.deepcopy(metadata),
            "versions": versions,
            "manifest": _manifest(flat),
            "checksums": {path: _checksum(a) for path, a in arrays.items()},
        }
        items: dict[str, Any] = {"record": self._ocp.args.JsonSave(record)}
        if arrays:  # orbax takes no dictionary without any
            items["arrays"] = self._ocp.args.StandardSave(arrays)
        args = self._ocp.args.Composite(**items)
        try:
            self._pending = step
            self._manager.save(step, args=args, force=True)
        except Exception as error:
            raise self._failure(error) from error

    def check(self) -> None:
        """Raise what went wrong in the background so far."""
        try:
            self._manager.check_for_errors()
        except Exception as error:
            raise self._failure(error) from error

    def wait(self) -> None:
        """Wait until the save that was begun is whole."""
        if self._pending is None:
            return
        try:
            self._manager.wait_until_finished()
            self._manager.check_for_errors()
        except Exception as error:
            raise self._failure(error) from error
        self.last_good, self._pending = self._pending, None

    def _failure(self, error: BaseException) -> CheckpointError:
        step, self._pending = self._pending, None
        self._sweep(quiet=20)  # of a full disk it holds what the figures of the run need
        last = "none" if self.last_good is None else self.directory / str(self.last_good)
        return CheckpointError(
            f"the checkpoint {self.directory / str(step)} could not be written "
            f"({_one_line(error)}); the last good one: {last}"
        )

    def _sweep(self, quiet: int = 0) -> None:
        """Remove what saves have left that did not come to their end: of a killed run, say.

        A save fails with the first array that could not be written, while tensorstore's threads
        go on with the others and make the directory anew: then only when none has come again in
        ``quiet`` looks, 10 ms apart, is it gone. Two seconds are the most that is waited.
        """
        if jax.process_index() != 0:  # the first makes the directories of all
            return
        calm = 0
        for _ in range(200):
            found = list(self.directory.glob("*.orbax-checkpoint-tmp"))
            for left in found:
                shutil.rmtree(left, ignore_errors=True)
            calm = 0 if found and quiet else calm + 1
            if calm > quiet:
                return
            time.sleep(0.01)

    def close(self) -> None:
        """Let go of the directory; errors were the business of ``wait``."""
        try:
            self._manager.close()
        except Exception as error:
            logging.getLogger(__name__).debug("close: %s", error)

    def restore(self, template: PyTree, step: int | None = None) -> tuple[PyTree, dict[str, Any]]:
        """The tree and the metadata of a checkpoint, the newest by default."""
        step = self.last_good if step is None else step
        if step is None or step not in self._manager.all_steps():
            known = sorted(self._manager.all_steps())
            raise CheckpointError(f"no checkpoint {step} in {self.directory}; there are {known}")
        where = self.directory / str(step)
        flat = _by_path(template)
        arrays = {path: np.empty(np.shape(a), a.dtype) for path, a in flat.items() if np.size(a)}
        try:
            args = self._ocp.args.Composite(record=self._ocp.args.JsonRestore())
            record = self._manager.restore(step, args=args).record
            manifest, metadata = record["manifest"], record["metadata"]
            checksums = record.get("checksums", {})  # older checkpoints have none
        except Exception as error:
            raise CheckpointError(f"{where} is damaged: {_one_line(error)}") from error
        _compare(where, _manifest(flat), manifest)
        try:
            args = self._ocp.args.Composite(arrays=self._ocp.args.StandardRestore(arrays))
            found = self._manager.restore(step, args=args).arrays if arrays else {}
        except Exception as error:
            raise CheckpointError(f"{where} is damaged: {_one_line(error)}") from error
        for path, value in found.items():
            if path in checksums and checksums[path] != _checksum(value):
                raise CheckpointError(f"{where} is damaged: {path} is not what was saved")
        leaves = [
            _like(a, found.get(path, np.empty(np.shape(b), b.dtype)))
            for a, (path, b) in zip(jax.tree.leaves(template), flat.items(), strict=True)
        ]
        return jax.tree.unflatten(jax.tree.structure(template), leaves), metadata


def _like(a: Any, value: np.ndarray) -> Any:
    """The value as a leaf of the template's kind, where the template's lies."""
    leaf = jnp.asarray(value)
    if _is_key(a):
        leaf = jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(a))
    # A leaf that is committed to its device, where the template's was not, is another program.
    here = getattr(a, "committed", False) and a.is_fully_addressable
    return jax.device_put(leaf, a.sharding) if here else leaf


def _compare(where: Path, expected: dict, found: dict) -> None:
    """Refuse the checkpoint of another tree with the first differences."""
    found = {path: list(entry) for path, entry in found.items()}
    if found == expected:
        return
    differences = [f"{path} is missing" for path in expected if path not in found]
    differences += [f"{path} is unknown here" for path in found if path not in expected]
    spell = lambda entry: f"{entry[1]}{tuple(entry[0])}"
    differences += [
        f"{path} is {spell(found[path])} instead of {spell(entry)}"
        for path, entry in expected.items()
        if path in found and found[path] != entry
    ]
    more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
    raise CheckpointError(
        f"{where} is the checkpoint of another model or optimizer: "
        f"{', '.join(differences[:3])}{more}"
    )


def save_checkpoint(
    directory: str | Path, tree: PyTree, *, step: int, metadata: dict[str, Any] | None = None
) -> Path:
    """Write a pytree as one checkpoint, whole or not at all.

    Args:
      directory: where the checkpoints of one run lie; it is made if need be, and the two newest
        checkpoints in it are kept.
      tree: any pytree of arrays and random keys. What is no jax array is written as jax would
        hold it: without ``jax_enable_x64`` floats of 64 bits as 32.
      step: the checkpoint's number, from 0 on, and name.
      metadata: what JSON can say: the model's configuration, the data set, its standardization,
        the seed. Versions of the packages are added.

    Returns:
      The directory of the checkpoint.

    Raises:
      TypeError: a leaf is no array of numbers, the step no integer, the metadata no dictionary
        that JSON can say.
      ValueError: two leaves of the tree have the same path, as in {"a.b": 0, "a": {"b": 0}}; one
        has integers that jax would cut; a negative step.
      CheckpointError: it could not be written, or not be found again: under "[x]", say, which orbax
        takes for a pattern.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as directory:
      ...     path = save_checkpoint(directory, {"w": jnp.ones(2)}, step=3, metadata={"seed": 0})
      ...     tree, metadata = restore_checkpoint(directory, {"w": jnp.zeros(2)})
      >>> print(path.name, tree["w"], metadata)
      3 [1. 1.] {'seed': 0}
    """
    check_path("save_checkpoint", "directory", directory)
    check_paths("save_checkpoint", "tree", tree)
    check_metadata("save_checkpoint", metadata)
    step = as_count("save_checkpoint", "step", step, low=0)
    tree = held("save_checkpoint", "tree", tree)
    checkpoints = Checkpoints(directory)
    try:
        checkpoints.save(step, tree, metadata or {})
        checkpoints.wait()
    finally:
        checkpoints.close()
    return checkpoints.directory / str(step)


def restore_checkpoint(
    directory: str | Path, template: PyTree, *, step: int | None = None
) -> tuple[PyTree, dict[str, Any]]:
    """Read a checkpoint into the form of a template.

    Args:
      directory: as for ``save_checkpoint``.
      template: a pytree of the same structure, shapes and dtypes (a fresh state, made from the
        configuration in the metadata); its values do not matter, the result lies on its devices.
      step: the checkpoint's number; None takes the newest.

    Returns:
      The tree, and the metadata.

    Raises:
      TypeError: the step is no integer.
      ValueError: a negative step; two leaves of the template have the same path.
      CheckpointError: there is none, it is damaged, or it is of another tree; paths, shapes and
        dtypes are compared before any array is read.

    Example:
      >>> restore_checkpoint("/nowhere/at/all", {})
      Traceback (most recent call last):
      ...
      jaxmath.train.checkpoint.CheckpointError: there is no directory /nowhere/at/all
    """
    check_path("restore_checkpoint", "directory", directory)
    check_paths("restore_checkpoint", "template", template)
    step = None if step is None else as_count("restore_checkpoint", "step", step, low=0)
    if not Path(directory).is_dir():
        raise CheckpointError(f"there is no directory {directory}")
    checkpoints = Checkpoints(directory)
    try:
        return checkpoints.restore(template, step)
    finally:
        checkpoints.close()
