import json

import pytest
from datasets import Dataset
from huggingface_hub import ModelCard

from artextract_hf.embedded import PRETRAINED
from artextract_hf.hub.card import classifier_card, embedder_card, index_card, space_card
from artextract_hf.hub.provenance import provenance
from benchmarks.tables import ROOT
from training.default_model import render

FOLDER = PRETRAINED / "crnn-wikiart"


def test_the_card_beside_the_weights_is_what_the_figures_give(tmp_path):
    for name in ("metrics.json", "training.json", "config.json"):
        (tmp_path / name).write_bytes((FOLDER / name).read_bytes())
    render(tmp_path)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == (FOLDER / "README.md").read_text(encoding="utf-8")


def test_the_readme_of_the_space_is_its_card(tmp_path):
    space_card("app.py").save(tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text("utf-8") == (ROOT / "spaces_app/README.md").read_text("utf-8")


def test_the_card_holds_every_figure():
    card = ModelCard.load(FOLDER / "README.md")
    report = json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))
    stated = {(r.dataset_name, r.metric_type): r.metric_value for r in card.data.eval_results}
    for task, scores in report["tasks"].items():
        for metric in ("accuracy", "top5", "balanced_accuracy", "macro_f1"):
            assert stated[f"WikiArt subset, {task}", metric] == round(scores[metric], 4)
        assert f"{100 * scores['accuracy']:.1f}" in card.text
    assert "Attribution is not authentication" in card.text


def test_the_card_tells_the_calibration_error_where_there_is_one():
    report, config, about = (
        json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in ("metrics", "training", "config")
    )
    report["calibration"] = {
        "style": {"error": 0.02, "without_temperature": 0.11},
        "genre": {"error": None, "without_temperature": None},
    }

    def text() -> str:
        return classifier_card(report, config=config, tasks=about["tasks"], name="m").text

    assert "(15 bins): style 2.0, genre n/a.\nIt would be style 11.0, genre n/a without the temperatures" in text()
    report["calibration"]["style"]["without_temperature"] = 0.02
    assert "style 2.0" in text() and "without the temperatures" not in text()
    report["calibration"]["style"]["error"] = None
    assert "calibration error" not in text()
    del report["calibration"]  # as figures of earlier versions have none
    assert "calibration error" not in text()


def test_the_card_tells_how_far_the_figures_would_move():
    report, config, about = (
        json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in ("metrics", "training", "config")
    )
    report["intervals"] = {"style": {"accuracy": [0.7412, 0.7688]}, "genre": None, "artist": {"accuracy": [0.6, 0.8]}}
    text = classifier_card(report, config=config, tasks=about["tasks"], name="m").text
    assert "95 % intervals (a bootstrap over artists): style 74.1 to 76.9, artist 60.0 to 80.0." in text
    report["intervals"] = dict.fromkeys(report["intervals"])
    assert "95 % intervals" not in classifier_card(report, config=config, tasks=about["tasks"], name="m").text


def test_the_card_tells_what_its_sets_hold_where_it_has_some():
    report, config, about = (
        json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in ("metrics", "training", "config")
    )
    figures = {"level": 0.9, "fitted_here": False, "coverage": 0.893, "lowest": None, "mean_size": 2.341}
    figures |= {"median_size": 2.0, "single": 0.25, "empty": 0.01, "n": 100}
    nothing = dict.fromkeys(figures) | {"level": 0.9, "fitted_here": False, "n": 0}
    for sets, said in (({}, False), ({"style": nothing}, False), ({"style": figures, "artist": nothing}, True)):
        text = classifier_card(report | {"sets": sets}, config=config, tasks=about["tasks"], name="m").text
        assert ("Prediction sets" in text) == said
        assert (
            "| style | 90.0 | 89.3 | n/a | 2.34 | 2.0 | 25.0 | 1.0 |" in text
        ) == said and "| artist | 90.0" not in text
    assert "fitted on other paintings of the split" not in text


