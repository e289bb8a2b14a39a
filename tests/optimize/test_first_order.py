"""The mathematics of the first-order optimizers: optax's updates, the papers' loops, limits.

``test_first_order_in_use.py`` holds what is about transforms, dtypes and other libraries.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath.optimize.adam_family import adam, adamax, adamw, amsgrad, nadam
from jaxmath.optimize.adaptive import adadelta, adagrad, rmsprop
from jaxmath.optimize.momentum import heavy_ball, lion, nesterov, sgd
from tests.contract import rows_optimize_first_order as oracles

OPTIMIZERS = {
    "sgd": sgd,
    "heavy_ball": heavy_ball,
    "nesterov": nesterov,
    "lion": lion,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "rmsprop_centered": partial(rmsprop, centered=True),
    "adam": adam,
    "adamw": adamw,
    "amsgrad": amsgrad,
    "adamax": adamax,
    "nadam": nadam,
}
every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)

ADAM = {"learning_rate": 0.1, "b1": 0.9, "b2": 0.999, "eps": 1e-8}
RMS = {"learning_rate": 0.1, "decay": 0.9, "eps": 1e-8}
GRAVES = {"learning_rate": 1e-4, "decay": 0.95, "eps": 1e-4, "momentum": 0.9, "centered": True}
optax_nesterov = partial(optax.sgd, nesterov=True)
PARITY = {
    "sgd": (sgd, optax.sgd, {"learning_rate": 0.1}),
    "heavy_ball": (heavy_ball, optax.sgd, {"learning_rate": 0.1, "momentum": 0.9}),
    "nesterov": (nesterov, optax_nesterov, {"learning_rate": 0.1, "momentum": 0.9}),
    "lion": (lion, optax.lion, {"learning_rate": 0.1, "b1": 0.9, "b2": 0.99, "weight_decay": 0.1}),
    "adagrad": (adagrad, optax.adagrad, {"learning_rate": 0.1, "eps": 1e-7}),
    "adadelta": (adadelta, optax.adadelta, {"learning_rate": 1.0, "rho": 0.9, "eps": 1e-6}),
    "rmsprop": (rmsprop, optax.rmsprop, RMS),
    "rmsprop_all": (
        rmsprop,
        optax.rmsprop,
        {**RMS, "initial_scale": 1.0, "eps_in_sqrt": False, "momentum": 0.9, "nesterov": True}
        | {"bias_correction": True},
    ),
    "rmsprop_centered": (rmsprop, optax.rmsprop, {**RMS, "centered": True}),
    "rmsprop_graves": (rmsprop, optax.rmsprop, GRAVES),
    "adam": (adam, optax.adam, {**ADAM, "eps_root": 1e-3}),
    "adamw": (adamw, optax.adamw, {**ADAM, "weight_decay": 0.01}),
    "amsgrad": (amsgrad, optax.amsgrad, ADAM),
    "amsgrad_paper": (
        amsgrad,
        optax.amsgrad,
        {**ADAM, "bias_correction_mu": False, "bias_correction_nu": False},
    ),
    "adamax": (adamax, optax.adamax, ADAM),
    "nadam": (nadam, optax.nadam, ADAM),
}


def recorded(dtype, steps=100, seed=0):
    """A pytree of parameters and as many recorded gradients."""
    rng = np.random.default_rng(seed)
    shapes = {"layers": [{"w": (5, 4), "b": (4,)}], "scale": ()}

    def draw(*lead):
        return jax.tree.map(
            lambda shape: jnp.asarray(rng.normal(size=(*lead, *shape)), dtype),
            shapes,
            is_leaf=lambda x: isinstance(x, tuple),
        )

    return draw(), draw(steps)


def run(optimizers, params, gradients):
    """The updates that each optimizer makes of the recorded gradients, in one compiled scan."""

    def step(carry, gradient):
        moved, updates = [], []
        for optimizer, (state, params) in zip(optimizers, carry, strict=True):
            update, state = optimizer.update(gradient, state, params)
            moved.append((state, optax.apply_updates(params, update)))
            updates.append(update)
        return moved, updates

    start = [(optimizer.init(params), params) for optimizer in optimizers]
    return jax.jit(lambda start, g: jax.lax.scan(step, start, g)[1])(start, gradients)


def vectors(steps, size=4, seed=1, dtype=float):
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.normal(size=(steps, size)), dtype)


def updates(optimizer, gradients, theta=None):
    theta = jnp.zeros_like(gradients[0]) if theta is None else theta
    return run([optimizer], theta, gradients)[0]


def assert_equal(got, want, tol=1e-12):
    """Leaf by leaf to tol·max|want|."""
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        assert np.max(np.abs(a - b)) <= tol * np.max(np.abs(b))


# Parity with optax.


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("dtype", "tol"), [("float32", 1e-6), ("float64", 1e-12)])
@pytest.mark.parametrize("case", PARITY.values(), ids=PARITY)
def test_updates_equal_optax(case, dtype, tol):
    ours, theirs, hyper = case
    arrays = {k: jnp.asarray(v, dtype) if isinstance(v, float) else v for k, v in hyper.items()}
    params, gradients = recorded(dtype)
    if ours is lion:
        # Away from ties: rounding decides the sign of a c that is 0 up to rounding.
        assert min(np.min(np.abs(lion_c(leaf))) for leaf in jax.tree.leaves(gradients)) > 1e-5
    got, want = run([ours(**arrays), theirs(**arrays)], params, gradients)
    assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(got))
    assert_equal(got, want, tol)


def lion_c(gradients, b1=0.9, b2=0.99):
    """The arguments of Lion's sign."""
    m, c = 0.0, []
    for g in np.asarray(gradients, float):
        c.append(b1 * m + (1 - b1) * g)
        m = b2 * m + (1 - b2) * g
    return np.stack(c)


