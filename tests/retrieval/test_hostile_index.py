"""Folders that a stranger made, whose checksums fit: one clear error, or answers that are whole."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artextract_hf.digests import file_digest
from artextract_hf.errors import ArtExtractError, PaintingIndexError
from artextract_hf.hub.index_repo import index_repository
from artextract_hf.retrieval.calibration import Calibration
from artextract_hf.retrieval.database.rows import read_about
from artextract_hf.retrieval.embedding_parts import embed_collection
from artextract_hf.retrieval.faces.index import FaceIndex
from artextract_hf.retrieval.faces.records import COLUMNS
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.regions.index import RegionIndex
from tests.retrieval.conftest import ColorEmbedder, paintings
from tests.retrieval.mutation import mutant, seal
from tests.retrieval.regions.conftest import SIDE, CellEmbedder, pictures
from tests.retrieval.regions.conftest import collection as region_collection

COUNT = 60
TRIALS = {"paintings": 12, "regions": 2, "embeddings": 12}  # of each file
MANY_TRIALS = {"paintings": 300, "regions": 60, "embeddings": 300}  # in the long test; regions take longest


@pytest.fixture(scope="module")
def folders(collection, tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("whole")
    PaintingIndex.build(collection, ColorEmbedder(), factory="sq").save_pretrained(root / "paintings")
    RegionIndex.build(region_collection(pictures()[:4]), CellEmbedder(), side=SIDE).save_pretrained(root / "regions")
    embed_collection(collection, ColorEmbedder(), root / "embeddings")
    return {path.name: path for path in root.iterdir()}


def use_paintings(folder: Path) -> None:
    index = PaintingIndex.from_pretrained(folder, embedder=ColorEmbedder())
    query = np.array([[0.6, 0.8, 0]], np.float32)[0]
    answers = [index.search(query, k=5), index.search(query, k=3, where="year > 1600"), index.similar_to(index.ids[0])]
    index.thumbnail(index.ids[0])
    json.dumps([[vars(hit) for hit in hits] for hits in answers], allow_nan=False)
    json.dumps([index.describe(), index.calibration.as_json()], allow_nan=False)
    index.add(paintings(2, first=500))
    index.remove(index.ids[:3])


def use_regions(folder: Path) -> None:
    index = RegionIndex.from_pretrained(folder, embedder=CellEmbedder())
    hits = index.search(pictures()[0], k=3)
    json.dumps([hit.record for hit in hits] + [index.describe()], allow_nan=False)


def use_embeddings(folder: Path) -> None:
    index = PaintingIndex.from_embeddings(folder, embedder=ColorEmbedder())
    json.dumps([vars(hit) for hit in index.search(np.array([0.6, 0.8, 0], np.float32))], allow_nan=False)


USES: dict[str, Callable[[Path], None]] = {
    "paintings": use_paintings,
    "regions": use_regions,
    "embeddings": use_embeddings,
}


def try_mutants(whole: Path, folder: Path, use: Callable[[Path], None], trials: int) -> None:
    """Damage each file but FAISS's, which `test_hostile_files.py` damages; each damage is one error in one line."""
    use(whole)
    for name in sorted(path.name for path in whole.iterdir() if path.suffix != ".faiss"):
        refused = 0
        for number in range(trials):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(whole, folder)
            rng = np.random.default_rng([number, len(name)])
            (folder / name).write_bytes(mutant(name, (whole / name).read_bytes(), rng))
            try:
                _reseal(folder)
                use(folder)
            except ArtExtractError as error:
                refused += 1
                assert "\n" not in str(error), (name, number)
            except Exception as error:
                raise AssertionError(f"{name}, mutant {number}: {type(error).__name__}: {error}") from error
        assert refused or trials < 12, name


