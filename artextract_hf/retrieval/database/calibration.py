"""What the scores of a table are worth, kept in a table of its own beside it, so that every process reads the same.

A calibration comes from searches for a sample of the records, and stays good while the collection is nearly the same.
So a change that goes beyond a share of the records has it measured anew, and smaller changes are counted.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.calibration import Calibration
from artextract_hf.retrieval.database.connection import as_user_error

if TYPE_CHECKING:
    from lancedb import DBConnection
    from lancedb.table import Table

SUFFIX = ".artextract_calibration"  # of the name of the table of paintings
OUTDATED = 0.05  # share of the records that may change before a calibration is measured anew


@dataclass(frozen=True)
class _Measured:
    """One row of the table: a calibration, the records it was measured on, and how many have changed since."""

    calibration: Calibration
    count: int
    changed: int


NOTHING = _Measured(Calibration(), 0, 0)


def _read_row(row: dict[str, Any]) -> _Measured:
    """What a row of the table says.

    Raises:
        PaintingIndexError: it is no such row.
    """
    try:
        calibration, count, changed = json.loads(row["calibration"]), row["count"], row["changed"]
    except (KeyError, TypeError, ValueError, RecursionError):
        calibration, count, changed = None, 0, 0
    if type(count) is not int or type(changed) is not int:
        calibration = None
    return _Measured(Calibration.from_json(calibration), count, changed)


class StoredCalibration:
    """The calibration of one table of paintings.

    Args:
        database: that holds the table.
        name: of the table.
    """

    def __init__(self, database: "DBConnection", name: str) -> None:
        self._database, self.name = database, name + SUFFIX
        self._table = self._open()
        self._read: tuple[int, _Measured] = (-1, NOTHING)  # the version of the table that was read, and what it held

    def read(self) -> Calibration:
        """The calibration; an empty one where none was measured."""
        return self._measured().calibration

    def write(self, calibration: Calibration, count: int) -> None:
        """Keep a calibration that was measured now.

        Args:
            calibration: for all processes that search.
            count: of the records that it was measured on.
        """
        self._write(_Measured(calibration, count, 0))

    def note_changes(self, number: int) -> bool:
        """Count changed records, and tell whether the calibration is outdated, so that it has to be measured anew."""
        kept = self._measured()
        changed = kept.changed + number
        if changed > OUTDATED * kept.count:
            return True
        self._write(_Measured(kept.calibration, kept.count, changed))
        return False

    @property
    def is_exact(self) -> bool:
        """Whether no record has changed since it was measured."""
        kept = self._measured()
        return kept.count > 0 and kept.changed == 0

    def _measured(self) -> _Measured:
        if self._table is None:
            return NOTHING
        with as_user_error(f"the table {self.name!r} cannot be read"):
            version = self._table.version
            if version != self._read[0]:
                (row, *_) = self._table.search().limit(1).to_arrow().to_pylist() or [{}]
                self._read = version, _read_row(row)
        return self._read[1]

    def _write(self, measured: _Measured) -> None:
        text = json.dumps(measured.calibration.as_json())
        row = {"calibration": text, "count": measured.count, "changed": measured.changed}
        with as_user_error(f"the table {self.name!r} cannot be written"):
            self._database.create_table(self.name, data=[row], mode="overwrite" if self._table else "create")
        self._table = self._table or self._open()

    def _open(self) -> "Table | None":
        try:
            with as_user_error("there is no calibration"):
                return self._database.open_table(self.name)
        except PaintingIndexError:
            return None
