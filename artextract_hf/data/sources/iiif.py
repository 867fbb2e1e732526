"""IIIF: any museum's pictures and words through two standards, in the versions 2 and 3 of each.

    Image API          {service}/full/{size}/0/default.jpg
    Presentation API   collection -> collections and manifests -> canvases -> painted images, with labels and rights

Documents are parsed by pure functions into small values; fetching is separate. A manifest or a canvas that cannot be
used is listed with its address and the reason, and the rest goes on. Sources: iiif.io/api/image/{2.1,3.0},
iiif.io/api/presentation/{2.1,3.0}.
"""

import hashlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from datasets import Dataset

from artextract_hf.data.dates import first_year, last_year
from artextract_hf.data.fields import artist_as_printed
from artextract_hf.data.labels import ARTISTS, UNKNOWN, known_artist
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.data.sources.download import DownloadSettings, Fetcher, download_images
from artextract_hf.errors import DataError

MAX_DEPTH = 8  # collections inside collections
LANGUAGES = ("en", "none", "@none")  # preferred, then whatever is there

# Labels of metadata pairs in the languages in which museums publish.
ARTIST_LABELS = {
    "artist", "artists", "creator", "maker", "painter", "author", "attribution", "künstler", "künstlerin", "maler",
    "urheber", "artiste", "auteur", "peintre", "kunstenaar", "schilder", "vervaardiger", "artista", "autore", "pittore",
    "autor", "pintor",
}  # fmt: skip
DATE_LABELS = {
    "date", "dates", "date created", "creation date", "date made", "created", "year", "datierung", "datum", "jahr",
    "entstehungszeit", "date de création", "année", "datering", "jaar", "data", "anno", "datazione", "fecha", "año",
}  # fmt: skip
MEDIUM_LABELS = {
    "medium", "materials", "material", "technique", "physical description", "material/technik", "technik", "matériaux",
    "technique et matériaux", "materiaal", "techniek", "tecnica", "materiali", "técnica",
}  # fmt: skip


@dataclass(frozen=True)
class Canvas:
    """A picture that a manifest shows, with what is said about it."""

    id: str
    image: str  # its address, as large as is wanted
    title: str
    artist: str = ""
    date: str = ""
    medium: str = ""
    license: str = ""
    credit_line: str = ""
    source_url: str = ""


def image_url(service: str, *, version: int, side: int, size: tuple[int, int] | None = None) -> str:
    """The address of a whole picture whose sides are at most `side` pixels.

    Args:
        service: base address of the image service.
        version: of the Image API. Version 2 may enlarge what is asked for, and version 3 calls its own size `max`.
        side: pixels.
        size: width and height of the picture, where they are known.

    >>> image_url("https://museum.example/iiif/1/", version=2, side=640)
    'https://museum.example/iiif/1/full/!640,640/0/default.jpg'
    >>> image_url("https://museum.example/iiif/1", version=3, side=640, size=(300, 200))
    'https://museum.example/iiif/1/full/max/0/default.jpg'
    """
    own = "full" if version < 3 else "max"
    asked = own if size and max(size) <= side else f"!{side},{side}"
    return f"{service.rstrip('/')}/full/{asked}/0/default.jpg"


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
    fetcher = Fetcher(settings)
    name = str(source)
    canvases = list(_unique(_walk(_load(name, fetcher), name, fetcher, skipped, side=side), skipped))
    wanted = [(c.image, hashlib.sha256(c.image.encode()).hexdigest()[:24] + ".jpg") for c in canvases]
    files = download_images(wanted, images_dir, skipped, settings=settings)
    records = [_record(canvas, file) for canvas, file in zip(canvases, files, strict=True) if file]
    if not records:
        reasons = f", the first: {skipped.items[0].path}: {skipped.items[0].reason}" if skipped.items else ""
        raise DataError(f"{name} gives no usable picture ({len(skipped.items)} were left out{reasons}).")
    return make_dataset(records, painting_features())


