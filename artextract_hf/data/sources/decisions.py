"""What a curator decided about labels in doubt: the table of `artextract audit labels`, applied to records.

id, ..., task, label, suggested, decision
museum/17.jpg, ..., style, Baroque, Rococo, accept
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from datasets import Dataset

from artextract_hf.data.schema import class_names, tasks_of
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
    """The accepted rows with their numbers in the table, the head being 1."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"the decisions {path} cannot be read: {error}.") from None
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise DataError(f"{path} has no column {missing[0]!r}; give findings.csv of `artextract audit labels`.")
    accepted = []
    for line, row in enumerate(table[list(COLUMNS)].to_dict("records"), start=2):
        decision = row["decision"].strip().lower()
        if decision not in (ACCEPTED, REJECTED, ""):
            raise DataError(f"{path}, line {line}: the decision {decision!r} is neither {ACCEPTED} nor {REJECTED}.")
        if decision == ACCEPTED:
            accepted.append((line, {str(name): str(cell) for name, cell in row.items()}))
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
