"""Predictions beside the model applied to one example after another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import train
from tests.train import problems as p


def test_every_example_in_its_place():
    """Sizes that fill their batches and that do not, and more lanes than one."""
    x, _ = p.data(50)
    states = jax.tree.map(lambda *a: jnp.stack(a), p.start(0), p.start(1))
    lane = lambda i: jax.tree.map(lambda a: a[i], states)
    one = jax.jit(lambda state, x: p.APPLY_FN(state.params, state.model_state, x))
    want = np.stack([[one(lane(i), row) for row in x] for i in range(2)])
    for n, size in ((50, 16), (48, 16), (3, 500)):
        found = train.predict(p.APPLY_FN, lane(0), x[:n], batch_size=size)
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, want[0, :n], rtol=1e-5, atol=1e-6)
    both = train.predict(p.APPLY_FN, states, x, batch_size=16, ensemble=True)
    np.testing.assert_allclose(both, want, rtol=1e-5, atol=1e-6)
    del p.TRACES[:]
    train.predict(p.APPLY_FN, lane(1), x[:49], batch_size=16)  # filled up to the length of 50
    assert not p.TRACES


def test_trees_and_low_precision():
    """A tree of inputs, one of outputs; bfloat16 shows in the values, not in their dtype."""

    def apply_fn(params, model_state, x):
        return {"sum": params * (x["a"] + x["b"]), "row": x["i"]}

    state = train.init_state(jax.random.key(0), jnp.float32(1.0), (), optimizer=p.OPTIMIZER)
    x = {"a": np.full(3, 1, np.float32), "b": np.full(3, 2**-10, np.float32), "i": np.arange(3)}
    full = train.predict(apply_fn, state, x)
    np.testing.assert_array_equal(full["row"], [0, 1, 2])
    np.testing.assert_array_equal(full["sum"], np.float32(1 + 2**-10))
    low = train.predict(apply_fn, state, x, compute_dtype=jnp.bfloat16)
    assert low["sum"].dtype == np.float32
    np.testing.assert_array_equal(low["sum"], 1.0)


def test_an_output_without_elements():
    nothing = lambda params, model_state, x: {"y": x, "none": jnp.zeros((2, 0))}
    found = train.predict(nothing, p.start(), np.arange(5.0), batch_size=2)
    np.testing.assert_array_equal(found["y"], np.arange(5.0))
    assert found["none"].shape == (5, 2, 0)


def test_what_cannot_be_predicted_is_one_clear_line():
    x, _ = p.data(20)
    predict = lambda x, **kw: train.predict(p.APPLY_FN, p.start(), x, **kw)
    with pytest.raises(ValueError, match=r"^predict: argument `x` is empty$"):
        predict(x[:0])
    with pytest.raises(ValueError, match=r"`x` must have one row an example .*'x\[1\]': 3"):
        predict((x, x[:3]))
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        predict(x, batch_size=0)
    with pytest.raises(TypeError, match=r"^predict: argument `compute_dtype` must be a real flo"):
        predict(x, compute_dtype=int)
    spoilt = x.copy()
    spoilt[7, 2] = np.nan
    with pytest.raises(ValueError, match="x is not finite in 1 of 20 examples, the first at inde"):
        predict(spoilt)
