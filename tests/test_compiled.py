"""Calls outside jit: one program a shape and a static value, and nothing else changes."""

import gc
import inspect
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmath import linalg, nn, optimize
from jaxmath._compiled import compiled
from jaxmath.models import (
    backpropagation_through_time,
    gan,
    generation,
    lasso,
    lenet,
    rnn,
    sequence_to_sequence,
    visualization,
)
from jaxmath.typing import Array, ArrayLike
from jaxmath.verify.transforms import _num_compiled


def counting():
    traces = []

    @compiled
    def f(x, power=1, *, rtol=None):
        """Doc."""
        traces.append((power, rtol))
        if rtol is not None and rtol < 0:
            raise ValueError("argument `rtol` must be at least 0")
        return jnp.sum(jnp.asarray(x) ** power)

    return f, traces


def test_one_program_for_arrays_of_one_shape():
    f, traces = counting()
    for x in (jnp.ones(3), jnp.zeros(3), np.arange(3.0)):
        f(x)
    assert len(traces) == 1
    f(jnp.ones(4))
    assert len(traces) == 2
    assert float(f(x=jnp.full(3, 2.0), power=2)) == 12.0


def test_what_is_no_array_is_static_by_value_and_type():
    f, traces = counting()
    x = jnp.arange(3, dtype=jnp.int32)
    kinds = [f(x, power).dtype for power in (1, 1.0, True, 1)]
    assert [jnp.issubdtype(kind, jnp.floating) for kind in kinds] == [False, True, False, False]
    assert len(traces) == 3
    for rtol in (-1.0, -1.0):
        with pytest.raises(ValueError, match="`rtol`"):
            f(x, rtol=rtol)


def test_lists_of_numbers_are_arrays_where_the_signature_has_one():
    seen = []

    @compiled
    def f(x: ArrayLike, *more: ArrayLike, w: ArrayLike | None = None, shape: tuple = ()) -> Array:
        seen.append((type(more), shape))
        return jnp.sum(jnp.asarray(x)) + sum(map(jnp.sum, more)) + (0 if w is None else w[0])

    for i in range(3):
        assert float(f([[1.0, i], [2.0, 3]], w=(i, 1.5), shape=(2, 3))) == 6 + 2 * i
    assert seen == [(tuple, (2, 3))]
    assert float(f(x=[1, 2])) == 3
    assert f([1, 2]).dtype == f(jnp.array([1, 2])).dtype
    assert float(f(1.0, jnp.ones(2), jnp.ones(3))) == 6
    with pytest.raises((TypeError, ValueError)):
        f([[1.0], [1.0, 2.0]])
    linalg.characteristic_polynomial([[2.0, 1.0], [1.0, 2.0]])
    assert _num_compiled(lambda: linalg.characteristic_polynomial([[2.0, 1.0], [1.0, 5.0]])) == 0


def test_the_sign_of_zero_is_part_of_a_static_value():
    f = compiled(lambda x, shift: x + jnp.copysign(1.0, jnp.asarray(shift)))
    one = jnp.ones(())
    assert [float(f(one, shift)) for shift in (0.0, -0.0, 0.0)] == [2.0, 0.0, 2.0]
    for zero in (-0.0, 0.0, -0.0):
        (center,) = linalg.gershgorin_discs([[zero]]).centers
        assert jnp.signbit(center) == np.signbit(zero)


def test_what_cannot_be_hashed_runs_all_the_same():
    f, _ = counting()
    assert float(f([1.0, 2.0])) == 3.0

    @compiled
    def g(x, table):
        return x * table["a"]

    assert float(g(jnp.ones(()), {"a": 2.0})) == 2.0
    assert compiled(lambda x, s: x + len(s))(jnp.zeros(()), {1, 2}) == 2.0


@pytest.mark.parametrize("as_given", [np.array, list])
def test_integers_beyond_those_of_jax_are_no_others(as_given):
    with jax.enable_x64(False):
        assert float(linalg.trace(as_given([[2**32, 1], [1, 2**32 + 2**12]]))) == 2**33 + 2**12
        distance = lambda x, center: jnp.sum((x - center / 2.0**40) ** 2)
        solution = optimize.bfgs(distance, [2, 3], (as_given([2**40, 2**41]),))
    np.testing.assert_allclose(solution.value, [1.0, 2.0], rtol=1e-5)


def test_transformations_and_names_pass_through():
    f, _ = counting()
    assert f.__name__ == "f"
    assert f.__doc__ == "Doc."
    assert list(inspect.signature(f).parameters) == ["x", "power", "rtol"]
    x = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(jax.vmap(lambda v: f(v, 2))(x), jnp.sum(x**2, axis=1))
    np.testing.assert_array_equal(jax.jit(jax.grad(lambda v: f(v, 2)))(x[0]), 2 * x[0])
    with jax.enable_x64(False):
        assert f(np.ones(3)).dtype == jnp.float32