def parse_manifest(document: dict[str, Any], *, side: int, skipped: SkipList) -> list[Canvas]:
    """The canvases of a manifest of either version; one without a picture is listed.

    Raises:
        DataError: the document has no canvases at all.
    """
    id_ = _id(document)
    if _type(document) != "manifest":
        raise DataError(f"is no manifest but {document.get('type') or document.get('@type')!r}")
    third = "items" in document
    canvases = _dicts(document.get("items")) if third else _canvases_2(document)
    if not canvases:
        raise DataError("has no canvases")
    about = _about(document, id_)
    found = []
    for number, canvas in enumerate(canvases, start=1):
        key = _id(canvas) or f"{id_}#canvas-{number}"
        address = next((a for body in _bodies(canvas, third) if (a := _image_of(body, side))), None)
        if address is None:
            skipped.add(key, "this canvas shows no picture")
            continue
        own = text_of(canvas.get("label"))
        title = f"{about.title}, {own}" if len(canvases) > 1 and own and own != about.title else about.title or own
        found.append(replace(about, id=key, image=address, title=title))
    return found


def text_of(value: Any) -> str:
    """The text of a label or value of either version, in English where there is a choice, without markup.

    A string; a list of them; `{"@value": ..., "@language": ...}` (version 2); `{"en": ["..."]}` (version 3).
    """
    if isinstance(value, str):
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", value)).split())
    if isinstance(value, list):
        chosen = [v for v in value if isinstance(v, dict) and str(v.get("@language", "")).startswith("en")] or value
        return ", ".join(filter(None, (text_of(v) for v in chosen)))
    if isinstance(value, dict):
        if "@value" in value:
            return text_of(value["@value"])
        named = [key for key in value if isinstance(key, str)]
        best = next((k for want in LANGUAGES for k in named if k == want or k.startswith(f"{want}-")), None)
        return text_of(value[best or named[0]]) if named else ""
    return ""


def _walk(
    document: dict[str, Any], address: str, fetcher: Fetcher, skipped: SkipList, *, side: int
) -> Iterator[Canvas]:
    """Every canvas below a document, manifest by manifest; each document once."""
    seen = {address, _id(document)}
    open_documents = [(document, address, 0)]
    while open_documents:
        current, place, depth = open_documents.pop(0)
        try:
            if _type(current) != "collection":
                yield from parse_manifest(current, side=side, skipped=skipped)
                continue
            for member in _members(current):
                target = urljoin(place, _id(member)) if place.startswith("http") else _id(member)
                if not target or target in seen:
                    continue
                seen.add(target)
                try:
                    open_documents.append((_open(member, target, depth, fetcher), target, depth + 1))
                except DataError as error:
                    skipped.add(target, error)
        except DataError as error:
            if depth == 0:
                raise DataError(f"{place} {error}") from None
            skipped.add(place, error)
        except (KeyError, TypeError, AttributeError, IndexError) as error:  # strangers' JSON has every shape
            skipped.add(place, f"is not as IIIF describes a document ({type(error).__name__}: {error})")


def _open(member: dict[str, Any], address: str, depth: int, fetcher: Fetcher) -> dict[str, Any]:
    """The document that a collection names, which lies `depth` collections deep itself.

    Raises:
        DataError: it lies too deep, or cannot be read.
    """
    if depth >= MAX_DEPTH:
        raise DataError(f"lies more than {MAX_DEPTH} collections deep")
    return member if _is_whole(member) else _load(address, fetcher)


def _unique(canvases: Iterator[Canvas], skipped: SkipList) -> Iterator[Canvas]:
    seen: set[str] = set()
    for canvas in canvases:
        if canvas.id in seen:
            skipped.add(canvas.id, "another canvas has the same id; the first counts")
            continue
        seen.add(canvas.id)
        yield canvas


def _load(source: str, fetcher: Fetcher) -> dict[str, Any]:
    if source.startswith(("http://", "https://")):
        data = fetcher.get(source, kind="json")
    elif Path(source).is_file():
        data = Path(source).read_bytes()
    else:
        raise DataError(f"{source} is no address and no file")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise DataError("is no JSON document") from None
    if not isinstance(document, dict):
        raise DataError("is no IIIF document, but a JSON list or value")
    return document


def _id(thing: dict[str, Any]) -> str:
    value = thing.get("id") or thing.get("@id") or ""
    return value if isinstance(value, str) else ""


