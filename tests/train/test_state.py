"""TrainState and Flax's, both ways."""

import jax
import jax.numpy as jnp
import optax
import pytest
from flax.training import train_state

from jaxmath import train
from jaxmath.train import Batch
from tests.train import problems as p


def test_round_trip_is_exact():
    state = p.start()._replace(model_state={"mean": jnp.arange(3.0)}, step=jnp.int32(7))
    flax_state = train.to_flax(state, apply_fn=p.APPLY_FN, optimizer=p.OPTIMIZER)
    assert isinstance(flax_state, train_state.TrainState)
    p.assert_same(train.from_flax(flax_state), state)


def test_flax_takes_the_same_step():
    """One update by Flax's apply_gradients, in a jit that carries Flax's state."""
    x, y = map(jnp.asarray, p.data(8))
    state = p.start()

    def mean_loss(params):
        logits = jax.vmap(lambda x: p.APPLY_FN(params, (), x))(x)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, y))

    update = jax.jit(lambda s: s.apply_gradients(grads=jax.grad(mean_loss)(s.params)))
    theirs = update(train.to_flax(state, apply_fn=p.APPLY_FN, optimizer=p.OPTIMIZER))
    ours, _ = p.JIT_STEP(state, Batch(x, y, jnp.ones(8)), jax.random.key(1))
    p.assert_same(train.from_flax(theirs), ours, rtol=1e-5, atol=1e-6)


def test_plain_flax_state_needs_a_key():
    plain = train_state.TrainState.create(apply_fn=None, params=jnp.ones(2), tx=optax.sgd(0.1))
    with pytest.raises(ValueError, match="`key` is needed"):
        train.from_flax(plain)
    state = train.from_flax(plain, key=jax.random.key(3))
    assert state.model_state == ()
    assert int(state.step) == 0


def test_refusals():
    with pytest.raises(TypeError, match="`state` must be a TrainState"):
        train.to_flax((1, 2), apply_fn=None, optimizer=p.OPTIMIZER)
    with pytest.raises(TypeError, match="without params, opt_state, step"):
        train.from_flax(3, key=jax.random.key(0))
    with pytest.raises(TypeError, match="`optimizer`"):
        train.init_state(jax.random.key(0), jnp.ones(2), optimizer=0.1)
