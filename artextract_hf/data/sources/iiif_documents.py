"""Documents of IIIF, in the versions 2 and 3 of its standards, parsed into small values by pure functions.

    Image API          {service}/full/{size}/0/default.jpg
    Presentation API   collection -> collections and manifests -> canvases -> painted images, with labels and rights

Sources: iiif.io/api/image/{1.1,2.1,3.0}, iiif.io/api/presentation/{2.1,3.0}.
"""

import html
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from artextract_hf.data.fetch import shown
from artextract_hf.data.fields import artist_as_printed
from artextract_hf.data.rights import claims_copyright, is_open, least_open
from artextract_hf.data.schema import SkipList
from artextract_hf.errors import DataError

MAX_DOCUMENT = 20_000_000  # bytes; JSON of many small lists takes twenty times as much memory
MAX_NESTED = 4  # choices and parts inside one another, on a canvas
LANGUAGES = ("en", "none", "@none")  # preferred, then whatever is there

# Labels of metadata pairs in the languages in which museums publish; `_matches` knows further spellings of each.
ARTIST_LABELS = {
    "artist", "artists", "artist name", "creator", "creators", "maker", "makers", "painter", "painters", "author",
    "authors", "attribution", "künstler", "künstlerin", "künstler:in", "künstler*in", "künstler_in", "maler",
    "urheber", "artiste", "artistes", "auteur", "auteurs", "peintre", "kunstenaar", "schilder", "vervaardiger",
    "artista", "artisti", "artistas", "autore", "autori", "pittore", "autor", "autores", "pintor",
}  # fmt: skip
DATE_LABELS = {
    "date", "dates", "date created", "creation date", "date of creation", "date made", "date of work", "object date",
    "production date", "date of production", "created", "year", "dating", "datierung", "datum", "jahr",
    "entstehungszeit", "date de création", "année", "datering", "jaar", "data", "anno", "datazione", "fecha", "año",
}  # fmt: skip
MEDIUM_LABELS = {
    "medium", "materials", "material", "technique", "physical description", "material/technik", "technik", "matériaux",
    "technique et matériaux", "materiaal", "techniek", "tecnica", "materiali", "técnica",
}  # fmt: skip
RIGHTS_LABELS = {
    "rights", "license", "licence", "rights statement", "rights status", "copyright", "copyright status",
    "usage rights", "use and reproduction", "lizenz", "rechte", "droits", "licencia", "derechos", "licenza", "diritti",
    "licentie", "rechten", "direitos",
}  # fmt: skip
CREDIT_LABELS = {"credit", "credits", "credit line", "creditline", "courtesy"}

Part = dict[str, Any]  # of a document: an object of JSON


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


WORDS = ("artist", "date", "medium", "credit_line", "source_url")  # a canvas may have its own


def image_url(service: str, *, version: int, side: int, size: tuple[int, int] | None = None) -> str:
    """The address of a whole picture whose sides are at most `side` pixels.

    Args:
        service: base address of the image service.
        version: of the Image API. Versions 1 and 2 may enlarge what is asked for; version 3 calls its own size `max`.
        side: pixels.
        size: width and height of the picture, where they are known.

    >>> image_url("https://museum.example/iiif/1/", version=2, side=640)
    'https://museum.example/iiif/1/full/!640,640/0/default.jpg'
    >>> image_url("https://museum.example/iiif/1", version=3, side=640, size=(300, 200))
    'https://museum.example/iiif/1/full/max/0/default.jpg'
    """
    own = "full" if version < 3 else "max"
    asked = own if size and max(size) <= side else f"!{side},{side}"
    return _image_request(service, asked, version)


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


