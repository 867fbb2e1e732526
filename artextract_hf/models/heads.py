"""The parts between the recurrent network and the logits.

A head maps the embedding (N, D) to logits (N, classes). `linear` is ours; `residual_se` and `stack` are system 003's,
for artist and for style and genre, with the widths and dropouts it states. It states no norm: layer norm makes a
painting's logits independent of the others in its batch.
"""

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
    """Dropout and a linear layer."""

    def __init__(self, dim: int, classes: int, *, dropout: float) -> None:
        super().__init__(nn.Dropout(dropout), nn.Linear(dim, classes))


class StackHead(nn.Sequential):
    """Layers of 1024, 512 and 256 units, whose dropout falls from 0.3 to 0.2, and a linear layer."""

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__(
            _layer(dim, 1024, dropout=0.3),
            _layer(1024, 512, dropout=0.25),
            _layer(512, 256, dropout=0.2),
            nn.Linear(256, classes),
        )


class ResidualHead(nn.Sequential):
    """1536 units with a residual block and squeeze-and-excitation, then 768; dropout 0.4, then 0.3."""

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__(
            _layer(dim, 1536, dropout=0.4),
            ResidualExcitation(1536, dropout=0.4),
            _layer(1536, 768, dropout=0.3),
            nn.Linear(768, classes),
        )


class ResidualExcitation(nn.Module):
    """x + SE(f(x)): a residual block on vectors (N, D) whose branch is gated by squeeze-and-excitation.

    SE(v) = v * sigmoid(W2 relu(W1 v)), with D / 16 units between (Hu et al. 2018, eq. 3; a vector needs no squeeze).
    """

    def __init__(self, dim: int, *, dropout: float, reduction: int = 16) -> None:
        super().__init__()
        self.branch = nn.Sequential(_layer(dim, dim, dropout=dropout), nn.Linear(dim, dim), nn.LayerNorm(dim))
        self.excite = nn.Sequential(
            nn.Linear(dim, dim // reduction), nn.ReLU(), nn.Linear(dim // reduction, dim), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) to (N, D)."""
        branch = self.branch(x)
        return (x + branch * self.excite(branch)).relu()


def _layer(dim: int, units: int, *, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, units), nn.LayerNorm(units), nn.ReLU(), nn.Dropout(dropout))


_DEEP = {"residual_se": ResidualHead, "stack": StackHead}
HEADS = ("linear", *_DEEP)


def make_head(name: str, dim: int, classes: int, *, dropout: float) -> nn.Module:
    """The head called `name`; `dropout` is the linear one's, system 003's have their own."""
    if name == "linear":
        return TaskHead(dim, classes, dropout=dropout)
    return _DEEP[name](dim, classes)
