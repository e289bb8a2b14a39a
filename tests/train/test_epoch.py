"""The engine's arithmetic: what it compares and what it adds up."""

import jax
import pytest

from jaxmath import train
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
