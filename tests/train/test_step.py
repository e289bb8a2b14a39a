"""The supervised step against the textbook's lines."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from jaxmath import nn, train
from jaxmath.train import Batch
from tests.train import problems as p


def _batch(n=8, weight=None):
    x, y = map(jnp.asarray, p.data(n))
    return Batch(x, y, jnp.ones(n) if weight is None else jnp.asarray(weight))


def test_weight_zero_is_absence():
    """Three real examples and five of weight 0 make the step of the three."""
    full = _batch(8, [1.0] * 3 + [0.0] * 5)
    few = jax.tree.map(lambda a: a[:3], full)
    a, m = p.JIT_STEP(p.start(), full, jax.random.key(0))
    b, n = p.JIT_STEP(p.start(), few, jax.random.key(0))
    p.assert_same(a, b, rtol=1e-5, atol=1e-6)
    p.assert_same(m, n, rtol=1e-5)


def test_a_complex_measure_is_not_cut_to_its_real_part():
    train_fn, apply_fn = train.adapt(lambda params, x: params * x)
    state = train.init_state(jax.random.key(0), jnp.ones(()), optimizer=optax.sgd(0.1))
    batch = Batch(jnp.ones(2), jnp.ones(2), jnp.ones(2))
    loss, metrics = nn.squared_error, {"turn": lambda y, target: jnp.exp(1j * y)}
    step = train.supervised_step(train_fn, loss, optax.sgd(0.1), metrics=metrics)
    eval_fn = train.supervised_eval(apply_fn, loss, metrics=metrics)
    with pytest.raises(TypeError, match=r"^supervised_step: `turn` must be a real .*, got complex"):
        step(state, batch, jax.random.key(1))
    with pytest.raises(TypeError, match=r"^supervised_eval: `turn` must be a real .*, got complex"):
        eval_fn(state, batch)
    with pytest.raises(
        TypeError, match=r"^supervised_eval: argument `metrics` must name .* got 3$"
    ):
        train.supervised_eval(apply_fn, loss, metrics={3: loss})


def test_a_batch_of_weight_zero_has_no_gradient():
    state, metrics = p.JIT_STEP(p.start(), _batch(8, [0.0] * 8), jax.random.key(0))
    p.assert_same(state.params, p.start().params)
    assert float(metrics["loss"]) == 0.0


def test_a_penalty_counts_once_whatever_the_pieces():
    """θ ← θ − α(∇J + λθ), and Ω is reported apart from J."""
    fns = train.adapt(lambda params, x: params @ x)
    for pieces in (1, 4):
        step = train.supervised_step(
            fns[0], nn.squared_error, optax.sgd(0.1), penalty=lambda w: 0.5 * nn.l2(w),
            accumulate=pieces,
        )  # fmt: skip
        state = train.init_state(jax.random.key(0), jnp.ones(2), optimizer=optax.sgd(0.1))
        batch = Batch(jnp.eye(2).repeat(4, axis=0), jnp.zeros(8), jnp.ones(8))
        state, metrics = step(state, batch, jax.random.key(1))
        np.testing.assert_allclose(state.params, 1 - 0.1 * (0.5 + 0.5), rtol=1e-12)
        np.testing.assert_allclose((metrics["loss"], metrics["penalty"]), 0.5, rtol=1e-12)


@pytest.mark.parametrize("pieces", [1, 4])
def test_complex_parameters_descend(pieces):
    """Least squares by gradient descent comes to NumPy's solution, where the gradient is 0."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    A, b, w = draw(24, 3), draw(24), np.ones(24)
    optimizer = optax.sgd(0.1)
    square = lambda y, target: jnp.real((y - target) * jnp.conj(y - target))
    train_fn, _ = train.adapt(lambda params, x: params @ x)
    step = jax.jit(train.supervised_step(train_fn, square, optimizer, accumulate=pieces))
    state = train.init_state(jax.random.key(0), jnp.zeros(3, complex), optimizer=optimizer)
    for _ in range(200):
        state, _ = step(state, Batch(A, b, w), jax.random.key(1))
    np.testing.assert_allclose(state.params, np.linalg.lstsq(A, b)[0], rtol=1e-10)


def _noisy_train_fn(key, params, model_state, x, axis_name):
    """A model with dropout and a running mean, as layers with batch norm have it."""
    mean = lax.pmean(x, axis_name)
    kept = jax.random.bernoulli(key, 0.5, x.shape)
    return jnp.dot(params, x * kept), {"mean": 0.9 * model_state["mean"] + 0.1 * mean}


def _noisy_start():
    state = train.init_state(jax.random.key(0), jnp.ones(4), optimizer=optax.sgd(0.1))
    return state._replace(model_state={"mean": jnp.zeros(4)})


