"""Weights by name: a Flax network of the same layers takes ours and computes the same."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import interop, nn

KEPT = {"use_fast_variance": False}


class Net(flax.linen.Module):
    """Every layer that both have."""

    @flax.linen.compact
    def __call__(self, x):
        x = flax.linen.Embed(5, 6)(x)
        x = flax.linen.LayerNorm(**KEPT)(x)
        x = flax.linen.Dense(6)(x)
        x = flax.linen.RMSNorm()(x)
        x = flax.linen.GroupNorm(num_groups=3, **KEPT)(x)
        x = flax.linen.InstanceNorm(**KEPT)(x)
        x = flax.linen.BatchNorm(use_running_average=True, **KEPT)(x)
        return flax.linen.Dense(2)(x)


def ours(params, state, x):
    embed, layer, dense, rms, group, instance, batch, last = params
    each = jax.vmap(lambda x: nn.layer_norm(layer, nn.embedding_apply(embed, x)))
    x = jax.vmap(lambda x: nn.rms_norm(rms, nn.dense_apply(dense, x)))(each(x))
    x = nn.instance_norm(instance, nn.group_norm(group, x, num_groups=3))
    x = nn.batch_norm_apply(batch, state[0], x)
    return jax.vmap(lambda x: nn.dense_apply(last, x))(x)


def weights():
    """Random ones, so that none can stand for another."""
    embed, layer, dense, rms, group, instance, batch, last = [
        (5, 6), [(6,)] * 2, [(6, 6), (6,)], (6,), [(6,)] * 2, [(6,)] * 2, [(6,)] * 2, [(6, 2), (2,)]
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    draw = lambda shape: jnp.asarray(rng.uniform(0.5, 1.5, shape))
    params = (
        nn.Embedding(draw(embed)),
        nn.LayerNorm(*map(draw, layer)),
        nn.Dense(*map(draw, dense)),
        nn.RMSNorm(draw(rms)),
        nn.GroupNorm(*map(draw, group)),
        nn.InstanceNorm(*map(draw, instance)),
        nn.BatchNorm(*map(draw, batch)),
        nn.Dense(*map(draw, last)),
    )
    return params, (nn.BatchNormState(draw((6,)), draw((6,))),)


def assert_same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for u, v in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert u.dtype == v.dtype
        np.testing.assert_array_equal(u, v)


def test_a_flax_network_takes_our_weights():
    params, state = weights()
    variables = {
        "params": interop.to_flax_params(params),
        "batch_stats": interop.to_flax_params(state),
    }
    x = jnp.array([[0, 4, 2, 1], [3, 3, 1, 0]])
    shape = lambda tree: jax.tree.map(jnp.shape, tree)
    assert shape(jax.eval_shape(Net().init, jax.random.key(0), x)) == shape(variables)
    value = jax.jit(jax.vmap(ours, in_axes=(None, None, 0)))(params, state, x)
    np.testing.assert_allclose(value, jax.jit(Net().apply)(variables, x), rtol=1e-12, atol=1e-12)


def test_round_trip_is_exact():
    params, state = weights()
    mixed = {"b": params, "a": [params[0].embedding, params[:2], ()], "c": state[0]}
    for tree in (params, state, (), nn.Dense(*params[2]), mixed):
        there = interop.to_flax_params(tree)
        abstract = jax.eval_shape(lambda tree=tree: tree)
        assert_same(interop.from_flax_params(there, like=abstract), tree)
    assert list(interop.to_flax_params(mixed)["a"]) == ["0", "1", "2"]
    low = jax.tree.map(lambda a: a.astype(jnp.bfloat16), params)
    assert_same(interop.from_flax_params(interop.to_flax_params(low), like=params), low)


def test_gradients_go_there_and_back():
    params, _ = weights()
    total = lambda tree: sum(jnp.sum(a * a) for a in jax.tree.leaves(tree))
    ours = lambda tree: total(interop.from_flax_params(tree, like=params))
    gradient = jax.jit(jax.grad(ours))(interop.to_flax_params(params))
    doubled = jax.tree.map(lambda a: a * 2, params)
    assert_same(interop.from_flax_params(gradient, like=params), doubled)


def test_what_does_not_fit_is_named():
    like = (nn.Dense(jnp.ones((2, 3)), jnp.ones(3)),)
    tree = {"Dense_0": {"kernel": jnp.ones((3, 2))}, "Dense_1": {"bias": jnp.ones(3)}}
    with pytest.raises(ValueError) as caught:
        interop.from_flax_params(tree, like=like)
    assert str(caught.value) == (
        "from_flax_params: the weights do not fit argument `like`: missing Dense_0.bias; "
        "unexpected Dense_1.bias; Dense_0.kernel is of shape (3, 2), not of shape (2, 3)"
    )
    with pytest.raises(TypeError, match="must hold arrays, got float at Dense_0"):
        interop.from_flax_params({"Dense_0": 1.0}, like=like)
    with pytest.raises(TypeError, match="argument `tree` must be a mapping"):
        interop.from_flax_params(like, like=like)
    with pytest.raises(TypeError, match="`params` must be a record, tuple or dictionary"):
        interop.to_flax_params(jnp.ones(3))
    with pytest.raises(TypeError, match="nothing but arrays in records"):
        interop.to_flax_params((None, jnp.ones(3)))
    with pytest.raises(ValueError, match=r"two leaves of the tree have the name 'a.b'"):
        interop.to_flax_params({"a.b": jnp.ones(3), "a": {"b": jnp.ones(3)}})
