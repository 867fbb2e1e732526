import pytest
import torch
from torch import nn

from artextract_hf.models.heads import HEADS, AttentionPooling, ResidualExcitation, make_head


def test_attention_pooling_is_a_weighted_mean():
    pool, sequence = AttentionPooling(6, heads=3), torch.randn(2, 5, 6)
    summary, weights = pool(sequence)
    assert weights.shape == (2, 3, 5)
    assert torch.allclose(weights.sum(2), torch.ones(2, 3))
    literal = torch.stack([sum(weights[n, :, t].mean() * sequence[n, t] for t in range(5)) for n in range(2)])
    assert torch.allclose(summary, literal, atol=1e-6)


def test_attention_heads_look_at_different_places():
    pool, sequence = AttentionPooling(6, heads=3), torch.randn(1, 5, 6)
    _, weights = pool(sequence)
    scores = torch.tanh(sequence[0] @ pool.project.weight.T + pool.project.bias) @ pool.score.weight.T
    for head in range(3):
        assert torch.allclose(weights[0, head], scores[:, head].softmax(0), atol=1e-6)
    assert not torch.allclose(weights[0, 0], weights[0, 1], atol=1e-4)


def widths(head: nn.Module) -> list[int]:
    """The units of each linear layer on the straight way from the embedding to the logits."""
    straight = [m for m in head.children() if not isinstance(m, ResidualExcitation)]
    return [m.out_features for part in straight for m in part.modules() if isinstance(m, nn.Linear)]


def dropouts(head: nn.Module) -> list[float]:
    return [m.p for m in head.modules() if isinstance(m, nn.Dropout)]


def test_heads_are_as_system_003_states_them():
    linear, residual, stack = (make_head(name, 40, 7, dropout=0.1) for name in ("linear", "residual_se", "stack"))
    assert widths(linear) == [7] and dropouts(linear) == [0.1]
    assert widths(stack) == [1024, 512, 256, 7] and dropouts(stack) == [0.3, 0.25, 0.2]
    assert widths(residual) == [1536, 768, 7] and dropouts(residual) == [0.4, 0.4, 0.3]
    assert sum(isinstance(m, ResidualExcitation) for m in residual.modules()) == 1


@pytest.mark.parametrize("name", HEADS)
def test_every_head_learns_and_judges_each_painting_alone(name):
    head, embeddings = make_head(name, 24, 5, dropout=0.2), torch.randn(3, 24)
    head(embeddings).square().sum().backward()
    assert [n for n, p in head.named_parameters() if p.grad is None or not p.grad.any()] == []
    head.eval()
    assert torch.allclose(head(embeddings)[1:2], head(embeddings[1:2]), atol=1e-5)


def test_residual_excitation_is_the_literal_formula():
    block, x = ResidualExcitation(32, dropout=0.4).eval(), torch.randn(2, 32)
    hidden = block.branch[0](x)
    branch = nn.functional.layer_norm(hidden @ block.branch[1].weight.T + block.branch[1].bias, (32,))
    squeezed = (branch @ block.excite[0].weight.T + block.excite[0].bias).relu()
    assert squeezed.shape == (2, 2)  # 32 / 16
    gate = torch.sigmoid(squeezed @ block.excite[2].weight.T + block.excite[2].bias)
    assert torch.allclose(block(x), (x + branch * gate).relu(), atol=1e-5)
