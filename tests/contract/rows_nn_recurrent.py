"""Rows of the recurrent cells and of what runs them along a sequence."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxmath import nn
from tests.contract.row import Bad, HostRow, NotDifferentiable, Row, key

DTYPES = ("float32", "bfloat16", "float64")
KEY = jax.random.key(0)
D, H, T = 2, 3, 4
DRAW = NotDifferentiable("a random draw: no argument is real")
CELLS = "tests/nn/test_recurrent_cells.py"
RUNS = "tests/nn/test_recurrence.py"
GATED = {"input_kernel": (D, 3, H), "recurrent_kernel": (H, 3, H), "bias": (3, H),
         "recurrent_bias": (H,)}  # fmt: skip
SHAPES = {
    nn.Elman: {"kernel": (D + H, H), "bias": (H,)},
    nn.Jordan: {"kernel": (D + 1, H), "bias": (H,), "output_kernel": (H, 1), "output_bias": (1,)},
    nn.LSTM: {"kernel": (D + H, 4, H), "bias": (4, H)},
    nn.PeepholeLSTM: {"kernel": (D + H, 4, H), "bias": (4, H), "peephole": (3, H)},
    nn.GRU: GATED,
    nn.MGU: GATED | {"input_kernel": (D, 2, H), "recurrent_kernel": (H, 2, H), "bias": (2, H)},
    nn.Clockwork: {"kernel": (D + 4, 4), "bias": (4,)},
}


def draw_params(kind: Any, rng: np.random.Generator, dtype: Any) -> Any:
    return kind(**{name: jnp.asarray(0.7 * rng.standard_normal(shape), dtype)
                   for name, shape in SHAPES[kind].items()})  # fmt: skip


def ones_of(kind: Any) -> Any:
    return kind(*map(np.ones, SHAPES[kind].values()))


def make_step(kind: Any) -> Any:
    """Parameters, a random carry and an input."""

    def make(rng: np.random.Generator, dtype: Any) -> tuple:
        params = draw_params(kind, rng, dtype)
        draw = lambda like: jnp.asarray(rng.standard_normal(like.shape), dtype)
        if kind is nn.Clockwork:
            return params, draw(params.bias), draw(jnp.zeros(D))
        return params, jax.tree.map(draw, nn.initial_carry(params)), draw(jnp.zeros(D))

    return make


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def sums(W: np.ndarray, b: np.ndarray, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Entry by entry."""
    v = [*x, *h]
    return np.array([b[j] + sum(v[i] * W[i, j] for i in range(len(v))) for j in range(len(b))])


def elman(p: Any, h: np.ndarray, x: np.ndarray) -> tuple:
    h = np.tanh(sums(*p, x, h))
    return h, h


def jordan(p: Any, y: np.ndarray, x: np.ndarray) -> tuple:
    y = sums(p[2], p[3], np.tanh(sums(p[0], p[1], x, y)), [])
    return y, y


def lstm(p: Any, carry: tuple, x: np.ndarray) -> tuple:
    c, h = carry
    peep = p[2] if len(p) == 3 else np.zeros((3, H))
    i, f, g, o = (sums(p[0][:, j], p[1][j], x, h) for j in range(4))
    c, old = sigmoid(f + peep[1] * c) * c + sigmoid(i + peep[0] * c) * np.tanh(g), c
    h = sigmoid(o + peep[2] * c) * np.tanh(c)
    assert old is not c
    return (c, h), h


def gru(p: Any, h: np.ndarray, x: np.ndarray, after: bool = True) -> tuple:
    from_x = [sums(p[0][:, j], p[2][j], x, []) for j in range(3)]
    r, z = (sigmoid(sums(p[1][:, j], from_x[j], h, [])) for j in range(2))
    U, c = p[1][:, 2], p[3]
    inner = r * sums(U, c, [], h) if after else sums(U, c, [], r * h)
    h = (1 - z) * np.tanh(from_x[2] + inner) + z * h
    return h, h


