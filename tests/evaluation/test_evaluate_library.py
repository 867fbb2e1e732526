"""The models and figures in `evaluate`, as docs/extend.md says it."""

import numpy as np
import pytest

from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.evaluation.classification import score
from artextract_hf.models import load_classifier
from tests.conftest import ROOT
from tests.test_docs import blocks


@pytest.fixture(scope="module")
def recipe(tiny_classifier, evaluate_caches):
    """What the page's block defines, for a tiny classifier in place of the default one."""
    (code,) = blocks(ROOT / "docs/extend.md", "py")
    names = {}
    exec(compile(code.replace('resolve("default")', repr(str(tiny_classifier))), "extend.md", "exec"), names)
    return names


def test_the_figures_are_those_of_this_package(recipe, tiny_classifier):
    import datasets

    model, processor = load_classifier(str(tiny_classifier))
    pixels = processor(images=list(recipe["paintings"]["image"]), return_tensors="pt")["pixel_values"]
    labels = np.array([1, 0, 0, 1, -1, 1])
    paintings = recipe["paintings"].remove_columns("style")
    column = datasets.ClassLabel(names=recipe["classes"])
    found = recipe["evaluator"].compute(
        model_or_pipeline=str(tiny_classifier),
        data=paintings.add_column("style", labels.tolist(), feature=column),
        metric=recipe["metric"],
        label_column="style",
        label_mapping={name: number for number, name in enumerate(recipe["classes"])},
    )
    expected = score(labels, model(pixels).logits.detach().numpy())
    for figure in ("accuracy", "balanced_accuracy", "macro_f1"):
        assert found[figure] == pytest.approx(getattr(expected, figure))


def test_the_page_says_what_fails(recipe, tiny_classifier):
    """When this fails, evaluate has learnt of transformers 5, and the page can be shorter."""
    from transformers import pipeline

    ready = pipeline("image-classification", model=str(tiny_classifier))
    with pytest.raises(AttributeError, match="TFPreTrainedModel"):
        recipe["evaluator"].compute(
            model_or_pipeline=ready, data=synthetic_paintings(1), metric=recipe["metric"], label_column="genre"
        )
