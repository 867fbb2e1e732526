"""A loopback server that answers as the interfaces of three museums document it, and misbehaves on demand.

    /aic/artworks/search?params=...       api.artic.edu/docs
    /met/v1.1/search, /met/v1/objects/1   metmuseum.github.io
    /cma/artworks/?type=...               openaccess-api.clevelandart.org
    /iiif/..., /picture/<name>.jpg        pictures

It filters, orders and pages as they do, so that a question that is put wrongly is answered wrongly.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.schema import SkipList
from artextract_hf.data.sources.museums.museum import read_museum
from artextract_hf.data.sources.museums.query import MuseumQuery
from tests.data.sources.iiif_server import IiifServer, _Handler, jpeg

NO_PICTURE = "none"
PATHS = {"artic": "aic", "cleveland": "cma", "met": "met"}
SEARCHES = {"artic": "/aic/artworks/search", "cleveland": "/cma/artworks/", "met": "/met/v1.1/search"}
LILIES = MuseumQuery("lilies")
QUICK = DownloadSettings(
    per_second=1000, timeout_s=5, pause_s=0.01, max_pause_s=0.1, retries=3, concurrency=1, allow_private_hosts=True
)


@dataclass
class Painting:
    """A work of which all three museums tell, each in its fields."""

    number: int
    title: str = "Water Lilies"
    artist: str = "Claude Monet"
    qualifier: str = ""
    years: tuple[int | None, int | None] = (1906, 1906)
    date: str = "1906"
    is_open: bool = True
    notice: str | None = None
    kind: str = "Painting"
    picture: str = ""  # its name; "none" where the museum shows none


@dataclass
class MuseumServer(IiifServer):
    """`faults[path]` are those of the next requests, as in IiifServer, or functions that change the answer's document.

    Attributes:
        paintings: of each museum, in the order in which its search answers.
        totals: what a museum says of the number of results, where that is not true.
        after: called with the number of a request of a museum's search when it was answered.
    """

    paintings: list[Painting] = field(default_factory=list)
    totals: dict[str, Any] = field(default_factory=dict)
    after: Callable[[int], None] | None = None
    searches: int = 0
    questions: list[dict[str, Any]] = field(default_factory=list)

    def start(self) -> "MuseumServer":
        super().start()
        self.http.RequestHandlerClass = type("Handler", (_MuseumHandler,), {"state": self})
        return self

    def requests(self, part: str) -> int:
        """How many requests had this in their path."""
        return sum(count for path, count in self.asked.items() if part in path)

    def search(self, museum: str, asked: dict[str, Any]) -> tuple[int, list[Painting]]:
        """The results of a search and those of one page of it."""
        self.questions.append(asked)
        words = asked["q"].lower().split()
        found = [p for p in self.paintings if self._fits(p, asked, words)]
        page = found[asked["start"] : asked["start"] + asked["size"]]
        return self.totals.get(museum, len(found)), page

    @staticmethod
    def _fits(painting: Painting, asked: dict[str, Any], words: list[str]) -> bool:
        text = f"{painting.title} {painting.artist}".lower()
        first, last = painting.years
        return (
            painting.kind == "Painting"
            and painting.picture != NO_PICTURE
            and all(word in text for word in words)
            and all(word in painting.artist.lower() for word in asked["artist"].lower().split())
            and (painting.is_open or not asked["open"])
            and (asked["from"] is None or (last is not None and last >= asked["from"]))
            and (asked["to"] is None or (first is not None and first <= asked["to"]))
        )


class _MuseumHandler(_Handler):
    state: MuseumServer

    def _key(self) -> str:
        return super()._key() if self.path.startswith("/iiif/") else self.path.partition("?")[0]

    def _answer(self, fault: object) -> None:
        path, query = self._key(), {key: values[-1] for key, values in parse_qs(urlsplit(self.path).query).items()}
        if "/iiif/small" not in self.path:  # a service may refuse to enlarge
            self.path = self.path.replace("/full/843,/", "/full/!843,843/")
        if self.path.startswith("/iiif/") or (isinstance(fault, int | tuple) or fault in ("html", "text")):
            return super()._answer(fault)
        if picture := re.fullmatch(r"/picture/(\w+)\.jpg", path):
            return self._body(jpeg(picture[1]), "image/jpeg", fault)
        answers = {"aic": self._artic, "met": self._met, "cma": self._cleveland}
        document = answers[path.split("/")[1]](path, query)
        if document is None:
            return self._send(404, b'{"message":"Not a valid object"}', "application/json")
        if callable(fault):
            document = fault(document)
        self._body(json.dumps(document).encode(), "application/json", fault)
        if "search" in path or path == "/cma/artworks/":
            self.state.searches += 1
            if self.state.after:
                self.state.after(self.state.searches)
        return None

    def _body(self, body: bytes, kind: str, fault: object) -> None:
        if fault != "cut":
            return self._send(200, body, kind)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True
        return None

    def _artic(self, path: str, query: dict[str, str]) -> Any:
        assert path == "/aic/artworks/search"
        asked = json.loads(query["params"])
        must = asked["query"]["bool"]["must"]
        assert {"term": {"artwork_type_title.keyword": "Painting"}} in must and asked["limit"] <= 100
        assert asked["page"] * asked["limit"] <= 10_000

        def clause(kind: str, name: str) -> Any:
            return next((c[kind][name] for c in must if name in c.get(kind, ())), None)

        total, found = self.state.search("aic", {
            "q": asked.get("q", ""),
            "artist": (clause("match", "artist_display") or {}).get("query", ""),
            "open": clause("term", "is_public_domain") is True,
            "from": (clause("range", "date_end") or {}).get("gte"),
            "to": (clause("range", "date_start") or {}).get("lte"),
            "start": (asked["page"] - 1) * asked["limit"],
            "size": asked["limit"],
        })  # fmt: skip
        data = [
            {
                "_score": 1.5,
                "id": p.number,
                "title": p.title,
                "artist_display": f"{p.qualifier} {p.artist} (French, 1840–1926)\nFrench, 1840-1926".strip(),
                "artist_title": p.artist,
                "date_start": p.years[0],
                "date_end": p.years[1],
                "date_display": p.date,
                "medium_display": "Oil on canvas",
                "credit_line": "Mr. and Mrs. Example Collection",
                "is_public_domain": p.is_open,
                "copyright_notice": p.notice,
                "image_id": p.picture or f"id{p.number}",
                "thumbnail": {"lqip": "data:", "width": 90, "height": 60, "alt_text": f"What {p.number} shows."},
                "style_titles": ["Impressionism", "19th century"],
            }
            for p in found
        ]
        return {
            "preference": None,
            "pagination": {"total": total, "limit": asked["limit"], "current_page": asked["page"]},
            "data": data,
            "info": {"version": "1.14"},
            "config": {"iiif_url": f"{self.state.url}/iiif", "website_url": "https://www.artic.edu"},
        }

    def _met(self, path: str, query: dict[str, str]) -> Any:
        if path == "/met/v1.1/search":
            assert query["medium"] == "Paintings" and query["hasImages"] == "true" and int(query["limit"]) <= 500
            total, found = self.state.search("met", {
                "q": "" if "artistOrCulture" in query else query["q"].replace("*", ""),
                "artist": query["q"] if query.get("artistOrCulture") == "true" else "",
                "open": query.get("isPublicDomain") == "true",
                "from": int(query["dateBegin"]) if "dateBegin" in query else None,
                "to": int(query["dateEnd"]) if "dateEnd" in query else None,
                "start": int(query["offset"]),
                "size": int(query["limit"]),
            })  # fmt: skip
            return {"total": total, "objectIDs": [p.number for p in found] or None}
        number = int(path.removeprefix("/met/v1/objects/"))
        painting = next((p for p in self.state.paintings if p.number == number), None)
        if painting is None:
            return None
        picture = f"{self.state.url}/picture/{painting.picture or f'p{number}'}.jpg"
        return {
            "objectID": number,
            "isPublicDomain": painting.is_open,
            "primaryImage": picture.replace("/picture/", "/picture/large_"),
            "primaryImageSmall": picture,
            "title": painting.title,
            "artistPrefix": painting.qualifier,
            "artistDisplayName": painting.artist,
            "objectDate": painting.date,
            "objectBeginDate": painting.years[0],
            "objectEndDate": painting.years[1],
            "medium": "Oil on canvas",
            "creditLine": "Gift of A. Example, 1906",
            "classification": "Paintings",
            "rightsAndReproduction": painting.notice or "",
            "objectURL": f"https://www.metmuseum.org/art/collection/search/{number}",
            "objectWikidata_URL": f"https://www.wikidata.org/wiki/Q{number}",
        }

    def _cleveland(self, path: str, query: dict[str, str]) -> Any:
        assert path == "/cma/artworks/" and query["type"] == "Painting" and query["has_image"] == "1"
        total, found = self.state.search("cma", {
            "q": query.get("q", ""),
            "artist": query.get("artists", ""),
            "open": query.get("cc0") == "1",
            "from": int(query["created_after"]) + 1 if "created_after" in query else None,
            "to": int(query["created_before"]) - 1 if "created_before" in query else None,
            "start": int(query["skip"]),
            "size": int(query["limit"]),
        })  # fmt: skip
        data = [
            {
                "id": p.number,
                "accession_number": f"1958.{p.number}",
                "share_license_status": "CC0" if p.is_open else "Copyrighted",
                "copyright": p.notice,
                "title": p.title,
                "creation_date": p.date,
                "creation_date_earliest": p.years[0],
                "creation_date_latest": p.years[1],
                "technique": "oil on canvas",
                "creditline": "Gift of the Example Family",
                "url": f"https://clevelandart.org/art/1958.{p.number}",
                "creators": [
                    {
                        "description": f"{p.artist} (French, 1840–1926)",
                        "role": "artist",
                        "qualifier": p.qualifier or None,
                    }
                ],
                "images": {
                    size: {"url": f"{self.state.url}/picture/{size}_{p.picture or p.number}.jpg", "width": "90"}
                    for size in ("web", "print", "full")
                },
                "external_resources": {"wikidata": [f"https://www.wikidata.org/wiki/Q{p.number}"]},
            }
            for p in found
        ]
        return {"info": {"total": total, "parameters": query}, "data": data}


def read(museum, folder, query=LILIES, skipped=None, settings=QUICK):
    return read_museum(museum, query, folder, SkipList() if skipped is None else skipped, settings=settings)


def many(count):
    return [Painting(number, f"Lilies {number}") for number in range(1, count + 1)]
