"""What a step of the classifier learns from, in the right form: inputs, labels and the teachers' answers.

A batch of views runs through the whole classifier; a batch of kept maps enters it behind the backbone. Both can be cut
into pieces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from torch import Tensor

from artextract_hf.models import CrnnClassifierOutput, CrnnForImageClassification

Labels = Mapping[str, Tensor]  # int64 (N,) by task; below 0 where a painting has no label


@dataclass(frozen=True)
class Batch:
    """Training views of paintings.

    Args:
        inputs: normalised pixels (N, 3, S, S).
        targets: labels with their share; two where the paintings are mixed, first each painting's own.
        answers: the teachers' probabilities (N, classes) by task, where there are teachers.
    """

    inputs: Tensor
    targets: Sequence[tuple[Labels, float]]
    answers: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def labels(self) -> Labels:
        """Each painting's own labels."""
        return self.targets[0][0]

    def piece(self, number: int, pieces: int) -> Self:
        """The piece of this number, from 0 on, of so many of about the same size."""
        part = slice(number * len(self.inputs) // pieces, (number + 1) * len(self.inputs) // pieces)
        return replace(
            self,
            inputs=self.inputs[part],
            targets=[({task: label[part] for task, label in labels.items()}, share) for labels, share in self.targets],
            answers={task: answer[part] for task, answer in self.answers.items()},
        )

    def classify(self, model: CrnnForImageClassification) -> CrnnClassifierOutput:
        """What a classifier makes of the inputs."""
        return model(self.inputs)


class MapBatch(Batch):
    """Maps (N, C, h, w) that the backbone has made of the views already (`training/classifier/kept_maps.py`)."""

    def classify(self, model: CrnnForImageClassification) -> CrnnClassifierOutput:
        """What a classifier makes of the maps."""
        return model.classify(model.crnn.read(self.inputs))
