"""Every backbone the recipes name: the shape of its map, and the whole model's way to disk and back."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from artextract_hf.errors import ModelError
from artextract_hf.models import CrnnConfig, CrnnForImageClassification
from artextract_hf.models.backbones import create_backbone, feature_map, feature_shape, load_imagenet
from tests.conftest import shared

MAPS = {  # channels, and the map's side at 224 and at 300 px; None where the backbone takes one size only
    "resnet18": (512, 7, 10),
    "resnet50": (2048, 7, 10),
    "efficientnet_b0": (1280, 7, 10),
    "efficientnet_b2": (1408, 7, 10),
    "mobilenetv2_100": (1280, 7, 10),
    "convnext_tiny": (768, 7, 9),
    "vit_tiny_patch16_224": (192, 14, None),
    "rla_resnet50": (2080, 7, 10),
    "rla_resnet50_convlstm": (2080, 7, 10),
    "rla_mobilenetv2_100": (1280, 7, 10),
}
QUICK = ("resnet18", "efficientnet_b0", "mobilenetv2_100", "rla_mobilenetv2_100", "convnext_atto")
LARGE = ("resnet50", "efficientnet_b2", "convnext_tiny", "rla_resnet50", "rla_resnet50_convlstm")
AT_224 = ("vit_tiny_patch16_224", "swin_tiny_patch4_window7_224")


@pytest.mark.parametrize("backbone", MAPS)
def test_maps_at_224_and_300_pixels(backbone):
    channels, *sides = MAPS[backbone]
    for pixels, side in zip((224, 300), sides, strict=True):
        if side is None:
            with pytest.raises(ModelError, match=f"takes no pictures of {pixels} pixels"):
                feature_shape(backbone, pixels)
        else:
            assert feature_shape(backbone, pixels) == (channels, side, side)


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        *((name, 64) for name in QUICK),
        *((name, 224) for name in AT_224),
        *(pytest.param(name, 64, marks=pytest.mark.long) for name in LARGE),
        *(pytest.param(name, 300, marks=pytest.mark.long) for name in (*QUICK, *LARGE)),
    ],
)
def test_backbones_of_every_layout_round_trip(backbone, size, tmp_path):
    """NCHW, NHWC (swin) and tokens (vit); swin's and others' unsaved buffers come back wrong without care."""
    torch.manual_seed(0)
    config = CrnnConfig(backbone=backbone, image_size=size, projection_size=16, hidden_size=8)
    model = CrnnForImageClassification(config).eval()
    pixels = torch.randn(1, 3, size, size)
    model.save_pretrained(tmp_path)
    again = CrnnForImageClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        output = model(pixels)
        torch.testing.assert_close(output.logits, again(pixels).logits)
        other = model(torch.randn(1, 3, size, size)).logits
    assert output.attentions.shape[-2:] == feature_shape(backbone, size)[1:]
    assert output.logits.isfinite().all() and not torch.equal(output.logits, other)


def test_tokens_stand_where_their_patches_are():
    """A vision transformer without its mixing: the map must show a bright patch where the painting has it."""
    vit = create_backbone("vit_tiny_patch16_224").eval()
    vit.blocks, vit.norm = torch.nn.Identity(), torch.nn.Identity()
    torch.nn.init.zeros_(vit.pos_embed)
    pixels = torch.zeros(1, 3, 224, 224)
    pixels[..., 3 * 16 : 4 * 16, 11 * 16 : 12 * 16] = 1  # row 3, column 11
    with torch.no_grad():
        change = (feature_map(vit, pixels) - feature_map(vit, torch.zeros_like(pixels))).abs().sum(dim=1)[0]
    assert change.shape == (14, 14) and (change > 0).nonzero().tolist() == [[3, 11]]


def test_weights_of_another_network_are_refused():
    path = str(shared("weights/mobilenetv2_100.imagenet.safetensors"))
    with pytest.raises(ModelError, match="does not hold the weights of resnet18"):
        load_imagenet(create_backbone("resnet18"), "resnet18", path)
    with pytest.raises(ModelError, match="has no place in RlaResNet"):
        load_imagenet(create_backbone("rla_resnet50"), "rla_resnet50", path)


def test_a_file_of_timms_serves_with_its_head_or_without(tmp_path):
    whole = timm.create_model("mobilenetv2_035")
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    backbone = create_backbone("mobilenetv2_035")
    assert load_imagenet(backbone, "mobilenetv2_035", str(tmp_path / "whole.safetensors")) == []
    assert all(torch.equal(value, whole.state_dict()[key]) for key, value in backbone.state_dict().items())
