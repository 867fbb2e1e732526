"""A table's row becomes the fields of a record: what museums print in the columns of `data/words/columns.py`.

cells of a row --cells_of--> texts by column --fields_of--> texts by field --words_of, label_of--> title, artist, years,
credit line, classes
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Features

from artextract_hf.data.fetch import is_address, shown
from artextract_hf.data.labels import TASKS, UNKNOWN, known_artist
from artextract_hf.data.rights import claims_as_holder, claims_copyright, is_open, least_open, signs_copyright
from artextract_hf.data.schema import SkipList, distinct_ids, painting_features, plain_text
from artextract_hf.data.words.columns import (
    CHOSEN_LICENSE,
    COLUMNS,
    CREDITS,
    NO,
    OPEN_FLAG,
    YES,
    Columns,
    column_key,
    denies,
    is_flag,
    is_read,
    names_holder,
    states_rights,
    tells_of_rights,
)
from artextract_hf.data.words.dates import Years
from artextract_hf.data.words.nested import holds_text, may_name, named_parts, texts_in
from artextract_hf.errors import DataError

ClassTables = Mapping[str, tuple[list[str], dict[str, int]]]  # task -> what `class_table` gives

PAGES = ("http", "https", "doi", "urn", "hdl", "ark")  # kinds of addresses under which a work is known
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
PART = "part_of_the_source"  # key of a row: the split of the folder or of the files that it lies in
IN_A_LIST = " in a list"  # behind the name of a column of classes where a list in it names several
INSIDE = " inside, "  # behind the name of what tells of rights inside a cell, before a number
SEVERAL = "several classes"  # key of a row: the tasks of which it names several
# What a formula gives that failed, as Excel writes it in English, German, French, Italian, Spanish and Dutch.
ERRORS = frozenset({
    "#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#GETTING_DATA",
    "#NV", "#BEZUG!", "#WERT!", "#ZAHL!", "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!", "#N/D", "#RIF!", "#VALORE!",
    "#NOME?", "#NULLO!", "#VALOR!", "#¿NOMBRE?", "#¡REF!", "#¡VALOR!", "#¡DIV/0!", "#¡NUM!", "#¡NULO!", "#N/B",
    "#VERW!", "#WAARDE!", "#NAAM?", "#GETAL!", "#DEEL/0!", "#LEEG!",
})  # fmt: skip
LONGEST_BYTES = 10_000  # of a text that is kept as bytes
MAX_VALUES = 10_000  # in the lists and structures of a cell that means something


def split_of(row: Mapping[str, str]) -> str:
    """The split that a row names, in the names of this project: `train`, `val`, `test`, or another.

    >>> split_of({"split": "Validation"}), split_of({"split": "fold 1"}), split_of({})
    ('val', 'fold_1', '')
    """
    name = re.sub(r"\W+", "_", row.get("split", "").strip().lower()).strip("_")
    return SPLIT_NAMES.get(name, name)


def splits_of(rows: Sequence[Mapping[str, str]], ids: Sequence[str], skipped: SkipList) -> list[str]:
    """The split of each row: the one that it names, else that of its folder or files; it is noted where they differ."""
    parts = [split_of({"split": row.get(PART, "")}) for row in rows]
    named = list(map(split_of, rows))
    other = [
        place for place, (part, own) in enumerate(zip(parts, named, strict=True)) if part and own not in ("", part)
    ]
    if other:
        part, own = parts[other[0]], named[other[0]]
        reason = f"lies in the split {part}, but its row names {own}, which counts; such rows: {len(other)}"
        skipped.add(ids[other[0]], reason)
    return [own or part for own, part in zip(named, parts, strict=True)]


def cells_of(cells: Iterable[tuple[str, Any]], columns: Columns) -> dict[str, str]:
    """A row as texts by the `column_key`; of lists those of texts, of structures those that tell of rights.

    Of statements of rights under one name one that is not open counts. Several classes in a list are none.
    Each holder of rights and each credit in a list or a structure stands by itself, so that none hides another.

    >>> cells_of([("Title", ["Poppies"]), ("Rights", "CC0"), ("rights", {"a": "In copyright"}), ("size", [3])], COLUMNS)
    {'title': 'Poppies', 'rights': 'In copyright'}

    Raises:
        DataError: two columns share a name that means something, and say different things; or a cell that means
            something holds more than MAX_VALUES values.
    """
    found: dict[str, str] = {}
    classes = {column for task in _tasks(columns) for column in columns[task]}
    for column, value in cells:
        name = column_key(column)
        for inner, text in _told_of_rights(column, value, columns):
            if states_rights(inner, columns):
                found[inner] = _least_open(inner, [found.get(inner, ""), text])
            elif isinstance(value, list | dict):
                found[f"{inner}{INSIDE}{len(found)}"] = text
        if states_rights(name, columns):
            continue
        if isinstance(value, list | dict) or name in found:  # else what is said stands in the row as it is
            found |= {f"{name}{INSIDE}{len(found)}": text for text in texts_in(value) if signs_copyright(text)}
        if isinstance(value, list) and len(value) > MAX_VALUES and is_read(name, columns):
            raise DataError(_too_many(name))
        texts = _distinct_texts(value)
        if len(texts) > 1 and name in classes:
            name += IN_A_LIST
        text = ", ".join(texts)
        if text and (found.get(name) or text) != text and is_read(name, columns):
            raise DataError(
                f"two columns are called {name!r}, and say {found[name]!r} and {text!r}; rename one of them."
            )
        found[name] = found.get(name) or text
    return {name: text for name, text in found.items() if text}


def _distinct_texts(value: Any) -> list[str]:
    """The text of a cell, or those of a list of texts, each once."""
    if not isinstance(value, list):
        return [] if isinstance(value, dict) else list(_texts(value))
    if set(map(type, value)) - {str, type(None)}:
        return []
    return list(dict.fromkeys(part for part in value if part is not None and part.strip() not in ERRORS))


def _told_of_rights(column: str, value: Any, columns: Columns) -> Iterator[tuple[str, str]]:
    """The texts of a cell that tell of rights, each by the `column_key` of the name under which it stands."""
    for name, part in named_parts({column: value}):
        if tells_of_rights(key := column_key(name), columns):
            texts = list(islice(_texts(part), MAX_VALUES + 1))
            if len(texts) > MAX_VALUES:
                raise DataError(_too_many(key))
            yield from ((key, text) for text in texts)


def _too_many(column: str) -> str:
    return f"a cell of the column {column!r} holds a list of more than {MAX_VALUES:,} values; write it as one text."


def _least_open(column: str, statements: Iterable[str]) -> str:
    """The first of what a column says, by its `column_key`, that is not open; else the first."""
    stated = list(filter(None, statements))
    return next((text for text in stated if not _allows(column, text)), next(iter(stated), ""))


def _allows(column: str, text: str) -> bool:
    """Whether a column, by its `column_key`, says that a picture is open."""
    if not is_flag(column):
        return is_open(text)
    return text.lower() in (YES if OPEN_FLAG.fullmatch(column) else NO) or is_open(text)


def _texts(value: Any) -> Iterator[str]:
    """The texts in a cell, also in its lists and structures; a whole number that a table keeps as 3.0 is 3."""
    if isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
    elif isinstance(value, bytes):
        if len(value) <= LONGEST_BYTES:  # a text that a writer did not mark as one; else a picture, perhaps
            yield value.decode(errors="replace")
    elif isinstance(value, float):
        if not math.isnan(value):
            yield str(int(value)) if value.is_integer() else str(value)
    elif value is not None and (not isinstance(value, str) or value.strip() not in ERRORS):
        yield str(value)


def fields_of(cells: Mapping[str, str], columns: Columns) -> dict[str, str]:
    """A row by fields of the schema, each from the first of its columns that has a value; texts in one form of Unicode.

    >>> fields_of({"inv_nr": "17", "künstler": "Claude Monet", "date": ""}, COLUMNS)
    {'id': '17', 'artist_name': 'Claude Monet'}
    """
    found = {name: next((cells[c] for c in usual if cells.get(c)), "") for name, usual in columns.items()}
    found["license"] = _license_of(cells, columns, found["credit_line"])
    found[SEVERAL] = " ".join(
        task for task in _tasks(columns) if any(f"{c}{IN_A_LIST}" in cells for c in columns[task])
    )
    return {
        name: value if name in ("image", "image_url") else plain_text(value) for name, value in found.items() if value
    }


def own_ids(rows: Sequence[Mapping[str, str]], ids: Sequence[str]) -> list[str]:
    """The inventory number that a row gives its work, else the id of its place; each once, see `distinct_ids`.

    >>> own_ids([{"id": "GM 12"}, {}, {"id": "GM 12"}], ["m/a.jpg", "m/b.jpg", "m/c.jpg"])
    ['GM 12', 'm/b.jpg', 'GM 12-2']
    """
    return distinct_ids([row.get("id") or id_ for row, id_ in zip(rows, ids, strict=True)])


def _tasks(columns: Columns) -> list[str]:
    """The fields that are classes, also of one's own; an artist has a name, from which the class is told."""
    return [field for field in columns if field in TASKS or field not in (*COLUMNS, CHOSEN_LICENSE)]


