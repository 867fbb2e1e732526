"""Dates as museums and Wikidata print them, by hand."""

import pytest
from datasets import Dataset

from artextract_hf.data.prepared import read_prepared
from artextract_hf.data.schema import SkipList, new_record, painting_features
from artextract_hf.data.words.dates import checked_years, first_year, last_year, printed_years
from tests.conftest import plain_picture


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
        ("Song dynasty (960–1279)", 960, 1279),
        ("c. 1580–c. 1600", 1580, 1600),
        ("c. 1885–c. 90", 1885, 1890),
        ("1875 to 80", 1875, 1880),
        ("1855, reworked 1857–59", 1855, 1859),
        ("1869 or 1872", 1869, 1872),
        ("1885.0", 1885, 1885),
        ("1650±5", 1645, 1655),
        ("c. 1650 (± 10)", 1640, 1660),
        ("1650 +/- 5", 1645, 1655),
        ("1650 +/− 5 years", 1645, 1655),
        ("500 ± 20 BC", -520, -480),
        # a range into the next century; what may be a month too, and a month alone
        ("1899-00", 1899, 1900),
        ("1899–00", 1899, 1900),
        ("1898/02", 1898, 1902),
        ("1899-01", 1899, 1901),
        ("1890s–00s", 1890, 1909),
        ("1803-11", 1803, 1811),
        ("1888-12", 1888, 1888),
        ("1999-12", 1999, 1999),
        ("1850-00", 1850, 1850),
        # of a copy, a frame, a repair
        ("1875, printed 1920", 1875, 1875),
        ("model 1880, cast 1919/1921", 1880, 1880),
        ("c. 1650 (frame 1850)", 1650, 1650),
        ("printed 1920", 1920, 1920),
        # decades and centuries
        ("1880s", 1880, 1889),
        ("Late 1630s", 1630, 1639),
        ("1880's", 1880, 1889),
        ("1880’s", 1880, 1889),
        ("1870s–80s", 1870, 1889),
        ("1870s-1890s", 1870, 1899),
        ("1890s-1900s", 1890, 1909),
        ("1885–90s", 1885, 1899),
        ("um 1880er Jahre", 1880, 1889),
        ("années 1880", 1880, 1889),
        ("años 1880", 1880, 1889),
        ("anni 1880", 1880, 1889),
        ("década de 1880", 1880, 1889),
        ("jaren 1880", 1880, 1889),
        ("1880-е", 1880, 1889),
        ("1880-90-е", 1880, 1899),
        ("1880-talet", 1880, 1889),
        ("1880年代", 1880, 1889),
        ("1880er", 1880, 1889),
        ("1600s", 1600, 1699),
        ("17th century", 1600, 1699),
        # a century in words: years behind it count where they lie in it
        ("17th century (c. 1650)", 1650, 1650),
        ("late 16th - early 17th century (c. 1590-1610)", 1590, 1610),
        ("XVIIe siècle (vers 1650)", 1650, 1650),
        ("17th century; frame 1850", 1600, 1699),
        ("17th century, restored 1900", 1600, 1699),
        ("15th c. with additions of 1850", 1400, 1499),
        ("17. Jahrhundert, Rahmen 1850", 1600, 1699),
        ("siglo XVII, restaurado 1900", 1600, 1699),
        ("1650, in a 19th-century frame", 1650, 1650),
        ("A.H. 10th century/A.D. 16th century", 1500, 1599),
        ("A.D. 1st-2nd century", 1, 199),
        ("AD 1st century", 1, 99),
        ("c. A.D. 50 - 3rd century", 50, None),
        ("3rd century BC (c. 250 BC)", -250, -250),
        # centuries and their parts in words, in six languages
        ("late 16th - early 17th century", 1550, 1649),
        ("16th-17th century", 1500, 1699),
        ("first half of the 19th century", 1800, 1849),
        ("third quarter of the 15th century", 1450, 1474),
        ("last quarter 18th c.", 1775, 1799),
        ("mid-19th century", 1825, 1874),
        ("late 19th-century", 1850, 1899),
        ("2. Hälfte 17. Jh.", 1650, 1699),
        ("2. H. 17. Jh.", 1650, 1699),
        ("17. Jh., 2. Hälfte", 1650, 1699),
        ("1. Viertel des 19. Jahrhunderts", 1800, 1824),
        ("Anfang 16. Jahrhundert", 1500, 1549),
        ("Mitte des 17. Jahrhunderts", 1625, 1674),
        ("16./17. Jh.", 1500, 1699),
        ("Ende 15. / Anfang 16. Jh.", 1450, 1549),
        ("XVIIe siècle", 1600, 1699),
        ("2e moitié du XVIIIe siècle", 1750, 1799),
        ("fin du XIXe siècle", 1850, 1899),
        ("premier quart du 17e siècle", 1600, 1624),
        ("sec. XVII", 1600, 1699),
        ("XVII secolo", 1600, 1699),
        ("prima metà del XVI secolo", 1500, 1549),
        ("metà del XVI secolo", 1525, 1574),
        ("inizio del secolo XVIII", 1700, 1749),
        ("siglo XVII", 1600, 1699),
        ("segunda mitad del siglo XIX", 1850, 1899),
        ("finales del s. XVIII", 1750, 1799),
        ("siglos XVI-XVII", 1500, 1699),
        ("eerste helft 17e eeuw", 1600, 1649),
        ("3rd-2nd century BC", -300, -101),
        ("2. Jh. v. Chr.", -200, -101),
        ("1st century BC - 1st century AD", -100, 99),
        ("early 3rd century BC", -300, -251),
        ("before the 17th century", None, 1600),
        ("until the 17th century", None, 1699),
        ("bis 17. Jh.", None, 1699),
        ("not later than 17th century", None, 1699),
        ("seit 17. Jh.", 1600, None),
        ("not before the 17th century", 1600, None),
        ("from the 17th century", 1600, None),
        ("after the 18th century", 1799, None),
        ("18th century or later", 1700, None),
        ("10th century AH", None, None),
        ("Charles I, 17th century", 1600, 1699),
        ("99th century", None, None),
        # what is half said
        ("between 1870 and 75", 1870, 1875),
        ("zwischen 1870 und 1880", 1870, 1880),
        ("1620/30-40", 1620, 1640),
        ("from 1850", 1850, None),
        ("from 1850 to 1860", 1850, 1860),
        ("from 1850 to 75", 1850, 1875),
        ("to 1860", None, 1860),
        ("between 1898 and 02", 1898, 1902),
        ("1850 until 55", 1850, 1855),
        ("frühestens 1850", 1850, None),
        ("terminus post quem 1850", 1850, None),
        ("up to 1860", None, 1860),
        ("hasta 1860", None, 1860),
        ("fino al 1860", None, 1860),
        ("jusqu'à 1860", None, 1860),
        ("spätestens 1860", None, 1860),
        ("op zijn laatst 1860", None, 1860),
        ("before or in 1850", None, 1850),
        ("before 1870 and after 1850", 1850, 1870),
        ("1620-30/40", 1620, 1640),
        ("185?", 1850, 1859),
        ("18--", 1800, 1899),
        ("18xx", 1800, 1899),
        ("1850 (acquired 1999)", 1850, 1850),
        ("born 1800", None, None),
        ("1850.5", None, None),
        ("2200", None, None),
        ("an 1250 de l'Hégire", None, None),
        ("1215 Fasli", None, None),
        ("San 1272", None, None),
        ("Era of the Martyrs 1560", None, None),
        ("1560 EE", None, None),
        ("2000 B.P.", None, None),
        # open ends
        ("before 1875", None, 1875),
        ("before c. 1875", None, 1875),
        ("vor 1875", None, 1875),
        ("antes de 1650 a.C.", None, -1650),
        ("<1650", None, 1650),
        ("–1875", None, 1875),
        ("1875 or earlier", None, 1875),
        ("not after 1875", None, 1875),
        ("after 1875", 1875, None),
        ("post-1945", 1945, None),
        ("1875 or later", 1875, None),
        ("1875–", 1875, None),
        ("1875-?", 1875, None),
        ("1875 – ?", 1875, None),
        ("1875+", 1875, None),
        ("?-1875", None, 1875),
        ("1875-80?", 1875, 1880),
        ("1875?", 1875, 1875),
        ("not before 1875", 1875, None),
        ("1650 to present", 1650, None),
        ("1650–present", 1650, None),
        ("1650 until today", 1650, None),
        ("c. 1650 to the present day", 1650, None),
        ("1650-ongoing", 1650, None),
        ("1650 bis heute", 1650, None),
        ("de 1650 à nos jours", 1650, None),
        ("1650 to Dated 1660", 1650, 1660),
        ("after 1875, before 1880", 1875, 1880),
        ("1875 bis 1880", 1875, 1880),
        ("before 1650 or after 1700", None, None),
        ("after Rembrandt, 1875", 1875, 1875),
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
        ("27 November 1803 – 12 May 1804", 1803, 1804),
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
        ("50 BC-50", -50, 50),
        ("500 BC-450 BC", -500, -450),
        ("AD 79", 79, 79),
        ("79 n. Chr.", 79, 79),
        ("3rd century BC", -300, -201),
        ("3rd century B.C., restored 1880", -300, -201),
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
        ("AH 1125-1130", None, None),
        ("1125-1130 AH", None, None),
        ("1125 H", None, None),
        ("1307 H / 1890 M", 1890, 1890),
        ("A.H. 1307/1890", 1890, 1890),
        ("1125 هـ", None, None),
        ("هجري 1125", None, None),
        ("1125 Hijri", None, None),
        ("1290 SH", None, None),
        ("Saka 1234", None, None),
        ("h. 1500", 1500, 1500),  # "hacia", about
        # ranges that end before they begin, as they are written; "or" names no range
        ("1890-1875", 1890, 1875),
        ("c. 1890 to c. 1875", 1890, 1875),
        ("1890s–1870s", 1890, 1879),
        ("1875-60", 1875, 1860),
        ("AD 90-75", 90, 75),
        ("-450 to -500", -450, -500),
        ("1855, reworked 1890–May 1875", 1890, 1875),
        ("1890 or 1875", 1890, 1890),
        ("1890 (design 1875)", 1890, 1890),
        # no dates
        ("99999999999999999999", None, None),
        ("12345", None, None),
        ("Date unknown", None, None),
        ("[189-?]", 1890, 1899),
        ("", None, None),
    ],
)
def test_the_window_of_a_date(date, first, last):
    assert (first_year(date), last_year(date)) == (first, last)


