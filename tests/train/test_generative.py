"""Generative models: what they are trained on, what they make, the pictures and figures of it."""

import itertools
from pathlib import Path

import jax
import numpy as np
import pytest
from matplotlib.image import imread

from jaxmath import datasets, train
from jaxmath.models import vae
from jaxmath.train import _generative_plots
from jaxmath.train._generative_plots import _between
from jaxmath.train.generative import drawn

SMALL = {"hidden": (6,), "latent": 3, "width": 0.1}


def _model(name, dataset, **given):
    recipe = train.RECIPES[name]
    small = {k: v for k, v in SMALL.items() if k in recipe.options}
    own = train.own_options({**small, **given}, name, train.RECIPES)
    (task,) = recipe.tasks
    parts = task.parts(jax.random.key(0), dataset, 0.1, own)
    return task, recipe.make(parts.raw_test, **own), parts


def _trained(name, dataset, **given):
    """A step of a batch of 60 from the parts."""
    task, model, parts = _model(name, dataset, **given)
    trainer = train.make_trainer(model, num_steps=2, learning_rate=1e-3, weight_decay=0.0)
    x, y = (np.asarray(a[:60]) for a in parts.training)

    @jax.jit
    def run(x, y):
        state = trainer.start(0)
        batch = train.Batch(x, y, np.ones(len(x), np.float32))
        return trainer.step(state, batch, jax.random.key(1))

    return task, model, parts, trainer, *run(x, y)


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("gan", "gaussian_ring"), ("wgan", "gaussian_ring"), ("wgan-gp", "gaussian_ring"),
     ("cgan", "digits"), ("dcgan", "digits"), ("ae", "digits"), ("dae", "digits"),
     ("vae", "digits"), ("vae", "gaussian_ring"), ("cvae", "digits")],
)  # fmt: skip
def test_a_step_and_examples(name, dataset):
    _, model, parts, trainer, state, metrics = _trained(name, dataset)
    assert np.isfinite(metrics["loss"])
    assert (trainer.eval_fn is None) == (name not in ("ae", "dae", "vae", "cvae"))
    x = drawn(model.generative, parts, 5)(jax.random.key(2), state)
    assert x.shape == (5, *parts.test[0].shape[1:])
    assert np.isfinite(x).all()
    if parts.raw_test.image_shape and name not in ("ae", "dae"):
        assert 0 <= x.min() <= x.max() <= 1


def test_images_have_values_from_0_to_1_and_classes(monkeypatch):
    _, _, parts = _model("vae", "digits")
    x, y = parts.training
    assert x.shape[1:] == (8, 8, 1)
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert set(np.asarray(y).tolist()) == set(range(10))
    assert parts.validation is not None
    assert _model("gan", "digits")[2].validation is None
    x, y = np.linspace(2.0, 6.0, 40).reshape(10, 4), np.arange(10) % 2
    shown = datasets.Dataset(x, y.astype(np.int32), class_names=("a", "b"), image_shape=(2, 2, 1))
    monkeypatch.setattr(datasets, "load", lambda name: shown)
    parts = _model("gan", "any")[2]
    x = np.concatenate([parts.training[0], parts.test[0]])
    np.testing.assert_allclose(np.sort(x.ravel()), np.linspace(0, 1, 40), atol=1e-6)


@pytest.mark.parametrize("name", ["cgan", "cvae"])
def test_labels_choose_what_a_conditional_model_makes(name):
    _, model, parts, _, state, _ = _trained(name, "digits")
    decode, key = model.generative.decode, jax.random.key(2)
    assert model.generative.num_classes == 10
    x = drawn(model.generative, parts, 12)(key, state)
    codes = jax.random.normal(key, (12, 3), np.float32)
    for i in (1, 11):  # the classes take turns
        np.testing.assert_allclose(x[i], decode(state, codes[i], 1), atol=1e-6)
    assert np.abs(x[1] - decode(state, codes[1], 0)).max() > 1e-4


