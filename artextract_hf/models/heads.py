"""The parts between the recurrent network and the logits."""

from torch import Tensor, nn


class AttentionPooling(nn.Module):
    """Additive attention over a sequence (Bahdanau et al. 2015, eq. 6), averaged over its heads.

    (N, T, D) becomes (N, D) and weights (N, heads, T) that sum to 1 over T.
    """

    def __init__(self, dim: int, *, heads: int, hidden: int = 128) -> None:
        super().__init__()
        self.project = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, heads, bias=False)

    def weights(self, sequence: Tensor) -> Tensor:
        """The attention weights (N, heads, T)."""
        return self.score(self.project(sequence).tanh()).softmax(dim=1).transpose(1, 2)

    def forward(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """Pool the sequence; also return the weights."""
        weights = self.weights(sequence)
        return (weights @ sequence).mean(dim=1), weights


class TaskHead(nn.Sequential):
    """Dropout and a linear layer: (N, D) to (N, classes)."""

    def __init__(self, dim: int, classes: int, *, dropout: float) -> None:
        super().__init__(nn.Dropout(dropout), nn.Linear(dim, classes))
