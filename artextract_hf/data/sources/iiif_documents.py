"""Documents of IIIF, in the versions 2 and 3 of its standards, parsed into small values by pure functions.

    Image API          {service}/full/{size}/0/default.jpg
    Presentation API   collection -> collections and manifests -> canvases -> painted images, with labels and rights

Sources: iiif.io/api/image/{1.1,2.1,3.0}, iiif.io/api/presentation/{2.1,3.0}.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from artextract_hf.data.fetch import shown
from artextract_hf.data.rights import least_open
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.iiif_words import Part, id_of, license_of, listed, objects, things, words_of
from artextract_hf.errors import DataError

MAX_DOCUMENT = 20_000_000  # bytes; JSON of many small lists takes twenty times as much memory
MAX_NESTED = 4  # choices and parts inside one another, on a canvas

# Of a picture the Image API gives regions and rotations (image/3.0, sections 4.1 and 4.3).
PART_KEYS, WHOLE = ("region", "rotation"), ("full", "0")
_REGION = re.compile(r"full|square|(pct:)?\d+(\.\d+)?(,\d+(\.\d+)?){3}")
_ROTATION = re.compile(r"!?\d{1,3}(\.\d+)?")


@dataclass(frozen=True)
class Canvas:
    """A picture that a manifest shows, with what is said about it."""

    id: str
    images: tuple[str, ...]  # its addresses: the first as large as is wanted, the others for servers that refuse it
    title: str
    artist: str = ""
    date: str = ""
    medium: str = ""
    license: str = ""
    credit_line: str = ""
    source_url: str = ""


def image_url(
    service: str,
    *,
    version: int,
    side: int,
    size: tuple[int, int] | None = None,
    part: tuple[str, str] = WHOLE,
) -> str:
    """The address of a picture, or of a part of it, whose sides are at most `side` pixels.

    Args:
        service: base address of the image service.
        version: of the Image API. Versions 1 and 2 may enlarge what is asked for; version 3 calls its own size `max`.
        side: pixels.
        size: width and height of the picture or part, where they are known.
        part: region and rotation, as the Image API writes them.

    >>> image_url("https://museum.example/iiif/1/", version=2, side=640)
    'https://museum.example/iiif/1/full/!640,640/0/default.jpg'
    >>> image_url("https://museum.example/iiif/1", version=3, side=640, size=(300, 200))
    'https://museum.example/iiif/1/full/max/0/default.jpg'
    """
    own = "full" if version < 3 else "max"
    asked = own if size and max(size) <= side else f"!{side},{side}"
    return _image_request(service, asked, version, part)


def parse_document(data: bytes) -> Part:
    """The JSON object in the bytes of a document.

    Raises:
        DataError: there is none, or it is too large or too deep to be one.
    """
    if len(data) > MAX_DOCUMENT:
        raise DataError(f"is larger than {MAX_DOCUMENT / 1e6:g} MB, which no IIIF document is")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise DataError("is no JSON document") from None
    if not isinstance(document, dict):
        raise DataError("is no IIIF document, but a JSON list or value")
    return document


def parse_manifest(document: Part, *, side: int, skipped: SkipList, above: tuple[Part, ...] = ()) -> list[Canvas]:
    """The pictures of a manifest of either version; a canvas without one is listed.

    Args:
        document: the manifest.
        side: longer side of the pictures, pixels.
        skipped: filled with canvases, pages and views that are left out.
        above: what names the manifest, the nearest first; its rights count where the manifest states none.

    Raises:
        DataError: the document has no canvases at all.
    """
    id_ = id_of(document)
    if type_of(document) != "manifest":
        raise DataError(f"is no manifest but {str(document.get('type') or document.get('@type'))[:100]!r}")
    third = "items" in document
    canvases = _canvases_3(document) if third else _canvases_2(document, skipped)
    if not canvases:
        raise DataError("has no canvases")
    about = {"source_url": id_} | words_of(document)
    whole = about.get("title", "")
    license_of_all = license_of((document, *above))
    found = []
    for number, (canvas, around) in enumerate(canvases, start=1):
        key = id_of(canvas) or f"{id_}#canvas-{number}"
        pictures = _pictures(canvas, key, third, side, skipped)
        if not pictures:
            skipped.add(shown(key), f"this canvas of {shown(id_)} shows no picture")
        own = words_of(canvas)
        part = own.get("title", "")
        title = f"{whole}, {part}" if whole and part and len(canvases) > 1 and part != whole else whole or part
        for place, (images, annotations) in enumerate(pictures.items(), start=1):
            name = key if place == 1 else f"{key}#picture-{place}"
            license = least_open(license_of((*parts, canvas, *around)) or license_of_all for parts in annotations)
            words = about | own | {"title": title, "license": license}
            found.append(Canvas(id=name, images=images, **words))
    return found


def type_of(thing: Part) -> str:
    """`collection` or `manifest`, of `Manifest` and of `sc:Manifest`."""
    stated = next(iter(listed(thing.get("type") or thing.get("@type"))), "")
    return re.split(r"[:/#]", str(stated))[-1].lower()


def members_of(collection: Part) -> list[Part]:
    """The documents of a collection."""
    return [m for key in ("items", "members", "collections", "manifests") for m in things(collection.get(key))]


def pages_of(collection: Part) -> list[str]:
    """The addresses of further pages of a collection (Presentation 2.1, section 3.3)."""
    return [id_of(page) for key in ("first", "next") for page in things(collection.get(key))]


def is_whole(member: Part) -> bool:
    """Whether a member of a collection is the document itself, not only its address."""
    return bool({"sequences", "items", "manifests", "collections", "members"} & member.keys())


def _canvases_3(manifest: Part) -> list[tuple[Part, tuple[Part, ...]]]:
    return [(canvas, ()) for canvas in things(manifest.get("items"))]


def _canvases_2(manifest: Part, skipped: SkipList) -> list[tuple[Part, tuple[Part, ...]]]:
    """The canvases of all sequences, each with its sequence; one that stands in two, in another order perhaps, once."""
    found: list[tuple[Part, tuple[Part, ...]]] = []
    seen: set[str] = set()
    for sequence in things(manifest.get("sequences")):
        canvases = things(sequence.get("canvases"))
        if not canvases:
            skipped.add(shown(id_of(sequence) or id_of(manifest)), "this sequence holds no canvas, or its address only")
        new = [canvas for canvas in canvases if not id_of(canvas) or id_of(canvas) not in seen]
        found += [(canvas, (sequence,)) for canvas in new]
        seen.update(map(id_of, canvases))
    return found


def _pictures(
    canvas: Part, key: str, third: bool, side: int, skipped: SkipList
) -> dict[tuple[str, ...], list[tuple[Part, ...]]]:
    """The addresses of each picture that is painted on a canvas, and what it lies in each time, the nearest first.

    Of a choice the first is taken, the others are listed.
    """
    found = defaultdict[tuple[str, ...], list[tuple[Part, ...]]](list)
    for body, around in _bodies(canvas, key, third, skipped):
        choices = []
        for parts in _parts(body):
            whole, part = _addresses(parts[0], side), _part_shown(parts)
            if images := _addresses(parts[0], side, part) if part else ():
                choices.append((images, parts))
            elif whole:
                skipped.add(shown(key), f"shows a part of {shown(whole[0])} that cannot be asked for, and is left out")
        for images, parts in choices[:1]:
            found[images].append((*objects(_image_service(parts[0])), *parts, *around))
        for other, _ in choices[1:]:
            skipped.add(shown(other[0]), f"another view of what {shown(key)} shows; the first counts")
    return found


def _bodies(canvas: Part, key: str, third: bool, skipped: SkipList) -> Iterator[tuple[Part, tuple[Part, ...]]]:
    """What is painted on a canvas, each with what says so, the nearest first; what is elsewhere is listed."""
    if not third:
        for image in _paintings(canvas.get("images"), "resource", key, skipped):
            yield from ((body, (image,)) for body in _named(image.get("resource")))
        return
    for page in things(canvas.get("items")):
        for annotation in _paintings(page.get("items"), "body", key, skipped):
            yield from ((body, (annotation, page)) for body in _named(annotation.get("body")))
        if "next" in page or "items" not in page:
            skipped.add(shown(id_of(page) or key), f"is a page of {shown(key)} by its address only, which is not read")


def _paintings(annotations: Any, body: str, key: str, skipped: SkipList) -> Iterator[Part]:
    """The annotations that paint something on a canvas; those without their body, which is elsewhere, are listed."""
    for part in things(annotations):
        if not _paints(part):
            continue
        if body in part:
            yield part
        else:
            reason = f"is an annotation of {shown(key)} by its address only, which is not read"
            skipped.add(shown(id_of(part) or key), reason)


def _paints(annotation: Part) -> bool:
    motivations = listed(annotation.get("motivation")) or ["painting"]
    return any(re.search(r"(^|[:#/])painting$", str(motivation)) for motivation in motivations)


def _named(value: Any) -> list[Part]:
    """Objects; a mere address counts as the picture that lies there."""
    return [{"id": v, "type": "Image"} if isinstance(v, str) else v for v in listed(value) if isinstance(v, str | dict)]


def _parts(body: Part, outer: tuple[Part, ...] = ()) -> Iterator[tuple[Part, ...]]:
    """The pictures in a body: all of a choice, its default first; the source of a part or a rotated picture.

    Each comes with what it lies in, the nearest first.
    """
    names = ("default", "item", "items", "source", "full")
    inner = [part for name in names for part in _named(body.get(name))] if len(outer) < MAX_NESTED else []
    if not inner:
        yield (body, *outer)
    for part in inner:
        yield from _parts(part, (body, *outer))


def _part_shown(parts: tuple[Part, ...]) -> tuple[str, str] | None:
    """The region and the rotation that are shown of a picture, which comes first, by what it lies in.

    None where they are stated otherwise than the Image API asks for them: by a point, a drawing, a fragment of an
    address, or several times.
    """
    selectors = [selector for part in parts for selector in listed(part.get("selector")) if selector]
    if any(re.search("#(.*&)?xywh=", id_of(part)) for part in parts):
        return None
    if not selectors:
        return _part_in(parts[0])
    if len(selectors) > 1 or not isinstance(selectors[0], dict) or type_of(selectors[0]) != "imageapiselector":
        return None
    region, rotation = (str(selectors[0].get(key) or all_) for key, all_ in zip(PART_KEYS, WHOLE, strict=True))
    return (region, rotation) if _REGION.fullmatch(region) and _ROTATION.fullmatch(rotation) else None


def _part_in(body: Part) -> tuple[str, str]:
    """The region and the rotation for which the own address of a picture asks its image service."""
    service = _image_service(body)
    base, own = id_of(service).rstrip("/") + "/" if service else "", id_of(body)
    asked = own.removeprefix(base).split("/") if base and own.startswith(base) else []
    is_request = len(asked) == 4 and _REGION.fullmatch(asked[0]) and _ROTATION.fullmatch(asked[2])
    return (asked[0], asked[2]) if is_request else WHOLE


def _addresses(body: Part, side: int, part: tuple[str, str] | None = None) -> tuple[str, ...]:
    """Where a painted picture is to be had, the best address first.

    Empty where the body is no picture, or where nobody gives the wanted part of it, a region and a rotation; by default
    it is the one of its own address.

    A static service (level 0) has only the sizes that somebody made, of which the picture's own address is one; others
    may refuse a size that is larger than the picture, or than they give.
    """
    service = _image_service(body)
    part = part or _part_in(body)
    is_image = service is not None or type_of(body) == "image"
    own = id_of(body) if is_image and part == _part_in(body) else ""
    if service is None:
        return (own,) if own else ()
    text = _about_service(service)
    if "level0" in text and part != WHOLE:
        return (own,) if own else ()
    version = (
        3 if "imageservice3" in text or "image/3" in text else 1 if re.search(r"image(-api)?/1|service1", text) else 2
    )
    wanted_side = min([side, *_limits(service)])
    wanted = image_url(id_of(service), version=version, side=wanted_side, size=_size(body, part[0]), part=part)
    largest = _image_request(id_of(service), "full" if version == 1 else "max", version, part)
    order = (own, wanted, largest) if "level0" in text else (wanted, own, largest)
    return tuple(dict.fromkeys(filter(None, order)))


def _size(body: Part, region: str) -> tuple[int, int] | None:
    """Width and height in pixels of a region of a picture, where they are stated."""
    width, height = (body.get("width"), body.get("height")) if region == "full" else _pixels(region)
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _pixels(region: str) -> tuple[int | None, int | None]:
    numbers = re.fullmatch(r"\d+,\d+,(\d{1,9}),(\d{1,9})", region)
    return (int(numbers[1]), int(numbers[2])) if numbers else (None, None)


def _image_request(service: str, size: str, version: int, part: tuple[str, str] = WHOLE) -> str:
    region, rotation = part
    return f"{service.rstrip('/')}/{region}/{size}/{rotation}/{'native' if version == 1 else 'default'}.jpg"


def _image_service(body: Part) -> Part | None:
    """The image service among a picture's services, which may be of logins or of searches too."""
    services = [s for key in ("service", "services") for s in objects(body.get(key)) if id_of(s)]
    stated = [s for s in services if re.search(r"imageservice|api/image|image-api", _about_service(s))]
    silent = [s for s in services if not _about_service(s)]
    return next(iter(stated + silent), None)


def _about_service(service: Part) -> str:
    """What a service says about its kind, version and level."""
    stated = [v for key in ("type", "@type", "@context", "profile") for v in listed(service.get(key))]
    return " ".join(v.lower() for v in stated if isinstance(v, str))


def _limits(service: Part) -> list[int]:
    """Pixels a side beyond which a service gives nothing, as far as it says so."""
    stated = [
        about.get(key) for about in (service, *objects(service.get("profile"))) for key in ("maxWidth", "maxHeight")
    ]
    return [limit for limit in stated if isinstance(limit, int) and limit > 1]
