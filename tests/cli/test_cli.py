import json
import subprocess
import sys
import time

import pytest

from artextract_hf import PaintingIndex
from artextract_hf.data.prepared import load_prepared
from artextract_hf.digests import file_digest
from artextract_hf.retrieval.rerank.rerankers import RERANKERS
from artextract_hf.version import __version__
from tests.conftest import ROOT, USUAL, noise_picture, plain_picture, shared


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for i, color in enumerate([(200, 30, 30), (30, 200, 30), (30, 30, 200), (210, 40, 30)]):
        plain_picture(color, seed=i).save(folder / f"{i}.png")
    return folder


def test_the_version_is_printed_without_the_heavy_libraries():
    code = "import sys; from artextract_hf.cli import main; sys.argv[1:] = ['--version']\ntry: main()\n"
    code += "finally: print(*{'torch', 'transformers', 'datasets', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"artextract {__version__}\n\n", "")


def test_prepare(run_cli, tiny_wikiart, tmp_path):
    code, out, _ = run_cli("prepare", "wikiart", "--root", tiny_wikiart, "--out", tmp_path / "data", "--json")
    assert code == 0
    document = json.loads(out)
    assert document["splits"]["train"] == {
        "rows": 5, "labelled": {"style": 5, "genre": 2, "artist": 2}, "dated": 3, "open": 0
    }  # fmt: skip
    assert document["splits"]["val"]["labelled"] == {"style": 3, "genre": 2, "artist": 1}
    assert sorted(s["path"] for s in document["skipped"]) == [
        "Baroque/rembrandt_cut.jpg",
        "Baroque/rembrandt_missing.jpg",
    ]


def test_prepare_a_collection(run_cli, tmp_path):
    (tmp_path / "own/Landscape").mkdir(parents=True)
    (tmp_path / "own/Still life").mkdir()
    for i, folder in enumerate(["Landscape", "Landscape", "Still life"]):
        plain_picture((60 * i, 90, 30), seed=i).save(tmp_path / f"own/{folder}/{i}.png")
    (tmp_path / "own/metadata.csv").write_text("file_name,Titel,date\nLandscape/0.png,Am See,1901-03\n")
    arguments = ("prepare", "collection", tmp_path / "own", "--out", tmp_path / "data", "--classes", "genre")
    code, out, _ = run_cli(*arguments, "--column", "title=Titel", "--json")
    assert code == 0
    (split,) = json.loads(out)["splits"].values()
    assert split["rows"] == 3 and split["labelled"] == {"style": 0, "genre": 3, "artist": 0}
    records = load_prepared(tmp_path / "data")["all"]
    genres = records.features["genre"].names
    assert [genres[label] for label in records["genre"]] == ["landscape", "landscape", "still_life"]
    assert (records[0]["title"], records[0]["year"], records[0]["year_end"]) == ("Am See", 1901, 1903)
    assert run_cli(*arguments, "--column", "Titel")[0] == 2


def test_an_index_refuses_what_has_no_open_licence(run_cli, tiny_classifier, pictures, tmp_path):
    (tmp_path / "m").mkdir()
    for i in range(3):
        plain_picture((80 * i, 20, 70), seed=i).save(tmp_path / f"m/{i}.png")
    table = tmp_path / "m/metadata.csv"
    table.write_text("file_name,rights\n0.png,CC0\n1.png,In Copyright\n2.png,\n")
    arguments = ("index", table, "--out", tmp_path / "index", "--embedder", tiny_classifier, "--json")
    code, out, _ = run_cli(*arguments)
    assert code == 0 and json.loads(out)["count"] == 1
    assert [s["path"] for s in json.loads(out)["skipped"]] == ["m/1.png", "m/2.png"]
    code, out, _ = run_cli(*arguments, "--allow-restricted")
    assert code == 0 and json.loads(out)["count"] == 3
    table.write_text("file_name,rights\n0.png,In Copyright\n")
    code, _, err = run_cli(*arguments)
    assert code == 2 and "--allow-restricted" in err


