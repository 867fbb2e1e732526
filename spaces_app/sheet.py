"""A contact sheet: works side by side on one picture, with a caption below each."""

from collections.abc import Sequence

from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont, ImageOps

COLUMNS = 6
SIDE, GAP = 200, 12  # pixels, of a work's square and around it
FONT, LINE, LINES = 12, 16, 3  # pixels; lines of a caption
PAPER, INK = "white", "#292524"


def draw_sheet(works: Sequence[tuple[Image.Image, str]], columns: int = COLUMNS) -> Image.Image:
    """Draw pictures in rows.

    Args:
        works: picture and caption of each, at least one; a caption that is too long is cut.
        columns: in a row, at most.
    """
    columns = min(columns, len(works))
    height = SIDE + GAP + (LINES * LINE if any(words for _, words in works) else 0)
    rows = -(-len(works) // columns)
    sheet = Image.new("RGB", (columns * (SIDE + GAP) + GAP, rows * height + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(findfont("DejaVu Sans"), FONT)  # matplotlib's own: Latin, Greek, Cyrillic
    for number, (picture, words) in enumerate(works):
        left, top = GAP + number % columns * (SIDE + GAP), GAP + number // columns * height
        small = ImageOps.contain(picture, (SIDE, SIDE))
        sheet.paste(small, (left + (SIDE - small.width) // 2, top + SIDE - small.height))
        for line, text in enumerate(_wrapped(words, font)):
            draw.text((left, top + SIDE + 2 + line * LINE), text, INK, font)
    return sheet


def _wrapped(words: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """A caption in at most LINES lines that are no wider than SIDE."""
    lines = [""]
    for word in words[: LINES * SIDE].split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > SIDE and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    shown = lines[:LINES]
    if len(lines) > LINES:
        shown[-1] += "…"
    return [_fitting(line, font) for line in shown]


def _fitting(line: str, font: ImageFont.FreeTypeFont) -> str:
    while font.getlength(line) > SIDE:
        line = f"{line[:-2]}…"
    return line
