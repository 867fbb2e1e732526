"""A map of groups that were planted: they lie together, are clusters, and are named by what they share."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score

from artextract_hf.curation.collection_map import map_collection, name_clusters, typical_works
from artextract_hf.data.labels import display_name
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units
from tests.curation.test_outliers import groups, index_of
from tests.retrieval.conftest import ColorEmbedder, paintings

STYLES = ["Baroque", "Rococo", "Ukiyo_e"]


def test_planted_groups_lie_together_and_are_clusters_with_names():
    vectors, kind = groups(np.random.default_rng(0), 60)
    index = index_of(vectors, style=[STYLES[k] for k in kind], year=[1600 + 100 * int(k) for k in kind])
    found = map_collection(index, clusters=3)
    assert adjusted_rand_score(kind, found.cluster) == 1
    assert found.places.shape == (60, 2) and trustworthiness(vectors, found.places, n_neighbors=5) > 0.9
    first = [int(kind[np.flatnonzero(found.cluster == number)[0]]) for number in range(3)]
    shown = [display_name(style) for style in STYLES]
    assert found.names == [
        f"{n + 1}. {shown[k]} 100%, {1600 + 100 * k}-{1699 + 100 * k} 100%" for n, k in enumerate(first)
    ]
    findings = typical_works(found, index.ids)
    assert len(findings) == 60 and findings[0].criterion == found.names[0]
    middle = units(vectors[found.cluster == 0].mean(axis=0))
    nearest = np.flatnonzero(found.cluster == 0)[np.argmax(vectors[found.cluster == 0] @ middle)]
    assert findings[0].id == f"w{nearest}" and findings[0].score == pytest.approx(vectors[nearest] @ middle, abs=1e-4)
    again = map_collection(index, clusters=3)
    assert np.array_equal(found.places, again.places) and found.names == again.names


def test_names_by_hand():
    """Monet is true of 3 in 4 works of the first cluster and of 3 in 8 of all; nothing is commoner in the second."""
    monet, other = {"artist_name": "Claude Monet", "year": 1881}, {"artist_name": "", "year": None}
    records = [monet, monet, monet, other, other, other, other, other]
    assert name_clusters(records, np.array([0, 0, 0, 0, 1, 1, 1, 1])) == [
        "1. Claude Monet 75%, 1800-1899 75%",
        "2. mixed",
    ]


def test_the_largest_cluster_comes_first_and_few_works_are_no_map():
    rng = np.random.default_rng(1)
    found = map_collection(index_of(groups(rng, 50)[0]))
    sizes = np.bincount(found.cluster)
    assert len(sizes) == 5 == len(found.names) and (np.diff(sizes) <= 0).all()
    assert len(map_collection(index_of(groups(rng, 10)[0]), clusters=40).names) <= 10
    with pytest.raises(PaintingIndexError, match="9 works"):
        map_collection(index_of(groups(rng, 9)[0]))


def test_the_command_writes_a_page_a_picture_and_a_table(run_cli, tmp_path):
    PaintingIndex.build(paintings(30), ColorEmbedder()).save_pretrained(tmp_path / "index")
    out = tmp_path / "map"
    for _ in range(2):  # over an earlier map
        code, printed, errors = run_cli("audit", "map", tmp_path / "index", "--out", out, "--clusters", 4, "--json")
        assert code == 0, errors
    document = json.loads(printed)
    table = pd.read_parquet(out / "map.parquet")
    columns = ["id", "x", "y", "cluster", "title", "artist_name", "year", "text", "image", "neighbors"]
    assert list(table) == columns and len(table) == 30
    index = PaintingIndex.from_pretrained(tmp_path / "index")
    for row, (picture, around) in enumerate(zip(table["image"], table["neighbors"], strict=True)):  # as the tool has it
        assert picture["bytes"] == list(index.thumbnails())[row]
        hits = index.similar_to(index.ids[row], 10)
        assert [index.ids[number] for number in around["ids"]] == [hit.id for hit in hits]
        np.testing.assert_allclose(around["distances"], [1 - hit.score for hit in hits], atol=1e-5)
    assert {f["criterion"] for f in document["findings"]} == set(table["cluster"]) and table["cluster"].nunique() == 4
    with Image.open(out / "map.png") as picture:
        assert picture.size == (1320, 990)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/map.png").write_text("mine")
    code, _, errors = run_cli("audit", "map", tmp_path / "index", "--out", tmp_path / "mine")
    assert code == 2 and "is of no earlier run" in errors and (tmp_path / "mine/map.png").read_text() == "mine"
