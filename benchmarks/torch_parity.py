#!/usr/bin/env python
"""Values and gradients against PyTorch, layer by layer, in float32 and float64.

    python benchmarks/torch_parity.py --output benchmarks/results/torch_parity_cpu.json

Each case is one function of the same arrays in both libraries, weights moved by
``interop.to_torch_state_dict`` where there are any. Compared are the value, and the gradient of
Σ wᵢ yᵢ with fixed random w to every floating argument: the largest difference over the largest
entry, in a gradient at least 1. The bound is 1e-6 in float32 and 1e-12 in float64. Dropout is
compared by the share that is kept, to 5 standard errors. Hinge losses of one example,
Jensen–Shannon and the step have no counterpart in PyTorch.
Without PyTorch nothing can be compared: that is said, and the exit status is 2.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from jaxmath import interop, nn
from jaxmath.models import mlp

BOUNDS = {"float32": 1e-6, "float64": 1e-12}
N, T, H, W, C, K = 7, 5, 4, 3, 6, 4
EPS = 1e-5  # PyTorch's, for all norms


class Case(NamedTuple):
    """Arguments in float64; ours of (params, *args), PyTorch's of (module or None, *tensors).

    ``params`` are our layers; ``module`` makes PyTorch's module, whose weights are set to them.
    Integer arguments are labels or symbols. ``state`` are running statistics of a batch norm.
    """

    args: tuple
    ours: Callable
    theirs: Callable
    params: Any = ()
    module: Callable | None = None
    names: tuple[str, ...] = ("",)
    state: Any = ()


def over_examples(f: Callable) -> Callable:
    """f(params, *one example), over a batch."""
    return lambda params, *args: jax.vmap(partial(f, params))(*args)


def channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def channels_last(x: Any) -> Any:
    return x.movedim(1, -1)


def layer_cases(draw: Callable) -> dict[str, Case]:
    import torch

    image = draw(N, H, W, C)
    norm = lambda kind: kind(1 + draw(C) / 2, draw(C))
    on_images = lambda module, x: channels_last(module(channels_first(x)))
    symbols = np.random.default_rng(1).integers(K, size=N)
    batch, state = norm(nn.BatchNorm), nn.BatchNormState(draw(C), 1 + draw(C) ** 2)
    one = lambda kind: (norm(kind),)
    call = lambda module, x: module(x)

    def batch_train(params: Any, x: Any) -> Any:
        f = lambda x: nn.batch_norm_train(params[0], state, x, axis_name="b", eps=EPS)
        y, new = jax.vmap(f, axis_name="b", out_axes=(0, None))(x)
        count = N * H * W
        # Unbiased, as PyTorch tracks it.
        var = 0.9 * state.var + (new.var - 0.9 * state.var) * (count / (count - 1))
        # PyTorch's statistics are buffers, through which no gradient runs.
        return jnp.concatenate([y.reshape(-1), *map(jax.lax.stop_gradient, (new.mean, var))])

    def torch_batch_train(module: Any, x: Any) -> Any:
        y = on_images(module.train(), x)
        return torch.cat([y.reshape(-1), module.running_mean, module.running_var])

    affine = {"affine": True, "eps": EPS}
    return {
        "dense": Case(
            (draw(N, C),), over_examples(lambda p, x: nn.dense_apply(p[0], x)), call,
            (nn.Dense(draw(C, K), draw(K)),), lambda: torch.nn.Linear(C, K),
        ),
        "embedding": Case(
            (symbols,), over_examples(lambda p, i: nn.embedding_apply(p[0], i)), call,
            (nn.Embedding(draw(K, C)),), lambda: torch.nn.Embedding(K, C),
        ),
        "layer_norm": Case(
            (draw(N, C),), over_examples(lambda p, x: nn.layer_norm(p[0], x, eps=EPS)), call,
            one(nn.LayerNorm), lambda: torch.nn.LayerNorm(C, eps=EPS),
        ),
        "rms_norm": Case(
            (draw(N, C),), over_examples(lambda p, x: nn.rms_norm(p[0], x, eps=EPS)), call,
            (nn.RMSNorm(1 + draw(C) / 2),), lambda: torch.nn.RMSNorm(C, eps=EPS),
        ),
        "group_norm": Case(
            (image,), over_examples(lambda p, x: nn.group_norm(p[0], x, num_groups=3, eps=EPS)),
            on_images, one(nn.GroupNorm), lambda: torch.nn.GroupNorm(3, C, eps=EPS),
        ),
        "instance_norm": Case(
            (image,), over_examples(lambda p, x: nn.instance_norm(p[0], x, eps=EPS)),
            on_images, one(nn.InstanceNorm), lambda: torch.nn.InstanceNorm2d(C, **affine),
        ),
        "batch_norm_apply": Case(
            (image,), over_examples(lambda p, x: nn.batch_norm_apply(p[0], state, x, eps=EPS)),
            lambda module, x: on_images(module.eval(), x), (batch,),
            lambda: torch.nn.BatchNorm2d(C, eps=EPS), state=(state,),
        ),
        "batch_norm_train": Case(
            (image,), batch_train, torch_batch_train, (batch,),
            lambda: torch.nn.BatchNorm2d(C, eps=EPS), state=(state,),
        ),
    }  # fmt: skip


def convolution_cases(draw: Callable) -> dict[str, Case]:
    import torch

    spaces = {1: (9,), 2: (7, 6), 3: (4, 5, 3)}
    convolutions = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
    transposed = {
        1: torch.nn.ConvTranspose1d,
        2: torch.nn.ConvTranspose2d,
        3: torch.nn.ConvTranspose3d,
    }
    on_images = lambda module, x: channels_last(module(channels_first(x)))

    def convolution(window: tuple, o: int, **options: Any) -> Case:
        groups, rank = options.get("groups", 1), len(window)
        ours = dict(options)
        if ours.pop("padding_mode", None):
            ours["padding"] = "CIRCULAR"
        return Case(
            (draw(N, *spaces[rank], C),),
            over_examples(lambda p, x: nn.conv_apply(p[0], x, **ours)),
            on_images,
            (nn.Conv(draw(*window, C // groups, o), draw(o)),),
            lambda: convolutions[rank](C, o, window, **options),
        )

    def adjoint(window: tuple, o: int, **options: Any) -> Case:
        groups, rank = options.get("groups", 1), len(window)
        return Case(
            (draw(N, *spaces[rank], C),),
            over_examples(lambda p, y: nn.transposed_conv_apply(p[0], y, **options)),
            on_images,
            (nn.Conv(draw(*window, o // groups, C), draw(o)),),
            lambda: transposed[rank](C, o, window, **options),
        )

    def causal(module: Any, x: Any) -> Any:
        return channels_last(module(torch.nn.functional.pad(channels_first(x), (4, 0))))

    late = convolution((3,), K, dilation=2, padding=0)
    late = late._replace(
        theirs=causal,
        ours=over_examples(lambda p, x: nn.conv_apply(p[0], x, dilation=2, padding="CAUSAL")),
    )
    return {
        "conv 1-d": convolution((3,), K, stride=2, padding=1),
        "conv 1-d, causal": late,
        "conv 2-d": convolution((3, 2), K, stride=(2, 1), padding=(1, 0), dilation=(1, 2)),
        "conv 2-d, groups": convolution((3, 3), K, padding=1, groups=2),
        "conv 2-d, depthwise": convolution((3, 3), 2 * C, padding=2, groups=C, dilation=2),
        "conv 2-d, circular": convolution((3, 3), K, padding=1, padding_mode="circular"),
        "conv 1×1": convolution((1, 1), K, stride=2, padding=0),
        "conv 3-d": convolution((2, 3, 1), K, stride=(1, 2, 1), padding=(1, 1, 0)),
        "transposed conv 1-d": adjoint((4,), K, stride=3, padding=1),
        "transposed conv 2-d": adjoint((3, 3), K, stride=2, padding=1, output_padding=1, groups=2),
        "transposed conv 3-d": adjoint((2, 2, 3), K, stride=(2, 1, 2), padding=0, dilation=2),
    }  # fmt: skip


def pooling_cases(draw: Callable) -> dict[str, Case]:
    import torch.nn.functional as F

    image, volume, sequence = draw(N, 7, 6, C), draw(N, 4, 5, 3, C), draw(N, 9, C)
    # Few values, hence ties in nearly every window.
    ties = np.random.default_rng(4).integers(0, 3, (N, 7, 6, C)).astype(float)
    each = lambda f: over_examples(lambda p, x: f(x))
    last = lambda f: lambda _, x: channels_last(f(channels_first(x)))
    odd = {"stride": 2, "padding": 1}
    return {
        "max_pool": Case(
            (image,), each(partial(nn.max_pool, window=2)),
            last(partial(F.max_pool2d, kernel_size=2)),
        ),
        "max_pool, ties": Case(
            (ties,), each(partial(nn.max_pool, window=3, **odd)),
            last(partial(F.max_pool2d, kernel_size=3, **odd)),
        ),
        "max_pool, 3-d": Case(
            (volume,), each(partial(nn.max_pool, window=(2, 3, 1), stride=1)),
            last(partial(F.max_pool3d, kernel_size=(2, 3, 1), stride=1)),
        ),
        "average_pool": Case(
            (image,), each(partial(nn.average_pool, window=3, **odd)),
            last(partial(F.avg_pool2d, kernel_size=3, **odd)),
        ),
        "average_pool, pads apart": Case(
            (image,), each(partial(nn.average_pool, window=3, count_include_pad=False, **odd)),
            last(partial(F.avg_pool2d, kernel_size=3, count_include_pad=False, **odd)),
        ),
        "average_pool, 1-d": Case(
            (sequence,), each(partial(nn.average_pool, window=4, stride=3)),
            last(partial(F.avg_pool1d, kernel_size=4, stride=3)),
        ),
        "global_average_pool": Case(
            (image,), each(nn.global_average_pool), lambda _, x: x.mean((1, 2))
        ),
        "global_max_pool, ties": Case(
            (ties,), each(nn.global_max_pool),
            lambda _, x: F.adaptive_max_pool2d(channels_first(x), 1)[..., 0, 0],
        ),
    }  # fmt: skip


def activation_cases(draw: Callable) -> dict[str, Case]:
    import torch.nn.functional as F

    x = draw(N, C) * 3
    each = lambda f: over_examples(lambda p, x: f(x))
    pairs = {
        "sigmoid": (nn.sigmoid, F.sigmoid),
        "tanh": (nn.tanh, F.tanh),
        "relu": (nn.relu, F.relu),
        "leaky_relu": (nn.leaky_relu, partial(F.leaky_relu, negative_slope=0.01)),
        "elu": (nn.elu, F.elu),
        "selu": (nn.selu, F.selu),
        "gelu": (nn.gelu, partial(F.gelu, approximate="tanh")),
        "gelu, exact": (partial(nn.gelu, approximate=False), F.gelu),
        "silu": (nn.silu, F.silu),
        "softplus": (nn.softplus, F.softplus),
        "softmax": (nn.softmax, partial(F.softmax, dim=-1)),
        "log_softmax": (nn.log_softmax, partial(F.log_softmax, dim=-1)),
    }
    cases = {
        name: Case((x,), each(ours), lambda _, x, f=theirs: f(x))
        for name, (ours, theirs) in pairs.items()
    }
    slope = np.abs(draw(1))
    cases["prelu"] = Case(
        (x, slope), lambda _, x, a: nn.prelu(x, a[0]), lambda _, x, a: F.prelu(x, a)
    )
    return cases


def loss_cases(draw: Callable) -> dict[str, Case]:
    import torch.nn.functional as F

    logits, target = draw(N, K) * 3, draw(N, K)
    labels = np.random.default_rng(2).integers(K, size=N)
    soft = np.exp(target) / np.exp(target).sum(-1, keepdims=True)
    bits = (target > 0).astype(float)
    each = lambda f: over_examples(lambda p, *args: f(*args))
    rows = {"reduction": "none"}
    return {
        "softmax_cross_entropy": Case(
            (logits, labels), each(nn.softmax_cross_entropy),
            lambda _, z, y: F.cross_entropy(z, y, **rows),
        ),
        "label smoothing": Case(
            (logits, labels), each(partial(nn.softmax_cross_entropy, label_smoothing=0.1)),
            lambda _, z, y: F.cross_entropy(z, y, label_smoothing=0.1, **rows),
        ),
        "soft labels": Case(
            (logits, soft), each(nn.softmax_cross_entropy_with_soft_labels),
            lambda _, z, q: F.cross_entropy(z, q, **rows),
        ),
        "binary cross-entropy": Case(
            (logits, bits), each(jax.vmap(nn.sigmoid_binary_cross_entropy)),
            lambda _, z, y: F.binary_cross_entropy_with_logits(z, y, **rows),
        ),
        "mean_squared_error": Case(
            (logits, target), lambda _, a, b: nn.mean_squared_error(a, b)[None],
            lambda _, a, b: F.mse_loss(a, b)[None],
        ),
        "mean_absolute_error": Case(
            (logits, target), lambda _, a, b: nn.mean_absolute_error(a, b)[None],
            lambda _, a, b: F.l1_loss(a, b)[None],
        ),
        "huber_loss": Case(
            (logits[0], target[0]), lambda _, a, b: nn.huber_loss(a, b, delta=0.7)[None],
            lambda _, a, b: F.huber_loss(a, b, delta=0.7, reduction="sum")[None],
        ),
        "kl_divergence": Case(
            # Of logits: off the simplex ours goes on as Σ p log(p/q) − p + q.
            (target, logits),
            each(lambda p, q: nn.kl_divergence(nn.log_softmax(p), nn.log_softmax(q))),
            lambda _, p, q: F.kl_div(
                F.log_softmax(q, -1), F.log_softmax(p, -1), log_target=True, **rows
            ).sum(-1),
        ),
    }  # fmt: skip


def model_cases(draw: Callable) -> dict[str, Case]:
    import torch

    config = mlp.Config((64, 32, 16, 10), "tanh")
    params = tuple(
        nn.Dense(draw(a, b) / a**0.5, draw(b)) for a, b in ((64, 32), (32, 16), (16, 10))
    )
    layers = lambda: torch.nn.Sequential(
        torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Linear(32, 16), torch.nn.Tanh(),
        torch.nn.Linear(16, 10),
    )  # fmt: skip
    return {
        "mlp": Case(
            (draw(N, 64),), over_examples(lambda p, x: mlp.apply(p, x, config=config)),
            lambda module, x: module(x), params, layers, ("0", "2", "4"),
        )
    }  # fmt: skip


def recurrent_params(kind: str, W_x: Any, W_h: Any, b_x: Any, b_h: Any) -> Any:
    """A cell's parameters from PyTorch's four arrays of one layer and direction."""
    h = W_h.shape[1]
    split = lambda a: a.T.reshape(-1, W_h.shape[0] // h, h)
    if kind == "RNN":
        return nn.Elman(jnp.concatenate([W_x.T, W_h.T]), b_x + b_h)
    if kind == "LSTM":
        kernel = jnp.concatenate([split(W_x), split(W_h)])
        return nn.LSTM(kernel, (b_x + b_h).reshape(4, h))
    b_x, b_h = b_x.reshape(3, h), b_h.reshape(3, h)
    return nn.GRU(split(W_x), split(W_h), b_x.at[:2].add(b_h[:2]), b_h[2])


def recurrent_case(draw: Callable, kind: str, layers: int, both: bool) -> Case:
    """All weights are arguments, in PyTorch's layout, whose gradients are compared there."""
    import torch

    h, directions = 4, 1 + both
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    cell = {"RNN": nn.elman_cell, "GRU": nn.gru_cell, "LSTM": nn.lstm_cell}[kind]
    names, weights = [], []
    for i in range(layers):
        d = directions * h if i else C
        for end in ("", "_reverse")[:directions]:
            parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            names += [f"{part}_l{i}{end}" for part in parts]
            shapes = ((gates * h, d), (gates * h, h), (gates * h,), (gates * h,))
            # The variance of PyTorch's own start: in saturation 1 − h² has few digits in float32.
            weights += [draw(*shape) / (3 * h) ** 0.5 for shape in shapes]

    def ours(_: Any, X: Any, *weights: Any) -> Any:
        cells = [recurrent_params(kind, *weights[i : i + 4]) for i in range(0, len(weights), 4)]

        def one(y: Any) -> Any:
            for i in range(layers):
                if both:
                    pair = nn.Bidirectional(*cells[2 * i : 2 * i + 2])
                    y = nn.run_bidirectional(cell, pair, nn.initial_carry(pair), y)[1]
                else:
                    y = nn.run_cell(cell, cells[i], nn.initial_carry(cells[i]), y)[1]
            return y

        return jax.vmap(one)(X)

    def theirs(_: Any, X: Any, *weights: Any) -> Any:
        options = {"num_layers": layers, "bidirectional": both, "batch_first": True}
        module = getattr(torch.nn, kind)(C, h, **options).to(X.dtype)
        named = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(module, named, (X,))[0]

    return Case((draw(N, T, C), *weights), ours, theirs)


