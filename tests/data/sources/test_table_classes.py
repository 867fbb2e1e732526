"""What a table says of its own columns: numbers of classes that no class has, names that two columns share.

A description of the columns that cannot be read is told, too.
"""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Image, List, Value

from artextract_hf.data.sources.collection import load_collection
from artextract_hf.errors import DataError
from tests.data.sources.test_tables import png

STYLES = ClassLabel(names=["Flat", "Round", "Unknown style"])


def table(path, column, feature, values):
    rows = [{"image": {"bytes": png(i), "path": f"{i}.png"}, column: value} for i, value in enumerate(values)]
    plain = Features({"image": Image(), column: List(Value("int64")) if isinstance(feature, List) else Value("int64")})
    stored = Dataset.from_list(rows, features=plain)  # as another writer leaves them; `datasets` looks at no number
    stored.info.features = Features({"image": Image(), column: feature})
    stored.to_parquet(path)
    return path


@pytest.mark.parametrize("column", ["style", "school", "license"])
@pytest.mark.parametrize("number", [3, -2, 2**40])
def test_a_class_without_a_name_is_refused_with_its_place(tmp_path, column, number):
    source = table(tmp_path / "t.parquet", column, STYLES, [0, 1, number, 2])
    with pytest.raises(DataError, match=f"row 3 of .*t.parquet: the column '{column}' holds the class {number},"):
        load_collection(source)


def test_also_in_a_list(tmp_path):
    source = table(tmp_path / "t.parquet", "style", List(STYLES), [[0], [1, 7]])
    with pytest.raises(DataError, match="row 2 of .*'style' holds the class 7, and names 3"):
        load_collection(source)


def test_no_class_is_minus_one_or_nothing(tmp_path):
    source = table(tmp_path / "t.parquet", "style", STYLES, [0, -1, None, 2])
    assert load_collection(source)["style"][1:] == [-1, -1, -1]


@pytest.mark.parametrize("names", [("image", "title", "title"), ("image", "image", "title"), ("image", "x", "x")])
def test_two_columns_of_one_name_are_named(tmp_path, names):
    cell = pa.array([{"bytes": png(1), "path": "a.png"}])
    columns = [cell if name == "image" else pa.array([str(place)]) for place, name in enumerate(names)]
    pq.write_table(pa.Table.from_arrays(columns, names=names), tmp_path / "museum.parquet")
    twice = max(names, key=names.count)
    for source in (tmp_path / "museum.parquet", tmp_path):
        with pytest.raises(DataError, match=rf"museum.parquet has two columns called '{twice}'; rename one of them"):
            load_collection(source)


@pytest.mark.parametrize(
    "stored",
    [
        b"{", b"null", b"1", b"\x80", b"[" * 100_000, b'{"info": 5}', b'{"info": {"features": 5}}',
        b'{"info": {"features": {"image": 5}}}', b'{"info": {"features": {"image": {"_type": "Nope"}}}}',
        b'{"info": {"features": {"title": {"_type": "Value", "dtype": "nope"}}}}',
    ],
)  # fmt: skip
def test_a_broken_description_of_the_columns_is_named(tmp_path, stored):
    cell = pa.array([{"bytes": png(1), "path": "a.png"}])
    table = pa.table({"image": cell, "title": ["A"]}).replace_schema_metadata({"huggingface": stored})
    pq.write_table(table, tmp_path / "museum.parquet")
    with pytest.raises(DataError, match=r"museum.parquet describes its columns in a form .* without the key") as raised:
        load_collection(tmp_path / "museum.parquet")
    assert len(str(raised.value).splitlines()) == 1
