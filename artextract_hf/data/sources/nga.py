"""The National Gallery of Art's open data: its paintings as records, its pictures over IIIF.

    objects --objectid = depictstmsobjectid--> published_images     title, dates, medium, credit line; IIIF address
            --objectid--> objects_constituents --> constituents     the artist's name
            --objectid--> objects_terms                             style and theme

Tables as the gallery publishes them (NationalGalleryOfArt/opendata, CC0), plain, gzipped or zipped. Taken are the
primary views of paintings. Open access is what the column `openaccess` says is, where there is one; a view whose
`maxpixels` is set is shown under fair use only.
"""

import gzip
import io
import logging
import zipfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, TextIO, cast

import pandas as pd
from datasets import Dataset

from artextract_hf.data.fetch import DownloadSettings
from artextract_hf.data.labels import ARTISTS, GENRES, STYLES, UNKNOWN, known_artist
from artextract_hf.data.rights import ALLOW, claims_copyright
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.data.sources.download import Wanted, download_images
from artextract_hf.data.sources.iiif_documents import image_url
from artextract_hf.data.sources.metadata import csv_lines, holds_rows
from artextract_hf.data.sources.museums.query import MuseumQuery, words_in
from artextract_hf.data.words.dates import Years, checked_years
from artextract_hf.errors import DataError

OPEN_LICENSE = "CC0 1.0"
NGA_SOURCE = "National Gallery of Art, open data"  # in the manifest of prepared data
PAGE = "https://www.nga.gov/collection/art-object-page.{}.html"
ROWS = 50_000  # of a table, read at a time
MAX_TABLE = 400_000_000  # characters of a table, unpacked; the gallery's largest has some tens of millions
MAX_LINE = 1_000_000  # characters of a line; a file of a megabyte can unpack to one of a gigabyte
MAX_ROWS = 3_000_000  # of a table
UUID = r"[0-9A-Za-z-]{1,64}"  # it becomes the name of a file
OBJECT_ID = r"[0-9]{1,18}"

COLUMNS = {
    "objects": [
        "objectid", "title", "beginyear", "endyear", "medium", "attribution", "creditline", "classification",
        "isvirtual", "wikidataid",
    ],
    "published_images": [
        "uuid", "iiifurl", "viewtype", "sequence", "width", "height", "maxpixels", "depictstmsobjectid",
        "assistivetext",
    ],
    "objects_constituents": ["objectid", "constituentid", "displayorder", "roletype"],
    "constituents": ["constituentid", "forwarddisplayname"],
    "objects_terms": ["objectid", "termtype", "term"],
}  # fmt: skip
OPTIONAL = {"published_images": ["openaccess"]}  # since 2024; before, `maxpixels` alone tells what is not open

# Terms that mean a class of the release beyond doubt; "Renaissance" is three of its classes, and so none.
STYLE_TERMS = {
    "Abstract Expressionist": "Abstract_Expressionism", "Art Nouveau": "Art_Nouveau", "Baroque": "Baroque",
    "Cubist": "Cubism", "Fauve": "Fauvism", "German Expressionist": "Expressionism", "Impressionist": "Impressionism",
    "Austrian Expressionist": "Expressionism", "Minimalist": "Minimalism", "Naive": "Naive_Art_Primitivism",
    "Pop": "Pop_Art", "Post-Impressionist": "Post_Impressionism", "Realist": "Realism", "Rococo": "Rococo",
    "Romantic": "Romanticism", "Symbolist": "Symbolism", "Ukiyo-e": "Ukiyo_e",
}  # fmt: skip
THEME_TERMS = {
    "cityscape": "cityscape", "daily life": "genre_painting", "genre": "genre_painting", "landscape": "landscape",
    "non-representational": "abstract_painting", "nude": "nude_painting", "portrait": "portrait",
    "religious": "religious_painting", "still life": "still_life",
}  # fmt: skip

logger = logging.getLogger(__name__)


def load_nga(opendata_dir: str | Path, images_dir: str | Path, **options: Any) -> Dataset:
    """The gallery's open-access paintings; pictures that `images_dir` lacks are fetched.

    Args:
        opendata_dir: the tables, in the folder or in its subfolder `data`.
        images_dir: where pictures are kept, as `<uuid>.jpg`.
        options: those of `read_nga`.

    Raises:
        DataError: a table or a column is missing, or nothing usable is there.
    """
    skipped = SkipList()
    dataset = read_nga(opendata_dir, images_dir, skipped=skipped, **options)
    if skipped.items:
        logger.warning("%s: %s", opendata_dir, skipped.summary())
    return dataset


