import hashlib
import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from artextract_hf import load_classifier, load_wikiart
from artextract_hf.data.pictures import encoded_bytes, encoded_pictures
from artextract_hf.errors import ModelError
from artextract_hf.evaluation.classifier_report import classifier_table, evaluate_classifier
from artextract_hf.evaluation.learnt import count_learnt, keep_learnt, learnt_pictures, learnt_warning


@pytest.fixture(scope="module")
def splits(tiny_wikiart):
    return load_wikiart(tiny_wikiart, artists="names")


@pytest.fixture
def learnt(tiny_classifier, splits, tmp_path):
    """A classifier that learnt from the train split and the first painting of val."""
    folder = shutil.copytree(tiny_classifier, tmp_path / "learnt")
    keep_learnt(folder, [splits["train"], splits["val"].select([0])])
    return folder


def test_a_picture_is_known_by_the_digest_of_its_bytes(splits, learnt):
    both = [*encoded_pictures(splits["train"]), encoded_pictures(splits["val"])[0]]
    digests = {hashlib.sha256(encoded_bytes(record["image"])).digest()[:8] for record in both}
    kept = load_file(learnt / "learnt.safetensors")["pictures"]
    assert {int(key).to_bytes(8, "little", signed=True) for key in kept} == digests
    assert kept.dtype == np.int64 and (np.diff(kept) > 0).all()


def test_an_evaluation_says_first_how_much_was_learnt(splits, learnt, tmp_path):
    model, processor = load_classifier(str(learnt))
    report = evaluate_classifier(model, processor, splits["val"], tmp_path / "out", name="tiny", split="val")
    assert report["learnt"] == {"learnt": 1, "of": len(splits["val"])}
    line = f"1 of these {len(splits['val'])} paintings are what the model learnt from: the figures flatter."
    assert classifier_table(report).splitlines()[0] == line
    assert line in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out/metrics.json").read_text())["learnt"]["learnt"] == 1
    others = splits["val"].select(range(1, len(splits["val"])))
    assert count_learnt(model, others) == {"learnt": 0, "of": len(others)}
    assert learnt_warning(count_learnt(model, others)) == ""


def test_a_model_made_of_others_learnt_what_they_did(splits, learnt, tmp_path):
    (tmp_path / "new").mkdir()
    keep_learnt(tmp_path / "new", [splits["val"].select([1])], [learnt])
    kept, before = learnt_pictures(tmp_path / "new"), learnt_pictures(learnt)
    assert set(before) < set(kept) and len(kept) == len(before) + 1


def test_a_model_that_does_not_say_is_not_judged(splits, tiny_classifier, tmp_path):
    assert count_learnt(load_classifier(str(tiny_classifier))[0], splits["val"]) is None
    assert learnt_warning(None) == ""
    keep_learnt(tmp_path, [], [tiny_classifier])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["cut", "other", "floats"])
def test_a_damaged_file_is_said_to_be(learnt, damage):
    file = learnt / "learnt.safetensors"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-3])
    else:
        save_file({"other" if damage == "other" else "pictures": np.zeros(3)}, file)
    with pytest.raises(ModelError, match=r"learnt\.safetensors (is damaged|holds no keys)"):
        learnt_pictures(learnt)


def test_the_bundled_classifier_knows_what_it_learnt():
    model, _ = load_classifier("default")
    assert len(learnt_pictures(model.name_or_path)) > 10_000