def test_classify(run_cli, tiny_classifier, pictures):
    code, out, _ = run_cli(
        "classify", pictures / "0.png", pictures / "1.png", "--model", tiny_classifier, "--top-k", 2, "--json"
    )
    assert code == 0
    first, second = json.loads(out)
    assert first["image"] == str(pictures / "0.png") and second["image"] == str(pictures / "1.png")
    assert set(first["tasks"]) == {"style", "genre", "artist"}
    scores = [c["score"] for c in first["tasks"]["artist"]]
    assert len(scores) == 2 and scores == sorted(scores, reverse=True)
    code, out, _ = run_cli("classify", pictures / "0.png", "--model", tiny_classifier)
    assert code == 0 and "style" in out and "Claude Monet" in out


def test_classify_says_what_is_no_painting_and_whose_artist_it_may_not_know(run_cli, open_classifier, tmp_path):
    files = [tmp_path / "usual.png", tmp_path / "noise.png"]
    for path, picture in zip(files, (USUAL[3], noise_picture()), strict=True):
        picture.save(path)
    code, out, _ = run_cli("classify", *files, "--model", open_classifier, "--json")
    first, second = json.loads(out)
    assert code == 0 and first["painting"] > 0.05 and first["unknown"]["artist"] > 0.95
    assert second["painting"] == 0
    lines = run_cli("classify", *files, "--model", open_classifier)[1].splitlines()
    assert lines[3] == "  The artist may be none of those that this model knows."
    assert lines[-1] == "  This does not look like a painting."


def test_index_and_search(run_cli, tiny_classifier, pictures, tmp_path):
    (pictures / "broken.jpg").write_text("no picture")
    code, out, _ = run_cli("index", pictures, "--out", tmp_path / "index", "--embedder", tiny_classifier, "--json")
    assert code == 0
    about = json.loads(out)
    assert (about["count"], about["metric"], about["factory"]) == (4, "cosine", "flat")
    assert [s["path"].endswith("broken.jpg") for s in about["skipped"]] == [True]
    code, out, _ = run_cli("search", pictures / "2.png", "--index", tmp_path / "index", "-k", 3, "--json")
    assert code == 0
    (answer,) = json.loads(out)
    assert [h["rank"] for h in answer["hits"]] == [1, 2, 3]
    assert answer["hits"][0]["id"].endswith("2.png") and answer["hits"][0]["score"] == pytest.approx(1, abs=1e-4)
    assert set(answer["hits"][0]["record"]) >= {"id", "title", "artist_name", "year", "license", "credit_line"}
    assert set(answer["hits"][0]) >= {"same", "good_match", "versions"} and "good_match" in answer
    code, out, _ = run_cli("search", pictures / "2.png", "--index", tmp_path / "index", "--fold")
    assert code == 0 and out.splitlines()[1].split()[:2] == ["1", "1.000"]


def test_search_reorders_the_nearest(run_cli, tiny_classifier, pictures, tmp_path):
    assert run_cli("index", pictures, "--out", tmp_path / "index", "--embedder", tiny_classifier)[0] == 0
    search = ("search", pictures / "2.png", "--index", tmp_path / "index", "--json", "--rerank")
    found = PaintingIndex.from_pretrained(tmp_path / "index").search(pictures / "2.png", rerank="k_reciprocal")
    code, out, _ = run_cli(*search, "k_reciprocal")
    assert code == 0 and [hit["id"] for hit in json.loads(out)[0]["hits"]] == [hit.id for hit in found]
    code, out, err = run_cli(*search, "k_recpirocal")
    assert (code, out) == (2, "") and "did you mean 'k_reciprocal'?" in err
    code, out, err = run_cli("search", "--help")
    assert all(name in out for name in RERANKERS)


