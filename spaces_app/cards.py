"""Works of the collection as cards in HTML: picture, caption, credit, licence, and the way to the work's own page.

Records are strangers' texts: every one of them is escaped here, and only addresses of the web become links.
"""

import base64
import html
import io
from collections.abc import Sequence

from PIL import Image

from artextract_hf.retrieval import Hit, PaintingIndex

QUALITY = 85  # of a card's JPEG, which travels within the page
# Buttons of cards, one listener for all: `data-does` names the event, `data-work` the work.
LISTENER = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-work]");
  if (button) trigger(button.dataset.does, {work: button.dataset.work});
});
"""


def text(value: object) -> str:
    """A value of a record, safe in HTML and in its attributes."""
    return html.escape(str(value), quote=True)


def hits_of(index: PaintingIndex, ids: Sequence[str]) -> list[Hit]:
    """Works by their ids, in this order, as a search gives them.

    Raises:
        QueryError: the index does not hold one of them.
    """
    records = index.records(ids)
    return [Hit(id_, 1.0, rank, record) for rank, (id_, record) in enumerate(zip(ids, records, strict=True), 1)]


def caption(hit: Hit) -> str:
    """Title, artist and year of a work."""
    known = [str(hit.record[field]) for field in ("title", "artist_name", "year") if hit.record.get(field)]
    return ", ".join(known) or hit.id


def own_page(hit: Hit) -> str:
    """The address of the work's own page; "" where it has none on the web."""
    url = str(hit.record.get("source_url") or "")
    return url if url.startswith(("http://", "https://")) else ""


def card(hit: Hit, picture: Image.Image, lines: Sequence[str] = (), buttons: str = "") -> str:
    """A work as an item of a list.

    Args:
        hit: the work.
        picture: its small picture.
        lines: plain texts below its credit and licence.
        buttons: HTML of `button`.
    """
    record = hit.record
    told = [text(record[field]) for field in ("credit_line", "license") if record.get(field)]
    told += [text(line) for line in lines]
    if url := own_page(hit):
        told.append(f'<a href="{text(url)}" target="_blank" rel="noopener">the work\'s own page</a>')
    seen = record.get("alt_text") or caption(hit)
    return (
        f'<li class="card"><img src="{data_address(picture)}" alt="{text(seen)}">'
        f"<strong>{text(caption(hit))}</strong>{''.join(f'<span>{line}</span>' for line in told)}{buttons}</li>"
    )


def cards(items: Sequence[str]) -> str:
    """Cards in their order."""
    return f'<ol class="cards">{"".join(items)}</ol>'


def button(does: str, work: str, words: str, about: str) -> str:
    """A button of a card.

    Args:
        does: the event that it triggers.
        work: id of the work.
        words: on the button.
        about: the work in words, for those who do not see where the button stands.
    """
    return (
        f'<button type="button" data-does="{does}" data-work="{text(work)}" '
        f'aria-label="{text(f"{words}: {about}")}">{words}</button>'
    )


def download(words: str, name: str, media_type: str, content: str) -> str:
    """A link that saves a file, which travels within the page.

    Args:
        words: of the link.
        name: of the file.
        media_type: of the content.
        content: of the file.
    """
    return f'<a class="download" download="{name}" href="{_data(media_type, content.encode())}">{words}</a>'


def data_address(picture: Image.Image) -> str:
    """A picture as an address that holds it, for `src`."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return _data("image/jpeg", file.getvalue())


def _data(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
