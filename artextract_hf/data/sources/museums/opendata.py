"""The National Gallery of Art: the tables of its open data, fetched, for `sources/nga.py` to read.

Source: github.com/NationalGalleryOfArt/opendata (CC0), whose folder `data` holds a CSV file a table, some of them of
80 MB. There is no interface by which the gallery is searched; the words of a query are looked for in the tables.
"""

from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from artextract_hf.data.fetch import DownloadSettings, Fetcher, shown
from artextract_hf.data.sources.nga import COLUMNS, MAX_TABLE
from artextract_hf.errors import DataError
from artextract_hf.outputs import write_whole

ADDRESS = "https://raw.githubusercontent.com/NationalGalleryOfArt/opendata/main/data"
PACE = DownloadSettings(concurrency=8, per_second=10)
TABLE_S = 1800.0  # seconds that a table may take


def fetch_tables(base: str, folder: Path, settings: DownloadSettings) -> None:
    """Fetch the tables that a folder lacks; each is written whole or not at all.

    Raises:
        DataError: one could not be fetched.
    """
    fetcher = Fetcher(replace(settings, max_bytes=MAX_TABLE, timeout_s=max(TABLE_S, settings.timeout_s)))
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in tqdm(COLUMNS.items(), "tables", disable=None):
        path, address = folder / f"{name}.csv", f"{base.rstrip('/')}/{name}.csv"
        if path.is_file():
            continue

        def table(data: bytes, column: str = columns[0]) -> bytes:
            if column.encode() not in data.partition(b"\n")[0]:
                raise ValueError(f"It is no table with a column {column}.")
            return data

        try:
            write_whole(path, fetcher.get(address, table))
        except DataError as error:
            raise DataError(f"{shown(address)}: {error}") from None
