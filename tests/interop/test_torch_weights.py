"""State dicts written by PyTorch's conventions in NumPy; PyTorch itself is in benchmarks/."""

from collections import OrderedDict
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import interop, nn
from jaxmath.models import mlp
from tests.interop.test_flax_params import assert_same, weights

RNG = np.random.default_rng(0)
CONFIG = mlp.Config((4, 5, 3), "tanh")
LIKE = jax.eval_shape(lambda: mlp.init(jax.random.key(0), CONFIG, dtype=jnp.float32))


class Conv(NamedTuple):
    """A convolution's parameters, of which only the layout is asked here."""

    kernel: jax.Array
    bias: jax.Array


class Tensor:
    """What a tensor on another device asks for before it becomes an array."""

    def __init__(self, array, calls=()):
        self.array, self.calls = array, calls

    def detach(self):
        return Tensor(self.array, (*self.calls, "detach"))

    def cpu(self):
        return Tensor(self.array, (*self.calls, "cpu"))

    def __array__(self, dtype=None, copy=None):
        assert self.calls == ("detach", "cpu")
        return self.array


def linear(out, into):
    return RNG.standard_normal((out, into), np.float32), RNG.standard_normal(out, np.float32)


def test_an_mlp_computes_what_pytorch_would():
    (W1, b1), (W2, b2) = linear(5, 4), linear(3, 5)
    entries = {"0.weight": W1, "0.bias": b1, "2.weight": W2, "2.bias": b2}
    x = RNG.standard_normal(4, np.float32)
    want = W2 @ np.tanh(W1 @ x + b1) + b2
    params, state = interop.load_torch_state_dict(
        {name: Tensor(array) for name, array in entries.items()}, like=LIKE
    )
    assert state == ()
    np.testing.assert_allclose(mlp.apply(params, x, config=CONFIG), want, rtol=1e-5)
    back = interop.to_torch_state_dict(params, names=["0", "2"])
    assert list(back) == list(entries)
    assert_same(back, entries)
    assert all(array.flags.c_contiguous and array.flags.owndata for array in back.values())


def test_names_choose_the_modules():
    (W1, b1), (W2, b2) = linear(5, 4), linear(3, 5)
    entries = {"out.weight": W2, "out.bias": b2, "into.weight": W1, "into.bias": b1}
    params, _ = interop.load_torch_state_dict(entries, like=LIKE, names=["into", "out"])
    np.testing.assert_array_equal(params[1].kernel, W2.T)
    one, _ = interop.load_torch_state_dict({"weight": W1, "bias": b1}, like=LIKE[0])
    np.testing.assert_array_equal(one.kernel, W1.T)


