"""The comparison with PyTorch, as far as it goes without PyTorch."""

import sys
from unittest.mock import MagicMock

import jax
import numpy as np

from benchmarks import torch_parity as bench


def test_every_case_of_ours_is_a_function_of_its_arguments(monkeypatch):
    for name in ("torch", "torch.nn", "torch.nn.functional"):
        monkeypatch.setitem(sys.modules, name, MagicMock())
    cases = bench.all_cases()
    assert len(cases) > 25
    for name, case in cases.items():
        value = jax.eval_shape(case.ours, case.params, *case.args)
        assert value.ndim > 0, name
        assert len(case.names) == max(len(case.params), 1), name


def test_relative_error_is_of_the_largest_entry():
    assert bench.relative([1.0, -4.0], [1.0, -5.0]) == 0.2
    assert bench.relative([1e-9], [0.0], 1.0) == 1e-9
    assert bench.relative([1.0], np.ones((1, 1))) == np.inf


def test_without_pytorch_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    assert bench.main([]) == 2
    assert "torch is not installed" in capsys.readouterr().out
