"""Our models in Flax's own training loops, against our step."""

import types

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from flax.training import train_state

from jaxmath import interop, nn, train
from jaxmath.models import mlp
from tests.interop import tiny

CONFIG = tiny.Config(rate=0.0)  # without dropout, whose draws are Flax's own
X = jnp.asarray(np.random.default_rng(0).standard_normal((6, 3)))
Y = jnp.array([0, 1, 0, 1, 1, 0])
SGD = optax.sgd(0.5)


class TrainState(train_state.TrainState):
    batch_stats: dict


def loss(logits):
    return jnp.mean(jax.vmap(nn.softmax_cross_entropy)(logits, Y))


def assert_close(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for u, v in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-12, atol=1e-14)


@pytest.fixture(scope="module")
def by_engine():
    """The start, three of our steps from it, and the evaluation after them."""
    params, state = jax.jit(tiny.init, static_argnums=1)(jax.random.key(0), CONFIG)
    train_fn = lambda *args, axis_name: tiny.train(*args, config=CONFIG, axis_name=axis_name)
    step = jax.jit(train.supervised_step(train_fn, nn.softmax_cross_entropy, SGD))
    run = train.init_state(jax.random.key(1), params, state, optimizer=SGD)
    for _ in range(3):
        run, _ = step(run, train.Batch(X, Y, jnp.ones(6)), jax.random.key(2))
    (first, norm, last), (stats,) = jax.device_get((run.params.layers, run.model_state))
    h = (np.asarray(X) @ first.kernel + first.bias - stats.mean) / np.sqrt(stats.var + 1e-5)
    logits = np.tanh(norm.scale * h + norm.bias) @ last.kernel + last.bias
    return (params, state), (run.params, run.model_state), logits


def test_linen_trains_as_we_do(by_engine):
    (params, state), wanted, logits = by_engine
    module = interop.to_linen(tiny, CONFIG)
    variables = jax.eval_shape(module.init, jax.random.key(0), X)
    shapes = lambda tree: jax.tree.map(jnp.shape, tree)
    tree, stats = interop.to_flax_params(params), interop.to_flax_params(state)
    assert shapes(variables) == shapes({"params": tree, "batch_stats": stats})

    @jax.jit
    def step(run):
        def objective(tree):
            y, new = module.apply(
                {"params": tree, "batch_stats": run.batch_stats},
                X, train=True, mutable=["batch_stats"], rngs={"dropout": jax.random.PRNGKey(3)},
            )  # fmt: skip
            return loss(y), new["batch_stats"]

        grads, new = jax.grad(objective, has_aux=True)(run.params)
        return run.apply_gradients(grads=grads, batch_stats=new)

    run = TrainState.create(apply_fn=module.apply, params=tree, tx=SGD, batch_stats=stats)
    for _ in range(3):
        run = step(run)
    back = (
        interop.from_flax_params(run.params, like=params),
        interop.from_flax_params(run.batch_stats, like=state),
    )
    assert_close(back, wanted)
    variables = {"params": run.params, "batch_stats": run.batch_stats}
    assert_close(jax.jit(module.apply)(variables, X), logits)


def test_nnx_trains_as_we_do(by_engine):
    (params, state), wanted, logits = by_engine
    module = interop.to_nnx(tiny, CONFIG, rngs=nnx.Rngs(0))
    nnx.update(module.params, interop.to_flax_params(params))
    optimizer = nnx.Optimizer(module, SGD, wrt=nnx.Param)

    @nnx.jit
    def step(module, optimizer):
        grads = nnx.grad(lambda module: loss(module(X)))(module)
        optimizer.update(module, grads)

    for _ in range(3):
        step(module, optimizer)
    pure = lambda tree: nnx.to_pure_dict(nnx.state(tree))
    back = (
        interop.from_flax_params(pure(module.params), like=params),
        interop.from_flax_params(pure(module.model_state), like=state),
    )
    assert_close(back, wanted)
    module.eval()
    assert_close(nnx.jit(lambda module: module(X))(module), logits)


def test_each_call_and_each_example_has_its_own_key():
    """A model that returns its key, from Flax's stream "dropout", and zeros in evaluation."""
    echo = types.ModuleType("echo")
    echo.init = lambda key, config: {}
    echo.apply = lambda params, x, *, config: jnp.zeros(2, jnp.uint32)
    echo.train = lambda key, params, x, *, config: jax.random.key_data(key)
    linen = interop.to_linen(echo, None)
    apply = jax.jit(lambda key: linen.apply({}, X, train=True, rngs={"dropout": key}))
    module = interop.to_nnx(echo, None, rngs=nnx.Rngs(params=0, dropout=1))
    call = nnx.jit(lambda module: module(X))
    keys = [apply(jax.random.PRNGKey(0)), apply(jax.random.PRNGKey(1)), call(module), call(module)]
    assert len(np.unique(np.concatenate(keys), axis=0)) == 4 * len(X)
    np.testing.assert_array_equal(apply(jax.random.PRNGKey(0)), keys[0])
    module.eval()
    assert not np.any(call(module))
    assert not np.any(linen.apply({}, X))


def test_a_model_without_train_is_evaluated():
    plain = types.ModuleType("plain")
    plain.init = lambda key, config: {"w": jax.random.normal(key, (config,))}
    plain.apply = lambda params, x, *, config: params["w"] * x
    linen = interop.to_linen(plain, 3)
    variables = linen.init(jax.random.key(0), X)
    want = variables["params"]["w"][None] * X
    np.testing.assert_array_equal(linen.apply(variables, X, train=True), want)
    assert hash(linen) == hash(interop.to_linen(plain, 3))


def test_bad_calls():
    with pytest.raises(TypeError, match="`model` must have functions `init` and `apply`"):
        interop.to_linen(nn, None)
    with pytest.raises(TypeError, match="`config` must be hashable, got list"):
        interop.to_nnx(mlp, [3], rngs=nnx.Rngs(0))
    with pytest.raises(TypeError, match=r"`rngs` must be a .*Rngs, got int"):
        interop.to_nnx(mlp, mlp.Config((2, 3)), rngs=0)
    linen = interop.to_linen(tiny, CONFIG)
    variables = jax.eval_shape(linen.init, jax.random.key(0), X)
    with pytest.raises(ValueError, match="`x` must be a batch"):
        linen.apply(variables, 3.0)
    with pytest.raises(flax.errors.InvalidRngError, match="dropout"):
        linen.apply(variables, X, train=True, mutable=["batch_stats"])
