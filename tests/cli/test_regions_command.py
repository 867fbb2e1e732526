"""`artextract index-regions` and `search-region`."""

import json

import pytest

from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.retrieval.regions.index import RegionIndex
from tests.retrieval.regions.conftest import collection, pictures


@pytest.fixture(scope="module")
def gallery():
    return pictures()


def test_index_and_search(run_cli, gallery, tiny_classifier, tmp_path):
    (tmp_path / "pictures").mkdir()
    for number, picture in enumerate(gallery[:6]):
        picture.save(tmp_path / "pictures" / f"{number}.png")
    made, query = tmp_path / "regions", tmp_path / "pictures" / "2.png"
    code, out, err = run_cli(
        "index-regions", tmp_path / "pictures", "--out", made, "--embedder", tiny_classifier, "--side", 128, "--json"
    )
    about = json.loads(out)
    assert code == 0 and about["count"] == 6 and about["skipped"] == [] and about["bytes_per_painting"] > 0, err
    code, out, _ = run_cli("search-region", query, "--index", made, "--box", "0,0,224,224", "-k", 3, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["box"] == [0, 0, 224, 224] and len(answer["hits"]) == 3
    assert answer["hits"][0]["id"].endswith("2.png")
    assert answer["hits"][0]["box"] == pytest.approx([0, 0, 1, 1], abs=0.1)
    code, out, _ = run_cli("search-region", query, "--index", made, "-k", 10)
    assert code == 0 and len(out.splitlines()) == 6
    code, out, _ = run_cli("search-region", query, "--index", made, "--where", "title == '2'", "--json")
    assert code == 0 and [hit["id"] for hit in json.loads(out)["hits"]] == [answer["hits"][0]["id"]], out
    for box in ("1,2,3", "a,b,c,d", "0,0,999,9"):
        code, out, err = run_cli("search-region", query, "--index", made, "--box", box)
        assert code == 2 and out == "" and err.startswith("artextract: ") and err.count("\n") == 1


def test_answers_without_credit_lines_are_named_by_id(run_cli, gallery, tiny_classifier, tmp_path):
    plain = collection(gallery[:2]).remove_columns("credit_line")
    RegionIndex.build(plain, AutoEmbedder.from_pretrained(str(tiny_classifier)), side=64).save_pretrained(
        tmp_path / "r"
    )
    gallery[1].save(tmp_path / "1.png")
    code, out, err = run_cli("search-region", tmp_path / "1.png", "--index", tmp_path / "r")
    assert code == 0 and out.splitlines()[0].endswith("p/1"), err
