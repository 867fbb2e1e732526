"""Figures of a data set against values worked out by hand."""

from collections import Counter

import pytest

from artextract_hf.data.schema import make_dataset, new_record, painting_features
from artextract_hf.data.statistics import concentration, describe, is_unattributed


def works(*rows):
    records = [
        new_record(id=str(i), image=None, artist_name=artist, year=year, style=style, license=license)
        for i, (artist, year, style, license) in enumerate(rows)
    ]
    return make_dataset(records, painting_features(styles=["Flat", "Round"], genres=["sea"], artists=["Ann"]))


def test_by_hand():
    facts = describe(
        works(
            ("Ann", 1900, 0, "CC0"),
            ("Ann", 1910, 0, "CC0"),
            ("Ben", None, 1, "In Copyright"),
            ("Unknown artist", 1950, -1, ""),
        )
    )
    assert facts["rows"] == 4 and facts["labelled"] == {"style": 3, "genre": 0, "artist": 0}
    assert facts["classes"]["style"] == {"Flat": 2, "Round": 1}
    assert (facts["undated"], facts["unattributed"], facts["open"]) == (0.25, 0.25, 0.5)
    assert facts["years"] == {"first": 1900, "median": 1910, "last": 1950}
    assert facts["rights"] == {"CC0": 2, "In Copyright": 1, "not stated": 1}
    assert facts["classes_of_few"]["style"] == ["Flat", "Round"]


def test_nothing_is_something_too():
    facts = describe(works())
    assert facts["rows"] == 0 and facts["years"] is None and facts["artists"]["number"] == 0


def test_concentration_by_hand():
    assert concentration(Counter(a=5, b=5)) == {"number": 2, "top_share": 1.0, "effective": pytest.approx(2.0)}
    assert concentration(Counter({str(i): 1 for i in range(40)}))["top_share"] == 0.25
    assert concentration(Counter(a=97, b=1, c=1, d=1))["effective"] < 1.3


@pytest.mark.parametrize("name", ["", None, "Unknown", "Anonymous", "Unidentified painter", "anonym", "n/a"])
def test_nobody(name):
    assert is_unattributed(name)


@pytest.mark.parametrize("name", ["Claude Monet", "Master of the Unknown", "Circle of Rembrandt"])
def test_somebody(name):
    assert not is_unattributed(name)
