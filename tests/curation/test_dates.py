"""Dates that can be read off vectors, dates that were exchanged, and works without any."""

import csv

import numpy as np
import pytest
from datasets import Dataset

from artextract_hf.curation.dates import LEAST, estimate_dates, find_misdated
from artextract_hf.data.schema import new_record, painting_features
from artextract_hf.errors import PaintingIndexError
from artextract_hf.retrieval.index import PaintingIndex
from artextract_hf.retrieval.vectors.scan import units
from tests.conftest import plain_picture
from tests.curation.test_outliers import index_of
from tests.retrieval.conftest import ColorEmbedder


def dated_works(count: int, *, seed: int = 0, spread: float = 10.0) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows whose direction tells the year (1500 to 1900), and the years, `spread` off what they tell."""
    rng = np.random.default_rng(seed)
    told = rng.uniform(1500, 1900, count)
    angle = (told - 1500) / 400
    rows = np.column_stack([np.cos(angle), np.sin(angle), 0.02 * rng.normal(size=(count, 6))])
    return units(rows).astype(np.float32), np.round(told + rng.normal(0, spread, count))


def test_intervals_hold_nine_dates_in_ten_and_errors_are_those_of_the_drawing():
    shares, errors = [], []
    for seed in range(5):
        vectors, years = dated_works(400, seed=seed)
        found = estimate_dates(vectors, years, years)
        shares.append(((years >= found.low) & (years <= found.high)).mean())
        errors.append(np.abs(found.year - years).mean())
    assert np.mean(shares) == pytest.approx(0.9, abs=0.015)
    assert np.mean(errors) == pytest.approx(10 * np.sqrt(2 / np.pi), rel=0.2)  # the mean of a normal error of 10 years


def test_new_works_are_held_as_often_as_old_ones():
    vectors, years = dated_works(800, seed=1)
    known = np.where(np.arange(800) < 400, years, np.nan)
    found = estimate_dates(vectors, known, known)
    new = np.arange(800) >= 400
    assert ((years >= found.low) & (years <= found.high))[new].mean() == pytest.approx(0.9, abs=0.04)


def test_exchanged_dates_come_first_each_on_its_side():
    vectors, years = dated_works(300)
    wrong = {7: 1890, 120: 1505}
    real = {row: years[row] for row in wrong}
    for row, year in wrong.items():
        years[row] = year
    assert real[7] < 1800 and real[120] > 1600  # as drawn
    findings, _ = find_misdated(index_of(vectors, year=years.tolist()))
    first = {f.criterion: f for f in reversed(findings)}
    assert (first["looks earlier"].id, first["looks later"].id) == ("w7", "w120")
    assert first["looks earlier"].reason.startswith("dated 1890; looks like 1")
    assert 0.05 < len(findings) / 300 < 0.15 and min(f.score for f in findings) > 1
    assert len(first["looks later"].beside) == 3 and "w120" not in first["looks later"].beside


def test_a_range_is_right_anywhere_inside_it():
    vectors, years = dated_works(300, spread=20)
    exact, wide = (estimate_dates(vectors, years - half, years + half) for half in (0, 40))
    assert np.abs(wide.year - exact.year).max() < 1  # the middles are the same
    assert np.median(wide.high - wide.low) < 0.5 * np.median(exact.high - exact.low)
    index = index_of(vectors, year=(years - 40).tolist(), year_end=(years + 40).tolist())
    findings, _ = find_misdated(index)
    assert findings and all(" until " in f.reason.partition(";")[0] for f in findings)


def test_an_open_date_is_right_on_its_open_side():
    """ "Before 1875" of a work that looks like 1650 is no contradiction, "after 1875" is one."""
    vectors, years = dated_works(300)
    open_ = {int(np.abs(years - 1650).argmin()): (None, 1875), int(np.abs(years - 1655).argmin()): (1875, None)}
    first, last = years.tolist(), years.tolist()
    for row, (begin, end) in open_.items():
        first[row], last[row] = begin, end
    findings, estimates = find_misdated(index_of(vectors, year=first, year_end=last))
    before, after = open_
    found = {f.id: f for f in findings}
    assert f"w{before}" not in found and found[f"w{after}"].criterion == "looks earlier"
    assert found[f"w{after}"].reason.startswith("dated from 1875; looks like 16")
    assert abs(estimates.year[before] - 1650) < 20


def test_works_of_a_group_are_judged_by_other_groups():
    """A date that only the other works of the group tell is known without groups, and unknown with them."""
    rng = np.random.default_rng(3)
    group = np.arange(200) % 20
    rows = rng.normal(size=(20, 64))[group] + 0.1 * rng.normal(size=(200, 64))
    years = rng.uniform(1500, 1900, 20)[group]
    vectors = units(rows).astype(np.float32)
    known, new = (
        np.abs(estimate_dates(vectors, years, years, groups).year - years).mean()
        for groups in (None, [f"g{number}" for number in group])
    )
    assert known < 20 and new > 60


@pytest.mark.parametrize("years", [[None] * 80, [1800] * (LEAST - 1) + [None] * 31, [1800] * 80])
def test_too_few_dates_are_one_sentence(years):
    index = index_of(dated_works(80)[0], year=years)
    with pytest.raises(PaintingIndexError, match=f"have a date, [01] different ones; {LEAST} works and two dates"):
        find_misdated(index)


def test_a_collection_without_dates_is_refused_before_it_is_embedded(run_cli, tmp_path):
    for n in range(3):
        plain_picture((60 * n, 100, 200), seed=n).save(tmp_path / f"{n}.png")
    arguments = ("audit", "dates", tmp_path, "--out", tmp_path / "out", "--embedder", "nowhere/none")
    code, _, errors = run_cli(*arguments)
    assert code == 2 and errors.strip().endswith(
        "0 works have a date, 0 different ones; 50 works and two dates are needed."
    )


def test_the_command_writes_a_page_and_the_dates_of_all_works(run_cli, tmp_path):
    """The redder, the later; one is dated wrong and one not at all."""
    records = [
        new_record(id=f"w{n}", image=plain_picture((3 * n, 100, 200), seed=n), year=1500 + 4 * n, title="=1+1")
        for n in range(80)
    ]
    records[20]["year"], records[30]["year"] = 1810, None
    index = PaintingIndex.build(Dataset.from_list(records, features=painting_features()), ColorEmbedder())
    index.save_pretrained(tmp_path / "index")
    code, printed, errors = run_cli("audit", "dates", tmp_path / "index", "--out", tmp_path / "out")
    assert code == 0 and "80 works; " in printed and " by looks earlier" in printed, errors
    lines = (tmp_path / "out/dates.csv").read_text(encoding="utf-8").splitlines()
    rows = {row["id"]: row for row in csv.DictReader(lines)}
    assert len(rows) == 80 and rows["w20"]["outside"] == "yes" and rows["w20"]["title"] == "'=1+1"
    assert rows["w30"]["year"] == "" and rows["w30"]["outside"] == ""
    assert int(rows["w30"]["low"]) < 1620 < int(rows["w30"]["high"]) and abs(int(rows["w30"]["estimate"]) - 1620) < 25
    assert "w20" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/dates.csv").write_text("mine")
    code, _, errors = run_cli("audit", "dates", tmp_path / "index", "--out", tmp_path / "mine")
    assert code == 2 and "is of no earlier run" in errors and (tmp_path / "mine/dates.csv").read_text() == "mine"
