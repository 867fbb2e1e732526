"""A model pushed by the real client to a loopback Hub, and loaded from there by the real transformers, with faults."""

import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from PIL import Image
from transformers import pipeline

from artextract_hf import ArtImageProcessor, ByolConfig, ByolModel, load_classifier
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.embedded import PRETRAINED
from artextract_hf.errors import ArtExtractError
from artextract_hf.hub.model_repo import model_repository
from artextract_hf.hub.remote_code import OWN_IMPORT
from tests.hub.loopback_hub import LoopbackHub
from tests.hub.loopback_repo import TOKEN, Fault, Repo

REPO = "somebody/crnn"
ROOT = Path(__file__).parent.parent.parent


def publish(hub: LoopbackHub, model: Path, home: Path, *more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "artextract_hf.cli", "publish", "model", str(model), REPO, "--json", *more]
    environment = os.environ | hub.environment(home)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


def load(hub: LoopbackHub, home: Path, script: str, python: Path | str = sys.executable) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | hub.environment(home)
    command = [str(python), "-c", textwrap.dedent(script)]
    return subprocess.run(command, cwd=home.parent, env=environment, capture_output=True, text=True, timeout=180)


def test_the_folder_is_whole(tiny_classifier, tmp_path):
    report = model_repository(tiny_classifier, REPO).write(tmp_path / "repo")
    assert {"config.json", "model.safetensors", "preprocessor_config.json", "modeling_crnn.py", "rla.py"} <= set(
        report["files"]
    )
    config = json.loads((tmp_path / "repo/config.json").read_text())
    assert config["auto_map"]["AutoModelForImageClassification"] == "modeling_crnn.CrnnForImageClassification"
    for path in (tmp_path / "repo").glob("*.py"):
        assert not OWN_IMPORT.search(path.read_text()) and "import artextract_hf" not in path.read_text()
    assert "auto_map" not in json.loads((tiny_classifier / "config.json").read_text())  # the source stays as it was


def test_what_is_no_model_is_refused(run_cli, tmp_path):
    (tmp_path / "m").mkdir()
    code, _, err = run_cli("publish", "model", tmp_path / "m", REPO, "--dry-run", "--out", tmp_path / "repo")
    assert code == 2 and "model.safetensors" in err
    for name in ("config.json", "model.safetensors", "preprocessor_config.json"):
        (tmp_path / "m" / name).write_text('{"model_type": "bert"}')
    code, _, err = run_cli("publish", "model", tmp_path / "m", REPO, "--dry-run", "--out", tmp_path / "repo")
    assert code == 2 and "'bert'" in err


def test_a_model_without_a_card_is_refused(run_cli, tiny_classifier, tmp_path):
    model = Path(shutil.copytree(tiny_classifier, tmp_path / "last"))
    (model / "README.md").unlink()
    code, _, err = run_cli("publish", "model", model, REPO, "--dry-run", "--out", tmp_path / "repo")
    assert code == 2 and err.startswith(f"artextract: {model} has no card to publish: README.md is missing. ")
    assert "`artextract train classifier` with an eval_split into best" in err and err.count("\n") == 1
    assert not (tmp_path / "repo").exists()


def test_a_model_travels_with_its_own_evaluation_before_that_of_the_training_above_it(tiny_classifier, tmp_path):
    for name in ("best", "calibrated"):
        shutil.copytree(tiny_classifier, tmp_path / name)
    shutil.copy(tiny_classifier / "config.json", tmp_path)
    (tmp_path / "log.csv").write_text("the training's")
    for folder in (tmp_path, tmp_path / "calibrated"):
        (folder / "evaluation").mkdir()
        (folder / "evaluation/metrics.json").write_text(json.dumps({"of": folder.name}))
    (tmp_path / "evaluation/report.md").write_text("the training's")
    for name, scored in (("best", tmp_path.name), ("calibrated", "calibrated")):
        model_repository(tmp_path / name, REPO).write(tmp_path / f"{name}_repo")
        assert json.loads((tmp_path / f"{name}_repo/metrics.json").read_text()) == {"of": scored}
        assert (tmp_path / f"{name}_repo/log.csv").read_text() == "the training's"
    (tmp_path / "calibrated/metrics.json").write_text(json.dumps({"of": "the model itself"}))
    model_repository(tmp_path / "calibrated", REPO).write(tmp_path / "again")
    assert json.loads((tmp_path / "again/metrics.json").read_text()) == {"of": "the model itself"}