def test_an_index_of_embedded_vectors(run_cli, tiny_classifier, pictures, tmp_path):
    import numpy as np

    (pictures / "broken.jpg").write_text("no picture")
    code, out, _ = run_cli("embed", pictures, "--out", tmp_path / "vectors", "--embedder", tiny_classifier, "--json")
    about = json.loads(out)
    assert code == 0 and about["count"] == 4 and [s["path"][-10:] for s in about["skipped"]] == ["broken.jpg"]
    vectors = np.load(tmp_path / "vectors/embeddings.npy")
    assert vectors.shape == (4, about["dim"]) and len(json.loads((tmp_path / "vectors/ids.json").read_text())) == 4
    arguments = ("index", tmp_path / "vectors", "--out", tmp_path / "index", "--metric", "l2")
    code, out, err = run_cli(*arguments, "--json")
    assert code == 0 and "no record states a licence" in err
    made = json.loads(out)
    assert (made["count"], made["dim"], made["metric"]) == (4, about["dim"], "l2")
    assert [s["path"][-10:] for s in made["skipped"]] == ["broken.jpg"] and made["data"] == about["data"]
    assert run_cli(*arguments)[1].startswith("4 paintings in")
    code, out, _ = run_cli("search", pictures / "1.png", "--index", tmp_path / "index", "-k", 1, "--json")
    hit = json.loads(out)[0]["hits"][0]
    assert code == 0 and hit["id"].endswith("1.png") and hit["score"] == pytest.approx(0, abs=0.02)


def test_what_has_no_open_licence_is_dropped_from_embedded_vectors(run_cli, tiny_classifier, tmp_path):
    for i in range(3):
        plain_picture((80 * i, 20, 70), seed=i).save(tmp_path / f"{i}.png")
    (tmp_path / "metadata.csv").write_text("file_name,rights\n0.png,CC0\n1.png,In Copyright\n2.png,CC BY 4.0\n")
    assert run_cli("embed", tmp_path / "metadata.csv", "--out", tmp_path / "v", "--embedder", tiny_classifier)[0] == 0
    code, out, _ = run_cli("index", tmp_path / "v", "--out", tmp_path / "index", "--json")
    assert code == 0 and json.loads(out)["count"] == 2
    assert "--allow-restricted" in json.loads(out)["skipped"][0]["reason"]
    code, out, _ = run_cli("index", tmp_path / "v", "--out", tmp_path / "index", "--allow-restricted", "--json")
    assert code == 0 and json.loads(out)["count"] == 3


def test_restricted_vectors_teach_an_index_nothing_and_no_licence_is_no_error(
    run_cli, tiny_classifier, pictures, tmp_path, monkeypatch
):
    import pyarrow.parquet as pq

    from artextract_hf.retrieval.vectors import factories

    for i in range(3):
        plain_picture((80 * i, 20, 70), seed=i).save(tmp_path / f"{i}.png")
    (tmp_path / "metadata.csv").write_text("file_name,rights\n0.png,CC0\n1.png,In Copyright\n2.png,CC BY 4.0\n")
    run_cli("embed", tmp_path / "metadata.csv", "--out", tmp_path / "v", "--embedder", tiny_classifier)
    learnt_from, train = [], factories.train
    monkeypatch.setattr(factories, "train", lambda index, v: learnt_from.append(len(v)) or train(index, v))
    assert run_cli("index", tmp_path / "v", "--out", tmp_path / "index", "--factory", "sq")[0] == 0
    assert learnt_from == [2]
    records = pq.read_table(tmp_path / "v/records.parquet").drop_columns(["license"])
    pq.write_table(records, tmp_path / "v/records.parquet")
    about = json.loads((tmp_path / "v/embedder.json").read_text())
    (tmp_path / "v/embedder.json").write_text(
        json.dumps(about | {"records": file_digest(tmp_path / "v/records.parquet")})
    )
    code, out, err = run_cli("index", tmp_path / "v", "--out", tmp_path / "index", "--json")
    assert code == 0 and json.loads(out)["count"] == 3 and "no record states a licence" in err


