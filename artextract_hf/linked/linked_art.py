"""A work as Linked Art describes it (linked.art/api/1.0/endpoint/physical_object), in JSON-LD.

The artist is a statement about the production: Linked Art names a person or a group by an address, and records have
only a name, which may be that of a workshop. Types are those of Getty's Art & Architecture Thesaurus that
linked.art/model/vocab lists.
"""

from typing import Any

from artextract_hf.linked.rights_address import rights_address
from artextract_hf.linked.work import JPEG, LINKED_ART, MANIFEST, PICTURE, Work

CONTEXT = "https://linked.art/ns/v1/linked-art.json"
MANIFEST_FORM = 'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json"'
AAT = "http://vocab.getty.edu/aat"
STATEMENT = 300418049  # the type of types of statements
ARTWORK, PRIMARY_NAME, DIGITAL_IMAGE, WEB_PAGE = 300133025, 300404670, 300215302, 300264578
MATERIALS, CREDIT_LINE, RIGHTS, PRODUCTION = 300435429, 300026687, 300435434, 300435436
DESCRIPTION = 300435416


def linked_art(work: Work) -> dict[str, Any]:
    """A HumanMadeObject; fields that the record does not have are absent."""
    names = [
        {"type": "Name", "classified_as": [_type(PRIMARY_NAME, "Primary Name")], "content": work.title},
        {"type": "Identifier", "content": work.id},
    ]
    statements = [
        _statement(MATERIALS, "Materials Statement", work.text("medium")),
        _statement(CREDIT_LINE, "Credit Line", work.text("credit_line")),
        _statement(DESCRIPTION, "Description", work.text("alt_text")),
    ]
    known = {
        "identified_by": names,
        "classified_as": [_type(ARTWORK, "Artwork")],
        "referred_to_by": [statement for statement in statements if statement],
        "produced_by": _production(work),
        "representation": [_representation(work)],
        "subject_of": _pages(work),
        "equivalent": [{"id": work.wikidata, "type": "HumanMadeObject"}] if work.wikidata else [],
    }
    described = {key: value for key, value in known.items() if value}
    address = work.at(LINKED_ART)
    return {"@context": CONTEXT, "id": address, "type": "HumanMadeObject", "_label": work.title, **described}


def _production(work: Work) -> dict[str, Any]:
    """Who made the work, and when; nothing where neither is known."""
    known: dict[str, Any] = {}
    if artist := _statement(PRODUCTION, "Production Statement", work.text("artist_name")):
        known["referred_to_by"] = [artist]
    if work.years:
        first, last = work.years
        known["timespan"] = {
            "type": "TimeSpan",
            "identified_by": [{"type": "Name", "content": work.date}],
            "begin_of_the_begin": f"{first:04}-01-01T00:00:00Z",
            "end_of_the_end": f"{last:04}-12-31T23:59:59Z",
        }
    return {"type": "Production", **known} if known else {}


def _representation(work: Work) -> dict[str, Any]:
    """What the picture shows, and the rights to it."""
    picture = _digital(work.at(PICTURE), JPEG, DIGITAL_IMAGE, "Digital Image")
    shown: dict[str, Any] = {"type": "VisualItem", "digitally_shown_by": [picture]}
    if rights := _statement(RIGHTS, "Rights Statement", rights_address(work.licence) or work.licence):
        shown["referred_to_by"] = [rights]
    return shown


def _pages(work: Work) -> list[dict[str, Any]]:
    """The manifest, and the page of the work."""
    standard = [{"id": "http://iiif.io/api/presentation", "type": "InformationObject"}]
    found = [{"type": "DigitalObject", **_access(work.at(MANIFEST)), "format": MANIFEST_FORM, "conforms_to": standard}]
    if work.homepage:
        found.append(_digital(work.homepage, "text/html", WEB_PAGE, "Web Page"))
    return [{"type": "LinguisticObject", "digitally_carried_by": [page]} for page in found]


def _digital(address: str, form: str, kind: int, label: str) -> dict[str, Any]:
    return {"type": "DigitalObject", "classified_as": [_type(kind, label)], **_access(address), "format": form}


def _access(address: str) -> dict[str, Any]:
    return {"access_point": [{"id": address, "type": "DigitalObject"}]}


def _statement(kind: int, label: str, text: str) -> dict[str, Any]:
    """A text about a work, of this type; nothing where there is no text."""
    if not text:
        return {}
    classified = {**_type(kind, label), "classified_as": [_type(STATEMENT, "Statement")]}
    return {"type": "LinguisticObject", "classified_as": [classified], "content": text}


def _type(number: int, label: str) -> dict[str, Any]:
    return {"id": f"{AAT}/{number}", "type": "Type", "_label": label}
