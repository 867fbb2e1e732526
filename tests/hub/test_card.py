import json

from huggingface_hub import ModelCard

from artextract_hf.embedded import PRETRAINED
from artextract_hf.hub.card import classifier_card, space_card
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


def test_embedded_weights_are_small_and_half():
    from safetensors import safe_open

    path = FOLDER / "model.safetensors"
    assert path.stat().st_size < 36_000_000  # three networks
    with safe_open(path, framework="pt") as file:
        kinds = {file.get_slice(key).get_dtype() for key in file.keys()}  # noqa: SIM118
    assert kinds == {"F16", "I64"}
