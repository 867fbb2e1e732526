"""An embedder that only an index names: a stranger may have made the index."""

import json

import pytest

from artextract_hf import remote
from artextract_hf.embedders.auto import AutoEmbedder
from artextract_hf.errors import PaintingIndexError
from artextract_hf.models import names
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.named_embedder import load_named_embedder
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder, paintings
from tests.retrieval.mutation import seal


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Names that the Hub was asked for, and not its cache."""
    found: list[str] = []

    def snapshot(name, **options):
        if not options.get("local_files_only"):
            found.append(name)
        return remote.snapshot(name, **options | {"local_files_only": True})

    monkeypatch.setattr(names, "snapshot", snapshot)
    return found


@pytest.mark.parametrize("name", ["somebody/model", "nobody-knows-it", "x" * 300, "a\nb", "../../no/such/folder", ""])
def test_a_name_that_is_not_at_hand_is_not_fetched(name, asked):
    with pytest.raises(PaintingIndexError, match="is not fetched because an index says so") as error:
        load_named_embedder(name, "0" * 16)
    assert not asked and "\n" not in str(error.value)


def test_names_that_are_at_hand(tiny_classifier, asked):
    for name in ("palette", "default", str(tiny_classifier)):
        embedder = AutoEmbedder.from_pretrained(name)
        assert load_named_embedder(name, embedder.fingerprint).fingerprint == embedder.fingerprint
        with pytest.raises(PaintingIndexError, match="the index was built with"):
            load_named_embedder(name, "0" * 16)
    assert not asked


def test_a_user_may_name_it(tmp_path, run_cli, asked):
    PaintingIndex.build(paintings(4), AutoEmbedder.from_pretrained("palette")).save_pretrained(tmp_path / "index")
    about = json.loads((tmp_path / "index/index.json").read_text())
    (tmp_path / "index/index.json").write_text(json.dumps(about | {"embedder": "somebody/palette"}))
    seal(tmp_path / "index")
    plain_picture((200, 30, 30)).save(tmp_path / "a.png")
    code, _, error = run_cli("search", tmp_path / "a.png", "--index", tmp_path / "index")
    assert code == 2 and "--embedder 'somebody/palette'" in error and len(error.strip().splitlines()) == 1
    code, out, _ = run_cli("search", tmp_path / "a.png", "--index", tmp_path / "index", "--embedder", "palette")
    assert code == 0 and "Painting 0" in out and not asked


def test_an_index_of_colours_names_no_model(collection, tmp_path):
    PaintingIndex.build(collection, ColorEmbedder()).save_pretrained(tmp_path / "index")
    with pytest.raises(PaintingIndexError, match="'colour', which is not on this machine"):
        PaintingIndex.from_pretrained(tmp_path / "index").search(plain_picture((9, 9, 9)))
