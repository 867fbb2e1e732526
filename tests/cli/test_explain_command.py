import json

import pytest
from PIL import Image

from artextract_hf.data.synthetic import PaintingSpec, paint


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explained")
    for seed in (1, 2):
        paint(PaintingSpec("impasto", "sunlit", "landscape", seed=seed)).save(folder / f"{seed}.png")
    return folder


def test_explain(run_cli, tiny_classifier, pictures, tmp_path):
    out = tmp_path / "new" / "why.png"
    arguments = ("explain", pictures / "1.png", pictures / "2.png", "--out", out, "--embedder", tiny_classifier)
    code, printed, _ = run_cli(*arguments, "--json")
    assert code == 0
    document = json.loads(printed)
    assert document["query"].endswith("1.png") and document["answer"].endswith("2.png")
    assert -1 <= document["similarity"] <= 1 and document["method"] == "occlusion"
    assert set(document["pairs"][0]) == {"query", "answer", "strength"}
    assert len(document["heat"]["query"]) == 8 and document["picture"] == str(out)
    with Image.open(out) as drawn:
        assert drawn.format == "PNG" and drawn.width > 500
    code, printed, _ = run_cli(*arguments)  # an earlier drawing is replaced
    assert code == 0 and str(out) in printed


@pytest.mark.parametrize("kind", ["a picture of its own", "the query", "a link", "a folder", "in a file"])
def test_files_of_somebody_else_are_kept(run_cli, pictures, tmp_path, kind):
    (mine := tmp_path / "mine.png").write_bytes((pictures / "1.png").read_bytes())
    out = mine if kind in ("a picture of its own", "the query") else tmp_path / "out.png"
    if kind == "a link":
        out.symlink_to(mine)
    elif kind == "a folder":
        out.mkdir()
    elif kind == "in a file":
        out = mine / "out.png"
    query = mine if kind == "the query" else pictures / "1.png"
    code, _, err = run_cli("explain", query, pictures / "2.png", "--out", out, "--embedder", tmp_path / "nothing")
    expected = "mine.png is a file" if kind == "in a file" else f"{out.name} is of no earlier run"
    assert code == 2 and expected in err and len(err.splitlines()) == 1
    assert mine.read_bytes() == (pictures / "1.png").read_bytes()


def test_bad_input(run_cli, tiny_classifier, pictures, tmp_path):
    (tmp_path / "no.png").write_text("no picture")
    for first in (tmp_path / "no.png", tmp_path / "missing.png"):
        arguments = ("explain", first, pictures / "2.png", "--out", tmp_path / "x.png", "--embedder", tiny_classifier)
        code, _, err = run_cli(*arguments)
        assert code == 2 and err.startswith("artextract: ") and first.name in err
        assert not (tmp_path / "x.png").exists()
