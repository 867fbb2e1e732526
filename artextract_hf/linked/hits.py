"""Hits of a search as a table: CSV for a spreadsheet, or JSON Lines for a program."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from artextract_hf.data.schema import DETAILS, METADATA
from artextract_hf.errors import DataError
from artextract_hf.escapes import for_spreadsheet
from artextract_hf.outputs import write_whole
from artextract_hf.retrieval.searchable import SearchHit

HEAD = ("rank", "id", "score")
BOX = ("left", "top", "width", "height")  # shares of the picture, of hits that have a box


def write_hits(hits: Sequence[SearchHit], path: str | Path) -> None:
    """Write hits to a file, which is replaced where there is one: rank, id, score, box, and what is known of the work.

    Args:
        hits: of any index.
        path: ends in `.csv` or `.jsonl`; JSON Lines hold every field of the records, CSV those of the schema.

    Raises:
        DataError: the file ends otherwise.
    """
    path = Path(path)
    if path.suffix == ".csv":
        write_whole(path, "\ufeff" + _csv(hits))  # the mark by which Excel knows UTF-8
    elif path.suffix == ".jsonl":
        rows = (_head(hit) | {"record": hit.record} for hit in hits)
        write_whole(path, "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))
    else:
        raise DataError(f"{path} is neither a .csv nor a .jsonl.")


def _csv(hits: Sequence[SearchHit]) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, [*HEAD, *BOX, *METADATA, *DETAILS], extrasaction="ignore")
    writer.writeheader()
    for hit in hits:
        row = hit.record | _head(hit)
        writer.writerow({key: for_spreadsheet(value) for key, value in row.items()})
    return file.getvalue()


def _head(hit: SearchHit) -> dict[str, Any]:
    box = getattr(hit, "box", None)
    place = dict(zip(BOX, box.as_list(), strict=True)) if box else {}
    return {"rank": hit.rank, "id": hit.id, "score": hit.score, **place}