def parse_manifest(document: Part, *, side: int, skipped: SkipList) -> list[Canvas]:
    """The pictures of a manifest of either version; a canvas without one is listed.

    Raises:
        DataError: the document has no canvases at all.
    """
    id_ = id_of(document)
    if type_of(document) != "manifest":
        raise DataError(f"is no manifest but {str(document.get('type') or document.get('@type'))[:100]!r}")
    third = "items" in document
    canvases = _objects(document.get("items")) if third else _canvases_2(document)
    if not canvases:
        raise DataError("has no canvases")
    about = _about(document, id_)
    whole = (*_objects(document.get("sequences"))[:1], document)
    found = []
    for number, canvas in enumerate(canvases, start=1):
        key = id_of(canvas) or f"{id_}#canvas-{number}"
        pictures = _pictures(canvas, key, third, side, skipped)
        if not pictures:
            skipped.add(shown(key), "this canvas shows no picture")
        own = _about(canvas, "")
        words = {name: value for name in WORDS if (value := getattr(own, name))}
        is_part = len(canvases) > 1 and own.title and own.title != about.title
        title = f"{about.title}, {own.title}" if is_part else about.title or own.title
        for place, (images, annotations) in enumerate(pictures.items(), start=1):
            name = key if place == 1 else f"{key}#picture-{place}"
            license = least_open(_license_of((*parts, canvas, *whole)) for parts in annotations)
            found.append(replace(about, **words, id=name, images=images, title=title, license=license))
    return found


def id_of(thing: Part) -> str:
    """The address by which a document names itself or a part; empty where it does not."""
    value = thing.get("id") or thing.get("@id") or ""
    return _encodable(value) if isinstance(value, str) else ""


def type_of(thing: Part) -> str:
    """`collection` or `manifest`, of `Manifest` and of `sc:Manifest`."""
    stated = next(iter(_listed(thing.get("type") or thing.get("@type"))), "")
    return re.split(r"[:/#]", str(stated))[-1].lower()


def members_of(collection: Part) -> list[Part]:
    """The documents of a collection."""
    return [m for key in ("items", "members", "collections", "manifests") for m in _objects(collection.get(key))]


def pages_of(collection: Part) -> list[str]:
    """The addresses of further pages of a collection (Presentation 2.1, section 3.3)."""
    pages = [collection.get(key) for key in ("first", "next")]
    return [
        _encodable(page) if isinstance(page, str) else id_of(page) for page in pages if isinstance(page, str | dict)
    ]


def is_whole(member: Part) -> bool:
    """Whether a member of a collection is the document itself, not only its address."""
    return bool({"sequences", "items", "manifests", "collections", "members"} & member.keys())


def text_of(value: Any) -> str:
    """The text of a label or value of either version, in English where there is a choice, without markup.

    A string; a list of them; `{"@value": ..., "@language": ...}` (version 2); `{"en": ["..."]}` (version 3).
    """
    return _text_of(value, lambda text: " ".join(_plain(text).split()))


def _text_of(value: Any, words: Callable[[str], str]) -> str:
    """`text_of`, with what makes a text of each string."""
    if isinstance(value, str | int | float):  # a year, perhaps
        return words(str(value))
    if isinstance(value, list):
        chosen = [v for v in value if isinstance(v, dict) and str(v.get("@language", "")).startswith("en")] or value
        return ", ".join(filter(None, (_text_of(v, words) for v in chosen)))
    if isinstance(value, dict):
        if "@value" in value:
            return _text_of(value["@value"], words)
        named = [key for key in value if isinstance(key, str)]
        best = next((k for want in LANGUAGES for k in named if k == want or k.startswith(f"{want}-")), None)
        return _text_of(value[best or named[0]], words) if named else ""
    return ""


def _plain(text: str) -> str:
    """A text without markup; a tag leaves a space, or the end of a line."""
    text = re.sub(r"<(?:br|/p|/div|/li)\b[^<>]*>", "\n", _encodable(text), flags=re.IGNORECASE)
    text = re.sub(r"<[^<>]*>", " ", text)
    try:
        return html.unescape(text)
    except ValueError:  # the number of a character that has thousands of digits
        return text


