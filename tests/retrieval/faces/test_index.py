import json

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image, ImageOps

from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.errors import ModelError, PaintingIndexError, QueryError
from artextract_hf.retrieval.faces import detection
from artextract_hf.retrieval.faces.detection import (
    CROP,
    MIDDLE,
    PUPILS,
    FaceDetector,
    align_face,
    similarity_transform,
)
from artextract_hf.retrieval.faces.head_pose import HeadPose, project
from artextract_hf.retrieval.faces.index import FaceIndex
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.searchable import Searchable, SearchHit
from tests.conftest import plain_picture, shared
from tests.retrieval.conftest import ColorEmbedder
from tests.retrieval.faces.rendered_heads import render_head

POSES = [HeadPose(yaw, 0, 0) for yaw in (-50, -25, 0, 25, 50)]


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(shared("weights/face_detection_yunet.onnx"))


@pytest.fixture(scope="module")
def collection() -> Dataset:
    """One head a painting, on a ground of its own; then a broken one, two heads in one painting, and a blank one."""
    pictures = [render_head(pose, seed=row) for row, pose in enumerate(POSES)]
    pair = Image.new("RGB", (480, 320), "#705040")
    pair.paste(render_head(HeadPose(-40, 0, 0)), (0, 0))
    pair.paste(render_head(HeadPose(40, 0, 0)).resize((160, 160)), (320, 100))
    records = [
        new_record(id=f"heads/{row}", image=picture, title=f"Head {row}", year=1600 + 10 * row, license="CC0-1.0")
        for row, picture in enumerate([*pictures, pair, plain_picture((90, 120, 60), (200, 160))])
    ]
    records.insert(5, new_record(id="heads/broken", image={"path": "b.jpg", "bytes": b"no picture"}))
    return Dataset.from_list(records, features=painting_features())


@pytest.fixture(scope="module")
def faces(collection, detector) -> FaceIndex:
    return FaceIndex.build(collection, ColorEmbedder(), detector)


def test_rendered_heads_are_found_with_their_pose(detector):
    errors = []
    for yaw in range(-60, 61, 15):
        (face,) = detector.detect(render_head(HeadPose(yaw, 0, 0)))
        errors.append((face.pose.yaw - yaw, face.pose.pitch, face.pose.roll))
        left, top, right, bottom = face.edges
        assert 60 < left < 160 < right < 260 and 30 < top < bottom < 240
    assert (np.abs(errors).mean(axis=0) < (9, 4, 6)).all()


def test_a_turned_picture_has_the_roll_of_its_turn(detector):
    head = render_head(HeadPose(0, 0, 0))
    for degrees in (-25, 25):
        (face,) = detector.detect(head.rotate(-degrees, fillcolor=(110, 90, 80)))
        assert face.pose.roll == pytest.approx(degrees, abs=5)


def test_positions_are_those_of_the_given_picture(detector):
    """At twice the size everything lies twice as far from the corner."""
    small = render_head(HeadPose(20, 0, 0), side=400)
    (one,), (other,) = (detector.detect(small.resize((side, side))) for side in (640, 1280))
    assert np.array(other.edges) == pytest.approx(2 * np.array(one.edges), abs=8)
    assert other.box((1280, 1280)).as_list() == pytest.approx(one.box((640, 640)).as_list(), abs=16 / 1280)
    assert other.landmarks == pytest.approx(2 * one.landmarks, abs=8)


def test_similarity_transform_is_exact_where_one_exists():
    points = np.random.default_rng(0).normal(size=(5, 2))
    turned = 2.5 * points @ np.array([(0.6, 0.8), (-0.8, 0.6)]) + (3, -7)
    matrix = similarity_transform(points, turned)
    assert points @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(turned)


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_an_aligned_face_has_its_landmarks_in_their_places(scale):
    """A dot at each landmark of a leaning head comes to lie where the generic head has it."""
    landmarks = project(0, 0, 0.5, scale=scale) + 60 + 100 * scale
    side = int(250 * scale) + 100
    y, x = np.indices((side, side))
    radius = 5 * scale
    for point, place in ((landmarks[0], -PUPILS / 2), (landmarks[1], PUPILS / 2)):
        dot = (np.hypot(x - point[0], y - point[1]) < radius).astype(np.uint8) * 255
        seen = np.asarray(align_face(Image.fromarray(np.dstack([dot] * 3)), landmarks), dtype=float)[:, :, 0]
        rows, columns = np.indices(seen.shape)
        centre = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
        expected = CROP * np.array([MIDDLE[0] + place, MIDDLE[1] - 37 / 63 * PUPILS])
        assert centre == pytest.approx(expected, abs=1.5)