def recurrent_cases(draw: Callable) -> dict[str, Case]:
    shapes = {"": (1, False), ", both directions": (1, True), ", 2 layers": (2, False),
              ", 2 layers, both directions": (2, True)}  # fmt: skip
    return {
        f"{kind}{name}": recurrent_case(draw, kind, *shape)
        for kind in ("RNN", "LSTM", "GRU")
        for name, shape in shapes.items()
    }


def relative(got: Any, want: Any, least: float = 0.0) -> float:
    """The largest difference over the largest entry."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    if got.shape != want.shape:
        return float("inf")
    return float(np.max(np.abs(got - want)) / max(np.max(np.abs(want)), least, 1e-300))


def compare(case: Case, dtype: str) -> tuple[float, float]:
    """The relative errors of the value and of the gradients."""
    import torch

    floating = [np.asarray(a).dtype.kind == "f" for a in case.args]
    args = [np.asarray(a, dtype if f else None) for a, f in zip(case.args, floating, strict=True)]
    params = jax.tree.map(lambda a: jnp.asarray(a, dtype), case.params)
    y = jax.jit(case.ours)(params, *args)
    weight = np.random.default_rng(3).standard_normal(y.shape).astype(dtype)
    places = (0, *(i + 1 for i, f in enumerate(floating) if f))
    total = lambda *inputs: jnp.sum(weight * case.ours(*inputs))
    in_params, *in_args = jax.jit(jax.grad(total, argnums=places))(params, *args)

    tensors = [torch.tensor(a, requires_grad=f) for a, f in zip(args, floating, strict=True)]
    module = case.module and case.module().to(getattr(torch, dtype))
    if module:
        entries = interop.to_torch_state_dict(case.params, case.state, names=case.names)
        module.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in entries.items()})
        entries = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    z = case.theirs(module, *tensors)
    (torch.from_numpy(weight) * z).sum().backward()
    got = [np.asarray(g) for g in in_args]
    want = [t.grad.numpy() for t, f in zip(tensors, floating, strict=True) if f]
    if module:
        ours = interop.to_torch_state_dict(in_params, case.state, names=case.names)
        for name, parameter in module.named_parameters():
            got.append(ours[name])
            want.append(parameter.grad.numpy())
        back, state = interop.load_torch_state_dict(
            entries, like=params, model_state=case.state, names=case.names
        )
        low = jax.tree.map(lambda a: np.asarray(a, dtype), case.state)
        same = jax.tree.map(np.array_equal, (back, state), (params, low))
        assert all(jax.tree.leaves(same)), "the weights did not come back as they were"
    gradient = max(relative(a, b, 1.0) for a, b in zip(got, want, strict=True))
    return relative(y, z.detach().numpy()), gradient


def dropout_moments(rate: float = 0.3, size: int = 200_000) -> list[dict]:
    """The share of ones that both dropouts keep, in standard errors from 1 − rate."""
    import torch

    torch.manual_seed(0)
    ours = np.asarray(nn.dropout(jax.random.key(0), jnp.ones(size), rate))
    theirs = torch.nn.functional.dropout(torch.ones(size), rate, training=True).numpy()
    rows = []
    for who, y in (("ours", ours), ("torch", theirs)):
        kept = np.count_nonzero(y)
        error = np.sqrt(rate * (1 - rate) / size)
        z = abs(kept / size - (1 - rate)) / error
        scaled = bool(np.allclose(y[y != 0], 1 / (1 - rate), rtol=1e-6))
        rows.append({"case": f"dropout, {who}", "standard_errors": float(z), "scaled": scaled,
                     "ok": bool(z < 5 and scaled)})  # fmt: skip
    return rows


def all_cases() -> dict[str, Case]:
    """Every case, from one seed."""
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape)
    cases: dict[str, Case] = {}
    makers = (
        layer_cases,
        activation_cases,
        loss_cases,
        model_cases,
        convolution_cases,
        pooling_cases,
        recurrent_cases,
    )
    for make in makers:
        cases |= make(draw)
    return cases


def measure() -> list[dict]:
    """One row a case and dtype."""
    rows = []
    for name, case in all_cases().items():
        for dtype, bound in BOUNDS.items():
            value, gradient = compare(case, dtype)
            ok = value <= bound and gradient <= bound
            rows.append({"case": name, "dtype": dtype, "value": value, "gradient": gradient,
                         "bound": bound, "ok": ok})  # fmt: skip
    return rows + dropout_moments()


def main(argv: list[str] | None = None) -> int:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: left out, nothing to compare")
        return 2
    jax.config.update("jax_enable_x64", True)
    rows = measure()
    for row in rows:
        figures = (
            f"{row['value']:>10.1e} {row['gradient']:>10.1e}"
            if "value" in row
            else f"{row['standard_errors']:>10.2f} standard errors"
        )
        print(f"{row['case']:<24} {row.get('dtype', ''):<8} {figures} {'' if row['ok'] else 'NO'}")
    print(f"{sum(row['ok'] for row in rows)} of {len(rows)} agree")
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        versions = {name: version(name) for name in ("jax", "torch", "numpy")}
        report = {"device": jax.devices()[0].device_kind, "versions": versions, "results": rows}
        args.output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
