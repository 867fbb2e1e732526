"""The columns of a record, the same from every source.

`image` holds the encoded bytes and a path; `style`, `genre` and `artist` are ClassLabels, -1 where unknown. The rest
is what a museum prints under a picture.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Self

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset, DatasetInfo, Features, Image, Value
from datasets.table import InMemoryTable

from artextract_hf.data.labels import ARTISTS, GENRES, STYLES, TASKS, UNKNOWN
from artextract_hf.errors import DataError, first_line
from artextract_hf.escapes import for_terminal

SHOWN = 60  # characters of a wrong value
BATCH = 1000  # records turned into Arrow at a time
METADATA = ("title", "artist_name", "year", "source_url", "license", "credit_line")
DETAILS = ("year_end", "medium", "wikidata_id", "alt_text")  # what few sources know; absent in older data sets


@dataclass(frozen=True)
class Skipped:
    """An image or row that was left out, and why."""

    path: str
    reason: str


@dataclass
class TableReading:
    """How a table of pictures was understood.

    Attributes:
        name: of its file.
        kind: what it is, and in which encoding.
        columns: field of a record -> the columns that it is read from, as they are spelt.
        ignored: the columns that mean nothing here.
        rows: how many were read.
        filled: field -> how many of them say something there.
    """

    name: str
    kind: str
    columns: dict[str, list[str]]
    ignored: list[str]
    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)

    def count(self, row: Mapping[str, str]) -> None:
        """Count a row by fields of the schema."""
        self.rows += 1
        for name in self.columns:
            self.filled[name] = self.filled.get(name, 0) + bool(row.get(name))


@dataclass
class SkipList:
    """Collects what was left out while a source is read, and how its tables were understood: nothing without a word."""

    items: list[Skipped] = field(default_factory=list)
    tables: list[TableReading] = field(default_factory=list)

    def add(self, path: object, reason: object) -> None:
        """Note that `path` was left out because of `reason`."""
        self.items.append(Skipped(plain_text(str(path)), plain_text(str(reason))))

    @classmethod
    def from_json(cls, items: list[Any]) -> Self:
        """What `as_json` gave, from a file that somebody else may have written.

        Raises:
            ValueError: an item is no path with a reason.
        """
        for item in items:
            if not isinstance(item, dict) or item.keys() != {"path", "reason"}:
                raise ValueError("no path with a reason")
            if not all(type(text) is str for text in item.values()):
                raise ValueError("a path or a reason that is no text")
        return cls([Skipped(**item) for item in items])

    def summary(self) -> str:
        r"""How many were left out, and the first of them, on one line.

        >>> SkipList([Skipped("a\x1b.jpg", "is no picture.")]).summary()
        '1 were left out, the first: a\\u001b.jpg: is no picture'
        """
        first = f", the first: {self.items[0].path}: {self.items[0].reason.removesuffix('.')}" if self.items else ""
        return for_terminal(f"{len(self.items)} were left out{first}")

    def as_json(self) -> list[dict[str, str]]:
        """The list as the command line prints it."""
        return [{"path": s.path, "reason": s.reason} for s in self.items]


def painting_features(
    *,
    styles: Sequence[str] = STYLES,
    genres: Sequence[str] = GENRES,
    artists: Sequence[str] = ARTISTS,
    own: Mapping[str, Sequence[str]] | None = None,
) -> Features:
    """The typed columns of a record, with the given class names; `own` are tasks of one's own, with theirs.

    Raises:
        DataError: class names that are none, or twice the same.
    """
    for task, names in {"style": styles, "genre": genres, "artist": artists, **(own or {})}.items():
        check_class_names(task, names)
    return Features(
        {
            "id": Value("string"),  # source and relative path: stable, never a row number
            "image": Image(mode="RGB"),
            "style": ClassLabel(names=list(styles)),
            "genre": ClassLabel(names=list(genres)),
            "artist": ClassLabel(names=list(artists)),
            "title": Value("string"),
            "artist_name": Value("string"),
            "year": Value("int32"),  # the first it may be from; null where unknown
            "source_url": Value("string"),
            "license": Value("string"),
            "credit_line": Value("string"),
            "year_end": Value("int32"),  # the last year it may be from; null where unknown
            "medium": Value("string"),
            "wikidata_id": Value("string"),
            "alt_text": Value("string"),  # what is to be seen, for people who cannot
            **{task: ClassLabel(names=list(names)) for task, names in (own or {}).items()},
        }
    )


def check_class_names(task: str, names: Any) -> None:
    """Refuse what is no list of different texts.

    Raises:
        DataError: it is none.
    """
    if not isinstance(names, Sequence) or isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise DataError(f"the classes of {task} are a list of names, not {str(names)[:SHOWN]}.")
    if len(set(names)) < len(names):
        raise DataError(f"the classes of {task} hold a name twice.")


def new_record(*, id: str, image: Any, **known: Any) -> dict[str, Any]:
    """A record with the given fields; of the others, labels are -1, texts empty and years null.

    Texts come in one form of Unicode, so that two that look the same are the same.

    Raises:
        DataError: the id is no text, or a field is none of the schema.
    """
    if not isinstance(id, str):
        raise DataError(f"the id {id!r} of a record is no text.")
    record: dict[str, Any] = {"id": plain_text(id), "image": image, **dict.fromkeys(TASKS, UNKNOWN)}
    record |= {name: None if name.startswith("year") else "" for name in (*METADATA, *DETAILS)}
    if unknown := known.keys() - record.keys():
        raise DataError(f"a record has no column {', '.join(sorted(unknown))}.")
    return record | {name: plain_text(value) if isinstance(value, str) else value for name, value in known.items()}


def plain_text(text: str) -> str:
    r"""A text in the composed form of Unicode (NFC); what no text can hold (half a surrogate pair) is escaped.

    >>> plain_text("Du\u0308rer") == "D\u00fcrer", plain_text("Mu\udcf1oz.jpg")
    (True, 'Mu\\udcf1oz.jpg')
    """
    return unicodedata.normalize("NFC", text.encode("utf-8", "backslashreplace").decode())


def distinct_ids(ids: Sequence[str]) -> list[str]:
    """The ids in their form of a record, each once: of equal ones all but the first get a number.

    >>> distinct_ids(["a", "b", "a", "a-2"])
    ['a', 'b', 'a-3', 'a-2']
    """
    plain = [plain_text(id_) for id_ in ids]
    taken, numbers, distinct = set(plain), dict[str, int](), []
    for id_ in plain:
        number = numbers.get(id_, 0) + 1
        while number > 1 and f"{id_}-{number}" in taken:
            number += 1
        numbers[id_] = number
        distinct.append(id_ if number == 1 else f"{id_}-{number}")
    return distinct


def make_dataset(records: Iterable[Mapping[str, Any]], features: Features) -> Dataset:
    """Records as a dataset. They are turned into Arrow in batches, so Python never holds all of them.

    Raises:
        DataError: one has a value that its column does not take.
    """
    schema = features.arrow_schema
    batches: list[pa.Table] = []
    remaining = iter(records)
    while batch := list(islice(remaining, BATCH)):
        try:
            batches.append(pa.Table.from_pylist(batch, schema=schema))
        except (pa.ArrowException, TypeError) as error:
            reason = f"a record does not fit its columns: {first_line(error)[:200]}"
            raise DataError(f'{reason}; a picture is {{"path": ..., "bytes": ...}}.') from None
    table = pa.concat_tables(batches) if batches else schema.empty_table()
    return Dataset(InMemoryTable(table), info=DatasetInfo(features=features))


def with_ids(dataset: Dataset) -> Dataset:
    """The same records; one without an id, as data of others may have them, is called by its row."""
    ids = list(dataset["id"]) if "id" in dataset.column_names else [None] * len(dataset)
    if None not in ids:
        return dataset
    named = [f"row {row}, without an id" if id_ is None else id_ for row, id_ in enumerate(ids)]
    others = dataset.select_columns([name for name in dataset.column_names if name != "id"])
    return others.add_column("id", named, feature=Value("string"))


def tasks_of(dataset: Dataset) -> list[str]:
    """The columns of classes, in their order: style, genre, artist, and those of one's own."""
    return [name for name, feature in dataset.features.items() if isinstance(feature, ClassLabel)]


def class_names(dataset: Dataset, task: str) -> list[str]:
    """The class names of `task` in a dataset of this schema, in label order.

    Raises:
        DataError: no such task.
    """
    if task not in tasks_of(dataset):
        raise DataError(f"the data have no classes of {task!r}; they have {', '.join(tasks_of(dataset))}.")
    return list(dataset.features[task].names)


def label_counts(dataset: Dataset) -> dict[str, int]:
    """How many records carry a label, by task."""
    return {task: sum(label is not None and label >= 0 for label in dataset[task]) for task in tasks_of(dataset)}


def labels_for(dataset: Dataset, task: str, names: Sequence[str]) -> np.ndarray:
    """The labels of `task` as positions in `names`, matched by class name: int64 (N,), -1 where unknown to either.

    Raises:
        DataError: no such task, or names that are none.
    """
    check_class_names(task, names)
    position = {name: index for index, name in enumerate(names)}
    table = np.array([*(position.get(name, UNKNOWN) for name in class_names(dataset, task)), UNKNOWN])
    labels = np.array([UNKNOWN if label is None or label < 0 else label for label in dataset[task]], dtype=np.int64)
    return table[labels]  # the last entry stands for -1
