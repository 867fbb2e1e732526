"""The Cleveland Museum of Art: its Open Access API.

Source: openaccess-api.clevelandart.org: `/artworks/` with `q`, `artists`, `type`, `cc0`, `has_image`, `created_after`,
`created_before`, `skip`, `limit` (up to 1,000) and `fields`; `info.total`, and of a work `share_license_status`,
`creators` with their `qualifier`, `creation_date_earliest` and `_latest`, `images.web` and `images.print` (the third,
`full`, is a TIFF of 100 MB), `external_resources.wikidata`.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from artextract_hf.data.fetch import DownloadSettings, shown
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.iiif_words import artist_in, listed, objects, text_of
from artextract_hf.data.sources.museums.client import Client, Page, page_in, pages, works_of
from artextract_hf.data.sources.museums.query import MuseumQuery
from artextract_hf.data.sources.museums.work import Work, inner, license_in, number_in, wikidata_in, years_in

TITLE = "The Cleveland Museum of Art"
ADDRESS = "https://openaccess-api.clevelandart.org/api"
PACE = DownloadSettings(concurrency=2, per_second=4)
PAGE = "https://clevelandart.org/art/{}"
PAGE_SIZE = 100
FIELDS = (
    "id", "accession_number", "title", "creators", "creation_date", "creation_date_earliest", "creation_date_latest",
    "technique", "creditline", "share_license_status", "copyright", "url", "images", "external_resources",
    "type",
)  # fmt: skip


def works(client: Client, query: MuseumQuery, skipped: SkipList) -> Iterator[Work]:
    """The paintings that the museum finds, the best first; without words to search for, in a drawn order."""
    found = pages(
        partial(_page, client, query), size=PAGE_SIZE, in_order=query.is_search, museum="cleveland", skipped=skipped
    )
    return works_of(found, "cleveland", skipped)


def _page(client: Client, query: MuseumQuery, start: int, size: int) -> Page:
    def read(document: dict[str, Any]) -> Page:
        total, items = page_in(document, "data", inner(document, "info", "total"))
        return total, [_work(item) for item in items]

    return client.get("/artworks/", _asked(query) | {"skip": start, "limit": size}, read)


def _asked(query: MuseumQuery) -> dict[str, Any]:
    asked: dict[str, Any] = {"type": "Painting", "has_image": 1, "fields": ",".join(FIELDS)}
    asked |= {key: words for key, words in (("q", query.text), ("artists", query.artist)) if words}
    if not query.allow_restricted:
        asked["cc0"] = 1
    # Whether the year itself is meant, too, is not documented.
    if query.first_year is not None:
        asked["created_after"] = query.first_year - 1
    if query.last_year is not None:
        asked["created_before"] = query.last_year + 1
    return asked


def _work(item: Any) -> Work | None:
    number = number_in(inner(item, "id"))
    if number is None:
        return None
    addresses = (text_of(inner(item, "images", size, "url")) for size in ("web", "print"))
    date = text_of(item.get("creation_date"))
    known = (wikidata_in(text_of(address)) for address in listed(inner(item, "external_resources", "wikidata")))
    credit = text_of(item.get("creditline"))
    return Work(
        museum="cleveland",
        number=number,
        images=tuple(filter(None, addresses)),
        title=text_of(item.get("title")),
        artist=next(filter(None, map(_artist, objects(item.get("creators")))), ""),
        years=years_in(item.get("creation_date_earliest"), item.get("creation_date_latest"), date),
        medium=text_of(item.get("technique")),
        kind=text_of(item.get("type")),
        credit=credit,
        license=license_in(
            text_of(item.get("share_license_status")).upper() == "CC0", text_of(item.get("copyright")), credit
        ),
        page=shown(text_of(item.get("url"))) or PAGE.format(text_of(item.get("accession_number"))),
        wikidata_id=next(filter(None, known), ""),
    )


def _artist(creator: dict[str, Any]) -> str:
    """A creator's name, with the qualifier ("attributed to") before it."""
    name = artist_in(text_of(creator.get("description")))
    return " ".join(filter(None, (text_of(creator.get("qualifier")) if name else "", name)))
