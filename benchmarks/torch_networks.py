#!/usr/bin/env python
"""The image networks against PyTorch: the same weights by torchvision's names, the same logits.

    python benchmarks/torch_networks.py --output benchmarks/results/torch_networks_cpu.json

The modules are written here to torchvision's names (``features.0.weight``,
``layer1.0.downsample.1.running_mean``, …), for torchvision itself is not needed. Weights are
random, at full size: a batch of two images in evaluation, and the gradient of a weighted sum of the
logits in the images and the first kernel, relative to the largest entry. Bounds: 1e-9 in float64;
1e-5 for the logits in float32, where the gradient is printed alone: of millions of rectifiers some
are so near 0 that rounding turns them on in one library and off in the other. Without PyTorch that
is said, and the exit status is 2.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.torch_parity import relative
from jaxmath import interop
from jaxmath.models import alexnet, image_networks, inception, resnet, vgg
from jaxmath.models._config import scaled

BOUNDS = {"float32": (1e-5, float("inf")), "float64": (1e-9, 1e-9)}


def _classifier(torch: Any, d: int, config: Any, at: tuple[int, ...]) -> Any:
    """Dense layers at these places, with rectifiers between; no dropout."""
    hidden = scaled(4096, config.width)
    places: dict[int, Any] = {}
    for i, (a, b) in enumerate(((d, hidden), (hidden, hidden), (hidden, config.num_classes))):
        places[at[i]] = torch.nn.Linear(a, b)
        if i < 2:
            places[at[i] + 1] = torch.nn.ReLU()
    filled = [places.get(i, torch.nn.Identity()) for i in range(max(places) + 1)]
    return torch.nn.Sequential(*filled)


def torch_alexnet(torch: Any, config: Any) -> Any:
    conv, pool = torch.nn.Conv2d, lambda: torch.nn.MaxPool2d(3, 2)
    c = [scaled(n, config.width) for n in (64, 192, 384, 256, 256)]
    relu = torch.nn.ReLU
    net = torch.nn.Module()
    net.features = torch.nn.Sequential(
        conv(config.channels, c[0], 11, 4, 2), relu(), pool(), conv(c[0], c[1], 5, 1, 2), relu(),
        pool(), conv(c[1], c[2], 3, 1, 1), relu(), conv(c[2], c[3], 3, 1, 1), relu(),
        conv(c[3], c[4], 3, 1, 1), relu(), pool(),
    )  # fmt: skip
    net.classifier = _classifier(torch, c[4] * _out(torch, net, config), config, (1, 4, 6))
    net.forward = lambda x: net.classifier(net.features(x).flatten(1))
    return net


def torch_vgg(torch: Any, config: Any) -> Any:
    layers, before = [], config.channels
    for count, width in zip(config.blocks, (64, 128, 256, 512, 512), strict=False):
        for _ in range(count):
            c = scaled(width, config.width)
            layers += [torch.nn.Conv2d(before, c, 3, 1, 1), torch.nn.ReLU()]
            before = c
        layers.append(torch.nn.MaxPool2d(2, 2))
    net = torch.nn.Module()
    net.features = torch.nn.Sequential(*layers)
    net.classifier = _classifier(torch, before * _out(torch, net, config), config, (0, 3, 6))
    net.forward = lambda x: net.classifier(net.features(x).flatten(1))
    return net


def _out(torch: Any, net: Any, config: Any) -> int:
    """Places of the last feature map."""
    x = torch.zeros(1, config.channels, config.image_size, config.image_size)
    with torch.no_grad():
        return net.features(x)[0, 0].numel()


def torch_resnet(torch: Any, config: Any) -> Any:
    def conv(a: int, b: int, k: int, stride: int = 1) -> Any:
        return torch.nn.Conv2d(a, b, k, stride, k // 2, bias=False)

    class Block(torch.nn.Module):
        def __init__(self, a: int, c: int, stride: int) -> None:
            super().__init__()
            basic = config.block == "basic"
            out = c if basic else 4 * c
            sizes = [(a, c, 3, stride), (c, c, 3, 1)]
            if not basic:
                sizes = [(a, c, 1, 1), (c, c, 3, stride), (c, out, 1, 1)]
            self.depth = len(sizes)
            for i, size in enumerate(sizes, 1):
                setattr(self, f"conv{i}", conv(*size))
                setattr(self, f"bn{i}", torch.nn.BatchNorm2d(size[1]))
            self.downsample = None
            if stride > 1 or a != out:
                self.downsample = torch.nn.Sequential(
                    conv(a, out, 1, stride), torch.nn.BatchNorm2d(out)
                )

        def forward(self, x: Any) -> Any:
            y = x
            for i in range(1, self.depth + 1):
                y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
                y = torch.relu(y) if i < self.depth else y
            return torch.relu(y + (x if self.downsample is None else self.downsample(x)))

    net = torch.nn.Module()
    c = scaled(64, config.width)
    big = config.stem == "imagenet"
    net.conv1 = conv(config.channels, c, 7 if big else 3, 2 if big else 1)
    net.bn1 = torch.nn.BatchNorm2d(c)
    net.maxpool = torch.nn.MaxPool2d(3, 2, 1) if big else torch.nn.Identity()
    before = c
    for s, count in enumerate(config.blocks):
        blocks = []
        for i in range(count):
            blocks.append(Block(before, c * 2**s, 2 if s > 0 and i == 0 else 1))
            before = c * 2**s * (1 if config.block == "basic" else 4)
        setattr(net, f"layer{s + 1}", torch.nn.Sequential(*blocks))
    net.fc = torch.nn.Linear(before, config.num_classes)

    def forward(x: Any) -> Any:
        x = net.maxpool(torch.relu(net.bn1(net.conv1(x))))
        for s in range(len(config.blocks)):
            x = getattr(net, f"layer{s + 1}")(x)
        return net.fc(x.mean((2, 3)))

    net.forward = forward
    return net


def torch_googlenet(torch: Any, config: Any) -> Any:
    class Conv(torch.nn.Module):
        def __init__(self, a: int, c: int, k: int, stride: int = 1) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(a, c, k, stride, k // 2, bias=False)
            self.bn = torch.nn.BatchNorm2d(c, eps=1e-3)

        def forward(self, x: Any) -> Any:
            return torch.relu(self.bn(self.conv(x)))

    size = lambda n: scaled(n, config.width)
    sequence = torch.nn.Sequential

    class Module(torch.nn.Module):
        def __init__(self, a: int, *sizes: int) -> None:
            super().__init__()
            c1, r3, c3, r5, c5, p = map(size, sizes)
            self.branch1 = Conv(a, c1, 1)
            self.branch2 = sequence(Conv(a, r3, 1), Conv(r3, c3, 3))
            self.branch3 = sequence(Conv(a, r5, 1), Conv(r5, c5, 3))
            self.branch4 = sequence(torch.nn.MaxPool2d(3, 1, 1), Conv(a, p, 1))
            self.out = c1 + c3 + c5 + p

        def forward(self, x: Any) -> Any:
            return torch.cat([getattr(self, f"branch{i}")(x) for i in range(1, 5)], 1)

    net = torch.nn.Module()
    net.conv1 = Conv(config.channels, size(64), 7, 2)
    net.conv2, net.conv3 = Conv(size(64), size(64), 1), Conv(size(64), size(192), 3)
    before = size(192)
    for name in config.modules:
        module = Module(before, *inception._MODULES[name])
        setattr(net, f"inception{name}", module)
        before = module.out
    net.fc = torch.nn.Linear(before, config.num_classes)
    pool = lambda x, k: torch.nn.functional.max_pool2d(x, k, 2, ceil_mode=True)

    def forward(x: Any) -> Any:
        x = pool(net.conv3(net.conv2(pool(net.conv1(x), 3))), 3)
        for name in config.modules:
            if name in ("4a", "5a"):
                x = pool(x, 3 if name == "4a" else 2)
            x = getattr(net, f"inception{name}")(x)
        return net.fc(x.mean((2, 3)))

    net.forward = forward
    return net


NETWORKS: dict[str, tuple[Any, Callable]] = {
    "alexnet": (alexnet.Config(1), torch_alexnet),
    "vgg16": (vgg.Config(), torch_vgg),
    "googlenet": (inception.Config("batch_norm", auxiliary=()), torch_googlenet),
    "resnet18": (resnet.Config(), torch_resnet),
    "resnet50": (resnet.Config("bottleneck", (3, 4, 6, 3)), torch_resnet),
}
SMALL: dict[str, tuple[Any, Callable]] = {
    "alexnet": (alexnet.Config(1, 63, 3, 5, 1 / 16), torch_alexnet),
    "vgg16": (vgg.Config((2, 2, 3, 3, 3), 32, 3, 5, 1 / 16), torch_vgg),
    "googlenet": (
        inception.Config("batch_norm", 64, 3, 5, 1 / 8, auxiliary=()), torch_googlenet
    ),
    "resnet18": (resnet.Config("basic", (2, 2, 2, 2), 40, 3, 5, 1 / 8), torch_resnet),
    "resnet50": (
        resnet.Config("bottleneck", (3, 4, 6, 3), 32, 1, 5, 1 / 8, "small"), torch_resnet
    ),
}  # fmt: skip


def compare(config: Any, make: Callable, dtype: str) -> dict[str, float]:
    """Relative errors of the logits and of two gradients."""
    import torch

    torch.manual_seed(0)
    net = make(torch, config).to(getattr(torch, dtype)).eval()
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    like, state = jax.eval_shape(
        lambda key: image_networks.init(key, config, dtype=jnp.dtype(dtype)), jax.random.key(0)
    )
    names = image_networks.torch_names(config)
    params, state = interop.load_torch_state_dict(
        net.state_dict(), like=like, model_state=state, names=names
    )
    rng = np.random.default_rng(0)
    shape = (2, config.image_size, config.image_size, config.channels)
    X = rng.standard_normal(shape).astype(dtype)
    weight = rng.standard_normal((2, config.num_classes)).astype(dtype)
    first = image_networks.summary(config)[0].name

    def total(kernel: Any, X: Any, params: Any) -> Any:
        moved = {**params, first: params[first]._replace(kernel=kernel)}
        z = jax.vmap(lambda x: image_networks.apply(moved, state, x, config=config))(X)
        return jnp.sum(weight * z), z

    run = jax.jit(jax.grad(total, argnums=(0, 1), has_aux=True))
    (in_kernel, in_image), z = run(params[first].kernel, X, params)
    x = torch.tensor(np.moveaxis(X, -1, 1), requires_grad=True)
    theirs = net(x)
    (torch.from_numpy(weight) * theirs).sum().backward()
    module = dict(net.named_modules())[names[sorted(params).index(first)]]
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "logits": relative(z, theirs.detach().numpy()),
        "in_image": relative(in_image, np.moveaxis(x.grad.numpy(), 1, -1)),
        "in_first_kernel": relative(
            in_kernel, np.transpose(module.weight.grad.numpy(), (2, 3, 1, 0))
        ),
    }


def main(argv: list[str] | None = None) -> int:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--dtypes", nargs="+", choices=BOUNDS, default=list(BOUNDS))
    parser.add_argument("--small", action="store_true", help="a few channels and small images")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    args = parser.parse_args(argv)
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: left out, nothing to compare")
        return 2
    jax.config.update("jax_enable_x64", True)
    rows = []
    for name in args.networks:
        config, make = (SMALL if args.small else NETWORKS)[name]
        for dtype in args.dtypes:
            found = compare(config, make, dtype)
            errors = [found[key] for key in ("logits", "in_image", "in_first_kernel")]
            of_logits, of_gradients = BOUNDS[dtype]
            ok = errors[0] <= of_logits and max(errors[1:]) <= of_gradients
            figures = " ".join(f"{e:10.1e}" for e in errors)
            print(
                f"{name:10} {dtype:8} {found['parameters']:>12,} {figures} {'' if ok else 'NO'}",
                flush=True,
            )
            rows.append({"network": name, "dtype": dtype, **found, "ok": ok})
    if args.output:
        versions = {name: version(name) for name in ("jax", "torch", "numpy")}
        report = {"device": jax.devices()[0].device_kind, "versions": versions,
                  "small": args.small, "results": rows}  # fmt: skip
        args.output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
