"""Museums by name: from a query to records, with pictures.

    query --interface--> works --rights, artist, years--> wanted works --download_images--> files --> records

What was fetched stays in a folder, and a run that was killed goes on where it stopped.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from datasets import Dataset
from tqdm import tqdm

from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.rights import ALLOW, is_open
from artextract_hf.data.schema import SkipList, make_dataset, painting_features
from artextract_hf.data.sources.download import Wanted, download_images
from artextract_hf.data.sources.museums import artic, cleveland, met, opendata
from artextract_hf.data.sources.museums.client import Client
from artextract_hf.data.sources.museums.query import MuseumQuery
from artextract_hf.data.sources.museums.work import Work, record_of
from artextract_hf.data.sources.nga import NGA_SOURCE, read_nga
from artextract_hf.data.words.dates import reversal
from artextract_hf.errors import DataError

Works = Callable[[Client, MuseumQuery, SkipList], Iterator[Work]]


@dataclass(frozen=True)
class Museum:
    """How a museum is asked.

    Args:
        title: its name.
        address: of its interface.
        pace: how often it wants to be asked.
        works: what its interface finds; None where it publishes tables.
    """

    title: str
    address: str
    pace: DownloadSettings
    works: Works | None


MUSEUMS = {
    "artic": Museum(artic.TITLE, artic.ADDRESS, artic.PACE, artic.works),
    "cleveland": Museum(cleveland.TITLE, cleveland.ADDRESS, cleveland.PACE, cleveland.works),
    "met": Museum(met.TITLE, met.ADDRESS, met.PACE, met.works),
    "nga": Museum(NGA_SOURCE, opendata.ADDRESS, opendata.PACE, None),
}


def museum_named(name: str) -> Museum:
    """The museum that is called so; `ARTEXTRACT_MET_URL`, and so on, puts another address in place of its own.

    Raises:
        DataError: none is.
    """
    if name not in MUSEUMS:
        raise DataError(f"no museum is called {name[:100]!r} here; there are {', '.join(MUSEUMS)}.")
    museum = MUSEUMS[name]
    return replace(museum, address=os.environ.get(f"ARTEXTRACT_{name.upper()}_URL") or museum.address)


def read_museum(
    name: str,
    query: MuseumQuery,
    folder: str | Path,
    skipped: SkipList,
    *,
    allow_private_hosts: bool = False,
    settings: DownloadSettings | None = None,
) -> Dataset:
    """Paintings of a museum as records.

    Args:
        name: of MUSEUMS.
        query: what is wanted.
        folder: where answers and pictures are kept; what it holds is not fetched again.
        skipped: filled with works that are not taken and pictures that could not be fetched.
        allow_private_hosts: ask also this machine and hosts of private networks.
        settings: how often and how patiently servers are asked; by default as the museum wants it.

    Raises:
        DataError: no such museum; it does not answer; or it has nothing that is wanted and can be used.
    """
    museum, folder = museum_named(name), Path(folder)
    settings = settings or replace(museum.pace, allow_private_hosts=allow_private_hosts)
    if museum.works is None:
        opendata.fetch_tables(museum.address, folder / "opendata", settings)
        return read_nga(
            folder / "opendata",
            folder,
            skipped=skipped,
            allow_restricted=query.allow_restricted,
            limit=query.limit,
            settings=settings,
            query=query,
        )
    try:
        found = museum.works(Client(museum.address, folder, settings), query, skipped)
        wanted = list(tqdm(islice(_wanted(found, query, skipped), query.limit), museum.title, disable=None))
    except DataError as error:
        reason = str(error).removesuffix(".")
        raise DataError(f"{reason}; what was fetched is kept, and the same command goes on from there.") from None
    if not wanted:
        left_out = f" ({skipped.summary()})" if skipped.items else ""
        raise DataError(f"{museum.title} has no painting for {query} that can be taken{left_out}.")
    pictures = [Wanted(work.file, work.images) for work in wanted]
    files = download_images(pictures, folder, skipped, settings=settings)
    if not any(files):
        raise DataError(f"not one of {len(files)} pictures could be fetched, the last: {skipped.items[-1].reason}.")
    records = (record_of(work, file, museum.title) for work, file in zip(wanted, files, strict=True) if file)
    return make_dataset(records, painting_features())


def _wanted(works: Iterator[Work], query: MuseumQuery, skipped: SkipList) -> Iterator[Work]:
    """The works that a query asks for, each once: results may move from one page to the next while they are read."""
    seen: set[str] = set()
    for work in works:
        if work.id in seen:
            continue
        seen.add(work.id)
        if reason := reversal(work.years):
            skipped.add(work.id, reason)
            work = replace(work, years=(None, None))
        if reason := _refusal(work, query):
            skipped.add(work.id, reason)
        else:
            yield work


def _refusal(work: Work, query: MuseumQuery) -> str:
    """Why a work is not taken; empty where it is."""
    if not query.allow_restricted and not is_open(work.license):
        return f"its licence is not open ({work.license}); {ALLOW} takes it in"
    if work.kind and "paint" not in work.kind.lower():
        return f"the museum calls it {work.kind[:100]}, and no painting"
    if not work.images:
        return "the museum gives no picture of it"
    if not query.is_by(work.artist):
        return f"its artist is {work.artist or 'unknown'}"
    if not query.is_from(*work.years):
        years = [str(year) for year in dict.fromkeys(work.years) if year is not None]
        return f"it is of {' to '.join(years) or 'no known year'}"
    return ""
