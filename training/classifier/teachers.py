"""Distillation: trained classifiers answer the very views that the student sees, and the student learns their answers.

The student's views are cropped and mixed, the teachers see the same pixels, and paintings without a label of a task
have a teacher's answer all the same (Hinton et al. 2015; Beyer et al. 2022, "a good teacher is patient and
consistent"). Several teachers are averaged. One that is calibrated answers at its temperature, as none did that a
recipe was measured with.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from artextract_hf.errors import DataError
from artextract_hf.models import load_classifier
from training.frozen_norm import fold_frozen_norms


class Teachers(nn.Module):
    """Classifiers that only answer: nothing in them learns.

    Args:
        models: folders or Hub names of trained classifiers.
        tasks: class names by task; they must be the student's.
        device: where they answer.

    Raises:
        DataError: a teacher knows other classes than the student.
    """

    def __init__(
        self, models: Sequence[str], tasks: Mapping[str, Sequence[str]], *, device: torch.device | str = "cpu"
    ) -> None:
        super().__init__()
        self.models = nn.ModuleList()
        for name in models:
            model = load_classifier(name)[0]
            if any(model.config.tasks.get(task) != list(classes) for task, classes in tasks.items()):
                raise DataError(f"the teacher {name} was trained on other classes than the student's.")
            model.eval().to(device, memory_format=torch.channels_last)
            for network in (model, *model.companions):
                fold_frozen_norms(network.crnn.backbone)
            self.models.append(model)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        """The mean of the teachers' probabilities (N, classes) by task, for pixels (N, 3, S, S)."""
        answers = [model(pixels).task_logits for model in self.models]
        return {
            task: torch.stack([logits[task].float().softmax(dim=1) for logits in answers]).mean(dim=0)
            for task in answers[0]
        }
