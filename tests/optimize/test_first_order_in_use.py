"""First-order optimizers in use: traced hyper-parameters, dtypes, optax, flax, and errors."""

import re
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.training.train_state import TrainState

from jaxmath.optimize.adam_family import adam, adamax, adamw, amsgrad, nadam
from jaxmath.optimize.adaptive import adadelta, adagrad, rmsprop
from jaxmath.optimize.momentum import heavy_ball, lion, nesterov, sgd
from tests.contract import rows_optimize_first_order as oracles
from tests.optimize.test_first_order import (
    OPTIMIZERS,
    assert_equal,
    every_optimizer,
    recorded,
    run,
    updates,
    vectors,
)

# Transforms and traced hyper-parameters.


@every_optimizer
def test_a_sweep_is_one_vmap_and_equals_the_loop(make):
    gradients, rates = vectors(4), jnp.array([0.5, 0.1, 1e-3])

    def total(rate):
        return jnp.sum(oracles.updates_of(make(rate), gradients, jnp.ones(4)), axis=0)

    swept = jax.jit(jax.vmap(total))(rates)
    assert_equal(swept, jnp.stack([total(float(rate)) for rate in rates]))


def test_hyper_parameters_do_not_change_the_dtype():
    params, gradients = jnp.ones(4, jnp.float32), vectors(4, dtype=jnp.float32)
    schedule = optax.cosine_decay_schedule(0.1, 10)
    with jax.numpy_dtype_promotion("strict"):
        for rate in (0.1, jnp.asarray(0.1), np.float64(0.1), schedule):
            for make in OPTIMIZERS.values():
                state = make(rate).init(params)
                update, after = make(rate).update(gradients[0], state, params)
                assert update.dtype == jnp.float32
                same = jax.tree.map(
                    lambda a, b: (a.dtype, a.shape) == (b.dtype, b.shape), *(state, after)
                )
                assert jax.tree.all(same)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@every_optimizer
def test_low_precision_leaves_are_computed_in_float32(make, dtype):
    gradients = vectors(6).astype(dtype)
    theta = jnp.ones(4, dtype)
    got = oracles.updates_of(make(0.1), gradients, theta)
    assert got.dtype == dtype
    state = make(0.1).init(theta)
    assert all(s.dtype == jnp.float32 for s in jax.tree.leaves(state.slots))
    # One rounding: the float32 run on the same parameters, rounded at the end.
    wide, want = make(0.1).init(theta.astype(jnp.float32)), []
    for g in gradients:
        u, wide = make(0.1).update(g.astype(jnp.float32), wide, theta.astype(jnp.float32))
        want.append(u.astype(dtype))
        theta = theta + want[-1]
    np.testing.assert_array_equal(got, jnp.stack(want))


def test_the_second_moment_forgets_in_bfloat16():
    optimizer = adam(0.1)
    state = optimizer.init(jnp.ones(1, jnp.bfloat16))
    for g in (1.0, 0.0, 0.0):
        _, state = optimizer.update(jnp.full(1, g, jnp.bfloat16), state)
    np.testing.assert_allclose(state.slots["nu"], 0.001 * 0.999**2, rtol=1e-4)


def test_storage_dtype_of_the_first_moment():
    gradients = vectors(5, dtype=jnp.float32)
    for optimizer in (
        adam(0.1, mu_dtype=jnp.bfloat16),
        nadam(0.1, mu_dtype=jnp.bfloat16),
        amsgrad(0.1, mu_dtype=jnp.bfloat16),
        adamw(0.1, mu_dtype=jnp.bfloat16),
        lion(0.1, mu_dtype=jnp.bfloat16),
        heavy_ball(0.1, accumulator_dtype=jnp.bfloat16),
        nesterov(0.1, accumulator_dtype=jnp.bfloat16),
    ):
        state = optimizer.init(gradients[0])
        update, state = optimizer.update(gradients[0], state, gradients[0])
        first = state.slots.get("mu", state.slots.get("trace"))
        assert (first.dtype, update.dtype) == (jnp.bfloat16, jnp.float32)


def test_derivative_through_adam_is_finite_at_a_zero_gradient():
    first = lambda g: updates_of_one(adam(0.1, eps=1e-3), g)
    # u = −α g / (|g| + ε).
    assert float(jax.grad(first)(0.0)) == pytest.approx(-0.1 / 1e-3)


def updates_of_one(optimizer, g):
    return optimizer.update(g, optimizer.init(g))[0]


