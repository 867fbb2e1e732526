"""Works as IIIF manifests, and manifests as a collection: iiif.io/api/presentation/3.0."""

from collections.abc import Iterable, Sequence
from typing import Any

from artextract_hf.data.labels import display_name
from artextract_hf.linked.rights_address import rights_address
from artextract_hf.linked.work import JPEG, LINKED_ART, MANIFEST, PICTURE, SCHEMA_ORG, SIMILAR, THUMBNAIL, Work

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
LINKED_ART_PROFILE = "https://linked.art/ns/v1/linked-art.json"


def manifest_of(work: Work, *, see_also: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """The manifest of a work, with one canvas: the picture at its own size, and a page of links to similar works.

    Args:
        work: with its addresses.
        see_also: documents beside those of the work itself, as `seeAlso` lists them.
    """
    manifest = {
        "@context": CONTEXT,
        "id": work.at(MANIFEST),
        "type": "Manifest",
        "label": {"none": [work.title]},
        "metadata": _metadata(work),
        "thumbnail": [thumbnail_of(work)],
        "items": [canvas_of(work, [{"id": work.at(SIMILAR), "type": "AnnotationPage"}])],
        "seeAlso": [*_descriptions(work), *see_also],
    }
    if alt_text := work.text("alt_text"):
        manifest["summary"] = {"none": [_plain(alt_text)]}
    if credit := work.text("credit_line"):
        manifest["requiredStatement"] = {"label": {"en": ["Attribution"]}, "value": {"none": [_plain(credit)]}}
    if rights := rights_address(work.licence):
        manifest["rights"] = rights
    if work.homepage:
        label = {"en": ["The page of the work"]}
        manifest["homepage"] = [{"id": work.homepage, "type": "Text", "label": label, "format": "text/html"}]
    if work.years and work.years[0] == work.years[1]:
        manifest["navDate"] = f"{work.years[0]:04}-01-01T00:00:00Z"
    return manifest


def canvas_of(work: Work, annotations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The canvas of a work: its picture, and pages of annotations, or references to them."""
    width, height = work.size
    picture = {"id": work.at(PICTURE), "type": "Image", "format": JPEG, "width": width, "height": height}
    painting = {
        "id": work.at("painting"),
        "type": "Annotation",
        "motivation": "painting",
        "body": picture,
        "target": work.canvas,
    }
    page = {"id": work.at("page"), "type": "AnnotationPage", "items": [painting]}
    canvas = {"id": work.canvas, "type": "Canvas", "label": {"none": [work.title]}, "width": width, "height": height}
    return {**canvas, "items": [page], "annotations": list(annotations)}


def collection_of(
    works: Iterable[Work], address: str, title: str, *, see_also: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """A collection of the manifests of works.

    Args:
        works: in their order.
        address: of the collection's document.
        title: of the collection.
        see_also: documents about it.
    """
    items = [
        {
            "id": work.at(MANIFEST),
            "type": "Manifest",
            "label": {"none": [work.title]},
            "thumbnail": [thumbnail_of(work)],
        }
        for work in works
    ]
    collection = {"@context": CONTEXT, "id": address, "type": "Collection", "label": {"none": [title]}, "items": items}
    return {**collection, "seeAlso": list(see_also)} if see_also else collection


def thumbnail_of(work: Work) -> dict[str, Any]:
    """The small picture of a work, as a resource."""
    width, height = work.thumbnail or work.size
    name = THUMBNAIL if work.thumbnail else PICTURE
    return {"id": work.at(name), "type": "Image", "format": JPEG, "width": width, "height": height}


def _metadata(work: Work) -> list[dict[str, Any]]:
    shown = {
        "Title": work.title,
        "Artist": work.text("artist_name"),
        "Date": work.date,
        "Medium": work.text("medium"),
        "Style": display_name(work.text("style")),
        "Genre": display_name(work.text("genre")),
        "Licence": work.licence,
        "Wikidata": work.wikidata,
        "Identifier": work.id,
    }
    return [{"label": {"en": [name]}, "value": {"none": [_plain(text)]}} for name, text in shown.items() if text]


def _plain(text: str) -> str:
    """A text that no viewer takes for HTML: what begins with `<` and ends with `>` is that, by the specification."""
    return f"{text} " if text.startswith("<") and text.endswith(">") else text


def _descriptions(work: Work) -> list[dict[str, Any]]:
    form = {"type": "Dataset", "format": "application/ld+json"}
    return [
        {"id": work.at(LINKED_ART), **form, "profile": LINKED_ART_PROFILE, "label": {"en": ["Linked Art"]}},
        {"id": work.at(SCHEMA_ORG), **form, "profile": "https://schema.org", "label": {"en": ["schema.org"]}},
    ]
