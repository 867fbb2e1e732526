"""What a curator decided about labels in doubt: the table of `artextract audit labels`, applied to records.

id, ..., task, label, suggested, decision
museum/17.jpg, ..., style, Baroque, Rococo, accept
"""

import io
from collections.abc import Mapping
from pathlib import Path

from datasets import Dataset

from artextract_hf.data.schema import class_names, tasks_of
from artextract_hf.data.sources.metadata import csv_lines, text_of
from artextract_hf.errors import DataError
from artextract_hf.escapes import for_spreadsheet

COLUMNS = ("id", "task", "label", "suggested", "decision")
ACCEPTED, REJECTED = "accept", "reject"


def apply_decisions(records: Dataset, path: str | Path) -> tuple[Dataset, int]:
    """Give records the suggested labels that were accepted.

    Args:
        records: with columns of classes.
        path: a CSV with COLUMNS; `decision` is `accept`, `reject` or empty.

    Returns:
        The records, and how many labels changed. Records that have the suggested label already count as unchanged.

    Raises:
        DataError: the file cannot be read, or a row of it accepts what the records do not allow: an unknown id, task or
            class, or another label than the one that was doubted.
    """
    changes: dict[str, dict[int, int]] = {}
    row_of = {for_spreadsheet(id_): row for row, id_ in enumerate(records["id"])}
    for line, decided in _accepted(Path(path)):
        task, where = decided["task"], f"{path}, line {line}"
        if task not in tasks_of(records):
            raise DataError(f"{where}: the collection has no task {task!r}; it has {', '.join(tasks_of(records))}.")
        if decided["id"] not in row_of:
            raise DataError(f"{where}: the collection has no record {decided['id']!r}.")
        names = {for_spreadsheet(name): number for number, name in enumerate(class_names(records, task))}
        if decided["suggested"] not in names:
            raise DataError(f"{where}: the {task} {decided['suggested']!r} is no class of the collection.")
        row = row_of[decided["id"]]
        if changes.setdefault(task, {}).setdefault(row, names[decided["suggested"]]) != names[decided["suggested"]]:
            raise DataError(f"{where}: {decided['id']!r} gets another {task} in an earlier line.")
        present = records[task][row]
        if present not in (names.get(decided["label"]), names[decided["suggested"]]):
            raise DataError(
                f"{where}: {decided['id']!r} is not labelled {decided['label']!r} any more; audit the labels again."
            )
    return _relabelled(records, changes)


def _accepted(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The accepted rows, each with the line in which it begins."""
    if not path.is_file():  # a device never ends
        raise DataError(f"{path} is no file; give findings.csv of `artextract audit labels`.")
    text = text_of(path)
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    lines = csv_lines(io.StringIO(text, newline=""), path, separator)  # a spreadsheet may have saved it its own way
    _, head = next(lines, (1, []))
    if missing := [name for name in COLUMNS if head.count(name) != 1]:
        raise DataError(f"{path} has no column {missing[0]!r}; give findings.csv of `artextract audit labels`.")
    accepted = []
    for line, cells in lines:
        if len(cells) != len(head):
            raise DataError(f"{path}, line {line}: it has {len(cells)} cells, the first line {len(head)}.")
        row = dict(zip(head, cells, strict=True))
        decision = row["decision"].strip().lower()
        if decision not in (ACCEPTED, REJECTED, ""):
            raise DataError(f"{path}, line {line}: the decision {decision!r} is neither {ACCEPTED} nor {REJECTED}.")
        if decision == ACCEPTED:
            accepted.append((line, row))
    return accepted


def _relabelled(records: Dataset, changes: Mapping[str, Mapping[int, int]]) -> tuple[Dataset, int]:
    """The records with labels by task and row, and how many of these are new."""
    changed = 0
    for task, labels in changes.items():
        column, feature = list(records[task]), records.features[task]
        changed += sum(column[row] != label for row, label in labels.items())
        for row, label in labels.items():
            column[row] = label
        order = records.column_names
        records = records.remove_columns(task).add_column(task, column, feature=feature).select_columns(order)
    return records, changed
