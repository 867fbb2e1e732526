"""`artextract index-faces` and `search-face`."""

import json

import pytest

from artextract_hf.retrieval.faces.head_pose import HeadPose
from tests.conftest import plain_picture, shared
from tests.retrieval.faces.rendered_heads import render_head

YAWS = (-40, 0, 40)


def test_index_and_search(run_cli, tmp_path, tiny_classifier):
    detector, made, gallery = shared("weights/face_detection_yunet.onnx"), tmp_path / "faces", tmp_path / "gallery"
    gallery.mkdir()
    for number, yaw in enumerate(YAWS):
        render_head(HeadPose(yaw, 0, 0), seed=number).save(gallery / f"{number}.png")
    plain_picture((90, 120, 60), (200, 160)).save(gallery / "ground.png")
    code, out, err = run_cli(
        "index-faces", gallery, "--out", made, "--embedder", tiny_classifier, "--detector", detector, "--json"
    )
    about = json.loads(out)
    assert code == 0 and (about["count"], about["paintings"]) == (3, 3), err
    render_head(HeadPose(35, 0, 0), seed=9).save(tmp_path / "query.png")
    asked = ("search-face", tmp_path / "query.png", "--index", made, "--detector", detector)
    code, out, err = run_cli(*asked, "--by", "pose", "--json")
    hits = json.loads(out)["hits"]
    assert code == 0 and [hit["painting"].rpartition("/")[2] for hit in hits] == ["2.png", "1.png", "0.png"], err
    assert hits[0]["pose"]["yaw"] == pytest.approx(40, abs=15) and len(hits[0]["box"]) == 4
    code, out, _ = run_cli(*asked, "-k", 2)
    assert code == 0 and len(out.splitlines()) == 2
    code, out, _ = run_cli(*asked, "--where", "yaw > 80")
    assert (code, out) == (0, "  no face passes this filter\n")
    for more, reason in ((("--by", "name"), "by look or pose"), (("--where", "yaww > 3"), "yaw")):
        code, out, err = run_cli(*asked, *more)
        assert code == 2 and out == "" and reason in err and err.count("\n") == 1
    code, _, err = run_cli("search-face", gallery / "ground.png", *asked[2:])
    assert code == 2 and "face" in err and err.count("\n") == 1
