"""The argument checks: what passes is an array, what does not names the argument."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import typing


def test_aliases_are_importable():
    assert isinstance(jnp.ones(2), typing.Array)
    assert all(hasattr(typing, name) for name in typing.__all__)


def test_as_array():
    assert typing.as_array("x", [1, 2]).dtype == jnp.float64
    assert typing.as_array("x", np.ones(2, np.float32)).dtype == jnp.float32
    assert typing.as_array("x", [True, False], kind="bool").dtype == jnp.bool_
    assert typing.as_array("x", [1], kind="integer").dtype == jnp.int64
    with pytest.raises(TypeError, match=r"argument `x` must be an array, got str"):
        typing.as_array("x", "word")
    with pytest.raises(TypeError, match="`labels` must have an integer dtype, got dtype float"):
        typing.as_array("labels", [0.5], kind="integer")
    with pytest.raises(TypeError, match="`x` must have a real floating dtype, got dtype complex"):
        typing.as_array("x", [1j])
    with pytest.raises(
        ValueError, match=r"rank 1 or 2, got shape \(1, 1, 1\); for a batch, use jax"
    ):
        typing.as_array("x", np.ones((1, 1, 1)), ndim=(1, 2))
    with pytest.raises(ValueError, match=r"`x` must have shape \(2, any\), got \(3, 1\)"):
        typing.as_array("x", np.ones((3, 1)), shape=(2, None))
    with pytest.raises(ValueError, match=r"`x` must have at least 1 elements, got shape \(0,\)"):
        typing.as_array("x", [], min_size=1)


@pytest.mark.parametrize("kind", ["floating", "inexact", "number"])
def test_integers_beyond_those_of_jax_become_floating_numbers(kind):
    """Without x64 jax would wrap NumPy's to its own 32 bits, silently."""
    many = 2**40 + 7
    with jax.enable_x64(False):
        for x in (many, np.int64(many), np.array(many), np.uint64(many)):
            array = typing.as_array("x", x, kind=kind)
            assert (array.dtype, float(array)) == (jnp.float32, float(np.float32(many)))
        for x in ([many, -3], np.array([many, -3]), [-(2**70), 1]):
            array = typing.as_array("x", x, kind=kind)
            np.testing.assert_array_equal(array, np.asarray(x).astype(np.float32))
        assert typing.as_array("x", np.array([many, -many]), kind="integer").tolist() == [
            2**31 - 1,
            -(2**31),
        ]
        with pytest.raises(ValueError, match="`x` must fit in jax's integers"):
            typing.as_array("x", many, kind="integer")
    with pytest.raises(ValueError, match="`x` must fit"):
        typing.as_array("x", 10**400, kind=kind)


def test_errors_name_the_public_function():
    def public(x):
        return _private(x)

    def _private(x):
        return typing.as_array("x", x, ndim=1)

    with pytest.raises(ValueError, match=r"^public: argument `x`"):
        public(1.0)


def test_checks_are_free_under_jit():
    jaxpr = jax.make_jaxpr(lambda x: typing.as_array("x", x, ndim=1, shape=(None,)))(jnp.ones(3))
    assert len(jaxpr.eqns) <= 1  # at most an identity


def test_as_key():
    key = jax.random.key(0)
    assert typing.as_key("key", key) is key
    with pytest.raises(
        TypeError, match=r"`key` must be a random key from jax\.random\.key\(seed\)"
    ):
        typing.as_key("key", 0)
    with pytest.raises(TypeError, match="got an array of dtype uint32"):
        typing.as_key("key", jax.random.PRNGKey(0))
    with pytest.raises(ValueError, match=r"one key, got keys of shape \(2,\)"):
        typing.as_key("key", jax.random.split(key))
    jax.vmap(lambda k: jax.random.key_data(typing.as_key("key", k)))(jax.random.split(key))


def test_check_number():
    typing.check_number("b1", 0.9, low=0.0, high=1.0)
    jax.jit(lambda b1: typing.check_number("b1", b1, low=0.0))(-1.0)  # only values show it
    jax.jit(lambda b1: typing.check_number("b2", 0.5, low=b1, high=1.0))(0.9)
    with pytest.raises(ValueError, match="`b2` must be at most 1, got 2"):
        jax.jit(lambda b1: typing.check_number("b2", 2, low=b1, high=1))(0.9)
    with pytest.raises(ValueError, match="`b1` must be above 0 and below 1, got 1"):
        typing.check_number("b1", 1, low=0, high=1, open_low=True, open_high=True)
    with pytest.raises(ValueError, match="`b1` must be at least 0, got nan"):
        typing.check_number("b1", float("nan"), low=0)
    with pytest.raises(TypeError, match="`n` must be an integer, got float"):
        typing.check_number("n", 1.5, integer=True)
    with pytest.raises(TypeError, match="`n` must be an integer, got dtype float32"):
        jax.jit(lambda n: typing.check_number("n", n, integer=True))(jnp.float32(2.7))
    with pytest.raises(TypeError, match="`n` must be a number, got str"):
        typing.check_number("n", "many")


def test_check_number_looks_at_the_numbers_of_numpy_too():
    for value in (np.array(2.5), np.array([1.5, 2.5]), np.array(True)):
        with pytest.raises(TypeError, match=f"`n` must be an integer, got dtype {value.dtype}"):
            typing.check_number("n", value, integer=True)
    for value in (np.array(-1), np.int64(-1), np.array(-0.5)):
        with pytest.raises(ValueError, match="`n` must be at least 0, got -"):
            typing.check_number("n", value, low=0)
    for value in (3, np.int8(3), np.array(3), np.array([1, 2]), 10**400):
        typing.check_number("n", value, low=0, integer=True)
    with pytest.raises(ValueError, match="`n` must be at most 5, got 1000"):
        typing.check_number("n", 10**400, high=5)
    with pytest.raises(TypeError, match="`n` must be a number, got list"):
        typing.check_number("n", [2])


def test_check_precision():
    typing.check_precision("x", {"a": jnp.ones(2, jnp.float32), "b": jnp.ones(2, jnp.complex64)})
    typing.check_precision("x", jnp.arange(3, dtype=jnp.int8))
    for dtype in ("float16", "bfloat16"):
        with pytest.raises(TypeError, match=f"`x` must have single or double precision.*{dtype}"):
            typing.check_precision("x", (jnp.ones(2), jnp.ones(2, dtype)))
