"""FiftyOne's layout, checked against its documentation since the library is heavy; and hits as tables."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from artextract_hf.data.schema import SkipList
from artextract_hf.errors import DataError, QueryError
from artextract_hf.linked import write_fiftyone, write_hits
from artextract_hf.retrieval.box import Box
from tests.linked.test_iiif import PlaceHit


def test_fiftyone_finds_pictures_classes_and_vectors(export, tmp_path):
    """As its importer reads them: names of labels.json, sorted; a file of data/ by its name without an ending."""
    out, skipped = tmp_path / "out", SkipList()
    report = write_fiftyone(export.index, out, skipped=skipped)
    labels = json.loads((out / "labels.json").read_text(encoding="utf-8"))
    assert report == {"works": 5, "classes": 1} and not skipped.items
    files = {path.stem: path for path in (out / "data").iterdir()}
    assert files.keys() == labels["labels"].keys() and len(files) == 5
    names = json.loads((out / "ids.json").read_text(encoding="utf-8"))
    vectors = np.load(out / "embeddings.npy", allow_pickle=False)
    for name, vector in zip(sorted(labels["labels"]), vectors, strict=True):
        row = export.index.ids.index(names[name])
        target = labels["labels"][name]
        assert (None if target is None else labels["classes"][target]) == export.index.column("style")[row]
        np.testing.assert_array_equal(vector, export.index.vectors()[row])
        with Image.open(files[name]) as picture:
            assert picture.format == "JPEG" and picture.size == export.index.thumbnail(names[name]).size
    with pytest.raises(QueryError, match="no field"):
        write_fiftyone(export.index, tmp_path / "none", "colour")
    assert not (tmp_path / "none").exists()


def test_the_command_writes_for_fiftyone(run_cli, export, tmp_path):
    export.index.save_pretrained(tmp_path / "index")
    code, printed, errors = run_cli(
        "export", "fiftyone", tmp_path / "index", "--out", tmp_path / "out", "--task", "genre", "--json"
    )
    assert code == 0, errors
    assert json.loads(printed) == {"works": 5, "classes": 1, "skipped": []}
    assert json.loads((tmp_path / "out/labels.json").read_text(encoding="utf-8"))["classes"] == ["landscape"]


def test_hits_are_rows(export, tmp_path):
    hits = [*export.index.search(export.index.vectors()[2], 2), PlaceHit("x", 0.5, 3, {"id": "x", "title": "=1+1"})]
    write_hits(hits, tmp_path / "hits.csv")
    with (tmp_path / "hits.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["rank"], row["id"], float(row["score"])) for row in rows] == [
        (str(hit.rank), hit.id, hit.score) for hit in hits
    ]
    assert rows[2]["title"] == "'=1+1" and [rows[2][side] for side in ("left", "top", "width", "height")] == [
        str(share) for share in Box(0.5, 0.0, 0.5, 0.5).as_list()
    ]
    write_hits(hits, tmp_path / "hits.jsonl")
    lines = (tmp_path / "hits.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["record"] for line in lines] == [hit.record for hit in hits]
    with pytest.raises(DataError, match="neither"):
        write_hits(hits, tmp_path / "hits.txt")
