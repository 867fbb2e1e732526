"""The Space: classify a painting, and find similar ones.

    python spaces_app/app.py

ARTEXTRACT_MODEL names the classifier (default: the project's on the Hub, or the one embedded in the package where the
Hub cannot be reached) and ARTEXTRACT_INDEX an index; without one, the collection is procedural paintings drawn by this
project. ARTEXTRACT_EMBEDDER names the network that the index was built with, where that is not the classifier.
"""

import contextlib
import ctypes
import io
import os
import signal
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # before gradio is imported: no call to any other host
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")  # gradio makes a table of all of them after each answer

import gradio as gr
from starlette.middleware import Middleware
from transformers import Pipeline

sys.path.insert(0, str(Path(__file__).parent.parent))  # a Space runs this file from its own folder

from artextract_hf import AutoEmbedder, PaintingIndex
from artextract_hf.data import synthetic_paintings
from artextract_hf.errors import ArtExtractError, PaintingIndexError
from artextract_hf.escapes import for_terminal
from artextract_hf.models import CLASSIFIER, NAMESPACE, ArtAttributesPipeline, load_classifier, resolve
from spaces_app.atlas import AtlasInTheMaking
from spaces_app.facets import Facets
from spaces_app.limits import ANSWERS, MAX_FILE, RequestLimits, UploadFolder
from spaces_app.looks import CSS, SCRIPT, THEME
from spaces_app.preview import LinkPreview, preview_picture
from spaces_app.programs import Programs, answer_in_json
from spaces_app.tabs.about import about_tab
from spaces_app.tabs.audit import audit_tab
from spaces_app.tabs.batch import batch_tab
from spaces_app.tabs.classify import classify_tab
from spaces_app.tabs.explore import explore_tab
from spaces_app.tabs.similar import similar_tab
from spaces_app.upload import PRESS, Page, painting_upload
from spaces_app.view import OPEN_TAB

MODEL = f"{NAMESPACE}/{CLASSIFIER}"
COLLECTION_SIZE = 96
EXAMPLES = 6
WAITING = 32  # questions in line; one more is told that the page is busy
# Visitors whose last answers are remembered, 0.07 MB each, 0.25 with a batch; a question by HTTP alone is one too.
SESSIONS = 200
ARENAS = 2  # heaps of the process; glibc makes one for each of gradio's 40 threads, and gives none back
M_ARENA_MAX = -8  # malloc.h
BAD_INPUT = 2  # exit code


def _cache_folder() -> Path:
    if folder := os.environ.get("XDG_CACHE_HOME"):
        return Path(folder)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir())


CACHE = _cache_folder() / "artextract-hf"
ABOUT = "Style, genre and artist of a painting, and its nearest relatives."
LIMITS = (
    "**Attribution is not authentication**, and similarity no probability: see About. Pictures that you upload are "
    "deleted within an hour."
)


def build_app(attributes: Pipeline, index: PaintingIndex, examples: list[str]) -> Page:
    """The page: one picture, and a tab for each question about it.

    Args:
        attributes: an `art-attributes` pipeline.
        index: the collection that is searched.
        examples: files of pictures to try, if any.
    """
    facets = Facets.of(index)
    with Page(title="artextract: paintings, classified and compared") as app:
        Programs(attributes, index, facets).serve()  # first: gradio gives names once, and these are public
        gr.Markdown(f"# artextract\n{ABOUT}", elem_id="head")
        with gr.Row(elem_id="page"):
            with gr.Column(scale=1, min_width=300, elem_id="query"):
                picture = painting_upload("picture")
            with gr.Column(scale=2, min_width=300), gr.Tabs() as tabs:
                with gr.Tab("Classify", id="classify") as classify:
                    classified = classify_tab(attributes, index, facets, picture)
                with gr.Tab("Similar paintings", id="similar") as similar:
                    compared = similar_tab(app, tabs, index, facets, picture)
                with gr.Tab("Explore", id="explore") as explore:
                    placed = explore_tab(tabs, AtlasInTheMaking(index, CACHE), facets, picture, compared)
                with gr.Tab("Batch", id="batch", elem_id="batch-tab") as batch:
                    batch_tab(attributes)
                with gr.Tab("Audit", id="audit", elem_id="audit-tab") as audit:
                    audit_tab(index)
                with gr.Tab("About", id="about", elem_id="about-tab") as about:
                    about_tab(attributes, index)
        if examples:
            title = "Examples: procedural paintings of this project"
            gr.Examples(examples, inputs=picture, label=title, cache_examples=False, elem_id="examples")
        gr.Markdown(LIMITS)
        shown = [*classified.shown, *compared.shown, *placed.shown]
        emptied = picture.change(  # by the browser itself, at once
            None,
            js=f"() => Array({len(shown)}).fill(null)",
            outputs=shown,
            cancels=[*classified.events, *compared.events, *placed.events],
            api_visibility="private",
        )
        emptied.then(None, inputs=picture, js=PRESS, api_visibility="private")
        for tab in (classify, similar, explore, batch, audit, about):
            tab.select(None, inputs=picture, js=OPEN_TAB.format(tab=tab.id), api_visibility="private")
    # A crowd waits in line instead of filling the memory; nobody goes past the line.
    app.queue(max_size=WAITING, api_open=False)
    return app