def list_several(rows: Iterable[tuple[str, Mapping[str, str]]], skipped: SkipList) -> None:
    """Note of each task how many of these rows, which come with their ids, name several classes, and so have none."""
    found: dict[str, list[str]] = {}
    for id_, row in rows:
        for task in row.get(SEVERAL, "").split():
            if not row.get(task):
                found.setdefault(task, []).append(id_)
    for task, ids in found.items():
        skipped.add(ids[0], f"names several classes of {task} in a list, and gets none of them; such rows: {len(ids)}")


def check_chosen(rows: Sequence[Mapping[str, str]], columns: Columns, source: str | Path) -> None:
    """Refuse columns that were chosen by `columns_with` and from which no row of a source, by fields, has anything.

    Raises:
        DataError: there is one; that of the pictures is found before there are rows.
    """
    for field in (*COLUMNS, CHOSEN_LICENSE):
        usual = columns.get(field) is COLUMNS.get(field)  # not equal: a chosen column may have the usual name
        is_chosen = field in columns and field not in ("image", "license") and not usual
        if is_chosen and not any(row.get(field) or field in row.get(SEVERAL, "").split() for row in rows):
            column = columns[field][0]
            raise DataError(f"{source} says nothing in a column {column!r}: no such column, or nothing in it.")


