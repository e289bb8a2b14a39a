"""Damaged checkpoints are refused in one line, whatever part of which file is gone or changed."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import train
from tests.train import problems as p


def refusals(directory, tree, least, changes):
    """What a restore says of each change of each file above a size; else it is as it was saved."""
    errors = []
    for file in (f for f in directory.rglob("*") if f.is_file() and f.stat().st_size > least):
        whole = file.read_bytes()
        for content in changes(whole):
            file.write_bytes(content)
            try:
                found, _ = train.restore_checkpoint(directory, tree)
            except train.CheckpointError as error:
                errors.append(str(error))
            else:
                p.assert_same(found, tree)  # what is not needed
        file.write_bytes(whole)
    return errors


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_truncated_checkpoint_is_refused(tmp_path):
    """Each file that holds arrays or the record, cut to a half or emptied, one at a time."""
    tree = {"a": jnp.arange(1000.0), "b": jnp.ones((3, 3))}
    train.save_checkpoint(tmp_path, tree, step=1)
    errors = refusals(tmp_path, tree, 0, lambda whole: (whole[: len(whole) // 2], b""))
    assert len(errors) >= 4
    assert all("is damaged: " in line and "\n" not in line for line in errors)
    # Neither tensorstore's specifications nor a line cut to fit.
    assert [line for line in errors if "_spec" in line or "…" in line] == []


def test_a_flipped_bit_is_no_other_value(tmp_path):
    """Of an array that the files hold without checksums of their own: of a kilobyte and more."""
    tree = {"a": jax.random.normal(jax.random.key(0), (500,)), "b": jnp.ones(3, jnp.bfloat16)}
    path = train.save_checkpoint(tmp_path, tree, step=1)

    def flipped(whole):
        for at in range(0, len(whole), len(whole) // 9):
            yield whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]

    errors = refusals(tmp_path, tree, 3000, flipped)
    assert errors.count(f"{path} is damaged: a is not what was saved") >= 5
    assert all(f"{path} is damaged: " in line and "\n" not in line for line in errors)


def test_a_checkpoint_without_checksums_is_read(tmp_path):
    """As they were written before there were any."""
    tree = {"a": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "b": np.float64(2.0)}
    path = train.save_checkpoint(tmp_path, tree, step=1)
    (file,) = (f for f in (path / "record").iterdir() if f.name == "metadata")
    record = json.loads(file.read_text())
    assert record.pop("checksums").keys() == tree.keys()
    file.write_text(json.dumps(record))
    found, _ = train.restore_checkpoint(tmp_path, tree)
    p.assert_same(found, jax.tree.map(jnp.asarray, tree))