def open_index(name: str | None, model: str, embedder: str | None = None) -> PaintingIndex:
    """The index called `name`, which was built with `embedder`, or with `model` where that is not given.

    Without a name, the index of the project's own paintings, built once for each model.
    """
    if name and embedder:
        return PaintingIndex.from_pretrained(name, embedder=AutoEmbedder.from_pretrained(embedder))
    if name:
        resolve(model)  # into the Hub's cache: an index of it may name what is there, and no more
        return PaintingIndex.from_pretrained(name)
    network = AutoEmbedder.from_pretrained(model)
    folder = CACHE / f"demo-{COLLECTION_SIZE}-{network.fingerprint}"
    try:
        return PaintingIndex.from_pretrained(folder, embedder=network)
    except PaintingIndexError:  # the first start, or a damaged cache
        index = PaintingIndex.build(synthetic_paintings(COLLECTION_SIZE, seed=0), network, progress=True)
        index.save_pretrained(folder)
        return index


def example_files(count: int = EXAMPLES) -> list[str]:
    """Pictures to try that are not in the demo's collection, as files."""
    folder = CACHE / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{i}.png" for i in range(count)]
    if not all(path.is_file() for path in paths):
        with tempfile.TemporaryDirectory(dir=folder) as beside:  # another start must not see half a file
            for path, picture in zip(paths, synthetic_paintings(count, seed=1)["image"], strict=True):
                picture.save(Path(beside) / path.name)
                (Path(beside) / path.name).replace(path)
    return [str(path) for path in paths]


def start(
    *,
    model: str,
    index: PaintingIndex,
    host: str | None = None,
    port: int | None = None,
    block: bool = True,
    examples: bool = True,
) -> str:
    """Serve the page; gives its address once it answers. With `block`, return only when it is stopped."""
    with contextlib.suppress(AttributeError, OSError):  # not with glibc
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)
    network, processor = load_classifier(model)
    uploads = UploadFolder()
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.path)  # where gradio puts uploads, answers and copies of the examples
    drawn = example_files()
    attributes = ArtAttributesPipeline(model=network, image_processor=processor)
    app = build_app(attributes, index, drawn if examples else [])
    middleware = [
        Middleware(RequestLimits, uploads.make_room),
        Middleware(LinkPreview, app, ABOUT, preview_picture(drawn)),
    ]
    uploads.serve(app)
    with contextlib.redirect_stdout(io.StringIO()):  # gradio tells of MCP even where it is to be quiet
        url = _launch(app, host, port, {"middleware": middleware, "lifespan": uploads.lifespan})
    answer_in_json(app)
    if block:
        print(f"artextract is running at {url} (stop it with Ctrl+C)", flush=True)  # noqa: T201
        if app.mcp_server:
            print(f"its questions as tools for assistants (MCP): {url}gradio_api/mcp/", flush=True)  # noqa: T201
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped as by Ctrl+C
        app.block_thread()
    return url


def _launch(app: Page, host: str | None, port: int | None, served_with: dict[str, Any]) -> str:
    _, url, _ = app.launch(
        server_name=host or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        server_port=port,
        theme=THEME,
        css=CSS,
        js=SCRIPT,
        share=False,
        run_history=False,  # which a visitor could have kept in buckets of the Hub, with the token of whoever serves
        show_error=False,
        max_file_size=MAX_FILE,
        state_session_capacity=SESSIONS,
        app_kwargs={**served_with, "exception_handlers": ANSWERS},
        prevent_thread_lock=True,
        mcp_server=find_spec("mcp") is not None,
        quiet=True,
        footer_links=["api"],
        ssr_mode=False,
    )
    return url


def main() -> None:
    """Start the Space as its environment says; what is wrong with it is one line, and exit code 2."""
    model, index, embedder = (os.environ.get(f"ARTEXTRACT_{part}") for part in ("MODEL", "INDEX", "EMBEDDER"))
    model = model or MODEL
    try:
        start(model=model, index=open_index(index, model, embedder))
    except (ArtExtractError, OSError) as error:
        print(f"artextract: {for_terminal(' '.join(str(error).split()))}", file=sys.stderr)  # noqa: T201
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