def mgu(p: Any, h: np.ndarray, x: np.ndarray) -> tuple:
    from_x = [sums(p[0][:, j], p[2][j], x, []) for j in range(2)]
    f = sigmoid(sums(p[1][:, 0], from_x[0], h, []))
    n = np.tanh(from_x[1] + sums(p[1][:, 1], p[3], [], f * h))
    h = (1 - f) * h + f * n
    return h, h


def clockwork(p: Any, h: np.ndarray, x: np.ndarray) -> np.ndarray:
    """At time 1, with periods 1 and 2: the first two units move and hear all, the others wait."""
    moved = np.tanh(sums(p[0], p[1], x, h))
    return np.array([moved[0], moved[1], h[2], h[3]])


def cell_row(name: str, kind: Any, oracle: Any, **more: Any) -> Row:
    params, carry = ones_of(kind), np.ones(1 if kind is nn.Jordan else H)
    if kind in (nn.LSTM, nn.PeepholeLSTM):
        carry = (carry, carry)
    if kind is nn.Clockwork:
        carry = (0, np.ones(4))
    wrong = jax.tree.map(lambda a: np.ones(7, np.result_type(a)), carry)
    bad = (
        Bad((params, carry, np.ones(D + 1)), r"`x` must have shape \(2,\)"),
        Bad((params, carry, np.ones((5, D))), "`x` .*jax.vmap"),
        Bad((params, wrong, np.ones(D)), "`carry"),
        Bad((params._replace(bias=np.ones((1, 2, 3))), carry, np.ones(D)), "`params.bias`"),
    )
    return Row(
        f"nn.{name}", make_step(kind), oracle, diff=(0, 1, 2), dtypes=DTYPES, bad=bad, **more
    )


def init_row(name: str, *sizes: int) -> Row:
    init = getattr(nn, name)
    if name not in ("elman_init", "jordan_init"):  # an orthogonal start compiles for long
        init = partial(init, recurrent_init=nn.lecun_normal)
    return Row(f"nn.{name}", lambda rng, dtype: (key(rng), jnp.zeros((), dtype)), diff=DRAW,
               call=lambda key, like: init(key, *sizes, dtype=like.dtype),
               evidence=f"{CELLS}::test_starts",
               note="the second argument carries the dtype",
               bad=(Bad((0, *sizes), "argument `key`", TypeError),
                    Bad((KEY, 0, *sizes[1:]), "`in_size` must be at least 1"),
                    Bad((KEY, 2, 3.0, *sizes[2:]), "`hidden_size`", TypeError)))  # fmt: skip


def along(cell: Any, params: Any, carry: Any, x: np.ndarray) -> tuple:
    outputs = []
    for row in x:
        carry, y = cell(params, carry, row)
        outputs.append(y)
    return carry, np.array(outputs)


def make_run(rng: np.random.Generator, dtype: Any) -> tuple:
    params = draw_params(nn.Elman, rng, dtype)
    draw = lambda *shape: jnp.asarray(rng.standard_normal(shape), dtype)
    return params, draw(H), draw(T, D), jnp.int32(rng.integers(1, T))


def masked(params: Any, carry: np.ndarray, x: np.ndarray, length: np.ndarray) -> tuple:
    carry, y = along(elman, params, carry, x[: int(length)])
    return carry, np.concatenate([y, np.zeros((T - int(length), H))])


def make_both(rng: np.random.Generator, dtype: Any) -> tuple:
    forward, backward = make_run(rng, dtype), make_run(rng, dtype)
    pairs = (nn.Bidirectional(f, b) for f, b in zip(forward[:2], backward[:2], strict=True))
    return *pairs, forward[2]


def both(params: Any, carry: Any, x: np.ndarray) -> tuple:
    forward, y = along(elman, params[0], carry[0], x)
    backward, z = along(elman, params[1], carry[1], x[::-1])
    return (forward, backward), np.concatenate([y, z[::-1]], axis=1)


