"""The Metropolitan Museum of Art: its Collection API.

Source: metmuseum.github.io: the paged search `/v1.1/search` (`q`, `medium`, `hasImages`, `isPublicDomain`,
`artistOrCulture`, `dateBegin` with `dateEnd`, `offset`, `limit` up to 500; the search of version 1 ended in October
2026), which gives numbers, and `/v1/objects/{number}`. A number whose work was withdrawn gets 404. 80 requests a second
are allowed; the museum's firewall refuses bursts far below that, so there are two.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.iiif_words import artist_in, text_of
from artextract_hf.data.sources.museums.client import Client, Page, page_in, pages
from artextract_hf.data.sources.museums.query import MuseumQuery
from artextract_hf.data.sources.museums.work import Work, license_in, number_in, wikidata_in, years_in
from artextract_hf.errors import DataError

TITLE = "The Metropolitan Museum of Art"
ADDRESS = "https://collectionapi.metmuseum.org/public/collection"
PACE = DownloadSettings(concurrency=2, per_second=2)
PAGE = "https://www.metmuseum.org/art/collection/search/{}"
PAGE_SIZE = 500
FIRST_YEAR, LAST_YEAR = -10_000, 2100  # the search takes both years or none
MOST_FAILURES = 10  # one after another; then it is not the works


def works(client: Client, query: MuseumQuery, skipped: SkipList) -> Iterator[Work]:
    """The paintings that the museum finds, the best first; without words to search for, in a drawn order.

    Raises:
        DataError: the search does not answer, or work after work does not.
    """
    failures = 0
    for found in pages(
        partial(_page, client, query), size=PAGE_SIZE, in_order=query.is_search, museum="met", skipped=skipped
    ):
        for item in found:
            if (number := number_in(item)) is None:
                skipped.add("met", f"an answer names a work without a number: {str(item)[:100]}")
                continue
            try:
                work = client.get(f"/v1/objects/{number}", {}, partial(_work, number))
            except DataError as error:
                failures += 1
                if failures == MOST_FAILURES:
                    raise
                skipped.add(f"met/{number}", error)
                continue
            failures = 0
            yield work


def _page(client: Client, query: MuseumQuery, start: int, size: int) -> Page:
    asked = _asked(query) | {"offset": start, "limit": size}
    return client.get("/v1.1/search", asked, lambda document: page_in(document, "objectIDs", document.get("total")))


def _asked(query: MuseumQuery) -> dict[str, Any]:
    words = " ".join(filter(None, (query.text, query.artist))) or "*"
    asked: dict[str, Any] = {"q": words, "medium": "Paintings", "hasImages": "true"}
    if not query.allow_restricted:
        asked["isPublicDomain"] = "true"
    if query.artist and not query.text:
        asked["artistOrCulture"] = "true"
    if query.first_year is not None or query.last_year is not None:
        asked["dateBegin"] = FIRST_YEAR if query.first_year is None else query.first_year
        asked["dateEnd"] = LAST_YEAR if query.last_year is None else query.last_year
    return asked


def _work(number: int, document: dict[str, Any]) -> Work:
    """The work in an answer.

    Raises:
        ValueError: the answer is of another one.
    """
    if number_in(document.get("objectID")) != number:
        raise ValueError(f"It is of the object {str(document.get('objectID'))[:100]}.")
    said = {key: text_of(value) for key, value in document.items() if isinstance(value, str)}
    artist = artist_in(said.get("artistDisplayName", ""))
    date = said.get("objectDate", "")
    years = years_in(document.get("objectBeginDate"), document.get("objectEndDate"), date)
    images = (said.get("primaryImageSmall", ""), said.get("primaryImage", ""))  # the first as on the work's own page
    credit = text_of(document.get("creditLine"))
    return Work(
        museum="met",
        number=number,
        images=tuple(filter(None, images)),
        title=said.get("title", ""),
        artist=" ".join(filter(None, (said.get("artistPrefix", ""), artist))),
        years=years if years != (0, 0) else (None, None),  # 0 stands for no year
        medium=said.get("medium", ""),
        kind=", ".join(dict.fromkeys(filter(None, (said.get("classification"), said.get("objectName"))))),
        credit=credit,
        license=license_in(
            document.get("isPublicDomain") is True, text_of(document.get("rightsAndReproduction")), credit
        ),
        page=PAGE.format(number),
        wikidata_id=wikidata_in(said.get("objectWikidata_URL", "")),
    )
