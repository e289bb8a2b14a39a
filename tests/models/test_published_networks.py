"""The large networks at full size, by shapes alone: the tables of the papers."""

import pytest

from jaxmath.models import alexnet, image_networks, inception, resnet, vgg

RESNET50 = resnet.Config("bottleneck", (3, 4, 6, 3))


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (alexnet.Config(2), 60_965_224),
        (alexnet.Config(1), 61_100_840),
        (vgg.Config(), 138_357_544),
        (vgg.Config((2, 2, 4, 4, 4)), 143_667_240),
        (inception.Config(), 13_378_280),
        (inception.Config(auxiliary=()), 6_998_552),
        (inception.Config("batch_norm"), 13_004_888),
        (inception.Config("batch_norm", auxiliary=()), 6_624_904),
        (resnet.Config(), 11_689_512),
        (resnet.Config(blocks=(3, 4, 6, 3)), 21_797_672),
        (RESNET50, 25_557_032),
        (resnet.Config("bottleneck", (3, 4, 23, 3)), 44_549_160),
    ],
)
def test_numbers_of_parameters(config, parameters):
    assert sum(layer.parameters for layer in image_networks.summary(config)) == parameters


def shapes(config):
    return {layer.name: layer.shape for layer in image_networks.summary(config)}


def test_shapes_of_alexnet():
    """Section 3.5 of the paper: 55×55×96, 27×27×256, 13×13×384 twice, 13×13×256, 4096 twice."""
    found = shapes(alexnet.Config(2))
    convolutions = [(55, 55, 96), (27, 27, 256), (13, 13, 384), (13, 13, 384), (13, 13, 256)]
    assert [found[f"conv{i}"] for i in range(1, 6)] == convolutions
    assert [found[f"pool{i}"] for i in (1, 2, 5)] == [(27, 27, 96), (13, 13, 256), (6, 6, 256)]
    assert [found[f"fc{i}"] for i in (6, 7, 8)] == [(4096,), (4096,), (1000,)]


def test_shapes_of_vgg():
    found = shapes(vgg.Config())
    pools = [(112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)]
    assert [found[f"pool{i}"] for i in range(1, 6)] == pools
    assert [name for name in found if name.startswith("conv")] == [
        "conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1",
        "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3",
    ]  # fmt: skip


@pytest.mark.parametrize("variant", ["published", "batch_norm"])
def test_shapes_of_inception(variant):
    """Table 1 of the paper, column "output size"."""
    found = shapes(inception.Config(variant))
    last = "" if variant == "published" else ".bn"
    assert found[f"conv1{last}"] == (112, 112, 64)
    assert found[f"conv3{last}"] == (56, 56, 192)
    pools = [found[f"maxpool{i}"] for i in range(1, 5)]
    assert pools == [(56, 56, 64), (28, 28, 192), (14, 14, 480), (7, 7, 832)]
    widths = {"3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832,
              "5a": 832, "5b": 1024}  # fmt: skip
    for module, width in widths.items():
        branches = [found[f"inception{module}.branch{b}{last}"] for b in ("1", "2.1", "3.1", "4.1")]
        assert sum(shape[-1] for shape in branches) == width
    for head in ("aux1", "aux2"):
        assert found[f"{head}.conv{last}"] == (4, 4, 128)
        assert found[f"{head}.fc1"] == (1024,)


@pytest.mark.parametrize(("config", "factor"), [(resnet.Config(), 1), (RESNET50, 4)])
def test_shapes_of_resnet(config, factor):
    """Table 1 of the paper."""
    found = shapes(config)
    assert found["conv1"] == (112, 112, 64)
    assert found["maxpool"] == (56, 56, 64)
    last = "conv2" if factor == 1 else "conv3"
    for s, (size, width) in enumerate(((56, 64), (28, 128), (14, 256), (7, 512)), 1):
        assert found[f"layer{s}.1.{last}"] == (size, size, factor * width)
    # The stride is at the 3×3 of a bottleneck.
    assert found["layer2.0.conv1"][0] == (28 if factor == 1 else 56)
    assert ("layer1.0.downsample.0" in found) == (factor == 4)


def test_small_stem_keeps_the_size():
    found = shapes(resnet.Config(stem="small", image_size=28, channels=1, width=0.5))
    assert found["conv1"] == (28, 28, 32)
    assert found["layer4.1.conv2"] == (4, 4, 256)
    assert "maxpool" not in found


def test_torch_names():
    """torchvision's modules: a module list in AlexNet and VGG, names in the others."""
    assert sorted(image_networks.torch_names(alexnet.Config(1))) == [
        "classifier.1", "classifier.4", "classifier.6", "features.0", "features.10", "features.3",
        "features.6", "features.8",
    ]  # fmt: skip
    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    classifier = tuple(f"classifier.{i}" for i in (0, 3, 6))
    assert image_networks.torch_names(vgg.Config()) == (
        *(f"features.{i}" for i in places), *classifier,
    )  # fmt: skip
    names = image_networks.torch_names(RESNET50)
    for name in ("conv1", "bn1", "layer1.0.downsample.0", "layer3.5.conv3", "layer4.2.bn2", "fc"):
        assert name in names
    names = image_networks.torch_names(inception.Config("batch_norm"))
    for name in ("conv1.conv", "inception4e.branch3.1.bn", "inception5b.branch4.1.conv",
                 "aux2.conv.conv", "aux1.fc2", "fc"):  # fmt: skip
        assert name in names
