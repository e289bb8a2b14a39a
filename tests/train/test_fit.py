"""The engine against loops written out, and its books against counting."""

import builtins
import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import datasets, nn, train
from jaxmath.train import Batch, _data, _driver, _epoch, _progress
from tests.train import problems as p
from tests.train import toy

KNOWN = {"num_epochs": 3, "batch_size": 16, "progress": False}
VALIDATED = {"eval_fn": p.EVAL, "validation": p.data(21, 1)}


def _fit_toy(state, **kwargs):
    options = {"num_epochs": 6, "batch_size": 4, "key": toy.KEY, "mode": "scan", "progress": False}
    return train.fit(state, toy.step, toy.DATA, **(options | kwargs))


def _by_hand(state, data, num_epochs, batch_size):
    """Textbook training: sort the examples by random numbers, cut, fill up the last batch."""
    x, y = data
    n, losses = len(y), []
    for epoch in range(num_epochs):
        shuffle_key, step_key = jax.random.split(jax.random.fold_in(state.key, epoch))
        words = np.asarray(jax.random.bits(shuffle_key, (1, n), jnp.uint32))[0]
        # 14 = (3 · 6 + 9)/2 rounded up; above, a coin for two that tie (three do not here).
        order = np.argsort(words & (2**14 - 1), kind="stable")
        drawn = words[order] & (2**14 - 1)
        for j in np.flatnonzero((drawn[1:] == drawn[:-1]) & (words[1:] >= 2**31)):
            order[[j, j + 1]] = order[[j + 1, j]]
        total = 0.0
        for i in range(-(-n // batch_size)):
            places = np.arange(i * batch_size, (i + 1) * batch_size)
            rows = order[places % n]
            weight = (places < n).astype(np.float32)
            batch = Batch(jnp.asarray(x[rows]), jnp.asarray(y[rows]), jnp.asarray(weight))
            state, metrics = p.JIT_STEP(state, batch, jax.random.fold_in(step_key, i))
            total += float(metrics["loss"]) * weight.sum()
        losses.append(total / n)
    return state, losses


@pytest.fixture(scope="module")
def scanned():
    return train.fit(p.start(), p.STEP, p.data(50), mode="scan", **KNOWN, **VALIDATED)


def test_both_programs_are_the_loop_by_hand(scanned):
    looped = train.fit(p.start(), p.STEP, p.data(50), mode="loop", **KNOWN, **VALIDATED)
    state, losses = _by_hand(p.start(), p.data(50), 3, 16)
    for result in (scanned, looped):
        p.assert_same(result.state, state, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(result.history["loss"], losses, rtol=1e-4)
        assert int(result.state.step) == 3 * 4
    for name, values in scanned.history.items():
        np.testing.assert_allclose(looped.history[name], values, rtol=1e-5)
    # The faster one is one of them.
    auto = train.fit(p.start(), p.STEP, p.data(50), **KNOWN, **VALIDATED)
    assert auto.mode in ("scan", "loop")
    p.assert_same(auto.state, scanned.state, rtol=1e-5, atol=1e-6)


def test_another_length_is_the_same_program(scanned):
    del p.TRACES[:]
    a = train.fit(p.start(), p.STEP, p.data(49), mode="scan", **KNOWN, **VALIDATED)
    b = train.fit(p.start(), p.STEP, p.data(52), mode="scan", **KNOWN, **VALIDATED)
    assert not p.TRACES
    losses = _by_hand(p.start(), p.data(49), 3, 16)[1]
    np.testing.assert_allclose(a.history["loss"], losses, rtol=1e-4)
    assert b.history["loss"][0] != a.history["loss"][0]


def test_a_weakly_typed_state_is_the_same_program():
    """``jnp.array(0.0)`` is one; an epoch's result is none."""
    traces = []

    def train_fn(key, params, model_state, x, axis_name):
        traces.append(params)
        return params * x, model_state

    state = train.init_state(toy.KEY, jnp.array(0.0), optimizer=optax.sgd(0.1))
    assert state.params.weak_type
    step = train.supervised_step(train_fn, nn.squared_error, optax.sgd(0.1))
    options = {"num_epochs": 4, "batch_size": 4, "mode": "scan", "progress": False}
    train.fit(state, step, toy.DATA, **options)
    assert len(traces) == 1


def test_shuffles_are_uniform():
    """All 24 orders of four examples among six rows, as often; 5 standard errors."""
    real = jnp.array([True, False, True, True, False, True])
    num = 4800
    keys = jax.random.split(jax.random.key(0), num)
    rows = np.asarray(jax.jit(jax.vmap(lambda key: _data.shuffled(key, real)))(keys))
    assert {tuple(sorted(row)) for row in rows[:, :4].tolist()} == {(0, 2, 3, 5)}
    _, counts = np.unique(rows[:, :4], axis=0, return_counts=True)
    assert counts.shape == (24,)
    assert np.abs(counts - 200).max() < 5 * np.sqrt(200)
    # Where bits are few, ties are many: 2^14 rows have 13 bits in each of two rounds.
    real = np.arange(2**14) % 3 > 0
    many = np.asarray(jax.jit(_data.shuffled)(toy.KEY, jnp.asarray(real)))
    many = many[: real.sum()]
    np.testing.assert_array_equal(np.sort(many), np.flatnonzero(real))
    assert abs(np.mean(np.diff(many) > 0) - 0.5) < 5 * np.sqrt(1 / 12 / many.size)


def test_a_coin_orders_two_examples_that_tie(monkeypatch):
    """With no bits but the coin's, each of the two orders comes as often; what fills up is last."""
    words = _data.words
    monkeypatch.setattr(_data, "words", lambda *args: words(*args) & jnp.uint32(2**31))
    keys = jax.random.split(toy.KEY, 1000)
    rows = jax.vmap(lambda key: _data.shuffled(key, jnp.array([True, False, True])))(keys)
    first = np.asarray(rows[:, 0])
    assert set(first) == {0, 2}
    assert (np.asarray(rows[:, 2]) == 1).all()
    assert abs(np.mean(first == 0) - 0.5) < 5 * np.sqrt(0.25 / 1000)
    # Of three in a row two at most change places, and each stays an example of its own.
    rows = jax.vmap(lambda key: _data.shuffled(key, jnp.ones(3, bool)))(keys)
    orders, counts = np.unique(rows, axis=0, return_counts=True)
    assert orders.tolist() == [[0, 1, 2], [0, 2, 1], [1, 0, 2]]
    np.testing.assert_allclose(counts / 1000, [0.25, 0.25, 0.5], atol=5 * np.sqrt(0.25 / 1000))
    # The largest of words does not make an example tie with what fills up.
    monkeypatch.setattr(_data, "words", lambda key, shape: jnp.full(shape, 2**31 - 1, jnp.uint32))
    assert _data.shuffled(toy.KEY, jnp.array([False, True, False]))[0] == 1


def test_evaluation_counts_every_example_once(scanned):
    x, y = p.data(22, 1)
    values = p.EVAL(scanned.state, Batch(jnp.asarray(x), jnp.asarray(y), jnp.ones(22)))
    # 22 rows fill their arrays, 21 do not; 16 at a time leave a part of a batch, 500 are too many.
    for n, size in ((22, 16), (21, 16), (21, 500)):
        means = train.evaluate(p.EVAL, scanned.state, (x[:n], y[:n]), batch_size=size)
        for name, value in values.items():
            np.testing.assert_allclose(means[name], np.mean(value[:n]), rtol=1e-5)
    history = scanned.history
    x, y = VALIDATED["validation"]
    means = train.evaluate(p.EVAL, scanned.state, (x, y), batch_size=16)
    np.testing.assert_allclose(means["loss"], history["validation_loss"][-1], rtol=1e-5)
    np.testing.assert_allclose(means["accuracy"], history["validation_accuracy"][-1], rtol=1e-5)


def test_a_dataset_is_the_pair(scanned):
    """For training, validation and evaluation alike."""
    data, validation = (datasets.Dataset(*p.data(n, seed)) for n, seed in ((50, 0), (21, 1)))
    result = train.fit(
        p.start(), p.STEP, data, mode="scan", **KNOWN, eval_fn=p.EVAL, validation=validation
    )
    p.assert_same(result.best, scanned.best)
    means = train.evaluate(p.EVAL, scanned.state, validation, batch_size=16)
    assert means == train.evaluate(p.EVAL, scanned.state, tuple(validation), batch_size=16)


def test_the_given_state_is_not_consumed(scanned):
    state = p.start()
    train.fit(state, p.STEP, p.data(50), mode="scan", **KNOWN, **VALIDATED)
    p.assert_same(state, p.start())


def test_an_epoch_sees_each_example_once_and_epochs_are_counted():
    calls = []
    result = _fit_toy(toy.toy(), callback=lambda epoch, row: calls.append((epoch, row["loss"])))
    # Weighted by the batches' 4, 4 and 2 examples, of the sums over each.
    assert result.epochs == 6
    assert float(result.state.params["w"][0]) == 18.0
    expected = [(4 * w + 4 * (w + 1) + 2 * (w + 2)) / 10 for w in range(0, 18, 3)]
    np.testing.assert_allclose(result.history["loss"], expected)
    assert [epoch for epoch, _ in calls] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_allclose([loss for _, loss in calls], expected)
    p.assert_same(result.best, result.state)


def test_a_callback_ends_the_run_to_be_resumed(tmp_path):
    keep = {"checkpoint_dir": tmp_path}
    first = _fit_toy(toy.toy(), callback=lambda epoch, row: epoch == 1, **keep)
    assert (first.epochs, int(first.state.steps)) == (1, 3)
    assert first.message == "stopped by the callback after epoch 1"
    rest = _fit_toy(toy.toy(), resume=True, callback=lambda epoch, row: None, **keep)
    whole = _fit_toy(toy.toy())
    p.assert_same(rest.state, whole.state)
    p.assert_same(rest.history, whole.history)
    assert rest.message == ""
    last = _fit_toy(toy.toy(), callback=lambda epoch, row: epoch == 6)
    assert (last.epochs, last.message) == (6, "")  # all was done, and nothing stopped


def test_short_epochs_are_several_to_a_device_call(monkeypatch):
    calls = []
    real = _epoch.program

    def counted(plan, mode):
        run = real(plan, mode)
        return lambda *args: calls.append(args[-1]) or run(*args)

    monkeypatch.setattr(_epoch, "program", counted)
    result = _fit_toy(toy.toy(), num_epochs=400)
    assert float(result.state.params["w"][0]) == 1200.0
    assert result.history["loss"].shape == (400,)
    assert sum(calls) == 400
    assert len(calls) < 100


def test_early_stopping_keeps_the_best():
    """w is 3 e after epoch e: the loss |w − 8| is least after epoch 3."""
    result = _fit_toy(
        toy.toy(), eval_fn=toy.eval_fn, validation=toy.DATA, patience=2, num_epochs=50
    )
    np.testing.assert_array_equal(result.history["validation_loss"], [5.0, 2.0, 1.0, 4.0, 7.0])
    assert (result.epochs, result.best_epoch) == (5, 3)
    assert "stopped early: 2 epochs" in result.message
    assert float(result.best.params["w"][0]) == 9.0
    assert float(result.state.params["w"][0]) == 15.0


def test_running_mean_of_the_parameters():
    result = _fit_toy(toy.toy(), ema=0.75)
    mean = 0.0
    for t in range(1, 19):
        mean += 0.25 * (t - mean)
    np.testing.assert_allclose(result.best.params["w"], mean, rtol=1e-12)
    assert float(result.state.params["w"][0]) == 18.0


@pytest.mark.parametrize("mode", ["scan", "loop"])
def test_what_has_no_mean_is_carried_along(mode):
    """A count among the parameters."""

    def step(state, batch, key):
        params = {"w": state.params["w"] + 1.0, "count": state.params["count"] + 1}
        return state._replace(params=params), {"loss": params["w"][0]}

    state = toy.toy()._replace(params={"w": jnp.zeros(2), "count": jnp.int32(0)})
    options = {"num_epochs": 1, "batch_size": 4, "key": toy.KEY, "progress": False}
    best = train.fit(state, step, toy.DATA, ema=0.5, mode=mode, **options).best
    assert (int(best.params["count"]), best.params["count"].dtype) == (3, jnp.int32)
    np.testing.assert_allclose(best.params["w"], 0.5 * 3 + 0.25 * 2 + 0.125 * 1)


@pytest.mark.parametrize("mode", ["scan", "loop"])
@pytest.mark.parametrize("bad", [{"bad_loss": 7}, {"bad_state": 7}, {"bad_state": 8}])
def test_a_bad_step_is_not_taken_and_ends_the_run(bad, mode):
    """Steps 6 to 8 are epoch 3, and no loss comes after 8; what went into it is what comes out."""
    (at,) = bad.values()
    with pytest.warns(RuntimeWarning, match=rf"at step {at} \(epoch 3\).*that step's .*sum [1-9]"):
        result = _fit_toy(toy.toy(**bad), mode=mode, ema=0.75)
    assert result.bad_step == at
    mean = 0.0
    for t in range(1, at + 1):
        mean += 0.25 * (t - mean)
    np.testing.assert_allclose(result.best.params["w"], mean, rtol=1e-12)
    assert (result.epochs, len(result.history["loss"])) == (2, 2)
    np.testing.assert_array_equal(result.state.params["w"], [at, at])
    assert int(result.state.steps) == at


@pytest.mark.parametrize("at", [18, 19, 20])
def test_epochs_before_a_bad_step_in_the_same_call_count(at, monkeypatch):
    """Epochs 2 to 12 are one call, and steps 18 to 20 epoch 7; |w − 8| is least after epoch 3."""
    monkeypatch.setattr(_driver, "_SECONDS_A_CALL", 1000.0)
    options = {"eval_fn": toy.eval_fn, "validation": toy.DATA, "num_epochs": 12}
    found = {}
    for mode in ("scan", "loop"):
        with pytest.warns(RuntimeWarning, match=rf"at step {at} \(epoch 7\)"):
            found[mode] = _fit_toy(toy.toy(bad_state=at), mode=mode, **options)._replace(mode="")
    assert (found["scan"].epochs, found["scan"].best_epoch) == (6, 3)
    chex.assert_trees_all_equal(found["scan"], found["loop"])


@pytest.mark.parametrize("at", [50, 51, 73, 97, 98, 99])
def test_the_bad_step_of_a_long_epoch_is_found(at):
    """Steps 50 to 99 are epoch 2; no loss sees what was lost at one of them, the end does."""

    def step(state, batch, key):
        w = state.params["w"] + jnp.where(jnp.arange(2) * (state.steps == at) == 1, jnp.nan, 1.0)
        return state._replace(params={"w": w}, steps=state.steps + 1), {"loss": w[0]}

    options = {"num_epochs": 3, "batch_size": 2, "key": toy.KEY, "mode": "scan", "progress": False}
    with pytest.warns(RuntimeWarning, match=rf"at step {at} \(epoch 2\)"):
        result = train.fit(toy.toy(), step, (np.arange(100.0), np.zeros(100)), **options)
    assert (result.bad_step, int(result.state.steps), result.epochs) == (at, at, 1)
    np.testing.assert_array_equal(result.state.params["w"], [at, at])


@pytest.mark.parametrize("mode", ["vmap", "map"])
def test_ensemble_lanes_are_runs_of_their_own(mode):
    """Lane 1 breaks at step 7, lane 2 runs out of patience, lane 3 counts by thirds."""
    lanes = [toy.toy(), toy.toy(bad_state=7), toy.toy(rate=4.0), toy.toy(rate=1 / 3)]
    options = {"eval_fn": toy.eval_fn, "validation": toy.DATA, "patience": 4, "num_epochs": 8}
    states = jax.tree.map(lambda *a: jnp.stack(a), *lanes)
    keys = jax.random.split(toy.KEY, 4)
    with pytest.warns(RuntimeWarning, match=r"at lane 1, step 7 \(epoch 3\): stopped"):
        result = _fit_toy(states, key=keys, ensemble=True, mode=mode, **options)
    np.testing.assert_array_equal(result.bad_step, [-1, 7, -1, -1])
    np.testing.assert_array_equal(result.best_epoch, [3, 2, 1, 8])
    assert result.epochs == 8
    losses = result.history["validation_loss"]
    np.testing.assert_array_equal(np.isfinite(losses).sum(0), [7, 2, 5, 8])
    np.testing.assert_array_equal(losses[:7, 0], [5.0, 2.0, 1.0, 4.0, 7.0, 10.0, 13.0])
    np.testing.assert_allclose(result.state.params["w"][:, 0], [21.0, 7.0, 60.0, 8.0])
    np.testing.assert_allclose(result.best.params["w"][:, 0], [9.0, 6.0, 12.0, 8.0])


@pytest.mark.full
def test_ensemble_of_networks_with_learning_rates(scanned):
    """Three lanes, by rates in the optimizer's state, against runs alone."""
    make = optax.inject_hyperparams(functools.partial(optax.sgd, momentum=0.9))
    optimizer = make(0.0)
    step = train.supervised_step(p.TRAIN_FN, nn.softmax_cross_entropy, optimizer)
    rates = jnp.array([0.1, 0.5, 0.01], jnp.float32)

    def start(seed, rate):
        return p.start(seed, make(rate))

    states = jax.tree.map(lambda *a: jnp.stack(a), *[start(0, rate) for rate in rates])
    result = train.fit(states, step, p.data(50), ensemble=True, mode="vmap", **KNOWN)
    alone = train.fit(p.start(), p.STEP, p.data(50), mode="scan", **KNOWN, **VALIDATED)
    lane = jax.tree.map(lambda a: a[0], result.state)
    p.assert_same(lane.params, alone.state.params, rtol=1e-4, atol=1e-5)
    assert result.history["loss"].shape == (3, 3)
    assert len({float(v) for v in result.history["loss"][-1]}) == 3


def test_an_average_moves_in_half_precision():
    """From 1 towards 2 by a thousandth of the way a step, an eighth of half a unit of bfloat16."""
    two = lambda state: jax.tree.map(lambda a: jnp.full_like(a, 2.0), state.params)
    step = lambda state, batch, key: (state._replace(params=two(state)), {"loss": jnp.zeros(())})
    ones = jax.tree.map(lambda a: jnp.ones_like(a, jnp.bfloat16), p.start().params)
    options = {"num_epochs": 20, "batch_size": 2, "progress": False, "mode": "scan"}
    best = train.fit(p.start()._replace(params=ones), step, p.data(100), ema=0.999, **options).best
    for leaf in jax.tree.leaves(best.params):
        assert leaf.dtype == jnp.bfloat16
        np.testing.assert_allclose(leaf.astype(float), 2 - 0.999**1000, rtol=2**-8)


def test_progress_is_drawn_ten_times_a_second_at_most(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    bar = _progress.Progress(1000, 0)
    drawn = []
    monkeypatch.setattr(bar._bar, "update", lambda *args, **kwargs: drawn.append(now[0]))
    for epoch in range(1, 1001):
        now[0] += 1 / 256
        bar.update(epoch, "")
    bar.close()
    assert 30 < len(drawn) <= 1 + 10 * 1000 / 256  # and once more at the end
    assert drawn[-1] == now[0]


def test_progress_moves_within_an_epoch_of_the_loop(monkeypatch):
    """Time goes on by 0.06 s a look: every other step is drawn, with the loss so far."""
    now = [0.0]

    def clock():
        now[0] += 0.06
        return now[0]

    drawn = []
    real = _progress.Progress.__init__

    def init(self, *args):
        real(self, *args)
        draw = lambda task, completed, text, refresh: drawn.append((completed, text))
        monkeypatch.setattr(self._bar, "update", draw)

    monkeypatch.setattr(_progress.Progress, "__init__", init)
    monkeypatch.setattr(_progress.time, "monotonic", clock)
    _fit_toy(toy.toy(), num_epochs=2, mode="loop", progress=True)
    parts = {round(3 * done): text for done, text in drawn if done % 1}
    # The losses of steps 0, 1, 3, 4 are their numbers, of 4 examples each.
    losses = {1: "loss 0 ", 2: "loss 0.5 ", 4: "loss 3 ", 5: "loss 3.5 "}
    assert parts
    for third, text in parts.items():
        assert text.startswith(losses[third])
        assert text.endswith(" epochs/s")
    assert drawn[-1][0] == 2


def test_progress_draws_and_without_rich_advises(capsys, monkeypatch):
    _fit_toy(toy.toy(), progress=True)
    assert "6/6" in capsys.readouterr().out
    real = builtins.__import__

    def without_rich(name, *args, **kwargs):
        if name.startswith("rich"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_rich)
    with pytest.warns(UserWarning, match="pip install"):
        _fit_toy(toy.toy(), progress=True)
    assert capsys.readouterr().out == ""