@pytest.mark.parametrize(
    "optimizer",
    [
        adam(0.1, eps=0.0),
        amsgrad(0.1, eps=0.0),
        adamax(0.1, eps=0.0),
        nadam(0.1, eps=0.0),
        adagrad(0.1, 0.0, 0.0),
        adadelta(eps=0.0),
        rmsprop(0.1, eps=0.0),
        rmsprop(0.1, eps=0.0, centered=True, bias_correction=True),
    ],
)
def test_no_gradient_yet_means_no_update_even_without_eps(optimizer):
    np.testing.assert_array_equal(updates(optimizer, jnp.zeros((2, 3))), 0.0)


def test_the_count_saturates():
    optimizer = adam(0.1)
    state = optimizer.init(jnp.ones(2))
    largest = jnp.iinfo(jnp.int32).max
    last = state._replace(count=jnp.asarray(largest, jnp.int32))
    update, after = optimizer.update(jnp.ones(2), last)
    assert (after.count.dtype, int(after.count)) == (jnp.int32, largest)
    assert np.all(np.isfinite(update))


# Life inside optax and flax.


@every_optimizer
def test_chain_masked_and_multi_transform(make):
    params, gradients = recorded("float64", steps=1)
    gradient = jax.tree.map(lambda g: g[0], gradients)
    alone, _ = make(0.1).update(gradient, make(0.1).init(params), params)

    chained = optax.chain(optax.scale(2.0), make(0.1))
    doubled = jax.tree.map(lambda g: 2 * g, gradient)
    got, _ = chained.update(gradient, chained.init(params), params)
    assert_equal(got, make(0.1).update(doubled, make(0.1).init(params), params)[0])

    weights = lambda tree: jax.tree.map(lambda leaf: leaf.ndim == 2, tree)
    masked = optax.masked(make(0.1), weights)
    got, state = masked.update(gradient, masked.init(params), params)
    want = jax.tree.map(lambda m, a, g: a if m else g, weights(params), alone, gradient)
    assert_equal(got, want)
    assert jax.tree.structure(state) == jax.tree.structure(masked.init(params))

    labels = jax.tree.map(lambda leaf: "a" if leaf.ndim == 2 else "b", params)
    multi = optax.multi_transform({"a": make(0.1), "b": optax.set_to_zero()}, labels)
    got, _ = multi.update(gradient, multi.init(params), params)
    want = jax.tree.map(lambda m, a: a if m else jnp.zeros_like(a), weights(params), alone)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@every_optimizer
def test_a_missing_gradient_leaves_its_state_alone(make):
    params = {"a": jnp.ones(2), "b": jnp.ones(3), "none": None}
    optimizer = make(0.1)
    state = optimizer.init(params)
    gradient = {"a": jnp.ones(2), "b": None, "none": None}
    update, after = optimizer.update(gradient, state, params)
    assert update["b"] is None
    assert update["none"] is None
    assert jax.tree.structure(after) == jax.tree.structure(state)
    for name in state.slots:
        np.testing.assert_array_equal(after.slots[name]["b"], state.slots[name]["b"])


@pytest.mark.parametrize("make", [sgd, adam, lion, rmsprop, adamw])
def test_inject_hyperparams(make):
    params, (first, second) = jnp.ones(4, jnp.float32), vectors(2, dtype=jnp.float32)
    injected = optax.inject_hyperparams(make)(learning_rate=0.1)
    state = injected.init(params)
    _, state = jax.jit(injected.update)(first, state, params)
    state.hyperparams["learning_rate"] = jnp.asarray(0.025, jnp.float32)
    got, _ = jax.jit(injected.update)(second, state, params)

    schedule = lambda t: jnp.where(t == 0, 0.1, 0.025)
    state = make(schedule).init(params)
    _, state = make(schedule).update(first, state, params)
    assert_equal(got, make(schedule).update(second, state, params)[0], 1e-6)


def test_train_state_trains():
    x = jnp.linspace(-1, 1, 32)[:, None]
    y = 3 * x[:, 0] - 1
    params = {"w": jnp.zeros(1), "b": jnp.zeros(())}
    apply = lambda p, x: x @ p["w"] + p["b"]
    state = TrainState.create(apply_fn=apply, params=params, tx=adam(0.1))

    @jax.jit
    def step(state):
        loss = lambda p: jnp.mean((state.apply_fn(p, x) - y) ** 2)
        return state.apply_gradients(grads=jax.grad(loss)(state.params))

    for _ in range(200):
        state = step(state)
    np.testing.assert_allclose(state.params["w"], 3.0, atol=1e-2)
    np.testing.assert_allclose(state.params["b"], -1.0, atol=1e-2)