def test_schedules_get_the_zero_based_count_as_optax_gives_it():
    schedule = optax.piecewise_constant_schedule(0.1, {1: 0.5, 3: 0.1})
    for ours, theirs in [
        (sgd(schedule), optax.sgd(schedule)),
        (adam(schedule), optax.adam(schedule)),
        (
            adamw(schedule, weight_decay=schedule),
            optax.adamw(schedule, weight_decay=schedule),
        ),
    ]:
        got, want = run([ours, theirs], jnp.ones(4), vectors(5))
        assert_equal(got, want)


def test_complex_leaves_equal_optax():
    rng = np.random.default_rng(3)
    gradients = jnp.asarray(rng.normal(size=(20, 4)) + 1j * rng.normal(size=(20, 4)))
    for ours, theirs in [
        (adam(0.1), optax.adam(0.1)),
        (rmsprop(0.1, centered=True), optax.rmsprop(0.1, centered=True)),
        (adagrad(0.1), optax.adagrad(0.1)),
        (lion(0.1), optax.lion(0.1)),
    ]:
        with jax.numpy_dtype_promotion("strict"):
            got = updates(ours, gradients)
        # optax's second moments turn from complex to real after the first step: no scan.
        state, want = theirs.init(gradients[0]), []
        for g in gradients:
            u, state = theirs.update(g, state, jnp.zeros_like(g) + sum(want))
            want.append(u)
        assert_equal(got, jnp.stack(want))
    nu = adam(0.1).init(gradients[0]).slots["nu"]
    assert nu.dtype == jnp.float64


# First steps and limits, by hand.


