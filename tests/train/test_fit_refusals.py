"""What `fit` refuses: data, settings, and what a step or an evaluation returns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import train
from tests.train import problems as p
from tests.train import toy
from tests.train.test_fit import KNOWN, VALIDATED, _fit_toy


@pytest.mark.parametrize(("name", "value"), [
    ("metadata", {"seed": np.int64(0)}), ("checkpoint_every", float("nan")),
    ("checkpoint_every", -5.0), ("callback", 3),
])  # fmt: skip
def test_a_wrong_setting_is_told_before_the_first_step(name, value):
    with pytest.raises((TypeError, ValueError), match=f"fit: argument `{name}` must be"):
        train.fit(p.start(), None, p.data(50), **(KNOWN | {name: value}))


def test_bad_data_is_one_clear_line():
    x, y = p.data(20)
    fit = lambda data, **kw: train.fit(p.start(), p.STEP, data, **(KNOWN | {"batch_size": 8} | kw))
    with pytest.raises(ValueError, match="`data` is empty"):
        fit((x[:0], y[:0]))
    with pytest.raises(ValueError, match="`validation` is empty"):
        fit((x, y), eval_fn=p.EVAL, validation=(x[:0], y[:0]))
    with pytest.raises(ValueError, match="`batch_size` is 32, larger than the 20 examples"):
        fit((x, y), batch_size=32)
    with pytest.raises(ValueError, match=r"one row an example .* .data\.y.: 19"):
        fit((x, y[:19]))
    spoilt = x.copy()
    spoilt[[7, 11], 2] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"data\.x is not finite in 2 of 20 .* index 7"):
        fit((spoilt, y))
    with pytest.raises(TypeError, match=r"data\.y must be an array of numbers, got dtype <U1"):
        fit((x, np.array(list("abcdefghijklmnopqrst"))))
    with jax.enable_x64(False), pytest.raises(ValueError, match=r"data\.x is not finite in 1 of"):
        fit((np.where(np.arange(x.size).reshape(x.shape) == 5, 1e300, x), y))
    with pytest.raises(ValueError, match=r"validation\.y is outside 0 … 1 in \d+ of 20 examples"):
        fit((x, np.minimum(y, 1)), num_classes=2, eval_fn=p.EVAL, validation=(x, y))
    with pytest.raises(TypeError, match=r"`data` must be a pair"):
        fit(x)


def test_bad_options_are_refused():
    fit = lambda **kw: train.fit(p.start(), p.STEP, p.data(20), **(KNOWN | kw))
    with pytest.raises(ValueError, match="`eval_fn` and `validation` go together"):
        fit(eval_fn=p.EVAL)
    with pytest.raises(ValueError, match="`patience` needs `validation`"):
        fit(patience=3)
    with pytest.raises(ValueError, match="`mode` must be"):
        fit(mode="vmap")
    with pytest.raises(ValueError, match="one leading axis of lanes"):
        fit(ensemble=True)
    with pytest.raises(ValueError, match="`num_epochs`"):
        fit(num_epochs=0)
    with pytest.raises(ValueError, match="`key` is needed"):
        train.fit(toy.toy(), toy.step, toy.DATA, num_epochs=1, batch_size=4)
    with pytest.raises(TypeError, match="`ema` needs a state"):
        train.fit((), toy.step, toy.DATA, num_epochs=1, batch_size=4, ema=0.9, key=toy.KEY)


@pytest.mark.parametrize(("name", "value", "message"), [
    ("mesh", 2, "must be a mesh from data_mesh, got int"),
    ("num_classes", "a", "must be a number, got str"),
    ("batch_size", jnp.float32(5), "must be an integer, got float"),
    ("batch_size", np.array([5]), "must be an integer, got ndarray"),
    ("metadata", [1], "must be a dictionary, got list"),
    ("metadata", {"engine": 1}, "must not hold 'engine', the name of what `fit` itself keeps"),
    ("eval_fn", "a", "must be a function, got str"),
    ("resume", True, "needs `checkpoint_dir`"),
    ("checkpoint_dir", 3, "must be a path, got int"),
])  # fmt: skip
def test_an_argument_of_another_kind_is_named(name, value, message):
    with pytest.raises((TypeError, ValueError), match=f"^fit: argument `{name}` {message}$"):
        train.fit(p.start(), p.STEP, p.data(50), **(KNOWN | VALIDATED | {name: value}))


def test_a_step_that_is_none():
    with pytest.raises(TypeError, match=r"^fit: argument `step` must be a function, got None"):
        train.fit(p.start(), None, p.data(50), **KNOWN)


def test_scalar_arrays_are_numbers():
    numbers = {"num_epochs": jnp.int32(6), "batch_size": jnp.int32(4), "ema": jnp.float32(0.75)}
    options = {"eval_fn": toy.eval_fn, "validation": toy.DATA}
    result = _fit_toy(toy.toy(), patience=jnp.int32(9), **numbers, **options)
    expected = _fit_toy(toy.toy(), patience=9, ema=0.75, **options)
    p.assert_same((result.state, result.best), (expected.state, expected.best))


@pytest.mark.parametrize("mode", ["scan", "loop"])
@pytest.mark.parametrize(("returned", "message"), [
    (lambda s: s, r"return \(state, metrics\), .* got Toy"),
    (lambda s: (s, None), r"return \(state, metrics\), .* got \(Toy, NoneType\)"),
    (lambda s: (s, {"loss": s.params["w"]}), r"return a scalar for 'loss', got shape \(2,\)"),
    (lambda s: (s._replace(params={}), {"loss": s.rate}), r"one without state\.params\['w'\]"),
    (lambda s: (s._replace(params=[s.rate]), {"loss": s.rate}), r"one without state\.params\["),
    (lambda s: (s._replace(params={"w": s.params["w"].astype(jnp.float32)}), {"loss": s.rate}),
     r"return state\.params\['w'\] as it was given, float64\(2,\), got float32\(2,\)"),
    (lambda s: (s._replace(rate=jnp.ones(3)), {"loss": s.rate}),
     r"return state\.rate as it was given, float64\(\), got float64\(3,\)"),
    (lambda s: (s._replace(steps=0.5), {"loss": s.rate}), r"state\.steps as .*, got float64\(\)"),
    (lambda s: (s._replace(rate="fast"), {"loss": s.rate}), r"arrays in .*state\.rate of type str"),
    (lambda s: (tuple(s), {"loss": s.rate}), r"a state of the structure that it was given, got"),
    (lambda s: (s, {"loss": 1j * s.rate}), r"return real numbers for 'loss', got complex128"),
    (lambda s: (s, {"loss": s.rate, "a": toy.KEY}), r"real numbers for 'a', got key<fry>"),
    (lambda s: (s, {"loss": s.rate, 3: s.rate}), r"name each measure by a string, got 3"),
])  # fmt: skip
def test_what_a_step_must_return(returned, message, mode):
    step = lambda state, batch, key: returned(state)
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "progress": False, "mode": mode}
    with pytest.raises((TypeError, ValueError), match=f"^fit: argument `step` must .*{message}"):
        train.fit(toy.toy(), step, toy.DATA, **options)


def test_a_list_in_place_of_a_tuple():
    step = lambda state, batch, key: (list(state), {"loss": state[0]})
    state = (jnp.zeros(()), jnp.zeros(()))
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "progress": False, "mode": "scan"}
    with pytest.raises(ValueError, match=r"(?m)was given, got one of list in place of tuple$"):
        train.fit(state, step, toy.DATA, **options)
    inside = lambda state, batch, key: ({"a": [*state["a"]]}, {"loss": state["a"][0]})
    with pytest.raises(ValueError, match=r"(?m)was given, got one of other containers$"):
        train.fit({"a": state}, inside, toy.DATA, **options)


@pytest.mark.parametrize("mode", ["scan", "loop"])
def test_weak_types_are_no_other_dtype(mode):
    """``jnp.array(1.0)`` and a Python number have the dtype, though weakly."""
    weak = lambda s, batch, key: (s._replace(start=jnp.array(2.0), rate=3.0), {"loss": s.rate})
    options = {"num_epochs": 2, "batch_size": 4, "key": toy.KEY, "progress": False, "mode": mode}
    result = train.fit(toy.toy(), weak, toy.DATA, **options)
    assert (float(result.state.start), float(result.state.rate)) == (2.0, 3.0)


def test_a_state_of_numbers():
    """NumPy's and Python's are held as jax holds them; integers that it would cut are refused."""
    step = lambda s, batch, key: (s._replace(params=s.params + 1.0), {"loss": s.params})
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "progress": False, "mode": "scan"}
    state = toy.toy()._replace(params=0.0, steps=2**40)
    result = train.fit(state, step, toy.DATA, ema=0.5, **options)
    assert (float(result.state.params), int(result.state.steps)) == (3.0, 2**40)
    assert float(result.best.params) == 0.5 * 3 + 0.25 * 2 + 0.125
    with (
        jax.enable_x64(False),
        pytest.raises(ValueError, match=r"^fit: state\.steps has the integer 1099511627776, which"),
    ):
        train.fit(state, step, toy.DATA, **options)


@pytest.mark.parametrize("mode", ["scan", "loop"])
@pytest.mark.parametrize(("eval_fn", "message"), [
    (lambda state, batch: {"error": batch.x}, r"return 'loss', got \['error'\]"),
    (lambda state, batch: {"loss": jnp.mean(batch.x)},
     r"one value for each example, shape \(4,\), for 'loss', got shape \(\)"),
    (lambda state, batch: jnp.mean(batch.x), r"return a dictionary of values of shape \(n,\), got"),
    (lambda state, batch: {"loss": 1j * batch.x}, r"return real numbers for 'loss', got complex"),
    (lambda state, batch: {"loss": batch.x, 3: batch.x}, r"name each measure by a string, got 3"),
])  # fmt: skip
def test_what_an_evaluation_must_return_is_told_before_the_first_step(eval_fn, message, mode):
    calls = []
    options = {"eval_fn": eval_fn, "validation": toy.DATA, "mode": mode}
    with pytest.raises((TypeError, ValueError), match=f"^fit: argument `eval_fn` must .*{message}"):
        _fit_toy(toy.toy(), callback=lambda *row: calls.append(row), **options)
    assert not calls


@pytest.mark.parametrize("mode", ["scan", "loop"])
def test_a_metric_that_the_evaluation_would_write_over(mode):
    step = lambda state, batch, key: (state, {"loss": state.rate, "validation_loss": state.rate})
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "progress": False, "mode": mode}
    with pytest.raises(
        ValueError, match=r"^fit: argument `step` must not return 'validation_loss'"
    ):
        train.fit(toy.toy(), step, toy.DATA, eval_fn=toy.eval_fn, validation=toy.DATA, **options)


@pytest.mark.parametrize("make", [np.zeros, jnp.zeros])
def test_what_a_callback_returns_is_true_or_false(make):
    message = r"^fit: argument `callback` must return what is true or false, got .* shape \(2,\)$"
    with pytest.raises(TypeError, match=message):
        _fit_toy(toy.toy(), num_epochs=1, callback=lambda epoch, row: make(2))


def test_a_mean_is_no_measure_of_each_example():
    """It was added up once for each example of the batch, those that only fill it up left out."""
    eval_fn = lambda state, batch: {"loss": batch.x, "mean": jnp.mean(batch.x)}
    with pytest.raises(ValueError, match=r"^evaluate: argument `eval_fn` .* for 'mean', got shape"):
        train.evaluate(eval_fn, 0.0, toy.DATA, batch_size=4)
    for name, value in (("eval_fn", "a"), ("mesh", 2), ("batch_size", "a")):
        arguments = {"eval_fn": toy.eval_fn, name: value}
        with pytest.raises(TypeError, match=f"^evaluate: argument `{name}` must be a"):
            train.evaluate(state=toy.toy(), data=toy.DATA, **arguments)


def test_integers_that_would_wrap_are_refused():
    """2³² + 1 is 1 in 32 bits, which is a class."""
    x, y = p.data(20)
    wide = y.astype(np.int64)
    with jax.enable_x64(False):
        options = KNOWN | {"num_classes": 3, "mode": "scan"}
        start = jax.tree.map(jnp.asarray, p.start())
        p.assert_same(
            train.fit(start, p.STEP, (x, wide), **options).state,
            train.fit(start, p.STEP, (x, y), **options).state,
        )
        for dtype, number in ((np.int64, 2**32 + 1), (np.int64, -(2**31) - 1), (np.uint64, 2**32)):
            spoilt = wide.astype(dtype)
            spoilt[7] = number
            with pytest.raises(ValueError, match=rf"^fit: data\.y has the integer {number}, which"):
                train.fit(start, p.STEP, (x, spoilt), **options)
        with pytest.raises(
            ValueError, match=r"^predict: x has the integer 4294967303, which int32"
        ):
            train.predict(lambda params, model_state, x: x, start, np.array([2**32 + 7]))


@pytest.mark.parametrize("call", [
    lambda data: train.fit(p.start(), p.STEP, data, **KNOWN),
    lambda data: train.evaluate(p.EVAL, p.start(), data),
])  # fmt: skip
def test_data_of_no_arrays(call):
    x, y = p.data(20)
    for empty in ((), None, {}):
        with pytest.raises(ValueError, match=r"argument `data` has no array in data\.x$"):
            call((empty, y))
    with pytest.raises(ValueError, match="one row an example in each array") as info:
        call((x.tolist(), y.tolist()))
    message = str(info.value)
    assert "got {'data.x[0][0]': 'a number'} and 99 more; lists and tuples are pytrees" in message
    assert "np.asarray" in message
    with pytest.raises(ValueError, match=r"\{'data.x': 20, 'data.y\[0\]': 'a number'\} and 19 m"):
        call((x, y.tolist()))