def _artist(text: str) -> str:
    """An artist as museums print one: a further line with a number in it is of nationality and life dates.

    >>> _artist("Ann Example\\nAmerican, 1845-1921"), _artist("Ann Example<br>Bob Example (1850-1900)")
    ('Ann Example', 'Ann Example, Bob Example')
    """
    first, *further = [" ".join(line.split()) for line in _plain(text).splitlines() if line.strip()] or [""]
    names = [artist_as_printed(line) for line in further]
    return ", ".join([artist_as_printed(first), *(name for name in names if not re.search(r"\d", name))])


def _encodable(text: str) -> str:
    """A text without halves of characters, which JSON can hold and no file."""
    return text.encode("utf-8", "replace").decode()


def _listed(value: Any) -> list[Any]:
    """A list as it is, and a single value as a list; IIIF allows either in many places."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _objects(value: Any) -> list[Part]:
    """What is an object, of a list or of a single value."""
    return [v for v in _listed(value) if isinstance(v, dict)]


def _canvases_2(manifest: Part) -> list[Part]:
    sequences = _objects(manifest.get("sequences"))
    return _objects(sequences[0].get("canvases")) if sequences else []


def _pictures(
    canvas: Part, key: str, third: bool, side: int, skipped: SkipList
) -> dict[tuple[str, ...], list[tuple[Part, ...]]]:
    """The addresses of each picture that is painted on a canvas, and what it lies in each time, the nearest first.

    Of a choice the first is taken, the others are listed.
    """
    found = defaultdict[tuple[str, ...], list[tuple[Part, ...]]](list)
    for body, annotation in _bodies(canvas, third):
        choices = [(images, parts) for parts in _parts(body) if (images := _addresses(parts[0], side))]
        for images, parts in choices[:1]:
            found[images].append((*_objects(_image_service(parts[0])), *parts, annotation))
        for other, _ in choices[1:]:
            skipped.add(shown(other[0]), f"another view of what {shown(key)} shows; the first counts")
    return found


def _bodies(canvas: Part, third: bool) -> Iterator[tuple[Part, Part]]:
    """What is painted on a canvas, each with the annotation that says so."""
    if not third:
        for image in _objects(canvas.get("images")):
            yield from ((body, image) for body in _named(image.get("resource")))
        return
    for page in _objects(canvas.get("items")):
        for annotation in _objects(page.get("items")):
            motivations = _listed(annotation.get("motivation", "painting"))
            if any(re.search(r"(^|[:#/])painting$", str(motivation)) for motivation in motivations):
                yield from ((body, annotation) for body in _named(annotation.get("body")))


def _named(value: Any) -> list[Part]:
    """Objects; a mere address counts as the picture that lies there."""
    return [
        {"id": v, "type": "Image"} if isinstance(v, str) else v for v in _listed(value) if isinstance(v, str | dict)
    ]


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


def _addresses(body: Part, side: int) -> tuple[str, ...]:
    """Where a painted picture is to be had, the best address first; empty where the body is no picture.

    A static service (level 0) has only the sizes that somebody made, of which the picture's own address is one; others
    may refuse a size that is larger than the picture, or than they give.
    """
    service = _image_service(body)
    is_image = service is not None or type_of(body) == "image"
    own = id_of(body) if is_image else ""
    if service is None:
        return (own,) if own else ()
    text = _about_service(service)
    version = (
        3 if "imageservice3" in text or "image/3" in text else 1 if re.search(r"image(-api)?/1|service1", text) else 2
    )
    width, height = body.get("width"), body.get("height")
    size = (width, height) if isinstance(width, int) and isinstance(height, int) else None
    wanted = image_url(id_of(service), version=version, side=min([side, *_limits(service)]), size=size)
    largest = _image_request(id_of(service), "full" if version == 1 else "max", version)
    order = (own, wanted, largest) if "level0" in text else (wanted, own, largest)
    return tuple(dict.fromkeys(filter(None, order)))


def _image_request(service: str, size: str, version: int) -> str:
    return f"{service.rstrip('/')}/full/{size}/0/{'native' if version == 1 else 'default'}.jpg"


def _image_service(body: Part) -> Part | None:
    """The image service among a picture's services, which may be of logins or of searches too."""
    services = [s for key in ("service", "services") for s in _objects(body.get(key)) if id_of(s)]
    stated = [s for s in services if re.search(r"imageservice|api/image|image-api", _about_service(s))]
    silent = [s for s in services if not _about_service(s)]
    return next(iter(stated + silent), None)


