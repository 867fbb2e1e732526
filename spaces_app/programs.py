"""What programs ask of the page, each question a function with one answer in JSON: over HTTP, and as tools over MCP.

    program --file uploaded here, address or data:--> picture --> answer, or its reason as the message of the error

A program's word is a stranger's: a picture is an upload of this page, or comes by the one fetcher, which asks no host
of a private network. gradio and the Model Context Protocol read names, types and docstrings; each parameter's meaning
stands on one line, since they read no more of it.
"""

import base64
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

import gradio as gr
from gradio.processing_utils import save_pil_to_cache
from gradio.route_utils import get_root_url
from gradio.utils import get_upload_folder
from gradio_client.utils import encode_file_path, is_file_obj_with_meta
from PIL import Image
from transformers import Pipeline

from artextract_hf.data import decode_image, fetch_picture, is_address, is_open, stated_licenses
from artextract_hf.errors import ImageError
from artextract_hf.models import doubts_in_words, verdicts
from artextract_hf.retrieval import Hit, PaintingIndex
from spaces_app.cards import caption, hits_of, own_page
from spaces_app.facets import Facets
from spaces_app.limits import MAX_FILE, TOO_LARGE
from spaces_app.sheet import draw_sheet
from spaces_app.upload import NO_UPLOAD, VIEW_SIDE, errors_on_page, open_upload
from spaces_app.view import MAX_RESULTS, RESULTS, checked_filter, checked_number

CLASSES = 5  # of a task
MAX_OFFSET = 1_000  # works before the first of a page
MAX_PLACE = 2_000  # characters of an address
PRIVATE = "An address of this machine or of a private network is not fetched."
NOT_BASE64 = "The data: address holds no base64."
# Not the line of the visitors: a slow address keeps only programs waiting.
LINE: dict[str, Any] = {"concurrency_id": "programs", "concurrency_limit": 2}


def open_picture(picture: Any) -> Image.Image:
    """The picture that a program names.

    Args:
        picture: a file that was uploaded to this page, as gradio's clients send it or as its path; the address of a
            picture on the web; or a data: address.

    Raises:
        gr.Error: it is none of these, or cannot be fetched or decoded.
    """
    is_file = isinstance(picture, dict)  # gradio's; an address in it is none of an upload
    place = picture.get("path") if is_file else picture
    if not isinstance(place, str | None):
        raise gr.Error(NO_UPLOAD, print_exception=False)
    if is_file or not place or not (place.startswith("data:") or is_address(place)):
        return open_upload(place if is_file else place or None)
    data = _data(place) if place.startswith("data:") else _fetched(place)
    with errors_on_page():
        return decode_image(data, min_side=VIEW_SIDE)


def _data(address: str) -> bytes:
    try:
        return base64.b64decode(address.partition(",")[2], validate=True)
    except ValueError:
        raise gr.Error(NOT_BASE64, print_exception=False) from None


def _fetched(address: str) -> bytes:
    if len(address) > MAX_PLACE:
        raise gr.Error(f"An address has at most {MAX_PLACE} characters.", print_exception=False)
    try:
        data = fetch_picture(address)
    except ImageError as error:
        # Not which address in its network a name stands for, which the whole reason says.
        reason = PRIVATE if "private network" in str(error) else str(error)
        raise gr.Error(reason, print_exception=False) from None
    if len(data) > MAX_FILE:
        raise gr.Error(f"{TOO_LARGE[0].upper()}{TOO_LARGE[1:]}.", print_exception=False)
    return data


