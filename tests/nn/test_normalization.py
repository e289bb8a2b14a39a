"""Normalization against Flax, by its invariances, and where the statistics are hard."""

import functools

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, PartitionSpec

from jaxmath import nn

KEPT = {"use_fast_variance": False}
SHAPES = {"layer": (4, 6), "rms": (4, 6), "group": (4, 3, 2, 6), "instance": (4, 3, 2, 6),
          "batch": (4, 3, 2, 6)}  # fmt: skip
PARAMS = {"layer": nn.LayerNorm, "rms": nn.RMSNorm, "group": nn.GroupNorm,
          "instance": nn.InstanceNorm, "batch": nn.BatchNorm}  # fmt: skip
OURS = {
    "layer": nn.layer_norm,
    "rms": nn.rms_norm,
    "group": functools.partial(nn.group_norm, num_groups=3),
    "instance": nn.instance_norm,
}
THEIRS = {
    "layer": flax.linen.LayerNorm(**KEPT, dtype=None, param_dtype=float),
    "rms": flax.linen.RMSNorm(param_dtype=float),
    "group": flax.linen.GroupNorm(num_groups=3, **KEPT, param_dtype=float),
    "instance": flax.linen.InstanceNorm(**KEPT, param_dtype=float),
}
BATCH = flax.linen.BatchNorm(momentum=0.9, **KEPT)


def batch_train(params, state, X, **kwargs):
    one = lambda x: nn.batch_norm_train(params, state, x, axis_name="batch", **kwargs)
    return jax.vmap(one, axis_name="batch", out_axes=(0, None))(X)


def ours(name, params, state, X):
    if name in OURS:
        return jax.vmap(OURS[name], in_axes=(None, 0))(params, X), ()
    y, state = batch_train(params, state, X)
    running = jax.vmap(nn.batch_norm_apply, in_axes=(None, None, 0))(params, state, X)
    return y, (state.mean, state.var, running)


def theirs(name, params, state, X):
    variables = {"params": params._asdict()}
    if name in THEIRS:
        return THEIRS[name].apply(variables, X), ()
    variables["batch_stats"] = state._asdict()
    y, new = BATCH.apply(variables, X, use_running_average=False, mutable=["batch_stats"])
    running = BATCH.apply({**variables, **new}, X, use_running_average=True)
    return y, (new["batch_stats"]["mean"], new["batch_stats"]["var"], running)


def results(fn, inputs):
    def total(name, weights, *args):
        y, rest = fn(name, *args)
        return jnp.sum(weights * y), (y, rest)

    return {
        name: jax.value_and_grad(functools.partial(total, name), argnums=(1, 3), has_aux=True)(
            *args
        )
        for name, args in inputs.items()
    }


def make_inputs(dtype):
    rng = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(rng.standard_normal(shape), dtype)
    inputs = {}
    for name, shape in SHAPES.items():
        params = PARAMS[name](*(1 + 0.5 * draw(6) for _ in PARAMS[name]._fields))
        state = nn.BatchNormState(draw(6), 1 + draw(6) ** 2)
        inputs[name] = (draw(*shape), params, state, 2 + draw(*shape))
    return inputs


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_values_and_gradients_agree_with_flax(dtype, rtol):
    inputs = make_inputs(dtype)
    both = jax.jit(lambda inputs: (results(ours, inputs), results(theirs, inputs)))(inputs)
    for name in SHAPES:
        got, want = (jax.tree.leaves(side[name]) for side in both)
        assert len(got) == len(want)
        for a, b in zip(got, want, strict=True):
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=0, atol=rtol * np.max(np.abs(b)), err_msg=name)


def test_the_output_has_the_moments_that_it_should():
    rng = np.random.default_rng(1)
    x = jnp.asarray(5 + 3 * rng.standard_normal((4, 5, 6)))
    group = jax.jit(functools.partial(nn.group_norm, num_groups=2, eps=1e-12))
    groups = np.asarray(group(nn.GroupNorm(np.ones(6), np.zeros(6)), x)).reshape(20, 2, 3)
    np.testing.assert_allclose(groups.mean((0, 2)), 0, atol=1e-13)
    np.testing.assert_allclose(groups.var((0, 2)), 1, rtol=1e-11)
    y = jax.jit(nn.rms_norm)(nn.RMSNorm(np.ones(6)), 1e6 * x[0, 0])
    np.testing.assert_allclose(np.mean(np.square(y)), 1, rtol=1e-11)