@pytest.mark.parametrize("name", ["best/results.png", "best/config.json", "log.csv", "evaluation"])
def test_links_out_of_the_folder_are_not_published(run_cli, tiny_classifier, tmp_path, name):
    model = Path(shutil.copytree(tiny_classifier, tmp_path / "run/best"))
    shutil.copy(model / "config.json", tmp_path / "run")
    home = Path(shutil.copytree(model, tmp_path / "home"))
    (home / "report.md").write_text("mine")
    link = tmp_path / "run" / name
    link.unlink(missing_ok=True)
    link.symlink_to(home if name == "evaluation" else home / "config.json")
    code, _, err = run_cli("publish", "model", model, REPO, "--dry-run", "--out", tmp_path / "repo")
    assert code == 2 and f"{link}" in err and "is a link out of" in err and err.count("\n") == 1
    assert not (tmp_path / "repo").exists()


def test_a_model_in_the_cache_of_the_hub_is_published_from_there(tiny_classifier, tmp_path):
    blobs = shutil.copytree(tiny_classifier, tmp_path / "models--a--b/blobs")
    (snapshot := tmp_path / "models--a--b/snapshots/0123").mkdir(parents=True)
    for file in Path(blobs).iterdir():
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    assert "config.json" in model_repository(snapshot, REPO).write(tmp_path / "repo")["files"]
    (snapshot / "results.png").symlink_to(tmp_path / "repo/config.json")
    with pytest.raises(ArtExtractError, match="is a link out of"):
        model_repository(snapshot, REPO).write(tmp_path / "again")


FAULTS = {
    "none": [],
    "500 on commit": [Fault("POST .*/commit/", 500, times=2)],
    "429 on commit": [Fault("POST .*/commit/", 429, retry_after=0)],
    "412 on commit": [Fault("POST .*/commit/", 412)],
    "cut on commit": [Fault("POST .*/commit/", "cut")],
    "answer of the commit lost": [Fault("POST .*/commit/", "lost")],
    "cut in the weights": [Fault("PUT /lfs/", "cut")],
    "500 on creation": [Fault("POST /api/repos/create", 500)],
    "slow": [Fault(".*preupload", "slow")],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_pushed_under_every_fault_it_arrives_once_and_whole(hub, tiny_classifier, tmp_path, fault):
    hub.faults = [Fault(f.where, f.how, f.times, f.retry_after) for f in FAULTS[fault]]
    done = publish(hub, tiny_classifier, tmp_path / "home")
    assert done.returncode == 0, done.stderr[-2000:]
    repo = hub.repo(REPO)
    assert len(repo.commits) == 2  # the empty one of its creation, and ours
    expected = tmp_path / "expected"
    model_repository(tiny_classifier, REPO).write(expected)
    card = (expected / "README.md").read_text(encoding="utf-8")  # its thumbnail is on the Hub that it goes to
    (expected / "README.md").write_text(card.replace("https://huggingface.co", hub.url), encoding="utf-8")
    assert {name: data for name, data in repo.files.items() if name != ".gitattributes"} == {
        path.name: path.read_bytes() for path in expected.iterdir()
    }
    assert hub.asked.count(next(a for a in hub.asked if a.startswith("PUT /lfs/"))) <= 2
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in data for data in repo.files.values())


XET_FAULTS = {
    "none": [],
    "500 on commit": [Fault("POST .*/commit/", 500, times=2)],
    "answer of the commit lost": [Fault("POST .*/commit/", "lost")],
    "503 on the token": [Fault("GET .*/xet-write-token/", 503)],
}


@pytest.mark.parametrize("fault", XET_FAULTS)
def test_by_xet_it_arrives_in_one_commit_and_comes_back(xet_hub, tiny_classifier, tmp_path, fault):
    xet_hub.faults = [Fault(f.where, f.how, f.times, f.retry_after) for f in XET_FAULTS[fault]]
    done = publish(xet_hub, tiny_classifier, tmp_path / "home")
    assert done.returncode == 0, done.stderr[-2000:]
    repo = xet_hub.repo(REPO)
    assert len(repo.commits) == 2
    assert repo.files["model.safetensors"] == (tiny_classifier / "model.safetensors").read_bytes()
    assert any("xet-write-token" in asked for asked in xet_hub.asked)
    assert not any("/lfs/" in asked for asked in xet_hub.asked)
    script = f"""
    from artextract_hf.errors import ModelError
    from artextract_hf.remote import download_snapshot
    print(download_snapshot("{REPO}", ModelError, allow=["*.json", "*.safetensors"]))
    """
    loaded = load(xet_hub, tmp_path / "other", script)
    assert loaded.returncode == 0, loaded.stderr[-3000:]
    assert any("xet-read-token" in asked for asked in xet_hub.asked)
    assert (Path(loaded.stdout.strip()) / "model.safetensors").read_bytes() == repo.files["model.safetensors"]