def test_convolutions_compute_what_pytorch_would():
    """(O, I, H, W) on (C, H, W): cross-correlation by loops, against HWIO on (H, W, C)."""
    weight, bias = RNG.standard_normal((3, 2, 2, 4)), RNG.standard_normal(3)
    like = (Conv(jnp.zeros((2, 4, 2, 3)), jnp.zeros(3)),)
    (conv,), _ = interop.load_torch_state_dict({"c.weight": weight, "c.bias": bias}, like=like)
    x = RNG.standard_normal((2, 5, 6))
    want = np.empty((3, 4, 3))
    for o, i, j in np.ndindex(want.shape):
        want[o, i, j] = bias[o] + np.sum(weight[o] * x[:, i : i + 2, j : j + 4])
    ours = jax.lax.conv_general_dilated(
        x.transpose(1, 2, 0)[None], conv.kernel, (1, 1), "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )[0] + conv.bias[None, None]  # fmt: skip
    np.testing.assert_allclose(ours, want.transpose(1, 2, 0), rtol=1e-12)
    back = interop.to_torch_state_dict((conv,), names=["c"])
    np.testing.assert_array_equal(back["c.weight"], weight)


def test_every_layer_goes_there_and_back():
    params, state = weights()
    there = interop.to_torch_state_dict(params, state, num_batches=7)
    assert [name for name in there if name.startswith("BatchNorm_0")] == [
        f"BatchNorm_0.{name}"
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    ]
    assert there["Dense_1.weight"].shape == (2, 6)
    assert there["BatchNorm_0.num_batches_tracked"] == 7
    assert_same(interop.load_torch_state_dict(there, like=params, model_state=state),
                (params, state))  # fmt: skip


def test_an_ordered_dict_keeps_its_order():
    """jax flattens it in its own order, any other dictionary by the names."""
    layers = [nn.batch_norm_init(3), nn.batch_norm_init(3)]
    (first, one), (last, two) = [jax.tree.map(lambda a, i=i: a + i, layer)
                                 for i, layer in enumerate(layers)]  # fmt: skip
    params = OrderedDict(b=first, a=last)
    for state in (OrderedDict(b=one, a=two), OrderedDict(a=two, b=one), {"a": two, "b": one}):
        there = interop.to_torch_state_dict(params, state)
        np.testing.assert_array_equal(there["a.weight"], last.scale)
        np.testing.assert_array_equal(there["a.running_mean"], two.mean)
        assert_same(interop.load_torch_state_dict(there, like=params, model_state=state),
                    (params, state))  # fmt: skip
    named = interop.to_torch_state_dict(params, state, names=["first", "last"])
    np.testing.assert_array_equal(named["first.weight"], first.scale)


def test_running_variances_change_their_convention():
    """Both libraries' recursions over the same batches, PyTorch's with momentum 0.1."""
    X = RNG.standard_normal((4, 8, 3))
    mean, torch_var, our_var = np.zeros(3), np.ones(3), np.ones(3)
    for x in X:
        mean = 0.9 * mean + 0.1 * x.mean(0)
        torch_var = 0.9 * torch_var + 0.1 * x.var(0, ddof=1)
        our_var = 0.9 * our_var + 0.1 * x.var(0)
    params, state = nn.batch_norm_init(3)
    entries = {"weight": np.ones(3), "bias": np.zeros(3), "running_mean": mean,
               "running_var": torch_var, "num_batches_tracked": np.array(4)}  # fmt: skip
    load = lambda **kw: interop.load_torch_state_dict(
        entries, like=(params,), model_state=(state,), **kw
    )
    assert_same(load()[1][0].var, jnp.asarray(torch_var))
    np.testing.assert_allclose(load(batch_values=8)[1][0].var, our_var, rtol=1e-14)
    back = interop.to_torch_state_dict(*load(batch_values=8), batch_values=8, num_batches=4)
    np.testing.assert_allclose(back["BatchNorm_0.running_var"], torch_var, rtol=1e-14)
    del entries["num_batches_tracked"]
    with pytest.raises(ValueError, match="`batch_values` needs num_batches_tracked"):
        load(batch_values=8)
    with pytest.raises(ValueError, match="`num_batches` must be at least 1"):
        interop.to_torch_state_dict((params,), (state,), batch_values=8)
    with pytest.raises(ValueError, match="statistics of 1 batch norms, got 0"):
        interop.to_torch_state_dict((params,))


def test_a_layer_without_bias_has_zeros():
    """Linear, Conv2d and LayerNorm take ``bias=False``; a batch norm has both or none."""
    (W1, _), (W2, b2) = linear(5, 4), linear(3, 5)
    entries = {"0.weight": W1, "2.weight": W2, "2.bias": b2}
    x = RNG.standard_normal(4, np.float32)
    params, _ = interop.load_torch_state_dict(entries, like=LIKE)
    want = W2 @ np.tanh(W1 @ x) + b2
    np.testing.assert_allclose(mlp.apply(params, x, config=CONFIG), want, rtol=1e-5)
    assert params[0].bias.dtype == jnp.float32
    np.testing.assert_array_equal(params[0].bias, np.zeros(5))
    np.testing.assert_array_equal(params[1].bias, b2)
    conv = (Conv(jnp.zeros((2, 4, 2, 3)), jnp.ones(3)),)
    weight = RNG.standard_normal((3, 2, 2, 4))
    (found,), _ = interop.load_torch_state_dict({"c.weight": weight}, like=conv)
    np.testing.assert_array_equal(found.bias, np.zeros(3))
    norm = nn.layer_norm_init(3)
    found, _ = interop.load_torch_state_dict({"weight": np.full(3, 2.0)}, like=norm)
    assert_same(found, norm._replace(scale=jnp.full(3, 2.0)))
    # Another name than the bias' is a mistake, not a bias that is not there.
    with pytest.raises(ValueError, match=r"missing 0\.bias; unexpected 0\.b"):
        interop.load_torch_state_dict(entries | {"0.b": b2}, like=LIKE)
    with pytest.raises(ValueError, match=r"missing 0\.weight$"):
        interop.load_torch_state_dict(
            {"0.bias": np.ones(5), "2.weight": W2, "2.bias": b2}, like=LIKE
        )
    params, state = nn.batch_norm_init(3)
    there = interop.to_torch_state_dict((params,), (state,), names=["n"])
    del there["n.bias"]
    with pytest.raises(ValueError, match=r"missing n\.bias"):
        interop.load_torch_state_dict(there, like=(params,), model_state=(state,))


def test_what_does_not_fit_is_named():
    (W1, b1), (W2, b2) = linear(5, 4), linear(3, 5)
    load = lambda entries, like=LIKE: interop.load_torch_state_dict(entries, like=like)
    first = {"a.weight": W1, "a.bias": b1}
    with pytest.raises(ValueError, match=r"2 layers Dense_0, Dense_1 need as many .* got 'a'$"):
        load(first)
    with pytest.raises(ValueError, match=r"missing b.bias; unexpected b.gain; b.weight is of shape "
                                         r"\(5, 3\), not of shape \(3, 5\)"):  # fmt: skip
        load(first | {"b.weight": W2.T, "b.gain": b2})
    with pytest.raises(TypeError, match=r"a.bias is no array, got str"):
        load({"a.weight": W1, "a.bias": "b"})
    with pytest.raises(TypeError, match=r"1 is an array outside a layer"):
        load(first, like=(LIKE[0], W1))
    with pytest.raises(TypeError, match="gain has no counterpart in PyTorch"):
        interop.to_torch_state_dict(NamedTuple("Odd", [("gain", int)])(b1))
    with pytest.raises(TypeError, match="`state_dict` must be a mapping"):
        load([W1])


@pytest.mark.parametrize("init", [nn.lstm_init, nn.elman_init])
def test_a_recurrent_cell_is_no_dense_layer(init):
    cell = init(jax.random.key(0), 3, 4)
    match = f": {type(cell).__name__}_0, .* has no counterpart in PyTorch"
    with pytest.raises(TypeError, match="to_torch_state_dict" + match):
        interop.to_torch_state_dict((cell,), names=["c"])
    weights = {"c.weight": np.moveaxis(cell.kernel, (-1, -2), (0, 1)), "c.bias": cell.bias}
    with pytest.raises(TypeError, match="load_torch_state_dict" + match):
        interop.load_torch_state_dict(weights, like=(cell,))