def test_each_example_has_its_own_key_and_the_batch_one_model_state():
    batch = Batch(jnp.ones((6, 4)), jnp.zeros(6), jnp.ones(6))
    step = train.supervised_step(_noisy_train_fn, nn.squared_error, optax.sgd(0.1))
    state, metrics = jax.jit(step)(_noisy_start(), batch, jax.random.key(5))
    kept = np.stack(
        [jax.random.bernoulli(k, 0.5, (4,)) for k in jax.random.split(jax.random.key(5), 6)]
    ).astype(float)
    assert len(np.unique(kept, axis=0)) > 1
    residual = kept.sum(1)
    np.testing.assert_allclose(metrics["loss"], np.mean(residual**2 / 2), rtol=1e-12)
    np.testing.assert_allclose(state.params, 1 - 0.1 * (residual @ kept) / 6, rtol=1e-12)
    np.testing.assert_allclose(state.model_state["mean"], 0.1)


def test_accumulation_is_the_same_step():
    """With dropout and unequal weights; the batch norm's statistics move once for each piece."""
    rng = np.random.default_rng(0)
    batch = Batch(rng.standard_normal((8, 4)), rng.standard_normal(8), jnp.arange(8.0))
    results = []
    for pieces in (1, 4):
        step = train.supervised_step(
            _noisy_train_fn, nn.squared_error, optax.sgd(0.1), accumulate=pieces
        )
        results.append(jax.jit(step)(_noisy_start(), batch, jax.random.key(5)))
    (one, m1), (four, m4) = results
    np.testing.assert_allclose(one.params, four.params, rtol=1e-12)
    np.testing.assert_allclose(m1["loss"], m4["loss"], rtol=1e-12)
    mean = np.zeros(4)
    for j in range(4):
        mean = 0.9 * mean + 0.1 * batch.x[j::4].mean(0)
    np.testing.assert_allclose(four.model_state["mean"], mean, rtol=1e-12)


def test_bfloat16_computes_with_float32_parameters():
    seen = []

    def train_fn(key, params, model_state, x, axis_name):
        seen.append((params.dtype, x.dtype))
        return jnp.dot(params, x), model_state

    step = train.supervised_step(
        train_fn, nn.squared_error, optax.sgd(0.1), compute_dtype=jnp.bfloat16
    )
    params = jnp.full(3, 1.0 + 2**-12, jnp.float32)
    state = train.init_state(jax.random.key(0), params, optimizer=optax.sgd(0.1))
    batch = Batch(jnp.ones((2, 3), jnp.float32), jnp.zeros(2, jnp.float32), jnp.ones(2))
    new, metrics = step(state, batch, jax.random.key(1))
    assert seen[0] == (jnp.bfloat16, jnp.bfloat16)
    assert new.params.dtype == metrics["loss"].dtype == jnp.float32
    # The product saw 1, the update kept the 2⁻¹² that bfloat16 does not hold.
    np.testing.assert_allclose(new.params, params - 0.1 * 3.0, rtol=1e-7)
    apply_fn = lambda params, model_state, x: jnp.dot(params, x)
    eval_fn = train.supervised_eval(apply_fn, nn.squared_error, compute_dtype=jnp.bfloat16)
    np.testing.assert_array_equal(eval_fn(state, batch)["loss"], [4.5, 4.5])


@pytest.mark.parametrize("compute_dtype", [jnp.float64, jnp.float32])
def test_parameters_of_64_bits_keep_them(compute_dtype):
    """Nothing is rounded but in a computation of 32 bits, whose loss is in 64 all the same."""
    train_fn, apply_fn = train.adapt(lambda params, x: params * x)
    optimizer, x = optax.sgd(0.1), jnp.array([0.1, 1 / 3])
    state = train.init_state(jax.random.key(0), jnp.array(1.1), optimizer=optimizer)
    low = jnp.asarray(state.params, compute_dtype) * x.astype(compute_dtype)
    expected = low.astype(jnp.float64) ** 2 / 2
    options = {"compute_dtype": compute_dtype}
    eval_fn = train.supervised_eval(apply_fn, nn.squared_error, **options)
    batch = Batch(x, jnp.zeros(2), jnp.ones(2))
    np.testing.assert_array_equal(eval_fn(state, batch)["loss"], expected)
    step = train.supervised_step(train_fn, nn.squared_error, optimizer, **options)
    _, metrics = step(state, batch, jax.random.key(1))
    np.testing.assert_allclose(metrics["loss"], np.mean(expected), rtol=1e-15)
    y = train.predict(apply_fn, state, x, **options)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, low)


