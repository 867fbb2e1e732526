"""Numbers of classes that no class has are told, in columns of classes and of rights."""

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
