"""The Space as the Hub starts it: by its own file, with what its variables name."""

import os
import re
import subprocess
import sys

import pytest
import torch

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.data import synthetic_paintings
from artextract_hf.models import ArtImageProcessor, CrnnForImageClassification
from tests.conftest import ROOT
from tests.hub.loopback_hub import LoopbackHub, Repo
from tests.spaces_app.test_upload import META, ask, upload


@pytest.mark.long
def test_its_index_may_be_of_another_network_than_its_model(tiny_classifier, tmp_path):
    other = CrnnForImageClassification.from_pretrained(tiny_classifier)
    with torch.no_grad():
        other.crnn.summary_norm.weight.mul_(torch.linspace(0.5, 2, other.crnn.summary_size))
    other.save_pretrained(tmp_path / "other")
    ArtImageProcessor.from_pretrained(tiny_classifier).save_pretrained(tmp_path / "other")
    paintings = synthetic_paintings(8)
    index = PaintingIndex.build(paintings, AutoEmbedder.from_pretrained(str(tmp_path / "other")))
    index.save_pretrained(tmp_path / "index")
    hub = LoopbackHub().start()
    for kind, name, folder in (
        ("models", "crnn", tiny_classifier),
        ("models", "other", tmp_path / "other"),
        ("datasets", "index", tmp_path / "index"),
    ):
        repo = hub.repos.setdefault((kind, f"somebody/{name}"), Repo(kind, f"somebody/{name}"))
        repo.commit({path.name: path.read_bytes() for path in folder.iterdir()})
    variables = {"MODEL": "somebody/crnn", "INDEX": "somebody/index", "EMBEDDER": "somebody/other"}
    environment = os.environ | hub.environment(tmp_path / "home") | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment |= {f"ARTEXTRACT_{part}": name for part, name in variables.items()}
    with subprocess.Popen(
        [sys.executable, "spaces_app/app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as page:
        url = next(found[1] for line in page.stdout if (found := re.search(r"running at (http://\S+?)/? ", line)))
        paintings[3]["image"].save(tmp_path / "query.png")
        question = {"path": upload(url, (tmp_path / "query.png").read_bytes()), **META}
        classified, similar = ask(url, "classify", [question]), ask(url, "similar", [question, 3, ""])
        page.kill()
    hub.stop()
    assert (classified[0], similar[0]) == ("complete", "complete")
    assert [hit["id"] for hit in similar[1][0]["hits"]] == [hit.id for hit in index.search(paintings[3]["image"], k=3)]


def test_what_is_wrong_with_its_environment_is_one_line(tiny_classifier, monkeypatch, capsys):
    from spaces_app.app import main

    monkeypatch.setenv("ARTEXTRACT_MODEL", str(tiny_classifier))
    monkeypatch.setenv("ARTEXTRACT_INDEX", "somebody/nowhere")
    with pytest.raises(SystemExit) as ended:
        main()
    err = capsys.readouterr().err
    assert ended.value.code == 2 and "'somebody/nowhere'" in err and len(err.splitlines()) == 1
