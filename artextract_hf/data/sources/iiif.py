"""IIIF: any museum's pictures and words, by the address of a manifest or of a collection.

    read_iiif --documents, one by one--> canvases --download_images--> files --> records

What documents say is parsed in `iiif_documents.py`. A manifest, a canvas or a picture that cannot be used is listed
with its address and the reason, and the rest goes on.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from datasets import Dataset

from artextract_hf.data.fetch import DownloadSettings, Fetcher, is_address, shown
from artextract_hf.data.labels import ARTISTS, UNKNOWN, known_artist
from artextract_hf.data.rights import least_open
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.data.sources.download import Wanted, download_images, file_of
from artextract_hf.data.sources.iiif_documents import (
    MAX_DOCUMENT,
    Canvas,
    is_whole,
    members_of,
    pages_of,
    parse_document,
    parse_manifest,
    type_of,
)
from artextract_hf.data.sources.iiif_words import Part, id_of
from artextract_hf.data.words.dates import Years, checked_years, printed_years
from artextract_hf.errors import DataError

MAX_DEPTH = 8  # collections inside collections
MAX_DOCUMENTS = 10_000  # of a source; a server can invent members and pages without end
MAX_CANVASES = 200_000


def read_iiif(
    source: str | Path,
    images_dir: Path,
    skipped: SkipList,
    *,
    settings: DownloadSettings | None = None,
    side: int = 1024,
) -> Dataset:
    """The pictures of a manifest, or of all manifests of a collection, as records.

    Args:
        source: the address of a Presentation document, or a file that holds one.
        images_dir: where pictures are kept.
        skipped: filled with manifests, canvases and pictures that cannot be used.
        settings: how often and how patiently servers are asked.
        side: longer side of the pictures, pixels.

    Raises:
        DataError: the source itself cannot be read, or nothing usable is in it.
    """
    settings = settings or DownloadSettings()
    name = str(source)
    canvases = _one_licence(list(_unique(_walk(name, Fetcher(settings), skipped, side=side), skipped)))
    wanted = [Wanted(file_of(c.images[0]), c.images) for c in canvases]
    files = download_images(wanted, images_dir, skipped, settings=settings)
    kept = [(canvas, file) for canvas, file in zip(canvases, files, strict=True) if file]
    if not kept:
        raise DataError(f"{shown(name)} gives no usable picture ({skipped.summary()}).")
    years = checked_years(((shown(canvas.id), *printed_years(canvas.date)) for canvas, _ in kept), skipped)
    records = (_record(canvas, file, dated) for (canvas, file), dated in zip(kept, years, strict=True))
    return make_dataset(records, painting_features())


@dataclass(frozen=True)
class _Place:
    """A document that is still to be read: its address or file, how deep it lies, and itself where it is known.

    `above` is what names it: its entry in a collection, and the collections around that, the nearest first.
    """

    address: str
    depth: int = 0
    document: Part | None = None
    above: tuple[Part, ...] = ()


def _walk(source: str, fetcher: Fetcher, skipped: SkipList, *, side: int) -> Iterator[Canvas]:
    """Every canvas below a document, manifest by manifest; each document once."""
    seen = {source}
    waiting = deque([_Place(source)])
    count = documents = 0
    while waiting:
        place = waiting.popleft()
        documents += 1
        if documents > MAX_DOCUMENTS or count >= MAX_CANVASES:
            skipped.add(shown(place.address), f"and {len(waiting)} more: {_limit_reached(source)}")
            return
        try:
            document = _read(place, fetcher, source)
            document |= {} if id_of(document) else {"id": place.address}
            seen.add(id_of(document))
            if type_of(document) == "collection":
                waiting.extend(_below(place, document, seen, skipped))
                continue
            for canvas in parse_manifest(document, side=side, skipped=skipped, above=place.above):
                count += 1
                yield canvas
        except DataError as error:
            if place.depth == 0 and place.address == source:
                raise DataError(f"{shown(source)}: {error}") from None
            skipped.add(shown(place.address), error)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:  # JSON of any shape
            skipped.add(shown(place.address), f"is not as IIIF describes a document ({type(error).__name__}: {error})")


def _limit_reached(source: str) -> str:
    return f"of {shown(source)} at most {MAX_DOCUMENTS} documents and {MAX_CANVASES} canvases are read"


def _below(place: _Place, collection: dict[str, Any], seen: set[str], skipped: SkipList) -> Iterator[_Place]:
    """What a collection names and nobody has named before; its further pages lie as deep as itself."""
    members, above = [], (collection, *place.above)
    for number, member in enumerate(members_of(collection), start=1):
        if is_whole(member):
            id_ = id_of(member) or f"{place.address}#{number}"
            members.append(_Place(id_, place.depth + 1, member | {"id": id_}, above))
        else:
            members.append(_Place(id_of(member), place.depth + 1, above=(member, *above)))
    for found in [*members, *(_Place(page, place.depth, above=above) for page in pages_of(collection))]:
        try:
            target = urljoin(place.address, found.address) if is_address(place.address) else found.address
        except ValueError:
            target = found.address
        if not found.address:
            skipped.add(shown(place.address), "names a document without an address")
        elif target in seen:
            if found.document:
                skipped.add(shown(target), "another document has the same id; the first counts")
        elif found.depth > MAX_DEPTH:
            skipped.add(shown(target), f"lies more than {MAX_DEPTH} collections deep")
        else:
            yield replace(found, address=target)
        seen.add(target)


def _read(place: _Place, fetcher: Fetcher, source: str) -> dict[str, Any]:
    """The document at a place; of the files of this machine only the source itself is read.

    Raises:
        DataError: it cannot be read.
    """
    if place.document is not None:
        return place.document
    if is_address(place.address):
        return fetcher.get(place.address, parse_document)
    path = Path(place.address)
    if place.address != source or not path.is_file():
        raise DataError("is no address and no file")
    with path.open("rb") as file:
        return parse_document(file.read(MAX_DOCUMENT + 1))


def _unique(canvases: Iterator[Canvas], skipped: SkipList) -> Iterator[Canvas]:
    seen: set[str] = set()
    for canvas in canvases:
        if canvas.id in seen:
            skipped.add(shown(canvas.id), "another canvas has the same id; the first counts")
            continue
        seen.add(canvas.id)
        yield canvas


def _one_licence(canvases: list[Canvas]) -> list[Canvas]:
    """The canvases; where several show the same picture, what is stated of its rights on any of them counts."""
    stated = defaultdict[str, list[str]](list)
    for canvas in canvases:
        stated[canvas.images[0]].append(canvas.license)
    return [replace(canvas, license=least_open(stated[canvas.images[0]])) for canvas in canvases]


def _record(canvas: Canvas, file: Path, years: Years) -> dict[str, Any]:
    known = known_artist(canvas.artist)
    made_up = ", ".join(filter(None, (canvas.artist, canvas.title, canvas.date)))
    return new_record(
        id=shown(canvas.id),
        image={"path": str(file), "bytes": None},
        artist=ARTISTS.index(known) if known else UNKNOWN,
        title=canvas.title,
        artist_name=canvas.artist,
        year=years[0],
        year_end=years[1],
        source_url=shown(canvas.source_url),
        license=canvas.license,
        credit_line=canvas.credit_line or f"{made_up}.",
        medium=canvas.medium,
    )
