"""Many pictures at once: a table that grows, and is kept as CSV and JSON."""

import csv
import io
import json
import time
from pathlib import Path

import gradio as gr
import pytest

from artextract_hf import load_classifier
from artextract_hf.data import decode_image, synthetic_paintings
from artextract_hf.models import ArtAttributesPipeline, answer_rows, answer_table
from spaces_app.tabs import batch
from spaces_app.tabs.batch import MAX_FILES, NO_FILES, REFUSED, STEP, Batch, File, batch_tab, chosen_files, shown_batch
from spaces_app.upload import NO_UPLOAD
from tests.spaces_app.conftest import HOSTILE, WAIT_MS

pytestmark = pytest.mark.filterwarnings("default")  # gradio's, starlette's and playwright's own
STYLES = [{"label": "Art_Nouveau", "score": 0.81}, {"label": "Baroque", "score": 0.19}]
FORMULA = "=cmd|calc & notes.txt"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Three pictures, a broken one, and a text."""
    folder = tmp_path_factory.mktemp("batch")
    paths = [folder / f"{place}.png" for place in range(3)]
    for path, picture in zip(paths, synthetic_paintings(3, seed=4)["image"], strict=True):
        picture.save(path)
    (folder / "broken.png").write_bytes(paths[0].read_bytes()[:300])
    (folder / FORMULA).write_text("no picture")
    return [paths[0], folder / "broken.png", paths[1], folder / FORMULA, paths[2]]


@pytest.fixture
def page(browser, served):
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(WAIT_MS)
    page.goto(f"{served}/?tab=batch")
    yield page
    page.close()


def wait_for(page, state: str) -> None:
    page.wait_for_function("state => document.querySelector('#batch').dataset.state === state", arg=state)


def saved(page, words: str) -> str:
    with page.expect_download() as download:
        page.get_by_role("link", name=words).click()
    return Path(download.value.path()).read_text("utf-8")


def test_a_table_for_spreadsheets_computes_nothing():
    rows = answer_rows([FORMULA, "b.png"], {1: {"tasks": {"style": STYLES}, "painting": 0.01}}, {0: "no picture."})
    assert rows[0] == {"image": FORMULA, "error": "no picture."} and rows[1]["tasks"] == {"style": STYLES}
    table = list(csv.DictReader(io.StringIO(answer_table(rows, ["style"]))))
    assert [row["image"] for row in table] == [f"'{FORMULA}", "b.png"]
    assert table[0]["error"] == "no picture." and table[0]["style"] == ""
    assert table[1] == {
        "image": "b.png",
        "style": "Art_Nouveau",
        "style_chance": "0.81",
        "doubts": "This does not look like a painting.",
        "error": "",
    }


def test_names_of_files_are_no_code():
    rows = answer_rows([HOSTILE], {0: {"tasks": {"style": STYLES}}}, {})
    shown = shown_batch(Batch([File(HOSTILE, "x", "upload")] * 2, rows), ["style"])
    assert "<script" not in shown and "<img" not in shown and shown.count("data-waits") == 1
    assert "Art Nouveau <span>81 %</span>" in shown


@pytest.mark.parametrize(
    "files",
    [
        None,
        7,
        [],
        [{"name": "a"}],
        [{"name": "a", "refused": "<b>"}],
        [{"name": "a", "refused": ["size"]}],
        [{"name": "a", "refused": "size", "path": 7}],
        [{"name": 7, "refused": "size"}],
        [{"name": "a", "refused": "size"}] * (MAX_FILES + 1),
    ],
)
def test_what_no_browser_sends_is_refused(files):
    with pytest.raises(gr.Error, match=f"from 1 to {MAX_FILES} pictures"):
        chosen_files(gr.EventData(None, {"files": files}))


def test_a_question_is_of_a_few_pictures_and_of_uploads_only(tiny_classifier, files, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(files[0].parent))
    model, processor = load_classifier(str(tiny_classifier))
    with gr.Blocks() as blocks:
        batch_tab(ArtAttributesPipeline(model=model, image_processor=processor))
    events = {event.fn.__name__: event for event in blocks.fns.values() if event.fn}
    assert events["step"].concurrency_id == "pictures" and events["step"].api_visibility == "private"
    chosen = [File("a", str(files[0]), "upload")] * 2 + [File("b", "/etc/passwd", "upload"), File("c", None, "size")]
    one, *_ = events["step"].fn(Batch(chosen * 2))
    assert len(one.rows) == STEP < len(one.files)
    assert [row.get("error", "") for row in one.rows[2:]] == [NO_UPLOAD, REFUSED["size"]]
    two, told, *_ = events["step"].fn(one)
    assert not two.waiting and "8 of 8 done, 4 of them cannot be used." in told
    with pytest.raises(gr.Error, match=NO_FILES[:20]):
        events["step"].fn(Batch())


def test_bad_files_do_not_stop_the_others(page, files, tiny_classifier):
    page.locator("#batch-files input").set_input_files(files)
    wait_for(page, "done")
    assert "5 of 5 done, 2 of them cannot be used." in page.locator("#batch-told").inner_text()
    shown = [row.inner_text() for row in page.locator("#batch-table tbody tr").all()]
    assert [row.split("\t")[0].split("\n")[0] for row in shown] == [path.name for path in files]
    assert "is not a picture" in shown[3] and "%" not in shown[1] + shown[3]
    rows = json.loads(saved(page, "Save as JSON"))
    model, processor = load_classifier(str(tiny_classifier))
    answers = ArtAttributesPipeline(model=model, image_processor=processor)([decode_image(files[0])], top_k=1)
    assert [row["image"] for row in rows] == [path.name for path in files]
    best = {task: classes[0]["label"] for task, classes in rows[0]["tasks"].items()}
    assert best == {task: classes[0]["label"] for task, classes in answers[0]["tasks"].items()}
    assert ["error" in row for row in rows] == [False, True, False, True, False]
    table = list(csv.DictReader(io.StringIO(saved(page, "Save as CSV"))))
    assert [row["image"] for row in table] == ["0.png", "broken.png", "1.png", f"'{FORMULA}", "2.png"]
    assert table[2]["style"] == rows[2]["tasks"]["style"][0]["label"] and table[1]["error"] == rows[1]["error"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_stop_ends_the_work_and_it_goes_on_from_there(page, files, monkeypatch):
    asked, opened = [], batch.open_files

    def slow(some):
        asked.append(len(some))
        time.sleep(0.4)
        return opened(some)

    monkeypatch.setattr(batch, "open_files", slow)
    page.locator("#batch-files input").set_input_files(files[:1] * (4 * STEP))
    stop = page.get_by_role("button", name="Stop")
    page.locator("#batch-told").get_by_text(f"{STEP} of {4 * STEP} done").wait_for()
    stop.focus()
    page.keyboard.press("Enter")
    wait_for(page, "stopped")
    steps = len(asked)
    page.wait_for_timeout(1200)  # three more would fit
    assert len(asked) == steps <= 3 and not stop.is_visible()
    assert f"{sum(asked)} of {4 * STEP} done" in page.locator("#batch-told").inner_text()
    page.get_by_role("button", name="Go on").click()
    wait_for(page, "done")
    assert asked == [STEP] * 4 and not page.locator("[data-waits]").count()


def test_more_files_than_a_batch_takes_and_too_large_ones(page, files, tmp_path):
    large = tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(batch.MAX_FILE + 1)
    page.locator("#batch-files input").set_input_files([large, *files[3:4] * MAX_FILES])
    wait_for(page, "done")
    assert f"Of {MAX_FILES + 1} files the first {MAX_FILES} were taken." in page.locator("#batch-files").inner_text()
    assert "Not uploaded: a picture has at most 20 MB" in page.locator("#batch-table tbody tr").first.inner_text()
    assert page.locator("#batch-table tbody tr").count() == MAX_FILES