def _reseal(folder: Path) -> None:
    try:
        if (folder / "index.json").exists():
            seal(folder)
        else:
            about = json.loads((folder / "embedder.json").read_text())
            if isinstance(about, dict) and "vectors" in about:
                about["vectors"] = file_digest(folder / "embeddings.npy")
                about["records"] = file_digest(folder / "records.parquet")
                (folder / "embedder.json").write_text(json.dumps(about))
    except (ValueError, RecursionError, AttributeError):
        return  # the document itself is the mutant, and is read as it is


@pytest.mark.parametrize("kind", USES)
def test_damage_behind_fresh_checksums_is_one_clear_error(kind, folders, tmp_path):
    try_mutants(folders[kind], tmp_path / "mutant", USES[kind], TRIALS[kind])


@pytest.mark.long
@pytest.mark.parametrize("kind", USES)
def test_much_damage_behind_fresh_checksums_is_one_clear_error(kind, folders, tmp_path):
    try_mutants(folders[kind], tmp_path / "mutant", USES[kind], MANY_TRIALS[kind])


def changed(folder: Path, edit: Callable[[pa.Table], pa.Table]) -> None:
    """Change the records of an index."""
    pq.write_table(edit(pq.read_table(folder / "records.parquet")), folder / "records.parquet")
    seal(folder)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.slice(0, COUNT - 1), "holds 59 records, not 60"),
        (lambda t: pa.concat_tables([t, t]), "holds 120 records, not 60"),
        (lambda t: t.drop_columns(["id"]), "not every record has an id"),
        (lambda t: with_column(t, "id", pa.array(range(COUNT))), "not every record has an id"),
        (lambda t: with_column(t, "id", pa.nulls(COUNT, pa.string())), "not every record has an id"),
        (lambda t: with_column(t, "id", pa.array(["same"] * COUNT)), "appears twice"),
        (lambda t: with_column(t, "thumbnail", pa.array(range(COUNT))), "holds no pictures"),
        (lambda t: t.append_column("title", t["title"]), "two columns have one name"),
        (lambda t: with_column(t, "title", pa.array([b"\xff"] * COUNT).view(pa.string())), "cannot be read"),
        (lambda t: with_column(t, "title", pa.array(["x" * 5_000_000] * COUNT)), "more memory than"),
    ],
)
def test_foreign_records_are_refused(edit, message, folders, tmp_path):
    shutil.copytree(folders["paintings"], tmp_path / "index")
    changed(tmp_path / "index", edit)
    with pytest.raises(PaintingIndexError, match=message):
        PaintingIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder())


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("price", pa.array([5] * COUNT, pa.timestamp("s", "No/Where"))),
        ("price", pa.array([2**62] * COUNT, pa.timestamp("us"))),
        ("price", pa.array([2**30] * COUNT, pa.date32())),
        ("price", pa.array([2**62] * COUNT, pa.duration("s"))),
        ("price", pa.array([[2**30]] * COUNT, pa.list_(pa.date32()))),
        ("price", pa.array([{"at": 2**30}] * COUNT, pa.struct({"at": pa.date32()}))),
        ("price", pa.array([[(1, 2)]] * COUNT, pa.map_(pa.int8(), pa.int8()))),
        ("price", pa.array([b"x"] * COUNT)),
        ("price", pa.array([np.float16(1)] * COUNT, pa.float16())),
        ("year", pa.array([2**62] * COUNT, pa.timestamp("us"))),
        ("year", pa.array(["1900"] * COUNT)),
        ("year_end", pa.array([1.5] * COUNT)),
        ("license", pa.array([["CC0"]] * COUNT)),
        ("license", pa.array([1] * COUNT)),
        ("license", pa.array([b"CC0"] * COUNT)),
        ("style", pa.array([1] * COUNT)),
        ("title", pa.array([{"text": "x"}] * COUNT)),
        ("price", pa.StructArray.from_arrays([pa.array([1] * COUNT)] * 2, ["a", "a"])),
    ],
)
def test_records_of_types_that_no_record_has_are_refused(name, values, folders, tmp_path):
    uses = {**USES, "repository": lambda folder: index_repository(folder, "a/b").write(tmp_path / "repository")}
    for kind, use in uses.items():
        folder = tmp_path / kind
        shutil.copytree(folders["paintings" if kind == "repository" else kind], folder)
        table = pq.read_table(folder / "records.parquet")
        kept = table.drop_columns([column for column in [name] if column in table.column_names])
        pq.write_table(kept.append_column(name, values.slice(0, len(kept))), folder / "records.parquet")
        _reseal(folder)
        with pytest.raises(
            PaintingIndexError, match=f"records.parquet cannot be read: the column '?{name}'? holds"
        ) as no:
            use(folder)
        assert "\n" not in str(no.value)


