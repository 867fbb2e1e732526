"""An explanation as a picture: lines between the places that correspond, and the heat of each place below."""

import io

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from PIL import Image

from artextract_hf.retrieval.explain.explanation import Explanation, PatchPair
from artextract_hf.retrieval.explain.heat import COLORS as HEAT
from artextract_hf.retrieval.explain.heat import show_heat

# Okabe and Ito 2008, "Color universal design": distinct with any colour vision. Each pair also has its number.
COLORS = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#FFFFFF", "#D55E00", "#CC79A7", "#7FB2E5")
WEAK = 1.0  # the strength of a pair of average places; weaker pairs say little
HEAT_WORDS = {
    "decomposition": "share of each place in the similarity",
    "occlusion": "what the similarity loses without each place",
}

# Inches.
WIDEST, TALLEST = 11.0, 4.6  # of a row of two pictures
GAP, MARGIN, HEAD, FOOT = 0.7, 0.15, 0.45, 0.75
DPI = 110


def draw_explanation(explanation: Explanation, *, lines: int = len(COLORS)) -> Image.Image:
    """Both pictures with lines between the strongest pairs, and both again with their heat.

    Args:
        explanation: of two pictures.
        lines: how many pairs are joined, at most 8.
    """
    sides = (explanation.query, explanation.answer)
    shapes = [side.picture.width / side.picture.height for side in sides]
    height = min(TALLEST, (WIDEST - GAP) / sum(shapes))
    size = (height * sum(shapes) + GAP + 2 * MARGIN, 2 * height + MARGIN + HEAD + FOOT)
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    lefts = (MARGIN, MARGIN + height * shapes[0] + GAP)
    norm = Normalize(min(float(s.heat.min()) for s in sides), max(float(s.heat.max()) for s in sides))
    upper = []
    for side, left, shape in zip(sides, lefts, shapes, strict=True):
        upper.append(_add_axes(figure, left, FOOT + height + MARGIN, height * shape, height))
        upper[-1].imshow(side.picture, extent=(0, 1, 1, 0), aspect="auto")
        below = _add_axes(figure, left, FOOT, height * shape, height)
        show_heat(below, side.picture, side.heat, side.seen, norm)
    strong = [pair for pair in explanation.pairs if pair.strength >= WEAK]
    for number, pair in enumerate(strong[: min(lines, len(COLORS))]):
        _connect(upper[0], upper[1], pair, number)
    _write_text(figure, explanation, norm)
    file = io.BytesIO()
    figure.savefig(file, dpi=DPI, format="png")
    return Image.open(file).convert("RGB")


def _add_axes(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes at a place in inches; drawings on them have coordinates from 0 to 1."""
    whole_width, whole_height = figure.get_size_inches()
    axes = figure.add_axes((left / whole_width, bottom / whole_height, width / whole_width, height / whole_height))
    axes.set_axis_off()
    return axes


def _connect(left: Axes, right: Axes, pair: PatchPair, number: int) -> None:
    """A numbered line between two places; all of it belongs to the right axes, which are drawn last."""
    bend = 0.12 * (-1) ** number  # straight lines between places at the same height would lie on each other
    for width, ink in ((3.4, "black"), (1.8, COLORS[number])):  # the black rim shows the line on bright paint
        line = ConnectionPatch(
            pair.query, pair.answer, "data", "data", axesA=left, axesB=right,
            connectionstyle=f"arc3,rad={bend}", color=ink, linewidth=width, clip_on=False,
        )  # fmt: skip
        right.add_artist(line)
    for axes, place in ((left, pair.query), (right, pair.answer)):
        right.text(
            *place, str(number + 1), transform=axes.transData, ha="center", va="center", fontsize=8, zorder=10,
            fontweight="bold", bbox={"boxstyle": "circle,pad=0.2", "facecolor": COLORS[number], "edgecolor": "black"},
        )  # fmt: skip


def _write_text(figure: Figure, explanation: Explanation, norm: Normalize) -> None:
    """A title above, and the scale of the heat below."""
    width, height = figure.get_size_inches()
    title = f"similarity {explanation.similarity:.2f}; equal numbers mark the places that correspond best"
    figure.text(MARGIN / width, 1 - HEAD / 2 / height, title, fontsize=10, va="center")
    bar = figure.add_axes((MARGIN / width, 0.5 / height, 1 - 2 * MARGIN / width, 0.12 / height))
    figure.colorbar(ScalarMappable(norm, HEAT), cax=bar, orientation="horizontal")
    bar.tick_params(labelsize=8)
    bar.set_xlabel(HEAT_WORDS[explanation.method], fontsize=9, labelpad=2)
