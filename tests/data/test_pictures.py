"""Pictures are decoded ahead, in order and in bounded number, and those that fail are listed."""

import io
import threading
import time
from pathlib import Path

import pytest
from datasets import Dataset

from artextract_hf.data.pictures import (
    check_picture,
    decoded,
    encoded_bytes,
    encoded_pictures,
    in_batches,
    picture_source,
    usable,
)
from artextract_hf.data.schema import SkipList, make_dataset, new_record, painting_features
from artextract_hf.errors import ImageError
from tests.conftest import plain_picture


def png(seed: int) -> bytes:
    data = io.BytesIO()
    plain_picture((30, 80, 120), seed=seed).save(data, "PNG")
    return data.getvalue()


def records(*cells: dict | None) -> Dataset:
    return make_dataset(
        [new_record(id=f"test/{row}", image=cell, title=f"No. {row}") for row, cell in enumerate(cells)],
        painting_features(),
    )


def cell(data: bytes | None = None, path: Path | str | None = None) -> dict:
    return {"bytes": data, "path": None if path is None else str(path)}


@pytest.fixture
def mixed(tmp_path) -> Dataset:
    """Bytes, a file, and four ways not to be a picture."""
    (tmp_path / "a.png").write_bytes(png(1))
    whole = png(2)
    bad = [cell(whole[:60]), None, cell(path=tmp_path / "gone.png"), cell()]
    return records(cell(png(0)), cell(path=tmp_path / "a.png"), *bad, cell(whole))


def test_results_come_with_their_rows_and_what_fails_is_listed(mixed):
    skipped = SkipList()
    found = list(decoded(mixed, lambda picture, record: (picture.size, record["title"]), skipped, min_side=32))
    assert found == [(row, ((48, 40), f"No. {row}")) for row in (0, 1, 6)]
    assert [item.path for item in skipped.items] == [f"test/{row}" for row in (2, 3, 4, 5)]
    reasons = [item.reason for item in skipped.items]
    assert "cut short" in reasons[0] and "does not exist" in reasons[2]
    assert reasons[1] == reasons[3] == "the record holds no picture."


def test_order_is_kept_though_pictures_take_unlike_time():
    data = records(*(cell(png(seed)) for seed in range(20)))
    pixels = [data[row]["image"].tobytes() for row in range(20)]

    def work(picture, record):
        time.sleep(0.004 * (int(record["id"].removeprefix("test/")) % 3))
        return picture.tobytes()

    assert list(decoded(data, work, SkipList(), min_side=32)) == list(enumerate(pixels))


def test_a_bounded_number_of_pictures_is_decoded_ahead():
    data, done = records(*(cell(png(seed)) for seed in range(30))), []
    results = decoded(data, lambda picture, record: done.append(record["id"]), SkipList(), min_side=32, ahead=4)
    for taken in range(1, 31):
        next(results)
        time.sleep(0.002)
        assert taken <= len(done) <= taken + 3
    assert next(results, None) is None


def test_an_error_that_is_no_image_error_reaches_the_caller():
    def work(picture, record):
        raise RuntimeError("not about the picture")

    with pytest.raises(RuntimeError, match="not about the picture"):
        list(decoded(records(cell(png(0))), work, SkipList(), min_side=32))


def test_a_caller_that_stops_early_leaves_no_thread():
    before = threading.active_count()
    results = decoded(records(*(cell(png(0)) for _ in range(50))), lambda *_: None, SkipList(), min_side=32)
    next(results)
    results.close()
    assert threading.active_count() <= before


def test_batches_are_of_rows_so_that_a_bad_picture_moves_no_other():
    rows = [(0, "a"), (1, "b"), (4, "e"), (9, "j"), (10, "k"), (11, "l")]
    assert list(in_batches(iter(rows), 3)) == [([0, 1], ["a", "b"]), ([4], ["e"]), ([9, 10, 11], ["j", "k", "l"])]
    assert list(in_batches([], 3)) == []


def test_usable_items_go_on_under_what_was_seen_in_them():
    def look(item: int) -> str:
        if item % 2:
            raise ImageError(f"{item} is odd")
        return str(item)

    skipped = SkipList()
    assert list(usable(range(5), look, lambda item: f"no. {item}", skipped)) == [(0, "0"), (2, "2"), (4, "4")]
    assert skipped.as_json() == [{"path": f"no. {i}", "reason": f"{i} is odd"} for i in (1, 3)]


def test_a_cell_gives_its_bytes_or_its_path(mixed):
    cells = encoded_pictures(mixed)["image"]
    assert picture_source(cells[0]) == encoded_bytes(cells[0]) == png(0)
    assert Path(picture_source(cells[1])).name == "a.png" and encoded_bytes(cells[1]) == png(1)
    assert [encoded_bytes(cells[row]) for row in (3, 4, 5)] == [b"", b"", b""]


def test_a_file_too_large_to_be_decoded_is_not_read(tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(20_000_000_000)  # none of them on the disk
    assert encoded_bytes({"bytes": None, "path": str(tmp_path / "huge.png")}) == b""


def test_a_cell_without_a_picture_is_an_error(mixed):
    cells = encoded_pictures(mixed)["image"]
    for row in (3, 5):
        with pytest.raises(ImageError, match="holds no picture"):
            picture_source(cells[row])


@pytest.mark.parametrize(
    ("source", "reason"),
    [("gone.png", "no such file"), (".", "no such file"), ("x" * 300, "too long"), (b"text", "not a picture")],
)
def test_why_a_picture_cannot_be_used(source, reason):
    with pytest.raises(ImageError, match=reason):
        check_picture(source)
    check_picture(png(0))
