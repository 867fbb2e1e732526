"""Layer aggregation against a literal reference that knows only the formulas and the names of the weights."""

import copy

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from artextract_hf.errors import ModelError
from artextract_hf.models.backbones import create_backbone, feature_shape, load_imagenet
from artextract_hf.models.rla import HIDDEN, RecurrentConvLstm, RlaResNet, load_plain_weights
from tests.conftest import shared
from training.frozen_norm import fold_frozen_norms

LAYERS, CHANNELS = (2, 1, 2, 1), (8, 12, 8, 16)


def lived(network: nn.Module) -> nn.Module:
    """As after training: no norm is the identity."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return network.eval()


def tiny(**changes: object) -> nn.Module:
    torch.manual_seed(0)
    return lived(RlaResNet(LAYERS, channels=CHANNELS, num_classes=5, **changes))


def tiny_plain() -> nn.Module:
    torch.manual_seed(1)
    return lived(ResNet(Bottleneck, LAYERS, channels=CHANNELS, num_classes=5))


def mobile(name: str = "rla_mobilenetv2_100") -> nn.Module:
    torch.manual_seed(0)
    return lived(timm.create_model(name, num_classes=0))


class Literal:
    """The formulas, one by one, on a state dict."""

    def __init__(self, network: nn.Module) -> None:
        self.weights = network.state_dict()

    def conv(self, x: Tensor, name: str, stride: int = 1, *, depthwise: bool = False) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        groups = len(weight) if depthwise else 1
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)

    def norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias, mean, variance = (
            self.weights[f"{name}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return weight * (x - mean) / (variance + 1e-5) ** 0.5 + bias

    @staticmethod
    def halve(h: Tensor) -> Tensor:
        return (h[:, :, ::2, ::2] + h[:, :, 1::2, ::2] + h[:, :, ::2, 1::2] + h[:, :, 1::2, 1::2]) / 4


class LiteralResNet(Literal):
    def __call__(self, x: Tensor, *, lstm: bool, aggregate: str) -> Tensor:
        x = F.max_pool2d(self.norm(self.conv(x, "conv1", 2), "bn1").relu(), 3, 2, 1)
        h = c = x.new_zeros(len(x), 32, *x.shape[2:])
        for stage in range(4):
            for block in range(LAYERS[stage]):
                name, strided = f"layer{stage + 1}.{block}", stage > 0 and block == 0
                y = torch.cat((x, h), dim=1)
                y = self.norm(self.conv(y, f"{name}.conv1"), f"{name}.bn1").relu()
                y = self.norm(self.conv(y, f"{name}.conv2", 2 if strided else 1), f"{name}.bn2").relu()
                y = self.norm(self.conv(y, f"{name}.conv3"), f"{name}.bn3")
                identity = x
                if block == 0:
                    identity = self.conv(x, f"{name}.downsample.0", 2 if strided else 1)
                    identity = self.norm(identity, f"{name}.downsample.1")
                x = (y + identity).relu()
                if strided:
                    h, c = self.halve(h), self.halve(c)
                read, norm, cell = (
                    self.conv(x if aggregate == "output" else y, f"rla.reads.{stage}"),
                    f"rla.norms.{stage}.{block}",
                    f"rla.cells.{stage}",
                )
                if lstm:
                    gates = self.conv(torch.cat((self.norm(read, norm).tanh(), h), dim=1), cell)
                    i, f, o, g = (gates[:, 32 * k : 32 * (k + 1)] for k in range(4))
                    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                    h = o.sigmoid() * c.tanh()
                else:
                    h = self.conv(self.norm(h + read, norm).tanh(), cell)
        return torch.cat((x, h if lstm else self.norm(h, "rla.end.0").relu()), dim=1)


class LiteralMobileNet(Literal):
    BLOCKS, STRIDES, CELLS = (1, 2, 3, 4, 3, 3, 1), (1, 2, 2, 2, 1, 2, 1), (0, 1, 2, 3, 3, 4, 4)

    def relu6_of(self, x: Tensor, norm: str) -> Tensor:
        return self.norm(x, norm).clamp(0, 6)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.relu6_of(self.conv(x, "conv_stem", 2), "bn1")
        h = x.new_zeros(len(x), 32, *x.shape[2:])
        for stage in range(7):
            for block in range(self.BLOCKS[stage]):
                name, stride = f"blocks.{stage}.{block}", self.STRIDES[stage] if block == 0 else 1
                if stage == 0:
                    y = self.conv(torch.cat((x, h), dim=1), f"{name}.conv_dw", stride, depthwise=True)
                    y = self.norm(self.conv(self.relu6_of(y, f"{name}.bn1"), f"{name}.conv_pw"), f"{name}.bn2")
                else:
                    y = self.relu6_of(self.conv(x, f"{name}.conv_pw"), f"{name}.bn1")
                    y = self.conv(torch.cat((y, h), dim=1), f"{name}.conv_dw", stride, depthwise=True)
                    y = self.norm(self.conv(self.relu6_of(y, f"{name}.bn2"), f"{name}.conv_pwl"), f"{name}.bn3")
                x = x + y if y.shape == x.shape else y
                h = self.halve(h) if stride == 2 else h
                h = self.norm(h + self.conv(y, f"rla.reads.{stage}"), f"rla.norms.{stage}.{block}").tanh()
                h = self.conv(h, f"rla.cells.{self.CELLS[stage]}", depthwise=True)
        x = torch.cat((x, self.relu6_of(h, "rla.end.0")), dim=1)
        return self.relu6_of(self.conv(x, "conv_head"), "bn2")


# --- the recurrence -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aggregate", ["output", "residual"])
@pytest.mark.parametrize("lstm", [False, True])
def test_resnet_is_the_literal_recurrence(lstm, aggregate):
    cell = {"cell": RecurrentConvLstm} if lstm else {}
    network = tiny(aggregate=aggregate, **cell).double()
    pixels = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        ours = network.forward_features(pixels)
        literal = LiteralResNet(network)(pixels, lstm=lstm, aggregate=aggregate)
    assert ours.shape == (2, 4 * CHANNELS[-1] + HIDDEN, 2, 2) and network.num_features == ours.shape[1]
    assert ours[:, -HIDDEN:].abs().max() > 0.01  # the hidden state is alive
    assert torch.allclose(ours, literal, rtol=1e-10, atol=1e-10)
    assert network(pixels).shape == (2, 5)


def test_what_is_aggregated_is_chosen_by_a_keyword_or_a_name():
    with torch.device("meta"):
        assert timm.create_model("rla_resnet50").aggregate == "output"  # as released
        assert timm.create_model("rla_resnet50", aggregate="residual").aggregate == "residual"
        assert create_backbone("rla_resnet50_residual").aggregate == "residual"
        with pytest.raises(ModelError, match="aggregate is 'sum'"):
            timm.create_model("rla_resnet50", aggregate="sum")


def test_mobilenet_is_the_literal_recurrence():
    network = mobile().double()
    pixels = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        assert torch.allclose(network.forward_features(pixels), LiteralMobileNet(network)(pixels), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "published"), [("rla_resnet50", 24.67), ("rla_ecaresnet50", 24.67), ("rla_mobilenetv2_100", 3.46)]
)
def test_parameters_are_the_published_ones(name, published):
    """The paper counts in 2**20, as it does for ResNet50 itself: 25,557,032 are given as 24.37."""
    with torch.device("meta"):
        plain, network = timm.create_model("resnet50"), timm.create_model(name)
    millions = [sum(p.numel() for p in net.parameters()) / 2**20 for net in (plain, network)]
    assert round(millions[0], 2) == 24.37 and round(millions[1], 2) == published


def test_eca_kernels_are_the_published_ones():
    with torch.device("meta"):
        network = timm.create_model("rla_ecaresnet50")
    stages = (network.layer1, network.layer2, network.layer3, network.layer4)
    assert [stage[0].se.conv.kernel_size[0] for stage in stages] == [5, 5, 5, 7]


@pytest.mark.parametrize("side", [224, 300])
def test_hidden_state_keeps_step_with_odd_sides(side):
    """300 px give sides of 75, 38, 19 and 10; pooling that floors would give 37 where the convolution gives 38."""
    expected = {224: 7, 300: 10}[side]
    for name, channels in {"rla_resnet50": 2080, "rla_resnet50_convlstm": 2080, "rla_mobilenetv2_100": 1280}.items():
        assert feature_shape(name, side) == (channels, expected, expected)


def test_pooling_of_an_odd_side_by_hand():
    rla = tiny().rla
    for cell in rla.cells:  # passes on its middle pixel
        cell.weight.data.zero_()
        cell.weight.data[:, :, 1, 1] = torch.eye(HIDDEN)
    seen = []
    rla.norms[1][0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    hidden = torch.arange(9.0).view(1, 1, 3, 3).expand(1, HIDDEN, 3, 3)
    rla.reads[1].weight.data.zero_()
    rla((hidden,), torch.zeros(1, 4 * CHANNELS[1], 2, 2), stage=1, block=0)
    assert seen[0][0, 0].tolist() == [[2.0, 3.5], [6.5, 8.0]]  # (0+1+3+4)/4, (2+5)/2, (6+7)/2, 8


@pytest.mark.parametrize("cell", [None, RecurrentConvLstm])
def test_every_weight_learns(cell):
    network = (tiny(cell=cell) if cell else tiny(drop_path_rate=0.1)).train()
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_state_is_made_where_and_as_the_picture_is():
    network = tiny().to(torch.bfloat16)
    assert network(torch.randn(1, 3, 64, 64, dtype=torch.bfloat16)).dtype == torch.bfloat16
    with torch.device("meta"):
        network = timm.create_model("rla_resnet50_convlstm", num_classes=0)
    assert network(torch.empty(1, 3, 64, 64, device="meta")).device.type == "meta"
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert tiny()(torch.randn(1, 3, 64, 64)).isfinite().all()
    layout = torch.randn(1, 64, 4, 4).contiguous(memory_format=torch.channels_last)
    assert tiny().rla.start(layout)[0].is_contiguous(memory_format=torch.channels_last)


def test_frozen_norms_fold():
    for network in (tiny(), mobile()):
        pixels = torch.randn(2, 3, 64, 64)
        folded = copy.deepcopy(network)
        assert fold_frozen_norms(folded) > 0
        with torch.no_grad():
            before, after = network.forward_features(pixels), folded.forward_features(pixels)
        assert torch.allclose(before, after, rtol=1e-3, atol=1e-4 * before.abs().max().item())


# --- weights of plain networks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [False, True])
def test_plain_resnet_weights_give_the_plain_map(training):
    network, plain = tiny(), tiny_plain()
    unfilled = load_plain_weights(network, plain.state_dict())
    assert unfilled and all(name.startswith("rla.") for name in unfilled)
    network.train(training), plain.train(training)
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        features, expected = network.forward_features(pixels), plain.forward_features(pixels)
        logits, plain_logits = network(pixels), plain(pixels)
    assert torch.allclose(features[:, :-HIDDEN], expected, atol=1e-5)
    if not training:  # the classifier's weights of h are zero too
        assert torch.allclose(logits, plain_logits, atol=1e-4)


def test_plain_mobilenet_weights_give_the_plain_map():
    network, plain = mobile(), mobile("mobilenetv2_100")
    assert all(name.startswith("rla.") for name in load_plain_weights(network, plain.state_dict()))
    pixels = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(network.forward_features(pixels), plain.forward_features(pixels), atol=1e-4)


def test_nothing_is_dead_after_loading_plain_weights():
    """Zeros that read the hidden state learn at once, and what they read learns from the second step on."""
    network = timm.create_model("rla_mobilenetv2_100", num_classes=0)  # as initialised: biases of 0 give no gradient
    load_plain_weights(network, mobile("mobilenetv2_100").state_dict())
    optimizer = torch.optim.SGD(network.train().parameters(), lr=1e-2)
    for _ in range(2):
        optimizer.zero_grad()
        network.forward_features(torch.randn(2, 3, 64, 64)).square().mean().backward()
        optimizer.step()
    gradients = {name: p.grad for name, p in network.named_parameters()}
    assert [name for name, g in gradients.items() if name.startswith("rla.") and not g.any()] == []
    assert gradients["blocks.2.1.conv_pwl.weight"][:, -HIDDEN:].any()
    assert gradients["blocks.2.1.conv_dw.weight"][-HIDDEN:].any()


def test_pretrained_file_of_mobilenet():
    path = shared("weights/mobilenetv2_100.imagenet.safetensors")
    network = timm.create_model("rla_mobilenetv2_100", num_classes=0).eval()
    plain = timm.create_model("mobilenetv2_100", num_classes=0).eval()
    assert load_imagenet(plain, "mobilenetv2_100", str(path)) == []
    unfilled = load_imagenet(network, "rla_mobilenetv2_100", str(path))
    assert len(unfilled) == 7 + 17 * 4 + 5 + 4  # reads, norms of 17 blocks, cells, last norm
    assert set(load_file(path)) <= set(network.state_dict())
    pixels = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        assert torch.allclose(network.forward_features(pixels), plain.forward_features(pixels), atol=1e-3)


def test_weights_of_another_network_are_refused():
    with pytest.raises(ModelError, match="has no place in RlaMobileNetV2"):
        load_plain_weights(mobile(), tiny_plain().state_dict())
    wide = timm.create_model("mobilenetv2_140", num_classes=0).state_dict()
    with pytest.raises(ModelError, match="conv_stem.weight"):
        load_plain_weights(mobile(), wide)


def test_a_classifier_of_other_classes_stays():
    network, plain = tiny(), tiny_plain()
    state = plain.state_dict() | {"fc.weight": torch.zeros(7, 64), "fc.bias": torch.zeros(7)}
    before = network.fc.weight.clone()
    assert "fc.weight" in load_plain_weights(network, state)
    assert torch.equal(network.fc.weight, before)


def test_pretrained_layer_aggregation_does_not_exist():
    with pytest.raises(RuntimeError, match="No pretrained weights exist"):
        timm.create_model("rla_resnet50", pretrained=True)
