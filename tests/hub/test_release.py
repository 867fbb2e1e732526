"""One command publishes everything, says what it would publish, and goes on after an interruption."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from datasets import DatasetDict

from artextract_hf import ArtImageProcessor, AutoEmbedder, ByolConfig, ByolModel, PaintingIndex
from artextract_hf.data.prepared import write_prepared
from artextract_hf.data.schema import SkipList
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.data.wikiart.release import WikiArtOptions, read_wikiart
from artextract_hf.errors import DataError
from artextract_hf.hub.release import Part, Release, plan_release
from tests.hub.loopback_repo import TOKEN, Fault

ROOT = Path(__file__).parent.parent.parent
KINDS = {"crnn": "models", "byol": "models", "paintings": "datasets", "index": "datasets", "space": "spaces"}


@pytest.fixture(scope="module")
def release(tiny_classifier, tmp_path_factory) -> Path:
    """A release file with everything that it names."""
    folder = tmp_path_factory.mktemp("release")
    ByolModel(ByolConfig(backbone="mobilenetv3_small_050", image_size=64)).save_pretrained(folder / "byol")
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder / "byol")
    (folder / "byol/README.md").write_text("# BYOL\n", encoding="utf-8")
    paintings = synthetic_paintings(6)
    write_prepared(DatasetDict({"train": paintings}), {}, folder / "data")
    index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained(str(tiny_classifier)))
    index.save_pretrained(folder / "index")
    parts = [
        {"kind": "model", "name": "crnn", "path": str(tiny_classifier)},
        {"kind": "embedder", "name": "byol", "path": "byol"},
        {"kind": "dataset", "name": "paintings", "path": "data"},
        {"kind": "index", "name": "index", "path": "index"},
        {"kind": "space", "name": "space", "path": str(ROOT / "spaces_app"), "model": "crnn", "index": "index"},
    ]
    about = {"namespace": "somebody", "version": "v1.0", "collection": "Paintings", "parts": parts}
    (folder / "release.yaml").write_text(yaml.safe_dump(about))
    return folder / "release.yaml"


def publish(hub, path: Path, home: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "artextract_hf.cli", "publish", "release", str(path), "--json"]
    environment = os.environ | hub.environment(home)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_interrupted_it_goes_on_and_nothing_is_pushed_twice(hub, release, tmp_path):
    hub.faults = [Fault("POST /api/datasets/somebody/index/commit/", 403)]
    stopped = publish(hub, release, tmp_path / "home")
    assert stopped.returncode == 2 and "somebody/index could not be published" in stopped.stderr
    assert len(hub.repo("somebody/index", "datasets").commits) == 1 and ("spaces", "somebody/space") not in hub.repos
    done = publish(hub, release, tmp_path / "home")
    assert done.returncode == 0, done.stderr[-2000:]
    states = {part["repo_id"]: part["state"] for part in json.loads(done.stdout)["parts"]}
    assert states == {
        "somebody/crnn": "already there",
        "somebody/byol": "already there",
        "somebody/paintings": "already there",
        "somebody/index": "published",
        "somebody/space": "published",
    }
    for name, kind in KINDS.items():
        repo = hub.repo(f"somebody/{name}", kind)
        assert len(repo.commits) == 2 and repo.tags == {"v1.0": repo.head}, name
        assert not any(TOKEN.encode() in data for data in repo.files.values())
    assert hub.repo("somebody/space", "spaces").variables["ARTEXTRACT_INDEX"] == "somebody/index"
    (items,) = hub.collections.values()
    assert [item["id"] for item in items] == [f"somebody/{name}" for name in KINDS]
    again = publish(hub, release, tmp_path / "home")
    assert again.returncode == 0 and {p["state"] for p in json.loads(again.stdout)["parts"]} == {"already there"}
    assert len(items) == 5
    assert TOKEN not in stopped.stderr + done.stderr + done.stdout


def test_dry_run_says_and_writes_what_would_be_pushed(run_cli, release, tmp_path):
    code, out, err = run_cli("publish", "release", release, "--dry-run", "--out", tmp_path / "all", "--json")
    assert code == 0, err
    parts = json.loads(out)["parts"]
    assert {part["state"] for part in parts} == {"would be pushed"}
    for part in parts:
        folder = tmp_path / "all" / part["repo_id"].partition("/")[2]
        assert "README.md" in part["files"] and all((folder / name).is_file() for name in part["files"])
    code, _, err = run_cli("publish", "release", release, "--dry-run", "--out", tmp_path / "all")
    assert code == 2 and "all is not empty" in err


def test_the_release_of_this_project_can_be_looked_at(release, tiny_wikiart, tmp_path):
    """As release.example.yaml has it, with small data in place of what its owner prepares."""
    shipped = Release.load(ROOT / "release.example.yaml")
    wikiart = read_wikiart(tiny_wikiart, WikiArtOptions("joint"), skipped=SkipList())
    write_prepared(wikiart.splits, wikiart.manifest, tmp_path / "wikiart")
    here = {"wikiart": tmp_path / "wikiart", "nga": release.parent / "data", "nga_index": release.parent / "index"}
    prepared = {str(ROOT / "data" / name): str(path) for name, path in here.items()}
    parts = tuple(replace(part, path=prepared.get(part.path, part.path)) for part in shipped.parts)
    planned = plan_release(replace(shipped, parts=parts), tmp_path / "all")
    assert {part["repo_id"] for part in planned} == {
        f"artextract/{name}"
        for name in ("crnn-wikiart", "byol-paintings", "wikiart-references", "nga-paintings", "nga-index", "paintings")
    }
    assert set(prepared) == {part.path for part in shipped.parts if part.path.startswith(str(ROOT / "data"))}
    assert shipped.collection and all("README.md" in part["files"] for part in planned)
    references = tmp_path / "all/wikiart-references"
    assert not any(b"JFIF" in path.read_bytes() for path in references.rglob("*.parquet"))
    card = (tmp_path / "all/paintings/README.md").read_text(encoding="utf-8")
    assert "artextract/crnn-wikiart" in card and "artextract/nga-index" in card
    figures = [path.read_text(encoding="utf-8") for path in (tmp_path / "all/crnn-wikiart/.eval_results").iterdir()]
    assert figures and all("artextract/wikiart-references" in text for text in figures)


@pytest.mark.parametrize(
    "text",
    [
        "namespace: a",
        "[]",
        "namespace: a\nversion: v\nparts: [{kind: modell, name: x, path: y}]",
        "parts: [{nam: x}]",
        "version: 2001-99-99",
        "version: " + "9" * 5000,
        "[" * 2000,
        "- 1",
        "parts: 3",
        "\0",
    ],
)
def test_bad_files_are_refused(tmp_path, text):
    (tmp_path / "release.yaml").write_text(text)
    with pytest.raises(DataError) as error:
        Release.load(tmp_path / "release.yaml")
    assert "\n" not in str(error.value)


PART = "{kind: model, name: x, path: y}"
ODD = {
    "[]": "the release is []; it has to have keys",
    "namespace: a": "the release needs version and parts",
    "namespace: a\nversion: 1.0\nparts: [%s]": "version of the release is 1.0; it has to be a text; write it in quotes",
    "namespace: null\nversion: v\nparts: [%s]": "namespace of the release is null; it has to be a text",
    "namespace: [a]\nversion: v\nparts: [%s]": 'namespace of the release is ["a"]; it has to be a text',
    "namespace: a\nversion: 2024-01-02\nparts: [%s]": 'version of the release is "2024-01-02"; it has to be a text',
    "namespace: a\nversion: v\nprivate: 'no'\nparts: [%s]": 'private of the release is "no"; it has to be true or',
    "namespace: a\nversion: v\nparts: 3": "parts is 3; it has to be a list of parts",
    "namespace: a\nversion: v\nparts: []": "parts is []; it has to be a list of parts",
    "namespace: a\nversion: v\nparts: [%s, {kind: space, name: a/x}]": "two parts of the release are called a/x",
    "namespace: a\nversion: v\nparts: [%s, null]": "part 2 is null; it has to have keys",
    "namespace: a\nversion: v\nparts: [{nam: x}]": 'part 1 has no key "nam"; the keys are kind, name, path',
    "namespace: a\nversion: v\nparts: [{kind: model}]": "part 1 needs name",
    "namespace: a\nversion: v\nparts: [{kind: model, name: x, path: [y]}]": """path of the part 'x' is ["y"]; it""",
    "namespace: a\nversion: v\nparts: [{kind: [model], name: x, path: y}]": "kind of the part 'x' is",
    "namespace: a\nversion: v\nparts: [%s]\n1: 2": "the release has no key 1; the keys are namespace",
    "namespace: a\nversion: v\nversion: w\nparts: [%s]": "version is given twice",
    "namespace: !!python/object/apply:os.getcwd []\nversion: v\nparts: [%s]": "it holds in line 1 what is no text",
    "? [a]\n: b": "it holds in line 1 what is no text",
}


@pytest.mark.parametrize("text", ODD)
def test_odd_values_are_refused_in_words_of_yaml(run_cli, tmp_path, text):
    (tmp_path / "release.yaml").write_text(text.replace("%s", PART))
    code, _, err = run_cli("publish", "release", tmp_path / "release.yaml", "--dry-run", "--out", tmp_path / "out")
    assert code == 2 and err.count("\n") == 1 and ODD[text] in err
    assert not any(word in err for word in ("__init__", "NoneType", "None", "object has", "argument", "constructor"))


def test_only_a_space_may_leave_its_path_out(tmp_path):
    assert Part("space", "paintings").path == ""
    with pytest.raises(DataError, match="'crnn' of the release has no path"):
        Part("model", "crnn")
    (tmp_path / "release.yaml").write_text("namespace: a\nversion: v\nparts: [{kind: space, name: s, model: crnn}]")
    loaded = Release.load(tmp_path / "release.yaml")
    repository = loaded.repository(loaded.parts[0])
    assert repository.repo_id == "a/s" and repository.variables == {"ARTEXTRACT_MODEL": "a/crnn"}
    assert "spaces_app/app.py" in repository.write(tmp_path / "space")["files"]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no release file"):
        Release.load(tmp_path / "release.yaml")