def _type(thing: dict[str, Any]) -> str:
    """`collection` or `manifest`, of `Manifest` and of `sc:Manifest`."""
    return str(thing.get("type") or thing.get("@type") or "").rpartition(":")[2].lower()


def _dicts(value: Any) -> list[dict[str, Any]]:
    """What is an object, of a list or of a single value."""
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict)]


def _members(collection: dict[str, Any]) -> list[dict[str, Any]]:
    """The documents of a collection; of a paged one (2.1, section 3.3) its pages too."""
    pages = [{"@id": collection[key], "@type": "sc:Collection"} for key in ("first", "next") if key in collection]
    named = [m for key in ("items", "members", "collections", "manifests") for m in _dicts(collection.get(key))]
    return [*named, *(page for page in pages if isinstance(page["@id"], str))]


def _is_whole(member: dict[str, Any]) -> bool:
    """Whether a member of a collection is the document itself, not only its address."""
    return bool({"sequences", "items", "manifests", "collections", "members"} & member.keys())


def _canvases_2(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    sequences = _dicts(manifest.get("sequences"))
    return _dicts(sequences[0].get("canvases")) if sequences else []


def _bodies(canvas: dict[str, Any], third: bool) -> Iterator[dict[str, Any]]:
    """What is painted on a canvas; of a choice its first picture."""
    if third:
        found = [
            body
            for page in _dicts(canvas.get("items"))
            for annotation in _dicts(page.get("items"))
            if annotation.get("motivation", "painting") == "painting"
            for body in _dicts(annotation.get("body"))
        ]
    else:
        found = [body for image in _dicts(canvas.get("images")) for body in _dicts(image.get("resource"))]
    for body in found:
        choices = _dicts(body.get("default")) + _dicts(body.get("items")) + _dicts(body.get("item"))
        yield from choices or [body]


def _image_of(body: dict[str, Any], side: int) -> str | None:
    """The address of a painted picture: from its image service, or its own."""
    for service in _dicts(body.get("service")):
        if base := _id(service):
            text = f"{service.get('type', '')} {service.get('@context', '')} {service.get('profile', '')}"
            version = 3 if "ImageService3" in text or "image/3" in text else 2
            width, height = body.get("width"), body.get("height")
            size = (width, height) if isinstance(width, int) and isinstance(height, int) else None
            return image_url(base, version=version, side=side, size=size)
    is_image = str(body.get("type") or body.get("@type") or "").lower() in ("image", "dctypes:image")
    return _id(body) or None if is_image else None


def _about(manifest: dict[str, Any], id_: str) -> Canvas:
    """What a manifest says about all its canvases."""
    pairs = [(text_of(p.get("label")).lower(), text_of(p.get("value"))) for p in _dicts(manifest.get("metadata"))]

    def first(labels: set[str]) -> str:
        return next((value for label, value in pairs if label.strip(" :") in labels), "")

    required = _dicts(manifest.get("requiredStatement"))
    credit = text_of(required[0].get("value")) if required else text_of(manifest.get("attribution"))
    homepage = next((_id(page) for key in ("homepage", "related") for page in _dicts(manifest.get(key))), "")
    rights = manifest.get("rights") or manifest.get("license") or ""
    return Canvas(
        id=id_,
        image="",
        title=text_of(manifest.get("label")),
        artist=artist_as_printed(first(ARTIST_LABELS)),
        date=first(DATE_LABELS),
        medium=first(MEDIUM_LABELS),
        license=text_of(rights) or next((v for label, v in pairs if label in ("rights", "license", "licence")), ""),
        credit_line=credit,
        source_url=homepage or id_,
    )


def _record(canvas: Canvas, file: Path) -> dict[str, Any]:
    known = known_artist(canvas.artist)
    made_up = ", ".join(filter(None, (canvas.artist, canvas.title, canvas.date)))
    return new_record(
        id=canvas.id,
        image={"path": str(file), "bytes": None},
        artist=ARTISTS.index(known) if known else UNKNOWN,
        title=canvas.title,
        artist_name=canvas.artist,
        year=first_year(canvas.date),
        year_end=last_year(canvas.date),
        source_url=canvas.source_url,
        license=canvas.license,
        credit_line=canvas.credit_line or f"{made_up}.",
        medium=canvas.medium,
    )