def read_nga(
    opendata_dir: str | Path,
    images_dir: str | Path,
    *,
    skipped: SkipList,
    allow_restricted: bool = False,
    limit: int | None = None,
    side: int = 1024,
    settings: DownloadSettings | None = None,
    query: MuseumQuery | None = None,
) -> Dataset:
    """`load_nga`, with what was left out noted in `skipped`.

    Args:
        opendata_dir: the tables.
        images_dir: where pictures are kept.
        skipped: filled with rows that say too little and pictures that could not be fetched.
        allow_restricted: take also what is shown under fair use.
        limit: at most so many paintings, the first by object number; with a query that searches for no words, drawn by
            chance, each time the same.
        side: longer side of the pictures, pixels.
        settings: how often and how patiently the gallery's server is asked.
        query: which paintings are wanted; all by default.
    """
    tables = _Tables(Path(opendata_dir), skipped)
    objects = _objects(tables, skipped)
    artists = _artists(tables, objects)
    if query:
        objects = objects[[_is_wanted(row, artists.get(row.objectid, ""), query) for row in _rows(objects)]]
        if not len(objects):
            raise DataError(f"{NGA_SOURCE}: no painting is found for {query}.")
    works = _join(tables, objects, skipped, allow_restricted=allow_restricted)
    if limit and query and not query.is_search:
        works = works.sample(min(limit, len(works)), random_state=0)
        works = works.iloc[works["objectid"].astype(int).argsort(kind="stable")]
    works = works.head(limit) if limit else works
    if not len(works):
        raise DataError(f"{opendata_dir} names no painting that can be taken ({skipped.summary()}).")
    wanted = [Wanted(f"{row.uuid}.jpg", (_address(row, side),)) for row in _rows(works)]
    files = download_images(wanted, Path(images_dir), skipped, settings=settings)
    if not any(files):
        raise DataError(f"not one of {len(files)} pictures could be fetched, the last: {skipped.items[-1].reason}.")
    styles, genres = _classes(tables, works)
    kept = [(row, file) for row, file in zip(_rows(works), files, strict=True) if file]
    years = checked_years(((_id_of(row), *_years(row)) for row, _ in kept), skipped)
    records = (
        _record(row, file, dated, artists.get(row.objectid, ""), styles.get(row.objectid), genres.get(row.objectid))
        for (row, file), dated in zip(kept, years, strict=True)
    )
    return make_dataset(records, painting_features())


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    """Its rows, with a column an attribute, all of them text."""
    return iter(table.itertuples())


class _Tables:
    """The gallery's tables, read in pieces, the needed columns only, as text.

    Args:
        folder: holds the tables, or a subfolder `data` that does.
        skipped: filled with rows that have other cells than the header.
    """

    def __init__(self, folder: Path, skipped: SkipList) -> None:
        self.folder = folder / "data" if (folder / "data").is_dir() else folder
        self.skipped = skipped

    def read(self, name: str) -> Iterator[pd.DataFrame]:
        """The rows of a table, by the line in which each begins; at least one frame, which may be empty.

        Raises:
            DataError: no such table, one that cannot be read, or one without a needed column.
        """
        path = next((p for e in (".csv", ".csv.gz", ".zip") if (p := self.folder / f"{name}{e}").is_file()), None)
        if path is None:
            raise DataError(f"{self.folder} has no table {name}.csv (also .csv.gz or .zip).")
        try:
            with _opened(path) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as text:
                lines = csv_lines(_bounded(text, path), path)
                header = next(lines, (1, []))[1]
                wanted = _wanted(header, name, path)
                rows = self._whole_rows(lines, len(header), name)
                part: list[tuple[int, list[str]]] | None = None
                while part is None or len(part) == ROWS:
                    part = list(islice(rows, ROWS))
                    columns = {column: [cells[place] for _, cells in part] for column, place in wanted.items()}
                    yield pd.DataFrame(columns, [line for line, _ in part], dtype=str)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, UnicodeDecodeError, RuntimeError) as error:
            raise DataError(f"{path} cannot be read as a table: {error}") from None

    def _whole_rows(
        self, lines: Iterator[tuple[int, list[str]]], columns: int, name: str
    ) -> Iterator[tuple[int, list[str]]]:
        """The rows with a cell for each column; a text with commas and without quotation marks shifts the rest."""
        for count, (line, cells) in enumerate(lines, start=1):
            if count > MAX_ROWS:
                raise DataError(f"{name} of {self.folder} has more than {MAX_ROWS} rows.")
            if holds_rows(cells):
                self.skipped.add(
                    f"nga/{name} line {line}", "it holds rows inside a text: a quotation mark is not closed"
                )
            elif len(cells) == columns or (len(cells) > columns and not any(cells[columns:])):
                yield line, cells
            else:
                reason = f"its row has {len(cells)} cells, the header {columns}"
                self.skipped.add(f"nga/{name} line {line}", reason)