def _license_of(cells: Mapping[str, str], columns: Columns, credit: str) -> str:
    """What a row states of the rights: a statement that is not open, where there is one."""
    statements = [cells.get(column, "") for column in columns["license"]]
    for column, text in cells.items():
        if is_flag(column):
            if not _allows(column, text):
                statements.append(f"{column}: {text}")
        elif column not in columns["license"] and states_rights(column, columns):
            statements.append(text)
        elif denies(column.split(INSIDE)[0], text):
            statements.append(f"{column}: {text}")
    stated = least_open(statements)
    if not is_open(stated):
        return stated
    texts = [credit, *(text for column, text in cells.items() if CREDITS.search(column))]
    claims = (text for text in texts if claims_copyright(text, stated))
    signed = (text for text in cells.values() if signs_copyright(text, stated))
    named = ((column.split(INSIDE)[0], text) for column, text in cells.items() if names_holder(column))
    holders = (f"{column}: {text}" for column, text in named if claims_as_holder(text, stated))
    return next(chain(claims, holders, signed), stated)


def stated_licenses(cells: Iterable[Mapping[str, Any]]) -> list[str]:
    """What rows of records state of the rights, in whatever columns, also beside their licence and in their credit."""
    return [fields_of(cells_of(row.items(), COLUMNS), COLUMNS).get("license", "") for row in cells]


def rights_columns(schema: pa.Schema) -> list[str]:
    """The columns that `stated_licenses` reads."""
    return [field.name for field in schema if may_tell_of_rights(field, COLUMNS)]


def may_tell_of_rights(field: pa.Field, columns: Columns) -> bool:
    """Whether a column, or something in its lists and structures, may tell of rights, as any text may."""
    return holds_text(field.type) or may_name(field, lambda name: tells_of_rights(column_key(name), columns))


def label_of(row: Mapping[str, str], task: str) -> str:
    """The class that a row names for a task, or nothing; an artist counts where the release knows the name."""
    if task != "artist" or row.get("artist"):
        return row.get(task, "")
    return known_artist(artist_as_printed(row.get("artist_name", ""))) or ""


def features_of(tables: ClassTables) -> Features:
    """The columns of records with these classes."""
    styles, genres, artists = (tables[task][0] for task in TASKS)
    own = {task: names for task, (names, _) in tables.items() if task not in TASKS}
    return painting_features(styles=styles, genres=genres, artists=artists, own=own)


def labels_of(row: Mapping[str, str], tables: ClassTables) -> dict[str, int]:
    """The label of a row in each task, -1 where it names no class."""
    return {task: table.get(label_of(row, task), UNKNOWN) for task, (_, table) in tables.items()}


def words_of(row: Mapping[str, str], years: Years, *, untitled: str) -> dict[str, Any]:
    """What a row says about a painting, with its years of `years_of`, as fields of a record."""
    title, date = row.get("title") or untitled, row.get("year", "")
    artist = artist_as_printed(row.get("artist_name", ""))
    return {
        "title": title,
        "artist_name": artist,
        "year": years[0],
        "year_end": years[1],
        "credit_line": row.get("credit_line") or ", ".join(part for part in (artist, title, date) if part) + ".",
        "source_url": _page(row.get("source_url", "")),
        **{name: row.get(name, "") for name in ("license", "medium", "wikidata_id", "alt_text")},
    }


def _page(address: str) -> str:
    """The address of a page as it may be published: without passwords; nothing where it would run or open a file.

    >>> _page("https://me:secret@m.example/1"), _page("javascript:alert(1)"), _page("doi:10.1000/182")
    ('https://m.example/1', '', 'doi:10.1000/182')
    """
    scheme = re.match(r"[\s\x00-\x1f]*([a-z][a-z0-9+-]*)[\s\x00-\x1f]*:", address, re.IGNORECASE)
    return "" if scheme and scheme[1].lower() not in PAGES else shown(address) if is_address(address) else address


def artist_as_printed(text: str) -> str:
    """The artist as a label prints it, without nationality and life dates.

    >>> artist_as_printed("Pierre-Auguste Renoir (French, 1841–1919)")
    'Pierre-Auguste Renoir'
    """
    remark = re.compile(r"\([^()]*\)")
    return " ".join(remark.sub(lambda found: " " if re.search(r"\d", found[0]) else found[0], text).split())
