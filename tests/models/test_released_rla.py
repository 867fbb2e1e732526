"""Weights of the authors of layer aggregation, against literal networks that read them by the authors' own names."""

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from artextract_hf.errors import ModelError
from artextract_hf.models.backbones import create_backbone, load_imagenet
from artextract_hf.models.rla import RecurrentConvLstm, load_released_weights
from tests.models.test_rla import CHANNELS, LAYERS, Literal, tiny

KINDS = {"plain": {}, "eca": {"block_args": {"attn_layer": "eca"}}, "lstm": {"cell": RecurrentConvLstm}}


class Released(Literal):
    """The authors' networks under the authors' names. Each weight is drawn when it is first read."""

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}

    def draw(self, name: str, *shape: int, low: float = -0.2, high: float = 0.2) -> Tensor:
        return self.weights.setdefault(name, torch.empty(shape, dtype=torch.float64).uniform_(low, high))

    def read(
        self, x: Tensor, name: str, out: int, side: int = 1, stride: int = 1, *, depthwise: bool = False
    ) -> Tensor:
        self.draw(f"{name}.weight", out, 1 if depthwise else x.shape[1], side, side)
        return self.conv(x, name, stride, depthwise=depthwise)

    def norm(self, x: Tensor, name: str) -> Tensor:
        for part, low, high in (("weight", 0.5, 1.5), ("bias", -0.2, 0.2), ("running_mean", -0.2, 0.2)):
            self.draw(f"{name}.{part}", x.shape[1], low=low, high=high)
        self.draw(f"{name}.running_var", x.shape[1], low=0.5, high=2.0)
        self.weights[f"{name}.num_batches_tracked"] = torch.tensor(9)
        return super().norm(x, name)

    def classify(self, features: Tensor, name: str) -> Tensor:
        weight = self.draw(f"{name}.weight", 5, features.shape[1])
        return features.mean(dim=(2, 3)) @ weight.T + self.draw(f"{name}.bias", 5)


class ReleasedResNet(Released):
    def __call__(self, x: Tensor, *, kind: str, aggregate: str = "output") -> Tensor:
        x = F.max_pool2d(self.norm(self.read(x, "conv1", 64, 7, 2), "bn1").relu(), 3, 2, 1)
        h = c = x.new_zeros(len(x), 32, *x.shape[2:])
        for s, (layers, planes) in enumerate(zip(LAYERS, CHANNELS, strict=True)):
            for b in range(layers):
                name, stride = f"stages.{s}.{b}", 2 if s > 0 and b == 0 else 1
                out = self.norm(self.read(torch.cat((x, h), dim=1), f"{name}.conv1", planes), f"{name}.bn1").relu()
                out = self.norm(self.read(out, f"{name}.conv2", planes, 3, stride), f"{name}.bn2").relu()
                out = self.norm(self.read(out, f"{name}.conv3", 4 * planes), f"{name}.bn3")
                if kind == "eca":  # a convolution over the channels' means; three of so few channels
                    kernel = self.draw(f"{name}.eca.conv.weight", 1, 1, 3)
                    gate = F.conv1d(out.mean(dim=(2, 3))[:, None], kernel, padding=1).sigmoid()
                    out = out * gate[:, 0, :, None, None]
                if b == 0:
                    x = self.norm(self.read(x, f"{name}.downsample.0", 4 * planes, 1, stride), f"{name}.downsample.1")
                y = out
                if aggregate == "output":  # the released code: y is the same memory
                    out += x
                else:
                    out = out + x
                x = out.relu_()
                if stride == 2:
                    h, c = self.halve(h), self.halve(c)
                read, bn = self.read(y, f"conv_outs.{s}", 32), f"stage_bns.{s}.{b}"
                if kind == "lstm":
                    gates = torch.cat((self.norm(read, bn).tanh(), h), dim=1)
                    i, f, o, g = self.read(gates, f"recurrent_convs.{s}.conv", 128, 3).split(32, dim=1)
                    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                    h = o.sigmoid() * c.tanh()
                else:
                    h = self.read(self.norm(h + read, bn).tanh(), f"recurrent_convs.{s}", 32, 3)
        return self.classify(torch.cat((x, h if kind == "lstm" else self.norm(h, "bn2").relu()), dim=1), "fc")