def test_further_columns_of_plain_values_are_read(folders, tmp_path):
    shutil.copytree(folders["paintings"], tmp_path / "index")
    plain = {"flags": [True], "sizes": [[1, 2.5]], "notes": [{"by": "Ann", "words": ["x"]}], "nothing": [None]}

    def with_plain(table: pa.Table) -> pa.Table:
        for name, values in plain.items():
            table = table.append_column(name, pa.array(values * COUNT))
        return table

    changed(tmp_path / "index", with_plain)
    use_paintings(tmp_path / "index")
    index = PaintingIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder())
    assert {name: index.column(name)[:1] for name in plain} == plain


NONE = (np.nan, np.inf, -np.inf)


def with_price(folder: Path, values: list[Any], kind: pa.DataType) -> None:
    """Add a column to the records of a folder."""
    table = pq.read_table(folder / "records.parquet")
    column = pa.array((values * len(table))[: len(table)], kind)
    pq.write_table(table.append_column("price", column), folder / "records.parquet")
    _reseal(folder)


@pytest.mark.parametrize(
    ("kind", "values", "read"),
    [
        (pa.float64(), [*NONE, 1.5], [None, None, None, 1.5]),
        (pa.list_(pa.float32()), [NONE, None, [], [1.5]], [[None] * 3, None, [], [1.5]]),
        (pa.list_(pa.float32(), 2), [[np.nan, 1], None], [[None, 1], None]),
        (
            pa.struct({"by": pa.string(), "sides": pa.large_list(pa.struct({"cm": pa.float64()}))}),
            [{"by": "Ann", "sides": [{"cm": np.inf}, {"cm": 2}]}, None],
            [{"by": "Ann", "sides": [{"cm": None}, {"cm": 2}]}, None],
        ),
    ],
)
def test_numbers_that_are_none_are_unknown_also_in_a_foreign_index(kind, values, read, folders, tmp_path):
    shutil.copytree(folders["paintings"], tmp_path / "index")
    with_price(tmp_path / "index", values, kind)
    use_paintings(tmp_path / "index")  # its answers are JSON
    index = PaintingIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder())
    assert index.column("price")[: len(read)] == read
    index.save_pretrained(tmp_path / "index")
    assert pq.read_table(tmp_path / "index/records.parquet")["price"].to_pylist()[: len(read)] == read


@pytest.mark.parametrize("form", ["regions", "embeddings"])
def test_numbers_that_are_none_are_unknown_in_every_form(form, folders, tmp_path):
    shutil.copytree(folders[form], tmp_path / "index")
    with_price(tmp_path / "index", [NONE], pa.list_(pa.float32()))
    USES[form](tmp_path / "index")


