"""Web annotations (W3C, www.w3.org/TR/annotation-model): places in a picture, and links from a work to similar ones.

A place is the address of the canvas with `#xywh=`, in whole pixels of it. Bodies are HTML with every text escaped:
viewers put the values of annotations into their pages.
"""

from collections.abc import Sequence
from html import escape
from typing import Any

from artextract_hf.linked.work import MANIFEST, Work
from artextract_hf.retrieval.box import Box


def link_annotation(address: str, work: Work, other: Work, score: float) -> dict[str, Any]:
    """A link from a work to one that is similar to it.

    Args:
        address: of the annotation.
        work: whose canvas it is about.
        other: that it leads to.
        score: cosine of the two, which the note states; the model has no field for a number.
    """
    words = ", ".join(filter(None, (other.title, other.text("artist_name"), other.date)))
    manifest = other.at(MANIFEST)
    body = [
        {"id": manifest, "type": "Manifest", "format": "application/ld+json", "label": {"none": [other.title]}},
        _note(f'<p>{score:.3f} <a href="{escape(manifest)}">{escape(words)}</a></p>'),
    ]
    # also a comment, since viewers show comments and tags only
    return _annotation(address, ["linking", "commenting"], body, work.canvas)


def box_annotation(address: str, canvas: str, size: Sequence[int], box: Box, note: str) -> dict[str, Any]:
    """A place in a picture, such as a hit of a region search or a face.

    Args:
        address: of the annotation.
        canvas: address of the canvas.
        size: its width and height in pixels.
        box: the place; what reaches outside the picture is cut off.
        note: what is said about it, as plain text.
    """
    left, top, right, bottom = box.pixels(size)
    width, height = size
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    across, down = max(min(right, width) - left, 1), max(min(bottom, height) - top, 1)
    target = f"{canvas}#xywh={left},{top},{across},{down}"
    return _annotation(address, "commenting", _note(f"<p>{escape(note)}</p>"), target)


def annotation_page(address: str, annotations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Annotations as a page, which is part of a canvas, or a document with a context of its own."""
    return {"id": address, "type": "AnnotationPage", "items": list(annotations)}


def _annotation(address: str, motivation: str | list[str], body: Any, target: str) -> dict[str, Any]:
    return {"id": address, "type": "Annotation", "motivation": motivation, "body": body, "target": target}


def _note(value: str) -> dict[str, str]:
    return {"type": "TextualBody", "value": value, "format": "text/html", "language": "en"}
