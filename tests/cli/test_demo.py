import json
import os
import subprocess
import sys

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.data import synthetic_paintings


def test_demo_check_answers_over_http(demo_cache):
    environment = os.environ | {"XDG_CACHE_HOME": str(demo_cache), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "artextract_hf.cli", "demo", "--check", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    assert answers["url"].startswith("http://127.0.0.1")
    assert set(answers["classification"]) == {"style", "genre", "artist"}
    assert len(answers["neighbours"]) == 5
    assert all(hit["record"]["credit_line"] for hit in answers["neighbours"])


def test_demo_opens_an_index(tmp_path, demo_cache):
    PaintingIndex.build(synthetic_paintings(3, seed=5), AutoEmbedder.from_pretrained()).save_pretrained(tmp_path / "i")
    environment = os.environ | {"XDG_CACHE_HOME": str(demo_cache), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "artextract_hf.cli", "demo", "--index", str(tmp_path / "i"), "--host", "127.0.0.2"]
    done = subprocess.run([*command, "--check", "--json"], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout)
    assert answers["url"].startswith("http://127.0.0.2:")
    assert sorted(hit["id"] for hit in answers["neighbours"]) == [f"synthetic/{i:05}" for i in range(3)]


def test_a_page_shows_one_collection(run_cli):
    code, _, err = run_cli("demo", "--index", "a", "--collection", "b")
    assert (code, err) == (2, "artextract: --collection and --index are 2 collections; give one of them.\n")


def test_an_index_is_served_without_examples(run_cli, monkeypatch, tmp_path):
    from spaces_app import app

    PaintingIndex.build(synthetic_paintings(3), AutoEmbedder.from_pretrained()).save_pretrained(tmp_path / "index")
    asked = []
    monkeypatch.setattr(app, "start", lambda **options: asked.append(options))
    assert run_cli("serve", "--index", tmp_path / "index", "--port", 8000) == (0, "", "")
    (options,) = asked
    assert len(options.pop("index")) == 3
    assert options == {"model": "default", "host": None, "port": 8000, "examples": False}
    assert run_cli("serve", "--index", tmp_path / "nowhere")[0] == 2