def test_evaluate(run_cli, tiny_wikiart, tiny_classifier, tmp_path):
    run_cli("prepare", "wikiart", "--root", tiny_wikiart, "--out", tmp_path / "data", "--artists", "names")
    arguments = [
        "evaluate",
        "classifier",
        "--model",
        tiny_classifier,
        "--data",
        tmp_path / "data",
        "--out",
        tmp_path / "out",
    ]
    code, out, _ = run_cli(*arguments, "--json")
    assert code == 0
    report = json.loads(out)
    assert set(report["tasks"]["style"]) >= {"accuracy", "top5", "balanced_accuracy", "macro_f1", "n", "skipped"}
    assert report["tasks"]["style"]["n"] == 3
    # Edgar Degas is in the val list, but the model does not know him.
    assert (report["tasks"]["artist"]["n"], report["tasks"]["artist"]["skipped"]) == (2, 1)
    assert report["unknown_classes"]["artist"] == {"Edgar_Degas": 1}
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names >= {"metrics.json", "report.md", "predictions.parquet", "per_class_style.csv", "confusion_style.csv"}
    code, out, _ = run_cli(*arguments, "--split", "all", "--json")
    assert code == 0 and json.loads(out)["tasks"]["style"]["n"] == 8
    code, out, _ = run_cli(*arguments)
    assert code == 0 and "majority" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["classify", "nowhere.jpg", "--model", "{model}"], "does not exist"),
        (["classify", "{text}", "--model", "{model}"], "not a picture"),
        (["classify", "{text}", "--model", "nobody/nothing"], "there is no model 'nobody/nothing'"),
        (["prepare", "wikiart", "--root", "nowhere", "--out", "{out}"], "is not a folder"),
        (["index", "nowhere", "--out", "{out}"], "nowhere"),
        (["index", "{empty}", "--out", "{out}"], "picture"),
        (["index", "{csv}", "--out", "{out}", "--embedder", "{model}"], "usable picture"),
        (["index", "{pictures}", "--out", "{out}", "--embedder", "resnet5O"], "resnet50"),
        (["index", "{pictures}", "--out", "{out}", "--embedder", "{model}", "--factory", "magic"], "auto"),
        (["index", "{pictures}", "--out", "{out}", "--embedder", "{model}", "--metric", "magic"], "cosine, ip, l2"),
        (["search", "{pictures}/0.png", "--index", "{empty}"], "holds no index"),
        (["index", "{vectors}", "--out", "{out}"], "holds no vectors"),
        (["evaluate", "classifier", "--model", "{model}", "--data", "nowhere", "--out", "{out}"], "is not a folder"),
        (["evaluate", "classifier", "--model", "{model}", "--data", "{empty}", "--out", "{out}"], "prepare"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run_cli, tiny_classifier, pictures, tmp_path, arguments, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "vectors").mkdir()
    (tmp_path / "vectors/embeddings.npy").write_bytes(b"")
    (tmp_path / "list.csv").write_text("file_name,title\nmissing.jpg,Gone\n")
    places = {
        "model": tiny_classifier,
        "text": tmp_path / "text.jpg",
        "out": tmp_path / "out",
        "empty": tmp_path / "empty",
        "vectors": tmp_path / "vectors",
        "csv": tmp_path / "list.csv",
        "pictures": pictures,
    }
    code, out, err = run_cli(*(a.format(**places) for a in arguments))
    last = err.strip().splitlines()[-1]
    assert code == 2 and out == ""
    assert last.startswith("artextract: ") and message in last


@pytest.mark.parametrize(
    "arguments",
    [
        ["embed", "{pictures}", "--out", "{file}", "--embedder", "{model}"],
        ["index", "{pictures}", "--out", "{file}/inside", "--embedder", "{model}"],
        ["explain", "{pictures}/0.png", "{pictures}/1.png", "--out", "{folder}", "--embedder", "{model}"],
        ["compare", "{index}", "{index}", "--out", "{file}"],
    ],
)
def test_what_cannot_be_written_is_one_line_and_exit_code_2(run_cli, tiny_classifier, pictures, tmp_path, arguments):
    assert run_cli("index", pictures, "--out", tmp_path / "index", "--embedder", tiny_classifier)[0] == 0
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    places = {"model": tiny_classifier, "pictures": pictures, **{n: tmp_path / n for n in ("file", "folder", "index")}}
    code, out, err = run_cli(*(a.format(**places) for a in arguments))
    assert code == 2 and out == "" and err.strip().splitlines()[-1].startswith("artextract: ")
    assert "Traceback" not in err and (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [["embed"], ["index"], ["index-regions"], ["prepare", "collection"], ["prepare", "wikiart", "--root"]],
    ids=" ".join,
)
def test_a_folder_of_somebody_else_is_kept_and_found_before_the_work(run_cli, tmp_path, arguments):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    code, out, err = run_cli(*arguments, tmp_path / "nowhere", "--out", tmp_path / "out")
    assert code == 2 and out == "" and len(err.splitlines()) == 1 and "choose another folder" in err
    assert (tmp_path / "out/thesis.txt").read_text() == "mine"


