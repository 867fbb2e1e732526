"""Paintings become vectors and rows: what an index is made of, and what it shows."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from datasets import ClassLabel, Dataset, Features, Image
from PIL import Image as PILImage
from tqdm import tqdm

from artextract_hf.data.decode import decode_image
from artextract_hf.data.schema import SkipList
from artextract_hf.embedders.protocol import Embedder
from artextract_hf.errors import ImageError

BATCH = 32  # pictures decoded and embedded at a time
THUMBNAIL_SIDE = 256  # pixels, long side
DECODED_SIDE = 2 * THUMBNAIL_SIDE  # pixels that both sides of a decoded picture keep, if it has them

Item = TypeVar("Item")


def embedded_batches(
    dataset: Dataset,
    embedder: Embedder,
    skipped: SkipList,
    *,
    min_side: int = DECODED_SIDE,
    progress: bool = False,
) -> Iterator[tuple[np.ndarray, list[dict[str, Any]]]]:
    """Embed a collection batch by batch; a picture is decoded once, for its vector and for its thumbnail.

    The pictures of the next batch are decoded while the embedder works on this one.

    Args:
        dataset: records of `data/schema.py`.
        embedder: what makes the vectors.
        skipped: filled with the ids of pictures that cannot be decoded; they have neither vector nor row.
        min_side: see `decode_image`; an embedder that looks at more than 256 pixels a side needs more.
        progress: show a progress bar on a terminal.

    Yields:
        Vectors (n, dim) float32, n >= 1, and n rows: what `row_of` gives, and `thumbnail`, a JPEG of 256 pixels.
    """
    names = names_of_classes(dataset.features)
    batches = dataset.cast_column("image", Image(decode=False)).iter(BATCH)
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=len(dataset), desc="embedding", unit="picture", disable=None if progress else True) as bar,
    ):
        loading = (
            [(record["id"], pool.submit(_load, record, names, min_side)) for record in _records(b)] for b in batches
        )
        for jobs in _one_ahead(loading):
            loaded = []
            for id_, job in jobs:
                try:
                    loaded.append(job.result())
                except ImageError as error:
                    skipped.add(id_, error)
            if loaded:
                pictures, rows = zip(*loaded, strict=True)
                yield embedder.embed(list(pictures), batch_size=BATCH), list(rows)
            bar.update(len(jobs))


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


def _records(batch: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """A batch of columns as records."""
    return (dict(zip(batch, values, strict=True)) for values in zip(*batch.values(), strict=True))


def _one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The items, each begun before the one in front of it is worked on."""
    remaining = iter(items)
    for current in remaining:
        for following in remaining:
            yield current
            current = following
        yield current


def _load(
    record: Mapping[str, Any], names: Mapping[str, Sequence[str]], min_side: int
) -> tuple[PILImage.Image, dict[str, Any]]:
    source = record["image"]
    picture = decode_image(source["bytes"] or source["path"], min_side=min_side)
    return picture, row_of(record, names) | {"thumbnail": thumbnail_of(picture)}


def _value(value: Any, names: Sequence[str] | None) -> Any:
    if names is None:
        return value
    return None if value is None or value < 0 else names[value]
