"""The rows of an Excel file (.xlsx): of its first visible sheet, below the row that names the columns."""

import datetime
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from artextract_hf.data.words.columns import Columns, column_key
from artextract_hf.data.words.fields import ERRORS
from artextract_hf.errors import DataError, first_line

MAX_BYTES = 250_000_000  # of the parts of the file, unpacked
MAX_CELLS = 5_000_000  # with a text or a number
MAX_COLUMNS = 500  # a sheet may be formatted to its last column, the 16,384th
TITLES = 10  # rows above the one that names the columns: the name of the export, its day


def sheet_rows(table: Path, columns: Columns) -> tuple[str, list[tuple[int, list[Any]]]]:
    """The name of the sheet that is read, and its rows with their numbers, the names of the columns first.

    Args:
        table: an .xlsx file; of several sheets the first visible one counts.
        columns: the names a column may have, by field of the schema.

    Raises:
        DataError: it cannot be read as such a file, or unpacks to more than MAX_BYTES.
    """
    from openpyxl import load_workbook  # for a tenth of a second

    try:
        with zipfile.ZipFile(table) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > MAX_BYTES:
            raise DataError(f"{table} unpacks to {size / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:g}; save it as a CSV.")
        with warnings.catch_warnings(action="ignore"), table.open("rb") as file:  # what Excel keeps beside the cells
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
            sheet = next(sheet for sheet in book.worksheets if sheet.sheet_state == "visible")
            rows = list(_filled(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), table))
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001  (a damaged file: openpyxl, zipfile and XML each have their own)
        raise DataError(
            f"{table} cannot be read as an Excel file: {first_line(error)}. Save it as .xlsx, or as a CSV."
        ) from None
    return sheet.title, _below_titles(rows, columns)


def _filled(rows: Iterable[tuple[Any, ...]], table: Path) -> Iterator[tuple[int, list[Any]]]:
    """The rows that say something, with their numbers, without the empty cells at their end.

    Raises:
        DataError: there are more than MAX_CELLS.
    """
    cells = 0
    for number, values in enumerate(rows, start=1):
        last = max((place for place, value in enumerate(values, start=1) if value is not None), default=0)
        cells += last
        if cells > MAX_CELLS:
            raise DataError(f"{table} has more than {MAX_CELLS:,} cells; divide it, or save it as a CSV.")
        if last:
            yield number, [_cell(value) for value in values[:last]]


def _below_titles(rows: list[tuple[int, list[Any]]], columns: Columns) -> list[tuple[int, list[Any]]]:
    """Rows from the one that names the columns on: the first with a known name of one of pictures, else the first."""
    known = {*columns["image"], *columns["image_url"]}
    start = next((i for i, (_, cells) in enumerate(rows[:TITLES]) if known & set(map(column_key, cells))), 0)
    return rows[start:]


def _cell(value: Any) -> Any:
    """A cell as a table in text would have it: a day without its time, nothing for a formula that failed."""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat()
    if isinstance(value, str):
        return None if value in ERRORS else value.strip()
    return value
