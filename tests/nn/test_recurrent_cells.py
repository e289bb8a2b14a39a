"""The recurrent cells against Flax and their equations, saturated, and at their starts."""

from functools import partial

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.ad_checkpoint import print_saved_residuals

from jaxmath import nn

D, H, T = 3, 4, 6
INITS = {
    "elman": nn.elman_init, "jordan": lambda key, d, h, **kw: nn.jordan_init(key, d, h, 2, **kw),
    "lstm": nn.lstm_init, "peephole_lstm": nn.peephole_lstm_init, "gru": nn.gru_init,
    "mgu": nn.mgu_init, "clockwork": nn.clockwork_init,
}  # fmt: skip
CELLS = {name: getattr(nn, f"{name}_cell") for name in INITS}
KINDS = {"elman": nn.Elman, "jordan": nn.Jordan, "lstm": nn.LSTM, "gru": nn.GRU, "mgu": nn.MGU,
         "peephole_lstm": nn.PeepholeLSTM, "clockwork": nn.Clockwork}  # fmt: skip


def random_params(name: str, seed: int = 0, scale: float = 1.0):
    """Every leaf random, biases among them."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(lambda: INITS[name](jax.random.key(0), D, H))
    return jax.tree.map(lambda s: jnp.asarray(scale * rng.standard_normal(s.shape)), shapes)


def draw(*shape, seed: int = 1):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def dense(kernel, bias=None):
    return {"kernel": kernel} | ({} if bias is None else {"bias": bias})


def flax_lstm(p):
    gates = {}
    for j, gate in enumerate("ifgo"):
        gates[f"i{gate}"] = dense(p.kernel[:D, j])
        gates[f"h{gate}"] = dense(p.kernel[D:, j], p.bias[j])
    return gates


def flax_gru(p):
    gates = {}
    for j, gate in enumerate("rzn" if isinstance(p, nn.GRU) else "fn"):
        gates[f"i{gate}"] = dense(p.input_kernel[:, j], p.bias[j])
        gates[f"h{gate}"] = dense(p.recurrent_kernel[:, j])
    gates["hn"]["bias"] = p.recurrent_bias
    return gates


def flax_elman(p):
    return {"i": dense(p.kernel[:D], p.bias), "h": dense(p.kernel[D:])}


FLAX = {
    "SimpleCell": ("elman", nn.elman_cell, flax_elman),
    "LSTMCell": ("lstm", nn.lstm_cell, flax_lstm),
    "OptimizedLSTMCell": ("lstm", nn.lstm_cell, flax_lstm),
    "GRUCell": ("gru", nn.gru_cell, flax_gru),
    "MGUCell": ("mgu", partial(nn.mgu_cell, reset_after=True), flax_gru),
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", FLAX)
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-6), ("float64", 1e-12)])
def test_agrees_with_flax(name, dtype, rtol):
    """Outputs along a batch of sequences, and the gradient of a function of them."""
    ours_name, cell, convert = FLAX[name]
    params = random_params(ours_name, scale=0.5)
    params, X = jax.tree.map(lambda leaf: leaf.astype(dtype), (params, draw(2, T, D)))
    theirs = flax.linen.RNN(
        getattr(flax.linen, name)(H, param_dtype=dtype), return_carry=True
    )  # fmt: skip

    def run_ours(params, X):
        one = lambda x: nn.run_cell(cell, params, nn.initial_carry(params), x)
        return jax.vmap(one)(X)

    def run_theirs(params, X):
        return theirs.apply({"params": {"cell": convert(params)}}, X)

    def result(run):
        total = lambda *args: sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(run(*args)))
        return run(params, X), jax.grad(total, argnums=(0, 1))(params, X)

    got, want = jax.jit(lambda: (result(run_ours), result(run_theirs)))()
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=rtol * max(1, np.max(np.abs(b))))


def test_the_two_places_of_the_reset_gate():
    """Different functions; the same where the reset gate is a number times 1, or U is diagonal."""
    params, h, x = random_params("gru"), draw(H), draw(D, seed=2)
    before, _ = nn.gru_cell(params, h, x, reset_after=False)
    after, _ = nn.gru_cell(params, h, x)
    assert np.max(np.abs(before - after)) > 1e-2
    p = jax.tree.map(np.asarray, params)
    sigma = lambda v: 1 / (1 + np.exp(-v))
    W, U = p.input_kernel, p.recurrent_kernel
    r, z = (sigma(x @ W[:, j] + h @ U[:, j] + p.bias[j]) for j in range(2))
    n = np.tanh(x @ W[:, 2] + p.bias[2] + (r * h) @ U[:, 2] + p.recurrent_bias)
    np.testing.assert_allclose(before, (1 - z) * n + z * h, rtol=1e-13)
    diagonal = params._replace(
        recurrent_kernel=params.recurrent_kernel.at[:, 2].set(jnp.diag(draw(H, seed=3))),
        recurrent_bias=jnp.zeros(H),
    )
    before, _ = nn.gru_cell(diagonal, h, x, reset_after=False)
    np.testing.assert_allclose(before, nn.gru_cell(diagonal, h, x)[0], rtol=1e-13)


def test_flax_minimal_unit_is_a_gru_with_tied_gates():
    params, h, x = random_params("mgu"), draw(H), draw(D, seed=2)
    W, U, b, c = params
    tied = nn.GRU(W[:, [0, 0, 1]], U[:, [0, 0, 1]], b[jnp.array([0, 0, 1])], c)
    want, _ = nn.gru_cell(tied, h, x)
    got, _ = nn.mgu_cell(params, h, x, reset_after=True)
    np.testing.assert_allclose(got, want, rtol=1e-13)
    shut = params._replace(bias=b.at[0].set(-1e3))
    np.testing.assert_array_equal(nn.mgu_cell(shut, h, x)[0], h)  # Zhou's f = 0 keeps


def test_peepholes_of_zero_are_no_peepholes():
    params, carry, x = random_params("lstm"), (draw(H), draw(H, seed=3)), draw(D, seed=2)
    plain = nn.lstm_cell(params, carry, x)
    shut = nn.peephole_lstm_cell(nn.PeepholeLSTM(*params, jnp.zeros((3, H))), carry, x)
    jax.tree.map(np.testing.assert_array_equal, plain, shut)


def test_lstm_remembers_with_its_gates():
    """Forget gate open and input gate shut: the memory stays, whatever comes."""
    params = random_params("lstm")
    params = params._replace(bias=params.bias.at[:2].set(jnp.array([[-1e3], [1e3]])))
    c0 = draw(H)
    (c, _), _ = nn.run_cell(nn.lstm_cell, params, (c0, jnp.zeros(H)), draw(T, D))
    np.testing.assert_array_equal(c, c0)


def test_clockwork_modules_move_at_their_periods_only():
    params, x = random_params("clockwork"), draw(8, D)
    cell = partial(nn.clockwork_cell, periods=(1, 4))
    (t, _), y = nn.run_cell(cell, params, nn.initial_carry(params), x)
    moved = np.any(np.diff(y, axis=0) != 0, axis=0), np.diff(y[:, 2:], axis=0)
    assert np.all(moved[0])
    assert t == 0  # after two rounds of four
    np.testing.assert_array_equal(np.flatnonzero(np.any(moved[1] != 0, axis=1)) + 1, [4])
    # The slow module does not hear the fast one, which hears both.
    slope = jax.jacobian(lambda h: cell(params, (jnp.int32(0), h), x[0])[1])(draw(H))
    np.testing.assert_array_equal(slope[2:, :2], np.zeros((2, 2)))
    assert np.all(slope[:2] != 0)


def test_clockwork_of_period_one_is_an_elman_cell():
    params, x = random_params("clockwork"), draw(T, D)
    cell = partial(nn.clockwork_cell, periods=(1,))
    _, got = nn.run_cell(cell, params, nn.initial_carry(params), x)
    _, want = nn.run_cell(nn.elman_cell, nn.Elman(*params), jnp.zeros(H), x)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("periods", "error", "match"),
    [
        ([1, 2], TypeError, "`periods` must be a tuple"),
        ((), TypeError, "`periods` must be a tuple"),
        ((2, 1), ValueError, "`periods` must be in ascending order"),
        ((0, 2), ValueError, r"`periods\[0\]` must be at least 1"),
        ((1, 2, 4), ValueError, "`periods` must divide the 4 hidden units"),
    ],
)
def test_clockwork_refuses(periods, error, match):
    params = random_params("clockwork")
    with pytest.raises(error, match=match):
        nn.clockwork_cell(params, nn.initial_carry(params), jnp.zeros(D), periods=periods)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CELLS)
def test_saturated_gates_give_no_nan(name):
    """Sums of ±10⁴ to ±10³⁰ in float32: value and gradient finite."""
    for scale in (1e4, 1e30):
        params = jax.tree.map(lambda a: a.astype(jnp.float32), random_params(name, scale=scale))
        if name == "jordan":  # its output is linear
            params = params._replace(output_kernel=params.output_kernel / jnp.float32(scale))
        x = draw(D).astype(jnp.float32)

        def total(params, x):
            _, y = CELLS[name](params, nn.initial_carry(params), x)
            return jnp.sum(y)

        value, gradient = jax.jit(jax.value_and_grad(total, argnums=(0, 1)))(params, x)
        assert np.isfinite(value)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_starts():
    """Orthogonal recurrent kernels gate by gate, biases 0 but for the forget gates' 1."""
    for name, init in INITS.items():
        orthogonal = name == "lstm"
        options = {} if orthogonal or name == "jordan" else {"recurrent_init": nn.lecun_normal}
        params = jax.jit(lambda key, f=init, kw=options: f(key, D, H, **kw))(jax.random.key(0))
        assert isinstance(params, KINDS[name])
        kernel = params.recurrent_kernel if name in ("gru", "mgu") else params.kernel[D:]
        kernel = kernel.reshape(len(kernel), -1, H).swapaxes(0, 1)
        assert all(np.any(kernel[0] != other) for other in kernel[1:])
        if orthogonal:
            gram = np.einsum("gij,gik->gjk", kernel, kernel)
            np.testing.assert_allclose(gram, np.broadcast_to(np.eye(H), gram.shape), atol=1e-12)
        biases = {field: leaf for field, leaf in params._asdict().items() if "bias" in field}
        forget = {"lstm": [0, 1, 0, 0], "peephole_lstm": [0, 1, 0, 0], "mgu": [1, 0]}
        for field, leaf in biases.items():
            want = np.array(forget.get(name, [0]) if field == "bias" else [0])
            want = want[:, None] if leaf.ndim == 2 else want
            np.testing.assert_array_equal(leaf, np.broadcast_to(want, leaf.shape))
    low = nn.peephole_lstm_init(
        jax.random.key(0), D, H, dtype=jnp.bfloat16, forget_bias=2.0, recurrent_init=nn.ones_init
    )
    assert {leaf.dtype for leaf in low} == {jnp.dtype(jnp.bfloat16)}
    assert float(low.bias[1, 0]) == 2.0


def test_an_elman_cell_keeps_its_sums_alone(capsys):
    """Beside its arguments: neither x and h in one, nor f and its slope, which are made again."""
    kernel, bias = random_params("elman")
    cell = lambda kernel, bias, h, x: nn.elman_cell(nn.Elman(kernel, bias), h, x)[0]
    print_saved_residuals(cell, kernel, bias, draw(H), draw(D))
    kept = capsys.readouterr().out.splitlines()
    (other,) = [line for line in kept if "from the argument" not in line]
    assert f"f64[{H}] output of add" in other