def test_first_steps_by_hand():
    g = np.array([0.5, -2.0, 1e-3])
    lr, eps, sign = 0.1, 1e-4, np.sign(g)
    first = lambda optimizer: updates(optimizer, jnp.asarray(g)[None])[0]
    assert_equal(first(adam(lr, eps=eps)), -lr * g / (np.abs(g) + eps))
    assert_equal(first(amsgrad(lr, eps=eps)), -lr * g / (np.abs(g) + eps))
    assert_equal(first(adamax(lr, eps=eps)), -lr * g / (np.abs(g) + eps))
    # Nadam: β/(1 − β²) (1 − β) + (1 − β)/(1 − β) = β/(1 + β) + 1.
    assert_equal(first(nadam(lr, 0.9, eps=eps)), -lr * (0.9 / 1.9 + 1) * g / (np.abs(g) + eps))
    assert_equal(first(adagrad(lr, 0.0, 0.0)), -lr * sign)
    assert_equal(first(rmsprop(lr, 0.75, 0.0)), -lr * sign * 2)
    assert_equal(first(lion(lr)), -lr * sign)
    assert_equal(first(adadelta(rho=0.75, eps=eps)), -g * math.sqrt(eps) / np.sqrt(g**2 / 4 + eps))
    # Centred: σ² = ρ (1 − ρ) g².
    assert_equal(first(rmsprop(lr, 0.8, 0.0, centered=True)), -lr * sign / 0.4)
    assert_equal(first(rmsprop(lr, 0.0, eps, centered=True)), -lr * g / math.sqrt(eps))


def test_limits_join_the_family():
    gradients = vectors(20)
    same = lambda a, b: assert_equal(*run([a, b], jnp.zeros(4), gradients))
    same(heavy_ball(0.1, 0.0), sgd(0.1))
    same(nesterov(0.1, 0.0), sgd(0.1))
    same(adam(0.1, 0.0), rmsprop(0.1, 0.999, eps_in_sqrt=False, bias_correction=True))
    same(nadam(0.1, 0.0), adam(0.1, 0.0))
    same(adam(0.1, 0.0, 0.0, eps=0.0), lion(0.1, 0.0, 0.0, weight_decay=0.0))
    same(adamw(0.1, weight_decay=0.0), adam(0.1))
    same(amsgrad(0.1, b2=0.0), rmsprop_of_largest(0.1))
    same(heavy_ball(0.1, scale_gradients=True), heavy_ball(0.1))
    same(nesterov(0.1, scale_gradients=True), nesterov(0.1))


def rmsprop_of_largest(lr):
    """AMSGrad at β₂ = 0: Adam's m̂ over the largest |g| so far."""
    inner = adam(1.0, b2=0.0)

    def update(g, state, params=None):
        u, adam_state = inner.update(g, state[0])
        largest = jnp.maximum(state[1], jnp.abs(g))
        return lr * u * (jnp.abs(g) + 1e-8) / (largest + 1e-8), (adam_state, largest)

    return optax.GradientTransformation(lambda p: (inner.init(p), jnp.zeros_like(p)), update)


@every_optimizer
def test_every_optimizer_descends_a_quadratic(make):
    scales = jnp.array([1.0, 10.0])
    loss = lambda x: 0.5 * jnp.sum(scales * x**2)
    optimizer = make(0.1 if make in (adadelta, adagrad) else 0.01)

    @jax.jit
    def final(x):
        def step(_, carry):
            x, state = carry
            u, state = optimizer.update(jax.grad(loss)(x), state, x)
            return optax.apply_updates(x, u), state

        return loss(jax.lax.fori_loop(0, 300, step, (x, optimizer.init(x)))[0])

    start = jnp.array([1.0, -1.0])
    assert final(start) < (1.0 if make is adadelta else 0.5) * loss(start)


# The papers' forms, against loops that are written from the papers.


def test_running_averages_against_weighted_sums():
    gradients = np.asarray(vectors(12))
    for options in [{}, {"centered": True}, {"bias_correction": True}]:
        got = updates(rmsprop(0.1, 0.8, 1e-3, 0.3, **options), jnp.asarray(gradients))
        assert_equal(got, oracles.rmsprop_oracle(gradients, 0.1, 0.8, 1e-3, 0.3, **options))
    both = {"centered": True, "bias_correction": True}
    got = updates(rmsprop(0.1, 0.8, 1e-3, **both), jnp.asarray(gradients))
    assert_equal(got, oracles.rmsprop_oracle(gradients, 0.1, 0.8, 1e-3, 0.0, **both))


