"""A trained classifier is loaded for other classes, learns them in one's own loop or in Trainer, and comes back."""

from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    Trainer,
    TrainingArguments,
    pipeline,
)

from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.errors import ModelError
from artextract_hf.models import (
    ArtAttributesPipeline,
    ArtImageProcessor,
    CrnnConfig,
    CrnnForImageClassification,
    load_classifier,
)

ANEW = {"ignore_mismatched_sizes": True}
TASKS = {"style": ["a", "b", "c"], "artist": ["d", "e"]}
SMALL = {"backbone": "mobilenetv3_small_050", "image_size": 64, "projection_size": 16, "hidden_size": 8}


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A calibrated classifier of two tasks with a companion."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("trained")
    more = {"heads": {"artist": "stack"}, "companions": [{"hidden_size": 4}], "temperature": {"style": 2.0}}
    CrnnForImageClassification(CrnnConfig(tasks=TASKS, **SMALL, **more)).save_pretrained(folder)
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def paintings() -> Dataset:
    """Drawn paintings, labelled by the hand that they are of."""
    return synthetic_paintings(16).class_encode_column("artist_name").rename_column("artist_name", "hand")


@pytest.fixture
def hands(paintings) -> dict[int, str]:
    """The user's own classes, as transformers names them."""
    return dict(enumerate(paintings.features["hand"].names))


def pixels_and_labels(paintings: Dataset, folder: Path) -> tuple[Tensor, Tensor]:
    processor = AutoImageProcessor.from_pretrained(folder)
    return processor(list(paintings["image"]), return_tensors="pt")["pixel_values"], torch.tensor(paintings["hand"])


def test_it_learns_in_a_loop_of_ones_own_and_comes_back(trained, paintings, hands, tmp_path):
    model = AutoModelForImageClassification.from_pretrained(trained, num_labels=len(hands), **ANEW)
    assert model.config.id2label == {index: f"LABEL_{index}" for index in hands}
    pixels, labels = pixels_and_labels(paintings, trained)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    model.train()
    for _ in range(8):
        loss = model(pixels, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    same_again(model.eval(), pixels, tmp_path)


def test_it_learns_in_trainer_and_comes_back(trained, paintings, hands, tmp_path):
    own = {"id2label": hands, "label2id": {name: index for index, name in hands.items()}}
    model = AutoModelForImageClassification.from_pretrained(trained, **own, **ANEW)
    processor = AutoImageProcessor.from_pretrained(trained)

    def prepared(batch: dict) -> dict:
        return {**processor(batch["image"], return_tensors="pt"), "labels": batch["hand"]}

    def accuracy(evaluated: object) -> dict[str, float]:
        return {"accuracy": float(np.mean(evaluated.predictions.argmax(axis=1) == evaluated.label_ids))}

    options = {"remove_unused_columns": False, "use_cpu": True, "report_to": "none", "disable_tqdm": True}
    options |= {"per_device_train_batch_size": 8, "num_train_epochs": 4, "learning_rate": 3e-3, "logging_steps": 2}
    options |= {"save_strategy": "no", "dataloader_pin_memory": False}
    trainer = Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(tmp_path / "run"), **options),
        train_dataset=paintings.with_transform(prepared),
        eval_dataset=paintings.with_transform(prepared),
        processing_class=processor,
        compute_metrics=accuracy,
    )
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < losses[0] / 2
    assert 0 <= trainer.evaluate()["eval_accuracy"] <= 1
    trainer.save_model(tmp_path / "saved")
    pixels, _ = pixels_and_labels(paintings, trained)
    same_again(model.eval(), pixels, tmp_path / "saved")
    classify = pipeline("image-classification", model=str(tmp_path / "saved"))
    answers = classify(paintings[0]["image"], top_k=len(hands))
    assert {answer["label"] for answer in answers} == set(hands.values())
    network, preprocessing = load_classifier(str(tmp_path / "saved"))
    answer = ArtAttributesPipeline(model=network, image_processor=preprocessing)(
        paintings[0]["image"], top_k=len(hands)
    )
    assert {found["label"] for found in answer["tasks"]["style"]} == set(hands.values())


def same_again(model: CrnnForImageClassification, pixels: Tensor, folder: Path) -> None:
    """Saved and loaded, the model gives the same logits for the same classes."""
    model.save_pretrained(folder)
    again = AutoModelForImageClassification.from_pretrained(folder)
    assert again.config.tasks == model.config.tasks and again.config.id2label == model.config.id2label
    with torch.no_grad():
        torch.testing.assert_close(again(pixels).logits, model(pixels).logits, rtol=0, atol=0)