class ReleasedMobileNet(Released):
    def bundle(self, x: Tensor, name: str, out: int, side: int = 1, stride: int = 1, **how: bool) -> Tensor:
        return self.norm(self.read(x, f"{name}.0", out, side, stride, **how), f"{name}.1").clamp(0, 6)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.bundle(x, "conv1", 32, 3, 2)
        h, cell = x.new_zeros(len(x), 32, *x.shape[2:]), -1
        first = self.draw("recurrent_dsconvs.0.weight", 32, 1, 3, 3)
        self.weights |= {f"recurrent_dsconvs.{k}.weight": first.clone() for k in range(5)}  # shared by the authors
        for s, (t, out, blocks, strided) in enumerate(
            [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
        ):
            cell += s in (0, 1, 2, 3, 5)
            for b in range(blocks):
                name, stride = f"stages.{s}.{b}", strided if b == 0 else 1
                wide = self.bundle(x, f"{name}.conv1x1", t * x.shape[1]) if t > 1 else x
                y = torch.cat((wide, h), dim=1)
                y = self.bundle(y, f"{name}.conv.0", y.shape[1], 3, stride, depthwise=True)
                y = self.norm(self.read(y, f"{name}.conv.1", out), f"{name}.conv.2")
                x = x + y if y.shape == x.shape else y
                h = self.halve(h) if stride == 2 else h
                h = self.norm(h + self.read(y, f"conv_outs.{s}", 32), f"stage_bns.{s}.{b}").tanh()
                h = self.read(h, f"recurrent_dsconvs.{cell}", 32, 3, depthwise=True)
        x = self.bundle(torch.cat((x, self.norm(h, "bn2").clamp(0, 6)), dim=1), "conv2", 1280)
        return self.classify(x, "classifier.1")


def released(kind: str, **how: str) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Weights under the authors' names, pixels, and what their network answers to them."""
    torch.manual_seed(2)
    pixels = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    network = ReleasedMobileNet() if kind == "mobile" else ReleasedResNet()
    answer = network(pixels) if kind == "mobile" else network(pixels, kind=kind, **how)
    return network.weights, pixels, answer


@pytest.mark.parametrize("aggregate", ["output", "residual"])
@pytest.mark.parametrize("kind", KINDS)
def test_released_resnet_weights_answer_as_released(kind, aggregate):
    weights, pixels, answer = released(kind, aggregate=aggregate)
    network = tiny(aggregate=aggregate, **KINDS[kind]).double()
    assert load_released_weights(network, {f"module.{name}": value for name, value in weights.items()}) == []
    with torch.no_grad():
        assert torch.allclose(network(pixels), answer, rtol=1e-9, atol=1e-9)
        network.aggregate = {"output": "residual", "residual": "output"}[aggregate]
        assert not torch.allclose(network(pixels), answer, rtol=1e-3)


def test_a_released_file_serves_a_backbone(tmp_path):
    weights, pixels, answer = released("mobile")
    path = tmp_path / "released.safetensors"
    for absent in ([], [f"recurrent_dsconvs.{k}.weight" for k in (0, 1, 3, 4)]):  # safetensors' save_model keeps one
        save_file({name: value for name, value in weights.items() if name not in absent}, path)
        network = create_backbone("rla_mobilenetv2_100").double().eval()
        assert load_imagenet(network, "rla_mobilenetv2_100", str(path)) == []
        head = weights["classifier.1.weight"], weights["classifier.1.bias"]
        with torch.no_grad():
            assert torch.allclose(F.linear(network(pixels), *head), answer, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", [*KINDS, "mobile"])
def test_released_weights_of_another_network_are_refused(kind, other):
    if kind != other:
        with pytest.raises(ModelError, match="weights of the same network"):
            load_released_weights(tiny(**KINDS[kind]), released(other)[0])


def test_every_released_weight_finds_its_place():
    weights = released("plain")[0]
    for name in ("stages.2.1.conv2.weight", "bn2.running_var", "recurrent_convs.3.weight"):
        with pytest.raises(ModelError, match=f"^0 of .* and 1 are missing, '{name}' first"):
            load_released_weights(tiny(), {key: value for key, value in weights.items() if key != name})
        with pytest.raises(ModelError, match=f"^1 of .* and 0 are missing, '{name}' first"):
            load_released_weights(tiny(), weights | {name: torch.zeros(3)})
    with pytest.raises(ModelError, match="^1 of .* and 0 are missing, 'total_ops' first"):
        load_released_weights(tiny(), weights | {"total_ops": torch.zeros(1)})


def test_a_released_classifier_of_other_classes_stays_out():
    weights = released("plain")[0] | {"fc.weight": torch.zeros(7, 96), "fc.bias": torch.zeros(7)}
    network = tiny()
    before = network.fc.weight.clone()
    assert load_released_weights(network, weights) == ["fc.weight", "fc.bias"]
    assert torch.equal(network.fc.weight, before)
