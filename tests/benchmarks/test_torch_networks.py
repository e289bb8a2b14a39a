"""The comparison of the image networks with PyTorch, as far as it goes without PyTorch."""

import jax

from benchmarks import torch_networks as bench
from jaxmath.models import image_networks


def test_every_layer_of_a_network_has_its_own_module():
    assert bench.NETWORKS.keys() == bench.SMALL.keys()
    for config, _ in bench.SMALL.values():
        names = image_networks.torch_names(config)
        params, _ = jax.eval_shape(lambda key, c=config: image_networks.init(key, c),
                                   jax.random.key(0))  # fmt: skip
        assert len(set(names)) == len(names) == len(params)


def test_without_pytorch_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    assert bench.main([]) == 2
    assert "torch is not installed" in capsys.readouterr().out
