"""The pictures of an image network: of the first seed, its stages in their order."""

import jax
import numpy as np

from jaxmath import datasets, train
from jaxmath.models import visualization


def test_pictures_of_a_run(tmp_path, monkeypatch):
    data = datasets.Dataset(
        np.linspace(0.0, 1.0, 96).reshape(6, 16), np.array([0, 1] * 3), class_names=("a", "b"),
        image_shape=(4, 4, 1),
    )  # fmt: skip
    recipe = train.RECIPES["cnn"]
    model = recipe.make(data, **train.own_options({"width": 0.1}, "cnn", train.RECIPES))
    trainer = train.make_trainer(model, num_steps=1, learning_rate=0.1, weight_decay=0.0)
    states = jax.jit(jax.vmap(trainer.start))(np.arange(2))
    parts = datasets.Parts((data.x, data.y), None, (data.x, data.y), data, None)
    report = {"probabilities": np.tile([0.2, 0.8], (2, 6, 1))}
    outcome = train.Outcome(model, states, parts, {}, report)
    drawn = {}
    for name in ("plot_filters", "plot_feature_maps", "plot_attention"):
        note = lambda *args, name=name, **how: drawn.update({name: (args, how)})
        monkeypatch.setattr(visualization, name, note)
    for name, plot in recipe.plots.items():
        plot(outcome, tmp_path / name)
    (kernels, path), _ = drawn["plot_filters"]
    np.testing.assert_array_equal(np.moveaxis(kernels, 0, -1), states.params["conv1"].kernel[0])
    assert path == tmp_path / "filters.png"
    (maps, _), _ = drawn["plot_feature_maps"]
    assert list(maps) == ["conv1", "pool1", "conv2", "pool2"]
    (image, saliency, cam, _), how = drawn["plot_attention"]
    assert (image.shape, saliency.shape, cam.shape) == ((4, 4, 1), (4, 4), (1, 1))
    assert how == {"title": "a, taken for b"}