def test_the_class_reaches_both_halves_of_a_conditional_autoencoder(tmp_path, monkeypatch):
    """In training, in evaluation and in pictures: a batch of threes moves their weights alone."""
    task, model, parts = _model("cvae", "digits")
    trainer = train.make_trainer(model, num_steps=2, learning_rate=1e-3, weight_decay=0.0)
    of_class = np.flatnonzero(parts.training[1] == 3)[:8]
    batch = train.Batch(parts.training[0][of_class], parts.training[1][of_class], np.ones(8, "f4"))
    before = jax.jit(trainer.start)(0)
    state, _ = jax.jit(trainer.step)(before, batch, jax.random.key(1))
    for half, inputs in (("encoder", 64), ("decoder", 3)):
        kernels = [getattr(s.params, half).dense[0].kernel[inputs:] for s in (before, state)]
        moved = np.abs(kernels[1] - kernels[0]).max(axis=1) > 0
        assert np.flatnonzero(moved).tolist() == [3]
    eval_fn = jax.jit(trainer.eval_fn)
    true, false = (eval_fn(state, batch._replace(y=np.full(8, c, np.int32))) for c in (3, 4))
    assert np.abs(true["elbo"] - false["elbo"]).min() > 1e-4
    assert np.abs(true["kl"] - false["kl"]).max() > 1e-4  # what the encoder does to it
    shown = []
    monkeypatch.setattr(_generative_plots, "_show", lambda panel, x, true: shown.append(x))
    states = jax.tree.map(lambda a: a[None], state)
    outcome = train.Outcome(model, states, parts, {}, {})
    task.plots["reconstructions.png"](outcome, tmp_path / "reconstructions.png")
    both = [
        vae.apply(state.params, x, config=model.config, label=y)
        for x, y in zip(parts.test[0][:3], parts.test[1][:3], strict=True)
    ]
    np.testing.assert_allclose(shown[1][:3], both, atol=1e-5)


def test_the_discriminators_rate_falls_over_all_its_updates():
    """Two for one of the generator: after half of them it still learns."""
    _, model, parts = _model("gan", "gaussian_ring", critic_steps=2)
    trainer = train.make_trainer(model, num_steps=2, learning_rate=1e-2, weight_decay=0.0)
    x, y = (np.asarray(a[:8]) for a in parts.training)
    step, states = jax.jit(trainer.step), [jax.jit(trainer.start)(0)]
    for i in range(3):
        batch = train.Batch(x, y, np.ones(8, np.float32))
        states.append(step(states[-1], batch, jax.random.key(i))[0])
    weights = [jax.tree.leaves(state.discriminator.params)[0] for state in states]
    moved = [np.abs(b - a).max() for a, b in itertools.pairwise(weights)]
    assert moved[0] > moved[1] > 0
    assert moved[2] == 0


def test_measures_of_autoencoders():
    """The bound of a β-VAE is not its loss; a denoising one hides entries."""
    metrics = _trained("vae", "digits", beta=4.0)[-1]
    np.testing.assert_allclose(metrics["loss"], 3 * metrics["kl"] - metrics["elbo"], rtol=1e-5)
    assert _model("dae", "digits", noise=0.9)[1].config.masking == 0.9
    assert _model("ae", "digits")[1].config.masking == 0.0


def test_the_way_between_codes_has_its_ends():
    a, b = np.array([3.0, 0.0]), np.array([0.0, 3.0])
    for prior, middle in ((True, 3.0), (False, 3 / np.sqrt(2))):
        way = np.asarray(_between(a, b, prior))
        np.testing.assert_allclose(way[[0, -1]], [a, b], atol=1e-12)
        norms = np.linalg.norm(way, axis=1)
        np.testing.assert_allclose(norms.min(), middle, rtol=1e-2)


def test_a_report_has_true_examples_and_noise_beside():
    """Of points with classes the modes too: the true ones cover all."""
    task, model, parts, _, state, _ = _trained("gan", "gaussian_ring")
    states = jax.tree.map(lambda a: np.stack([a, a]), state)
    test = task.report(model, None, states, parts, None)["test"]
    assert set(test) == {
        "kernel_distance", "precision", "recall", "good_share", "covered_modes"
    }  # fmt: skip
    assert test["covered_modes"]["references"]["true"] == 8
    assert test["good_share"]["references"]["true"] > 0.97
    assert test["good_share"]["references"]["noise"] < 0.3
    assert len(test["precision"]["seeds"]) == 2
    assert len(train.report_tables({"test": test, "test_examples": 9})) == 1