def test_every_face_is_a_hit_of_its_own(faces, collection):
    assert len(faces) == 7
    assert [(hit.painting, hit.face) for hit in faces.faces()][5:] == [("heads/5", 1), ("heads/5", 2)]
    assert [hit.id for hit in faces.faces()] == faces.ids and faces.ids[4:] == ["heads/4#1", "heads/5#1", "heads/5#2"]
    assert [item.path for item in faces.skipped.items] == ["heads/broken"]
    large, small = faces.faces()[5:]
    assert large.box.right < 0.67 < small.box.left and large.pose.yaw < 0 < small.pose.yaw
    assert large.record["title"] == "Head 5" and large.record["id"] == "heads/5"
    assert set(large.record) == set(collection.features) - {"image"}
    assert faces.thumbnail(small.id).size == (CROP, CROP)


def test_by_look_a_face_finds_itself(faces, collection):
    for row in range(5):
        hit = faces.search(collection[row]["image"], k=3)[0]
        assert (hit.painting, hit.id, hit.rank) == (f"heads/{row}", f"heads/{row}#1", 1) and hit.score == pytest.approx(
            1, abs=1e-4
        )


def test_by_pose_the_nearest_angle_wins(faces, collection):
    """Equal to sorting all faces by the angle of the rotation between."""
    for yaw in (-45, 0, 30):
        pose = HeadPose(yaw, 5, -3)
        hits = faces.search(pose, k=7, by="pose")
        expected = sorted(faces.faces(), key=lambda hit: hit.pose.angle_to(pose))  # noqa: B023
        assert [(hit.painting, hit.face) for hit in hits] == [(hit.painting, hit.face) for hit in expected]
        assert [hit.score for hit in hits] == pytest.approx([-hit.pose.angle_to(pose) for hit in hits], abs=1e-3)
    assert faces.search(collection[0]["image"], by="pose")[0].painting == "heads/0"


def test_a_mirrored_query_finds_who_looks_the_other_way(faces, collection):
    for row in (0, 1, 3, 4):
        hits = faces.search(ImageOps.mirror(collection[row]["image"]), k=2, by="pose")
        assert all(np.sign(hit.pose.yaw) == np.sign(POSES[4 - row].yaw) for hit in hits)


@pytest.mark.parametrize("by", ["look", "pose"])
def test_filters_reach_painting_and_face(faces, collection, by):
    query = collection[0]["image"]
    assert {hit.painting for hit in faces.search(query, k=9, by=by, where="year >= 1640")} == {"heads/4", "heads/5"}
    assert all(hit.pose.yaw > 20 for hit in faces.search(query, k=9, by=by, where="yaw > 20"))
    assert [hit.face for hit in faces.search(query, k=9, by=by, where="face == 2")] == [2]
    assert [hit.id for hit in faces.search(query, k=9, by=by, where="left > 0.67")] == ["heads/5#2"]
    assert faces.search(query, by=by, where="year == 1") == []
    with pytest.raises(QueryError, match="smile"):
        faces.search(query, by=by, where="smile > 1")


def test_what_cannot_be_asked(faces, collection):
    with pytest.raises(QueryError, match="no face"):
        faces.search(plain_picture((10, 90, 20), (200, 200)))
    with pytest.raises(QueryError, match="'name'"):
        faces.search(collection[0]["image"], by="name")
    with pytest.raises(QueryError, match="by='pose'"):
        faces.search(HeadPose(0, 0, 0))
    with pytest.raises(QueryError, match="k is 0"):
        faces.search(HeadPose(0, 0, 0), k=0, by="pose")


