"""Paintings become vectors and rows: what an index is made of, and what it shows."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Dataset, Features
from PIL import Image as PILImage

from artextract_hf.data.pictures import decoded, in_batches
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import ModelError, PaintingIndexError
from artextract_hf.retrieval.records import TEXTS, YEARS, RecordTable, ids_of, is_plain, refuse_other_types

BATCH = 32  # pictures decoded and embedded at a time
THUMBNAIL_SIDE = 256  # pixels, long side
DECODED_SIDE = 2 * THUMBNAIL_SIDE  # pixels that both sides of a decoded picture keep, if it has them


def painting_batches(
    dataset: Dataset, skipped: SkipList, *, min_side: int = DECODED_SIDE, progress: bool = False
) -> Iterator[tuple[list[PILImage.Image], list[dict[str, Any]]]]:
    """Read a collection batch by batch; a picture is decoded once, for what embeds it and for its thumbnail.

    The pictures of the next batch are decoded while the caller works on this one. Of the columns `indexed_columns`
    are taken.

    Args:
        dataset: records of `data/schema.py`.
        skipped: filled with the ids of pictures that cannot be decoded; they have neither picture nor row.
        min_side: see `decode_image`; an embedder that looks at more than 256 pixels a side needs more.
        progress: show a progress bar on a terminal.

    Yields:
        n pictures, n >= 1, and n rows: what `row_of` gives, and `thumbnail`, a JPEG of 256 pixels.

    Raises:
        PaintingIndexError: a column of the schema is of another type.
    """
    dataset = indexed_columns(dataset)
    names = names_of_classes(dataset.features)

    def load(picture: PILImage.Image, record: dict[str, Any]) -> tuple[PILImage.Image, dict[str, Any]]:
        return picture, row_of(record, names) | {"thumbnail": thumbnail_of(picture)}

    bar = "embedding" if progress else ""
    loaded = decoded(dataset, load, skipped, min_side=min_side, ahead=BATCH, progress=bar)
    for _, batch in in_batches(loaded, BATCH):
        pictures, rows = zip(*batch, strict=True)
        yield list(pictures), list(rows)


def embedded_batches(
    dataset: Dataset, embedder: Embedder, skipped: SkipList, *, progress: bool = False
) -> Iterator[tuple[np.ndarray, list[dict[str, Any]]]]:
    """Embed a collection, read by `painting_batches`.

    Yields:
        Vectors (n, dim) float32, n >= 1, and their n rows.

    Raises:
        ModelError: the embedder gives more or fewer vectors than there are pictures, or of another length than its.
        PaintingIndexError: a column of the schema is of another type.
    """
    for pictures, rows in painting_batches(dataset, skipped, progress=progress):
        vectors = embedder.embed(pictures, batch_size=BATCH)
        if np.shape(vectors) != (wanted := (len(rows), embedder.dim)):
            raise ModelError(f"the embedder gives {np.shape(vectors)} numbers for {len(rows)} pictures, not {wanted}.")
        yield vectors, rows


def embedded_records(
    dataset: Dataset, embedder: Embedder, skipped: SkipList, *, progress: bool = False
) -> tuple[np.ndarray, RecordTable]:
    """All that `embedded_batches` gives, in memory: vectors (N, dim) and their records; N may be 0.

    Raises:
        PaintingIndexError: two records have the same id, or a column of the schema is of another type.
    """
    ids_of(dataset)
    vectors, rows = [np.zeros((0, embedder.dim), dtype=np.float32)], []
    for embedded, records in embedded_batches(dataset, embedder, skipped, progress=progress):
        vectors.append(embedded)
        rows.extend(records)
    return np.concatenate(vectors), RecordTable.from_rows(rows)


def indexed_columns(dataset: Dataset) -> Dataset:
    """The pictures, and the columns that records of an index can hold; dates, bytes and further pictures are left out.

    Raises:
        PaintingIndexError: a column of the schema is of another type.
    """
    names = names_of_classes(dataset.features)
    stored = [field.with_type(pa.string()) if field.name in names else field for field in dataset.features.arrow_schema]
    fields = [field for field in stored if field.name in (*TEXTS, *YEARS) or is_plain(field.type)]
    try:
        refuse_other_types(field for field in fields if field.name != "image")
    except ValueError as error:
        raise PaintingIndexError(f"the collection cannot be indexed: {error}") from None
    return dataset.select_columns(["image", *(field.name for field in fields if field.name != "image")])


def names_of_classes(features: Features) -> dict[str, list[str]]:
    """The class names of every column of labels."""
    return {field: feature.names for field, feature in features.items() if isinstance(feature, ClassLabel)}


def row_of(record: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A record without its picture, labels as class names, None where unknown."""
    return {field: _value(value, names.get(field)) for field, value in record.items() if field != "image"}


def thumbnail_of(picture: PILImage.Image) -> bytes:
    """A small JPEG of a picture, to show beside a hit."""
    small = picture.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), PILImage.Resampling.BICUBIC)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def _value(value: Any, names: Sequence[str] | None) -> Any:
    if names is None:
        return value
    return None if value is None or value < 0 else names[value]