def _about_service(service: Part) -> str:
    """What a service says about its kind, version and level."""
    stated = [v for key in ("type", "@type", "@context", "profile") for v in _listed(service.get(key))]
    return " ".join(v.lower() for v in stated if isinstance(v, str))


def _limits(service: Part) -> list[int]:
    """Pixels a side beyond which a service gives nothing, as far as it says so."""
    stated = [
        about.get(key) for about in (service, *_objects(service.get("profile"))) for key in ("maxWidth", "maxHeight")
    ]
    return [limit for limit in stated if isinstance(limit, int) and limit > 1]


def _matches(label: str, labels: set[str]) -> bool:
    """Whether a label is one of those, also as in `Artist / Maker` and `Artist(s)`.

    >>> [_matches(label, ARTIST_LABELS) for label in ("artist / maker:", "artist(s)", "date")]
    [True, True, False]
    """
    label = label.replace("(s)", "s").strip(" :")
    return label in labels or any(part.strip() in labels for part in re.split(r"[/,&]| and | or ", label))


def _pairs(listed: Any) -> list[tuple[str, Any]]:
    """Pairs of a label, in lower case, and a value."""
    return [(text_of(pair.get("label")).lower(), pair.get("value")) for pair in _objects(listed)]


def _license_of(parts: Iterable[Part]) -> str:
    """What is stated of the rights nearest to a picture, where the parts of its document come the nearest first."""
    return next(filter(None, map(_stated_by, parts)), "")


def _stated_by(part: Part) -> str:
    """What a part of a document states of rights; a credit counts where it claims what the statements give."""
    pairs = [*_pairs(part.get("metadata")), *_pairs(part.get("requiredStatement"))]
    stated = [part.get("rights"), part.get("license"), *(v for label, v in pairs if _matches(label, RIGHTS_LABELS))]
    license = least_open(text_of(statement) for value in stated for statement in _listed(value))
    credits = [value for label, value in pairs if _matches(label, CREDIT_LABELS)]
    required = [value for _, value in _pairs(part.get("requiredStatement"))]
    texts = map(text_of, _strings([*stated, *required, *credits, part.get("attribution")]))
    claim = next((text for text in texts if claims_copyright(text, license)), "")
    return license if license and not is_open(license) else claim or license


def _strings(value: Any) -> Iterator[str]:
    """Every text of a value, in whatever language."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _about(manifest: Part, id_: str) -> Canvas:
    """What a manifest says about all its canvases."""
    pairs = _pairs(manifest.get("metadata"))

    def first(labels: set[str]) -> Any:
        exact = [value for label, value in pairs if label.strip(" :") in labels]
        return next(iter(exact or [value for label, value in pairs if _matches(label, labels)]), "")

    required = _objects(manifest.get("requiredStatement"))
    credit = text_of(required[0].get("value")) if required else text_of(manifest.get("attribution"))
    homepage = next((id_of(page) for key in ("homepage", "related") for page in _objects(manifest.get(key))), "")
    return Canvas(
        id=id_,
        images=(),
        title=text_of(manifest.get("label")),
        artist=_text_of(first(ARTIST_LABELS), _artist),
        date=text_of(first(DATE_LABELS)),
        medium=text_of(first(MEDIUM_LABELS)),
        credit_line=credit,
        source_url=homepage or id_,
    )
