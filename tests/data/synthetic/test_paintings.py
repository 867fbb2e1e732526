import numpy as np
import pytest

from artextract_hf.data.labels import GENRES
from artextract_hf.data.synthetic import synthetic_paintings
from artextract_hf.errors import DataError

# Title and mean colour (RGB) of the first paintings of seed 0: another order of random draws would change them.
FIRST = [
    ("Still life with flowers and fruit, in ink", (177.4, 172.3, 158.1)),
    ("Figure waving in the fields, in glazes", (175.2, 171.2, 148.0)),
    ("Figure waving in the fields, in pen lines", (172.5, 147.7, 119.2)),
    ("Figure standing in the fields, in glazes", (178.2, 173.4, 147.5)),
    ("Figure standing in the fields, in glazes", (175.0, 168.9, 144.5)),
    ("The sea with three boats, in facets", (140.2, 135.6, 109.4)),
]


def test_the_paintings_of_a_seed_stay_the_same():
    paintings = synthetic_paintings(len(FIRST))
    assert paintings["title"] == [title for title, _ in FIRST]
    for image, (_, color) in zip(paintings["image"], FIRST, strict=True):
        assert np.asarray(image).mean(axis=(0, 1)) == pytest.approx(color, abs=0.5)


def test_records_follow_the_schema_and_do_not_depend_on_their_number():
    few, many = synthetic_paintings(3, seed=9), synthetic_paintings(5, seed=9)
    assert many["id"] == [f"synthetic/{i:05d}" for i in range(5)]
    for i in range(3):
        assert np.array_equal(np.asarray(few[i]["image"]), np.asarray(many[i]["image"]))
    record = many[0]
    assert record["license"] == "CC0-1.0" and record["title"] in record["credit_line"]
    assert (record["style"], record["artist"], record["year"]) == (-1, -1, None)
    assert all(-1 <= genre < len(GENRES) for genre in many["genre"])


def test_an_empty_collection_is_refused():
    with pytest.raises(DataError):
        synthetic_paintings(0)
