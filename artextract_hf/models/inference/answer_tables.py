"""Answers about several pictures as documents to keep: one JSON document, or a table for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from artextract_hf.escapes import for_spreadsheet
from artextract_hf.models.inference.open_set import doubts_in_words


def answer_rows(
    images: Sequence[str], answers: Mapping[int, Mapping[str, Any]], reasons: Mapping[int, str]
) -> list[dict[str, Any]]:
    """A document with one row a picture: `image`, and its answer or the `error`.

    Args:
        images: names of the pictures.
        answers: of `ArtAttributesPipeline`, by their places in `images`.
        reasons: why each of the others could not be used, by its place.
    """
    return [
        {"image": image, **answers[place]} if place in answers else {"image": image, "error": reasons[place]}
        for place, image in enumerate(images)
    ]


def answer_table(rows: Iterable[Mapping[str, Any]], tasks: Iterable[str]) -> str:
    r"""The rows as CSV: `image`, the most probable class of each task with its chance, `doubts` and `error`.

    Args:
        rows: of `answer_rows`.
        tasks: of the classifier.

    >>> print(answer_table([{"image": "=1.png", "error": "no picture."}], ["style"]), end="")
    image,style,style_chance,doubts,error
    '=1.png,,,,no picture.
    """
    tasks, table = list(tasks), io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image", *(name for task in tasks for name in (task, f"{task}_chance")), "doubts", "error"])
    for row in rows:
        best = [row["tasks"][task][0] if "tasks" in row else {} for task in tasks]
        chances = [(b["label"], round(b["score"], 4)) if b else ("", "") for b in best]
        cells = [row["image"], *(cell for pair in chances for cell in pair), doubts_in_words(row), row.get("error", "")]
        writer.writerow(map(for_spreadsheet, cells))
    return table.getvalue()
