"""A work in schema.org and in Linked Art, against documents written by hand from their specifications."""

from artextract_hf.data.schema import new_record
from artextract_hf.linked import Work, linked_art, schema_org
from tests.linked.conftest import EVIL, POPPIES

AT = "https://museum.example/iiif/works/poppies"
AAT = "http://vocab.getty.edu/aat"
WHOLE = Work(
    new_record(id="1", image=None, **POPPIES) | {"style": "Impressionism", "genre": "landscape"},
    AT,
    (320, 200),
    (256, 160),
    "CC BY-SA 4.0",
)
BARE = Work({"id": "2", "title": None, "year": 1900, "year_end": None, "source_url": "javascript:alert(1)"}, AT, (8, 6))
SHARE_ALIKE = "http://creativecommons.org/licenses/by-sa/4.0/"


def kind(number: int, label: str, **more: object) -> dict:
    return {"id": f"{AAT}/{number}", "type": "Type", "_label": label, **more}


def statement(number: int, label: str, text: str) -> dict:
    classified = kind(number, label, classified_as=[kind(300418049, "Statement")])
    return {"type": "LinguisticObject", "classified_as": [classified], "content": text}


def test_schema_org_of_a_whole_record():
    assert schema_org(WHOLE) == {
        "@context": "https://schema.org",
        "@type": "VisualArtwork",
        "@id": f"{AT}/schema-org.json",
        "name": "Poppies",
        "identifier": "1",
        "creator": {"@type": "Person", "name": "Claude Monet"},
        "dateCreated": "1873",
        "artMedium": "oil on canvas",
        "genre": ["Impressionism", "Landscape"],
        "image": {
            "@type": "ImageObject",
            "contentUrl": f"{AT}/picture.jpg",
            "encodingFormat": "image/jpeg",
            "width": 320,
            "height": 200,
            "caption": "A field of poppies",
            "creditText": "Gift of Ann Example",
            "license": SHARE_ALIKE,
        },
        "thumbnailUrl": f"{AT}/thumbnail.jpg",
        "license": SHARE_ALIKE,
        "creditText": "Gift of Ann Example",
        "url": "https://museum.example/works/1",
        "sameAs": "http://www.wikidata.org/entity/Q1234",
    }


def test_linked_art_of_a_whole_record():
    picture = {
        "type": "DigitalObject",
        "classified_as": [kind(300215302, "Digital Image")],
        "access_point": [{"id": f"{AT}/picture.jpg", "type": "DigitalObject"}],
        "format": "image/jpeg",
    }
    manifest = {
        "type": "DigitalObject",
        "access_point": [{"id": f"{AT}/manifest.json", "type": "DigitalObject"}],
        "format": 'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json"',
        "conforms_to": [{"id": "http://iiif.io/api/presentation", "type": "InformationObject"}],
    }
    page = {
        "type": "DigitalObject",
        "classified_as": [kind(300264578, "Web Page")],
        "access_point": [{"id": "https://museum.example/works/1", "type": "DigitalObject"}],
        "format": "text/html",
    }
    assert linked_art(WHOLE) == {
        "@context": "https://linked.art/ns/v1/linked-art.json",
        "id": f"{AT}/linked-art.json",
        "type": "HumanMadeObject",
        "_label": "Poppies",
        "identified_by": [
            {"type": "Name", "classified_as": [kind(300404670, "Primary Name")], "content": "Poppies"},
            {"type": "Identifier", "content": "1"},
        ],
        "classified_as": [kind(300133025, "Artwork")],
        "referred_to_by": [
            statement(300435429, "Materials Statement", "oil on canvas"),
            statement(300026687, "Credit Line", "Gift of Ann Example"),
            statement(300435416, "Description", "A field of poppies"),
        ],
        "produced_by": {
            "type": "Production",
            "referred_to_by": [statement(300435436, "Production Statement", "Claude Monet")],
            "timespan": {
                "type": "TimeSpan",
                "identified_by": [{"type": "Name", "content": "1873"}],
                "begin_of_the_begin": "1873-01-01T00:00:00Z",
                "end_of_the_end": "1873-12-31T23:59:59Z",
            },
        },
        "representation": [
            {
                "type": "VisualItem",
                "digitally_shown_by": [picture],
                "referred_to_by": [statement(300435434, "Rights Statement", SHARE_ALIKE)],
            }
        ],
        "subject_of": [
            {"type": "LinguisticObject", "digitally_carried_by": [manifest]},
            {"type": "LinguisticObject", "digitally_carried_by": [page]},
        ],
        "equivalent": [{"id": "http://www.wikidata.org/entity/Q1234", "type": "HumanMadeObject"}],
    }


def test_what_a_record_does_not_know_is_absent():
    assert schema_org(BARE).keys() == {"@context", "@type", "@id", "name", "identifier", "image", "thumbnailUrl"}
    assert schema_org(BARE)["thumbnailUrl"] == f"{AT}/picture.jpg"
    described = linked_art(BARE)
    assert described.keys() == {
        "@context", "id", "type", "_label", "identified_by", "classified_as", "representation", "subject_of",
    }  # fmt: skip
    assert len(described["subject_of"]) == 1 and described["_label"] == "2"


def test_years_are_a_span_with_a_beginning_and_an_end():
    def between(*years: int | None) -> Work:
        return Work({"id": "3", "year": years[0], "year_end": years[1]}, AT, (8, 6))

    span = linked_art(between(1897, 1926))["produced_by"]["timespan"]
    assert (span["begin_of_the_begin"], span["end_of_the_end"]) == ("1897-01-01T00:00:00Z", "1926-12-31T23:59:59Z")
    assert schema_org(between(1897, 1926))["dateCreated"] == "1897/1926"
    assert schema_org(between(900, 900))["dateCreated"] == "0900"
    for years in [(None, 1900), (1900, None), (-500, -400), (1900, 1800), (1900, 99999)]:
        assert "produced_by" not in linked_art(between(*years)) and "dateCreated" not in schema_org(between(*years))


def test_an_address_of_wikidata_is_its_entity_and_nothing_else_is():
    def known_as(id_: str) -> str:
        return Work({"id": "4", "wikidata_id": id_}, AT, (8, 6)).wikidata

    assert known_as("https://www.wikidata.org/wiki/Q12") == known_as(" Q12") == "http://www.wikidata.org/entity/Q12"
    assert [known_as(id_) for id_ in ("Q0", "Q1/../x", "P12", EVIL, "")] == [""] * 5
