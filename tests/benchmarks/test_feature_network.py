"""The feature network at a tiny size: what is saved is what is read, and it computes the same."""

import jax.numpy as jnp
import numpy as np

from benchmarks import feature_network as bench
from benchmarks import image_accuracy
from jaxmath.models import image_networks


def test_smoke(tmp_path, monkeypatch, capsys):
    config = image_accuracy.cnn.Config(widths=(2,), hidden=4)
    parts = tuple((x[:64], y[:64]) for x, y in image_accuracy.pixels())
    network = bench.learn(image_accuracy.Case(config, 1, 1e-3, 0.0), parts)
    bench.save(network, tmp_path / "new")
    read = bench.load(tmp_path / "new", config)
    np.testing.assert_array_equal(read.params["hidden"].kernel, network.params["hidden"].kernel)

    phi, z = bench.features(read, parts[1][0], config=config, batch_size=48)
    assert (phi.shape, z.shape) == ((64, 4), (64, 10))
    assert np.mean(z.argmax(axis=1) == parts[1][1]) == np.float32(network.accuracy)
    scaled = (parts[1][0][63] - parts[0][0].mean()) / parts[0][0].std()
    want = image_networks.features(
        network.params, network.model_state, jnp.asarray(scaled), config=config
    )
    np.testing.assert_allclose(phi[63], want[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(z[63], want[1], rtol=1e-4, atol=1e-5)

    monkeypatch.setattr(bench, "load_or_learn", lambda folder: network._replace(accuracy=0.98))
    assert bench.main(["--folder", str(tmp_path)]) == 0
    assert "accuracy 0.9800 (asked 0.980)" in capsys.readouterr().out
