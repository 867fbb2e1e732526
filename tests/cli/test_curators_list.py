"""Three commands from a desk's list of 300 works to a page that searches them."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.data.sources.spreadsheets.desks import DESKS, export


@pytest.mark.long  # 300 works are embedded, and a page is served: a minute a desk
@pytest.mark.parametrize("desk", DESKS, ids=lambda desk: desk.name)
def test_a_list_becomes_a_page_in_three_commands(desk, tmp_path):
    source = export(desk, tmp_path / "museum")
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1"}

    def run(*arguments: object) -> dict:
        command = [sys.executable, "-m", "artextract_hf.cli", *map(str, arguments), "--json"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    prepared = run("prepare", "collection", source, "--out", tmp_path / "data")
    assert prepared["splits"]["all"]["rows"] == 300 and prepared["splits"]["all"]["open"] == 200
    assert len(run("index", tmp_path / "data", "--out", tmp_path / "index")["skipped"]) == 100
    found = run("demo", "--index", tmp_path / "index", "--check")["neighbours"]
    assert len(found) == 5 and all(hit["id"].startswith("GM 1") for hit in found)