def test_samples_are_of_the_same_codes_from_epoch_to_epoch(tmp_path):
    task, model, parts, _, state, _ = _trained("gan", "gaussian_ring")
    path = tmp_path / "samples.npz"
    write = train.make_writer(task, model, parts, {"sample": 7}, path, 0, print)
    for epoch in (1, 3, 3):
        write(epoch, state)
    with np.load(path) as held:
        assert held["epochs"].tolist() == [1, 3]
        np.testing.assert_array_equal(held["frames"][0], held["frames"][1])
        assert held["frames"].shape == (2, 7, 2)
    train.make_writer(task, model, parts, {"sample": 9}, path, 0, print)(3, state)
    with np.load(path) as held:
        assert held["frames"].shape == (1, 9, 2)
    with pytest.raises(ValueError, match=r"^--top-k is for text"):
        train.make_writer(task, model, parts, {"top_k": 2}, path, 0, print)


def test_samples_are_whole_or_as_they_were(tmp_path, monkeypatch):
    """A full disk leaves the file before; of a damaged file there are no samples."""
    path, frames = tmp_path / "samples.npz", {1: np.zeros((2, 2)), 3: np.ones((2, 2))}
    _generative_plots.write_frames(path, frames)
    whole = path.read_bytes()
    assert list(_generative_plots.frames(path)) == [1, 3]

    def full(self, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match=r"samples\.npz could not be"):
        patch.setattr(Path, "write_bytes", full)
        _generative_plots.write_frames(path, frames)
    assert path.read_bytes() == whole
    for damaged in (whole[:300], b"", b"PK", b"no archive", whole.replace(b"epochs", b"others")):
        path.write_bytes(damaged)
        assert _generative_plots.frames(path) == {}


@pytest.mark.parametrize(
    ("name", "dataset", "latent"),
    [("vae", "digits", 2), ("ae", "digits", 3), ("cvae", "digits", 2), ("cgan", "digits", 3),
     ("gan", "gaussian_ring", 2)],
)  # fmt: skip
def test_pictures(name, dataset, latent, tmp_path):
    task, model, parts, _, state, _ = _trained(name, dataset, latent=latent)
    write = train.make_writer(task, model, parts, {"sample": 12}, tmp_path / "samples.npz", 0, None)
    for epoch in (1, 2):
        write(epoch, state)
    states = jax.tree.map(lambda a: a[None], state)
    outcome = train.Outcome(model, states, parts, {"loss": [1.0]}, {})
    for file, plot in task.plots.items():
        plot(outcome, tmp_path / file)
        head = (tmp_path / file).read_bytes()[:4]
        assert head == (b"GIF8" if file.endswith("gif") else b"\x89PNG")
        picture = imread(tmp_path / file)
        assert (picture[:3] == picture[0, 0]).all(), "no margin above the title"
    assert ("codes.png" in task.plots) == (name in ("vae", "ae", "cvae"))


def test_true_points_are_not_called_made(tmp_path, monkeypatch):
    task, model, parts, _, state, _ = _trained("vae", "gaussian_ring", latent=2)
    figures = []
    monkeypatch.setattr(_generative_plots, "save", lambda figure, path: figures.append(figure))
    outcome = train.Outcome(model, jax.tree.map(lambda a: a[None], state), parts, {}, {})
    task.plots["reconstructions.png"](outcome, tmp_path / "reconstructions.png")
    left, right = figures[0].axes
    shown = lambda panel: {line.get_label(): line.get_xydata() for line in panel.lines}
    assert [list(shown(left)), list(shown(right))] == [["true"], ["true", "made"]]
    for panel in (left, right):  # those whose codes are decoded
        np.testing.assert_allclose(shown(panel)["true"], parts.test[0][:200])
    assert len(shown(right)["made"]) == 200


def test_mistakes():
    with pytest.raises(ValueError, match=r"^iris holds neither images nor points of the plane"):
        _model("vae", "iris")
    bare = datasets.Dataset(np.zeros((9, 4)), np.zeros(9), image_shape=(2, 2, 1))
    for name in ("cgan", "cvae"):
        recipe = train.RECIPES[name]
        with pytest.raises(ValueError, match=rf"^{name} makes examples of a class, and these have"):
            recipe.make(bare, **train.own_options({}, name, train.RECIPES))
    with pytest.raises(ValueError, match=r"^dcgan is for images, and these examples are points"):
        _model("dcgan", "two_moons")
    with pytest.raises(ValueError, match=r"^dcgan halves its images, and 27 pixels are odd"):
        _model("dcgan", "digits", image_size=27)
    model = _model("gan", "two_moons")[1]
    with pytest.raises(ValueError, match=r"^--precision bfloat16 is not for adversarial games"):
        train.make_trainer(
            model, num_steps=1, learning_rate=1.0, weight_decay=0.0, compute_dtype="bfloat16"
        )
