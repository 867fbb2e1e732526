"""A collection as a folder that any web server serves, and that Mirador and the Universal Viewer open.

collection.json                       IIIF collection of all works
works/<name>/manifest.json            IIIF manifest, with title, artist, dates, credit line and rights
works/<name>/picture.jpg              its picture, and thumbnail.jpg where that is large
works/<name>/similar.json             web annotations: links to the most similar works
works/<name>/schema-org.json          the work as a VisualArtwork
works/<name>/linked-art.json          the work as a HumanMadeObject
vectors.json, vectors.npy             the vectors, see `vectors.py`
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from PIL import Image

from artextract_hf.curation.outliers import neighbourhood
from artextract_hf.data.fetch import parse_address
from artextract_hf.data.pictures import usable
from artextract_hf.data.rights import keep_open
from artextract_hf.data.schema import SkipList
from artextract_hf.documents import json_text
from artextract_hf.errors import DataError
from artextract_hf.linked.annotations import annotation_page, link_annotation
from artextract_hf.linked.linked_art import linked_art
from artextract_hf.linked.manifest import CONTEXT, collection_of, manifest_of
from artextract_hf.linked.pictures import QUALITY, Pictures
from artextract_hf.linked.schema_org import schema_org
from artextract_hf.linked.vectors import vectors_reference, write_vectors
from artextract_hf.linked.work import LINKED_ART, MANIFEST, PICTURE, SCHEMA_ORG, SIMILAR, THUMBNAIL, Work, file_name
from artextract_hf.outputs import refuse_filled, replacement
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units

COLLECTION, WORKS = "collection.json", "works"
SIMILAR_WORKS = 5  # that a work links to


@dataclass(frozen=True)
class _Neighbour:
    work: Work
    cosine: float


def write_iiif(
    index: PaintingIndex,
    folder: str | Path,
    base_url: str,
    *,
    title: str,
    pictures: Pictures | None = None,
    k: int = SIMILAR_WORKS,
    allow_restricted: bool = False,
    skipped: SkipList | None = None,
) -> dict[str, Any]:
    """Write a collection for the web; only works with an open licence leave, unless others are allowed.

    Args:
        index: of the works.
        folder: to write; it is new, or empty.
        base_url: address at which it will be served.
        title: of the collection.
        pictures: gives the works' pictures, see `pictures_of`; the small ones of the index by default.
        k: how many similar works each links to.
        allow_restricted: write also works without an open licence.
        skipped: filled with the works that are left out, and why.

    Returns:
        `works`, how many were written, `collection`, the address of the collection, and `files`.

    Raises:
        ArtExtractError: the folder holds something.
        DataError: the address is none, or no work may or can be written.
        QueryError: the index was made without pictures, and none are given.
    """
    refuse_filled(folder)
    base, skipped = checked_base(base_url), SkipList() if skipped is None else skipped
    rows = _open_rows(index, skipped, allow_restricted=allow_restricted)
    with replacement(folder) as new:
        works = _with_pictures(_works(index, rows, base), new, index, pictures, skipped)
        if not works:
            raise DataError(f"no work has a picture that can be written ({skipped.summary()}).")
        vectors = index.vectors()[[row for row, _ in works]]
        written = [work for _, work in works]
        write_vectors(new, index, written, vectors)
        for work, neighbours in zip(written, _similar(written, vectors, k), strict=True):
            _write_work(new / WORKS / file_name(work.id), work, neighbours, base)
        collection = collection_of(written, f"{base}/{COLLECTION}", title, see_also=[vectors_reference(base)])
        _write(new / COLLECTION, collection)
        files = sum(path.is_file() for path in new.rglob("*"))
    return {"works": len(written), "collection": collection["id"], "files": files}


def checked_base(address: str) -> str:
    """The address of a folder on the web, without a slash at its end.

    Raises:
        DataError: it is no address of http or https, or one of a query, of a place in a page, or with a password.
    """
    try:
        parts = parse_address(address)
    except DataError as error:
        raise DataError(f"{address!r} {error}; give one like https://museum.example/iiif.") from None
    if parts.query is not None or parts.fragment is not None or parts.auth:
        raise DataError(f"{address!r} is no address of a folder; give one like https://museum.example/iiif.")
    return parts.url.rstrip("/")


def _open_rows(index: PaintingIndex, skipped: SkipList, *, allow_restricted: bool) -> dict[int, str]:
    """The licences of the works that may be written, by row.

    Raises:
        DataError: there are none.
    """
    licences = index.licences()
    row_of = {id_: row for row, id_ in enumerate(index.ids)}
    stated = Dataset.from_dict({"id": index.ids, "license": licences})
    kept = stated if allow_restricted else keep_open(stated, skipped)
    return {row_of[id_]: licences[row_of[id_]] for id_ in kept["id"]}


def _works(index: PaintingIndex, licences: dict[int, str], base: str) -> list[tuple[int, Work]]:
    """The works of these rows, whose pictures are still to be written."""
    records = index.records()
    if not any(record.get("year_end") for record in records):  # a collection that knows no last years
        records = [{key: value for key, value in record.items() if key != "year_end"} for record in records]
    return [
        (row, Work(records[row], f"{base}/{WORKS}/{file_name(records[row]['id'])}", (0, 0), licence=licence))
        for row, licence in licences.items()
    ]


def _with_pictures(
    works: Sequence[tuple[int, Work]], folder: Path, index: PaintingIndex, pictures: Pictures | None, skipped: SkipList
) -> list[tuple[int, Work]]:
    """Write the pictures; the works that have one, with its size."""

    def write(item: tuple[int, Work]) -> Work:
        work = item[1]
        picture = index.thumbnail(work.id) if pictures is None else pictures(work.id)
        place = folder / WORKS / file_name(work.id)
        place.mkdir(parents=True)
        _save(picture, place / PICTURE)
        if pictures is None:
            return replace(work, size=picture.size)
        small = index.thumbnail(work.id)
        _save(small, place / THUMBNAIL)
        return replace(work, size=picture.size, thumbnail=small.size)

    return [(item[0], work) for item, work in usable(works, write, lambda item: item[1].id, skipped)]


def _similar(works: Sequence[Work], vectors: np.ndarray, k: int) -> list[list[_Neighbour]]:
    """The k nearest others of each work."""
    if len(works) < 2 or k < 1:
        return [[] for _ in works]
    around = neighbourhood(units(vectors).astype(np.float32), k)
    return [
        [_Neighbour(works[other], float(cosine)) for other, cosine in zip(rows, cosines, strict=True)]
        for rows, cosines in zip(around.rows, around.cosines, strict=True)
    ]


def _write_work(folder: Path, work: Work, neighbours: Sequence[_Neighbour], base: str) -> None:
    links = [
        link_annotation(work.at(f"similar/{rank}"), work, other.work, other.cosine)
        for rank, other in enumerate(neighbours, 1)
    ]
    _write(folder / MANIFEST, manifest_of(work, see_also=[vectors_reference(base)]))
    _write(folder / SIMILAR, {"@context": CONTEXT, **annotation_page(work.at(SIMILAR), links)})
    _write(folder / SCHEMA_ORG, schema_org(work))
    _write(folder / LINKED_ART, linked_art(work))


def _save(picture: Image.Image, path: Path) -> None:
    picture.save(path, "JPEG", quality=QUALITY)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json_text(document), encoding="utf-8")