ORIGINS = {
    "own": ({"source": "/home/somebody/paintings"}, "of a collection of one's own"),
    "own, called as on the Hub": (
        {"source": "WikiArt-home/metadata.csv", "on_hub": False},
        "of a collection of one's own",
    ),
    "own, of an older version": ({"source": "WikiArt-home/list"}, "of a collection of one's own"),
    "nga": (
        {"source": "National Gallery of Art, open data"},
        "of the National Gallery of Art, Washington, from its open data",
    ),
    "hub": (
        {"source": "somebody/paintings", "on_hub": True},
        "of the data set [somebody/paintings](https://huggingface.co/datasets/somebody/paintings)",
    ),
    "iiif": (
        {"source": "https://me:secret@museum.example/m.json"},
        "of the IIIF source <https://museum.example/m.json>",
    ),
    "museum": (
        {"source": "The Metropolitan Museum of Art", "museum": "met"},
        "of the open access of The Metropolitan Museum of Art",
    ),
    "own, of a museum that is none": (
        {"source": "x", "museum": ["met"]},
        "of a collection of one's own",
    ),
}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("tasks", [{"style": ["Cubism", "Fauvism"]}, {"genre": ["a", "b"], "artist": ["x", "y", "z"]}])
def test_the_card_says_whose_paintings_they_are(origin, tasks):
    report, config = (json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in ("metrics", "training"))
    report["tasks"] = {task: report["tasks"][task] for task in tasks}
    manifest, said = ORIGINS[origin]
    paintings = Dataset.from_dict({"license": ["CC0", "CC0", "CC BY 4.0", ""]})
    learnt = provenance(manifest, paintings)
    assert learnt["origin"] == origin.partition(",")[0]
    card = classifier_card(report, config=config | {"learnt_from": learnt}, tasks=tasks, name="mine")
    assert f"It learnt from 4 paintings {said}, by licence: CC0 2, CC BY 4.0 1.\n" in card.text
    assert not any(word in str(card) for word in ("WikiArt", "wikiart", "ArtGAN", "/home/", "secret", "the 0 artists"))
    assert ("Attribution is not authentication" in card.text) == ("artist" in tasks)
    assert card.text.lstrip().splitlines()[2].startswith(f"{' and '.join(tasks).capitalize()} of a painting")
    assert card.data.datasets == (["somebody/paintings"] if origin == "hub" else None)
    top5 = {result.metric_type for result in card.data.eval_results}
    assert "top5" not in top5  # of two or three classes, always right


def test_the_card_tells_what_stood_still_and_what_the_network_has():
    report, config = (json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in ("metrics", "training"))
    tasks = {"style": ["A", "B"]}
    report["tasks"] = {"style": report["tasks"]["style"]}
    learnt = provenance(ORIGINS["own"][0], Dataset.from_dict({"license": [""]}))
    plain = {"backbone": "mobilenetv2_100", "rnn_type": "none", "attention": "none", "global_pool": False}
    still = {"start_from": "default", "frozen": "trunk", "epochs": 0, "frozen_epochs": 40, "frozen_lr": 0.001}
    text = classifier_card(
        report, config=config | still | {"learnt_from": learnt, "model": plain}, tasks=tasks, name="m"
    ).text
    assert "What artextract/crnn-wikiart learnt from before, and under which terms, is told in its own card." in text
    assert (
        "(of its first network, where it has several) stood still, and only the heads learnt, for at most 40 epochs"
        in text
    )
    assert "adamw at up to 0.001" in text and "(backbone)" not in text
    assert not any(word in text for word in ("recurrent", "ttention", "Fine-tuned"))


def test_words_of_the_data_are_no_markup():
    hostile = "CC0 [here](https://evil.example) <img src=x>\n\n| `x` | 7 |"
    report, config = (json.loads((FOLDER / f"{name}.json").read_text("utf-8")) for name in ("metrics", "training"))
    report["tasks"] = {"style": report["tasks"]["style"]}
    learnt = provenance(ORIGINS["own"][0], Dataset.from_dict({"license": [hostile]}))
    about = {"kind": "regions", "count": 1, "cells": 2, "dim": 3, "embedder": "e", "fingerprint": "f", "data": "d"}
    cards = [
        classifier_card(report, config=config | {"learnt_from": learnt}, tasks={"style": ["A", hostile]}, name="mine"),
        index_card(about, rights={hostile: 1}, restricted=True, repo_id="a/b"),
    ]
    for card in cards:
        assert "CC0 &#91;here&#93;" in card.text
        assert not any(sign in card.text for sign in ("[here]", "<img", "`x`", "| 7 |"))


def test_the_cards_of_embedders_do_so_too():
    folder = PRETRAINED / "byol-paintings"
    report, config = (json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("metrics", "training"))
    learnt = provenance(ORIGINS["own"][0], Dataset.from_dict({"license": [""] * 3}))
    card = embedder_card(report, config=config | {"learnt_from": learnt}, backbone="resnet18", name="mine")
    assert "It learnt from 3 paintings of a collection of one's own.\n" in card.text
    assert not any(word in str(card) for word in ("WikiArt", "wikiart", "Western"))


def test_embedded_weights_are_small_and_half():
    from safetensors import safe_open

    path = FOLDER / "model.safetensors"
    assert path.stat().st_size < 36_000_000  # three networks
    with safe_open(path, framework="pt") as file:
        kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
    assert kinds == {"F16", "I64"}