def make_linear(rng: np.random.Generator, dtype: Any) -> tuple:
    return tuple(jnp.asarray(rng.standard_normal(s), dtype) for s in ((5, 2), (5, 2), 2))


def linear(a: np.ndarray, b: np.ndarray, h: np.ndarray) -> np.ndarray:
    return along(lambda _, h, ab: 2 * (ab[0] * h + ab[1],), (), h, np.stack([a, b], axis=1))[1]


def linear_row(name: str) -> Row:
    return Row(f"nn.{name}", make_linear, linear, diff=(0, 1, 2), dtypes=("float32", "float64"),
               bad=(Bad((np.ones((3, 2)), np.ones(3), np.ones(2)), "`b` must have rank 2"),
                    Bad((np.ones((2, 2)), np.ones((3, 2)), np.ones(2)), "`a` must have shape"),
                    Bad((np.ones((3, 2)), np.ones((3, 2)), np.ones(3)), "`initial`")))  # fmt: skip


E, C0, X = ones_of(nn.Elman), np.ones(H), np.ones((T, D))
PAIR = nn.Bidirectional(E, E)

ROWS = [
    cell_row("elman_cell", nn.Elman, elman),
    cell_row("jordan_cell", nn.Jordan, jordan),
    cell_row("lstm_cell", nn.LSTM, lstm),
    cell_row("peephole_lstm_cell", nn.PeepholeLSTM, lstm),
    cell_row("gru_cell", nn.GRU, gru),
    cell_row("mgu_cell", nn.MGU, mgu),
    cell_row("clockwork_cell", nn.Clockwork, clockwork,
             call=lambda p, h, x: nn.clockwork_cell(p, (jnp.int32(1), h), x, periods=(1, 2))[1]),
    init_row("elman_init", 2, 3),
    init_row("jordan_init", 2, 3, 1),
    init_row("lstm_init", 2, 3),
    init_row("peephole_lstm_init", 2, 3),
    init_row("gru_init", 2, 3),
    init_row("mgu_init", 2, 3),
    init_row("clockwork_init", 2, 4),
    Row("nn.initial_carry", lambda rng, dtype: (draw_params(nn.LSTM, rng, dtype),),
        lambda p: (np.zeros(H), np.zeros(H)), diff=NotDifferentiable("constants"), dtypes=DTYPES,
        bad=(Bad((np.ones(3),), "`params` must be a cell's parameters", TypeError),)),
    Row("nn.run_cell", make_run, masked, diff=(0, 1, 2), dtypes=DTYPES,
        call=lambda p, c, x, n: nn.run_cell(nn.elman_cell, p, c, x, length=n),
        bad=(Bad((1, E, C0, X), "`cell` must be a function", TypeError),
             Bad((nn.elman_cell, E, C0, np.ones(D)), "`x` must have rank 2"),
             Bad((nn.elman_cell, E, C0, np.ones((5, T, D))), "`x` .*jax.vmap"))),
    Row("nn.run_bidirectional", make_both, both, diff=(0, 1, 2), dtypes=DTYPES,
        call=lambda p, c, x: nn.run_bidirectional(nn.elman_cell, p, c, x),
        bad=(Bad((1, PAIR, (C0, C0), X), "`cell` must be a function", TypeError),
             Bad((nn.elman_cell, PAIR, (C0, C0), np.ones(D)), "`x` must have rank 2"))),
    HostRow("nn.stacked_cell", "makes a cell of a cell",
            (f"{RUNS}::test_stacked_layers_are_layer_after_layer",)),
    HostRow("nn.Bidirectional", "a record: two pytrees with names",
            (f"{RUNS}::test_bidirectional_is_two_runs",)),
    *(HostRow(f"nn.{kind.__name__}", "a record: arrays with names", (f"{CELLS}::test_starts",))
      for kind in SHAPES),
    linear_row("linear_recurrence"),
    linear_row("linear_recurrence_associative"),
    linear_row("linear_recurrence_sequential"),
]  # fmt: skip
