"""Penalties by hand, against optax's decay, and under every kind of mask."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import nn

PARAMS = {
    "embed": nn.Embedding(jnp.array([[1.0, -2.0], [0.5, 0.0]])),
    "norm": nn.LayerNorm(jnp.array([2.0, 2.0]), jnp.array([-1.0, 3.0])),
    "layers": [nn.Dense(jnp.array([[3.0], [-4.0]]), jnp.array([7.0]))],
}
MASK = {
    "embed": nn.Embedding(True),
    "norm": nn.LayerNorm(False, False),
    "layers": [nn.Dense(True, False)],
}


class Net(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, x):
        x = flax.linen.Embed(3, 4)(x)
        x = flax.linen.Conv(2, (2,))(x)
        x = flax.linen.LayerNorm()(x)
        x = flax.linen.BatchNorm(use_running_average=True)(x)
        return flax.linen.Dense(1)(flax.linen.RMSNorm()(x))


def test_decay_mask_of_jaxmath_and_of_flax():
    assert nn.decay_mask(PARAMS) == MASK
    shapes = jax.eval_shape(Net().init, jax.random.key(0), jnp.zeros(5, int))
    kept = jax.tree_util.tree_leaves_with_path(nn.decay_mask(shapes["params"]))
    kept = [jax.tree_util.keystr(path, simple=True, separator="/") for path, keep in kept if keep]
    assert kept == ["Conv_0/kernel", "Dense_0/kernel", "Embed_0/embedding"]


def test_decay_mask_goes_by_name():
    stacked = jax.tree.map(lambda a: jnp.stack([a, a]), PARAMS)
    assert nn.decay_mask(stacked) == MASK
    assert nn.decay_mask(jnp.ones(3)) is True
    assert nn.decay_mask([jnp.ones(3), {"bias": None}]) == [True, {"bias": None}]
    assert nn.decay_mask({"slope": 1.0, "bias": 1.0}, spare=["slope"]) == {
        "slope": False,
        "bias": True,
    }
    with pytest.raises(TypeError, match="decay_mask: argument `spare`"):
        nn.decay_mask(PARAMS, spare="bias")


@pytest.mark.parametrize("mask", [MASK, nn.decay_mask], ids=["tree", "function"])
def test_l2_is_the_decay_of_optax(mask):
    """And the mask works in optax, as a tree and as a function."""
    decay, optimizer = optax.add_decayed_weights(0.1, mask), optax.adamw(0.1, mask=mask)

    @jax.jit
    def every(params):
        zeros = jax.tree.map(jnp.zeros_like, params)
        gradient = jax.grad(lambda p: 0.1 * nn.l2(p, mask=nn.decay_mask(p)))(params)
        theirs, _ = decay.update(zeros, decay.init(params), params)
        return gradient, theirs, optimizer.update(zeros, optimizer.init(params), params)[0]

    gradient, theirs, steps = every(PARAMS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-15), gradient, theirs)
    assert not np.any(steps["layers"][0].bias)
    assert np.all(steps["layers"][0].kernel)


def test_values_and_gradients_by_hand():
    @jax.jit
    def every(params):
        nets = [nn.elastic_net(params, ratio) for ratio in (1.0, 0.0)]
        by_l1 = jax.grad(nn.l1)(params, mask=MASK)
        by_net = jax.grad(nn.elastic_net)(params, 0.75)
        sums = nn.l1(params, mask=MASK), nn.l2(params, mask=MASK), nn.l1(params), nn.l2(params)
        return sums, nets, by_l1, by_net

    sums, nets, by_l1, by_net = every(PARAMS)
    np.testing.assert_allclose(sums, [10.5, 15.125, 25.5, 48.625], rtol=1e-15)
    np.testing.assert_allclose(nets, sums[2:], rtol=1e-15)
    np.testing.assert_array_equal(by_l1["embed"].embedding, [[1, -1], [1, 0]])
    np.testing.assert_array_equal(by_net["embed"].embedding, [[1, -1.25], [0.875, 0]])
    assert not np.any(by_l1["norm"].scale)


def test_masks():
    prefix = {"embed": True, "norm": False, "layers": [nn.Dense(np.True_, False)]}
    assert nn.l1(PARAMS, mask=prefix) == nn.l1(PARAMS, mask=MASK)
    assert nn.l1(PARAMS, mask=True) == nn.l1(PARAMS)
    nothing = nn.l2(jax.tree.map(lambda a: a.astype("float32"), PARAMS), mask=False)
    assert (nothing, nothing.dtype) == (0, jnp.float32)
    for empty in ({}, [], None):
        assert (nn.l2(empty), nn.elastic_net(empty)) == (0, 0)
    with pytest.raises(ValueError, match="argument `mask` must be a tree of booleans that is"):
        nn.l1(PARAMS, mask={"embed": True})
    with pytest.raises(TypeError, match="argument `mask` must hold booleans, got float"):
        nn.l1(PARAMS, mask=jax.tree.map(lambda _: 1.0, PARAMS))


def test_half_precision_is_summed_in_single():
    ones = [jnp.ones(259, jnp.bfloat16) for _ in range(3)]  # bfloat16 has 258 and 260
    assert nn.l1(ones) == jnp.bfloat16(777)
    assert nn.l2(ones) == jnp.bfloat16(388.5)
    assert nn.l2(ones).dtype == jnp.bfloat16


def test_nan_and_infinity_are_seen():
    assert np.isnan(nn.l1([jnp.ones(2), jnp.array(jnp.nan)]))
    assert nn.l2(jnp.array([jnp.inf])) == jnp.inf
