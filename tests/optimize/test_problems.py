"""The classical problems: every minimum is one, to the last digit that is stored."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from jaxmath.optimize import Problem, classical_problems, objectives

PROBLEMS = {p.name: p for p in classical_problems()}


def mp_objective(name):
    """The textbook form in arbitrary precision."""
    cos, sin, exp, sqrt, pi = mpmath.cos, mpmath.sin, mpmath.exp, mpmath.sqrt, mpmath.pi

    def ackley(*x):
        d = len(x)
        return (
            -20 * exp(-sqrt(sum(v * v for v in x) / d) / 5)
            - exp(sum(cos(2 * pi * v) for v in x) / d) + 20 + mpmath.e
        )  # fmt: skip

    def branin(a, b):
        t = 1 / (8 * pi)
        bowl = b - mpmath.mpf("5.1") / (4 * pi**2) * a**2 + 5 / pi * a - 6
        return bowl**2 + 10 * (1 - t) * cos(a) + 10

    def levy(*x):
        w = [1 + (v - 1) / 4 for v in x]
        middle = sum((v - 1) ** 2 * (1 + 10 * sin(pi * v + 1) ** 2) for v in w[:-1])
        return sin(pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + sin(2 * pi * w[-1]) ** 2)

    def griewank(*x):
        waves = mpmath.mpf(1)
        for i, v in enumerate(x):
            waves *= cos(v / sqrt(i + 1))
        return sum(v * v for v in x) / 4000 - waves + 1

    three_halves = (mpmath.mpf("1.5"), mpmath.mpf("2.25"), mpmath.mpf("2.625"))
    table = {
        "ackley": ackley,
        "beale": lambda a, b: sum((c - a + a * b ** (i + 1)) ** 2
                                  for i, c in enumerate(three_halves)),
        "booth": lambda a, b: (a + 2 * b - 7) ** 2 + (2 * a + b - 5) ** 2,
        "branin": branin,
        "extended": lambda *x: sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
                                   for i in range(0, len(x), 2)),
        "griewank": griewank,
        "himmelblau": lambda a, b: (a * a + b - 11) ** 2 + (a + b * b - 7) ** 2,
        "levy": levy,
        "quadratic": lambda *x: sum(mpmath.mpf(1000) ** (mpmath.mpf(i) / (len(x) - 1)) * v * v
                                    for i, v in enumerate(x)) / 2,
        "rastrigin": lambda *x: sum(10 + v * v - 10 * cos(2 * pi * v) for v in x),
        "rosenbrock": lambda *x: sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
                                     for i in range(len(x) - 1)),
        "styblinski": lambda *x: sum(v**4 - 16 * v * v + 5 * v for v in x) / 2,
    }  # fmt: skip
    return table[name.split("-")[0]]


def test_record():
    names = list(PROBLEMS)
    assert names == sorted(names)
    assert len(names) == 12
    for problem in PROBLEMS.values():
        assert isinstance(problem, Problem)
        assert problem.reference
        assert problem.tags
        assert problem.minimizers
        start = problem.start(jax.random.key(0))
        assert start.shape == (problem.dimension,)
        assert jnp.isfinite(problem.objective(start))
        again = problem.start(jax.random.key(0))
        assert jnp.array_equal(start, again)
        assert not jnp.array_equal(start, problem.start(jax.random.key(1)))


@pytest.mark.parametrize("name", PROBLEMS)
def test_minimum_to_fifteen_digits(name):
    """Newton's method in 50 digits from a stored minimizer moves less than its last digit."""
    problem = PROBLEMS[name]
    f = mp_objective(name)
    with mpmath.workdps(50):
        for stored in problem.minimizers:
            x = [mpmath.mpf(v) for v in stored]
            if name.startswith("ackley"):  # a cone: no Newton; 0 is exact, and others are higher
                assert abs(f(*x)) < mpmath.mpf(10) ** -40
                continue
            if len(set(x)) == 1 and len(x) > 2:  # separable or symmetric: exact or scalar
                if name.startswith("styblinski"):
                    root = mpmath.findroot(lambda v: 4 * v**3 - 32 * v + 5, x[0])
                    x = [root] * len(x)
            else:
                x = _newton(f, x)
            moved = max(abs(a - b) for a, b in zip(x, stored, strict=True))
            assert moved <= 4e-16 * max(1, *map(abs, stored))
            error = abs(f(*x) - mpmath.mpf(problem.minimum))
            assert error <= 1.2e-16 * max(1, abs(problem.minimum))