def test_usage_errors_exit_with_2(run_cli):
    assert run_cli("classify")[0] == 2
    assert run_cli("search", "x.jpg", "--index", "y", "-k", "0")[0] == 2
    assert run_cli("--help")[0] == 0


@pytest.mark.parametrize("count", [30, pytest.param(None, marks=pytest.mark.long)])
def test_search_among_the_real_paintings_takes_less_than_a_second(count):
    from artextract_hf import AutoEmbedder, PaintingIndex, load_collection

    museum = shared("data/museum")
    paintings = load_collection(museum / "metadata.csv")
    place = [id_.endswith("16512.jpg") for id_ in paintings["id"]].index(True)
    some = paintings if count is None else paintings.select([place, *(i for i in range(count) if i != place)])
    index = PaintingIndex.build(some, AutoEmbedder.from_pretrained("default"))
    query = museum / "images" / "16512.jpg"
    index.search(query)
    start = time.process_time()  # of this process alone: other tests run beside this one
    hits = index.search(query, k=5)
    assert time.process_time() - start < 1
    assert hits[0].id.endswith("16512.jpg") and hits[0].record["license"] == "CC0 1.0"


def test_one_bad_picture_among_many_loses_no_answer(run_cli, tiny_classifier, pictures, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_text("no picture")
    gone = tmp_path / "gone\x1b[2J.jpg"
    arguments = ("classify", pictures / "0.png", bad, pictures / "1.png", gone, "--model", tiny_classifier)
    good = json.loads(run_cli("classify", pictures / "0.png", pictures / "1.png", *arguments[-2:], "--json")[1])
    code, out, err = run_cli(*arguments, "--json")
    document = json.loads(out)
    assert code == 3 and [document[0], document[2]] == good
    assert [set(document[place]) for place in (1, 3)] == [{"image", "error"}] * 2
    assert "not a picture" in document[1]["error"] and document[1]["image"] == str(bad)
    assert [line.partition(":")[0] for line in err.splitlines()] == ["left out"] * 2 and "\x1b" not in err
    code, out, err = run_cli(*arguments)
    assert code == 3 and out.count("style") == 2 and err.count("left out: ") == 2


def test_one_bad_picture_among_many_loses_no_hit(run_cli, tiny_classifier, pictures, tmp_path):
    assert run_cli("index", pictures, "--embedder", tiny_classifier, "--out", tmp_path / "index")[0] == 0
    bad, gone = tmp_path / "bad.jpg", tmp_path / "gone.jpg"
    bad.write_text("no picture")
    good = (pictures / "0.png", pictures / "1.png")

    def search(*images):
        return run_cli("search", *images, "--index", tmp_path / "index", "--json")

    whole = json.loads(search(*good)[1])
    code, out, err = search(good[0], bad, good[1], gone)
    document = json.loads(out)
    found = [[hit["id"] for hit in answer["hits"]] for answer in (document[0], document[2])]
    assert code == 3 and found == [[hit["id"] for hit in answer["hits"]] for answer in whole]
    assert [set(document[place]) for place in (1, 3)] == [{"image", "error"}] * 2
    assert "not a picture" in document[1]["error"]
    assert [line.partition(":")[0] for line in err.splitlines()] == ["left out"] * 2
    code, out, err = search(bad, gone)
    assert code == 2 and [set(answer) for answer in json.loads(out)] == [{"image", "error"}] * 2
    assert err.splitlines()[-1] == "artextract: none of the 2 pictures can be used."
    code, _, err = search(bad)
    assert code == 2 and err.count("\n") == 1 and "not a picture" in err


def test_where_there_is_no_picture_no_network_is_loaded(run_cli, tmp_path, monkeypatch):
    from artextract_hf import models

    monkeypatch.setattr(models, "load_classifier", lambda *_: pytest.fail("loaded"))
    code, out, err = run_cli("classify", tmp_path / "gone.jpg")
    assert (code, out) == (2, "") and err.startswith("artextract: ") and err.count("\n") == 1
    code, out, err = run_cli("classify", tmp_path / "gone.jpg", tmp_path, "--json")
    assert code == 2 and [set(answer) for answer in json.loads(out)] == [{"image", "error"}] * 2
    assert err.splitlines()[-1] == "artextract: none of the 2 pictures can be used."
