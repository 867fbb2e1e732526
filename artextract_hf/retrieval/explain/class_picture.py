"""Where a classifier's answers come from, as a picture; and labelled works like it below."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from artextract_hf.data.labels import display_name
from artextract_hf.escapes import for_plot
from artextract_hf.retrieval.explain.attribution import ClassExplanation
from artextract_hf.retrieval.explain.heat import show_heat

PANEL = 3.2  # inches, width of one
HEAD = 0.5  # inches above a panel, for its words
DPI = 110


def draw_classes(
    explanation: ClassExplanation, neighbours: Sequence[tuple[Image.Image, Mapping[str, Any]]] = ()
) -> Image.Image:
    """The painting, the heat of each task's class, the attention; below, labelled works like it with their labels.

    Args:
        explanation: of a painting.
        neighbours: pictures of works with their records, the most similar first.
    """
    picture = explanation.picture
    heats = {
        f"{display_name(task)}: {display_name(found.label)}, {found.score:.0%}": found.heat
        for task, found in explanation.classes.items()
    }
    if explanation.attention is not None:
        heats["attention"] = explanation.attention
    columns = max(1 + len(heats), len(neighbours))
    height = PANEL * picture.height / picture.width
    rows = [height + HEAD] + ([PANEL + HEAD] if neighbours else [])
    figure = Figure(figsize=(PANEL * columns, sum(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(len(rows), columns, height_ratios=rows)
    _show(figure.add_subplot(grid[0, 0]), picture, "the painting")
    for column, (words, heat) in enumerate(heats.items(), start=1):
        axes = figure.add_subplot(grid[0, column])
        show_heat(axes, picture, heat)
        axes.set_aspect(picture.height / picture.width)
        axes.set_title(for_plot(words), fontsize=9)
    for column, (work, record) in enumerate(neighbours):
        _show(figure.add_subplot(grid[1, column]), work, _caption(record, explanation.classes))
    file = io.BytesIO()
    figure.savefig(file, dpi=DPI, format="png")
    return Image.open(file).convert("RGB")


def _show(axes: Axes, picture: Image.Image, words: str) -> None:
    axes.imshow(picture)
    axes.set_title(for_plot(words), fontsize=9)
    axes.set_axis_off()


def _caption(record: Mapping[str, Any], tasks: Mapping[str, Any]) -> str:
    """What is known of a work in the tasks that are explained, a line each."""
    labels = [display_name(str(record[task])) for task in tasks if record.get(task)]
    return " / ".join(labels)
