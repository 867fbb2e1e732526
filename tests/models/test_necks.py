import pytest
import torch
import torch.nn.functional as F
from torch import nn

from artextract_hf.models.necks import ConvBlock, MultiPath, make_neck


@pytest.mark.parametrize("names", [[], ["conv"], ["conv", "conv", "multi_path"], ["multi_path"]])
def test_a_neck_keeps_the_shape_and_learns(names):
    neck = make_neck(names, 8, dropout=0.1)
    assert neck(torch.randn(2, 8, 5, 7)).shape == (2, 8, 5, 7)
    neck(torch.randn(2, 8, 5, 7, requires_grad=True)).square().sum().backward()
    assert all(p.grad.any() for p in neck.parameters())
    assert len(neck) == len(names)


def test_conv_block_is_in_the_order_of_system_000():
    kinds = [type(m) for m in ConvBlock(4, dropout=0.25)]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.Dropout, nn.ReLU]
    assert ConvBlock(4, dropout=0.25)[2].p == 0.25


def test_multi_path_concatenates_three_convolutions():
    neck, x = MultiPath(8, dropout=0.5).eval(), torch.randn(1, 8, 6, 6)
    parts = [F.conv2d(x, path.weight, padding=padding) for path, padding in zip(neck.paths, (0, 1, 2), strict=True)]
    assert [part.shape[1] for part in parts] == [4, 2, 2]
    assert [path.kernel_size for path in neck.paths] == [(1, 1), (3, 3), (5, 5)]
    literal = (torch.cat(parts, dim=1) / (1 + 1e-5) ** 0.5).relu()  # a norm that has seen nothing yet
    assert torch.allclose(neck(x), literal, atol=1e-5)


def test_paths_see_as_far_as_their_kernels():
    """A point in the middle spreads over 1, 3 and 5 pixels."""
    neck = MultiPath(3, dropout=0.0).eval()
    for path in neck.paths:
        nn.init.ones_(path.weight)
    point = torch.zeros(1, 3, 9, 9)
    point[..., 4, 4] = 1
    assert [(channel > 0).sum().item() for channel in neck(point)[0]] == [1, 9, 25]
