"""Recurrent layer aggregation: a small hidden state that runs along the depth of a network and that every block reads.

Zhao, Fang and Li, "Recurrence along Depth: Deep Convolutional Neural Networks with Recurrent Layer Aggregation",
NeurIPS 2021 (arXiv 2110.11852). A block reads x and h side by side; what it adds to x, called y, updates h:

    y = block(cat(x, h))            x = x + y            h = W_r * tanh(BN_l(h + W_o * y))        (`RecurrentConv`)

W_o is a 1x1 convolution, one a stage; W_r a 3x3 convolution, one a resolution; BN_l one a block. h starts at zero, is
average-pooled where x loses resolution, and stands beside x in the end. Importing this module registers with timm
`rla_resnet50`, `rla_ecaresnet50` (with efficient channel attention), `rla_resnet50_convlstm` (h and a cell state,
updated by a convolutional LSTM) and `rla_mobilenetv2_100`.

Details that the paper leaves open are those of the authors' code (github.com/fangyanwen1106/RLANet, commit 4425663).
In one it differs from the paper: its ResNets add x to y in place, so W_o reads the block's output relu(x + y). So do
ours (`aggregate="output"`), for the published weights are of that code; `aggregate="residual"`, or the name
`rla_resnet50_residual`, reads y as the paper writes. The MobileNetV2 reads y in both.

Weights keep timm's names for all that plain networks have too, so `load_plain_weights` starts a network from its
pretrained plain one; `load_released_weights` takes the authors' own. timm has none.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Literal, NamedTuple

import torch
from timm.layers import BatchNormAct2d, get_device_dtype
from timm.models import generate_default_cfgs, register_model
from timm.models._builder import build_model_with_cfg
from timm.models._efficientnet_blocks import DepthwiseSeparableConv, InvertedResidual
from timm.models._efficientnet_builder import decode_arch_def, efficientnet_init_weights
from timm.models.efficientnet import EfficientNet
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from artextract_hf.errors import ModelError

HIDDEN = 32  # channels of h in the paper's ImageNet networks

PLAIN_NAMES = {
    "rla_resnet50": "resnet50",
    "rla_resnet50_residual": "resnet50",
    "rla_ecaresnet50": "resnet50",
    "rla_resnet50_convlstm": "resnet50",
    "rla_mobilenetv2_100": "mobilenetv2_100",
}
"""The timm network whose weights fit each network of this module."""

Aggregate = Literal["output", "residual"]
"""What of a block updates the state: the sum that it gives, or what it adds to x."""

State = tuple[Tensor, ...]
"""The hidden state h (N, 32, h, w), followed by the cell state of a convolutional LSTM."""


class Stage(NamedTuple):
    """What the aggregation has to know of a stage: channels of its blocks' outputs, blocks, stride of the first."""

    channels: int
    blocks: int
    stride: int


class RecurrentConv(nn.Conv2d):
    """The paper's update: h = W_r * tanh(BN(h + read))."""

    states = 1

    def __init__(self, *, depthwise: bool = False, **where: Any) -> None:
        groups = HIDDEN if depthwise else 1
        super().__init__(HIDDEN, HIDDEN, kernel_size=3, padding=1, groups=groups, bias=False, **where)

    def update(self, state: State, read: Tensor, norm: nn.Module) -> State:
        """The next state, from what was read of the block's output, (N, 32, h, w)."""
        return (self(norm(state[0] + read).tanh()),)


class RecurrentConvLstm(nn.Conv2d):
    """A convolutional LSTM (Shi et al. 2015, eq. 3 without peepholes and biases) that is fed tanh(BN(read))."""

    states = 2

    def __init__(self, **where: Any) -> None:
        super().__init__(2 * HIDDEN, 4 * HIDDEN, kernel_size=3, padding=1, bias=False, **where)

    def update(self, state: State, read: Tensor, norm: nn.Module) -> State:
        """The next state, from what was read of the block's output, (N, 32, h, w)."""
        hidden, cell = state
        gates = self(torch.cat((norm(read).tanh(), hidden), dim=1))
        take, keep, show, new = gates.chunk(4, dim=1)
        cell = keep.sigmoid() * cell + take.sigmoid() * new.tanh()
        return show.sigmoid() * cell.tanh(), cell


