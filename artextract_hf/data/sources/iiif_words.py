"""The words of documents of IIIF: titles, artists, dates, credits and rights, in whatever language and form.

Source: iiif.io/api/presentation/{2.1,3.0}. What is stated of the rights nearest to a picture counts; any words
beside it count where they claim what it gives away.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from artextract_hf.data.fetch import is_address
from artextract_hf.data.rights import claims_as_holder, claims_copyright, is_closed, least_open, names_closed
from artextract_hf.data.words.columns import COLUMNS, column_key, denies, names_holder, states_rights
from artextract_hf.data.words.fields import artist_as_printed

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
RIGHTS_LABELS = {"access", "terms"}  # beside those that `states_rights` knows

# Properties that are names, addresses and kinds, not words.
NAMES = frozenset({"id", "@id", "type", "@type", "@context", "profile", "protocol", "format", "language", "@language"})
PAIRED = frozenset({"metadata", "requiredStatement"})  # pairs of a label and a value; only values are words
CHAPTERS = frozenset({"structures", "ranges"})  # a table of contents: its labels are names of chapters
# A chapter may be called "Copyright"; with a sign, a year or a name behind "by" it claims one.
_CHAPTER_OF_RIGHTS = re.compile(r"\bcopyrights?\b(?!\W*(?:\d|by\b))", re.IGNORECASE)
# Properties that hold the documents, canvases and pictures below a part; each of them has words of its own.
PARTS = frozenset({
    "items", "members", "collections", "manifests", "first", "next", "sequences", "canvases", "images", "resource",
    "body", "default", "item", "source", "full",
})  # fmt: skip

Part = dict[str, Any]  # of a document: an object of JSON


def id_of(thing: Part) -> str:
    """The address by which a document names itself or a part; empty where it does not."""
    value = thing.get("id") or thing.get("@id") or ""
    return encodable(value) if isinstance(value, str) else ""


def listed(value: Any) -> list[Any]:
    """A list as it is, and a single value as a list; IIIF allows either in many places."""
    return value if isinstance(value, list) else [] if value is None else [value]


def objects(value: Any) -> list[Part]:
    """What is an object, of a list, of lists in it, or of a single value."""
    return [
        part for v in listed(value) for part in (objects(v) if isinstance(v, list) else [v]) if isinstance(part, dict)
    ]


def things(value: Any) -> list[Part]:
    """What stands where objects are expected, in lists or lists of them: objects, and as their ids all other values.

    >>> things([{"id": "a"}, ["b"], None, 7])
    [{'id': 'a'}, {'id': 'b'}, {'id': 7}]
    """
    if isinstance(value, list):
        return [part for inner in value for part in things(inner)]
    return [] if value is None else [value if isinstance(value, dict) else {"id": value}]


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
    text = re.sub(r"<(?:br|/p|/div|/li)\b[^<>]*>", "\n", encodable(text), flags=re.IGNORECASE)
    text = re.sub(r"<[^<>]*>", " ", text)
    try:
        return html.unescape(text)
    except ValueError:  # the number of a character that has thousands of digits
        return text


def artist_in(text: str) -> str:
    """An artist as museums print one: a further line with a number in it is of nationality and life dates.

    >>> artist_in("Ann Example\\nAmerican, 1845-1921"), artist_in("Ann Example<br>Bob Example (1850-1900)")
    ('Ann Example', 'Ann Example, Bob Example')
    """
    first, *further = [" ".join(line.split()) for line in _plain(text).splitlines() if line.strip()] or [""]
    names = [artist_as_printed(line) for line in further]
    return ", ".join([artist_as_printed(first), *(name for name in names if not re.search(r"\d", name))])


def encodable(text: str) -> str:
    """A text without halves of characters, which JSON can hold and no file."""
    return text.encode("utf-8", "replace").decode()


def _matches(label: str, labels: set[str]) -> bool:
    """Whether a label is one of those, also as in `Artist / Maker` and `Artist(s)`.

    >>> [_matches(label, ARTIST_LABELS) for label in ("artist / maker:", "artist(s)", "date")]
    [True, True, False]
    """
    label = label.replace("(s)", "s").strip(" :")
    return label in labels or any(part.strip() in labels for part in re.split(r"[/,&]| and | or ", label))


def _is_of_rights(label: str) -> bool:
    return _matches(label, RIGHTS_LABELS) or states_rights(column_key(label), COLUMNS)


def _pairs(listed: Any) -> list[tuple[str, Any]]:
    """Pairs of a label, in lower case, and a value."""
    return [(text_of(pair.get("label")).lower(), pair.get("value")) for pair in objects(listed)]


def license_of(parts: Iterable[Part]) -> str:
    """What is stated of the rights nearest to a picture, where the parts of its document come the nearest first."""
    return next(filter(None, map(_stated_by, parts)), "")


def _stated_by(part: Part, beside: str = "", apart: frozenset[str] = PARTS, *, in_contents: bool = False) -> str:
    """What a part of a document states of rights; words anywhere in it count where they claim what that gives.

    So do those of its provider, its pages elsewhere, notes, ranges and services, and what is stated of their own rights
    where it is not open.

    Args:
        part: of the document.
        beside: what is stated around it.
        apart: the properties that are parts with words of their own.
        in_contents: whether the part is of a table of contents, where the word "copyright" in a label is no claim.
    """
    pairs = [*_pairs(part.get("metadata")), *_pairs(part.get("requiredStatement"))]
    stated = [value for key, value in part.items() if states_rights(column_key(key), COLUMNS)]
    stated += [value for label, value in pairs if _is_of_rights(label)]
    denied = [f"{label}: {text}" for label, value in pairs if denies(column_key(label), text := text_of(value))]
    license = least_open([*(text_of(statement) for value in stated for statement in listed(value)), *denied])
    if is_closed(license):
        return license
    given = license or beside
    # "id" is also the language of Indonesia, whose texts are listed.
    words = {key: v for key, v in part.items() if key not in apart and not (key in NAMES and isinstance(v, str))}
    if in_contents:
        words["label"] = [_CHAPTER_OF_RIGHTS.sub(" ", text) for text in _strings(words.get("label"))]
    texts = map(text_of, _strings([*stated, *(value for _, value in pairs), *chain(*map(_texts, words.values()))]))
    claims = (text for text in texts if _claims(text, given))
    holders = ((label, text_of(value)) for label, value in [*pairs, *part.items()] if names_holder(column_key(label)))
    held = (f"{label}: {name}" for label, name in holders if claims_as_holder(name, given))
    inner = ((key, inner) for key, value in words.items() if key not in PAIRED for inner in objects(value))
    closed = filter(
        is_closed,
        (_stated_by(thing, given, frozenset(), in_contents=in_contents or key in CHAPTERS) for key, thing in inner),
    )
    return next(chain(claims, held, closed), license)


def _claims(text: str, license: str) -> bool:
    """Whether words claim more than a licence gives; an address does where it is that of a licence."""
    return names_closed(text) if is_address(text) and " " not in text else claims_copyright(text, license)


def _texts(value: Any) -> list[str]:
    """The texts that stand in a property by themselves, or in lists."""
    return [
        text
        for part in listed(value)
        for text in (_texts(part) if isinstance(part, list) else [part])
        if isinstance(text, str)
    ]


def _strings(value: Any) -> Iterator[str]:
    """Every text of a value, in whatever language."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def words_of(part: Part) -> dict[str, str]:
    """What a manifest or a canvas says of `title`, `artist`, `date`, `medium`, `credit_line` and `source_url`."""
    pairs = _pairs(part.get("metadata"))

    def first(labels: set[str], read: Callable[[Any], str]) -> str:
        """What the first label of these says, in all of its entries."""
        exact = [label for label, _ in pairs if label.strip(" :") in labels]
        best = next(iter(exact or [label for label, _ in pairs if _matches(label, labels)]), None)
        said = (read(value) for label, value in pairs if label == best)
        return ", ".join(dict.fromkeys(filter(None, said)))

    required = objects(part.get("requiredStatement"))
    words = {
        "title": text_of(part.get("label")),
        "artist": first(ARTIST_LABELS, lambda value: _text_of(value, artist_in)),
        "date": first(DATE_LABELS, text_of),
        "medium": first(MEDIUM_LABELS, text_of),
        "credit_line": text_of(required[0].get("value")) if required else text_of(part.get("attribution")),
        "source_url": next((id_of(page) for key in ("homepage", "related") for page in objects(part.get(key))), ""),
    }
    return {name: text for name, text in words.items() if text}
