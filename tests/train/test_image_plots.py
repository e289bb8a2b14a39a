"""The pictures of an image network: of the first seed, whatever the network's first layer."""

import jax
import numpy as np

from jaxmath import datasets, train
from jaxmath.train import image_plots


def test_pictures_of_a_run(tmp_path, monkeypatch):
    data = datasets.Dataset(
        np.linspace(0.0, 1.0, 96).reshape(6, 16), np.array([0, 1] * 3), class_names=("a", "b"),
        image_shape=(4, 4, 1),
    )  # fmt: skip
    own = train.own_options({"width": 0.1}, "cnn", train.RECIPES)
    model = train.RECIPES["cnn"].make(data, **own)
    trainer = train.make_trainer(model, num_steps=1, learning_rate=0.1, weight_decay=0.0)
    states = jax.jit(jax.vmap(trainer.start))(np.arange(2))
    parts = datasets.Parts((data.x, data.y), None, (data.x, data.y), data, None)
    outcome = train.Outcome(model, states, parts, {}, {})
    for name, plot in train.RECIPES["cnn"].plots.items():
        plot(outcome, tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    seen = {}
    monkeypatch.setattr(image_plots, "plot_filters", lambda kernel, path, title: seen.update(
        kernel=kernel, title=title))  # fmt: skip
    monkeypatch.setattr(image_plots, "plot_feature_maps", lambda image, maps, path: seen.update(
        image=image, maps=maps))  # fmt: skip
    for plot in train.RECIPES["cnn"].plots.values():
        plot(outcome, tmp_path)
    np.testing.assert_array_equal(seen["kernel"], states.params["conv1"].kernel[0])
    assert seen["title"] == "Filters of conv1"
    assert list(seen["maps"]) == ["conv1", "pool1", "conv2", "pool2"]
    assert (seen["image"].min(), seen["image"].max()) == (0.0, 1.0)