def test_one_family():
    """One group is a layer norm of the whole, C groups an instance norm; a batch of one too."""
    x = jnp.asarray(np.random.default_rng(2).standard_normal((3, 2, 4)))

    @jax.jit
    def family(x):
        flat = nn.layer_norm(nn.layer_norm_init(24), x.reshape(-1)).reshape(x.shape)
        one = nn.group_norm(nn.group_norm_init(4), x, num_groups=1)
        each = nn.group_norm(nn.group_norm_init(4), x, num_groups=4)
        instance = nn.instance_norm(nn.instance_norm_init(4), x)
        alone = batch_train(*nn.batch_norm_init(4), x[None], eps=1e-6)[0][0]
        return (flat, one), (instance, each, alone)

    for first, *others in family(x):
        for other in others:
            np.testing.assert_allclose(other, first, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_two_passes_keep_the_digits_of_a_large_mean(dtype):
    """mean(x²) − mean(x)² has no digit left here."""
    offset = 2.0 ** (11 if dtype == "float32" else 25)
    x = jnp.asarray(offset + np.arange(4.0), dtype)
    want = np.array([-1.5, -0.5, 0.5, 1.5]) / np.sqrt(1.25)

    @jax.jit
    def every(x):
        layer = nn.layer_norm(nn.layer_norm_init(4, dtype=dtype), x, eps=1e-30)
        params, state = nn.batch_norm_init(1, dtype=dtype)
        instance = nn.instance_norm(nn.InstanceNorm(*params), x[:, None], eps=1e-30)[:, 0]
        return layer, instance, batch_train(params, state, x[:, None], eps=1e-30)[0][:, 0]

    for y in every(x):
        np.testing.assert_allclose(y, want, rtol=8 * float(jnp.finfo(dtype).eps))


def test_half_precision_has_statistics_in_single():
    """In bfloat16 a sum of 1,000 ones stops at 256."""
    x = np.concatenate([np.ones(1000), -3 * np.ones(1000)]).astype(jnp.bfloat16)
    layer = jax.jit(nn.layer_norm)
    ones, zeros = np.ones(2000), np.zeros(2000)
    y = layer(nn.LayerNorm(ones.astype(x.dtype), zeros.astype(x.dtype)), x)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_array_equal(y, np.sign(x.astype(float)))
    mixed = layer(nn.LayerNorm(ones.astype(np.float32), zeros.astype(np.float32)), x)
    assert mixed.dtype == jnp.float32
    params, state = nn.batch_norm_init(2, dtype=jnp.bfloat16)
    assert (params.scale.dtype, state.mean.dtype) == (jnp.bfloat16, jnp.float32)

    @jax.jit
    def both(state, X):
        y, new = batch_train(params, state, X)
        return y, new, nn.batch_norm_apply(params, new, X[0])

    with jax.numpy_dtype_promotion("strict"):
        y, new, running = jax.eval_shape(both, state, jnp.ones((4, 2), jnp.bfloat16))
    assert (y.dtype, running.dtype, new.mean.dtype) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)


def test_constant_features_give_the_bias_and_a_finite_gradient():
    params = nn.LayerNorm(jnp.array([2.0, 3.0]), jnp.array([0.5, -0.5]))
    value, jacobian = jax.jit(
        lambda x: (nn.layer_norm(params, x), jax.jacrev(lambda x: nn.layer_norm(params, x))(x))
    )(jnp.full(2, 7.0))
    np.testing.assert_array_equal(value, params.bias)
    want = np.array([[1.0, -1.0], [-1.5, 1.5]]) / np.sqrt(1e-6)
    np.testing.assert_allclose(jacobian, want, rtol=1e-12)
    at_zero = jax.jit(jax.jacrev(functools.partial(nn.rms_norm, nn.RMSNorm(params.scale))))(
        jnp.zeros(2)
    )
    np.testing.assert_allclose(at_zero, np.diag(params.scale) / np.sqrt(1e-6), rtol=1e-12)
    y, state = jax.jit(batch_train)(*nn.batch_norm_init(2), jnp.full((1, 2), 7.0))
    np.testing.assert_array_equal(y, np.zeros((1, 2)))
    np.testing.assert_allclose(state.mean, 0.7)
    np.testing.assert_allclose(state.var, 0.9)


