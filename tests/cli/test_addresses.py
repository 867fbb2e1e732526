"""Commands that take addresses: none asks a private host unless it is told to, by its option or by the environment."""

import json

import pytest

from tests.conftest import plain_picture
from tests.data.hostile_server import PICTURE, HostileServer


@pytest.fixture(scope="module")
def server():
    server = HostileServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "museum.jpg").write_bytes(PICTURE)
    for seed, color in enumerate([(200, 30, 30), (30, 200, 30)]):
        plain_picture(color, seed=seed).save(folder / f"{seed}.png")
    return folder


@pytest.fixture
def refused(run_cli, server):
    """Calls a command that may not ask the server, and says why not in one line."""
    server.asked.clear()

    def check(*command):
        code, out, err = run_cli(*command)
        assert code == 2 and "--allow-private-hosts" in err and err.count("\n") == 1, command
        assert out == "" or [set(answer) for answer in json.loads(out)] == [{"image", "error"}]
        assert not server.asked

    return check


def test_pictures_at_addresses(run_cli, refused, server, pictures, tiny_classifier, tmp_path, monkeypatch):
    address, file = f"{server.url}/Dürer 1.jpg", str(pictures / "museum.jpg")
    index, regions, model = tmp_path / "index", tmp_path / "regions", ("--embedder", tiny_classifier)
    assert run_cli("index", pictures, "--out", index, *model)[0] == 0
    assert run_cli("index-regions", pictures, "--out", regions, *model, "--side", 64)[0] == 0
    commands = {
        "classify": ("--model", tiny_classifier, "--json"),
        "search": ("--index", index, "--json"),
        "search-region": ("--index", regions, "--json"),
    }
    for command, options in commands.items():
        refused(command, address, *options)
        code, out, _ = run_cli(command, address, *options, "--allow-private-hosts")
        expected = run_cli(command, file, *options)[1]
        assert code == 0 and json.loads(out) == json.loads(expected.replace(file, address)), command
        assert server.asked == ["/Dürer 1.jpg"]
        server.asked.clear()
    monkeypatch.setenv("ARTEXTRACT_ALLOW_PRIVATE_HOSTS", "1")
    assert run_cli("classify", address, "--model", tiny_classifier)[0] == 0


def test_explain_fetches_both_pictures(run_cli, refused, server, tiny_classifier, tmp_path):
    good, bad = f"{server.url}/good.jpg", f"{server.url}/status/404"
    arguments = ("explain", good, bad, "--out", tmp_path / "why.png", "--embedder", tiny_classifier)
    refused(*arguments)
    code, _, err = run_cli(*arguments, "--allow-private-hosts")
    assert code == 2 and "answered 404" in err and server.asked == ["/good.jpg", "/status/404"]


@pytest.mark.parametrize("path", ["cut/", "html/", "words/", "status/404"])
def test_what_cannot_be_fetched_is_one_line(run_cli, server, tiny_classifier, path):
    code, out, err = run_cli("classify", f"{server.url}/{path}", "--model", tiny_classifier, "--allow-private-hosts")
    assert code == 2 and out == "" and err.startswith(f"artextract: {server.url}/{path} ") and err.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        "prepare collection",
        "index",
        "index-regions",
        "embed",
        "audit duplicates",
        "audit outliers",
        "demo --collection",
    ],
)
def test_a_collection_at_a_private_address(refused, run_cli, server, tiny_classifier, tmp_path, monkeypatch, command):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = () if command.startswith("demo") else ("--out", tmp_path / "out")
    if command.startswith(("index", "embed", "audit outliers")):
        options += ("--embedder", tiny_classifier)
    refused(*command.split(), f"{server.url}/m.json", *options)
    code, _, err = run_cli(*command.split(), f"{server.url}/m.json", *options, "--allow-private-hosts")
    assert code == 2 and "is no JSON document" in err and server.asked == ["/m.json"]
