"""Where a class comes from: the heat sums to what the class gains, and lies where the picture says something."""

import numpy as np
import pytest
import torch
from PIL import Image

from artextract_hf.data.synthetic import PaintingSpec, paint
from artextract_hf.errors import ModelError
from artextract_hf.models import (
    ArtAttributesPipeline,
    ArtImageProcessor,
    CrnnConfig,
    CrnnForImageClassification,
    load_classifier,
)
from artextract_hf.retrieval.explain import attribution
from artextract_hf.retrieval.explain.attribution import explain_classes
from artextract_hf.retrieval.explain.class_picture import draw_classes
from artextract_hf.retrieval.explain.explanation import blur

TASKS = {"style": ["Baroque", "Impressionism", "Symbolism"], "genre": ["landscape", "portrait"]}
PROCESSOR = ArtImageProcessor(size={"height": 64, "width": 64})


@pytest.fixture(scope="module")
def bundled():
    """Three networks whose logits are averaged and divided by temperatures, and their processor."""
    return load_classifier("default")


def classifier(**changes: object) -> CrnnForImageClassification:
    """A small random one."""
    torch.manual_seed(0)
    small = {"backbone": "mobilenetv2_035", "image_size": 64, "projection_size": 16, "hidden_size": 8}
    return CrnnForImageClassification(CrnnConfig(tasks=TASKS, **small | changes)).eval()


def hung(column: int, row: int) -> Image.Image:
    """A painting in one quarter of a grey wall, (0, 0) is the upper left one."""
    wall = Image.new("RGB", (640, 400), (128, 128, 128))
    painting = paint(PaintingSpec("impasto", "sunlit", "landscape", seed=1)).resize((240, 160))
    wall.paste(painting, (320 * column + 40, 200 * row + 20))
    return wall


def test_the_heat_sums_to_what_the_class_gains(bundled):
    model, processor = bundled
    assert model.companions and model.config.temperature
    pictures = [hung(0, 0), Image.fromarray(blur(hung(0, 0)))]
    whole, blurred = ArtAttributesPipeline(model=model, image_processor=processor)(pictures, top_k=100)
    found = explain_classes(model, processor, pictures[0])
    for task, explained in found.classes.items():
        scores = [{c["label"]: c["score"] for c in answer["tasks"][task]} for answer in (whole, blurred)]
        assert explained.label == whole["tasks"][task][0]["label"]
        assert explained.score == pytest.approx(scores[0][explained.label], abs=1e-3)
        assert explained.gain == pytest.approx(
            np.log(scores[0][explained.label] / scores[1][explained.label]), abs=0.02
        )
        assert explained.gain > 1 and explained.heat.sum() == pytest.approx(explained.gain, rel=0.1)
    assert found.attention.shape == (8, 8) and found.attention.sum() == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("place", [(1, 0), (0, 1)])
def test_the_heat_lies_where_the_painting_hangs(bundled, place):
    """The network sees the wide picture squeezed to a square; the heat is over the picture."""
    for explained in explain_classes(*bundled, hung(*place)).classes.values():
        heat, middles = explained.heat.clip(0), (np.arange(8) + 0.5) / 8
        x, y = ((heat.sum(axis=axis) * middles).sum() / heat.sum() for axis in (0, 1))
        assert abs(x - (0.25 + 0.5 * place[0])) < 0.15 and abs(y - (0.25 + 0.5 * place[1])) < 0.15


def test_a_network_of_a_companion_on_another_grid_counts_as_much():
    heat = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    there = attribution._on_grid(heat, torch.Size((5, 5)))
    assert there.shape == (5, 5) and there.sum() == pytest.approx(10, rel=0.1)
    assert there[0, 0] < there[0, 4] < there[4, 4]


def test_any_class_can_be_explained():
    model = classifier()
    chosen = explain_classes(model, PROCESSOR, hung(0, 0), {"style": "Symbolism"}).classes["style"]
    others = [explain_classes(model, PROCESSOR, hung(0, 0), {"style": n}).classes["style"] for n in TASKS["style"]]
    assert chosen.label == "Symbolism" and sum(other.score for other in others) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ModelError, match="knows no style 'Cubism'; it knows Baroque, Impressionism, Symbolism"):
        explain_classes(model, PROCESSOR, hung(0, 0), {"style": "Cubism"})
    with pytest.raises(ModelError, match="no task 'century'; it has style, genre"):
        explain_classes(model, PROCESSOR, hung(0, 0), {"century": "19"})


def test_without_attention_there_is_none():
    found = explain_classes(classifier(attention="none"), PROCESSOR, hung(0, 0))
    assert found.attention is None and found.as_json()["attention"] is None
    assert draw_classes(found).width > 500


def test_the_drawing_has_a_panel_for_each_task_and_for_each_work():
    found = explain_classes(classifier(), PROCESSOR, hung(0, 0))
    alone = draw_classes(found)
    works = [(hung(0, 0), {"style": "Baroque", "genre": None})] * 5
    beside = draw_classes(found, works)
    assert beside.height > alone.height and beside.width > alone.width
    rows = np.asarray(alone, dtype=int)
    assert rows.std() > 20  # something is drawn