def test_the_box_of_a_hit_is_where_the_detector_found_the_face(faces, collection, detector):
    found = detector.detect(collection[6]["image"])
    for hit, face in zip(faces.faces()[5:], found, strict=True):
        assert hit.box.as_list() == pytest.approx(face.box((480, 320)).as_list(), abs=1e-6)
        assert [hit.box.right * 480, hit.box.bottom * 320] == pytest.approx(face.edges[2:], abs=1e-3)
        sides = [(name, getattr(hit.box, name)) for name in ("left", "top", "width", "height")]
        where = " and ".join(f"{value - 1e-4} < {name} < {value + 1e-4}" for name, value in sides)
        assert hit.id in {found.id for found in faces.search(hit.pose, where=where, by="pose")}


@pytest.mark.parametrize("by", ["look", "pose"])
def test_several_queries_are_answered_as_each_by_itself(faces, collection, by):
    queries = [collection[row]["image"] for row in (0, 3, 4)]
    answers = faces.search_many(queries, k=3, where="year >= 1610", by=by)
    expected = [faces.search(query, k=3, where="year >= 1610", by=by) for query in queries]
    assert [[hit.id for hit in hits] for hits in answers] == [[hit.id for hit in hits] for hits in expected]
    assert [len(hits) for hits in answers] == [3, 3, 3] and faces.search_many([], by=by) == []


def test_faces_that_look_like_one_of_the_index(faces, collection):
    hits = faces.similar_to("heads/2#1", k=20)
    expected = [hit for hit in faces.search(collection[2]["image"], k=20) if hit.id != "heads/2#1"]
    assert [hit.id for hit in hits] == [hit.id for hit in expected] and len(hits) == 6
    assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in expected], abs=1e-5)
    assert [hit.rank for hit in hits] == list(range(1, 7))


def test_heads_turned_like_one_of_the_index(faces):
    own = next(hit for hit in faces.faces() if hit.id == "heads/5#2")
    others = [hit for hit in faces.faces() if hit.id != own.id]
    hits = faces.similar_to(own.id, k=20, by="pose")
    assert [hit.id for hit in hits] == [h.id for h in sorted(others, key=lambda hit: hit.pose.angle_to(own.pose))]
    assert [hit.score for hit in hits] == pytest.approx([-hit.pose.angle_to(own.pose) for hit in hits], abs=1e-3)


@pytest.mark.parametrize("by", ["look", "pose"])
def test_what_is_similar_to_a_face_can_be_filtered(faces, by):
    assert len(faces.similar_to("heads/0#1", by=by)) == 5
    found = faces.similar_to("heads/5#1", k=1, where="painting == 'heads/5'", by=by)
    assert [hit.id for hit in found] == ["heads/5#2"]
    assert faces.similar_to("heads/0#1", where="year == 1600", by=by) == []  # only the face itself would pass
    with pytest.raises(QueryError, match="holds no 'heads/0'"):
        faces.similar_to("heads/0", by=by)  # a painting is not a face
    with pytest.raises(QueryError, match="k is 0"):
        faces.similar_to("heads/0#1", k=0, by=by)
    with pytest.raises(QueryError, match="'name'"):
        faces.similar_to("heads/0#1", by="name")


def test_it_is_searchable_like_every_index(faces, collection):
    hit = faces.search(collection[1]["image"], k=1)[0]
    assert isinstance(faces, Searchable) and isinstance(hit, SearchHit)
    assert np.asarray(faces.thumbnail(hit.id)).shape == (CROP, CROP, 3)
    with pytest.raises(QueryError, match="'heads/0'"):
        faces.thumbnail("heads/0")


def test_the_description_names_all_that_a_card_needs(faces, detector):
    about = faces.describe()
    assert {key: about[key] for key in ("kind", "count", "paintings", "dim", "embedder", "fingerprint")} == {
        "kind": "faces", "count": 7, "paintings": 6, "dim": 3, "embedder": "colour", "fingerprint": "colour-1",
    }  # fmt: skip
    assert about["detector"] == detector.fingerprint and about["data"]


