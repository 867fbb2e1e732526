import json

import numpy as np
import pytest
from PIL import Image

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.data.synthetic import PaintingSpec, paint, synthetic_paintings


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


def test_one_picture_is_explained_by_its_classes(run_cli, tiny_classifier, pictures, tmp_path):
    command = ("explain", pictures / "1.png", "--out", tmp_path / "classes.png", "--model", tiny_classifier)
    code, printed, _ = run_cli(*command, "--label", "style=Baroque", "--json")
    assert code == 0
    document = json.loads(printed)
    assert set(document["tasks"]) == {"style", "genre", "artist"} and document["tasks"]["style"]["label"] == "Baroque"
    assert np.shape(document["tasks"]["artist"]["heat"]) == np.shape(document["attention"]) == (2, 2)
    with Image.open(tmp_path / "classes.png") as drawn:
        assert drawn.format == "PNG" and drawn.width > 500
    code, printed, _ = run_cli(*command)
    assert code == 0 and printed.count("%") == 3 and str(tmp_path / "classes.png") in printed


def test_labelled_works_like_it_stand_below(run_cli, tiny_classifier, pictures, tmp_path):
    paintings = synthetic_paintings(7)
    genres = [-1, 0, 1, 2, 3, 4, 5]  # of the first it is unknown
    works = paintings.remove_columns("genre").add_column("genre", genres, feature=paintings.features["genre"])
    index = PaintingIndex.build(works, AutoEmbedder.from_pretrained("palette"))
    index.save_pretrained(tmp_path / "index")
    command = ("explain", pictures / "1.png", "--out", tmp_path / "classes.png", "--model", tiny_classifier)
    code, printed, _ = run_cli(*command, "--index", tmp_path / "index", "--json")
    assert code == 0
    nearest = [hit.id for hit in index.search(pictures / "1.png", k=7) if hit.id != paintings["id"][0]]
    assert [work["id"] for work in json.loads(printed)["like_it"]] == nearest[:5]
    code, printed, _ = run_cli(*command, "--index", tmp_path / "index")
    assert code == 0 and printed.count(": genre ") == 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["{other}", "--model", "{model}"], "--model is for one picture"),
        (["{other}", "--label", "style=Baroque"], "--label is for one picture"),
        (["--embedder", "palette"], "--embedder is for two pictures"),
        (["--backend", "openvino"], "--backend openvino is for two pictures"),
        (["--model", "{model}", "--label", "Baroque"], "give a name and a value, as in style=Baroque"),
        (["--model", "{model}", "--label", "style=Cubism"], "knows no style 'Cubism'; it knows Baroque"),
        (["--model", "{model}", "--index", "{model}"], "holds no index"),
    ],
)
def test_options_without_effect_and_unknown_classes_are_refused(
    run_cli, tiny_classifier, pictures, tmp_path, options, said
):
    words = [word.format(other=pictures / "2.png", model=tiny_classifier) for word in options]
    code, _, err = run_cli("explain", pictures / "1.png", *words, "--out", tmp_path / "x.png")
    assert code == 2 and said in err and len(err.splitlines()) == 1
    assert not (tmp_path / "x.png").exists()
