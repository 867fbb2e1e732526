import io
import json

import numpy as np
import pytest
from datasets import Dataset, Image

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import make_dataset, new_record, painting_features
from artextract_hf.errors import DataError
from artextract_hf.evaluation.embedder_report import embedder_table, evaluate_embedder
from tests.conftest import plain_picture

COLORS = {"Baroque": (40, 40, 200), "Impressionism": (200, 40, 40), "Realism": (40, 200, 40)}


class MeanColor:
    """An embedder whose answers are known: the mean colour."""

    dim, fingerprint = 3, "mean colour"

    def embed(self, images, batch_size=32):
        means = np.array([np.asarray(decode_image(image)).mean(axis=(0, 1)) for image in images]) - 90
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def paintings() -> Dataset:
    records = []
    for number in range(18):
        style = list(COLORS)[number % 3]
        encoded = io.BytesIO()
        plain_picture(COLORS[style], seed=number).save(encoded, "PNG")
        image = {"bytes": encoded.getvalue(), "path": None}
        records.append(new_record(id=f"{style}/{number}.png", image=image, style=list(COLORS).index(style)))
    return make_dataset(records, painting_features(styles=list(COLORS)))


def test_known_truth(paintings, tmp_path):
    report = evaluate_embedder(MeanColor(), paintings, paintings, tmp_path, name="mean colour", photos=6)
    assert report["labels"]["style"]["p@1"] == 1.0
    assert report["labels"]["style"]["queries"] == 18 and set(report["labels"]) == {"style"}
    assert report["dim"] == 3 and report["gallery"] == report["queries"] == 18
    assert set(report["photos"]) == {"recall@1", "recall@10", "works", "seed"} and report["photos"]["works"] == 6
    assert report["photos"]["recall@10"] > 0.9  # the six of the same colour come first
    assert json.loads((tmp_path / "metrics.json").read_text()) == report
    assert "style   100.0" in embedder_table(report)
    assert (tmp_path / "report.md").read_text() == embedder_table(report) + "\n"


def test_a_label_that_is_null_is_unknown(paintings, tmp_path):
    nulls = paintings.remove_columns("style").add_column(
        "style", [None, *paintings["style"][1:]], feature=paintings.features["style"]
    )
    report = evaluate_embedder(MeanColor(), nulls, nulls, tmp_path, name="mean colour", photos=0)
    assert report["labels"]["style"]["queries"] == 17 and report["gallery"] == 18


def test_bad_pictures_are_listed(paintings, tmp_path):
    rows = [dict(row) for row in paintings.cast_column("image", Image(decode=False))]
    rows[4]["image"] = {"bytes": b"no picture", "path": None}
    broken = Dataset.from_list(rows, features=paintings.features)
    report = evaluate_embedder(MeanColor(), broken, paintings, tmp_path, name="mean colour", photos=0)
    assert report["gallery"] == 17 and [item["path"] for item in report["skipped"]] == [rows[4]["id"]]
    assert report["labels"]["style"]["p@1"] == 1.0 and "photos" not in report
    nothing = Dataset.from_list([rows[4]], features=paintings.features)
    with pytest.raises(DataError):
        evaluate_embedder(MeanColor(), nothing, paintings, tmp_path, name="mean colour")
