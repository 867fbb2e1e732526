"""One's own collection as records, read from a folder, a table, a data set of the Hub or a IIIF document.

A source is what `artextract prepare` wrote, a folder of pictures or a file that lists them
(`data/sources/listing.py`), a Parquet file, a data set of the Hub or as it is stored there (`data/sources/tables.py`),
or a IIIF manifest or collection (`data/sources/iiif.py`). An id is the name of the source and the path in it, so the
same picture keeps its id whether the folder or the CSV in it is read.
Pixels stay on disk: a record refers to its file until it is decoded or saved.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets import Dataset

from artextract_hf.data.fetch import DownloadSettings, is_address
from artextract_hf.data.labels import TASKS, class_table
from artextract_hf.data.pictures import check_picture, usable
from artextract_hf.data.prepared import read_prepared_splits, with_shared_rights
from artextract_hf.data.schema import SkipList, label_counts, make_dataset, new_record
from artextract_hf.data.sources.cards import add_card_rights, stated_in_card
from artextract_hf.data.sources.download import Wanted, download_images, file_of
from artextract_hf.data.sources.iiif import read_iiif
from artextract_hf.data.sources.listing import (
    LISTED_TWICE,
    Listed,
    add_rights,
    is_stored_dataset,
    listed_in_folder,
    listed_in_table,
)
from artextract_hf.data.sources.metadata import LISTS
from artextract_hf.data.sources.named_files import is_inside, outside
from artextract_hf.data.sources.tables import read_table
from artextract_hf.data.words.columns import Columns, columns_with, own_tasks
from artextract_hf.data.words.dates import Years, years_of
from artextract_hf.data.words.fields import (
    ClassTables,
    check_chosen,
    features_of,
    label_of,
    labels_of,
    list_several,
    own_ids,
    splits_of,
    words_of,
)
from artextract_hf.errors import DataError, ImageError
from artextract_hf.outputs import recover

ACCEPTED = (
    "a folder written by `artextract prepare`, a folder of pictures, a CSV, Excel, JSON Lines or Parquet file that "
    "lists pictures, the name of a data set on the Hub, or the address of a IIIF manifest"
)

logger = logging.getLogger(__name__)


def load_collection(source: str | Path, **options: Any) -> Dataset:
    """The paintings of `source` as records of the schema in `data/schema.py`.

    Args:
        source: a folder written by `artextract prepare` (all splits; a painting that stands in two counts once, with
            the labels of both, see `read_prepared`); a folder of pictures (recursive; a `metadata.csv` or
            `metadata.jsonl` in it or beside it is read); a CSV, Excel, JSON Lines or Parquet file with a column of
            pictures and any of COLUMNS in `data/words/columns.py`, paths relative to the file; a folder
            that holds a data set as the Hub stores it, or its name there (`owner/name`); the address or the file of a
            IIIF Presentation manifest or collection.
        options: those of `read_with_splits`.

    Raises:
        DataError: there is no such source, or no usable picture in it.
    """
    skipped = SkipList()
    dataset = read_collection(source, skipped, **options)
    if skipped.items:
        logger.warning("%s: %s", source, skipped.summary())
    return dataset


def read_collection(source: str | Path, skipped: SkipList, **options: Any) -> Dataset:
    """`load_collection`, with every picture that was left out noted in `skipped`; options of `read_with_splits`."""
    return read_with_splits(source, skipped, **options)[0]


def read_with_splits(
    source: str | Path,
    skipped: SkipList,
    *,
    columns: Mapping[str, str] | None = None,
    tasks: Sequence[str] = (),
    classes: str | None = None,
    images_dir: str | Path | None = None,
    allow_outside: bool = False,
    allow_private_hosts: bool = False,
) -> tuple[Dataset, list[str]]:
    """The records of a collection, and the split that each is of, "" where the source does not say.

    A source says it by folders `train`, `val`, `test` in it, by a column `split`, or as a data set of the Hub.

    Args:
        source: as in `load_collection`.
        skipped: filled with what was left out.
        columns: field of the schema -> column of the source, where it is called otherwise than in COLUMNS; that of
            the licence counts beside the others that state rights.
        tasks: columns of classes beside style, genre and artist; each becomes a column of the records.
        classes: the task whose classes the subfolders of a folder are: `style`, `genre`, `artist`, or one's own.
        images_dir: where pictures that a source names by addresses are kept; by default a folder of this user's cache.
        allow_outside: take also pictures that lie outside the source's folder, where a row or a link leads there.
        allow_private_hosts: fetch also from this machine and from hosts of private networks.
    """
    if not isinstance(source, str | Path):
        raise DataError(f"a {type(source).__name__} is no source; give {ACCEPTED}.")
    own = own_tasks([*tasks, *([classes] if classes else [])])
    known = columns_with(columns or {}, own)
    text, path = str(source), Path(source)
    fetched = Fetched(Path(images_dir) if images_dir else _cache(), allow_private_hosts)
    if not text.strip():
        raise DataError(f"the name of the source is empty; give {ACCEPTED}.")
    recover(path)
    if is_address(text) or (path.is_file() and path.suffix.lower() == ".json"):
        check_chosen([], known, source)  # it has no columns
        dataset = read_iiif(text, fetched.folder, skipped, settings=fetched.settings)
        found = dataset, [""] * len(dataset)
    elif path.is_dir():
        # `resolve` so that "." has a name and a later change of folder does not lose the files
        found = _read_folder(path.resolve(), skipped, known, list(own), classes, fetched, allow_outside=allow_outside)
    elif path.is_file() and path.suffix.lower() in LISTS:
        table = _in_its_folder(path, allow_outside=allow_outside)
        listed = listed_in_table(table, known, skipped, allow_outside=allow_outside)
        found = _records(fetched.files(listed, skipped), table.parent, skipped, known, list(own))
    elif path.is_file() and path.suffix.lower() == ".parquet":
        table = _in_its_folder(path, allow_outside=allow_outside)
        found = read_table(table, known, skipped, list(own), allow_outside=allow_outside)
    elif is_hub_name(source):
        found = read_table(text, known, skipped, list(own))
    else:
        raise DataError(f"{source} is no folder and no file of a known kind on this machine; give {ACCEPTED}.")
    if not len(found[0]):
        raise DataError(f"{source} holds no usable picture ({skipped.summary()}).")
    counts = label_counts(found[0]) if own else {}
    if missing := [task for task in own if not counts.get(task)]:
        raise DataError(f"{source} has no class of {', '.join(missing)}: no such column, or nothing in it.")
    return with_shared_rights([found[0]])[0], found[1]


def _in_its_folder(path: Path, *, allow_outside: bool) -> Path:
    """The path of a table, whose folder is that of its pictures.

    Raises:
        DataError: it is a link out of that folder.
    """
    table = path.parent.resolve() / path.name
    if not allow_outside and not is_inside(table, table.parent):
        raise DataError(f"{path} {outside(table.parent)}.")
    return table


def is_hub_name(source: str | Path) -> bool:
    """Whether a source is `owner/name`, and nothing on this machine is called so."""
    return bool(re.fullmatch(r"[\w.-]+/[\w.-]+", str(source))) and not Path(source).exists()


def _cache() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "artextract" / "iiif"


def _read_folder(
    folder: Path,
    skipped: SkipList,
    columns: Columns,
    own: list[str],
    classes: str | None,
    fetched: "Fetched",
    *,
    allow_outside: bool,
) -> tuple[Dataset, list[str]]:
    if (folder / "dataset_dict.json").is_file() or (folder / "dataset_info.json").is_file():
        check_chosen([], columns, folder)  # its columns are the fields of a record
        return read_prepared_splits(folder, skipped)
    if is_stored_dataset(folder):
        return read_table(folder, columns, skipped, own, allow_outside=allow_outside)
    listed = listed_in_folder(folder, columns, classes, skipped, allow_outside=allow_outside)
    return _records(fetched.files(listed, skipped), folder, skipped, columns, own)


@dataclass(frozen=True)
class Fetched:
    """Where the pictures that a source names by addresses are kept, and from where they may come."""

    folder: Path
    allow_private_hosts: bool

    @property
    def settings(self) -> DownloadSettings:
        """How servers are asked."""
        return DownloadSettings(allow_private_hosts=self.allow_private_hosts)

    def files(self, listed: Iterable[Listed], skipped: SkipList) -> list[Listed]:
        """The same pictures as files; those that cannot be fetched are noted in `skipped`."""
        items = list(listed)
        if not any(item.address for item in items):
            return items
        wanted = [Wanted(file_of(item.address), (item.address,)) for item in items if item.address]
        files = iter(download_images(wanted, self.folder, skipped, settings=self.settings))
        paths = [next(files) if item.address else item.path for item in items]
        return [replace(item, path=path) for item, path in zip(items, paths, strict=True) if path]


def _records(
    listed: Iterable[Listed], folder: Path, skipped: SkipList, columns: Columns, own: list[str]
) -> tuple[Dataset, list[str]]:
    """The records of pictures that are listed in a folder with tasks of one's own, and their splits."""
    items = list(listed)
    seen: dict[Path, Listed] = {}
    kept = []
    for item, _ in usable(items, _check, lambda item: item.id, skipped):
        if (first := seen.setdefault(item.path, item)) is not item:
            add_rights(first, item)
            skipped.add(item.id, LISTED_TWICE)
            continue
        kept.append(item)
    rows = [item.row for item in kept]
    ids = own_ids(rows, [item.id for item in kept])
    if rows:
        check_chosen(rows, columns, folder)
    add_card_rights(rows, stated_in_card(folder), folder.name, skipped)
    list_several(zip(ids, rows, strict=True), skipped)
    years = years_of(ids, rows, skipped)
    tables = {task: class_table(task, [label_of(row, task) for row in rows]) for task in (*TASKS, *own)}
    records = (_record(*known, tables) for known in zip(kept, ids, years, strict=True))
    return make_dataset(records, features_of(tables)), splits_of(rows, ids, skipped)


def _check(item: Listed) -> None:
    """Refuse a picture that cannot be used."""
    if item.problem:
        raise ImageError(item.problem)
    try:
        str(item.path).encode()
    except UnicodeEncodeError:  # as an archive packed on an old Windows has it; no record can hold such a text
        raise ImageError("its name is not in UTF-8; rename it") from None
    check_picture(item.path)


def _record(item: Listed, id_: str, years: Years, tables: ClassTables) -> dict[str, Any]:
    image = {"path": str(item.path), "bytes": None}
    words = words_of(item.row, years, untitled=item.path.stem)
    return new_record(id=id_, image=image, **words) | labels_of(item.row, tables)
