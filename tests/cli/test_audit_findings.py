"""`artextract audit outliers` and `audit labels`, from pictures to a page, and back into a collection."""

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from datasets import Dataset

from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.retrieval.index import PaintingIndex
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder

EVIL = '=<script>alert("x")</script>'
REDDISH, BLUISH = (220, 30, 40), (30, 40, 220)


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    """12 red works of one style and 12 blue ones of another, one of them labelled as the red ones, and a green one."""
    folder = tmp_path_factory.mktemp("audited") / "index"
    records = []
    for number in range(24):
        base = REDDISH if number < 12 else BLUISH
        color = tuple(channel + (number * 7) % 12 for channel in base)
        style = 0 if number <= 12 else 1
        records.append(
            new_record(id=f"w{number}", image=plain_picture(color, seed=number), style=style, title=f"W{number}")
        )
    records.append(
        new_record(id=EVIL, image=plain_picture((20, 240, 20)), title=EVIL, source_url="javascript:alert(1)")
    )
    PaintingIndex.build(Dataset.from_list(records, features=painting_features()), ColorEmbedder()).save_pretrained(
        folder
    )
    return folder


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "findings.csv").read_text(encoding="utf-8"), newline="")))


def test_outliers_with_predictions(run_cli, index, tmp_path):
    predictions, out = tmp_path / "predictions.parquet", tmp_path / "report"
    pd.DataFrame(
        {"id": ["w3", "w5"], "style_label": ["Baroque", "Baroque"], "style_predicted": ["Rococo", "Baroque"],
         "style_confidence": [0.7, 0.4]}
    ).to_parquet(predictions)  # fmt: skip
    code, printed, errors = run_cli("audit", "outliers", index, "--out", out, "--predictions", predictions, "--json")
    assert code == 0, errors
    document = json.loads(printed)
    assert document == json.loads((out / "findings.json").read_text(encoding="utf-8"))
    assert document["works"] == 25 and document["embedder"] == "colour"
    first = next(f for f in document["findings"] if f["criterion"] == "distance")
    assert first["id"] == EVIL and first["score"] > 0.5 and "away on average" in first["reason"]
    assert [f["id"] for f in document["findings"] if f["criterion"] == "style: label"] == ["w3"]
    assert {"id", "score", "reason"} <= first.keys()
    rows = table(out)
    assert [row["id"].removeprefix("'") for row in rows] == [f["id"] for f in document["findings"]]
    assert f"'{EVIL}" in [row["id"] for row in rows]  # no spreadsheet computes it
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "javascript:" not in page and page.count('class="work"') > 24


def test_labels_to_decisions_and_back(run_cli, index, tmp_path):
    out = tmp_path / "report"
    code, printed, errors = run_cli("audit", "labels", index, "--out", out, "--task", "style")
    assert code == 0 and "25 works; 1 by label" in printed, errors
    (row,) = table(out)
    document = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    (finding,) = document["findings"]
    assert row["id"] == "w12" and row["decision"] == "" and row["task"] == "style"
    assert (row["label"], row["suggested"]) == (finding["label"], finding["suggested"])
    museum = tmp_path / "museum"
    museum.mkdir()
    for number in (12, 13):
        plain_picture(BLUISH, seed=number).save(museum / f"{number}.png")
    names = {12: row["label"], 13: row["suggested"]}
    with (museum / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file_name", "style"], *([f"{n}.png", names[n]] for n in names)])
    with (out / "findings.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row | {"id": "museum/12.png", "decision": "accept"})
    arguments = ("prepare", "collection", museum, "--out", tmp_path / "prepared", "--decisions", out / "findings.csv")
    code, printed, errors = run_cli(*arguments)
    assert code == 0 and "1 labels changed as decided" in printed, errors


def test_foreign_files_are_kept_and_nothing_is_audited(run_cli, index, tmp_path):
    (tmp_path / "report.html").write_text("mine")
    code, _, errors = run_cli("audit", "outliers", index, "--out", tmp_path)
    assert code == 2 and "is of no earlier run" in errors and (tmp_path / "report.html").read_text() == "mine"


def test_a_report_goes_into_no_index_data_or_model(run_cli, index, tmp_path):
    before = sorted(path.name for path in index.iterdir())
    (tmp_path / "data/all").mkdir(parents=True)
    for name in ("dataset_dict.json", "all/state.json"):
        (tmp_path / "data" / name).write_text("{}")
    folders = {"model": "config.json", "embeddings": "embedder.json"}
    for name, mark in folders.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / mark).write_text("{}")
    places = [index, *(tmp_path / name for name in (*folders, "data", "data/all", "data/new"))]
    commands = [("audit", "outliers", index), ("audit", "map", index), ("audit", "duplicates", tmp_path / "nowhere")]
    for command, out in [(command, out) for command in (*commands, ("compare", index, index)) for out in places]:
        code, _, errors = run_cli(*command, "--out", out)
        assert code == 2 and "which a report would damage; choose another folder" in errors, (command, out)
        assert len(errors.splitlines()) == 1
    assert sorted(path.name for path in index.iterdir()) == before and not (tmp_path / "data/new").exists()


def test_what_cannot_be_audited_is_one_line(run_cli, index, tmp_path):
    for arguments, said in [
        (("labels", index, "--task", "school"), "the records have no field 'school'; they have id, "),
        (("outliers", tmp_path / "nothing"), "nothing"),
        (("outliers", index, "--predictions", tmp_path / "none.parquet"), "none.parquet"),
    ]:
        code, _, errors = run_cli("audit", *arguments, "--out", tmp_path / "out")
        assert code == 2 and said in errors and errors.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_labels_that_cannot_be_doubted_are_refused_before_anything_is_embedded(run_cli, tmp_path):
    museum = tmp_path / "museum"
    museum.mkdir()
    for number in range(3):
        plain_picture(BLUISH, seed=number).save(museum / f"{number}.png")
    (museum / "metadata.csv").write_text("file_name,style\n" + "".join(f"{n}.png,Baroque\n" for n in range(3)))
    for task, said in [("school", "no field 'school'"), ("style", "0 classes of style have 5 works or more")]:
        arguments = ("labels", museum, "--task", task, "--embedder", "no/such-embedder", "--out", tmp_path / "out")
        code, _, errors = run_cli("audit", *arguments)
        assert code == 2 and said in errors and errors.count("\n") == 1, errors
