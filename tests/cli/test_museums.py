"""Museums on the command line: prepared, shown, and refused in a sentence."""

import json
import os
import subprocess
import sys

import pytest

from artextract_hf.cli.demo import FROM_MUSEUM, index_of_museum
from artextract_hf.data.prepared import load_prepared, read_manifest
from artextract_hf.data.sources.museums.query import MuseumQuery
from tests.data.sources.museums.museum_server import MuseumServer, Painting

ADDRESSES = {"artic": "aic", "cleveland": "cma", "met": "met", "nga": "nga"}


@pytest.fixture
def server(monkeypatch):
    server = MuseumServer().start()
    server.paintings = [Painting(number, f"Lilies {number}") for number in range(1, 7)]
    for name, path in ADDRESSES.items():
        monkeypatch.setenv(f"ARTEXTRACT_{name.upper()}_URL", f"{server.url}/{path}")
    yield server
    server.stop()


def test_a_museum_is_prepared(run_cli, server, tmp_path):
    command = ("prepare", "museum", "cleveland", "--out", tmp_path / "data", "--allow-private-hosts")
    code, out, err = run_cli(*command, "--query", "lilies", "--from", "1900", "--to", 1910, "--limit", 3, "--json")
    assert code == 0, err
    assert json.loads(out)["splits"]["all"]["rows"] == 3 and not json.loads(out)["skipped"]
    assert load_prepared(tmp_path / "data")["all"]["id"] == ["cleveland/1", "cleveland/2", "cleveland/3"]
    manifest = read_manifest(tmp_path / "data")
    assert (manifest["source"], manifest["museum"]) == ("The Cleveland Museum of Art", "cleveland")
    assert manifest["query"]["text"] == "lilies" and manifest["query"]["first_year"] == 1900
    assert len(list((tmp_path / "data-images").glob("cleveland-*.jpg"))) == 3
    server.asked.clear()
    again = run_cli(*command, "--query", "lilies", "--from", "1900", "--to", 1910, "--limit", 3)
    assert again[0] == 0 and "all: 3 paintings" in again[1] and not server.asked


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["louvre"], "no museum is called 'louvre' here; there are artic, cleveland, met, nga."),
        (["met", "--limit", "0"], "at most 0 paintings is none; --limit is 1 or more."),
        (["met", "--limit", "-3"], "at most -3 paintings is none; --limit is 1 or more."),
        (["met", "--from", "1900", "--to", "1800"], "--from 1900 is after --to 1800; exchange them."),
        (["met", "--query", "?!"], "--query '?!' holds no word to search for."),
        (["met", "--query", "cats"], "The Metropolitan Museum of Art has no painting for 'cats' that can be taken."),
    ],
)
def test_bad_input_is_one_sentence(run_cli, server, tmp_path, arguments, said):
    code, out, err = run_cli("prepare", "museum", *arguments, "--out", tmp_path / "data", "--allow-private-hosts")
    assert (code, out, err) == (2, "", f"artextract: {said}\n")
    assert not (tmp_path / "data").exists()


def test_private_hosts_are_not_asked_unasked(run_cli, server, tmp_path):
    code, _, err = run_cli("prepare", "museum", "met", "--out", tmp_path / "data")
    assert code == 2 and "--allow-private-hosts" in err and not server.asked


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--museum", "met", "--collection", "x"), "--collection and --museum are 2 collections; give one of them."),
        (("--query", "Monet"), "--query is for a museum; say by --museum for which."),
        (("--museum", "louvre"), "no museum is called 'louvre' here; there are artic, cleveland, met, nga."),
    ],
)
def test_a_demo_that_cannot_be(run_cli, options, said):
    code, out, err = run_cli("demo", "--check", *options)
    assert (code, out, err) == (2, "", f"artextract: {said}\n")


def test_the_demo_shows_a_museum_and_starts_again_without_it(server, tmp_path, monkeypatch, capsys):
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    environment["ARTEXTRACT_ALLOW_PRIVATE_HOSTS"] = "1"
    options = ["demo", "--museum", "cleveland", "--query", "Lilies", "--check", "--json"]
    command = [sys.executable, "-m", "artextract_hf.cli", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    hits = json.loads(done.stdout)["neighbours"]
    assert len(hits) == 5 and all(hit["id"].startswith("cleveland/") for hit in hits)
    assert all("The Cleveland Museum of Art" in hit["record"]["credit_line"] for hit in hits)
    assert "6 paintings of The Cleveland Museum of Art, kept in" in done.stderr
    server.asked.clear()
    monkeypatch.setattr("spaces_app.app.CACHE", tmp_path / "artextract-hf")
    wanted = MuseumQuery("Lilies", limit=FROM_MUSEUM)
    index = index_of_museum("cleveland", wanted, allow_private_hosts=True)
    assert index.ids == [f"cleveland/{number}" for number in range(1, 7)] and not server.asked
    assert "6 paintings" in capsys.readouterr().err