@pytest.mark.parametrize(("ours", "theirs"), [(adamw, optax.adamw), (lion, optax.lion)])
def test_masks_of_weight_decay(ours, theirs):
    params, gradients = recorded("float64", steps=3)
    prefix = {"layers": [{"w": True, "b": False}], "scale": False}
    by_rank = lambda tree: jax.tree.map(lambda leaf: leaf.ndim == 2, tree)
    make = lambda optimizer, mask: optimizer(0.1, weight_decay=0.1, mask=mask)
    cases = [make(ours, prefix), make(ours, by_rank), make(theirs, by_rank), make(ours, None)]
    by_prefix, got, want, unmasked = run(cases, params, gradients)
    assert_equal(by_prefix, want)
    assert_equal(got, want)
    assert np.any(got["layers"][0]["b"] != unmasked["layers"][0]["b"])
    assert_equal(got["layers"][0]["w"], unmasked["layers"][0]["w"])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (sgd(0.1), optax.sgd(0.1)),
        (heavy_ball(0.1), optax.sgd(0.1, 0.9)),
        (nesterov(0.1), optax.sgd(0.1, 0.9, nesterov=True)),
    ],
)
def test_the_simplest_optimizers_compile_to_the_operations_of_optax(ours, theirs):
    params, _ = recorded("float32", steps=1)

    def operations(optimizer):
        compiled = jax.jit(optimizer.update).lower(params, optimizer.init(params)).compile()
        return Counter(re.findall(r"= (\S+?\])\S* ([a-z-]+)\(", compiled.as_text()))

    assert operations(ours) == operations(theirs)
    assert sum(operations(ours).values()) > 3


# What is refused.


@pytest.mark.parametrize("make", [adamw, lion])
def test_weight_decay_needs_the_parameters(make):
    state = make(0.1).init(jnp.ones(2))
    with pytest.raises(ValueError, match="needs `params`"):
        make(0.1).update(jnp.ones(2), state)


@pytest.mark.parametrize(
    ("make", "hyper"),
    [
        (sgd, {"learning_rate": float("nan")}),
        (heavy_ball, {"momentum": 1.0}),
        (nesterov, {"momentum": -0.1}),
        (lion, {"b2": 1.5}),
        (lion, {"weight_decay": -1.0}),
        (adagrad, {"eps": -1e-8}),
        (adadelta, {"rho": 1.0}),
        (rmsprop, {"initial_scale": -1.0}),
        (rmsprop, {"momentum": 1.0}),
        (adam, {"b2": 1.0}),
        (adam, {"eps_root": -1.0}),
        (adamw, {"weight_decay": -0.1}),
        (amsgrad, {"b1": -0.5}),
        (adamax, {"eps": -1.0}),
        (nadam, {"b1": 2.0}),
    ],
)
def test_numbers_outside_their_range_are_refused(make, hyper):
    (name,) = hyper
    with pytest.raises(ValueError, match=f"{make.__name__}: argument `{name}` must be"):
        make(**{"learning_rate": 0.1, **hyper})
    jax.jit(lambda value: make(**{"learning_rate": 0.1, name: value}).init(jnp.ones(2)))(2.0)


def test_a_batch_of_hyper_parameters_is_sent_to_vmap():
    optimizer = adam(jnp.array([0.1, 0.2]))
    with pytest.raises(ValueError, match=r"`learning_rate` must be a scalar.*jax.vmap"):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))


def test_leaves_that_no_optimizer_can_move_are_refused():
    with pytest.raises(TypeError, match="`params` must be floating, got dtype int"):
        adam(0.1).init({"step": jnp.arange(3)})
    with pytest.raises(TypeError, match="`updates` must be floating, got dtype int"):
        sgd(0.1).update(jnp.arange(3), sgd(0.1).init(jnp.ones(3)))
    with pytest.raises(ValueError, match=r"shape \(3,\), its parameter had \(2,\)"):
        adam(0.1).update(jnp.ones(3), adam(0.1).init(jnp.ones(2)))
    with pytest.raises(ValueError, match=r"shape \(3,\), its parameter had \(\)"):
        adam(0.1).update(jnp.ones(3), adam(0.1).init(jnp.asarray(1.0)))
    with pytest.raises(TypeError, match="dtype complex128, its accumulator float64"):
        adam(0.1).update(jnp.ones(2) * 1j, adam(0.1).init(jnp.ones(2)))
