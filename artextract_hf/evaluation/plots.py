"""Pictures of figures, drawn without a screen."""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from artextract_hf.data.labels import display_name
from artextract_hf.escapes import for_plot

SHARED_SIZE = (12.0, 6.3)  # inches at 100 dpi: the 1200 x 630 pixels of a picture shared in social media
SHOWN_CLASSES = 30  # of a task in the plot of class balance


def draw_confusion(matrix: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Shares of each label (row) by prediction (column); classes without a sample or a prediction are left out."""
    shown = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    matrix, labels = matrix[np.ix_(shown, shown)], [for_plot(display_name(names[int(i)])) for i in shown]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = max(4.0, 0.28 * len(shown) + 2.5)  # inches: legible with 68 classes
    figure = Figure(figsize=(side, side), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="viridis")
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_xlabel("predicted")
    axes.set_ylabel("label")
    if len(shown) <= 12:
        for row, column in np.ndindex(shares.shape):
            ink = "black" if shares[row, column] > 0.6 else "white"
            axes.text(column, row, f"{shares[row, column]:.0%}", ha="center", va="center", fontsize=7, color=ink)
    figure.colorbar(image, ax=axes, shrink=0.6, label="share of the label")
    save_figure(figure, path, dpi=110)


def draw_results(groups: Mapping[str, Mapping[str, float]], title: str, path: Path) -> None:
    """Shares by group and by who reached them, as bars: `{"style": {"this model": 0.73, "majority": 0.17}}`."""
    figure = Figure(figsize=SHARED_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    competitors = list(dict.fromkeys(name for group in groups.values() for name in group))
    height = 0.8 / max(len(competitors), 1)
    for rank, name in enumerate(competitors):
        rows = [row for row, group in enumerate(groups.values()) if name in group]
        shares = [100 * group[name] for group in groups.values() if name in group]
        bars = axes.barh([row + rank * height for row in rows], shares, height=0.9 * height, label=for_plot(name))
        axes.bar_label(bars, fmt="%.1f", padding=4, fontsize=13)
    axes.set_yticks(
        [row + height * (len(competitors) - 1) / 2 for row in range(len(groups))],
        list(map(for_plot, groups)),
        fontsize=16,
    )
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent", fontsize=13)
    axes.set_title(for_plot(title), fontsize=18)
    axes.legend(fontsize=13, loc="lower right")
    save_figure(figure, path, dpi=100, metadata={"Software": None})  # the same file from the same figures


def draw_reliability(answers: Mapping[str, tuple[np.ndarray, np.ndarray]], file: BinaryIO) -> None:
    """How often answers are right, by how sure they are, in ten bins: `{"as it answers": (confidence, right)}`."""
    figure, axes = _square()
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
    for name, (confidence, right) in answers.items():
        bins = np.minimum((confidence * 10).astype(int), 9)
        count = np.bincount(bins, minlength=10)
        shown = np.flatnonzero(count)
        sure, share = (
            np.bincount(bins, weights=values, minlength=10)[shown] / count[shown] for values in (confidence, right)
        )
        axes.plot(sure, share, marker="o", label=name)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    axes.legend()
    save_figure(figure, file, dpi=100)


def draw_roc(curves: Sequence[tuple[np.ndarray, np.ndarray]], file: BinaryIO) -> None:
    """The ROC curve (false positive rates, true positive rates) of each class against the rest, and their mean."""
    figure, axes = _square()
    places = np.linspace(0, 1, 201)
    for false, true in curves:
        axes.plot(false, true, color="#bbbbbb", linewidth=0.7)
    axes.plot(places, np.mean([np.interp(places, *curve) for curve in curves], axis=0), label="mean of the classes")
    axes.set_xlabel("others taken for the class")
    axes.set_ylabel("of the class, found")
    axes.legend()
    save_figure(figure, file, dpi=100)


def draw_bars(values: Mapping[str, float], label: str, file: BinaryIO) -> None:
    """One bar a name, the longest first."""
    ordered = sorted(values.items(), key=lambda item: item[1])
    figure = Figure(figsize=(5.2, 0.18 * len(ordered) + 1), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.barh([for_plot(display_name(name)) for name, _ in ordered], [value for _, value in ordered], color="#31688e")
    axes.tick_params(labelsize=7)
    axes.set_xlim(0, 1)
    axes.margins(y=0.01)
    axes.set_xlabel(label)
    save_figure(figure, file, dpi=100)


def _square() -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return figure, axes


def draw_lines(panels: Mapping[str, Mapping[str, Sequence[float | None]]], path: Path) -> None:
    """Series of numbers, a panel each for what belongs together: `{"loss": {"loss": [2.1, 1.7]}}`; None is a gap."""
    figure = Figure(figsize=SHARED_SIZE, layout="constrained")
    FigureCanvasAgg(figure)
    for place, (title, lines) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place)
        for name, values in lines.items():
            numbers = [np.nan if value is None else value for value in values]
            axes.plot(range(1, len(numbers) + 1), numbers, marker="o", markersize=3, label=for_plot(name))
        axes.set_title(for_plot(title))
        axes.legend()
    save_figure(figure, path, dpi=100)


def draw_class_balance(counts: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Works by class, one panel a task; at most SHOWN_CLASSES of a task, the most frequent."""
    tasks = {task: dict(Counter(works).most_common(SHOWN_CLASSES)) for task, works in counts.items() if works}
    tallest = max((len(works) for works in tasks.values()), default=1)
    figure = Figure(figsize=(4.5 * max(len(tasks), 1), 0.22 * tallest + 1), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, (task, works) in enumerate(tasks.items(), start=1):
        axes = figure.add_subplot(1, len(tasks), panel)
        axes.barh([for_plot(display_name(name)) for name in works][::-1], list(works.values())[::-1], color="#31688e")
        axes.tick_params(labelsize=7)
        axes.set_title(for_plot(task))
        axes.set_xlabel("works")
    save_figure(figure, path, dpi=110)


def save_figure(figure: Figure, path: Path | BinaryIO, **options: Any) -> None:
    """Write a picture; letters that the font has not are drawn as boxes, of which nobody need be warned."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(path, **options)
