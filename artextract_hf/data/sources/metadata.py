"""The rows of a file that describes pictures: CSV or Excel as a desk has it, JSON Lines or Parquet as `datasets` does.

A CSV file may be parted by commas, semicolons, tabs or bars, in UTF-8, in UTF-16 with its mark, or in the encoding of
Western Europe's Windows. What cannot be read without a doubt is refused with its line, and a row with more cells than
the header has is handed on as a bad one.
"""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from artextract_hf.data.saved import check_files
from artextract_hf.data.schema import SkipList, TableReading
from artextract_hf.data.sources.named_files import NamedFiles
from artextract_hf.data.sources.spreadsheet import sheet_rows
from artextract_hf.data.words.columns import Columns, column_key, columns_found, is_read, picture_column
from artextract_hf.data.words.fields import cells_of, may_tell_of_rights
from artextract_hf.errors import DataError, first_line

LISTS = (".csv", ".tsv", ".jsonl", ".xlsx")  # endings of a list of pictures
METADATA = (
    "metadata.csv",
    "metadata.tsv",
    "metadata.xlsx",
    "metadata.jsonl",
    "metadata.parquet",
)  # read in a folder of pictures
MAX_ROWS = 1_000_000  # of a Parquet file, whose million rows can be a few bytes
WINDOWS = "windows-1252"  # what Excel of Western Europe and America calls CSV; it holds all of Latin-1's letters
BATCH = 1000  # of them, read at a time
MAX_TEXT = 250_000_000  # bytes of a list in CSV or JSON Lines: 250 for each of a million pictures
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_UTF8_LETTER = re.compile(rb"[\xc3-\xc5][\x80-\xbf]")  # "ä" in UTF-8: one damaged byte makes it no other encoding
_MARKS = {  # UTF-32 first: its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A row: its cells as text by the column's name in lower case, or the problem that it has."""

    cells: dict[str, str]
    problem: str = ""


def read_rows(table: Path, columns: Columns, skipped: SkipList) -> Iterator[Row]:
    """The rows of a metadata file.

    Args:
        table: a file that ends in one of LISTS, or a Parquet file.
        columns: the names a column may have, by field of the schema.
        skipped: where it is noted how the table is understood.

    Raises:
        DataError: it cannot be read, or has no column that names the pictures.
    """
    readers = {".jsonl": _json_rows, ".parquet": _parquet_rows, ".xlsx": _excel_rows}
    return readers.get(table.suffix.lower(), _csv_rows)(table, columns, skipped)


def _note(skipped: SkipList, table: Path, kind: str, names: Iterable[str], columns: Columns) -> None:
    """Note how a table is understood."""
    skipped.tables.append(TableReading(table.name, kind, *columns_found(names, columns)))


def csv_lines(lines: Iterable[str], table: Path, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file that have cells, each with the line in which it begins, from 1.

    Raises:
        DataError: a quotation mark that is never closed, or stands inside a text.
    """
    reader = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            raise DataError(f"{table} cannot be read as a CSV file in UTF-8: {error}") from None
        except csv.Error as error:
            raise DataError(f"{table} cannot be read as a CSV file: {_meaning(str(error), line)}") from None
        if cells:
            yield line, cells


def holds_rows(cells: list[str]) -> bool:
    """Whether a text of a row holds the beginning of another: a quotation mark was not closed before that.

    For tables whose rows begin with a number or a UUID: so does the row inside, and it reaches as far as the text.
    """
    kind = next((kind for kind in (r"\d+", r"[0-9a-f]{8}-[0-9a-f-]{27}") if re.fullmatch(kind, cells[0])), None)
    return kind is not None and any(
        re.match(f"{kind},", line) and line.count(",") >= max(place, 2)
        for place, cell in enumerate(cells)
        for line in cell.splitlines()[1:]
    )


def _meaning(error: str, line: int) -> str:
    """An error of Python's reader in words that say what to mend, and where."""
    if "unexpected end" in error:
        return f"a quotation mark that is opened in line {line} is never closed."
    if "field larger" in error:
        return (
            f"a text of the row that begins in line {line} has over {csv.field_size_limit():,} characters; shorten it, "
            "or close its quotation mark."
        )
    if "expected after" in error:
        return (
            f"a quotation mark of the row that begins in line {line} is followed by text; one inside a text is written "
            "twice, and one that is opened has to be closed."
        )
    return f"line {line}: {error}."


def _csv_rows(table: Path, columns: Columns, skipped: SkipList) -> Iterator[Row]:
    text, encoding = decoded(table, WINDOWS)
    marked = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)  # what Excel writes and reads
    separator = marked[1] if marked else _separator(text, columns)
    lines = csv_lines(io.StringIO(text, newline=""), table, separator)
    if marked:
        next(lines)
    header = next(lines, (1, []))
    names = _lower(header[1])
    place = names.index(picture_column(names, columns, table))
    kind = f"CSV in {encoding}, parted by {SEPARATORS.get(separator, separator)}"
    _note(skipped, table, kind, header[1], columns)
    rows = _closed(chain([header], lines), separator, place, table)
    next(rows)
    for line, cells in rows:
        row = _cells(zip(names, map(str.strip, cells), strict=False), columns, f"line {line} of {table}")
        yield Row(row, _too_long(cells, len(names), separator, line))


def _cells(cells: Iterable[tuple[str, Any]], columns: Columns, place: str) -> dict[str, str]:
    """`cells_of`, whose error says where the row stands."""
    try:
        return cells_of(cells, columns)
    except DataError as error:
        raise DataError(f"{place}: {error}") from None


def _closed(
    rows: Iterable[tuple[int, list[str]]], separator: str, place: int, table: Path
) -> Iterator[tuple[int, list[str]]]:
    """Rows with their lines, as they come.

    Raises:
        DataError: one holds others.
    """
    files = NamedFiles(table.parent)
    for line, cells in rows:
        if swallowed := _swallowed(cells, separator, place, files):
            raise DataError(
                f"{table} cannot be read as a CSV file: the row that begins in line {line} holds the row of "
                f"{swallowed} inside a text; a quotation mark is not closed."
            )
        yield line, cells


def _separator(text: str, columns: Columns) -> str:
    """What parts the header into columns of which one names the pictures; a comma where nothing does."""
    head = text[: csv.field_size_limit()]
    for separator in SEPARATORS:
        header = next(csv.reader(io.StringIO(head, newline=""), delimiter=separator), [])
        if {*columns["image"], *columns["image_url"]} & set(_lower(header)):
            return separator
    return ","


def _swallowed(cells: list[str], separator: str, place: int, files: NamedFiles) -> str:
    """The name of a picture whose row stands inside a text, after a quotation mark too many; "" where none does."""
    lines = [line.split(separator) for cell in cells for line in cell.splitlines()[1:]]
    names = [parts[place].strip(' "') for parts in lines if len(parts) > max(place, 1)]
    return next((name for name in names if name and files.has(name)), "")


def _too_long(cells: list[str], columns: int, separator: str, line: int) -> str:
    if not any(cell.strip() for cell in cells[columns:]):
        return ""
    return (
        f"its row (line {line}) has {len(cells)} cells, the header {columns}; a text that holds "
        f"{SEPARATORS.get(separator, 'separators')} is written in quotation marks"
    )


def _excel_rows(table: Path, columns: Columns, skipped: SkipList) -> Iterator[Row]:
    sheet, lines = sheet_rows(table, columns)
    header = lines[0][1] if lines else []
    names = [str(name or "") for name in header]
    picture_column(names, columns, table)
    _note(skipped, table, f"Excel, sheet {sheet}", filter(None, names), columns)
    for number, values in lines[1:]:
        yield Row(_cells(zip(_lower(names), values, strict=False), columns, f"row {number} of {table}"))


def _json_rows(table: Path, columns: Columns, skipped: SkipList) -> Iterator[Row]:
    rows = []
    names: dict[str, None] = {}
    for line, text in enumerate(text_of(table).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text, object_pairs_hook=_object)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{table} cannot be read as JSON Lines: line {line}: {error}") from None
        if not isinstance(row, dict):
            raise DataError(f"{table} cannot be read as JSON Lines: line {line} is no object.")
        names |= dict.fromkeys(row)
        rows.append(_cells(row.items(), columns, f"line {line} of {table}"))
    picture_column(list(dict.fromkeys(name for row in rows for name in row)), columns, table)
    _note(skipped, table, "JSON Lines", names, columns)
    return map(Row, rows)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, which lets a name stand twice; Python would take the last."""
    if twice := [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]:
        raise ValueError(f"{twice[0]!r} stands twice in an object")
    return dict(pairs)


def _parquet_rows(table: Path, columns: Columns, skipped: SkipList) -> Iterator[Row]:
    """The rows of a Parquet file; of its columns only those that mean something here are read."""
    check_files([table])
    with pq.ParquetFile(table) as file:
        if file.metadata.num_rows > MAX_ROWS:
            raise DataError(f"{table} has {file.metadata.num_rows} rows; a list of pictures has at most {MAX_ROWS}.")
        picture_column([field.name for field in file.schema_arrow if _is_text(field.type)], columns, table)
        _note(skipped, table, "Parquet", file.schema_arrow.names, columns)
        wanted = [field.name for field in file.schema_arrow if _is_wanted(field, columns)]
        number = 0
        for batch in file.iter_batches(BATCH, columns=list(dict.fromkeys(wanted))):
            names = batch.schema.names
            for values in zip(*(_values(batch[place], name, table) for place, name in enumerate(names)), strict=True):
                number += 1
                yield Row(_cells(zip(names, values, strict=True), columns, f"row {number} of {table}"))


def _is_wanted(field: pa.Field, columns: Columns) -> bool:
    return is_read(column_key(field.name), columns) or may_tell_of_rights(field, columns)


def _values(column: pa.Array, name: str, table: Path) -> list[Any]:
    """A column as Python's values, which hold fewer dates, times and time zones than Arrow's."""
    try:
        return column.to_pylist()
    except (ArithmeticError, LookupError, ValueError, pa.ArrowException) as error:
        raise DataError(
            f"the column {name} of {table} cannot be read as {column.type}: {first_line(error)}. Write it as a text."
        ) from None


def _is_text(kind: pa.DataType) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _lower(names: Iterable[str]) -> list[str]:
    return list(map(column_key, names))


def text_of(table: Path) -> str:
    """The text of a file in UTF-8, or in the encoding that the mark at its beginning names."""
    return decoded(table)[0]


def decoded(table: Path, otherwise: str = "") -> tuple[str, str]:
    """The text of a file, and the encoding: UTF-8, or what the mark at its beginning names.

    Args:
        table: the file.
        otherwise: the encoding of a file without a mark that is not in UTF-8.

    Raises:
        DataError: it is in none of them, or too large.
    """
    if table.stat().st_size > MAX_TEXT:
        raise DataError(f"{table} is larger than {MAX_TEXT / 1e6:g} MB; divide it, or write it as a Parquet file.")
    data = table.read_bytes()
    encoding = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if otherwise and encoding == "utf-8" and b"\0" not in data and not _UTF8_LETTER.search(data):
            with suppress(UnicodeDecodeError):  # five bytes of it mean nothing
                return data.decode(otherwise), otherwise.capitalize()
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{table} cannot be read as a text in {_called(encoding)}: line {line} holds the byte "
            f"0x{data[error.start]:02x}. Save it in UTF-8; spreadsheets call that `CSV UTF-8`."
        ) from None
    if "\0" in text:
        raise DataError(f"{table} holds zero bytes, as UTF-16 without a mark does. Save it in UTF-8.")
    return text, _called(encoding)


def _called(encoding: str) -> str:
    return encoding.removesuffix("-sig").upper()
