"""The Batch tab: a table of style, genre and artist of many pictures, to be kept as CSV or JSON.

files --the browser, a request each--> uploads --STEP at a time, each step a question of its own--> rows of the table

Between two steps the questions of other visitors have their turn, and a visitor who stops, or leaves, asks for no
further step.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from PIL import Image
from transformers import Pipeline

from artextract_hf.data import display_name
from artextract_hf.models import MICRO_BATCH, answer_rows, answer_table, doubts_in_words
from spaces_app.cards import download, text
from spaces_app.limits import MAX_FILE, TOO_LARGE
from spaces_app.looks import ASSETS
from spaces_app.upload import ONE_LINE, errors_on_page, open_upload

MAX_FILES = 50
MAX_TOGETHER = 200_000_000  # bytes; more would push the uploads of others out of their folder
STEP = MICRO_BATCH  # pictures of a question
TOP = 5  # classes that JSON has of each task, as of `artextract classify`
MAX_NAME = 255  # characters of a file name
REFUSED = {
    "size": f"Not uploaded: {TOO_LARGE}, a batch {MAX_TOGETHER // 1_000_000} MB.",
    "upload": "The file could not be uploaded.",
}
NO_FILES = "Choose the files again: this page does not know them any more."
PICKER = f"""<label class="picker"><strong>Choose up to {MAX_FILES} pictures, or drop them here</strong>
<input type="file" multiple accept="image/*"></label><div role="status"></div>"""
# What comes after a step: the next one, unless it was the last or the visitor wants no more.
NEXT = """(shown) => {
  const batch = document.querySelector("#batch");
  if (!shown?.includes("data-waits")) batch.dataset.state = "done";
  else if (batch.dataset.state === "running") document.querySelector("#batch-next").click();
  else batch.dataset.state = "stopped";
}"""
STOP = """() => {
  const batch = document.querySelector("#batch");
  batch.dataset.state = "stopping";
  document.querySelector("#batch-files input").focus();
}"""
GO_ON = """() => {
  document.querySelector("#batch").dataset.state = "running";
  document.querySelector("#batch-next").click();
}"""
FAILED = '() => { document.querySelector("#batch").dataset.state = "stopped"; }'


@dataclass(frozen=True)
class File:
    """A file that a visitor chose: its name, the path of its upload, and why there is none, as a key of REFUSED."""

    name: str
    path: str | None
    refused: str


@dataclass(frozen=True)
class Batch:
    """The files of a visitor, and what is known of them so far.

    Attributes:
        files: all of them.
        rows: of the first of them, as `answer_rows` gives them.
    """

    files: Sequence[File] = ()
    rows: Sequence[dict[str, Any]] = ()

    @property
    def waiting(self) -> Sequence[File]:
        """The files that have no row yet."""
        return self.files[len(self.rows) :]


def chosen_files(event: gr.EventData) -> list[File]:
    """The files that a browser says were chosen.

    Raises:
        gr.Error: it says nothing of the kind, or names more than MAX_FILES.
    """
    try:
        files = [File(file["name"][:MAX_NAME], file.get("path"), file["refused"]) for file in event.files]
    except (AttributeError, TypeError, KeyError):
        files = []
    if not 0 < len(files) <= MAX_FILES or any(
        not (isinstance(file.path, str | None) and file.refused in tuple(REFUSED)) for file in files
    ):
        raise gr.Error(f"Choose from 1 to {MAX_FILES} pictures.", print_exception=False)
    return files


def open_files(files: Sequence[File]) -> tuple[dict[int, Image.Image], dict[int, str]]:
    """The pictures by the places of their files, and why each of the others cannot be used."""
    pictures, reasons = {}, {}
    for place, file in enumerate(files):
        try:
            if file.path is None:
                reasons[place] = REFUSED[file.refused]
            else:
                pictures[place] = open_upload(file.path)
        except gr.Error as error:
            reasons[place] = str(error.message)
    return pictures, reasons


def shown_batch(batch: Batch, tasks: Sequence[str]) -> str:
    """The table in HTML, a row a file; names of files are escaped."""
    head = "".join(f'<th scope="col">{words}</th>' for words in ("File", *map(display_name, tasks)))
    rows = [shown_row(row, tasks) for row in batch.rows]
    rows += [
        f'<tr data-waits><th scope="row">{text(file.name)}</th><td colspan="{len(tasks)}">waits</td></tr>'
        for file in batch.waiting
    ]
    return f'<table class="batch"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def shown_row(row: dict[str, Any], tasks: Sequence[str]) -> str:
    """A row of the table: the most probable classes with their chances, or what is wrong."""
    doubts = doubts_in_words(row)
    name = f'<th scope="row">{text(row["image"])}{f"<em>{text(doubts)}</em>" if doubts else ""}</th>'
    if "error" in row:
        return f'<tr>{name}<td class="wrong" colspan="{len(tasks)}">{text(row["error"])}</td></tr>'
    best = [row["tasks"][task][0] for task in tasks]
    cells = "".join(f"<td>{text(display_name(b['label']))} <span>{100 * b['score']:.0f} %</span></td>" for b in best)
    return f"<tr>{name}{cells}</tr>"


def told_batch(batch: Batch) -> str:
    """How far the batch is, and links that save what is known, in HTML."""
    done, wrong = len(batch.rows), sum("error" in row for row in batch.rows)
    failed = f", {wrong} of them cannot be used" if wrong else ""
    return (
        f'<progress max="{len(batch.files)}" value="{done}" aria-label="Pictures classified"></progress> '
        f"{done} of {len(batch.files)} done{failed}."
    )


def saved_batch(batch: Batch, tasks: Sequence[str]) -> str:
    """Links in HTML that save the rows as CSV and as JSON; "" where there are none."""
    if not batch.rows:
        return ""
    return download("Save as CSV", "artextract.csv", "text/csv", answer_table(batch.rows, tasks)) + download(
        "Save as JSON", "artextract.json", "application/json", json.dumps(batch.rows, indent=2)
    )


def batch_tab(attributes: Pipeline) -> None:
    """Lay out the tab.

    Args:
        attributes: an `art-attributes` pipeline.
    """
    tasks = list(attributes.model.config.tasks)

    def shown(batch: Batch) -> list[Any]:
        return [batch, told_batch(batch), shown_batch(batch, tasks), saved_batch(batch, tasks)]

    def start(event: gr.EventData) -> list[Any]:
        return shown(Batch(chosen_files(event)))

    def step(batch: Batch) -> list[Any]:
        if not batch.files:
            raise gr.Error(NO_FILES, print_exception=False)
        now = batch.waiting[:STEP]
        pictures, reasons = open_files(now)
        with errors_on_page():
            found = attributes(list(pictures.values()), top_k=TOP, batch_size=STEP)
        answers = dict(zip(pictures, found, strict=True))
        rows = answer_rows([file.name for file in now], answers, reasons)
        return shown(replace(batch, rows=[*batch.rows, *rows]))

    with gr.Column(elem_id="batch"):
        picker = gr.HTML(
            html_template=PICKER,
            js_on_load=(ASSETS / "batch.js").read_text("utf-8"),
            elem_id="batch-files",
            most_files=MAX_FILES,
            most_bytes=MAX_FILE,
            most_together=MAX_TOGETHER,
        )
        with gr.Row(elem_id="batch-does"):
            stop = gr.Button("Stop", elem_id="batch-stop", size="sm")
            go_on = gr.Button("Go on", elem_id="batch-go", size="sm")
        told = gr.HTML(html_template='<div role="status">${value}</div>', elem_id="batch-told")
        links = gr.HTML(elem_id="batch-saved")
        table = gr.HTML(elem_id="batch-table")
        following = gr.Button(visible="hidden", elem_id="batch-next")
    batch = gr.State(Batch())
    outputs = [batch, told, table, links]
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    for event in (
        picker.submit(start, outputs=outputs, **private),
        following.click(step, inputs=batch, outputs=outputs, **private, **ONE_LINE),
    ):
        event.success(None, inputs=table, js=NEXT, api_visibility="private")
        event.failure(None, js=FAILED, api_visibility="private")
    stop.click(None, js=STOP, api_visibility="private")
    go_on.click(None, js=GO_ON, api_visibility="private")
