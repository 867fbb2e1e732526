"""The Art Institute of Chicago: its API, and its pictures over IIIF.

Source: api.artic.edu/docs (docs/.sections of art-institute-of-chicago/data-aggregator): `/artworks/search` with a query
in the parameter `params`, its fields, `pagination.total`, `config.iiif_url`; at most 100 works a page, 10,000 a query,
60 requests a minute, one at a time; pictures 843 pixels wide, one a second.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.iiif_documents import image_url
from artextract_hf.data.sources.iiif_words import artist_in, listed, text_of
from artextract_hf.data.sources.museums.client import Client, Page, page_in, pages, works_of
from artextract_hf.data.sources.museums.query import MuseumQuery
from artextract_hf.data.sources.museums.work import Work, inner, license_in, number_in, years_in

TITLE = "Art Institute of Chicago"
ADDRESS = "https://api.artic.edu/api/v1"
PACE = DownloadSettings(concurrency=1, per_second=1)
IIIF = "https://www.artic.edu/iiif/2"  # where an answer does not say
PAGE = "https://www.artic.edu/artworks/{}"
PAGE_SIZE = 100
WIDTH = 843  # pixels; the size that the museum's own pages show, and keep ready
FIELDS = (
    "id", "title", "artist_display", "artist_title", "date_start", "date_end", "date_display", "medium_display",
    "credit_line", "is_public_domain", "copyright_notice", "image_id", "thumbnail", "style_titles",
    "artwork_type_title",
)  # fmt: skip


def works(client: Client, query: MuseumQuery, skipped: SkipList) -> Iterator[Work]:
    """The paintings that the museum finds, the best first; without words to search for, in a drawn order."""
    found = pages(
        partial(_page, client, query), size=PAGE_SIZE, in_order=query.is_search, museum="artic", skipped=skipped
    )
    return works_of(found, "artic", skipped)


def _page(client: Client, query: MuseumQuery, start: int, size: int) -> Page:
    asked = _asked(query) | {"fields": list(FIELDS), "page": start // size + 1, "limit": size}

    def read(document: dict[str, Any]) -> Page:
        total, items = page_in(document, "data", inner(document, "pagination", "total"))
        iiif = text_of(inner(document, "config", "iiif_url")) or IIIF
        return total, [_work(item, iiif) for item in items]

    return client.get("/artworks/search", {"params": json.dumps(asked, separators=(",", ":"))}, read)


def _asked(query: MuseumQuery) -> dict[str, Any]:
    """The search in Elasticsearch's terms."""
    must: list[dict[str, Any]] = [
        {"term": {"artwork_type_title.keyword": "Painting"}},
        {"exists": {"field": "image_id"}},
    ]
    if not query.allow_restricted:
        must.append({"term": {"is_public_domain": True}})
    if query.artist:
        must.append({"match": {"artist_display": {"query": query.artist, "operator": "and"}}})
    if query.first_year is not None:
        must.append({"range": {"date_end": {"gte": query.first_year}}})
    if query.last_year is not None:
        must.append({"range": {"date_start": {"lte": query.last_year}}})
    words = {"q": query.text} if query.text else {}
    return {**words, "query": {"bool": {"must": must}}}


def _work(item: Any, iiif: str) -> Work | None:
    number = number_in(inner(item, "id"))
    if number is None:
        return None
    image = text_of(item.get("image_id"))
    service = f"{iiif.rstrip('/')}/{image}"
    # The second for a picture that is less wide, which the server may not enlarge.
    images = (f"{service}/full/{WIDTH},/0/default.jpg", image_url(service, version=2, side=WIDTH)) if image else ()
    display = item.get("artist_display")
    credit = text_of(item.get("credit_line"))
    return Work(
        museum="artic",
        number=number,
        images=images,
        title=text_of(item.get("title")),
        artist=(artist_in(display) if isinstance(display, str) else "") or text_of(item.get("artist_title")),
        years=years_in(item.get("date_start"), item.get("date_end"), text_of(item.get("date_display"))),
        medium=text_of(item.get("medium_display")),
        kind=text_of(item.get("artwork_type_title")),
        credit=credit,
        license=license_in(item.get("is_public_domain") is True, text_of(item.get("copyright_notice")), credit),
        page=PAGE.format(number),
        alt_text=text_of(inner(item, "thumbnail", "alt_text")),
        styles=tuple(map(text_of, listed(item.get("style_titles")))),
    )