def test_papers_forms_of_adagrad_amsgrad_adamax_adadelta():
    gradients = np.asarray(vectors(12))
    check = lambda optimizer, want: assert_equal(updates(optimizer, jnp.asarray(gradients)), want)
    check(
        adagrad(0.1, 0.0, 1e-3, eps_in_sqrt=False),
        oracles.adagrad_oracle(gradients, 0.1, 0.0, 1e-3, paper=True),
    )
    paper = {"bias_correction_mu": False, "bias_correction_nu": False}
    check(
        amsgrad(0.1, eps=0.0, **paper),
        oracles.amsgrad_oracle(gradients, 0.1, 0.9, 0.999, 0.0, paper=True),
    )
    check(adamax(0.1, eps=0.0), oracles.adamax_oracle(gradients, 0.1, 0.9, 0.999, 0.0))
    check(adadelta(), oracles.adadelta_oracle(gradients, 1.0, 0.9, 1e-6))


def test_adadelta_without_a_learning_rate_descends():
    gradients = vectors(3)
    assert np.all(np.sign(updates(adadelta(), gradients)) == -np.sign(gradients))
    with pytest.raises(TypeError, match="`learning_rate` must be a number"):
        adadelta(None)


def test_graves_rmsprop():
    gradients = np.asarray(vectors(15))
    got = updates(rmsprop(**GRAVES), jnp.asarray(gradients))
    want = []
    n = mean = delta = np.zeros(4)
    for e in gradients:  # Graves 2013, (38) to (41)
        n = 0.95 * n + 0.05 * e**2
        mean = 0.95 * mean + 0.05 * e
        delta = 0.9 * delta - 1e-4 * e / np.sqrt(n - mean**2 + 1e-4)
        want.append(delta)
    assert_equal(got, np.stack(want))


def test_dozat_nadam():
    gradients = np.asarray(vectors(12))
    got = updates(nadam(0.1, 0.99, dozat=True), jnp.asarray(gradients))
    mu = [0.99 * (1 - 0.5 * 0.96 ** (t / 250)) for t in range(14)]
    want = []
    m = n = np.zeros(4)
    for t, g in enumerate(gradients, 1):  # Dozat 2016, Algorithm 2
        m = mu[t] * m + (1 - mu[t]) * g
        n = 0.999 * n + 0.001 * g**2
        m_hat = mu[t + 1] * m / (1 - math.prod(mu[1 : t + 2]))
        m_hat = m_hat + (1 - mu[t]) * g / (1 - math.prod(mu[1 : t + 1]))
        n_hat = 0.999 * n / (1 - 0.999**t)
        want.append(-0.1 * m_hat / (np.sqrt(n_hat) + 1e-8))
    assert_equal(got, np.stack(want))


def test_independent_weight_decay():
    gradients, theta = vectors(10), jnp.array([1.0, -2.0, 3.0, 0.5])
    schedule = optax.cosine_decay_schedule(0.1, 10)
    eta = optax.cosine_decay_schedule(1.0, 10)

    def paper(alpha, eta):  # Loshchilov and Hutter, Algorithm 2, line 12
        steps = oracles.adam_oracle(np.asarray(gradients), alpha, 0.9, 0.999, 1e-8, 0.0)
        x, want = np.asarray(theta), []
        for t, step in enumerate(steps):
            want.append(float(eta(t)) * (step - 0.01 * x))
            x = x + want[-1]
        return np.stack(want)

    make = partial(adamw, weight_decay=0.01, independent_weight_decay=True)
    assert_equal(updates(make(0.1), gradients, theta), paper(0.1, lambda t: 1.0))
    assert_equal(updates(make(schedule), gradients, theta), paper(0.1, eta), 1e-8)
    explicit = make(schedule, weight_decay=lambda t: 0.01 * eta(t))
    assert_equal(updates(explicit, gradients, theta), paper(0.1, eta), 1e-8)
    zero_rate = updates(make(0.0), gradients, theta)
    assert_equal(zero_rate[0], -0.01 * theta)
    with pytest.raises(ValueError, match="starts at 0"):
        make(optax.linear_schedule(0.0, 0.1, 10))


