"""From names to things: every shipped one resolves, every wrong one is named with the nearest."""

import jax.numpy as jnp
import optax
import pytest

from jaxmath.benchmark import (
    Optimizer,
    optimizer_names,
    problem_names,
    resolve_optimizer,
    resolve_problem,
)
from jaxmath.optimize import Problem


def make_signum(learning_rate):
    return optax.chain(optax.scale_by_sign(), optax.scale_by_learning_rate(learning_rate))


def make_parabola():
    return Problem("parabola", lambda x: jnp.sum(x**2), lambda key: jnp.ones(2), 2, 0.0)


def make_nothing(learning_rate=None):
    return None


def test_every_shipped_optimizer_resolves():
    names = optimizer_names()
    assert len(names) == 13
    assert list(names) == sorted(names)
    for name in names:
        optimizer = resolve_optimizer(name)
        assert isinstance(optimizer, Optimizer)
        assert optimizer.name == name
        made = optimizer.make(learning_rate=0.1)
        updates, _ = made.update(jnp.ones(2), made.init(jnp.ones(2)), jnp.ones(2))
        assert (updates < 0).all()


def test_every_shipped_problem_resolves():
    names = problem_names()
    assert len(names) == 14
    for name in names:
        assert resolve_problem(name).name == name


def test_names_of_others():
    assert resolve_optimizer("optax:adabelief").make is optax.adabelief
    assert resolve_optimizer(f"{__name__}:make_signum").name.endswith("make_signum")
    assert resolve_problem(f"{__name__}:make_parabola").name == "parabola"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adma", "unknown optimizer 'adma': did you mean 'adamax' or 'adam'"),
        ("zzz", "unknown optimizer 'zzz': known: adadelta, "),
        ("optax:adamm", "'optax' has no attribute 'adamm' did you mean 'optax:adam"),
        ("no_such_package:adam", "unknown optimizer 'no_such_package:adam': No module named"),
        ("optax:__name__", "is no function but str"),
        ("optax:apply_updates", r"failed on learning_rate=0.1"),
        ("optax:lbfgs", "^optimizer 'optax:lbfgs' needs more than gradients: .*'value_fn'"),
        (f"{__name__}:make_nothing", "returned NoneType, not an optax.GradientTransformation"),
    ],
)
def test_wrong_optimizers_are_named(name, message):
    with pytest.raises(ValueError, match=message):
        resolve_optimizer(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rosenbrok-10d", "unknown problem 'rosenbrok-10d': did you mean 'rosenbrock-10d'"),
        (f"{__name__}:make_nothing", "returned NoneType, not a Problem"),
        (f"{__name__}:make_signum", "failed: .*learning_rate"),
    ],
)
def test_wrong_problems_are_named(name, message):
    with pytest.raises(ValueError, match=message):
        resolve_problem(name)
