"""Files there and back to the byte, what other programs see in them, and bad ones."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from jaxmath import interop, nn
from tests.interop.test_flax_params import assert_same, weights


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def test_round_trip_is_exact(path):
    params, state = weights()
    tree = {
        "params": params,
        "batch_stats": state,
        "low": jax.tree.map(lambda a: a.astype(jnp.bfloat16), params[:2]),
        "odd": (jnp.arange(6).reshape(2, 3).T, jnp.float32(np.nan), jnp.zeros((0, 3)), ()),
    }
    interop.save_safetensors(path, tree, metadata={"seed": "3"})
    abstract = jax.eval_shape(lambda: tree)
    loaded = interop.load_safetensors(path, like=abstract)
    assert_same(loaded, tree)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(loaded))
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"seed": "3"}


def test_64_bits_stay_64_where_jax_holds_32(path):
    wide = {
        "count": np.array([2**40 + 1, -1]), "w": np.array([[1 / 3, 1e300], [0.1, -0.0]]).T,
        "foreign": np.array([0.1, 2.0]).astype(">f8"), "scale": np.float64(1 / 3),
    }  # fmt: skip
    tree = wide | {"one": jnp.ones(2, jnp.float32), "number": 0.1}
    with jax.enable_x64(False):
        interop.save_safetensors(path, tree)
        loaded = interop.load_safetensors(path, like=tree)
        with pytest.raises(ValueError, match=r"count is I64 of shape \(2,\), not I32 of shape"):
            interop.load_safetensors(path, like=tree | {"count": jnp.zeros(2, int)})
    for name, leaf in wide.items():
        assert type(loaded[name]) is np.ndarray
        assert loaded[name].dtype == leaf.dtype.newbyteorder("=")
        np.testing.assert_array_equal(loaded[name], leaf)
    assert isinstance(loaded["one"], jax.Array)
    assert (loaded["number"].dtype, float(loaded["number"])) == (np.float32, np.float32(0.1))
    # With x64 on, jax holds them.
    again = interop.load_safetensors(path, like=wide | {"one": tree["one"], "number": np.float32()})
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(again))
    assert int(again["count"][0]) == 2**40 + 1


def test_names_are_flax_paths(path):
    params, _ = weights()
    interop.save_safetensors(str(path), params)
    arrays = safetensors.numpy.load_file(path)
    assert {"Dense_0.kernel", "Dense_1.bias", "Embed_0.embedding"} < arrays.keys()
    np.testing.assert_array_equal(arrays["Dense_0.kernel"], params[2].kernel)


def test_other_weights_are_refused_before_any_is_read(path):
    interop.save_safetensors(path, (nn.Dense(jnp.ones((2, 3)), jnp.ones(3)),))
    like = (nn.Dense(jnp.ones((3, 2)), jnp.ones(3, jnp.float32)), nn.RMSNorm(jnp.ones(2)))
    with pytest.raises(ValueError) as caught:
        interop.load_safetensors(path, like=like)
    assert str(caught.value) == (
        "load_safetensors: the weights do not fit argument `like`: missing RMSNorm_0.scale; "
        "Dense_0.kernel is F64 of shape (2, 3), not F64 of shape (3, 2), "
        "Dense_0.bias is F64 of shape (3,), not F32 of shape (3,)"
    )


def test_bad_files(path, tmp_path, monkeypatch):
    params = (nn.Dense(jnp.ones((2, 3)), jnp.ones(3)),)
    interop.save_safetensors(path, params)
    whole = path.read_bytes()
    for bad in (whole[:-3], whole[:20], b"", b"a text that is no safetensors file"):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=r"weights.safetensors is truncated or no safetensors"):
            interop.load_safetensors(path, like=params)
    for missing in (tmp_path, tmp_path / "other"):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            interop.load_safetensors(missing, like=params)
    with pytest.raises(OSError, match=r"save_safetensors: .* cannot be written"):
        interop.save_safetensors(tmp_path / "no" / "where", params)
    with pytest.raises(TypeError, match=r"cannot hold the dtype complex128 of params.w"):
        interop.save_safetensors(path, {"w": jnp.ones(2, complex)})
    with pytest.raises(TypeError, match="`metadata` must hold strings by strings, got int at 'a'"):
        interop.save_safetensors(path, params, metadata={"a": 3})
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for call in (lambda: interop.save_safetensors(path, params),
                 lambda: interop.load_safetensors(path, like=params)):  # fmt: skip
        with pytest.raises(ImportError, match=r"needs the package safetensors: pip install"):
            call()


def test_the_name_of_the_header_is_refused_before_the_file_is_touched(path):
    interop.save_safetensors(path, {"w": jnp.ones(2)})
    whole = path.read_bytes()
    with pytest.raises(ValueError, match=r"save_safetensors: .* `params` .* leaf __metadata__"):
        interop.save_safetensors(path, {"__metadata__": jnp.ones(2)})
    assert path.read_bytes() == whole
    tree = {"a": {"__metadata__": jnp.ones(2)}}
    interop.save_safetensors(path, tree)
    assert_same(interop.load_safetensors(path, like=tree), tree)
