from pathlib import Path

import pytest
import torch

from artextract_hf.errors import DataError
from artextract_hf.models import ArtImageProcessor, CrnnConfig, CrnnForImageClassification
from training.classifier.batch import Batch
from training.classifier.config import TrainConfig
from training.classifier.objective import Learner
from training.classifier.teachers import Teachers

TASKS = {"style": ["Baroque", "Rococo", "Realism"], "genre": ["portrait", "landscape"]}
SMALL = {"backbone": "mobilenetv2_035", "image_size": 64, "projection_size": 16, "hidden_size": 8, "dropout": 0.0}


def classifier(seed: int) -> CrnnForImageClassification:
    torch.manual_seed(seed)
    return CrnnForImageClassification(CrnnConfig(tasks=TASKS, **SMALL)).eval()


def keep(model: CrnnForImageClassification, folder: Path) -> str:
    model.save_pretrained(folder)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return str(folder)


def learner(model: CrnnForImageClassification, *, painters: int = 0, **options) -> Learner:
    config = TrainConfig.from_dict({"data": "-", "output_dir": "-", "tasks": list(TASKS), "loss": {}, **options})
    counts = {task: torch.ones(len(names)) for task, names in TASKS.items()}
    return Learner(model, config, counts | ({"artist_name": torch.ones(painters)} if painters else {}))


def test_several_teachers_answer_with_their_mean(tmp_path):
    models = [classifier(seed) for seed in (1, 2)]
    teachers = Teachers([keep(model, tmp_path / str(index)) for index, model in enumerate(models)], TASKS)
    pixels = torch.randn(3, 3, 64, 64)
    answers = teachers(pixels)
    with torch.no_grad():
        for task, answer in answers.items():
            mean = sum(model(pixels).task_logits[task].softmax(dim=1) for model in models) / 2
            assert torch.allclose(answer, mean, atol=1e-4) and not answer.requires_grad
    assert not any(weight.requires_grad for weight in teachers.parameters())


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    with pytest.raises(DataError, match="other classes"):
        Teachers([keep(classifier(0), tmp_path)], {**TASKS, "genre": ["portrait", "still life"]})


def test_the_answers_are_learnt_with_and_without_labels():
    model = classifier(0)
    whole = learner(model, distillation=1.0)
    pixels, labels = torch.randn(4, 3, 64, 64), {"style": torch.tensor([0, 1, -1, -1]), "genre": torch.full((4,), -1)}
    with torch.no_grad():
        answers = {task: logits.softmax(dim=1) for task, logits in model(pixels).task_logits.items()}
    loss = whole(Batch(pixels, [(labels, 1.0)], answers), whole.totals(labels))
    assert loss.item() == pytest.approx(0, abs=1e-6)  # it already answers as its teacher does, whatever the labels say
    other = {task: answer.roll(1, dims=1) for task, answer in answers.items()}
    assert whole(Batch(pixels, [(labels, 1.0)], other), whole.totals(labels)).item() > 0.001


def test_the_share_lies_between_labels_and_teachers():
    model, pixels = classifier(0), torch.randn(4, 3, 64, 64)
    labels = {"style": torch.tensor([0, 1, 2, -1]), "genre": torch.tensor([0, 1, 1, 0])}
    answers = {task: torch.full((4, len(names)), 1 / len(names)) for task, names in TASKS.items()}

    def loss(share: float) -> float:
        taught = learner(model, distillation=share)
        return taught(Batch(pixels, [(labels, 1.0)], answers), taught.totals(labels)).item()

    assert loss(0.25) == pytest.approx(0.75 * loss(0.0) + 0.25 * loss(1.0))


def test_pieces_of_a_batch_add_up():
    model, pixels = classifier(0), torch.randn(4, 3, 64, 64)
    labels = {task: torch.tensor([0, 1, -1, 0]) for task in TASKS}
    answers = {task: torch.full((4, len(names)), 1 / len(names)) for task, names in TASKS.items()}
    whole, pieces = learner(model), learner(model, accumulate=2)
    batch, totals = Batch(pixels, [(labels, 1.0)], answers), whole.totals(labels)
    parts = [pieces(batch.piece(number, 2), totals).item() for number in range(2)]
    assert sum(parts) == pytest.approx(whole(batch, totals).item(), rel=1e-5)


def test_an_auxiliary_loss_comes_on_top_and_no_teacher_is_asked_for_it():
    model, pixels = classifier(0), torch.randn(4, 3, 64, 64)
    labels = {"style": torch.tensor([0, 1, 2, -1]), "genre": torch.tensor([0, 1, 1, 0])}
    answers = {task: torch.full((4, len(names)), 1 / len(names)) for task, names in TASKS.items()}
    painters = {"artist_name": torch.tensor([4, -1, 2, 0])}

    def loss(weight: float) -> float:
        torch.manual_seed(0)  # of the auxiliary head
        beside = learner(model, painters=5, auxiliary={"artist_name": weight})
        known = labels | painters
        return beside(Batch(pixels, [(known, 1.0)], answers), beside.totals(known)).item()

    plain = learner(model)
    base = plain(Batch(pixels, [(labels, 1.0)], answers), plain.totals(labels)).item()
    assert loss(0.5) > base
    assert loss(1.0) - base == pytest.approx(2 * (loss(0.5) - base))


def test_an_auxiliary_loss_reaches_the_trunk():
    taught = learner(classifier(0), painters=5, auxiliary={"artist_name": 0.5})
    none = {task: torch.full((4,), -1) for task in TASKS}
    labels = none | {"artist_name": torch.tensor([4, 1, 2, 0])}
    taught(Batch(torch.randn(4, 3, 64, 64), [(labels, 1.0)]), taught.totals(labels)).backward()
    assert taught.model.crnn.project.weight.grad.abs().max() > 0
    assert not taught.model.heads["style"][1].weight.grad.any()


def test_a_teacher_may_know_more_tasks_than_its_student():
    model = CrnnForImageClassification(CrnnConfig(tasks={"genre": TASKS["genre"]}, **SMALL))
    config = TrainConfig.from_dict({"data": "-", "output_dir": "-", "tasks": ["genre"]})
    student = Learner(model, config, {"genre": torch.ones(2)})
    answers = {task: torch.full((4, len(names)), 1 / len(names)) for task, names in TASKS.items()}
    labels = {"genre": torch.tensor([0, 1, 1, 0])}
    loss = student(Batch(torch.randn(4, 3, 64, 64), [(labels, 1.0)], answers), student.totals(labels))
    assert torch.isfinite(loss)


def test_distillation_is_a_share():
    with pytest.raises(DataError, match="share"):
        TrainConfig.from_dict({"data": "-", "output_dir": "-", "distillation": 2.0})
