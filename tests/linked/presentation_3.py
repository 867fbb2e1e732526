"""What a IIIF document MUST have, written from iiif.io/api/presentation/3.0 and the Web Annotation Data Model.

It is not the schema of IIIF's own validator, of which no copy may lie here; it checks the classes that this project
writes, and what a schema cannot: that addresses are used once, and that an annotation is about a canvas that is there.
"""

import re
from collections.abc import Iterator
from typing import Any

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
RIGHTS = re.compile(
    r"http://creativecommons\.org/(licenses|publicdomain)/[a-z-]+/\d\.\d/([a-z]+/)?"
    r"|http://rightsstatements\.org/vocab/[A-Za-z-]+/1\.0/"
)
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NEEDED = {  # properties with a value, by class
    "Collection": ("label", "items"),
    "Manifest": ("label", "items"),
    "Canvas": ("items", "width", "height"),
    "AnnotationPage": ("items",),
    "Annotation": ("motivation", "target"),
}
LISTS = ("items", "thumbnail", "metadata", "homepage", "seeAlso", "annotations")
MEMBERS = {"Collection": "Manifest", "Manifest": "Canvas", "Canvas": "AnnotationPage", "AnnotationPage": "Annotation"}
REFERENCES = {"Collection", "annotations"}  # whose members stand for documents elsewhere


def violations(document: dict[str, Any]) -> list[str]:
    """What is wrong with a document."""
    found = [] if document.get("@context") == CONTEXT else ["no context of Presentation 3"]
    found += _resource(document, document.get("type", ""))
    ids = [part["id"] for part in _parts(document) if part.get("type") in ("Canvas", "Annotation") and "id" in part]
    found += [f"{id_} is used twice" for id_ in set(ids) if ids.count(id_) > 1]
    canvases = {part["id"] for part in _parts(document) if part.get("type") == "Canvas"}
    if document.get("type") == "Manifest":
        targets = [part["target"] for part in _parts(document) if part.get("type") == "Annotation"]
        found += [f"{target} is no canvas of it" for target in targets if target.partition("#")[0] not in canvases]
    return found


def _resource(part: dict[str, Any], kind: str, *, is_reference: bool = False) -> Iterator[str]:
    name = f"{kind} {part.get('id')}"
    if part.get("type") != kind or kind not in NEEDED:
        yield f"{name} is a {part.get('type')}"
    if not str(part.get("id", "")).startswith(("http://", "https://")):
        yield f"{name} has no address"
    if kind == "Canvas" and "#" in part["id"]:
        yield f"{name} has a fragment"
    if is_reference:
        if "items" in part:
            yield f"{name} is a reference with items"
        if kind == "Manifest":
            yield from _language_map(part.get("label"), f"{name}: label")
        return
    yield from (f"{name} has no {key}" for key in NEEDED.get(kind, ()) if key not in part)
    yield from (f"{name}: {key} is no list" for key in LISTS if key in part and not isinstance(part[key], list))
    yield from _words(part, name)
    if kind == "Canvas" and not all(type(part.get(side)) is int and part[side] > 0 for side in ("width", "height")):
        yield f"{name} has no size"
    if kind == "Annotation":
        yield from _annotation(part, name)
    for member in part.get("items", []):
        yield from _resource(member, MEMBERS.get(kind, ""), is_reference=kind in REFERENCES)
    for page in part.get("annotations", []):
        yield from _resource(page, "AnnotationPage", is_reference="items" not in page)


def _words(part: dict[str, Any], name: str) -> Iterator[str]:
    for key in ("label", "summary"):
        if key in part:
            yield from _language_map(part[key], f"{name}: {key}")
    for pair in [*part.get("metadata", []), *([part["requiredStatement"]] if "requiredStatement" in part else [])]:
        for key in ("label", "value"):
            yield from _language_map(pair.get(key), f"{name}: {key} of a pair")
    if "rights" in part and not RIGHTS.fullmatch(part["rights"]):
        yield f"{name}: rights is no address of a licence"
    if "navDate" in part and not DATE.fullmatch(part["navDate"]):
        yield f"{name}: navDate is no date"
    for key in ("thumbnail", "homepage", "seeAlso"):
        for link in part.get(key, []):
            if not str(link.get("id", "")).startswith("http") or not link.get("type"):
                yield f"{name}: {key} without address or type"
            if key == "homepage":
                yield from _language_map(link.get("label"), f"{name}: label of the homepage")


def _annotation(part: dict[str, Any], name: str) -> Iterator[str]:
    bodies = part["body"] if isinstance(part.get("body"), list) else [part.get("body", {})]
    for body in bodies:
        if body.get("type") == "TextualBody" and not isinstance(body.get("value"), str):
            yield f"{name}: a text without value"
        elif body.get("type") != "TextualBody" and not str(body.get("id", "")).startswith("http"):
            yield f"{name}: a body without address"
    place = part.get("target", "").partition("#")[2]
    if place and not re.fullmatch(r"xywh=\d+,\d+,[1-9]\d*,[1-9]\d*", place):
        yield f"{name}: {place} is no place"
    if part.get("motivation") == "painting" and bodies[0].get("type") != "Image":
        yield f"{name} paints no picture"


def _language_map(value: Any, name: str) -> Iterator[str]:
    is_map = isinstance(value, dict) and value and all(
        re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*|none", language)
        and isinstance(texts, list) and texts and all(isinstance(text, str) for text in texts)
        for language, texts in value.items()
    )  # fmt: skip
    if not is_map:
        yield f"{name} is no language map"


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(part)