@pytest.mark.parametrize("name", ["index.json", "vectors.json", "vectors.npy", "records.parquet", "index.faiss"])
@pytest.mark.parametrize("kind", ["device", "pipe"])
def test_what_is_no_file_is_not_read(kind, name, folders, tmp_path):
    shutil.copytree(folders["paintings"], tmp_path / "index")
    (tmp_path / "index" / name).unlink()
    if kind == "device":
        (tmp_path / "index" / name).symlink_to("/dev/zero")
    else:
        os.mkfifo(tmp_path / "index" / name)
    with pytest.raises(PaintingIndexError):
        PaintingIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder())


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "x" * 300, "\0", "\ud800", "a\nb.npy", "", "."])
def test_names_in_the_list_of_checksums_are_not_followed(name, folders, tmp_path):
    shutil.copytree(folders["paintings"], tmp_path / "index")
    about = json.loads((tmp_path / "index/index.json").read_text())
    about["sha256"][name] = "0" * 64
    (tmp_path / "index/index.json").write_text(json.dumps(about))
    with pytest.raises(PaintingIndexError, match=r"is (missing, )?damaged") as error:
        PaintingIndex.from_pretrained(tmp_path / "index")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, 5.0])
def test_embeddings_that_are_no_unit_vectors_are_refused(value, folders, tmp_path, run_cli):
    shutil.copytree(folders["embeddings"], tmp_path / "vectors")
    vectors = np.load(tmp_path / "vectors/embeddings.npy")
    vectors[3, 1] = value
    np.save(tmp_path / "vectors/embeddings.npy", vectors)
    _reseal(tmp_path / "vectors")
    code, _, error = run_cli("index", tmp_path / "vectors", "--out", tmp_path / "index")
    assert code == 2 and len(error.strip().splitlines()) == 1 and "embeddings.npy is damaged" in error


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("yaw", pa.nulls(COUNT, pa.float32())),
        ("left", pa.array([np.inf] * COUNT)),
        ("face", pa.array(["1"] * COUNT)),
        ("painting", pa.array(range(COUNT))),
        ("detector", pa.nulls(COUNT, pa.string())),
    ],
)
def test_foreign_records_of_faces_are_refused(name, values, folders, tmp_path):
    shutil.copytree(folders["paintings"], tmp_path / "index")
    texts, numbers = pa.array(["x"] * COUNT), pa.array([0.5] * COUNT, pa.float32())
    kinds = {"string": texts, "int32": pa.array([1] * COUNT, pa.int32()), "float32": numbers}
    columns = {column: kinds[value.dtype] for column, value in COLUMNS.items()} | {name: values}

    def as_faces(table: pa.Table) -> pa.Table:
        for column, filled in columns.items():
            table = table.append_column(column, filled)
        return table

    changed(tmp_path / "index", as_faces)
    with pytest.raises(PaintingIndexError, match=f"damaged: their '{name}'"):
        FaceIndex.from_pretrained(tmp_path / "index", embedder=ColorEmbedder())


@pytest.mark.parametrize(
    "about", [b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"metric": "cosine", "embedder": 3, "fingerprint": "x"}']
)
def test_foreign_tables_are_refused(about):
    vector = pa.field("vector", pa.list_(pa.float32(), 3))
    known = {b"artextract": json.dumps({"metric": "cosine", "embedder": "x", "fingerprint": "y"}).encode()}
    assert read_about("t", pa.schema([vector], metadata=known))["embedder"] == "x"
    for field, metadata in ((vector, {b"artextract": about}), (pa.field("vector", pa.string()), known)):
        with pytest.raises(PaintingIndexError, match="is no index of paintings"):
            read_about("t", pa.schema([field], metadata=metadata))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {"curves": {}, "threshold": "x"},
        {"curves": {}, "threshold": True},
        {"curves": {"artist": {"scores": [2, 1], "probabilities": [0, 1]}}, "threshold": None},
        {"curves": {"artist": {"scores": [1, 2], "probabilities": [0, 7]}}, "threshold": None},
        {"curves": {"artist": {"scores": [], "probabilities": []}}, "threshold": None},
        {"curves": {"artist": {"scores": [[1]], "probabilities": [[1]]}}, "threshold": None},
    ],
)
def test_foreign_calibrations_are_refused(document):
    with pytest.raises(PaintingIndexError, match="calibration of the index is damaged"):
        Calibration.from_json(document)
