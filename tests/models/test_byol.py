"""BYOL against a literal reading of the paper."""

import copy
import math

import pytest
import torch
from torch import nn
from transformers import AutoModel, AutoModelForPreTraining

from artextract_hf import ByolConfig, ByolForPreTraining, ByolModel
from artextract_hf.errors import ModelError
from artextract_hf.models.modeling_byol import regression_loss, target_momentum

SMALL = {"backbone": "mobilenetv2_035", "image_size": 64, "projector_hidden_size": 32, "projection_size": 16}


@pytest.fixture
def model() -> ByolForPreTraining:
    torch.manual_seed(0)
    return ByolForPreTraining(ByolConfig(**SMALL)).train()


@pytest.fixture
def views() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(6, 3, 64, 64), torch.randn(6, 3, 64, 64)


def test_networks_are_the_papers():
    model = ByolForPreTraining(ByolConfig(backbone="resnet50"))
    assert model.byol.embedding_size == 2048
    for head, inputs in ((model.projector, 2048), (model.predictor, 256), (model.target_projector, 2048)):
        first, norm, activation, last = head
        assert (first.in_features, first.out_features, first.bias is not None) == (inputs, 4096, True)
        assert isinstance(norm, nn.BatchNorm1d) and (norm.eps, norm.momentum) == (1e-5, 0.1)
        assert isinstance(activation, nn.ReLU)
        assert (last.in_features, last.out_features, last.bias) == (4096, 256, None)


def literal_loss(model, first, second):
    """Equation 2 written out, both ways, each network on each view by itself."""

    def online(view):
        y = model.byol.backbone.forward_features(view).mean(dim=(2, 3))
        z = model.projector[3](torch.relu(model.projector[1](model.projector[0](y))))
        return model.predictor[3](torch.relu(model.predictor[1](model.predictor[0](z))))

    def target(view):
        y = model.target_encoder.forward_features(view).mean(dim=(2, 3))
        p = model.target_projector
        return p[3](torch.relu(p[1](p[0](y)))).detach()

    predicted = [online(first), online(second)]
    targets = [target(first), target(second)]
    total = 0.0
    for q, z in ((predicted[0], targets[1]), (predicted[1], targets[0])):
        q = q / q.norm(dim=1, keepdim=True)
        z = z / z.norm(dim=1, keepdim=True)
        total = total + (q - z).square().sum(dim=1).mean()
    return total


def test_loss_and_gradient_are_the_literal_ones(model, views):
    with torch.no_grad():
        for weight in model.target_projector.parameters():
            weight.add_(0.1 * torch.randn_like(weight))  # else both networks are one
    model, views = model.double(), [view.double() for view in views]
    twin = copy.deepcopy(model)
    loss = model(*views).loss
    expected = literal_loss(twin, *views)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
    loss.backward()
    expected.backward()
    gradients = dict(twin.named_parameters())
    for name, weight in model.named_parameters():
        if name.startswith("target_"):
            assert weight.grad is None and not weight.requires_grad
        else:
            assert torch.allclose(weight.grad, gradients[name].grad, rtol=1e-6, atol=1e-9), name
    # The running statistics too, of both networks.
    buffers = dict(twin.named_buffers())
    for name, buffer in model.named_buffers():
        assert torch.allclose(buffer.float(), buffers[name].float()), name


def test_loss_of_known_vectors():
    q = torch.tensor([[2.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    z = torch.tensor([[5.0, 0.0], [-3.0, 0.0], [0.0, 1.0]])
    assert regression_loss(q, z).tolist() == pytest.approx([0.0, 4.0, 2 - 2**0.5], abs=1e-6)


def test_target_starts_as_the_online_network_and_moves_by_momentum(model, views):
    pairs = list(zip(model.byol.backbone.parameters(), model.target_encoder.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in pairs)
    statistics = {k: v.clone() for k, v in model.target_encoder.named_buffers()}
    before = [b.clone() for _, b in pairs]
    with torch.no_grad():
        for weight in model.byol.parameters():
            weight.add_(1.0)
    model.update_target(0.9)
    for (online, target), old in zip(pairs, before, strict=True):
        assert torch.allclose(target, 0.9 * old + 0.1 * online, atol=1e-6)
    assert all(torch.equal(statistics[k], v) for k, v in model.target_encoder.named_buffers())
    model.update_target(1.0)
    for (online, target), old in zip(pairs, before, strict=True):
        assert torch.allclose(target, 0.9 * old + 0.1 * online, atol=1e-6)


def test_target_normalises_by_its_own_batch(model, views):
    before = model.target_projector[1].running_mean.clone()
    model(*views)
    assert not torch.equal(before, model.target_projector[1].running_mean)


def test_momentum_schedule():
    values = [target_momentum(step, steps=100, base=0.99) for step in range(101)]
    assert values[0] == pytest.approx(0.99) and values[50] == pytest.approx(0.995) and values[100] == 1.0
    assert values == sorted(values)
    assert values[30] == 1 - (1 - 0.99) * (math.cos(math.pi * 30 / 100) + 1) / 2


def test_saved_without_the_target_and_read_back(model, views, tmp_path):
    model(*views).loss.backward()
    model.update_target(0.5)
    model.save_pretrained(tmp_path)
    again = ByolForPreTraining.from_pretrained(tmp_path)
    state = model.state_dict()
    assert all(torch.equal(state[k], v) for k, v in again.state_dict().items() if not k.startswith("target_"))
    torch.testing.assert_close(again.target_project(views[0]), again.project(views[0]))
    assert not any(w.requires_grad for w in again.target_encoder.parameters())
    encoder = ByolModel.from_pretrained(tmp_path)
    torch.testing.assert_close(encoder(views[0]).pooler_output, model.eval().byol(views[0]).pooler_output)
    encoder.save_pretrained(tmp_path / "encoder")
    assert isinstance(AutoModel.from_pretrained(tmp_path / "encoder"), ByolModel)
    assert isinstance(AutoModelForPreTraining.from_pretrained(tmp_path), ByolForPreTraining)
    with pytest.raises(ModelError, match="missing keys"):
        ByolForPreTraining.from_pretrained(tmp_path / "encoder")


@pytest.mark.parametrize("backbone", ["resnet18", "convnext_atto", "vit_tiny_patch16_224"])
def test_other_backbones(backbone):
    side = 224 if backbone.startswith("vit") else 64
    model = ByolForPreTraining(ByolConfig(**SMALL | {"backbone": backbone, "image_size": side})).train()
    output = model(torch.randn(2, 3, side, side), torch.randn(2, 3, side, side))
    output.loss.backward()
    assert 0 <= output.loss.item() <= 8
    assert output.projections.shape == (2, 16) and not output.projections.requires_grad


@pytest.mark.parametrize("wrong", [{"backbone": "hf-hub:x/y"}, {"projection_size": 0}, {"projector_hidden": 12}])
def test_bad_configurations_are_refused(wrong):
    with pytest.raises(ModelError):
        ByolConfig(**wrong)
