"""Data parallelism: eight devices, and two processes, are as good as one device."""

from pathlib import Path

import pytest

from jaxmath import train

ROOT = Path(__file__).resolve().parents[2]


def test_a_mesh_that_does_not_divide_the_batch_is_refused():
    with pytest.raises(ValueError, match="`devices` must be from 1 to"):
        train.data_mesh(4096)
    assert train.data_mesh(1).shape == {"data": 1}
