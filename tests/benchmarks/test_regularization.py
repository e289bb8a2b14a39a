"""The benchmark of regularization: its lanes are what it says, and its figures add up."""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import regularization
from jaxmath import datasets
from jaxmath.models import mlp


def test_a_lane_without_strengths_is_the_plain_network():
    key, x = jax.random.key(0), jnp.linspace(0.0, 1.0, 64, dtype=jnp.float32)
    lanes = regularization.Lane(
        jnp.zeros((2, 1), int), jnp.zeros((2, 1), int), *jnp.array([[0.0, 0.5]] + [[0.0, 1.0]] * 2)
    )

    @jax.jit
    def both(lanes):
        params = mlp.init(key, regularization.CONFIG, dtype=jnp.float32)
        train_fn = lambda lane: regularization.regularized(key, params, lane, x, "batch")[0]
        plain = mlp.apply(params, x, config=regularization.CONFIG)
        return params, plain, jax.vmap(train_fn)(lanes)

    params, plain, (logits, penalty) = both(lanes)
    np.testing.assert_allclose(logits[0], plain, rtol=1e-5, atol=1e-6)
    assert penalty[0] == 0
    squares = sum(float(jnp.sum(layer.kernel**2)) for layer in params)
    np.testing.assert_allclose(penalty[1], 0.25 * squares, rtol=1e-5)
    np.testing.assert_allclose(logits[1], params[1].bias)  # all hidden units are dropped


def test_choice_and_standard_error(monkeypatch):
    """The strength of least validation loss; the gain over none, seed by seed."""
    noise = np.array([0.0, 0.3, 0.6])

    def made_up(parts, runs, keys, options):
        gains = {"none": 0.0, "L2": 0.2, "dropout": 0.1, "augmentation": 0.3}
        rows = {
            (m, s): {
                "validation loss": 2 - gains[m] + abs(s - 0.5),
                "test loss": 2 - gains[m] * noise,
            }
            for m, s in runs
        }
        return rows | {(regularization.EARLY, 0.0): rows["none", 0.0]}

    monkeypatch.setattr(regularization, "few_and_noisy", made_up)
    options = argparse.Namespace(strengths=9, tuning_seeds=2, seeds=3)
    rows = regularization.regularization(options)
    assert list(rows) == [*regularization.METHODS, regularization.EARLY]
    assert rows["dropout"]["strength"] == rows["augmentation"]["strength"] == 0.5
    assert rows["none"]["gain over none"] == rows[regularization.EARLY]["gain over none"] == 0
    np.testing.assert_allclose(rows["L2"]["gain over none"], 0.06)
    np.testing.assert_allclose(rows["L2"]["standard error"], 0.2 * 0.3 / np.sqrt(3))


@pytest.mark.parametrize("examples", ["0", "5000"])
def test_a_training_set_is_a_part_of_the_digits(examples, capsys):
    with pytest.raises(SystemExit) as stop:
        regularization.main(["--examples", examples])
    assert stop.value.code == 2
    assert f"error: --examples must be 1 to 1078, got {examples}" in capsys.readouterr().err
    part, _, _ = datasets.split(jax.random.key(0), datasets.digits(), (0.6, 0.2, 0.2))
    assert part.num_examples == regularization.LARGEST


@pytest.mark.full
def test_a_tiny_run(capsys, tmp_path):
    size = ["--seeds", "2", "--tuning-seeds", "2", "--strengths", "1", "--epochs", "2"]
    attack = ["--attack-seeds", "2", "--attack-epochs", "2"]
    regularization.main([*size, *attack, "--json", str(tmp_path / "out.json")])
    assert "PGD-20" in capsys.readouterr().out