def test_batch_statistics_are_global_over_several_axes():
    """Nested batches, and a batch over devices, normalize as the flat one does."""
    X = jnp.asarray(np.random.default_rng(3).standard_normal((6, 2, 3)))
    params, state = nn.batch_norm_init(3)
    want = jax.jit(batch_train)(params, state, X)
    names = ("outer", "batch")
    one = lambda x: nn.batch_norm_train(params, state, x, axis_name=names)
    inner = jax.vmap(one, axis_name="batch", out_axes=(0, None))
    outer = jax.jit(jax.vmap(inner, axis_name="outer", out_axes=(0, None)))
    mesh, spec = (
        jax.make_mesh((1,), ("outer",), axis_types=(AxisType.Auto,)),
        PartitionSpec("outer"),
    )
    over_devices = jax.jit(
        jax.shard_map(
            inner, mesh=mesh, in_specs=spec, out_specs=(spec, PartitionSpec()), check_vma=False
        )
    )
    for y, new in (outer(X.reshape(2, 3, 2, 3)), over_devices(X)):
        np.testing.assert_allclose(y.reshape(X.shape), want[0], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(new, want[1], rtol=1e-13)


def test_running_variance_is_biased_and_converges():
    X = jnp.array([[0.0], [2.0]])
    params, state = nn.batch_norm_init(1)
    step = jax.jit(lambda s: batch_train(params, s, X, momentum=0.5)[1])
    for _ in range(60):
        state = step(state)
    np.testing.assert_allclose((state.mean[0], state.var[0]), (1.0, 1.0), rtol=1e-14)
    kept = batch_train(params, state, 9 * X, momentum=1.0)[1]
    np.testing.assert_array_equal(kept, state)


def test_channels_that_groups_do_not_divide_and_dtypes():
    with pytest.raises(ValueError, match="group_norm: argument `num_groups` must divide the 4"):
        nn.group_norm(nn.group_norm_init(4), jnp.ones(4), num_groups=3)
    with pytest.raises(ValueError, match=r"argument `x` must have rank 1 or 2 or 3.*jax.vmap"):
        nn.group_norm(nn.group_norm_init(4), jnp.ones((2, 2, 2, 4)), num_groups=2)
    for init in (nn.layer_norm_init, nn.rms_norm_init, nn.group_norm_init, nn.instance_norm_init):
        with pytest.raises(TypeError, match=f"{init.__name__}: argument `dtype`"):
            init(3, dtype=int)
        with pytest.raises(ValueError, match=f"{init.__name__}: argument `size`"):
            init(0)
        assert {leaf.dtype for leaf in init(3, dtype=jnp.float32)} == {jnp.dtype(jnp.float32)}
    with pytest.raises(ValueError, match="layer_norm: argument `eps` must be above 0"):
        nn.layer_norm(nn.layer_norm_init(2), jnp.ones(2), eps=0.0)
    with pytest.raises(NameError, match="batch"):
        nn.batch_norm_train(*nn.batch_norm_init(2), jnp.ones(2), axis_name="batch")


@pytest.mark.parametrize("large", [1e30, 3e38])
def test_the_gradient_of_a_mean_square_that_overflows_is_0(large):
    params = nn.RMSNorm(jnp.ones(2, jnp.float32))
    total = jax.grad(lambda x: jnp.sum(nn.rms_norm(params, x)))
    np.testing.assert_array_equal(total(jnp.array([large, 1.0], jnp.float32)), np.zeros(2))
