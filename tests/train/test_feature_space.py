"""Samples in the features of a classifier of another run: of which network, on which scale."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import datasets, nn, train
from jaxmath.models import image_networks
from jaxmath.train import _epoch

SETTINGS = {
    "model": "cnn", "dataset": "digits", "validation": 0.1, "seed": 0, "seeds": 2, "width": 0.1,
    "image_size": None, "augment": "none", "dropout": 0.0, "learning_rate": 1e-3,
    "weight_decay": 0.0,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def scaled_digits():
    """Values from −2 to 3, so that neither network sees them as they are."""
    load = datasets.load

    def scaled(name):
        found = load(name)
        return dataclasses.replace(found, x=5 * found.x - 2) if name == "digits" else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "load", scaled)
        yield


@pytest.fixture(scope="module")
def classifier(scaled_digits):
    """An untrained network, and what its run would have been trained on."""
    parts = train.CLASSES.parts(jax.random.key(0), "digits", 0.1, {})
    options = {name: SETTINGS[name] for name in train.RECIPES["cnn"].options}
    return train.RECIPES["cnn"].make(parts.raw_test, **options), parts


@pytest.fixture(scope="module")
def folder(classifier, tmp_path_factory):
    """What two seeds leave behind."""
    model, parts = classifier
    folder = tmp_path_factory.mktemp("runs") / "cnn"
    train.claim_folder(folder, SETTINGS)
    trainer = train.make_trainer(model, num_steps=9, learning_rate=1e-3, weight_decay=0.0)

    def start(seed):
        state = trainer.start(seed)
        return _epoch.start(state, state.key, None, True)

    run = jax.jit(jax.vmap(start))(jnp.arange(3, 5))
    scale = {name: value.tolist() for name, value in parts.standardization._asdict().items()}
    train.save_checkpoint(folder / "checkpoints", run, step=1, metadata={"standardization": scale})
    return folder


def _generative(name, dataset="digits", **given):
    recipe = train.RECIPES[name]
    own = train.own_options({"hidden": (4,), "latent": 2, **given}, name, train.RECIPES)
    (task,) = recipe.tasks
    parts = task.parts(jax.random.key(0), dataset, 0.1, own)
    return task, recipe.make(parts.raw_test, **own), parts


def test_the_report_is_of_the_runs_features(classifier, folder):
    """Of the first seed's network, on the scale that it was trained on."""
    task, model, parts = _generative("cgan")
    task = train.measured_in_features(task, model, folder, "digits", parts, num=200)
    trainer = train.make_trainer(model, num_steps=2, learning_rate=1e-3, weight_decay=0.0)
    states = jax.tree.map(lambda a: a[None], trainer.start(0))
    found = task.report(model, None, states, parts, None)
    assert found["measured_in"] == f"features of {folder}"
    (table,) = train.report_tables(found)
    assert str(table.caption) == f"samples measured in features of {folder}"

    network, seen = classifier
    params, model_state = network.init(jax.random.split(jax.random.key(3))[0])
    one = lambda x: image_networks.features(params, model_state, x, config=network.config)
    again = lambda x: datasets.standardize(seen.standardization, 5 * x - 2)
    extract = jax.jit(lambda x: jax.lax.map(one, again(x), batch_size=200))
    (x, labels), (test, _) = parts.training, parts.test
    (phi, z), (known, _) = (extract(np.asarray(a, np.float32)) for a in (x, test[:200]))
    want = nn.sample_measures(phi[:1000], z[:1000], phi, known)
    true = {name: row["references"]["true"] for name, row in found["test"].items()}
    expected = {
        "kernel_distance": want.kernel_distance.value,
        "kernel_distance_error": want.kernel_distance.standard_error,
        "frechet_distance": want.frechet_distance,
        "precision": want.manifold.precision,
        "recall": want.manifold.recall,
        "least_class_share": min(want.classes.shares),
        "largest_class_share": max(want.classes.shares),
        "confidence": want.classes.confidence,
        "asked_class": np.mean(np.argmax(z[:1000], axis=1) == labels[:1000]),
        "memorization_ratio": 0.0,
    }
    assert list(true) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(true[name], value, rtol=1e-3, atol=1e-6, err_msg=name)
    rows = found["test"]
    assert rows["kernel_distance"]["references"]["noise"] > 10 * true["kernel_distance"]
    assert rows["memorization_ratio"]["references"]["noise"] > 1


def test_mistakes(folder, tmp_path):
    def ask(name="gan", where=folder, dataset="digits", **given):
        task, model, parts = _generative(name, dataset, **given)
        with pytest.raises(ValueError, match=r"^--features") as mistake:
            train.measured_in_features(task, model, where, dataset, parts)
        return str(mistake.value)

    assert ask("ae") == "--features is for models that draw images from codes"
    assert ask(dataset="two_moons") == "--features is for models that draw images from codes"
    assert ask(where=tmp_path) == f"--features: {tmp_path} holds no run of scripts/train.py"
    wanted = f"--features: {folder} holds a run on images of 8×8×1, and these are 6×6×1: choose "
    assert ask(image_size=6) == f"{wanted}--image-size"
    for name, settings, message in (
        ("mlp", {"model": "mlp"}, "holds a run of mlp, which is no image network"),
        ("iris", {"dataset": "iris"}, "holds a run on iris, and this is digits"),
        ("none", {}, "there is no directory"),
        ("broken", {}, "no checkpoint None in"),
        ("other", {"width": 0.2}, "is the checkpoint of another model"),
    ):
        where = tmp_path / name
        train.claim_folder(where, SETTINGS | settings)
        if name == "broken":
            (where / "checkpoints").mkdir()
        if name == "other":
            (where / "checkpoints").symlink_to(folder / "checkpoints")
        said = ask(where=where)
        assert message in said
        assert "\n" not in said