class Programs:
    """The questions. What programs send is a stranger's word; each method raises gr.Error for it.

    Args:
        attributes: an `art-attributes` pipeline.
        index: the collection that is searched.
        facets: of its records.
    """

    def __init__(self, attributes: Pipeline, index: PaintingIndex, facets: Facets) -> None:
        self.attributes, self.index = attributes, index
        self.known = {task: len(names) for task, names in attributes.model.config.tasks.items()}
        self._facets = self._counted(facets)

    def serve(self) -> None:
        """Add the questions to the page that is being laid out."""
        for question in (self.classify, self.similar, self.work, self.facets, self.contact_sheet):
            gr.api(question, **LINE)

    def classify(self, picture: str) -> dict[str, Any]:
        """Style, genre and artist of a painting: the most probable classes, and what speaks against them.

        Attribution is not authentication: the network names the most similar of the artists it knows.

        Args:
            picture: Address (http, https or data:) of a picture, or a file uploaded to this page.

        Returns:
            tasks: for style, genre and artist a list of `label` and `score`, the most probable first
            sentences: the same in words, by task
            doubts: why not to trust the answer; empty where nothing speaks against it
            set, unknown, painting: of a calibrated model, what it cannot rule out, and how unusual the picture is
        """
        answer = self.attributes(open_picture(picture), top_k=CLASSES)
        return {**answer, "sentences": verdicts(answer, self.known), "doubts": doubts_in_words(answer)}

    def similar(self, picture: str, k: int = RESULTS, where: str = "", offset: int = 0) -> dict[str, Any]:
        """The works of the collection that are most similar to a picture, a page at a time.

        Args:
            picture: Address (http, https or data:) of a picture, or a file uploaded to this page.
            k: How many works, from 1 to 24.
            where: Only works for which this is true, such as: year >= 1870 and genre == 'portrait'. Fields: see facets.
            offset: How many of the most similar works to leave out: `next` of the page before.

        Returns:
            hits: a list of `id`, `rank`, `score`, `record`, `same` (chance of one artist, of one style), `good_match`
            next: offset of the next page; null behind the last
        """
        k, first = checked_number(k), checked_offset(offset)
        hits = self._search(picture, first + k + 1, where)[first:]
        found = [asdict(hit) | {"record": _plain(hit.record)} for hit in hits[:k]]
        return {"hits": found, "next": first + k if len(hits) > k and first + k <= MAX_OFFSET else None}

    def work(self, id: str, request: gr.Request) -> dict[str, Any]:
        """What is known of a work of the collection: record, rights, link and a small picture.

        Args:
            id: Of the work, as hits have it.

        Returns:
            id, caption, record: all that is known
            rights: `license`, `credit_line`, and whether anybody may use and share the picture (`open`)
            link: address of the work's own page; empty where it has none
            thumbnail: address of a small picture, which is there for an hour
        """
        with errors_on_page():
            (hit,) = hits_of(self.index, [id])
            thumbnail = save_pil_to_cache(self.index.thumbnail(id), get_upload_folder(), "work", "jpeg")
        rights = {field: hit.record.get(field) for field in ("license", "credit_line")}
        root = get_root_url(request.request, request.request.url.path, None)
        return {
            "id": id,
            "caption": caption(hit),
            "record": _plain(hit.record),
            "rights": {**rights, "open": is_open(stated_licenses([hit.record])[0])},
            "link": own_page(hit),
            "thumbnail": f"{root}/gradio_api/file={encode_file_path(thumbnail)}",
        }

    def facets(self) -> dict[str, Any]:
        """What the works of the collection can be filtered by: fields, their values, and how many works have each.

        Returns:
            works: how many there are
            fields: of artist, style, genre and licence the values, the most frequent first, with their works counted
            years: the `first` and the `last` that a work may be from; null where none is known
        """
        return self._facets

    def contact_sheet(
        self, picture: str = "", k: int = RESULTS, where: str = "", ids: list[str] | None = None
    ) -> gr.FileData:
        """One picture of works side by side, with captions: those most similar to a picture, or those of ids.

        Args:
            picture: Address (http, https or data:) of a picture, or a file uploaded to this page.
            k: How many works, from 1 to 24.
            where: Only works for which this is true; see similar.
            ids: In place of a picture: the works to show, at most 24.

        Returns:
            A JPEG.
        """
        hits = self._named(ids) if ids else self._search(picture, checked_number(k), where)
        if not hits:
            raise gr.Error("No work passes this filter.", print_exception=False)
        with errors_on_page():
            works = [(self.index.thumbnail(hit.id), f"{hit.rank}. {caption(hit)}") for hit in hits]
        path = save_pil_to_cache(draw_sheet(works), get_upload_folder(), "sheet", "jpeg")
        return gr.FileData(path=path, mime_type="image/jpeg").model_dump()

    def _named(self, ids: Any) -> list[Hit]:
        """The works of ids, as if they had been found."""
        if not isinstance(ids, list) or len(ids) > MAX_RESULTS:
            raise gr.Error(f"ids is a list of at most {MAX_RESULTS} works.", print_exception=False)
        with errors_on_page():
            return hits_of(self.index, ids)

    def _search(self, picture: Any, k: int, where: Any) -> list[Hit]:
        where, painting = checked_filter(where), open_picture(picture)
        with errors_on_page():
            return self.index.search(painting, k=k, where=where or None, fold=True)

    def _counted(self, facets: Facets) -> dict[str, Any]:
        fields = {}
        for facet, field in facets.fields.items():
            counts = Counter(self.index.column(field))
            fields[field] = {value: counts[value] for value in facets.values[facet]}
        years = dict(zip(("first", "last"), facets.years, strict=True)) if facets.years else None
        return {"works": len(self.index), "fields": fields, "years": years}


def checked_offset(offset: Any) -> int:
    """How many works are left out.

    Raises:
        gr.Error: no number from 0 to MAX_OFFSET.
    """
    if not isinstance(offset, int | float) or not 0 <= offset <= MAX_OFFSET:  # NaN too
        raise gr.Error(f"offset has to be a number from 0 to {MAX_OFFSET}.", print_exception=False)
    return int(offset)


def answer_in_json(page: gr.Blocks) -> None:
    """Let answers over MCP be JSON too, for which gradio writes what Python prints."""
    server = page.mcp_server_obj
    if server is None:
        return
    usual = server.postprocess_output_data

    def postprocess(data: list[Any], root_url: str) -> Any:
        texts = [answer if is_file_obj_with_meta(answer) else json.dumps(answer, ensure_ascii=False) for answer in data]
        return usual(texts, root_url)

    server.postprocess_output_data = postprocess


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """A record without nested values, among which gradio would take one for a file of the machine, and serve it."""
    return {field: value for field, value in record.items() if isinstance(value, str | int | float | None)}