def test_many_files_are_one_commit_by_xet(xet_hub, tmp_path):
    for number in range(300):
        (tmp_path / f"{number}.bin").write_bytes(number.to_bytes(8, "big") * 100)
    script = f"""
    from artextract_hf.hub.push import push_folder
    print(push_folder("{tmp_path}", "{REPO}", kind="model"))
    """
    done = load(xet_hub, tmp_path / "home", script)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(xet_hub.repo(REPO).commits) == 2 and len(xet_hub.repo(REPO).files) == 301


def test_a_hub_that_stays_down_is_one_line_and_no_half_commit(hub, tiny_classifier, tmp_path):
    hub.faults = [Fault("POST .*/commit/", 400, times=99)]
    done = publish(hub, tiny_classifier, tmp_path / "home")
    assert done.returncode == 2 and done.stderr.strip().splitlines()[-1].startswith("artextract: somebody/crnn could")
    assert len(hub.repo(REPO).commits) == 1


def test_private_and_tagged(hub, tiny_classifier, tmp_path):
    assert publish(hub, tiny_classifier, tmp_path / "home", "--private", "--tag", "v1.0").returncode == 0
    repo = hub.repo(REPO)
    assert repo.private and repo.tags == {"v1.0": repo.head}


READ_FAULTS = {
    "none": [],
    "cut in the middle of the weights": [Fault("GET .*safetensors", "half", times=2)],
    "503 on the weights": [Fault("GET .*safetensors", 503, times=2)],
    "429 on the weights": [Fault("GET .*safetensors", 429, retry_after=0)],
    "503 on a question": [Fault("HEAD .*config.json", 503)],
    "slow": [Fault("GET .*safetensors", "slow")],
}


@pytest.fixture(scope="module")
def loaded(tiny_classifier, tmp_path_factory):
    """The logits of a classifier that one process loads from as many repositories as there are faults, by fault."""
    folder, hub = tmp_path_factory.mktemp("loaded"), LoopbackHub().start()
    model_repository(tiny_classifier, REPO).write(folder / "repo")
    files = {path.name: path.read_bytes() for path in (folder / "repo").iterdir()}
    for number, faults in enumerate(READ_FAULTS.values()):
        repo_id = f"{REPO}-{number}"
        hub.repos["models", repo_id] = repo = Repo("models", repo_id)
        repo.commit(files)
        hub.faults += [replace(fault, where=fault.where.replace(".*", f".*{repo_id}/.*")) for fault in faults]
    script = f"""
    import os
    os.environ["HF_HUB_DISABLE_SHARED_BLOBS"] = "1"  # or the same file would be asked for only once
    import torch
    from artextract_hf import load_classifier
    pixels = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.no_grad():
        logits = {{str(i): load_classifier(f"{REPO}-{{i}}")[0](pixels).logits for i in range({len(READ_FAULTS)})}}
    torch.save(logits, "{folder}/out.pt")
    """
    done = load(hub, folder / "home", script)
    assert done.returncode == 0, done.stderr[-3000:]
    assert all(fault.times == 0 for fault in hub.faults)  # it did meet them
    hub.stop()
    return dict(zip(READ_FAULTS, torch.load(folder / "out.pt", weights_only=True).values(), strict=True))


@pytest.mark.parametrize("fault", READ_FAULTS)
def test_loaded_under_every_fault_it_is_whole(loaded, tiny_classifier, fault):
    torch.testing.assert_close(loaded[fault], expected_logits(tiny_classifier))


LOAD = """
    import json, torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification, pipeline
    options = {options}
    model = AutoModelForImageClassification.from_pretrained("somebody/crnn", **options).eval()
    processor = AutoImageProcessor.from_pretrained("somebody/crnn", **options)
    with torch.no_grad():
        logits = model(torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)).logits
    classify = pipeline("image-classification", model="somebody/crnn", **options)
    found = {{"logits": logits.tolist(), "module": type(model).__module__, "side": processor.size["height"]}}
    found["classes"] = [[answer["label"], answer["score"]] for answer in classify("{picture}", top_k=2)]
    print("", json.dumps(found), sep="\\n")  # below the question about custom code, which the flag answered
"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "painting.png"
    synthetic_paintings(1)[0]["image"].save(path)
    return path


def check_loaded(done: subprocess.CompletedProcess, module: str, folder: Path, picture: Path) -> None:
    """The model, the image processor and the pipeline that LOAD loaded, with the code of a module, are a folder's."""
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.strip().splitlines()[-1])
    assert found["module"].startswith(module) and found["side"] == 64
    torch.testing.assert_close(torch.tensor(found["logits"]), expected_logits(folder))
    model, processor = load_classifier(str(folder))
    expected = pipeline("image-classification", model=model, image_processor=processor)(str(picture), top_k=2)
    assert [label for label, _ in found["classes"]] == [answer["label"] for answer in expected]
    scores = [score for _, score in found["classes"]]
    assert scores == pytest.approx([answer["score"] for answer in expected], abs=1e-5)


