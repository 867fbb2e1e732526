"""Indexes of regions and of faces, pushed to a loopback Hub and searched from there at a revision."""

import json

import pytest
from datasets import Dataset
from huggingface_hub import DatasetCard
from PIL import Image

from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.faces.detection import FaceDetector
from artextract_hf.retrieval.faces.head_pose import HeadPose
from artextract_hf.retrieval.faces.index import FaceIndex
from artextract_hf.retrieval.regions.index import RegionIndex
from artextract_hf.retrieval.storage import index_files
from tests.conftest import shared
from tests.hub.loopback_repo import TOKEN
from tests.hub.test_index_repo import client
from tests.retrieval.faces.rendered_heads import render_head

REPO = "somebody/collection"


def push_and_read(hub, home, kind, folders, script):
    """Push each folder to the same repository with a tag of its own, v1, v2, ...; then what a script prints as JSON."""
    pushing = f"""
        import json
        from artextract_hf import Box, {kind}
        from artextract_hf.retrieval.faces.head_pose import HeadPose
        for number, folder in enumerate({[str(folder) for folder in folders]}, start=1):
            {kind}.from_pretrained(folder).push_to_hub("{REPO}", tag=f"v{{number}}")
        """
    done = client(hub, home, pushing + script)
    assert done.returncode == 0, done.stderr[-2000:]
    assert TOKEN not in done.stdout + done.stderr
    repo = hub.repo(REPO, "datasets")
    assert set(repo.tags) == {f"v{number}" for number in range(1, len(folders) + 1)}
    for tag, folder in zip(sorted(repo.tags), folders, strict=True):
        files = repo.at(tag)
        assert {name: files[name] for name in index_files(folder)} == {
            name: (folder / name).read_bytes() for name in index_files(folder)
        }
    return DatasetCard(repo.files["README.md"].decode()).text, json.loads(done.stdout.splitlines()[-1])


def test_regions_at_a_revision(hub, tiny_classifier, tmp_path):
    paintings, network = synthetic_paintings(6), AutoEmbedder.from_pretrained(str(tiny_classifier))
    folders = [tmp_path / "four", tmp_path / "six"]
    for folder, count in zip(folders, (4, 6), strict=True):
        RegionIndex.build(paintings.select(range(count)), network, side=64).save_pretrained(folder)
    paintings[2]["image"].save(tmp_path / "query.png")
    card, found = push_and_read(
        hub,
        tmp_path / "home",
        "RegionIndex",
        folders,
        f"""
        index = RegionIndex.from_pretrained("{REPO}", revision="v1")
        hits = index.search("{tmp_path}/query.png", box=Box(0.2, 0.2, 0.6, 0.6))
        print(json.dumps([len(index), [[hit.id, hit.box.as_list()] for hit in hits]]))
        """,
    )
    assert "the details of 6 paintings" in card and "| CC0-1.0 | 6 |" in card
    expected = RegionIndex.from_pretrained(folders[0]).search(tmp_path / "query.png", box=Box(0.2, 0.2, 0.6, 0.6))
    assert found == [4, [[hit.id, pytest.approx(hit.box.as_list(), abs=1e-4)] for hit in expected]]


def test_faces_at_a_revision(hub, tiny_classifier, tmp_path):
    detector = FaceDetector(shared("weights/face_detection_yunet.onnx"))
    network = AutoEmbedder.from_pretrained(str(tiny_classifier))
    pair = Image.new("RGB", (640, 320), "#705040")
    for left, yaw in ((0, -40), (320, 40)):
        pair.paste(render_head(HeadPose(yaw, 0, 0)), (left, 0))
    records = [
        new_record(id=f"heads/{row}", image=picture, license="CC0-1.0")
        for row, picture in enumerate((render_head(HeadPose(0, 0, 0)), pair))
    ]
    paintings, folders = Dataset.from_list(records, features=painting_features()), [tmp_path / "one", tmp_path / "two"]
    for folder, count in zip(folders, (1, 2), strict=True):
        FaceIndex.build(paintings.select(range(count)), network, detector).save_pretrained(folder)
    card, (first, last) = push_and_read(
        hub,
        tmp_path / "home",
        "FaceIndex",
        folders,
        f"""
        indexes = [FaceIndex.from_pretrained("{REPO}", revision) for revision in ("v1", None)]
        found = [index.search(HeadPose(40, 0, 0), by="pose", where="yaw > -10") for index in indexes]
        print(json.dumps([[[hit.id, hit.painting] for hit in hits] for hits in found]))
        """,
    )
    assert "3 painted faces" in card and "| CC0-1.0 | 2 |" in card  # of two paintings
    assert first == [["heads/0#1", "heads/0"]]
    assert {hit[0] for hit in last} == {"heads/0#1", last[0][0]} and last[0][1] == "heads/1"