Cell = Callable[..., RecurrentConv | RecurrentConvLstm]
"""Makes an update from the device and dtype of its weights."""


class LayerAggregation(nn.Module):
    """The recurrence beside a network: its state from the first block to the last.

    Args:
        stages: the network's stages.
        cell: makes the updates, one a resolution.
        end: what h passes before it stands beside the last x.
        where: device and dtype of the weights.
    """

    def __init__(self, stages: Sequence[Stage], cell: Cell, end: nn.Module, **where: Any) -> None:
        super().__init__()
        self.cell_of = list(accumulate((int(stage.stride > 1) for stage in stages[1:]), initial=0))
        self.reads = nn.ModuleList(nn.Conv2d(stage.channels, HIDDEN, 1, bias=False, **where) for stage in stages)
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.BatchNorm2d(HIDDEN, **where) for _ in range(stage.blocks)) for stage in stages
        )
        self.cells = nn.ModuleList(cell(**where) for _ in range(self.cell_of[-1] + 1))
        self.end = end

    def start(self, x: Tensor) -> State:
        """The state before the first block: zeros where x is, of its type and memory layout."""
        return tuple(torch.zeros_like(x[:, :HIDDEN]) for _ in range(self.cells[0].states))

    def forward(self, state: State, y: Tensor, *, stage: int, block: int) -> State:
        """The state after a block; y, (N, C, h, w), is what of it is aggregated."""
        if state[0].shape[-2:] != y.shape[-2:]:
            # ceil_mode is the paper's pooling on even sides, and agrees with a strided convolution on odd ones too.
            state = tuple(nn.functional.avg_pool2d(s, kernel_size=2, ceil_mode=True) for s in state)
        cell = self.cells[self.cell_of[stage]]
        return cell.update(state, self.reads[stage](y), self.norms[stage][block])