def test_gradients_of_steps_that_trainer_accumulates_are_those_of_the_whole_batch(trained, paintings, hands, tmp_path):
    """Trainer leaves the division by the steps to a model whose `forward` takes anything, unless it says otherwise."""
    weights = []
    for steps in (1, 2):
        torch.manual_seed(0)
        model = AutoModelForImageClassification.from_pretrained(trained, id2label=hands, **ANEW)
        processor = AutoImageProcessor.from_pretrained(trained)
        pixels = processor(list(paintings["image"]), return_tensors="pt")["pixel_values"]
        rows = [{"pixel_values": image, "labels": 0} for image in pixels[:2]]
        options = {"use_cpu": True, "report_to": "none", "disable_tqdm": True, "save_strategy": "no", "max_steps": 1}
        options |= {"dataloader_pin_memory": False, "optim": "sgd", "learning_rate": 0.1, "max_grad_norm": 0.0}
        options |= {"per_device_train_batch_size": 2 // steps, "gradient_accumulation_steps": steps}
        model.train = lambda mode=True, network=model: torch.nn.Module.train(
            network, False
        )  # no batch norms, no dropout
        Trainer(model=model, args=TrainingArguments(output_dir=str(tmp_path), **options), train_dataset=rows).train()
        weights.append(model.heads["style"][-1].weight.detach())
    torch.testing.assert_close(*weights)


def test_a_model_for_other_classes_has_one_head_on_the_trained_trunk(trained):
    old = CrnnForImageClassification.from_pretrained(trained)
    model = AutoModelForImageClassification.from_pretrained(trained, id2label={"1": "y", "0": "x"}, **ANEW)
    assert model.config.tasks == {"style": ["x", "y"]} and not model.companions and not model.config.temperature
    assert all(torch.equal(value, old.crnn.state_dict()[name]) for name, value in model.crnn.state_dict().items())
    head = model.heads["style"][-1]
    assert 0 < head.weight.std() < 1 and head.weight.abs().max() < 1  # as torch draws a linear layer, not memory
    deep = AutoModelForImageClassification.from_pretrained(trained, task="artist", num_labels=4, **ANEW)
    assert deep.config.heads == {"artist": "stack"} and deep.config.tasks == {
        "artist": [f"LABEL_{i}" for i in range(4)]
    }


def test_a_new_task_can_be_named(trained):
    model = AutoModelForImageClassification.from_pretrained(trained, task="school", label2id={"x": 0, "y": 1}, **ANEW)
    assert model.config.tasks == {"school": ["x", "y"]} and model.config.task == "school"
    assert all(weight.isfinite().all() and weight.abs().max() < 1 for weight in model.heads.parameters())


def test_the_classes_that_it_has_leave_it_as_it_is(trained):
    whole = AutoModelForImageClassification.from_pretrained(trained, id2label=dict(enumerate("abc")), num_labels=3)
    assert whole.config.tasks == TASKS and len(whole.companions) == 1 and whole.config.temperature == {"style": 2.0}
    other = AutoModelForImageClassification.from_pretrained(trained, task="artist")
    assert other.config.id2label == {0: "d", 1: "e"} and other(torch.zeros(1, 3, 64, 64)).logits.shape == (1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_labels": 4}, "mismatched keys: heads.*ignore_mismatched_sizes=True"),
        ({"num_labels": 4, "id2label": {0: "x"}, **ANEW}, r"the classes \[0\]; they count from 0, each once, to 3"),
        ({"id2label": {1: "x", 2: "y"}, **ANEW}, r"the classes \[1, 2\]; they count from 0"),
        ({"id2label": {0: "x", 1: "y"}, "label2id": {"x": 1, "y": 0}, **ANEW}, "not the inverse"),
        ({"task": "school", **ANEW}, "the tasks are style, artist"),
        ({"num_labels": 4, "hidden_size": 16, **ANEW}, "do not fit .*crnn"),
    ],
)
def test_classes_that_cannot_be_meant_are_refused(trained, options, message):
    with pytest.raises(ModelError, match=message) as caught:
        AutoModelForImageClassification.from_pretrained(trained, **options)
    assert "\n" not in str(caught.value)
