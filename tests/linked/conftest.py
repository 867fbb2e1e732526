"""A small museum: works with every field, one under copyright, one whose words are hostile, and its export."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from artextract_hf.data.schema import SkipList, new_record, painting_features
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.linked import pictures_of, write_iiif
from artextract_hf.retrieval.index import PaintingIndex
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder

BASE = "https://museum.example/iiif"
EVIL = """<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>"""
POPPIES = {
    "title": "Poppies", "artist_name": "Claude Monet", "year": 1873, "year_end": 1873, "medium": "oil on canvas",
    "source_url": "https://museum.example/works/1", "license": "CC BY-SA 4.0", "credit_line": "Gift of Ann Example",
    "wikidata_id": "Q1234", "alt_text": "A field of poppies", "style": 12, "genre": 4,
}  # fmt: skip


def museum() -> Dataset:
    records = [
        new_record(id="museum:Poppies 1.jpg", image=plain_picture((200, 40, 40), (320, 200)), **POPPIES),
        new_record(
            id="range", image=plain_picture((190, 60, 50), (200, 320), seed=1), title="Lilies", year=1897,
            year_end=1926, license="http://creativecommons.org/publicdomain/zero/1.0/",
        ),
        new_record(
            id=EVIL, image=plain_picture((30, 40, 210), seed=2), title=EVIL, artist_name=EVIL, credit_line=EVIL,
            medium=EVIL, alt_text=EVIL, source_url="javascript:alert(1)", wikidata_id="Q1/../Q2",
            license="Public Domain",
        ),
        new_record(
            id="open end", image=plain_picture((40, 60, 190), seed=3), title="After", year=1900, license="CC0",
        ),
        new_record(id="closed", image=plain_picture((30, 200, 60), seed=4), title="Modern", license="In copyright"),
    ]  # fmt: skip
    return Dataset.from_list(records, features=painting_features())


@dataclass(frozen=True)
class Export:
    """What `write_iiif` wrote, and of what."""

    index: PaintingIndex
    folder: Path
    report: dict[str, Any]
    skipped: SkipList


@pytest.fixture(scope="session")
def export(tmp_path_factory) -> Export:
    paintings = museum()
    index, skipped = PaintingIndex.build(paintings, ColorEmbedder()), SkipList()
    folder = tmp_path_factory.mktemp("web") / "iiif"
    report = write_iiif(
        index, folder, f"{BASE}/", title="A museum", pictures=pictures_of(paintings), k=2, skipped=skipped
    )
    return Export(index, folder, report, skipped)


@pytest.fixture(scope="session")
def drawn() -> PaintingIndex:
    """Drawn paintings, to look at."""
    return PaintingIndex.build(synthetic_paintings(6, seed=3), ColorEmbedder())