def test_functions_of_old_are_let_go_with_what_they_close_over():
    f = compiled(lambda function, x: function(x))
    total = lambda x: jnp.sum(x)
    held = []
    for i in range(100):
        y = jnp.full(3, float(i))
        held.append(weakref.ref(y))
        assert float(f(lambda x, y=y: jnp.dot(x, y), jnp.ones(3))) == 3 * i
        f(total, jnp.ones(3))
    del y
    gc.collect()
    assert sum(ref() is not None for ref in held) < 70
    assert _num_compiled(lambda: f(total, jnp.ones(3))) == 0


def test_the_functions_of_arrays_in_linalg_are_compiled():
    """Outside jit a reference algorithm would trace its loops anew at every call."""
    of_callables = {"is_inner_product", "is_linear_map", "is_metric", "spectral_fn", "spectral_sum"}
    functions = {name for name in linalg.__all__ if inspect.isfunction(getattr(linalg, name))}
    assert {n for n in functions if not hasattr(getattr(linalg, n), "__wrapped__")} == of_callables


KEY, X = jax.random.key(0), jnp.arange(12.0).reshape(4, 3) / 8
SQUARES = lambda x: jnp.sum(x**2)
VECTORS = nn.SpectralNormState(jnp.ones(3), jnp.ones(4))
ELMAN, CARRY = nn.elman_init(KEY, 3, 2), jnp.zeros(2)
LSTM = nn.lstm_init(KEY, 3, 2)
ONE_WAY = rnn.Config((3, 4, 4, 3), "clockwork", "many_to_many")
BOTH_WAYS = rnn.Config((3, 2, 3, 2), "gru", bidirectional=True, dropout=0.5)
SEQ2SEQ = rnn.Config((3, 4, 3), "clockwork")
LENET = lenet.Config(num_classes=3)
GAN = gan.Config((4,), 3, widths=(4,), spectral_norm=True)
PARAMS = {config: rnn.init(KEY, config) for config in (ONE_WAY, BOTH_WAYS)}

CALLS = {
    "spectral_norm_init": lambda: nn.spectral_norm_init(KEY, X),
    "spectral_norm_train": lambda: nn.spectral_norm_train(VECTORS, X),
    "linear_recurrence": lambda: nn.linear_recurrence(X, X, X[0]),
    "linear_recurrence_sequential": lambda: nn.linear_recurrence_sequential(X, X, X[0]),
    "run_cell": lambda: nn.run_cell(nn.elman_cell, ELMAN, CARRY, X),
    "run_cell, length": lambda: nn.run_cell(nn.elman_cell, ELMAN, CARRY, X, length=2),
    "run_cell, stacked": lambda: nn.run_cell(nn.stacked_cell(nn.elman_cell), (ELMAN,), (CARRY,), X),
    "run_bidirectional": lambda: nn.run_bidirectional(
        nn.elman_cell, nn.Bidirectional(ELMAN, ELMAN), nn.Bidirectional(CARRY, CARRY), X
    ),
    "pgd": lambda: nn.pgd(KEY, SQUARES, X, 0.1, 0.05, 3),
    "elastic_net": lambda: lasso.elastic_net(X, X[:, 0], 0.1),
    "elastic_net_init": lambda: lasso.elastic_net_init(X, X[:, 0], 0.1),
    "elastic_net_step": lambda: lasso.elastic_net_step(
        X, X[:, 0], lasso.elastic_net_init(X, X[:, 0], 0.1), 0.1
    ),
    "rnn.apply": lambda: rnn.apply(PARAMS[ONE_WAY], X, config=ONE_WAY),
    "rnn.train": lambda: rnn.train(KEY, PARAMS[BOTH_WAYS], X, config=BOTH_WAYS, length=3),
    "rnn.run": lambda: rnn.run(
        PARAMS[ONE_WAY], nn.initial_carry(PARAMS[ONE_WAY].layers), X, config=ONE_WAY
    ),
    "generate": lambda: generation.generate(
        KEY, PARAMS[ONE_WAY], np.array([0, 2]), 3, config=ONE_WAY, temperature=0.5
    ),
    "sequence_to_sequence.apply": lambda: sequence_to_sequence.apply(
        sequence_to_sequence.init(KEY, SEQ2SEQ), X, np.array([2, 0]), config=SEQ2SEQ
    ),
    "greedy": lambda: sequence_to_sequence.greedy(
        sequence_to_sequence.init(KEY, SEQ2SEQ), X, 3, config=SEQ2SEQ, length=2
    ),
    "elman_backward": lambda: backpropagation_through_time.elman_backward(
        ELMAN, CARRY, X, X[:, :2]
    ),
    "lstm_backward": lambda: backpropagation_through_time.lstm_backward(
        LSTM, (CARRY, CARRY), X, X[:, :2]
    ),
    "gradient_norms": lambda: backpropagation_through_time.gradient_norms(
        nn.elman_cell, ELMAN, CARRY, X, CARRY
    ),
    "saliency": lambda: visualization.saliency(
        *lenet.init(KEY, LENET), jnp.ones((28, 28, 1)), 1, config=LENET
    ),
    "gan.init": lambda: gan.init(KEY, GAN),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_with_the_same_arguments_compiles_nothing_anew(name):
    CALLS[name]()
    CALLS[name]()
    assert _num_compiled(CALLS[name]) == 0