def test_means_of_truths_and_of_half_precision():
    """A metric may be a bool or an integer; sums of bfloat16 are kept in float32."""
    hits = {"hits": lambda y, t: y > t, "count": lambda y, t: jnp.int32(3)}
    train_fn, apply_fn = train.adapt(lambda params, x: params * x)
    optimizer = optax.sgd(0.0)
    step = train.supervised_step(train_fn, nn.squared_error, optimizer, metrics=hits)
    state = train.init_state(jax.random.key(0), jnp.bfloat16(1.0), optimizer=optimizer)
    n = 3000
    x = np.full(n, 0.5, jnp.bfloat16)
    data = x, np.zeros(n, jnp.bfloat16)
    result = train.fit(
        state, step, data, num_epochs=1, batch_size=5, mode="scan", progress=False
    )  # fmt: skip
    assert {k: v.tolist() for k, v in result.history.items()} == {
        "loss": [0.125], "hits": [1.0], "count": [3.0]
    }  # fmt: skip
    eval_fn = train.supervised_eval(apply_fn, nn.squared_error, metrics=hits)
    means = train.evaluate(eval_fn, state, data, batch_size=5)
    assert means == {"loss": 0.125, "hits": 1.0, "count": 3.0}
    by_hand = lambda state, batch: {"loss": batch.x}
    assert train.evaluate(by_hand, state, data, batch_size=5) == {"loss": 0.5}
    with pytest.raises(ValueError, match="fit: the metrics of `step` must have 'loss', got"):
        lossless = lambda state, batch, key: (state, {"error": jnp.float32(0.0)})
        train.fit(state, lossless, data, num_epochs=1, batch_size=5, progress=False)


def test_refusals():
    batch = _batch(8)
    with pytest.raises(ValueError, match=r"^supervised_step: argument `accumulate` must .* 3 .* 8"):
        step = train.supervised_step(
            p.TRAIN_FN, nn.softmax_cross_entropy, p.OPTIMIZER, accumulate=3
        )
        step(p.start(), batch, jax.random.key(0))
    with pytest.raises(ValueError, match="scalar for each example, got shape \\(3,\\)"):
        step = train.supervised_step(p.TRAIN_FN, lambda y, t: y, p.OPTIMIZER)
        step(p.start(), batch, jax.random.key(0))
    with pytest.raises(ValueError, match="must not hold 'loss'"):
        train.supervised_eval(p.APPLY_FN, p.correct, metrics={"loss": p.correct})
    with pytest.raises(TypeError, match="`accuracy` must be a function"):
        train.supervised_eval(p.APPLY_FN, p.correct, metrics={"accuracy": 3})


@pytest.mark.parametrize(("name", "value", "message"), [
    ("loss_fn", lambda y, t: jnp.argmax(y) == t, r"`loss` must be .* floating dtype, got bool$"),
    ("loss_fn", lambda y, t: jnp.argmax(y), r"`loss` must be .* a floating dtype, got int64$"),
    ("penalty", lambda params: params[0].bias, r"`penalty` .* scalar, got shape \(3,\)$"),
    ("penalty", lambda params: 3, r"`penalty` .* a floating dtype, got int"),
    ("optimizer", optax.lbfgs(), "argument `optimizer` must need no more than .*'value'"),
    ("optimizer", optax.contrib.reduce_on_plateau(), "argument `optimizer` must need .*'value'"),
])  # fmt: skip
def test_what_cannot_be_descended(name, value, message):
    """A bool or an integer has no gradient; it trained nothing, and said nothing."""
    arguments = {"train_fn": p.TRAIN_FN, "loss_fn": nn.softmax_cross_entropy}
    step = train.supervised_step(**(arguments | {"optimizer": p.OPTIMIZER, name: value}))
    state = p.start(optimizer=value if name == "optimizer" else p.OPTIMIZER)
    with pytest.raises((TypeError, ValueError), match=f"(?m)^supervised_step: {message}"):
        jax.eval_shape(step, state, _batch(8), jax.random.key(0))


def test_truths_may_be_evaluated_as_a_loss():
    wrong = lambda y, t: jnp.argmax(y) != t
    values = train.supervised_eval(p.APPLY_FN, wrong)(p.start(), _batch(8))["loss"]
    assert set(np.asarray(values).tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(("name", "value", "message"), [
    ("train_fn", None, "a function, got NoneType"),
    ("penalty", 0.1, "a function, got float"),
    ("optimizer", optax.adam, "an optax transformation, got function"),
    ("optimizer", {}, "an optax transformation, got dict"),
    ("compute_dtype", jnp.int32, "a real floating dtype, got <class"),
    ("compute_dtype", "half-ish", "a real floating dtype, got 'half-ish'"),
])  # fmt: skip
def test_a_step_is_checked_where_it_is_made(name, value, message):
    arguments = {"train_fn": p.TRAIN_FN, "loss_fn": nn.squared_error, "optimizer": p.OPTIMIZER}
    with pytest.raises(TypeError, match=f"^supervised_step: argument `{name}` must be {message}"):
        train.supervised_step(**(arguments | {name: value}))
    if name == "compute_dtype":
        arguments = {"apply_fn": p.APPLY_FN, "loss_fn": nn.squared_error, name: value}
        with pytest.raises(TypeError, match=f"^supervised_eval: argument `{name}` must be "):
            train.supervised_eval(**arguments)
    with pytest.raises(TypeError, match=r"^supervised_eval: argument `apply_fn` must be a func"):
        train.supervised_eval(3, nn.squared_error)
