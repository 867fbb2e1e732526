"""Dates as museums and Wikidata print them, by hand."""

import pytest

from artextract_hf.data.dates import first_year, last_year


@pytest.mark.parametrize(
    ("date", "first", "last"),
    [
        # as museums print years of our era
        ("1906", 1906, 1906),
        ("c. 1615", 1615, 1615),
        ("1885–86", 1885, 1886),
        ("1470/75", 1470, 1475),
        ("1885−90", 1885, 1890),  # with the sign for minus
        ("1885-6", 1885, 1886),
        ("1375–1400", 1375, 1400),
        ("c. 1580–c. 1600", 1580, 1600),
        ("1855, reworked 1857–59", 1855, 1859),
        ("1869 or 1872", 1869, 1872),
        ("1885.0", 1885, 1885),
        # decades and centuries
        ("1880s", 1880, 1889),
        ("Late 1630s", 1630, 1639),
        ("1880's", 1880, 1889),
        ("1870s–80s", 1870, 1889),
        ("1870s-1890s", 1870, 1899),
        ("um 1880er Jahre", 1880, 1889),
        ("années 1880", 1880, 1889),
        ("1600s", 1600, 1699),
        ("17th century", None, None),
        # days and months are no years
        ("1800-01-01T00:00:00Z", 1800, 1800),
        ("+1800-01-01T00:00:00Z", 1800, 1800),
        ("1803-11-27", 1803, 1803),
        ("1803-11-27 00:00:00", 1803, 1803),
        ("1803/11/27", 1803, 1803),
        ("1803:11:27 10:30:00", 1803, 1803),
        ("27.11.1803", 1803, 1803),
        ("11/27/1803", 1803, 1803),
        ("November 27, 1803 – May 1804", 1803, 1804),
        ("1803-11-27/1804-01-05", 1803, 1804),
        ("1800-00-00", 1800, 1800),
        ("0000-00-00", None, None),
        # before our era
        ("2160 - 2040 BC", -2160, -2040),
        ("500–450 B.C.E.", -500, -450),
        ("c. 500–c. 450 BCE", -500, -450),
        ("450-500 b.c.", -500, -450),
        ("1550 v. Chr.", -1550, -1550),
        ("um 1550 v.Chr.", -1550, -1550),
        ("1550 v. u. Z.", -1550, -1550),
        ("vers 1550 av. J.-C.", -1550, -1550),
        ("1550 avant J.-C.", -1550, -1550),
        ("1550 a.C.", -1550, -1550),
        ("100 BC–AD 100", -100, 100),
        ("27 BC - 14 AD", -27, 14),
        ("AD 79", 79, 79),
        ("79 n. Chr.", 79, 79),
        ("3rd century BC", None, None),
        ("3rd century B.C., restored 1880", None, None),
        ("30,000 BC", None, None),
        ("-1550", -1550, -1550),
        ("-550", -550, -550),
        ("c. -1550", -1550, -1550),
        ("−1550", -1550, -1550),
        ("-1550/-1500", -1550, -1500),
        ("-50 to 14", -50, 14),
        ("-1550-00-00T00:00:00Z", -1550, -1550),
        # other calendars
        ("dated A.H. 1125/A.D. 1713", 1713, 1713),
        ("AH 1125–26/1713–14", 1713, 1714),
        ("1125 AH / 1713 CE", 1713, 1713),
        ("AH 1125", None, None),
        # no dates
        ("12345", None, None),
        ("Date unknown", None, None),
        ("[189-?]", None, None),
        ("", None, None),
    ],
)
def test_the_window_of_a_date(date, first, last):
    assert (first_year(date), last_year(date)) == (first, last)


def test_a_long_text_of_digits_and_dashes_takes_no_time():
    for text in ("1" * 100_000, "1885-" * 20_000, "- " * 50_000, "A.H. 1/" * 20_000, " " * 100_000 + "BC"):
        first_year(text)
