"""Hits of a search as a IIIF manifest: one canvas a hit, and the place in it where the search found one.

    hits = region_index.search("detail.jpg")
    write_search(hits, "public/iiif", name="hands", title="Hands")     # public/iiif/searches/hands.json

The canvases are those of an export by `write_iiif`: pictures, sizes and addresses are read there, and a hit whose work
was not exported, because its licence is not open, is left out.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from artextract_hf.documents import json_text, read_document
from artextract_hf.errors import DataError
from artextract_hf.linked.annotations import annotation_page, box_annotation
from artextract_hf.linked.iiif_folder import COLLECTION, WORKS
from artextract_hf.linked.manifest import CONTEXT
from artextract_hf.linked.work import MANIFEST, file_name
from artextract_hf.outputs import write_whole
from artextract_hf.retrieval.box import Box
from artextract_hf.retrieval.searchable import SearchHit

SEARCHES = "searches"


def search_manifest(hits: Sequence[SearchHit], folder: str | Path, *, name: str, title: str) -> dict[str, Any]:
    """The hits of a search as a manifest.

    Args:
        hits: of any index; those of region searches and of faces have a box.
        folder: what `write_iiif` wrote, with the works of the hits.
        name: of the search, of letters, digits and hyphens; a part of its address.
        title: of the search, for people.

    Raises:
        DataError: the name is none, the folder is none of `write_iiif`, or none of the works was exported.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}", name):
        raise DataError(f"a search is called by letters, digits and hyphens, not {name[:60]!r}.")
    folder = Path(folder)
    base = str(read_document(folder / COLLECTION, DataError).get("id", "")).removesuffix(f"/{COLLECTION}")
    address = f"{base}/{SEARCHES}/{name}.json"
    canvases: dict[str, dict[str, Any]] = {}
    for hit in hits:
        path = folder / WORKS / file_name(str(hit.record["id"])) / MANIFEST
        if not path.is_file():
            continue
        (canvas,) = read_document(path, DataError)["items"]
        canvas = canvases.setdefault(canvas["id"], canvas)  # a painting may be there with several faces
        if box := getattr(hit, "box", None):
            canvas["annotations"].append(_found(hit, box, canvas, f"{address[:-5]}/{hit.rank}"))
    if not canvases:
        raise DataError(f"none of the {len(hits)} works that were found is in {folder}.")
    about = {"@context": CONTEXT, "id": address, "type": "Manifest", "label": {"none": [title]}}
    return {**about, "items": list(canvases.values())}


def write_search(hits: Sequence[SearchHit], folder: str | Path, *, name: str, title: str) -> Path:
    """Write `search_manifest` into the folder of the export; arguments and errors are those of it.

    Returns:
        The file, which is replaced where there is one.
    """
    manifest = search_manifest(hits, folder, name=name, title=title)
    path = Path(folder) / SEARCHES / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    write_whole(path, json_text(manifest))
    return path


def _found(hit: SearchHit, box: Box, canvas: dict[str, Any], address: str) -> dict[str, Any]:
    """A page with the place of a hit."""
    note = f"Hit {hit.rank}, score {hit.score:.3f}"
    found = box_annotation(f"{address}/place", canvas["id"], (canvas["width"], canvas["height"]), box, note)
    return annotation_page(address, [found])
