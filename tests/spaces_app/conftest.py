"""A page that is served inside this process, with a small random classifier and a collection of six colours."""

import gc
import warnings
from collections.abc import Iterator

import pytest

from artextract_hf.data.synthetic import synthetic_paintings


@pytest.fixture(scope="module")
def served(tiny_classifier, tmp_path_factory) -> Iterator[str]:
    """Its address."""
    import gradio as gr

    from artextract_hf.retrieval.index import PaintingIndex
    from spaces_app import app
    from tests.retrieval.conftest import ColorEmbedder

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "CACHE", tmp_path_factory.mktemp("cache"))
        patch.setenv("GRADIO_TEMP_DIR", "")  # set anew by `start`, and back behind it
        index = PaintingIndex.build(synthetic_paintings(6, seed=1), ColorEmbedder())
        yield app.start(model=str(tiny_classifier), index=index, block=False).rstrip("/")
        gr.close_all()
        with warnings.catch_warnings(action="ignore"):  # gradio leaves event loops and their sockets to the collector
            gc.collect()