def expected_logits(folder: Path) -> torch.Tensor:
    with torch.no_grad():
        return load_classifier(str(folder))[0](torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)).logits


def test_trust_remote_code_works_without_this_package(hub, tiny_classifier, tmp_path, stranger, picture):
    assert publish(hub, tiny_classifier, tmp_path / "home").returncode == 0
    script = LOAD.format(options='{"trust_remote_code": True}', picture=picture)
    check_loaded(load(hub, tmp_path / "stranger", script, stranger), "transformers_modules.", tiny_classifier, picture)
    refused = load(hub, tmp_path / "other", LOAD.format(options="{}", picture=picture), stranger)
    assert refused.returncode != 0 and "trust_remote_code" in refused.stderr


def test_with_this_package_its_own_code_is_used_and_a_revision_is_kept(hub, tiny_classifier, tmp_path, picture):
    assert publish(hub, tiny_classifier, tmp_path / "home", "--tag", "v1").returncode == 0
    changed = load_classifier(str(tiny_classifier))[0]
    with torch.no_grad():
        for weight in changed.heads.parameters():
            weight.zero_()
    changed.save_pretrained(tmp_path / "second")
    for name in ("preprocessor_config.json", "README.md"):
        shutil.copy(tiny_classifier / name, tmp_path / "second")
    assert publish(hub, tmp_path / "second", tmp_path / "home", "--tag", "v2").returncode == 0
    script = "    import artextract_hf.models" + LOAD.format(options='{"revision": "v1"}', picture=picture)
    own = "artextract_hf.models.modeling_crnn"
    check_loaded(load(hub, tmp_path / "cache", script), own, tiny_classifier, picture)
    asked = len(hub.asked)
    offline = load(hub, tmp_path / "cache", 'import os; os.environ["HF_HUB_OFFLINE"] = "1"\n' + textwrap.dedent(script))
    check_loaded(offline, own, tiny_classifier, picture)
    assert len(hub.asked) == asked


def test_figures_picture_and_results_travel_with_a_model(hub, tmp_path):
    default = PRETRAINED / "crnn-wikiart"
    done = publish(hub, default, tmp_path / "home", "--dataset", "somebody/wikiart-subset")
    assert done.returncode == 0, done.stderr[-3000:]
    files = hub.repo(REPO).files
    report = json.loads(files["metrics.json"])
    entries = parse_eval_result_entries(yaml.safe_load(files[".eval_results/wikiart-subset.yaml"]))
    assert {e.task_id: e.value for e in entries} == {
        task: round(100 * scores["accuracy"], 2) for task, scores in report["tasks"].items()
    }
    assert {e.dataset_id for e in entries} == {"somebody/wikiart-subset"}
    card = ModelCard(files["README.md"].decode())
    assert card.data.thumbnail == f"{hub.url}/{REPO}/resolve/main/results.png"
    assert card.data.model_name == REPO and "artextract/crnn-wikiart" not in card.content
    with Image.open(io.BytesIO(files["results.png"])) as picture:
        assert picture.size == (1200, 630)
    assert files["model.safetensors"] == (default / "model.safetensors").read_bytes()


def test_a_card_that_the_hub_refuses_is_one_line(hub, tiny_classifier, tmp_path):
    assert "README.md" in model_repository(tiny_classifier, REPO).write(tmp_path / "repo")["files"]
    (tmp_path / "repo/README.md").write_text("---\nthumbnail: results.png\n---\n# Nothing\n", encoding="utf-8")
    script = f"""
    from artextract_hf.hub.push import push_folder
    push_folder("{tmp_path / "repo"}", "{REPO}", kind="model")
    """
    refused = load(hub, tmp_path / "home", script)
    assert "could not be published" in refused.stderr.splitlines()[-1]
    assert len(hub.repo(REPO).commits) == 1


def test_an_embedder_too(tmp_path, stranger):
    ByolModel(ByolConfig(backbone="mobilenetv3_small_050", image_size=64)).save_pretrained(tmp_path / "byol")
    ArtImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path / "byol")
    (tmp_path / "byol/README.md").write_text("# BYOL\n", encoding="utf-8")
    model_repository(tmp_path / "byol", REPO).write(tmp_path / "repo")
    script = f"""
    import torch
    from transformers import AutoModel
    model = AutoModel.from_pretrained("{tmp_path / "repo"}", trust_remote_code=True).eval()
    print(tuple(model(torch.zeros(1, 3, 64, 64)).pooler_output.shape))
    """
    environment = os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    command = [str(stranger), "-c", textwrap.dedent(script)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().splitlines()[-1] == "(1, 288)"