def _opened(path: Path) -> IO[bytes] | gzip.GzipFile:
    """The bytes of a table that may be packed; of an archive, its only file."""
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path))
    if path.suffix != ".zip":
        return path.open("rb")
    archive = zipfile.ZipFile(path)
    if len(archive.namelist()) != 1:
        raise DataError(f"{path} cannot be read as a table: it holds {len(archive.namelist())} files, not one.")
    return archive.open(archive.namelist()[0])


def _bounded(text: TextIO, path: Path) -> Iterator[str]:
    """The lines of a table, as far as a table of the gallery may go.

    Raises:
        DataError: it goes on, or a line does.
    """
    left = MAX_TABLE
    while line := text.readline(MAX_LINE):
        left -= len(line)
        if left < 0:
            raise DataError(f"{path} cannot be read as a table: it unpacks to more than {MAX_TABLE} characters.")
        if len(line) == MAX_LINE:
            raise DataError(f"{path} cannot be read as a table: it has a line of {MAX_LINE} characters or more.")
        yield line


def _wanted(header: list[str], name: str, path: Path) -> dict[str, int]:
    """The needed columns of a table and their places."""
    if not header:
        raise DataError(f"{path} is empty.")
    places = {column: header.index(column) for column in COLUMNS[name] if column in header}
    if missing := [column for column in COLUMNS[name] if column not in places]:
        raise DataError(f"{path} has no column {', '.join(missing)}.")
    return places | {column: header.index(column) for column in OPTIONAL.get(name, ()) if column in header}


def _objects(tables: _Tables, skipped: SkipList) -> pd.DataFrame:
    """The paintings, each with a number of its own."""
    objects = pd.concat([part[_is_painting(part)] for part in tables.read("objects")])
    _list_unnumbered(objects, "objectid", "object", skipped)
    return _first(objects[objects["objectid"].str.fullmatch(OBJECT_ID)], "objectid", "object", skipped)


def _list_unnumbered(table: pd.DataFrame, key: str, name: str, skipped: SkipList) -> None:
    for row in table.index[~table[key].str.fullmatch(OBJECT_ID)]:
        skipped.add(f"nga/{name} line {row}", f"its {key} is {str(table.at[row, key])[:100]!r}, no number")


def _is_wanted(row: Any, artist: str, query: MuseumQuery) -> bool:
    """Whether an object is asked for; the gallery has no search, so all words have to be in what its label says."""
    label = words_in(" ".join((row.title, artist, row.attribution, row.medium)))
    is_found = words_in(query.text) <= label and query.is_by(artist or row.attribution)
    return is_found and query.is_from(_number(row.beginyear), _number(row.endyear))


def _join(tables: _Tables, objects: pd.DataFrame, skipped: SkipList, *, allow_restricted: bool) -> pd.DataFrame:
    """One row a painting: its object and its primary view."""
    views = pd.concat([part[_says(part["viewtype"], "primary")] for part in tables.read("published_images")])
    _list_unnumbered(views, "depictstmsobjectid", "view", skipped)
    views = views[views["depictstmsobjectid"].isin(objects["objectid"])]
    order = pd.to_numeric(views["sequence"], errors="coerce").fillna(0)
    views = _first(views.iloc[order.argsort(kind="stable")], "depictstmsobjectid", "view", skipped)
    for objectid in objects["objectid"][~objects["objectid"].isin(views["depictstmsobjectid"])]:
        skipped.add(f"nga/{objectid}", "no primary view of it is published")
    works = objects.merge(views, left_on="objectid", right_on="depictstmsobjectid")
    for row in _rows(works[(works["iiifurl"] == "") | (works["uuid"] == "")]):
        skipped.add(f"nga/{row.objectid}", "its view has no IIIF address")
    works = works[(works["iiifurl"] != "") & (works["uuid"] != "")]
    named = works["uuid"].str.fullmatch(UUID)  # it becomes the name of a file
    for row in _rows(works[~named]):
        skipped.add(f"nga/{row.objectid}", f"the uuid of its view is {row.uuid[:100]!r}, which is none")
    works = works[named].assign(license=[_license(row) for row in _rows(works[named])])
    if not allow_restricted:
        is_open = works["license"] == OPEN_LICENSE
        for row in _rows(works[~is_open]):
            skipped.add(f"nga/{row.objectid}", f"{row.license}; {ALLOW} takes it in")
        works = works[is_open]
    return works.iloc[works["objectid"].astype(int).argsort(kind="stable")]