def test_kept_and_read_again(faces, collection, detector, tmp_path):
    faces.save_pretrained(tmp_path / "faces")
    again = FaceIndex.from_pretrained(tmp_path / "faces", embedder=ColorEmbedder(), detector=detector)
    for by in ("look", "pose"):
        assert again.search(collection[1]["image"], by=by) == faces.search(collection[1]["image"], by=by)
    records = tmp_path / "faces" / "records.parquet"
    records.write_bytes(records.read_bytes()[:-20])
    with pytest.raises(PaintingIndexError, match=r"records\.parquet"):
        FaceIndex.from_pretrained(tmp_path / "faces")


def test_another_detector_is_refused(faces, collection, detector, tmp_path):
    faces.save_pretrained(tmp_path / "faces")
    other = FaceDetector(shared("weights/face_detection_yunet.onnx"))
    other.fingerprint = "0" * 16
    again = FaceIndex.from_pretrained(tmp_path / "faces", embedder=ColorEmbedder(), detector=other)
    with pytest.raises(PaintingIndexError, match=detector.fingerprint):
        again.search(collection[0]["image"])
    assert again.search(HeadPose(0, 0, 0), by="pose")  # a pose needs no detector


@pytest.mark.parametrize("setting", ["CERTAINTY", "CROP", "PUPILS", "MIDDLE", "HEAD"])
def test_the_fingerprint_follows_every_setting(detector, setting, monkeypatch):
    changed = np.multiply(getattr(detection, setting), 2)
    monkeypatch.setattr(detection, setting, changed)
    assert FaceDetector(shared("weights/face_detection_yunet.onnx")).fingerprint != detector.fingerprint


def test_an_index_of_paintings_is_no_index_of_faces(collection, tmp_path):
    with pytest.raises(PaintingIndexError, match="of paintings"):
        FaceIndex(PaintingIndex.build(collection.select([0, 1]), ColorEmbedder()))


def test_no_face_no_index(detector):
    blank = Dataset.from_list([new_record(id="a", image=plain_picture((9, 9, 90)))], features=painting_features())
    with pytest.raises(PaintingIndexError, match="no face"):
        FaceIndex.build(blank, ColorEmbedder(), detector)


def test_offline_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"FaceDetector\(path\)"):
        FaceDetector.from_hub()
    with pytest.raises(ModelError, match="no face detector"):
        FaceDetector(tmp_path / "missing.onnx")
    (tmp_path / "bad.onnx").write_text(json.dumps({}))
    with pytest.raises(ModelError, match="is no face detector that OpenCV reads"):
        FaceDetector(tmp_path / "bad.onnx")


@pytest.mark.parametrize("outputs", [["vector"], ["cls_8", "cls_16", "cls_32", "obj_8", "obj_16", "obj_32"]])
def test_another_network_is_refused_when_it_is_opened(outputs, tmp_path, capfd):
    onnx = pytest.importorskip("onnx")
    pixels = onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [1, 3, 64, 64])
    answers = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 3, 64, 64]) for name in outputs]
    nodes = [onnx.helper.make_node("Relu", ["input"], [name]) for name in outputs]
    graph = onnx.helper.make_graph(nodes, "other", [pixels], answers)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)]), tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="is no face detector that OpenCV reads") as error:
        FaceDetector(tmp_path / "other.onnx")
    assert "\n" not in str(error.value) and "ERROR" not in capfd.readouterr().err


def test_mirrored_portraits_have_mirrored_poses(detector):
    """Real paintings: yaw and roll of the largest face change their sign, but for what the detector gets wrong."""
    folder = shared("data/museum/images")
    errors = []
    for path in sorted(folder.glob("*.jpg"))[:20]:
        with Image.open(path) as image:
            picture = image.convert("RGB")
        found, mirrored = detector.detect(picture), detector.detect(ImageOps.mirror(picture))
        if found and mirrored and found[0].score > 0.8 and found[0].area > 1500:
            one, other = found[0].pose.mirrored(), mirrored[0].pose
            errors.append((abs(one.yaw - other.yaw), abs(one.roll - other.roll)))
    assert len(errors) >= 5
    assert np.median(errors, axis=0).max() < 8
