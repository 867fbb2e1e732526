"""The sets of the pipeline and of its command against the thresholds in the configuration."""

import json
from pathlib import Path

import pytest
import torch

from artextract_hf import CrnnForImageClassification, load_classifier
from artextract_hf.models import ArtAttributesPipeline, set_in_words
from tests.conftest import plain_picture

NONE = "none of the classes fits"


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "painting.png"
    plain_picture((200, 40, 40), seed=1).save(path)
    return path


@pytest.fixture(scope="module")
def with_sets(tiny_classifier, picture, tmp_path_factory) -> tuple[str, dict[str, list[str]]]:
    """A classifier that rules out the most probable style, every genre and no artist; and what is left of `picture`."""
    model, processor = load_classifier(str(tiny_classifier))
    with torch.no_grad():
        logits = model(processor(images=[plain_picture((200, 40, 40), seed=1)], return_tensors="pt")["pixel_values"])
    first, last = logits.task_logits["style"][0].argsort(descending=True).tolist()
    thresholds = {"style": [0.0, 0.0], "genre": [1.0] * 3, "artist": [0.0] * 3}
    thresholds["style"][first] = 1.0
    model.config.set_thresholds = thresholds
    folder = tmp_path_factory.mktemp("with_sets")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    names, artists = model.config.tasks, logits.task_logits["artist"][0].argsort(descending=True).tolist()
    artists = [names["artist"][c] for c in artists]
    return str(folder), {"style": [names["style"][last]], "genre": [], "artist": artists}


def test_a_set_has_the_classes_that_reach_their_thresholds_the_most_probable_first(with_sets, picture):
    folder, expected = with_sets
    model, processor = load_classifier(folder)
    attributes = ArtAttributesPipeline(model=model, image_processor=processor)
    one, same = attributes([str(picture)] * 2, top_k=1)
    assert one["set"] == same["set"] == expected  # whole, whatever top_k is
    assert all(len(classes) == 1 for classes in one["tasks"].values())
    model.config.set_thresholds = {"artist": [0.0] * 3}
    assert attributes(str(picture))["set"] == {"artist": expected["artist"]}


def test_a_classifier_without_thresholds_answers_as_before(tiny_classifier, picture):
    model, processor = load_classifier(str(tiny_classifier))
    assert set(ArtAttributesPipeline(model=model, image_processor=processor)(str(picture))) == {"tasks"}


def test_the_thresholds_are_kept_with_the_classes_that_they_are_of(with_sets):
    folder, _ = with_sets
    assert CrnnForImageClassification.from_pretrained(folder).config.set_thresholds["genre"] == [1.0] * 3
    other = CrnnForImageClassification.from_pretrained(folder, num_labels=5, ignore_mismatched_sizes=True)
    assert other.config.set_thresholds == {}


def test_the_command_prints_sets_and_says_what_an_empty_one_means(run_cli, with_sets, picture):
    folder, expected = with_sets
    code, out, _ = run_cli("classify", picture, "--model", folder, "--json")
    assert code == 0 and json.loads(out)[0]["set"] == expected
    lines = [line.strip() for line in run_cli("classify", picture, "--model", folder)[1].splitlines()]
    assert [line for line in lines if line.startswith("not ruled out")] == [
        f"not ruled out: {set_in_words(labels)}" for labels in expected.values()
    ]
    assert f"not ruled out: {NONE}" in lines