def _is_painting(objects: pd.DataFrame) -> pd.Series:
    return _says(objects["classification"], "painting") & ~objects["isvirtual"].isin(["1", "true", "True"])


def _says(column: pd.Series, word: str) -> pd.Series:
    return column.str.strip().str.lower() == word


def _first(table: pd.DataFrame, key: str, name: str, skipped: SkipList) -> pd.DataFrame:
    """The first row of each key; the others are listed."""
    for row in table.index[table.duplicated(key)]:
        skipped.add(
            f"nga/{name} line {row}", f"another {name} has the {key} {table.at[row, key]!s} too; the first counts"
        )
    return table.drop_duplicates(key)


def _address(row: Any, side: int) -> str:
    size = (_number(row.width), _number(row.height))
    known = (size[0], size[1]) if size[0] and size[1] else None
    return image_url(row.iiifurl, version=2, side=side, size=known)


def _artists(tables: _Tables, works: pd.DataFrame) -> dict[str, str]:
    """objectid -> the name of its first artist."""
    wanted = set(works["objectid"])
    parts = [
        part[part["objectid"].isin(wanted) & _says(part["roletype"], "artist")]
        for part in tables.read("objects_constituents")
    ]
    roles = pd.concat(parts)
    order = pd.to_numeric(roles["displayorder"], errors="coerce").fillna(999)
    roles = roles.iloc[order.argsort(kind="stable")].drop_duplicates("objectid")
    people = pd.concat(tables.read("constituents")).drop_duplicates("constituentid").set_index("constituentid")
    names = people["forwarddisplayname"].to_dict()
    return {row.objectid: names.get(row.constituentid, "") for row in _rows(roles)}


def _classes(tables: _Tables, works: pd.DataFrame) -> tuple[dict[str, int], dict[str, int]]:
    """objectid -> label, of style and of genre; an object with terms of two classes gets neither."""
    wanted = set(works["objectid"])
    parts = [part[part["objectid"].isin(wanted)] for part in tables.read("objects_terms")]
    terms = pd.concat(parts)
    return (
        _only(terms[terms["termtype"] == "Style"], STYLE_TERMS, STYLES),
        _only(terms[terms["termtype"] == "Theme"], THEME_TERMS, GENRES),
    )


def _only(terms: pd.DataFrame, meaning: dict[str, str], names: tuple[str, ...]) -> dict[str, int]:
    classes = terms.assign(name=terms["term"].map(meaning)).dropna(subset="name").groupby("objectid")["name"].unique()
    return {str(key): names.index(found[0]) for key, found in classes.items() if len(found) == 1}


def _id_of(row: Any) -> str:
    return f"nga/{row.objectid}"


def _record(row: Any, file: Path, years: Years, artist: str, style: int | None, genre: int | None) -> dict[str, Any]:
    artist = artist or row.attribution
    known = known_artist(artist)
    return new_record(
        id=_id_of(row),
        image={"path": str(file), "bytes": None},
        style=UNKNOWN if style is None else style,
        genre=UNKNOWN if genre is None else genre,
        artist=ARTISTS.index(known) if known else UNKNOWN,
        title=row.title,
        artist_name=artist,
        year=years[0],
        year_end=years[1],
        source_url=PAGE.format(row.objectid),
        license=row.license,
        credit_line=", ".join(filter(None, (artist, row.title, row.creditline, "National Gallery of Art"))),
        medium=row.medium,
        wikidata_id=row.wikidataid,
        alt_text=row.assistivetext,
    )


def _license(row: Any) -> str:
    """What a row of `published_images` says of the rights."""
    if row.maxpixels:
        return f"fair use, at most {row.maxpixels} pixels a side, not open access"
    if claims_copyright(row.creditline, OPEN_LICENSE):
        return str(row.creditline)
    return OPEN_LICENSE if getattr(row, "openaccess", "1") == "1" else "not open access"


def _years(row: Any) -> tuple[Years, str]:
    """The years of an object, and what of them is no number."""
    years = _number(row.beginyear), _number(row.endyear)
    texts = zip((row.beginyear, row.endyear), years, strict=True)
    return years, next((text for text, year in texts if text.strip() and year is None), "")


def _number(text: str) -> int | None:
    """A year, or a side in pixels: whole numbers that a record can hold, of 32 bits."""
    try:
        number = int(float(text))
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 2**31 else None
