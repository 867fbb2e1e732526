"""The oracle is `parse_where` on the same records; the database is LanceDB itself."""

import numpy as np
import pyarrow as pa
import pytest

from artextract_hf.errors import QueryError
from artextract_hf.retrieval.database.where_sql import MAX_DEPTH, sql_where
from artextract_hf.retrieval.filters import MAX_COMPARISONS, parse_where

lancedb = pytest.importorskip("lancedb", reason="the database extra is not installed")

NASTY = [
    "",
    "a",
    "it's",
    "''",
    "a\\",
    "a\\'b",
    "x\ny",
    "nul\x00",
    '"q"',
    "`b`",
    "é",
    "😀",
    "%",
    "'; DROP --",
    "$1",
    "?",
]
NUMBERS = [-3, 0, 1800, 1870, 1870.5, 2**40, 2**53, 1e300, float("inf"), -0.0]


def random_records(rng: np.random.Generator, count: int = 60) -> pa.Table:
    def some(values: list, kind: pa.DataType) -> pa.Array:
        chosen = [None if rng.random() < 0.25 else values[int(rng.integers(len(values)))] for _ in range(count)]
        return pa.array(chosen, kind)

    return pa.table(
        {
            "id": pa.array([str(i) for i in range(count)]),
            "artist_name": some(NASTY, pa.string()),
            "Genre": some(["portrait", "landscape"], pa.string()),
            "year": some([1800, 1870, 1871, -3], pa.int32()),
            "score": some([0.5, 1870.5, -3.0], pa.float64()),
            "empty": pa.nulls(count, pa.string()),
        }
    )


def random_where(rng: np.random.Generator, depth: int = 3) -> str:
    """An expression of the filter's grammar; texts meet texts and numbers meet numbers, but for `in`."""
    kind = rng.random()
    if depth and kind < 0.35:
        word = ("and", "or")[int(rng.integers(2))]
        return f" {word} ".join(f"({random_where(rng, depth - 1)})" for _ in range(int(rng.integers(2, 4))))
    if depth and kind < 0.5:
        return f"not ({random_where(rng, depth - 1)})"
    field, values = [("artist_name", NASTY), ("Genre", ["portrait", "x"]), ("year", NUMBERS), ("score", NUMBERS)][
        int(rng.integers(4))
    ]
    first, second = (values[int(rng.integers(len(values)))] for _ in range(2))
    literal = [repr(v) if v != float("inf") else "1e999" for v in (first, second, "portrait", 1870)]
    op, other = (["==", "!=", "<", "<=", ">", ">="][int(rng.integers(6))] for _ in range(2))
    return [
        f"{field} {op} {literal[0]}",
        f"{literal[0]} {op} {field}",
        f"{literal[0]} {op} {field} {other} {literal[1]}",
        f"{field} in ({', '.join(literal)})",
        f"{field} not in ({', '.join(literal[:2])},)",
        f"{field} in ()",
        f"{field} not in [{literal[3]}]",
        f"{field} in {literal[0]}" if not literal[0].startswith("-") else f"empty != {literal[2]}",
    ][int(rng.integers(8))]


def test_the_same_records_pass_as_in_the_file_index(tmp_path):
    rng = np.random.default_rng(0)
    records = random_records(rng)
    table = lancedb.connect(str(tmp_path)).create_table("records", records)
    sizes = []
    for _ in range(250):
        where = random_where(rng)
        expected = records["id"].filter(pa.array(parse_where(where, records))).to_pylist()
        found = table.search().where(sql_where(where, records.schema)).select(["id"]).to_arrow()["id"].to_pylist()
        assert found == expected, where
        sizes.append(len(expected))
    assert len(set(sizes)) > 20  # not all or none each time


def test_by_hand():
    fields = pa.schema([("year", pa.int32()), ("genre", pa.string())])
    assert sql_where("genre == 'it\\'s'", fields) == "COALESCE(`genre` = 'it''s', false)"
    assert sql_where("not (genre == 'a' and genre == 'b')", fields) == (
        "((NOT COALESCE(`genre` = 'a', false)) OR (NOT COALESCE(`genre` = 'b', false)))"
    )
    assert sql_where("1800 <= year", fields) == ("COALESCE(CAST('1800.0' AS DOUBLE) <= CAST(`year` AS DOUBLE), false)")
    assert sql_where("year in ('a',)", fields) == "false"
    assert sql_where("genre == 'Du\u0308rer'", fields) == "COALESCE(`genre` = 'D\u00fcrer', false)"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("yaer > 1", "Did you mean 'year'"),
        ("vector == 1", "no record has a field"),
        ("year > 'a'", "another kind"),
        ("genre == 1", "another kind"),
        ("__import__('os')", "cannot hold"),
        ("year > 1; DROP TABLE x", "cannot read"),
        ("genre == genre", "on one side"),
        ("year is 1", "cannot hold"),
        ("year > " + "1" * 3000, "longer than"),
        ("not " * 400 + "year", "cannot hold"),
        ("'port' in genre", "cannot look for a part"),
    ],
)
def test_what_is_no_filter_is_refused_as_in_the_file_index(where, message):
    fields = pa.schema([("year", pa.int32()), ("genre", pa.string()), ("vector", pa.list_(pa.float32(), 3))])
    with pytest.raises(QueryError, match=message):
        sql_where(where, fields)


def nested(depth: int) -> str:
    where = "year > 0"
    for level in range(depth):
        where = f"year == {level} {('and', 'or')[level % 2]} ({where})"
    return where


def test_depth_and_length_that_pass_are_read_by_the_database(tmp_path):
    fields = pa.schema([("year", pa.int32())])
    records = pa.table({"year": pa.array([None, 1, 2], pa.int32())})
    table = lancedb.connect(str(tmp_path)).create_table("records", records)
    deepest = " or ".join([f"not ({nested(MAX_DEPTH - 1)})", *(f"year==-{i}" for i in range(40))])
    for where in (deepest, "not " * 400 + "year == 1", " or ".join(["year==1"] * MAX_COMPARISONS)):
        assert table.count_rows(sql_where(where, fields)) == parse_where(where, records).sum()
    with pytest.raises(QueryError, match="more than"):
        sql_where(nested(MAX_DEPTH + 1), fields)
