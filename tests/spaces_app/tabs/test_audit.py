"""A queue of works that deserve a second look, decided about by keys, and saved as what `prepare` applies."""

import csv
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from datasets import Dataset

from artextract_hf import PaintingIndex
from artextract_hf.curation import Finding
from artextract_hf.data import Draw, SkipList, class_names, new_record, painting_features, read_collection_splits
from spaces_app.tabs import audit
from spaces_app.tabs.audit import Audits, Desk, Queue, Review
from tests.conftest import plain_picture
from tests.retrieval.conftest import ColorEmbedder
from tests.spaces_app.conftest import HOSTILE, WAIT_MS, page_of

pytestmark = pytest.mark.filterwarnings("default")  # gradio's, starlette's and playwright's own
RED, BLUE, GREEN = (220, 30, 40), (30, 40, 220), (20, 240, 20)
EACH = 30  # works of a colour
MISLABELLED, OUTLIER = f"museum/{EACH}.png", f"museum/{2 * EACH}.png"
COLORS = {n: tuple(c + (n * 7) % 12 for c in (RED if n < EACH else BLUE)) for n in range(2 * EACH)} | {2 * EACH: GREEN}


@pytest.fixture(scope="module")
def index() -> PaintingIndex:
    """Red works, blue ones, of which one is labelled as the red ones are, and a green one with a hostile title."""
    records = [
        new_record(
            id=f"museum/{number}.png",
            image=plain_picture(color, seed=number),
            style=(0 if number <= EACH else 1) if number < 2 * EACH else None,
            title=f"Work {number}" if number < 2 * EACH else HOSTILE,
        )
        for number, color in COLORS.items()
    ]
    return PaintingIndex.build(Dataset.from_list(records, features=painting_features()), ColorEmbedder())


@pytest.fixture(scope="module")
def audited(index, tiny_classifier, tmp_path_factory) -> Iterator[str]:
    with page_of(index, tiny_classifier, tmp_path_factory.mktemp("cache")) as url:
        yield url


def last(steps):
    *_, shown = steps
    return shown


def test_each_decision_moves_on_and_back_goes_back():
    review = Review().opened("dates", 3)
    review = review.decided("accept").decided("").decided("reject")
    assert review.place == 3 and review.decisions["dates"] == ["accept", "", "reject"]
    assert review.summary() == "All 3 looked at. 1 accepted, 1 rejected." and review.decided("accept") == review
    again = review.decided("back").decided("back")
    assert again.summary() == "2 of 3. 1 accepted, 1 rejected."
    other = review.opened("style", 1).decided("accept")
    assert other.opened("dates", 3).place == 1 and other.opened("dates", 3).decisions == other.decisions