class RlaBottleneck(Bottleneck):
    """timm's bottleneck; its first convolution reads x and h side by side."""

    def __init__(self, inplanes: int, planes: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(inplanes + HIDDEN, planes, *args, **kwargs)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output, and y: what it adds to x."""
        y = self.act1(self.bn1(self.conv1(torch.cat((x, hidden), dim=1))))
        y = self.aa(self.act2(self.drop_block(self.bn2(self.conv2(y)))))
        y = self.bn3(self.conv3(y))
        if self.se is not None:
            y = self.se(y)
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.act3(shortcut + (y if self.drop_path is None else self.drop_path(y))), y


class RlaResNet(ResNet):
    """A bottleneck ResNet with layer aggregation; its map is x and the last h, 2048 + 32 channels.

    Args:
        layers: blocks of each stage.
        cell: the update of the state.
        aggregate: what of a block updates the state, `output` as released or `residual` as the paper writes.
        kwargs: those of timm's ResNet.

    Raises:
        ModelError: another `aggregate`.
    """

    def __init__(
        self, layers: Sequence[int], *, cell: Cell = RecurrentConv, aggregate: Aggregate = "output", **kwargs: Any
    ) -> None:
        if aggregate not in ("output", "residual"):
            raise ModelError(f"aggregate is {aggregate!r}; give 'output' or 'residual'.")
        super().__init__(RlaBottleneck, tuple(layers), **kwargs)
        stages = [Stage(s[-1].conv3.out_channels, len(s), s[0].stride) for s in self._stages()]
        where = get_device_dtype(self)
        # The authors' convolutional LSTM ends in its own tanh and has no norm behind it.
        end = nn.Identity() if cell is RecurrentConvLstm else nn.Sequential(nn.BatchNorm2d(HIDDEN, **where), nn.ReLU())
        self.rla = LayerAggregation(stages, cell, end, **where)
        self.aggregate = aggregate
        self.num_features += HIDDEN
        self.reset_classifier(self.num_classes)
        self.init_weights()

    def _stages(self) -> list[nn.Sequential]:
        return [self.layer1, self.layer2, self.layer3, self.layer4]

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to the map (N, C + 32, H / 32, W / 32)."""
        x = self.maxpool(self.act1(self.bn1(self.conv1(x))))
        state = self.rla.start(x)
        for s, stage in enumerate(self._stages()):
            for b, block in enumerate(stage):
                x, y = block(x, state[0])
                state = self.rla(state, x if self.aggregate == "output" else y, stage=s, block=b)
        return torch.cat((x, self.rla.end(state[0])), dim=1)


class RlaMobileNetV2(EfficientNet):
    """MobileNetV2 with layer aggregation: h joins x after the expansion, and W_r is depthwise.

    This is the authors' `dsRLA` network, the one whose figures the paper gives. They share one W_r among all
    resolutions, though they count five; here each resolution has its own, as in their ResNet (1,152 weights more).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        where = get_device_dtype(self)
        for block in self.blocks.modules():
            if isinstance(block, DepthwiseSeparableConv | InvertedResidual):
                _read_hidden(block, **where)
        stages = [Stage(_project(s[-1]).out_channels, len(s), s[0].conv_dw.stride[0]) for s in self.blocks]
        end = nn.Sequential(nn.BatchNorm2d(HIDDEN, **where), nn.ReLU6())
        self.rla = LayerAggregation(stages, lambda **w: RecurrentConv(depthwise=True, **w), end, **where)
        self.conv_head = nn.Conv2d(stages[-1].channels + HIDDEN, self.num_features, 1, bias=False, **where)
        efficientnet_init_weights(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to the map (N, 1280, H / 32, W / 32)."""
        x = self.bn1(self.conv_stem(x))
        state = self.rla.start(x)
        for s, stage in enumerate(self.blocks):
            for b, block in enumerate(stage):
                x, y = _inverted_residual(block, x, state[0])
                state = self.rla(state, y, stage=s, block=b)
        return self.bn2(self.conv_head(torch.cat((x, self.rla.end(state[0])), dim=1)))


def _project(block: nn.Module) -> nn.Conv2d:
    """The last convolution of a timm block; MobileNetV2's first block has no expansion and other names."""
    return block.conv_pw if isinstance(block, DepthwiseSeparableConv) else block.conv_pwl


def _read_hidden(block: nn.Module, **where: Any) -> None:
    """Widen a timm block's depthwise convolution, its norm and the projection by the channels of h."""
    old, out = block.conv_dw, _project(block).out_channels
    wide = old.out_channels + HIDDEN
    block.conv_dw = nn.Conv2d(wide, wide, old.kernel_size, old.stride, old.padding, groups=wide, bias=False, **where)
    norm, project = ("bn1", "conv_pw") if isinstance(block, DepthwiseSeparableConv) else ("bn2", "conv_pwl")
    setattr(block, norm, BatchNormAct2d(wide, act_layer=nn.ReLU6, **where))
    setattr(block, project, nn.Conv2d(wide, out, kernel_size=1, bias=False, **where))


def _inverted_residual(block: nn.Module, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """The output of a widened timm block, and y: what it gives before its shortcut."""
    if isinstance(block, DepthwiseSeparableConv):
        y = block.bn1(block.conv_dw(torch.cat((x, hidden), dim=1)))
        y = block.bn2(block.conv_pw(y))
    else:
        y = block.bn1(block.conv_pw(x))
        y = block.bn2(block.conv_dw(torch.cat((y, hidden), dim=1)))
        y = block.bn3(block.conv_pwl(y))
    return (x + block.drop_path(y) if block.has_skip else y), y


def load_plain_weights(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Start a network of this module from the weights of the plain network it is made of, in timm's names.

    Where this network's weight is larger, the plain one takes the first channels. Weights that read additional
    channels start at zero, so that x is at first what it is in the plain network; additional channels that
    are only written (a depthwise convolution's, with its norm) keep their initial values, without which the zeros
    that read them would have no gradient. A classifier of another number of classes stays as it is.

    Returns:
        The names of the weights that have no counterpart in `state`: the recurrence's own.

    Raises:
        ModelError: a weight of `state` has no place in the network.
    """
    own = model.state_dict()
    plain = {name: value for name, value in state.items() if not _is_other_head(name, value, own)}
    for name, value in plain.items():
        wide = own.get(name)
        if wide is None or wide.ndim != value.ndim or any(w < v for w, v in zip(wide.shape, value.shape, strict=True)):
            raise ModelError(
                f"the weight {name!r} {tuple(value.shape)} has no place in {type(model).__name__}; "
                "give the plain network's weights, in timm's names."
            )
        wide = wide.clone()
        if wide.ndim > 1:
            wide[:, value.shape[1] :] = 0
        wide[tuple(slice(side) for side in value.shape)] = value
        own[name] = wide
    model.load_state_dict(own)
    return [name for name in own if name not in plain and not name.endswith("num_batches_tracked")]


_HEADS = ("fc.", "classifier.")


def _is_other_head(name: str, value: Tensor, own: Mapping[str, Tensor]) -> bool:
    """Whether a weight belongs to a classifier of other classes than those of the network with the weights `own`."""
    return name.startswith(_HEADS) and (name not in own or len(value) != len(own[name]))


_RELEASED_NAMES: dict[type[nn.Module], str] = {  # a pattern of ours, what the authors call it; in this order
    RlaResNet: r"""
        ^layer1 stages.0  ^layer2 stages.1  ^layer3 stages.2  ^layer4 stages.3  \.se\. .eca.
        ^rla.reads conv_outs  ^rla.norms stage_bns  ^rla.cells recurrent_convs  ^rla.end.0 bn2
    """,
    RlaMobileNetV2: r"""
        ^conv_stem conv1.0  ^bn1 conv1.1  ^conv_head conv2.0  ^bn2 conv2.1  ^classifier classifier.1  ^blocks stages
        s.0.0.conv_dw s.0.0.conv.0.0  s.0.0.bn1 s.0.0.conv.0.1  s.0.0.conv_pw s.0.0.conv.1  s.0.0.bn2 s.0.0.conv.2
        conv_pw\. conv1x1.0.  \.bn1 .conv1x1.1  conv_dw conv.0.0  \.bn2 .conv.0.1  conv_pwl conv.1  \.bn3 .conv.2
        ^rla.reads conv_outs  ^rla.norms stage_bns  ^rla.cells recurrent_dsconvs  ^rla.end.0 bn2
    """,
}


def _released_name(model: nn.Module, name: str) -> str:
    """What the authors' code calls a weight of ours, but for the `conv` inside their convolutional LSTM."""
    words = _RELEASED_NAMES[type(model)].split()
    for pattern, theirs in zip(words[::2], words[1::2], strict=True):
        name = re.sub(pattern, theirs, name)
    return name


def are_released(state: Mapping[str, Tensor]) -> bool:
    """Whether weights have the names of the authors' code: only its networks have norms of this name."""
    return any(name.removeprefix("module.").startswith("stage_bns.") for name in state)


def load_released_weights(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Give a network of this module its weights in the names of the authors' code, with `module.` before them or not.

    A classifier of another number of classes stays as it is. The names do not tell what was aggregated: what the
    authors published answers as theirs only with `aggregate="output"`.

    Returns:
        The names of a classifier's weights that stay.

    Raises:
        ModelError: a weight has no place in the network, or one of the network's is missing.
    """
    own = model.state_dict()
    theirs = {name: _released_name(model, name) for name in own}
    ours = {released: name for name, released in theirs.items()}
    names = [re.sub(r"^(recurrent_convs\..)\.conv", r"\1", name.removeprefix("module.")) for name in state]
    given = {ours.get(name, name): value for name, value in zip(names, state.values(), strict=True)}
    given = {name: value for name, value in given.items() if not _is_other_head(name, value, own)}
    cells = {name for name in own if name.startswith("rla.cells.")}
    if isinstance(model, RlaMobileNetV2) and len(shared := cells & given.keys()) == 1:
        given |= dict.fromkeys(cells, given[shared.pop()])  # safetensors keeps once what the authors share
    astray = [name for name, value in given.items() if name not in own or own[name].shape != value.shape]
    absent = [name for name in own if name not in given and not name.endswith("num_batches_tracked")]
    missing = [name for name in absent if not name.startswith(_HEADS)]
    if wrong := astray + missing:
        raise ModelError(
            f"{len(astray)} of these weights have no place in {type(model).__name__} and {len(missing)} are missing, "
            f"{theirs.get(wrong[0], wrong[0])!r} first; give the weights of the same network."
        )
    model.load_state_dict(own | given)
    return absent


default_cfgs = generate_default_cfgs(
    {  # the preprocessing is timm's default, ImageNet's
        name: {"num_classes": 1000, "pool_size": (7, 7), "first_conv": first, "classifier": classifier}
        for name in PLAIN_NAMES
        for first, classifier in [("conv1", "fc") if "resnet" in name else ("conv_stem", "classifier")]
    }
)


def _resnet50(variant: str, pretrained: bool, **kwargs: Any) -> nn.Module:
    return build_model_with_cfg(RlaResNet, variant, pretrained, layers=(3, 4, 6, 3), **kwargs)


@register_model
def rla_resnet50(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """RLA-ResNet50: 24.67 x 2**20 parameters (the paper's million), 22.83 % top-1 error on ImageNet."""
    return _resnet50("rla_resnet50", pretrained, **kwargs)


@register_model
def rla_resnet50_residual(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """RLA-ResNet50 that aggregates residuals, as the paper's equations but not its code do."""
    return _resnet50("rla_resnet50_residual", pretrained, aggregate="residual", **kwargs)


@register_model
def rla_ecaresnet50(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """RLA-ECANet50: 24.67 x 2**20 parameters, 22.15 % top-1 error; kernels over 5, 5, 5 and 7 channels."""
    return _resnet50("rla_ecaresnet50", pretrained, block_args={"attn_layer": "eca"}, **kwargs)


@register_model
def rla_resnet50_convlstm(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """RLA-ResNet50 with a convolutional LSTM as its recurrence, from the paper's ablation."""
    return _resnet50("rla_resnet50_convlstm", pretrained, cell=RecurrentConvLstm, **kwargs)


_MOBILENET_V2 = (  # Sandler et al. 2018, table 2, as timm writes it: repeats, kernel, stride, expansion, channels
    "ds_r1_k3_s1_c16 ir_r2_k3_s2_e6_c24 ir_r3_k3_s2_e6_c32 ir_r4_k3_s2_e6_c64 "
    "ir_r3_k3_s1_e6_c96 ir_r3_k3_s2_e6_c160 ir_r1_k3_s1_e6_c320"
)


@register_model
def rla_mobilenetv2_100(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """RLA-MobileNetV2: 3.46 x 2**20 parameters, 27.62 % top-1 error on ImageNet."""
    blocks = decode_arch_def([[stage] for stage in _MOBILENET_V2.split()])
    return build_model_with_cfg(
        RlaMobileNetV2, "rla_mobilenetv2_100", pretrained, block_args=blocks, act_layer=nn.ReLU6, **kwargs
    )