def _newton(f, x, steps=6):
    """Newton's method for ∇f = 0 with mpmath's derivatives."""
    n = len(x)
    for _ in range(steps):
        gradient = mpmath.matrix([_partial(f, x, [i]) for i in range(n)])
        hessian = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                hessian[i, j] = _partial(f, x, [i, j])
        step = mpmath.lu_solve(hessian, gradient)
        x = [a - b for a, b in zip(x, step, strict=True)]
    return x


def _partial(f, x, axes):
    orders = tuple(axes.count(i) for i in range(len(x)))
    return mpmath.diff(f, tuple(x), orders)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", PROBLEMS)
def test_minimizers_in_floating_point(name):
    """Value and gradient at each minimizer, in both precisions, and no lower point nearby."""
    problem = PROBLEMS[name]
    f = problem.objective
    derivatives = jax.jit(lambda x: (f(x), jax.grad(f)(x), jax.hessian(f)(x)))
    for dtype in (jnp.float32, jnp.float64):
        for stored in problem.minimizers:
            x = jnp.asarray(stored, dtype)
            eps = float(jnp.finfo(dtype).eps)
            value, gradient, hessian = derivatives(x)
            hessian_scale = float(jnp.max(jnp.abs(hessian), initial=1.0))
            size = max(1.0, float(jnp.max(jnp.abs(x))))
            # Rounding x moves f by at most ½ H (eps x)² and ∇f by H·eps·x; f itself rounds by eps.
            slack = 8 * eps * max(1.0, abs(problem.minimum)) + hessian_scale * (eps * size) ** 2
            assert abs(float(value) - problem.minimum) <= slack
            assert float(jnp.max(jnp.abs(gradient))) <= 8 * hessian_scale * eps * size
    rng = np.random.default_rng(0)
    around = jnp.asarray(rng.normal(size=(500, problem.dimension))) * 3.0
    values = jax.vmap(problem.objective)(around)
    assert float(values.min()) >= problem.minimum


def test_every_global_minimizer_is_listed():
    """From a grid of starts, Newton finds no other point with the minimal value (2-d problems)."""
    grid = jnp.stack(jnp.meshgrid(jnp.linspace(-5, 10, 31), jnp.linspace(-5, 15, 41)), -1)
    grid = grid.reshape(-1, 2)
    for name in ("himmelblau", "branin", "beale", "booth"):
        problem = PROBLEMS[name]

        def newton(x, f=problem.objective):
            step = lambda _, x: x - jnp.linalg.solve(jax.hessian(f)(x), jax.grad(f)(x))
            return jax.lax.fori_loop(0, 40, step, x)

        ends = np.asarray(jax.jit(jax.vmap(newton))(grid))
        values = np.asarray(jax.vmap(problem.objective)(jnp.asarray(ends)))
        inside = (np.abs(ends[:, 0] - 2.5) <= 7.5) & (np.abs(ends[:, 1] - 5) <= 10)
        found = ends[inside & (values <= problem.minimum + 1e-9)]
        listed = np.array(problem.minimizers)
        distance = np.abs(found[:, None] - listed[None]).max(-1)
        assert (distance.min(axis=1) < 1e-6).all(), name
        assert (distance.min(axis=0) < 1e-6).all(), name


def test_accurate_near_the_minimum():
    """Where the textbook's form is all rounding noise, ours keeps its digits."""
    for name in ("ackley-10d", "rastrigin-4d", "griewank-10d"):
        problem = PROBLEMS[name]
        x = np.full(problem.dimension, 1e-5)
        with mpmath.workdps(40):
            exact = float(mp_objective(name)(*[mpmath.mpf(float(v)) for v in np.float32(x)]))
        value = float(problem.objective(jnp.asarray(x, jnp.float32)))
        assert abs(value - exact) <= 1e-5 * exact


def test_condition_of_the_quadratic():
    hessian = jax.hessian(lambda x: objectives.quadratic(x, condition=50.0))(jnp.ones(5))
    assert np.isclose(np.linalg.cond(np.asarray(hessian)), 50.0)
    with pytest.raises(ValueError, match="`condition` must be at least 1"):
        objectives.quadratic(jnp.ones(2), condition=0.5)


def test_rosenbrock_limits():
    """In two dimensions the chained and the paired function are one; the local minimum exists."""
    x = jnp.array([-1.2, 1.0])
    assert objectives.rosenbrock(x) == objectives.extended_rosenbrock(x)
    f = objectives.rosenbrock
    step = lambda _, x: x - jnp.linalg.solve(jax.hessian(f)(x), jax.grad(f)(x))
    local = jax.lax.fori_loop(0, 50, step, jnp.array([-0.8, 0.6, 0.4, 0.15]))
    assert jnp.linalg.norm(jax.grad(f)(local)) < 1e-8
    assert jnp.linalg.eigvalsh(jax.hessian(f)(local)).min() > 0
    assert f(local) > 3
