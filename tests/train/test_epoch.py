"""The engine's arithmetic: what it compares and what it adds up."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import train
from jaxmath.train import _epoch
from tests.train import problems as p
from tests.train import toy


@pytest.mark.parametrize("mode", ["scan", "loop"])
def test_a_loss_of_64_bits_is_compared_in_them(mode, tmp_path):
    """1 − 10⁻⁹ w is less after each epoch, and 1 in float32; so it is when the run is resumed."""
    falling = lambda state, batch: {"loss": 1.0 - 1e-9 * state.params["w"][0] + 0.0 * batch.x}
    options = {"batch_size": 4, "key": toy.KEY, "mode": mode, "progress": False, "patience": 1}
    options |= {"eval_fn": falling, "validation": toy.DATA, "checkpoint_dir": tmp_path}
    for num_epochs in (3, 6):
        result = train.fit(
            toy.toy(), toy.step, toy.DATA, num_epochs=num_epochs, resume=True, **options
        )
        assert (result.epochs, result.best_epoch, result.message) == (num_epochs, num_epochs, "")
    p.assert_same(result.best, result.state)


def test_without_64_bits_losses_are_compared_in_float32():
    options = {"batch_size": 4, "key": toy.KEY, "mode": "scan", "progress": False, "patience": 2}
    with jax.enable_x64(False):
        state = toy.toy()
        result = train.fit(
            state, toy.step, toy.DATA, num_epochs=9, eval_fn=toy.eval_fn, validation=toy.DATA,
            **options,
        )  # fmt: skip
    assert (result.epochs, result.best_epoch) == (5, 3)


def test_means_over_many_small_batches():
    """Sums that are only added up are 0.2 % off after 250,000 parts in float32."""
    x = np.full(500_000, 0.1, np.float32)
    means = train.evaluate(lambda state, batch: {"loss": batch.x}, 0.0, (x, x), batch_size=2)
    assert means["loss"] == pytest.approx(0.1, rel=1e-6)
    step = lambda state, batch, key: (state, {"loss": batch.x[0], "endless": jnp.inf * batch.x[1]})
    options = {"num_epochs": 1, "batch_size": 2, "key": toy.KEY, "progress": False, "mode": "scan"}
    history = train.fit(jnp.zeros(()), step, (x, x), **options).history
    assert history["loss"][0] == pytest.approx(0.1, rel=1e-6)
    assert history["endless"][0] == np.inf


def test_the_mean_of_no_example_is_no_number():
    """What a bar shows after a first step that was not taken."""
    means = _epoch._Means({"loss": jnp.zeros(())}, jnp.int32(0))
    assert np.isnan(means.row()["loss"])
    assert means.having({"loss": jnp.array(2.5)}, jnp.int32(4)).row()["loss"] == 2.5


def test_an_infinite_measure_has_an_infinite_mean():
    x = np.arange(7.0)
    infinite = lambda state, batch: {"loss": jnp.where(batch.x == 2, jnp.inf, batch.x), "": batch.x}
    assert train.evaluate(infinite, 0.0, (x, x), batch_size=2) == {"loss": np.inf, "": 3.0}


def test_an_evaluation_traces_under_strict_promotion():
    x = np.arange(7, dtype=np.float32)
    with jax.numpy_dtype_promotion("strict"):
        means = train.evaluate(lambda state, batch: {"loss": batch.x}, 0.0, (x, x), batch_size=2)
    assert means == {"loss": 3.0}


def test_a_bad_step_in_the_first_epoch_leaves_empty_columns():
    options = {"num_epochs": 2, "batch_size": 4, "progress": False}
    options |= {"eval_fn": toy.eval_fn, "validation": toy.DATA}
    names = {"loss", "sum", "validation_loss"}
    with pytest.warns(RuntimeWarning, match=r"at step 1 \(epoch 1\)"):
        history = train.fit(
            toy.toy(bad_loss=1), toy.step, toy.DATA, key=toy.KEY, mode="loop", **options
        ).history
    assert {name: values.shape for name, values in history.items()} == dict.fromkeys(names, (0,))
    lanes = jax.tree.map(lambda *a: jnp.stack(a), *[toy.toy(bad_loss=i) for i in (1, 2)])
    options |= {"key": jax.random.split(toy.KEY, 2), "ensemble": True, "mode": "vmap"}
    with pytest.warns(RuntimeWarning, match=r"at lane 0, step 1 \(epoch 1\); lane 1, step 2"):
        history = train.fit(lanes, toy.step, toy.DATA, **options).history
    assert {name: values.shape for name, values in history.items()} == dict.fromkeys(names, (0, 2))


def test_progress_of_a_validation_that_is_no_number():
    """No word of NumPy's about the mean of nothing."""
    nothing = lambda state, batch: {"loss": jnp.nan * batch.x}
    options = {"num_epochs": 2, "batch_size": 4, "key": toy.KEY, "mode": "scan", "progress": True}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = train.fit(
            toy.toy(), toy.step, toy.DATA, eval_fn=nothing, validation=toy.DATA, **options
        )
    assert (result.epochs, result.best_epoch) == (2, 0)
