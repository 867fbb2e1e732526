"""A work as schema.org describes it, in JSON-LD: what search engines read in a page about it."""

from typing import Any

from artextract_hf.data.labels import display_name
from artextract_hf.linked.manifest import thumbnail_of
from artextract_hf.linked.rights_address import rights_address
from artextract_hf.linked.work import JPEG, PICTURE, SCHEMA_ORG, Work


def schema_org(work: Work) -> dict[str, Any]:
    """A VisualArtwork (schema.org/VisualArtwork); fields that the record does not have are absent."""
    width, height = work.size
    image = {
        "@type": "ImageObject",
        "contentUrl": work.at(PICTURE),
        "encodingFormat": JPEG,
        "width": width,
        "height": height,
        "caption": work.text("alt_text"),
        "creditText": work.text("credit_line"),
        "license": rights_address(work.licence),
    }
    artist = work.text("artist_name")
    known = {
        "@id": work.at(SCHEMA_ORG),
        "name": work.title,
        "identifier": work.id,
        "creator": {"@type": "Person", "name": artist} if artist else "",
        "dateCreated": _date(work),
        "artMedium": work.text("medium"),
        "genre": [display_name(word) for word in (work.text("style"), work.text("genre")) if word],
        "image": {key: value for key, value in image.items() if value},
        "thumbnailUrl": thumbnail_of(work)["id"],
        "license": rights_address(work.licence),
        "creditText": work.text("credit_line"),
        "url": work.homepage,
        "sameAs": work.wikidata,
    }
    described = {key: value for key, value in known.items() if value}
    return {"@context": "https://schema.org", "@type": "VisualArtwork", **described}


def _date(work: Work) -> str:
    """A year, or years as an interval of ISO 8601."""
    if work.years is None:
        return ""
    return "/".join(f"{year:04}" for year in dict.fromkeys(work.years))
