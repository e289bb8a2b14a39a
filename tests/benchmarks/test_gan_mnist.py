"""The benchmark of the DCGAN's digits at a tiny size, and what its measures say of known images."""

import json

import jax
import numpy as np
import pytest

from benchmarks import feature_network, image_accuracy
from benchmarks import gan_mnist as bench

SMALL = ["--epochs", "1", "--batch", "4", "--widths", "2", "--latent", "2", "--samples", "8"]
SMALL += ["--seeds", "2"]


@pytest.fixture
def network(monkeypatch):
    """Instead of the trained one: features are some of the pixels, logits minus distances to the
    classes' means."""
    some = lambda images: np.asarray(images, np.float32)[:, ::3, ::3].reshape(len(images), -1)
    (X, y), _ = image_accuracy.pixels()
    means = np.stack([some(X[y == c]).mean(0) for c in range(10)])

    def features(network, images):
        phi = some(images)
        return phi, -9 * ((phi[:, None] - means) ** 2).sum(2)

    monkeypatch.setattr(feature_network, "features", features)
    fake = feature_network.FeatureNetwork((), (), 0.0, 1.0, np.float32(0.98))
    monkeypatch.setattr(feature_network, "load_or_learn", lambda folder: fake)
    return fake


def test_smallest_run_writes_every_figure(tmp_path, capsys, network):
    path, grid = tmp_path / "results" / "mnist.json", tmp_path / "grid.png"
    assert bench.main([*SMALL, "--examples", "8", "--output", str(path), "--grid", str(grid)]) == 1
    report = json.loads(path.read_text())
    assert [(run["seed"], run["steps"], run["bad_step"]) for run in report["runs"]] == [
        (0, 2, -1), (1, 2, -1)
    ]  # fmt: skip
    assert report["ok"] == [False, False]
    assert set(report["results"]) == {"real", "seed 0", "seed 1", "noise"}
    assert report["results"]["noise"]["kid_share"] == 1.0
    assert report["results"]["real"]["memorization"] == 0.0
    assert "features" not in report["environment"]
    assert grid.stat().st_size > 0
    assert "2 steps" in capsys.readouterr().out


def test_real_images_are_good_and_noise_is_not(network):
    """Other real images as samples pass; those of half of the classes, or noise, do not."""
    (X, y), (test, _) = image_accuracy.pixels()
    noise = np.asarray(jax.random.uniform(jax.random.key(0), X[:200].shape))
    images = {"real": X[:200], "few": X[y < 5][:200], "same": X[200:400], "noise": noise}
    rows = bench.compare(images, test[:200], network)
    assert [bench.good(row) for row in rows.values()] == [True, False, True, False]
    assert rows["few"]["classes_outside"] >= 5
