"""Vectors beside manifests: who reads them back finds what the index finds, and no other embedder's picture."""

import json
import shutil

import numpy as np
import pytest

from artextract_hf.errors import PaintingIndexError
from artextract_hf.linked import file_name, read_vectors
from tests.linked.conftest import BASE
from tests.retrieval.conftest import ColorEmbedder


def test_what_is_read_back_has_the_same_neighbours(export):
    index = read_vectors(export.folder, embedder=ColorEmbedder())
    assert index.ids == [id_ for id_ in export.index.ids if id_ != "closed"]
    for query in (export.index.thumbnail("range"), export.index.vectors()[0]):
        expected = [(hit.id, hit.score) for hit in export.index.search(query, 5, "license != 'In copyright'")]
        found = [(hit.id, pytest.approx(hit.score, abs=1e-6)) for hit in index.search(query, 5)]
        assert found == expected and len(found) == 4
    (hit,) = index.similar_to("range", 1)
    assert hit.record["manifest"] == f"{BASE}/works/{file_name(hit.id)}/manifest.json"


def test_the_vectors_are_named_with_model_and_checksum(export):
    manifest = json.loads(next(export.folder.glob("works/*/manifest.json")).read_text(encoding="utf-8"))
    collection = json.loads((export.folder / "collection.json").read_text(encoding="utf-8"))
    assert all(f"{BASE}/vectors.json" in [link["id"] for link in part["seeAlso"]] for part in (manifest, collection))
    about = json.loads((export.folder / "vectors.json").read_text(encoding="utf-8"))
    array = np.load(export.folder / about["vectors"], allow_pickle=False)
    assert array.shape == (about["count"], about["dim"]) == (4, 3) and array.dtype == about["dtype"]
    assert (about["embedder"], about["fingerprint"]) == ("colour", "colour-1")


def test_another_embedder_is_refused(export):
    with pytest.raises(PaintingIndexError, match="embedder"):
        read_vectors(export.folder, embedder=ColorEmbedder("colour-2"))


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about.update(sha256="0" * 64),
        lambda about: about.update(dim=2),
        lambda about: about.update(dim="3"),
        lambda about: about.update(metric="x"),
        lambda about: about["ids"].pop(),
        lambda about: about["titles"].pop(),
        lambda about: about.update(ids=[1, 2, 3, 4]),
        lambda about: about.update(ids=["a"] * 4),
        lambda about: about.pop("fingerprint"),
    ],
)
def test_what_does_not_fit_together_is_refused(export, tmp_path, change):
    for name in ("vectors.json", "vectors.npy"):
        shutil.copyfile(export.folder / name, tmp_path / name)
    about = json.loads((tmp_path / "vectors.json").read_text(encoding="utf-8"))
    change(about)
    (tmp_path / "vectors.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(PaintingIndexError, match=r"vectors\.json"):
        read_vectors(tmp_path)


def test_damaged_numbers_are_refused(export, tmp_path):
    for name in ("vectors.json", "vectors.npy"):
        shutil.copyfile(export.folder / name, tmp_path / name)
    data = bytearray((tmp_path / "vectors.npy").read_bytes())
    data[-1] ^= 1
    (tmp_path / "vectors.npy").write_bytes(data)
    with pytest.raises(PaintingIndexError, match="damaged"):
        read_vectors(tmp_path)
