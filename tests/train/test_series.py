"""Series as the script has them: the next value of each is the target."""

import jax
import numpy as np
import pytest

from jaxmath import train


@pytest.mark.parametrize("validation", [0.1, 0.0])
def test_parts(validation):
    recipe = train.RECIPES["gru"]
    own = train.own_options({"length": 30, "hidden": [4]}, "gru", train.RECIPES)
    task = train.task_of(recipe, "sine")
    assert task is train.SERIES
    parts = task.parts(jax.random.key(0), "sine", validation, own)
    x, y = parts.training
    assert x.shape == y.shape == (720 if validation else 800, 30, 1)
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    assert (parts.validation is None) == (validation == 0.0)
    model = recipe.make(parts.raw_test, **own)
    assert (model.config.sizes, model.config.task) == ((1, 4, 1), "many_to_many")
    assert float(model.loss(np.array([[1.0], [3.0]]), np.zeros((2, 1)))) == 5.0