def test_scaled_gradients_follow_polyak_and_sutskever_under_a_schedule():
    gradients, lr, mu = np.asarray(vectors(10)), lambda t: 0.1 / (1 + t), 0.9
    polyak, sutskever = [], []
    before = x = np.zeros(4)
    w = np.zeros(4)
    for t, g in enumerate(gradients):
        before, x = x, x - lr(t) * g + mu * (x - before)
        polyak.append(x - before)
        # θ = φ + μ w moves by w⁺ + μ (w⁺ − w).
        w, old = mu * w - lr(t) * g, w
        sutskever.append(w + mu * (w - old))
    got = updates(heavy_ball(lr, mu, scale_gradients=True), jnp.asarray(gradients))
    assert_equal(got, np.stack(polyak))
    got = updates(nesterov(lr, mu, scale_gradients=True), jnp.asarray(gradients))
    assert_equal(got, np.stack(sutskever))
    plain = updates(heavy_ball(lr, mu), jnp.asarray(gradients))
    assert np.max(np.abs(plain - np.stack(polyak))) > 0.01


def test_nesterov_computes_the_look_ahead_points_of_the_two_sequences():
    scales = jnp.array([1.0, 5.0])
    optimizer, lr, mu = nesterov(0.05, 0.8), 0.05, 0.8
    phi = theta = jnp.array([1.0, -1.0])
    w, state = jnp.zeros(2), optimizer.init(theta)
    for _ in range(20):
        np.testing.assert_allclose(theta, phi + mu * w, rtol=1e-12)
        w = mu * w - lr * scales * (phi + mu * w)
        phi = phi + w
        update, state = optimizer.update(scales * theta, state)
        theta = theta + update


def test_amsgrad_converges_where_adam_does_not():
    # Reddi, Kale and Kumar, Theorem 1: f = Cx every third step and −x otherwise on [−1, 1],
    # β₁ = 0, β₂ = 1/(1 + C²). The best point is −1; Adam goes to +1.
    slope = 3.0
    b2 = 1 / (1 + slope**2)
    lr = lambda t: 0.5 / jnp.sqrt(t + 1.0)

    def final(optimizer):
        def step(t, carry):
            x, state = carry
            u, state = optimizer.update(jnp.where(t % 3 == 0, slope, -1.0), state)
            return jnp.clip(x + u, -1.0, 1.0), state

        return jax.jit(lambda x: jax.lax.fori_loop(0, 3000, step, (x, optimizer.init(x)))[0])(
            jnp.asarray(0.0)
        )

    paper = {"bias_correction_mu": False, "bias_correction_nu": False}
    assert final(adam(lr, 0.0, b2)) > 0.9
    assert final(amsgrad(lr, 0.0, b2, **paper)) < -0.9


# Centred RMSProp.


def test_centred_rmsprop_survives_a_constant_gradient():
    decay, g = np.float32(0.9), np.float32(7.0)
    gradients = jnp.full((1000, 1), g)
    got = updates(rmsprop(0.1, centered=True), gradients)[:, 0]
    t, rho = np.arange(1, 1001), float(decay)
    # The algorithm in closed form: v − μ² = g² ρᵗ (1 − ρᵗ).
    exact = -0.1 * 7.0 / np.sqrt(49.0 * rho**t * (1 - rho**t) + 1e-8)
    np.testing.assert_allclose(got, exact, rtol=1e-3)
    # Why: the subtraction v − μ² in float32 falls below −ε on the same gradient.
    v = mean = np.float32(0)
    lowest = np.inf
    for _ in range(1000):
        v = decay * v + (1 - decay) * g * g
        mean = decay * mean + (1 - decay) * g
        lowest = min(lowest, float(v - mean * mean))
    assert lowest < -1e-8