def test_a_long_text_of_digits_and_dashes_takes_no_time():
    for text in (
        "1" * 100_000,
        "1885-" * 20_000,
        "- " * 50_000,
        "A.H. 1/" * 20_000,
        " " * 100_000 + "BC",
        "1±" * 90_000,
        "early 1st-" * 10_000,
        "2. Hälfte " * 10_000,
        "XVII-" * 10_000,
    ):
        first_year(text)


def test_what_is_not_understood_or_ends_too_early_is_told_with_its_number():
    dates = [("1890", ""), ("9" * 20, "1890"), ("1890", "9" * 20), ("Louis XV", "Louis XV")]
    dates += [("1890-1875", ""), ("c. 1890", "before 1875"), ("n.d.", ""), ("Unknown", "[undated]"), ("–", "s. d.")]
    skipped = SkipList()
    works = ((str(place), *printed_years(*date)) for place, date in enumerate(dates))
    assert checked_years(works, skipped) == [
        (1890, 1890), (None, 1890), (1890, None), (None, None), *[(None, None)] * 5
    ]  # fmt: skip
    assert [tuple(item.values()) for item in skipped.as_json()] == [
        ("1", f"its date {'9' * 20!r} is not understood, and is unknown; such works: 3"),
        ("4", "its last year, 1875, lies before the first, 1890, and it gets neither; such works: 2"),
    ]


def test_years_of_saved_data_that_end_before_they_begin_are_told_and_unknown(tmp_path):
    years = [(1890, 1875), (1875, None), (None, 1800)]
    records = [
        new_record(id=f"m/{i}", image=plain_picture((90, 40 * i, 20), seed=i), year=first, year_end=last)
        for i, (first, last) in enumerate(years)
    ]
    saved = Dataset.from_list(records, features=painting_features())
    saved.save_to_disk(tmp_path / "one")
    skipped = SkipList()
    found = read_prepared(tmp_path / "one", skipped)
    assert list(zip(found["year"], found["year_end"], strict=True)) == [(None, None), *years[1:]]
    assert set(found.column_names) == set(saved.column_names)
    (told,) = skipped.items
    assert told.path == "m/0" and "last year, 1875, lies before the first, 1890" in told.reason
