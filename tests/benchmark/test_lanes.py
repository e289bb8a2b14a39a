"""The lanes: each is its solo run, whatever the others do."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxmath import optimize
from jaxmath.benchmark import (
    PairResult,
    Plan,
    advance,
    compile_lanes,
    digits_mlp,
    resolve_optimizer,
    run_benchmark,
    run_group,
    run_path,
    start_lane,
    start_lanes,
)
from jaxmath.optimize import Problem, classical_problems

PROBLEMS = {p.name: p for p in classical_problems()}
RATES = (1e-4, 1e-3, 1e-2, 1e-1, 10.0)


@pytest.fixture(autouse=True)
def _as_users_run():
    with jax.enable_x64(False):
        yield


def run_pair(plan, optimizer, **options):
    return next(run_group(plan, [optimizer], **options))


def same(a, b):
    return np.array_equal(a, b, equal_nan=True)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_other_lanes_change_nothing(name, optimizer):
    """Alone, among few, among many, some of them diverging: the same bits."""
    optimizer = resolve_optimizer(optimizer)
    many = run_pair(Plan(PROBLEMS[name], RATES, num_seeds=18, num_steps=120), optimizer)
    alone = run_pair(Plan(PROBLEMS[name], RATES[2:3], num_seeds=1, num_steps=120), optimizer)
    few = run_pair(Plan(PROBLEMS[name], RATES[1:3], num_seeds=3, num_steps=120), optimizer)
    assert same(alone.gaps[:, 0, :], many.gaps[:, 2, :1])
    assert same(few.gaps, many.gaps[:, 1:3, :3])
    assert same(alone.final[0], many.final[2, :1])
    assert same(few.non_finite, many.non_finite[1:3, :3])


def test_diverging_lanes_are_alone():
    result = run_pair(
        Plan(PROBLEMS["rosenbrock-10d"], RATES, num_seeds=4, num_steps=200),
        resolve_optimizer("sgd"),
    )
    assert result.non_finite[-1].all()
    assert not result.non_finite[0].any()
    assert np.isfinite(result.gaps).all()  # NaN never enters the best


@pytest.mark.full
def test_matrix_products_agree_to_rounding():
    problem = digits_mlp()
    adam = resolve_optimizer("adam")
    grid = run_pair(Plan(problem, (1e-3, 1e-2), num_seeds=3, num_steps=50), adam)
    alone = run_pair(Plan(problem, (1e-2,), num_seeds=1, num_steps=50), adam)
    np.testing.assert_allclose(alone.gaps[:, 0, 0], grid.gaps[:, 1, 0], rtol=1e-5)


def test_lane_equals_the_textbook_loop():
    """The engine's lane against a plain optax loop, step by step, up to rounding."""
    problem, seed_key = PROBLEMS["himmelblau"], jax.random.key(3)
    starts, _ = start_lanes(problem, seed_key, 1)
    hyper = {"learning_rate": 0.02}
    lane = start_lane(problem, optimize.adam, hyper, starts[0])
    lane = advance(problem, optimize.adam, hyper, (), lane, 100)
    x, optimizer = starts[0], optax.adam(0.02)
    state, best = optimizer.init(starts[0]), np.inf
    for _ in range(100):
        f, gradient = jax.value_and_grad(problem.objective)(x)
        best = min(best, float(f))
        updates, state = optimizer.update(gradient, state, x)
        x = optax.apply_updates(x, updates)
    np.testing.assert_allclose(lane.params, x, rtol=1e-4)
    np.testing.assert_allclose(lane.value, f, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(lane.best, best, rtol=1e-3, atol=1e-6)
    assert not lane.diverged


def test_starts_do_not_depend_on_their_number():
    few, _ = start_lanes(PROBLEMS["levy-4d"], jax.random.key(0), 2)
    many, keys = start_lanes(PROBLEMS["levy-4d"], jax.random.key(0), 5)
    assert same(few, many[:2])
    assert len(np.unique(jax.random.key_data(keys), axis=0)) == 5


def test_one_compilation_for_all_chunks():
    problem = PROBLEMS["booth"]
    starts, _ = start_lanes(problem, jax.random.key(0), 2)
    hyper = {"learning_rate": jnp.array([0.01, 0.02])}
    makers = [optimize.adam, optimize.sgd]
    whole = compile_lanes(problem, makers, hyper, starts)
    lanes = whole.advance(whole.lanes, 1, 30)
    parts = compile_lanes(problem, makers, hyper, starts)
    pieces = parts.lanes
    for n in (0, 1, 9, 20):
        pieces = parts.advance(pieces, 1, n)
    assert same(lanes[1].params, pieces[1].params)
    assert same(pieces[0].params, np.broadcast_to(starts, (2, 2, 2)))  # the other stood still
    assert whole.compile_seconds > 0
    assert len(whole.trace_seconds) == 2


def test_result_is_complete():
    plan = Plan(PROBLEMS["beale"], (1e-3, 1e-2), num_seeds=3, num_steps=7, num_records=50)
    done = []
    result = run_pair(plan, resolve_optimizer("lion"), on_steps=done.append)
    assert isinstance(result, PairResult)
    assert result.steps.tolist() == list(range(8))  # never more records than steps
    assert sum(done) == 7
    assert result.gaps.shape == (8, 2, 3)
    assert (np.diff(result.gaps, axis=0) <= 0).all()
    assert result.first_seconds > 0
    assert result.run_seconds >= result.first_seconds


def test_benchmark_yields_pair_by_pair():
    """What is finished is there when the run is interrupted."""
    plans = [Plan(PROBLEMS[name], (0.01,), num_seeds=1, num_steps=3) for name in ("booth", "beale")]
    optimizers = [resolve_optimizer("sgd"), resolve_optimizer("adam")]
    seen, started = [], []

    def interrupt(problem, optimizer):
        started.append((problem, optimizer))
        if started[-1] == ("beale", "compiling"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for result in run_benchmark(plans, optimizers, on_pair=interrupt):
            seen.append((result.problem.name, result.optimizer))
    assert seen == [("booth", "sgd"), ("booth", "adam")]


def test_path_is_the_lane():
    """In float64; a gap below eps is the square of x's rounding."""
    with jax.enable_x64(True):
        plan = Plan(PROBLEMS["himmelblau"], (0.01,), num_seeds=2, num_steps=40)
        path = run_path(plan, resolve_optimizer("sgd"), 0.01, seed_index=1)
        result = run_pair(plan, resolve_optimizer("sgd"))
        gaps = jax.vmap(plan.problem.objective)(jnp.asarray(path))
    assert path.shape == (41, 2)
    best = np.minimum.accumulate(gaps)[result.steps]
    np.testing.assert_allclose(best, result.gaps[:, 0, 1], rtol=1e-9, atol=np.finfo(float).eps)


def test_plan_refuses_nonsense():
    booth = PROBLEMS["booth"]
    for field in ("num_seeds", "num_steps", "num_records"):
        with pytest.raises(ValueError, match=f"`{field}` must be at least 1, got 0"):
            Plan(booth, (0.1,), **{field: 0})
    for rates in ((), (0.0,), (-1.0,), (float("nan"),)):
        with pytest.raises(ValueError, match="`learning_rates` must be positive"):
            Plan(booth, rates)


def test_nan_objective_is_named():
    broken = dataclasses.replace(
        PROBLEMS["booth"], name="broken", objective=lambda x: jnp.log(-jnp.sum(x**2))
    )
    with pytest.raises(ValueError, match="problem 'broken' is nan at the start of seed 0"):
        run_pair(Plan(broken, (0.1,), num_seeds=2, num_steps=3), resolve_optimizer("sgd"))


def test_pytree_parameters_and_noise():
    """A problem of one's own: a tree of parameters, a stochastic objective."""
    problem = Problem(
        name="tree",
        objective=lambda p: jnp.sum(p["a"] ** 2) + p["b"] ** 2,
        draw=jax.random.normal,
        batch_objective=lambda p, z: jnp.sum(p["a"] ** 2) + p["b"] ** 2 + 0.1 * p["b"] * z,
        start=lambda key: {"a": jax.random.normal(key, (3,)), "b": jnp.float32(1.0)},
        dimension=4,
        minimum=0.0,
    )  # fmt: skip
    result = run_pair(Plan(problem, (0.1,), num_seeds=2, num_steps=100), resolve_optimizer("sgd"))
    assert (result.gaps[-1] < 0.01).all()
    with pytest.raises(ValueError, match="'tree' is stochastic"):
        run_path(Plan(problem, (0.1,), num_seeds=1, num_steps=2), resolve_optimizer("sgd"), 0.1)
    seen = dataclasses.replace(problem, draw=None, batch_objective=None)
    with pytest.raises(ValueError, match="'tree' has no vector of parameters"):
        run_path(Plan(seen, (0.1,), num_seeds=1, num_steps=2), resolve_optimizer("sgd"), 0.1)
    with pytest.raises(ValueError, match="'tree' must have both `draw` and `batch_objective`"):
        dataclasses.replace(problem, draw=None)


@pytest.mark.full
def test_noise_depends_on_seed_and_step_alone():
    """However the steps are cut into calls, and however many seeds there are."""
    problem, adam = digits_mlp(), resolve_optimizer("adam")
    fine = run_pair(Plan(problem, (1e-2,), num_seeds=2, num_steps=12, num_records=6), adam)
    coarse = run_pair(Plan(problem, (1e-2,), num_seeds=3, num_steps=12, num_records=3), adam)
    np.testing.assert_allclose(fine.final, coarse.final[:, :2], rtol=1e-5)
