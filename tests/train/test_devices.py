"""Data parallelism: eight devices, and two processes, are as good as one device."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxmath import train
from tests.train import parallel

ROOT = Path(__file__).resolve().parents[2]


def _child(*words: str, **env: str) -> subprocess.Popen:
    env = (
        os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"} | env
    )
    command = [sys.executable, "-m", "tests.train.parallel", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=env, **pipes)


def test_devices_are_counted():
    with pytest.raises(ValueError, match="`devices` must be from 1 to"):
        train.data_mesh(4096)
    for one in (1, np.int64(1), jax.devices()[:1], np.array(jax.devices()[:1])):
        assert train.data_mesh(one).shape == {"data": 1}
    for none in ([], (), 0, -1):
        with pytest.raises(ValueError, match=r"^data_mesh: argument `devices` must (be|have) at l"):
            train.data_mesh(none)
    for wrong in (jax.devices()[0], 1.0, "cpu", ["cpu"], True, [jax.devices()]):
        with pytest.raises(TypeError, match=r"^data_mesh: argument `devices` must be a"):
            train.data_mesh(wrong)


def test_eight_devices_are_as_good_as_one():
    """Batch statistics among it, and lanes; a batch that eight do not divide is refused."""
    child = _child("eight", XLA_FLAGS="--xla_force_host_platform_device_count=8")
    out, err = child.communicate(timeout=240)
    assert child.returncode == 0, err
    assert "`batch_size` must be a multiple of the mesh's 8 devices, got 12" in out
    assert "an ensemble on a mesh needs a multiple of its 8 devices, got 12 lanes" in out


@pytest.mark.full
def test_lanes_one_after_another_on_each_device():
    child = _child("map", XLA_FLAGS="--xla_force_host_platform_device_count=8")
    _, err = child.communicate(timeout=240)
    assert child.returncode == 0, err


@pytest.mark.full
def test_two_processes_are_as_good_as_one(tmp_path):
    """Each with its half of the data; they choose the program together, save and resume."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    file = str(tmp_path / "result.npz")
    children = [_child("two", port, str(index), file) for index in range(2)]
    for child in children:
        _, err = child.communicate(timeout=240)
        assert child.returncode == 0, err
    found = list(np.load(file).values())
    for a, b in zip(found, parallel.by_one(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)