def test_planted_works_stand_first_and_are_found_once(index, monkeypatch):
    audits = Audits(index)
    assert not audits.is_known("outliers") and audits.queue("outliers").findings[0].id == OUTLIER
    (doubted,) = audits.queue("style").findings
    assert doubted.id == MISLABELLED and audits.is_known("style")
    asked = []
    audits.kinds["slow"] = ("", lambda: asked.append(1) or [Finding(OUTLIER, "x", 1.0, "x")] * (audit.MOST + 1))
    threads = [threading.Thread(target=audits.queue, args=("slow",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue = audits.queue("slow")
    assert asked == [1] and len(queue.findings) == audit.MOST and queue.total == audit.MOST + 1
    assert set(queue.works) == {OUTLIER}


def test_what_cannot_be_found_is_one_sentence(index):
    for kind, said in [
        ("dates", "0 works have a date, 0 different ones; 50 works and two dates are needed."),
        ("genre", "0 classes of genre have 5 works or more; two at least are needed to doubt a label."),
    ]:
        review, told, card = last(Desk(Audits(index)).look(kind, Review()))
        assert (told, card, review.kind) == (said, "", "")
    for kind in ("paintings", None, ["dates"]):
        with pytest.raises(gr.Error, match="Choose what to look for"):
            next(Desk(Audits(index)).look(kind, Review()))
    with pytest.raises(gr.Error, match="Look for something first"):
        Desk(Audits(index)).save(Review())


def test_copies_are_found_with_the_work_that_they_copy():
    from artextract_hf.curation import find_copies
    from artextract_hf.data import synthetic_paintings

    pictures = list(synthetic_paintings(6, seed=3)["image"])
    records = [new_record(id=f"w{n}", image=picture) for n, picture in enumerate([*pictures, pictures[4]])]
    index = PaintingIndex.build(Dataset.from_list(records, features=painting_features()), ColorEmbedder())
    (found,) = find_copies(index)
    assert (found.id, found.beside, found.score) == ("w4", ("w6",), 1.0) and "w6 shows the same" in found.reason


def test_texts_of_records_are_no_code(index):
    desk = Desk(Audits(index))
    desk.audits._queues["outliers"] = Queue(
        [Finding(OUTLIER, "x", 1.0, HOSTILE)], desk.audits.queue("outliers").works, 1
    )
    _, _, card = last(desk.look("outliers", Review()))
    assert "<script" not in card and "onerror='" not in card and "&lt;script" in card


def test_keys_decide_and_prepare_applies_what_is_saved(browser, audited, index, tmp_path):
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{audited}/?tab=audit")
    told, reason = page.locator("#audit-told"), page.locator("#audit-card .reason")
    page.get_by_role("button", name="Look").click()
    told.get_by_text("1 of 50.").wait_for()
    assert OUTLIER in page.locator("#audit-card .finding > :first-child").inner_text()
    assert page.locator("#audit-card .finding > :last-child .card").count() == 3 and page.evaluate("!window.hurt")
    page.wait_for_function("document.activeElement.id === 'audit-accept'")
    for key, said in [("r", "2 of 50. 0 accepted, 1 rejected."), ("u", "3 of 50. 0 accepted, 1 rejected."),
                      ("b", "2 of 50. 0 accepted, 1 rejected.")]:  # fmt: skip
        page.keyboard.press(key)
        told.get_by_text(said).wait_for()
    page.get_by_label("Doubtful styles").check()
    page.get_by_role("button", name="Look").click()
    told.get_by_text("1 of 1.").wait_for()
    assert "by what the other works say" in reason.inner_text()
    page.wait_for_function("document.activeElement.id === 'audit-accept'")
    page.keyboard.press("a")
    told.get_by_text("All 1 looked at. 1 accepted, 0 rejected.").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save decisions as CSV").click()
    patch = tmp_path / "findings.csv"
    download.value.save_as(patch)
    page.close()
    assert [row["decision"] for row in csv.DictReader(io.StringIO(patch.read_text("utf-8"), newline=""))] == ["accept"]
    (doubted,) = Audits(index).queue("style").findings
    assert doubted.label and doubted.suggested
    changed = styles(tmp_path, doubted.label, doubted.suggested, patch)
    assert changed == dict.fromkeys([MISLABELLED, f"museum/{EACH + 1}.png"], doubted.suggested)


def styles(folder: Path, label: str, suggested: str, patch: Path) -> dict[str, str]:
    """The styles of two works of the collection as `artextract prepare` reads them with the decisions."""
    museum = folder / "museum"
    museum.mkdir()
    for number in (EACH, EACH + 1):
        plain_picture(COLORS[number], seed=number).save(museum / f"{number}.png")
    with (museum / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file_name", "style"], [f"{EACH}.png", label], [f"{EACH + 1}.png", suggested]])
    splits, facts = read_collection_splits(museum, SkipList(), Draw(), decisions=patch)
    records = splits["all"]
    assert facts["relabelled"] == 1
    return {
        id_: class_names(records, "style")[style] for id_, style in zip(records["id"], records["style"], strict=True)
    }
